/* SPDX-License-Identifier: Apache-2.0 */
/* Messages into a thread: any thread posts, the owner takes them all at once.
 * Bounded: past `max` a post fails and the caller keeps its message (and counts it).
 * The wake callback runs on the poster's thread, once per change from empty to not empty. */
#ifndef FANFARE_SHARED_BASE_MAILBOX_H
#define FANFARE_SHARED_BASE_MAILBOX_H

#include <stddef.h>

#include "shared/base/status.h"

struct mailbox;

/* Embedded first in the poster's message; the mailbox owns it from post to take. */
struct mail {
    struct mail *next;
};

/* `wake` gets `arg`, which must live as long as the mailbox. STATUS_NO_MEMORY. */
enum status mailbox_new(size_t max, void (*wake)(void *arg), void *arg, struct mailbox **out);
/* The mailbox must be empty: take and dispose first. Legal on NULL. */
void mailbox_free(struct mailbox *mailbox);
/* STATUS_FULL past the limit: the message stays the caller's. Any thread. */
enum status mailbox_post(struct mailbox *mailbox, struct mail *mail);
/* All messages in the order of their posts, linked by next; NULL when empty. The owner. */
struct mail *mailbox_take(struct mailbox *mailbox);
/* How many wait; any thread. It may be another number by the time the caller looks at it. */
size_t mailbox_size(struct mailbox *mailbox);

#endif
