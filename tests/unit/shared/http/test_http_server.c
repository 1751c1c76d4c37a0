/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server on real sockets: requests, answers, and how connections go on and end. */
#include "tests/unit/http_peer.h"

#define HOST      "Host: h\r\n"
#define POST_ECHO "POST /echo HTTP/1.1\r\n" HOST

static void answers_and_keeps_the_connection(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    for (int i = 0; i < 3; i++) {
        forget(fixture);
        say(fixture, fd, POST_ECHO "Content-Length: 5\r\n\r\nhello");
        hear(fixture, fd, "\r\n\r\nhello");
        assert_memory_equal(fixture->answer, "HTTP/1.1 200 OK\r\nDate: ", 23);
        assert_non_null(strstr(fixture->answer, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                                                "X-Filter: seen\r\n\r\n"));
    }
    close(fd);
}

static void takes_a_request_byte_by_byte(void **state)
{
    static const char *const requests[] = {
        POST_ECHO "Content-Length: 5\r\n\r\nhello",
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    };
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    for (int i = 0; i < 2; i++) {
        forget(fixture);
        for (const char *at = requests[i]; *at != '\0'; at++) {
            say_bytes(fixture, fd, at, 1);
            turn(fixture);
        }
        hear(fixture, fd, "\r\n\r\nhello");
    }
    close(fd);
}

static void answers_pipelined_requests_in_order(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);
    char request[100];

    for (int i = 0; i < 2000; i++) {
        snprintf(request, sizeof request, POST_ECHO "Content-Length: 5\r\n\r\n%05d", i);
        say(fixture, fd, request);
    }
    hear(fixture, fd, "\r\n\r\n01999");
    assert_int_equal(count_of(fixture, "HTTP/1.1 200 OK\r\n"), 2000);
    const char *at = fixture->answer;
    for (int i = 0; i < 2000; i++) {
        snprintf(request, sizeof request, "\r\n\r\n%05d", i);
        at = strstr(at, request);
        assert_non_null(at);
    }
    close(fd);
}

static void cuts_pipelined_requests_anywhere(void **state)
{
    static const char text[] = "GET /empty HTTP/1.1\r\n" HOST "\r\n" POST_ECHO "Content-Length: 3\r\n\r\nabc"
                               "GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
    struct fixture *fixture = *state;

    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        int fd = dial(fixture);

        forget(fixture);
        say_bytes(fixture, fd, text, cut);
        turn(fixture);
        turn(fixture);
        say_bytes(fixture, fd, text + cut, sizeof text - 1 - cut);
        hear_end(fixture, fd);
        assert_int_equal(count_of(fixture, "HTTP/1.1 20"), 3);
        assert_int_equal(count_of(fixture, "\r\n\r\nabcHTTP/1.1"), 1);
        close(fd);
    }
}

static void invites_a_body_that_waits(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd, POST_ECHO "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    hear(fixture, fd, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(fixture->answer_len, 25);
    say(fixture, fd, "hello");
    hear(fixture, fd, "\r\n\r\nhello");
    forget(fixture);
    say(fixture, fd, POST_ECHO "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    hear(fixture, fd, "\r\n\r\nhello");
    assert_int_equal(count_of(fixture, "100 Continue"), 0);
    close(fd);
}

static void invites_no_body_that_is_too_large(void **state)
{
    ask(*state, POST_ECHO "Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 413 "), 1);
    assert_int_equal(count_of(*state, "100 Continue"), 0);
}

/* What the header section decides is said at its end, though none of the body has come. */
static void a_refused_body_is_neither_invited_nor_read(void **state)
{
    static const char *const cases[][2] = {
        {"POST /nowhere HTTP/1.1\r\n", "HTTP/1.1 404 "},
        {"PUT /echo HTTP/1.1\r\n", "HTTP/1.1 405 "},
        {POST_ECHO "Origin: x\r\n", "HTTP/1.1 403 "},
        {POST_ECHO "Content-Type: coffee\r\n", "HTTP/1.1 415 "},
        {"POST /nowhere HTTP/1.1\r\nContent-Length: 999999999\r\n", "HTTP/1.1 404 "},
    };
    static const char *const bodies[] = {
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\nContent-Length: 5\r\n",
        "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
    };
    char text[300];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t j = 0; j < sizeof bodies / sizeof *bodies; j++) {
            bool has_length = strstr(cases[i][0], "Content-Length") != NULL;

            snprintf(text, sizeof text, "%s%s%s\r\n", cases[i][0],
                     strstr(cases[i][0], "Host") == NULL ? HOST : "", has_length ? "" : bodies[j]);
            ask(*state, text);
            assert_int_equal(count_of(*state, cases[i][1]), 1);
            assert_int_equal(count_of(*state, "HTTP/1.1 "), 1);
            assert_int_equal(count_of(*state, "Connection: close\r\n"), 1);
        }
}

/* Without a body there is nothing to pass over, and the connection goes on. */
static void a_refusal_without_a_body_keeps_the_connection(void **state)
{
    ask(*state, "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\nPOST /nowhere HTTP/1.1\r\n" HOST
                "\r\nGET /empty HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 405 "), 1);
    assert_int_equal(count_of(*state, "HTTP/1.1 404 "), 1);
    assert_int_equal(count_of(*state, "HTTP/1.1 204 "), 1);
    assert_int_equal(count_of(*state, "Connection: close\r\n"), 1);
}

/* The body keeps coming: the answer must not be lost to a reset, and what comes is bounded. */
static void a_refused_body_that_comes_all_the_same_is_thrown_away(void **state)
{
    struct fixture *fixture = *state;
    size_t len = 8 << 20;
    char *body = calloc(1, len);
    int fd = dial(fixture);

    say(fixture, fd, "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 999999999\r\n\r\n");
    say_bytes(fixture, fd, body, len);
    hear_end(fixture, fd);
    assert_int_equal(count_of(fixture, "HTTP/1.1 404 "), 1);
    close(fd);
    free(body);
}

static void what_the_filter_added_stands_on_later_refusals_too(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);

    conf.read_timeout_ms = 100;
    restart(fixture, &conf);
    ask(fixture, POST_ECHO "Content-Length: 100001\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 413 "), 1);
    assert_int_equal(count_of(fixture, "X-Filter: seen\r\n"), 1);
    ask(fixture, POST_ECHO "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 400 "), 1);
    assert_int_equal(count_of(fixture, "X-Filter: seen\r\n"), 1);
    ask(fixture, POST_ECHO "Content-Length: 5\r\n\r\nhell");
    assert_int_equal(count_of(fixture, "HTTP/1.1 408 "), 1);
    assert_int_equal(count_of(fixture, "X-Filter: seen\r\n"), 1);
}

static void methods_that_nobody_has_defined_are_501(void **state)
{
    ask(*state, "get /echo HTTP/1.1\r\n" HOST "\r\nPURGE /nowhere HTTP/1.1\r\n" HOST "\r\n"
                "TRACE /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 501 Not Implemented\r\n"), 2);
    assert_int_equal(count_of(*state, "\"code\":\"not_implemented\""), 2);
    assert_int_equal(count_of(*state, "HTTP/1.1 405 "), 1);
}

static void another_version_is_505(void **state)
{
    ask(*state, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 505 HTTP Version Not Supported\r\n"), 1);
    assert_int_equal(count_of(*state, "\"code\":\"version_not_supported\""), 1);
    assert_int_equal(((struct fixture *)*state)->refused, 505);
}

/* Whoever cuts his request short gets no other kind of answer. */
static void answers_to_requests_in_part_are_adorned_and_headless(void **state)
{
    ask(*state, "HEAD /echo HTTP/1.1\r\n" HOST "X-Name: n\r\nX Y: z\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 400 "), 1);
    assert_int_equal(count_of(*state, "X-Adorned: n\r\n"), 1);
    assert_int_equal(count_of(*state, "Content-Length: 0\r\n"), 0);
    assert_int_equal(count_of(*state, "{"), 0);
    ask(*state, "GET /echo HTTP/1.1\r\n" HOST "X-Name: n\r\nX Y: z\r\n\r\n");
    assert_int_equal(count_of(*state, "X-Adorned: n\r\n"), 1);
    assert_int_equal(count_of(*state, "a space in the name of a header"), 1);
}

static void head_has_the_length_and_no_body(void **state)
{
    ask(*state, "HEAD /big?77 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(*state, "Content-Length: 77\r\n"), 1);
    assert_int_equal(count_of(*state, "bb"), 0);
}

static void no_content_has_no_length(void **state)
{
    ask(*state, "GET /empty HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 204 No Content\r\n"), 1);
    assert_int_equal(count_of(*state, "X-Test: yes\r\n"), 1);
    assert_int_equal(count_of(*state, "Content-Length"), 0);
}

static void closes_when_asked_to(void **state)
{
    ask(*state, "GET /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(*state, "Connection: close\r\n"), 1);
    ask(*state, "GET /echo HTTP/1.0\r\n\r\n");
    assert_int_equal(count_of(*state, "Connection: close\r\n"), 1);
}

static void http10_may_ask_to_be_kept(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    for (int i = 0; i < 2; i++) {
        forget(fixture);
        say(fixture, fd, "GET /big?4 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        hear(fixture, fd, "\r\n\r\nbbbb");
        assert_int_equal(count_of(fixture, "Connection: keep-alive\r\n"), 1);
    }
    close(fd);
}

static void unknown_paths_and_methods(void **state)
{
    struct fixture *fixture = *state;

    ask(fixture, "GET /nowhere\"?q HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 404 Not Found\r\n"), 1);
    assert_int_equal(
        count_of(fixture, "{\"error\":{\"code\":\"not_found\",\"message\":\"no such path: /nowhere\\\"\"}}"),
        1);
    assert_int_equal(fixture->refused, 404);
    ask(fixture, "OPTIONS /echo HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 405 Method Not Allowed\r\n"), 1);
    assert_int_equal(count_of(fixture, "Allow: POST, GET, HEAD\r\n"), 1);
    assert_int_equal(count_of(fixture, "\"method_not_allowed\""), 1);
    ask(fixture, "HEAD /later HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "Allow: POST\r\n"), 1);
    ask(fixture, "GET http://h/big?3 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "\r\n\r\nbbb"), 1);
}

static void a_star_is_one_segment(void **state)
{
    static const char *const others[] = {"/things",  "/things/",   "/things/a/b", "/things/a/",
                                         "/thing/a", "/thingsx/a", "/Things/a"};
    struct fixture *fixture = *state;

    ask(fixture, "GET /things/a%2Fb HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 204 "), 1);
    ask(fixture, "HEAD /things/*?q=/ HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "HTTP/1.1 204 "), 1);
    ask(fixture, "POST /things/a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_int_equal(count_of(fixture, "Allow: GET, HEAD\r\n"), 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char request[128];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", others[i]);
        ask(fixture, request);
        assert_int_equal(count_of(fixture, "HTTP/1.1 404 "), 1);
    }
}

static void the_filter_comes_first(void **state)
{
    ask(*state, "GET /nowhere HTTP/1.1\r\n" HOST "Origin: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(count_of(*state, "HTTP/1.1 403 "), 1);
    assert_int_equal(count_of(*state, "\"message\":\"no \\\"origins\\\"\""), 1);
}

static void answers_later_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd,
        "POST /later HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi" POST_ECHO
        "Content-Length: 5\r\n\r\nhello");
    WAIT_UNTIL(fixture, fixture->held != NULL);
    assert_int_equal(http_server_busy(fixture->server), 1);
    struct slice body = http_request_body(http_exchange_request(fixture->held));
    assert_int_equal(body.len, 2);
    assert_memory_equal(body.data, "hi", 2);
    assert_true(read_some(fixture, fd));
    assert_int_equal(fixture->answer_len, 0);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    hear(fixture, fd, "\r\n\r\nhello");
    assert_int_equal(count_of(fixture, "\r\n\r\nlateHTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(fixture->gone, 0);
    assert_int_equal(http_server_busy(fixture->server), 0);
    close(fd);
}

static void tells_that_the_peer_left(void **state)
{
    struct fixture *fixture = *state;
    static const struct linger reset = {1, 0};

    for (int by_reset = 0; by_reset < 2; by_reset++) {
        int fd = dial(fixture);

        fixture->gone = 0;
        fixture->held = NULL;
        say(fixture, fd, "POST /later HTTP/1.1\r\n" HOST "\r\n");
        WAIT_UNTIL(fixture, fixture->held != NULL);
        if (by_reset)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        WAIT_UNTIL(fixture, fixture->gone == 1);
        assert_int_equal(http_request_path(http_exchange_request(fixture->held)).len, 6);
        http_reply(fixture->held, 200, "text/plain", "late", 4);
        WAIT_UNTIL(fixture, http_server_busy(fixture->server) == 0);
        assert_int_equal(fixture->gone, 1);
    }
}

static void answers_a_peer_that_has_ended_its_direction(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd,
        "GET /big?1 HTTP/1.1\r\n" HOST "\r\nPOST /later HTTP/1.1\r\n" HOST "\r\n" POST_ECHO
        "Content-Length: 3\r\n\r\nend");
    shutdown(fd, SHUT_WR);
    WAIT_UNTIL(fixture, fixture->gone == 1);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    hear_end(fixture, fd);
    assert_int_equal(count_of(fixture, "HTTP/1.1 200 OK\r\n"), 3);
    assert_int_equal(count_of(fixture, "\r\n\r\nend"), 1);
    close(fd);
}

static void an_exchange_may_outlive_its_server(void **state)
{
    struct fixture *fixture = *state;
    struct http_server_conf conf = default_conf(fixture);
    int fd = dial(fixture);

    say(fixture, fd, "POST /later HTTP/1.1\r\n" HOST "\r\n");
    WAIT_UNTIL(fixture, fixture->held != NULL);
    http_server_free(fixture->server);
    assert_int_equal(fixture->gone, 1);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    assert_int_equal(http_server_new(fixture->base, &conf, &fixture->server), STATUS_OK);
    close(fd);
}

static void drains(void **state)
{
    struct fixture *fixture = *state;
    int idle = dial(fixture);
    int held = dial(fixture);
    int half = dial(fixture);
    int sent = dial(fixture);

    say(fixture, idle, POST_ECHO "Content-Length: 2\r\n\r\nok");
    hear(fixture, idle, "\r\n\r\nok");
    say(fixture, half, POST_ECHO "Content-Length: 10\r\n\r\n01234");
    say(fixture, held, "POST /later HTTP/1.1\r\n" HOST "\r\n");
    WAIT_UNTIL(fixture, fixture->held != NULL && http_server_busy(fixture->server) == 2);
    say(fixture, sent, POST_ECHO "Content-Length: 4\r\n\r\nsent");
    http_server_drain(fixture->server);
    forget(fixture);
    hear_end(fixture, idle);
    assert_int_equal(fixture->answer_len, 0);
    hear_end(fixture, sent);
    assert_int_equal(count_of(fixture, "\r\n\r\nsent"), 1);
    assert_int_equal(http_server_busy(fixture->server), 2);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    hear_end(fixture, held);
    assert_int_equal(count_of(fixture, "\r\n\r\nlate"), 1);
    say(fixture, half, "56789");
    hear_end(fixture, half);
    assert_int_equal(count_of(fixture, "\r\n\r\n0123456789"), 1);
    assert_int_equal(count_of(fixture, "Connection: close\r\n"), 3);
    assert_int_equal(http_server_busy(fixture->server), 0);
    close(idle);
    close(held);
    close(half);
    close(sent);
}

static void what_is_kept_is_there_until_the_answer(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd, "POST /later HTTP/1.1\r\n" HOST "X-Keep: 1\r\nContent-Length: 2\r\n\r\no");
    WAIT_UNTIL(fixture, fixture->kept == 1);
    say(fixture, fd, "k");
    WAIT_UNTIL(fixture, fixture->held != NULL);
    assert_ptr_equal(http_exchange_kept(fixture->held), fixture);
    assert_int_equal(fixture->kept, 1);
    http_reply(fixture->held, 200, "text/plain", "late", 4);
    assert_int_equal(fixture->kept, 0);
    hear(fixture, fd, "\r\n\r\nlate");
    say(fixture, fd, "GET /empty HTTP/1.1\r\n" HOST "X-Keep: 1\r\n\r\n");
    hear(fixture, fd, "204 No Content");
    assert_int_equal(fixture->kept, 0);
    close(fd);
}

static void what_is_kept_is_given_back_when_no_answer_comes(void **state)
{
    static const char *const ends[] = {
        "POST /echo HTTP/1.1\r\n" HOST "X-Keep: 1\r\nContent-Length: 9\r\n\r\nhalf",
        "POST /later HTTP/1.1\r\n" HOST "X-Keep: 1\r\n\r\n",
        "POST /nowhere HTTP/1.1\r\n" HOST "X-Keep: 1\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "X-Keep: 1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int fd = dial(fixture);

        say(fixture, fd, ends[i]);
        WAIT_UNTIL(fixture, fixture->kept == (i < 2));
        close(fd);
        if (i == 1) {
            WAIT_UNTIL(fixture, fixture->gone == 1);
            http_reply(fixture->held, 200, NULL, NULL, 0);
        }
        WAIT_UNTIL(fixture, fixture->kept == 0);
    }
}

static void a_route_says_which_right_it_needs(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);

    say(fixture, fd, POST_ECHO "Content-Length: 2\r\n\r\nok");
    hear(fixture, fd, "\r\n\r\nok");
    assert_int_equal(fixture->wanted, 0);
    say(fixture, fd, "GET /empty HTTP/1.1\r\n" HOST "\r\n");
    hear(fixture, fd, "204 No Content");
    assert_int_equal(fixture->wanted, RIGHT_TO_EMPTY);
    fixture->forbids = true;
    say(fixture, fd, "HEAD /probe HTTP/1.1\r\n" HOST "\r\nGET /empty HTTP/1.1\r\n" HOST "\r\n");
    hear(fixture, fd, "no right 4");
    assert_int_equal(count_of(fixture, "HTTP/1.1 204"), 2);
    assert_int_equal(count_of(fixture, "HTTP/1.1 403"), 1);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_and_keeps_the_connection),
        TEST(takes_a_request_byte_by_byte),
        TEST(answers_pipelined_requests_in_order),
        TEST(cuts_pipelined_requests_anywhere),
        TEST(invites_a_body_that_waits),
        TEST(invites_no_body_that_is_too_large),
        TEST(a_refused_body_is_neither_invited_nor_read),
        TEST(a_refusal_without_a_body_keeps_the_connection),
        TEST(a_refused_body_that_comes_all_the_same_is_thrown_away),
        TEST(what_the_filter_added_stands_on_later_refusals_too),
        TEST(methods_that_nobody_has_defined_are_501),
        TEST(another_version_is_505),
        TEST(answers_to_requests_in_part_are_adorned_and_headless),
        TEST(head_has_the_length_and_no_body),
        TEST(no_content_has_no_length),
        TEST(closes_when_asked_to),
        TEST(http10_may_ask_to_be_kept),
        TEST(unknown_paths_and_methods),
        TEST(a_star_is_one_segment),
        TEST(the_filter_comes_first),
        TEST(answers_later_and_in_order),
        TEST(tells_that_the_peer_left),
        TEST(answers_a_peer_that_has_ended_its_direction),
        TEST(an_exchange_may_outlive_its_server),
        TEST(drains),
        TEST(what_is_kept_is_there_until_the_answer),
        TEST(what_is_kept_is_given_back_when_no_answer_comes),
        TEST(a_route_says_which_right_it_needs),
    };

    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
