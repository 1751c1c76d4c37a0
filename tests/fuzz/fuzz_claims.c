/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of whatever JSON: a grant keeps its bounds, and names nothing that its source may not grant. */
#include <string.h>

#include "gateway/auth/claims.h"
#include "shared/contract/push.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_ROOM_NAME = 64, DEPTH = 16 };

static const char prefix[] = "p:";

static struct claims find(const struct json_value *object, const uint8_t *base)
{
    struct claims claims = {0};
    struct json_iter iter = json_iter_of(object, base);
    struct json_value name, value;

    while (json_next_member(&iter, &name, &value)) {
        if (json_string_is(name.text, "sub", false))
            claims.user = value;
        else if (json_string_is(name.text, "rooms", false))
            claims.rooms = value;
        else if (json_string_is(name.text, "join", false))
            claims.join = value;
        else if (json_string_is(name.text, "info", false))
            claims.info = value;
        else if (json_string_is(name.text, "room", false))
            claims.room = value;
    }
    return claims;
}

static void check(const struct grant *grant, const struct room_patterns *limit)
{
    struct json_value value;
    struct json_error error;
    const char *at = NULL;
    const char *room;
    unsigned joins = 0;

    fuzz_check(grant->user != NULL && memcmp(grant->user, prefix, 2) == 0);
    fuzz_check(push_room_fault(grant_user(grant), MAX_ROOM_NAME) == NULL && grant_sub(grant).len > 0);
    fuzz_check(grant->rooms.count <= ROOM_PATTERNS_MAX);
    while ((room = grant_next_join(grant, &at)) != NULL) {
        fuzz_check(push_room_fault(slice_str(room), MAX_ROOM_NAME) == NULL);
        fuzz_check(room_patterns_match(limit, grant_sub(grant), slice_str(room)));
        joins++;
    }
    fuzz_check(joins == grant->join_count && joins <= GRANT_JOINS_MAX);
    if (grant->info != NULL)
        fuzz_check(grant->info_len <= GRANT_INFO_MAX && strlen(grant->info) == grant->info_len &&
                   json_scan(slice_str(grant->info), DEPTH, &value, &error) == STATUS_OK);
    if (grant->room_pattern != NULL)
        fuzz_check(room_pattern_fault(slice_str(grant->room_pattern)) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct room_patterns limit = {NULL, 0, 0};
    const struct claims_source source = {prefix, &limit, 7, GRANT_TOKEN, MAX_ROOM_NAME, true};
    struct json_value object;
    struct json_error error;
    struct grant *grant = NULL;
    const char *why = NULL;

    if (json_scan(slice_of(data, size), DEPTH, &object, &error) != STATUS_OK || object.type != JSON_OBJECT)
        return 0;
    fuzz_check(room_patterns_add(&limit, slice_str("a*")) == STATUS_OK);
    fuzz_check(room_patterns_add(&limit, slice_str("user-{sub}")) == STATUS_OK);
    const struct claims claims = find(&object, data);
    enum status status = claims_grant(&claims, &source, &grant, &why);
    if (status == STATUS_OK)
        check(grant, &limit);
    else
        fuzz_check(grant == NULL && status == STATUS_INVALID && why != NULL);
    grant_free(grant);
    room_patterns_fini(&limit);
    return 0;
}
