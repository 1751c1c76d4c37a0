/* SPDX-License-Identifier: Apache-2.0 */
/* Two short lists of texts, walked once a handshake: no table, no order but the config's. */
#include "gateway/websocket/handshake_rules.h"

#include <stdlib.h>
#include <string.h>

#include "shared/http/origin.h"

static void list_free(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

static enum status list_copy(const struct conf_list *from, struct conf_list *out)
{
    if (from->count == 0)
        return STATUS_OK;
    out->items = calloc(from->count, sizeof *out->items);
    if (out->items == NULL)
        return STATUS_NO_MEMORY;
    for (; out->count < from->count; out->count++) {
        out->items[out->count] = strdup(from->items[out->count]);
        if (out->items[out->count] == NULL)
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

enum status handshake_rules_new(const struct conf_list *origins, const struct conf_list *subprotocols,
                                struct cidr_list *proxies, struct handshake_rules **out)
{
    struct handshake_rules *rules = calloc(1, sizeof *rules);

    if (rules == NULL)
        return STATUS_NO_MEMORY;
    atomic_init(&rules->references, 1);
    rules->proxies = cidr_list_ref(proxies);
    if (list_copy(origins, &rules->origins) != STATUS_OK ||
        list_copy(subprotocols, &rules->subprotocols) != STATUS_OK) {
        handshake_rules_unref(rules);
        return STATUS_NO_MEMORY;
    }
    *out = rules;
    return STATUS_OK;
}

struct handshake_rules *handshake_rules_ref(struct handshake_rules *rules)
{
    (void)atomic_fetch_add(&rules->references, 1);
    return rules;
}

void handshake_rules_unref(struct handshake_rules *rules)
{
    if (rules == NULL || atomic_fetch_sub(&rules->references, 1) > 1)
        return;
    list_free(&rules->origins);
    list_free(&rules->subprotocols);
    cidr_list_unref(rules->proxies);
    free(rules);
}

bool handshake_rules_allow(const struct handshake_rules *rules, const struct http_request *request)
{
    if (rules == NULL || rules->origins.count == 0 || http_request_header(request, "Origin").data == NULL)
        return true;
    return handshake_rules_know_page(rules, request);
}

bool handshake_rules_know_page(const struct handshake_rules *rules, const struct http_request *request)
{
    struct slice origin = http_request_only_header(request, "Origin");

    return rules != NULL && origin.data != NULL && origin_is_listed(&rules->origins, origin);
}

static const char *find(const struct conf_list *list, struct slice text)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal(slice_str(list->items[i]), text))
            return list->items[i];
    return NULL;
}

const char *handshake_rules_subprotocol(const struct handshake_rules *rules,
                                        const struct http_request *request)
{
    struct http_elements offered = {0};
    const char *found = NULL;
    struct slice name;

    if (rules == NULL || rules->subprotocols.count == 0)
        return NULL;
    while (found == NULL && http_request_next_element(request, "Sec-WebSocket-Protocol", &offered, &name))
        found = find(&rules->subprotocols, name);
    return found;
}
