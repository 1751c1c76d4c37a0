/* SPDX-License-Identifier: Apache-2.0 */
/* Bans as the buckets ask for them: from the moment on that they are added, until they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "gateway/bucket/ban_table.h"
#include "gateway/metrics/gateway_metrics.h"

enum { NOW = 1000000, USERS = 500, THREADS = 3 };

static struct ban_table *table_new(void)
{
    struct ban_table *table;

    gateway_metrics_setup();
    assert_int_equal(ban_table_new(&table), STATUS_OK);
    return table;
}

static bool add(struct ban_table *table, const char *user, int64_t at_s, int64_t until_s)
{
    const struct ban ban = {slice_str(user), until_s, (NOW + at_s) * 1000, NOW + 600};

    return ban_table_add(table, &ban, NOW);
}

static void a_user_is_kept_out_until_the_end(void **state)
{
    struct ban_table *table = table_new();

    (void)state;
    assert_false(ban_table_holds(NULL, slice_str("u"), NOW));
    assert_false(ban_table_holds(table, slice_str("u"), NOW));
    assert_true(add(table, "u", 0, NOW + 60));
    assert_true(ban_table_holds(table, slice_str("u"), NOW + 59));
    assert_false(ban_table_holds(table, slice_str("u"), NOW + 60));
    assert_false(ban_table_holds(table, slice_str("v"), NOW));
    assert_int_equal(ban_table_in_force(table, NOW), 1);
    assert_int_equal(ban_table_in_force(table, NOW + 60), 0);
    ban_table_free(table);
}

/* Whoever is there has to be closed then, and only then. */
static void what_is_new_is_said(void **state)
{
    struct ban_table *table = table_new();

    (void)state;
    assert_true(add(table, "u", 0, NOW + 60));
    assert_false(add(table, "u", 0, NOW + 60));
    assert_false(add(table, "u", 1, NOW + 90));
    assert_false(add(table, "u", 2, 0)); /* lifted */
    assert_false(ban_table_holds(table, slice_str("u"), NOW));
    assert_false(add(table, "u", 1, NOW + 90));
    assert_true(add(table, "u", 3, NOW + 90));
    ban_table_free(table);
}

static void what_is_not_kept_is_counted(void **state)
{
    struct ban_table *table = table_new();
    char name[16];

    (void)state;
    for (int i = 0; i < BAN_LIST_MAX; i++) {
        snprintf(name, sizeof name, "u%d", i);
        assert_true(add(table, name, 0, NOW + 60));
    }
    assert_false(add(table, "more", 0, NOW + 60));
    assert_int_equal(metrics_get(M_BANS_DROPPED_FULL), 1);
    assert_false(add(table, "u1", 2 * BAN_AHEAD_S, 0));
    assert_int_equal(metrics_get(M_BANS_DROPPED_CLOCK), 1);
    assert_true(ban_table_holds(table, slice_str("u1"), NOW));
    assert_int_not_equal(ban_table_digest(table, NOW), 0);
    assert_int_equal(ban_table_digest(table, NOW + 600), 0); /* all are forgotten */
    assert_true(add(table, "more", 0, NOW + 60));
    ban_table_free(table);
}

struct asking {
    struct ban_table *table;
    atomic_int added; /* so many users were, before anybody is told of it */
};

/* What was added before the number was raised is seen by whoever has read it. */
static void *ask(void *arg)
{
    struct asking *asking = arg;
    char name[16];
    int seen;

    while ((seen = atomic_load(&asking->added)) < USERS) {
        snprintf(name, sizeof name, "u%d", seen);
        if (seen > 0 && !ban_table_holds(asking->table, slice_str(name), NOW))
            return (void *)1;
    }
    return NULL;
}

static void buckets_ask_while_bans_are_added(void **state)
{
    struct asking asking = {.table = table_new()};
    pthread_t threads[THREADS];
    char name[16];
    void *missed;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asking), 0);
    for (int i = 1; i <= USERS; i++) {
        snprintf(name, sizeof name, "u%d", i);
        assert_true(add(asking.table, name, 0, NOW + 60));
        atomic_store(&asking.added, i);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &missed), 0);
        assert_null(missed);
    }
    ban_table_free(asking.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_kept_out_until_the_end),
        cmocka_unit_test(what_is_new_is_said),
        cmocka_unit_test(what_is_not_kept_is_counted),
        cmocka_unit_test(buckets_ask_while_bans_are_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
