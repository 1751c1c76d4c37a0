/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of connections: each finds its client as long as that is there, and never another one, although
 * descriptors come again and buckets hand them on to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gateway/bucket/connection_table.h"

enum { PLACES = 1024, INSTANCE = 77 };

static struct connection_table *table;
static char bytes[8]; /* whose addresses stand for clients */

static struct client *client_of(int number)
{
    return (struct client *)(void *)&bytes[number];
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(connection_table_new(PLACES, INSTANCE, &table), STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    connection_table_free(table);
    return 0;
}

static struct connection_id enter(unsigned bucket, int place, int number)
{
    struct connection_id id;

    connection_table_add(table, bucket, place, client_of(number));
    assert_true(connection_table_id(table, bucket, place, client_of(number), &id));
    return id;
}

static void an_id_finds_its_client_until_it_is_gone(void **state)
{
    struct connection_id id = enter(3, 17, 0);

    (void)state;
    assert_true(id.instance == INSTANCE && id.place == 17 && id.serial > 0);
    assert_ptr_equal(connection_table_find(table, 3, &id), client_of(0));
    connection_table_remove(table, 3, 17, client_of(0));
    assert_null(connection_table_find(table, 3, &id));
    assert_false(connection_table_id(table, 3, 17, client_of(0), &id));
    connection_table_remove(table, 3, 17, client_of(0));
}

static void who_comes_to_the_place_next_is_another_one(void **state)
{
    struct connection_id first = enter(1, 17, 0);

    (void)state;
    connection_table_remove(table, 1, 17, client_of(0));
    struct connection_id second = enter(1, 17, 0);
    assert_true(first.serial != second.serial);
    assert_null(connection_table_find(table, 1, &first));
    assert_ptr_equal(connection_table_find(table, 1, &second), client_of(0));
}

static void a_client_that_is_slow_to_go_takes_nobody_with_it(void **state)
{
    struct connection_id first = enter(1, 17, 0);
    struct connection_id second = enter(1, 17, 1);
    struct connection_id third;

    (void)state;
    connection_table_remove(table, 1, 17, client_of(0));
    assert_null(connection_table_find(table, 1, &first));
    assert_ptr_equal(connection_table_find(table, 1, &second), client_of(1));
    third = enter(2, 17, 2);
    connection_table_remove(table, 1, 17, client_of(1));
    assert_ptr_equal(connection_table_find(table, 2, &third), client_of(2));
}

static void an_id_says_which_bucket_to_ask(void **state)
{
    struct connection_id id = enter(63, 5, 0);
    unsigned bucket = 0;

    (void)state;
    assert_true(connection_table_bucket(table, &id, &bucket));
    assert_int_equal(bucket, 63);
    assert_null(connection_table_find(table, 62, &id));
    assert_non_null(connection_table_find(table, 63, &id));
    id.instance++;
    assert_false(connection_table_bucket(table, &id, &bucket));
    assert_null(connection_table_find(table, 63, &id));
    id = (struct connection_id){.instance = INSTANCE, .place = PLACES, .serial = 1};
    assert_false(connection_table_bucket(table, &id, &bucket));
}

static void places_past_the_table_have_no_id(void **state)
{
    struct connection_id id;

    (void)state;
    connection_table_add(table, 0, PLACES, client_of(0));
    assert_false(connection_table_id(table, 0, PLACES, client_of(0), &id));
    connection_table_add(table, 0, -1, client_of(0));
    assert_false(connection_table_id(table, 0, -1, client_of(0), &id));
    connection_table_add(NULL, 0, 1, client_of(0));
    assert_false(connection_table_id(NULL, 0, 1, client_of(0), &id));
    connection_table_remove(NULL, 0, 1, client_of(0));
}

/* Two buckets whose clients come to the same place in turn, as the kernel gives a descriptor to one at a
 * time, each of which looks its last ones up meanwhile. */
static pthread_mutex_t descriptor = PTHREAD_MUTEX_INITIALIZER;

struct racer {
    unsigned bucket;
    int wrong;
};

enum { TURNS = 20000 };

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct connection_id last = {.instance = INSTANCE};
    struct client *mine = client_of((int)racer->bucket);

    for (int i = 0; i < TURNS; i++) {
        struct connection_id id;
        struct client *found;

        pthread_mutex_lock(&descriptor);
        connection_table_add(table, racer->bucket, 9, mine);
        if (connection_table_id(table, racer->bucket, 9, mine, &id)) {
            found = connection_table_find(table, racer->bucket, &id);
            racer->wrong += found != mine;
            racer->wrong += id.serial == last.serial;
            last = id;
        }
        connection_table_remove(table, racer->bucket, 9, mine);
        pthread_mutex_unlock(&descriptor);
        if (last.serial != 0)
            racer->wrong += connection_table_find(table, racer->bucket, &last) != NULL;
    }
    return NULL;
}

static void buckets_that_share_a_place_never_meet_the_others_client(void **state)
{
    struct racer racers[2] = {{.bucket = 0}, {.bucket = 1}};
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(racers[0].wrong + racers[1].wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_id_finds_its_client_until_it_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_to_the_place_next_is_another_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_is_slow_to_go_takes_nobody_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_says_which_bucket_to_ask, setup, teardown),
        cmocka_unit_test_setup_teardown(places_past_the_table_have_no_id, setup, teardown),
        cmocka_unit_test_setup_teardown(buckets_that_share_a_place_never_meet_the_others_client, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("connection_table", tests, NULL, NULL);
}
