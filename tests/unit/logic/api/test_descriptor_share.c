/* SPDX-License-Identifier: Apache-2.0 */
/* How many descriptors callers of logic may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "logic/api/descriptor_share.h"
#include "shared/http/http_server.h"

static char no_url[] = "";
static char url[] = "redis://127.0.0.1";

static struct logic_conf conf_of(int64_t max_connections)
{
    return (struct logic_conf){.max_connections = max_connections, .redis.url = no_url};
}

static void where_there_are_enough_callers_have_all(void **state)
{
    const struct logic_conf conf = conf_of(4096);
    struct descriptor_share share;
    struct fault fault;

    (void)state;
    assert_int_equal(descriptor_share_make(SIZE_MAX, 3, &conf, &share, &fault), STATUS_OK);
    assert_int_equal(share.connections, 4096);
    assert_int_equal(descriptor_share_make(20000, 3, &conf, &share, &fault), STATUS_OK);
    assert_int_equal(share.connections, 4096);
}

static void the_sum_never_passes_the_limit(void **state)
{
    struct logic_conf conf = conf_of(4096);
    struct descriptor_share share;
    struct fault fault;

    (void)state;
    for (int mode = 0; mode < 4; mode++) {
        size_t planned = 0;

        conf.discovery_mode = mode % 2 ? DISCOVERY_DNS : DISCOVERY_STATIC;
        conf.redis.url = mode / 2 ? url : no_url;
        for (size_t limit = 1; limit < 8000; limit++) {
            if (descriptor_share_make(limit, 3, &conf, &share, &fault) != STATUS_OK) {
                assert_int_equal(planned, 0);
                continue;
            }
            planned++;
            assert_true(share.own + share.links + http_server_descriptors(share.connections) <= limit);
            assert_true(share.connections >= 4 && share.links >= 8);
        }
        assert_true(planned > 7800);
    }
}

static void too_few_are_told_with_what_is_needed(void **state)
{
    const struct logic_conf conf = conf_of(4096);
    struct descriptor_share share;
    struct fault fault;

    (void)state;
    assert_int_equal(descriptor_share_make(24, 3, &conf, &share, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "RLIMIT_NOFILE: 24 file descriptors are too few; needed: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_there_are_enough_callers_have_all),
        cmocka_unit_test(the_sum_never_passes_the_limit),
        cmocka_unit_test(too_few_are_told_with_what_is_needed),
    };

    return cmocka_run_group_tests_name("descriptor_share", tests, NULL, NULL);
}
