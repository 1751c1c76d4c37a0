/* SPDX-License-Identifier: Apache-2.0 */
/* What a service answers to the hook: what is taken lies within the body, is whole JSON, and keeps its
 * bounds. */
#include "gateway/auth/hook_answer.h"
#include "tests/fuzz/fuzz.h"

static void check_claim(struct slice body, const struct json_value *claim)
{
    struct json_value value;
    struct json_error error;

    if (claim->text.data == NULL)
        return;
    fuzz_check(claim->text.data >= body.data && claim->text.data + claim->text.len <= body.data + body.len);
    fuzz_check(json_scan(claim->text, JSON_MAX_DEPTH, &value, &error) == STATUS_OK);
    fuzz_check(value.type == claim->type && claim->type != JSON_NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_of(data, size);
    struct hook_answer answer;

    if (hook_answer_read(body, &answer) != NULL)
        return 0;
    fuzz_check(answer.seconds >= 0 && answer.seconds <= HOOK_SECONDS_MAX);
    check_claim(body, &answer.claims.user);
    check_claim(body, &answer.claims.rooms);
    check_claim(body, &answer.claims.join);
    check_claim(body, &answer.claims.info);
    fuzz_check(answer.claims.room.text.data == NULL);
    return 0;
}
