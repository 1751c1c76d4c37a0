/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that files were replaced or rewritten, by looking at them once a second (device, inode, size,
 * time of change): this also sees the swapped links of a Kubernetes volume, which inotify on the file
 * does not. The loop's thread. Never opens a file. */
#ifndef FANFARE_SHARED_CONF_FILE_WATCH_H
#define FANFARE_SHARED_CONF_FILE_WATCH_H

#include <event2/event.h>
#include <stddef.h>

#include "shared/base/status.h"

struct file_watch;

enum { FILE_WATCH_MAX = 8 };

/* Watches up to FILE_WATCH_MAX files; a path that is "" is passed over. After one of them has changed and all
 * were the same at the next look, calls `on_change`, once: a pair that is written one after the other is seen
 * whole. A file that is missing counts as changed when it is back. The paths are copied. */
enum status file_watch_new(struct event_base *base, const char *const *paths, size_t count,
                           void (*on_change)(void *arg), void *arg, struct file_watch **out);
/* Watches other paths from now on, and takes them as they are now. STATUS_NO_MEMORY: the old ones stay. */
enum status file_watch_set(struct file_watch *watch, const char *const *paths, size_t count);
/* Legal on NULL. */
void file_watch_free(struct file_watch *watch);

#endif
