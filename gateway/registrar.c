/* SPDX-License-Identifier: Apache-2.0 */
/* Every write is one script on one key, so that Redis itself decides between two claimants. The
 * control thread only; Redis's absence changes nothing but the log and the metrics. */
#include "gateway/registrar.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/contract/registry_entry.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_client.h"

enum {
    ASK_AGAIN_MS = 1000, /* at most, while the id is another's */
    LOG_GAP_MS = 10000,  /* between two lines about one trouble */
    INSTANCE_BYTES = REGISTRY_INSTANCE_LEN / 2,
    OWN_PREFIX_MAX = 64, /* {"instance":"<32 hex>" */
    NUMBER_MAX = 24,
};

/* KEYS[1] the entry's key; ARGV: how our values begin, the value, its time to live in ms, the
 * foreign value that may be replaced. Returns 1, or the value of the one who has the id. */
static const char claim_script[] =
    "local held = redis.call('GET', KEYS[1]) "
    "if held and string.sub(held, 1, #ARGV[1]) ~= ARGV[1] and held ~= ARGV[4] then return held end "
    "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) "
    "return 1";

static const char leave_script[] = "local held = redis.call('GET', KEYS[1]) "
                                   "if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] "
                                   "then redis.call('DEL', KEYS[1]) end "
                                   "return 1";

struct registrar {
    struct redis_client *redis;
    struct event *refresh;
    struct registry_entry entry;
    int64_t ttl_ms;
    struct buf key;
    struct buf channel;
    struct buf value;    /* of the claim under way, or of the last one */
    struct buf replaced; /* the foreign value that the next claim may replace */
    char own[OWN_PREFIX_MAX];
    bool claiming;               /* an answer is due */
    enum registry_state claimed; /* the state in that claim */
    bool registered;
    bool has_registered;
    const struct acceptor *acceptor;
    struct readiness *readiness;
    bool news; /* the state has changed since it was last announced */
    bool leaving;
    bool left;
    char taken_by[REGISTRY_HOST_MAX + NUMBER_MAX]; /* host:port of who has the id, or "" */
    int64_t logged_ms;                             /* when trouble was last logged */
};

static void schedule(struct registrar *registrar)
{
    int64_t delay_ms = registrar->ttl_ms / 3;

    if (!registrar->registered && delay_ms > ASK_AGAIN_MS)
        delay_ms = ASK_AGAIN_MS;
    (void)loop_event_after_ms(registrar->refresh, delay_ms);
}

static bool may_log(struct registrar *registrar)
{
    int64_t now_ms = clock_now_ms();

    if (registrar->logged_ms && now_ms - registrar->logged_ms < LOG_GAP_MS)
        return false;
    registrar->logged_ms = now_ms;
    return true;
}

static struct slice bytes_of(const struct buf *buf)
{
    return slice_of(buf->data, buf->len);
}

static enum status print_value(struct registrar *registrar)
{
    registrar->entry.clients = (int64_t)acceptor_clients(registrar->acceptor);
    buf_clear(&registrar->value);
    return registry_entry_print(&registrar->entry, &registrar->value);
}

static void announce(struct registrar *registrar)
{
    const struct slice words[] = {slice_str("PUBLISH"), bytes_of(&registrar->channel),
                                  bytes_of(&registrar->value)};

    registrar->news = redis_client_command(registrar->redis, NULL, NULL, words, 3) != STATUS_OK;
}

static void on_registered(struct registrar *registrar)
{
    if (!registrar->registered)
        log_event(LOG_INFO, "registered", LOG_S("id", registrar->entry.id),
                  LOG_S("host", registrar->entry.host), LOG_I("port", registrar->entry.port));
    registrar->news = registrar->news || !registrar->registered;
    registrar->registered = true;
    registrar->has_registered = true;
    readiness_set(registrar->readiness, UNREADY_REGISTRY, false);
    registrar->logged_ms = 0;
    registrar->taken_by[0] = '\0';
    buf_clear(&registrar->replaced);
    metrics_set(M_REGISTERED, 1);
    metrics_add(M_REGISTRY_REFRESHES, 1);
    if (registrar->news)
        announce(registrar);
}

static void lose(struct registrar *registrar)
{
    registrar->registered = false;
    metrics_set(M_REGISTERED, 0);
    metrics_add(M_REGISTRY_FAILURES, 1);
}

static void on_taken(struct registrar *registrar, const struct registry_entry *holder)
{
    lose(registrar);
    snprintf(registrar->taken_by, sizeof registrar->taken_by, "%s:%d", holder->host, holder->port);
    if (may_log(registrar))
        log_event(LOG_ERROR, "gateway id is taken", LOG_S("id", registrar->entry.id),
                  LOG_S("by", holder->host), LOG_I("port", holder->port),
                  LOG_S("remedy", "give each gateway a gatewayId of its own; an entry that is left over "
                                  "from a dead gateway ends by itself"));
}

static void claim(struct registrar *registrar);

/* Somebody else's value stands at our key: a gateway that lives, our own predecessor, or noise. */
static void on_foreign(struct registrar *registrar, struct slice held)
{
    struct registry_entry holder;
    bool noise = registry_entry_parse(held, &holder, NULL) != STATUS_OK;
    bool predecessor = !noise && !registrar->has_registered && holder.port == registrar->entry.port &&
                       strcmp(holder.host, registrar->entry.host) == 0;

    buf_clear(&registrar->replaced);
    if (!noise && !predecessor) {
        on_taken(registrar, &holder);
        return;
    }
    if (buf_append(&registrar->replaced, held.data, held.len) == STATUS_OK)
        claim(registrar);
}

static void on_claimed(const redisReply *answer, void *arg)
{
    struct registrar *registrar = arg;

    registrar->claiming = false;
    if (answer == NULL || registrar->leaving)
        return;
    if (answer->type == REDIS_REPLY_INTEGER && registrar->claimed != registrar->entry.state) {
        claim(registrar);
    } else if (answer->type == REDIS_REPLY_INTEGER) {
        on_registered(registrar);
    } else if (answer->type == REDIS_REPLY_STRING) {
        on_foreign(registrar, slice_of(answer->str, answer->len));
    } else {
        lose(registrar);
        if (may_log(registrar))
            log_event(LOG_ERROR, "the registry refuses the entry", LOG_S("id", registrar->entry.id),
                      LOG_S("answer", answer->type == REDIS_REPLY_ERROR ? answer->str : "unexpected"));
    }
    if (!registrar->claiming)
        schedule(registrar);
}

static void claim(struct registrar *registrar)
{
    char ttl[NUMBER_MAX];

    if (registrar->claiming || registrar->leaving || print_value(registrar) != STATUS_OK)
        return;
    snprintf(ttl, sizeof ttl, "%lld", (long long)registrar->ttl_ms);
    const struct slice words[] = {
        slice_str("EVAL"),
        slice_str(claim_script),
        slice_str("1"),
        bytes_of(&registrar->key),
        slice_str(registrar->own),
        bytes_of(&registrar->value),
        slice_str(ttl),
        bytes_of(&registrar->replaced),
    };
    registrar->claimed = registrar->entry.state;
    registrar->claiming = redis_client_command(registrar->redis, on_claimed, registrar, words,
                                               sizeof words / sizeof *words) == STATUS_OK;
}

/* The chain of refreshes ends with the connection (its claim is answered NULL) and begins with it. */
static void on_refresh(evutil_socket_t fd, short what, void *arg)
{
    struct registrar *registrar = arg;

    (void)fd;
    (void)what;
    claim(registrar);
    if (!registrar->claiming && redis_client_is_up(registrar->redis))
        schedule(registrar);
}

static void refresh_now(struct registrar *registrar)
{
    (void)evtimer_del(registrar->refresh);
    event_active(registrar->refresh, EV_TIMEOUT, 0);
}

static void on_up(void *arg)
{
    refresh_now(arg);
}

/* Whether the entry still stands is unknown; that it stood is what readiness asks. */
static void on_down(void *arg)
{
    struct registrar *registrar = arg;

    (void)evtimer_del(registrar->refresh);
    registrar->registered = false;
    metrics_set(M_REGISTERED, 0);
    if (registrar->leaving)
        registrar->left = true;
}

static enum status name_host(const struct gateway_conf *conf, char *out, size_t cap)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    const char *host = conf->advertise_host;
    size_t len = strlen(conf->service_bind);
    bool bracketed = len > 2 && conf->service_bind[0] == '[' && conf->service_bind[len - 1] == ']';

    if (host[0] != '\0')
        return snprintf(out, cap, "%s", host) < (int)cap ? STATUS_OK : STATUS_TOO_LARGE;
    snprintf(out, cap, "%.*s", (int)(bracketed ? len - 2 : len), conf->service_bind + bracketed);
    if (getaddrinfo(out, NULL, &hints, &found) == 0) {
        freeaddrinfo(found);
        if (strcmp(out, "0.0.0.0") != 0 && strcmp(out, "::") != 0)
            return STATUS_OK;
    }
    return gethostname(out, cap) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status name_id(const struct gateway_conf *conf, int rpc_port, char *out, size_t cap,
                           struct fault *fault)
{
    char host[REGISTRY_HOST_MAX + 1];

    if (conf->gateway_id[0] != '\0') {
        snprintf(out, cap, "%s", conf->gateway_id);
        return STATUS_OK;
    }
    if (gethostname(host, sizeof host) != 0)
        return fault_set(fault, STATUS_INVALID, "gatewayId: required: this host has no name to make one of");
    host[sizeof host - 1] = '\0';
    bool fits = snprintf(out, cap, "%s:%d", host, rpc_port) < (int)cap;
    if (!fits || registry_id_fault(out) != NULL)
        return fault_set(fault, STATUS_INVALID,
                         "gatewayId: required: the host name \"%s\" cannot be used: %s", host,
                         fits ? registry_id_fault(out) : "too long");
    return STATUS_OK;
}

static enum status fill_entry(struct registry_entry *entry, const struct gateway_conf *conf, int rpc_port,
                              struct fault *fault)
{
    uint8_t random[INSTANCE_BYTES];

    *entry = (struct registry_entry){
        .port = conf->advertise_port > 0 ? (int)conf->advertise_port : rpc_port,
        .weight = conf->advertise_weight,
        .state = REGISTRY_UP,
    };
    snprintf(entry->version, sizeof entry->version, "%s", FANFARE_VERSION);
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return fault_set(fault, STATUS_IO, "the system gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(entry->instance + 2 * i, 3, "%02x", random[i]);
    if (name_host(conf, entry->host, sizeof entry->host) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, "advertise.host: required: this host's name cannot be used");
    return name_id(conf, rpc_port, entry->id, sizeof entry->id, fault);
}

static enum status set_up(struct registrar *registrar, struct event_base *base, struct resolver *dns,
                          const struct gateway_conf *conf)
{
    static const struct redis_events events = {.on_up = on_up, .on_down = on_down};
    const struct redis_client_conf redis = {
        .base = base,
        .dns = dns,
        .options = &conf->redis,
        .what = "registry",
        .events = &events,
        .arg = registrar,
        .reconnects_row = M_REDIS_RECONNECTS_REGISTRY,
        .up_row = M_REDIS_UP_REGISTRY,
    };

    snprintf(registrar->own, sizeof registrar->own, "{\"instance\":\"%s\"", registrar->entry.instance);
    registrar->refresh = evtimer_new(base, on_refresh, registrar);
    if (registrar->refresh == NULL ||
        registry_key(conf->redis.prefix, registrar->entry.id, &registrar->key) != STATUS_OK ||
        registry_channel(conf->redis.prefix, &registrar->channel) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return redis_client_new(&redis, &registrar->redis);
}

enum status registrar_new(struct event_base *base, struct resolver *dns, const struct gateway_conf *conf,
                          int rpc_port, const struct acceptor *acceptor, struct readiness *readiness,
                          struct registrar **out, struct fault *fault)
{
    struct registrar *registrar = calloc(1, sizeof *registrar);

    if (registrar == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    buf_init(&registrar->key, SIZE_MAX);
    buf_init(&registrar->channel, SIZE_MAX);
    buf_init(&registrar->value, SIZE_MAX);
    buf_init(&registrar->replaced, SIZE_MAX);
    registrar->ttl_ms = conf->registry_ttl * 1000;
    registrar->acceptor = acceptor;
    registrar->readiness = readiness;
    readiness_set(readiness, UNREADY_REGISTRY, true);
    enum status status = fill_entry(&registrar->entry, conf, rpc_port, fault);
    if (status == STATUS_OK && set_up(registrar, base, dns, conf) != STATUS_OK)
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    if (status != STATUS_OK) {
        registrar_free(registrar);
        return status;
    }
    *out = registrar;
    return STATUS_OK;
}

void registrar_free(struct registrar *registrar)
{
    if (registrar == NULL)
        return;
    redis_client_free(registrar->redis);
    loop_event_free(registrar->refresh);
    buf_fini(&registrar->key);
    buf_fini(&registrar->channel);
    buf_fini(&registrar->value);
    buf_fini(&registrar->replaced);
    free(registrar);
}

static enum status append_text(struct buf *out, const char *before, const char *text)
{
    enum status status = buf_append_str(out, before);

    return status != STATUS_OK ? status : buf_append_json_string(out, text, strlen(text));
}

enum status registrar_report(const struct registrar *registrar, struct buf *out)
{
    if (registrar == NULL)
        return STATUS_OK;
    bool taken = registrar->taken_by[0] != '\0';
    enum status status = append_text(out, ",\"registry\":{\"id\":", registrar->entry.id);
    if (status == STATUS_OK)
        status = append_text(out, ",\"state\":",
                             taken                   ? "taken"
                             : registrar->registered ? "registered"
                                                     : "unknown");
    if (status == STATUS_OK && taken)
        status = append_text(out, ",\"by\":", registrar->taken_by);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

const struct redis_client *registrar_redis(const struct registrar *registrar)
{
    return registrar != NULL ? registrar->redis : NULL;
}

void registrar_drain(struct registrar *registrar)
{
    if (registrar == NULL)
        return;
    registrar->entry.state = REGISTRY_DRAINING;
    registrar->news = true;
    if (registrar->registered)
        refresh_now(registrar);
}

static void on_left(const redisReply *answer, void *arg)
{
    struct registrar *registrar = arg;

    (void)answer;
    registrar->left = true;
}

void registrar_leave(struct registrar *registrar)
{
    if (registrar == NULL || registrar->leaving)
        return;
    registrar->leaving = true;
    (void)evtimer_del(registrar->refresh);
    registrar->entry.state = REGISTRY_GONE;
    const struct slice words[] = {slice_str("EVAL"), slice_str(leave_script), slice_str("1"),
                                  bytes_of(&registrar->key), slice_str(registrar->own)};
    bool told = registrar->registered && print_value(registrar) == STATUS_OK &&
                redis_client_command(registrar->redis, on_left, registrar, words, 5) == STATUS_OK;
    registrar->left = !told;
    if (told)
        announce(registrar);
    metrics_set(M_REGISTERED, 0);
}

bool registrar_has_left(const struct registrar *registrar)
{
    return registrar == NULL || registrar->left;
}
