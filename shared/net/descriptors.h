/* SPDX-License-Identifier: Apache-2.0 */
/* The process's file descriptors: how many it may have, and how many it has. Any thread. */
#ifndef FANFARE_SHARED_NET_DESCRIPTORS_H
#define FANFARE_SHARED_NET_DESCRIPTORS_H

#include <stddef.h>

/* Raises the soft limit (RLIMIT_NOFILE) to the hard one, and gives it; SIZE_MAX for none. */
size_t descriptors_limit(void);
/* How many are open; 3 where /proc is not there. */
size_t descriptors_open(void);

#endif
