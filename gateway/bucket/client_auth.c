/* SPDX-License-Identifier: Apache-2.0 */
/* The state and its places in the bucket's lists; what is done with it is rights.c's. */
#include "gateway/bucket/client_auth.h"

#include <stdlib.h>

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"

enum status client_auth_new(struct client *client)
{
    struct client_auth *auth = calloc(1, sizeof *auth);

    if (auth == NULL)
        return STATUS_NO_MEMORY;
    auth->client = client;
    expiry_init(&auth->expiry);
    buf_init(&auth->first, SIZE_MAX);
    client->auth = auth;
    return STATUS_OK;
}

void auth_wait_free(struct auth_wait *wait)
{
    if (wait == NULL)
        return;
    if (wait->opening)
        handshake_fini(&wait->handshake);
    buf_fini(&wait->text);
    buf_fini(&wait->held);
    free(wait);
}

void client_auth_end(struct client *client)
{
    if (client->auth == NULL)
        return;
    client_auth_end_pending(client);
    expiry_remove(&client->auth->expiry);
    auth_wait_free(client_auth_take_wait(client));
}

void client_auth_free(struct client_auth *auth)
{
    if (auth == NULL)
        return;
    grant_free(auth->grant);
    buf_fini(&auth->first);
    free(auth->passes);
    free(auth);
}

void client_auth_begin_pending(struct client *client)
{
    struct bucket_auth *state = &client->bucket->auth;

    client->auth->pending = true;
    state->pending_count++;
    metrics_add(M_AUTH_PENDING, 1);
    client_move_to(&state->pending, client, clock_now_ms());
}

void client_auth_end_pending(struct client *client)
{
    if (!client->auth->pending)
        return;
    client->auth->pending = false;
    client->bucket->auth.pending_count--;
    metrics_sub(M_AUTH_PENDING, 1);
    list_remove(&client->link);
}

bool client_auth_waits(const struct client *client)
{
    return client->auth != NULL && client->auth->wait != NULL;
}

struct auth_wait *client_auth_wait(struct client *client)
{
    struct auth_wait *wait = calloc(1, sizeof *wait);

    if (wait == NULL)
        return NULL;
    wait->client = client;
    list_init(&wait->link);
    buf_init(&wait->text, SIZE_MAX);
    buf_init(&wait->held, CLIENT_AUTH_MAX_HELD);
    client->auth->wait = wait;
    return wait;
}

struct auth_wait *client_auth_take_wait(struct client *client)
{
    struct auth_wait *wait = client->auth->wait;

    if (wait == NULL)
        return NULL;
    client->auth->wait = NULL;
    if (!list_empty(&wait->link)) {
        list_remove(&wait->link);
        client->bucket->auth.line_count--;
    }
    if (wait->asked != NULL)
        wait->asked->question.client = NULL; /* the answer will find nobody */
    wait->asked = NULL;
    return wait;
}

enum status client_auth_line_up(struct client *client)
{
    struct bucket_auth *state = &client->bucket->auth;

    if (state->line_count >= state->max_pending)
        return STATUS_FULL;
    list_add_tail(&state->line, &client->auth->wait->link);
    state->line_count++;
    ws_server_wake(client->bucket->server);
    return STATUS_OK;
}

enum status client_auth_hold(struct client *client, const uint8_t *data, size_t len)
{
    enum status status = buf_append(&client->auth->wait->held, data, len);

    return status == STATUS_TOO_LARGE ? STATUS_FULL : status;
}

static struct pass *find_pass(const struct client_auth *auth, const struct room *room)
{
    for (uint32_t i = 0; i < auth->pass_count; i++)
        if (auth->passes[i].room == room)
            return &auth->passes[i];
    return NULL;
}

/* As many as rooms by a pass, that is, few: the array grows by one. */
enum status client_auth_note_pass(struct client *client, const struct room *room, int64_t expires_s)
{
    struct client_auth *auth = client->auth;
    struct pass *pass = find_pass(auth, room);

    if (pass == NULL) {
        struct pass *grown = realloc(auth->passes, (auth->pass_count + 1) * sizeof *grown);

        if (grown == NULL)
            return STATUS_NO_MEMORY;
        auth->passes = grown;
        pass = &grown[auth->pass_count++];
    }
    *pass = (struct pass){room, expires_s};
    client_auth_schedule(client);
    return STATUS_OK;
}

void client_auth_drop_pass(struct client *client, const struct room *room)
{
    struct client_auth *auth = client->auth;
    struct pass *pass = auth != NULL ? find_pass(auth, room) : NULL;

    if (pass != NULL)
        *pass = auth->passes[--auth->pass_count];
}

/* What ends is let live for the leeway: clocks differ. */
static int64_t due_s(const struct client *client, int64_t expires_s)
{
    return expires_s == INT64_MAX ? INT64_MAX : expires_s + client->bucket->auth.leeway_s;
}

int64_t client_auth_due_s(const struct client *client)
{
    const struct client_auth *auth = client->auth;
    int64_t first_s = auth->grant != NULL ? auth->grant->expires_s : INT64_MAX;

    for (uint32_t i = 0; i < auth->pass_count; i++)
        if (auth->passes[i].expires_s < first_s)
            first_s = auth->passes[i].expires_s;
    return due_s(client, first_s);
}

void client_auth_schedule(struct client *client)
{
    expiry_wheel_add(&client->bucket->auth.wheel, &client->auth->expiry, client_auth_due_s(client));
}
