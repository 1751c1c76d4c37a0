/* SPDX-License-Identifier: Apache-2.0 */
/* The names of options in files, environment and flags, and the search for the name that was
 * meant. Pure; start-up only. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/edit_distance.h"
#include "shared/conf/conf_internal.h"

/* A capital begins a word: wsPort, rpc.serverName. */
static bool begins_word(const char *key, size_t at)
{
    return at > 0 && key[at - 1] != '.' && isupper((unsigned char)key[at]);
}

static char spelt(char c, enum conf_spelling spelling)
{
    int letter = (unsigned char)c;

    return (char)(spelling == CONF_SPELL_ENVIRONMENT ? toupper(letter) : tolower(letter));
}

void conf_spell(const char *key, enum conf_spelling spelling, char *out, size_t cap)
{
    char joint = spelling == CONF_SPELL_ENVIRONMENT ? '_' : '-';
    size_t len;

    if (spelling == CONF_SPELL_KEY) {
        snprintf(out, cap, "%s", key);
        return;
    }
    len = (size_t)snprintf(out, cap, "%s", spelling == CONF_SPELL_ENVIRONMENT ? "FANFARE_" : "--");
    for (size_t i = 0; key[i] && len + 2 < cap; i++) {
        if (begins_word(key, i))
            out[len++] = joint;
        out[len++] = key[i] == '.' ? joint : spelt(key[i], spelling);
    }
    out[len] = '\0';
}

const struct conf_option *conf_find(const struct conf_table *table, enum conf_spelling spelling,
                                    const char *name)
{
    char known[CONF_NAME_MAX];

    for (size_t i = 0; i < table->count; i++) {
        conf_spell(table->options[i].key, spelling, known, sizeof known);
        if ((spelling == CONF_SPELL_KEY ? strcasecmp(known, name) : strcmp(known, name)) == 0)
            return &table->options[i];
    }
    return NULL;
}

void conf_keep_nearer(const char *name, const char *known, size_t *best, char *out, size_t cap)
{
    size_t distance = edit_distance(name, known);

    if (distance >= *best)
        return;
    *best = distance;
    snprintf(out, cap, "%s", known);
}

static size_t dots_of(const char *name)
{
    size_t dots = 0;

    for (; *name; name++)
        dots += *name == '.';
    return dots;
}

/* Cuts a key behind as many dots as `dots`: the name of the group at that depth. */
static void cut_to_depth(char *key, size_t dots)
{
    for (; *key; key++)
        if (*key == '.' && dots-- == 0) {
            *key = '\0';
            return;
        }
}

void conf_nearest(const struct conf_table *table, enum conf_spelling spelling, const char *name, char *out,
                  size_t cap)
{
    size_t best = SIZE_MAX;
    char known[CONF_NAME_MAX];

    out[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        conf_spell(table->options[i].key, spelling, known, sizeof known);
        conf_keep_nearer(name, known, &best, out, cap);
        if (spelling == CONF_SPELL_KEY) {
            cut_to_depth(known, dots_of(name));
            conf_keep_nearer(name, known, &best, out, cap);
        }
    }
}
