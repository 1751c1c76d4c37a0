/* SPDX-License-Identifier: Apache-2.0 */
/* Names are only added: who prints reads the count first, and behind it nothing changes. */
#include "shared/log/metric_names.h"

#include <stdatomic.h>
#include <string.h>

static char names[METRIC_NAMES][METRIC_NAME_MAX + 1] = {METRIC_NAME_OTHER};
static atomic_uint taken = 1;

unsigned metric_name_place(const char *name)
{
    unsigned count = atomic_load_explicit(&taken, memory_order_relaxed);

    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    if (count == METRIC_NAMES || strlen(name) > METRIC_NAME_MAX)
        return 0;
    strcpy(names[count], name);
    atomic_store_explicit(&taken, count + 1, memory_order_release);
    return count;
}

unsigned metric_names_count(void)
{
    return atomic_load_explicit(&taken, memory_order_acquire);
}

enum status metric_name_append(struct buf *out, unsigned place)
{
    enum status status = buf_append_str(out, "\"");

    for (const char *at = names[place]; *at && status == STATUS_OK; at++) {
        if (*at == '\n')
            status = buf_append_str(out, "\\n");
        else if (*at == '"' || *at == '\\')
            status = buf_printf(out, "\\%c", *at);
        else
            status = buf_append(out, at, 1);
    }
    return status == STATUS_OK ? buf_append_str(out, "\"") : status;
}

void metric_names_reset(void)
{
    atomic_store(&taken, 1);
}
