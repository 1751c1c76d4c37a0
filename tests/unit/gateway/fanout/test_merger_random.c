/* SPDX-License-Identifier: Apache-2.0 */
/* The merger with terms against a naive reference: pushes, turns, windows and changes of settings at random.
 * The reference keeps the items of a key that were added and are not sealed yet, whole and in order; what
 * must come out of each batch follows from them by the simplest of ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/fanout/merger.h"
#include "shared/base/hashmap.h"
#include "tests/unit/terms_script.h"

enum { ROOMS = 3, KEYS = 4, USERS = 3, SEEDS = 60, STEPS = 3000, MAX_WAITING = 4096 };

struct waiting {
    char item[128];
    char key[8];
    char excluded[64]; /* the words of the line */
    int64_t expires;
    int64_t came;
};

struct reference {
    struct waiting waiting[ROOMS][MAX_WAITING];
    size_t count[ROOMS];
    uint64_t replaced;
    size_t emitted;
    struct merger_conf conf;
};

static struct reference reference;

/* Of those that wait, whether a newer one has the key. */
static bool is_replaced(const struct waiting *waiting, size_t count, size_t at)
{
    for (size_t i = at + 1; i < count; i++)
        if (waiting[at].key[0] != '\0' && strcmp(waiting[at].key, waiting[i].key) == 0)
            return true;
    return false;
}

static size_t items_left(int room)
{
    size_t left = 0;

    for (size_t i = 0; i < reference.count[room]; i++)
        left += !is_replaced(reference.waiting[room], reference.count[room], i);
    return left;
}

/* Whom the item at byte `at` of the batch excludes, as the words of a line. */
static void excluded_at(const struct item_batch *batch, size_t at, char *out)
{
    uint32_t count = 0;
    const struct item_part *parts = batch->parts != NULL ? item_batch_parts(batch, &count) : NULL;

    out[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        struct slice rest = item_part_exclusions(batch, &parts[i]);
        struct push_exclusion who;

        if (at < parts[i].at || at >= parts[i].at + parts[i].len)
            continue;
        while (push_next_exclusion(&rest, &who))
            sprintf(out + strlen(out), "-%s%.*s ", who.connection ? "#" : "", (int)who.name.len,
                    (const char *)who.name.data);
        return;
    }
    assert_int_equal(count, 0); /* parts cover the batch */
}

static void expect_item(const struct sealed_batch *sealed, size_t *at, const struct waiting *item)
{
    const struct buf *items = &sealed->batch->items;
    size_t len = strlen(item->item);
    char excluded[256];

    if (*at > 0)
        assert_int_equal(items->data[(*at)++], ',');
    assert_true(*at + len <= items->len);
    assert_memory_equal(items->data + *at, item->item, len);
    excluded_at(sealed->batch, *at, excluded);
    assert_string_equal(excluded, item->excluded);
    assert_int_equal(sealed->expires_us, item->expires);
    *at += len;
}

static void on_batch(void *arg, const struct sealed_batch *sealed)
{
    int room = sealed->key.data[0] - '0';
    const struct waiting *waiting = reference.waiting[room];
    uint32_t count = 0;
    size_t at = 0;

    (void)arg;
    assert_int_equal(sealed->since_us, waiting[0].came);
    for (size_t i = 0; i < reference.count[room]; i++) {
        if (is_replaced(waiting, reference.count[room], i))
            continue;
        expect_item(sealed, &at, &waiting[i]);
        count++;
    }
    assert_int_equal(at, sealed->batch->items.len);
    assert_int_equal(count, sealed->batch->count);
    assert_true(count > 0);
    reference.replaced += reference.count[room] - count;
    reference.count[room] = 0;
    reference.emitted += count;
}

static uint32_t dice(uint32_t sides)
{
    return (uint32_t)random() % sides;
}

/* A line of terms at random; many have none. */
static void roll_terms(char *line, struct waiting *item, int64_t now)
{
    line[0] = item->key[0] = item->excluded[0] = '\0';
    item->expires = 0;
    item->came = now;
    if (dice(3) == 0) {
        sprintf(item->key, "k%u", dice(KEYS));
        sprintf(line, "key=%s ", item->key);
    }
    if (dice(3) == 0) {
        for (uint32_t who = 0; who < USERS; who++)
            if (dice(2) == 0)
                sprintf(item->excluded + strlen(item->excluded), "-%su%u ", dice(4) == 0 ? "#" : "", who);
        strcat(line, item->excluded);
    }
    if (dice(6) == 0) {
        uint32_t ttl_ms = 1 + dice(2);

        sprintf(line + strlen(line), "ttl=%u ", ttl_ms);
        item->expires = now + ttl_ms * 1000;
    }
    if (dice(20) == 0)
        strcat(line, "urgent");
}

/* The reference notes the item first, as the last of a batch, or, where the merger seals what waited before
 * it takes it, as the first of the next: on_batch tells which by what it finds. */
static void push(struct merger *merger, int64_t now, uint64_t number)
{
    int room = (int)dice(ROOMS);
    struct slice key = slice_of("012" + room, 1);
    struct waiting item;
    struct terms_script script;
    char line[256];

    roll_terms(line, &item, now);
    sprintf(item.item, "{\"n\":%llu,\"pad\":\"%.*s\"}", (unsigned long long)number, (int)dice(60),
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    size_t pending = merger_pending(merger);
    size_t left = items_left(room);
    const struct push_terms *terms = line[0] != '\0' ? terms_script_read(&script, line) : NULL;

    /* Whether it joins what waits. */
    size_t *count = &reference.count[room];
    bool joins = *count > 0 && reference.waiting[room][0].expires == item.expires;
    if (joins) {
        size_t bytes = 0;

        reference.waiting[room][*count] = item;
        for (size_t i = 0; i <= *count; i++)
            if (!is_replaced(reference.waiting[room], *count + 1, i))
                bytes += strlen(reference.waiting[room][i].item) + 1;
        joins = bytes - 1 <= reference.conf.max_bytes;
    }
    size_t emitted = reference.emitted;
    if (joins || *count == 0) {
        reference.waiting[room][(*count)++] = item;
        assert_int_equal(merger_add(merger, key, hashmap_hash(key), slice_str(item.item), terms, now),
                         STATUS_OK);
    } else {
        struct waiting kept = item;

        assert_int_equal(merger_add(merger, key, hashmap_hash(key), slice_str(item.item), terms, now),
                         STATUS_OK);
        assert_true(reference.emitted >= emitted + left); /* what waited has gone */
        if (*count == 0 && merger_pending(merger) == pending - left + 1)
            reference.waiting[room][(*count)++] = kept;
        else
            fail_msg("an item that opens a batch has gone with it");
    }
    if (terms != NULL && terms->urgent) {
        merger_seal(merger, key, hashmap_hash(key), now);
        assert_int_equal(reference.count[room], 0);
    }
}

static void expect_bounds(const struct merger *merger)
{
    size_t left = 0;
    uint64_t replaced = reference.replaced;

    for (int room = 0; room < ROOMS; room++) {
        size_t here = items_left(room);

        assert_true(here < reference.conf.max_items);
        left += here;
        replaced += reference.count[room] - here;
    }
    assert_int_equal(merger_pending(merger), left);
    assert_int_equal(merger_conflated(merger), replaced);
}

/* What has a deadline does not outlast the turn. */
static void expect_no_deadline(void)
{
    for (int room = 0; room < ROOMS; room++)
        if (reference.count[room] > 0)
            assert_int_equal(reference.waiting[room][0].expires, 0);
}

static void run(unsigned seed)
{
    struct merger *merger = NULL;
    int64_t now = 1000;

    srandom(seed);
    memset(&reference, 0, sizeof reference);
    reference.conf = (struct merger_conf){dice(3) * 1500, 4 + dice(30), 800 + dice(2000), dice(2) == 0};
    assert_int_equal(merger_new(&reference.conf, on_batch, NULL, &merger), STATUS_OK);
    for (int step = 0; step < STEPS; step++) {
        for (uint32_t pushes = dice(6); pushes > 0; pushes--) {
            push(merger, now, (uint64_t)step);
            expect_bounds(merger);
        }
        merger_end_turn(merger, now);
        expect_no_deadline();
        now += dice(700);
        merger_expire(merger, now);
        int64_t deadline = merger_deadline(merger);
        assert_true(deadline == -1 || deadline > now);
        expect_bounds(merger);
    }
    merger_flush(merger);
    for (int room = 0; room < ROOMS; room++)
        assert_int_equal(reference.count[room], 0);
    assert_int_equal(merger_pending(merger), 0);
    merger_free(merger);
}

static void batches_are_what_the_reference_says(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_what_the_reference_says),
    };

    return cmocka_run_group_tests_name("merger random", tests, NULL, NULL);
}
