/* SPDX-License-Identifier: Apache-2.0 */
/* One stream of pushes by two paths, each in order by itself, cut into batches anyhow, with losses,
 * and interleaved anyhow, over many seeds; and whom each push reached, whichever way it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/push_script.h"

enum { LENGTH = 120, SEEDS = 3000 };

/* What one path carries, and how far it is. */
struct path {
    enum push_path kind;
    bool carries[LENGTH + 1];
    unsigned next; /* the first number that was not sent; LENGTH + 1 at the end */
    unsigned end;  /* behind the batch that is under way */
};

struct run {
    struct script *script;
    uint64_t random;
    struct path rpc;
    struct path bus;
};

static unsigned below(struct run *run, unsigned bound)
{
    run->random = run->random * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(run->random >> 33) % bound;
}

static void fill(struct run *run, struct path *path, enum push_path kind, unsigned lost_percent)
{
    bool losing = false;

    path->kind = kind;
    for (unsigned number = 1; number <= LENGTH; number++) {
        if (below(run, 4) == 0)
            losing = below(run, 100) < lost_percent;
        path->carries[number] = !losing;
    }
    path->carries[1] = true;
    path->next = path->end = 1;
}

static struct slice encode(struct run *run, const struct path *path)
{
    struct script *script = run->script;
    unsigned first = 0, count = 0;

    script_begin(script);
    for (unsigned number = path->next; number < path->end; number++)
        if (path->carries[number]) {
            first = count++ == 0 ? number : first;
            script_add(script, number, number % 3 == 0);
        }
    return count > 0 ? script_end(script, first, count) : slice_of(NULL, 0);
}

/* Sends the next batch of `path`, or the same again; whether it was taken. */
static bool send(struct run *run, struct path *path)
{
    struct script *script = run->script;
    struct slice batch;
    enum status status;

    if (path->next == path->end) {
        path->end += 1 + below(run, 12);
        path->end = path->end <= LENGTH + 1 ? path->end : LENGTH + 1;
    }
    batch = encode(run, path);
    buf_clear(&script->answer);
    status = batch.len == 0
                 ? STATUS_OK
                 : push_handler_batch(script->handler, path->kind, batch, script->now,
                                      path->kind == PUSH_BY_RPC ? &script->answer : NULL, &script->fault);
    if (status == STATUS_OK)
        path->next = path->end;
    else
        assert_true(status == STATUS_NOT_FOUND && path->kind == PUSH_BY_RPC);
    return status == STATUS_OK;
}

static bool is_done(const struct path *path)
{
    return path->next > LENGTH;
}

/* The bus begins, so that RPC knows of it. Time stands still while a path may bring something; then what is
 * missing is given up. */
static void play(struct run *run)
{
    assert_true(send(run, &run->bus));
    while (!is_done(&run->rpc) || !is_done(&run->bus)) {
        bool by_rpc = is_done(&run->bus) || (!is_done(&run->rpc) && below(run, 2) == 0);

        if (!send(run, by_rpc ? &run->rpc : &run->bus) && is_done(&run->bus))
            run->script->now += GAP_WAIT;
    }
    run->script->now += GAP_WAIT;
    while (push_handler_due(run->script->handler) <= run->script->now)
        push_handler_tick(run->script->handler, run->script->now);
}

/* What at least one path carried, once, in order; and the rest counted, up to the last. */
static void check(const struct run *run, unsigned seed)
{
    struct buf expected;
    unsigned missing = 0, tail = 0;

    buf_init(&expected, 1 << 20);
    for (unsigned number = 1; number <= LENGTH; number++) {
        bool carried = run->rpc.carries[number] || run->bus.carries[number];

        if (carried)
            assert_int_equal(buf_printf(&expected, "%u ", number), STATUS_OK);
        missing += !carried;
        tail = carried ? 0 : tail + 1;
    }
    buf_append(&expected, "", 1);
    if (strcmp(script_heard(run->script), (const char *)expected.data) != 0)
        fail_msg("seed %u", seed);
    buf_fini(&expected);
    counted(run->script, M_BUS_GAP_PUSHES, missing - tail);
    assert_true(script_counted(run->script, M_BUS_GAP_FILLED) <= script_counted(run->script, M_BUS_GAPS));
    assert_int_equal(metrics_get(M_BUS_WAITING_BYTES), 0);
}

static void play_all(unsigned lost_by_rpc, unsigned lost_by_bus)
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct run run = {.script = script_new(GAP_WAIT, 1 << 20), .random = seed};

        fill(&run, &run.rpc, PUSH_BY_RPC, lost_by_rpc);
        fill(&run, &run.bus, PUSH_BY_BUS, lost_by_bus);
        play(&run);
        check(&run, seed);
        script_free(run.script);
    }
}

static void test_all_arrives_when_rpc_brings_all(void **state)
{
    (void)state;
    play_all(0, 30);
}

static void test_all_arrives_when_the_bus_brings_all(void **state)
{
    (void)state;
    play_all(30, 0);
}

static void test_what_either_path_brings_arrives(void **state)
{
    (void)state;
    play_all(20, 30);
    play_all(50, 50);
}

static void test_the_answer_says_whom_the_bus_reached(void **state)
{
    struct script *s = script_new(GAP_WAIT, 1 << 20);

    (void)state;
    s->clients = 7;
    bus(s, "1w,2,3w", "1 2 3 ");
    s->clients = 8;
    bus(s, "6w", "");
    rpc(s, "3w,4w", "4 ");
    answered(s, "{\"applied\":4,\"pushes\":1,\"duplicates\":1,\"items\":1,\"reached\":[[3,7],[4,8]]}");
    s->clients = 9;
    bus(s, "5w", "5 6 ");
    rpc(s, "1w,2-4,5w,6w,7w", "7 ");
    answered(s, "{\"applied\":7,\"pushes\":1,\"duplicates\":6,\"items\":1,"
                "\"reached\":[[1,7],[5,9],[6,9],[7,9]]}");
    script_free(s);
}

static void test_what_waits_keeps_its_place_in_the_memory(void **state)
{
    struct script *s = script_new(GAP_WAIT, 1 << 20);

    (void)state;
    s->clients = 5;
    assert_int_equal(script_bus(s, "1w,22-36w"), STATUS_OK);
    assert_int_equal(script_rpc(s, "2-21w"), STATUS_OK);
    assert_int_equal(script_rpc(s, "1w,36w"), STATUS_OK);
    answered(s, "{\"applied\":36,\"pushes\":0,\"duplicates\":2,\"items\":0,\"reached\":[[1,5],[36,5]]}");
    s->logic = "M";
    assert_int_equal(script_bus(s, "1w,22-36w"), STATUS_OK);
    assert_int_equal(script_bus(s, "40-60w"), STATUS_OK);
    s->now += GAP_WAIT;
    assert_true(push_handler_tick(s->handler, s->now));
    assert_int_equal(script_rpc(s, "1w,60w"), STATUS_OK);
    answered(s, "{\"applied\":60,\"pushes\":0,\"duplicates\":2,\"items\":0,\"reached\":[[1,5],[60,5]]}");
    script_free(s);
}

/* A batch of ours has at most 4096 pushes. */
static void test_the_last_waits_are_remembered(void **state)
{
    struct script *s = script_new(GAP_WAIT, 1 << 20);
    size_t len;

    (void)state;
    s->clients = 3;
    for (unsigned part = 0; part < 25; part++) {
        char pushes[32];

        snprintf(pushes, sizeof pushes, "%u-%uw", part * 1000 + 1, part * 1000 + 1000);
        assert_int_equal(script_bus(s, pushes), STATUS_OK);
    }
    assert_int_equal(script_rpc(s, "1-10w"), STATUS_OK);
    answered(s, "{\"applied\":25000,\"pushes\":0,\"duplicates\":10,\"items\":0,\"reached\":[]}");
    assert_int_equal(script_rpc(s, "20905-25000w"), STATUS_OK);
    len = strlen("{\"applied\":25000,\"pushes\":0,\"duplicates\":4096,\"items\":0,\"reached\":[]}");
    assert_int_equal(s->answer.len - 1, len + 4096 * strlen("[20905,3],") - 1);
    script_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_arrives_when_rpc_brings_all),
        cmocka_unit_test(test_all_arrives_when_the_bus_brings_all),
        cmocka_unit_test(test_what_either_path_brings_arrives),
        cmocka_unit_test(test_the_answer_says_whom_the_bus_reached),
        cmocka_unit_test(test_what_waits_keeps_its_place_in_the_memory),
        cmocka_unit_test(test_the_last_waits_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
