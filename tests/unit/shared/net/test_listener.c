/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: addresses, ports that are taken, unix sockets that were left behind. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/log/log.h"
#include "shared/log/metrics.h"
#include "shared/net/listener.h"

struct fixture {
    struct event_base *base;
    int accepted;
    int family;
    char folder[32];
    char path[80];
    struct fault fault;
};

static void on_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg)
{
    struct fixture *fixture = arg;

    assert_true(peer_len >= sizeof peer->sa_family);
    fixture->family = peer->sa_family;
    fixture->accepted++;
    close(fd);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    log_setup(LOG_ERROR, LOG_LOGFMT);
    fixture->base = event_base_new();
    strcpy(fixture->folder, "/tmp/fanfare-listener-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "unix:%s/socket", fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    unlink(fixture->path + 5);
    rmdir(fixture->folder);
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

static enum status open_at(struct fixture *fixture, const char *bind, int port, struct listener **out)
{
    fixture->fault.text[0] = '\0';
    return listener_new(fixture->base, "test", bind, port, on_accept, fixture, out, &fixture->fault);
}

static int dial(const void *address, socklen_t len)
{
    const struct sockaddr *at = address;
    int fd = socket(at->sa_family, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, at, len), 0);
    return fd;
}

static int dial_v4(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

    return dial(&address, sizeof address);
}

static int dial_v6(int port)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    return dial(&address, sizeof address);
}

static int dial_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, path);
    return dial(&address, sizeof address);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

static void expect_accepted(struct fixture *fixture, int fd, int family)
{
    int before = fixture->accepted;
    const struct timeval ten_seconds = {10, 0};
    bool late = false;
    struct event *deadline = evtimer_new(fixture->base, on_late, &late);

    evtimer_add(deadline, &ten_seconds);
    while (fixture->accepted == before && !late)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    event_free(deadline);
    assert_false(late);
    assert_int_equal(fixture->family, family);
    close(fd);
}

static void listens_on_addresses(void **state)
{
    static const char *const v4[] = {"127.0.0.1", "localhost", "0.0.0.0", "*"};
    static const char *const v6[] = {"::1", "[::1]", "::", "*"};
    struct fixture *fixture = *state;
    struct listener *listener;

    for (int i = 0; i < 4; i++) {
        assert_int_equal(open_at(fixture, v4[i], 0, &listener), STATUS_OK);
        assert_true(listener_port(listener) > 0);
        expect_accepted(fixture, dial_v4(listener_port(listener)), i == 3 ? AF_INET6 : AF_INET);
        listener_free(listener);
        assert_int_equal(open_at(fixture, v6[i], 0, &listener), STATUS_OK);
        expect_accepted(fixture, dial_v6(listener_port(listener)), AF_INET6);
        listener_free(listener);
    }
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const binds[] = {"",    "host.example", "1.2.3", "[::1",
                                        "::g", "unix:",        "[]",    "127.0.0.1:80"};
    struct fixture *fixture = *state;
    struct listener *listener;
    char path[200] = "unix:/tmp/";

    for (size_t i = 0; i < sizeof binds / sizeof *binds; i++) {
        assert_int_equal(open_at(fixture, binds[i], 0, &listener), STATUS_INVALID);
        assert_non_null(strstr(fixture->fault.text, binds[i]));
    }
    memset(path + 10, 'x', 120);
    assert_int_equal(open_at(fixture, path, 0, &listener), STATUS_INVALID);
    assert_non_null(strstr(fixture->fault.text, "107"));
}

static void says_that_a_port_is_taken(void **state)
{
    struct fixture *fixture = *state;
    struct listener *first;
    struct listener *second;
    char expected[100];

    assert_int_equal(open_at(fixture, "127.0.0.1", 0, &first), STATUS_OK);
    assert_int_equal(open_at(fixture, "127.0.0.1", listener_port(first), &second), STATUS_IO);
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1:%d: port taken", listener_port(first));
    assert_string_equal(fixture->fault.text, expected);
    listener_free(first);
    assert_int_equal(open_at(fixture, "192.0.2.1", 0, &second), STATUS_NOT_FOUND);
    assert_non_null(strstr(fixture->fault.text, "192.0.2.1:0: not an address of this machine"));
}

static void a_unix_socket_comes_and_goes(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener;

    assert_int_equal(open_at(fixture, fixture->path, 7799, &listener), STATUS_OK);
    assert_int_equal(listener_port(listener), 0);
    expect_accepted(fixture, dial_path(fixture->path + 5), AF_UNIX);
    listener_free(listener);
    assert_int_equal(access(fixture->path + 5, F_OK), -1);
}

static void a_stale_unix_socket_is_replaced_a_live_one_is_not(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct listener *first;
    struct listener *second;
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, fixture->path + 5);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    assert_int_equal(open_at(fixture, fixture->path, 0, &first), STATUS_OK);
    assert_int_equal(open_at(fixture, fixture->path, 0, &second), STATUS_IO);
    assert_non_null(strstr(fixture->fault.text, "taken"));
    expect_accepted(fixture, dial_path(fixture->path + 5), AF_UNIX);
    listener_free(first);
}

static void no_file_but_a_socket_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener;
    FILE *file = fopen(fixture->path + 5, "w");

    assert_non_null(file);
    fclose(file);
    assert_int_equal(open_at(fixture, fixture->path, 0, &listener), STATUS_INVALID);
    assert_int_equal(access(fixture->path + 5, F_OK), 0);
}

static void a_successors_socket_is_not_removed(void **state)
{
    struct fixture *fixture = *state;
    struct listener *first;
    struct listener *second;

    assert_int_equal(open_at(fixture, fixture->path, 0, &first), STATUS_OK);
    unlink(fixture->path + 5);
    assert_int_equal(open_at(fixture, fixture->path, 0, &second), STATUS_OK);
    listener_free(first);
    expect_accepted(fixture, dial_path(fixture->path + 5), AF_UNIX);
    listener_free(second);
}

static void pauses_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener;

    assert_int_equal(open_at(fixture, "127.0.0.1", 0, &listener), STATUS_OK);
    listener_pause(listener);
    int fd = dial_v4(listener_port(listener));
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->accepted, 0);
    listener_resume(listener);
    expect_accepted(fixture, fd, AF_INET);
    listener_free(listener);
    listener_free(NULL);
}

enum { CROWD = 8 };

static void dial_crowd(int port, int fds[CROWD])
{
    for (int i = 0; i < CROWD; i++)
        fds[i] = dial_v4(port);
}

static void close_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

/* Who comes behind several that waited together waits for the end of the pace. */
static void a_storm_is_taken_in_bursts(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener;
    int fds[2 * CROWD];

    assert_int_equal(open_at(fixture, "127.0.0.1", 0, &listener), STATUS_OK);
    listener_set_pace(listener, 1000000);
    dial_crowd(listener_port(listener), fds);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->accepted, CROWD);
    dial_crowd(listener_port(listener), fds + CROWD);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->accepted, CROWD);
    while (fixture->accepted == CROWD)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(fixture->accepted, 2 * CROWD);
    close_all(fds, 2 * CROWD);
    listener_free(listener);
}

/* One caller after the other, however fast, waits for no pace; not behind a storm either, once it is over. */
static void one_with_nobody_behind_it_is_taken_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener;
    int fds[CROWD];

    assert_int_equal(open_at(fixture, "127.0.0.1", 0, &listener), STATUS_OK);
    listener_set_pace(listener, INT64_C(3600) * 1000000);
    for (int i = 0; i < 100; i++)
        expect_accepted(fixture, dial_v4(listener_port(listener)), AF_INET);
    listener_set_pace(listener, 1000);
    dial_crowd(listener_port(listener), fds);
    while (fixture->accepted < 100 + CROWD)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    close_all(fds, CROWD);
    expect_accepted(fixture, dial_v4(listener_port(listener)), AF_INET);
    listener_set_pace(listener, INT64_C(3600) * 1000000);
    for (int i = 0; i < 100; i++)
        expect_accepted(fixture, dial_v4(listener_port(listener)), AF_INET);
    listener_free(listener);
}

/* Without descriptors the listener rests, says so, and goes on when there are some again. */
static void goes_on_after_a_shortage_of_descriptors(void **state)
{
    struct fixture *fixture = *state;
    struct listener *listener;
    struct rlimit before;
    struct rlimit none;
    static const struct metric_def rows[] = {{"other_total", "", METRIC_COUNTER, "Other."},
                                             {"failures_total", "", METRIC_COUNTER, "Failures."}};

    metrics_setup(rows, 2);
    assert_int_equal(open_at(fixture, "127.0.0.1", 0, &listener), STATUS_OK);
    listener_count_failures(listener, 1);
    int fd = dial_v4(listener_port(listener));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){(rlim_t)fd + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(fixture->accepted, 0);
    assert_int_equal(event_base_get_num_events(fixture->base, EVENT_BASE_COUNT_ADDED), 1);
    assert_int_equal(metrics_get(1), 1);
    assert_int_equal(metrics_get(0), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_accepted(fixture, fd, AF_INET);
    listener_free(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(listens_on_addresses),
        TEST(refuses_what_is_no_address),
        TEST(says_that_a_port_is_taken),
        TEST(a_unix_socket_comes_and_goes),
        TEST(a_stale_unix_socket_is_replaced_a_live_one_is_not),
        TEST(no_file_but_a_socket_is_removed),
        TEST(a_successors_socket_is_not_removed),
        TEST(pauses_and_goes_on),
        TEST(a_storm_is_taken_in_bursts),
        TEST(one_with_nobody_behind_it_is_taken_at_once),
        TEST(goes_on_after_a_shortage_of_descriptors),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
