/* SPDX-License-Identifier: Apache-2.0 */
/* What all links share; the owner's, and outlives them. Read-only once the first link is made, but for
 * `tls`, which a reload replaces, for `bans_awaited`, and for the settings that a reload changes. */
#ifndef FANFARE_LOGIC_LINK_LINK_ENV_H
#define FANFARE_LOGIC_LINK_LINK_ENV_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "logic/conf/logic_conf.h"
#include "shared/contract/ban_list.h"
#include "shared/contract/push.h"
#include "shared/net/resolver.h"

struct link_env {
    struct event_base *base;
    struct resolver *dns;
    SSL_CTX *tls; /* for new connections; those that are up hold their own reference */
    const struct logic_conf *conf;
    uint8_t logic_id[LOGIC_ID_LEN];
    struct ban_list *bans; /* who is kept out, as far as this logic knows; NULL: it keeps no such list */
    bool bans_awaited;     /* Redis may know more of them: until then none are exchanged */
};

#endif
