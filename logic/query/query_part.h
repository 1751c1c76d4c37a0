/* SPDX-License-Identifier: Apache-2.0 */
/* One gateway's answer to a question, and what became of it. Reading is strict: a JSON object of exact names,
 * each there once and of its type; members that are not known are passed over, so that later versions may add
 * some. Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_QUERY_PART_H
#define FANFARE_LOGIC_QUERY_QUERY_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/json/json_scan.h"

enum { QUERY_MEMBERS_MAX = 12, QUERY_NAME_MAX = 1024 };

enum query_state {
    QUERY_NOT_ASKED, /* its link is not up, or it knows no queries */
    QUERY_ASKED,
    QUERY_ANSWERED, /* `body` is what the question's kind wants */
    QUERY_LATE,     /* not within the time, or its link broke meanwhile */
    QUERY_FAILED,   /* it answered with an error, or with something else */
    QUERY_ELSEWHERE /* it could not know: what is asked for is another gateway's */
};

struct query_part {
    const char *gateway; /* "host:port" */
    enum query_state state;
    struct slice body; /* of one that has answered, and what `members` points into */
    struct json_value members[QUERY_MEMBERS_MAX]; /* in the order of the kind's table */
};

/* Types of JSON values as bits. */
#define QUERY_TYPE(type) (1u << (type))
#define QUERY_BOOL       (QUERY_TYPE(JSON_TRUE) | QUERY_TYPE(JSON_FALSE))
#define QUERY_ANY        (~0u)

struct query_member {
    const char *name;
    unsigned types;
};

/* A question's answer: its members, and what is checked beside their types. */
struct query_kind {
    const struct query_member *members;
    size_t count; /* at most QUERY_MEMBERS_MAX */
    bool (*check)(const struct query_part *part);
};

/* Reads part->body, which must be one of `kind`, and fills part->members. */
bool query_part_read(struct query_part *part, const struct query_kind *kind);
/* The members of an object within it, in the order of the table. */
bool query_members_read(const struct json_value *object, const struct query_member *members, size_t count,
                        struct json_value *out);
/* A whole number of at most 15 digits without sign, or -1. */
int64_t query_count(const struct json_value *value);
/* Decodes a string of 1 to QUERY_NAME_MAX bytes into `out`; its length, 0: it is none. */
size_t query_name(const struct json_value *value, char out[QUERY_NAME_MAX]);
/* As memcmp orders them, and what begins another in front of it. */
int query_compare(struct slice a, struct slice b);
/* Appends {"known":…,"asked":…,"answered":…} and the gateways that did not answer, by why; see
 * docs/protocol.md, section 1. */
enum status query_gateways_append(struct buf *out, const struct query_part *parts, size_t count);

#endif
