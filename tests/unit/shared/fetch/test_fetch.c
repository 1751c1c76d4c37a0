/* SPDX-License-Identifier: Apache-2.0 */
/* Real requests to a server of the test's own (fetch_peer.h). The environment names proxies that nobody
 * listens on, and a .netrc: whoever heeded one would fail here. */
#include <dlfcn.h>
#include <event2/event.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/buf.h"
#include "shared/base/clock.h"
#include "shared/fetch/fetch.h"
#include "shared/net/descriptors.h"
#include "shared/net/resolver.h"
#include "tests/unit/certs.h"
#include "tests/unit/fetch_peer.h"

enum { PATIENCE_MS = 10000, MAX_CALLS = 24, MAX_CONNECTING = 16, MAX_BYTES = 1000 };

struct world {
    struct event_base *base;
    struct resolver *resolver;
    struct fetch *fetch;
    struct fetch_peer peer;
    struct certs certs;
    size_t descriptors;
};

/* What came of one call. */
struct call {
    struct fetch_call *slot;
    int told;
    enum fetch_result result;
    int status;
    char body[4096];
    char type[64];
    char why[300];
    int64_t max_age_s;
    struct fetch_call **cancels; /* in its callback */
};

static atomic_int names_asked_of_the_system;

/* libcurl's resolver would come here, from a thread; shared/net only reads literal addresses with it. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (hints == NULL || !(hints->ai_flags & AI_NUMERICHOST))
        atomic_fetch_add(&names_asked_of_the_system, 1);
    *(void **)(&real) = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, out);
}

static void on_done(const struct fetch_answer *answer, void *arg)
{
    struct call *call = arg;

    assert_null(call->slot);
    call->told++;
    call->result = answer->result;
    call->status = answer->status;
    call->max_age_s = answer->max_age_s;
    snprintf(call->body, sizeof call->body, "%.*s", (int)answer->body.len, (const char *)answer->body.data);
    snprintf(call->type, sizeof call->type, "%s", answer->content_type);
    snprintf(call->why, sizeof call->why, "%s", answer->why);
    if (call->cancels != NULL)
        fetch_cancel(call->cancels);
}

static void world_start(struct world *world, SSL_CTX *tls, const char *nameserver)
{
    struct fetch_conf conf = {.max_calls = MAX_CALLS};

    memset(world, 0, sizeof *world);
    peer_start(&world->peer, tls);
    world->descriptors = descriptors_open();
    world->base = conf.base = event_base_new();
    assert_int_equal(resolver_new(world->base, nameserver, &world->resolver), STATUS_OK);
    conf.resolver = world->resolver;
    assert_int_equal(fetch_new(&conf, &world->fetch), STATUS_OK);
}

/* Whatever is under way is forgotten, and no descriptor is left. */
static void world_end(struct world *world)
{
    fetch_free(world->fetch);
    resolver_free(world->resolver);
    event_base_free(world->base);
    while (atomic_load(&world->peer.open) > 0)
        sched_yield();
    assert_int_equal(descriptors_open(), world->descriptors);
    peer_stop(&world->peer);
    assert_int_equal(atomic_load(&names_asked_of_the_system), 0);
}

static void turn(struct world *world)
{
    static const struct timeval rest = {0, 1000};

    event_base_loopexit(world->base, &rest);
    event_base_loop(world->base, EVLOOP_ONCE);
}

#define WAIT_UNTIL(world, condition)                                                                         \
    do {                                                                                                     \
        int64_t deadline = clock_now_ms() + PATIENCE_MS;                                                     \
        while (!(condition)) {                                                                               \
            assert_true(clock_now_ms() < deadline);                                                          \
            turn(world);                                                                                     \
        }                                                                                                    \
    } while (0)

static struct fetch_request request_to(struct world *world, char *url, size_t cap, const char *host,
                                       const char *path)
{
    snprintf(url, cap, "%s://%s:%d%s", world->peer.tls != NULL ? "https" : "http", host, world->peer.port,
             path);
    return (struct fetch_request){
        .url = url, .ca = world->certs.path[CERT_CA], .timeout_ms = PATIENCE_MS, .max_bytes = MAX_BYTES};
}

static void send_to(struct world *world, const char *host, const char *path, struct call *call)
{
    char url[200];
    struct fetch_request request = request_to(world, url, sizeof url, host, path);

    assert_int_equal(fetch_send(world->fetch, &request, on_done, call, &call->slot), STATUS_OK);
}

/* The whole call. */
static struct call ask(struct world *world, const char *host, const char *path)
{
    struct call call = {.told = 0};

    send_to(world, host, path, &call);
    WAIT_UNTIL(world, call.told);
    return call;
}

static void expect_fault(const struct call *call, enum fetch_result result)
{
    if (call->result != result)
        fail_msg("%s (%s) instead of %s", fetch_result_name(call->result), call->why,
                 fetch_result_name(result));
    assert_true(call->why[0] != '\0');
    assert_int_equal(call->status, 0);
    assert_string_equal(call->body, "");
}

static void test_an_answer_is_told_whole(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL, "");
    struct call call = ask(&world, "127.0.0.1", "/hello");
    assert_int_equal(call.result, FETCH_ANSWERED);
    assert_int_equal(call.status, 200);
    assert_string_equal(call.body, "hello");
    assert_string_equal(call.type, "text/x");
    assert_string_equal(call.why, "");
    assert_int_equal(call.max_age_s, 600);
    call = ask(&world, "localhost", "/no");
    assert_int_equal(call.status, 403);
    assert_string_equal(call.type, "");
    assert_int_equal(call.max_age_s, -1);
    assert_int_equal(ask(&world, "[::1]", "/hello").status, 200);
    call = ask(&world, "127.0.0.1", "/early");
    assert_int_equal(call.status, 200);
    assert_string_equal(call.body, "late");
    assert_int_equal(call.max_age_s, -1);
    world_end(&world);
}

static void test_what_is_sent(void **state)
{
    static const struct fetch_header headers[] = {
        {"Content-Type", "application/json"}, {"X-Empty", ""}, {"Cookie", "a=\xc3\xa4; b"}};
    struct world world;
    struct call call = {.told = 0};
    char url[200], *after_body;

    (void)state;
    world_start(&world, NULL, "");
    struct fetch_request request = request_to(&world, url, sizeof url, "127.0.0.1", "/echo");
    request.post = true;
    request.headers = headers;
    request.header_count = 3;
    request.body = slice_of("{\"a\":\0}", 7);
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &call, &call.slot), STATUS_OK);
    memset(url, 'x', sizeof url - 1); /* all was copied */
    WAIT_UNTIL(&world, call.told);
    assert_int_equal(call.status, 200);
    assert_memory_equal(call.body, "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:", 37);
    assert_non_null(strstr(call.body, "\r\nUser-Agent: fanfare/"));
    assert_non_null(strstr(call.body, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(call.body, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(call.body, "\r\nCookie: a=\xc3\xa4; b\r\n"));
    assert_non_null(strstr(call.body, "\r\nContent-Length: 7\r\n"));
    assert_non_null(after_body = strstr(call.body, "\r\n\r\n{\"a\":"));
    assert_string_equal(after_body, "\r\n\r\n{\"a\":");
    assert_null(strstr(call.body, "Authorization")); /* .netrc */
    assert_null(strstr(call.body, "Accept-Encoding"));
    assert_null(strstr(call.body, "Expect"));
    world_end(&world);
}

static void test_connections_are_used_again(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL, "");
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&world, "127.0.0.1", "/hello").status, 200);
    assert_int_equal(atomic_load(&world.peer.connections), 1);
    /* One that the server has closed meanwhile costs nobody his answer. */
    for (int i = 0; i < 3 * MAX_CALLS; i++)
        assert_int_equal(ask(&world, "127.0.0.1", "/once").status, 200);
    assert_int_equal(atomic_load(&world.peer.requests), 5 + 3 * MAX_CALLS);
    world_end(&world);
}

static void test_nothing_is_followed_or_unpacked(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL, "");
    struct call call = ask(&world, "127.0.0.1", "/redirect");
    assert_int_equal(call.status, 302);
    assert_int_equal(atomic_load(&world.peer.requests), 1);
    call = ask(&world, "127.0.0.1", "/zipped");
    assert_int_equal(call.status, 200);
    assert_string_equal(call.body, "\x1f\x8b.");
    world_end(&world);
}

static void test_answers_are_bounded(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL, "");
    const char *const paths[] = {"/big", "/chunks", "/heads"};
    for (size_t i = 0; i < 3; i++) {
        struct call call = ask(&world, "127.0.0.1", paths[i]);
        expect_fault(&call, FETCH_TOO_LARGE);
    }
    world_end(&world);
}

static void test_what_is_no_answer(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, NULL, "");
    struct call call = ask(&world, "127.0.0.1", "/garbage");
    expect_fault(&call, FETCH_BROKEN);
    call = ask(&world, "127.0.0.1", "/cut");
    expect_fault(&call, FETCH_BROKEN);
    int port = world.peer.port;
    world.peer.port = 1; /* nobody listens there */
    call = ask(&world, "127.0.0.1", "/hello");
    expect_fault(&call, FETCH_NO_CONNECTION);
    world.peer.port = port;
    world_end(&world);
}

static void test_time_ends_a_call(void **state)
{
    struct world world;
    struct call call = {.told = 0};
    char url[200];

    (void)state;
    world_start(&world, NULL, "");
    struct fetch_request request = request_to(&world, url, sizeof url, "127.0.0.1", "/silence");
    request.timeout_ms = 30;
    int64_t begun = clock_now_ms();
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &call, &call.slot), STATUS_OK);
    WAIT_UNTIL(&world, call.told);
    expect_fault(&call, FETCH_TIMED_OUT);
    assert_in_range(clock_now_ms() - begun, 29, 5000);
    assert_int_equal(fetch_calls(world.fetch), 0);
    world_end(&world);
}

static SSL_CTX *server_tls(const struct certs *certs, int cert, int version)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    assert_int_equal(SSL_CTX_use_certificate_file(tls, certs->path[cert], SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(tls, certs->path[cert + 1], SSL_FILETYPE_PEM), 1);
    if (version < TLS1_2_VERSION)
        SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(tls, version);
    SSL_CTX_set_max_proto_version(tls, version);
    return tls;
}

/* A UDP socket on a free port; `nameserver` gets its address. */
static int nameserver_open(char *nameserver, size_t cap)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(nameserver, cap, "127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

/* Says 127.0.0.1 to every question for an A record, and that there is nothing to all others. */
static void on_question(evutil_socket_t fd, short what, void *arg)
{
    static const uint8_t ANSWER[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
    struct sockaddr_storage asker;
    socklen_t asker_len = sizeof asker;
    uint8_t message[600];
    ssize_t got = recvfrom(fd, message, 512, 0, (struct sockaddr *)&asker, &asker_len);
    size_t len = 12;

    (void)what;
    (void)arg;
    assert_true(got > 12);
    while (message[len] != 0)
        len += message[len] + 1u;
    bool is_a = message[len + 2] == 1;
    len += 5;
    message[2] |= 0x80;
    memset(message + 6, 0, 6); /* no answers, nothing additional */
    message[7] = is_a;
    memcpy(message + len, ANSWER, sizeof ANSWER);
    len += is_a ? sizeof ANSWER : 0;
    assert_true(sendto(fd, message, len, 0, (struct sockaddr *)&asker, asker_len) > 0);
}

static void test_names_are_looked_up_here(void **state)
{
    char nameserver[40];
    int fd = nameserver_open(nameserver, sizeof nameserver);
    struct world world;
    struct certs certs;

    (void)state;
    certs_make(&certs);
    world_start(&world, server_tls(&certs, CERT_SERVER, TLS1_3_VERSION), nameserver);
    world.certs = certs;
    struct event *event = event_new(world.base, fd, EV_READ | EV_PERSIST, on_question, NULL);
    event_add(event, NULL);
    struct call call = ask(&world, "peer.test", "/hello");
    expect_fault(&call, FETCH_NOT_VERIFIED); /* it was reached, and is not called so */
    assert_int_equal(atomic_load(&world.peer.connections), 1);
    event_free(event);
    world_end(&world);
    certs_remove(&certs);
    close(fd);
}

static void test_silent_name_servers_hold_nothing_up(void **state)
{
    char nameserver[40];
    int silent = nameserver_open(nameserver, sizeof nameserver);
    struct world world;
    struct call late = {.told = 0}, waiting = {.told = 0}, other = {.told = 0};

    (void)state;
    world_start(&world, NULL, nameserver);
    struct fetch_request request = {
        .url = "https://keys.nowhere.test/", .timeout_ms = 30, .max_bytes = MAX_BYTES};
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &late, &late.slot), STATUS_OK);
    request.timeout_ms = PATIENCE_MS * 10;
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &waiting, &waiting.slot), STATUS_OK);
    send_to(&world, "127.0.0.1", "/hello", &other);
    WAIT_UNTIL(&world, late.told && other.told);
    expect_fault(&late, FETCH_TIMED_OUT);
    assert_int_equal(other.status, 200);
    int64_t begun = clock_now_ms();
    world_end(&world); /* with a look-up under way */
    assert_true(clock_now_ms() - begun < 1000);
    assert_int_equal(waiting.told, 0);
    assert_null(waiting.slot);
    close(silent);
}

static void test_calls_are_bounded(void **state)
{
    struct world world;
    struct call calls[MAX_CALLS + 1] = {{.told = 0}};
    char url[200];

    (void)state;
    world_start(&world, NULL, "");
    for (int i = 0; i < MAX_CALLS; i++)
        send_to(&world, "127.0.0.1", "/silence", &calls[i]);
    struct fetch_request request = request_to(&world, url, sizeof url, "127.0.0.1", "/hello");
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &calls[MAX_CALLS], &calls[MAX_CALLS].slot),
                     STATUS_FULL);
    assert_null(calls[MAX_CALLS].slot);
    WAIT_UNTIL(&world, atomic_load(&world.peer.requests) == MAX_CALLS);
    assert_true(descriptors_open() <= world.descriptors + 8 + MAX_CALLS +
                                          fetch_descriptors(MAX_CALLS)); /* the peer's, the loop's */
    fetch_cancel(&calls[0].slot);
    assert_null(calls[0].slot);
    send_to(&world, "127.0.0.1", "/hello", &calls[MAX_CALLS]);
    WAIT_UNTIL(&world, calls[MAX_CALLS].told);
    assert_int_equal(calls[MAX_CALLS].status, 200);
    world_end(&world);
    for (int i = 0; i < MAX_CALLS; i++)
        assert_int_equal(calls[i].told, 0);
}

/* Both end in the same turn, and the first to be told cancels the other. */
static void test_a_callback_may_cancel(void **state)
{
    struct world world;
    struct call calls[2] = {{.told = 0}};
    char url[200];

    (void)state;
    world_start(&world, NULL, "");
    struct fetch_request request = request_to(&world, url, sizeof url, "127.0.0.1", "/silence");
    request.timeout_ms = 1;
    for (int i = 0; i < 2; i++) {
        calls[i].cancels = &calls[1 - i].slot;
        assert_int_equal(fetch_send(world.fetch, &request, on_done, &calls[i], &calls[i].slot), STATUS_OK);
    }
    int64_t both_late = clock_now_ms() + 5;
    while (clock_now_ms() < both_late)
        sched_yield();
    WAIT_UNTIL(&world, calls[0].told || calls[1].told);
    turn(&world);
    assert_int_equal(calls[0].told + calls[1].told, 1);
    assert_int_equal(fetch_calls(world.fetch), 0);
    world_end(&world);
}

static void test_bad_requests_are_not_begun(void **state)
{
    static const struct fetch_header headers[] = {
        {"X-A", "b\r\nX-Other: c"}, {"X-A: b\r\nX", "c"}, {"", "c"}, {"X-A", "b\x01"}, {"X;", "b"}};
    struct world world;
    struct call call = {.told = 0};
    char url[200];

    (void)state;
    world_start(&world, NULL, "");
    struct fetch_request request = request_to(&world, url, sizeof url, "127.0.0.1", "/echo");
    request.header_count = 1;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        request.headers = &headers[i];
        assert_int_equal(fetch_send(world.fetch, &request, on_done, &call, &call.slot), STATUS_INVALID);
    }
    request.header_count = 0;
    request.timeout_ms = 0;
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &call, &call.slot), STATUS_INVALID);
    request.timeout_ms = 1000;
    request.url = "http://192.0.2.1/";
    assert_int_equal(fetch_send(world.fetch, &request, on_done, &call, &call.slot), STATUS_INVALID);
    assert_int_equal(fetch_calls(world.fetch), 0);
    assert_int_equal(atomic_load(&world.peer.requests), 0);
    world_end(&world);
}

static void tls_start(struct world *world, struct certs *certs, int cert, int version)
{
    certs_make(certs);
    world_start(world, server_tls(certs, cert, version), "");
    world->certs = *certs;
}

static void tls_end(struct world *world)
{
    struct certs certs = world->certs;

    world_end(world);
    certs_remove(&certs);
}

static void test_the_certificate_is_verified(void **state)
{
    struct world world;
    struct certs certs;
    struct call call;

    (void)state;
    tls_start(&world, &certs, CERT_SERVER, TLS1_3_VERSION);
    call = ask(&world, "127.0.0.1", "/hello");
    if (call.result != FETCH_ANSWERED)
        fail_msg("%s", call.why);
    assert_int_equal(ask(&world, "localhost", "/hello").status, 200);
    assert_int_equal(atomic_load(&world.peer.connections), 2); /* one for each name */
    call = ask(&world, "127.0.0.2", "/hello");                 /* believed, but of another name */
    expect_fault(&call, FETCH_NOT_VERIFIED);
    world.certs.path[CERT_CA][0] = '\0'; /* the system's */
    call = ask(&world, "127.0.0.1", "/hello");
    expect_fault(&call, FETCH_NOT_VERIFIED);
    snprintf(world.certs.path[CERT_CA], sizeof world.certs.path[CERT_CA], "%s", certs.path[CERT_STRANGER]);
    call = ask(&world, "127.0.0.1", "/hello");
    expect_fault(&call, FETCH_NOT_VERIFIED);
    snprintf(world.certs.path[CERT_CA], sizeof world.certs.path[CERT_CA], "/nowhere/ca.pem");
    call = ask(&world, "127.0.0.1", "/hello");
    expect_fault(&call, FETCH_NOT_VERIFIED);
    assert_int_equal(atomic_load(&world.peer.requests), 2);
    world.certs = certs;
    tls_end(&world);
}

static void test_a_stranger_is_not_believed(void **state)
{
    struct world world;
    struct certs certs;

    (void)state;
    tls_start(&world, &certs, CERT_STRANGER, TLS1_2_VERSION);
    struct call call = ask(&world, "127.0.0.1", "/hello");
    expect_fault(&call, FETCH_NOT_VERIFIED);
    assert_int_equal(atomic_load(&world.peer.requests), 0);
    tls_end(&world);
}

static void test_old_tls_is_not_spoken(void **state)
{
    struct world world;
    struct certs certs;

    (void)state;
    tls_start(&world, &certs, CERT_SERVER, TLS1_1_VERSION);
    struct call call = ask(&world, "127.0.0.1", "/hello");
    expect_fault(&call, FETCH_NO_CONNECTION);
    tls_end(&world);
}

static void test_handshakes_are_begun_some_at_a_time(void **state)
{
    struct world world;
    struct certs certs;
    struct call calls[MAX_CALLS] = {{.told = 0}};
    int told = 0;

    (void)state;
    tls_start(&world, &certs, CERT_SERVER, TLS1_3_VERSION);
    atomic_store(&world.peer.mute, true);
    for (int i = 0; i < MAX_CALLS; i++)
        send_to(&world, "127.0.0.1", "/hello", &calls[i]);
    WAIT_UNTIL(&world, atomic_load(&world.peer.connections) == MAX_CONNECTING);
    for (int i = 0; i < 20; i++)
        turn(&world);
    assert_int_equal(atomic_load(&world.peer.connections), MAX_CONNECTING);
    fetch_cancel(&calls[0].slot); /* the next one has its place */
    WAIT_UNTIL(&world, atomic_load(&world.peer.connections) == MAX_CONNECTING + 1);
    fetch_cancel(&calls[MAX_CALLS - 1].slot); /* one that is held */
    atomic_store(&world.peer.mute, false);
    WAIT_UNTIL(&world, fetch_calls(world.fetch) == 0);
    for (int i = 0; i < MAX_CALLS; i++)
        told += calls[i].told && calls[i].status == 200;
    assert_int_equal(told, MAX_CALLS - 2);
    for (int i = 0; i < MAX_CALLS; i++) /* all at once over kept connections, and then none is left */
        send_to(&world, "127.0.0.1", "/hello", &calls[i]);
    WAIT_UNTIL(&world, fetch_calls(world.fetch) == 0);
    for (int i = 0; i < MAX_CALLS; i++)
        send_to(&world, "127.0.0.1", "/silence", &calls[i]);
    tls_end(&world); /* with held ones */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_told_whole),
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_connections_are_used_again),
        cmocka_unit_test(test_nothing_is_followed_or_unpacked),
        cmocka_unit_test(test_answers_are_bounded),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_time_ends_a_call),
        cmocka_unit_test(test_names_are_looked_up_here),
        cmocka_unit_test(test_silent_name_servers_hold_nothing_up),
        cmocka_unit_test(test_calls_are_bounded),
        cmocka_unit_test(test_a_callback_may_cancel),
        cmocka_unit_test(test_bad_requests_are_not_begun),
        cmocka_unit_test(test_the_certificate_is_verified),
        cmocka_unit_test(test_a_stranger_is_not_believed),
        cmocka_unit_test(test_old_tls_is_not_spoken),
        cmocka_unit_test(test_handshakes_are_begun_some_at_a_time),
    };
    char home[] = "/tmp/fanfare-home-XXXXXX", netrc[64];

    signal(SIGPIPE, SIG_IGN);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    if (mkdtemp(home) == NULL)
        return 1;
    setenv("HOME", home, 1);
    snprintf(netrc, sizeof netrc, "%s/.netrc", home);
    FILE *file = fopen(netrc, "w");
    if (file == NULL)
        return 1;
    fputs("machine 127.0.0.1 login me password secret\n", file);
    fclose(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(netrc);
    rmdir(home);
    return failed;
}
