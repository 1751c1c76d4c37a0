/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server's limits and time-outs, and that an answer reaches a peer that is still sending. */
#include "tests/unit/http_peer.h"

#include "shared/log/metrics.h"

#define HOST      "Host: h\r\n"
#define POST_ECHO "POST /echo HTTP/1.1\r\n" HOST

static void a_body_too_large_is_answered_while_it_comes(void **state)
{
    struct fixture *fixture = *state;
    size_t len = 20 << 20;
    char *body = calloc(1, len);
    int fd = dial(fixture);

    say(fixture, fd, POST_ECHO "Content-Length: 20971520\r\n\r\n");
    say_bytes(fixture, fd, body, len);
    hear_end(fixture, fd);
    assert_int_equal(count_of(fixture, "HTTP/1.1 413 Content Too Large\r\n"), 1);
    assert_int_equal(count_of(fixture, "Connection: close\r\n"), 1);
    assert_int_equal(
        count_of(fixture, "\"code\":\"body_too_large\",\"message\":\"the body may have 100000 bytes\""), 1);
    assert_int_equal(fixture->refused, 413);
    close(fd);
    free(body);
}

static void chunks_too_large_are_answered_while_they_come(void **state)
{
    struct fixture *fixture = *state;
    char chunk[1010] = "3e8\r\n";
    int fd = dial(fixture);

    memset(chunk + 5, 'c', 1000);
    memcpy(chunk + 1005, "\r\n", 2);
    say(fixture, fd, POST_ECHO "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5000; i++)
        say_bytes(fixture, fd, chunk, 1007);
    hear_end(fixture, fd);
    assert_int_equal(count_of(fixture, "HTTP/1.1 413 "), 1);
    close(fd);
}

static void a_body_of_the_limit_is_taken(void **state)
{
    struct fixture *fixture = *state;
    char *body = calloc(1, MAX_BODY);
    int fd = dial(fixture);

    memset(body, 'x', MAX_BODY);
    say(fixture, fd, POST_ECHO "Content-Length: 100000\r\nConnection: close\r\n\r\n");
    say_bytes(fixture, fd, body, MAX_BODY);
    hear_end(fixture, fd);
    assert_true(fixture->answer_len > MAX_BODY);
    assert_memory_equal(fixture->answer + fixture->answer_len - MAX_BODY, body, MAX_BODY);
    close(fd);
    free(body);
}

static void headers_too_large(void **state)
{
    struct fixture *fixture = *state;
    char filler[MAX_HEADER];
    int fd = dial(fixture);

    memset(filler, 'x', sizeof filler);
    say(fixture, fd, "GET /echo HTTP/1.1\r\n" HOST "X: ");
    for (int i = 0; i < 100; i++)
        say_bytes(fixture, fd, filler, sizeof filler);
    hear_end(fixture, fd);
    assert_int_equal(count_of(fixture, "HTTP/1.1 431 Request Header Fields Too Large\r\n"), 1);
    assert_int_equal(count_of(fixture, "\"code\":\"header_too_large\""), 1);
    assert_int_equal(count_of(fixture, "2048"), 1);
    close(fd);
}

static void what_is_not_http_is_400_and_ends_the_connection(void **state)
{
    static const char *const requests[] = {
        "\x16\x03\x01\x02",
        "hello\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        POST_ECHO "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" POST_ECHO "\r\n",
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\nzz\r\n" POST_ECHO "\r\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        fixture->refused = 0;
        ask(fixture, requests[i]);
        assert_int_equal(count_of(fixture, "Date: "), 1);
        assert_int_equal(count_of(fixture, "HTTP/1.1 400 Bad Request\r\n"), 1);
        assert_int_equal(count_of(fixture, "\"code\":\"invalid_request\""), 1);
        assert_int_equal(fixture->refused, 400);
    }
}

static void a_good_request_in_front_of_a_bad_one_is_answered(void **state)
{
    ask(*state, POST_ECHO "Content-Length: 2\r\n\r\nok\nGET");
    assert_int_equal(count_of(*state, "\r\n\r\nokHTTP/1.1 400 "), 1);
}

static void a_request_that_does_not_end_is_408(void **state)
{
    static const char *const begun[] = {"P", "POST /echo HT", POST_ECHO "Content-Length: 5\r\n\r\nhell"};
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.read_timeout_ms = 100;
    restart(fixture, &conf);
    for (int i = 0; i < 3; i++) {
        int64_t before = clock_now_ms();

        ask(fixture, begun[i]);
        assert_true(clock_now_ms() - before >= 100);
        assert_int_equal(count_of(fixture, "HTTP/1.1 408 Request Timeout\r\n"), 1);
        assert_int_equal(count_of(fixture, "\"code\":\"request_timeout\""), 1);
    }
}

static void a_byte_now_and_then_does_not_prolong_it(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);
    int64_t before = clock_now_ms();

    conf.read_timeout_ms = 200;
    conf.max_header_bytes = 1 << 20;
    restart(fixture, &conf);
    int fd = dial(fixture);
    say(fixture, fd, "GET /echo HTTP/1.1\r\n");
    while (fixture->answer_len == 0) {
        assert_true(clock_now_ms() - before < PATIENCE_MS);
        (void)send(fd, "X", 1, MSG_NOSIGNAL);
        (void)read_some(fixture, fd);
        turn(fixture);
    }
    hear(fixture, fd, "HTTP/1.1 408 ");
    close(fd);
}

static void an_idle_connection_ends_without_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.idle_timeout_ms = 100;
    restart(fixture, &conf);
    ask(fixture, POST_ECHO "Content-Length: 2\r\n\r\nok\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 "), 1);
}

static void a_connection_that_says_nothing_has_the_time_of_a_request(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.read_timeout_ms = 100;
    restart(fixture, &conf);
    ask(fixture, "");
    assert_int_equal(fixture->answer_len, 0);
    ask(fixture, "\r\n\r\n");
    assert_int_equal(fixture->answer_len, 0);
}

static void a_handler_may_take_longer_than_any_timeout(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.read_timeout_ms = conf.idle_timeout_ms = conf.write_timeout_ms = 50;
    restart(fixture, &conf);
    int fd = dial(fixture);
    say(fixture, fd, "POST /later HTTP/1.1\r\n" HOST "\r\n");
    WAIT_UNTIL(fixture, fixture->held != NULL);
    int64_t before = clock_now_ms();
    WAIT_UNTIL(fixture, clock_now_ms() - before > 300);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    hear(fixture, fd, "\r\n\r\nlate");
    close(fd);
}

static void a_peer_that_takes_nothing_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.write_timeout_ms = 200;
    restart(fixture, &conf);
    int fd = dial(fixture);
    say(fixture, fd, "GET /big?20000000 HTTP/1.1\r\n" HOST "\r\n");
    WAIT_UNTIL(fixture, http_server_busy(fixture->server) == 1);
    WAIT_UNTIL(fixture, http_server_busy(fixture->server) == 0);
    close(fd);
}

/* The kernel tells of room by the kilobyte, each time well before the time is over. */
static void a_peer_that_takes_a_few_bytes_now_and_then_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);
    int small = 2048;

    conf.write_timeout_ms = 1000;
    restart(fixture, &conf);
    int fd = dial(fixture);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fixture, fd, "GET /big?20000000 HTTP/1.1\r\n" HOST "\r\n");
    WAIT_UNTIL(fixture, http_server_busy(fixture->server) == 1);
    WAIT_UNTIL(fixture, (recv(fd, fixture->answer, 3, MSG_DONTWAIT), http_server_busy(fixture->server) == 0));
    close(fd);
}

static void a_peer_that_takes_its_time_gets_it_all(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);
    size_t total = 0;

    conf.write_timeout_ms = 1000;
    restart(fixture, &conf);
    int fd = dial(fixture);
    say(fixture, fd, "GET /big?20000000 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    while (read_some(fixture, fd)) {
        total += fixture->answer_len;
        forget(fixture);
        turn(fixture);
    }
    assert_true(total > 20000000);
    close(fd);
}

/* A connection with a request under way. */
static int dial_half(struct fixture *fixture)
{
    size_t busy = http_server_busy(fixture->server);
    int fd = dial(fixture);

    say(fixture, fd, POST_ECHO "Content-Length: 2\r\n\r\no");
    WAIT_UNTIL(fixture, http_server_busy(fixture->server) == busy + 1);
    return fd;
}

/* One that has been answered, and is kept. */
static int dial_idle(struct fixture *fixture)
{
    int fd = dial(fixture);

    forget(fixture);
    say(fixture, fd, POST_ECHO "Content-Length: 2\r\n\r\nok");
    hear(fixture, fd, "\r\n\r\nok");
    return fd;
}

static void expect_end(struct fixture *fixture, int fd)
{
    forget(fixture);
    hear_end(fixture, fd);
    assert_int_equal(fixture->answer_len, 0);
    close(fd);
}

static void start_with_places(struct fixture *fixture, int places)
{
    struct http_server_conf conf = default_conf(fixture);

    conf.max_connections = places;
    restart(fixture, &conf);
}

static void the_oldest_silent_one_gives_way(void **state)
{
    struct fixture *fixture = *state;

    start_with_places(fixture, 2);
    int first = dial(fixture);
    int second = dial(fixture);
    int third = dial_half(fixture);
    expect_end(fixture, first);
    int fourth = dial_half(fixture);
    expect_end(fixture, second);
    close(third);
    close(fourth);
}

static void who_never_said_a_byte_gives_way_before_who_waits_for_its_next_request(void **state)
{
    struct fixture *fixture = *state;

    start_with_places(fixture, 2);
    int known = dial_idle(fixture);
    int silent = dial(fixture);
    int64_t before = clock_now_ms();
    WAIT_UNTIL(fixture, clock_now_ms() - before > 300);
    int newcomer = dial_half(fixture);
    expect_end(fixture, silent);
    say(fixture, known, "GET /empty HTTP/1.1\r\n" HOST "\r\n");
    hear(fixture, known, "HTTP/1.1 204 ");
    close(known);
    close(newcomer);
}

static void between_requests_the_longest_idle_gives_way(void **state)
{
    struct fixture *fixture = *state;

    start_with_places(fixture, 3);
    int busy = dial_half(fixture);
    int older = dial_idle(fixture);
    int younger = dial_idle(fixture);
    say(fixture, older, POST_ECHO "Content-Length: 2\r\n\r\nhi");
    hear(fixture, older, "\r\n\r\nhi");
    int newcomer = dial_idle(fixture);
    expect_end(fixture, younger);
    say(fixture, busy, "k");
    hear(fixture, busy, "\r\n\r\nok");
    close(busy);
    close(older);
    close(newcomer);
}

static void whoever_has_just_been_let_in_is_not_thrown_out_by_the_next(void **state)
{
    struct fixture *fixture = *state;
    int fds[3];

    start_with_places(fixture, 3);
    for (int i = 0; i < 3; i++)
        fds[i] = dial_idle(fixture);
    for (int i = 0; i < 3; i++) {
        int newcomer = dial(fixture);

        expect_end(fixture, fds[i]);
        fds[i] = newcomer;
    }
    for (int i = 0; i < 3; i++) {
        say(fixture, fds[i], "GET /empty HTTP/1.1\r\n" HOST "\r\n");
        hear(fixture, fds[i], "HTTP/1.1 204 ");
        forget(fixture);
        close(fds[i]);
    }
}

/* Its bytes are in the socket when the newcomers come, and nobody has read them. */
static void whoever_has_spoken_is_not_silent(void **state)
{
    struct fixture *fixture = *state;

    start_with_places(fixture, 1);
    int first = dial(fixture);
    say(fixture, first, "GET /empty HTTP/1.1\r\n" HOST "\r\n");
    int second = dial(fixture);
    hear(fixture, first, "HTTP/1.1 204 ");
    close(first);
    close(second);
}

static void a_probe_is_answered_when_all_places_are_at_work(void **state)
{
    struct fixture *fixture = *state;

    start_with_places(fixture, 1);
    int busy = dial_half(fixture);
    ask(fixture, "GET /probe HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 204 "), 1);
    assert_int_equal(count_of(fixture, "Connection: close\r\n"), 1);
    ask(fixture, POST_ECHO "Content-Length: 100000\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 503 "), 1);
    close(busy);
}

static void a_probe_is_answered_among_many_who_say_nothing(void **state)
{
    struct fixture *fixture = *state;
    int strangers[200];

    start_with_places(fixture, 1);
    int busy = dial_half(fixture);
    for (int i = 0; i < 200; i++) {
        strangers[i] = dial(fixture);
        if (i % 2 == 0)
            say(fixture, strangers[i], "GET /pro");
    }
    ask(fixture, "GET /probe HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 204 "), 1);
    forget(fixture);
    hear_end(fixture, strangers[0]);
    assert_int_equal(count_of(fixture, "HTTP/1.1 503 "), 1);
    for (int i = 0; i < 200; i++)
        close(strangers[i]);
    close(busy);
}

enum { FULL, INFLIGHT_REFUSED, INFLIGHT };

/* With rows of its own for what is counted. */
static void start_bounded(struct fixture *fixture, size_t max_inflight)
{
    static const struct metric_def rows[] = {{"full_total", "", METRIC_COUNTER, "Full."},
                                             {"inflight_total", "", METRIC_COUNTER, "Past the bound."},
                                             {"inflight_bytes", "", METRIC_GAUGE, "Bytes."}};
    struct http_server_conf conf = default_conf(fixture);

    metrics_setup(rows, 3);
    conf.rows = (struct http_server_rows){
        .refused_full = FULL, .refused_inflight = INFLIGHT_REFUSED, .inflight = INFLIGHT};
    conf.max_inflight = max_inflight;
    restart(fixture, &conf);
}

static void bodies_are_bounded_over_all_connections(void **state)
{
    struct fixture *fixture = *state;
    char *body = calloc(1, MAX_BODY);
    int fds[3];

    start_bounded(fixture, 250000);
    for (int i = 0; i < 2; i++) {
        fds[i] = dial(fixture);
        say(fixture, fds[i], POST_ECHO "Content-Length: 100000\r\n\r\n");
        say_bytes(fixture, fds[i], body, MAX_BODY - 1);
    }
    WAIT_UNTIL(fixture, http_server_inflight(fixture->server) == 2 * (MAX_BODY - 1));
    assert_int_equal(metrics_get(INFLIGHT), 2 * (MAX_BODY - 1));
    fds[2] = dial(fixture);
    say(fixture, fds[2], POST_ECHO "Content-Length: 100000\r\n\r\n");
    say_bytes(fixture, fds[2], body, MAX_BODY - 1);
    hear_end(fixture, fds[2]);
    assert_int_equal(count_of(fixture, "HTTP/1.1 503 "), 1);
    assert_int_equal(count_of(fixture, "Retry-After: 1\r\n"), 1);
    assert_int_equal(count_of(fixture, "\"code\":\"too_many_inflight_bytes\""), 1);
    assert_int_equal(fixture->refused, 503);
    assert_int_equal(metrics_get(INFLIGHT_REFUSED), 1);
    for (int i = 0; i < 2; i++) {
        say_bytes(fixture, fds[i], body, 1);
        hear(fixture, fds[i], "HTTP/1.1 200 ");
        close(fds[i]);
    }
    close(fds[2]);
    WAIT_UNTIL(fixture, http_server_inflight(fixture->server) == 0);
    assert_int_equal(metrics_get(INFLIGHT), 0);
    free(body);
}

static void a_whole_request_is_answered_whatever_others_hold(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.max_inflight = 1;
    restart(fixture, &conf);
    int held = dial_half(fixture);
    ask(fixture, POST_ECHO "Content-Length: 2\r\nConnection: close\r\n\r\nok");
    assert_int_equal(count_of(fixture, "\r\n\r\nok"), 1);
    close(held);
}

static void a_server_that_is_full_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.max_connections = 2;
    restart(fixture, &conf);
    int first = dial_half(fixture);
    int second = dial_half(fixture);
    ask(fixture, POST_ECHO "Content-Length: 2\r\n\r\nno");
    assert_int_equal(count_of(fixture, "HTTP/1.1 503 Service Unavailable\r\n"), 1);
    assert_int_equal(count_of(fixture, "Retry-After: 1\r\n"), 1);
    assert_int_equal(count_of(fixture, "\"code\":\"too_many_connections\""), 1);
    assert_int_equal(fixture->refused, 503);
    close(first);
    WAIT_UNTIL(fixture, (ask(fixture, "GET /empty HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"),
                         count_of(fixture, "HTTP/1.1 204 ") == 1));
    close(second);
}

/* What was counted is forgotten, but for a word that may be cut. */
static void keep_tail(struct fixture *fixture, size_t len)
{
    size_t keep = fixture->answer_len < len ? fixture->answer_len : len;

    memmove(fixture->answer, fixture->answer + fixture->answer_len - keep, keep + 1);
    fixture->answer_len = keep;
}

static void waiting_requests_are_bounded(void **state)
{
    static const char request[] = POST_ECHO "Content-Length: 2\r\n\r\nok";
    struct fixture *fixture = *state;
    size_t len = 1000 * (sizeof request - 1);
    char *requests = malloc(len);
    size_t sent = 0;
    int fd = dial(fixture);

    for (size_t at = 0; at < len; at += sizeof request - 1)
        memcpy(requests + at, request, sizeof request - 1);
    say(fixture, fd, "POST /later HTTP/1.1\r\n" HOST "\r\n");
    for (int stuck = 0; stuck < 50; turn(fixture)) {
        ssize_t count = send(fd, requests + sent % len, len - sent % len, MSG_DONTWAIT | MSG_NOSIGNAL);

        sent += count > 0 ? (size_t)count : 0;
        stuck = count > 0 ? 0 : stuck + 1;
        assert_true(sent < 64 << 20);
    }
    free(requests);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    for (size_t answers = 0; answers < sent / (sizeof request - 1);) {
        assert_true(read_some(fixture, fd));
        answers += count_of(fixture, "200 OK");
        keep_tail(fixture, strlen("200 OK") - 1);
        turn(fixture);
    }
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_probe_is_answered_when_all_places_are_at_work),
        TEST(bodies_are_bounded_over_all_connections),
        TEST(a_body_too_large_is_answered_while_it_comes),
        TEST(chunks_too_large_are_answered_while_they_come),
        TEST(a_body_of_the_limit_is_taken),
        TEST(headers_too_large),
        TEST(what_is_not_http_is_400_and_ends_the_connection),
        TEST(a_good_request_in_front_of_a_bad_one_is_answered),
        TEST(a_request_that_does_not_end_is_408),
        TEST(a_byte_now_and_then_does_not_prolong_it),
        TEST(an_idle_connection_ends_without_a_word),
        TEST(a_handler_may_take_longer_than_any_timeout),
        TEST(a_peer_that_takes_nothing_is_dropped),
        TEST(a_peer_that_takes_its_time_gets_it_all),
        TEST(a_peer_that_takes_a_few_bytes_now_and_then_is_dropped),
        TEST(a_connection_that_says_nothing_has_the_time_of_a_request),
        TEST(the_oldest_silent_one_gives_way),
        TEST(who_never_said_a_byte_gives_way_before_who_waits_for_its_next_request),
        TEST(between_requests_the_longest_idle_gives_way),
        TEST(whoever_has_just_been_let_in_is_not_thrown_out_by_the_next),
        TEST(whoever_has_spoken_is_not_silent),
        TEST(a_probe_is_answered_among_many_who_say_nothing),
        TEST(a_whole_request_is_answered_whatever_others_hold),
        TEST(a_server_that_is_full_says_so),
        TEST(waiting_requests_are_bounded),
    };

    return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
