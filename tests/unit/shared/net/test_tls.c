/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 over TLS on the loopback with a CA of the test's own: who is let in and who is not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/certs.h"
#include "tests/unit/h2_pair.h"

static const struct h2_limits limits = {.max_body = 32u << 20, .max_streams = 100, .window = 1u << 20};
static struct certs certs;

static int make_certs(void **state)
{
    (void)state;
    certs_make(&certs);
    return 0;
}

static int remove_certs(void **state)
{
    (void)state;
    certs_remove(&certs);
    return 0;
}

static int set_up(void **state)
{
    *state = pair_new();
    return 0;
}

static int tear_down(void **state)
{
    pair_free(*state);
    return 0;
}

static struct tls_files files(int cert, bool ca)
{
    return (struct tls_files){.cert = cert ? certs.path[cert] : "",
                              .key = cert ? certs.path[cert + 1] : "",
                              .ca = ca ? certs.path[CERT_CA] : ""};
}

/* Opens a pair in which each side has a key pair (0: none) and may verify the other. */
static void open_pair(struct pair *pair, struct tls_files server_files, struct tls_files client_files,
                      const char *name)
{
    SSL_CTX *server;
    SSL_CTX *client;
    struct fault fault;

    assert_int_equal(tls_server_new(&server_files, &server, &fault), STATUS_OK);
    assert_int_equal(tls_client_new(&client_files, &client, &fault), STATUS_OK);
    pair_open_tls(pair, server, tls_client_session(client, name), &limits);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

static void test_mutual_tls_carries_large_bodies_both_ways(void **state)
{
    struct pair *pair = *state;
    size_t len = 9u << 20;
    uint8_t *bytes = malloc(len);
    struct source source = {.data = bytes, .len = len};
    struct h2_body body = {source_read, &source};
    int32_t stream;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 >> 2);
    open_pair(pair, files(CERT_SERVER, true), files(CERT_CLIENT, true), "localhost");
    pair_await(pair, pair->ready);
    h2_request(pair->client.conn, "POST", "/echo", NULL, &body, &stream);
    pair_await(pair, pair->answer_count == 1);
    assert_int_equal(pair->answers[0].status, 200);
    assert_int_equal(pair->answers[0].len, len);
    assert_memory_equal(pair->answers[0].body, bytes, len);
    free(bytes);
}

static void test_many_streams_over_tls(void **state)
{
    struct pair *pair = *state;
    int32_t stream;

    open_pair(pair, files(CERT_SERVER, false), files(0, true), "127.0.0.1");
    pair_await(pair, pair->ready);
    for (int i = 0; i < 300; i++)
        h2_request(pair->client.conn, "GET", "/nowhere", NULL, NULL, &stream);
    pair_await(pair, pair->answer_count == 300);
}

static void test_a_wrong_name_is_refused_by_the_client(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_SERVER, false), files(0, true), "elsewhere.example");
    pair_await(pair, pair->client.closed && pair->server.closed);
    assert_false(pair->ready);
    assert_string_equal(pair->client.reason, "TLS: certificate: hostname mismatch");
    assert_true(h2_conn_refused_peer(pair->client.conn));
    assert_false(h2_conn_refused_peer(pair->server.conn));
}

static void test_a_wrong_address_is_refused_by_the_client(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_SERVER, false), files(0, true), "127.0.0.2");
    pair_await(pair, pair->client.closed);
    assert_string_equal(pair->client.reason, "TLS: certificate: IP address mismatch");
}

static void test_a_stranger_is_refused_by_the_client(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_STRANGER, false), files(0, true), "localhost");
    pair_await(pair, pair->client.closed);
    assert_false(pair->ready);
    assert_non_null(strstr(pair->client.reason, "self-signed"));
}

static void test_without_a_ca_anybody_is_let_in(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_STRANGER, false), files(0, false), "elsewhere.example");
    pair_await(pair, pair->ready);
}

static void test_a_client_without_certificate_is_refused_by_the_server(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_SERVER, true), files(0, true), "localhost");
    pair_await(pair, pair->client.closed && pair->server.closed);
    assert_string_equal(pair->server.reason, "TLS: peer did not return a certificate");
    assert_true(h2_conn_refused_peer(pair->server.conn));
    assert_false(h2_conn_refused_peer(pair->client.conn));
    assert_false(pair->ready); /* though TLS 1.3 was through on its side */
    assert_int_equal(pair->requests, 0);
}

static void test_a_strange_client_is_refused_by_the_server(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_SERVER, true), files(CERT_STRANGER, true), "localhost");
    pair_await(pair, pair->client.closed && pair->server.closed);
    assert_non_null(strstr(pair->server.reason, "self-signed"));
    assert_true(h2_conn_refused_peer(pair->server.conn));
    assert_false(pair->ready);
    assert_int_equal(pair->requests, 0);
}

static void test_a_client_without_alpn_is_closed(void **state)
{
    struct pair *pair = *state;
    struct tls_files server_files = files(CERT_SERVER, false);
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server;

    assert_int_equal(tls_server_new(&server_files, &server, NULL), STATUS_OK);
    pair_open_tls(pair, server, SSL_new(client), &limits);
    pair_await(pair, pair->client.closed && pair->server.closed);
    assert_string_equal(pair->server.reason, "the peer does not speak h2 (ALPN)");
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

static void test_tls_1_1_is_refused(void **state)
{
    struct pair *pair = *state;
    struct tls_files server_files = files(CERT_SERVER, false);
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server;

    SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(client, "ALL:@SECLEVEL=0");
    assert_int_equal(tls_server_new(&server_files, &server, NULL), STATUS_OK);
    pair_open_tls(pair, server, SSL_new(client), &limits);
    pair_await(pair, pair->client.closed && pair->server.closed);
    assert_false(pair->ready);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

static void test_faults_name_the_file(void **state)
{
    struct tls_files missing = {.cert = "/nowhere/a.pem", .key = "/nowhere/a.key", .ca = ""};
    struct tls_files crossed = {.cert = certs.path[CERT_SERVER], .key = certs.path[KEY_CLIENT], .ca = ""};
    struct tls_files bad_ca = {
        .cert = certs.path[CERT_SERVER], .key = certs.path[KEY_SERVER], .ca = "/nowhere/ca"};
    struct fault fault;
    SSL_CTX *context = NULL;

    (void)state;
    assert_int_equal(tls_server_new(&missing, &context, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "/nowhere/a.pem"));
    assert_int_equal(tls_server_new(&crossed, &context, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, certs.path[KEY_CLIENT]));
    assert_non_null(strstr(fault.text, "mismatch"));
    assert_int_equal(tls_client_new(&bad_ca, &context, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "/nowhere/ca"));
    assert_null(context);
}

/* Those of certs.h end in an hour. */
static void test_the_end_of_a_certificate_is_found(void **state)
{
    struct tls_files files_of = files(CERT_SERVER, false);
    SSL_CTX *context = NULL;
    struct fault fault = {""};
    int64_t end = 0;
    char text[TLS_TIME_MAX];

    (void)state;
    assert_int_equal(tls_certificate_expiry(certs.path[CERT_SERVER], &end, &fault), STATUS_OK);
    assert_in_range(end - time(NULL), 3500, 3600);
    assert_int_equal(tls_server_new(&files_of, &context, &fault), STATUS_OK);
    assert_int_equal(tls_context_expiry(context), end);
    SSL_CTX_free(context);
    assert_int_equal(tls_certificate_expiry(certs.path[KEY_SERVER], &end, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, certs.path[KEY_SERVER]));
    assert_int_equal(tls_certificate_expiry("/nowhere/a.pem", &end, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "/nowhere/a.pem: not usable as a certificate (PEM): no such file");
    files_of = files(0, false);
    assert_int_equal(tls_server_new(&files_of, &context, &fault), STATUS_OK);
    assert_int_equal(tls_context_expiry(context), 0);
    SSL_CTX_free(context);
    tls_time_text(INT64_C(1801396800), text);
    assert_string_equal(text, "2027-01-31T12:00:00Z");
}

static void test_a_drained_server_says_goodbye(void **state)
{
    struct pair *pair = *state;

    open_pair(pair, files(CERT_SERVER, true), files(CERT_CLIENT, true), "localhost");
    pair_await(pair, pair->ready);
    h2_conn_drain(pair->server.conn);
    pair_await(pair, pair->client.closed);
    h2_conn_free(pair->client.conn);
    pair->client.conn = NULL;
    pair_await(pair, pair->server.closed);
    assert_string_equal(pair->server.reason, "the peer closed the connection");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mutual_tls_carries_large_bodies_both_ways),
        TEST(test_many_streams_over_tls),
        TEST(test_a_wrong_name_is_refused_by_the_client),
        TEST(test_a_wrong_address_is_refused_by_the_client),
        TEST(test_a_stranger_is_refused_by_the_client),
        TEST(test_without_a_ca_anybody_is_let_in),
        TEST(test_a_client_without_certificate_is_refused_by_the_server),
        TEST(test_a_strange_client_is_refused_by_the_server),
        TEST(test_a_client_without_alpn_is_closed),
        TEST(test_tls_1_1_is_refused),
        cmocka_unit_test(test_faults_name_the_file),
        cmocka_unit_test(test_the_end_of_a_certificate_is_found),
        TEST(test_a_drained_server_says_goodbye),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
