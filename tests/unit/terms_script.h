/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of a push from a line of words: "urgent", "ttl=5" (ms), "key=k", "-user", "-#connection". */
#ifndef FANFARE_TESTS_TERMS_SCRIPT_H
#define FANFARE_TESTS_TERMS_SCRIPT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/contract/push_options.h"

struct terms_script {
    struct push_terms terms; /* into what follows */
    uint8_t exclusions[4096];
    char key[64];
};

static inline void terms_script_exclude(struct terms_script *script, const char *word)
{
    bool connection = word[0] == '#';
    const char *name = word + connection;
    uint8_t *out = script->exclusions + script->terms.exclusions.len;
    size_t len = strlen(name);

    push_exclusion_head(connection, len, out);
    memcpy(out + PUSH_OPTION_HEAD_LEN, name, len);
    script->terms.exclusions =
        slice_of(script->exclusions, script->terms.exclusions.len + PUSH_OPTION_HEAD_LEN + len);
}

static inline const struct push_terms *terms_script_read(struct terms_script *script, const char *line)
{
    char words[1024];
    char *rest = words;

    memset(script, 0, sizeof *script);
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        if (strcmp(word, "urgent") == 0)
            script->terms.urgent = true;
        else if (strncmp(word, "ttl=", 4) == 0) {
            script->terms.has_ttl = true;
            script->terms.ttl_ms = (uint32_t)atoi(word + 4);
        } else if (strncmp(word, "key=", 4) == 0) {
            (void)snprintf(script->key, sizeof script->key, "%s", word + 4);
            script->terms.key = slice_str(script->key);
        } else
            terms_script_exclude(script, word + 1);
    }
    return &script->terms;
}

#endif
