/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of the codec. A reader hands out bytes and never passes the end of what it was
 * given; decoding checks all of a batch first, so that walking it afterwards needs no checks. Pure. */
#include "shared/contract/push.h"

#include <endian.h>
#include <string.h>

enum {
    RECORD_HEAD_LEN = PUSH_RECORD_HEAD_LEN - PUSH_RECORD_PREFIX_LEN,
    FLAGS_AT = 5,
    LOGIC_ID_AT = 8,
    SEQUENCE_AT = 24,
    COUNT_AT = 32
};

static bool is_control(const uint8_t *at, const uint8_t *end)
{
    return *at < 0x20 || *at == 0x7F || (*at == 0xC2 && at + 1 < end && at[1] < 0xA0);
}

static bool has_control(struct slice name)
{
    const uint8_t *end = name.data + name.len;

    for (const uint8_t *at = name.data; at < end; at++) {
        if (is_control(at, end)) {
            return true;
        }
    }
    return false;
}

const char *push_name_fault(enum audience kind, struct slice name, size_t max_len)
{
    bool user = kind == AUDIENCE_USER;

    if (name.len == 0) {
        return user ? "the user name is empty" : "the room name is empty";
    }
    if (name.len > max_len || name.len > AUDIENCE_NAME_MAX) {
        return user ? "the user name is too long" : "the room name is too long";
    }
    if (!utf8_valid(name, NULL)) {
        return user ? "the user name is not valid UTF-8" : "the room name is not valid UTF-8";
    }
    if (has_control(name)) {
        return user ? "the user name has a control character" : "the room name has a control character";
    }
    return NULL;
}

const char *push_room_fault(struct slice room, size_t max_len)
{
    return push_name_fault(AUDIENCE_ROOM, room, max_len);
}

static uint16_t get16(const uint8_t *at)
{
    uint16_t wire;

    memcpy(&wire, at, sizeof wire);
    return be16toh(wire);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t wire;

    memcpy(&wire, at, sizeof wire);
    return be32toh(wire);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t wire;

    memcpy(&wire, at, sizeof wire);
    return be64toh(wire);
}

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

static enum status check_items(const struct decoding *decoding, struct slice *rest)
{
    const uint8_t *count_at = rest->data;
    struct slice head = take(rest, 4);
    uint32_t count = head.data == NULL ? 0 : get32(head.data);
    enum status status = STATUS_OK;

    if (count == 0) {
        return refuse(decoding, count_at, head.data == NULL ? "record cut short" : "no items");
    }
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const uint8_t *at = rest->data;
        struct slice item = take_counted(rest, 4);

        status = item.data == NULL ? refuse(decoding, at, "item cut short") : check_item(decoding, item);
    }
    return status;
}

/* Flags, target and room count of a record. */
static enum status check_target(const struct decoding *decoding, const uint8_t *at)
{
    uint16_t room_count = get16(at + 2);
    enum audience target;

    if ((at[0] & ~(PUSH_FLAG_WAIT | PUSH_FLAG_TRACED)) != 0) {
        return refuse(decoding, at, "unknown flags");
    }
    if (!audience_of_target(at[1], &target)) {
        return refuse(decoding, at + 1, "unknown target");
    }
    if (audience_has_names(target) != (room_count > 0)) {
        return refuse(decoding, at + 2, "names and target contradict each other");
    }
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
        status = check_items(decoding, &rest);
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
