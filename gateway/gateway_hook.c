/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing of a question is looked at here but the bucket that it came from. */
#include "gateway/gateway_hook.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/conf/gateway_conf.h"
#include "gateway/gateway_limits.h"
#include "shared/base/list.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { NAME_MAX_BYTES = 280, RETRY_MS = 10 };

static void keep(struct gateway *gateway, struct hook_question *question)
{
    list_add_tail(&gateway->hook_back, &question->node);
}

static bool give_back(struct gateway *gateway, struct hook_question *question)
{
    struct hook_mail *mail = container_of(question, struct hook_mail, question);

    return bucket_post_hook(gateway->buckets[mail->bucket], mail) == STATUS_OK;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct gateway *gateway = arg;
    struct list *first;

    (void)fd;
    (void)what;
    while ((first = list_first(&gateway->hook_back)) != NULL) {
        struct hook_question *question = container_of(first, struct hook_question, node);

        list_remove(&question->node);
        if (!give_back(gateway, question)) {
            keep(gateway, question);
            (void)loop_event_after_ms(gateway->hook_retry, RETRY_MS);
            return;
        }
    }
}

static void on_answer(struct hook_question *question, void *arg)
{
    struct gateway *gateway = arg;

    if (!gateway->stopping && give_back(gateway, question))
        return;
    keep(gateway, question);
    (void)loop_event_after_ms(gateway->hook_retry, RETRY_MS);
}

static void on_question(void *arg, struct control_mail *head)
{
    struct gateway *gateway = arg;
    struct hook_question *question = &container_of(head, struct hook_mail, back)->question;

    if (gateway->hook != NULL) {
        auth_hook_ask(gateway->hook, question);
        return;
    }
    question->answer =
        (struct auth_answer){.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_HOOK_UNAVAILABLE};
    on_answer(question, gateway);
}

/* Its id, or what it would be called in a registry. */
static void name_gateway(const struct gateway *gateway, char out[NAME_MAX_BYTES])
{
    char host[256] = "";

    (void)gethostname(host, sizeof host - 1);
    if (gateway->conf->gateway_id[0] != '\0')
        snprintf(out, NAME_MAX_BYTES, "%s", gateway->conf->gateway_id);
    else
        snprintf(out, NAME_MAX_BYTES, "%s:%d", host, rpc_server_port(gateway->rpc));
}

static enum status hook_start(struct gateway *gateway, struct fault *fault)
{
    char name[NAME_MAX_BYTES];
    const struct auth_hook_env env = {
        .base = gateway->base,
        .resolver = gateway->dns,
        .gateway = name,
        .max_asked = gateway->descriptors.hook,
        .on_answer = on_answer,
        .arg = gateway,
    };

    name_gateway(gateway, name);
    return auth_hook_new(&env, &gateway->conf->auth.hook, &gateway->hook, fault);
}

enum status gateway_hook_start(struct gateway *gateway, struct fault *fault)
{
    if (gateway->hook_retry == NULL) {
        list_init(&gateway->hook_back);
        gateway->hook_retry = event_new(gateway->base, -1, 0, on_retry, gateway);
        control_box_route(gateway->box, CONTROL_HOOK, on_question, gateway);
    }
    if (gateway->hook_retry == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    if (!gateway_has_hook(gateway->conf))
        return STATUS_OK;
    enum status status = gateway_start_dns(gateway, fault);
    return status == STATUS_OK ? hook_start(gateway, fault) : status;
}

void gateway_hook_reload(struct gateway *gateway)
{
    struct fault fault;
    enum status status = STATUS_OK;

    if (gateway->hook != NULL)
        status = auth_hook_set(gateway->hook, &gateway->conf->auth.hook, &fault);
    else
        status = gateway_hook_start(gateway, &fault);
    if (status != STATUS_OK)
        log_event(LOG_ERROR, "auth.hook keeps what it had", LOG_S("reason", fault.text));
}

void gateway_hook_use(struct gateway *gateway, struct auth_policy *policy)
{
    if (gateway->hook != NULL)
        auth_hook_use(gateway->hook, policy);
}

void gateway_hook_stop(struct gateway *gateway)
{
    gateway->stopping = true;
    auth_hook_free(gateway->hook);
    gateway->hook = NULL;
}

void gateway_hook_end(struct gateway *gateway)
{
    struct list *first;

    if (gateway->hook_retry == NULL)
        return;
    while ((first = list_first(&gateway->hook_back)) != NULL) {
        struct hook_question *question = container_of(first, struct hook_question, node);

        list_remove(&question->node);
        hook_mail_free(container_of(question, struct hook_mail, question));
    }
    loop_event_free(gateway->hook_retry);
}
