/* SPDX-License-Identifier: Apache-2.0 */
/* Plain sockets on their own epoll instance, with real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/bucket/socket_poll.h"

/* One end is the poll's, the other the test's. */
struct end {
    struct polled_socket socket;
    struct end *kills; /* with the next bytes; NULL: nobody */
    int peer;
    char heard[64];
    int writable;
    int gone;
};

static struct socket_poll *polls;
static struct end a, b;

static void on_bytes(void *owner, uint8_t *data, size_t len)
{
    struct end *end = owner;

    strncat(end->heard, (const char *)data, len);
    if (end->kills != NULL)
        socket_poll_kill(&end->kills->socket);
}

static void on_writable(void *owner)
{
    ((struct end *)owner)->writable++;
}

static void on_gone(void *owner)
{
    ((struct end *)owner)->gone++;
}

static void open_end(struct end *end)
{
    int pair[2];

    *end = (struct end){.peer = -1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    end->peer = pair[1];
    assert_int_equal(socket_poll_add(polls, &end->socket, pair[0], end), STATUS_OK);
}

static void say(const struct end *end, const char *text)
{
    assert_int_equal(send(end->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool has_work(void)
{
    struct pollfd watched = {.fd = socket_poll_fd(polls), .events = POLLIN};

    return poll(&watched, 1, 0) == 1;
}

static bool peer_is_closed(const struct end *end)
{
    char byte;

    return recv(end->peer, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static int set_up(void **state)
{
    static const struct socket_callbacks callbacks = {on_bytes, on_writable, on_gone};

    (void)state;
    return socket_poll_new(&callbacks, &polls) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    socket_poll_free(polls);
    polls = NULL;
    return 0;
}

static void bytes_come_to_their_owner(void **state)
{
    (void)state;
    open_end(&a);
    open_end(&b);
    assert_false(has_work());
    say(&a, "one");
    say(&b, "two");
    assert_true(has_work());
    socket_poll_turn(polls);
    assert_string_equal(a.heard, "one");
    assert_string_equal(b.heard, "two");
    assert_false(has_work());
    close(a.peer);
    close(b.peer);
}

static void whoever_ends_or_breaks_is_gone(void **state)
{
    (void)state;
    open_end(&a);
    say(&a, "last");
    close(a.peer);
    socket_poll_turn(polls);
    socket_poll_turn(polls);
    assert_string_equal(a.heard, "last");
    assert_int_equal(a.gone, 1);
}

static void writable_is_told_once_for_each_asking(void **state)
{
    (void)state;
    open_end(&a);
    socket_poll_turn(polls);
    assert_int_equal(a.writable, 0);
    socket_poll_want_write(&a.socket);
    socket_poll_want_write(&a.socket);
    socket_poll_turn(polls);
    socket_poll_turn(polls);
    assert_int_equal(a.writable, 1);
    assert_false(has_work());
    close(a.peer);
}

/* Both have bytes in the same turn, and each kills the other: only the first is heard. */
static void a_killed_socket_hears_nothing_more_of_the_same_turn(void **state)
{
    (void)state;
    open_end(&a);
    open_end(&b);
    a.kills = &b;
    b.kills = &a;
    say(&a, "a");
    say(&b, "b");
    socket_poll_turn(polls);
    assert_int_equal(a.gone + b.gone, 1);
    assert_int_equal(strlen(a.heard) + strlen(b.heard), 1);
    assert_true(peer_is_closed(a.gone ? &a : &b));
    close(a.peer);
    close(b.peer);
}

static void killing_outside_a_turn_waits_for_the_burial(void **state)
{
    (void)state;
    open_end(&a);
    socket_poll_kill(&a.socket);
    socket_poll_kill(&a.socket);
    socket_poll_want_write(&a.socket);
    assert_int_equal(a.gone, 0);
    socket_poll_reap(polls);
    assert_int_equal(a.gone, 1);
    assert_true(peer_is_closed(&a));
    close(a.peer);
}

static void the_end_takes_everyone_along(void **state)
{
    (void)state;
    open_end(&a);
    open_end(&b);
    socket_poll_free(polls);
    polls = NULL;
    assert_int_equal(a.gone, 1);
    assert_int_equal(b.gone, 1);
    close(a.peer);
    close(b.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_come_to_their_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_ends_or_breaks_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writable_is_told_once_for_each_asking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_socket_hears_nothing_more_of_the_same_turn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(killing_outside_a_turn_waits_for_the_burial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_takes_everyone_along, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
