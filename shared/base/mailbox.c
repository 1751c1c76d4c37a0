/* SPDX-License-Identifier: Apache-2.0 */
/* A linked list behind a mutex that is held for a few instructions: posters append, the owner
 * takes the whole list and works on it unlocked. */
#include "shared/base/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first;
    struct mail *last;
    size_t count;
    size_t max;
    void (*wake)(void *arg);
    void *arg;
};

enum status mailbox_new(size_t max, void (*wake)(void *arg), void *arg, struct mailbox **out)
{
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);

    if (mailbox == NULL)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->max = max;
    mailbox->wake = wake;
    mailbox->arg = arg;
    *out = mailbox;
    return STATUS_OK;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

enum status mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
    pthread_mutex_lock(&mailbox->lock);
    bool full = mailbox->count >= mailbox->max;
    bool first = mailbox->count == 0;
    if (!full) {
        mail->next = NULL;
        if (first)
            mailbox->first = mail;
        else
            mailbox->last->next = mail;
        mailbox->last = mail;
        mailbox->count++;
    }
    pthread_mutex_unlock(&mailbox->lock);
    if (!full && first)
        mailbox->wake(mailbox->arg);
    return full ? STATUS_FULL : STATUS_OK;
}

struct mail *mailbox_take(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = NULL;
    mailbox->count = 0;
    pthread_mutex_unlock(&mailbox->lock);
    return mail;
}

size_t mailbox_size(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    size_t count = mailbox->count;
    pthread_mutex_unlock(&mailbox->lock);
    return count;
}
