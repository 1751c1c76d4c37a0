/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be connected when max_connections are there. Connections are made by hand, the time is played; each
 * has one end of a socket pair, since what waits there has been said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/http/http_internal.h"
#include "shared/log/log.h"
#include "shared/log/metrics.h"

enum { PLACES = 3, MOST = 8, TIMEOUT_MS = 10000, EVICTED = 0 };

static int64_t now_ms;
static struct bench {
    struct http_server server;
    struct http_conn conns[MOST];
    int peers[MOST]; /* the other ends */
    int count;
    const struct http_conn *dropped; /* the last one */
    const struct http_conn *refused; /* with 503 */
} bench;

int64_t clock_now_ms(void)
{
    return now_ms;
}

int64_t clock_now_us(void)
{
    return now_ms * 1000;
}

void http_conn_drop(struct http_conn *conn)
{
    bench.dropped = conn;
    list_remove(&conn->phase_link);
    bench.server.connections--;
}

void http_conn_refuse_full(struct http_conn *conn)
{
    bench.refused = conn;
}

static int set_up(void **state)
{
    static const struct metric_def rows[] = {{"evicted_total", "", METRIC_COUNTER, "Evicted."}};

    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    metrics_setup(rows, 1);
    now_ms = 1000000;
    memset(&bench, 0, sizeof bench);
    bench.server.conf.max_connections = PLACES;
    bench.server.conf.rows.evicted = EVICTED;
    for (int i = 0; i < HTTP_PHASES; i++) {
        list_init(&bench.server.phases[i]);
        bench.server.timeouts_ms[i] = TIMEOUT_MS;
    }
    list_init(&bench.server.surplus);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < bench.count; i++) {
        close(bench.conns[i].io.fd);
        close(bench.peers[i]);
    }
    return 0;
}

/* A connection that has been in its phase for `ms`. */
static struct http_conn *connected(enum http_phase phase, int64_t ms)
{
    struct http_conn *conn = &bench.conns[bench.count];
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    bench.peers[bench.count++] = fds[1];
    *conn = (struct http_conn){.server = &bench.server,
                               .io = {.fd = fds[0]},
                               .shaken = true,
                               .phase = phase,
                               .deadline = now_ms - ms + TIMEOUT_MS};
    list_init(&conn->surplus_link);
    list_add_tail(&bench.server.phases[phase], &conn->phase_link);
    bench.server.connections++;
    return conn;
}

static struct http_conn *surplus(enum http_phase phase)
{
    struct http_conn *conn = connected(phase, 0);

    conn->surplus = true;
    list_add_tail(&bench.server.surplus, &conn->surplus_link);
    bench.server.surplus_count++;
    return conn;
}

static void say_something(const struct http_conn *conn)
{
    assert_int_equal(write(bench.peers[conn - bench.conns], "G", 1), 1);
}

static void places_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
        (void)connected(HTTP_HANDLING, 0);
    }
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_SURPLUS);
    assert_null(bench.dropped);
    assert_int_equal(metrics_get(EVICTED), 0);
}

static void whoever_lingers_takes_no_place(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++)
        (void)connected(i == 0 ? HTTP_LINGERING : HTTP_HANDLING, 0);
    bench.server.lingering = 1;
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
}

static void a_handshake_that_stands_still_says_nothing(void **state)
{
    struct http_conn *shaking = connected(HTTP_FRESH, 300);

    (void)state;
    for (int i = 1; i < PLACES; i++)
        (void)connected(HTTP_HANDLING, 0);
    shaking->shaken = false;
    say_something(shaking);
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
    assert_ptr_equal(bench.dropped, shaking);
}

/* First who never said a byte, then who waits for its next request for longest, then who has just come. */
static void the_silent_give_way_in_this_order(void **state)
{
    const struct http_conn *fresh = connected(HTTP_FRESH, 300);
    const struct http_conn *newer = connected(HTTP_FRESH, 10);
    const struct http_conn *idle = connected(HTTP_IDLE, 5000);

    (void)state;
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
    assert_ptr_equal(bench.dropped, fresh);
    bench.server.connections = PLACES;
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
    assert_ptr_equal(bench.dropped, idle);
    bench.server.connections = PLACES;
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
    assert_ptr_equal(bench.dropped, newer);
    assert_int_equal(metrics_get(EVICTED), 3);
}

static void whoever_has_spoken_is_not_silent(void **state)
{
    const struct http_conn *spoken = connected(HTTP_FRESH, 300);
    const struct http_conn *silent = connected(HTTP_FRESH, 299);

    (void)state;
    (void)connected(HTTP_HANDLING, 0);
    say_something(spoken);
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_OWN);
    assert_ptr_equal(bench.dropped, silent);
}

static void a_request_under_way_never_gives_way(void **state)
{
    static const enum http_phase busy[PLACES] = {HTTP_READING, HTTP_HANDLING, HTTP_WRITING};

    (void)state;
    for (int i = 0; i < PLACES; i++)
        (void)connected(busy[i], TIMEOUT_MS - 1);
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_SURPLUS);
    assert_null(bench.dropped);
}

static void as_many_are_listened_to_for_probes_as_there_are_places(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++)
        (void)connected(HTTP_HANDLING, 0);
    const struct http_conn *first = surplus(HTTP_HANDLING);
    for (int i = 1; i < PLACES; i++) {
        assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_SURPLUS);
        (void)surplus(i == 1 ? HTTP_FRESH : HTTP_READING);
    }
    assert_null(bench.refused);
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_SURPLUS);
    assert_ptr_equal(bench.refused, first + 1); /* the oldest that has not asked yet is told 503 */
    bench.conns[PLACES + 1].phase = bench.conns[PLACES + 2].phase = HTTP_WRITING;
    assert_int_equal(http_slots_take(&bench.server), HTTP_SLOT_NONE);
}

static void many_places_have_64_more(void **state)
{
    (void)state;
    assert_int_equal(http_server_descriptors(10), 30);
    assert_int_equal(http_server_descriptors(100), 100 + 64 + 100);
    assert_int_equal(http_server_descriptors(5000), 5000 + 64 + 1024);
    assert_int_equal(http_slots_linger_max(5000), 1024);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(places_are_bounded),
        TEST(whoever_lingers_takes_no_place),
        TEST(a_handshake_that_stands_still_says_nothing),
        TEST(the_silent_give_way_in_this_order),
        TEST(whoever_has_spoken_is_not_silent),
        TEST(a_request_under_way_never_gives_way),
        TEST(as_many_are_listened_to_for_probes_as_there_are_places),
        TEST(many_places_have_64_more),
    };

    return cmocka_run_group_tests_name("http_slots", tests, NULL, NULL);
}
