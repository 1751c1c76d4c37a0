/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a link's books. The loop's thread only; knows no connection. Telling a waiting caller
 * may bring the next push into this queue before the call returns: each push is therefore off
 * the queue before anybody hears of it. */
#include "logic/link/link_ledger.h"

#include "logic/push/push_trace.h"
#include "logic/push/push_wait.h"

void link_ledger_init(struct link_ledger *ledger, const char *gateway, size_t max_count, size_t max_bytes)
{
    link_queue_init(&ledger->queue, max_count, max_bytes);
    ledger->gateway = gateway;
}

void link_ledger_fini(struct link_ledger *ledger)
{
    link_ledger_drop(ledger, ledger->queue.count, LINK_DROP_SHUTDOWN);
    link_queue_fini(&ledger->queue);
}

static void count_accepted(const struct encoded_push *push)
{
    metrics_add(LM_LINK_PUSHES_ACCEPTED, 1);
    metrics_add(LM_LINK_ITEMS_ACCEPTED, push->item_count);
}

static void count_dropped(const struct encoded_push *push, enum link_drop reason)
{
    static const struct {
        unsigned pushes, items;
    } drop_rows[] = {
        [LINK_DROP_EXPIRED] = {LM_LINK_PUSHES_EXPIRED, LM_LINK_ITEMS_EXPIRED},
        [LINK_DROP_DOWN] = {LM_LINK_PUSHES_DOWN, LM_LINK_ITEMS_DOWN},
        [LINK_DROP_REFUSED] = {LM_LINK_PUSHES_REFUSED, LM_LINK_ITEMS_REFUSED},
        [LINK_DROP_GONE] = {LM_LINK_PUSHES_GONE, LM_LINK_ITEMS_GONE},
        [LINK_DROP_SHUTDOWN] = {LM_LINK_PUSHES_SHUTDOWN, LM_LINK_ITEMS_SHUTDOWN},
    };

    metrics_add(drop_rows[reason].pushes, 1);
    metrics_add(drop_rows[reason].items, push->item_count);
}

void link_ledger_add(struct link_ledger *ledger, struct encoded_push *push)
{
    count_accepted(push);
    metrics_add(LM_LINK_PUSHES_QUEUED, 1);
    metrics_add(LM_LINK_ITEMS_QUEUED, push->item_count);
    metrics_add(LM_LINK_BYTES_QUEUED, push->len);
    link_queue_add(&ledger->queue, push);
}

void link_ledger_drop_at_once(const struct encoded_push *push, enum link_drop reason)
{
    count_accepted(push);
    count_dropped(push, reason);
}

static struct encoded_push *take(struct link_ledger *ledger)
{
    struct encoded_push *push = link_queue_take(&ledger->queue);

    metrics_sub(LM_LINK_PUSHES_QUEUED, 1);
    metrics_sub(LM_LINK_ITEMS_QUEUED, push->item_count);
    metrics_sub(LM_LINK_BYTES_QUEUED, push->len);
    return push;
}

static void tell_acked(const struct link_ledger *ledger, const struct encoded_push *push,
                       struct batch_answer *answer)
{
    struct offline_users *offline = push_wait_offline(push->wait);
    uint64_t clients = answer != NULL ? batch_answer_clients(answer, push->sequence) : 0;

    if (offline != NULL && answer != NULL)
        batch_answer_offline(answer, push->sequence, offline);
    else if (offline != NULL)
        offline_users_not_said(offline);
    push_wait_acked(push->wait, ledger->gateway, clients);
}

void link_ledger_ack(struct link_ledger *ledger, size_t count, struct batch_answer *answer)
{
    while (count-- > 0) {
        struct encoded_push *push = take(ledger);
        metrics_add(LM_LINK_PUSHES_ACKED, 1);
        metrics_add(LM_LINK_ITEMS_ACKED, push->item_count);
        push_trace_acked(ledger->logic_id, push, ledger->gateway);
        if (push->wait != NULL)
            tell_acked(ledger, push, answer);
        encoded_push_unref(push);
    }
}

void link_ledger_drop(struct link_ledger *ledger, size_t count, enum link_drop reason)
{
    while (count-- > 0) {
        struct encoded_push *push = take(ledger);
        count_dropped(push, reason);
        push_trace_dropped(ledger->logic_id, push, ledger->gateway, reason);
        if (push->wait != NULL && reason == LINK_DROP_REFUSED)
            push_wait_refused(push->wait, ledger->gateway);
        else if (push->wait != NULL)
            push_wait_dropped(push->wait, ledger->gateway);
        encoded_push_unref(push);
    }
}
