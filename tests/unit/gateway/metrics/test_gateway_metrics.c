/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that another table chooses: each must be the one of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/buf.h"

/* Whether the whole page has that line. */
static bool printed(const char *line)
{
    struct buf page;

    buf_init(&page, 1 << 22);
    assert_int_equal(metrics_print(&page), STATUS_OK);
    bool found = memmem(page.data, page.len, line, strlen(line)) != NULL;
    buf_fini(&page);
    return found;
}

static void each_reason_has_its_row(void **state)
{
    char line[128];

    (void)state;
    for (int reason = AUTH_REASON_GOOD + 1; reason < AUTH_REASON_COUNT; reason++) {
        const char *name = auth_reason_name((enum auth_reason)reason);

        snprintf(line, sizeof line, "\nfanfare_gateway_auth_refused_total{reason=\"%s\"} 1\n", name);
        assert_false(printed(line));
        gateway_metrics_auth_refused((enum auth_reason)reason);
        if (!printed(line))
            fail_msg("no row for %s", name);
    }
}

static void each_close_has_its_row(void **state)
{
    (void)state;
    gateway_metrics_closed(4202);
    gateway_metrics_closed(0);
    assert_true(printed("\nfanfare_gateway_closes_total{code=\"4202\"} 1\n"));
    assert_true(printed("\nfanfare_gateway_closes_total{code=\"1006\"} 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_row),
        cmocka_unit_test(each_close_has_its_row),
    };

    gateway_metrics_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
