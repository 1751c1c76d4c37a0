/* SPDX-License-Identifier: Apache-2.0 */
/* From a connection's first byte to its 101, or to the answer that is its last word. What the request means
 * is handshake.c's; here it is done: the client opens, joins the rooms that it named, and is counted. */
#include "gateway/bucket/opening.h"

#include <stdlib.h>

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/forwarded.h"
#include "gateway/websocket/handshake.h"
#include "shared/contract/audience.h"
#include "shared/contract/close_codes.h"

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

/* The handshake is answered: with 101 the client is open, else the answer is its last word. */
static void answer_handshake(struct client *client, const struct handshake *answer)
{
    struct frame *response = frame_new_raw(slice_of(answer->response.data, answer->response.len));
    enum status joined;

    http_request_free(client->request);
    client->request = NULL;
    if (response == NULL) {
        metrics_add(M_REFUSED_MEMORY, 1);
        client_kill(client);
        return;
    }
    if (answer->probe)
        note_probe(client);
    if (!answer->upgraded) {
        client_end_with(client, response);
        return;
    }
    ws_reader_init(&client->reader, client->bucket->limits.max_message);
    client_opened(client, answer->query.encoding);
    client_heard(client);
    joined = join_first_rooms(client, &answer->query); /* before the answer: whoever reads it is in */
    client_send_control(client, response);
    if (client->phase == CLIENT_OPEN && joined != STATUS_OK)
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

size_t opening_on_bytes(struct client *client, const uint8_t *data, size_t len)
{
    const struct bucket *bucket = client->bucket;
    const struct handshake_conf conf = {
        .page = bucket->conf->page,
        .unready = bucket->conf->readiness != NULL ? readiness_fault(bucket->conf->readiness) : NULL,
        .refusal = bucket->draining ? REFUSAL_DRAINING : client->ticket->refusal,
        .retry_s = client->ticket->retry_s,
        .max_header = bucket->limits.max_header,
        .limits = {bucket->limits.max_room_name, bucket->limits.max_rooms},
        .rules = bucket->rules,
        .judge = client->ticket->trusted ? judge_forwarded : NULL,
        .arg = client,
    };
    struct handshake answer;
    size_t used;

    if (!handshake_feed(client->request, slice_of(data, len), &conf, &used, &answer))
        return len;
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
