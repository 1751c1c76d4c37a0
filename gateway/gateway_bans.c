/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the gateway still waits is a cause of readiness, which the buckets read anyway. */
#include "gateway/gateway_bans.h"

#include <string.h>

#include "shared/contract/close_codes.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

static void end_wait(struct gateway *gateway)
{
    readiness_set(&gateway->readiness, UNREADY_BANS, false);
    loop_event_free(gateway->bans_wait);
    gateway->bans_wait = NULL;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    log_event(LOG_WARN, "no logic has said who is banned: clients are let in",
              LOG_I("afterMs", GATEWAY_BANS_WAIT_MS));
    end_wait(arg);
}

static void on_known(void *arg)
{
    struct gateway *gateway = arg;

    if (gateway->bans_wait != NULL)
        end_wait(gateway);
}

/* He is here: the command that banned him has not been. */
static void on_banned(void *arg, const struct ban *ban)
{
    const struct gateway *gateway = arg;
    const struct push_sink sink = fanout_sink(gateway->fanout);
    const char *name = close_code_name(CLOSE_kicked);
    struct command command = {.kind = COMMAND_BAN,
                              .code = CLOSE_kicked,
                              .reason_len = (uint16_t)strlen(name),
                              .until_s = ban->until_s,
                              .at_ms = ban->at_ms};
    uint8_t key[AUDIENCE_KEY_MAX];

    memcpy(command.reason, name, command.reason_len);
    (void)sink.command(sink.arg, audience_key_of(AUDIENCE_USER, ban->user, key), &command);
}

enum status gateway_bans_start(struct gateway *gateway)
{
    if (ban_table_new(&gateway->bans) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (gateway->conf->auth.mode != AUTH_MODE_VERIFY)
        return STATUS_OK;
    gateway->bans_wait = event_new(gateway->base, -1, 0, on_time, gateway);
    if (gateway->bans_wait == NULL)
        return STATUS_NO_MEMORY;
    readiness_set(&gateway->readiness, UNREADY_BANS, true);
    return loop_event_after_ms(gateway->bans_wait, GATEWAY_BANS_WAIT_MS);
}

struct rpc_bans gateway_bans_rpc(struct gateway *gateway)
{
    return (struct rpc_bans){.table = gateway->bans, .known = on_known, .banned = on_banned, .arg = gateway};
}

void gateway_bans_stop(struct gateway *gateway)
{
    loop_event_free(gateway->bans_wait);
    ban_table_free(gateway->bans);
}
