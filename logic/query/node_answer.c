/* SPDX-License-Identifier: Apache-2.0 */
/* Members go out as the gateway wrote them, once their types are known. */
#include "logic/query/node_answer.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NODE_CLIENTS, NODE_ERRORS = 11 };
enum { LINE_AGO, LINE_LEVEL, LINE_TEXT, LINE_MEMBERS };
enum { LINES_OF_ONE = 32 };

static const struct query_member members[] = {
    [NODE_CLIENTS] = {"clients", QUERY_TYPE(JSON_NUMBER)},
    {"rooms", QUERY_TYPE(JSON_NUMBER)},
    {"users", QUERY_TYPE(JSON_NUMBER)},
    {"uptime", QUERY_TYPE(JSON_NUMBER)},
    {"version", QUERY_TYPE(JSON_STRING)},
    {"draining", QUERY_BOOL},
    {"itemsPerSecond", QUERY_TYPE(JSON_NUMBER)},
    {"framesPerSecond", QUERY_TYPE(JSON_NUMBER)},
    {"bytesPerSecond", QUERY_TYPE(JSON_NUMBER)},
    {"jobs", QUERY_TYPE(JSON_NUMBER)},
    {"framesQueued", QUERY_TYPE(JSON_NUMBER)},
    [NODE_ERRORS] = {"errors", QUERY_TYPE(JSON_ARRAY)},
};

static const struct query_member line_members[LINE_MEMBERS] = {
    [LINE_AGO] = {"secondsAgo", QUERY_TYPE(JSON_NUMBER)},
    [LINE_LEVEL] = {"level", QUERY_TYPE(JSON_STRING)},
    [LINE_TEXT] = {"text", QUERY_TYPE(JSON_STRING)},
};

static bool read_line(const struct json_value *value, const char *from, struct node_line *out)
{
    struct json_value line[LINE_MEMBERS];

    if (!query_members_read(value, line_members, LINE_MEMBERS, line))
        return false;
    *out =
        (struct node_line){from, query_count(&line[LINE_AGO]), line[LINE_LEVEL].text, line[LINE_TEXT].text};
    return out->seconds_ago >= 0;
}

static bool check(const struct query_part *part)
{
    struct json_iter iter = json_iter_of(&part->members[NODE_ERRORS], part->body.data);
    struct json_value value;
    struct node_line line;
    size_t count = 0;

    while (json_next_element(&iter, &value))
        if (++count > LINES_OF_ONE || !read_line(&value, part->gateway, &line))
            return false;
    return query_count(&part->members[NODE_CLIENTS]) >= 0;
}

const struct query_kind node_answer_kind = {members, sizeof members / sizeof *members, check};

enum status node_answer_append(struct buf *out, const struct query_part *part)
{
    enum status status = STATUS_OK;

    if (part == NULL || part->state != QUERY_ANSWERED)
        return buf_append_str(out, "null");
    for (size_t i = 0; i < NODE_ERRORS && status == STATUS_OK; i++) {
        status = buf_printf(out, "%s\"%s\":", i > 0 ? "," : "{", members[i].name);
        if (status == STATUS_OK)
            status = buf_append(out, part->members[i].text.data, part->members[i].text.len);
    }
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

int64_t node_answer_clients(const struct query_part *part)
{
    return part != NULL && part->state == QUERY_ANSWERED ? query_count(&part->members[NODE_CLIENTS]) : -1;
}

static size_t take_lines(struct node_line *lines, const struct query_part *part)
{
    struct json_iter iter = json_iter_of(&part->members[NODE_ERRORS], part->body.data);
    struct json_value value;
    size_t count = 0;

    while (json_next_element(&iter, &value) && count < LINES_OF_ONE)
        count += read_line(&value, part->gateway, &lines[count]);
    return count;
}

static int by_age(const void *a, const void *b)
{
    int64_t x = ((const struct node_line *)a)->seconds_ago, y = ((const struct node_line *)b)->seconds_ago;

    return (x > y) - (x < y);
}

static enum status append_line(struct buf *out, const struct node_line *line)
{
    enum status status = buf_append_str(out, "{\"from\":");

    if (status == STATUS_OK)
        status = buf_append_json_string(out, line->from, strlen(line->from));
    if (status == STATUS_OK)
        status = buf_printf(out, ",\"secondsAgo\":%" PRId64 ",\"level\":", line->seconds_ago);
    if (status == STATUS_OK)
        status = buf_append(out, line->level.data, line->level.len);
    if (status == STATUS_OK)
        status = buf_append_str(out, ",\"text\":");
    if (status == STATUS_OK)
        status = buf_append(out, line->text.data, line->text.len);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

enum status node_answer_append_lines(struct buf *out, const struct node_line *own, size_t own_count,
                                     const struct query_part *parts, size_t count)
{
    struct node_line *lines = calloc(own_count + count * LINES_OF_ONE + 1, sizeof *lines);
    enum status status = buf_append_str(out, "[");
    size_t found = 0;

    if (lines == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < own_count; i++)
        lines[found++] = own[i];
    for (size_t i = 0; i < count; i++)
        if (parts[i].state == QUERY_ANSWERED)
            found += take_lines(lines + found, &parts[i]);
    qsort(lines, found, sizeof *lines, by_age);
    for (size_t i = 0; i < found && i < NODE_LINES && status == STATUS_OK; i++) {
        status = i > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = append_line(out, &lines[i]);
    }
    free(lines);
    return status != STATUS_OK ? status : buf_append_str(out, "]");
}
