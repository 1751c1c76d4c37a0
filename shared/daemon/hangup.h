/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP, told once per turn of the loop, however many came. The loop's thread only. What comes before it
 * exists is held back with reload_hold (shared/conf/reload.h). */
#ifndef FANFARE_SHARED_DAEMON_HANGUP_H
#define FANFARE_SHARED_DAEMON_HANGUP_H

#include <event2/event.h>

#include "shared/base/status.h"

struct hangup;

/* STATUS_NO_MEMORY. `on_hangup` must not free it. */
enum status hangup_new(struct event_base *base, void (*on_hangup)(void *arg), void *arg, struct hangup **out);
/* Legal on NULL. */
void hangup_free(struct hangup *hangup);

#endif
