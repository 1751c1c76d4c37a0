/* SPDX-License-Identifier: Apache-2.0 */
/* Who is banned gets no grant, however he shows who he is; and nobody does before it is known who is banned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/bucket/ban_table.h"
#include "tests/unit/gateway/bucket/auth_bench.h"

#define BANNED                                                                                               \
    "{\"code\":\"banned\",\"message\":\"The user is banned for the time being.\"}} close:4003 kicked "

static struct readiness readiness;

static void ban(struct client_bench *bench, const char *user, int64_t seconds)
{
    int64_t now_s = wall_clock_s();
    const struct ban it = {slice_str(user), now_s + seconds, now_s * 1000, now_s + seconds};

    (void)ban_table_add(bench->conf.bans, &it, now_s);
}

static int set_up(void **state)
{
    auth_setup(state);
    struct client_bench *bench = *state;

    readiness = (struct readiness){0};
    bench->conf.readiness = &readiness;
    assert_int_equal(ban_table_new(&bench->conf.bans), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    struct ban_table *bans = ((struct client_bench *)*state)->conf.bans;
    int result = auth_teardown(state);

    ban_table_free(bans);
    return result;
}

static void a_banned_users_token_opens_nothing(void **state)
{
    struct client_bench *bench = *state;

    ban(bench, "f:u", 60);
    struct ws_conn *conn = auth_ask(bench, "/connect?join=a",
                                    auth_token(600, "\"sub\":\"u\",\"rooms\":[\"a\"],\"join\":[\"z\"]"));
    bench_opened(conn);
    bench_expect(conn, "text:{\"type\":\"ERROR\",\"data\":" BANNED);
    assert_int_equal(conn->client->room_count, 0);
    assert_int_equal(metrics_get(M_AUTH_REFUSED_BANNED), 1);
    assert_int_equal(metrics_get(M_AUTH_GRANTED_TOKEN), 0);
    assert_int_equal(metrics_get(M_CLOSED_4003), 1);
}

static void others_come_in(void **state)
{
    struct client_bench *bench = *state;

    ban(bench, "f:u", 60);
    ban(bench, "u", 60);
    (void)auth_connect(bench, "/connect", "\"sub\":\"v\"");
    (void)auth_connect(bench, "/connect", "\"sub\":\"U\"");
}

static void a_token_that_is_slow_to_check_opens_nothing(void **state)
{
    struct client_bench *bench = *state;

    ban(bench, "s:u", 60);
    struct ws_conn *conn = auth_ask(bench, "/connect", auth_slow_token(600, "\"sub\":\"u\""));
    (void)bucket_auth_judge_some(&bench->bucket);
    bench_opened(conn);
    bench_expect(conn, "text:{\"type\":\"ERROR\",\"data\":" BANNED);
}

static void nor_does_auth(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect?join=a");

    ban(bench, "f:u", 60);
    auth_says(conn, auth_token(600, "\"sub\":\"u\",\"rooms\":[\"a\"]"));
    bench_expect(conn, "text:{\"type\":\"ERROR\",\"id\":1,\"data\":" BANNED);
    assert_int_equal(conn->client->room_count, 0);
    assert_int_equal(metrics_get(M_AUTH_PENDING), 0);
}

static void nor_a_renewal(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = auth_connect(bench, "/connect", "\"sub\":\"u\"");

    ban(bench, "f:u", 60);
    auth_says(conn, auth_token(600, "\"sub\":\"u\""));
    bench_expect(conn, "text:{\"type\":\"ERROR\",\"id\":1,\"data\":" BANNED);
}

static void nor_the_hooks_word(void **state)
{
    const struct claims claims = {.user = json_value_of(slice_str("\"u\""), (const uint8_t *)"")};
    struct client_bench *bench = *state;

    auth_set("auth-hook-url", "http://127.0.0.1:1/");
    auth_set("auth-hook-user-prefix", "h:");
    auth_apply(bench);
    ban(bench, "h:u", 60);
    struct ws_conn *conn = bench_ask(bench, "/connect", "");
    struct mail *mail = mailbox_take(bench->conf.returns);
    assert_non_null(mail);
    struct hook_mail *question =
        container_of(container_of(mail, struct control_mail, mail), struct hook_mail, back);
    auth_policy_judge_hook(bench->bucket.auth.policy, &claims, INT64_MAX, &question->question.answer);
    bucket_auth_on_hook(&bench->bucket, question);
    bench_opened(conn);
    bench_expect(conn, "text:{\"type\":\"ERROR\",\"data\":" BANNED);
}

static void after_the_end_he_comes_in(void **state)
{
    struct client_bench *bench = *state;

    ban(bench, "f:u", 60);
    bench_wait_ms(bench, 59000);
    struct ws_conn *conn = auth_ask(bench, "/connect", auth_token(600, "\"sub\":\"u\""));
    bench_opened(conn);
    bench_expect(conn, "text:{\"type\":\"ERROR\",\"data\":" BANNED);
    bench_wait_ms(bench, 2000);
    (void)auth_connect(bench, "/connect", "\"sub\":\"u\"");
}

static void ask(struct ws_conn *conn)
{
    static const char request[] = "GET /connect HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";

    bench_bytes(conn, request, sizeof request - 1);
}

static bool is_told_to_wait(struct client_bench *bench)
{
    struct ws_conn *conn = bench_accept(bench);

    conn->read = BENCH_OUT; /* HTTP, not frames */
    ask(conn);
    return memmem(conn->raw, conn->raw_len, "HTTP/1.1 503 ", 13) != NULL &&
           memmem(conn->raw, conn->raw_len, "Retry-After: 1\r\n", 16) != NULL;
}

static void nobody_comes_in_before_bans_are_known(void **state)
{
    struct client_bench *bench = *state;

    readiness_set(&readiness, UNREADY_BANS, true);
    assert_true(is_told_to_wait(bench));
    assert_int_equal(metrics_get(M_REFUSED_STARTING), 1);
    readiness_set(&readiness, UNREADY_BANS, false);
    (void)auth_connect(bench, "/connect", "\"sub\":\"u\"");
    readiness_set(&readiness, UNREADY_CANARY, true); /* no reason to send anybody away */
    (void)auth_connect(bench, "/connect", "\"sub\":\"u\"");
}

static void without_auth_nobody_waits_for_bans(void **state)
{
    struct client_bench *bench = *state;

    readiness_set(&readiness, UNREADY_BANS, true);
    bucket_auth_set_policy(&bench->bucket, NULL);
    (void)bench_connect(bench, "/connect");
}

/* It is how logics know that the gateway works. */
static void the_canary_waits_for_no_bans(void **state)
{
    struct client_bench *bench = *state;

    readiness_set(&readiness, UNREADY_BANS, true);
    bench->conns[bench->count].ticket.canary = true;
    struct ws_conn *conn = bench_accept(bench);
    ask(conn);
    bench_opened(conn);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_banned_users_token_opens_nothing),
        EACH(others_come_in),
        EACH(a_token_that_is_slow_to_check_opens_nothing),
        EACH(nor_does_auth),
        EACH(nor_a_renewal),
        EACH(nor_the_hooks_word),
        EACH(after_the_end_he_comes_in),
        EACH(nobody_comes_in_before_bans_are_known),
        EACH(without_auth_nobody_waits_for_bans),
        EACH(the_canary_waits_for_no_bans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
