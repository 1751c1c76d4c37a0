/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare tail: follows rooms as a client and prints one item a line. Items go to stdout and what
 * happened to the connection to stderr. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/follow.h"
#include "deploy/tool/printable.h"
#include "deploy/tool/tool.h"
#include "deploy/tool/ws_client.h"
#include "shared/base/buf.h"
#include "shared/base/clock.h"
#include "shared/json/json_scan.h"

enum { ROOM_SHOWN_MAX = 1100 };

struct tail {
    struct tool *tool;
    struct ws_client *client;
    int64_t items;
    size_t joined;     /* JOINs answered on this connection */
    bool refused;      /* a JOIN was refused: told already */
    bool output_ended; /* stdout is closed */
};

static bool has_enough(const struct tail *tail)
{
    return tail->refused || tail->output_ended ||
           (tail->tool->options->count > 0 && tail->items >= tail->tool->options->count);
}

static bool find(const struct json_value *object, struct slice text, const char *key, struct json_value *out)
{
    struct json_iter iter = json_iter_of(object, text.data);
    struct json_value name;

    while (json_next_member(&iter, &name, out))
        if (json_string_is(name.text, key, false))
            return true;
    return false;
}

/* Whom the items are for: a room, or a user with `room` null, or with both null everybody. */
struct addressee {
    struct json_value room;
    struct json_value user;
};

static void print_addressee(const struct tool *tool, const struct addressee *to)
{
    bool is_user = to->user.type == JSON_STRING;
    const struct json_value *named = is_user ? &to->user : &to->room;
    char name[ROOM_SHOWN_MAX];
    char shown[ROOM_SHOWN_MAX];
    size_t len = 0;

    if (named->type != JSON_STRING || json_unescape(named->text, name, sizeof name, &len) != STATUS_OK)
        snprintf(shown, sizeof shown, "%s", named->type == JSON_NULL ? "*" : "?");
    else
        printable_copy(slice_of(name, len), shown, sizeof shown);
    printf("%s%s%s%s\t", tool_paint(tool, PAINT_CYAN), is_user ? "@" : "", shown,
           tool_paint(tool, PAINT_OFF));
}

static void print_json(const struct addressee *to, const struct json_value *item)
{
    printf("{\"room\":");
    printable_json(to->room.text, stdout);
    if (to->user.type == JSON_STRING) {
        printf(",\"user\":");
        printable_json(to->user.text, stdout);
    }
    printf(",\"item\":");
    printable_json(item->text, stdout);
    putchar('}');
}

static void print_item(struct tail *tail, const struct addressee *to, const struct json_value *item)
{
    if (tail->tool->options->json) {
        print_json(to, item);
    } else {
        print_addressee(tail->tool, to);
        printable_json(item->text, stdout);
    }
    putchar('\n');
    tail->items++;
}

static void on_push(struct tail *tail, const struct json_value *message, struct slice text)
{
    const struct json_value none = {.type = JSON_NULL, .text = slice_str("null")};
    struct json_value data;
    struct addressee to;
    struct json_value items;
    struct json_value item;
    struct json_iter iter;

    if (!find(message, text, "data", &data) || !find(&data, text, "items", &items))
        return;
    if (!find(&data, text, "room", &to.room))
        to.room = none;
    if (!find(&data, text, "user", &to.user))
        to.user = none;
    iter = json_iter_of(&items, text.data);
    while (!has_enough(tail) && json_next_element(&iter, &item))
        print_item(tail, &to, &item);
    tail->output_ended = fflush(stdout) != 0;
}

/* The text of a member of `data`, fit for a terminal; "?" where there is none. */
static void copy_member(const struct json_value *data, struct slice text, const char *key, char *shown,
                        size_t cap)
{
    struct json_value said;
    char plain[ROOM_SHOWN_MAX] = "?";
    size_t len = 1;

    if (find(data, text, key, &said))
        (void)json_unescape(said.text, plain, sizeof plain, &len);
    printable_copy(slice_of(plain, len), shown, cap);
}

/* With an id it answers a JOIN; without one a close follows, which decides how it goes on. */
static void on_error(struct tail *tail, const struct json_value *message, struct slice text)
{
    const struct words *rooms = &tail->tool->options->rooms;
    struct json_value id;
    struct json_value data;
    char shown[ROOM_SHOWN_MAX] = "refused";

    if (find(message, text, "data", &data))
        copy_member(&data, text, "message", shown, sizeof shown);
    if (!find(message, text, "id", &id) || tail->joined >= rooms->count) {
        fprintf(stderr, "fanfare: the gateway says: %s\n", shown);
        return;
    }
    tail->refused = true;
    tool_complain(TOOL_REFUSED, "room \"%s\": %s", rooms->items[tail->joined], shown);
}

static void on_left(const struct json_value *message, struct slice text)
{
    struct json_value data;
    char room[ROOM_SHOWN_MAX];
    char reason[ROOM_SHOWN_MAX];

    if (!find(message, text, "data", &data))
        return;
    copy_member(&data, text, "room", room, sizeof room);
    copy_member(&data, text, "reason", reason, sizeof reason);
    fprintf(stderr, "fanfare: in room \"%s\" no more: %s\n", room, reason);
}

static void on_text(struct slice text, void *arg)
{
    struct tail *tail = arg;
    struct json_value message;
    struct json_value type;
    struct json_error error;

    if (has_enough(tail) || json_scan(text, JSON_MAX_DEPTH, &message, &error) != STATUS_OK ||
        !find(&message, text, "type", &type))
        return;
    if (json_string_is(type.text, "PUSH", false))
        on_push(tail, &message, text);
    else if (json_string_is(type.text, "ERROR", false))
        on_error(tail, &message, text);
    else if (json_string_is(type.text, "LEFT", false))
        on_left(&message, text);
    else if (json_string_is(type.text, "ACK", false) && ++tail->joined == tail->tool->options->rooms.count)
        fprintf(stderr, "fanfare: joined %zu room%s\n", tail->joined, tail->joined == 1 ? "" : "s");
    if (has_enough(tail))
        event_base_loopbreak(tail->tool->base);
}

/* The answers come in this order. */
static void join_all(struct tail *tail)
{
    const struct words *rooms = &tail->tool->options->rooms;

    tail->joined = 0;
    for (size_t i = 0; i < rooms->count; i++) {
        struct buf text;

        buf_init(&text, strlen(rooms->items[i]) * 6 + 64);
        if (buf_printf(&text, "{\"type\":\"JOIN\",\"id\":%zu,\"data\":{\"room\":", i) == STATUS_OK &&
            buf_append_json_string(&text, rooms->items[i], strlen(rooms->items[i])) == STATUS_OK &&
            buf_append_str(&text, "}}") == STATUS_OK)
            ws_client_send(tail->client, slice_of(text.data, text.len));
        buf_fini(&text);
    }
}

/* One connection, to its end; how long it was open, in ms. */
static int64_t session(struct tail *tail, const char *address, const struct url *url,
                       struct ws_ending *ending)
{
    int64_t opened = 0;

    tail->client = ws_client_new(tail->tool, url, on_text, tail);
    if (tail->client == NULL) {
        *ending = (struct ws_ending){.text = "out of memory"};
        return 0;
    }
    ws_client_await(tail->client, WS_CONNECTING, 0);
    if (ws_client_state(tail->client) == WS_OPEN) {
        opened = clock_now_ms();
        fprintf(stderr, "fanfare: connected to %s\n", address);
        join_all(tail);
    }
    while (ws_client_state(tail->client) == WS_OPEN && !tail->tool->stopping && !has_enough(tail))
        tool_run(tail->tool, 0);
    ws_client_leave(tail->client);
    *ending = *ws_client_ending(tail->client);
    ws_client_free(tail->client);
    tail->client = NULL;
    return opened ? clock_now_ms() - opened + 1 : 0;
}

static void say_ending(const char *address, const struct ws_ending *ending, const struct follow_plan *plan)
{
    char code[16] = "";

    if (ending->code && ending->code != 1006)
        snprintf(code, sizeof code, "%d ", ending->code);
    fprintf(stderr, "fanfare: %s: %s%s%s", address, ending->code ? "closed: " : "", code, ending->text);
    if (plan->step == FOLLOW_AGAIN)
        fprintf(stderr, "; back in %lld ms; what is pushed meanwhile is missed", (long long)plan->wait_ms);
    fputc('\n', stderr);
}

static int follow_all(struct tail *tail, const struct url *urls)
{
    const struct words *gateways = &tail->tool->options->gateways;
    struct follow follow = {0};
    size_t at = 0;

    for (size_t tried = 1;; tried++) {
        struct ws_ending ending;
        struct follow_plan plan;
        int64_t open_ms = session(tail, gateways->items[at], &urls[at], &ending);
        uint32_t chance = 0;

        if (tail->tool->stopping || has_enough(tail))
            return tail->refused || tail->output_ended ? TOOL_REFUSED : TOOL_OK;
        (void)RAND_bytes((unsigned char *)&chance, sizeof chance);
        plan = follow_after(&follow, &ending, open_ms, chance);
        if (plan.step == FOLLOW_STOP && !follow.ever_open && !ending.http_status && tried < gateways->count)
            plan = (struct follow_plan){.step = FOLLOW_AGAIN, .other = true};
        say_ending(gateways->items[at], &ending, &plan);
        if (plan.step == FOLLOW_STOP)
            return ending.code || ending.http_status ? TOOL_REFUSED : TOOL_UNREACHABLE;
        if (plan.other)
            at = (at + 1) % gateways->count;
        tool_sleep(tail->tool, plan.wait_ms);
        if (tail->tool->stopping)
            return TOOL_OK;
    }
}

int command_tail(struct tool *tool)
{
    struct tail tail = {.tool = tool};
    struct fault fault = {""};
    struct url *urls = url_list(&tool->options->gateways, URL_WS, &fault);
    int code;

    if (urls == NULL)
        return tool_complain(TOOL_USAGE, "--gateway: %s", fault.text);
    code = follow_all(&tail, urls);
    free(urls);
    return code;
}
