/* SPDX-License-Identifier: Apache-2.0 */
/* A call waits for the addresses of its host, then it is a transfer of libcurl's, then it has ended and waits
 * to be told. libcurl must not be called from inside its own callbacks, so these only gather bytes, and every
 * end is told from an event of our own, where everybody may send and cancel.
 *
 * A handshake of TLS takes a millisecond of the loop, and a server that is back is met by all calls at once:
 * of those that have no connection yet only CONNECTING_MAX are under way, the others are held. */
#include "shared/fetch/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/buf.h"
#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/fetch/cache_control.h"
#include "shared/fetch/curl_loop.h"
#include "shared/fetch/fetch_options.h"
#include "shared/fetch/fetch_url.h"
#include "shared/fetch/host_cache.h"
#include "shared/net/loop_event.h"

enum {
    CONNECTING_MAX = 16,
    OWN_DESCRIPTORS = 4
}; /* libcurl's own pair, a CA file being read, and one to spare */

struct fetch {
    struct event_base *base;
    struct curl_loop *loop;
    struct host_cache *hosts;
    struct fetch_sockets sockets;
    struct event *tell;
    struct event *more; /* held ones may begin */
    struct list calls;  /* under way */
    struct list held;
    struct list ended; /* to be told */
    size_t count;      /* of all three */
    size_t connecting; /* of those under way */
    size_t max_calls;
};

struct fetch_call {
    struct list node;
    struct fetch *fetch;
    struct fetch_call **slot; /* the owner's */
    fetch_done *done;
    void *arg;
    struct host_wait wait;
    struct fetch_url url;
    CURL *easy;
    bool running;    /* in the loop */
    bool connecting; /* and has no connection yet */
    struct event *timer;
    struct fetch_lists lists;
    struct buf body;
    size_t head_bytes;
    int64_t max_age_s;
    bool too_large;
    enum fetch_result result;
    const char *why;
    char error[CURL_ERROR_SIZE];
};

const char *fetch_result_name(enum fetch_result result)
{
    static const char *const names[] = {
#define X(result, name) [result] = (name),
        FETCH_RESULTS(X)
#undef X
    };

    return names[result];
}

size_t fetch_descriptors(size_t max_calls)
{
    return 2 * max_calls + OWN_DESCRIPTORS;
}

static void stop_connecting(struct fetch_call *call)
{
    struct fetch *fetch = call->fetch;

    if (!call->connecting)
        return;
    call->connecting = false;
    fetch->connecting--;
    if (!list_empty(&fetch->held))
        event_active(fetch->more, EV_TIMEOUT, 0);
}

static void call_free(struct fetch_call *call)
{
    stop_connecting(call);
    if (call->running)
        curl_loop_remove(call->fetch->loop, call->easy);
    host_cache_leave(&call->wait);
    loop_event_free(call->timer);
    list_remove(&call->node);
    curl_easy_cleanup(call->easy);
    fetch_lists_fini(&call->lists);
    buf_fini(&call->body);
    free(call);
}

/* The call is told in a later turn. */
static void end(struct fetch_call *call, enum fetch_result result, const char *why)
{
    stop_connecting(call);
    if (call->running)
        curl_loop_remove(call->fetch->loop, call->easy);
    call->running = false;
    host_cache_leave(&call->wait);
    event_del(call->timer);
    call->result = result;
    call->why = why;
    list_remove(&call->node);
    list_add_tail(&call->fetch->ended, &call->node);
    event_active(call->fetch->tell, EV_TIMEOUT, 0);
}

static struct fetch_answer answer_of(const struct fetch_call *call)
{
    struct fetch_answer answer = {
        .result = call->result, .why = call->why, .content_type = "", .max_age_s = -1};
    char *type = NULL;
    long status = 0;

    if (call->result != FETCH_ANSWERED)
        return answer;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    answer.status = (int)status;
    answer.body = slice_of(call->body.data, call->body.len);
    answer.content_type = type != NULL ? type : "";
    answer.max_age_s = call->max_age_s;
    return answer;
}

static void tell(struct fetch_call *call)
{
    struct fetch_answer answer = answer_of(call);

    list_remove(&call->node);
    call->fetch->count--;
    *call->slot = NULL;
    call->done(&answer, call->arg);
    call_free(call);
}

/* Those that end meanwhile have their turn. */
static void on_tell(evutil_socket_t fd, short what, void *arg)
{
    struct fetch *fetch = arg;
    struct list now;

    (void)fd;
    (void)what;
    if (list_empty(&fetch->ended))
        return;
    list_add_tail(&fetch->ended, &now); /* takes the whole list over */
    list_remove(&fetch->ended);
    while (!list_empty(&now))
        tell(container_of(list_first(&now), struct fetch_call, node));
}

static enum fetch_result result_of(const struct fetch_call *call, CURLcode code)
{
    if (call->too_large)
        return FETCH_TOO_LARGE;
    switch ((int)code) {
    case CURLE_OK:
        return FETCH_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return FETCH_NO_ADDRESS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return FETCH_NO_CONNECTION;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return FETCH_NOT_VERIFIED;
    case CURLE_OPERATION_TIMEDOUT:
        return FETCH_TIMED_OUT;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
        return FETCH_NO_MEMORY;
    default:
        return FETCH_BROKEN;
    }
}

static const char *why_of(const struct fetch_call *call, enum fetch_result result, CURLcode code)
{
    if (result == FETCH_ANSWERED)
        return "";
    if (result == FETCH_TOO_LARGE)
        return "the answer is too large";
    return call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
}

static void on_ended(CURL *easy, CURLcode code, void *arg)
{
    char *owner = NULL;

    (void)arg;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    struct fetch_call *call = (struct fetch_call *)(void *)owner;
    enum fetch_result result = result_of(call, code);
    call->running = false;
    end(call, result, why_of(call, result, code));
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end(arg, FETCH_TIMED_OUT, "no whole answer in time");
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct fetch_call *call = arg;
    enum status status = buf_append(&call->body, data, size * count);

    call->too_large = call->too_large || status == STATUS_TOO_LARGE;
    return status == STATUS_OK ? size * count : 0;
}

static struct slice cut_line_end(const char *data, size_t len)
{
    while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
        len--;
    return slice_of(data, len);
}

static void read_field(struct fetch_call *call, struct slice line)
{
    static const char NAME[] = "Cache-Control:";
    size_t len = sizeof NAME - 1;

    if (line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0)
        call->max_age_s = -1; /* what an interim answer said counts for nothing */
    if (line.len < len || strncasecmp((const char *)line.data, NAME, len) != 0)
        return;
    int64_t age = cache_control_max_age(slice_of(line.data + len, line.len - len));
    if (age >= 0 && (call->max_age_s < 0 || age < call->max_age_s))
        call->max_age_s = age;
}

static size_t on_head(char *data, size_t size, size_t count, void *arg)
{
    struct fetch_call *call = arg;
    size_t len = size * count;

    call->head_bytes += len;
    if (call->head_bytes > FETCH_HEAD_MAX) {
        call->too_large = true;
        return 0;
    }
    read_field(call, cut_line_end(data, len));
    return len;
}

/* A CURLOPT_PREREQFUNCTION: there is a connection, a new one or a kept one. */
static int on_connected(void *arg, char *address, char *own_address, int port, int own_port)
{
    (void)address;
    (void)own_address;
    (void)port;
    (void)own_port;
    stop_connecting(arg);
    return CURL_PREREQFUNC_OK;
}

static void begin(struct fetch_call *call)
{
    if (curl_loop_add(call->fetch->loop, call->easy) != STATUS_OK) {
        end(call, FETCH_NO_MEMORY, "out of memory");
        return;
    }
    call->running = call->connecting = true;
    call->fetch->connecting++;
}

static void begin_or_hold(struct fetch_call *call)
{
    struct fetch *fetch = call->fetch;

    if (fetch->connecting < CONNECTING_MAX && list_empty(&fetch->held)) {
        begin(call);
        return;
    }
    list_remove(&call->node);
    list_add_tail(&fetch->held, &call->node);
}

static void on_more(evutil_socket_t fd, short what, void *arg)
{
    struct fetch *fetch = arg;
    struct list *first;

    (void)fd;
    (void)what;
    while (fetch->connecting < CONNECTING_MAX && (first = list_first(&fetch->held)) != NULL) {
        list_remove(first);
        list_add_tail(&fetch->calls, first);
        begin(container_of(first, struct fetch_call, node));
    }
}

static void on_addresses(struct host_wait *wait, const char *addresses, const char *why)
{
    struct fetch_call *call = container_of(wait, struct fetch_call, wait);

    if (addresses == NULL)
        end(call, FETCH_NO_ADDRESS, why);
    else if (fetch_options_set_addresses(call->easy, call->url.host, call->url.port, addresses,
                                         &call->lists) != STATUS_OK)
        end(call, FETCH_NO_MEMORY, "out of memory");
    else
        begin_or_hold(call);
}

/* Plain HTTP goes to localhost as RFC 6761, 6.3 has it, whatever /etc/hosts says. */
static enum status find_addresses(struct fetch_call *call)
{
    static const char LOOPBACK[] = "127.0.0.1,[::1]";

    call->wait.done = on_addresses;
    if (call->url.literal)
        begin_or_hold(call);
    else if (!call->url.secure)
        on_addresses(&call->wait, LOOPBACK, NULL);
    else
        return host_cache_ask(call->fetch->hosts, call->url.host, clock_now_ms(), &call->wait);
    return STATUS_OK;
}

static enum status set_callbacks(struct fetch_call *call)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status call_set_up(struct fetch_call *call, const struct fetch_request *request)
{
    call->easy = curl_easy_init();
    call->timer = event_new(call->fetch->base, -1, 0, on_late, call);
    if (call->easy == NULL || call->timer == NULL)
        return STATUS_NO_MEMORY;
    enum status status = fetch_options_set(call->easy, request, &call->fetch->sockets, &call->lists);
    if (status == STATUS_OK)
        status = set_callbacks(call);
    if (status == STATUS_OK)
        status = loop_event_after_ms(call->timer, request->timeout_ms);
    return status == STATUS_OK ? find_addresses(call) : status;
}

enum status fetch_send(struct fetch *fetch, const struct fetch_request *request, fetch_done *done, void *arg,
                       struct fetch_call **slot)
{
    struct fetch_url url;

    *slot = NULL;
    if (fetch->count >= fetch->max_calls)
        return STATUS_FULL;
    if (request->timeout_ms < 1 || fetch_url_read(request->url, &url) != NULL)
        return STATUS_INVALID;
    struct fetch_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return STATUS_NO_MEMORY;
    *call = (struct fetch_call){
        .fetch = fetch, .slot = slot, .done = done, .arg = arg, .url = url, .max_age_s = -1, .why = ""};
    list_init(&call->wait.node);
    buf_init(&call->body, request->max_bytes);
    list_add_tail(&fetch->calls, &call->node);
    enum status status = call_set_up(call, request);
    if (status != STATUS_OK) {
        call_free(call);
        return status;
    }
    fetch->count++;
    *slot = call;
    return STATUS_OK;
}

void fetch_cancel(struct fetch_call **slot)
{
    if (*slot == NULL)
        return;
    (*slot)->fetch->count--;
    call_free(*slot);
    *slot = NULL;
}

size_t fetch_calls(const struct fetch *fetch)
{
    return fetch->count;
}

enum status fetch_new(const struct fetch_conf *conf, struct fetch **out)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);

    if (fetch == NULL)
        return STATUS_NO_MEMORY;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(fetch);
        return STATUS_NO_MEMORY;
    }
    *fetch = (struct fetch){
        .base = conf->base, .max_calls = conf->max_calls, .sockets = {.max = 2 * conf->max_calls}};
    list_init(&fetch->calls);
    list_init(&fetch->held);
    list_init(&fetch->ended);
    fetch->more = event_new(conf->base, -1, 0, on_more, fetch);
    fetch->tell = event_new(conf->base, -1, 0, on_tell, fetch);
    enum status status = fetch->tell != NULL && fetch->more != NULL
                             ? host_cache_new(conf->resolver, &fetch->hosts)
                             : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        status = curl_loop_new(conf->base, (long)conf->max_calls, on_ended, fetch, &fetch->loop);
    if (status != STATUS_OK) {
        fetch_free(fetch);
        return status;
    }
    *out = fetch;
    return STATUS_OK;
}

static void forget_all(struct list *calls)
{
    while (!list_empty(calls)) {
        struct fetch_call *call = container_of(list_first(calls), struct fetch_call, node);

        *call->slot = NULL;
        call_free(call);
    }
}

void fetch_free(struct fetch *fetch)
{
    if (fetch == NULL)
        return;
    forget_all(&fetch->held);
    forget_all(&fetch->calls);
    forget_all(&fetch->ended);
    curl_loop_free(fetch->loop);
    host_cache_free(fetch->hosts);
    loop_event_free(fetch->tell);
    loop_event_free(fetch->more);
    free(fetch);
    curl_global_cleanup();
}
