/* SPDX-License-Identifier: Apache-2.0 */
/* The label values that METRIC_NAMED rows count by, such as the names of callers: one table for the process,
 * so that a name has the same place in each such row. Bound: METRIC_NAMES places, the first of which is
 * METRIC_NAME_OTHER; a name that comes when all others are taken counts there. A place is never given to
 * another name, whose counters would then begin with the old one's values. */
#ifndef FANFARE_SHARED_LOG_METRIC_NAMES_H
#define FANFARE_SHARED_LOG_METRIC_NAMES_H

#include <stddef.h>

#include "shared/base/buf.h"

enum { METRIC_NAMES = 256, METRIC_NAME_MAX = 64 };

#define METRIC_NAME_OTHER "other"

/* The place of `name`, which it gets for good when it has none. 0 when there is none left, or the name has
 * more than METRIC_NAME_MAX bytes. One thread at a time. */
unsigned metric_name_place(const char *name);
/* How many places are taken, METRIC_NAME_OTHER among them; they are those below. Any thread. */
unsigned metric_names_count(void);
/* Appends the name as the value of a label, quoted and escaped (text format 0.0.4: backslash, quote, line
 * feed). `place` is below metric_names_count. Any thread. */
enum status metric_name_append(struct buf *out, unsigned place);
/* As at the start. Before threads start. */
void metric_names_reset(void);

#endif
