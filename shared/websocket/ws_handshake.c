/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake of a client. */
#include "shared/websocket/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { STATUS_LINE_MIN = 13 }; /* "HTTP/1.1 101 " */

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

enum status ws_handshake_print(struct buf *out, const char *target, const char *host, const char *key)
{
    return buf_printf(out,
                      "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                      target, host, key);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct slice trimmed(struct slice text)
{
    while (text.len > 0 && is_space(text.data[0]))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* ASCII case aside. */
static bool is(struct slice text, const char *other)
{
    return text.len == strlen(other) && strncasecmp((const char *)text.data, other, text.len) == 0;
}

/* Whether a list with commas has this token. */
static bool lists(struct slice list, const char *token)
{
    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.data) : list.len;

        if (is(trimmed(slice_of(list.data, len)), token))
            return true;
        len += comma != NULL;
        list = slice_of(list.data + len, list.len - len);
    }
    return false;
}

void ws_answer_field(struct ws_answer *answer, struct slice name, struct slice value, const char *accept)
{
    value = trimmed(value);
    if (is(name, "Upgrade")) {
        answer->upgrades++;
        answer->good_upgrades += is(value, "websocket");
    } else if (is(name, "Connection")) {
        answer->connection = answer->connection || lists(value, "Upgrade");
    } else if (is(name, "Sec-WebSocket-Accept")) {
        answer->accepts++;
        answer->good_accepts += slice_equal(value, slice_str(accept));
    } else if (is(name, "Sec-WebSocket-Extensions")) {
        answer->extensions = true;
    } else if (is(name, "Sec-WebSocket-Protocol")) {
        answer->protocol = true;
    }
}

const char *ws_answer_fault(const struct ws_answer *answer, bool asked_protocol)
{
    if (answer->status != 101)
        return "the handshake was refused";
    if (answer->good_upgrades != 1 || answer->upgrades != 1)
        return "the answer does not say Upgrade: websocket";
    if (!answer->connection)
        return "the answer does not say Connection: Upgrade";
    if (answer->good_accepts != 1 || answer->accepts != 1)
        return "Sec-WebSocket-Accept is not the one expected";
    if (answer->extensions)
        return "the answer has a WebSocket extension that was not asked for";
    if (answer->protocol && !asked_protocol)
        return "the answer has a WebSocket subprotocol that was not asked for";
    return NULL;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The status of "HTTP/1.1 101 ..." (RFC 9112, section 4), or 0. */
static int status_of(struct slice line)
{
    if (line.len < STATUS_LINE_MIN || memcmp(line.data, "HTTP/1.1 ", 9) != 0 || line.data[12] != ' ' ||
        !is_digit(line.data[9]) || !is_digit(line.data[10]) || !is_digit(line.data[11]))
        return 0;
    return (line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + (line.data[11] - '0');
}

/* One header line; false when it is none: without a name, or with a space or a control character
 * where RFC 9112, section 5 allows none. */
static bool take_line(struct ws_answer *answer, struct slice line, const char *accept)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    size_t name = colon != NULL ? (size_t)(colon - line.data) : 0;

    for (size_t i = 0; i < name; i++)
        if (line.data[i] <= ' ' || line.data[i] >= 0x7F)
            return false;
    for (size_t i = name; i < line.len; i++)
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7F)
            return false;
    if (name == 0)
        return false;
    ws_answer_field(answer, slice_of(line.data, name), slice_of(colon + 1, line.len - name - 1), accept);
    return true;
}

/* `head` ends with CR LF behind each of its lines. */
static const char *read_head(struct slice head, const char *accept)
{
    struct ws_answer answer = {0};
    bool first = true;

    while (head.len > 0) {
        const uint8_t *end = memmem(head.data, head.len, "\r\n", 2);
        struct slice line = slice_of(head.data, (size_t)(end - head.data));

        if (first && (answer.status = status_of(line)) == 0)
            return "the answer is not HTTP/1.1";
        if (!first && !take_line(&answer, line, accept))
            return "the answer is not HTTP/1.1";
        first = false;
        head = slice_of(end + 2, head.len - line.len - 2);
    }
    return ws_answer_fault(&answer, false);
}

enum ws_read ws_answer_read(struct slice bytes, size_t max, const char *accept, size_t *used,
                            const char **why)
{
    size_t within = bytes.len < max ? bytes.len : max;
    const uint8_t *end = within > 0 ? memmem(bytes.data, within, "\r\n\r\n", 4) : NULL;
    size_t head;

    if (end == NULL)
        return bytes.len < max ? WS_READ_MORE : WS_READ_BIG;
    head = (size_t)(end - bytes.data) + 2;
    *why = read_head(slice_of(bytes.data, head), accept);
    *used = head + 2;
    return *why == NULL ? WS_READ_FRAME : WS_READ_BAD;
}
