/* SPDX-License-Identifier: Apache-2.0 */
/* transport against itself over TLS on the loopback, and against a bare socket that stalls, leaves and
 * refuses. What HTTP/2 makes of it stands in test_h2_*.c, certificates in test_tls.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/net/tls.h"
#include "shared/net/transport.h"
#include "tests/unit/certs.h"

enum { LARGE = 9 << 20, RECORD = 16384, TOO_OFTEN = 100000 };

struct end {
    struct transport *transport;
    struct buf got;
    bool open;
    bool ended;
    bool pause_on_bytes;
    bool stop_on_bytes;
    struct transport *feed; /* gets more to send with every piece that comes */
    char reason[160];       /* "" for a close in order */
    unsigned drained;
    unsigned coming;
    size_t had; /* when something was coming for the last time */
};

struct bench {
    struct event_base *base;
    struct end mine;
    struct end other;
    int peer; /* a bare socket in place of the other end, or -1 */
    bool late;
};

static struct certs certs;

static void on_open(void *arg)
{
    struct end *end = arg;

    assert_false(end->open);
    end->open = true;
}

static void on_bytes(const uint8_t *data, size_t len, void *arg)
{
    struct end *end = arg;

    assert_true(end->open);
    assert_false(end->ended);
    assert_in_range(len, 1, RECORD);
    assert_int_equal(buf_append(&end->got, data, len), STATUS_OK);
    if (end->pause_on_bytes)
        transport_set_reading(end->transport, false);
    if (end->stop_on_bytes)
        transport_stop(end->transport);
    if (end->feed != NULL) {
        transport_write(end->feed, data, len);
        transport_write(end->feed, data, len);
        transport_flush(end->feed);
    }
}

static void on_drained(void *arg)
{
    struct end *end = arg;

    end->drained++;
}

static void on_end(const char *reason, void *arg)
{
    struct end *end = arg;

    assert_false(end->ended);
    end->ended = true;
    snprintf(end->reason, sizeof end->reason, "%s", reason != NULL ? reason : "");
}

static void on_coming(void *arg)
{
    struct end *end = arg;

    assert_true(end->open);
    assert_false(end->ended);
    end->coming++;
    end->had = end->got.len;
    if (end->coming == TOO_OFTEN)
        transport_stop(end->transport);
}

static const struct transport_callbacks callbacks = {on_open, on_bytes, on_drained, on_end, on_coming};

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

#define AWAIT(bench, condition)                                                                              \
    do {                                                                                                     \
        struct timeval ten_seconds = {10, 0};                                                                \
        struct event *deadline = evtimer_new((bench)->base, on_deadline, &(bench)->late);                    \
        evtimer_add(deadline, &ten_seconds);                                                                 \
        while (!(condition) && !(bench)->late)                                                               \
            event_base_loop((bench)->base, EVLOOP_ONCE);                                                     \
        event_free(deadline);                                                                                \
        if (!(condition))                                                                                    \
            fail_msg("in vain: %s", #condition);                                                             \
    } while (0)

static void turn(struct bench *bench)
{
    for (int i = 0; i < 5; i++)
        event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    bench->base = event_base_new();
    bench->peer = -1;
    buf_init(&bench->mine.got, SIZE_MAX);
    buf_init(&bench->other.got, SIZE_MAX);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    transport_free(bench->mine.transport);
    transport_free(bench->other.transport);
    buf_fini(&bench->mine.got);
    buf_fini(&bench->other.got);
    if (bench->peer >= 0)
        close(bench->peer);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void start(struct end *end, struct transport *transport)
{
    end->transport = transport;
    assert_int_equal(transport_start(transport, &callbacks, end), STATUS_OK);
}

/* My end is a transport without TLS, the other a bare socket. */
static void open_plain(struct bench *bench)
{
    struct transport *transport;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(transport_new_accepted(bench->base, fds[0], NULL, &transport), STATUS_OK);
    start(&bench->mine, transport);
    bench->peer = fds[1];
    AWAIT(bench, bench->mine.open);
}

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static enum status connect_to(struct bench *bench, const struct sockaddr_in *address, SSL *ssl)
{
    struct transport *transport;
    enum status status = transport_new_connecting(bench->base, (const struct sockaddr *)address,
                                                  sizeof *address, ssl, &transport);

    if (status == STATUS_OK)
        start(&bench->mine, transport);
    return status;
}

/* Two transports with TLS, mine the client's. */
static void open_tls(struct bench *bench)
{
    const struct tls_files server_files = {certs.path[CERT_SERVER], certs.path[KEY_SERVER], ""};
    const struct tls_files client_files = {"", "", certs.path[CERT_CA]};
    struct transport *transport;
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address);
    SSL_CTX *server;
    SSL_CTX *client;

    assert_int_equal(tls_server_new(&server_files, &server, NULL), STATUS_OK);
    assert_int_equal(tls_client_new(&client_files, &client, NULL), STATUS_OK);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(connect_to(bench, &address, tls_client_session(client, "localhost")), STATUS_OK);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_int_equal(transport_new_accepted(bench->base, fd, SSL_new(server), &transport), STATUS_OK);
    start(&bench->other, transport);
    close(listener);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    AWAIT(bench, bench->mine.open && bench->other.open);
}

static uint8_t *pattern(size_t len)
{
    uint8_t *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i ^ i >> 9);
    return bytes;
}

static void test_a_write_leaves_in_the_callers_turn(void **state)
{
    struct bench *bench = *state;
    char got[16] = "";

    open_plain(bench);
    assert_int_equal(transport_write(bench->mine.transport, "one", 3), STATUS_OK);
    assert_int_equal(recv(bench->peer, got, sizeof got, 0), -1);
    assert_int_equal(transport_write(bench->mine.transport, "two", 3), STATUS_OK);
    transport_flush(bench->mine.transport);
    assert_int_equal(transport_unsent(bench->mine.transport), 0);
    assert_int_equal(recv(bench->peer, got, sizeof got, 0), 6);
    assert_string_equal(got, "onetwo");
}

static void test_what_a_full_socket_leaves_goes_later(void **state)
{
    struct bench *bench = *state;
    uint8_t *bytes = pattern(LARGE);
    uint8_t *got = malloc(LARGE);
    size_t len = 0;

    open_plain(bench);
    assert_int_equal(transport_write(bench->mine.transport, bytes, LARGE), STATUS_OK);
    transport_flush(bench->mine.transport);
    assert_in_range(transport_unsent(bench->mine.transport), 1, LARGE - 1);
    assert_int_equal(bench->mine.drained, 0);
    while (len < LARGE) {
        ssize_t part = recv(bench->peer, got + len, LARGE - len, 0);

        if (part > 0)
            len += (size_t)part;
        else
            event_base_loop(bench->base, EVLOOP_NONBLOCK);
    }
    assert_memory_equal(got, bytes, LARGE);
    assert_true(bench->mine.drained > 0);
    assert_int_equal(transport_unsent(bench->mine.transport), 0);
    free(bytes);
    free(got);
}

static void test_tls_both_ways_at_once(void **state)
{
    struct bench *bench = *state;
    uint8_t *bytes = pattern(LARGE);

    open_tls(bench);
    assert_true(transport_is_tls(bench->mine.transport));
    for (int i = 0; i < 9; i++) {
        transport_write(bench->mine.transport, bytes + i * (LARGE / 9), LARGE / 9);
        transport_flush(bench->mine.transport);
        transport_write(bench->other.transport, bytes + i * (LARGE / 9), LARGE / 9);
        transport_flush(bench->other.transport);
    }
    AWAIT(bench, bench->mine.got.len == LARGE && bench->other.got.len == LARGE);
    assert_memory_equal(bench->mine.got.data, bytes, LARGE);
    assert_memory_equal(bench->other.got.data, bytes, LARGE);
    free(bytes);
}

static void test_what_comes_is_told_before_it_is_read(void **state)
{
    struct bench *bench = *state;

    open_tls(bench);
    for (size_t had = 0; had < 9; had += 3) {
        unsigned before = bench->mine.coming;

        transport_write(bench->other.transport, "abc", 3);
        transport_flush(bench->other.transport);
        AWAIT(bench, bench->mine.got.len == had + 3);
        assert_true(bench->mine.coming > before);
        assert_int_equal(bench->mine.had, had);
    }
}

static void test_alpn_is_told(void **state)
{
    struct bench *bench = *state;
    unsigned len;

    open_tls(bench);
    assert_memory_equal(transport_alpn(bench->mine.transport, &len), "h2", 2);
    assert_int_equal(len, 2);
}

/* OpenSSL has read all of it from the socket by then: the loop alone would not come back to it. */
static void test_what_tls_holds_is_not_forgotten_in_a_pause(void **state)
{
    struct bench *bench = *state;
    uint8_t *bytes = pattern(3000);

    open_tls(bench);
    bench->other.pause_on_bytes = true;
    for (int i = 0; i < 3; i++) {
        transport_write(bench->mine.transport, bytes + i * 1000, 1000);
        transport_flush(bench->mine.transport);
    }
    for (size_t len = 1000; len <= 3000; len += 1000) {
        AWAIT(bench, bench->other.got.len == len);
        turn(bench);
        assert_int_equal(bench->other.got.len, len);
        transport_set_reading(bench->other.transport, true);
    }
    assert_memory_equal(bench->other.got.data, bytes, 3000);
    free(bytes);
}

static void test_a_pause_leaves_the_bytes_in_the_socket(void **state)
{
    struct bench *bench = *state;

    open_plain(bench);
    transport_set_reading(bench->mine.transport, false);
    assert_int_equal(send(bench->peer, "later", 5, 0), 5);
    turn(bench);
    assert_int_equal(bench->mine.got.len, 0);
    transport_set_reading(bench->mine.transport, true);
    AWAIT(bench, bench->mine.got.len == 5);
}

static void test_a_pause_from_before_the_opening_stays(void **state)
{
    struct bench *bench = *state;
    struct transport *transport;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(transport_new_accepted(bench->base, fds[0], NULL, &transport), STATUS_OK);
    bench->peer = fds[1];
    transport_set_reading(transport, false);
    start(&bench->mine, transport);
    AWAIT(bench, bench->mine.open);
    assert_int_equal(send(bench->peer, "later", 5, 0), 5);
    turn(bench);
    assert_int_equal(bench->mine.coming, 0); /* the loop is not told again and again */
    assert_int_equal(bench->mine.got.len, 0);
    transport_set_reading(transport, true);
    AWAIT(bench, bench->mine.got.len == 5);
}

/* A client's TLS whose bytes the test carries. */
static SSL *client_by_hand(void)
{
    const struct tls_files files = {"", "", certs.path[CERT_CA]};
    SSL_CTX *context;

    assert_int_equal(tls_client_new(&files, &context, NULL), STATUS_OK);
    SSL *ssl = tls_client_session(context, "localhost");
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    SSL_CTX_free(context);
    return ssl;
}

static void carry(int from, SSL *to)
{
    uint8_t bytes[RECORD];
    ssize_t len = recv(from, bytes, sizeof bytes, 0);

    if (len > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(to), bytes, (int)len), len);
}

static void carry_back(SSL *from, int to)
{
    uint8_t bytes[RECORD];
    int len = BIO_read(SSL_get_wbio(from), bytes, sizeof bytes);

    if (len > 0)
        assert_int_equal(send(to, bytes, (size_t)len, 0), len);
}

/* One read of the socket takes the client's Finished and what it says at once: the loop alone would not
 * come back to that. */
static void test_what_came_with_the_handshake_is_read(void **state)
{
    const struct tls_files files = {certs.path[CERT_SERVER], certs.path[KEY_SERVER], ""};
    struct bench *bench = *state;
    SSL *client = client_by_hand();
    struct transport *transport;
    SSL_CTX *server;
    int fds[2];

    assert_int_equal(tls_server_new(&files, &server, NULL), STATUS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(transport_new_accepted(bench->base, fds[0], SSL_new(server), &transport), STATUS_OK);
    bench->peer = fds[1];
    start(&bench->mine, transport);
    for (int i = 0; i < 20 && SSL_do_handshake(client) != 1; i++) {
        carry_back(client, bench->peer);
        turn(bench);
        carry(bench->peer, client);
    }
    assert_true(SSL_is_init_finished(client));
    assert_int_equal(SSL_write(client, "at once", 7), 7);
    assert_false(bench->mine.open);
    carry_back(client, bench->peer);
    AWAIT(bench, bench->mine.got.len == 7);
    SSL_free(client);
    SSL_CTX_free(server);
}

static void test_a_peer_that_never_stops_leaves_others_their_turn(void **state)
{
    struct bench *bench = *state;
    struct timeval soon = {0, 20000};
    uint8_t *bytes = pattern(10 * RECORD);
    bool others_turn = false;

    open_tls(bench);
    bench->other.feed = bench->mine.transport;
    transport_write(bench->mine.transport, bytes, 10 * RECORD);
    transport_flush(bench->mine.transport);
    event_base_once(bench->base, -1, EV_TIMEOUT, on_deadline, &others_turn, &soon);
    alarm(20);
    AWAIT(bench, others_turn);
    alarm(0);
    assert_in_range(bench->other.got.len, 10 * RECORD, SIZE_MAX);
    free(bytes);
}

static void test_nothing_comes_after_a_stop(void **state)
{
    struct bench *bench = *state;
    uint8_t *bytes = pattern(4 * RECORD);

    open_tls(bench);
    bench->other.stop_on_bytes = true;
    transport_write(bench->mine.transport, bytes, 4 * RECORD);
    transport_flush(bench->mine.transport);
    AWAIT(bench, bench->other.got.len > 0);
    size_t len = bench->other.got.len;
    assert_in_range(len, 1, RECORD);
    transport_free(bench->mine.transport);
    bench->mine.transport = NULL;
    turn(bench);
    assert_int_equal(bench->other.got.len, len);
    assert_false(bench->other.ended);
    free(bytes);
}

static void test_a_close_in_order_has_no_reason(void **state)
{
    struct bench *bench = *state;

    open_tls(bench);
    transport_write(bench->mine.transport, "bye", 3);
    transport_flush(bench->mine.transport);
    transport_free(bench->mine.transport);
    bench->mine.transport = NULL;
    AWAIT(bench, bench->other.ended);
    assert_string_equal(bench->other.reason, "");
    assert_int_equal(bench->other.got.len, 3);
}

static void test_last_words_come_before_the_end_that_a_write_met(void **state)
{
    struct bench *bench = *state;

    open_plain(bench);
    assert_int_equal(send(bench->peer, "last words", 10, 0), 10);
    close(bench->peer);
    bench->peer = -1;
    transport_write(bench->mine.transport, "x", 1);
    transport_flush(bench->mine.transport);
    assert_false(bench->mine.ended);
    AWAIT(bench, bench->mine.ended);
    assert_int_equal(bench->mine.got.len, 10);
    assert_string_equal(bench->mine.reason, "");
}

static void test_a_failed_write_ends_also_while_nothing_is_read(void **state)
{
    struct bench *bench = *state;

    open_plain(bench);
    transport_set_reading(bench->mine.transport, false);
    close(bench->peer);
    bench->peer = -1;
    transport_write(bench->mine.transport, "x", 1);
    transport_flush(bench->mine.transport);
    AWAIT(bench, bench->mine.ended);
    assert_string_equal(bench->mine.reason, "Broken pipe");
}

static void test_nobody_listens(void **state)
{
    struct bench *bench = *state;
    struct sockaddr_in address;
    int unused = listen_on_loopback(&address);

    assert_int_equal(connect_to(bench, &address, NULL), STATUS_OK);
    AWAIT(bench, bench->mine.ended);
    assert_false(bench->mine.open);
    assert_string_equal(bench->mine.reason, "Connection refused");
    close(unused);
}

static void test_no_way_to_the_address(void **state)
{
    const struct sockaddr_in nowhere = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {0xffffffff}};

    assert_int_equal(connect_to(*state, &nowhere, NULL), STATUS_IO);
}

static void test_a_peer_that_leaves_in_the_handshake(void **state)
{
    struct bench *bench = *state;
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address);
    const struct tls_files none = {"", "", ""};
    SSL_CTX *context;

    assert_int_equal(tls_client_new(&none, &context, NULL), STATUS_OK);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(connect_to(bench, &address, SSL_new(context)), STATUS_OK);
    int fd = accept(listener, NULL, NULL);
    uint8_t hello[4096];
    AWAIT(bench, recv(fd, hello, sizeof hello, MSG_DONTWAIT | MSG_PEEK) > 0);
    assert_true(recv(fd, hello, sizeof hello, 0) > 0);
    close(fd);
    AWAIT(bench, bench->mine.ended);
    assert_false(bench->mine.open);
    assert_string_equal(bench->mine.reason, "");
    close(listener);
    SSL_CTX_free(context);
}

static void test_what_is_no_tls_is_named(void **state)
{
    struct bench *bench = *state;
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(connect_to(bench, &address, SSL_new(context)), STATUS_OK);
    int fd = accept(listener, NULL, NULL);
    assert_int_equal(send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 28);
    AWAIT(bench, bench->mine.ended);
    assert_string_equal(bench->mine.reason, "TLS: wrong version number");
    close(fd);
    close(listener);
    SSL_CTX_free(context);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_write_leaves_in_the_callers_turn),
        TEST(test_what_a_full_socket_leaves_goes_later),
        TEST(test_tls_both_ways_at_once),
        TEST(test_what_comes_is_told_before_it_is_read),
        TEST(test_alpn_is_told),
        TEST(test_what_tls_holds_is_not_forgotten_in_a_pause),
        TEST(test_a_pause_leaves_the_bytes_in_the_socket),
        TEST(test_a_pause_from_before_the_opening_stays),
        TEST(test_what_came_with_the_handshake_is_read),
        TEST(test_a_peer_that_never_stops_leaves_others_their_turn),
        TEST(test_nothing_comes_after_a_stop),
        TEST(test_a_close_in_order_has_no_reason),
        TEST(test_last_words_come_before_the_end_that_a_write_met),
        TEST(test_a_failed_write_ends_also_while_nothing_is_read),
        TEST(test_nobody_listens),
        TEST(test_no_way_to_the_address),
        TEST(test_a_peer_that_leaves_in_the_handshake),
        TEST(test_what_is_no_tls_is_named),
    };

    signal(SIGPIPE, SIG_IGN);
    certs_make(&certs);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    certs_remove(&certs);
    return failed;
}
