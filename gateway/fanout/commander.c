/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a command is about is looked up when it is applied, as for a push. A join announces them in its room
 * at once, so that a push that comes next finds them there; the order for those who come later is entered
 * before the look-up, so that nobody comes in between and is missed. */
#include "gateway/fanout/commander.h"

#include "gateway/bucket/ban_table.h"
#include "gateway/bucket/join_orders.h"
#include "gateway/bucket/key_command.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/base/wall_clock.h"
#include "shared/contract/audience.h"

static const enum gateway_metric rows[COMMAND_KINDS] = {
    [COMMAND_KICK] = M_COMMANDS_KICK, [COMMAND_JOIN] = M_COMMANDS_JOIN,   [COMMAND_LEAVE] = M_COMMANDS_LEAVE,
    [COMMAND_BAN] = M_COMMANDS_BAN,   [COMMAND_UNBAN] = M_COMMANDS_UNBAN,
};

/* Takes the command over. */
static void post(const struct commander *commander, struct slice key, uint64_t hash,
                 struct key_command *command, uint64_t buckets)
{
    struct delivery *delivery = delivery_new_command(key, hash, command);

    if (delivery == NULL) {
        metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
        return;
    }
    for (unsigned i = 0; i < commander->bucket_count; i++)
        if ((buckets >> i & 1) != 0 && bucket_post_delivery(commander->buckets[i], delivery) != STATUS_OK)
            metrics_add(M_COMMANDS_DROPPED_BUCKET, 1);
    delivery_unref(delivery);
}

/* A connection that is here has a client of that id in one bucket. */
static uint32_t kick_connection(const struct commander *commander, struct slice key,
                                const struct command *command)
{
    struct key_command *order;
    struct connection_id id;
    unsigned bucket;

    if (connection_id_parse(audience_key_name(key), &id) != STATUS_OK ||
        !connection_table_has(commander->connections, &id, &bucket))
        return 0;
    order = key_command_new_kick(command);
    if (order == NULL) {
        metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
        return 0;
    }
    order->connection = id;
    post(commander, key, hashmap_hash(key), order, UINT64_C(1) << bucket);
    return 1;
}

/* In the buckets that have members, or in all `everywhere`. */
static uint32_t kick(const struct commander *commander, struct slice key, const struct command *command,
                     bool everywhere)
{
    uint64_t hash = hashmap_hash(key);

    commander->seal(commander->arg, key, hash);
    struct subscribers here = directory_find(commander->directory, key, hash);
    if (everywhere)
        here.buckets = UINT64_MAX;
    if (here.buckets == 0)
        return 0;
    struct key_command *order = key_command_new_kick(command);
    if (order == NULL)
        metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
    else
        post(commander, key, hash, order, here.buckets);
    return subscribers_count(&here);
}

static uint32_t ban(const struct commander *commander, struct slice key, const struct command *command)
{
    const struct ban order = command_ban(command, audience_key_name(key));

    if (commander->bans != NULL)
        (void)ban_table_add(commander->bans, &order, wall_clock_s());
    return command->kind == COMMAND_BAN ? kick(commander, key, command, true) : 0;
}

/* For the connections of `user` that are `here`. */
static void move(const struct commander *commander, struct slice user, struct slice room,
                 enum command_kind kind, const struct subscribers *here)
{
    struct key_command *order = key_command_new_member(kind, user);
    uint64_t hash = hashmap_hash(room);
    bool joins = kind == COMMAND_JOIN;

    commander->seal(commander->arg, room, hash);
    if (order == NULL ||
        (joins && key_command_reserve(order, commander->directory, room, hash, here) != STATUS_OK)) {
        metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
        key_command_free(order);
        return;
    }
    post(commander, room, hash, order, here->buckets);
}

/* What the table has of the user and the room from now on. */
static void order_later(const struct commander *commander, struct slice user, struct slice room,
                        const struct command *command)
{
    enum join_order_kind kind = command->kind == COMMAND_LEAVE ? JOIN_ORDER_OUT : JOIN_ORDER_IN;
    int64_t now_ms = clock_now_ms();

    if (command->seconds > 0) {
        if (join_orders_add(commander->orders, user, room, kind, now_ms + command->seconds * INT64_C(1000),
                            now_ms) != STATUS_OK)
            metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
    } else if (kind == JOIN_ORDER_OUT) {
        join_orders_remove(commander->orders, user, room);
    }
}

/* Of a join or leave, to each of its rooms. */
static uint32_t move_user(const struct commander *commander, struct slice user, const struct command *command)
{
    char bytes[AUDIENCE_NAME_MAX];
    struct slice rest = command->rooms, room;
    struct subscribers here;

    while (command_next_room(&rest, bytes, &room))
        order_later(commander, user, room, command);
    here = directory_find(commander->directory, user, hashmap_hash(user));
    rest = command->rooms;
    while (here.buckets != 0 && command_next_room(&rest, bytes, &room))
        move(commander, user, room, command->kind, &here);
    return subscribers_count(&here);
}

uint32_t commander_apply(const struct commander *commander, struct slice key, const struct command *command)
{
    metrics_add(rows[command->kind], 1);
    if (audience_of(key) == AUDIENCE_CONNECTION)
        return kick_connection(commander, key, command);
    if (command->kind == COMMAND_BAN || command->kind == COMMAND_UNBAN)
        return ban(commander, key, command);
    return command->kind == COMMAND_KICK ? kick(commander, key, command, false)
                                         : move_user(commander, key, command);
}
