/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a request is that a trusted proxy brings, and what its address may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/bucket/address_table.h"
#include "tests/unit/gateway/bucket/client_bench.h"

#define SHARE 2 /* connections of one address */

static struct address_table *addresses;

static int setup(void **state)
{
    const struct conf_list none = {0};
    char *const networks[] = {"10.0.0.0/8"};
    struct cidr_list *proxies;

    bench_setup(state);
    struct client_bench *bench = *state;
    assert_int_equal(cidr_list_new("trustedProxies", networks, 1, &proxies, NULL), STATUS_OK);
    assert_int_equal(handshake_rules_new(&none, &none, proxies, &bench->bucket.rules), STATUS_OK);
    cidr_list_unref(proxies);
    assert_int_equal(address_table_new(&addresses), STATUS_OK);
    address_table_limit(addresses, SHARE);
    bench->conf.addresses = addresses;
    return 0;
}

/* What the acceptor does with a ticket that comes back. */
static void give_back(struct ws_conn *conn)
{
    bench_gone(conn);
    address_table_remove(addresses, conn->ticket.address);
    conn->ticket.address = NULL;
}

/* What the acceptor does with its other mail. */
static void free_notes(struct client_bench *bench)
{
    struct mail *next;

    for (struct mail *mail = mailbox_take(bench->conf.returns); mail != NULL; mail = next) {
        struct control_mail *head = container_of(mail, struct control_mail, mail);

        next = mail->next;
        if (head->kind == CONTROL_PROBE)
            free(container_of(head, struct probe_note, head));
    }
}

static int teardown(void **state)
{
    struct client_bench *bench = *state;

    free_notes(bench);
    for (int i = 0; i < bench->count; i++)
        give_back(&bench->conns[i]);
    assert_int_equal(address_table_count(addresses), 0);
    address_table_free(addresses);
    handshake_rules_unref(bench->bucket.rules);
    return bench_teardown(state);
}

/* A request to `path` from 10.0.0.1, which is trusted or not, with these header lines. */
static struct ws_conn *request_to(struct client_bench *bench, const char *path, bool trusted,
                                  const char *lines)
{
    struct ws_conn *conn = bench_accept(bench);
    char request[512];

    (void)cidr_address_parse(slice_str("10.0.0.1"), conn->ticket.peer);
    conn->ticket.trusted = trusted;
    conn->read = BENCH_OUT; /* what it gets is HTTP, not frames */
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             path, lines);
    bench_bytes(conn, request, strlen(request));
    return conn;
}

static struct ws_conn *forwarded(struct client_bench *bench, const char *value)
{
    char line[128];

    snprintf(line, sizeof line, "X-Forwarded-For: %s\r\n", value);
    return request_to(bench, "/connect", true, line);
}

static void expect_answer(const struct ws_conn *conn, const char *begins)
{
    assert_memory_equal(conn->raw, begins, strlen(begins));
}

static void expect_peer(const struct ws_conn *conn, const char *address)
{
    char text[INET6_ADDRSTRLEN];

    cidr_address_print(conn->ticket.peer, text);
    assert_string_equal(text, address);
}

static void the_proxys_word_is_the_clients_address(void **state)
{
    const struct ws_conn *conn = forwarded(*state, "203.0.113.1, 192.0.2.7");

    expect_answer(conn, "HTTP/1.1 101 ");
    expect_peer(conn, "192.0.2.7");
    assert_non_null(conn->ticket.address);
    assert_int_equal(metrics_get(M_FORWARDED_FOUND), 1);
}

static void from_anybody_else_the_header_means_nothing(void **state)
{
    const struct ws_conn *conn = request_to(*state, "/connect", false, "X-Forwarded-For: 192.0.2.7\r\n");

    expect_answer(conn, "HTTP/1.1 101 ");
    expect_peer(conn, "10.0.0.1");
    assert_null(conn->ticket.address);
    assert_int_equal(metrics_get(M_FORWARDED_FOUND), 0);
}

static void an_address_behind_a_proxy_has_its_share(void **state)
{
    struct client_bench *bench = *state;

    for (int i = 0; i < SHARE; i++)
        expect_answer(forwarded(bench, "192.0.2.7"), "HTTP/1.1 101 ");
    struct ws_conn *third = forwarded(bench, "192.0.2.7");
    expect_answer(third, "HTTP/1.1 503 ");
    assert_non_null(strstr((const char *)third->raw, "\"full_for_address\""));
    assert_int_equal(metrics_get(M_REFUSED_ADDRESS), 1);
    expect_answer(forwarded(bench, "192.0.2.8"), "HTTP/1.1 101 ");
    give_back(third);
    give_back(&bench->conns[0]);
    expect_answer(forwarded(bench, "192.0.2.7"), "HTTP/1.1 101 ");
}

static void what_a_client_puts_in_front_buys_no_share(void **state)
{
    struct client_bench *bench = *state;

    expect_answer(forwarded(bench, "198.51.100.1, 192.0.2.7"), "HTTP/1.1 101 ");
    expect_answer(forwarded(bench, "198.51.100.2, 192.0.2.7"), "HTTP/1.1 101 ");
    expect_answer(forwarded(bench, "10.0.0.9, 192.0.2.7"), "HTTP/1.1 503 ");
}

static void a_proxy_that_speaks_for_nobody_has_no_share(void **state)
{
    struct client_bench *bench = *state;

    for (int i = 0; i < SHARE + 1; i++)
        expect_answer(request_to(bench, "/connect", true, ""), "HTTP/1.1 101 ");
    for (int i = 0; i < SHARE + 1; i++)
        expect_answer(forwarded(bench, "10.0.0.2"), "HTTP/1.1 101 ");
    for (int i = 0; i < SHARE + 1; i++)
        expect_answer(forwarded(bench, "unknown"), "HTTP/1.1 101 ");
    expect_peer(&bench->conns[0], "10.0.0.1");
    expect_peer(&bench->conns[SHARE + 1], "10.0.0.2");
    assert_int_equal(address_table_count(addresses), 0);
    assert_int_equal(metrics_get(M_FORWARDED_ABSENT), SHARE + 1);
    assert_int_equal(metrics_get(M_FORWARDED_UNREADABLE), SHARE + 1);
}

static void a_probe_takes_no_share(void **state)
{
    struct client_bench *bench = *state;

    for (int i = 0; i < SHARE + 1; i++)
        expect_answer(request_to(bench, "/readyz", true, "X-Forwarded-For: 192.0.2.7\r\n"), "HTTP/1.1 200 ");
    assert_int_equal(address_table_count(addresses), 0);
}

static void who_is_refused_anyhow_is_refused_for_that(void **state)
{
    struct client_bench *bench = *state;

    bench->bucket.draining = true;
    expect_answer(forwarded(bench, "192.0.2.7"), "HTTP/1.1 503 ");
    assert_int_equal(metrics_get(M_REFUSED_DRAINING), 1);
    assert_int_equal(address_table_count(addresses), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_proxys_word_is_the_clients_address, setup, teardown),
        cmocka_unit_test_setup_teardown(from_anybody_else_the_header_means_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_behind_a_proxy_has_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_client_puts_in_front_buys_no_share, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proxy_that_speaks_for_nobody_has_no_share, setup, teardown),
        cmocka_unit_test_setup_teardown(a_probe_takes_no_share, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_refused_anyhow_is_refused_for_that, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
