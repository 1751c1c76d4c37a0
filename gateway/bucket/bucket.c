/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket's thread: takes its mail, runs the fan-out, and hands the rest to the library's
 * loop. */
#include "gateway/bucket/bucket.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/auth/auth_policy.h"
#include "gateway/bucket/bucket_auth.h"
#include "gateway/bucket/bucket_command.h"
#include "gateway/bucket/bucket_query.h"
#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/session.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"

enum { MAX_MAIL = 1 << 20, TURN_KICKS = 16, TICK_KICKS = 200 };

/* What the new thread tells its maker. */
struct launch {
    struct bucket *bucket;
    sem_t ready;
    enum status status;
    struct fault *fault;
};

static void on_ticket(struct bucket *bucket, struct bucket_mail *mail)
{
    client_open(bucket, container_of(mail, struct ticket, head));
}

static void on_job(struct bucket *bucket, struct bucket_mail *mail)
{
    struct job *job = container_of(mail, struct job, head);
    const struct delivery *delivery = job->delivery;

    if (delivery->command != NULL)
        bucket_command_take(bucket, job);
    else
        rounds_add(&bucket->rounds, rooms_find(&bucket->rooms, delivery->key, delivery->hash), job);
}

static void on_stop(struct bucket *bucket, struct bucket_mail *mail)
{
    free(mail);
    while (rounds_run(&bucket->rounds))
        continue;
    (void)kick_list_close_some(&bucket->kicks, SIZE_MAX);
    bucket_query_end(bucket);
    bucket_drain_rest(bucket);
    bucket->stopped = true;
    ws_server_stop(bucket->server);
}

static void on_drain(struct bucket *bucket, struct bucket_mail *mail)
{
    const struct drain_order *order = container_of(mail, struct drain_order, head);

    bucket_drain_begin(bucket, order);
    free(mail);
}

/* The clients' lists are sorted by when, not until when: other time-outs leave them sorted. */
static void on_limits(struct bucket *bucket, struct bucket_mail *mail)
{
    bucket->limits = container_of(mail, struct limits_order, head)->limits;
    free(mail);
}

static void on_policy(struct bucket *bucket, struct bucket_mail *mail)
{
    bucket_auth_set_policy(bucket, container_of(mail, struct policy_order, head)->policy);
    free(mail);
}

static void on_rules(struct bucket *bucket, struct bucket_mail *mail)
{
    handshake_rules_unref(bucket->rules);
    bucket->rules = container_of(mail, struct rules_order, head)->rules;
    free(mail);
}

static void on_certificate(struct bucket *bucket, struct bucket_mail *mail)
{
    SSL_CTX *certificate = container_of(mail, struct certificate_order, head)->certificate;

    ws_server_use_certificate(bucket->server, certificate);
    SSL_CTX_free(certificate);
    free(mail);
}

static void on_hook(struct bucket *bucket, struct bucket_mail *mail)
{
    bucket_auth_on_hook(bucket, container_of(mail, struct hook_mail, head));
}

static void on_query(struct bucket *bucket, struct bucket_mail *mail)
{
    bucket_query_add(bucket, container_of(mail, struct query_part, head));
}

static void (*const on_mail[])(struct bucket *bucket, struct bucket_mail *mail) = {
    [MAIL_TICKET] = on_ticket,
    [MAIL_JOB] = on_job,
    [MAIL_DRAIN] = on_drain,
    [MAIL_LIMITS] = on_limits,
    [MAIL_RULES] = on_rules,
    [MAIL_POLICY] = on_policy,
    [MAIL_CERTIFICATE] = on_certificate,
    [MAIL_HOOK] = on_hook,
    [MAIL_QUERY] = on_query,
    [MAIL_STOP] = on_stop,
};

static void take_mail(struct bucket *bucket)
{
    struct mail *next;

    for (struct mail *mail = mailbox_take(bucket->mailbox); mail != NULL; mail = next) {
        struct bucket_mail *head = container_of(mail, struct bucket_mail, mail);

        next = mail->next;
        on_mail[head->kind](bucket, head);
    }
}

/* A close is also work for the peer and for whoever it comes back to, so a crowd is closed over seconds. True
 * when this turn had too few. */
static bool close_kicked(struct bucket *bucket)
{
    size_t most = bucket->kicks_left < TURN_KICKS ? bucket->kicks_left : TURN_KICKS;

    if (list_empty(&bucket->kicks.groups))
        return false;
    bucket->kicks_left -= most;
    return kick_list_close_some(&bucket->kicks, most) && bucket->kicks_left > 0;
}

/* The mail is looked at between the rounds, so that a push to a small room that comes during a
 * broadcast waits for a slice or two; the loop's other events (what clients say) wait for a turn. */
static void on_wake(void *arg)
{
    struct bucket *bucket = arg;

    bool more = true;

    for (int round = 0; round < TURN_ROUNDS && more; round++) {
        take_mail(bucket);
        if (bucket->stopped)
            return;
        more = rounds_run(&bucket->rounds);
        more = bucket_query_work(bucket) || more;
    }
    more = bucket_auth_judge_some(bucket) || more;
    more = close_kicked(bucket) || more;
    if (more)
        ws_server_wake(bucket->server);
    bucket_drain_some(bucket);
}

static void on_tick(void *arg)
{
    struct bucket *bucket = arg;

    bucket->kicks_left = TICK_KICKS;
    if (!list_empty(&bucket->kicks.groups))
        ws_server_wake(bucket->server);
    bucket_tick(bucket);
}

static int64_t rounds_now_us(void *arg)
{
    (void)arg;
    return clock_now_us();
}

static void rounds_write(void *arg, struct wire_op *ops, size_t count)
{
    const struct bucket *bucket = arg;

    wire_write(bucket->wire, ops, count);
}

static struct client *rounds_connection(void *arg, struct slice text)
{
    const struct bucket *bucket = arg;
    struct connection_id id;

    if (connection_id_parse(text, &id) != STATUS_OK)
        return NULL;
    return connection_table_find(bucket->conf->connections, bucket->index, &id);
}

static void on_jobs_finished(void *arg, size_t count)
{
    struct bucket *bucket = arg;

    atomic_fetch_sub(&bucket->jobs, count);
    metrics_sub(M_JOBS_PENDING, count);
}

static void on_unused_room(void *arg, struct room *room)
{
    client_rooms_close_unused(arg, room);
}

static void init_rounds(struct bucket *bucket)
{
    bucket->rounds_edge = (struct rounds_edge){
        .now_us = rounds_now_us,
        .write = rounds_write,
        .send = client_send_push,
        .queue = client_queue_push,
        .lost = client_lost,
        .connection = rounds_connection,
        .command = bucket_command_some,
        .unused = on_unused_room,
        .finished = on_jobs_finished,
        .arg = bucket,
    };
    rounds_init(&bucket->rounds, &bucket->rounds_edge);
}

static enum status start(struct bucket *bucket, struct fault *fault)
{
    const struct ws_server_conf conf = {
        .callbacks = {session_on_bytes, client_on_writable, client_on_secured, session_on_gone, on_wake,
                      on_tick},
        .arg = bucket,
        .certificate = bucket->conf->certificate,
        .tick_ms = TICK_MS,
    };
    enum status status = wire_new(bucket->conf->wire, &bucket->wire, fault);

    return status == STATUS_OK ? ws_server_new(&conf, &bucket->server, fault) : status;
}

static void *bucket_main(void *arg)
{
    struct launch *launch = arg;
    struct bucket *bucket = launch->bucket;
    char name[16];

    (void)snprintf(name, sizeof name, "bucket-%u", bucket->index);
    (void)pthread_setname_np(pthread_self(), name);
    enum status status = start(bucket, launch->fault);
    launch->status = status;
    sem_post(&launch->ready);
    if (status == STATUS_OK)
        ws_server_run(bucket->server);
    wire_free(bucket->wire);
    return NULL;
}

static void wake(void *arg)
{
    struct bucket *bucket = arg;

    ws_server_wake(bucket->server);
}

static void init_lists(struct bucket *bucket)
{
    list_init(&bucket->securing);
    list_init(&bucket->handshaking);
    list_init(&bucket->quiet);
    list_init(&bucket->pinged);
    list_init(&bucket->closing);
    list_init(&bucket->queries);
    list_init(&bucket->scans);
}

static enum status launch_thread(struct bucket *bucket, struct fault *fault)
{
    struct launch launch = {.bucket = bucket, .fault = fault};

    sem_init(&launch.ready, 0, 0);
    if (pthread_create(&bucket->thread, NULL, bucket_main, &launch) != 0) {
        sem_destroy(&launch.ready);
        return fault_set(fault, STATUS_IO, "a bucket's thread does not start");
    }
    while (sem_wait(&launch.ready) != 0)
        continue;
    sem_destroy(&launch.ready);
    if (launch.status != STATUS_OK)
        pthread_join(bucket->thread, NULL);
    return launch.status;
}

static void dispose(struct bucket *bucket)
{
    ws_server_free(bucket->server);
    mailbox_free(bucket->mailbox);
    handshake_rules_unref(bucket->rules);
    auth_policy_unref(bucket->auth.policy);
    kick_list_fini(&bucket->kicks);
    rooms_fini(&bucket->rooms);
    frame_unref(bucket->ping);
    free(bucket);
}

enum status bucket_new(unsigned index, const struct bucket_conf *conf, struct bucket **out,
                       struct fault *fault)
{
    struct bucket *bucket = calloc(1, sizeof *bucket);

    if (bucket == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    bucket->conf = conf;
    bucket->limits = conf->limits;
    bucket->rules = conf->rules != NULL ? handshake_rules_ref(conf->rules) : NULL;
    bucket->index = index;
    init_lists(bucket);
    bucket_auth_init(bucket);
    kick_list_init(&bucket->kicks);
    bucket->kicks_left = TICK_KICKS;
    init_rounds(bucket);
    bucket->ping = frame_new_ping();
    enum status status =
        bucket->ping == NULL ? STATUS_NO_MEMORY : rooms_init(&bucket->rooms, conf->directory, index);
    if (status == STATUS_OK)
        status = mailbox_new(MAX_MAIL, wake, bucket, &bucket->mailbox);
    if (status != STATUS_OK)
        (void)fault_set(fault, status, "out of memory");
    else
        status = launch_thread(bucket, fault);
    if (status != STATUS_OK) {
        dispose(bucket);
        return status;
    }
    *out = bucket;
    return STATUS_OK;
}

static enum status post(struct bucket *bucket, struct bucket_mail *mail, enum bucket_mail_kind kind)
{
    mail->kind = kind;
    return mailbox_post(bucket->mailbox, &mail->mail);
}

void bucket_wake(struct bucket *bucket)
{
    ws_server_wake(bucket->server);
}

/* Frees mail that came after the end. */
static void discard_mail(struct bucket *bucket)
{
    struct mail *next;

    for (struct mail *mail = mailbox_take(bucket->mailbox); mail != NULL; mail = next) {
        struct bucket_mail *head = container_of(mail, struct bucket_mail, mail);

        next = mail->next;
        if (head->kind == MAIL_TICKET) {
            struct ticket *ticket = container_of(head, struct ticket, head);

            close(ticket->fd);
            (void)control_post(bucket->conf->returns, &ticket->back, CONTROL_TICKET);
        } else if (head->kind == MAIL_QUERY) {
            struct query_part *part = container_of(head, struct query_part, head);

            (void)control_post(bucket->conf->returns, &part->back, CONTROL_QUERY);
        } else {
            if (head->kind == MAIL_JOB)
                delivery_unref(container_of(head, struct job, head)->delivery);
            else if (head->kind == MAIL_RULES)
                handshake_rules_unref(container_of(head, struct rules_order, head)->rules);
            else if (head->kind == MAIL_POLICY)
                auth_policy_unref(container_of(head, struct policy_order, head)->policy);
            else if (head->kind == MAIL_CERTIFICATE)
                SSL_CTX_free(container_of(head, struct certificate_order, head)->certificate);
            else if (head->kind == MAIL_HOOK)
                hook_question_fini(&container_of(head, struct hook_mail, head)->question);
            free(head);
        }
    }
}

void bucket_free(struct bucket *bucket)
{
    if (bucket == NULL)
        return;
    struct bucket_mail *stop = calloc(1, sizeof *stop);
    if (stop == NULL || post(bucket, stop, MAIL_STOP) != STATUS_OK) {
        free(stop);
        return;
    }
    pthread_join(bucket->thread, NULL);
    discard_mail(bucket);
    dispose(bucket);
}

enum status bucket_post_ticket(struct bucket *bucket, struct ticket *ticket)
{
    return post(bucket, &ticket->head, MAIL_TICKET);
}

enum status bucket_post_hook(struct bucket *bucket, struct hook_mail *mail)
{
    return post(bucket, &mail->head, MAIL_HOOK);
}

enum status bucket_post_query(struct bucket *bucket, struct query_part *part)
{
    return post(bucket, &part->head, MAIL_QUERY);
}

enum status bucket_post_delivery(struct bucket *bucket, struct delivery *delivery)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return STATUS_NO_MEMORY;
    job->delivery = delivery_ref(delivery);
    atomic_fetch_add(&bucket->jobs, 1);
    metrics_add(M_JOBS_PENDING, 1);
    enum status status = post(bucket, &job->head, MAIL_JOB);
    if (status != STATUS_OK) {
        atomic_fetch_sub(&bucket->jobs, 1);
        metrics_sub(M_JOBS_PENDING, 1);
        delivery_unref(delivery);
        free(job);
    }
    return status;
}

enum status bucket_post_drain(struct bucket *bucket, int64_t duration_ms, int64_t ramp_ms)
{
    struct drain_order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return STATUS_NO_MEMORY;
    order->duration_ms = duration_ms;
    order->ramp_ms = ramp_ms;
    enum status status = post(bucket, &order->head, MAIL_DRAIN);
    if (status != STATUS_OK)
        free(order);
    return status;
}

enum status bucket_post_limits(struct bucket *bucket, const struct bucket_limits *limits)
{
    struct limits_order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return STATUS_NO_MEMORY;
    order->limits = *limits;
    enum status status = post(bucket, &order->head, MAIL_LIMITS);
    if (status != STATUS_OK)
        free(order);
    return status;
}

enum status bucket_post_rules(struct bucket *bucket, struct handshake_rules *rules)
{
    struct rules_order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return STATUS_NO_MEMORY;
    order->rules = handshake_rules_ref(rules);
    enum status status = post(bucket, &order->head, MAIL_RULES);
    if (status != STATUS_OK) {
        handshake_rules_unref(rules);
        free(order);
    }
    return status;
}

enum status bucket_post_policy(struct bucket *bucket, struct auth_policy *policy)
{
    struct policy_order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return STATUS_NO_MEMORY;
    order->policy = auth_policy_ref(policy);
    enum status status = post(bucket, &order->head, MAIL_POLICY);
    if (status != STATUS_OK) {
        auth_policy_unref(policy);
        free(order);
    }
    return status;
}

enum status bucket_post_certificate(struct bucket *bucket, SSL_CTX *certificate)
{
    struct certificate_order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return STATUS_NO_MEMORY;
    SSL_CTX_up_ref(certificate);
    order->certificate = certificate;
    enum status status = post(bucket, &order->head, MAIL_CERTIFICATE);
    if (status != STATUS_OK) {
        SSL_CTX_free(certificate);
        free(order);
    }
    return status;
}

size_t bucket_jobs(const struct bucket *bucket)
{
    return atomic_load(&bucket->jobs);
}

size_t bucket_clients(const struct bucket *bucket)
{
    return atomic_load_explicit(&bucket->clients, memory_order_relaxed);
}

enum wire_kind bucket_wire(const struct bucket *bucket)
{
    return wire_kind_of(bucket->wire);
}
