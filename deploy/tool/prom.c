/* SPDX-License-Identifier: Apache-2.0 */
/* Reads metrics. Pure. */
#include "deploy/tool/prom.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_MAX = 64 };

static struct slice take_line(struct slice *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->len);
    struct slice line = slice_of(text->data, end != NULL ? (size_t)(end - text->data) : text->len);
    size_t taken = line.len + (end != NULL);

    *text = slice_of(text->data + taken, text->len - taken);
    return line;
}

/* The place of the brace that ends the labels; braces inside quotes do not count. */
static size_t labels_end(struct slice line, size_t at)
{
    bool quoted = false;

    for (; at < line.len; at++) {
        if (quoted && line.data[at] == '\\')
            at++;
        else if (line.data[at] == '"')
            quoted = !quoted;
        else if (!quoted && line.data[at] == '}')
            return at;
    }
    return line.len;
}

static bool parse_number(struct slice text, double *out)
{
    char number[NUMBER_MAX];
    char *end;

    if (text.len >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)text.len, (const char *)text.data);
    *out = strtod(number, &end);
    return end != number && (*end == '\0' || *end == ' ');
}

static bool parse_line(struct slice line, struct prom_sample *out)
{
    size_t at = 0;
    size_t end;

    while (at < line.len && line.data[at] != '{' && line.data[at] != ' ')
        at++;
    if (at == 0 || at == line.len || line.data[0] == '#')
        return false;
    out->name = slice_of(line.data, at);
    out->labels = slice_of(line.data + at, 0);
    if (line.data[at] == '{') {
        end = labels_end(line, at + 1);
        if (end == line.len)
            return false;
        out->labels = slice_of(line.data + at + 1, end - at - 1);
        at = end + 1;
    }
    return parse_number(slice_of(line.data + at, line.len - at), &out->value);
}

bool prom_next(struct slice *text, struct prom_sample *out)
{
    while (text->len > 0)
        if (parse_line(take_line(text), out))
            return true;
    return false;
}

double prom_sum(struct slice text, const char *name, const char *label)
{
    struct prom_sample sample;
    double sum = NAN;

    while (prom_next(&text, &sample)) {
        if (!slice_equal(sample.name, slice_str(name)))
            continue;
        if (label != NULL && label[0] &&
            memmem(sample.labels.data, sample.labels.len, label, strlen(label)) == NULL)
            continue;
        sum = isnan(sum) ? sample.value : sum + sample.value;
    }
    return sum;
}
