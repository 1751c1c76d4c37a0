/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS: the HTTP server with TLS, and who does not shake hands. The client is OpenSSL on a socket of its
 * own, on the same thread. */
#include "tests/unit/http_peer.h"

#include <fcntl.h>
#include <openssl/err.h>

#include "shared/log/metrics.h"
#include "shared/net/tls.h"
#include "tests/unit/certs.h"

#define HOST      "Host: h\r\n"
#define POST_ECHO "POST /echo HTTP/1.1\r\n" HOST

enum { FAILURES, REFUSED, EVICTED, ROWS };

static const struct metric_def defs[ROWS] = {[FAILURES] = {"x_failures_total", "", METRIC_COUNTER, "x"},
                                             [REFUSED] = {"x_refused_total", "", METRIC_COUNTER, "x"},
                                             [EVICTED] = {"x_evicted_total", "", METRIC_COUNTER, "x"}};

static struct certs certs;
static SSL_CTX *client_context;

struct client {
    int fd;
    SSL *ssl;
    bool ended; /* by a close_notify */
};

static SSL_CTX *server_context(int cert, int key)
{
    const struct tls_files files = {certs.path[cert], certs.path[key], ""};
    struct fault fault = {""};
    SSL_CTX *context = NULL;

    if (tls_https_new(&files, &context, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    return context;
}

static struct http_server_conf tls_conf(struct fixture *fixture)
{
    struct http_server_conf conf = default_conf(fixture);

    conf.rows.tls_failures = FAILURES;
    conf.rows.refused_full = REFUSED;
    conf.rows.evicted = EVICTED;
    conf.rows.accept_failures = conf.rows.refused_inflight = conf.rows.inflight = UINT32_MAX;
    return conf;
}

static void show(struct fixture *fixture, int cert, int key)
{
    SSL_CTX *context = server_context(cert, key);

    http_server_use_tls(fixture->server, context);
    SSL_CTX_free(context);
}

static int start(void **state)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    struct http_server_conf conf = tls_conf(fixture);

    metrics_setup(defs, ROWS);
    fixture_start(fixture, &conf, "127.0.0.1");
    show(fixture, CERT_SERVER, KEY_SERVER);
    *state = fixture;
    return 0;
}

static void restart_with(struct fixture *fixture, const struct http_server_conf *conf)
{
    restart(fixture, conf);
    show(fixture, CERT_SERVER, KEY_SERVER);
}

static int make_all(void **state)
{
    (void)state;
    certs_make(&certs);
    client_context = SSL_CTX_new(TLS_client_method());
    assert_non_null(client_context);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    SSL_CTX_free(client_context);
    certs_remove(&certs);
    return 0;
}

static struct client dial_tls(struct fixture *fixture)
{
    struct client client = {.fd = dial(fixture), .ssl = SSL_new(client_context)};

    assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
    SSL_set_fd(client.ssl, client.fd);
    SSL_set_connect_state(client.ssl);
    return client;
}

static bool must_wait(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void shake(struct fixture *fixture, struct client *client)
{
    int64_t deadline = clock_now_ms() + PATIENCE_MS;
    int result;

    while ((result = SSL_do_handshake(client->ssl)) != 1) {
        assert_true(must_wait(client->ssl, result) && clock_now_ms() < deadline);
        turn(fixture);
    }
}

static bool read_tls(struct fixture *fixture, struct client *client)
{
    ERR_clear_error();
    int count = SSL_read(client->ssl, fixture->answer + fixture->answer_len,
                         (int)(ANSWER_LEN - 1 - fixture->answer_len));

    if (count > 0)
        fixture->answer_len += (size_t)count;
    else if (!must_wait(client->ssl, count))
        client->ended = SSL_get_error(client->ssl, count) == SSL_ERROR_ZERO_RETURN;
    fixture->answer[fixture->answer_len] = '\0';
    return count > 0 || must_wait(client->ssl, count);
}

static void say_tls(struct fixture *fixture, struct client *client, const char *text, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        size_t piece = len - sent < 16384 ? len - sent : 16384;
        int count = SSL_write(client->ssl, text + sent, (int)piece);

        assert_true(count > 0 || must_wait(client->ssl, count));
        sent += count > 0 ? (size_t)count : 0;
        if (count <= 0)
            turn(fixture);
    }
}

static void hear_tls(struct fixture *fixture, struct client *client, const char *text)
{
    int64_t deadline = clock_now_ms() + PATIENCE_MS;

    while (strstr(fixture->answer, text) == NULL) {
        bool more = read_tls(fixture, client);

        if (strstr(fixture->answer, text) == NULL && (!more || clock_now_ms() > deadline))
            fail_msg("expected %s, got %zu bytes", text, fixture->answer_len);
        turn(fixture);
    }
}

static void hear_end_tls(struct fixture *fixture, struct client *client)
{
    int64_t deadline = clock_now_ms() + PATIENCE_MS;

    while (read_tls(fixture, client)) {
        assert_true(clock_now_ms() < deadline);
        turn(fixture);
    }
}

static void hang_up(struct client *client)
{
    SSL_free(client->ssl);
    close(client->fd);
}

static void answers_and_keeps_the_connection(void **state)
{
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);

    shake(fixture, &client);
    assert_true(SSL_version(client.ssl) >= TLS1_2_VERSION);
    for (int i = 0; i < 3; i++) {
        static const char request[] = POST_ECHO "Content-Length: 5\r\n\r\nhello";

        forget(fixture);
        say_tls(fixture, &client, request, sizeof request - 1);
        hear_tls(fixture, &client, "\r\n\r\nhello");
        assert_memory_equal(fixture->answer, "HTTP/1.1 200 OK\r\n", 17);
    }
    hang_up(&client);
}

static void answers_pipelined_requests_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);
    char request[100];

    shake(fixture, &client);
    for (int i = 0; i < 2000; i++) {
        snprintf(request, sizeof request, POST_ECHO "Content-Length: 5\r\n\r\n%05d", i);
        say_tls(fixture, &client, request, strlen(request));
    }
    hear_tls(fixture, &client, "\r\n\r\n01999");
    assert_int_equal(count_of(fixture, "HTTP/1.1 200 OK\r\n"), 2000);
    hang_up(&client);
}

/* Several records in one piece from the socket: what OpenSSL holds, the loop does not show. */
static void takes_a_body_of_many_records(void **state)
{
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);
    char *text = malloc(MAX_BODY + 200);
    int head = sprintf(text, POST_ECHO "Content-Length: %d\r\n\r\n", MAX_BODY);

    memset(text + head, 'b', MAX_BODY - 3);
    memcpy(text + head + MAX_BODY - 3, "end", 4);
    shake(fixture, &client);
    for (int i = 0; i < 3; i++) {
        forget(fixture);
        say_tls(fixture, &client, text, (size_t)head + MAX_BODY);
        hear_tls(fixture, &client, "bbbend");
        assert_int_equal(count_of(fixture, "HTTP/1.1 200 OK\r\n"), 1);
    }
    free(text);
    hang_up(&client);
}

static void gives_a_large_answer_to_who_reads_late(void **state)
{
    static const char request[] = "GET /big?1000000 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);

    shake(fixture, &client);
    say_tls(fixture, &client, request, sizeof request - 1);
    for (int i = 0; i < 50; i++)
        turn(fixture);
    hear_end_tls(fixture, &client);
    assert_true(fixture->answer_len > 1000000);
    assert_true(client.ended);
    hang_up(&client);
}

static void the_end_is_said(void **state)
{
    static const char request[] = "GET /empty HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);

    shake(fixture, &client);
    say_tls(fixture, &client, request, sizeof request - 1);
    hear_end_tls(fixture, &client);
    assert_true(client.ended);
    assert_int_equal(count_of(fixture, "HTTP/1.1 204"), 1);
    hang_up(&client);
}

static void a_refused_body_gets_its_answer_and_the_end(void **state)
{
    static const char head[] = POST_ECHO "Content-Length: 200000\r\n\r\n";
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);
    char piece[16000];

    memset(piece, 'x', sizeof piece);
    shake(fixture, &client);
    say_tls(fixture, &client, head, sizeof head - 1);
    for (int i = 0; i < 10; i++)
        say_tls(fixture, &client, piece, sizeof piece);
    hear_end_tls(fixture, &client);
    assert_int_equal(count_of(fixture, "HTTP/1.1 413"), 1);
    assert_true(client.ended);
    hang_up(&client);
}

static void plain_http_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd, POST_ECHO "Content-Length: 5\r\n\r\nhello");
    hear_end(fixture, fd);
    assert_memory_equal(fixture->answer, "HTTP/1.1 400 Bad Request\r\n", 26);
    assert_non_null(strstr(fixture->answer, "this port speaks HTTPS: use https://"));
    assert_int_equal(count_of(fixture, "hello"), 0);
    assert_int_equal(metrics_get(FAILURES), 1);
    close(fd);
}

static void rubbish_is_no_handshake(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd, "\x16\x03\x01\xff\xff rubbish");
    WAIT_UNTIL(fixture, metrics_get(FAILURES) == 1);
    hear_end(fixture, fd);
    assert_int_equal(count_of(fixture, "HTTP"), 0);
    close(fd);
}

static void a_handshake_has_its_time(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = tls_conf(fixture);

    conf.read_timeout_ms = 200;
    restart_with(fixture, &conf);
    int fd = dial(fixture);
    int64_t began = clock_now_ms();
    for (int i = 0; i < 5; i++) {
        say_bytes(fixture, fd, &"\x16\x03\x01\x02\x00"[i], 1);
        turn(fixture);
    }
    hear_end(fixture, fd);
    assert_in_range(clock_now_ms() - began, 150, 5000);
    assert_int_equal(metrics_get(FAILURES), 1);
    close(fd);
}

static void who_does_not_shake_hands_gives_way(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = tls_conf(fixture);
    struct client client;

    conf.max_connections = 1;
    restart_with(fixture, &conf);
    int fd = dial(fixture);
    say_bytes(fixture, fd, "\x16\x03\x01", 3);
    turn(fixture);
    client = dial_tls(fixture);
    shake(fixture, &client);
    say_tls(fixture, &client, POST_ECHO "Content-Length: 2\r\n\r\nok", strlen(POST_ECHO) + 23);
    hear_tls(fixture, &client, "\r\n\r\nok");
    assert_int_equal(metrics_get(EVICTED), 1);
    close(fd);
    hang_up(&client);
}

/* All places are at work: what comes has no right to an answer before it has shaken hands. */
static void who_finds_no_place_is_closed_unheard(void **state)
{
    static const char request[] = "POST /later HTTP/1.1\r\n" HOST "\r\n";
    struct fixture *fixture = *state;
    struct http_server_conf conf = tls_conf(fixture);
    struct client busy;
    int fds[3];

    conf.max_connections = 1;
    restart_with(fixture, &conf);
    busy = dial_tls(fixture);
    shake(fixture, &busy);
    say_tls(fixture, &busy, request, sizeof request - 1);
    WAIT_UNTIL(fixture, fixture->held != NULL);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(fixture);
        turn(fixture);
    }
    WAIT_UNTIL(fixture, metrics_get(REFUSED) == 2);
    hear_end(fixture, fds[0]);
    assert_int_equal(fixture->answer_len, 0);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    hear_tls(fixture, &busy, "\r\n\r\nlate");
    hang_up(&busy);
}

static long serial_of(const struct client *client)
{
    X509 *cert = SSL_get1_peer_certificate(client->ssl);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));

    X509_free(cert);
    return serial;
}

static void another_certificate_is_shown_to_who_comes(void **state)
{
    static const char request[] = "GET /empty HTTP/1.1\r\n" HOST "\r\n";
    struct fixture *fixture = *state;
    struct client old = dial_tls(fixture);
    struct client fresh;

    shake(fixture, &old);
    show(fixture, CERT_CLIENT, KEY_CLIENT);
    fresh = dial_tls(fixture);
    shake(fixture, &fresh);
    assert_int_not_equal(serial_of(&old), serial_of(&fresh));
    say_tls(fixture, &old, request, sizeof request - 1);
    hear_tls(fixture, &old, "204 No Content");
    hang_up(&old);
    hang_up(&fresh);
}

static void http_1_1_is_selected(void **state)
{
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);
    const unsigned char *name;
    unsigned len;

    SSL_set_alpn_protos(client.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    shake(fixture, &client);
    SSL_get0_alpn_selected(client.ssl, &name, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(name, "http/1.1", 8);
    hang_up(&client);
}

static void who_offers_other_protocols_only_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct client client = dial_tls(fixture);
    int result;

    SSL_set_alpn_protos(client.ssl, (const unsigned char *)"\x02h2", 3);
    while (must_wait(client.ssl, result = SSL_do_handshake(client.ssl)))
        turn(fixture);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    ERR_clear_error();
    hang_up(&client);
}

static void drains(void **state)
{
    static const char request[] = "POST /later HTTP/1.1\r\n" HOST "\r\n";
    struct fixture *fixture = *state;
    struct client silent = dial_tls(fixture);
    struct client busy = dial_tls(fixture);

    shake(fixture, &silent);
    shake(fixture, &busy);
    say_tls(fixture, &busy, request, sizeof request - 1);
    WAIT_UNTIL(fixture, fixture->held != NULL);
    http_server_drain(fixture->server);
    hear_end_tls(fixture, &silent);
    assert_true(silent.ended);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    hear_end_tls(fixture, &busy);
    assert_true(busy.ended);
    assert_int_equal(count_of(fixture, "\r\n\r\nlate"), 1);
    assert_int_equal(http_server_busy(fixture->server), 0);
    hang_up(&silent);
    hang_up(&busy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_and_keeps_the_connection),
        TEST(answers_pipelined_requests_in_order),
        TEST(takes_a_body_of_many_records),
        TEST(gives_a_large_answer_to_who_reads_late),
        TEST(the_end_is_said),
        TEST(a_refused_body_gets_its_answer_and_the_end),
        TEST(plain_http_is_told_so),
        TEST(rubbish_is_no_handshake),
        TEST(a_handshake_has_its_time),
        TEST(who_does_not_shake_hands_gives_way),
        TEST(who_finds_no_place_is_closed_unheard),
        TEST(another_certificate_is_shown_to_who_comes),
        TEST(http_1_1_is_selected),
        TEST(who_offers_other_protocols_only_is_refused),
        TEST(drains),
    };

    return cmocka_run_group_tests_name("http_tls", tests, make_all, free_all);
}
