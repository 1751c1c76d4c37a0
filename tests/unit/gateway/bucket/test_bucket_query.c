/* SPDX-License-Identifier: Apache-2.0 */
/* What a bucket finds of rooms, users and clients; in slices, in turn, and every part comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/bucket/bucket_query.h"
#include "gateway/bucket/client_report.h"
#include "gateway/bucket/query_rooms.h"
#include "tests/unit/gateway/bucket/auth_bench.h"

static struct query query;
static struct query_part part;

static void ask_part(struct client_bench *bench, struct query_part *out, const struct query *what)
{
    *out = (struct query_part){.query = what};
    query_page_init(&out->found.page, what->limit);
    bucket_query_add(&bench->bucket, out);
}

static void forget_part(struct query_part *of)
{
    distinct_fini(&of->found.users);
    query_page_fini(&of->found.page);
}

static bool is_back(struct client_bench *bench, const struct query_part *of)
{
    bool back = false;
    struct mail *next;

    for (struct mail *mail = mailbox_take(bench->conf.returns); mail != NULL; mail = next) {
        next = mail->next;
        back = back || container_of(mail, struct control_mail, mail) == &of->back;
    }
    return back;
}

static void name(enum query_op op, enum audience kind, const char *text)
{
    uint8_t bytes[AUDIENCE_KEY_MAX];
    struct slice key = audience_key_of(kind, slice_str(text), bytes);

    query = (struct query){.op = op, .limit = 10, .users = true};
    memcpy(query.name, key.data, key.len);
    query.name_len = key.len;
}

/* Asks and works until the part is back; the slices that it took. */
static int run(struct client_bench *bench)
{
    int slices = 1;

    ask_part(bench, &part, &query);
    while (bucket_query_work(&bench->bucket))
        slices++;
    assert_true(is_back(bench, &part));
    assert_int_equal(part.found.status, STATUS_OK);
    return slices;
}

/* The page: "key=payload*count " of each. */
static const char *page(void)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < part.found.page.count; i++) {
        struct slice key = query_entry_key(part.found.page.entries[i]);
        struct slice payload = query_entry_payload(part.found.page.entries[i]);

        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s=%.*s*%u ", (int)key.len,
                                (const char *)key.data, (int)payload.len, (const char *)payload.data,
                                part.found.page.entries[i]->count);
    }
    return text;
}

static void a_rooms_users_and_connections(void **state)
{
    struct client_bench *bench = *state;
    bool exact;

    (void)auth_connect(bench, "/connect", "\"sub\":\"b\",\"join\":[\"r\"],\"info\":{\"n\":1}");
    (void)auth_connect(bench, "/connect", "\"sub\":\"a\",\"join\":[\"r\"]");
    (void)auth_connect(bench, "/connect", "\"sub\":\"b\",\"join\":[\"r\"]");
    (void)auth_connect(bench, "/connect", "\"sub\":\"c\",\"join\":[\"s\"]");
    auth_set("auth-required", "false");
    auth_set("auth-anonymous-rooms", "r");
    auth_apply(bench);
    (void)bench_connect(bench, "/connect?join=r");
    name(QUERY_ROOM, AUDIENCE_ROOM, "r");
    (void)run(bench);
    assert_int_equal(part.found.count, 4);
    assert_int_equal(distinct_count(&part.found.users, &exact), 2);
    assert_string_equal(page(), "f:a=*1 f:b={\"n\":1}*2 ");
    forget_part(&part);
    memcpy(query.after, "f:a", query.after_len = 3);
    (void)run(bench);
    assert_string_equal(page(), "f:b={\"n\":1}*2 ");
    assert_int_equal(distinct_count(&part.found.users, &exact), 2);
    forget_part(&part);
    query.users = false;
    (void)run(bench);
    assert_string_equal(page(), "");
    forget_part(&part);
    name(QUERY_ROOM, AUDIENCE_ROOM, "nobody's");
    (void)run(bench);
    assert_int_equal(part.found.count, 0);
    forget_part(&part);
}

static void hashes_go_by_the_key(void **state)
{
    struct client_bench *bench = *state;
    const uint64_t key[2] = {3, 4};
    const uint64_t *hashes;

    (void)auth_connect(bench, "/connect", "\"sub\":\"u\",\"join\":[\"r\"]");
    name(QUERY_ROOM, AUDIENCE_ROOM, "r");
    memcpy(query.hash_key, key, sizeof key);
    (void)run(bench);
    assert_int_equal(distinct_hashes(&part.found.users, &hashes), 1);
    assert_true(hashes[0] == hashmap_siphash(key, slice_str("f:u")));
    forget_part(&part);
}

static void a_users_connections(void **state)
{
    struct client_bench *bench = *state;

    (void)auth_connect(bench, "/connect?v=2", "\"sub\":\"u\",\"join\":[\"r\",\"s\"],\"info\":[7]");
    struct ws_conn *second = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    (void)auth_connect(bench, "/connect", "\"sub\":\"v\"");
    assert_true(cidr_address_parse(slice_str("192.0.2.7"), second->ticket.peer));
    second->ticket.accepted_us = bench->now_us;
    bench->now_us += 5000000;
    name(QUERY_USER, AUDIENCE_USER, "f:u");
    (void)run(bench);
    assert_int_equal(part.found.count, 2);
    assert_int_equal(part.found.page.count, 2);
    assert_non_null(strstr(page(), "\"version\":2,\"rooms\":[\"r\",\"s\"],\"roomCount\":2,\"info\":[7]}*1 "));
    assert_non_null(strstr(page(),
                           "{\"connection\":\"abc0000000000001-1-80\",\"since\":1700000001,\"address\":"
                           "\"192.0.2.7\",\"version\":1,\"rooms\":[],\"roomCount\":0,\"info\":null}"));
    forget_part(&part);
}

static void a_client_by_its_id(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    query = (struct query){.op = QUERY_CLIENT, .limit = 1};
    assert_true(client_connection_id(conn->client, &query.connection));
    (void)run(bench);
    assert_int_equal(part.found.count, 1);
    assert_non_null(strstr(page(), "\"roomCount\":0,\"user\":\"f:u\",\"info\":null}*1 "));
    forget_part(&part);
    bench_frame(conn, 8, "\x03\xe8", 2);
    (void)run(bench);
    assert_int_equal(part.found.count, 0);
    assert_int_equal(part.found.page.count, 0);
    forget_part(&part);
}

static void who_is_nobody_yet_is_found_by_its_id(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");

    query = (struct query){.op = QUERY_CLIENT, .limit = 1};
    assert_true(client_connection_id(conn->client, &query.connection));
    (void)run(bench);
    assert_non_null(strstr(page(), "\"roomCount\":0,\"user\":null,\"info\":null}*1 "));
    forget_part(&part);
}

static void so_many_of_its_rooms_are_named(void **state)
{
    struct client_bench *bench = *state;
    const struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    int named = 0;

    bench->bucket.limits.max_rooms = 150;
    for (int i = 0; i < 150; i++) {
        char room[24];
        int len = snprintf(room, sizeof room, "room-%d", i);

        assert_int_equal(client_join(conn->client, slice_of(room, (size_t)len), MEMBER_BY_RIGHT), STATUS_OK);
    }
    query = (struct query){.op = QUERY_CLIENT, .limit = 1};
    assert_true(client_connection_id(conn->client, &query.connection));
    (void)run(bench);
    for (const char *at = page(); (at = strstr(at, "\"room-")) != NULL; at++)
        named++;
    assert_int_equal(named, CLIENT_REPORT_ROOMS);
    assert_non_null(strstr(page(), "],\"roomCount\":150,"));
    forget_part(&part);
}

static void enter_many(struct client_bench *bench, int count)
{
    for (int i = 0; i < count; i++) {
        char room[24];
        int len = snprintf(room, sizeof room, "r%d", i);
        struct slice key = slice_of(room, (size_t)len);

        struct directory_entry *entry = directory_enter(bench->directory, key, hashmap_hash(key), 5);
        atomic_store(&entry->members[ENCODING_WS_V2], (unsigned)i);
    }
}

static void leave_many(struct client_bench *bench)
{
    struct subscribers here;

    for (int i = 0;; i++) {
        char room[24];
        int len = snprintf(room, sizeof room, "r%d", i);
        struct slice key = slice_of(room, (size_t)len);

        here = directory_find(bench->directory, key, hashmap_hash(key));
        if (here.buckets == 0)
            return;
        directory_exit(bench->directory, directory_enter(bench->directory, key, hashmap_hash(key), 5), 5);
    }
}

static void the_busiest_rooms_of_all_buckets(void **state)
{
    struct client_bench *bench = *state;

    (void)auth_connect(bench, "/connect", "\"sub\":\"u\",\"join\":[\"other\"]");
    enter_many(bench, 1000);
    name(QUERY_ROOMS, AUDIENCE_ROOM, "r");
    query.limit = 3;
    assert_true(run(bench) >= 1000 / QUERY_SLICE);
    assert_int_equal(part.found.count, 999); /* the first has nobody */
    assert_int_equal(part.found.page.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(query_rooms_connections(part.found.page.entries[i]), 999 - i);
    assert_true(slice_equal(query_rooms_name(part.found.page.entries[0]), slice_str("r999")));
    forget_part(&part);
    query.name_len = 0;
    (void)run(bench);
    assert_int_equal(part.found.count, 1000); /* users and everyone are no rooms */
    forget_part(&part);
    leave_many(bench);
}

/* Members of a room without sockets, more than a slice. */
static struct client crowd[3 * QUERY_SLICE];

static void crowd_joins(struct client_bench *bench)
{
    for (size_t i = 0; i < sizeof crowd / sizeof crowd[0]; i++) {
        crowd[i] = (struct client){.bucket = &bench->bucket};
        assert_int_equal(client_join(&crowd[i], slice_str("r"), MEMBER_BY_RIGHT), STATUS_OK);
    }
}

static void crowd_leaves(void)
{
    for (size_t i = 0; i < sizeof crowd / sizeof crowd[0]; i++) {
        client_leave_all(&crowd[i]);
        free(crowd[i].rooms);
    }
}

static void parts_take_turns_in_slices(void **state)
{
    struct client_bench *bench = *state;
    struct query_part small;
    struct query question;

    crowd_joins(bench);
    name(QUERY_ROOM, AUDIENCE_ROOM, "r");
    assert_int_equal(run(bench), 3);
    assert_int_equal(part.found.count, 3 * QUERY_SLICE);
    forget_part(&part);
    ask_part(bench, &part, &query);
    question = query;
    question.name[0] = 's';
    ask_part(bench, &small, &question);
    assert_true(bucket_query_work(&bench->bucket));
    assert_true(bucket_query_work(&bench->bucket));
    assert_true(is_back(bench, &small));
    bucket_query_end(&bench->bucket);
    assert_true(is_back(bench, &part));
    assert_false(bucket_query_work(&bench->bucket));
    forget_part(&part);
    forget_part(&small);
    crowd_leaves();
}

static void what_is_given_up_comes_back_at_once(void **state)
{
    struct client_bench *bench = *state;

    crowd_joins(bench);
    name(QUERY_ROOM, AUDIENCE_ROOM, "r");
    ask_part(bench, &part, &query);
    assert_true(bucket_query_work(&bench->bucket));
    atomic_store(&query.given_up, true);
    assert_false(bucket_query_work(&bench->bucket));
    assert_true(is_back(bench, &part));
    assert_true(list_empty(&bench->bucket.scans));
    forget_part(&part);
    crowd_leaves();
}

static void a_room_may_end_under_a_query(void **state)
{
    struct client_bench *bench = *state;

    crowd_joins(bench);
    name(QUERY_ROOM, AUDIENCE_ROOM, "r");
    ask_part(bench, &part, &query);
    assert_true(bucket_query_work(&bench->bucket));
    crowd_leaves();
    assert_false(bucket_query_work(&bench->bucket));
    assert_true(is_back(bench, &part));
    forget_part(&part);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, auth_setup, auth_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_rooms_users_and_connections),
        EACH(hashes_go_by_the_key),
        EACH(a_users_connections),
        EACH(a_client_by_its_id),
        EACH(who_is_nobody_yet_is_found_by_its_id),
        EACH(so_many_of_its_rooms_are_named),
        EACH(the_busiest_rooms_of_all_buckets),
        EACH(parts_take_turns_in_slices),
        EACH(what_is_given_up_comes_back_at_once),
        EACH(a_room_may_end_under_a_query),
    };

    return cmocka_run_group_tests_name("bucket_query", tests, NULL, NULL);
}
