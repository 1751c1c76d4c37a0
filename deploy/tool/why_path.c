/* SPDX-License-Identifier: Apache-2.0 */
/* A client of our own at each gateway: may it connect and join the room, and does it get what each
 * logic pushes to a private room? The loop's thread. Nobody else is in that room. */
#include <cjson/cJSON.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/printable.h"
#include "deploy/tool/why.h"
#include "deploy/tool/ws_client.h"
#include "shared/base/buf.h"
#include "shared/base/clock.h"

enum { PRIVATE_ROOM_MAX = 48, ITEM_MAX = 48 };

struct visitor {
    struct why *why;
    const char *address;
    struct ws_client *client;
    char answer[256]; /* of the last request: "ACK", or why it was refused; "" before */
    char wanted[ITEM_MAX];
    bool arrived;
};

/* What an ERROR's code means, as a clause to put before its message (docs/protocol.md, section 2). */
static const char *refusal_meaning(const char *code)
{
    static const struct {
        const char *code;
        const char *meaning;
    } meanings[] = {
        {"forbidden", "not allowed to join: "},
        {"unauthorized", "the token is refused: "},
        {"token_expired", "token expired: "},
        {"auth_unavailable", "the token cannot be judged now: "},
        {"too_many_for_user", "too many clients of this user: "},
    };

    for (size_t i = 0; code != NULL && i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(meanings[i].code, code) == 0)
            return meanings[i].meaning;
    return "";
}

static void note_error(struct visitor *visitor, const cJSON *data)
{
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "code"));
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "message"));
    char said[160];

    printable_copy(slice_str(message != NULL ? message : "refused"), said, sizeof said);
    snprintf(visitor->answer, sizeof visitor->answer, "%s%s", refusal_meaning(code), said);
}

static void on_text(struct slice text, void *arg)
{
    struct visitor *visitor = arg;
    cJSON *tree = cJSON_ParseWithLength((const char *)text.data, text.len);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "type"));
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");

    if (type != NULL && strcmp(type, "ACK") == 0)
        snprintf(visitor->answer, sizeof visitor->answer, "ACK");
    else if (type != NULL && strcmp(type, "ERROR") == 0)
        note_error(visitor, data);
    else if (visitor->wanted[0] &&
             memmem(text.data, text.len, visitor->wanted, strlen(visitor->wanted)) != NULL)
        visitor->arrived = true;
    cJSON_Delete(tree);
    event_base_loopbreak(visitor->why->tool->base);
}

static int64_t deadline(const struct why *why)
{
    return clock_now_ms() + why->tool->options->timeout_s * 1000;
}

/* Sends JOIN or LEAVE and waits for the answer: whether it was ACK. An ERROR that came before, over a token
 * that is refused, is the answer too. */
static bool request(struct visitor *visitor, const char *type, const char *room)
{
    int64_t end = deadline(visitor->why);
    struct buf text;

    buf_init(&text, strlen(room) * 6 + 128);
    if (strcmp(visitor->answer, "ACK") == 0)
        visitor->answer[0] = '\0';
    if (buf_printf(&text, "{\"type\":\"%s\",\"id\":1,\"data\":{\"room\":", type) == STATUS_OK &&
        buf_append_json_string(&text, room, strlen(room)) == STATUS_OK &&
        buf_append_str(&text, "}}") == STATUS_OK)
        ws_client_send(visitor->client, slice_of(text.data, text.len));
    buf_fini(&text);
    while (!visitor->answer[0] && ws_client_state(visitor->client) == WS_OPEN && clock_now_ms() < end &&
           !visitor->why->tool->stopping)
        tool_run(visitor->why->tool, end - clock_now_ms());
    return strcmp(visitor->answer, "ACK") == 0;
}

static const char *reason_of(const struct visitor *visitor)
{
    if (ws_client_state(visitor->client) == WS_ENDED && !visitor->answer[0])
        return ws_client_ending(visitor->client)->text;
    return visitor->answer[0] ? visitor->answer : "no answer in time";
}

/* Connects, tries the room, then is alone in the private one. */
static bool visit(struct visitor *visitor, const struct url *url, const char *private_room)
{
    struct why *why = visitor->why;

    visitor->client = ws_client_new(why->tool, url, on_text, visitor);
    if (visitor->client == NULL)
        return false;
    ws_client_await(visitor->client, WS_CONNECTING, 0);
    if (ws_client_state(visitor->client) != WS_OPEN) {
        why_say(why, FINDING_BAD, "client", visitor->address, "a client cannot connect: %s",
                reason_of(visitor));
        return false;
    }
    why->answered++;
    if (!request(visitor, "JOIN", why->room)) {
        why_say(why, FINDING_BAD, "client", visitor->address, "a client cannot join the room: %s",
                reason_of(visitor));
        return false;
    }
    why_say(why, FINDING_OK, "client", visitor->address, "a client connects and joins the room");
    if (request(visitor, "LEAVE", why->room) && request(visitor, "JOIN", private_room))
        return true;
    why_say(why, FINDING_NOTE, "path", visitor->address,
            "whether pushes arrive was not tried: the token does not open a room of our own (%s)",
            reason_of(visitor));
    return false;
}

static void say_arrival(struct visitor *visitor, const char *logic, int64_t begin_us)
{
    struct why *why = visitor->why;
    int64_t end = deadline(why);

    while (!visitor->arrived && ws_client_state(visitor->client) == WS_OPEN && clock_now_ms() < end &&
           !why->tool->stopping)
        tool_run(why->tool, end - clock_now_ms());
    if (visitor->arrived)
        why_say(why, FINDING_OK, "path", logic, "what it pushes reaches a client at %s in %.1f ms",
                visitor->address, (double)(clock_now_us() - begin_us) / 1000);
    else
        why_say(why, FINDING_BAD, "path", logic,
                "what it pushes does not reach a client at %s: does it know that gateway (GET /gateways)?",
                visitor->address);
}

static void try_logic(struct why *why, size_t logic, const char *private_room, struct visitor *visitors,
                      size_t count)
{
    const char *address = why->tool->options->logics.items[logic];
    int64_t begin_us = clock_now_us();
    struct http_call call;
    char item[ITEM_MAX];
    char reason[256];

    snprintf(item, sizeof item, "\"%s-%zu\"", private_room, logic);
    for (size_t i = 0; i < count; i++) {
        visitors[i].arrived = false;
        snprintf(visitors[i].wanted, sizeof visitors[i].wanted, "%s", item);
    }
    if (why_push(why, &why->daemons.logics[logic], private_room, item, false, &call) != STATUS_OK)
        return;
    if (http_call_ok(&call)) {
        for (size_t i = 0; i < count; i++)
            if (visitors[i].client != NULL && ws_client_state(visitors[i].client) == WS_OPEN)
                say_arrival(&visitors[i], address, begin_us);
    } else {
        why_push_fault(&call, reason, sizeof reason);
        why_say(why, FINDING_BAD, "path", address, "a push is not taken: %s", reason);
    }
    http_call_fini(&call);
}

void why_try_the_path(struct why *why)
{
    const struct words *gateways = &why->tool->options->gateways;
    struct visitor *visitors = calloc(gateways->count, sizeof *visitors);
    char private_room[PRIVATE_ROOM_MAX];
    uint32_t chance[2] = {0, 0};
    size_t inside = 0;

    (void)RAND_bytes((unsigned char *)chance, sizeof chance);
    snprintf(private_room, sizeof private_room, "fanfare-why-%08x%08x", chance[0], chance[1]);
    for (size_t i = 0; visitors != NULL && i < gateways->count && !why->tool->stopping; i++) {
        visitors[i] = (struct visitor){.why = why, .address = gateways->items[i]};
        if (visit(&visitors[i], &why->gateways[i], private_room))
            inside++;
    }
    for (size_t i = 0; inside > 0 && i < why->tool->options->logics.count && !why->tool->stopping; i++)
        try_logic(why, i, private_room, visitors, gateways->count);
    for (size_t i = 0; visitors != NULL && i < gateways->count; i++) {
        if (visitors[i].client != NULL)
            ws_client_leave(visitors[i].client);
        ws_client_free(visitors[i].client);
    }
    free(visitors);
}
