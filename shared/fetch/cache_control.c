/* SPDX-License-Identifier: Apache-2.0 */
/* Directives stand between commas; one may be quoted (no-cache="Set-Cookie"), and a comma within quotes
 * ends nothing. */
#include "shared/fetch/cache_control.h"

#include <stdbool.h>
#include <strings.h>

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Takes the directive at the front away. */
static struct slice next_directive(struct slice *rest)
{
    bool quoted = false;
    size_t end = 0;

    for (; end < rest->len && (quoted || rest->data[end] != ','); end++)
        if (rest->data[end] == '"')
            quoted = !quoted;
    struct slice directive = trim(slice_of(rest->data, end));
    size_t used = end < rest->len ? end + 1 : end;
    *rest = slice_of(rest->data + used, rest->len - used);
    return directive;
}

static bool begins_with(struct slice text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && strncasecmp((const char *)text.data, word, len) == 0;
}

/* -1 for what is no number. A value may be quoted (RFC 9111, 5.2). */
static int64_t seconds_of(struct slice text)
{
    int64_t seconds = 0;

    if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"')
        text = slice_of(text.data + 1, text.len - 2);
    if (text.len == 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        seconds = seconds * 10 + (text.data[i] - '0');
        if (seconds > CACHE_CONTROL_MAX_S)
            seconds = CACHE_CONTROL_MAX_S;
    }
    return seconds;
}

static int64_t age_of(struct slice directive)
{
    static const size_t SKIP = sizeof "max-age=" - 1;

    if (begins_with(directive, "no-store") || begins_with(directive, "no-cache"))
        return 0;
    if (!begins_with(directive, "max-age="))
        return -1;
    return seconds_of(slice_of(directive.data + SKIP, directive.len - SKIP));
}

int64_t cache_control_max_age(struct slice value)
{
    int64_t shortest = -1;

    while (value.len > 0) {
        int64_t age = age_of(next_directive(&value));

        if (age >= 0 && (shortest < 0 || age < shortest))
            shortest = age;
    }
    return shortest;
}
