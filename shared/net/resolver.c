/* SPDX-License-Identifier: Apache-2.0 */
/* Between c-ares and those who ask. c-ares may call back from inside ares_query, and when a channel is
 * destroyed: an answer is only kept there, and told in a turn of its own, where everybody may ask,
 * forget and free what he likes. A question belongs to this file until it was told: forgetting it
 * only takes its asker away. The loop's thread. */
#include "shared/net/resolver.h"

#include <ares.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/log/log.h"
#include "shared/net/dns_channel.h"
#include "shared/net/loop_event.h"

enum { LOOK_MS = 1000 }; /* resolv.conf is looked at so often at most */

struct question {
    struct list node; /* of `asked`, then of `answered` */
    struct resolver *resolver;
    struct question **slot; /* the asker's; NULL: forgotten */
    resolver_done *done;
    void *arg;
    enum dns_result result;
    uint8_t *message; /* a copy */
    size_t len;
};

struct resolver {
    struct event_base *base;
    struct sockaddr_storage server;
    bool has_server; /* else those of resolv.conf */
    char *resolv_conf;
    struct stat seen; /* resolv.conf, as the channel knows it */
    int64_t looked_ms;
    struct dns_channel *channel;
    struct event *tell;
    struct list asked, answered;
    size_t count; /* of both */
};

const char *resolver_fault(const char *nameserver)
{
    struct sockaddr_storage address;
    int len = sizeof address;

    if (nameserver[0] == '\0' ||
        evutil_parse_sockaddr_port(nameserver, (struct sockaddr *)&address, &len) == 0)
        return NULL;
    return "must be an address, or address:port ([::1]:53 for IPv6)";
}

static enum dns_result result_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return DNS_FOUND;
    case ARES_ENODATA:
        return DNS_NO_DATA;
    case ARES_ENOTFOUND:
        return DNS_NO_NAME;
    case ARES_ETIMEOUT:
        return DNS_SILENCE;
    case ARES_EBADNAME:
        return DNS_BAD_NAME;
    case ARES_EBADRESP:
        return DNS_BAD_ANSWER;
    case ARES_ENOMEM:
        return DNS_MEMORY;
    case ARES_EFORMERR: /* the first one to hear it makes c-ares speak without EDNS */
    case ARES_EDESTRUCTION:
        return DNS_ASK_AGAIN;
    default: /* c-ares' word for SERVFAIL and REFUSED from all servers is "connection refused" */
        return DNS_REFUSAL;
    }
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int len)
{
    struct question *question = arg;

    (void)timeouts;
    question->result = result_of(status);
    if (question->result == DNS_FOUND && question->slot != NULL && len > 0) {
        question->message = malloc((size_t)len);
        if (question->message != NULL)
            memcpy(question->message, message, question->len = (size_t)len);
        else
            question->result = DNS_MEMORY;
    }
    list_remove(&question->node);
    list_add_tail(&question->resolver->answered, &question->node);
    event_active(question->resolver->tell, EV_TIMEOUT, 0);
}

static void free_question(struct question *question)
{
    list_remove(&question->node);
    question->resolver->count--;
    free(question->message);
    free(question);
}

/* Those that are asked meanwhile, and answered at once, have their turn. */
static void on_tell(evutil_socket_t fd, short what, void *arg)
{
    struct resolver *resolver = arg;
    struct list now;

    (void)fd;
    (void)what;
    if (list_empty(&resolver->answered))
        return;
    list_add_tail(&resolver->answered, &now); /* takes the whole list over */
    list_remove(&resolver->answered);
    while (!list_empty(&now)) {
        struct question *question = container_of(list_first(&now), struct question, node);
        struct question **slot = question->slot;

        if (slot != NULL) {
            *slot = NULL;
            question->slot = NULL;
            question->done(question->result, slice_of(question->message, question->len), question->arg);
        }
        free_question(question);
    }
}

static enum status renew_channel(struct resolver *resolver)
{
    const struct dns_channel_conf conf = {.base = resolver->base,
                                          .server = resolver->has_server ? &resolver->server : NULL,
                                          .resolv_conf = resolver->resolv_conf};
    struct dns_channel *old = resolver->channel;
    enum status status = dns_channel_new(&conf, &resolver->channel);

    if (status == STATUS_OK)
        dns_channel_free(old); /* what was asked on it is answered DNS_ASK_AGAIN */
    return status;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that is away for a moment changes nothing. */
static void look_at_resolv_conf(struct resolver *resolver)
{
    int64_t now_ms = clock_now_ms();
    struct stat found;

    if (now_ms - resolver->looked_ms < LOOK_MS)
        return;
    resolver->looked_ms = now_ms;
    if (stat(resolver->resolv_conf, &found) || is_same_file(&found, &resolver->seen) ||
        renew_channel(resolver) != STATUS_OK)
        return;
    resolver->seen = found;
    log_event(LOG_INFO, "name servers read again", LOG_S("file", resolver->resolv_conf));
}

static enum status set_up(struct resolver *resolver, const char *nameserver, const char *resolv_conf)
{
    int len = sizeof resolver->server;

    resolver->has_server = nameserver[0] != '\0';
    if (resolver->has_server &&
        evutil_parse_sockaddr_port(nameserver, (struct sockaddr *)&resolver->server, &len))
        return STATUS_INVALID;
    resolver->tell = event_new(resolver->base, -1, 0, on_tell, resolver);
    resolver->resolv_conf = strdup(resolv_conf);
    if (resolver->tell == NULL || resolver->resolv_conf == NULL)
        return STATUS_NO_MEMORY;
    resolver->looked_ms = clock_now_ms();
    (void)stat(resolv_conf, &resolver->seen);
    return renew_channel(resolver);
}

enum status resolver_new_from(struct event_base *base, const char *nameserver, const char *resolv_conf,
                              struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    if (resolver == NULL)
        return STATUS_NO_MEMORY;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        free(resolver);
        return STATUS_NO_MEMORY;
    }
    resolver->base = base;
    list_init(&resolver->asked);
    list_init(&resolver->answered);
    enum status status = set_up(resolver, nameserver, resolv_conf);
    if (status != STATUS_OK) {
        resolver_free(resolver);
        return status;
    }
    *out = resolver;
    return STATUS_OK;
}

enum status resolver_new(struct event_base *base, const char *nameserver, struct resolver **out)
{
    return resolver_new_from(base, nameserver, "/etc/resolv.conf", out);
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    dns_channel_free(resolver->channel);
    while (!list_empty(&resolver->answered)) {
        struct question *question = container_of(list_first(&resolver->answered), struct question, node);

        if (question->slot != NULL)
            *question->slot = NULL;
        free_question(question);
    }
    loop_event_free(resolver->tell);
    free(resolver->resolv_conf);
    free(resolver);
    ares_library_cleanup();
}

enum status resolver_ask(struct resolver *resolver, const char *name, enum dns_type type, resolver_done *done,
                         void *arg, struct question **slot)
{
    if (resolver->count >= RESOLVER_QUESTIONS_MAX)
        return STATUS_FULL;
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL)
        return STATUS_NO_MEMORY;
    look_at_resolv_conf(resolver);
    *question = (struct question){.resolver = resolver, .slot = slot, .done = done, .arg = arg};
    list_add_tail(&resolver->asked, &question->node);
    resolver->count++;
    *slot = question;
    dns_channel_ask(resolver->channel, name, (int)type, on_answer, question);
    return STATUS_OK;
}

void resolver_forget(struct question **slot)
{
    if (*slot == NULL)
        return;
    (*slot)->slot = NULL;
    *slot = NULL;
}

const struct dns_search *resolver_search(const struct resolver *resolver)
{
    return dns_channel_search(resolver->channel);
}

bool resolver_read_hosts(const struct resolver *resolver, const char *name, int family, struct hostent **out)
{
    return ares_gethostbyname_file(dns_channel_handle(resolver->channel), name, family, out) == ARES_SUCCESS;
}
