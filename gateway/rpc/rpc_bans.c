/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps nothing of an exchange: each part says where the next one goes on. */
#include "gateway/rpc/rpc_bans.h"

#include <string.h>

#include "shared/base/wall_clock.h"
#include "shared/contract/ban_part.h"

static void merge(const struct rpc_bans *bans, struct ban_part *part)
{
    int64_t now_s = wall_clock_s();
    char name[BAN_USER_MAX];
    struct ban ban;

    while (ban_part_next(part, name, &ban))
        if (ban_table_add(bans->table, &ban, now_s))
            bans->banned(bans->arg, &ban);
}

void rpc_bans_exchange(const struct rpc_bans *bans, const struct rpc_call *call)
{
    struct ban_part part;
    struct fault fault;

    call->answer->content_type = RPC_JSON_TYPE;
    if (ban_part_parse(call->request->body, &part, &fault) != STATUS_OK) {
        rpc_answer_error(call->answer, 400, "invalid_request", fault.text);
        return;
    }
    merge(bans, &part);
    if (ban_table_print(bans->table, part.from, &call->answer->body) != STATUS_OK)
        rpc_answer_error(call->answer, 500, "internal", status_text(STATUS_NO_MEMORY));
    else if (part.last)
        bans->known(bans->arg);
}

void rpc_bans_hello(const struct rpc_bans *bans, const struct hello *peer, struct hello *told)
{
    if (bans->table == NULL)
        return;
    told->capabilities |= 1u << HELLO_BANS;
    hello_set_bans(told, ban_table_digest(bans->table, wall_clock_s()));
    if (strcmp(told->bans, peer->bans) == 0)
        bans->known(bans->arg);
}
