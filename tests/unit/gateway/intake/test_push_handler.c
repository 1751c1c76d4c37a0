/* SPDX-License-Identifier: Apache-2.0 */
/* Batches and form calls into a sink that writes down what it got: exactly once, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/intake/batch_tally.h"
#include "gateway/intake/push_handler.h"

enum { HOUR = 3600 * 1000 };

struct bench {
    struct push_handler *handler;
    struct buf heard; /* "R<a,b> " for a room, "*<a>" for all */
    struct buf batch;
    struct buf answer;
    struct fault fault;
    const char *code;
    uint32_t clients; /* what the sink says */
    bool odd_only;    /* of users: only those whose name ends with an odd digit are there */
    int64_t now;
    bool told_terms; /* with the last push */
    struct push_terms terms;
};

static uint32_t deliver(void *arg, struct slice key, struct slice items, uint32_t item_count,
                        const struct push_terms *terms)
{
    struct bench *bench = arg;
    struct slice item;
    uint32_t count = 0;

    bench->told_terms = terms != NULL;
    bench->terms = terms != NULL ? *terms : (struct push_terms){0};
    if (audience_of(key) == AUDIENCE_EVERYONE)
        buf_append_str(&bench->heard, "*");
    buf_append(&bench->heard, key.data, key.len);
    buf_append_str(&bench->heard, "<");
    while (push_next_item(&items, &item)) {
        buf_append_str(&bench->heard, count++ ? "," : "");
        buf_append(&bench->heard, item.data, item.len);
    }
    buf_append_str(&bench->heard, ">");
    assert_int_equal(count, item_count);
    if (bench->odd_only && audience_of(key) == AUDIENCE_USER && key.data[key.len - 1] % 2 == 0)
        return 0;
    return bench->clients;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    const struct push_handler_conf conf = {.limits = {.max_room_len = 16, .max_item_len = 64, .max_depth = 4},
                                           .max_items = 5,
                                           .sink = {.deliver = deliver, .arg = bench}};

    assert_int_equal(push_handler_new(&conf, &bench->handler), STATUS_OK);
    buf_init(&bench->heard, 1 << 20);
    buf_init(&bench->batch, 1 << 20);
    buf_init(&bench->answer, 1 << 20);
    bench->now = 1;
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    push_handler_free(bench->handler);
    buf_fini(&bench->heard);
    buf_fini(&bench->batch);
    buf_fini(&bench->answer);
    free(bench);
    return 0;
}

static void begin(struct bench *bench, const char *logic, uint64_t first, uint32_t count)
{
    uint8_t id[LOGIC_ID_LEN] = {0};

    memcpy(id, logic, strlen(logic));
    buf_clear(&bench->batch);
    buf_reserve(&bench->batch, PUSH_BATCH_HEADER_LEN);
    push_batch_header_encode(id, first, count, 0, bench->batch.data);
    bench->batch.len = PUSH_BATCH_HEADER_LEN;
}

static void add(struct bench *bench, uint64_t sequence, const struct push *push)
{
    size_t size = push_record_size(push);

    buf_reserve(&bench->batch, size);
    push_record_encode(push, sequence, bench->batch.data + bench->batch.len);
    bench->batch.len += size;
}

static void add_item(struct bench *bench, uint64_t sequence, const char *room, const char *item, bool wait)
{
    struct slice rooms = slice_str(room);
    struct slice items = slice_str(item);

    add(bench, sequence, &(struct push){AUDIENCE_ROOM, &rooms, 1, &items, 1, .wait = wait});
}

static enum status send(struct bench *bench)
{
    enum status status;

    buf_clear(&bench->answer);
    buf_clear(&bench->heard);
    status = push_handler_batch(bench->handler, PUSH_BY_RPC, slice_of(bench->batch.data, bench->batch.len),
                                bench->now, &bench->answer, &bench->fault);
    buf_append(&bench->answer, "", 1);
    buf_append(&bench->heard, "", 1);
    return status;
}

static void test_the_sink_is_told_the_terms(void **state)
{
    struct bench *bench = *state;
    struct slice rooms[] = {slice_str("a"), slice_str("b")}, item = slice_str("1");
    const struct push plain = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1};
    const struct push with = {
        .target = AUDIENCE_ROOM,
        .rooms = rooms,
        .room_count = 2,
        .items = &item,
        .item_count = 1,
        .terms = {.key = slice_str("k"), .ttl_ms = 70, .has_ttl = true, .urgent = true}};

    begin(bench, "L", 1, 1);
    add(bench, 1, &with);
    assert_int_equal(send(bench), STATUS_OK);
    assert_string_equal((const char *)bench->heard.data, "a<1>b<1>");
    assert_true(bench->told_terms && bench->terms.urgent && bench->terms.has_ttl);
    assert_int_equal(bench->terms.ttl_ms, 70);
    assert_int_equal(bench->terms.exclusions.len, 0);
    begin(bench, "L", 2, 1);
    add(bench, 2, &plain);
    assert_int_equal(send(bench), STATUS_OK);
    assert_false(bench->told_terms);
}

/* It would be told to clients as if it were news. */
static void test_a_command_is_no_push(void **state)
{
    struct bench *bench = *state;
    struct slice item = slice_str("{}");
    const struct push order = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1, .command = true};

    begin(bench, "L", 1, 1);
    add(bench, 1, &order);
    assert_int_equal(send(bench), STATUS_INVALID);
    assert_string_equal(bench->fault.text, "at byte 48: unknown flags");
    assert_string_equal((const char *)bench->heard.data, "");
}

static enum status send_form(struct bench *bench, enum audience target, const char *body)
{
    enum status status;

    buf_clear(&bench->heard);
    status = push_handler_form(bench->handler, target, slice_str(body), &bench->fault, &bench->code);
    buf_append(&bench->heard, "", 1);
    return status;
}

#define assert_heard(bench, text)  assert_string_equal((const char *)(bench)->heard.data, (text))
#define assert_answer(bench, text) assert_string_equal((const char *)(bench)->answer.data, (text))

static void test_users_are_keys_with_a_mark(void **state)
{
    struct bench *bench = *state;
    struct slice users[] = {slice_str("u7"), slice_str("v123456789abcdef")};
    struct slice item = slice_str("1");

    bench->clients = 3;
    begin(bench, "L", 1, 2);
    add(bench, 1, &(struct push){AUDIENCE_USER, users, 2, &item, 1, .wait = false});
    add_item(bench, 2, "u7", "2", false);
    assert_int_equal(send(bench), STATUS_OK);
    assert_heard(bench, "\x02u7<1>\x02v123456789abcdef<1>u7<2>");
}

static void add_users(struct bench *bench, uint64_t sequence, bool wait)
{
    struct slice users[] = {slice_str("u0"), slice_str("u1"), slice_str("u2"), slice_str("u3")};
    struct slice item = slice_str("1");

    add(bench, sequence, &(struct push){AUDIENCE_USER, users, 4, &item, 1, .wait = wait});
}

/* Whose push waits learns which of its users are not there; for a room nobody is named. */
static void test_who_waits_learns_who_is_not_there(void **state)
{
    struct bench *bench = *state;

    bench->clients = 3;
    bench->odd_only = true;
    begin(bench, "L", 1, 4);
    add_users(bench, 1, true);
    add_item(bench, 2, "r", "1", true);
    add_users(bench, 3, false);
    add_users(bench, 4, true);
    assert_int_equal(send(bench), STATUS_OK);
    assert_answer(bench, "{\"applied\":4,\"pushes\":4,\"duplicates\":0,\"items\":4,"
                         "\"reached\":[[1,6,[0,2]],[2,3],[4,6,[0,2]]]}");
    bench->odd_only = false;
    assert_int_equal(send(bench), STATUS_OK); /* the same again: as it was then */
    assert_heard(bench, "");
    assert_answer(bench, "{\"applied\":4,\"pushes\":0,\"duplicates\":4,\"items\":0,"
                         "\"reached\":[[1,6,[0,2]],[2,3],[4,6,[0,2]]]}");
    begin(bench, "L", 5, 2);
    add_users(bench, 5, true);
    bench->clients = 0;
    add_item(bench, 6, "r", "1", true);
    assert_int_equal(send(bench), STATUS_OK);
    assert_answer(bench, "{\"applied\":6,\"pushes\":2,\"duplicates\":0,\"items\":2,"
                         "\"reached\":[[5,0,[0,1,2,3]],[6,0]]}");
    bench->clients = 1;
    begin(bench, "L", 7, 1);
    add_users(bench, 7, true);
    assert_int_equal(send(bench), STATUS_OK);
    assert_answer(bench, "{\"applied\":7,\"pushes\":1,\"duplicates\":0,\"items\":1,"
                         "\"reached\":[[7,4,[]]]}");
}

/* The bus came first, and nobody was there yet: RPC's answer says what held then. */
static void test_a_push_that_the_bus_brought_first_has_the_same_answer(void **state)
{
    struct bench *bench = *state;

    bench->clients = 1;
    begin(bench, "L", 1, 1);
    add_users(bench, 1, true);
    bench->odd_only = true;
    assert_int_equal(push_handler_batch(bench->handler, PUSH_BY_BUS,
                                        slice_of(bench->batch.data, bench->batch.len), bench->now, NULL,
                                        &bench->fault),
                     STATUS_OK);
    bench->odd_only = false;
    assert_int_equal(send(bench), STATUS_OK);
    assert_answer(bench, "{\"applied\":1,\"pushes\":0,\"duplicates\":1,\"items\":0,"
                         "\"reached\":[[1,2,[0,2]]]}");
}

static char *long_names(struct slice *users, size_t count)
{
    enum { NAME_SIZE = 24 };
    char *names = malloc(count * NAME_SIZE);

    assert_non_null(names);
    for (size_t i = 0; i < count; i++) {
        snprintf(names + i * NAME_SIZE, NAME_SIZE, "%06zu", i);
        users[i] = slice_str(names + i * NAME_SIZE);
    }
    return names;
}

/* Lists of who is not there do not make the answer longer than a logic reads. */
static void test_lists_of_users_are_bounded(void **state)
{
    enum { USERS = 60000, PUSHES = 3 };
    struct bench *bench = *state;
    struct slice *users = calloc(USERS, sizeof *users);
    char *names = long_names(users, USERS);
    struct slice item = slice_str("1");

    begin(bench, "L", 1, PUSHES);
    bench->batch.max = bench->heard.max = bench->answer.max = SIZE_MAX;
    for (uint64_t i = 1; i <= PUSHES; i++)
        add(bench, i, &(struct push){AUDIENCE_USER, users, USERS, &item, 1, .wait = true});
    assert_int_equal(send(bench), STATUS_OK);
    assert_non_null(strstr((char *)bench->answer.data, "[1,0,[0,1,2,"));
    assert_non_null(strstr((char *)bench->answer.data, "59998,59999]],[2,0],[3,0]]}"));
    assert_in_range(bench->answer.len, 300000, BATCH_TALLY_OFFLINE + 1024);
    free(names);
    free(users);
}

static void test_a_batch_is_applied_in_order(void **state)
{
    struct bench *bench = *state;
    struct slice rooms[] = {slice_str("a"), slice_str("b")};
    struct slice items[] = {slice_str("1"), slice_str("{\"x\": 1.00}")};

    bench->clients = 7;
    begin(bench, "L", 1, 3);
    add(bench, 1, &(struct push){AUDIENCE_EVERYONE, NULL, 0, items, 2, .wait = false});
    add(bench, 2, &(struct push){AUDIENCE_ROOM, rooms, 2, items, 2, .wait = true});
    add_item(bench, 5, "c", "true", true);
    assert_int_equal(send(bench), STATUS_OK);
    assert_heard(bench, "*<1,{\"x\": 1.00}>a<1,{\"x\": 1.00}>b<1,{\"x\": 1.00}>c<true>");
    assert_answer(bench,
                  "{\"applied\":5,\"pushes\":3,\"duplicates\":0,\"items\":5,\"reached\":[[2,14],[5,7]]}");
}

static void test_the_same_batch_again_gets_the_first_answers_reached(void **state)
{
    struct bench *bench = *state;

    bench->clients = 3;
    begin(bench, "L", 10, 2);
    add_item(bench, 10, "a", "1", true);
    add_item(bench, 11, "a", "2", false);
    send(bench);
    bench->clients = 99;
    assert_int_equal(send(bench), STATUS_OK);
    assert_heard(bench, "");
    assert_answer(bench, "{\"applied\":11,\"pushes\":0,\"duplicates\":2,\"items\":0,\"reached\":[[10,3]]}");
}

static void test_a_batch_known_in_part_applies_only_the_new(void **state)
{
    struct bench *bench = *state;

    bench->clients = 1;
    begin(bench, "L", 1, 1);
    add_item(bench, 1, "a", "1", true);
    send(bench);
    bench->clients = 2;
    begin(bench, "L", 1, 2);
    add_item(bench, 1, "a", "1", true);
    add_item(bench, 2, "a", "2", true);
    send(bench);
    assert_heard(bench, "a<2>");
    assert_answer(bench,
                  "{\"applied\":2,\"pushes\":1,\"duplicates\":1,\"items\":1,\"reached\":[[1,1],[2,2]]}");
}

static void test_a_batch_again_in_pieces_keeps_its_answers(void **state)
{
    struct bench *bench = *state;

    bench->clients = 4;
    begin(bench, "L", 1, 2);
    add_item(bench, 1, "a", "1", true);
    add_item(bench, 2, "a", "2", true);
    send(bench);
    begin(bench, "L", 1, 1);
    add_item(bench, 1, "a", "1", true);
    send(bench);
    assert_answer(bench, "{\"applied\":2,\"pushes\":0,\"duplicates\":1,\"items\":0,\"reached\":[[1,4]]}");
    begin(bench, "L", 2, 1);
    add_item(bench, 2, "a", "2", true);
    send(bench);
    assert_answer(bench, "{\"applied\":2,\"pushes\":0,\"duplicates\":1,\"items\":0,\"reached\":[[2,4]]}");
}

static void test_sequence_zero_is_a_number_like_others(void **state)
{
    struct bench *bench = *state;

    begin(bench, "L", 0, 1);
    add_item(bench, 0, "a", "1", false);
    send(bench);
    assert_heard(bench, "a<1>");
    send(bench);
    assert_heard(bench, "");
}

static void test_logics_are_told_apart(void **state)
{
    struct bench *bench = *state;

    begin(bench, "L", 100, 1);
    add_item(bench, 100, "a", "1", false);
    send(bench);
    begin(bench, "M", 1, 1);
    add_item(bench, 1, "a", "2", false);
    send(bench);
    assert_heard(bench, "a<2>");
    assert_answer(bench, "{\"applied\":1,\"pushes\":1,\"duplicates\":0,\"items\":1,\"reached\":[]}");
}

static void test_nothing_of_an_invalid_batch_is_applied(void **state)
{
    struct bench *bench = *state;

    begin(bench, "L", 1, 2);
    add_item(bench, 1, "a", "1", false);
    add_item(bench, 2, "a", "01", false);
    assert_int_equal(send(bench), STATUS_INVALID);
    assert_heard(bench, "");
    assert_string_equal((char *)bench->answer.data, "");
    assert_non_null(strstr(bench->fault.text, "at byte"));

    begin(bench, "L", 1, 1);
    add_item(bench, 1, "a", "1", false);
    assert_int_equal(send(bench), STATUS_OK);
    assert_heard(bench, "a<1>");
}

static void test_a_batch_cut_anywhere_is_invalid(void **state)
{
    struct bench *bench = *state;
    size_t whole;

    begin(bench, "L", 1, 2);
    add_item(bench, 1, "a", "1", true);
    add_item(bench, 2, "b", "2", true);
    whole = bench->batch.len;
    for (bench->batch.len = 0; bench->batch.len < whole; bench->batch.len++) {
        assert_int_equal(send(bench), STATUS_INVALID);
        assert_heard(bench, "");
    }
    assert_int_equal(send(bench), STATUS_OK);
}

static void send_one_of(struct bench *bench, int logic)
{
    char name[16];

    snprintf(name, sizeof name, "logic-%d", logic);
    begin(bench, name, 1, 1);
    add_item(bench, 1, "a", "1", false);
    assert_int_equal(send(bench), STATUS_OK);
}

static void test_the_least_recently_used_logic_is_forgotten(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 1024; i++)
        send_one_of(bench, i);
    send_one_of(bench, 0);
    assert_heard(bench, "");
    send_one_of(bench, 1024);
    send_one_of(bench, 0);
    assert_heard(bench, "");
    send_one_of(bench, 1);
    assert_heard(bench, "a<1>");
}

static void test_a_logic_is_forgotten_after_an_idle_hour(void **state)
{
    struct bench *bench = *state;

    send_one_of(bench, 1);
    bench->now += HOUR - 1;
    send_one_of(bench, 1);
    assert_heard(bench, "");
    bench->now += HOUR;
    send_one_of(bench, 1);
    assert_heard(bench, "a<1>");
}

static void test_form_calls_are_applied(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(send_form(bench, AUDIENCE_ROOM, "room=default&items=[{\"msg\": \"hi\"},2]"), STATUS_OK);
    assert_heard(bench, "default<{\"msg\": \"hi\"},2>");
    assert_int_equal(send_form(bench, AUDIENCE_EVERYONE, "items=%5B%22a%26b%22%5D&room=ignored"), STATUS_OK);
    assert_heard(bench, "*<\"a&b\">");
    assert_int_equal(send_form(bench, AUDIENCE_EVERYONE, "items=%5B%22a%26b%22%5D"), STATUS_OK);
    assert_heard(bench, "*<\"a&b\">");
}

static void test_form_faults_have_codes(void **state)
{
    static const struct {
        enum audience target;
        const char *body;
        const char *code;
        const char *message;
    } cases[] = {
        {AUDIENCE_EVERYONE, "", "invalid_request", "items"},
        {AUDIENCE_EVERYONE, "items", "invalid_json", "items"},
        {AUDIENCE_EVERYONE, "items=", "invalid_json", "items"},
        {AUDIENCE_EVERYONE, "items=[]", "invalid_request", "empty"},
        {AUDIENCE_EVERYONE, "items={}", "invalid_request", "not an array"},
        {AUDIENCE_EVERYONE, "items=[1,]", "invalid_json", "at byte"},
        {AUDIENCE_EVERYONE, "items=[\"%ff\"]", "invalid_json", "UTF-8"},
        {AUDIENCE_EVERYONE, "items=%zz", "invalid_request", "byte 6"},
        {AUDIENCE_EVERYONE, "items=[[[[[[1]]]]]]", "invalid_json", "4"},
        {AUDIENCE_EVERYONE, "items=[1,2,3,4,5,6]", "too_many_items", "6 items, 5"},
        {AUDIENCE_EVERYONE, "items=[1,\"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaa\"]",
         "item_too_large", "at byte 3: an item of 66 bytes"},
        {AUDIENCE_ROOM, "items=[1]", "invalid_room", "room"},
        {AUDIENCE_ROOM, "room=&items=[1]", "invalid_room", "empty"},
        {AUDIENCE_ROOM, "room=a%0Ab&items=[1]", "invalid_room", "control"},
        {AUDIENCE_ROOM, "room=aaaaaaaaaaaaaaaaa&items=[1]", "invalid_room", "too long"},
        {AUDIENCE_ROOM, "room=%c3%28&items=[1]", "invalid_room", "UTF-8"},
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(send_form(bench, cases[i].target, cases[i].body), STATUS_INVALID);
        assert_heard(bench, "");
        assert_string_equal(bench->code, cases[i].code);
        if (strstr(bench->fault.text, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].body, bench->fault.text);
    }
}

static void test_the_depth_of_a_form_item_is_its_own(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(send_form(bench, AUDIENCE_EVERYONE, "items=[[[[[]]]]]"), STATUS_OK);
    assert_heard(bench, "*<[[[[]]]]>");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_is_applied_in_order),
        TEST(test_the_sink_is_told_the_terms),
        TEST(test_a_command_is_no_push),
        TEST(test_users_are_keys_with_a_mark),
        TEST(test_who_waits_learns_who_is_not_there),
        TEST(test_a_push_that_the_bus_brought_first_has_the_same_answer),
        TEST(test_lists_of_users_are_bounded),
        TEST(test_the_same_batch_again_gets_the_first_answers_reached),
        TEST(test_a_batch_known_in_part_applies_only_the_new),
        TEST(test_a_batch_again_in_pieces_keeps_its_answers),
        TEST(test_sequence_zero_is_a_number_like_others),
        TEST(test_logics_are_told_apart),
        TEST(test_nothing_of_an_invalid_batch_is_applied),
        TEST(test_a_batch_cut_anywhere_is_invalid),
        TEST(test_the_least_recently_used_logic_is_forgotten),
        TEST(test_a_logic_is_forgotten_after_an_idle_hour),
        TEST(test_form_calls_are_applied),
        TEST(test_form_faults_have_codes),
        TEST(test_the_depth_of_a_form_item_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
