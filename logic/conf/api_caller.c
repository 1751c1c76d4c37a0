/* SPDX-License-Identifier: Apache-2.0 */
/* Each key of a line is a row with a function of its own. An unknown key is not shown: it may be the rest of
 * a token that was broken by a space. */
#include "logic/conf/api_caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/edit_distance.h"

enum { ONE_SECOND_US = 1000000, WORD_MAX = 32 };

static const char *const right_names[] = {
#define RIGHT_NAME(right, name, text) name,
    API_RIGHTS(RIGHT_NAME)
#undef RIGHT_NAME
};

enum key { KEY_NAME, KEY_RIGHTS, KEY_ROOMS, KEY_USERS, KEY_RATE, KEY_COUNT };

static const char *const key_names[KEY_COUNT] = {"name", "rights", "rooms", "users", "rate"};

#define ALLOWED_KEYS "name=, rights=, rooms=, users= and rate="

/* Takes the piece up to `mark`, or all of it, off `rest`. Whether there is more behind a mark. */
static bool cut(struct slice *rest, char mark, struct slice *piece)
{
    const uint8_t *end = memchr(rest->data, mark, rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;

    *piece = slice_of(rest->data, len);
    *rest = slice_of(rest->data + len + (end != NULL), rest->len - len - (end != NULL));
    return end != NULL;
}

/* The number of the word, or `count`; `*nearest` is then the one that was meant, or NULL. */
static size_t find_word(const char *const *words, size_t count, struct slice word, const char **nearest)
{
    char text[WORD_MAX];
    size_t best = 3;

    *nearest = NULL;
    snprintf(text, sizeof text, "%.*s", (int)word.len, (const char *)word.data);
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(text, words[i]);

        if (slice_equal(word, slice_str(words[i])))
            return i;
        if (distance < best) {
            best = distance;
            *nearest = words[i];
        }
    }
    return count;
}

static enum status read_name(struct api_caller *caller, struct slice value, struct fault *fault)
{
    bool good = value.len >= 1 && value.len <= API_CALLER_NAME_MAX;

    for (size_t i = 0; i < value.len; i++)
        good = good && value.data[i] > ' ' && value.data[i] < 0x7f;
    if (!good)
        return fault_set(fault, STATUS_INVALID, "name: 1 to %d printable ASCII characters are allowed",
                         API_CALLER_NAME_MAX);
    memcpy(caller->name, value.data, value.len);
    caller->name[value.len] = '\0';
    return STATUS_OK;
}

static enum status refuse_right(const char *nearest, struct fault *fault)
{
    char meant[WORD_MAX + 32] = "";

    if (nearest != NULL)
        snprintf(meant, sizeof meant, "; did you mean %s?", nearest);
    return fault_set(fault, STATUS_INVALID,
                     "rights: unknown right%s allowed: push, broadcast, query, kick, member",
                     nearest != NULL ? meant : ";");
}

static enum status read_rights(struct api_caller *caller, struct slice value, struct fault *fault)
{
    const char *nearest;
    struct slice word;
    bool more;

    caller->rights = 0;
    do {
        more = cut(&value, ',', &word);
        size_t right = find_word(right_names, API_RIGHT_COUNT, word, &nearest);
        if (right == API_RIGHT_COUNT)
            return refuse_right(nearest, fault);
        caller->rights |= 1u << right;
    } while (more);
    return STATUS_OK;
}

static enum status read_patterns(struct room_patterns *patterns, const char *key, struct slice value,
                                 struct fault *fault)
{
    struct slice pattern;
    enum status status;
    bool more;

    do {
        more = cut(&value, ',', &pattern);
        if (memmem(pattern.data, pattern.len, "{sub}", 5) != NULL)
            return fault_set(fault, STATUS_INVALID,
                             "%s: {sub} is the user of a client; a caller has none, so it is not allowed",
                             key);
        status = room_patterns_add(patterns, pattern);
    } while (status == STATUS_OK && more);
    if (status == STATUS_INVALID)
        return fault_set(fault, status, "%s: %s", key, room_pattern_fault(slice_of("", 0)));
    if (status == STATUS_FULL)
        return fault_set(fault, STATUS_INVALID, "%s: at most %d patterns are allowed", key,
                         ROOM_PATTERNS_MAX);
    return status == STATUS_OK ? STATUS_OK : fault_set(fault, status, "no memory for the tokens");
}

static enum status read_rooms(struct api_caller *caller, struct slice value, struct fault *fault)
{
    caller->bounded = true;
    return read_patterns(&caller->rooms, "rooms", value, fault);
}

static enum status read_users(struct api_caller *caller, struct slice value, struct fault *fault)
{
    caller->bounded = true;
    return read_patterns(&caller->users, "users", value, fault);
}

static enum status read_rate(struct api_caller *caller, struct slice value, struct fault *fault)
{
    int64_t rate = 0;

    for (size_t i = 0; i < value.len && rate >= 0 && rate <= API_RATE_MAX; i++)
        rate = value.data[i] >= '0' && value.data[i] <= '9' ? rate * 10 + (value.data[i] - '0') : -1;
    if (rate < 1 || rate > API_RATE_MAX)
        return fault_set(fault, STATUS_INVALID, "rate: pushes a second are needed, 1 to %d", API_RATE_MAX);
    caller->per_second = rate;
    caller->rate = (struct cell_rate){cell_rate_step_us(rate), ONE_SECOND_US};
    return STATUS_OK;
}

static enum status (*const readers[KEY_COUNT])(struct api_caller *, struct slice, struct fault *) = {
    read_name, read_rights, read_rooms, read_users, read_rate};

static enum status refuse_key(const char *nearest, struct fault *fault)
{
    if (nearest != NULL)
        return fault_set(fault, STATUS_INVALID,
                         "unknown key behind the token; did you mean %s=? allowed: " ALLOWED_KEYS, nearest);
    return fault_set(fault, STATUS_INVALID,
                     "a token has no space, and behind it only these are allowed: " ALLOWED_KEYS);
}

static enum status read_option(struct api_caller *caller, struct slice option, unsigned *seen,
                               struct fault *fault)
{
    const char *nearest;
    struct slice name;
    bool has_value = cut(&option, '=', &name);
    size_t key = find_word(key_names, KEY_COUNT, name, &nearest);

    if (!has_value && key < KEY_COUNT)
        nearest = key_names[key];
    if (!has_value || key == KEY_COUNT)
        return refuse_key(nearest, fault);
    if (*seen & 1u << key)
        return fault_set(fault, STATUS_INVALID, "%s= stands twice", key_names[key]);
    *seen |= 1u << key;
    return readers[key](caller, option, fault);
}

static enum status check_whole(struct api_caller *caller, unsigned seen, struct fault *fault)
{
    bool given = (seen & 1u << KEY_RIGHTS) != 0;

    if (seen != 0 && (seen & 1u << KEY_NAME) == 0)
        return fault_set(fault, STATUS_INVALID,
                         "name= is missing; a caller with rights of its own needs one");
    if (caller->bounded && given && (caller->rights & API_RIGHT_BROADCAST))
        return fault_set(fault, STATUS_INVALID,
                         "rights: broadcast reaches everybody, so it is not allowed beside rooms= or users=");
    if (caller->bounded)
        caller->rights &= ~(unsigned)API_RIGHT_BROADCAST;
    return STATUS_OK;
}

static enum status read_options(struct api_caller *caller, struct slice options, struct fault *fault)
{
    enum status status = STATUS_OK;
    unsigned seen = 0;

    while (status == STATUS_OK && options.len > 0) {
        struct slice option;

        (void)cut(&options, ' ', &option);
        if (option.len > 0)
            status = read_option(caller, option, &seen, fault);
    }
    return status == STATUS_OK ? check_whole(caller, seen, fault) : status;
}

enum status api_caller_parse(struct slice options, struct api_caller **out, struct fault *fault)
{
    struct api_caller *caller = calloc(1, sizeof *caller);
    enum status status;

    if (caller == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the tokens");
    strcpy(caller->name, API_CALLER_DEFAULT);
    caller->rights = API_RIGHT_ALL;
    caller->references = 1;
    status = read_options(caller, options, fault);
    if (status != STATUS_OK) {
        api_caller_unref(caller);
        return status;
    }
    *out = caller;
    return STATUS_OK;
}

static bool patterns_equal(const struct room_patterns *a, const struct room_patterns *b)
{
    return a->count == b->count && slice_equal(slice_of(a->texts, a->bytes), slice_of(b->texts, b->bytes));
}

bool api_caller_equal(const struct api_caller *a, const struct api_caller *b)
{
    return strcmp(a->name, b->name) == 0 && a->rights == b->rights && a->bounded == b->bounded &&
           a->per_second == b->per_second && patterns_equal(&a->rooms, &b->rooms) &&
           patterns_equal(&a->users, &b->users);
}

const char *api_right_name(enum api_right right)
{
    size_t number = 0;

    while (number + 1 < API_RIGHT_COUNT && (unsigned)right != 1u << number)
        number++;
    return right_names[number];
}

struct api_caller *api_caller_ref(struct api_caller *caller)
{
    caller->references++;
    return caller;
}

void api_caller_unref(struct api_caller *caller)
{
    if (caller == NULL || --caller->references > 0)
        return;
    room_patterns_fini(&caller->rooms);
    room_patterns_fini(&caller->users);
    free(caller);
}
