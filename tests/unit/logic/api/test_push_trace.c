/* SPDX-License-Identifier: Apache-2.0 */
/* A push's traceparent: in the caller's JSON, and on the wire between logic and gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "logic/api/push_request.h"

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define TRACE    "00-" TRACE_ID "-b7ad6b7169203331-01"
#define TRACED   "\"traceparent\":\"" TRACE "\""

static const struct push_limits limits = {.max_room_len = 16, .max_item_len = 64, .max_depth = 4};
static const struct push_request_limits door_limits = {
    .max_items = 3, .max_item_len = 32, .max_rooms = 3, .max_room_len = 16, .max_pushes = 3, .max_depth = 4};
static const uint8_t logic_id[LOGIC_ID_LEN] = "0123456789abcdef";

static struct push_request *taken(enum push_door door, enum push_body kind, const char *body)
{
    struct push_request *request = NULL;
    struct push_fault fault = {.code = ""};

    if (push_request_parse(door, kind, slice_str(body), &door_limits, &request, &fault) != STATUS_OK) {
        fail_msg("%s: refused: %s: %s", body, fault.code, fault.message);
    }
    return request;
}

static void assert_room_refused(const char *body, const char *message)
{
    struct push_request *request = NULL;
    struct push_fault fault = {.code = ""};

    if (push_request_parse(PUSH_DOOR_ROOM, PUSH_BODY_JSON, slice_str(body), &door_limits, &request, &fault) !=
        STATUS_INVALID) {
        fail_msg("%s: taken", body);
    }
    assert_string_equal(fault.code, "invalid_request");
    assert_string_equal(fault.message, message);
}

static void assert_trace(const struct traceparent *trace, const char *expected)
{
    char text[TRACEPARENT_TEXT_LEN + 1];

    assert_true(trace->set);
    traceparent_print(trace, text);
    assert_string_equal(text, expected);
}

static void takes_a_traceparent_at_every_json_door(void **state)
{
    static const struct {
        enum push_door door;
        const char *body;
    } cases[] = {
        {PUSH_DOOR_ALL, "{" TRACED ",\"items\":[1]}"},
        {PUSH_DOOR_ROOM, "{\"items\":[1],\"room\":\"r\"," TRACED "}"},
        {PUSH_DOOR_BATCH, "[{\"all\":true,\"items\":[1],\"traceparent\":\"\\u0030\\u0030-" TRACE_ID
                          "-b7ad6b7169203331-01\"}]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct push_request *request = taken(cases[i].door, PUSH_BODY_JSON, cases[i].body);

        assert_trace(&request->entries[0].push.trace, TRACE);
        push_request_free(request);
    }
}

static void each_push_of_a_batch_has_its_own_trace(void **state)
{
    struct push_request *request =
        taken(PUSH_DOOR_BATCH, PUSH_BODY_JSON,
              "[{\"all\":true,\"items\":[1]," TRACED "},{\"all\":true,\"items\":[2]},"
              "{\"items\":[3]," TRACED "}]");

    (void)state;
    assert_trace(&request->entries[0].push.trace, TRACE);
    assert_false(request->entries[1].push.trace.set);
    assert_non_null(request->entries[2].fault);
    assert_trace(&request->entries[2].fault->trace, TRACE);
    push_request_free(request);
}

static void refuses_a_bad_traceparent(void **state)
{
    static const char message[] = "traceparent must be a string of W3C Trace Context, as "
                                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const values[] = {
        "null",
        "1",
        "[]",
        "\"\"",
        "\"x\"",
        "\" " TRACE "\"",
        "\"00-00000000000000000000000000000000-b7ad6b7169203331-01\"",
        "\"00-" TRACE_ID "-b7ad6b7169203331\"",
        "\"00-" TRACE_ID "-b7ad6b7169203331-0\\u0000\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char body[256];

        snprintf(body, sizeof body, "{\"room\":\"r\",\"items\":[1],\"traceparent\":%s}", values[i]);
        assert_room_refused(body, message);
    }
    assert_room_refused("{" TRACED "," TRACED "}", "member \"traceparent\" stands twice");
}

static void a_refusal_names_the_trace(void **state)
{
    static const char *const bodies[] = {
        "{\"room\":\"\",\"items\":[1]," TRACED "}",
        "{\"room\":\"r\",\"items\":[]," TRACED "}",
        "{\"items\":[1]," TRACED "}",
    };
    struct push_request *request = NULL;
    struct push_fault fault = {.trace = {.set = true}};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(push_request_parse(PUSH_DOOR_ROOM, PUSH_BODY_JSON, slice_str(bodies[i]),
                                            &door_limits, &request, &fault),
                         STATUS_INVALID);
        assert_trace(&fault.trace, TRACE);
    }
    assert_int_equal(
        push_request_parse(PUSH_DOOR_ROOM, PUSH_BODY_JSON, slice_str("{"), &door_limits, &request, &fault),
        STATUS_INVALID);
    assert_false(fault.trace.set);
}

static void a_form_has_no_trace_of_its_own(void **state)
{
    struct push_request *request = taken(PUSH_DOOR_ALL, PUSH_BODY_FORM, "items=[1]&traceparent=" TRACE);

    (void)state;
    assert_false(request->entries[0].push.trace.set);
    push_request_free(request);
}

/* To all, that item, with that trace. */
static struct push traced_push(const struct slice *item)
{
    struct push push = {.target = AUDIENCE_EVERYONE, .items = item, .item_count = 1};

    assert_true(traceparent_parse(slice_str(TRACE), &push.trace));
    return push;
}

enum { FLAGS = PUSH_BATCH_HEADER_LEN + PUSH_RECORD_FLAGS_AT };
enum { TRACED_LEN = PUSH_BATCH_HEADER_LEN + 25 + TRACEPARENT_LEN };

/* One record: sequence 7, the item 1. */
static void traced_batch(uint8_t out[TRACED_LEN])
{
    const struct slice item = slice_str("1");
    const struct push push = traced_push(&item);

    assert_int_equal(PUSH_BATCH_HEADER_LEN + push_record_size(&push), TRACED_LEN);
    push_batch_header_encode(logic_id, 7, 1, 0, out);
    push_record_encode(&push, 7, out + PUSH_BATCH_HEADER_LEN);
}

static void carries_a_trace_behind_the_items(void **state)
{
    static const uint8_t expected[] = {
        0,    0,    0,    46,   0,    0,    0,    0,    0,    0,    0,    7,    2,    0,    0,    0,    0,
        0,    0,    1,    0,    0,    0,    1,    '1',  0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84,
        0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c, 0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31, 1};
    uint8_t bytes[TRACED_LEN];
    struct push_batch batch;
    struct push_record record;
    struct slice item;
    struct fault fault;
    struct traceparent trace;
    char text[TRACEPARENT_TEXT_LEN + 1];

    (void)state;
    traced_batch(bytes);
    assert_memory_equal(bytes + PUSH_BATCH_HEADER_LEN, expected, sizeof expected);
    assert_int_equal(push_batch_decode(slice_of(bytes, sizeof bytes), &limits, &batch, &fault), STATUS_OK);
    assert_true(push_record_traceparent(batch.records, &trace));
    traceparent_print(&trace, text);
    assert_string_equal(text, TRACE);
    assert_true(push_next_record(&batch.records, &record));
    assert_true(push_next_item(&record.items, &item));
    assert_true(slice_equal(item, slice_str("1")));
    assert_false(push_next_item(&record.items, &item));
    assert_non_null(record.trace);
    assert_memory_equal(record.trace, expected + 25, TRACEPARENT_LEN);
}

static void has_none_without_the_flag(void **state)
{
    const struct slice item = slice_str("1");
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1};
    uint8_t bytes[TRACED_LEN];
    struct push_batch batch;
    struct push_record record;
    struct fault fault;
    struct traceparent trace = {.set = true};

    (void)state;
    push_batch_header_encode(logic_id, 7, 1, 0, bytes);
    push_record_encode(&push, 7, bytes + PUSH_BATCH_HEADER_LEN);
    assert_int_equal(
        push_batch_decode(slice_of(bytes, TRACED_LEN - TRACEPARENT_LEN), &limits, &batch, &fault), STATUS_OK);
    assert_false(push_record_traceparent(batch.records, &trace) || trace.set);
    assert_true(push_next_record(&batch.records, &record));
    assert_null(record.trace);
}

static void leaves_the_trace_out_for_an_older_reader(void **state)
{
    const struct slice item = slice_str("1");
    struct push push = traced_push(&item);
    uint8_t traced[TRACED_LEN], plain[TRACED_LEN], head[PUSH_RECORD_HEAD_LEN];
    size_t len;

    (void)state;
    push.wait = true;
    push_record_encode(&push, 7, traced);
    push.trace.set = false;
    push_record_encode(&push, 7, plain);
    len = push_record_size(&push);
    push_record_untraced_head(traced, head);
    assert_memory_equal(head, plain, sizeof head);
    assert_memory_equal(traced + sizeof head, plain + sizeof head, len - sizeof head);
}

static void assert_traced_change_refused(size_t at, uint8_t byte, size_t len, const char *expected)
{
    uint8_t bytes[TRACED_LEN];
    struct push_batch batch;
    struct fault fault;

    traced_batch(bytes);
    memset(bytes + at, byte, len);
    assert_int_equal(push_batch_decode(slice_of(bytes, sizeof bytes), &limits, &batch, &fault),
                     STATUS_INVALID);
    assert_string_equal(fault.text, expected);
}

static void refuses_a_bad_trace(void **state)
{
    enum { TRACE_AT = TRACED_LEN - TRACEPARENT_LEN, PREFIX_END = PUSH_BATCH_HEADER_LEN + 3 };

    (void)state;
    assert_traced_change_refused(TRACE_AT, 0, TRACE_ID_LEN, "at byte 61: not a traceparent");
    assert_traced_change_refused(TRACE_AT + TRACE_ID_LEN, 0, TRACE_PARENT_ID_LEN,
                                 "at byte 61: not a traceparent");
    assert_traced_change_refused(TRACED_LEN - 1, 2, 1, "at byte 61: not a traceparent");
    assert_traced_change_refused(TRACED_LEN - 1, 0x81, 1, "at byte 61: not a traceparent");
    assert_traced_change_refused(FLAGS, 0, 1, "at byte 61: bytes behind the last item of a record");
    assert_traced_change_refused(PREFIX_END, 45, 1, "at byte 61: traceparent cut short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_traceparent_at_every_json_door),
        cmocka_unit_test(each_push_of_a_batch_has_its_own_trace),
        cmocka_unit_test(refuses_a_bad_traceparent),
        cmocka_unit_test(a_refusal_names_the_trace),
        cmocka_unit_test(a_form_has_no_trace_of_its_own),
        cmocka_unit_test(carries_a_trace_behind_the_items),
        cmocka_unit_test(has_none_without_the_flag),
        cmocka_unit_test(leaves_the_trace_out_for_an_older_reader),
        cmocka_unit_test(refuses_a_bad_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
