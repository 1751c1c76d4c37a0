/* SPDX-License-Identifier: Apache-2.0 */
/* Asks one name of the search list after the other, both types at once, and judges when both have been
 * answered. The loop's thread only. */
#include "shared/net/dns_query.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_MAX = 3 };

struct part {
    struct dns_query *query;
    enum dns_type type;
    struct question *question; /* under way, or NULL */
    struct dns_reply reply;
};

struct dns_query {
    struct resolver *resolver;
    struct dns_query **slot;
    dns_query_done *done;
    void *arg;
    struct part parts[2];
    size_t count;           /* of the parts */
    size_t turn;            /* in the search list */
    unsigned again;         /* begun anew so often */
    enum dns_result denial; /* the worst of the names that were tried so far */
    char name[DNS_NAME_MAX + 2];
};

static void ask_next(struct dns_query *query);

static void fini_replies(struct dns_query *query)
{
    for (size_t i = 0; i < 2; i++) {
        resolver_forget(&query->parts[i].question);
        dns_answer_fini(&query->parts[i].reply.answer);
    }
}

static void finish(struct dns_query *query)
{
    struct dns_reply replies[2] = {query->parts[0].reply, query->parts[1].reply};
    dns_query_done *done = query->done;
    void *arg = query->arg;

    *query->slot = NULL;
    free(query);
    done(replies, arg);
    dns_answer_fini(&replies[0].answer);
    dns_answer_fini(&replies[1].answer);
}

static void finish_denied(struct dns_query *query)
{
    for (size_t i = 0; i < query->count; i++)
        query->parts[i].reply.result = query->denial;
    finish(query);
}

static bool any_is(const struct dns_query *query, enum dns_result result)
{
    return query->parts[0].reply.result == result ||
           (query->count > 1 && query->parts[1].reply.result == result);
}

/* One part may be refused where the other says that there is nothing: that is a refusal too. */
static enum dns_result denial_of(const struct dns_query *query)
{
    for (size_t i = 0; i < query->count; i++)
        if (dns_is_fault(query->parts[i].reply.result))
            return query->parts[i].reply.result;
    return any_is(query, DNS_NO_DATA) ? DNS_NO_DATA : DNS_NO_NAME;
}

static void note_denial(struct dns_query *query)
{
    enum dns_result now = denial_of(query);

    if (query->denial == DNS_NO_NAME || dns_is_fault(now))
        query->denial = now;
}

static void judge(struct dns_query *query)
{
    if (any_is(query, DNS_ASK_AGAIN) && query->again++ < AGAIN_MAX) {
        query->turn = 0;
        query->denial = DNS_NO_NAME;
        ask_next(query);
    } else if (any_is(query, DNS_FOUND) || any_is(query, DNS_SILENCE) || any_is(query, DNS_MEMORY)) {
        finish(query);
    } else {
        note_denial(query);
        ask_next(query);
    }
}

static void on_answer(enum dns_result result, struct slice message, void *arg)
{
    struct part *part = arg;
    struct dns_query *query = part->query;

    part->reply.result = result;
    if (result == DNS_FOUND)
        part->reply.result = dns_answer_read(message, part->type, &part->reply.answer);
    if (query->parts[0].question == NULL && query->parts[1].question == NULL)
        judge(query);
}

static enum status ask_all(struct dns_query *query, const char *name)
{
    enum status status = STATUS_OK;

    fini_replies(query);
    for (size_t i = 0; status == STATUS_OK && i < query->count; i++)
        status = resolver_ask(query->resolver, name, query->parts[i].type, on_answer, &query->parts[i],
                              &query->parts[i].question);
    return status;
}

static void ask_next(struct dns_query *query)
{
    char name[DNS_NAME_MAX + 1];

    if (!dns_search_next(resolver_search(query->resolver), query->name, &query->turn, name)) {
        finish_denied(query);
    } else if (ask_all(query, name) != STATUS_OK) {
        fini_replies(query);
        query->denial = DNS_MEMORY;
        finish_denied(query);
    }
}

static enum status begin(struct dns_query *query)
{
    char name[DNS_NAME_MAX + 1];

    if (!dns_search_next(resolver_search(query->resolver), query->name, &query->turn, name))
        return STATUS_INVALID;
    return ask_all(query, name);
}

enum status dns_query_start(struct resolver *resolver, const char *name, enum dns_kind kind,
                            dns_query_done *done, void *arg, struct dns_query **slot)
{
    size_t len = strlen(name);
    struct dns_query *query = len < sizeof query->name ? calloc(1, sizeof *query) : NULL;

    if (query == NULL)
        return len < sizeof query->name ? STATUS_NO_MEMORY : STATUS_INVALID;
    query->resolver = resolver;
    query->slot = slot;
    query->done = done;
    query->arg = arg;
    query->denial = DNS_NO_NAME;
    query->count = kind == DNS_HOST ? 2 : 1;
    query->parts[0] = (struct part){.query = query, .type = kind == DNS_HOST ? DNS_TYPE_A : DNS_TYPE_SRV};
    query->parts[1] = (struct part){.query = query, .type = DNS_TYPE_AAAA, .reply = {.result = DNS_NO_DATA}};
    memcpy(query->name, name, len + 1);
    *slot = query;
    enum status status = begin(query);
    if (status != STATUS_OK)
        dns_query_cancel(slot);
    return status;
}

void dns_query_cancel(struct dns_query **slot)
{
    struct dns_query *query = *slot;

    if (query == NULL)
        return;
    *slot = NULL;
    fini_replies(query);
    free(query);
}
