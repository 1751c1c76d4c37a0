/* SPDX-License-Identifier: Apache-2.0 */
/* One timer, one stat() a file and second. A change is told only after a look that saw nothing move:
 * that joins files that are written one after the other. The loop's thread. */
#include "shared/conf/file_watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/net/loop_event.h"

enum { LOOK_MS = 1000 };

struct watched {
    char *path;
    bool missing;
    struct stat seen; /* as it was when it was last there */
};

struct file_watch {
    struct watched files[FILE_WATCH_MAX];
    size_t count;
    bool changed; /* and not told yet */
    struct event *look;
    void (*on_change)(void *arg);
    void *arg;
};

static bool times_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The time of change moves with every write, rename and link, also where the size stays. */
static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           times_equal(a->st_mtim, b->st_mtim) && times_equal(a->st_ctim, b->st_ctim);
}

/* Looks at one file; true when it moved: another one, changed, gone or back. */
static bool look_at(struct file_watch *watch, struct watched *file)
{
    bool was_missing = file->missing;
    struct stat now;

    file->missing = stat(file->path, &now) != 0;
    if (file->missing || (!was_missing && is_same(&now, &file->seen)))
        return file->missing != was_missing;
    file->seen = now;
    watch->changed = true;
    return true;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct file_watch *watch = arg;
    bool moved = false;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < watch->count; i++)
        moved |= look_at(watch, &watch->files[i]);
    if (moved || !watch->changed)
        return;
    watch->changed = false;
    watch->on_change(watch->arg);
}

static void forget(struct watched *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(files[i].path);
}

enum status file_watch_set(struct file_watch *watch, const char *const *paths, size_t count)
{
    struct watched files[FILE_WATCH_MAX] = {0};
    size_t used = 0;

    for (size_t i = 0; i < count && used < FILE_WATCH_MAX; i++) {
        if (paths[i][0] == '\0')
            continue;
        files[used].path = strdup(paths[i]);
        if (files[used].path == NULL) {
            forget(files, used);
            return STATUS_NO_MEMORY;
        }
        files[used].missing = stat(paths[i], &files[used].seen) != 0;
        used++;
    }
    forget(watch->files, watch->count);
    memcpy(watch->files, files, sizeof files);
    watch->count = used;
    watch->changed = false;
    return STATUS_OK;
}

enum status file_watch_new(struct event_base *base, const char *const *paths, size_t count,
                           void (*on_change)(void *arg), void *arg, struct file_watch **out)
{
    struct file_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return STATUS_NO_MEMORY;
    watch->on_change = on_change;
    watch->arg = arg;
    watch->look = event_new(base, -1, EV_PERSIST, on_look, watch);
    if (watch->look == NULL || loop_event_after_ms(watch->look, LOOK_MS) != STATUS_OK ||
        file_watch_set(watch, paths, count) != STATUS_OK) {
        file_watch_free(watch);
        return STATUS_NO_MEMORY;
    }
    *out = watch;
    return STATUS_OK;
}

void file_watch_free(struct file_watch *watch)
{
    if (watch == NULL)
        return;
    loop_event_free(watch->look);
    forget(watch->files, watch->count);
    free(watch);
}
