/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake of a client. */
#include "deploy/tool/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "deploy/tool/http_call.h"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

void ws_handshake_key(char key[WS_KEY_LEN + 1])
{
    unsigned char bytes[16] = {0};

    (void)RAND_bytes(bytes, (int)sizeof bytes);
    (void)EVP_EncodeBlock((unsigned char *)key, bytes, (int)sizeof bytes);
}

void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_LEN + 1])
{
    char text[WS_KEY_LEN + sizeof guid];
    unsigned char digest[SHA_DIGEST_LENGTH];

    snprintf(text, sizeof text, "%.*s%s", WS_KEY_LEN, key, guid);
    (void)SHA1((const unsigned char *)text, strlen(text), digest);
    (void)EVP_EncodeBlock((unsigned char *)accept, digest, (int)sizeof digest);
}

enum status ws_handshake_print(const struct tool *tool, const struct url *url, const char *key,
                               struct buf *out, struct fault *fault)
{
    char authority[URL_HOST_MAX + 16];
    bool query = strchr(url->path, '?');
    enum status status;

    url_authority(url, authority, sizeof authority);
    status = buf_printf(out,
                        "GET %s%sv=2 HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n"
                        "User-Agent: fanfare/" FANFARE_VERSION "\r\n",
                        url->path[0] ? url->path : "/connect", query ? "&" : "?", authority, key);
    if (!status)
        status = http_headers_append(tool, out, fault);
    return status ? status : buf_append_str(out, "\r\n");
}

const char *ws_handshake_fault(const struct http_answer *answer, const char *key)
{
    char accept[WS_ACCEPT_LEN + 1];

    ws_handshake_accept(key, accept);
    if (answer->status != 101)
        return "the handshake was refused";
    if (strcasecmp(answer->values[FIELD_UPGRADE], "websocket") != 0)
        return "the answer does not say Upgrade: websocket";
    if (strcmp(answer->values[FIELD_ACCEPT], accept) != 0)
        return "Sec-WebSocket-Accept is not the one expected";
    return NULL;
}
