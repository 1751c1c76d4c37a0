/* SPDX-License-Identifier: Apache-2.0 */
/* Whether certificate, key and CA of the configuration can be used, so that --check finds what the
 * start would. At the start and a reload, main thread. */
#ifndef FANFARE_SHARED_CONF_CONF_TLS_H
#define FANFARE_SHARED_CONF_CONF_TLS_H

#include "shared/net/tls.h"

/* Loads the certificate and its key (both or neither are ""), which must belong together, and the
 * CA. STATUS_INVALID, STATUS_NO_MEMORY. `keys` holds the options' names where `files` holds their
 * values, and the fault begins with the one that is wrong: "serverKey: FILE: ...". */
enum status conf_check_tls(const struct tls_files *files, const struct tls_files *keys, struct fault *fault);

#endif
