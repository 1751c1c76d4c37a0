/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon fanfare-logic: builds its parts in order, runs the loop, takes them down in the
 * opposite order. Main thread only; one thread in all. */
#ifndef FANFARE_LOGIC_LOGIC_H
#define FANFARE_LOGIC_LOGIC_H

#include "logic/conf/logic_conf.h"
#include "shared/base/status.h"
#include "shared/conf/reload.h"

struct logic;

/* `settings` and its `conf`, a struct logic_conf, outlive the daemon. The fault says why it cannot start. */
enum status logic_new(const struct reload *settings, struct logic **out, struct fault *fault);
/* Runs until SIGTERM or SIGINT (SIGHUP: logic_reload.h), then drains: not ready, no new connection, what has
 * begun is answered and the links' queues are sent, for at most drainSeconds. Returns 0, also when pushes had
 * to be dropped (they are logged and counted). A second signal ends the process at once with 128 plus its
 * number. */
int logic_run(struct logic *logic);
/* Legal on NULL. */
void logic_free(struct logic *logic);

#endif
