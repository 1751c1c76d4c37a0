/* SPDX-License-Identifier: Apache-2.0 */
/* A request with whatever credentials: what is found was shown, and what is passed over does not matter. */
#include <string.h>

#include "gateway/websocket/credential.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_HEADER = 4096 };

static void look(const struct http_request *request, const struct credential_rules *rules)
{
    struct credential found;
    const char *fault = credential_find(request, rules, &found);

    fuzz_check((fault == NULL) || found.source == CREDENTIAL_NONE);
    fuzz_check(found.source == CREDENTIAL_NONE || found.text.len <= MAX_HEADER);
    fuzz_check(rules->tokens || found.source == CREDENTIAL_NONE || found.source == CREDENTIAL_HEADER);
    fuzz_check(rules->known_page || (found.source != CREDENTIAL_COOKIE && found.source != CREDENTIAL_HEADER));
    if (found.source != CREDENTIAL_NONE) {
        uint64_t sum = 0;

        for (size_t i = 0; i < found.text.len; i++) /* reading past it shows */
            sum += found.text.data[i];
        fuzz_check(sum <= (uint64_t)MAX_HEADER * 255);
    }
    credential_fini(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct credential_rules rules[] = {{true, "sid", "X-User", true},
                                                    {true, "sid", "X-User", false},
                                                    {false, "sid", "X-User", true},
                                                    {true, "", NULL, true}};
    struct http_request *request;
    size_t used;

    fuzz_check(http_request_new(MAX_HEADER, 0, &request) == STATUS_OK);
    if (http_request_feed(request, data, size, &used) == HTTP_PARSE_HEADERS)
        for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
            look(request, &rules[i]);
    http_request_free(request);
    return 0;
}
