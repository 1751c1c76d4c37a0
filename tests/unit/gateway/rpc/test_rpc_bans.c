/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway says to a logic's bans, and when it knows enough to let clients in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_bans.h"
#include "shared/base/wall_clock.h"

enum { NOW = 1000000 };

int64_t wall_clock_s(void)
{
    return NOW;
}

struct bench {
    struct rpc_bans bans;
    struct rpc_answer answer;
    int known;
    char banned[16];
};

static void on_known(void *arg)
{
    ((struct bench *)arg)->known++;
}

static void on_banned(void *arg, const struct ban *ban)
{
    strncat(((struct bench *)arg)->banned, (const char *)ban->user.data, ban->user.len);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    gateway_metrics_setup();
    bench->bans = (struct rpc_bans){.known = on_known, .banned = on_banned, .arg = bench};
    assert_int_equal(ban_table_new(&bench->bans.table), STATUS_OK);
    rpc_answer_init(&bench->answer);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    buf_fini(&bench->answer.body);
    ban_table_free(bench->bans.table);
    free(bench);
    return 0;
}

static void exchange(struct bench *bench, const char *body, int status, const char *answer)
{
    const struct h2_request request = {.body = slice_str(body)};
    const struct rpc_call call = {.request = &request, .answer = &bench->answer};

    buf_fini(&bench->answer.body);
    rpc_answer_init(&bench->answer);
    rpc_bans_exchange(&bench->bans, &call);
    assert_int_equal(bench->answer.status, status);
    assert_int_equal(buf_append(&bench->answer.body, "", 1), STATUS_OK);
    if (strstr((const char *)bench->answer.body.data, answer) == NULL)
        fail_msg("%s, not %s", (const char *)bench->answer.body.data, answer);
}

#define U_KEPT_OUT "{\"user\":\"u\",\"until\":1000060,\"at\":1000000000,\"keep\":1000060}"
#define V_KEPT_OUT "{\"user\":\"v\",\"until\":1000070,\"at\":1000000000,\"keep\":1000070}"

static void each_tells_what_it_knows(void **state)
{
    struct bench *bench = *state;

    exchange(bench, "{\"from\":0,\"last\":false,\"bans\":[]}", 200, "{\"from\":0,\"last\":true,\"bans\":[]}");
    exchange(bench, "{\"from\":10000,\"last\":true,\"bans\":[" U_KEPT_OUT "]}", 200,
             "{\"from\":10000,\"last\":true,\"bans\":[]}");
    assert_true(ban_table_holds(bench->bans.table, slice_str("u"), NOW));
    exchange(bench, "{\"from\":10000,\"last\":true,\"bans\":[" U_KEPT_OUT "," V_KEPT_OUT "]}", 200, "bans");
    assert_string_equal(bench->banned, "uv"); /* each once */
    exchange(bench, "{\"from\":0,\"last\":false,\"bans\":[]}", 200,
             "{\"from\":2,\"last\":true,\"bans\":[" U_KEPT_OUT "," V_KEPT_OUT "]}");
}

/* Half of a logic's bans are not enough to let anybody in. */
static void with_the_last_part_it_knows(void **state)
{
    struct bench *bench = *state;

    exchange(bench, "{\"from\":0,\"last\":false,\"bans\":[]}", 200, "bans");
    exchange(bench, "{\"from\":10000,\"last\":false,\"bans\":[" U_KEPT_OUT "]}", 200, "bans");
    assert_int_equal(bench->known, 0);
    exchange(bench, "{\"from\":10000,\"last\":true,\"bans\":[" V_KEPT_OUT "]}", 200, "bans");
    assert_int_equal(bench->known, 1);
}

static void a_bad_part_changes_nothing(void **state)
{
    struct bench *bench = *state;

    exchange(bench, "", 400, "\"invalid_request\"");
    exchange(bench, "{\"from\":0,\"last\":true,\"bans\":[" U_KEPT_OUT ",{\"user\":\"v\"}]}", 400,
             "bans: until: is missing");
    assert_false(ban_table_holds(bench->bans.table, slice_str("u"), NOW));
    assert_int_equal(bench->known, 0);
}

static void the_hello_tells_of_bans(void **state)
{
    struct bench *bench = *state;
    struct hello peer = {.bans = "0000000000000000"}, told = {.bans = ""}, other = {.bans = ""};

    rpc_bans_hello(&bench->bans, &other, &told); /* of one that knows no bans */
    assert_string_equal(told.bans, "0000000000000000");
    assert_true(hello_can(&told, HELLO_BANS));
    assert_int_equal(bench->known, 0);
    rpc_bans_hello(&bench->bans, &peer, &told);
    assert_int_equal(bench->known, 1);
    exchange(bench, "{\"from\":10000,\"last\":false,\"bans\":[" U_KEPT_OUT "]}", 200, "bans");
    rpc_bans_hello(&bench->bans, &peer, &told);
    assert_string_not_equal(told.bans, "0000000000000000");
    assert_int_equal(bench->known, 1);
    const struct rpc_bans none = {.table = NULL};
    rpc_bans_hello(&none, &peer, &other);
    assert_string_equal(other.bans, "");
    assert_false(hello_can(&other, HELLO_BANS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_tells_what_it_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_the_last_part_it_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_part_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_hello_tells_of_bans, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
