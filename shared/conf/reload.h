/* SPDX-License-Identifier: Apache-2.0 */
/* Settings read anew while the daemon runs (SIGHUP). Main thread only. Applies nothing by itself: the
 * daemon's parts take the values over when reload_settings says so. */
#ifndef FANFARE_SHARED_CONF_RELOAD_H
#define FANFARE_SHARED_CONF_RELOAD_H

#include <stdbool.h>

#include "shared/conf/daemon.h"

/* What daemon_configure was called with; everything outlives the struct. */
struct reload {
    const struct conf_table *table;
    void *conf;          /* the settings in force; their CONF_LIVE values change under reload_settings */
    daemon_check *check; /* as at the start, but not whether ports are free: they are the daemon's own now */
    int argc;
    char **argv;
};

/* Reads file, environment and flags anew, in that order of precedence, and checks them as at the start.
 * On a fault nothing changes and the fault is logged: false. Else each CONF_LIVE value that differs moves
 * into `conf` (what a string or a list there pointed to is freed), one log line names each of them, one
 * names each that needs a restart, neither shows a value of CONF_SECRET: true, also when nothing
 * differs, since a file that a path names may have changed. */
bool reload_settings(const struct reload *reload);
/* Holds SIGHUP back (true), or lets it come (false); what came meanwhile comes then. From main's first line
 * until somebody listens for it, and again once nobody does, so that it never ends the process. Threads that
 * are started while it is held never take it. */
void reload_hold(bool hold);

#endif
