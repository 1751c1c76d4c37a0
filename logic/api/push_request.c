/* SPDX-License-Identifier: Apache-2.0 */
/* The doors: a form or a JSON object is one push, a JSON array of /push/batch is many. */
#include "logic/api/push_request.h"

#include <stdlib.h>

#include "logic/api/command_object.h"
#include "logic/api/push_object.h"
#include "logic/api/push_reading.h"
#include "shared/base/form.h"

enum { HTTP_UNSUPPORTED_MEDIA_TYPE = 415 };
enum { IN_FORM = 1, IN_OBJECT = 2, IN_BATCH = 3 }; /* levels of JSON around an item */

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
        status = door >= PUSH_DOOR_COMMANDS ? command_object_read(reading, door, &root)
                                            : push_object_read(reading, door, &root);
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
    status = push_object_read(reading, PUSH_DOOR_BATCH, element);
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

/* The field is called as one name of its kind is. */
static enum status read_form_name(struct push_reading *reading, enum audience kind, struct slice form)
{
    struct buf *name = &reading->request->name;
    enum status status = read_field(reading, form, audience_noun(kind), name);

    if (status == STATUS_NOT_FOUND) {
        return push_refuse(reading->fault, push_reading_name_code(kind), "the form field %s is missing",
                           audience_noun(kind));
    }
    return status == STATUS_OK
               ? push_reading_name(reading, kind, slice_of(name->data, name->len), audience_noun(kind))
               : status;
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
        status = read_form_name(reading, AUDIENCE_ROOM, form);
    }
    if (status == STATUS_OK && door == PUSH_DOOR_USER) {
        status = read_form_name(reading, AUDIENCE_USER, form);
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
    if (!push_door_takes_forms(door)) {
        push_refuse(reading->fault, "unsupported_media_type", "the body must be application/json");
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
    fault->trace.set = false;
    buf_init(&request->decoded, body.len);
    buf_init(&request->name, body.len);
    buf_init(&request->command, COMMAND_MAX_BYTES);
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
    buf_fini(&request->name);
    buf_fini(&request->command);
    free(request);
}
