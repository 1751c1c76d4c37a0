/* SPDX-License-Identifier: Apache-2.0 */
/* A renewal is judged membership by membership, from the last to the first, since one that ends is replaced
 * by the last. Every answer may close the client (it may be slow), so its phase is looked at after each. */
#include "gateway/bucket/rights.h"

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_answer.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/join_orders.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/client_msg.h"
#include "gateway/websocket/connect_query.h"
#include "shared/base/clock.h"
#include "shared/base/wall_clock.h"
#include "shared/contract/audience.h"
#include "shared/contract/close_codes.h"
#include "shared/log/log.h"

enum { RENEWAL_S = 5 }; /* for how long an end gives way to what waits */

static const struct slice no_id = {NULL, 0};

/* Ends the membership at `slot` and says so. */
static void end_membership(struct client *client, uint32_t slot, const char *reason)
{
    char name[CLIENT_MSG_MAX_ROOM];
    struct slice key = client->rooms[slot].room->node.key;
    size_t len = key.len < sizeof name ? key.len : sizeof name;

    memcpy(name, key.data, len);
    client_leave_slot(client, slot);
    client_answer_left(client, slice_of(name, len), reason);
}

static bool grant_joins(const struct grant *grant, struct slice room)
{
    const char *at = NULL;

    for (const char *each; (each = grant_next_join(grant, &at)) != NULL;)
        if (slice_equal(slice_str(each), room))
            return true;
    return false;
}

/* What was joined under an older grant, or none. */
static void review(struct client *client)
{
    const struct grant *grant = client->auth->grant;

    for (uint32_t slot = client->room_count; slot > 0 && client->phase == CLIENT_OPEN;) {
        struct membership *membership = &client->rooms[--slot];
        struct slice key = membership->room->node.key;

        if (membership->kind == MEMBER_BY_PASS || membership->kind == MEMBER_BY_COMMAND ||
            audience_of(key) != AUDIENCE_ROOM || grant_joins(grant, key))
            continue;
        if (rights_allow(client, key))
            membership->kind = MEMBER_BY_RIGHT;
        else
            end_membership(client, slot, "forbidden");
    }
}

static uint32_t connections_of(const struct client *client, struct slice key)
{
    const struct directory_entry *entry = client->rooms[client_slot_of(client, key)].room->entry;
    uint32_t count = 0;

    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
        count += atomic_load(&entry->members[encoding]);
    return count;
}

static enum status join_user(struct client *client, struct slice user)
{
    uint8_t bytes[AUDIENCE_KEY_MAX];
    struct slice key = audience_key_of(AUDIENCE_USER, user, bytes);
    uint32_t max = client->bucket->auth.max_clients_per_user;

    if (client_slot_of(client, key) >= 0)
        return STATUS_OK;
    enum status status = client_join(client, key, MEMBER_FIXED);
    if (status == STATUS_OK && max > 0 && connections_of(client, key) > max)
        return STATUS_FULL;
    return status;
}

static bool is_banned(const struct client *client, const struct grant *grant)
{
    return grant->user != NULL &&
           ban_table_holds(client->bucket->conf->bans, grant_user(grant), wall_clock_s());
}

enum status rights_grant(struct client *client, struct grant *grant)
{
    struct client_auth *auth = client->auth;
    bool renewed = auth->grant != NULL;
    bool was_in = client->room_count > 0; /* by an older grant, or while nobody was asked for one */

    grant_free(auth->grant);
    auth->grant = grant;
    if (is_banned(client, grant))
        return STATUS_CLOSED;
    client_auth_end_pending(client);
    if (!renewed)
        client_heard(client);
    metrics_add((unsigned)M_AUTH_GRANTED_TOKEN + grant->kind, 1);
    enum status status = client_join(client, audience_key(AUDIENCE_EVERYONE), MEMBER_FIXED);
    if (status == STATUS_OK && grant->user != NULL)
        status = join_user(client, grant_user(grant));
    const char *at = NULL;
    for (const char *room; status == STATUS_OK && (room = grant_next_join(grant, &at)) != NULL;)
        status = client_join(client, slice_str(room), MEMBER_FIXED);
    if (status != STATUS_OK)
        return status;
    if (was_in)
        review(client);
    if (client->phase == CLIENT_OPEN)
        client_auth_schedule(client);
    return STATUS_OK;
}

void rights_join_by_command(struct client *client, struct slice room)
{
    bool was_in = client_slot_of(client, room) >= 0;
    enum status status = client_join(client, room, MEMBER_BY_COMMAND);

    if (status == STATUS_FULL)
        metrics_add(M_COMMANDS_DROPPED_ROOMS, 1);
    else if (status != STATUS_OK)
        client_close(client, CLOSE_internal);
    else if (!was_in)
        client_answer_joined(client, room);
}

void rights_leave_by_command(struct client *client, struct slice room)
{
    int64_t slot = client_slot_of(client, room);

    if (slot < 0)
        return;
    client_leave_slot(client, (uint32_t)slot);
    client_answer_removed(client, room);
}

/* `order` has its kind in front. Who comes is taken out of what the server has put it in; what a client has
 * asked for itself is no business of an order that forbids nothing. */
static void follow(struct client *client, struct slice order)
{
    struct slice room = slice_of(order.data + 1, order.len - 1);
    int64_t slot = client_slot_of(client, room);

    if (order.data[0] == JOIN_ORDER_IN)
        rights_join_by_command(client, room);
    else if (slot >= 0 && client->rooms[slot].kind >= MEMBER_BY_COMMAND)
        rights_leave_by_command(client, room);
}

void rights_follow_orders(struct client *client)
{
    const struct grant *grant = client->auth->grant;
    uint8_t bytes[AUDIENCE_KEY_MAX];
    struct slice rest, order;
    struct buf rooms;

    if (grant->user == NULL)
        return;
    buf_init(&rooms, SIZE_MAX);
    if (join_orders_find(client->bucket->conf->orders,
                         audience_key_of(AUDIENCE_USER, grant_user(grant), bytes), clock_now_ms(),
                         &rooms) != STATUS_OK)
        metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
    rest = slice_of(rooms.data, rooms.len);
    while (client->phase == CLIENT_OPEN && connect_query_next_room(&rest, &order))
        follow(client, order);
    buf_fini(&rooms);
}

bool rights_allow(const struct client *client, struct slice room)
{
    const struct client_auth *auth = client->auth;

    const struct auth_policy *policy = client->bucket->auth.policy;

    if (auth == NULL || policy == NULL)
        return true;
    return auth->grant != NULL && auth_policy_allows(policy, auth->grant, room);
}

bool rights_ask_hook(const struct client *client, struct slice room)
{
    const struct auth_policy *policy = client->bucket->auth.policy;

    return policy != NULL && auth_policy_hook_may_allow(policy, client->auth->grant, room);
}

enum status rights_join_by_pass(struct client *client, struct slice room, int64_t expires_s)
{
    enum status status = client_join(client, room, MEMBER_BY_PASS);

    if (status != STATUS_OK)
        return status;
    const struct membership *membership = &client->rooms[client_slot_of(client, room)];
    if (membership->kind != MEMBER_BY_PASS)
        return STATUS_OK; /* it is in by more than that */
    return client_auth_note_pass(client, membership->room, expires_s);
}

void rights_first_done(struct client *client, enum status status)
{
    struct buf *first = &client->auth->first;
    struct slice room = slice_str((const char *)first->data);

    if (status == STATUS_NO_MEMORY) {
        client_close(client, CLOSE_internal);
        return;
    }
    if (status == STATUS_INVALID) {
        metrics_add(M_JOINS_REFUSED, 1);
        client_answer_error(client, no_id, room, "forbidden",
                            "what this client has shown does not open this room");
    } else if (status == STATUS_FULL) {
        client_answer_error(client, no_id, room, "too_many_rooms",
                            "the client is in as many rooms as maxJoinRoom allows");
    }
    buf_drop_front(first, room.len + 1);
    if (first->len == 0)
        buf_fini(first);
}

bool rights_join_first(struct client *client)
{
    const struct buf *first = &client->auth->first;

    while (client->phase == CLIENT_OPEN && first->len > 0) {
        struct slice room = slice_str((const char *)first->data);
        bool allowed = rights_allow(client, room);

        if (!allowed && client_slot_of(client, room) < 0 && rights_ask_hook(client, room))
            return false;
        if (client_slot_of(client, room) >= 0)
            rights_first_done(client, STATUS_OK);
        else
            rights_first_done(client, allowed ? client_join(client, room, MEMBER_BY_RIGHT) : STATUS_INVALID);
    }
    return true;
}

void rights_join_allowed(struct client *client)
{
    struct slice rest = slice_of(client->auth->first.data, client->auth->first.len);
    struct slice room;

    while (connect_query_next_room(&rest, &room))
        if (rights_allow(client, room))
            (void)client_join(client, room, MEMBER_BY_RIGHT); /* what it lacks is told by rights_join_first */
}

/* A note that is lost for want of memory is written again with the next such token. */
static void ask_for_keys(const struct client *client, const struct auth_answer *answer)
{
    struct keys_note *note = answer->refresh != 0 ? calloc(1, sizeof *note) : NULL;

    if (note == NULL)
        return;
    note->source = answer->refresh;
    if (control_post(client->bucket->conf->returns, &note->head, CONTROL_KEYS) != STATUS_OK)
        free(note);
}

void rights_judge_token(struct client *client, struct slice token, struct auth_answer *out)
{
    const struct auth_policy *policy = client->bucket->auth.policy;

    *out = (struct auth_answer){.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_NO_KEYS};
    if (policy != NULL) /* it may have gone while the token waited */
        auth_policy_judge_token(policy, token, wall_clock_s(), out);
    ask_for_keys(client, out);
}

void rights_judge_room_token(struct client *client, struct slice token, struct slice room,
                             struct auth_answer *out)
{
    const struct auth_policy *policy = client->bucket->auth.policy;

    *out = (struct auth_answer){.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_NO_KEYS};
    if (policy != NULL)
        auth_policy_judge_room_token(policy, token, client->auth->grant, room, wall_clock_s(), out);
    ask_for_keys(client, out);
}

/* The ERROR's code, and with what the connection is closed. */
static const char *code_of(const struct auth_answer *answer, uint16_t *close_code)
{
    static const struct {
        uint16_t close_code;
        const char *code;
    } codes[] = {
        [AUTH_REFUSED] = {CLOSE_unauthorized, "unauthorized"},
        [AUTH_UNAVAILABLE] = {CLOSE_auth_unavailable, "auth_unavailable"},
        [AUTH_NO_MEMORY] = {CLOSE_internal, "internal"},
    };

    *close_code = codes[answer->outcome].close_code;
    if (answer->reason == AUTH_REASON_EXPIRED) { /* with the next token the same client is welcome */
        *close_code = CLOSE_token_expired;
        return "token_expired";
    }
    if (answer->reason == AUTH_REASON_BANNED) {
        *close_code = CLOSE_kicked;
        return "banned";
    }
    if (answer->reason != AUTH_REASON_TOO_MANY_FOR_USER)
        return codes[answer->outcome].code;
    *close_code = CLOSE_too_many_for_user;
    return "too_many_for_user";
}

void rights_refuse(struct client *client, struct slice id, const struct auth_answer *answer)
{
    uint16_t close_code;
    const char *code = code_of(answer, &close_code);

    gateway_metrics_auth_refused(answer->reason);
    log_event(LOG_DEBUG, "client refused", LOG_S("reason", auth_reason_name(answer->reason)),
              LOG_S("why", answer->why != NULL ? answer->why : ""));
    client_answer_error(client, id, slice_of(NULL, 0), code, auth_reason_text(answer->reason));
    client_close(client, close_code);
}

void rights_end(struct client *client, struct slice id, enum status status)
{
    const struct auth_answer full = {.outcome = AUTH_REFUSED, .reason = AUTH_REASON_TOO_MANY_FOR_USER};
    const struct auth_answer banned = {.outcome = AUTH_REFUSED, .reason = AUTH_REASON_BANNED};

    if (status == STATUS_FULL)
        rights_refuse(client, id, &full);
    else if (status == STATUS_CLOSED)
        rights_refuse(client, id, &banned);
    else
        client_close(client, CLOSE_internal);
}

static bool is_over(const struct client *client, int64_t expires_s, int64_t now_s)
{
    return expires_s != INT64_MAX && expires_s + client->bucket->auth.leeway_s <= now_s;
}

static void end_by_room(struct client *client, const struct room *room)
{
    for (uint32_t slot = 0; slot < client->room_count; slot++) {
        if (client->rooms[slot].room != room)
            continue;
        if (client->rooms[slot].kind != MEMBER_BY_PASS)
            return;
        if (rights_allow(client, room->node.key))
            client->rooms[slot].kind = MEMBER_BY_RIGHT;
        else
            end_membership(client, slot, "token_expired");
        return;
    }
}

static void end_passes(struct client *client, int64_t now_s)
{
    const struct client_auth *auth = client->auth;

    for (uint32_t i = auth->pass_count; i > 0 && client->phase == CLIENT_OPEN;) {
        const struct pass pass = auth->passes[--i];

        if (!is_over(client, pass.expires_s, now_s))
            continue;
        client_auth_drop_pass(client, pass.room);
        end_by_room(client, pass.room);
    }
}

void rights_expire(struct client *client, int64_t now_s)
{
    struct client_auth *auth = client->auth;

    /* Its next token may be what waits, or stand behind it. Not for ever: who never stops asking would stay.
     */
    if (client_auth_waits(client) && now_s - RENEWAL_S < client_auth_due_s(client)) {
        expiry_wheel_add(&client->bucket->auth.wheel, &auth->expiry, now_s + 1);
        return;
    }
    if (auth->grant != NULL && is_over(client, auth->grant->expires_s, now_s)) {
        metrics_add(M_AUTH_EXPIRED, 1);
        client_close(client, CLOSE_token_expired);
        return;
    }
    end_passes(client, now_s);
    if (client->phase == CLIENT_OPEN)
        client_auth_schedule(client);
}
