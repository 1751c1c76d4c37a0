/* SPDX-License-Identifier: Apache-2.0 */
/* Questions on their way to buckets that the test plays: each is answered once, in time or not, and never
 * more than so many are under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/query_part.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/query/query_desk.h"
#include "shared/base/clock.h"

enum { BUCKETS = 3, PARTS = 64, ASKERS = 20 };

#define ROOM "{\"op\":\"room\",\"room\":\"r\",\"key\":\"00000000000000010000000000000002\",\"users\":true}"

struct bucket {
    size_t jobs;
    enum status takes;
    struct query_part *parts[PARTS];
    int count;
};

static struct bucket bucket_of[BUCKETS];
static int64_t now_ms;

int64_t clock_now_ms(void)
{
    return now_ms;
}

int64_t clock_now_us(void)
{
    return now_ms * 1000;
}

enum status bucket_post_query(struct bucket *bucket, struct query_part *part)
{
    if (bucket->takes == STATUS_OK)
        bucket->parts[bucket->count++] = part;
    return bucket->takes;
}

size_t bucket_jobs(const struct bucket *bucket)
{
    return bucket->jobs;
}

struct asker {
    struct query_asker asker;
    int told;
    char said[512]; /* "200 {…}" or "503 busy" */
};

struct bench {
    struct event_base *base;
    struct control_box *box;
    struct connection_table *connections;
    struct readiness readiness;
    struct node_report *node;
    struct query_desk *desk;
    struct bucket *buckets[BUCKETS];
    struct asker askers[ASKERS];
};

static void on_done(struct query_asker *asker, struct query_answer *answer)
{
    struct asker *of = container_of(asker, struct asker, asker);

    of->told++;
    if (answer->code != NULL)
        snprintf(of->said, sizeof of->said, "%d %s", answer->status, answer->code);
    else
        snprintf(of->said, sizeof of->said, "%d %.*s", answer->status, (int)answer->body.len,
                 (const char *)answer->body.data);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    memset(bucket_of, 0, sizeof bucket_of);
    now_ms = 1000;
    gateway_metrics_setup();
    bench->base = event_base_new();
    assert_int_equal(control_box_new(bench->base, &bench->box), STATUS_OK);
    assert_int_equal(connection_table_new(100, 0x77, &bench->connections), STATUS_OK);
    assert_int_equal(node_report_new(bench->base, &bench->readiness, &bench->node), STATUS_OK);
    for (int i = 0; i < BUCKETS; i++)
        bench->buckets[i] = &bucket_of[i];
    const struct query_desk_conf conf = {.base = bench->base,
                                         .box = bench->box,
                                         .buckets = bench->buckets,
                                         .bucket_count = BUCKETS,
                                         .connections = bench->connections,
                                         .node = bench->node};
    assert_int_equal(query_desk_new(&conf, &bench->desk), STATUS_OK);
    for (int i = 0; i < ASKERS; i++)
        bench->askers[i].asker.done = on_done;
    *state = bench;
    return 0;
}

/* A bucket gives its oldest part back. */
static void give_back(struct bench *bench, int bucket)
{
    struct bucket *of = &bucket_of[bucket];
    struct query_part *part = of->parts[0];

    assert_true(of->count > 0);
    memmove(of->parts, of->parts + 1, (size_t)--of->count * sizeof of->parts[0]);
    assert_int_equal(control_post(control_box_mailbox(bench->box), &part->back, CONTROL_QUERY), STATUS_OK);
    control_box_take(bench->box);
}

static void give_all_back(struct bench *bench)
{
    for (int i = 0; i < BUCKETS; i++)
        while (bucket_of[i].count > 0)
            give_back(bench, i);
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < ASKERS; i++)
        query_desk_cancel(&bench->askers[i].asker);
    give_all_back(bench);
    assert_int_equal(metrics_get(M_QUERIES), 0);
    query_desk_free(bench->desk);
    node_report_free(bench->node);
    connection_table_free(bench->connections);
    control_box_free(bench->box);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static struct asker *ask(struct bench *bench, int index, const char *body)
{
    query_desk_ask(bench->desk, slice_str(body), &bench->askers[index].asker);
    return &bench->askers[index];
}

static void expect(const struct asker *asker, const char *said)
{
    assert_int_equal(asker->told, 1);
    assert_string_equal(asker->said, said);
}

static void turn(struct bench *bench)
{
    (void)event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

static void the_answer_comes_with_the_last_part(void **state)
{
    struct bench *bench = *state;
    const struct asker *asker = ask(bench, 0, ROOM);

    for (int i = 0; i < BUCKETS; i++) {
        struct query_part *part = bucket_of[i].parts[0];

        assert_int_equal(bucket_of[i].count, 1);
        assert_int_equal(asker->told, 0);
        part->found.count = 1;
        assert_int_equal(query_page_add(&part->found.page, slice_str("u"), slice_of(NULL, 0), 1), STATUS_OK);
        give_back(bench, i);
    }
    expect(
        asker,
        "200 {\"connections\":3,\"hashes\":\"\",\"page\":[{\"user\":\"u\",\"connections\":3,\"info\":null}],"
        "\"more\":false}");
    assert_int_equal(metrics_get(M_QUERIES_ANSWERED), 1);
    assert_int_equal(metrics_get(M_QUERIES), 0);
}

static void only_who_can_know_is_asked(void **state)
{
    struct bench *bench = *state;
    struct connection_id id;
    char body[128];
    char text[CONNECTION_ID_MAX + 1];

    bucket_of[0].jobs = 5;
    bucket_of[2].jobs = 3;
    (void)ask(bench, 0, "{\"op\":\"rooms\"}");
    assert_int_equal(bucket_of[0].count * 100 + bucket_of[1].count * 10 + bucket_of[2].count, 10);
    give_back(bench, 1);
    expect(&bench->askers[0], "200 {\"rooms\":0,\"top\":[]}");
    connection_table_add(bench->connections, 2, 7, (struct client *)bench);
    assert_true(connection_table_id(bench->connections, 2, 7, (struct client *)bench, &id));
    (void)connection_id_print(&id, text);
    snprintf(body, sizeof body, "{\"op\":\"client\",\"connection\":\"%s\"}", text);
    (void)ask(bench, 1, body);
    assert_int_equal(bucket_of[0].count * 100 + bucket_of[1].count * 10 + bucket_of[2].count, 1);
    give_back(bench, 2);
    expect(&bench->askers[1], "200 {\"client\":null}");
    (void)ask(bench, 2, "{\"op\":\"client\",\"connection\":\"0000000000000078-7-42\"}");
    expect(&bench->askers[2], "200 {\"client\":null}");
    (void)ask(bench, 3,
              "{\"op\":\"client\",\"connection\":\"0000000000000077-7-43\"}"); /* of bucket 3: none */
    expect(&bench->askers[3], "200 {\"client\":null}");
}

static void sixteen_are_under_way_and_no_more(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < QUERY_MAX_UNDER_WAY; i++)
        assert_int_equal(ask(bench, i, ROOM)->told, 0);
    assert_int_equal(metrics_get(M_QUERIES), QUERY_MAX_UNDER_WAY);
    expect(ask(bench, 16, ROOM), "503 busy");
    assert_int_equal(metrics_get(M_QUERIES_BUSY), 1);
    assert_int_equal(ask(bench, 17, "{\"op\":\"node\"}")->told, 1); /* needs no bucket */
    query_desk_cancel(&bench->askers[0].asker);
    expect(ask(bench, 18, ROOM), "503 busy"); /* the buckets still have its parts */
    for (int i = 0; i < BUCKETS; i++)
        give_back(bench, i);
    assert_int_equal(bench->askers[0].told, 0);
    assert_int_equal(ask(bench, 19, ROOM)->told, 0);
    assert_int_equal(metrics_get(M_QUERIES_FORGOTTEN), 1);
}

static void two_seconds_each(void **state)
{
    struct bench *bench = *state;
    const struct asker *first = ask(bench, 0, ROOM);

    now_ms += 1500;
    const struct asker *second = ask(bench, 1, ROOM);
    const struct query *query = bucket_of[0].parts[0]->query;
    give_back(bench, 1);
    give_back(bench, 1);
    now_ms += QUERY_TIMEOUT_MS - 1500 - 1;
    turn(bench);
    assert_int_equal(first->told, 0);
    assert_false(atomic_load(&query->given_up));
    now_ms += 1;
    for (int i = 0; i < 3000 && first->told == 0; i++) {
        struct timeval pause = {0, 1000};

        (void)event_base_loopexit(bench->base, &pause);
        (void)event_base_dispatch(bench->base);
    }
    expect(first, "504 query_timeout");
    assert_true(atomic_load(&query->given_up));
    assert_int_equal(second->told, 0);
    assert_int_equal(metrics_get(M_QUERIES), 2); /* its buckets have not let go */
    give_all_back(bench);
    expect(first, "504 query_timeout");
    assert_int_equal(second->told, 1);
    assert_int_equal(metrics_get(M_QUERIES_TIMED_OUT), 1);
}

static void a_bucket_without_room_makes_it_busy(void **state)
{
    struct bench *bench = *state;

    bucket_of[1].takes = STATUS_FULL;
    expect(ask(bench, 0, ROOM), "503 busy");
    assert_true(atomic_load(&bucket_of[0].parts[0]->query->given_up));
    assert_int_equal(bucket_of[2].count, 0);
    give_back(bench, 0);
    assert_int_equal(metrics_get(M_QUERIES), 0);
    bucket_of[0].takes = STATUS_FULL;
    expect(ask(bench, 1, ROOM), "503 busy");
    assert_int_equal(metrics_get(M_QUERIES), 0);
}

static void who_goes_is_told_nothing(void **state)
{
    struct bench *bench = *state;
    const struct asker *asker = ask(bench, 0, ROOM);

    give_back(bench, 0);
    query_desk_cancel(&bench->askers[0].asker);
    query_desk_cancel(&bench->askers[0].asker);
    give_all_back(bench);
    assert_int_equal(asker->told, 0);
    assert_int_equal(metrics_get(M_QUERIES_FORGOTTEN), 1);
    (void)ask(bench, 1, ROOM);
    give_all_back(bench);
    assert_int_equal(bench->askers[1].told, 1);
    query_desk_cancel(&bench->askers[1].asker);
    assert_int_equal(metrics_get(M_QUERIES_FORGOTTEN), 1);
}

static void a_part_without_memory_is_no_answer(void **state)
{
    struct bench *bench = *state;
    const struct asker *asker = ask(bench, 0, ROOM);

    bucket_of[1].parts[0]->found.status = STATUS_NO_MEMORY;
    give_all_back(bench);
    expect(asker, "500 internal");
    assert_int_equal(metrics_get(M_QUERIES_FAILED), 1);
}

static void bodies_are_bounded_and_checked(void **state)
{
    struct bench *bench = *state;
    static char body[16386];

    memset(body, ' ', sizeof body - 1);
    memcpy(body, "{\"op\":\"node\"}", 13);
    expect(ask(bench, 0, body), "413 body_too_large");
    body[16384] = '\0';
    assert_int_equal(ask(bench, 1, body)->told, 1);
    assert_memory_equal(bench->askers[1].said, "200 {\"clients\":0,", 17);
    expect(ask(bench, 2, "{\"op\":\"x\"}"), "400 invalid_request");
    assert_int_equal(metrics_get(M_QUERIES_INVALID), 2);
}

static void the_node_says_how_it_does(void **state)
{
    struct bench *bench = *state;

    metrics_add(M_CLIENTS, 3);
    metrics_add(M_ROOMS, 2);
    metrics_add(M_USERS, 1);
    metrics_add(M_ITEMS_RECEIVED, 50);
    metrics_add(M_FRAMES_DELIVERED, 25);
    metrics_add(M_BYTES_DELIVERED, 1000);
    metrics_add(M_JOBS_PENDING, 4);
    metrics_add(M_FRAMES_QUEUED, 5);
    now_ms += 10000;
    readiness_set(&bench->readiness, UNREADY_CANARY, true);
    const struct asker *asker = ask(bench, 0, "{\"op\":\"node\"}");
    expect(
        asker,
        "200 {\"clients\":3,\"rooms\":2,\"users\":1,\"uptime\":10,\"version\":\"" FANFARE_VERSION
        "\",\"draining\":false,\"jobs\":4,\"framesQueued\":5,\"itemsPerSecond\":5.0,\"framesPerSecond\":2.5,"
        "\"bytesPerSecond\":100.0,\"errors\":[]}");
    readiness_set(&bench->readiness, UNREADY_DRAINING, true);
    assert_non_null(strstr(ask(bench, 1, "{\"op\":\"node\"}")->said, "\"draining\":true"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_answer_comes_with_the_last_part), EACH(only_who_can_know_is_asked),
        EACH(sixteen_are_under_way_and_no_more),   EACH(two_seconds_each),
        EACH(a_bucket_without_room_makes_it_busy), EACH(who_goes_is_told_nothing),
        EACH(a_part_without_memory_is_no_answer),  EACH(bodies_are_bounded_and_checked),
        EACH(the_node_says_how_it_does),
    };

    return cmocka_run_group_tests_name("query_desk", tests, NULL, NULL);
}
