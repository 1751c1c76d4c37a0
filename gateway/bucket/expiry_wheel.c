/* SPDX-License-Identifier: Apache-2.0 */
/* A slot is moved aside as a whole when its second comes, so that what is added meanwhile, and what is put
 * back for a later round, is not looked at twice. */
#include "gateway/bucket/expiry_wheel.h"

void expiry_wheel_init(struct expiry_wheel *wheel, int64_t now_s)
{
    for (size_t i = 0; i < EXPIRY_SLOTS; i++)
        list_init(&wheel->slots[i]);
    list_init(&wheel->passing);
    wheel->at_s = now_s;
}

void expiry_init(struct expiry *expiry)
{
    list_init(&expiry->link);
    expiry->due_s = INT64_MAX;
}

void expiry_remove(struct expiry *expiry)
{
    list_remove(&expiry->link);
}

static struct list *slot_of(struct expiry_wheel *wheel, int64_t second)
{
    return &wheel->slots[(uint64_t)second % EXPIRY_SLOTS];
}

void expiry_wheel_add(struct expiry_wheel *wheel, struct expiry *expiry, int64_t due_s)
{
    expiry_remove(expiry);
    expiry->due_s = due_s;
    if (due_s == INT64_MAX)
        return;
    int64_t second = due_s > wheel->at_s ? due_s : wheel->at_s + 1; /* the next that is looked through */
    list_add_tail(slot_of(wheel, second), &expiry->link);
}

static void move_all(struct list *from, struct list *to)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Begins the next second's slot. False: the wheel is where the clock is. */
static bool step(struct expiry_wheel *wheel, int64_t now_s)
{
    if (now_s < wheel->at_s)
        wheel->at_s = now_s; /* it was set back */
    if (now_s - wheel->at_s > EXPIRY_SLOTS)
        wheel->at_s = now_s - EXPIRY_SLOTS;
    if (wheel->at_s == now_s)
        return false;
    wheel->at_s++;
    move_all(slot_of(wheel, wheel->at_s), &wheel->passing);
    return true;
}

struct expiry *expiry_wheel_next(struct expiry_wheel *wheel, int64_t now_s, size_t *looks)
{
    for (; *looks > 0; --*looks) {
        struct list *node = list_first(&wheel->passing);

        if (node == NULL) {
            if (!step(wheel, now_s))
                return NULL;
            continue;
        }
        struct expiry *expiry = container_of(node, struct expiry, link);
        list_remove(node);
        if (expiry->due_s <= now_s) {
            --*looks;
            return expiry;
        }
        list_add_tail(slot_of(wheel, expiry->due_s), node);
    }
    return NULL;
}
