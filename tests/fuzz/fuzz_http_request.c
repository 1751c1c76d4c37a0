/* SPDX-License-Identifier: Apache-2.0 */
/* The request parser: a text in pieces must give what it gives whole. */
#include <string.h>

#include "shared/http/http_request.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_HEADER = 256, MAX_BODY = 64, ROUNDS = 4 };

struct reading {
    enum http_parse parse;
    size_t used;
    uint64_t digest; /* of method, path, query and body */
};

static uint64_t mix(uint64_t digest, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        digest = digest * 31 + text.data[i];
    return digest * 31 + text.len;
}

static uint64_t digest_of(const struct http_request *request)
{
    uint64_t digest = mix(0, http_request_method(request));

    fuzz_check(http_request_path(request).len > 0);
    fuzz_check(http_request_body(request).len <= MAX_BODY);
    digest = mix(digest, http_request_path(request));
    digest = mix(digest, http_request_query(request));
    digest = mix(digest, http_request_body(request));
    fuzz_check(http_request_has_body(request) || http_request_body(request).len == 0);
    digest = digest * 2 + (uint64_t)http_request_is_encoded(request);
    return digest * 8 + (uint64_t)http_request_keep_alive(request) * 4 +
           (uint64_t)http_request_is_upgrade(request) * 2 + (uint64_t)http_request_expects_continue(request);
}

/* Pieces of up to `step` bytes, each in memory of its own, so that reading past
 * it shows. */
static struct reading read_in_steps(const uint8_t *data, size_t size, size_t step)
{
    struct reading reading = {HTTP_PARSE_MORE, 0, 0};
    struct http_request *request;
    size_t at = 0;

    fuzz_check(http_request_new(MAX_HEADER, MAX_BODY, &request) == STATUS_OK);
    while (reading.parse == HTTP_PARSE_HEADERS || (reading.parse == HTTP_PARSE_MORE && at < size)) {
        size_t len = size - at < step ? size - at : step;
        uint8_t *piece = malloc(len > 0 ? len : 1);
        size_t used;

        fuzz_check(piece != NULL);
        if (len > 0)
            memcpy(piece, data + at, len);
        reading.parse = http_request_feed(request, piece, len, &used);
        free(piece);
        fuzz_check(used <= len && (reading.parse != HTTP_PARSE_MORE || used == len));
        at += used;
    }
    if (reading.parse == HTTP_PARSE_COMPLETE) {
        reading.used = at;
        reading.digest = digest_of(request);
    } else {
        reading.digest = mix(0, http_request_method(request));
        reading.digest = mix(reading.digest, http_request_header(request, "Host"));
    }
    http_request_free(request);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[ROUNDS] = {1, 2, 7, 50};
    struct reading whole = read_in_steps(data, size, SIZE_MAX);

    for (size_t i = 0; i < ROUNDS; i++) {
        struct reading pieces = read_in_steps(data, size, steps[i]);
        fuzz_check(whole.parse == pieces.parse && whole.used == pieces.used && whole.digest == pieces.digest);
    }
    return 0;
}
