/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes for `fanfare why`, and --probe: how many clients are in the room, and whether its frames
 * were written. The loop's thread. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "deploy/tool/printable.h"
#include "deploy/tool/why.h"
#include "shared/base/buf.h"

enum { SETTLE_MS = 500, BODY_MAX = 256 << 20 };

enum status why_push(struct why *why, const struct url *logic, const char *room, const char *item, bool wait,
                     struct http_call *call)
{
    struct buf body;
    enum status status;

    buf_init(&body, BODY_MAX);
    status = buf_append_str(&body, "{\"room\":");
    if (status == STATUS_OK)
        status = buf_append_json_string(&body, room, strlen(room));
    if (status == STATUS_OK)
        status = buf_printf(&body, ",\"wait\":%s,\"items\":[", wait ? "true" : "false");
    if (status == STATUS_OK)
        status = buf_append_str(&body, item);
    if (status == STATUS_OK)
        status = buf_append_str(&body, "]}");
    if (status == STATUS_OK) {
        http_call_begin(call, why->tool,
                        &(struct http_ask){.url = logic,
                                           .method = "POST",
                                           .path = "/push/room",
                                           .type = "application/json",
                                           .body = slice_of(body.data, body.len)});
        http_calls_await(why->tool, call, 1);
    }
    buf_fini(&body);
    return status;
}

/* What the status and the code of a refusal mean, as a clause to put before the message. */
static const char *refusal_meaning(int status, const char *code)
{
    if (status == 403 && code != NULL && strcmp(code, "forbidden") == 0)
        return "no right to push: ";
    return status == 429 ? "past the caller's rate: " : "";
}

void why_push_fault(const struct http_call *call, char *out, size_t cap)
{
    struct slice body = http_call_body(call);
    cJSON *tree = cJSON_ParseWithLength((const char *)body.data, body.len);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "code"));
    char said[200];

    printable_copy(message != NULL ? slice_str(message) : body, said, sizeof said);
    if (call->fault[0])
        snprintf(out, cap, "%s", call->fault);
    else
        snprintf(out, cap, "HTTP %d: %s%s", call->answer.status, refusal_meaning(call->answer.status, code),
                 said);
    cJSON_Delete(tree);
}

/* The number of subscribed clients in the answer; -1 when it is not said. */
static int clients_in(const struct http_call *call)
{
    struct slice body = http_call_body(call);
    cJSON *tree = cJSON_ParseWithLength((const char *)body.data, body.len);
    const cJSON *clients = cJSON_GetObjectItemCaseSensitive(tree, "clients");
    int count = cJSON_IsNumber(clients) ? clients->valueint : -1;

    cJSON_Delete(tree);
    return count;
}

static void say_clients(struct why *why, const char *logic, int clients)
{
    if (clients > 0)
        why_say(why, FINDING_OK, "probe", logic, "%d client%s in the room when the gateways applied the push",
                clients, clients == 1 ? " was" : "s were");
    else
        why_say(why, FINDING_BAD, "probe", logic,
                "no client was in the room on any gateway: it has not joined, has joined another name, has "
                "gone, or "
                "is at a gateway that this logic does not know");
}

static double lost_frames(const struct sample *sample, size_t gateway)
{
    double lost = reading_metric(&sample->readings[gateway], "frames_dropped_total", NULL);

    return isnan(lost) ? 0 : lost;
}

/* Other traffic counts too, which the words admit. */
static void say_what_was_lost(struct why *why, const struct sample *before, const struct sample *after)
{
    for (size_t i = after->logics; i < after->count; i++) {
        double lost = lost_frames(after, i) - lost_frames(before, i);
        double waiting = reading_metric(&after->readings[i], "frames_queued", NULL);

        if (lost > 0)
            why_say(why, FINDING_BAD, "probe", after->readings[i].address,
                    "%.0f frames were dropped meanwhile (of all rooms): clients read too slowly or went",
                    lost);
        else if (waiting > 0)
            why_say(why, FINDING_NOTE, "probe", after->readings[i].address,
                    "%.0f frames (of all rooms) wait for clients that read slowly", waiting);
        else if (reading_is_live(&after->readings[i]))
            why_say(why, FINDING_OK, "probe", after->readings[i].address,
                    "no frame was dropped meanwhile, none waits");
    }
}

static void push_probe(struct why *why)
{
    const char *logic = why->tool->options->logics.items[0];
    struct http_call call;
    char reason[256];

    if (why_push(why, &why->daemons.logics[0], why->room, why->tool->options->probe, true, &call) !=
        STATUS_OK) {
        why_say(why, FINDING_BAD, "probe", logic, "the item is too long");
        return;
    }
    if (http_call_ok(&call)) {
        say_clients(why, logic, clients_in(&call));
    } else {
        why_push_fault(&call, reason, sizeof reason);
        why_say(why, FINDING_BAD, "probe", logic, "the push was not answered as applied: %s", reason);
    }
    http_call_fini(&call);
}

enum status why_probe_the_room(struct why *why)
{
    struct sample before = {0};
    struct sample after = {0};
    enum status status;

    if (why->tool->options->probe == NULL) {
        why_say(why, FINDING_NOTE, "probe", "",
                "not asked how many clients are in the room: --probe ITEM pushes an item to them and tells");
        return STATUS_OK;
    }
    status = sample_take(why->tool, &why->daemons, &before);
    if (status == STATUS_OK) {
        push_probe(why);
        tool_sleep(why->tool, SETTLE_MS);
        status = sample_take(why->tool, &why->daemons, &after);
    }
    if (status == STATUS_OK)
        say_what_was_lost(why, &before, &after);
    sample_fini(&before);
    sample_fini(&after);
    return status;
}
