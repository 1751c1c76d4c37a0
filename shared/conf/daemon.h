/* SPDX-License-Identifier: Apache-2.0 */
/* What both mains share: the command line, and exit codes. Main thread only; daemon_reread also while
 * the daemon runs (shared/conf/reload.h). */
#ifndef FANFARE_SHARED_CONF_DAEMON_H
#define FANFARE_SHARED_CONF_DAEMON_H

#include "shared/conf/conf.h"

/* EXIT_FAULT: the next attempt may go better. EXIT_CONFIG: what is written must be changed first; no
 * service manager needs to try again (deploy/systemd: RestartPreventExitStatus). */
enum { EXIT_FAULT = 1, EXIT_CONFIG = 2 };

/* The exit code of a start that failed with `status`: EXIT_CONFIG for STATUS_INVALID, STATUS_TOO_LARGE and
 * STATUS_FULL; EXIT_FAULT for what may pass: no memory, a port that is taken, an address that is not up yet,
 * a file that cannot be read yet. */
int daemon_exit_code(enum status status);

/* Beyond ranges: what only the daemon can check (readable key pairs, keys that need each other). */
typedef enum status daemon_check(const void *conf, struct fault *fault);

/* Reads `-config FILE`, `--config FILE`, `--check`, `--print-config`, `--version`, `--help`
 * and one flag per option (`--ws-port 7777`, `--ws-port=7777`) into `conf`, after the file and
 * the environment, in that order of precedence; then calls `check`.
 * Returns -1 to go on, or the exit code when the process is done (help shown; EXIT_CONFIG from --check,
 * daemon_exit_code else: the reason is then on stderr as `fanfare-gateway: FILE: wsPort: 70000 is not
 * allowed: 0 to 65535`). */
int daemon_configure(const struct conf_table *table, void *conf, daemon_check *check, int argc, char **argv);

/* What daemon_configure does with file, environment and flags, once more, into `conf` (zeroed, of
 * table->struct_size bytes): --check, --print-config and the like are passed over. Prints nothing: the fault
 * has what daemon_configure writes behind the program's name. `conf` is to be given to conf_fini in every
 * case. */
enum status daemon_reread(const struct conf_table *table, void *conf, daemon_check *check, int argc,
                          char **argv, struct fault *fault);

#endif
