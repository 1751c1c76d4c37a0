/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers entries in an array. Pure but for the log. */
#include "logic/registry_reading.h"

#include <stdlib.h>
#include <string.h>

#include "logic/logic_metrics.h"
#include "shared/log.h"

enum { FIRST_CAP = 16 };

static enum status grow(struct registry_reading *reading)
{
    if (reading->count < reading->cap)
        return STATUS_OK;
    if (reading->count >= REGISTRY_READING_MAX)
        return STATUS_FULL;
    size_t cap = reading->cap ? reading->cap * 2 : FIRST_CAP;
    struct registry_entry *entries = realloc(reading->entries, cap * sizeof *entries);
    if (!entries)
        return STATUS_NO_MEMORY;
    reading->entries = entries;
    reading->cap = cap;
    return STATUS_OK;
}

static struct registry_entry *find(const struct registry_reading *reading, const char *id)
{
    for (size_t i = 0; i < reading->count; i++)
        if (strcmp(reading->entries[i].id, id) == 0)
            return &reading->entries[i];
    return NULL;
}

static void note_noise(struct registry_reading *reading, const char *reason)
{
    metrics_add(LM_REGISTRY_NOISE, 1);
    if (reading->noise++ == 0)
        log_event(LOG_WARN, "entry of the registry passed over", LOG_S("reason", reason));
}

void registry_reading_add(struct registry_reading *reading, struct slice value)
{
    struct registry_entry entry;
    struct fault fault;
    if (registry_entry_parse(value, &entry, &fault)) {
        note_noise(reading, fault.text);
        return;
    }
    struct registry_entry *known = find(reading, entry.id);
    enum status status = known ? STATUS_OK : grow(reading);
    if (status)
        note_noise(reading, status == STATUS_FULL ? "more entries than 1024" : status_text(status));
    else
        *(known ? known : &reading->entries[reading->count++]) = entry;
}

void registry_reading_clear(struct registry_reading *reading)
{
    free(reading->entries);
    *reading = (struct registry_reading){.entries = NULL};
}
