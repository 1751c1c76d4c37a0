/* SPDX-License-Identifier: Apache-2.0 */
/* A singly linked queue; nodes are allocated only for clients that are behind. */
#include "gateway/bucket/outbox.h"

#include <stdlib.h>

enum status outbox_add(struct outbox *outbox, struct frame *frame, bool control, uint32_t sent)
{
    struct outbox_entry *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        return STATUS_NO_MEMORY;
    entry->frame = frame_ref(frame);
    entry->control = control;
    if (outbox->tail != NULL)
        outbox->tail->next = entry;
    else
        outbox->head = entry;
    outbox->tail = entry;
    outbox->bytes += frame->len;
    outbox->frames++;
    outbox->pushes += control ? 0 : 1;
    outbox->expiring += frame->expires_us != 0;
    if (sent > 0)
        outbox->head_sent = sent;
    return STATUS_OK;
}

/* Unlinks the entry behind `previous` (NULL: the head) and frees it. */
static void drop_after(struct outbox *outbox, struct outbox_entry *previous)
{
    struct outbox_entry **link = previous != NULL ? &previous->next : &outbox->head;
    struct outbox_entry *entry = *link;

    *link = entry->next;
    if (outbox->tail == entry)
        outbox->tail = previous;
    if (previous == NULL)
        outbox->head_sent = 0;
    outbox->bytes -= entry->frame->len;
    outbox->frames--;
    outbox->pushes -= entry->control ? 0 : 1;
    outbox->expiring -= entry->frame->expires_us != 0;
    frame_unref(entry->frame);
    free(entry);
}

void outbox_pop(struct outbox *outbox)
{
    drop_after(outbox, NULL);
}

/* The first entry that may be dropped, and what stands before it. */
static struct outbox_entry *droppable(const struct outbox *outbox, struct outbox_entry **previous)
{
    struct outbox_entry *entry = outbox->head;

    *previous = NULL;
    while (entry != NULL && (entry->control || (entry == outbox->head && outbox->head_sent > 0))) {
        *previous = entry;
        entry = entry->next;
    }
    return entry;
}

bool outbox_drop_oldest(struct outbox *outbox)
{
    struct outbox_entry *previous;

    if (droppable(outbox, &previous) == NULL)
        return false;
    drop_after(outbox, previous);
    return true;
}

static bool is_late(const struct outbox *outbox, const struct outbox_entry *entry, int64_t now_us)
{
    bool begun = entry == outbox->head && outbox->head_sent > 0;

    return !begun && entry->frame->expires_us != 0 && entry->frame->expires_us <= now_us;
}

uint32_t outbox_drop_expired(struct outbox *outbox, int64_t now_us)
{
    struct outbox_entry *previous = NULL;
    struct outbox_entry *entry = outbox->expiring > 0 ? outbox->head : NULL;
    uint32_t dropped = 0;

    while (entry != NULL) {
        struct outbox_entry *next = entry->next;

        if (is_late(outbox, entry, now_us)) {
            drop_after(outbox, previous);
            dropped++;
        } else {
            previous = entry;
        }
        entry = next;
    }
    return dropped;
}

uint32_t outbox_drop_pushes(struct outbox *outbox)
{
    uint32_t dropped = 0;

    while (outbox_drop_oldest(outbox))
        dropped++;
    return dropped;
}

void outbox_fini(struct outbox *outbox)
{
    while (outbox->head != NULL)
        outbox_pop(outbox);
}
