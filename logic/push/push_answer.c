/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the answers of the push calls. Pure; never decides what became of a push. */
#include "logic/push/push_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/contract/push.h"
#include "shared/json/error_json.h"

const char *push_verdict_code(enum push_verdict verdict)
{
    static const char *const codes[] = {[PUSH_TAKEN] = "",
                                        [PUSH_QUEUE_FULL] = "queue_full",
                                        [PUSH_NO_GATEWAY] = "no_gateway",
                                        [PUSH_NO_MEMORY] = "internal",
                                        [PUSH_PAST_LIMITS] = "gateway_limits",
                                        [PUSH_WAIT_TIMEOUT] = "wait_timeout",
                                        [PUSH_WAIT_REFUSED] = "gateway_refused",
                                        [PUSH_NO_WAIT] = "wait_unavailable"};

    return codes[verdict];
}

/* Where `name` stands, or NULL. */
static char *find_name(const struct buf *names, const char *name)
{
    char *end = (char *)names->data + names->len;

    for (char *at = (char *)names->data; at < end; at += strlen(at) + 1)
        if (strcmp(at, name) == 0)
            return at;
    return NULL;
}

void push_outcome_add_name(struct push_outcome *outcome, enum push_names why, const char *name)
{
    struct buf *names = &outcome->names[why];

    if (names->max == 0)
        buf_init(names, PUSH_NAMES_MAX);
    if (names->len == 0 || find_name(names, name) == NULL)
        (void)buf_append(names, name, strlen(name) + 1);
}

void push_outcome_remove_name(struct push_outcome *outcome, enum push_names why, const char *name)
{
    struct buf *names = &outcome->names[why];
    char *at = names->len > 0 ? find_name(names, name) : NULL;

    if (at == NULL)
        return;
    size_t len = strlen(name) + 1;
    memmove(at, at + len, names->len - len - (size_t)(at - (char *)names->data));
    names->len -= len;
}

void push_outcome_fini(struct push_outcome *outcome)
{
    for (size_t i = 0; i < PUSH_NAMES_COUNT; i++)
        buf_fini(&outcome->names[i]);
}

static enum status append_names(struct buf *out, const char *key, const struct buf *names)
{
    const char *end = (const char *)names->data + names->len;
    enum status status = names->len > 0 ? buf_printf(out, ",\"%s\":[", key) : STATUS_OK;

    for (const char *at = (const char *)names->data; status == STATUS_OK && at < end; at += strlen(at) + 1) {
        status = at == (const char *)names->data ? STATUS_OK : buf_append_str(out, ",");
        if (status == STATUS_OK)
            status = buf_append_json_string(out, at, strlen(at));
    }
    if (status == STATUS_OK && names->len > 0)
        status = buf_append_str(out, "]");
    return status;
}

static enum status append_gateways(struct buf *out, const struct push_outcome *outcome)
{
    enum status status =
        buf_printf(out, "\"gateways\":{\"known\":%zu,\"queued\":%zu", outcome->known, outcome->queued);

    if (status == STATUS_OK && outcome->wait_ms > 0)
        status = buf_printf(out, ",\"acked\":%zu", outcome->acked);
    if (status == STATUS_OK)
        status = append_names(out, "connecting", &outcome->names[PUSH_NAMES_CONNECTING]);
    if (status == STATUS_OK)
        status = append_names(out, "down", &outcome->names[PUSH_NAMES_DOWN]);
    if (status == STATUS_OK)
        status = append_names(out, "refused", &outcome->names[PUSH_NAMES_REFUSED]);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static enum status append_id(struct buf *out, const char *id_prefix, const struct push_outcome *outcome)
{
    return buf_printf(out, "\"id\":\"%s-%" PRIu64 "\",\"items\":%zu,", id_prefix, outcome->sequence,
                      outcome->items);
}

/* `,"offline":["u7"],"offlineCount":1` */
static enum status append_offline(struct buf *out, const struct offline_users *offline)
{
    enum status status = buf_append_str(out, ",\"offline\":[");
    struct slice rest = offline->names, name;
    size_t named = 0;

    for (size_t i = 0; status == STATUS_OK && i < offline->users && named < PUSH_OFFLINE_MAX; i++) {
        (void)push_next_room(&rest, &name);
        if (!offline_users_has(offline, i))
            continue;
        status = named++ > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = buf_append_json_string(out, name.data, name.len);
    }
    return status != STATUS_OK ? status
                               : buf_printf(out, "],\"offlineCount\":%zu", offline_users_count(offline));
}

static enum status append_taken(struct buf *out, const char *id_prefix, const struct push_outcome *outcome)
{
    enum status status = buf_append_str(out, "{");

    if (status == STATUS_OK)
        status = append_id(out, id_prefix, outcome);
    if (status == STATUS_OK)
        status = append_gateways(out, outcome);
    if (status == STATUS_OK && outcome->bus_only)
        status = buf_append_str(out, ",\"bus\":\"queued\"");
    if (status == STATUS_OK && outcome->wait_ms > 0)
        status = buf_printf(out, ",\"clients\":%" PRIu64, outcome->clients);
    if (status == STATUS_OK && outcome->offline != NULL)
        status = append_offline(out, outcome->offline);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

/* Of a push that was accepted: the error, and all that is known of it beside. */
static enum status append_half_done(struct buf *out, const char *id_prefix, const char *message,
                                    const struct push_outcome *outcome)
{
    enum status status = error_json_begin(out, push_verdict_code(outcome->verdict), message);

    if (status == STATUS_OK)
        status = buf_append_str(out, ",");
    if (status == STATUS_OK)
        status = append_id(out, id_prefix, outcome);
    if (status == STATUS_OK)
        status = append_gateways(out, outcome);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static enum status append_wait_timeout(struct buf *out, const char *id_prefix,
                                       const struct push_outcome *outcome)
{
    char message[160];

    if (outcome->pending > 0)
        snprintf(message, sizeof message,
                 "%zu of %zu gateways have not applied the push within %d ms; it stays queued for them",
                 outcome->pending, outcome->queued, outcome->wait_ms);
    else
        snprintf(message, sizeof message, "no gateway has applied the push, and none will");
    return append_half_done(out, id_prefix, message, outcome);
}

/* In words, the first of what is lacking. */
static const char *refused_without(capability_set lacks)
{
    unsigned first = 0;

    while ((lacks & 1u << first) == 0)
        first++;
    return hello_refused_without((enum hello_capability)first);
}

/* "an item has 5000 bytes, and maxItemBytes is 1024 at 10.0.0.7:7788", "10.0.0.7:7788 takes no pushes to
 * users". */
static void say_passed(const struct push_outcome *outcome, char *out, size_t cap)
{
    static const char *const had[HELLO_LIMIT_COUNT] = {
        [HELLO_ITEM_BYTES] = "an item has %lld bytes",
        [HELLO_JSON_DEPTH] = "an item is nested %lld deep",
        [HELLO_ROOM_NAME_BYTES] = "a name has %lld bytes",
        [HELLO_RPC_BYTES] = "the push takes %lld bytes in all",
    };
    const char *first = (const char *)outcome->names[PUSH_NAMES_REFUSED].data;
    char subject[64];

    if (outcome->lacks != 0) {
        snprintf(out, cap, "%.100s takes no %s", first != NULL ? first : "?",
                 refused_without(outcome->lacks));
        return;
    }
    snprintf(subject, sizeof subject, had[outcome->passed.limit], (long long)outcome->passed.had);
    snprintf(out, cap, "%s, and %s is %lld at %.100s", subject, hello_limit_name(outcome->passed.limit),
             (long long)outcome->passed.allowed, first != NULL ? first : "?");
}

static enum status append_wait_refused(struct buf *out, const char *id_prefix,
                                       const struct push_outcome *outcome)
{
    char passed[256] = "sent again, it is refused again";
    char message[400];

    if (outcome->passed.had > 0 || outcome->lacks != 0)
        say_passed(outcome, passed, sizeof passed);
    snprintf(message, sizeof message, "%zu of %zu gateways refused the push, %zu applied it: %s",
             outcome->refused, outcome->known, outcome->acked, passed);
    return append_half_done(out, id_prefix, message, outcome);
}

static enum status append_past_limits(struct buf *out, const struct push_outcome *outcome)
{
    char passed[256];
    char message[400];

    say_passed(outcome, passed, sizeof passed);
    snprintf(message, sizeof message, "no gateway takes the push: %s", passed);
    return error_json_append(out, push_verdict_code(PUSH_PAST_LIMITS), message);
}

static enum status append_queue_full(struct buf *out, const struct buf *names)
{
    char message[512] = "the queue is full of ";
    size_t len = strlen(message);
    const char *end = (const char *)names->data + names->len;

    for (const char *at = (const char *)names->data; at < end; at += strlen(at) + 1) {
        bool first = at == (const char *)names->data;
        int more = snprintf(message + len, sizeof message - len, "%s%s", first ? "" : ", ", at);
        if (more < 0 || (size_t)more >= sizeof message - len) {
            memcpy(message + sizeof message - 4, "...", 4);
            break;
        }
        len += (size_t)more;
    }
    return error_json_append(out, push_verdict_code(PUSH_QUEUE_FULL), message);
}

static const char *why_no_gateway(const struct push_outcome *outcome)
{
    if (outcome->bus_only)
        return "Redis, the only way to the gateways, has been down for too long";
    return outcome->known ? "every gateway has been down for too long" : "no gateway is known";
}

enum status push_answer_append(struct buf *out, const char *id_prefix, const struct push_outcome *outcome,
                               int *http_status)
{
    switch (outcome->verdict) {
    case PUSH_TAKEN:
        *http_status = 200;
        return append_taken(out, id_prefix, outcome);
    case PUSH_WAIT_TIMEOUT:
        *http_status = 504;
        return append_wait_timeout(out, id_prefix, outcome);
    case PUSH_WAIT_REFUSED:
        *http_status = 502;
        return append_wait_refused(out, id_prefix, outcome);
    case PUSH_PAST_LIMITS:
        *http_status = 400;
        return append_past_limits(out, outcome);
    case PUSH_QUEUE_FULL:
        *http_status = 503;
        return append_queue_full(out, &outcome->names[PUSH_NAMES_FULL]);
    case PUSH_NO_MEMORY:
        *http_status = 500;
        return error_json_append(out, push_verdict_code(PUSH_NO_MEMORY), "out of memory; nothing was queued");
    case PUSH_NO_WAIT:
        *http_status = 400;
        return error_json_append(
            out, push_verdict_code(PUSH_NO_WAIT),
            "with bus.mode only no gateway answers, so a push cannot wait; nothing was queued");
    case PUSH_NO_GATEWAY:
        break;
    }
    *http_status = 503;
    return error_json_append(out, push_verdict_code(PUSH_NO_GATEWAY), why_no_gateway(outcome));
}
