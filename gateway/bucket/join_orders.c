/* SPDX-License-Identifier: Apache-2.0 */
/* An order stands in the list of all, oldest first, and in that of its user, which is found by the user's
 * key. What is over goes when somebody asks for its user, or when the table is full. */
#include "gateway/bucket/join_orders.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/hashmap.h"
#include "shared/base/list.h"

struct ordered_user {
    struct hashmap_node node;
    struct list orders;
    uint8_t key[];
};

struct join_order {
    struct list all;
    struct list of_user;
    struct ordered_user *user;
    int64_t until_ms;
    uint8_t kind; /* enum join_order_kind */
    size_t room_len;
    char room[];
};

struct join_orders {
    pthread_mutex_t lock;
    atomic_uint count;
    struct hashmap users;
    struct list all;
    int64_t earliest_ms; /* no order ends before */
};

enum status join_orders_new(struct join_orders **out)
{
    struct join_orders *orders = calloc(1, sizeof *orders);

    if (orders == NULL || hashmap_init(&orders->users) != STATUS_OK) {
        free(orders);
        return STATUS_NO_MEMORY;
    }
    pthread_mutex_init(&orders->lock, NULL);
    list_init(&orders->all);
    orders->earliest_ms = INT64_MAX;
    *out = orders;
    return STATUS_OK;
}

/* The user goes with its last order. */
static void order_free(struct join_orders *orders, struct join_order *order)
{
    struct ordered_user *user = order->user;

    list_remove(&order->all);
    list_remove(&order->of_user);
    free(order);
    atomic_fetch_sub(&orders->count, 1);
    if (!list_empty(&user->orders))
        return;
    hashmap_remove(&orders->users, &user->node);
    free(user);
}

void join_orders_free(struct join_orders *orders)
{
    if (orders == NULL)
        return;
    while (!list_empty(&orders->all))
        order_free(orders, container_of(orders->all.next, struct join_order, all));
    hashmap_fini(&orders->users);
    pthread_mutex_destroy(&orders->lock);
    free(orders);
}

static struct ordered_user *find_user(const struct join_orders *orders, struct slice key)
{
    struct hashmap_node *node = hashmap_find(&orders->users, key, hashmap_hash(key));

    return node != NULL ? container_of(node, struct ordered_user, node) : NULL;
}

static struct ordered_user *user_new(struct join_orders *orders, struct slice key)
{
    struct ordered_user *user = calloc(1, sizeof *user + key.len);

    if (user == NULL)
        return NULL;
    memcpy(user->key, key.data, key.len);
    user->node.key = slice_of(user->key, key.len);
    user->node.hash = hashmap_hash(key);
    list_init(&user->orders);
    hashmap_add(&orders->users, &user->node);
    return user;
}

static struct join_order *find_order(const struct ordered_user *user, struct slice room)
{
    for (struct list *at = user->orders.next; at != &user->orders; at = at->next) {
        struct join_order *order = container_of(at, struct join_order, of_user);

        if (slice_equal(slice_of(order->room, order->room_len), room))
            return order;
    }
    return NULL;
}

/* Takes out all that is over; looks at them only when one can be. */
static void drop_ended(struct join_orders *orders, int64_t now_ms)
{
    if (orders->earliest_ms > now_ms)
        return;
    orders->earliest_ms = INT64_MAX;
    for (struct list *at = orders->all.next, *next; at != &orders->all; at = next) {
        struct join_order *order = container_of(at, struct join_order, all);

        next = at->next;
        if (order->until_ms <= now_ms)
            order_free(orders, order);
        else if (order->until_ms < orders->earliest_ms)
            orders->earliest_ms = order->until_ms;
    }
}

static void make_room(struct join_orders *orders, int64_t now_ms)
{
    if (atomic_load(&orders->count) < JOIN_ORDERS_MAX)
        return;
    drop_ended(orders, now_ms);
    if (atomic_load(&orders->count) < JOIN_ORDERS_MAX)
        return;
    metrics_add(M_JOIN_ORDERS_DROPPED, 1);
    order_free(orders, container_of(orders->all.next, struct join_order, all));
}

static enum status add_new(struct join_orders *orders, struct slice key, struct slice room,
                           enum join_order_kind kind, int64_t until_ms)
{
    struct join_order *order = calloc(1, sizeof *order + room.len);
    struct ordered_user *user = find_user(orders, key);

    if (order != NULL && user == NULL)
        user = user_new(orders, key);
    if (order == NULL || user == NULL) {
        free(order);
        return STATUS_NO_MEMORY;
    }
    order->user = user;
    order->kind = (uint8_t)kind;
    order->until_ms = until_ms;
    order->room_len = room.len;
    memcpy(order->room, room.data, room.len);
    list_add_tail(&orders->all, &order->all);
    list_add_tail(&user->orders, &order->of_user);
    atomic_fetch_add(&orders->count, 1);
    if (until_ms < orders->earliest_ms)
        orders->earliest_ms = until_ms;
    return STATUS_OK;
}

static void remove_one(struct join_orders *orders, struct slice key, struct slice room)
{
    const struct ordered_user *user = find_user(orders, key);
    struct join_order *order = user != NULL ? find_order(user, room) : NULL;

    if (order != NULL)
        order_free(orders, order);
}

enum status join_orders_add(struct join_orders *orders, struct slice user, struct slice room,
                            enum join_order_kind kind, int64_t until_ms, int64_t now_ms)
{
    pthread_mutex_lock(&orders->lock);
    remove_one(orders, user, room);
    make_room(orders, now_ms);
    enum status status = add_new(orders, user, room, kind, until_ms);
    pthread_mutex_unlock(&orders->lock);
    return status;
}

void join_orders_remove(struct join_orders *orders, struct slice user, struct slice room)
{
    if (atomic_load(&orders->count) == 0)
        return;
    pthread_mutex_lock(&orders->lock);
    remove_one(orders, user, room);
    pthread_mutex_unlock(&orders->lock);
}

/* With the last order the user goes too, so the walk ends by the next place and not at the user's head. */
static enum status find_all(struct join_orders *orders, struct ordered_user *user, int64_t now_ms,
                            struct buf *out)
{
    enum status status = STATUS_OK;
    const struct list *end = &user->orders;

    for (struct list *at = user->orders.next, *next; at != end && status == STATUS_OK; at = next) {
        struct join_order *order = container_of(at, struct join_order, of_user);

        next = at->next;
        if (order->until_ms <= now_ms) {
            order_free(orders, order);
            continue;
        }
        status = buf_append(out, &order->kind, 1);
        if (status == STATUS_OK)
            status = buf_append(out, order->room, order->room_len);
        if (status == STATUS_OK)
            status = buf_append(out, "", 1);
    }
    return status;
}

enum status join_orders_find(struct join_orders *orders, struct slice user, int64_t now_ms, struct buf *out)
{
    enum status status = STATUS_OK;

    if (orders == NULL || atomic_load(&orders->count) == 0)
        return STATUS_OK;
    pthread_mutex_lock(&orders->lock);
    struct ordered_user *found = find_user(orders, user);
    if (found != NULL)
        status = find_all(orders, found, now_ms, out);
    pthread_mutex_unlock(&orders->lock);
    return status;
}
