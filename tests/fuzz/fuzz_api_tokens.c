/* SPDX-License-Identifier: Apache-2.0 */
/* A file of tokens: what is taken keeps its bounds, finds each token that stands in it plainly, and its
 * callers are told apart by name; what is refused names the file. No fault shows a word that may be a token.
 */
#include "logic/conf/api_tokens.h"
#include "tests/fuzz/fuzz.h"

static void check_callers(const struct api_tokens *tokens)
{
    size_t count = api_tokens_caller_count(tokens);

    fuzz_check(count >= 1 && count <= API_CALLERS_MAX && count <= api_tokens_count(tokens));
    for (size_t i = 0; i < count; i++) {
        const struct api_caller *caller = api_tokens_caller(tokens, i);

        fuzz_check(caller->name[0] != '\0' && strlen(caller->name) <= API_CALLER_NAME_MAX);
        fuzz_check((caller->rights & ~(unsigned)API_RIGHT_ALL) == 0);
        fuzz_check(!caller->bounded || (caller->rights & API_RIGHT_BROADCAST) == 0);
        fuzz_check(caller->per_second >= 0 && caller->per_second <= API_RATE_MAX);
        fuzz_check(caller->rooms.count <= ROOM_PATTERNS_MAX && caller->users.count <= ROOM_PATTERNS_MAX);
        for (size_t k = 0; k < i; k++)
            fuzz_check(strcmp(api_tokens_caller(tokens, k)->name, caller->name) != 0);
    }
}

/* The first word of each line that is no comment and no digest. */
static void check_found(const struct api_tokens *tokens, struct slice text)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        const uint8_t *space = memchr(text.data, ' ', len);
        size_t word = space != NULL ? (size_t)(space - text.data) : len;

        if (space == NULL && word > 0 && text.data[word - 1] == '\r')
            word--;
        if (word > 0 && text.data[0] != '#' && (word < 7 || memcmp(text.data, "sha256:", 7) != 0))
            fuzz_check(api_tokens_find(tokens, slice_of(text.data, word)) != NULL);
        text = slice_of(text.data + len + (end != NULL), text.len - len - (end != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_tokens *tokens = NULL;
    struct fault fault = {""};
    enum status status = api_tokens_parse(slice_of(data, size), "tokens", &tokens, &fault);

    if (status == STATUS_OK) {
        fuzz_check(api_tokens_count(tokens) >= 1 && api_tokens_count(tokens) <= API_TOKENS_MAX);
        check_callers(tokens);
        check_found(tokens, slice_of(data, size));
        api_tokens_follow(tokens, tokens);
        api_tokens_free(tokens);
    } else {
        fuzz_check(status == STATUS_INVALID && strncmp(fault.text, "tokens:", 7) == 0);
    }
    return 0;
}
