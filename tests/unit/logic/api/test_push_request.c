/* SPDX-License-Identifier: Apache-2.0 */
/* What each door of the API takes and refuses, word for word as callers send it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "logic/api/push_request.h"

enum { MAX_DEPTH = 4 };

static const struct push_request_limits limits = {.max_items = 3,
                                                  .max_item_len = 32,
                                                  .max_rooms = 3,
                                                  .max_room_len = 16,
                                                  .max_pushes = 3,
                                                  .max_depth = MAX_DEPTH};

static struct push_request *taken(enum push_door door, enum push_body kind, const char *body)
{
    struct push_request *request = NULL;
    struct push_fault fault = {.code = ""};
    enum status status = push_request_parse(door, kind, slice_str(body), &limits, &request, &fault);

    if (status != STATUS_OK) {
        fail_msg("%s: refused: %s: %s", body, fault.code, fault.message);
    }
    return request;
}

static void assert_refused(enum push_door door, enum push_body kind, const char *body, const char *code,
                           const char *message)
{
    struct push_request *request = NULL;
    struct push_fault fault = {.code = ""};

    if (push_request_parse(door, kind, slice_str(body), &limits, &request, &fault) != STATUS_INVALID) {
        fail_msg("%s: taken", body);
    }
    assert_null(request);
    assert_string_equal(fault.code, code);
    assert_string_equal(fault.message, message);
    assert_int_equal(fault.status, 400);
}

/* "all | 1 | 2", "users u7 | 1" or "r,s | {} | wait": who, then the items, then whether somebody waits. */
static void describe(const struct push *push, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = 0;
    if (push->target != AUDIENCE_ROOM) {
        len += (size_t)snprintf(out + len, cap - len, push->target == AUDIENCE_USER ? "users " : "all");
    }
    for (size_t i = 0; i < push->room_count; i++) {
        len += (size_t)snprintf(out + len, cap - len, "%s%.*s", i == 0 ? "" : ",", (int)push->rooms[i].len,
                                (const char *)push->rooms[i].data);
    }
    for (size_t i = 0; i < push->item_count; i++) {
        len += (size_t)snprintf(out + len, cap - len, " | %.*s", (int)push->items[i].len,
                                (const char *)push->items[i].data);
    }
    snprintf(out + len, cap - len, "%s", push->wait ? " | wait" : "");
}

static void assert_push(const struct push_entry *entry, const char *expected)
{
    char text[512];

    assert_null(entry->fault);
    describe(&entry->push, text, sizeof text);
    assert_string_equal(text, expected);
}

static void assert_taken(enum push_door door, enum push_body kind, const char *body, const char *expected)
{
    struct push_request *request = taken(door, kind, body);

    assert_int_equal(request->count, 1);
    assert_push(&request->entries[0], expected);
    push_request_free(request);
}

static void form_all(const char *body, const char *expected)
{
    assert_taken(PUSH_DOOR_ALL, PUSH_BODY_FORM, body, expected);
}

static void form_room(const char *body, const char *expected)
{
    assert_taken(PUSH_DOOR_ROOM, PUSH_BODY_FORM, body, expected);
}

static void form_refused(const char *body, const char *code, const char *message)
{
    assert_refused(PUSH_DOOR_ROOM, PUSH_BODY_FORM, body, code, message);
}

static void json_room(const char *body, const char *expected)
{
    assert_taken(PUSH_DOOR_ROOM, PUSH_BODY_JSON, body, expected);
}

static void room_refused(const char *body, const char *code, const char *message)
{
    assert_refused(PUSH_DOOR_ROOM, PUSH_BODY_JSON, body, code, message);
}

static void takes_forms_as_go_push_callers_send_them(void **state)
{
    (void)state;
    form_all("items=[{\"msg\":\"hi\"},{\"msg\":\"bye\"}]", "all | {\"msg\":\"hi\"} | {\"msg\":\"bye\"}");
    form_room("room=default&items=[{\"msg\": \"hi\"}]", "default | {\"msg\": \"hi\"}");
    form_room("items=%5B1%2C+2%5D&room=a%20b", "a b | 1 | 2");
    form_room("items=[1]&items=[2]&room=r&room=s&more=%zz", "r | 1");
    form_all("room=r&rooms=s&items=[1]", "all | 1");
    form_room("room=r&items=[1]&wait=1", "r | 1 | wait");
    form_room("room=r&items=[1]&wait=0", "r | 1");
}

static void refuses_bad_forms(void **state)
{
    (void)state;
    form_refused("", "invalid_request", "the form field items is missing, an array of 1 to 3 JSON values");
    form_refused("room=r", "invalid_request",
                 "the form field items is missing, an array of 1 to 3 JSON values");
    form_refused("items=[1]", "invalid_room", "the form field room is missing");
    form_refused(
        "room=&items=[1]", "invalid_room",
        "room: the room name is empty; allowed are 1 to 16 bytes of UTF-8 without control characters");
    form_refused(
        "room=%00&items=[1]", "invalid_room",
        "room: the room name has a control character; allowed are 1 to 16 bytes of UTF-8 without control "
        "characters");
    form_refused("room=%ff&items=[1]", "invalid_room",
                 "room: the room name is not valid UTF-8; allowed are 1 to 16 bytes of UTF-8 without control "
                 "characters");
    form_refused("room=r&items=[]", "invalid_request", "items is empty, 1 to 3 JSON values are allowed");
    form_refused("room=r&items={}", "invalid_request", "items must be an array of 1 to 3 JSON values");
    form_refused("room=r&items=", "invalid_json", "at byte 0: unexpected end");
    form_refused("room=r&items=[100%]", "invalid_request",
                 "at byte 17 of the form: % must be followed by two hex digits; write %25 for itself");
    form_refused("room=r&items=[1]&wait=yes", "invalid_request", "wait must be 0 or 1");
    form_refused("room=r&items=[1]&wait=", "invalid_request", "wait must be 0 or 1");
}

static void counts_offsets_in_the_decoded_items(void **state)
{
    (void)state;
    form_refused("room=default&items=%5B%22a%22%2C1,%5D", "invalid_json", "at byte 6: trailing comma");
    form_refused("room=default&items=[\"%FF\"]", "invalid_json", "at byte 2: invalid UTF-8");
    room_refused("{\"room\":\"r\",\"items\":[01]}", "invalid_json", "at byte 21: leading zero");
    form_refused("room=default&items=[1,\"\\ud83d\"]", "invalid_json", "at byte 4: half of a surrogate pair");
    room_refused("{\"room\":\"r\",\"items\":[{\"\\ude00\":1}]}", "invalid_json",
                 "at byte 23: half of a surrogate pair");
}

static void takes_json(void **state)
{
    (void)state;
    assert_taken(PUSH_DOOR_ALL, PUSH_BODY_JSON, "{\"items\":[1]}", "all | 1");
    assert_taken(PUSH_DOOR_ALL, PUSH_BODY_JSON, "{\"wait\":true,\"items\":[{}]}", "all | {} | wait");
    json_room("{\"room\":\"r\",\"items\":[ 12345678901234567890 , {\"b\":1, \"a\":2} ],\"wait\":false}",
              "r | 12345678901234567890 | {\"b\":1, \"a\":2}");
    json_room(" {\"items\":[1],\"rooms\":[\"r\",\"s\"]} ", "r,s | 1");
    json_room("{\"r\\u006fom\":\"a\\/b\\u00e9\",\"items\":[\"\\ud83d\\ude00\"]}",
              "a/b\xc3\xa9 | \"\\ud83d\\ude00\"");
    json_room("{\"rooms\":[\"\\u0061\",\"\\u0062\\u0063\",\"d\"],\"items\":[1]}", "a,bc,d | 1");
}

static void sends_once_to_a_room_named_twice(void **state)
{
    (void)state;
    json_room("{\"rooms\":[\"s\",\"r\",\"s\"],\"items\":[1,2]}", "s,r | 1 | 2");
    json_room("{\"rooms\":[\"s\",\"\\u0073\"],\"items\":[1]}", "s | 1");
}

static void refuses_bad_shapes(void **state)
{
    (void)state;
    room_refused("", "invalid_json", "at byte 0: unexpected end");
    room_refused("[]", "invalid_request",
                 "a push must be a JSON object with room or rooms, items, wait, traceparent, exclude, ttlMs, "
                 "key, urgent and idempotencyKey");
    room_refused("{\"room\":\"r\"}", "invalid_request", "items is missing, an array of 1 to 3 JSON values");
    room_refused("{\"room\":\"r\",\"items\":1}", "invalid_request",
                 "items must be an array of 1 to 3 JSON values");
    room_refused("{\"room\":\"r\",\"items\":[]}", "invalid_request",
                 "items is empty, 1 to 3 JSON values are allowed");
    room_refused("{\"room\":\"r\",\"items\":[1],\"wait\":1}", "invalid_request",
                 "wait must be true or false");
    room_refused("{\"room\":\"r\",\"items\":[1],\"wait\":\"1\"}", "invalid_request",
                 "wait must be true or false");
    room_refused("{\"room\":\"r\",\"items\":[1],\"Wait\":true}", "invalid_request",
                 "member \"Wait\" is not allowed; allowed are room or rooms, items, wait, traceparent, "
                 "exclude, ttlMs, key, urgent and idempotencyKey");
    room_refused("{\"room\":\"r\",\"all\":true,\"items\":[1]}", "invalid_request",
                 "member \"all\" is not allowed; allowed are room or rooms, items, wait, traceparent, "
                 "exclude, ttlMs, key, urgent and idempotencyKey");
    room_refused("{\"room\":\"r\",\"items\":[1],\"items\":[2]}", "invalid_request",
                 "member \"items\" stands twice");
    room_refused("{\"room\":\"r\",\"r\\u006fom\":\"s\",\"items\":[2]}", "invalid_request",
                 "member \"room\" stands twice");
    room_refused("{\"room\":\"r\",\"rooms\":[\"s\"],\"items\":[1]}", "invalid_request",
                 "only one of room and rooms is allowed");
}

/* A long name is cut at a whole character: byte 40 would be the middle of one. */
static void shows_no_half_character(void **state)
{
    static const char five[] = "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";
    char body[256], expected[256];

    (void)state;
    snprintf(body, sizeof body, "{\"%s%s%s%s%s\":1}", five, five, five, five, five);
    snprintf(expected, sizeof expected,
             "member \"%s%s%s%.8s is not allowed; allowed are room or rooms, items, wait, traceparent, "
             "exclude, ttlMs, key, urgent and idempotencyKey",
             five, five, five, five);
    room_refused(body, "invalid_request", expected);
}

static void keeps_rooms_out_of_push_all(void **state)
{
    (void)state;
    assert_refused(PUSH_DOOR_ALL, PUSH_BODY_JSON, "{\"room\":\"r\",\"items\":[1]}", "invalid_request",
                   "member \"room\" is not allowed; allowed are items, wait, traceparent, exclude, ttlMs, "
                   "key, urgent and idempotencyKey");
    assert_refused(PUSH_DOOR_ALL, PUSH_BODY_JSON, "{\"rooms\":[\"r\"],\"items\":[1]}", "invalid_request",
                   "member \"rooms\" is not allowed; allowed are items, wait, traceparent, exclude, ttlMs, "
                   "key, urgent and idempotencyKey");
}

static void refuses_bad_rooms(void **state)
{
    static const char rule[] = "; allowed are 1 to 16 bytes of UTF-8 without control characters";
    char expected[256];

    (void)state;
    room_refused("{\"items\":[1]}", "invalid_room", "room or rooms is missing");
    room_refused("{\"room\":null,\"items\":[1]}", "invalid_request", "room must be a string");
    room_refused("{\"rooms\":\"r\",\"items\":[1]}", "invalid_request", "rooms must be an array of strings");
    room_refused("{\"rooms\":[\"r\",1],\"items\":[1]}", "invalid_request", "rooms[1] must be a string");
    room_refused("{\"rooms\":[],\"items\":[1]}", "invalid_room", "rooms is empty, 1 to 3 rooms are allowed");
    snprintf(expected, sizeof expected, "room: the room name is too long%s", rule);
    room_refused("{\"room\":\"12345678901234567\",\"items\":[1]}", "invalid_room", expected);
    snprintf(expected, sizeof expected, "room: the room name is empty%s", rule);
    room_refused("{\"room\":\"\",\"items\":[1]}", "invalid_room", expected);
    snprintf(expected, sizeof expected, "rooms[1]: the room name has a control character%s", rule);
    room_refused("{\"rooms\":[\"r\",\"\\n\"],\"items\":[1]}", "invalid_room", expected);
    room_refused("{\"room\":\"\\ud800\",\"items\":[1]}", "invalid_json",
                 "at byte 9: half of a surrogate pair");
    json_room("{\"room\":\"\\u0031234567890123456\",\"items\":[1]}", "1234567890123456 | 1");
}

static void keeps_to_the_limits(void **state)
{
    (void)state;
    json_room("{\"room\":\"r\",\"items\":[1,2,3]}", "r | 1 | 2 | 3");
    room_refused("{\"room\":\"r\",\"items\":[1,2,3,4]}", "too_many_items",
                 "more than 3 items, the most a push may have");
    json_room("{\"rooms\":[\"a\",\"b\",\"c\"],\"items\":[1]}", "a,b,c | 1");
    room_refused("{\"rooms\":[\"a\",\"b\",\"c\",\"a\"],\"items\":[1]}", "too_many_rooms",
                 "more than 3 rooms, the most a push may have");
    json_room("{\"room\":\"r\",\"items\":[\"012345678901234567890123456789\"]}",
              "r | \"012345678901234567890123456789\"");
    room_refused("{\"room\":\"r\",\"items\":[1,\"0123456789012345678901234567890\"]}", "item_too_large",
                 "items[1] has 33 bytes, at most 32 are allowed");
}

/* The levels around an item are not the item's. */
static void counts_the_depth_inside_an_item(void **state)
{
    struct push_request *request;

    (void)state;
    form_all("items=[[[[[]]]]]", "all | [[[[]]]]");
    assert_refused(PUSH_DOOR_ALL, PUSH_BODY_FORM, "items=[[[[[[]]]]]]", "invalid_json",
                   "at byte 5: nesting deeper than 4");
    json_room("{\"room\":\"r\",\"items\":[[[[[]]]]]}", "r | [[[[]]]]");
    room_refused("{\"room\":\"r\",\"items\":[[[[[[]]]]]]}", "invalid_json",
                 "at byte 25: nesting deeper than 4");
    request = taken(PUSH_DOOR_BATCH, PUSH_BODY_JSON, "[{\"all\":true,\"items\":[[[[[]]]]]}]");
    assert_push(&request->entries[0], "all | [[[[]]]]");
    push_request_free(request);
    assert_refused(PUSH_DOOR_BATCH, PUSH_BODY_JSON, "[{\"all\":true,\"items\":[[[[[[]]]]]]}]", "invalid_json",
                   "at byte 26: nesting deeper than 4");
}

static void user_refused(const char *body, const char *code, const char *message)
{
    assert_refused(PUSH_DOOR_USER, PUSH_BODY_JSON, body, code, message);
}

static void takes_pushes_to_users(void **state)
{
    (void)state;
    assert_taken(PUSH_DOOR_USER, PUSH_BODY_FORM, "user=u%207&items=[1]&room=r", "users u 7 | 1");
    assert_taken(PUSH_DOOR_USER, PUSH_BODY_FORM, "items=[1,2]&user=u7&wait=1", "users u7 | 1 | 2 | wait");
    assert_taken(PUSH_DOOR_USER, PUSH_BODY_JSON, "{\"user\":\"u7\",\"items\":[1]}", "users u7 | 1");
    assert_taken(PUSH_DOOR_USER, PUSH_BODY_JSON,
                 "{\"items\":[1],\"users\":[\"u8\",\"u7\",\"u\\u0038\"],\"wait\":true}",
                 "users u8,u7 | 1 | wait");
}

static void refuses_bad_users(void **state)
{
    static const char rule[] = "; allowed are 1 to 16 bytes of UTF-8 without control characters";
    char expected[256];

    (void)state;
    assert_refused(PUSH_DOOR_USER, PUSH_BODY_FORM, "items=[1]", "invalid_user",
                   "the form field user is missing");
    snprintf(expected, sizeof expected, "user: the user name has a control character%s", rule);
    assert_refused(PUSH_DOOR_USER, PUSH_BODY_FORM, "user=%02u7&items=[1]", "invalid_user", expected);
    user_refused("{\"items\":[1]}", "invalid_user", "user or users is missing");
    user_refused("{\"user\":7,\"items\":[1]}", "invalid_request", "user must be a string");
    user_refused("{\"users\":\"u7\",\"items\":[1]}", "invalid_request", "users must be an array of strings");
    user_refused("{\"users\":[],\"items\":[1]}", "invalid_user", "users is empty, 1 to 3 users are allowed");
    user_refused("{\"users\":[\"a\",\"b\",\"c\",\"a\"],\"items\":[1]}", "too_many_users",
                 "more than 3 users, the most a push may have");
    snprintf(expected, sizeof expected, "users[1]: the user name is too long%s", rule);
    user_refused("{\"users\":[\"a\",\"12345678901234567\"],\"items\":[1]}", "invalid_user", expected);
    user_refused("{\"user\":\"a\",\"users\":[\"b\"],\"items\":[1]}", "invalid_request",
                 "only one of user and users is allowed");
    user_refused("{\"user\":\"a\",\"room\":\"b\",\"items\":[1]}", "invalid_request",
                 "member \"room\" is not allowed; allowed are user or users, items, wait, traceparent, "
                 "exclude, ttlMs, key, urgent and idempotencyKey");
    room_refused("{\"user\":\"a\",\"items\":[1]}", "invalid_request",
                 "member \"user\" is not allowed; allowed are room or rooms, items, wait, traceparent, "
                 "exclude, ttlMs, key, urgent and idempotencyKey");
    assert_refused(PUSH_DOOR_ALL, PUSH_BODY_JSON, "{\"users\":[\"a\"],\"items\":[1]}", "invalid_request",
                   "member \"users\" is not allowed; allowed are items, wait, traceparent, exclude, ttlMs, "
                   "key, urgent and idempotencyKey");
}

static void takes_a_batch_in_order_each_push_on_its_own(void **state)
{
    struct push_request *request = taken(PUSH_DOOR_BATCH, PUSH_BODY_JSON,
                                         "[{\"rooms\":[\"a\",\"\\u0062\",\"a\"],\"items\":[1,2],\"wait\":"
                                         "true},{\"room\":\"b\",\"items\":[3,4,5,6]},"
                                         "{\"all\":true,\"items\":[{\"x\":[4]}]}]");

    (void)state;
    assert_int_equal(request->count, 3);
    assert_push(&request->entries[0], "a,b | 1 | 2 | wait");
    assert_non_null(request->entries[1].fault);
    assert_int_equal(request->entries[1].fault->status, 400);
    assert_string_equal(request->entries[1].fault->code, "too_many_items");
    assert_push(&request->entries[2], "all | {\"x\":[4]}");
    push_request_free(request);
}

static void assert_element_refused(const char *body, const char *code, const char *message)
{
    struct push_request *request = taken(PUSH_DOOR_BATCH, PUSH_BODY_JSON, body);

    assert_int_equal(request->count, 1);
    assert_non_null(request->entries[0].fault);
    assert_string_equal(request->entries[0].fault->code, code);
    assert_string_equal(request->entries[0].fault->message, message);
    assert_int_equal(request->entries[0].push.item_count, 0);
    push_request_free(request);
}

static void refuses_elements_of_a_batch(void **state)
{
    (void)state;
    assert_element_refused("[{\"items\":[1]}]", "invalid_request",
                           "one of all, room, rooms, user and users is missing");
    assert_element_refused("[{\"all\":false,\"items\":[1]}]", "invalid_request", "all must be true");
    assert_element_refused("[{\"all\":true,\"room\":\"r\",\"items\":[1]}]", "invalid_request",
                           "only one of all, room, rooms, user and users is allowed");
    assert_element_refused("[{\"room\":\"r\",\"items\":[1,2,3,4]}]", "too_many_items",
                           "more than 3 items, the most a push may have");
    assert_element_refused("[1]", "invalid_request",
                           "a push must be a JSON object with all, room, rooms, user or users, items, wait, "
                           "traceparent, exclude, ttlMs, key, urgent and idempotencyKey");
    assert_element_refused("[{\"x\":1}]", "invalid_request",
                           "member \"x\" is not allowed; allowed are all, room, rooms, user or users, items, "
                           "wait, traceparent, exclude, ttlMs, key, urgent and idempotencyKey");
}

static void a_batch_has_pushes_to_users(void **state)
{
    struct push_request *request = taken(PUSH_DOOR_BATCH, PUSH_BODY_JSON,
                                         "[{\"users\":[\"a\",\"\\u0062\",\"a\"],\"items\":[1]},{\"user\":"
                                         "\"c\",\"rooms\":[\"r\"],\"items\":[1]},"
                                         "{\"user\":\"c\",\"items\":[2],\"wait\":true}]");

    (void)state;
    assert_int_equal(request->count, 3);
    assert_push(&request->entries[0], "users a,b | 1");
    assert_non_null(request->entries[1].fault);
    assert_string_equal(request->entries[1].fault->code, "invalid_request");
    assert_push(&request->entries[2], "users c | 2 | wait");
    push_request_free(request);
}

static void refuses_a_batch_whole(void **state)
{
    static const char shape[] = "a batch must be a JSON array of 1 to 3 pushes";
    struct push_request *request = NULL;
    struct push_fault fault;

    (void)state;
    assert_refused(PUSH_DOOR_BATCH, PUSH_BODY_JSON, "[]", "invalid_request", shape);
    assert_refused(PUSH_DOOR_BATCH, PUSH_BODY_JSON, "{\"items\":[1]}", "invalid_request", shape);
    assert_refused(PUSH_DOOR_BATCH, PUSH_BODY_JSON, "[1,2,3,4]", "invalid_request", shape);
    assert_refused(PUSH_DOOR_BATCH, PUSH_BODY_JSON, "[{\"all\":true,\"items\":[1]},]", "invalid_json",
                   "at byte 25: trailing comma");
    assert_int_equal(push_request_parse(PUSH_DOOR_BATCH, PUSH_BODY_FORM, slice_str("items=[1]"), &limits,
                                        &request, &fault),
                     STATUS_INVALID);
    assert_int_equal(fault.status, 415);
    assert_string_equal(fault.code, "unsupported_media_type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_forms_as_go_push_callers_send_them),
        cmocka_unit_test(refuses_bad_forms),
        cmocka_unit_test(counts_offsets_in_the_decoded_items),
        cmocka_unit_test(takes_json),
        cmocka_unit_test(sends_once_to_a_room_named_twice),
        cmocka_unit_test(refuses_bad_shapes),
        cmocka_unit_test(shows_no_half_character),
        cmocka_unit_test(keeps_rooms_out_of_push_all),
        cmocka_unit_test(refuses_bad_rooms),
        cmocka_unit_test(keeps_to_the_limits),
        cmocka_unit_test(counts_the_depth_inside_an_item),
        cmocka_unit_test(takes_pushes_to_users),
        cmocka_unit_test(refuses_bad_users),
        cmocka_unit_test(a_batch_has_pushes_to_users),
        cmocka_unit_test(takes_a_batch_in_order_each_push_on_its_own),
        cmocka_unit_test(refuses_elements_of_a_batch),
        cmocka_unit_test(refuses_a_batch_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
