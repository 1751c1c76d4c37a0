/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of the codec. A reader hands out bytes and never passes the end of what it was
 * given; decoding checks all of a batch first, so that walking it afterwards needs no checks. Pure. */
#include "shared/contract/push.h"

#include <stdio.h>
#include <string.h>

#include "shared/contract/big_endian.h"
#include "shared/contract/command.h"

enum {
    RECORD_HEAD_LEN = PUSH_RECORD_HEAD_LEN - PUSH_RECORD_PREFIX_LEN,
    FLAGS_AT = 5,
    LOGIC_ID_AT = 8,
    SEQUENCE_AT = 24,
    COUNT_AT = 32
};

/* Cuts `len` bytes off the front of `rest`; data NULL, and nothing cut, when it has fewer. */
static struct slice take(struct slice *rest, size_t len)
{
    struct slice head = {NULL, 0};

    if (rest->data != NULL && rest->len >= len) {
        head = slice_of(rest->data, len);
        *rest = slice_of(rest->data + len, rest->len - len);
    }
    return head;
}

/* Cuts a length of `width` bytes (2 or 4) and as many bytes as it says. */
static struct slice take_counted(struct slice *rest, size_t width)
{
    struct slice whole = *rest;
    struct slice head = take(rest, width);
    struct slice bytes = {NULL, 0};

    if (head.data != NULL) {
        bytes = take(rest, width == 2 ? get16(head.data) : get32(head.data));
    }
    if (bytes.data == NULL) {
        *rest = whole;
    }
    return bytes;
}

/* One decoding: what every check needs to name the byte that is wrong. */
struct decoding {
    const uint8_t *start; /* of the batch */
    const struct push_limits *limits;
    struct fault *fault;
};

static enum status refuse(const struct decoding *decoding, const uint8_t *at, const char *reason)
{
    return fault_set(decoding->fault, STATUS_INVALID, "at byte %zu: %s", (size_t)(at - decoding->start),
                     reason);
}

static enum status check_header(const struct decoding *decoding, struct slice bytes)
{
    static const char magic[] = {'F', 'A', 'N', 'B'};

    if (bytes.len < PUSH_BATCH_HEADER_LEN) {
        return refuse(decoding, bytes.data + bytes.len, "cut short in the header");
    }
    if (memcmp(bytes.data, magic, sizeof magic) != 0) {
        return refuse(decoding, bytes.data, "not a batch");
    }
    if (bytes.data[4] != PUSH_BATCH_VERSION) {
        return refuse(decoding, bytes.data + 4, "unknown version, 1 is known");
    }
    if ((bytes.data[FLAGS_AT] & ~PUSH_BATCH_ONLY) != 0) {
        return refuse(decoding, bytes.data + FLAGS_AT, "unknown flags");
    }
    if (get16(bytes.data + 6) != 0) {
        return refuse(decoding, bytes.data + 6, "reserved bytes must be 0");
    }
    return get32(bytes.data + COUNT_AT) > 0 ? STATUS_OK
                                            : refuse(decoding, bytes.data + COUNT_AT, "no pushes");
}

/* The rooms or users of a record whose head has passed check_target. */
static enum status check_names(const struct decoding *decoding, struct slice *rest, const uint8_t *head)
{
    enum audience kind = AUDIENCE_ROOM;
    uint16_t count = get16(head + 2);

    (void)audience_of_target(head[1], &kind);
    for (uint16_t i = 0; i < count; i++) {
        const uint8_t *at = rest->data;
        struct slice name = take_counted(rest, 2);
        const char *reason = name.data == NULL ? "name cut short"
                                               : push_name_fault(kind, name, decoding->limits->max_room_len);

        if (reason != NULL) {
            return refuse(decoding, at, reason);
        }
    }
    return STATUS_OK;
}

static enum status check_item(const struct decoding *decoding, struct slice item)
{
    struct json_value value;
    struct json_error error;
    size_t base = (size_t)(item.data - decoding->start);
    char text[128];

    if (item.len > decoding->limits->max_item_len) {
        return fault_set(decoding->fault, STATUS_INVALID, "at byte %zu: item of %zu bytes, %zu are allowed",
                         base, item.len, decoding->limits->max_item_len);
    }
    if (json_scan(item, decoding->limits->max_depth, &value, &error) == STATUS_OK) {
        return STATUS_OK;
    }
    error.offset += base;
    return fault_set(decoding->fault, STATUS_INVALID, "%s", json_error_text(&error, text, sizeof text));
}

static enum status check_command(const struct decoding *decoding, struct slice item, const uint8_t *head)
{
    enum audience target = AUDIENCE_ROOM;
    struct command command;
    struct fault fault;
    char text[sizeof fault.text + 32];

    if (command_parse(item, decoding->limits->max_room_len, &command, &fault) != STATUS_OK) {
        snprintf(text, sizeof text, "not a command: %s", fault.text);
        return refuse(decoding, item.data, text);
    }
    (void)audience_of_target(head[1], &target);
    if (!command_fits(command.kind, target)) {
        return refuse(decoding, head + 1, "command and target contradict each other");
    }
    if (command.kind != COMMAND_KICK && (size_t)get16(head + 2) * command.room_count > COMMAND_PAIRS_MAX) {
        return refuse(decoding, head + 2, "users times rooms of a command are too many");
    }
    return STATUS_OK;
}

/* Of a record whose flags stand at `head`. */
static enum status check_items(const struct decoding *decoding, struct slice *rest, const uint8_t *head)
{
    const uint8_t *count_at = rest->data;
    struct slice counted = take(rest, 4);
    uint32_t count = counted.data == NULL ? 0 : get32(counted.data);
    bool command = (head[0] & PUSH_FLAG_COMMAND) != 0;
    enum status status = STATUS_OK;

    if (count == 0) {
        return refuse(decoding, count_at, counted.data == NULL ? "record cut short" : "no items");
    }
    if (command && count != 1) {
        return refuse(decoding, count_at, "a command has exactly one item");
    }
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const uint8_t *at = rest->data;
        struct slice item = take_counted(rest, 4);

        if (item.data == NULL) {
            return refuse(decoding, at, "item cut short");
        }
        status = command ? check_command(decoding, item, head) : check_item(decoding, item);
    }
    return status;
}

static int known_flags(const struct push_limits *limits)
{
    int flags = PUSH_FLAG_WAIT | PUSH_FLAG_TRACED | PUSH_FLAG_OPTIONS;

    return limits->commands ? flags | PUSH_FLAG_COMMAND : flags;
}

/* Flags, target and room count of a record. */
static enum status check_target(const struct decoding *decoding, const uint8_t *at)
{
    uint16_t room_count = get16(at + 2);
    enum audience target;

    if ((at[0] & ~known_flags(decoding->limits)) != 0) {
        return refuse(decoding, at, "unknown flags");
    }
    if ((at[0] & PUSH_FLAG_COMMAND) != 0 && (at[0] & PUSH_FLAG_OPTIONS) != 0) {
        return refuse(decoding, at, "a command with options");
    }
    if (!audience_of_target(at[1], &target)) {
        return refuse(decoding, at + 1, "unknown target");
    }
    if (target == AUDIENCE_CONNECTION && (at[0] & PUSH_FLAG_COMMAND) == 0) {
        return refuse(decoding, at + 1, "a target of commands only");
    }
    if (audience_has_names(target) != (room_count > 0)) {
        return refuse(decoding, at + 2, "names and target contradict each other");
    }
    return STATUS_OK;
}

/* What stands between the items of a record and its trace. */
static enum status check_options(const struct decoding *decoding, struct slice *rest, uint8_t flags)
{
    size_t behind = PUSH_OPTIONS_LEN_LEN + ((flags & PUSH_FLAG_TRACED) != 0 ? TRACEPARENT_LEN : 0);
    struct slice options;
    const char *reason;
    size_t at;

    if (rest->len < behind) {
        return refuse(decoding, rest->data, "options cut short");
    }
    options = slice_of(rest->data, rest->len - behind);
    if (get32(options.data + options.len) != options.len) {
        return refuse(decoding, options.data + options.len, "not the length of the options");
    }
    reason = push_options_fault(options, decoding->limits->max_room_len, &at);
    if (reason != NULL) {
        return refuse(decoding, options.data + at, reason);
    }
    take(rest, options.len + PUSH_OPTIONS_LEN_LEN);
    return STATUS_OK;
}

static enum status check_trace(const struct decoding *decoding, struct slice *rest)
{
    const uint8_t *at = rest->data;
    struct slice bytes = take(rest, TRACEPARENT_LEN);
    struct traceparent trace;

    if (bytes.data == NULL) {
        return refuse(decoding, at, "traceparent cut short");
    }
    return traceparent_decode(bytes.data, &trace) ? STATUS_OK : refuse(decoding, at, "not a traceparent");
}

static enum status check_record(const struct decoding *decoding, struct slice record, uint64_t least)
{
    struct slice rest = record;
    struct slice head = take(&rest, RECORD_HEAD_LEN);
    enum status status;

    if (head.data == NULL) {
        return refuse(decoding, record.data, "record cut short");
    }
    if (get64(head.data) < least) {
        return refuse(decoding, head.data, "sequences do not rise");
    }
    status = check_target(decoding, head.data + 8);
    if (status == STATUS_OK) {
        status = check_names(decoding, &rest, head.data + 8);
    }
    if (status == STATUS_OK) {
        status = check_items(decoding, &rest, head.data + 8);
    }
    if (status == STATUS_OK && (head.data[8] & PUSH_FLAG_OPTIONS) != 0) {
        status = check_options(decoding, &rest, head.data[8]);
    }
    if (status == STATUS_OK && (head.data[8] & PUSH_FLAG_TRACED) != 0) {
        status = check_trace(decoding, &rest);
    }
    if (status == STATUS_OK && rest.len > 0) {
        return refuse(decoding, rest.data, "bytes behind the last item of a record");
    }
    return status;
}

static enum status check_records(const struct decoding *decoding, const struct push_batch *batch)
{
    struct slice rest = batch->records;
    uint64_t least = batch->first_sequence;
    enum status status;

    for (uint32_t i = 0; i < batch->count; i++) {
        const uint8_t *at = rest.data;
        struct slice record = take_counted(&rest, PUSH_RECORD_PREFIX_LEN);

        if (record.data == NULL || (i > 0 && least == 0)) {
            return refuse(decoding, at, record.data == NULL ? "batch cut short" : "sequences do not rise");
        }
        status = check_record(decoding, record, least);
        if (status != STATUS_OK) {
            return status;
        }
        if (i == 0 && get64(record.data) != least) {
            return refuse(decoding, record.data, "the first sequence is not the header's");
        }
        least = get64(record.data) + 1;
    }
    return rest.len == 0 ? STATUS_OK : refuse(decoding, rest.data, "bytes behind the last record");
}

enum status push_batch_decode(struct slice bytes, const struct push_limits *limits, struct push_batch *out,
                              struct fault *fault)
{
    struct slice whole = bytes.len == 0 ? slice_str("") : bytes;
    struct decoding decoding = {whole.data, limits, fault};
    enum status status = check_header(&decoding, whole);

    if (status != STATUS_OK) {
        return status;
    }
    memcpy(out->logic_id, bytes.data + LOGIC_ID_AT, LOGIC_ID_LEN);
    out->first_sequence = get64(bytes.data + SEQUENCE_AT);
    out->count = get32(bytes.data + COUNT_AT);
    out->only = (bytes.data[FLAGS_AT] & PUSH_BATCH_ONLY) != 0;
    out->records = slice_of(bytes.data + PUSH_BATCH_HEADER_LEN, bytes.len - PUSH_BATCH_HEADER_LEN);
    return check_records(&decoding, out);
}

/* Cuts the options off the end of a checked record. */
static struct push_terms take_options(struct slice *record)
{
    size_t end = record->len - PUSH_OPTIONS_LEN_LEN;
    uint32_t len = get32(record->data + end);
    struct push_terms terms;

    push_options_decode(slice_of(record->data + end - len, len), &terms);
    record->len = end - len;
    return terms;
}

/* Where the items of a checked record begin. */
static struct slice behind_rooms(struct slice rooms, uint16_t count)
{
    struct slice room;

    for (uint16_t i = 0; i < count; i++) {
        push_next_room(&rooms, &room);
    }
    return rooms;
}

bool push_next_record(struct slice *rest, struct push_record *out)
{
    struct slice record = rest->len == 0 ? slice_of(NULL, 0) : take_counted(rest, PUSH_RECORD_PREFIX_LEN);
    struct slice head = take(&record, RECORD_HEAD_LEN);
    struct slice items;

    if (head.data == NULL) {
        return false;
    }
    out->sequence = get64(head.data);
    out->wait = (head.data[8] & PUSH_FLAG_WAIT) != 0;
    out->trace = NULL;
    if ((head.data[8] & PUSH_FLAG_TRACED) != 0) {
        record.len -= TRACEPARENT_LEN;
        out->trace = record.data + record.len;
    }
    out->command = (head.data[8] & PUSH_FLAG_COMMAND) != 0;
    out->terms = (head.data[8] & PUSH_FLAG_OPTIONS) != 0 ? take_options(&record) : (struct push_terms){0};
    out->target = AUDIENCE_ROOM;
    (void)audience_of_target(head.data[9], &out->target); /* it means one: the batch is checked */
    out->room_count = get16(head.data + 10);
    items = behind_rooms(record, out->room_count);
    out->rooms = slice_of(record.data, record.len - items.len);
    out->item_count = get32(items.data);
    out->items = slice_of(items.data + 4, items.len - 4);
    return true;
}

bool push_record_traceparent(struct slice record, struct traceparent *out)
{
    out->set = (record.data[PUSH_RECORD_FLAGS_AT] & PUSH_FLAG_TRACED) != 0;
    return out->set && traceparent_decode(record.data + record.len - TRACEPARENT_LEN, out);
}

bool push_next_room(struct slice *rest, struct slice *room)
{
    if (rest->len == 0) {
        return false;
    }
    *room = take_counted(rest, 2);
    return room->data != NULL;
}

bool push_next_item(struct slice *rest, struct slice *item)
{
    if (rest->len == 0) {
        return false;
    }
    *item = take_counted(rest, 4);
    return item->data != NULL;
}
