/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes what stands between the tags, byte for byte, as a browser does (CSP level 3, 2.3.1). */
#include "shared/daemon/page_policy.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

enum { HASH_TEXT_LEN = 44 };

static enum status hash_element(struct slice html, const char *open, const char *close,
                                char out[HASH_TEXT_LEN + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    const uint8_t *end = html.data + html.len;
    const uint8_t *from = memmem(html.data, html.len, open, strlen(open));
    const uint8_t *to = NULL;

    if (from != NULL) {
        from += strlen(open);
        to = memmem(from, (size_t)(end - from), close, strlen(close));
    }
    if (to == NULL)
        return STATUS_NOT_FOUND;
    SHA256(from, (size_t)(to - from), digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
    return STATUS_OK;
}

enum status page_policy_append(struct buf *out, struct slice html, const char *connect)
{
    char style[HASH_TEXT_LEN + 1];
    char script[HASH_TEXT_LEN + 1];
    enum status status = hash_element(html, "<style>", "</style>", style);

    if (status == STATUS_OK)
        status = hash_element(html, "<script>", "</script>", script);
    if (status != STATUS_OK)
        return status;
    return buf_printf(out,
                      "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; img-src data:; "
                      "connect-src %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                      style, script, connect);
}
