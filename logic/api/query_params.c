/* SPDX-License-Identifier: Apache-2.0 */
/* A table of names, each with what reads its value. Names are compared as they stand: none needs an escape.
 */
#include "logic/api/query_params.h"

#include <stdio.h>
#include <string.h>

#include "logic/query/query_text.h"
#include "shared/base/form.h"

enum { SHOWN_NAME = 40, NUMBER_DIGITS = 6 };

static bool refuse(struct push_fault *fault, const char *format, const char *what)
{
    *fault = (struct push_fault){.status = 400, .code = "invalid_request"};
    snprintf(fault->message, sizeof fault->message, format, what);
    return false;
}

static bool read_flag(struct query_params *out, struct slice value, struct push_fault *fault)
{
    if (value.len != 1 || (value.data[0] != '0' && value.data[0] != '1'))
        return refuse(fault, "users: %s", "1 or 0 is allowed");
    out->users = value.data[0] == '1';
    return true;
}

static bool read_number(size_t *out, const char *name, struct slice value, struct push_fault *fault)
{
    size_t number = 0;

    for (size_t i = 0; i < value.len && value.len <= NUMBER_DIGITS; i++) {
        unsigned digit = (unsigned)value.data[i] - '0';
        if (digit > 9)
            return refuse(fault, "%s: a whole number from 1 to 1000 is allowed", name);
        number = number * 10 + digit;
    }
    if (number < 1 || number > QUERY_LIMIT_MAX)
        return refuse(fault, "%s: a whole number from 1 to 1000 is allowed", name);
    *out = number;
    return true;
}

static bool read_limit(struct query_params *out, struct slice value, struct push_fault *fault)
{
    return read_number(&out->limit, "limit", value, fault);
}

static bool read_top(struct query_params *out, struct slice value, struct push_fault *fault)
{
    return read_number(&out->top, "top", value, fault);
}

static bool read_text(struct buf *out, struct slice value, struct push_fault *fault)
{
    if (buf_append(out, value.data, value.len) == STATUS_OK)
        return true;
    *fault = (struct push_fault){.status = 500, .code = "internal", .message = "out of memory"};
    return false;
}

static bool read_after(struct query_params *out, struct slice value, struct push_fault *fault)
{
    return read_text(&out->after, value, fault);
}

static bool read_prefix(struct query_params *out, struct slice value, struct push_fault *fault)
{
    return read_text(&out->prefix, value, fault);
}

static const struct {
    const char *name;
    bool (*read)(struct query_params *out, struct slice value, struct push_fault *fault);
} table[PARAM_COUNT] = {
    [PARAM_USERS] = {"users", read_flag},  [PARAM_LIMIT] = {"limit", read_limit},
    [PARAM_AFTER] = {"after", read_after}, [PARAM_PREFIX] = {"prefix", read_prefix},
    [PARAM_TOP] = {"top", read_top},
};

static bool refuse_unknown(struct slice name, unsigned allowed, struct push_fault *fault)
{
    char text[PARAM_COUNT * 8] = "";
    size_t len = 0;

    for (size_t i = 0; i < PARAM_COUNT; i++)
        if (allowed & 1u << i)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%s%s", len > 0 ? ", " : "", table[i].name);
    *fault = (struct push_fault){.status = 400, .code = "invalid_request"};
    snprintf(fault->message, sizeof fault->message, "unknown parameter \"%.*s\"; allowed: %s",
             (int)(name.len < SHOWN_NAME ? name.len : SHOWN_NAME), (const char *)name.data,
             len > 0 ? text : "none");
    return false;
}

static bool read_value(struct slice query, size_t param, struct query_params *out, struct push_fault *fault)
{
    struct buf value;
    size_t bad;

    buf_init(&value, QUERY_PARAM_BYTES);
    enum status status = form_field(query, table[param].name, &value, &bad);
    bool good = status == STATUS_OK && table[param].read(out, slice_of(value.data, value.len), fault);
    if (status != STATUS_OK)
        (void)refuse(fault, "%s: not well-formed percent-encoding", table[param].name);
    buf_fini(&value);
    return good;
}

static bool read_one(struct slice query, struct slice name, unsigned allowed, struct query_params *out,
                     struct push_fault *fault)
{
    size_t i = 0;

    while (i < PARAM_COUNT && !slice_equal(name, slice_str(table[i].name)))
        i++;
    if (i == PARAM_COUNT || (allowed & 1u << i) == 0)
        return refuse_unknown(name, allowed, fault);
    if (out->given & 1u << i)
        return refuse(fault, "%s stands twice", table[i].name);
    out->given |= 1u << i;
    return read_value(query, i, out, fault);
}

static size_t until(struct slice text, char mark)
{
    const uint8_t *found = text.len > 0 ? memchr(text.data, mark, text.len) : NULL;

    return found != NULL ? (size_t)(found - text.data) : text.len;
}

bool query_params_read(struct slice query, unsigned allowed, struct query_params *out,
                       struct push_fault *fault)
{
    const unsigned of_users = 1u << PARAM_LIMIT | 1u << PARAM_AFTER;
    struct slice rest = query;

    *out = (struct query_params){.limit = QUERY_LIMIT_DEFAULT, .top = QUERY_TOP_DEFAULT};
    buf_init(&out->after, QUERY_PARAM_BYTES);
    buf_init(&out->prefix, QUERY_PARAM_BYTES);
    while (rest.len > 0) {
        struct slice field = slice_of(rest.data, until(rest, '&'));
        size_t skip = field.len < rest.len ? field.len + 1 : field.len;

        rest = slice_of(rest.data + skip, rest.len - skip);
        if (field.len > 0 && !read_one(query, slice_of(field.data, until(field, '=')), allowed, out, fault))
            return false;
    }
    if ((out->given & of_users) != 0 && !out->users)
        return refuse(fault, "%s", "limit and after are of a page of users: users=1 is missing");
    return true;
}

void query_params_fini(struct query_params *params)
{
    buf_fini(&params->after);
    buf_fini(&params->prefix);
}
