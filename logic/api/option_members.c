/* SPDX-License-Identifier: Apache-2.0 */
/* One short function for each member. Exclusions are decoded to where they are encoded, one behind the other,
 * which takes no more bytes than the text of their names with its quotes and commas. Pure; any thread. */
#include "logic/api/option_members.h"

#include <stdio.h>

#include "shared/contract/connection_id.h"

enum { TTL_MAX_DIGITS = 8 }; /* of PUSH_TTL_MAX_MS */

static const char *connection_fault(struct slice text)
{
    struct connection_id id;

    return connection_id_parse(text, &id) == STATUS_OK ? NULL : "not the id of a connection";
}

static enum status check_excluded(struct push_reading *reading, const struct push_exclusion *exclusion,
                                  const char *label)
{
    size_t max_len = reading->limits->max_room_len;
    const char *reason = exclusion->connection ? connection_fault(exclusion->name)
                                               : push_name_fault(AUDIENCE_USER, exclusion->name, max_len);

    if (reason == NULL)
        return STATUS_OK;
    if (exclusion->connection)
        return push_refuse(reading->fault, "invalid_request",
                           "exclude.%s: %s; allowed is one as a client's WELCOME says it", label, reason);
    return push_refuse(reading->fault, "invalid_user",
                       "exclude.%s: %s; allowed are 1 to %zu bytes of UTF-8 without control characters",
                       label, reason, max_len);
}

static enum status add_exclusion(struct push_reading *reading, bool connection,
                                 const struct json_value *value, const char *label)
{
    struct slice *exclusions = &reading->push.terms.exclusions;
    struct push_exclusion exclusion = {connection, {NULL, 0}};
    struct buf *decoded;
    uint8_t *out;
    enum status status;

    if (value->type != JSON_STRING)
        return push_refuse(reading->fault, "invalid_request", "exclude.%s must be a string", label);
    if (push_reading_decoded(reading, &decoded) != STATUS_OK)
        return STATUS_NO_MEMORY;
    out = decoded->data + decoded->len;
    exclusion.name.data = out + PUSH_OPTION_HEAD_LEN;
    status = json_unescape(value->text, (char *)out + PUSH_OPTION_HEAD_LEN,
                           decoded->cap - decoded->len - PUSH_OPTION_HEAD_LEN, &exclusion.name.len);
    if (status == STATUS_OK)
        status = check_excluded(reading, &exclusion, label);
    if (status != STATUS_OK)
        return status;
    push_exclusion_head(connection, exclusion.name.len, out);
    if (exclusions->len == 0)
        exclusions->data = out;
    exclusions->len += PUSH_OPTION_HEAD_LEN + exclusion.name.len;
    decoded->len += PUSH_OPTION_HEAD_LEN + exclusion.name.len;
    return STATUS_OK;
}

static enum status exclude_users(struct push_reading *reading, const struct json_value *users)
{
    struct json_iter iter = json_iter_of(users, reading->text.data);
    struct json_value user;
    enum status status = STATUS_OK;
    size_t count = 0;
    char label[32];

    if (users->type != JSON_ARRAY)
        return push_refuse(reading->fault, "invalid_request", "exclude.users must be an array of strings");
    while (status == STATUS_OK && json_next_element(&iter, &user)) {
        if (count == PUSH_EXCLUSIONS_MAX)
            return push_refuse(reading->fault, "too_many_users",
                               "exclude.users has more than %d users, the most a push may exclude",
                               PUSH_EXCLUSIONS_MAX);
        snprintf(label, sizeof label, "users[%zu]", count++);
        status = add_exclusion(reading, false, &user, label);
    }
    if (status == STATUS_OK && count == 0)
        return push_refuse(reading->fault, "invalid_user",
                           "exclude.users is empty, 1 to %d users are allowed", PUSH_EXCLUSIONS_MAX);
    return status;
}

static enum status refuse_exclude(struct push_reading *reading)
{
    return push_refuse(reading->fault, "invalid_request",
                       "exclude must be an object with exactly one of user, users and connection, as "
                       "{\"user\":\"u7\"}");
}

static enum status read_exclude(struct push_reading *reading, const struct json_value *exclude)
{
    struct json_iter iter = json_iter_of(exclude, reading->text.data);
    struct json_value name, value, more;

    if (exclude->type != JSON_OBJECT || !json_next_member(&iter, &name, &value) ||
        json_next_member(&iter, &more, &more))
        return refuse_exclude(reading);
    if (json_string_is(name.text, "user", false))
        return add_exclusion(reading, false, &value, "user");
    if (json_string_is(name.text, "users", false))
        return exclude_users(reading, &value);
    if (json_string_is(name.text, "connection", false))
        return add_exclusion(reading, true, &value, "connection");
    return refuse_exclude(reading);
}

/* 0: not a whole number that is allowed. */
static uint32_t ttl_of(const struct json_value *value)
{
    uint32_t ttl_ms = 0;

    if (value->type != JSON_NUMBER || value->text.len > TTL_MAX_DIGITS)
        return 0;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';

        if (digit > 9)
            return 0;
        ttl_ms = ttl_ms * 10 + digit;
    }
    return ttl_ms <= PUSH_TTL_MAX_MS ? ttl_ms : 0;
}

static enum status read_ttl(struct push_reading *reading, const struct json_value *ttl_ms)
{
    struct push_terms *terms = &reading->push.terms;

    terms->ttl_ms = ttl_of(ttl_ms);
    terms->has_ttl = terms->ttl_ms > 0;
    return terms->has_ttl ? STATUS_OK
                          : push_refuse(reading->fault, "invalid_request",
                                        "ttlMs must be a whole number from 1 to %d", PUSH_TTL_MAX_MS);
}

static enum status read_key(struct push_reading *reading, const struct json_value *key)
{
    size_t max_len = reading->limits->max_room_len;
    enum status status = push_reading_text(reading, key, "key", &reading->push.terms.key);

    if (status == STATUS_OK && push_room_fault(reading->push.terms.key, max_len) != NULL)
        return push_refuse(reading->fault, "invalid_request",
                           "key must have 1 to %zu bytes of UTF-8 without control characters", max_len);
    return status;
}

static enum status read_urgent(struct push_reading *reading, const struct json_value *urgent)
{
    reading->push.terms.urgent = urgent->type == JSON_TRUE;
    return urgent->type == JSON_TRUE || urgent->type == JSON_FALSE
               ? STATUS_OK
               : push_refuse(reading->fault, "invalid_request", "urgent must be true or false");
}

enum status option_members_read(struct push_reading *reading, const struct option_members *members)
{
    enum status status = STATUS_OK;

    if (members->exclude != NULL)
        status = read_exclude(reading, members->exclude);
    if (status == STATUS_OK && members->ttl_ms != NULL)
        status = read_ttl(reading, members->ttl_ms);
    if (status == STATUS_OK && members->key != NULL)
        status = read_key(reading, members->key);
    if (status == STATUS_OK && members->urgent != NULL)
        status = read_urgent(reading, members->urgent);
    return status;
}
