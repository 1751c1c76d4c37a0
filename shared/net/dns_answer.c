/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the answer section once, from the question's name along its aliases. Names are unpacked by
 * c-ares, which knows compression and its loops; all lengths are checked here. Not c-ares' own
 * parsers: they give no TTL of SRV records, and no record's owner. Pure. */
#include "shared/net/dns_answer.h"

#include <ares.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADER_LEN = 12, RECORD_HEAD_LEN = 10, CLASS_IN = 1, FLAG_ANSWER = 0x80, FLAG_CUT = 0x02 };

struct reader {
    struct slice message;
    size_t at;
    char *owner; /* whose records count; c-ares' memory */
    size_t left; /* records of the section that were not read yet */
};

struct record_head {
    unsigned type, class;
    uint32_t ttl;
    size_t len, data; /* of the data; where it begins */
    bool ours;        /* of the owner */
};

static unsigned read16(const struct reader *reader, size_t at)
{
    const uint8_t *byte = reader->message.data;

    return (unsigned)byte[at] << 8 | byte[at + 1];
}

static bool has(const struct reader *reader, size_t len)
{
    return reader->message.len - reader->at >= len;
}

/* Unpacks the name at `*at` and steps over it; `*name` is c-ares' memory. */
static enum dns_result read_name(const struct reader *reader, size_t *at, char **name)
{
    const uint8_t *data = reader->message.data;
    long len;
    int status;

    *name = NULL;
    if (*at >= reader->message.len)
        return DNS_BAD_ANSWER;
    status = ares_expand_name(data + *at, data, (int)reader->message.len, name, &len);
    if (status != ARES_SUCCESS)
        return status == ARES_ENOMEM ? DNS_MEMORY : DNS_BAD_ANSWER;
    *at += (size_t)len;
    return DNS_FOUND;
}

static enum dns_result read_question(struct reader *reader)
{
    const uint8_t *data = reader->message.data;

    if (reader->message.len < HEADER_LEN || reader->message.len > UINT16_MAX || !(data[2] & FLAG_ANSWER) ||
        data[2] & FLAG_CUT || read16(reader, 4) != 1)
        return DNS_BAD_ANSWER;
    reader->left = read16(reader, 6);
    reader->at = HEADER_LEN;
    enum dns_result result = read_name(reader, &reader->at, &reader->owner);
    if (result != DNS_FOUND)
        return result;
    if (!has(reader, 4))
        return DNS_BAD_ANSWER;
    reader->at += 4;
    return DNS_FOUND;
}

static enum dns_result read_head(struct reader *reader, struct record_head *head)
{
    char *name;
    enum dns_result result = read_name(reader, &reader->at, &name);

    if (result != DNS_FOUND)
        return result;
    head->ours = strcasecmp(name, reader->owner) == 0;
    ares_free_string(name);
    if (!has(reader, RECORD_HEAD_LEN))
        return DNS_BAD_ANSWER;
    head->type = read16(reader, reader->at);
    head->class = read16(reader, reader->at + 2);
    head->ttl = (uint32_t)read16(reader, reader->at + 4) << 16 | read16(reader, reader->at + 6);
    head->len = read16(reader, reader->at + 8);
    head->data = reader->at += RECORD_HEAD_LEN;
    if (head->ttl > INT32_MAX) /* RFC 2181, section 8 */
        head->ttl = 0;
    if (!has(reader, head->len))
        return DNS_BAD_ANSWER;
    reader->at += head->len;
    return DNS_FOUND;
}

static enum dns_result follow(struct reader *reader, const struct record_head *head)
{
    size_t at = head->data;
    char *name;
    enum dns_result result = read_name(reader, &at, &name);

    if (result != DNS_FOUND)
        return result;
    ares_free_string(reader->owner);
    reader->owner = name;
    return at == head->data + head->len ? DNS_FOUND : DNS_BAD_ANSWER;
}

/* What may stand in a host's name; the rest would only be trouble for whoever prints it. */
static bool is_host_name(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

static enum dns_result read_service(const struct reader *reader, const struct record_head *head,
                                    struct dns_record *record)
{
    size_t at = head->data + 6;
    char *name;

    if (head->len < 7)
        return DNS_BAD_ANSWER;
    enum dns_result result = read_name(reader, &at, &name);
    if (result != DNS_FOUND)
        return result;
    record->port = (int)read16(reader, head->data + 4);
    record->target = strdup(name);
    result = at != head->data + head->len || !is_host_name(name) ? DNS_BAD_ANSWER : DNS_FOUND;
    ares_free_string(name);
    return record->target != NULL ? result : DNS_MEMORY;
}

static enum dns_result read_address(const struct reader *reader, const struct record_head *head, size_t len,
                                    struct dns_record *record)
{
    if (head->len != len)
        return DNS_BAD_ANSWER;
    memcpy(record->address, (const uint8_t *)reader->message.data + head->data, len);
    return DNS_FOUND;
}

static enum dns_result add_record(const struct reader *reader, const struct record_head *head,
                                  struct dns_answer *answer)
{
    struct dns_record *record = &answer->records[answer->count];

    *record = (struct dns_record){.port = 0};
    enum dns_result result = head->type == DNS_TYPE_SRV
                                 ? read_service(reader, head, record)
                                 : read_address(reader, head, head->type == DNS_TYPE_A ? 4 : 16, record);
    bool none =
        head->type == DNS_TYPE_SRV && record->target != NULL && (!record->target[0] || record->port == 0);
    if (result == DNS_FOUND && !none) {
        answer->count++;
        return DNS_FOUND;
    }
    free(record->target);
    return result;
}

static enum dns_result read_record(struct reader *reader, enum dns_type type, struct dns_answer *answer)
{
    struct record_head head;
    enum dns_result result = read_head(reader, &head);

    if (result != DNS_FOUND || head.class != CLASS_IN || !head.ours ||
        (head.type != (unsigned)type && head.type != DNS_TYPE_CNAME))
        return result;
    if (head.ttl < answer->ttl)
        answer->ttl = head.ttl;
    return head.type == (unsigned)type ? add_record(reader, &head, answer) : follow(reader, &head);
}

/* The shortest record has a name of one byte, so that a count that lies allocates nothing large. */
static enum dns_result read_records(struct reader *reader, enum dns_type type, struct dns_answer *answer)
{
    size_t room = reader->message.len / (1 + RECORD_HEAD_LEN);
    enum dns_result result = reader->left > room ? DNS_BAD_ANSWER : DNS_FOUND;

    if (result == DNS_FOUND && reader->left > 0) {
        answer->records = malloc(reader->left * sizeof *answer->records);
        if (answer->records == NULL)
            return DNS_MEMORY;
    }
    for (; result == DNS_FOUND && reader->left > 0; reader->left--)
        result = read_record(reader, type, answer);
    return result == DNS_FOUND && answer->count == 0 ? DNS_NO_DATA : result;
}

enum dns_result dns_answer_read(struct slice message, enum dns_type type, struct dns_answer *answer)
{
    struct reader reader = {.message = message};
    enum dns_result result = read_question(&reader);

    *answer = (struct dns_answer){.ttl = UINT32_MAX};
    if (result == DNS_FOUND)
        result = read_records(&reader, type, answer);
    ares_free_string(reader.owner);
    if (result != DNS_FOUND)
        dns_answer_fini(answer);
    return result;
}

void dns_answer_fini(struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->records[i].target);
    free(answer->records);
    *answer = (struct dns_answer){.count = 0};
}
