/* SPDX-License-Identifier: Apache-2.0 */
/* From a connection's first byte to its 101, or to the answer that is its last word. What the request means
 * is handshake.c's; here it is done: the client opens, joins the rooms that it named, and is counted. */
#include "gateway/bucket/opening.h"

#include <stdlib.h>

#include "gateway/bucket/asking.h"
#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_answer.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/identity.h"
#include "gateway/bucket/rights.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/forwarded.h"
#include "gateway/websocket/handshake.h"
#include "shared/base/clock.h"
#include "shared/contract/audience.h"
#include "shared/contract/close_codes.h"
#include "shared/jose/jwt.h"

/* Everyone's room, and those that the handshake named. */
static enum status join_first_rooms(struct client *client, const struct connect_query *query)
{
    enum audience first = client->ticket->canary ? AUDIENCE_CANARY : AUDIENCE_EVERYONE;
    struct slice rest = slice_of(query->rooms.data, query->rooms.len);
    enum status status = client_join(client, audience_key(first), MEMBER_FIXED);
    struct slice room;

    while (status == STATUS_OK && connect_query_next_room(&rest, &room))
        status = client_join(client, room, MEMBER_BY_RIGHT);
    return status;
}

/* Without memory for it the probe counts as a client, as long as it is connected. */
static void note_probe(const struct client *client)
{
    struct probe_note *note = calloc(1, sizeof *note);

    if (note == NULL)
        return;
    note->ticket = client->ticket;
    if (control_post(client->bucket->conf->returns, &note->head, CONTROL_PROBE) != STATUS_OK)
        free(note);
}

/* The request is not needed any more. The answer's frame, or NULL: killed for want of memory. */
static struct frame *end_request(struct client *client, const struct handshake *answer)
{
    struct frame *response = frame_new_raw(slice_of(answer->response.data, answer->response.len));

    http_request_free(client->request);
    client->request = NULL;
    if (response != NULL)
        return response;
    metrics_add(M_REFUSED_MEMORY, 1);
    client_kill(client);
    return NULL;
}

static void open_client(struct client *client, const struct handshake *answer)
{
    ws_reader_init(&client->reader, client->bucket->limits.max_message);
    client_opened(client, answer->query.encoding);
    client_heard(client);
}

/* The handshake is answered: with 101 the client is open, else the answer is its last word. */
static void answer_handshake(struct client *client, const struct handshake *answer)
{
    struct frame *response = end_request(client, answer);

    if (response == NULL)
        return;
    if (answer->probe)
        note_probe(client);
    if (!answer->upgraded) {
        client_end_with(client, response);
        return;
    }
    open_client(client, answer);
    enum status joined =
        join_first_rooms(client, &answer->query); /* before the answer: whoever reads it is in */
    if (joined == STATUS_OK) {
        client_answer_opened(client, response);
        return;
    }
    client_send_control(client, response);
    client_close(client, CLOSE_internal);
}

/* For whom a proxy has connected: that address is the client's from here on, and has its share. A proxy that
 * speaks for itself, or for another one, has none. */
static enum refusal judge_forwarded(void *arg, const struct http_request *request)
{
    static const enum gateway_metric rows[] = {[FORWARDED_FOUND] = M_FORWARDED_FOUND,
                                               [FORWARDED_ABSENT] = M_FORWARDED_ABSENT,
                                               [FORWARDED_UNREADABLE] = M_FORWARDED_UNREADABLE};
    const struct client *client = arg;
    const struct cidr_list *proxies = client->bucket->rules != NULL ? client->bucket->rules->proxies : NULL;
    struct ticket *ticket = client->ticket;
    enum forwarded found = forwarded_client(request, proxies, ticket->peer);

    metrics_add((unsigned)rows[found], 1);
    if (found != FORWARDED_FOUND || cidr_list_has(proxies, ticket->peer))
        return REFUSAL_NONE;
    return address_table_add(client->bucket->conf->addresses, ticket->peer, &ticket->address)
               ? REFUSAL_NONE
               : REFUSAL_MAX_CLIENTS_PER_ADDRESS;
}

/* Nothing was shown, and must be: the client is open, but nobody yet. Who has waited longest makes place. */
static void open_pending(struct client *client, const struct handshake *answer)
{
    const struct auth_answer older = {.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_TOO_MANY_PENDING};
    const struct bucket_auth *state = &client->bucket->auth;
    struct frame *response = end_request(client, answer);

    if (response == NULL)
        return;
    if (state->pending_count >= state->max_pending)
        rights_refuse(container_of(list_first(&state->pending), struct client, link), slice_of(NULL, 0),
                      &older);
    open_client(client, answer);
    client_auth_begin_pending(client);
    client_send_control(client, response);
}

void opening_judged(struct client *client, const struct handshake *handshake, struct auth_answer *answer)
{
    struct auth_answer judged;

    if (answer == NULL) {
        rights_judge_token(client, handshake->credential.text, &judged);
        answer = &judged;
    }
    struct frame *response = end_request(client, handshake);
    if (response == NULL) {
        grant_free(answer->grant);
        return;
    }
    open_client(client, handshake);
    if (answer->outcome != AUTH_GRANTED) {
        client_send_control(client, response);
        rights_refuse(client, slice_of(NULL, 0), answer);
        return;
    }
    enum status status = rights_grant(client, answer->grant);
    if (status != STATUS_OK) {
        client_send_control(client, response);
        if (client->phase == CLIENT_OPEN)
            rights_end(client, slice_of(NULL, 0), status);
        return;
    }
    rights_join_allowed(client);
    client_answer_opened(client, response);
    if (client->phase == CLIENT_OPEN)
        rights_follow_orders(client);
    if (client->phase == CLIENT_OPEN)
        identity_join_first(client);
}

static bool is_token(const struct credential *credential)
{
    return credential->source != CREDENTIAL_NONE && credential->source != CREDENTIAL_HEADER;
}

/* Who shows nothing is anonymous where that is allowed. */
static void judge_nothing(const struct bucket *bucket, struct auth_answer *out)
{
    *out = (struct auth_answer){.outcome = AUTH_GRANTED, .grant = auth_policy_anonymous(bucket->auth.policy)};
    if (out->grant == NULL)
        out->outcome = AUTH_NO_MEMORY;
}

/* Keeps the handshake until what the client showed has been judged; its 101 waits. */
static void keep(struct client *client, struct handshake *handshake)
{
    struct auth_wait *wait = client->auth->wait;

    wait->opening = true;
    wait->handshake = *handshake;
    *handshake = (struct handshake){.upgraded = false};
    client_move_to(&client->bucket->auth.judged_first, client, clock_now_ms());
}

/* It could not even begin to wait. */
static void give_up(struct client *client, struct handshake *handshake, enum auth_reason reason)
{
    struct auth_answer busy = {.outcome = AUTH_UNAVAILABLE, .reason = reason};

    auth_wait_free(client_auth_take_wait(client));
    opening_judged(client, handshake, &busy);
}

/* The token's turn comes. */
static void line_up(struct client *client, struct handshake *handshake)
{
    if (client_auth_wait(client) != NULL && client_auth_line_up(client) == STATUS_OK)
        keep(client, handshake);
    else
        give_up(client, handshake, AUTH_REASON_TOO_MANY_PENDING);
}

/* The service is asked who it is. */
static void ask_who(struct client *client, struct handshake *handshake)
{
    if (client_auth_wait(client) != NULL && asking_who(client, handshake->known_page) == STATUS_OK)
        keep(client, handshake);
    else
        give_up(client, handshake, AUTH_REASON_HOOK_UNAVAILABLE);
}

/* The request is good; who sent it is judged, now or later. */
static void identify(struct client *client, struct handshake *handshake)
{
    const struct auth_policy *policy = client->bucket->auth.policy;
    const struct credential *shown = &handshake->credential;
    struct auth_answer answer;

    if (client_auth_new(client) != STATUS_OK) {
        metrics_add(M_REFUSED_MEMORY, 1);
        client_kill(client);
        return;
    }
    client->auth->first = handshake->query.rooms;
    buf_init(&handshake->query.rooms, 0);
    if (is_token(shown) && jwt_is_slow(shown->text)) {
        line_up(client, handshake);
        return;
    }
    if (shown->source == CREDENTIAL_NONE && auth_policy_hook(policy)) {
        ask_who(client, handshake);
        return;
    }
    if (shown->source == CREDENTIAL_NONE && auth_policy_required(policy)) {
        open_pending(client, handshake);
        return;
    }
    if (is_token(shown))
        rights_judge_token(client, shown->text, &answer);
    else if (shown->source == CREDENTIAL_HEADER)
        auth_policy_judge_header(policy, shown->text, &answer);
    else
        judge_nothing(client->bucket, &answer);
    opening_judged(client, handshake, &answer);
}

/* What of the request says who the client is. */
static struct credential_rules credential_rules(const struct client *client)
{
    const struct auth_policy *policy = client->bucket->auth.policy;

    if (policy == NULL)
        return (struct credential_rules){.tokens = false};
    return (struct credential_rules){.tokens = auth_policy_takes_tokens(policy),
                                     .cookie = auth_policy_cookie(policy),
                                     .header = client->ticket->trusted ? auth_policy_header(policy) : NULL};
}

/* Why it gets 503, whatever its request says. */
static enum refusal refusal_of(const struct client *client)
{
    const struct bucket *bucket = client->bucket;
    const struct readiness *readiness = bucket->conf->readiness;

    if (bucket->draining)
        return REFUSAL_DRAINING;
    if (client->ticket->refusal != REFUSAL_NONE || client->ticket->canary)
        return client->ticket->refusal;
    return bucket->auth.policy != NULL && readiness != NULL && readiness_is(readiness, UNREADY_BANS)
               ? REFUSAL_STARTING
               : REFUSAL_NONE;
}

size_t opening_on_bytes(struct client *client, const uint8_t *data, size_t len)
{
    const struct credential_rules credentials = credential_rules(client);
    const struct bucket *bucket = client->bucket;
    const struct handshake_conf conf = {
        .page = bucket->conf->page,
        .unready = bucket->conf->readiness != NULL ? readiness_fault(bucket->conf->readiness) : NULL,
        .refusal = refusal_of(client),
        .retry_s = client->ticket->retry_s,
        .max_header = bucket->limits.max_header,
        .limits = {bucket->limits.max_room_name, bucket->limits.max_rooms},
        .rules = bucket->rules,
        .judge = client->ticket->trusted ? judge_forwarded : NULL,
        .arg = client,
        .credentials = bucket->auth.policy != NULL ? &credentials : NULL,
    };
    struct handshake answer;
    size_t used;

    if (!handshake_feed(client->request, slice_of(data, len), &conf, &used, &answer))
        return len;
    if (answer.upgraded && client->bucket->auth.policy != NULL && !client->ticket->canary)
        identify(client, &answer);
    else
        answer_handshake(client, &answer);
    handshake_fini(&answer);
    return used;
}

void opening_time_out(struct client *client)
{
    struct handshake answer;

    if (!http_request_begun(client->request)) {
        metrics_add(M_REFUSED_TIMEOUT, 1);
        client_kill(client);
        return;
    }
    handshake_time_out(client->bucket->limits.handshake_ms, &answer);
    answer_handshake(client, &answer);
    handshake_fini(&answer);
}
