/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare room, user, cluster: ask a logic what all gateways say, and print it for people, or as it came. Who
 * did not answer is named behind it. Changes nothing anywhere. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "deploy/tool/http_call.h"
#include "deploy/tool/printable.h"
#include "deploy/tool/table.h"
#include "deploy/tool/tool.h"

enum { PATH_MAX_BYTES = 16384, SHOWN_NAME = 2048 };

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *member_text(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(member(object, key));

    return text != NULL ? text : "";
}

static double member_number(const cJSON *object, const char *key)
{
    const cJSON *found = member(object, key);

    return cJSON_IsNumber(found) ? found->valuedouble : NAN;
}

static long long member_count(const cJSON *object, const char *key)
{
    double number = member_number(object, key);

    return isnan(number) ? 0 : (long long)number;
}

/* Everything but unreserved characters as %XX (RFC 3986, 2.3). */
static enum status append_escaped(struct buf *path, const char *name)
{
    static const char plain[] = "-._~";
    enum status status = STATUS_OK;

    for (; *name != '\0' && status == STATUS_OK; name++) {
        unsigned char byte = (unsigned char)*name;
        bool letter = ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || (byte >= '0' && byte <= '9');

        status = letter || strchr(plain, byte) != NULL ? buf_append(path, name, 1)
                                                       : buf_printf(path, "%%%02X", byte);
    }
    return status;
}

static int refused(const struct http_call *call, const cJSON *answer)
{
    const cJSON *error = member(answer, "error");
    const char *code = member_text(error, "code");
    char message[1024];
    struct slice said = slice_str(member_text(error, "message"));

    printable_copy(said.len > 0 ? said : http_call_body(call), message, sizeof message);
    return tool_complain(TOOL_REFUSED, "refused: HTTP %d%s%s: %s%s", call->answer.status, code[0] ? " " : "",
                         code, message, strcmp(code, "unauthorized") == 0 ? " (see --tokens)" : "");
}

static int judge(const struct tool *tool, const struct http_call *call, cJSON **answer)
{
    struct slice body = http_call_body(call);

    if (call->fault[0])
        return tool_complain(TOOL_UNREACHABLE, "%s: %s", tool->options->api, call->fault);
    *answer = cJSON_ParseWithLength((const char *)body.data, body.len);
    if (!http_call_ok(call))
        return refused(call, *answer);
    if (!cJSON_IsObject(*answer))
        return tool_complain(TOOL_REFUSED, "%s: answered 200, but not as a logic does", tool->options->api);
    if (tool->options->json) {
        printable_json(body, stdout);
        putchar('\n');
    }
    return TOOL_OK;
}

/* GET of a path, which is freed. `*answer` is to be deleted in any case. */
static int get(struct tool *tool, struct buf *path, cJSON **answer)
{
    struct fault fault = {""};
    struct http_call call;
    struct url url;
    int code;

    *answer = NULL;
    if (url_parse(tool->options->api, URL_HTTP, &url, &fault) != STATUS_OK)
        code = tool_complain(TOOL_USAGE, "--api: %s", fault.text);
    else if (buf_append(path, "", 1) != STATUS_OK)
        code = tool_complain(TOOL_USAGE, "the name is too long");
    else {
        const struct http_ask ask = {.url = &url, .method = "GET", .path = (const char *)path->data};
        http_call_begin(&call, tool, &ask);
        http_calls_await(tool, &call, 1);
        code = judge(tool, &call, answer);
        http_call_fini(&call);
    }
    buf_fini(path);
    return code;
}

static void name_absent(const struct tool *tool, const cJSON *gateways, const char *key, const char *text)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, member(gateways, key))
    {
        char name[SHOWN_NAME];

        printable_copy(slice_str(cJSON_IsString(each) ? each->valuestring : "?"), name, sizeof name);
        printf("%s  %s: %s%s\n", tool_paint(tool, PAINT_YELLOW), text, name, tool_paint(tool, PAINT_OFF));
    }
}

static void say_gateways(const struct tool *tool, const cJSON *gateways)
{
    printf("answered by %lld of %lld gateways\n", member_count(gateways, "answered"),
           member_count(gateways, "known"));
    name_absent(tool, gateways, "late", "late");
    name_absent(tool, gateways, "failed", "failed");
    name_absent(tool, gateways, "notAsked", "not asked");
}

static const char *plural(long long count)
{
    return count == 1 ? "" : "s";
}

/* One line a user: name, connections, info, between tabs. */
static void say_users(const cJSON *answer)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, member(answer, "page"))
    {
        char name[SHOWN_NAME];
        char *info = cJSON_PrintUnformatted(member(each, "info"));

        printable_copy(slice_str(member_text(each, "user")), name, sizeof name);
        printf("%s\t%lld\t", name, member_count(each, "connections"));
        printable_json(slice_str(info != NULL ? info : "null"), stdout);
        putchar('\n');
        cJSON_free(info);
    }
}

static void say_room(const struct tool *tool, const cJSON *answer)
{
    long long connections = member_count(answer, "connections");
    long long users = member_count(answer, "users");
    char name[SHOWN_NAME];

    printable_copy(slice_str(member_text(answer, "room")), name, sizeof name);
    printf("%s: %lld connection%s, %s%lld user%s, ", name, connections, plural(connections),
           cJSON_IsTrue(member(answer, "usersExact")) ? "" : "about ", users, plural(users));
    say_gateways(tool, member(answer, "gateways"));
}

static enum status print_room_path(const struct options *options, const char *after, struct buf *path)
{
    buf_init(path, PATH_MAX_BYTES);
    enum status status = buf_append_str(path, "/rooms/");
    if (status == STATUS_OK)
        status = append_escaped(path, options->file);
    if (status == STATUS_OK && options->list_users)
        status = buf_append_str(path, "?users=1&limit=1000");
    if (status == STATUS_OK && after != NULL)
        status = buf_printf(path, "&after=%s", after);
    return status;
}

/* All pages, one after the other. */
int command_room(struct tool *tool)
{
    const char *after = NULL;
    cJSON *answer = NULL, *before = NULL;
    struct buf path;
    int code;

    do {
        if (print_room_path(tool->options, after, &path) != STATUS_OK) {
            buf_fini(&path);
            code = tool_complain(TOOL_USAGE, "the name is too long");
            break;
        }
        code = get(tool, &path, &answer);
        if (code == TOOL_OK && !tool->options->json && before == NULL)
            say_room(tool, answer);
        if (code == TOOL_OK && !tool->options->json)
            say_users(answer);
        cJSON_Delete(before);
        before = answer;
        answer = NULL;
        after = code == TOOL_OK ? cJSON_GetStringValue(member(before, "next")) : NULL;
    } while (after != NULL && !tool->stopping);
    cJSON_Delete(before);
    return code;
}

/* clang-format off */
static const struct column user_columns[] = {
    {"CONNECTION", "connection", 0, 0}, {"GATEWAY", "gateway", 1, 0}, {"SINCE", "since", 2, 0},
    {"ADDRESS", "address", 3, 0},       {"V", "version", 4, 0},       {"ROOMS", "rooms", 0, 20},
};

static const struct column gateway_columns[] = {
    {"GATEWAY", "address", 0, 0},       {"STATE", "state", 0, 0},     {"CLIENTS", "clients", 0, 0},
    {"ROOMS", "rooms", 3, 0},           {"USERS", "users", 4, 0},     {"ITEMS/S", "itemsPerSecond", 2, 0},
    {"FRAMES/S", "framesPerSecond", 1, 0}, {"QUEUED", "framesQueued", 5, 0}, {"JOBS", "jobs", 6, 0},
};

static const struct column room_columns[] = {{"ROOM", "room", 0, 20}, {"CONNECTIONS", "connections", 0, 0}};

static const struct column error_columns[] = {
    {"AGO", "secondsAgo", 0, 0}, {"FROM", "from", 1, 0}, {"LEVEL", "level", 2, 0}, {"TEXT", "text", 0, 20},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct cell cell_time(double seconds)
{
    time_t at = isnan(seconds) ? 0 : (time_t)seconds;
    char text[32] = "";
    struct tm local;

    if (localtime_r(&at, &local) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    return cell_text(text, PAINT_OFF);
}

static struct cell cell_rooms(const cJSON *client)
{
    char text[CELL_TEXT_MAX] = "";
    const cJSON *each;
    size_t len = 0;

    cJSON_ArrayForEach(each, member(client, "rooms"))
    {
        const char *name = cJSON_IsString(each) ? each->valuestring : "?";
        if (len < sizeof text)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? ", " : "", name);
    }
    return cell_text(text, PAINT_OFF);
}

static enum status add_client(struct table *table, const cJSON *client)
{
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_text(member_text(client, "connection"), PAINT_OFF);
    *cell++ = cell_text(member_text(client, "gateway"), PAINT_OFF);
    *cell++ = cell_time(member_number(client, "since"));
    *cell++ = cell_text(member_text(client, "address"), PAINT_OFF);
    *cell++ = cell_number(member_number(client, "version"));
    *cell = cell_rooms(client);
    return STATUS_OK;
}

static enum paint paint_of_state(const char *state)
{
    return strcmp(state, "up") == 0 ? PAINT_GREEN : strcmp(state, "down") == 0 ? PAINT_RED : PAINT_YELLOW;
}

static enum status add_gateway(struct table *table, const cJSON *gateway)
{
    const cJSON *node = member(gateway, "node");
    const char *state = member_text(gateway, "state");
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_text(member_text(gateway, "address"), PAINT_OFF);
    *cell++ = cell_text(state, paint_of_state(state));
    *cell++ = cell_number(member_number(cJSON_IsObject(node) ? node : gateway, "clients"));
    *cell++ = cell_number(member_number(node, "rooms"));
    *cell++ = cell_number(member_number(node, "users"));
    *cell++ = cell_rate(member_number(node, "itemsPerSecond"));
    *cell++ = cell_rate(member_number(node, "framesPerSecond"));
    *cell++ = cell_number(member_number(node, "framesQueued"));
    *cell = cell_number(member_number(node, "jobs"));
    return STATUS_OK;
}

static enum status add_room(struct table *table, const cJSON *room)
{
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_text(member_text(room, "room"), PAINT_OFF);
    *cell = cell_number(member_number(room, "connections"));
    return STATUS_OK;
}

static enum status add_error(struct table *table, const cJSON *line)
{
    const char *level = member_text(line, "level");
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_age(member_number(line, "secondsAgo"));
    *cell++ = cell_text(member_text(line, "from"), PAINT_OFF);
    *cell++ = cell_text(level, strcmp(level, "error") == 0 ? PAINT_RED : PAINT_YELLOW);
    *cell = cell_text(member_text(line, "text"), PAINT_OFF);
    return STATUS_OK;
}

/* Prints the array `list` as a table, or nothing when it is empty. */
static int print_list(const struct tool *tool, const struct column *columns, size_t count, const cJSON *list,
                      enum status (*add)(struct table *table, const cJSON *each))
{
    struct table table = {.key = "", .columns = columns, .column_count = count};
    enum status status = STATUS_OK;
    const cJSON *each;

    cJSON_ArrayForEach(each, list)
    {
        if (status == STATUS_OK)
            status = add(&table, each);
    }
    if (status == STATUS_OK && table.rows > 0) {
        putchar('\n');
        table_print(&table, tool, tool_line_width(), stdout);
    }
    table_fini(&table);
    return status == STATUS_OK ? TOOL_OK : tool_complain(TOOL_UNREACHABLE, "out of memory");
}

int command_user(struct tool *tool)
{
    struct buf path;
    cJSON *answer;

    buf_init(&path, PATH_MAX_BYTES);
    if (buf_append_str(&path, "/users/") != STATUS_OK ||
        append_escaped(&path, tool->options->file) != STATUS_OK) {
        buf_fini(&path);
        return tool_complain(TOOL_USAGE, "the name is too long");
    }
    int code = get(tool, &path, &answer);
    if (code == TOOL_OK && !tool->options->json) {
        long long count = member_count(answer, "count");
        char name[SHOWN_NAME];
        printable_copy(slice_str(member_text(answer, "user")), name, sizeof name);
        printf("%s: %lld connection%s, ", name, count, plural(count));
        say_gateways(tool, member(answer, "gateways"));
        code = print_list(tool, user_columns, COUNT(user_columns), member(answer, "connections"), add_client);
    }
    cJSON_Delete(answer);
    return code;
}

static int say_cluster(const struct tool *tool, const cJSON *answer)
{
    const cJSON *logic = member(answer, "logic");
    long long clients = member_count(answer, "clients");
    char version[SHOWN_NAME];

    printable_copy(slice_str(member_text(logic, "version")), version, sizeof version);
    printf("logic %s: %.1f pushes/s, %lld link%s up; %lld client%s, ", version,
           member_number(logic, "pushesPerSecond"), member_count(logic, "links"),
           plural(member_count(logic, "links")), clients, plural(clients));
    say_gateways(tool, member(answer, "answers"));
    int code =
        print_list(tool, gateway_columns, COUNT(gateway_columns), member(answer, "gateways"), add_gateway);
    if (code == TOOL_OK)
        code = print_list(tool, room_columns, COUNT(room_columns), member(answer, "rooms"), add_room);
    if (code == TOOL_OK)
        code = print_list(tool, error_columns, COUNT(error_columns), member(answer, "errors"), add_error);
    return code;
}

int command_cluster(struct tool *tool)
{
    struct buf path;
    cJSON *answer;

    buf_init(&path, PATH_MAX_BYTES);
    if (buf_append_str(&path, "/cluster") != STATUS_OK) {
        buf_fini(&path);
        return tool_complain(TOOL_UNREACHABLE, "out of memory");
    }
    int code = get(tool, &path, &answer);
    if (code == TOOL_OK && !tool->options->json)
        code = say_cluster(tool, answer);
    cJSON_Delete(answer);
    return code;
}
