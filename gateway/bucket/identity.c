/* SPDX-License-Identifier: Apache-2.0 */
/* A token whose check is slow lines up; all others are judged as they come. A held message is read again when
 * its turn comes, so nothing of it is kept but its text. */
#include "gateway/bucket/identity.h"

#include "gateway/bucket/asking.h"
#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_answer.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/rights.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/contract/close_codes.h"
#include "shared/jose/jwt.h"

/* The message's token; empty when it is none, which no judge takes. */
static struct slice token_of(const struct client_msg *msg, char bytes[CLIENT_MSG_MAX_TOKEN])
{
    size_t len = 0;

    return slice_of(bytes, client_msg_token(msg, bytes, &len) == STATUS_OK ? len : 0);
}

/* The client waits, with the message if there is one. NULL: closed for want of memory. */
static struct auth_wait *hold(struct client *client, struct slice text)
{
    struct auth_wait *wait = client_auth_wait(client);

    if (wait != NULL && buf_append(&wait->text, text.data, text.len) == STATUS_OK)
        return wait;
    client_close(client, CLOSE_internal);
    return NULL;
}

/* Holds the message until its token's turn comes. */
static void line_up(struct client *client, const struct client_msg *msg, struct slice text)
{
    const struct auth_answer busy = {.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_TOO_MANY_PENDING};

    if (hold(client, text) == NULL)
        return;
    if (client_auth_line_up(client) != STATUS_OK) {
        auth_wait_free(client_auth_take_wait(client));
        rights_refuse(client, msg->id, &busy);
    } else if (client->auth->grant == NULL) { /* it has shown something */
        client_auth_end_pending(client);
        client_move_to(&client->bucket->auth.judged_first, client, clock_now_ms());
    }
}

void identity_join_first(struct client *client)
{
    const struct buf *first = &client->auth->first;

    while (!rights_join_first(client)) {
        if (hold(client, slice_of(NULL, 0)) == NULL ||
            asking_join(client, slice_str((const char *)first->data)) == STATUS_OK)
            return;
        auth_wait_free(client_auth_take_wait(client));
        rights_first_done(client, STATUS_INVALID);
    }
}

static bool same_user(const struct grant *old, const struct grant *new)
{
    struct slice before = grant_user(old), after = grant_user(new);

    return before.data == NULL || (after.data != NULL && slice_equal(before, after));
}

/* Takes the answer's grant over. */
static void on_judged(struct client *client, const struct client_msg *msg, struct auth_answer *answer)
{
    const struct grant *old = client->auth->grant;

    if (answer->outcome != AUTH_GRANTED) {
        rights_refuse(client, msg->id, answer);
        return;
    }
    if (old != NULL && !same_user(old, answer->grant)) {
        const struct auth_answer other = {.outcome = AUTH_REFUSED, .reason = AUTH_REASON_OTHER_USER};

        grant_free(answer->grant);
        rights_refuse(client, msg->id, &other);
        return;
    }
    bool was_in = client->room_count > 0;
    bool had_user = old != NULL && old->user != NULL;
    enum status status = rights_grant(client, answer->grant);
    if (status != STATUS_OK) {
        rights_end(client, msg->id, status);
        return;
    }
    if (!was_in)
        client_answer_welcome(client);
    client_answer_ack(client, msg->id);
    if (client->phase == CLIENT_OPEN && !had_user)
        rights_follow_orders(client);
    identity_join_first(client);
}

static void judge_auth(struct client *client, const struct client_msg *msg, struct slice token)
{
    struct auth_answer answer;

    rights_judge_token(client, token, &answer);
    on_judged(client, msg, &answer);
}

void identity_on_auth(struct client *client, const struct client_msg *msg, struct slice text)
{
    char bytes[CLIENT_MSG_MAX_TOKEN];
    struct slice token = token_of(msg, bytes);

    if (client->auth == NULL && client_auth_new(client) != STATUS_OK)
        client_close(client, CLOSE_internal);
    else if (jwt_is_slow(token))
        line_up(client, msg, text);
    else
        judge_auth(client, msg, token);
}

static void answer_error(struct client *client, const struct client_msg *msg, const char *code,
                         const char *message)
{
    if (msg->id.data != NULL)
        client_answer_error(client, msg->id, slice_of(NULL, 0), code, message);
}

/* What became of a JOIN. STATUS_INVALID: it may not. */
static void answer_join(struct client *client, const struct client_msg *msg, enum status status)
{
    if (status == STATUS_OK) {
        client_answer_ack(client, msg->id);
    } else if (status == STATUS_FULL) {
        answer_error(client, msg, "too_many_rooms", "the client is in as many rooms as maxJoinRoom allows");
    } else if (status == STATUS_INVALID) {
        metrics_add(M_JOINS_REFUSED, 1);
        answer_error(client, msg, "forbidden", "what this client has shown does not open this room");
    } else {
        client_close(client, CLOSE_internal);
    }
}

static struct slice room_of(const struct client_msg *msg)
{
    return slice_of(msg->room, msg->room_len);
}

/* By a room token, or the hook's word, whose grant it takes over. */
static void join_by_pass(struct client *client, const struct client_msg *msg,
                         const struct auth_answer *answer)
{
    if (answer->outcome == AUTH_GRANTED) {
        answer_join(client, msg, rights_join_by_pass(client, room_of(msg), answer->grant->expires_s));
        grant_free(answer->grant);
        return;
    }
    metrics_add(M_JOINS_REFUSED, 1);
    gateway_metrics_auth_refused(answer->reason);
    answer_error(client, msg, answer->outcome == AUTH_REFUSED ? "forbidden" : "auth_unavailable",
                 auth_reason_text(answer->reason));
}

static void judge_room_token(struct client *client, const struct client_msg *msg, struct slice token)
{
    struct auth_answer answer;

    rights_judge_room_token(client, token, room_of(msg), &answer);
    join_by_pass(client, msg, &answer);
}

/* The service says whether it may. */
static void ask_hook(struct client *client, const struct client_msg *msg, struct slice text)
{
    const struct auth_answer none = {.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_HOOK_UNAVAILABLE};

    if (hold(client, text) == NULL || asking_join(client, room_of(msg)) == STATUS_OK)
        return;
    auth_wait_free(client_auth_take_wait(client));
    join_by_pass(client, msg, &none);
}

/* A room that the client's grant does not open. */
static void join_otherwise(struct client *client, const struct client_msg *msg, struct slice text)
{
    char bytes[CLIENT_MSG_MAX_TOKEN];
    struct slice token = token_of(msg, bytes);

    if (msg->token.data != NULL && jwt_is_slow(token))
        line_up(client, msg, text);
    else if (msg->token.data != NULL)
        judge_room_token(client, msg, token);
    else if (client_slot_of(client, room_of(msg)) >= 0)
        answer_join(client, msg, STATUS_OK);
    else if (rights_ask_hook(client, room_of(msg)))
        ask_hook(client, msg, text);
    else
        answer_join(client, msg, STATUS_INVALID);
}

void identity_on_join(struct client *client, const struct client_msg *msg, struct slice text)
{
    if (rights_allow(client, room_of(msg)))
        answer_join(client, msg, client_join(client, room_of(msg), MEMBER_BY_RIGHT));
    else
        join_otherwise(client, msg, text);
}

void identity_on_turn(struct client *client, const struct client_msg *msg, struct auth_answer *answer)
{
    char bytes[CLIENT_MSG_MAX_TOKEN];

    if (answer != NULL && msg->type == CLIENT_MSG_AUTH)
        on_judged(client, msg, answer);
    else if (answer != NULL)
        join_by_pass(client, msg, answer);
    else if (msg->type == CLIENT_MSG_AUTH)
        judge_auth(client, msg, token_of(msg, bytes));
    else
        judge_room_token(client, msg, token_of(msg, bytes));
}

void identity_on_first(struct client *client, const struct auth_answer *answer)
{
    enum status status = answer->outcome == AUTH_NO_MEMORY ? STATUS_NO_MEMORY : STATUS_INVALID;

    if (answer->outcome == AUTH_GRANTED)
        status = rights_join_by_pass(client, slice_str((const char *)client->auth->first.data),
                                     answer->grant->expires_s);
    else
        gateway_metrics_auth_refused(answer->reason);
    grant_free(answer->grant);
    rights_first_done(client, status);
    identity_join_first(client);
}
