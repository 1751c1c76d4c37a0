/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the settings a second time beside those in force, and takes over what may change. Main
 * thread. Keeps nothing between two calls. */
#include "shared/conf/reload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "shared/log/log.h"

static void report(const struct conf_changes *changes)
{
    log_event(LOG_INFO, "settings reloaded", LOG_S("keys", changes->live[0] ? changes->live : "none"));
    if (changes->restart[0])
        log_event(LOG_WARN, "needs a restart", LOG_S("keys", changes->restart));
}

static bool reread(const struct reload *reload, void *fresh)
{
    struct fault fault = {""};

    if (daemon_reread(reload->table, fresh, reload->check, reload->argc, reload->argv, &fault) == STATUS_OK)
        return true;
    log_event(LOG_ERROR, "settings not reloaded", LOG_S("reason", fault.text));
    return false;
}

bool reload_settings(const struct reload *reload)
{
    void *fresh = calloc(1, reload->table->struct_size);
    struct conf_changes changes;
    bool good;

    if (fresh == NULL) {
        log_event(LOG_ERROR, "settings not reloaded", LOG_S("reason", status_text(STATUS_NO_MEMORY)));
        return false;
    }
    good = reread(reload, fresh);
    if (good) {
        conf_take_live(reload->table, reload->conf, fresh, &changes);
        report(&changes);
    }
    conf_fini(reload->table, fresh);
    free(fresh);
    return good;
}

void reload_hold(bool hold)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
