/* SPDX-License-Identifier: Apache-2.0 */
/* Form to record: decode the fields, check them by the rules of every door, encode. */
#include "gateway/intake/form_push.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/form.h"

enum { FAULT_TEXT_LEN = 128 };

struct reading {
    const struct form_push_limits *limits;
    struct buf room;
    struct buf text; /* the decoded `items` */
    struct slice *items;
    size_t item_count;
    struct fault *fault;
    const char *code;
};

__attribute__((format(printf, 3, 4))) static enum status refuse(struct reading *reading, const char *code,
                                                                const char *format, ...)
{
    va_list arguments;

    reading->code = code;
    if (reading->fault == NULL)
        return STATUS_INVALID;
    va_start(arguments, format);
    vsnprintf(reading->fault->text, sizeof reading->fault->text, format, arguments);
    va_end(arguments);
    return STATUS_INVALID;
}

static enum status no_memory(struct reading *reading)
{
    reading->code = "internal";
    return fault_set(reading->fault, STATUS_NO_MEMORY, "out of memory");
}

static enum status read_field(struct reading *reading, struct slice body, const char *name,
                              const char *missing, struct buf *out)
{
    size_t bad = 0;

    switch (form_field(body, name, out, &bad)) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_NOT_FOUND:
        return refuse(reading, missing, "the form has no field %s", name);
    case STATUS_INVALID:
        return refuse(reading, "invalid_request", "field %s: bad percent-encoding at byte %zu of the body",
                      name, bad);
    default:
        return no_memory(reading);
    }
}

static enum status read_room(struct reading *reading, struct slice body)
{
    size_t max_len = reading->limits->push.max_room_len;
    enum status status = read_field(reading, body, "room", "invalid_room", &reading->room);
    const char *wrong;

    if (status != STATUS_OK)
        return status;
    wrong = push_room_fault(slice_of(reading->room.data, reading->room.len), max_len);
    return wrong != NULL ? refuse(reading, "invalid_room",
                                  "%s; 1 to %zu bytes of UTF-8 without control characters", wrong, max_len)
                         : STATUS_OK;
}

static size_t count_elements(const struct json_value *array, const uint8_t *base)
{
    struct json_iter iter = json_iter_of(array, base);
    struct json_value element;
    size_t count = 0;

    while (json_next_element(&iter, &element))
        count++;
    return count;
}

static enum status check_array(struct reading *reading, struct json_value *array)
{
    struct slice text = slice_of(reading->text.data, reading->text.len);
    struct json_error error;
    char where[FAULT_TEXT_LEN];

    /* The array around the items is one level more than an item may have. */
    if (json_scan(text, reading->limits->push.max_depth + 1, array, &error) != STATUS_OK) {
        error.depth = error.depth ? reading->limits->push.max_depth : 0;
        return refuse(reading, "invalid_json", "items: %s", json_error_text(&error, where, sizeof where));
    }
    if (array->type != JSON_ARRAY)
        return refuse(reading, "invalid_request", "items is not an array");
    return STATUS_OK;
}

static enum status split_items(struct reading *reading, const struct json_value *array)
{
    size_t max_len = reading->limits->push.max_item_len;
    struct json_iter iter = json_iter_of(array, reading->text.data);
    struct json_value item;

    while (json_next_element(&iter, &item)) {
        if (item.text.len > max_len)
            return refuse(reading, "item_too_large", "at byte %zu: an item of %zu bytes, %zu are allowed",
                          item.offset, item.text.len, max_len);
        reading->items[reading->item_count++] = item.text;
    }
    return STATUS_OK;
}

static enum status read_items(struct reading *reading, struct slice body)
{
    enum status status = read_field(reading, body, "items", "invalid_request", &reading->text);
    struct json_value array;
    size_t count;

    if (status == STATUS_OK)
        status = check_array(reading, &array);
    if (status != STATUS_OK)
        return status;
    count = count_elements(&array, reading->text.data);
    if (count == 0)
        return refuse(reading, "invalid_request", "items is empty");
    if (count > reading->limits->max_items)
        return refuse(reading, "too_many_items", "%zu items, %zu are allowed", count,
                      reading->limits->max_items);
    reading->items = calloc(count, sizeof *reading->items);
    return reading->items != NULL ? split_items(reading, &array) : no_memory(reading);
}

static enum status encode(struct reading *reading, enum audience target, struct buf *out)
{
    const struct slice room = slice_of(reading->room.data, reading->room.len);
    const struct push push = {
        .target = target,
        .rooms = &room,
        .room_count = target == AUDIENCE_ROOM,
        .items = reading->items,
        .item_count = reading->item_count,
    };
    size_t size = push_record_size(&push);

    if (buf_reserve(out, size) != STATUS_OK)
        return no_memory(reading);
    push_record_encode(&push, 0, out->data + out->len);
    out->len += size;
    return STATUS_OK;
}

enum status form_push_encode(enum audience target, struct slice body, const struct form_push_limits *limits,
                             struct buf *out, struct fault *fault, const char **code)
{
    struct reading reading = {.limits = limits, .fault = fault, .code = ""};
    enum status status = STATUS_OK;

    buf_init(&reading.room, body.len + 1);
    buf_init(&reading.text, body.len + 1);
    if (target == AUDIENCE_ROOM)
        status = read_room(&reading, body);
    if (status == STATUS_OK)
        status = read_items(&reading, body);
    if (status == STATUS_OK)
        status = encode(&reading, target, out);
    buf_fini(&reading.room);
    buf_fini(&reading.text);
    free(reading.items);
    *code = reading.code;
    return status;
}
