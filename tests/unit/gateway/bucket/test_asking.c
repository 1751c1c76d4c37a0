/* SPDX-License-Identifier: Apache-2.0 */
/* auth.hook from the client's side: it waits for the answer, whatever that is, and may go meanwhile. The
 * control thread is played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/auth_bench.h"

#define ACK(id)      "text:{\"type\":\"ACK\",\"id\":" id "} "
#define LEFT(r, why) "text:{\"type\":\"LEFT\",\"data\":{\"room\":\"" r "\",\"reason\":\"" why "\"}} "

static int hook_setup(void **state)
{
    auth_setup(state);
    auth_set("auth-hook-url", "http://127.0.0.1:1/");
    auth_set("auth-hook-user-prefix", "h:");
    auth_set("auth-hook-headers", "Cookie,X-Api,Authorization");
    auth_set("auth-hook-joins", "true");
    auth_apply(*state);
    return 0;
}

/* The question that was asked last, or NULL; others that came are forgotten. */
static struct hook_mail *asked(struct client_bench *bench)
{
    struct hook_mail *found = NULL;
    struct mail *next;

    for (struct mail *mail = mailbox_take(bench->conf.returns); mail != NULL; mail = next) {
        struct control_mail *head = container_of(mail, struct control_mail, mail);

        next = mail->next;
        if (head->kind == CONTROL_HOOK) {
            hook_mail_free(found);
            found = container_of(head, struct hook_mail, back);
        }
    }
    return found;
}

static bool says(const struct hook_mail *mail, const char *part)
{
    return memmem(mail->question.json.data, mail->question.json.len, part, strlen(part)) != NULL;
}

/* The grant of an answer with those members ("user", "rooms" as JSON or NULL), for so many seconds. */
static void grant(struct client_bench *bench, struct hook_mail *mail, const char *user, const char *rooms,
                  int seconds)
{
    struct claims claims = {0};

    if (user != NULL)
        claims.user = json_value_of(slice_str(user), (const uint8_t *)user);
    if (rooms != NULL)
        claims.rooms = json_value_of(slice_str(rooms), (const uint8_t *)rooms);
    auth_policy_judge_hook(bench->bucket.auth.policy, &claims,
                           seconds == 0 ? INT64_MAX : wall_clock_s() + seconds, &mail->question.answer);
    assert_int_equal(mail->question.answer.outcome, AUTH_GRANTED);
    bucket_auth_on_hook(&bench->bucket, mail);
}

static void answer(struct client_bench *bench, struct hook_mail *mail, enum auth_outcome outcome,
                   enum auth_reason reason)
{
    mail->question.answer = (struct auth_answer){.outcome = outcome, .reason = reason};
    bucket_auth_on_hook(&bench->bucket, mail);
}

static void expect_refused(struct ws_conn *conn, const char *code, const char *end)
{
    const char *out = bench_out(conn);

    if (strstr(out, code) == NULL || strlen(out) < strlen(end) ||
        strcmp(out + strlen(out) - strlen(end), end) != 0)
        fail_msg("%s... %s: %s", code, end, out);
}

static void the_101_waits_for_the_answer(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_ask(bench, "/connect?join=a&x=y", "X-Api: 7\r\n");
    struct hook_mail *mail = asked(bench);

    assert_non_null(mail);
    assert_true(says(mail, "\"connect\"") && says(mail, "x=y") && says(mail, "\"7\""));
    auth_joins(conn, "b", NULL);
    assert_int_equal(conn->raw_len, 0);
    grant(bench, mail, "\"u\"", "[\"a\",\"b\"]", 0);
    bench_opened(conn);
    bench_expect(conn, ACK("2"));
    assert_true(bench_is_in(conn, "a") && bench_is_in(conn, "b") && bench_is_in(conn, "\002h:u"));
    assert_int_equal(metrics_get(M_AUTH_GRANTED_HOOK), 1);
}

static void a_refusal_gets_101_and_why(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_ask(bench, "/connect", "");

    answer(bench, asked(bench), AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED);
    bench_opened(conn);
    expect_refused(conn, "\"unauthorized\"", "close:4002 unauthorized ");
    conn = bench_ask(bench, "/connect", "");
    answer(bench, asked(bench), AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
    bench_opened(conn);
    expect_refused(conn, "\"auth_unavailable\"", "close:4101 auth_unavailable ");
    assert_int_equal(metrics_get(M_AUTH_REFUSED_HOOK_REFUSED), 1);
}

static void who_shows_a_token_is_not_asked_about(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    assert_null(asked(bench));
    bench_expect(conn, "");
}

/* Any page can have its visitor's browser send the cookie, and the password that it keeps. */
static void cookies_are_handed_on_for_known_pages_only(void **state)
{
    struct client_bench *bench = *state;
    char *origin = "https://app.example";
    const struct conf_list origins = {&origin, 1}, none = {0};
    struct handshake_rules *listed, *all;
    struct hook_mail *mail;

    assert_int_equal(handshake_rules_new(&origins, &none, NULL, &listed), STATUS_OK);
    bench->bucket.rules = listed;
    (void)bench_ask(bench, "/connect", "Cookie: sid=secret\r\nX-Api: 7\r\n");
    mail = asked(bench);
    assert_true(!says(mail, "secret") && says(mail, "\"7\""));
    hook_mail_free(mail);
    (void)bench_ask(bench, "/connect", "Authorization: Basic c2VjcmV0\r\n"); /* a program's own */
    mail = asked(bench);
    assert_true(says(mail, "c2VjcmV0"));
    hook_mail_free(mail);
    assert_int_equal(handshake_rules_new(&none, &none, NULL, &all), STATUS_OK);
    bench->bucket.rules = all;
    (void)bench_ask(bench, "/connect", "Authorization: Basic c2VjcmV0\r\nOrigin: https://evil.example\r\n");
    mail = asked(bench);
    assert_false(says(mail, "c2VjcmV0"));
    hook_mail_free(mail);
    bench->bucket.rules = listed;
    (void)bench_ask(bench, "/connect", "Cookie: sid=secret\r\nOrigin: https://app.example\r\n");
    mail = asked(bench);
    assert_true(says(mail, "secret"));
    hook_mail_free(mail);
    for (int i = 0; i < bench->count; i++)
        bench->conns[i].client->auth->wait->asked = NULL; /* freed above */
    handshake_rules_unref(listed);
    handshake_rules_unref(all);
    bench->bucket.rules = NULL;
}

static void who_goes_meanwhile_is_not_found(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_ask(bench, "/connect", "");
    struct hook_mail *mail = asked(bench);

    bench_gone(conn);
    grant(bench, mail, "\"u\"", NULL, 0);
    struct ws_conn *open = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    auth_joins(open, "x", NULL);
    mail = asked(bench);
    bench_frame(open, 8, "\x03\xe8", 2); /* its close waits like all else */
    bench_expect(open, "");
    bench_gone(open);
    grant(bench, mail, NULL, NULL, 0);
    assert_null(rooms_everyone(&bench->bucket.rooms));
}

static void one_that_is_not_answered_ends(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_ask(bench, "/connect", "");
    struct hook_mail *mail = asked(bench);

    bench_wait_ms(bench, 10100);
    bench_opened(conn);
    expect_refused(conn, "\"auth_unavailable\"", "close:4101 auth_unavailable ");
    grant(bench, mail, "\"u\"", NULL, 0); /* late, for nobody */
    assert_int_equal(conn->client->phase, CLIENT_CLOSING);
}

static void a_join_that_no_right_covers_is_asked_about(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\",\"rooms\":[\"a\"]");

    auth_joins(conn, "a", NULL);
    bench_expect(conn, ACK("2"));
    assert_null(asked(bench));
    auth_joins(conn, "x", NULL);
    bench_says(conn, "{\"type\":\"PING\",\"id\":9}");
    bench_expect(conn, "");
    struct hook_mail *mail = asked(bench);
    assert_true(says(mail, "\"join\"") && says(mail, "\"f:u\"") && says(mail, "\"x\""));
    grant(bench, mail, NULL, NULL, 60);
    bench_expect(conn, ACK("2") ACK("9"));
    assert_true(bench_is_in(conn, "x"));
    auth_joins(conn, "x", NULL); /* it is in */
    bench_expect(conn, ACK("2"));
    auth_joins(conn, "y", NULL);
    answer(bench, asked(bench), AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED);
    expect_refused(conn, "\"forbidden\"", "} ");
    auth_joins(conn, "z", NULL);
    answer(bench, asked(bench), AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
    expect_refused(conn, "\"auth_unavailable\"", "} ");
    bench_wait_ms(bench, 72000);
    bench_expect(conn, LEFT("x", "token_expired"));
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
}

static void who_never_stops_asking_ends_all_the_same(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");
    struct hook_mail *mail;

    auth_joins(conn, "x", NULL);
    grant(bench, asked(bench), NULL, NULL, 60);
    bench_expect(conn, ACK("2"));
    bench_wait_ms(bench, 68000);
    for (int i = 0; i < 9; i++) { /* one question behind the other, past the end of x */
        auth_joins(conn, "y", NULL);
        mail = asked(bench);
        assert_non_null(mail);
        bench_wait_ms(bench, 1000);
        answer(bench, mail, AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED);
        if (strstr(bench_out(conn), "\"LEFT\"") != NULL)
            break;
        assert_true(i < 8);
    }
    assert_false(bench_is_in(conn, "x"));
    bench_wait_ms(bench, 530000); /* the token's 600 s and the leeway are nearly over */
    (void)bench_out(conn);
    auth_joins(conn, "y", NULL);
    mail = asked(bench);
    assert_non_null(mail);
    bench_wait_ms(bench, 12000);
    bench_expect(conn, "close:4202 token_expired ");
    answer(bench, mail, AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED);
}

static void rooms_of_the_handshake_are_asked_about_one_by_one(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn =
        auth_connect(bench, "/connect?join=x&join=a&join=y", "\"sub\":\"u\",\"rooms\":[\"a\"]");

    assert_true(bench_is_in(conn, "a") && !bench_is_in(conn, "x"));
    auth_joins(conn, "a", NULL);
    struct hook_mail *mail = asked(bench);
    assert_true(says(mail, "\"x\""));
    answer(bench, mail, AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED);
    expect_refused(conn, "\"room\":\"x\"", "} ");
    mail = asked(bench);
    assert_true(says(mail, "\"y\""));
    grant(bench, mail, NULL, NULL, 0);
    bench_expect(conn, ACK("2"));
    assert_true(bench_is_in(conn, "y"));
    assert_int_equal(conn->client->auth->first.len, 0);
}

static void a_drain_goes_on_beside_it(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_ask(bench, "/connect", "");
    const struct drain_order order = {.duration_ms = 1000, .ramp_ms = 1000};
    struct hook_mail *mail = asked(bench);

    bucket_drain_begin(&bench->bucket, &order);
    bench_wait_ms(bench, 1100);
    grant(bench, mail, "\"u\"", NULL, 0);
    bench_wait_ms(bench, 100);
    bench_opened(conn);
    assert_memory_equal(bench_out(conn), "close:1001 going_away ", 22);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, hook_setup, auth_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_101_waits_for_the_answer),
        EACH(a_refusal_gets_101_and_why),
        EACH(who_shows_a_token_is_not_asked_about),
        EACH(cookies_are_handed_on_for_known_pages_only),
        EACH(who_goes_meanwhile_is_not_found),
        EACH(one_that_is_not_answered_ends),
        EACH(a_join_that_no_right_covers_is_asked_about),
        EACH(who_never_stops_asking_ends_all_the_same),
        EACH(rooms_of_the_handshake_are_asked_about_one_by_one),
        EACH(a_drain_goes_on_beside_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
