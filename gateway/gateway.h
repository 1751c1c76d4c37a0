/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway as a whole: builds its parts in order, runs the control loop, takes new settings on SIGHUP,
 * drains on SIGTERM, tears down in the reverse order. Main thread. */
#ifndef FANFARE_GATEWAY_GATEWAY_H
#define FANFARE_GATEWAY_GATEWAY_H

#include "gateway/conf/gateway_conf.h"
#include "shared/base/status.h"
#include "shared/conf/reload.h"

/* Runs until SIGTERM or SIGINT has been followed by the drain. A second signal ends the process
 * at once with status 128 + its number. A fault is a start-up error: a port, a certificate. `settings`
 * is of gateway_conf_table; SIGHUP must be held (reload_hold), and is so again at the end. */
enum status gateway_run(const struct reload *settings, struct fault *fault);

#endif
