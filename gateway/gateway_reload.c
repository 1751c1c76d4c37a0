/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the settings are read anew, and each part is handed what is its own. The control thread; the
 * buckets get theirs by mail. */
#include "gateway/gateway_auth.h"
#include "gateway/gateway_hook.h"
#include "gateway/gateway_limits.h"
#include "gateway/gateway_state.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/daemon/hangup.h"
#include "shared/log/log.h"

static void report_missed(unsigned bucket, const char *what, enum status status)
{
    log_event(LOG_ERROR, "a bucket keeps what it had", LOG_I("bucket", bucket), LOG_S("what", what),
              LOG_S("reason", status_text(status)));
}

static void limit_buckets(const struct gateway *gateway)
{
    const struct bucket_limits limits = gateway_bucket_limits(gateway->conf);

    for (unsigned i = 0; i < gateway->bucket_count; i++) {
        enum status status = bucket_post_limits(gateway->buckets[i], &limits);

        if (status != STATUS_OK)
            report_missed(i, "limits", status);
    }
}

static void rule_buckets(const struct gateway *gateway, struct cidr_list *proxies)
{
    struct handshake_rules *rules = NULL;
    enum status status =
        handshake_rules_new(&gateway->conf->ws_origins, &gateway->conf->ws_subprotocols, proxies, &rules);

    for (unsigned i = 0; i < gateway->bucket_count; i++) {
        enum status posted = status == STATUS_OK ? bucket_post_rules(gateway->buckets[i], rules) : status;

        if (posted != STATUS_OK)
            report_missed(i, "origins", posted);
    }
    handshake_rules_unref(rules);
}

/* The settings were checked: only memory can be short, and then everybody keeps what he had. */
static void rule_newcomers(const struct gateway *gateway)
{
    const struct conf_list *list = &gateway->conf->trusted_proxies;
    struct cidr_list *proxies = NULL;
    struct fault fault = {""};

    if (cidr_list_new("trustedProxies", list->items, list->count, &proxies, &fault) != STATUS_OK) {
        log_event(LOG_ERROR, "the trusted proxies and origins stay what they were",
                  LOG_S("reason", fault.text));
        return;
    }
    acceptor_set_proxies(gateway->acceptor, proxies, gateway->conf->proxy_protocol);
    rule_buckets(gateway, proxies);
    cidr_list_unref(proxies);
}

static void apply(struct gateway *gateway)
{
    const struct gateway_conf *conf = gateway->conf;
    struct descriptor_plan plan = gateway->descriptors; /* stays if there should be too few by now */
    struct fault fault;

    (void)gateway_plan_descriptors(conf, gateway->bucket_count, gateway->descriptors_open, &plan, &fault);
    const struct acceptor_limits newcomers = gateway_acceptor_limits(conf, &plan);
    const struct rpc_limits rpc = gateway_rpc_limits(conf, &plan);
    const struct fanout_limits fanout = gateway_fanout_limits(conf);
    const struct push_limits pushes = gateway_push_limits(conf);
    int64_t told[HELLO_LIMIT_COUNT];

    gateway_hello_limits(conf, told);
    log_setup((enum log_level)conf->log_level, (enum log_format)conf->log_format);
    acceptor_set_limits(gateway->acceptor, &newcomers);
    limit_buckets(gateway);
    rule_newcomers(gateway);
    fanout_set_limits(gateway->fanout, &fanout);
    push_handler_set_limits(gateway->handler, &pushes);
    rpc_server_set_limits(gateway->rpc, told, &rpc);
    drain_set_pace(gateway->drain, conf->drain_seconds, conf->accept_per_second);
    gateway->descriptors.hook = plan.hook;
    gateway_hook_reload(gateway);
    gateway_auth_reload(gateway);
}

static void on_hangup(void *arg)
{
    struct gateway *gateway = arg;
    bool good = reload_settings(gateway->settings);

    if (good) {
        apply(gateway);
        good = certificates_reload(gateway->certificates);
    }
    metrics_add(good ? M_RELOADS_OK : M_RELOADS_FAILED, 1);
}

enum status gateway_reload_begin(struct gateway *gateway)
{
    return hangup_new(gateway->base, on_hangup, gateway, &gateway->hangup);
}

void gateway_reload_end(struct gateway *gateway)
{
    hangup_free(gateway->hangup);
    gateway->hangup = NULL;
}

void gateway_reload_certificate(void *arg, enum certificate_kind kind, SSL_CTX *context)
{
    const struct gateway *gateway = arg;

    if (kind == CERTIFICATE_RPC) {
        rpc_server_set_tls(gateway->rpc, context);
        return;
    }
    for (unsigned i = 0; i < gateway->bucket_count; i++) {
        enum status status = bucket_post_certificate(gateway->buckets[i], context);

        if (status != STATUS_OK)
            report_missed(i, "certificate", status);
    }
}
