/* SPDX-License-Identifier: Apache-2.0 */
/* The look-ups are the test's own, and so is the time. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "shared/fetch/host_cache.h"
#include "shared/net/address_list.h"
#include "shared/net/lookup.h"

struct lookup {
    struct lookup **slot;
    lookup_done *done;
    void *arg;
    char name[64];
};

static struct {
    int64_t now_ms;
    int started;
    int cancelled;
    struct lookup *last;
    enum status refuses;
    const char *at_once; /* the address that a look-up finds before it returns */
} world;

static void answer(lookup_done *done, void *arg, const char *const *texts, size_t count)
{
    struct address_list list = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[16];
        int family = strchr(texts[i], ':') != NULL ? AF_INET6 : AF_INET;

        assert_int_equal(inet_pton(family, texts[i], bytes), 1);
        address_list_add(&list, family, bytes, 1);
    }
    done(count > 0 ? DNS_FOUND : DNS_SILENCE, address_list_first(&list), arg);
}

int64_t clock_now_ms(void)
{
    return world.now_ms;
}

int64_t clock_now_us(void)
{
    return world.now_ms * 1000;
}

enum status lookup_start(struct resolver *resolver, const char *hostname, int port, lookup_done *done,
                         void *arg, struct lookup **slot)
{
    (void)resolver;
    assert_in_range(port, 1, 65535);
    world.started++;
    if (world.refuses != STATUS_OK)
        return world.refuses;
    if (world.at_once != NULL) {
        answer(done, arg, &world.at_once, 1);
        return STATUS_OK;
    }
    world.last = *slot = calloc(1, sizeof **slot);
    *world.last = (struct lookup){.slot = slot, .done = done, .arg = arg};
    snprintf(world.last->name, sizeof world.last->name, "%s", hostname);
    return STATUS_OK;
}

void lookup_cancel(struct lookup **slot)
{
    if (*slot == NULL)
        return;
    world.cancelled++;
    free(*slot);
    *slot = NULL;
}

const char *lookup_result_text(enum dns_result result)
{
    return result == DNS_SILENCE ? "silence" : "else";
}

static void found(const char *const *texts, size_t count)
{
    struct lookup lookup = *world.last;

    free(*lookup.slot);
    *lookup.slot = NULL;
    answer(lookup.done, lookup.arg, texts, count);
}

struct asker {
    struct host_wait wait;
    int told;
    char addresses[200];
    const char *why;
    struct asker *lets_go;
};

static void on_told(struct host_wait *wait, const char *addresses, const char *why)
{
    struct asker *asker = container_of(wait, struct asker, wait);

    asker->told++;
    asker->why = addresses == NULL ? why : NULL;
    snprintf(asker->addresses, sizeof asker->addresses, "%s", addresses != NULL ? addresses : "");
    if (asker->lets_go != NULL)
        host_cache_leave(&asker->lets_go->wait);
}

static enum status ask(struct host_cache *cache, const char *name, struct asker *asker)
{
    *asker = (struct asker){.wait = {.done = on_told}, .lets_go = asker->lets_go};
    return host_cache_ask(cache, name, world.now_ms, &asker->wait);
}

static struct host_cache *fresh(void)
{
    struct host_cache *cache;

    memset(&world, 0, sizeof world);
    world.now_ms = 1000000;
    assert_int_equal(host_cache_new(NULL, &cache), STATUS_OK);
    return cache;
}

static void test_asked_once_for_all(void **state)
{
    static const char *const both[] = {"192.0.2.1", "2001:db8::1"};
    struct host_cache *cache = fresh();
    struct asker askers[3] = {{.told = 0}};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(cache, "a.example", &askers[i]), STATUS_OK);
    assert_int_equal(world.started, 1);
    assert_string_equal(world.last->name, "a.example");
    host_cache_leave(&askers[1].wait);
    found(both, 2);
    assert_string_equal(askers[0].addresses, "192.0.2.1,[2001:db8::1]");
    assert_int_equal(askers[1].told, 0);
    assert_string_equal(askers[2].addresses, "192.0.2.1,[2001:db8::1]");
    /* Known: told at once. */
    assert_int_equal(ask(cache, "a.example", &askers[1]), STATUS_OK);
    assert_int_equal(askers[1].told, 1);
    assert_int_equal(world.started, 1);
    host_cache_free(cache);
}

static void test_one_that_is_told_lets_another_go(void **state)
{
    static const char *const one[] = {"192.0.2.1"};
    struct host_cache *cache = fresh();
    struct asker askers[2] = {{.lets_go = &askers[1]}};

    (void)state;
    ask(cache, "a.example", &askers[0]);
    ask(cache, "a.example", &askers[1]);
    found(one, 1);
    assert_int_equal(askers[0].told, 1);
    assert_int_equal(askers[1].told, 0);
    host_cache_free(cache);
}

static void test_known_ones_are_used_while_asked_anew(void **state)
{
    static const char *const one[] = {"192.0.2.1"}, *const other[] = {"192.0.2.2"};
    struct host_cache *cache = fresh();
    struct asker asker = {.told = 0};

    (void)state;
    ask(cache, "a.example", &asker);
    found(one, 1);
    world.now_ms += HOST_KEEP_MS - 1;
    ask(cache, "a.example", &asker);
    assert_int_equal(world.started, 1);
    world.now_ms += 1;
    ask(cache, "a.example", &asker);
    assert_string_equal(asker.addresses, "192.0.2.1");
    assert_int_equal(world.started, 2);
    ask(cache, "a.example", &asker);
    assert_int_equal(world.started, 2);
    found(other, 1);
    ask(cache, "a.example", &asker);
    assert_string_equal(asker.addresses, "192.0.2.2");
    /* Long unused: waits for the new ones. */
    world.now_ms += HOST_KEEP_MS + HOST_STALE_MS;
    ask(cache, "a.example", &asker);
    assert_int_equal(asker.told, 0);
    found(one, 1);
    assert_string_equal(asker.addresses, "192.0.2.1");
    host_cache_free(cache);
}

static void test_a_silent_server_leaves_the_old_ones(void **state)
{
    static const char *const one[] = {"192.0.2.1"};
    struct host_cache *cache = fresh();
    struct asker asker = {.told = 0};

    (void)state;
    ask(cache, "a.example", &asker);
    found(NULL, 0);
    assert_string_equal(asker.why, "silence");
    ask(cache, "a.example", &asker); /* a failure is not kept */
    assert_int_equal(world.started, 2);
    found(one, 1);
    world.now_ms += HOST_KEEP_MS + HOST_STALE_MS;
    ask(cache, "a.example", &asker);
    found(NULL, 0);
    assert_string_equal(asker.addresses, "192.0.2.1");
    ask(cache, "a.example", &asker);
    assert_string_equal(asker.addresses, "192.0.2.1");
    assert_int_equal(world.started, 3); /* not asked again for ten seconds */
    world.now_ms += HOST_KEEP_MS;
    world.refuses = STATUS_FULL;
    assert_int_equal(ask(cache, "a.example", &asker), STATUS_OK);
    assert_string_equal(asker.addresses, "192.0.2.1");
    assert_int_equal(ask(cache, "b.example", &asker), STATUS_FULL);
    host_cache_free(cache);
}

static void test_known_to_this_machine(void **state)
{
    struct host_cache *cache = fresh();
    struct asker asker = {.told = 0};

    (void)state;
    world.at_once = "127.0.0.1";
    assert_int_equal(ask(cache, "localhost", &asker), STATUS_OK);
    assert_string_equal(asker.addresses, "127.0.0.1");
    host_cache_free(cache);
}

static void test_names_are_bounded(void **state)
{
    static const char *const one[] = {"192.0.2.1"};
    struct host_cache *cache = fresh();
    struct asker askers[HOST_CACHE_MAX + 1] = {{.told = 0}};
    char name[32];

    (void)state;
    for (int i = 0; i < HOST_CACHE_MAX; i++) {
        snprintf(name, sizeof name, "%d.example", i);
        assert_int_equal(ask(cache, name, &askers[i]), STATUS_OK);
    }
    assert_int_equal(ask(cache, "more.example", &askers[HOST_CACHE_MAX]), STATUS_FULL);
    found(one, 1); /* the last one is idle now */
    assert_int_equal(ask(cache, "more.example", &askers[HOST_CACHE_MAX]), STATUS_OK);
    assert_int_equal(world.started, HOST_CACHE_MAX + 1);
    for (int i = 0; i <= HOST_CACHE_MAX; i++)
        host_cache_leave(&askers[i].wait);
    host_cache_free(cache);
    assert_int_equal(world.cancelled, HOST_CACHE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_once_for_all),
        cmocka_unit_test(test_one_that_is_told_lets_another_go),
        cmocka_unit_test(test_known_ones_are_used_while_asked_anew),
        cmocka_unit_test(test_a_silent_server_leaves_the_old_ones),
        cmocka_unit_test(test_known_to_this_machine),
        cmocka_unit_test(test_names_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
