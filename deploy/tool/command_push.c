/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare push, and fanfare kick, which is a push of another kind: sends items to a logic, byte for byte, and
 * says what it answered. Sends again only what cannot have been taken: the connection was refused, or a logic
 * answered 503 and so queued it nowhere. A push without an answer may have been taken. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/http_call.h"
#include "deploy/tool/printable.h"
#include "deploy/tool/text_file.h"
#include "deploy/tool/tool.h"
#include "shared/json/json_scan.h"

enum { ITEMS_MAX = 256 << 20, BODY_MAX = ITEMS_MAX + (16 << 20) };

enum { FIRST_PAUSE_MS = 250, LONGEST_PAUSE_MS = 30000 };

static enum status read_items(const char *given, struct buf *out, struct fault *fault)
{
    struct json_value value;
    struct json_error error;
    char text[160];
    enum status status;

    if (given[0] == '@' || strcmp(given, "-") == 0)
        status = text_file_read(given + (given[0] == '@'), out, fault);
    else
        status = buf_append_str(out, given) != STATUS_OK ? fault_set(fault, STATUS_NO_MEMORY, "out of memory")
                                                         : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (json_scan(slice_of(out->data, out->len), JSON_MAX_DEPTH, &value, &error) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, "not valid JSON %s",
                         json_error_text(&error, text, sizeof text));
    return value.type == JSON_ARRAY ? STATUS_OK
                                    : fault_set(fault, STATUS_INVALID, "an array is needed: [ITEM, ...]");
}

/* `"room":"r",` or `"rooms":["r","s"],`; `noun` is what one of the names is called. */
static enum status append_names(struct buf *body, const char *noun, const struct words *names)
{
    bool one = names->count == 1;
    enum status status = buf_printf(body, one ? "\"%s\":" : "\"%ss\":[", noun);

    for (size_t i = 0; i < names->count && status == STATUS_OK; i++) {
        if (i > 0)
            status = buf_append_str(body, ",");
        if (status == STATUS_OK)
            status = buf_append_json_string(body, names->items[i], strlen(names->items[i]));
    }
    return status != STATUS_OK ? status : buf_append_str(body, one ? "," : "],");
}

static enum status print_body(const struct options *options, const struct buf *items, struct buf *out)
{
    enum status status = buf_append_str(out, "{");

    if (status == STATUS_OK && options->rooms.count > 0)
        status = append_names(out, "room", &options->rooms);
    if (status == STATUS_OK && options->users.count > 0)
        status = append_names(out, "user", &options->users);
    if (status == STATUS_OK && options->wait)
        status = buf_append_str(out, "\"wait\":true,");
    if (status == STATUS_OK)
        status = buf_append_str(out, "\"items\":");
    if (status == STATUS_OK)
        status = buf_append(out, items->data, items->len);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static int member_int(const cJSON *object, const char *key, int otherwise)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(member) ? member->valueint : otherwise;
}

static const char *member_text(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text != NULL ? text : "";
}

/* Names the gateways that do not have the push, or not yet, or the users that are not there: `key` says why,
 * here as in the answer, where it stands in `object`. */
static void warn_of(const struct tool *tool, const cJSON *object, const char *key)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(object, key))
    {
        char name[2048];

        printable_copy(slice_str(cJSON_IsString(each) ? each->valuestring : "?"), name, sizeof name);
        printf("%s  %s: %s%s\n", tool_paint(tool, PAINT_YELLOW), key, name, tool_paint(tool, PAINT_OFF));
    }
}

static int say_taken(const struct tool *tool, const cJSON *answer)
{
    const cJSON *gateways = cJSON_GetObjectItemCaseSensitive(answer, "gateways");
    int items = member_int(answer, "items", 0);
    int acked = member_int(gateways, "acked", -1);
    int clients = member_int(answer, "clients", -1);
    int offline = member_int(answer, "offlineCount", -1);

    printf("%staken%s %s: %d item%s, ", tool_paint(tool, PAINT_GREEN), tool_paint(tool, PAINT_OFF),
           member_text(answer, "id"), items, items == 1 ? "" : "s");
    if (strcmp(member_text(answer, "bus"), "") != 0)
        printf("on the bus");
    else if (acked >= 0)
        printf("applied by %d of %d gateways", acked, member_int(gateways, "known", 0));
    else
        printf("queued for %d of %d gateways", member_int(gateways, "queued", 0),
               member_int(gateways, "known", 0));
    if (clients >= 0)
        printf(", %d client%s", clients, clients == 1 ? "" : "s");
    if (offline >= 0)
        printf(", %d user%s offline", offline, offline == 1 ? "" : "s");
    putchar('\n');
    warn_of(tool, answer, "offline");
    warn_of(tool, gateways, "connecting");
    warn_of(tool, gateways, "down");
    warn_of(tool, gateways, "refused");
    return TOOL_OK;
}

static int say_refused(const struct http_call *call, const cJSON *answer)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    const char *code = member_text(error, "code");
    char message[1024];
    struct slice said = slice_str(member_text(error, "message"));

    const char *hint = strcmp(code, "wait_timeout") == 0   ? " (the push stays queued)"
                       : strcmp(code, "unauthorized") == 0 ? " (see --tokens)"
                                                           : "";
    printable_copy(said.len ? said : http_call_body(call), message, sizeof message);
    return tool_complain(TOOL_REFUSED, "refused: HTTP %d%s%s: %s%s", call->answer.status, code[0] ? " " : "",
                         code, message, hint);
}

static int report(struct tool *tool, const struct http_call *call)
{
    struct slice body = http_call_body(call);
    cJSON *answer;
    int code;

    if (call->fault[0])
        return tool_complain(
            TOOL_UNREACHABLE, "%s: %s%s", tool->options->api, call->fault,
            strncmp(call->fault, "no answer", 9) == 0 ? "; whether the push was taken is not known" : "");
    answer = cJSON_ParseWithLength((const char *)body.data, body.len);
    if (tool->options->json && answer != NULL) {
        printable_json(body, stdout);
        putchar('\n');
        code = http_call_ok(call) ? TOOL_OK : TOOL_REFUSED;
    } else if (http_call_ok(call) && answer != NULL) {
        code = say_taken(tool, answer);
    } else if (http_call_ok(call)) {
        code = tool_complain(TOOL_REFUSED, "%s: answered 200, but not as a logic does", tool->options->api);
    } else {
        code = say_refused(call, answer);
    }
    cJSON_Delete(answer);
    return code;
}

/* A proxy's 503 may stand for anything; logic's own has a code. */
static bool is_logics_503(const struct http_call *call)
{
    struct slice body = http_call_body(call);

    if (call->fault[0] || call->answer.status != 503)
        return false;
    cJSON *answer = cJSON_ParseWithLength((const char *)body.data, body.len);
    bool is = member_text(cJSON_GetObjectItemCaseSensitive(answer, "error"), "code")[0] != '\0';
    cJSON_Delete(answer);
    return is;
}

/* Whether the call may be made again; `*pause_ms` says after which time. */
static bool may_retry(const struct http_call *call, int tried, int64_t *pause_ms)
{
    int64_t asked_ms = (int64_t)http_answer_retry_after(&call->answer) * 1000;

    *pause_ms = tried < 7 ? FIRST_PAUSE_MS << tried : LONGEST_PAUSE_MS;
    if (call->unreached)
        return true;
    if (asked_ms > 0)
        *pause_ms = asked_ms < LONGEST_PAUSE_MS ? asked_ms : LONGEST_PAUSE_MS;
    return is_logics_503(call);
}

static void say_retry(const struct tool *tool, const struct http_call *call, int64_t pause_ms)
{
    double seconds = (double)pause_ms / 1000;

    if (call->fault[0])
        (void)tool_complain(0, "%s: %s; trying again in %.2f s", tool->options->api, call->fault, seconds);
    else
        (void)tool_complain(0, "%s: HTTP %d; trying again in %.2f s", tool->options->api, call->answer.status,
                            seconds);
}

/* Makes the call until it has an answer that counts. `call` is to be ended by http_call_fini. */
static void call_until_settled(struct tool *tool, const struct http_ask *ask, struct http_call *call)
{
    int64_t pause_ms;

    for (int tried = 0;; tried++) {
        http_call_begin(call, tool, ask);
        http_calls_await(tool, call, 1);
        if (tried >= tool->options->retries || tool->stopping || !may_retry(call, tried, &pause_ms))
            return;
        say_retry(tool, call, pause_ms);
        tool_sleep(tool, pause_ms);
        if (tool->stopping)
            return;
        http_call_fini(call);
    }
}

static const char *path_of(const struct options *options)
{
    if (options->users.count > 0)
        return "/push/user";
    return options->all ? "/push/all" : "/push/room";
}

static int send_body(struct tool *tool, const struct url *url, const char *path, const struct buf *body)
{
    struct http_call call;
    int code;

    call_until_settled(tool,
                       &(struct http_ask){.url = url,
                                          .method = "POST",
                                          .path = path,
                                          .type = "application/json",
                                          .body = slice_of(body->data, body->len)},
                       &call);
    code = report(tool, &call);
    http_call_fini(&call);
    return code;
}

static int push(struct tool *tool, const struct url *url, const struct buf *items)
{
    struct buf body;
    int code;

    buf_init(&body, BODY_MAX);
    code = print_body(tool->options, items, &body) == STATUS_OK
               ? send_body(tool, url, path_of(tool->options), &body)
               : tool_complain(TOOL_USAGE, "--items: too long");
    buf_fini(&body);
    return code;
}

/* `"name":"text",` when there is a text. */
static enum status append_text(struct buf *body, const char *name, const char *text)
{
    enum status status;

    if (text == NULL)
        return STATUS_OK;
    status = buf_printf(body, "\"%s\":", name);
    if (status == STATUS_OK)
        status = buf_append_json_string(body, text, strlen(text));
    return status != STATUS_OK ? status : buf_append_str(body, ",");
}

static enum status print_kick(const struct options *options, struct buf *out)
{
    enum status status = buf_append_str(out, "{");

    if (status == STATUS_OK && options->rooms.count > 0)
        status = append_names(out, "room", &options->rooms);
    if (status == STATUS_OK && options->users.count > 0)
        status = append_names(out, "user", &options->users);
    if (status == STATUS_OK)
        status = append_text(out, "connection", options->connection);
    if (status == STATUS_OK)
        status = append_text(out, "reason", options->reason);
    if (status == STATUS_OK && options->code != 0)
        status = buf_printf(out, "\"code\":%d,", (int)options->code);
    if (status == STATUS_OK && options->ban != 0)
        status = buf_printf(out, "\"banSeconds\":%d,", (int)options->ban);
    return status != STATUS_OK ? status
                               : buf_append_str(out, options->wait ? "\"wait\":true}" : "\"wait\":false}");
}

int command_kick(struct tool *tool)
{
    struct fault fault = {""};
    struct url url;
    struct buf body;
    int code;

    if (url_parse(tool->options->api, URL_HTTP, &url, &fault) != STATUS_OK)
        return tool_complain(TOOL_USAGE, "--api: %s", fault.text);
    buf_init(&body, BODY_MAX);
    code = print_kick(tool->options, &body) == STATUS_OK ? send_body(tool, &url, "/kick", &body)
                                                         : tool_complain(TOOL_USAGE, "out of memory");
    buf_fini(&body);
    return code;
}

int command_push(struct tool *tool)
{
    struct fault fault = {""};
    struct url url;
    struct buf items;
    int code;

    if (url_parse(tool->options->api, URL_HTTP, &url, &fault) != STATUS_OK)
        return tool_complain(TOOL_USAGE, "--api: %s", fault.text);
    buf_init(&items, ITEMS_MAX);
    if (read_items(tool->options->items, &items, &fault) != STATUS_OK)
        code = tool_complain(TOOL_USAGE, "--items: %s", fault.text);
    else
        code = push(tool, &url, &items);
    buf_fini(&items);
    return code;
}
