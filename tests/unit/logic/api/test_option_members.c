/* SPDX-License-Identifier: Apache-2.0 */
/* exclude, ttlMs, key, urgent and idempotencyKey at every door of the API: what is taken, and what is refused
 * and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "logic/api/push_request.h"

#define ID "9f86d081884c7d65-1f-2c0"

static const struct push_request_limits limits = {
    .max_items = 3, .max_item_len = 32, .max_rooms = 3, .max_room_len = 16, .max_pushes = 3, .max_depth = 4};

static const char *const doors[PUSH_DOOR_COMMANDS] = {
    [PUSH_DOOR_ALL] = "{\"items\":[1],%s}",
    [PUSH_DOOR_ROOM] = "{\"room\":\"r\",\"items\":[1],%s}",
    [PUSH_DOOR_BATCH] = "[{\"all\":true,\"items\":[1],%s}]",
    [PUSH_DOOR_USER] = "{\"user\":\"u\",\"items\":[1],%s}",
};

static enum status parse(enum push_door door, const char *members, struct push_request **out,
                         struct push_fault *fault)
{
    static char body[4096]; /* the request points into it */

    snprintf(body, sizeof body, doors[door], members);
    *fault = (struct push_fault){.code = ""};
    return push_request_parse(door, PUSH_BODY_JSON, slice_str(body), &limits, out, fault);
}

/* "-u7 -u8 -#9f86…-1f-2c0 key=k ttl=5 urgent" */
static void describe(const struct push_terms *terms, char *out, size_t cap)
{
    struct slice rest = terms->exclusions;
    struct push_exclusion exclusion;
    size_t len = 0;

    out[0] = '\0';
    while (push_next_exclusion(&rest, &exclusion))
        len += (size_t)snprintf(out + len, cap - len, "-%s%.*s ", exclusion.connection ? "#" : "",
                                (int)exclusion.name.len, (const char *)exclusion.name.data);
    if (terms->key.len > 0)
        len += (size_t)snprintf(out + len, cap - len, "key=%.*s ", (int)terms->key.len,
                                (const char *)terms->key.data);
    if (terms->has_ttl)
        len += (size_t)snprintf(out + len, cap - len, "ttl=%u ", (unsigned)terms->ttl_ms);
    snprintf(out + len, cap - len, "%s", terms->urgent ? "urgent " : "");
}

static void taken(const char *members, const char *expected)
{
    for (enum push_door door = 0; door < PUSH_DOOR_COMMANDS; door++) {
        struct push_request *request;
        struct push_fault fault;
        char text[512];

        if (parse(door, members, &request, &fault) != STATUS_OK)
            fail_msg("%s: refused: %s", members, fault.message);
        assert_int_equal(request->count, 1);
        assert_null(request->entries[0].fault);
        describe(&request->entries[0].push.terms, text, sizeof text);
        assert_string_equal(text, expected);
        assert_int_equal(request->entries[0].push.item_count, 1);
        push_request_free(request);
    }
}

static void refused(const char *members, const char *code, const char *message)
{
    for (enum push_door door = 0; door < PUSH_DOOR_COMMANDS; door++) {
        struct push_request *request = NULL;
        struct push_fault fault, *told = &fault;
        enum status status = parse(door, members, &request, &fault);

        if (door == PUSH_DOOR_BATCH) { /* the element alone */
            assert_int_equal(status, STATUS_OK);
            told = request->entries[0].fault;
            if (told == NULL)
                fail_msg("%s: taken", members);
        } else if (status != STATUS_INVALID) {
            fail_msg("%s: taken", members);
        }
        assert_string_equal(told->code, code);
        assert_string_equal(told->message, message);
        assert_int_equal(told->status, 400);
        push_request_free(request);
    }
}

static void takes_each_option_at_every_door(void **state)
{
    (void)state;
    taken("\"exclude\":{\"user\":\"u7\"}", "-u7 ");
    taken("\"exclude\":{\"users\":[\"u7\",\"\\u00fc \\\"8\\\"\",\"u9\"]}", "-u7 -\xc3\xbc \"8\" -u9 ");
    taken("\"exclude\":{\"connection\":\"" ID "\"}", "-#" ID " ");
    taken("\"exclude\":{\"\\u0075ser\":\"u7\"}", "-u7 ");
    taken("\"ttlMs\":1", "ttl=1 ");
    taken("\"ttlMs\":86400000", "ttl=86400000 ");
    taken("\"key\":\"EUR/USD\"", "key=EUR/USD ");
    taken("\"key\":\"\\u20ac\"", "key=\xe2\x82\xac ");
    taken("\"urgent\":true", "urgent ");
    taken("\"urgent\":false", "");
    taken("\"wait\":true", "");
}

static void takes_them_together_in_any_order(void **state)
{
    (void)state;
    taken("\"key\":\"\\u006b\",\"urgent\":true,\"exclude\":{\"users\":[\"\\u0061\",\"b\"]},\"ttlMs\":5000",
          "-a -b key=k ttl=5000 urgent ");
    taken("\"ttlMs\":7,\"exclude\":{\"users\":[\"a\"]},\"key\":\"k\"", "-a key=k ttl=7 ");
}

/* As many as may be, and as tight as JSON can have them. */
static void has_room_for_all_exclusions(void **state)
{
    char members[2048] = "\"exclude\":{\"users\":[\"u\"", expected[512] = "-u ";

    (void)state;
    for (size_t i = 1; i < PUSH_EXCLUSIONS_MAX; i++) {
        strcat(members, ",\"u\"");
        strcat(expected, "-u ");
    }
    strcat(members, "]}");
    taken(members, expected);
    members[strlen(members) - 2] = '\0';
    strcat(members, ",\"u\"]}");
    refused(members, "too_many_users", "exclude.users has more than 100 users, the most a push may exclude");
}

static void refuses_bad_exclusions(void **state)
{
    static const char shape[] =
        "exclude must be an object with exactly one of user, users and connection, as "
        "{\"user\":\"u7\"}";
    static const char no_id[] =
        "exclude.connection: not the id of a connection; allowed is one as a client's WELCOME says it";

    (void)state;
    refused("\"exclude\":\"u7\"", "invalid_request", shape);
    refused("\"exclude\":[\"u7\"]", "invalid_request", shape);
    refused("\"exclude\":null", "invalid_request", shape);
    refused("\"exclude\":{}", "invalid_request", shape);
    refused("\"exclude\":{\"room\":\"r\"}", "invalid_request", shape);
    refused("\"exclude\":{\"User\":\"r\"}", "invalid_request", shape);
    refused("\"exclude\":{\"user\":\"a\",\"user\":\"b\"}", "invalid_request", shape);
    refused("\"exclude\":{\"user\":\"a\",\"connection\":\"" ID "\"}", "invalid_request", shape);
    refused("\"exclude\":{\"user\":7}", "invalid_request", "exclude.user must be a string");
    refused("\"exclude\":{\"users\":\"a\"}", "invalid_request", "exclude.users must be an array of strings");
    refused("\"exclude\":{\"users\":[\"a\",null]}", "invalid_request", "exclude.users[1] must be a string");
    refused("\"exclude\":{\"users\":[]}", "invalid_user",
            "exclude.users is empty, 1 to 100 users are allowed");
    refused("\"exclude\":{\"user\":\"\"}", "invalid_user",
            "exclude.user: the user name is empty; allowed are 1 to 16 bytes of UTF-8 without control "
            "characters");
    refused("\"exclude\":{\"users\":[\"a\",\"12345678901234567\"]}", "invalid_user",
            "exclude.users[1]: the user name is too long; allowed are 1 to 16 bytes of UTF-8 without control "
            "characters");
    refused("\"exclude\":{\"user\":\"\\u0002\"}", "invalid_user",
            "exclude.user: the user name has a control character; allowed are 1 to 16 bytes of UTF-8 without "
            "control characters");
    refused("\"exclude\":{\"connection\":5}", "invalid_request", "exclude.connection must be a string");
    refused("\"exclude\":{\"connection\":\"\"}", "invalid_request", no_id);
    refused("\"exclude\":{\"connection\":\"u7\"}", "invalid_request", no_id);
    refused("\"exclude\":{\"connection\":\"" ID "0000000000000000000\"}", "invalid_request", no_id);
    refused("\"exclude\":{\"user\":\"a\"},\"exclude\":{\"user\":\"b\"}", "invalid_request",
            "member \"exclude\" stands twice");
}

static void refuses_bad_times_to_live(void **state)
{
    static const char *const bad[] = {"0",
                                      "-1",
                                      "1.5",
                                      "1.0",
                                      "1e3",
                                      "\"5\"",
                                      "86400001",
                                      "true",
                                      "99999999",
                                      "null",
                                      "999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char members[64];

        snprintf(members, sizeof members, "\"ttlMs\":%s", bad[i]);
        refused(members, "invalid_request", "ttlMs must be a whole number from 1 to 86400000");
    }
}

static void refuses_bad_keys_and_what_is_no_bool(void **state)
{
    static const char rule[] = "key must have 1 to 16 bytes of UTF-8 without control characters";

    (void)state;
    refused("\"key\":7", "invalid_request", "key must be a string");
    refused("\"key\":\"\"", "invalid_request", rule);
    refused("\"key\":\"12345678901234567\"", "invalid_request", rule);
    refused("\"key\":\"a\\n\"", "invalid_request", rule);
    refused("\"key\":\"\\u0000\"", "invalid_request", rule);
    refused("\"urgent\":1", "invalid_request", "urgent must be true or false");
    refused("\"urgent\":\"true\"", "invalid_request", "urgent must be true or false");
}

static void takes_an_idempotency_key_at_every_door(void **state)
{
    struct push_request *request;
    struct push_fault fault;

    (void)state;
    for (enum push_door door = 0; door < PUSH_DOOR_COMMANDS; door++) {
        assert_int_equal(parse(door, "\"idempotencyKey\":\"order\\u002017\"", &request, &fault), STATUS_OK);
        assert_true(slice_equal(request->entries[0].idempotency_key, slice_str("order 17")));
        push_request_free(request);
        assert_int_equal(parse(door, "\"key\":\"k\"", &request, &fault), STATUS_OK);
        assert_int_equal(request->entries[0].idempotency_key.len, 0);
        push_request_free(request);
    }
}

static void refuses_bad_idempotency_keys(void **state)
{
    char members[256] = "\"idempotencyKey\":\"";
    struct push_request *request;
    struct push_fault fault;

    (void)state;
    refused("\"idempotencyKey\":7", "invalid_request", "idempotencyKey must be a string");
    refused("\"idempotencyKey\":null", "invalid_request", "idempotencyKey must be a string");
    refused("\"idempotencyKey\":\"\"", "invalid_request",
            "idempotencyKey: it is empty; allowed are 1 to 128 bytes of UTF-8 without control characters");
    refused("\"idempotencyKey\":\"\\u0085\"", "invalid_request",
            "idempotencyKey: it has a control character; allowed are 1 to 128 bytes of UTF-8 without control "
            "characters");
    memset(members + strlen(members), 'x', 129);
    strcat(members, "\"");
    refused(members, "invalid_request",
            "idempotencyKey: it is too long; allowed are 1 to 128 bytes of UTF-8 without control characters");
    strcpy(members + strlen(members) - 2, "\"");
    assert_int_equal(parse(PUSH_DOOR_ALL, members, &request, &fault), STATUS_OK);
    assert_int_equal(request->entries[0].idempotency_key.len, 128);
    push_request_free(request);
}

static void an_idempotency_key_is_not_the_next_ones(void **state)
{
    static const char body[] = "[{\"all\":true,\"items\":[1],\"idempotencyKey\":\"a\"},"
                               "{\"all\":true,\"items\":[2]},"
                               "{\"all\":true,\"items\":[3],\"idempotencyKey\":\"\\u0062\"}]";
    struct push_request *request;
    struct push_fault fault;

    (void)state;
    assert_int_equal(
        push_request_parse(PUSH_DOOR_BATCH, PUSH_BODY_JSON, slice_str(body), &limits, &request, &fault),
        STATUS_OK);
    assert_true(slice_equal(request->entries[0].idempotency_key, slice_str("a")));
    assert_int_equal(request->entries[1].idempotency_key.len, 0);
    assert_true(slice_equal(request->entries[2].idempotency_key, slice_str("b")));
    push_request_free(request);
}

/* What one element says is not the next one's. */
static void each_push_of_a_batch_has_its_own(void **state)
{
    static const char body[] =
        "[{\"room\":\"\\u0072\",\"items\":[1],\"exclude\":{\"user\":\"\\u0061\"},\"key\":\"\\u006b\"},"
        "{\"room\":\"s\",\"items\":[2],\"ttlMs\":0,\"exclude\":{\"user\":\"b\"}},"
        "{\"room\":\"\\u0074\",\"items\":[3],\"exclude\":{\"users\":[\"c\",\"d\"]},\"ttlMs\":9}]";
    struct push_request *request = NULL;
    struct push_fault fault;
    char text[256];

    (void)state;
    assert_int_equal(
        push_request_parse(PUSH_DOOR_BATCH, PUSH_BODY_JSON, slice_str(body), &limits, &request, &fault),
        STATUS_OK);
    assert_int_equal(request->count, 3);
    describe(&request->entries[0].push.terms, text, sizeof text);
    assert_string_equal(text, "-a key=k ");
    assert_non_null(request->entries[1].fault);
    describe(&request->entries[2].push.terms, text, sizeof text);
    assert_string_equal(text, "-c -d ttl=9 ");
    assert_true(slice_equal(request->entries[2].push.rooms[0], slice_str("t")));
    push_request_free(request);
}

/* go-push's callers may have fields of any name. */
static void forms_have_none_of_them(void **state)
{
    struct push_request *request;
    struct push_fault fault;

    (void)state;
    assert_int_equal(
        push_request_parse(PUSH_DOOR_ROOM, PUSH_BODY_FORM,
                           slice_str("room=r&items=[1]&ttlMs=x&urgent=true&key=&exclude=u7&idempotencyKey="),
                           &limits, &request, &fault),
        STATUS_OK);
    assert_false(push_terms_are_set(&request->entries[0].push.terms));
    assert_int_equal(request->entries[0].idempotency_key.len, 0);
    push_request_free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_option_at_every_door),
        cmocka_unit_test(takes_them_together_in_any_order),
        cmocka_unit_test(has_room_for_all_exclusions),
        cmocka_unit_test(takes_an_idempotency_key_at_every_door),
        cmocka_unit_test(refuses_bad_idempotency_keys),
        cmocka_unit_test(an_idempotency_key_is_not_the_next_ones),
        cmocka_unit_test(refuses_bad_exclusions),
        cmocka_unit_test(refuses_bad_times_to_live),
        cmocka_unit_test(refuses_bad_keys_and_what_is_no_bool),
        cmocka_unit_test(each_push_of_a_batch_has_its_own),
        cmocka_unit_test(forms_have_none_of_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
