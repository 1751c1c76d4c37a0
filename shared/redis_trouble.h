/* SPDX-License-Identifier: Apache-2.0 */
/* Error answers of Redis that end a connection, what to do about them, and what MOVED says. Pure. */
#ifndef FANFARE_SHARED_REDIS_TROUBLE_H
#define FANFARE_SHARED_REDIS_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `error` (an error answer's text) is about the connection or the server, not the command. */
bool redis_trouble_is_fatal(const char *error);
/* A literal for the operator. */
const char *redis_trouble_remedy(const char *reason);
/* Reads "MOVED 866 10.0.0.3:6381"; an empty host (the one that answered) leaves `host` as it is. False
 * when it is something else, or too long for `cap`. */
bool redis_trouble_moved(const char *error, char *host, size_t cap, int *port);

#endif
