/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines about certificates, the same in both daemons. `what` is the use ("ws", "rpc"), `cert` the path of
 * the file. The loop's thread; keeps nothing. */
#ifndef FANFARE_SHARED_NET_CERTIFICATE_LOG_H
#define FANFARE_SHARED_NET_CERTIFICATE_LOG_H

#include <openssl/types.h>

#include "shared/base/status.h"

enum { CERTIFICATE_DAY_SECONDS = 86400 };

/* Warns when the certificate that `context` shows ends within seven days, or has ended; says nothing when it
 * shows none. For when it is loaded, and once a day. */
void certificate_log_if_ending(const char *what, const char *cert, const SSL_CTX *context);
/* Logs that new files are in use, and until when they are valid. */
void certificate_log_taken_over(const char *what, const char *cert, const SSL_CTX *context);
/* Logs that new files are not in use, and why. */
void certificate_log_refused(const char *what, const struct fault *fault);

#endif
