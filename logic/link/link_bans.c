/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends merge what comes, so that it does not matter what is told twice, or changes meanwhile. */
#include "logic/link/link_bans.h"

#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/base/wall_clock.h"
#include "shared/log/log.h"

void link_bans_init(struct link_bans *bans, struct ban_list *list, const bool *awaited)
{
    *bans = (struct link_bans){.list = list, .awaited = awaited};
    buf_init(&bans->text, BAN_PART_MAX);
}

void link_bans_fini(struct link_bans *bans)
{
    buf_fini(&bans->text);
}

void link_bans_stop(struct link_bans *bans)
{
    bans->conn = NULL;
    bans->begun_us = 0;
}

void link_bans_hello(struct link_bans *bans, struct hello *own)
{
    bans->told = bans->list != NULL && !*bans->awaited;
    if (!bans->told)
        return;
    ban_list_expire(bans->list, wall_clock_s());
    bans->said = ban_list_digest(bans->list);
    own->capabilities |= 1u << HELLO_BANS;
    hello_set_bans(own, bans->said);
}

bool link_bans_changed(const struct link_bans *bans)
{
    return bans->list != NULL && !*bans->awaited &&
           (!bans->told || ban_list_digest(bans->list) != bans->said);
}

static size_t read_text(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct link_bans *bans = arg;
    size_t rest = bans->text.len - bans->sent;
    size_t part = rest < len ? rest : len;

    memcpy(out, bans->text.data + bans->sent, part);
    bans->sent += part;
    *eof = part == rest;
    return part;
}

static void end(struct link_bans *bans, bool good)
{
    metrics_add(good ? LM_BAN_EXCHANGES_OK : LM_BAN_EXCHANGES_FAILED, 1);
    bans->conn = NULL;
}

/* Asks for a part of the gateway's, or tells one of the own. */
static void send_part(struct link_bans *bans)
{
    static const size_t nothing = BAN_LIST_MAX;
    const struct h2_body body = {read_text, bans};
    enum status status;

    buf_clear(&bans->text);
    bans->sent = 0;
    if (bans->heard)
        status = ban_part_print(bans->list, &bans->tell, &nothing, &bans->text);
    else
        status = buf_printf(&bans->text, "{\"from\":%zu,\"last\":false,\"bans\":[]}", bans->from);
    if (status == STATUS_OK)
        status = h2_request(bans->conn, "POST", "/rpc/bans", "application/json", &body, &bans->stream);
    if (status != STATUS_OK)
        end(bans, false);
}

static bool is_equal(const struct link_bans *bans, const struct hello *peer)
{
    struct hello own;

    hello_set_bans(&own, ban_list_digest(bans->list));
    return strcmp(own.bans, peer->bans) == 0;
}

void link_bans_compare(struct link_bans *bans, struct h2_conn *conn, const struct hello *peer, int64_t now_us)
{
    bool knows = bans->told && hello_can(peer, HELLO_BANS);

    if (!knows || bans->conn != NULL || is_equal(bans, peer))
        return;
    if (bans->begun_us != 0 && now_us - bans->begun_us < LINK_BANS_MS * 1000)
        return;
    bans->begun_us = now_us;
    bans->conn = conn;
    bans->from = 0;
    bans->heard = false;
    bans->tell = (struct ban_range){.end = ban_list_count(bans->list), .max = BAN_PART_MAX};
    if (peer->limits[HELLO_RPC_BYTES] < BAN_PART_MAX)
        bans->tell.max = (size_t)peer->limits[HELLO_RPC_BYTES];
    send_part(bans);
}

static void merge(struct link_bans *bans, struct ban_part *part)
{
    int64_t now_s = wall_clock_s();
    char name[BAN_USER_MAX];
    struct ban ban;

    while (ban_part_next(part, name, &ban))
        logic_metrics_count_ban(ban_list_merge(bans->list, &ban, now_s));
}

/* Whether the gateway goes on behind what was asked for, so that there is an end. */
static bool goes_on(struct link_bans *bans, const struct ban_part *part)
{
    bool on = part->last || part->from > bans->from;

    bans->from = part->from;
    bans->heard = part->last;
    return on;
}

static bool all_is_told(const struct link_bans *bans)
{
    return bans->tell.at >= bans->tell.end || bans->tell.at >= ban_list_count(bans->list);
}

static void take_part(struct link_bans *bans, const char *gateway, struct slice body)
{
    struct ban_part part;
    struct fault fault;

    if (ban_part_parse(body, &part, &fault) != STATUS_OK) {
        log_event(LOG_WARN, "gateway answers with no bans", LOG_S("gateway", gateway),
                  LOG_S("reason", fault.text));
        end(bans, false);
        return;
    }
    bool telling = bans->heard;
    merge(bans, &part);
    if (telling && all_is_told(bans))
        end(bans, true);
    else if (telling || goes_on(bans, &part))
        send_part(bans);
    else
        end(bans, false);
}

bool link_bans_answer(struct link_bans *bans, const char *gateway, int32_t stream, int status,
                      struct slice body)
{
    if (bans->conn == NULL || stream != bans->stream)
        return false;
    if (status == 200) {
        take_part(bans, gateway, body);
        return true;
    }
    log_event(LOG_WARN, "gateway refuses the bans", LOG_S("gateway", gateway), LOG_I("status", status));
    end(bans, false);
    return true;
}
