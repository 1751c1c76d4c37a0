/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is kept for it: what is told is read from the client as it is. */
#include "gateway/bucket/client_report.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "gateway/bucket/client_auth.h"
#include "shared/base/clock.h"
#include "shared/base/wall_clock.h"
#include "shared/contract/audience.h"

static const struct grant *grant_of(const struct client *client)
{
    return client->auth != NULL ? client->auth->grant : NULL;
}

struct slice client_report_user(const struct client *client)
{
    const struct grant *grant = grant_of(client);

    return grant != NULL ? grant_user(grant) : slice_of(NULL, 0);
}

struct slice client_report_info(const struct client *client)
{
    const struct grant *grant = grant_of(client);

    return grant != NULL && grant->info != NULL ? slice_of(grant->info, grant->info_len) : slice_of(NULL, 0);
}

static int64_t since_s(const struct client *client)
{
    return wall_clock_s() - (clock_now_us() - client->ticket->accepted_us) / 1000000;
}

static enum status append_rooms(struct buf *out, const struct client *client)
{
    enum status status = buf_append_str(out, ",\"rooms\":[");
    uint32_t count = 0;

    for (uint32_t slot = 0; slot < client->room_count && status == STATUS_OK; slot++) {
        struct slice name = client->rooms[slot].room->node.key;

        if (audience_of(name) != AUDIENCE_ROOM || count++ >= CLIENT_REPORT_ROOMS)
            continue;
        status = count > 1 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = buf_append_json_string(out, name.data, name.len);
    }
    return status == STATUS_OK ? buf_printf(out, "],\"roomCount\":%" PRIu32, count) : status;
}

static enum status append_user(struct buf *out, const struct client *client)
{
    struct slice user = client_report_user(client);
    enum status status = buf_append_str(out, ",\"user\":");

    if (status != STATUS_OK)
        return status;
    return user.data != NULL ? buf_append_json_string(out, user.data, user.len) : buf_append_str(out, "null");
}

static enum status append_info(struct buf *out, const struct client *client)
{
    struct slice info = client_report_info(client);
    enum status status = buf_append_str(out, ",\"info\":");

    if (status == STATUS_OK)
        status = info.len > 0 ? buf_append(out, info.data, info.len) : buf_append_str(out, "null");
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

enum status client_report_append(struct buf *out, const struct client *client, const struct connection_id *id,
                                 bool user)
{
    char text[CONNECTION_ID_MAX + 1];
    char address[INET6_ADDRSTRLEN];

    (void)connection_id_print(id, text);
    cidr_address_print(client->ticket->peer, address);
    enum status status =
        buf_printf(out, "{\"connection\":\"%s\",\"since\":%" PRId64 ",\"address\":\"%s\",\"version\":%d",
                   text, since_s(client), address, client->encoding == ENCODING_WS_V1 ? 1 : 2);
    if (status == STATUS_OK)
        status = append_rooms(out, client);
    if (status == STATUS_OK && user)
        status = append_user(out, client);
    return status == STATUS_OK ? append_info(out, client) : status;
}
