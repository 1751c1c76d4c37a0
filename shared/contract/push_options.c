/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of the codec of options. What each kind may say is checked by a function of its own, where it
 * may stand by one for all; reading them afterwards needs no checks. Pure. */
#include "shared/contract/push_options.h"

#include "shared/contract/big_endian.h"
#include "shared/contract/connection_id.h"
#include "shared/contract/push.h"

enum { REFUSE_UNKNOWN = 0x80 };
enum option_kind {
    EXCLUDE_USER = 1 | REFUSE_UNKNOWN,
    EXCLUDE_CONNECTION = 2 | REFUSE_UNKNOWN,
    KEY = 3 | REFUSE_UNKNOWN,
    URGENT = 4,
    TTL = 5 | REFUSE_UNKNOWN,
    LAST_NUMBER = 5 /* of a kind, without REFUSE_UNKNOWN */
};

struct option {
    uint8_t kind;
    struct slice bytes;
};

static bool is_exclusion(uint8_t kind)
{
    return kind == EXCLUDE_USER || kind == EXCLUDE_CONNECTION;
}

/* The next option; false at the end, and when it is cut short. */
static bool next_option(struct slice *rest, struct option *out)
{
    size_t len;

    if (rest->len < PUSH_OPTION_HEAD_LEN)
        return false;
    len = get16(rest->data + 1);
    if (len > rest->len - PUSH_OPTION_HEAD_LEN)
        return false;
    *out = (struct option){rest->data[0], slice_of(rest->data + PUSH_OPTION_HEAD_LEN, len)};
    *rest = slice_of(rest->data + PUSH_OPTION_HEAD_LEN + len, rest->len - PUSH_OPTION_HEAD_LEN - len);
    return true;
}

bool push_next_exclusion(struct slice *rest, struct push_exclusion *out)
{
    struct option option;

    if (!next_option(rest, &option))
        return false;
    *out = (struct push_exclusion){option.kind == EXCLUDE_CONNECTION, option.bytes};
    return true;
}

static uint8_t *put_head(uint8_t *out, enum option_kind kind, size_t len)
{
    *out++ = (uint8_t)kind;
    return put16(out, len);
}

void push_exclusion_head(bool connection, size_t len, uint8_t out[PUSH_OPTION_HEAD_LEN])
{
    put_head(out, connection ? EXCLUDE_CONNECTION : EXCLUDE_USER, len);
}

size_t push_options_size(const struct push_terms *terms)
{
    return terms->exclusions.len + (terms->key.len > 0 ? PUSH_OPTION_HEAD_LEN + terms->key.len : 0) +
           (terms->urgent ? PUSH_OPTION_HEAD_LEN : 0) +
           (terms->has_ttl ? PUSH_OPTION_HEAD_LEN + PUSH_OPTION_TTL_LEN : 0);
}

uint8_t *push_options_encode(const struct push_terms *terms, uint8_t *out)
{
    if (terms->exclusions.len > 0)
        out = put_bytes(out, terms->exclusions.data, terms->exclusions.len);
    if (terms->key.len > 0)
        out = put_bytes(put_head(out, KEY, terms->key.len), terms->key.data, terms->key.len);
    if (terms->urgent)
        out = put_head(out, URGENT, 0);
    if (terms->has_ttl)
        out = put32(put_head(out, TTL, PUSH_OPTION_TTL_LEN), terms->ttl_ms);
    return out;
}

static const char *user_fault(struct slice name, size_t max_len)
{
    return push_name_fault(AUDIENCE_USER, name, max_len);
}

static const char *connection_fault(struct slice name, size_t max_len)
{
    struct connection_id id;

    (void)max_len;
    return connection_id_parse(name, &id) == STATUS_OK ? NULL : "not the id of a connection";
}

static const char *key_fault(struct slice name, size_t max_len)
{
    return push_name_fault(AUDIENCE_ROOM, name, max_len) == NULL ? NULL : "not a key";
}

static const char *urgent_fault(struct slice bytes, size_t max_len)
{
    (void)max_len;
    return bytes.len == 0 ? NULL : "urgent has no bytes";
}

static const char *ttl_fault(struct slice bytes, size_t max_len)
{
    (void)max_len;
    if (bytes.len != PUSH_OPTION_TTL_LEN)
        return "a time to live has 4 bytes";
    return get32(bytes.data) <= PUSH_TTL_MAX_MS ? NULL : "a time to live of more than a day";
}

/* By the number of a kind, which is what is left of it without REFUSE_UNKNOWN. */
static const struct {
    uint8_t kind;
    const char *(*fault)(struct slice bytes, size_t max_len);
} kinds[LAST_NUMBER + 1] = {
    [EXCLUDE_USER & ~REFUSE_UNKNOWN] = {EXCLUDE_USER, user_fault},
    [EXCLUDE_CONNECTION & ~REFUSE_UNKNOWN] = {EXCLUDE_CONNECTION, connection_fault},
    [KEY & ~REFUSE_UNKNOWN] = {KEY, key_fault},
    [URGENT] = {URGENT, urgent_fault},
    [TTL & ~REFUSE_UNKNOWN] = {TTL, ttl_fault},
};

static const char *kind_fault(const struct option *option, size_t max_len)
{
    unsigned number = option->kind & ~(unsigned)REFUSE_UNKNOWN;

    if (number > LAST_NUMBER || kinds[number].fault == NULL)
        return (option->kind & REFUSE_UNKNOWN) == 0 ? NULL : "an option that must be known, and is not";
    if (kinds[number].kind != option->kind)
        return "an option whose bit for those who do not know it is another";
    return kinds[number].fault(option->bytes, max_len);
}

/* What came before an option, as far as it says where this one may stand. */
struct passed {
    size_t exclusions;
    bool others;   /* any that is no exclusion */
    unsigned seen; /* bits by number */
};

static const char *place_fault(const struct option *option, struct passed *passed)
{
    unsigned number = option->kind & ~(unsigned)REFUSE_UNKNOWN;
    unsigned bit = number <= LAST_NUMBER ? 1u << number : 0;

    if ((passed->seen & 1u << (TTL & ~REFUSE_UNKNOWN)) != 0)
        return "an option behind the time to live";
    if (is_exclusion(option->kind)) {
        if (passed->others)
            return "an exclusion behind other options";
        return ++passed->exclusions > PUSH_EXCLUSIONS_MAX ? "more than 100 exclusions" : NULL;
    }
    if ((passed->seen & bit) != 0)
        return "an option that stands twice";
    passed->others = true;
    passed->seen |= bit;
    return NULL;
}

const char *push_options_fault(struct slice options, size_t max_name_len, size_t *at)
{
    struct slice rest = options;
    struct passed passed = {0};

    do {
        struct option option;
        const char *fault;

        *at = options.len - rest.len;
        if (!next_option(&rest, &option))
            return options.len == 0 ? "no options" : "option cut short";
        fault = place_fault(&option, &passed);
        if (fault == NULL)
            fault = kind_fault(&option, max_name_len);
        if (fault != NULL)
            return fault;
    } while (rest.len > 0);
    return NULL;
}

void push_options_decode(struct slice options, struct push_terms *out)
{
    struct slice rest = options;
    struct option option;

    *out = (struct push_terms){.exclusions = slice_of(options.data, 0)};
    while (next_option(&rest, &option)) {
        if (is_exclusion(option.kind)) {
            out->exclusions.len = options.len - rest.len;
        } else if (option.kind == KEY) {
            out->key = option.bytes;
        } else if (option.kind == URGENT) {
            out->urgent = true;
        } else if (option.kind == TTL) {
            out->has_ttl = true;
            out->ttl_ms = get32(option.bytes.data);
        }
    }
}
