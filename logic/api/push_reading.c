/* SPDX-License-Identifier: Apache-2.0 */
/* Slices are gathered in one growing array; since it moves while it grows, a push knows only
 * how many are its own until push_request_parse points it at them. */
#include "logic/api/push_reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/hashmap.h"

enum { FIRST_SLICES = 8, HTTP_BAD_REQUEST = 400 };

enum status push_refuse(struct push_fault *fault, const char *code, const char *format, ...)
{
    va_list arguments;

    fault->status = HTTP_BAD_REQUEST;
    fault->code = code;
    va_start(arguments, format);
    vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
    return STATUS_INVALID;
}

enum status push_reading_scan(struct push_reading *reading, int wrapping, struct json_value *out)
{
    struct json_error error;
    char text[128];

    if (json_scan(reading->text, reading->limits->max_depth + wrapping, out, &error) == STATUS_OK) {
        return STATUS_OK;
    }
    error.depth = error.depth > 0 ? reading->limits->max_depth : 0;
    return push_refuse(reading->fault, "invalid_json", "%s", json_error_text(&error, text, sizeof text));
}

static enum status add_slice(struct push_request *request, struct slice slice)
{
    if (request->slice_count == request->slice_cap) {
        size_t cap = request->slice_cap == 0 ? FIRST_SLICES : request->slice_cap * 2;
        struct slice *slices = reallocarray(request->slices, cap, sizeof *slices);

        if (slices == NULL) {
            return STATUS_NO_MEMORY;
        }
        request->slices = slices;
        request->slice_cap = cap;
    }
    request->slices[request->slice_count++] = slice;
    return STATUS_OK;
}

void push_reading_begin(struct push_reading *reading)
{
    reading->push = (struct push){.target = AUDIENCE_EVERYONE};
    reading->idempotency_key = slice_of(NULL, 0);
    reading->fault->trace.set = false;
    reading->first_name = reading->request->slice_count;
}

const char *push_reading_name_code(enum audience kind)
{
    return kind == AUDIENCE_USER ? "invalid_user" : "invalid_room";
}

enum status push_reading_name(struct push_reading *reading, enum audience kind, struct slice name,
                              const char *label)
{
    size_t max_len = reading->limits->max_room_len;
    const char *reason = push_name_fault(kind, name, max_len);

    if (reason != NULL) {
        return push_refuse(reading->fault, push_reading_name_code(kind),
                           "%s: %s; allowed are 1 to %zu bytes of UTF-8 without control characters", label,
                           reason, max_len);
    }
    if (reading->push.room_count == reading->limits->max_rooms) {
        return push_refuse(reading->fault, kind == AUDIENCE_USER ? "too_many_users" : "too_many_rooms",
                           "more than %zu %s, the most a push may have", reading->limits->max_rooms,
                           audience_name(kind));
    }
    reading->push.target = kind;
    reading->push.room_count++;
    return add_slice(reading->request, name);
}

/* Decoded texts are never longer than they stand in the body, so the body's length is room for all. */
enum status push_reading_decoded(struct push_reading *reading, struct buf **out)
{
    struct buf *decoded = &reading->request->decoded;

    *out = decoded;
    return decoded->cap > 0 || buf_reserve(decoded, reading->text.len) == STATUS_OK ? STATUS_OK
                                                                                    : STATUS_NO_MEMORY;
}

static enum status unescape(struct push_reading *reading, struct slice *text)
{
    struct buf *decoded;
    enum status status = push_reading_decoded(reading, &decoded);
    uint8_t *out = decoded->data + decoded->len;
    size_t len;

    if (status != STATUS_OK) {
        return status;
    }
    status = json_unescape(*text, (char *)out, decoded->cap - decoded->len, &len);
    if (status != STATUS_OK) {
        return status;
    }
    decoded->len += len;
    *text = slice_of(out, len);
    return STATUS_OK;
}

enum status push_reading_text(struct push_reading *reading, const struct json_value *value, const char *label,
                              struct slice *out)
{
    *out = value->text;
    if (value->type != JSON_STRING) {
        return push_refuse(reading->fault, "invalid_request", "%s must be a string", label);
    }
    if (memchr(out->data, '\\', out->len) != NULL) {
        return unescape(reading, out);
    }
    *out = slice_of(out->data + 1, out->len - 2);
    return STATUS_OK;
}

enum status push_reading_json_name(struct push_reading *reading, enum audience kind,
                                   const struct json_value *value, const char *label)
{
    struct slice name;
    enum status status = push_reading_text(reading, value, label, &name);

    return status == STATUS_OK ? push_reading_name(reading, kind, name, label) : status;
}

/* Moves the first of each name to the front; returns how many there are. */
static size_t keep_first(struct hashmap *seen, struct hashmap_node *nodes, struct slice *names, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hashmap_hash(names[i]);

        if (hashmap_find(seen, names[i], hash) == NULL) {
            nodes[kept] = (struct hashmap_node){NULL, names[i], hash};
            hashmap_add(seen, &nodes[kept]);
            names[kept++] = names[i];
        }
    }
    return kept;
}

enum status push_reading_merge_names(struct push_reading *reading)
{
    struct push_request *request = reading->request;
    size_t count = reading->push.room_count;
    struct hashmap_node *nodes;
    struct hashmap seen;

    if (count < 2) {
        return STATUS_OK;
    }
    nodes = calloc(count, sizeof *nodes);
    if (nodes == NULL || hashmap_init(&seen) != STATUS_OK) {
        free(nodes);
        return STATUS_NO_MEMORY;
    }
    reading->push.room_count = keep_first(&seen, nodes, request->slices + reading->first_name, count);
    request->slice_count = reading->first_name + reading->push.room_count;
    hashmap_fini(&seen);
    free(nodes);
    return STATUS_OK;
}

void push_reading_forget_names(struct push_reading *reading)
{
    reading->push.room_count = 0;
    reading->request->slice_count = reading->first_name;
}

static enum status add_item(struct push_reading *reading, struct slice item)
{
    const struct push_request_limits *limits = reading->limits;
    size_t index = reading->push.item_count;

    if (index == limits->max_items) {
        return push_refuse(reading->fault, "too_many_items", "more than %zu items, the most a push may have",
                           limits->max_items);
    }
    if (item.len > limits->max_item_len) {
        return push_refuse(reading->fault, "item_too_large",
                           "items[%zu] has %zu bytes, at most %zu are allowed", index, item.len,
                           limits->max_item_len);
    }
    reading->push.item_count++;
    return add_slice(reading->request, item);
}

enum status push_reading_own_item(struct push_reading *reading, struct slice item)
{
    reading->push.item_count++;
    return add_slice(reading->request, item);
}

enum status push_reading_items(struct push_reading *reading, const struct json_value *items)
{
    struct json_iter iter = json_iter_of(items, reading->text.data);
    struct json_value item;
    enum status status = STATUS_OK;

    if (items->type != JSON_ARRAY) {
        return push_refuse(reading->fault, "invalid_request",
                           "items must be an array of 1 to %zu JSON values", reading->limits->max_items);
    }
    while (status == STATUS_OK && json_next_element(&iter, &item)) {
        status = add_item(reading, item.text);
    }
    if (status == STATUS_OK && reading->push.item_count == 0) {
        return push_refuse(reading->fault, "invalid_request",
                           "items is empty, 1 to %zu JSON values are allowed", reading->limits->max_items);
    }
    return status;
}

enum status push_reading_end(struct push_reading *reading, const struct push_fault *fault)
{
    struct push_entry *entry = &reading->request->entries[reading->request->count];

    entry->push = reading->push;
    entry->idempotency_key = reading->idempotency_key;
    entry->fault = NULL;
    if (fault != NULL) {
        entry->push = (struct push){.target = AUDIENCE_EVERYONE};
        entry->fault = malloc(sizeof *entry->fault);
        if (entry->fault == NULL) {
            return STATUS_NO_MEMORY;
        }
        *entry->fault = *fault;
        reading->request->slice_count = reading->first_name;
    }
    reading->request->count++;
    return STATUS_OK;
}
