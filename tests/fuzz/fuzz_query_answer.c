/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's answer to a query, of the kind that the first byte names, and what is made of it: whatever a
 * gateway says, the answer is valid JSON. The same bytes are tried as a cursor and as parameters. */
#include "tests/fuzz/fuzz.h"

#include "logic/api/query_params.h"
#include "logic/query/node_answer.h"
#include "logic/query/query_cursor.h"
#include "logic/query/room_answer.h"
#include "logic/query/rooms_answer.h"
#include "logic/query/user_answer.h"

enum { KINDS = 6, LIMIT = 3, DEPTH = 160 };

static const struct query_kind *const kinds[KINDS] = {
    &room_answer_kind, &room_answer_kind_users, &rooms_answer_kind,
    &user_answer_kind, &client_answer_kind,     &node_answer_kind,
};

static void print_room(struct buf *out, const struct query_part *parts, size_t count, bool users)
{
    const struct query_room ask = {.room = slice_str("r"), .users = users, .limit = LIMIT};
    enum room_page page;
    struct buf last;

    buf_init(&last, SIZE_MAX);
    fuzz_check(room_answer_append(out, &ask, LIMIT, NULL, parts, count, &page, &last) == STATUS_OK);
    fuzz_check(page == ROOM_PAGE_DONE);
    buf_fini(&last);
}

static void print_node(struct buf *out, const struct query_part *parts, size_t count)
{
    fuzz_check(buf_append_str(out, "[") == STATUS_OK && node_answer_append(out, &parts[0]) == STATUS_OK &&
               buf_append_str(out, ",") == STATUS_OK &&
               node_answer_append_lines(out, NULL, 0, parts, count) == STATUS_OK &&
               buf_append_str(out, "]") == STATUS_OK);
}

static void print(struct buf *out, const struct query_part *parts, size_t count, size_t kind)
{
    enum status status = STATUS_OK;

    if (kind <= 1)
        print_room(out, parts, count, kind == 1);
    else if (kind == 2)
        status = rooms_answer_append(out, LIMIT, NULL, parts, count);
    else if (kind == 3)
        status = user_answer_append(out, slice_str("u"), NULL, parts, count);
    else if (kind == 4)
        status = client_answer_append(out, NULL, NULL, parts, count);
    else
        print_node(out, parts, count);
    fuzz_check(status == STATUS_OK);
}

static void read_answer(size_t kind, struct slice body)
{
    struct query_part parts[2] = {{.gateway = "a:1", .body = body}, {.gateway = "b:2", .body = body}};
    struct json_error error;
    struct json_value root;
    struct buf out;

    if (!query_part_read(&parts[0], kinds[kind]) || !query_part_read(&parts[1], kinds[kind]))
        return;
    parts[0].state = parts[1].state = QUERY_ANSWERED;
    buf_init(&out, SIZE_MAX);
    print(&out, parts, 2, kind);
    fuzz_check(json_scan(slice_of(out.data, out.len), DEPTH, &root, &error) == STATUS_OK);
    buf_fini(&out);
}

/* A cursor that is read is the one that would be made. */
static void read_cursor(struct slice text)
{
    struct buf name, again;

    buf_init(&name, SIZE_MAX);
    buf_init(&again, SIZE_MAX);
    if (query_cursor_read(text, slice_str("r"), QUERY_NAME_MAX, &name) == STATUS_OK) {
        fuzz_check(query_cursor_append(&again, slice_str("r"), slice_of(name.data, name.len)) == STATUS_OK);
        fuzz_check(slice_equal(slice_of(again.data, again.len), text));
    }
    buf_fini(&name);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query_params params;
    struct push_fault fault;

    if (size < 1)
        return 0;
    struct slice rest = slice_of(data + 1, size - 1);
    read_answer(data[0] % KINDS, rest);
    read_cursor(rest);
    (void)query_params_read(rest, data[0], &params, &fault);
    query_params_fini(&params);
    return 0;
}
