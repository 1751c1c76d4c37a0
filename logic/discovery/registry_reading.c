/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers entries in an array. Pure but for the log. */
#include "logic/discovery/registry_reading.h"

#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/log/log.h"

enum { FIRST_CAP = 16 };

static enum status grow(struct registry_reading *reading)
{
    if (reading->count < reading->cap)
        return STATUS_OK;
    if (reading->count >= REGISTRY_READING_MAX)
        return STATUS_FULL;
    size_t cap = reading->cap ? reading->cap * 2 : FIRST_CAP;
    struct registry_entry *entries = realloc(reading->entries, cap * sizeof *entries);
    if (entries == NULL)
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

/* An unsigned decimal number; Redis's are 64-bit. */
static bool is_cursor(struct slice cursor)
{
    if (cursor.len == 0 || cursor.len > REGISTRY_CURSOR_MAX)
        return false;
    for (size_t i = 0; i < cursor.len; i++)
        if (cursor.data[i] < '0' || cursor.data[i] > '9')
            return false;
    return true;
}

enum status registry_reading_turn(struct registry_reading *reading, struct slice cursor, size_t keys,
                                  int64_t took_ms, struct fault *fault)
{
    if (!is_cursor(cursor))
        return fault_set(fault, STATUS_INVALID, "SCAN gave a cursor that is no number");
    if (++reading->pages > REGISTRY_PAGES_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "SCAN did not end after %d pages", REGISTRY_PAGES_MAX);
    reading->keys += keys;
    if (reading->keys > REGISTRY_KEYS_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "SCAN named more than %d keys of gateways",
                         REGISTRY_KEYS_MAX);
    if (took_ms > REGISTRY_READING_MAX_MS)
        return fault_set(fault, STATUS_TOO_LARGE, "SCAN did not end within %d seconds",
                         REGISTRY_READING_MAX_MS / 1000);
    memcpy(reading->cursor, cursor.data, cursor.len);
    reading->cursor[cursor.len] = '\0';
    return STATUS_OK;
}

bool registry_reading_is_complete(const struct registry_reading *reading)
{
    return strcmp(reading->cursor, "0") == 0;
}

void registry_reading_add(struct registry_reading *reading, struct slice value)
{
    struct registry_entry entry;
    struct fault fault;

    if (registry_entry_parse(value, &entry, &fault) != STATUS_OK) {
        note_noise(reading, fault.text);
        return;
    }
    struct registry_entry *known = find(reading, entry.id);
    enum status status = known != NULL ? STATUS_OK : grow(reading);
    if (status != STATUS_OK)
        note_noise(reading, status == STATUS_FULL ? "more entries than 1024" : status_text(status));
    else
        *(known != NULL ? known : &reading->entries[reading->count++]) = entry;
}

void registry_reading_clear(struct registry_reading *reading)
{
    free(reading->entries);
    *reading = (struct registry_reading){.entries = NULL};
}
