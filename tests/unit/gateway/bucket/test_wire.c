/* SPDX-License-Identifier: Apache-2.0 */
/* Both kinds of wire against real sockets: whole writes, full sockets, dead peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/bucket/wire.h"

static struct wire *wire_of(void **state)
{
    struct wire *wire = NULL;
    struct fault fault;

    assert_int_equal(wire_new(*(const enum wire_kind *)*state, &wire, &fault), STATUS_OK);
    return wire;
}

static void every_socket_gets_its_bytes(void **state)
{
    enum { COUNT = WIRE_MAX_OPS };
    struct wire *wire = wire_of(state);
    struct wire_op ops[COUNT];
    int pairs[COUNT][2];

    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        ops[i] = (struct wire_op){pairs[i][0], 5, (const uint8_t *)"hello", 0};
    }
    for (int round = 0; round < 3; round++) {
        wire_write(wire, ops, COUNT);
        for (int i = 0; i < COUNT; i++) {
            char seen[6] = {0};

            assert_int_equal(ops[i].result, 5);
            assert_int_equal(recv(pairs[i][1], seen, sizeof seen, MSG_DONTWAIT), 5);
            assert_string_equal(seen, "hello");
        }
    }
    for (int i = 0; i < COUNT; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    wire_free(wire);
}

static void full_and_dead_sockets_are_told_apart(void **state)
{
    enum { LEN = 1 << 20 };
    struct wire *wire = wire_of(state);
    uint8_t *big = calloc(1, LEN);
    int full[2];
    int dead[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, full), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, dead), 0);
    close(dead[1]);
    struct wire_op ops[] = {{full[0], LEN, big, 0}, {dead[0], 5, big, 0}};
    wire_write(wire, ops, 2);
    assert_in_range(ops[0].result, 1, LEN - 1);
    assert_int_equal(ops[1].result, -EPIPE);
    wire_write(wire, ops, 2);
    assert_int_equal(ops[0].result, -EAGAIN);
    assert_int_equal(wire_send(full[0], big, LEN), -EAGAIN);
    close(full[0]);
    close(full[1]);
    close(dead[0]);
    free(big);
    wire_free(wire);
}

int main(void)
{
    static enum wire_kind kinds[] = {WIRE_SEND, WIRE_AUTO};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_socket_gets_its_bytes, &kinds[0]),
        cmocka_unit_test_prestate(every_socket_gets_its_bytes, &kinds[1]),
        cmocka_unit_test_prestate(full_and_dead_sockets_are_told_apart, &kinds[0]),
        cmocka_unit_test_prestate(full_and_dead_sockets_are_told_apart, &kinds[1]),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
