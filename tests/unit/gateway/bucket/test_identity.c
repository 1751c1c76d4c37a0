/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in and who does not, what each may join, and when it ends: every rule both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/auth_bench.h"

#define ACK(id)      "text:{\"type\":\"ACK\",\"id\":" id "} "
#define LEFT(r, why) "text:{\"type\":\"LEFT\",\"data\":{\"room\":\"" r "\",\"reason\":\"" why "\"}} "

/* The transcript, which may be long, begins with an ERROR of that code and ends so. */
static void expect_refused(struct ws_conn *conn, const char *id, const char *code, const char *end)
{
    char begin[128];
    const char *out = bench_out(conn);

    snprintf(begin, sizeof begin, "text:{\"type\":\"ERROR\"%s%s,\"data\":{\"code\":\"%s\",\"message\":\"",
             id != NULL ? ",\"id\":" : "", id != NULL ? id : "", code);
    if (strncmp(out, begin, strlen(begin)) != 0 || strlen(out) < strlen(end) ||
        strcmp(out + strlen(out) - strlen(end), end) != 0)
        fail_msg("%s... %s: %s", begin, end, out);
}

/* What is said to nobody in particular reaches it or not. */
static bool gets_broadcasts(struct client_bench *bench, struct ws_conn *conn)
{
    bench_push(bench, "", "\"news\"");
    bench_run(bench);
    return strstr(bench_out(conn), "news") != NULL;
}

static void a_good_token_gets_in(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn =
        auth_connect(bench, "/connect?join=a", "\"sub\":\"u\",\"rooms\":[\"a\"],\"join\":[\"z\"]");

    bench_expect(conn, "");
    assert_true(bench_is_in(conn, "") && bench_is_in(conn, "a") && bench_is_in(conn, "z"));
    assert_true(bench_is_in(conn, "\002f:u"));
    assert_true(gets_broadcasts(bench, conn));
    assert_int_equal(metrics_get(M_AUTH_GRANTED_TOKEN), 1);
}

static void a_bad_token_gets_101_and_why(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_ask(bench, "/connect?join=a", auth_token(-60, "\"sub\":\"u\""));

    bench_opened(conn);
    expect_refused(conn, NULL, "token_expired", "close:4202 token_expired ");
    assert_int_equal(conn->client->room_count, 0);
    conn = auth_ask(bench, "/connect", "a.b.c");
    bench_opened(conn);
    expect_refused(conn, NULL, "unauthorized", "close:4002 unauthorized ");
    assert_int_equal(metrics_get(M_AUTH_REFUSED_EXPIRED), 1);
    assert_int_equal(metrics_get(M_AUTH_REFUSED_MALFORMED), 1);
    assert_int_equal(metrics_get(M_CLOSED_4002), 1);
    assert_int_equal(metrics_get(M_CLOSED_4202), 1);
}

static void a_token_shown_and_bad_is_never_anonymous(void **state)
{
    struct client_bench *bench = *state;

    auth_set("auth-required", "false");
    auth_apply(bench);
    struct ws_conn *conn = auth_ask(bench, "/connect", "");
    bench_opened(conn);
    expect_refused(conn, NULL, "unauthorized", "close:4002 unauthorized ");
}

static void who_shows_nothing_is_nobody(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect?join=a");

    assert_int_equal(conn->client->room_count, 0);
    assert_false(gets_broadcasts(bench, conn));
    bench_says(conn, "{\"type\":\"PING\",\"id\":1,\"data\":{}}");
    bench_frame(conn, 9, "", 0);
    bench_expect(conn, ACK("1") "pong: ");
    assert_int_equal(metrics_get(M_AUTH_PENDING), 1);
    auth_says(conn, auth_token(600, "\"sub\":\"u\",\"rooms\":[\"a\"]"));
    bench_expect(conn, ACK("1"));
    assert_true(bench_is_in(conn, "a"));
    assert_true(gets_broadcasts(bench, conn));
    assert_int_equal(metrics_get(M_AUTH_PENDING), 0);
}

static void who_shows_a_token_later_is_welcomed_then_and_once(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect?v=2");

    bench->bucket.limits.heartbeat_ms = 60000;
    bench_expect(conn, "");
    auth_says(conn, auth_token(600, "\"sub\":\"u\""));
    bench_expect(conn, BENCH_WELCOME("0-40") ACK("1"));
    auth_says(conn, auth_token(700, "\"sub\":\"u\""));
    bench_expect(conn, ACK("1"));
}

static void who_shows_a_good_token_is_welcomed_with_the_101(void **state)
{
    struct client_bench *bench = *state;

    bench->bucket.limits.heartbeat_ms = 60000;
    struct ws_conn *conn = auth_connect(bench, "/connect?v=2", "\"sub\":\"u\"");
    assert_int_equal(conn->writes, 1);
    bench_expect(conn, BENCH_WELCOME("0-40"));
    conn = auth_ask(bench, "/connect?v=2", auth_token(-60, "\"sub\":\"u\""));
    bench_opened(conn);
    expect_refused(conn, NULL, "token_expired", "close:4202 token_expired ");
}

static void who_was_there_before_auth_is_not_welcomed_twice(void **state)
{
    struct client_bench *bench = *state;

    bench->bucket.limits.heartbeat_ms = 60000;
    bucket_auth_set_policy(&bench->bucket, NULL);
    struct ws_conn *conn = bench_connect(bench, "/connect?v=2");
    bench_expect(conn, BENCH_WELCOME("0-40"));
    auth_apply(bench);
    auth_says(conn, auth_token(600, "\"sub\":\"u\""));
    bench_expect(conn, ACK("1"));
}

static void nobody_may_only_say_who_it_is(void **state)
{
    static const char *const texts[] = {
        "{\"type\":\"JOIN\",\"id\":7,\"data\":{\"room\":\"a\"}}",
        "{\"type\":\"LEAVE\",\"id\":7,\"data\":{\"room\":\"a\"}}",
        "{\"type\":\"NEWS\",\"id\":7}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ws_conn *conn = bench_connect(*state, "/connect");

        bench_says(conn, texts[i]);
        expect_refused(conn, "7", "unauthorized", "close:4002 unauthorized ");
    }
    struct ws_conn *conn = bench_connect(*state, "/connect");
    bench_frame(conn, 2, "x", 1);
    expect_refused(conn, NULL, "unauthorized", "close:4002 unauthorized ");
    assert_int_equal(metrics_get(M_AUTH_PENDING), 0);
}

static void one_failed_auth_closes(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    auth_says(conn, auth_token(-60, ""));
    expect_refused(conn, "1", "token_expired", "close:4202 token_expired ");
    conn = bench_connect(*state, "/connect");
    bench_says(conn, "{\"type\":\"AUTH\",\"id\":1}");
    expect_refused(conn, "1", "unauthorized", "close:4002 unauthorized ");
    conn = auth_connect(*state, "/connect", "\"sub\":\"u\"");
    auth_says(conn, "a.b.c");
    expect_refused(conn, "1", "unauthorized", "close:4002 unauthorized ");
}

static void the_deadline_is_for_those_that_show_nothing(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *silent = bench_connect(bench, "/connect");
    struct ws_conn *pinging = bench_connect(bench, "/connect");
    struct ws_conn *known = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    bench_wait_ms(bench, 9000);
    bench_says(pinging, "{\"type\":\"PING\",\"id\":1}");
    bench_expect(pinging, ACK("1"));
    bench_expect(silent, "");
    bench_wait_ms(bench, 1100);
    expect_refused(silent, NULL, "unauthorized", "close:4002 unauthorized ");
    expect_refused(pinging, NULL, "unauthorized", "close:4002 unauthorized ");
    bench_expect(known, "");
}

static void the_oldest_makes_place(void **state)
{
    struct client_bench *bench = *state;

    auth_set("auth-max-pending", "2");
    auth_apply(bench);
    struct ws_conn *first = bench_connect(bench, "/connect");
    struct ws_conn *second = bench_connect(bench, "/connect");
    bench_expect(first, "");
    struct ws_conn *third = bench_connect(bench, "/connect");
    expect_refused(first, NULL, "auth_unavailable", "close:4101 auth_unavailable ");
    bench_expect(second, "");
    auth_says(second, auth_token(600, "\"sub\":\"u\""));
    bench_expect(second, ACK("1"));
    (void)bench_connect(bench, "/connect"); /* second counts no more */
    bench_expect(third, "");
    assert_int_equal(metrics_get(M_AUTH_PENDING), 2);
}

static void buckets_share_what_may_be_pending(void **state)
{
    struct client_bench *bench = *state;

    auth_set("auth-max-pending", "8");
    bench->conf.buckets = 8;
    auth_apply(bench);
    struct ws_conn *first = bench_connect(bench, "/connect");
    (void)bench_connect(bench, "/connect");
    expect_refused(first, NULL, "auth_unavailable", "close:4101 auth_unavailable ");
}

static void anonymous_ones_get_what_is_theirs(void **state)
{
    struct client_bench *bench = *state;

    auth_set("auth-required", "false");
    auth_set("auth-anonymous-rooms", "lobby");
    auth_set("auth-rooms", "members");
    auth_apply(bench);
    struct ws_conn *conn = bench_connect(bench, "/connect?join=lobby");
    assert_true(bench_is_in(conn, "lobby"));
    assert_true(gets_broadcasts(bench, conn));
    auth_joins(conn, "members", NULL);
    expect_refused(conn, "2", "forbidden", "} ");
    auth_says(conn, auth_token(600, "\"sub\":\"u\"")); /* becomes somebody */
    bench_expect(conn, LEFT("lobby", "forbidden") ACK("1"));
    auth_joins(conn, "members", NULL);
    bench_expect(conn, ACK("2"));
    assert_int_equal(metrics_get(M_AUTH_GRANTED_ANONYMOUS), 1);
}

static void joins_go_by_rights(void **state)
{
    struct ws_conn *conn = auth_connect(*state, "/connect", "\"sub\":\"u\",\"rooms\":[\"a.*\",\"{sub}\"]");

    auth_joins(conn, "a.1", NULL);
    auth_joins(conn, "u", NULL);
    bench_expect(conn, ACK("2") ACK("2"));
    auth_joins(conn, "f:u", NULL);
    expect_refused(conn, "2", "forbidden", "} ");
    bench_says(conn, "{\"type\":\"JOIN\",\"data\":{\"room\":\"b\"}}"); /* without id: ignored */
    bench_expect(conn, "");
    assert_true(bench_is_in(conn, "a.1") && bench_is_in(conn, "u") && !bench_is_in(conn, "b"));
    assert_int_equal(metrics_get(M_JOINS_REFUSED), 2);
}

static void rooms_of_the_handshake_go_by_rights_too(void **state)
{
    struct ws_conn *conn = auth_connect(*state, "/connect?join=a&join=b", "\"sub\":\"u\",\"rooms\":[\"a\"]");
    const char *out = bench_out(conn);

    assert_true(bench_is_in(conn, "a") && !bench_is_in(conn, "b"));
    assert_non_null(strstr(out, "\"code\":\"forbidden\""));
    assert_non_null(strstr(out, "\"room\":\"b\"}} "));
    assert_null(strstr(out, "\"id\""));
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
}

static void what_the_token_joins_stays(void **state)
{
    struct ws_conn *conn = auth_connect(*state, "/connect?join=a&join=b&join=c",
                                        "\"sub\":\"u\",\"rooms\":[\"*\"],\"join\":[\"w\",\"x\",\"y\",\"z\"]");

    assert_int_equal(conn->client->room_count, 1 + 1 + 4 + 3);
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":3,\"data\":{\"room\":\"w\"}}");
    expect_refused(conn, "3", "forbidden", "} ");
    assert_true(bench_is_in(conn, "w"));
    auth_joins(conn, "d", NULL);
    expect_refused(conn, "2", "too_many_rooms", "} ");
}

static void a_grant_ends_after_the_leeway(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_ask(bench, "/connect", auth_token(60, "\"sub\":\"u\""));

    bench_opened(conn);
    bench_wait_ms(bench, 69000);
    bench_expect(conn, "");
    bench_wait_ms(bench, 1500);
    bench_expect(conn, "close:4202 token_expired ");
    assert_int_equal(metrics_get(M_AUTH_EXPIRED), 1);
    assert_int_equal(metrics_get(M_CLOSED_4202), 1);
}

static void auth_again_extends(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_ask(bench, "/connect", auth_token(20, "\"sub\":\"u\""));

    bench_opened(conn);
    bench_wait_ms(bench, 10000);
    auth_says(conn, auth_token(40, "\"sub\":\"u\""));
    bench_expect(conn, ACK("1"));
    bench_wait_ms(bench, 30000);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    bench_wait_ms(bench, 21500);
    assert_int_equal(metrics_get(M_CLOSED_4202), 1);
    assert_int_equal(metrics_get(M_AUTH_GRANTED_TOKEN), 2);
}

static void another_user_is_another_connection(void **state)
{
    struct ws_conn *conn = auth_connect(*state, "/connect", "\"sub\":\"u\"");

    auth_says(conn, auth_token(600, "\"sub\":\"v\""));
    expect_refused(conn, "1", "unauthorized", "close:4002 unauthorized ");
    conn = auth_connect(*state, "/connect", "\"sub\":\"u\"");
    auth_says(conn, auth_slow_token(600, "\"sub\":\"u\"")); /* of the other issuer */
    (void)bucket_auth_judge_some(&((struct client_bench *)*state)->bucket);
    expect_refused(conn, "1", "unauthorized", "close:4002 unauthorized ");
    assert_int_equal(metrics_get(M_AUTH_REFUSED_OTHER_USER), 2);
}

/* AUTH replaces all rights: what is not covered ends, what was joined by the server may be left. */
static void a_renewal_replaces_all_rights(void **state)
{
    struct ws_conn *conn = auth_connect(*state, "/connect?join=a&join=b",
                                        "\"sub\":\"u\",\"rooms\":[\"a\",\"b\"],\"join\":[\"w\",\"x\",\"b\"]");

    bench_expect(conn, "");
    auth_says(conn, auth_token(600, "\"sub\":\"u\",\"rooms\":[\"b\",\"w\"],\"join\":[\"y\"]"));
    const char *out = bench_out(conn);
    assert_non_null(strstr(out, LEFT("a", "forbidden")));
    assert_non_null(strstr(out, LEFT("x", "forbidden")));
    assert_string_equal(out + strlen(out) - strlen(ACK("1")), ACK("1"));
    assert_true(bench_is_in(conn, "b") && bench_is_in(conn, "w") && bench_is_in(conn, "y"));
    assert_true(bench_is_in(conn, "") && bench_is_in(conn, "\002f:u"));
    assert_false(bench_is_in(conn, "a") || bench_is_in(conn, "x"));
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":3,\"data\":{\"room\":\"w\"}}");
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":4,\"data\":{\"room\":\"b\"}}");
    bench_expect(conn, ACK("3") ACK("4"));
}

static void a_room_token_opens_its_room(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    auth_joins(conn, "doc", auth_token(60, "\"sub\":\"u\",\"room\":\"doc\""));
    bench_expect(conn, ACK("2"));
    auth_joins(conn, "other", auth_token(60, "\"sub\":\"u\",\"room\":\"doc\""));
    expect_refused(conn, "2", "forbidden", "} ");
    auth_joins(conn, "other", auth_token(60, "\"sub\":\"v\",\"room\":\"other\""));
    expect_refused(conn, "2", "forbidden", "} ");
    auth_joins(conn, "other", auth_token(-60, "\"sub\":\"u\",\"room\":\"other\""));
    expect_refused(conn, "2", "forbidden", "} ");
    auth_joins(conn, "other", "nonsense");
    expect_refused(conn, "2", "forbidden", "} ");
    assert_true(bench_is_in(conn, "doc") && !bench_is_in(conn, "other"));
    assert_int_equal(metrics_get(M_JOINS_REFUSED), 4);
    auth_says(conn, auth_token(600, "\"sub\":\"u\"")); /* a renewal does not end it */
    bench_expect(conn, ACK("1"));
    assert_true(bench_is_in(conn, "doc"));
    bench_wait_ms(bench, 71000);
    bench_expect(conn, LEFT("doc", "token_expired"));
    assert_false(bench_is_in(conn, "doc"));
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
}

static void a_newer_room_token_extends(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    auth_joins(conn, "doc", auth_token(60, "\"sub\":\"u\",\"room\":\"doc\""));
    auth_joins(conn, "doc2", auth_token(30, "\"sub\":\"u\",\"room\":\"doc*\""));
    auth_joins(conn, "doc", auth_token(120, "\"sub\":\"u\",\"room\":\"doc\""));
    bench_expect(conn, ACK("2") ACK("2") ACK("2"));
    bench_wait_ms(bench, 41000);
    bench_expect(conn, LEFT("doc2", "token_expired"));
    bench_wait_ms(bench, 60000);
    bench_expect(conn, "");
    bench_wait_ms(bench, 30000);
    bench_expect(conn, LEFT("doc", "token_expired"));
}

/* Who leaves such a room and comes back by right stays when the token ends. */
static void leaving_ends_the_pass(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    auth_joins(conn, "doc", auth_token(60, "\"sub\":\"u\",\"room\":\"doc\""));
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":3,\"data\":{\"room\":\"doc\"}}");
    bench_expect(conn, ACK("2") ACK("3"));
    assert_int_equal(conn->client->auth->pass_count, 0);
    auth_joins(conn, "doc", auth_token(60, "\"sub\":\"u\",\"room\":\"doc\""));
    auth_says(conn, auth_token(600, "\"sub\":\"u\",\"rooms\":[\"doc\"]"));
    bench_expect(conn, ACK("2") ACK("1"));
    bench_wait_ms(bench, 90000);
    bench_expect(conn, "");
    assert_true(bench_is_in(conn, "doc"));
}

static void a_room_token_is_good_in_a_join_only(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_ask(bench, "/connect", auth_token(60, "\"sub\":\"u\",\"room\":\"doc\""));

    bench_opened(conn);
    expect_refused(conn, NULL, "unauthorized", "close:4002 unauthorized ");
    conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    auth_joins(conn, "doc", auth_token(60, "\"sub\":\"u\",\"rooms\":[\"*\"]"));
    expect_refused(conn, "2", "forbidden", "} ");
}

static void a_user_has_so_many_connections(void **state)
{
    struct client_bench *bench = *state;

    auth_max_per_user = 2;
    auth_apply(bench);
    struct ws_conn *first = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    (void)auth_connect(bench, "/connect?v=2", "\"sub\":\"u\"");
    struct ws_conn *third = auth_ask(bench, "/connect", auth_token(600, "\"sub\":\"u\""));
    bench_opened(third);
    expect_refused(third, NULL, "too_many_for_user", "close:4102 too_many_for_user ");
    auth_says(first, auth_token(600, "\"sub\":\"u\"")); /* who is in stays in */
    bench_expect(first, ACK("1"));
    (void)auth_connect(bench, "/connect", "\"sub\":\"v\"");
    bench_frame(first, 8, "\x03\xe8", 2);
    (void)auth_connect(bench, "/connect", "\"sub\":\"u\"");
    assert_int_equal(metrics_get(M_CLOSED_4102), 1);
}

static void pushes_to_a_user_reach_all_of_his(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *one = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    struct ws_conn *two = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    struct ws_conn *other = auth_connect(bench, "/connect", "\"sub\":\"v\"");

    bench_push(bench, "\002f:u", "\"hi\"");
    bench_run(bench);
    assert_non_null(strstr(bench_out(one), "hi"));
    assert_non_null(strstr(bench_out(two), "hi"));
    bench_expect(other, "");
}

/* What is behind an AUTH or a handshake waits with it, and is then taken in order. */
static void slow_tokens_wait_and_so_does_what_follows(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *late = bench_connect(bench, "/connect");
    struct ws_conn *early =
        auth_ask(bench, "/connect?join=a", auth_slow_token(600, "\"sub\":\"u\",\"rooms\":[\"a\",\"b\"]"));

    auth_says(late, auth_slow_token(600, "\"sub\":\"u\",\"rooms\":[\"a\"]"));
    auth_joins(late, "a", NULL);
    auth_joins(early, "b", NULL);
    bench_expect(late, "");
    assert_int_equal(early->raw_len, 0); /* no 101 yet */
    assert_false(bucket_auth_judge_some(&bench->bucket));
    bench_expect(late, ACK("1") ACK("2"));
    bench_opened(early);
    bench_expect(early, ACK("2"));
    assert_true(bench_is_in(early, "a") && bench_is_in(early, "b") && bench_is_in(late, "a"));
}

static void a_turn_judges_a_few(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conns[40];
    int judged = 0;

    for (int i = 0; i < 40; i++)
        conns[i] = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    assert_true(bucket_auth_judge_some(&bench->bucket));
    for (int i = 0; i < 40; i++)
        judged += conns[i]->raw_len > 0;
    assert_true(judged > 0 && judged <= 16);
    while (bucket_auth_judge_some(&bench->bucket))
        continue;
    for (int i = 0; i < 40; i++)
        bench_opened(conns[i]);
}

static void the_line_is_bounded(void **state)
{
    struct client_bench *bench = *state;

    auth_set("auth-max-pending", "2");
    auth_apply(bench);
    (void)auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    (void)auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    struct ws_conn *third = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    bench_opened(third);
    expect_refused(third, NULL, "auth_unavailable", "close:4101 auth_unavailable ");
}

static void held_input_is_bounded(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *opening = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    struct ws_conn *open = bench_connect(bench, "/connect");
    static char bytes[1024];

    auth_says(open, auth_slow_token(600, "\"sub\":\"u\""));
    for (int i = 0; i <= CLIENT_AUTH_MAX_HELD / 1024; i++) {
        bench_frame(open, 2, bytes, sizeof bytes);
        bench_frame(opening, 2, bytes, sizeof bytes);
    }
    bench_expect(open, "close:4100 rate_limited ");
    assert_true(opening->killed);
    assert_false(bucket_auth_judge_some(&bench->bucket)); /* and nobody waits any more */
    assert_int_equal(bench->bucket.auth.line_count, 0);
}

static void who_dies_while_he_waits_is_forgotten(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *opening = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    struct ws_conn *open = bench_connect(bench, "/connect");

    auth_says(open, auth_slow_token(600, "\"sub\":\"u\""));
    bench_gone(opening);
    bench_gone(open);
    assert_int_equal(bench->bucket.auth.line_count, 0);
    assert_false(bucket_auth_judge_some(&bench->bucket));
    bench_wait_ms(bench, 20000);
}

/* A slow token that nobody judges in time: 4101. */
static void the_line_ends_too(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *opening = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    struct ws_conn *open = bench_connect(bench, "/connect");

    auth_says(open, auth_slow_token(600, "\"sub\":\"u\""));
    bench_wait_ms(bench, 10100);
    bench_opened(opening);
    expect_refused(opening, NULL, "auth_unavailable", "close:4101 auth_unavailable ");
    expect_refused(open, "1", "auth_unavailable", "close:4101 auth_unavailable ");
}

static void who_waits_for_a_renewal_is_not_closed_for_its_end(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_ask(bench, "/connect", auth_slow_token(5, "\"sub\":\"u\""));

    (void)bucket_auth_judge_some(&bench->bucket);
    bench_opened(conn);
    bench_wait_ms(bench, 14000);
    auth_says(conn, auth_slow_token(600, "\"sub\":\"u\""));
    bench_wait_ms(bench, 3000);
    bench_expect(conn, "");
    (void)bucket_auth_judge_some(&bench->bucket);
    bench_expect(conn, ACK("1"));
    bench_wait_ms(bench, 3000);
    bench_expect(conn, "");
}

static void tokens_may_be_longer_than_messages(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");
    char claims[1100] = "\"sub\":\"u\",\"more\":\"", text[2048];

    memset(claims + strlen(claims), 'x', 1000);
    strcat(claims, "\"");
    auth_says(conn, auth_token(600, claims));
    bench_expect(conn, ACK("1"));
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"type\":\"PING\"}", 15);
    bench_frame(conn, 1, text, 1024);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    (void)bench_out(conn);
    bench_frame(conn, 1, text, 1025); /* max_message is 1024 */
    bench_expect(conn, "close:1009 too_large ");
    conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    bench_frame(conn, 2, text, 1025);
    bench_expect(conn, "close:1009 too_large ");
}

static void a_drain_sends_nobody_away_too(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *pending = bench_connect(bench, "/connect");
    struct ws_conn *known = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    const struct drain_order order = {.duration_ms = 1000, .ramp_ms = 1000};

    bucket_drain_begin(&bench->bucket, &order);
    bench_wait_ms(bench, 1100);
    assert_memory_equal(bench_out(pending), "close:1001 going_away ", 22);
    assert_memory_equal(bench_out(known), "close:1001 going_away ", 22);
}

/* A reload: what is joined stays, what is asked for goes by the new policy. */
static void another_policy_is_for_what_comes(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect?join=a", "\"sub\":\"u\",\"rooms\":[\"*\"]");

    auth_set("auth-issuers", "[{\"iss\":\"other\",\"secretFile\":\"s\",\"userPrefix\":\"f:\"},"
                             "{\"iss\":\"slow\",\"jwks\":\"k\",\"userPrefix\":\"s:\"}]");
    auth_apply(bench);
    assert_true(bench_is_in(conn, "a"));
    auth_joins(conn, "b", NULL);
    expect_refused(conn, "2", "forbidden", "} ");
    auth_says(conn, auth_token(600, "\"sub\":\"u\""));
    expect_refused(conn, "1", "unauthorized", "close:4002 unauthorized ");
}

static void without_a_policy_nobody_is_asked(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *old = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    struct ws_conn *pending = bench_connect(bench, "/connect");

    bucket_auth_set_policy(&bench->bucket, NULL);
    bench_expect(pending, "close:4101 auth_unavailable ");
    struct ws_conn *conn = auth_ask(bench, "/connect?join=a", "nonsense");
    bench_opened(conn);
    assert_true(bench_is_in(conn, "a"));
    assert_null(conn->client->auth);
    bench_says(conn, "{\"type\":\"AUTH\",\"id\":1,\"data\":{\"token\":\"x\"}}");
    assert_non_null(strstr(bench_out(conn), "\"unknown_type\""));
    auth_joins(old, "anything", NULL);
    bench_expect(old, ACK("2"));
    auth_apply(bench); /* and again: who is there without a name may get one */
    auth_joins(conn, "b", NULL);
    bench_expect(conn, ACK("2"));
    auth_says(conn, auth_token(600, "\"sub\":\"u\",\"rooms\":[\"b\"]"));
    bench_expect(conn, LEFT("a", "forbidden") ACK("1")); /* it was open to all, and is not to this user */
    assert_true(bench_is_in(conn, "\002f:u") && bench_is_in(conn, "b") && !bench_is_in(conn, "a"));
}

static int told_of_unknown_keys(struct client_bench *bench, uint64_t source)
{
    struct mail *next;
    int count = 0;

    for (struct mail *mail = mailbox_take(bench->conf.returns); mail != NULL; mail = next) {
        struct control_mail *head = container_of(mail, struct control_mail, mail);

        next = mail->next;
        if (head->kind != CONTROL_KEYS)
            continue;
        struct keys_note *note = container_of(head, struct keys_note, head);
        assert_int_equal(note->source, source);
        free(note);
        count++;
    }
    return count;
}

/* A key that is not there may have been made since its issuer's were fetched: come back, and they are asked
 * for anew; but a flood of such tokens tells the control thread once a second. */
static void an_unknown_key_is_told_once_a_second(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conns[5];

    auth_slow_keys = (struct auth_keys){.fetched_s = wall_clock_s() - 3600, .url = true};
    auth_apply(bench);
    auth_kid = "k2";
    for (int i = 0; i < 5; i++)
        conns[i] = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    while (bucket_auth_judge_some(&bench->bucket))
        continue;
    for (int i = 0; i < 5; i++) {
        bench_opened(conns[i]);
        expect_refused(conns[i], NULL, "auth_unavailable", "close:4101 auth_unavailable ");
    }
    assert_int_equal(told_of_unknown_keys(bench, auth_source_of_issuer("slow")), 1);
    bench_wait_ms(bench, 1000);
    (void)auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    (void)bucket_auth_judge_some(&bench->bucket);
    assert_int_equal(told_of_unknown_keys(bench, auth_source_of_issuer("slow")), 1);
    (void)auth_ask(bench, "/connect", auth_token(600, "\"sub\":\"u\""));
    assert_int_equal(told_of_unknown_keys(bench, 0), 0);
}

/* Many ends in one second: a part of them each tick, and none is forgotten. */
static void many_grants_end_in_parts(void **state)
{
    struct client_bench *bench = *state;
    int closed = 0;

    for (int i = 0; i < BENCH_CLIENTS; i++)
        bench_opened(auth_ask(bench, "/connect", auth_token(5, "\"sub\":\"u\"")));
    bench_wait_ms(bench, 16000);
    for (int i = 0; i < BENCH_CLIENTS; i++)
        closed += bench->conns[i].client->phase == CLIENT_CLOSING || bench->conns[i].killed;
    assert_int_equal(closed, BENCH_CLIENTS);
    assert_int_equal(metrics_get(M_AUTH_EXPIRED), BENCH_CLIENTS);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, auth_setup, auth_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_good_token_gets_in),
        EACH(a_bad_token_gets_101_and_why),
        EACH(a_token_shown_and_bad_is_never_anonymous),
        EACH(who_shows_nothing_is_nobody),
        EACH(who_shows_a_token_later_is_welcomed_then_and_once),
        EACH(who_shows_a_good_token_is_welcomed_with_the_101),
        EACH(who_was_there_before_auth_is_not_welcomed_twice),
        EACH(nobody_may_only_say_who_it_is),
        EACH(one_failed_auth_closes),
        EACH(the_deadline_is_for_those_that_show_nothing),
        EACH(the_oldest_makes_place),
        EACH(buckets_share_what_may_be_pending),
        EACH(anonymous_ones_get_what_is_theirs),
        EACH(joins_go_by_rights),
        EACH(rooms_of_the_handshake_go_by_rights_too),
        EACH(what_the_token_joins_stays),
        EACH(a_grant_ends_after_the_leeway),
        EACH(auth_again_extends),
        EACH(another_user_is_another_connection),
        EACH(a_renewal_replaces_all_rights),
        EACH(a_room_token_opens_its_room),
        EACH(a_newer_room_token_extends),
        EACH(leaving_ends_the_pass),
        EACH(a_room_token_is_good_in_a_join_only),
        EACH(a_user_has_so_many_connections),
        EACH(pushes_to_a_user_reach_all_of_his),
        EACH(slow_tokens_wait_and_so_does_what_follows),
        EACH(a_turn_judges_a_few),
        EACH(the_line_is_bounded),
        EACH(held_input_is_bounded),
        EACH(who_dies_while_he_waits_is_forgotten),
        EACH(the_line_ends_too),
        EACH(who_waits_for_a_renewal_is_not_closed_for_its_end),
        EACH(tokens_may_be_longer_than_messages),
        EACH(a_drain_sends_nobody_away_too),
        EACH(another_policy_is_for_what_comes),
        EACH(without_a_policy_nobody_is_asked),
        EACH(an_unknown_key_is_told_once_a_second),
        EACH(many_grants_end_in_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
