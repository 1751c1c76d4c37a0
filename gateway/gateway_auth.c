/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket takes its mail in order: whoever comes after a policy is judged by it. */
#include "gateway/gateway_auth.h"

#include <stdlib.h>

#include "gateway/auth/auth.h"
#include "gateway/gateway_hook.h"
#include "shared/base/list.h"
#include "shared/log/log.h"

/* An auth_on_policy. */
static void on_policy(void *arg, struct auth_policy *policy)
{
    struct gateway *gateway = arg;

    gateway_hook_use(gateway, policy);
    for (unsigned i = 0; i < gateway->bucket_count; i++) {
        enum status status = bucket_post_policy(gateway->buckets[i], policy);

        if (status != STATUS_OK)
            log_event(LOG_ERROR, "a bucket keeps what it had", LOG_I("bucket", i), LOG_S("what", "policy"),
                      LOG_S("reason", status_text(status)));
    }
}

/* A control_handler. */
static void on_keys(void *arg, struct control_mail *head)
{
    const struct gateway *gateway = arg;
    struct keys_note *note = container_of(head, struct keys_note, head);

    if (gateway->auth != NULL)
        auth_unknown_key(gateway->auth, note->source);
    free(note);
}

static enum status set(struct gateway *gateway, struct fault *fault)
{
    enum status status = auth_needs_resolver(gateway->conf) ? gateway_start_dns(gateway, fault) : STATUS_OK;

    return status == STATUS_OK ? auth_set(gateway->auth, gateway->conf, gateway->dns, fault) : status;
}

enum status gateway_auth_start(struct gateway *gateway, struct fault *fault)
{
    if (auth_new(gateway->base, on_policy, gateway, &gateway->auth) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    control_box_route(gateway->box, CONTROL_KEYS, on_keys, gateway);
    return set(gateway, fault);
}

void gateway_auth_reload(struct gateway *gateway)
{
    struct fault fault = {""};

    if (set(gateway, &fault) != STATUS_OK)
        log_event(LOG_ERROR, "identity keeps what it had", LOG_S("reason", fault.text));
}

void gateway_auth_stop(struct gateway *gateway)
{
    auth_free(gateway->auth);
    gateway->auth = NULL;
}
