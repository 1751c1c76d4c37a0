/* SPDX-License-Identifier: Apache-2.0 */
/* Which buckets have members of a room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "gateway/bucket/directory.h"
#include "gateway/metrics/gateway_metrics.h"

static struct directory *directory_of(void)
{
    struct directory *directory = NULL;

    assert_int_equal(directory_new(&directory), STATUS_OK);
    return directory;
}

static struct subscribers find(struct directory *directory, const char *room)
{
    return directory_find(directory, slice_str(room), hashmap_hash(slice_str(room)));
}

static struct directory_entry *enter(struct directory *directory, const char *room, unsigned bucket)
{
    struct directory_entry *entry =
        directory_enter(directory, slice_str(room), hashmap_hash(slice_str(room)), bucket);

    assert_non_null(entry);
    return entry;
}

static void buckets_come_and_go(void **state)
{
    struct directory *directory = directory_of();

    (void)state;
    assert_true(find(directory, "r").buckets == 0);
    struct directory_entry *entry = enter(directory, "r", 3);
    assert_ptr_equal(enter(directory, "r", 63), entry);
    assert_true(find(directory, "r").buckets == (UINT64_C(1) << 3 | UINT64_C(1) << 63));
    assert_true(find(directory, "s").buckets == 0);
    directory_exit(directory, entry, 3);
    assert_true(find(directory, "r").buckets == UINT64_C(1) << 63);
    directory_exit(directory, entry, 63);
    assert_true(find(directory, "r").buckets == 0);
    directory_free(directory);
}

static void members_are_counted_by_encoding(void **state)
{
    struct directory *directory = directory_of();
    struct directory_entry *entry = enter(directory, "r", 0);

    (void)state;
    atomic_fetch_add(&entry->members[ENCODING_WS_V1], 2);
    atomic_fetch_add(&entry->members[ENCODING_WS_V2], 1);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V1], 2);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V2], 1);
    struct subscribers here = find(directory, "r");
    assert_int_equal(subscribers_count(&here), 3);
    directory_exit(directory, entry, 0);
    directory_free(directory);
}

static void everyone_is_no_room_of_the_gauge(void **state)
{
    struct directory *directory = directory_of();
    uint64_t before = metrics_get(M_ROOMS);
    struct directory_entry *everyone = enter(directory, "", 0);

    (void)state;
    assert_int_equal(metrics_get(M_ROOMS), before);
    struct directory_entry *room = enter(directory, "r", 0);
    assert_int_equal(metrics_get(M_ROOMS), before + 1);
    directory_exit(directory, room, 0);
    directory_exit(directory, everyone, 0);
    assert_int_equal(metrics_get(M_ROOMS), before);
    directory_exit(directory, enter(directory, "\001", 0), 0);
    assert_int_equal(metrics_get(M_ROOMS), before);
    directory_free(directory);
}

static void a_room_that_comes_back_starts_anew(void **state)
{
    struct directory *directory = directory_of();
    struct directory_entry *entry = enter(directory, "r", 5);

    (void)state;
    atomic_fetch_add(&entry->members[ENCODING_WS_V1], 7);
    directory_exit(directory, entry, 5);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V1], 0);
    entry = enter(directory, "r", 6);
    assert_true(find(directory, "r").buckets == UINT64_C(1) << 6);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V1], 0);
    directory_exit(directory, entry, 6);
    directory_free(directory);
}

enum { VISITS = 2000 };

struct visitor {
    struct directory *directory;
    unsigned bucket;
    unsigned missing; /* times that its own bit was not seen */
};

static void *come_and_go(void *arg)
{
    struct visitor *visitor = arg;

    for (int i = 0; i < VISITS; i++) {
        struct directory_entry *entry = directory_enter(visitor->directory, slice_str("r"),
                                                        hashmap_hash(slice_str("r")), visitor->bucket);

        if (entry == NULL || (find(visitor->directory, "r").buckets >> visitor->bucket & 1) == 0)
            visitor->missing++;
        if (entry != NULL)
            directory_exit(visitor->directory, entry, visitor->bucket);
    }
    return NULL;
}

static void threads_share_one_entry(void **state)
{
    struct directory *directory = directory_of();
    struct visitor visitors[] = {{directory, 0, 0}, {directory, 1, 0}};
    uint64_t rooms = metrics_get(M_ROOMS);
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &visitors[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(visitors[0].missing + visitors[1].missing, 0);
    assert_true(find(directory, "r").buckets == 0);
    assert_int_equal(metrics_get(M_ROOMS), rooms);
    directory_free(directory);
}

static int setup(void **state)
{
    (void)state;
    gateway_metrics_setup();
    return 0;
}

static void users_are_counted_once_and_apart(void **state)
{
    struct directory *directory = directory_of();
    uint64_t users = metrics_get(M_USERS), rooms = metrics_get(M_ROOMS);
    struct directory_entry *entry = enter(directory, "\002u", 3);

    (void)state;
    (void)enter(directory, "\002u", 4);
    assert_int_equal(metrics_get(M_USERS), users + 1);
    assert_int_equal(metrics_get(M_ROOMS), rooms);
    directory_exit(directory, entry, 3);
    directory_exit(directory, entry, 4);
    assert_int_equal(metrics_get(M_USERS), users);
    directory_free(directory);
}

static const struct subscribers one_in_bucket_5 = {.buckets = UINT64_C(1) << 5,
                                                   .members = {[ENCODING_WS_V2] = 1}};

static struct directory_entry *reserve(struct directory *directory, const char *room)
{
    struct directory_entry *entry =
        directory_reserve(directory, slice_str(room), hashmap_hash(slice_str(room)), &one_in_bucket_5);

    assert_non_null(entry);
    return entry;
}

static void who_is_announced_is_found_until_that_is_released(void **state)
{
    struct directory *directory = directory_of();
    struct directory_entry *entry = reserve(directory, "r");

    (void)state;
    assert_true(find(directory, "r").buckets == UINT64_C(1) << 5);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V2], 1);
    assert_ptr_equal(reserve(directory, "r"), entry);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V2], 2);
    directory_release(directory, entry, &one_in_bucket_5);
    assert_true(find(directory, "r").buckets == UINT64_C(1) << 5);
    directory_release(directory, entry, &one_in_bucket_5);
    assert_true(find(directory, "r").buckets == 0);
    directory_free(directory);
}

static void a_room_outlives_its_members_while_somebody_is_announced(void **state)
{
    struct directory *directory = directory_of();
    struct directory_entry *entry = enter(directory, "r", 0);

    (void)state;
    assert_ptr_equal(reserve(directory, "r"), entry);
    directory_exit(directory, entry, 0);
    assert_true(find(directory, "r").buckets == UINT64_C(1) << 5);
    assert_ptr_equal(enter(directory, "r", 5), entry);
    directory_release(directory, entry, &one_in_bucket_5);
    assert_true(find(directory, "r").buckets == UINT64_C(1) << 5);
    assert_int_equal(find(directory, "r").members[ENCODING_WS_V2], 0);
    directory_exit(directory, entry, 5);
    assert_true(find(directory, "r").buckets == 0);
    directory_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_counted_once_and_apart),
        cmocka_unit_test(buckets_come_and_go),
        cmocka_unit_test(who_is_announced_is_found_until_that_is_released),
        cmocka_unit_test(a_room_outlives_its_members_while_somebody_is_announced),
        cmocka_unit_test(members_are_counted_by_encoding),
        cmocka_unit_test(everyone_is_no_room_of_the_gauge),
        cmocka_unit_test(a_room_that_comes_back_starts_anew),
        cmocka_unit_test(threads_share_one_entry),
    };

    return cmocka_run_group_tests_name("directory", tests, setup, NULL);
}
