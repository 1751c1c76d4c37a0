/* SPDX-License-Identifier: Apache-2.0 */
/* The doors: a form or a JSON object is one push, a JSON array of /push/batch is many. What a
 * door allows stands in the table of members. */
#include "logic/push_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "logic/push_reading.h"
#include "shared/form.h"

enum { HTTP_UNSUPPORTED_MEDIA_TYPE = 415 };
enum { IN_FORM = 1, IN_OBJECT = 2, IN_BATCH = 3 }; /* levels of JSON around an item */

enum member { MEMBER_ALL, MEMBER_ROOM, MEMBER_ROOMS, MEMBER_ITEMS, MEMBER_WAIT, MEMBER_COUNT };

static const struct {
    const char *name;
    bool doors[3]; /* where it is allowed, by enum push_door */
} members[MEMBER_COUNT] = {
    [MEMBER_ALL] = {"all", {false, false, true}},    [MEMBER_ROOM] = {"room", {false, true, true}},
    [MEMBER_ROOMS] = {"rooms", {false, true, true}}, [MEMBER_ITEMS] = {"items", {true, true, true}},
    [MEMBER_WAIT] = {"wait", {true, true, true}},
};

static const char *const allowed_members[] = {
    [PUSH_DOOR_ALL] = "items and wait",
    [PUSH_DOOR_ROOM] = "room or rooms, items and wait",
    [PUSH_DOOR_BATCH] = "all, room or rooms, items and wait",
};

/* The members of one JSON push; a text with data NULL is absent. */
struct push_members {
    struct json_value values[MEMBER_COUNT];
};

static bool has(const struct push_members *found, enum member member)
{
    return found->values[member].text.data != NULL;
}

static enum member member_named(struct slice name)
{
    enum member member = 0;

    while (member < MEMBER_COUNT && !json_string_is(name, members[member].name, false)) {
        member++;
    }
    return member;
}

/* Cuts a member's name for a message, at a whole character. */
static int shown_len(struct slice name)
{
    size_t len = name.len < 40 ? name.len : 40;

    while (len < name.len && (name.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return (int)len;
}

static enum status add_member(struct push_reading *reading, enum push_door door,
                              const struct json_value *name, const struct json_value *value,
                              struct push_members *found)
{
    enum member member = member_named(name->text);

    if (member == MEMBER_COUNT || !members[member].doors[door]) {
        return push_refuse(reading->fault, "invalid_request", "member %.*s is not allowed; allowed are %s",
                           shown_len(name->text), (const char *)name->text.data, allowed_members[door]);
    }
    if (has(found, member)) {
        return push_refuse(reading->fault, "invalid_request", "member \"%s\" stands twice",
                           members[member].name);
    }
    found->values[member] = *value;
    return STATUS_OK;
}

static enum status find_members(struct push_reading *reading, enum push_door door,
                                const struct json_value *object, struct push_members *found)
{
    struct json_iter iter = json_iter_of(object, reading->text.data);
    struct json_value name, value;
    enum status status = STATUS_OK;

    if (object->type != JSON_OBJECT) {
        return push_refuse(reading->fault, "invalid_request", "a push must be a JSON object with %s",
                           allowed_members[door]);
    }
    while (status == STATUS_OK && json_next_member(&iter, &name, &value)) {
        status = add_member(reading, door, &name, &value, found);
    }
    return status;
}

static enum status read_rooms(struct push_reading *reading, const struct json_value *rooms)
{
    struct json_iter iter = json_iter_of(rooms, reading->text.data);
    struct json_value room;
    enum status status = STATUS_OK;
    char label[32];

    if (rooms->type != JSON_ARRAY) {
        return push_refuse(reading->fault, "invalid_request", "rooms must be an array of strings");
    }
    while (status == STATUS_OK && json_next_element(&iter, &room)) {
        snprintf(label, sizeof label, "rooms[%zu]", reading->push.room_count);
        status = push_reading_json_room(reading, &room, label);
    }
    if (status == STATUS_OK && reading->push.room_count == 0) {
        return push_refuse(reading->fault, "invalid_room", "rooms is empty, 1 to %zu rooms are allowed",
                           reading->limits->max_rooms);
    }
    return status == STATUS_OK ? push_reading_merge_rooms(reading) : status;
}

static enum status read_target(struct push_reading *reading, enum push_door door,
                               const struct push_members *found)
{
    if (has(found, MEMBER_ALL) + has(found, MEMBER_ROOM) + has(found, MEMBER_ROOMS) > 1) {
        return push_refuse(reading->fault, "invalid_request", "only one of %s is allowed",
                           door == PUSH_DOOR_BATCH ? "all, room and rooms" : "room and rooms");
    }
    if (has(found, MEMBER_ROOM)) {
        return push_reading_json_room(reading, &found->values[MEMBER_ROOM], "room");
    }
    if (has(found, MEMBER_ROOMS)) {
        return read_rooms(reading, &found->values[MEMBER_ROOMS]);
    }
    if (has(found, MEMBER_ALL) && found->values[MEMBER_ALL].type != JSON_TRUE) {
        return push_refuse(reading->fault, "invalid_request", "all must be true");
    }
    if (door == PUSH_DOOR_ROOM) {
        return push_refuse(reading->fault, "invalid_room", "room or rooms is missing");
    }
    if (door == PUSH_DOOR_BATCH && !has(found, MEMBER_ALL)) {
        return push_refuse(reading->fault, "invalid_request", "one of all, room and rooms is missing");
    }
    return STATUS_OK;
}

static enum status read_wait(struct push_reading *reading, const struct push_members *found)
{
    enum json_type type = found->values[MEMBER_WAIT].type;

    if (!has(found, MEMBER_WAIT)) {
        return STATUS_OK;
    }
    if (type != JSON_TRUE && type != JSON_FALSE) {
        return push_refuse(reading->fault, "invalid_request", "wait must be true or false");
    }
    reading->push.wait = type == JSON_TRUE;
    return STATUS_OK;
}

static enum status read_object(struct push_reading *reading, enum push_door door,
                               const struct json_value *object)
{
    struct push_members found = {0};
    enum status status = find_members(reading, door, object, &found);

    if (status == STATUS_OK) {
        status = read_target(reading, door, &found);
    }
    if (status == STATUS_OK) {
        status = read_wait(reading, &found);
    }
    if (status == STATUS_OK && !has(&found, MEMBER_ITEMS)) {
        return push_refuse(reading->fault, "invalid_request",
                           "items is missing, an array of 1 to %zu JSON values", reading->limits->max_items);
    }
    return status == STATUS_OK ? push_reading_items(reading, &found.values[MEMBER_ITEMS]) : status;
}

static enum status add_entries(struct push_request *request, size_t count)
{
    request->entries = calloc(count, sizeof *request->entries);
    return request->entries == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status read_json(struct push_reading *reading, enum push_door door)
{
    struct json_value root;
    enum status status = push_reading_scan(reading, IN_OBJECT, &root);

    if (status == STATUS_OK) {
        status = add_entries(reading->request, 1);
    }
    if (status == STATUS_OK) {
        push_reading_begin(reading);
        status = read_object(reading, door, &root);
    }
    return status == STATUS_OK ? push_reading_end(reading, NULL) : status;
}

/* How many elements there are, at most `max` + 1. */
static size_t element_count(struct json_iter iter, size_t max)
{
    struct json_value element;
    size_t count = 0;

    while (count <= max && json_next_element(&iter, &element)) {
        count++;
    }
    return count;
}

static enum status read_element(struct push_reading *reading, const struct json_value *element)
{
    enum status status;

    push_reading_begin(reading);
    status = read_object(reading, PUSH_DOOR_BATCH, element);
    if (status == STATUS_INVALID) {
        return push_reading_end(reading, reading->fault);
    }
    return status == STATUS_OK ? push_reading_end(reading, NULL) : status;
}

static enum status read_batch(struct push_reading *reading)
{
    size_t max = reading->limits->max_pushes;
    struct json_value root, element;
    enum status status = push_reading_scan(reading, IN_BATCH, &root);
    struct json_iter iter;
    size_t count;

    if (status != STATUS_OK) {
        return status;
    }
    iter = json_iter_of(&root, reading->text.data);
    count = element_count(iter, max);
    if (root.type != JSON_ARRAY || count == 0 || count > max) {
        return push_refuse(reading->fault, "invalid_request",
                           "a batch must be a JSON array of 1 to %zu pushes", max);
    }
    status = add_entries(reading->request, count);
    while (status == STATUS_OK && json_next_element(&iter, &element)) {
        status = read_element(reading, &element);
    }
    return status;
}

/* The field `name`, decoded to `out`; STATUS_NOT_FOUND when the form has none. */
static enum status read_field(struct push_reading *reading, struct slice form, const char *name,
                              struct buf *out)
{
    size_t bad = 0;
    enum status status = form_field(form, name, out, &bad);

    if (status == STATUS_INVALID) {
        return push_refuse(
            reading->fault, "invalid_request",
            "at byte %zu of the form: %% must be followed by two hex digits; write %%25 for itself", bad);
    }
    return status == STATUS_OK || status == STATUS_NOT_FOUND ? status : STATUS_NO_MEMORY;
}

static enum status read_form_items(struct push_reading *reading, struct slice form, struct json_value *items)
{
    struct buf *decoded = &reading->request->decoded;
    enum status status = read_field(reading, form, "items", decoded);

    if (status == STATUS_NOT_FOUND) {
        return push_refuse(reading->fault, "invalid_request",
                           "the form field items is missing, an array of 1 to %zu JSON values",
                           reading->limits->max_items);
    }
    reading->text = slice_of(decoded->data, decoded->len);
    return status == STATUS_OK ? push_reading_scan(reading, IN_FORM, items) : status;
}

static enum status read_form_room(struct push_reading *reading, struct slice form)
{
    struct buf *room = &reading->request->room;
    enum status status = read_field(reading, form, "room", room);

    if (status == STATUS_NOT_FOUND) {
        return push_refuse(reading->fault, "invalid_room", "the form field room is missing");
    }
    return status == STATUS_OK ? push_reading_room(reading, slice_of(room->data, room->len), "room") : status;
}

static enum status read_form_wait(struct push_reading *reading, struct slice form)
{
    struct buf value;
    enum status status;

    buf_init(&value, form.len);
    status = read_field(reading, form, "wait", &value);
    if (status == STATUS_OK && (value.len != 1 || (value.data[0] != '0' && value.data[0] != '1'))) {
        status = push_refuse(reading->fault, "invalid_request", "wait must be 0 or 1");
    }
    reading->push.wait = status == STATUS_OK && value.data[0] == '1';
    buf_fini(&value);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status read_form(struct push_reading *reading, enum push_door door, struct slice form)
{
    struct json_value items;
    enum status status = add_entries(reading->request, 1);

    push_reading_begin(reading);
    if (status == STATUS_OK) {
        status = read_form_items(reading, form, &items);
    }
    if (status == STATUS_OK && door == PUSH_DOOR_ROOM) {
        status = read_form_room(reading, form);
    }
    if (status == STATUS_OK) {
        status = read_form_wait(reading, form);
    }
    if (status == STATUS_OK) {
        status = push_reading_items(reading, &items);
    }
    return status == STATUS_OK ? push_reading_end(reading, NULL) : status;
}

static enum status read_body(struct push_reading *reading, enum push_door door, enum push_body kind,
                             struct slice body)
{
    if (kind == PUSH_BODY_JSON) {
        return door == PUSH_DOOR_BATCH ? read_batch(reading) : read_json(reading, door);
    }
    if (door == PUSH_DOOR_BATCH) {
        push_refuse(reading->fault, "unsupported_media_type", "a batch must be application/json");
        reading->fault->status = HTTP_UNSUPPORTED_MEDIA_TYPE;
        return STATUS_INVALID;
    }
    return read_form(reading, door, body);
}

/* The array of slices has stopped growing: every push gets its own. */
static void point_at_slices(struct push_request *request)
{
    struct slice *next = request->slices;

    for (size_t i = 0; i < request->count && next != NULL; i++) {
        struct push *push = &request->entries[i].push;

        push->rooms = next;
        push->items = next + push->room_count;
        next += push->room_count + push->item_count;
    }
}

enum status push_request_parse(enum push_door door, enum push_body kind, struct slice body,
                               const struct push_request_limits *limits, struct push_request **out,
                               struct push_fault *fault)
{
    struct push_request *request = calloc(1, sizeof *request);
    struct push_reading reading = {.limits = limits, .request = request, .fault = fault, .text = body};
    enum status status;

    if (request == NULL) {
        return STATUS_NO_MEMORY;
    }
    buf_init(&request->decoded, body.len);
    buf_init(&request->room, body.len);
    status = read_body(&reading, door, kind, body);
    if (status != STATUS_OK) {
        push_request_free(request);
        return status;
    }
    point_at_slices(request);
    *out = request;
    return STATUS_OK;
}

void push_request_free(struct push_request *request)
{
    if (request == NULL) {
        return;
    }
    for (size_t i = 0; i < request->count; i++) {
        free(request->entries[i].fault);
    }
    free(request->entries);
    free(request->slices);
    buf_fini(&request->decoded);
    buf_fini(&request->room);
    free(request);
}
