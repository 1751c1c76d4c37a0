/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, queries and look-ups on a real loop, against name servers on it: who is told, who is not any
 * more, and what becomes of a question whose resolver changes or ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/net/dns_query.h"
#include "shared/net/lookup.h"
#include "tests/unit/redis_peer.h"
#include "tests/unit/shared/net/dns_message.h"

enum mode { HOLD, HOLD_ONE, ANSWER, DENY, ANOTHER_ID };

/* Gives every name the address 10.0.0.1, and no AAAA record. HOLD_ONE: but for those below "one". */
struct name_server {
    int fd;
    struct event *event;
    int port;
    enum mode mode;
    int asked;
};

struct told {
    int count;
    enum dns_result results[2];
    size_t addresses;
    struct dns_query **cancels; /* when told, or NULL */
};

static struct turning turning;
static struct name_server server;
static char resolv_conf[64];
static struct resolver *resolver;

static void on_question(evutil_socket_t fd, short what, void *arg)
{
    struct message message = {.len = 0};
    struct sockaddr_in peer;
    socklen_t peer_len = sizeof peer;
    ssize_t got = recvfrom(fd, message.data, 512, 0, (struct sockaddr *)&peer, &peer_len);
    size_t end = 12;
    bool below_one = false;

    (void)what;
    (void)arg;
    if (got < 17)
        return;
    server.asked++;
    for (; message.data[end]; end += 1u + message.data[end])
        below_one = below_one || memcmp(message.data + end, "\3one", 4) == 0;
    bool is_a = message.data[end + 2] == DNS_TYPE_A;
    message.len = end + 5;
    memset(message.data + 4, 0, 8);
    message.data[5] = 1;
    message.data[2] = 0x81;
    message.data[3] = server.mode == DENY ? 0x83 : 0x80;
    message.data[7] = server.mode != DENY && is_a;
    message.data[0] ^= server.mode == ANOTHER_ID;
    if (message.data[7])
        put_a(&message, NULL, 1, "\x0a\0\0\1");
    if (server.mode != HOLD && !(server.mode == HOLD_ONE && below_one))
        (void)sendto(fd, message.data, message.len, 0, (struct sockaddr *)&peer, peer_len);
}

static void open_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    server = (struct name_server){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
    server.port = ntohs(address.sin_port);
    server.event = event_new(turning.base, server.fd, EV_READ | EV_PERSIST, on_question, NULL);
    assert_int_equal(event_add(server.event, NULL), 0);
}

static void write_resolv_conf(const char *text)
{
    char next[80];
    FILE *file;

    snprintf(next, sizeof next, "%s.next", resolv_conf);
    file = fopen(next, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    fclose(file);
    assert_int_equal(rename(next, resolv_conf), 0);
}

static enum status open_resolver(const char *text)
{
    char address[32];

    write_resolv_conf(text);
    snprintf(address, sizeof address, "127.0.0.1:%d", server.port);
    return resolver_new_from(turning.base, address, resolv_conf, &resolver);
}

/* Four seconds, so that nothing is asked twice on a slow machine. */
static int begin(void **state)
{
    int fd;

    (void)state;
    turning_begin(&turning);
    open_server();
    snprintf(resolv_conf, sizeof resolv_conf, "/tmp/test_resolver.XXXXXX");
    fd = mkstemp(resolv_conf);
    assert_true(fd >= 0);
    close(fd);
    return open_resolver("search one.example two.example\noptions timeout:4") == STATUS_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    resolver_free(resolver);
    resolver = NULL;
    event_free(server.event);
    close(server.fd);
    unlink(resolv_conf);
    turning_end(&turning);
    return 0;
}

static void on_told(const struct dns_reply replies[2], void *arg)
{
    struct told *told = arg;

    told->count++;
    told->results[0] = replies[0].result;
    told->results[1] = replies[1].result;
    told->addresses = replies[0].answer.count;
    if (told->cancels != NULL)
        dns_query_cancel(told->cancels);
}

#define await(condition)                                                                                     \
    do {                                                                                                     \
        int64_t begin_ms = clock_now_ms();                                                                   \
        while (!(condition) && clock_now_ms() - begin_ms < 3 * PATIENCE_MS)                                  \
            event_base_loop(turning.base, EVLOOP_ONCE);                                                      \
        assert_true(condition);                                                                              \
    } while (0)

static void ask(const char *name, struct told *told, struct dns_query **query)
{
    assert_int_equal(dns_query_start(resolver, name, DNS_HOST, on_told, told, query), STATUS_OK);
    assert_int_equal(told->count, 0); /* never from inside */
}

static void a_query_is_told_once(void **state)
{
    struct told told = {0};
    struct dns_query *query = NULL;

    (void)state;
    server.mode = ANSWER;
    ask("gw.", &told, &query);
    await(told.count > 0);
    assert_null(query);
    assert_int_equal(told.results[0], DNS_FOUND);
    assert_int_equal(told.results[1], DNS_NO_DATA);
    assert_int_equal(told.addresses, 1);
    assert_int_equal(server.asked, 2);
}

static void every_domain_is_tried(void **state)
{
    struct told told = {0};
    struct dns_query *query = NULL;

    (void)state;
    server.mode = DENY;
    ask("gw", &told, &query);
    await(told.count > 0);
    assert_int_equal(told.results[0], DNS_NO_NAME);
    assert_int_equal(server.asked, 3 * 2);
}

static void one_that_is_cancelled_hears_nothing(void **state)
{
    struct told told = {0}, later = {0};
    struct dns_query *query = NULL, *next = NULL;

    (void)state;
    server.mode = DENY;
    ask("gw", &told, &query);
    dns_query_cancel(&query);
    dns_query_cancel(&query);
    ask("gw", &later, &next);
    await(later.count > 0);
    assert_int_equal(told.count, 0);
    assert_int_equal(server.asked, 2 + 3 * 2); /* it asks in no other domain */
}

static void one_may_cancel_another_that_is_answered_too(void **state)
{
    struct dns_query *queries[2] = {NULL, NULL};
    struct told told[2] = {{.cancels = &queries[1]}, {.cancels = &queries[0]}};

    (void)state;
    /* A label of 64 bytes is refused at once: both are told in one turn. */
    ask("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.", &told[0], &queries[0]);
    ask("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.", &told[1], &queries[1]);
    await(told[0].count + told[1].count > 0);
    event_base_loop(turning.base, EVLOOP_NONBLOCK);
    assert_int_equal(told[0].count + told[1].count, 1);
    assert_int_equal(told[0].results[0], DNS_BAD_NAME);
    assert_int_equal(server.asked, 0);
}

static void on_nothing(enum dns_result result, struct slice message, void *arg)
{
    (void)result;
    (void)message;
    (void)arg;
    fail_msg("told");
}

static void a_resolver_ends_with_questions_under_way(void **state)
{
    struct question *asked = NULL, *forgotten = NULL;
    struct told told = {0};
    struct dns_query *query = NULL;

    (void)state;
    assert_int_equal(resolver_ask(resolver, "gw", DNS_TYPE_A, on_nothing, NULL, &asked), STATUS_OK);
    assert_int_equal(resolver_ask(resolver, "gw", DNS_TYPE_A, on_nothing, NULL, &forgotten), STATUS_OK);
    resolver_forget(&forgotten);
    ask("gw", &told, &query);
    await(server.asked >= 4);
    dns_query_cancel(&query);
    resolver_free(resolver);
    resolver = NULL;
    assert_null(asked);
    assert_int_equal(told.count, 0);
}

static void silence_ends_by_itself(void **state)
{
    struct told told = {0};
    struct dns_query *query = NULL;

    (void)state;
    resolver_free(resolver);
    assert_int_equal(open_resolver("search one.example two.example"), STATUS_OK);
    server.mode = ANOTHER_ID; /* an answer to somebody else is none */
    ask("gw", &told, &query);
    await(told.count > 0);
    assert_int_equal(told.results[0], DNS_SILENCE);
    assert_int_equal(server.asked, 2 * 2);
}

/* A question under way is asked anew, below the new domains. */
static void a_resolv_conf_that_changes_is_taken_over(void **state)
{
    struct told told = {0};
    struct dns_query *query = NULL;

    (void)state;
    server.mode = HOLD_ONE;
    ask("gw", &told, &query);
    await(server.asked == 2);
    write_resolv_conf("search two.example\noptions timeout:4 attempts:4");
    while (told.count == 0) {
        struct told other = {0};
        struct dns_query *probe = NULL;

        ask("probe.", &other, &probe);
        await(other.count > 0);
    }
    assert_int_equal(told.results[0], DNS_FOUND);
}

static enum dns_result looked_up;
static char addresses_found[256];

static void on_looked_up(enum dns_result result, const struct addrinfo *addresses, void *arg)
{
    size_t len = 0;

    (void)arg;
    looked_up = result;
    addresses_found[0] = '\0';
    for (; addresses != NULL; addresses = addresses->ai_next) {
        char one[INET6_ADDRSTRLEN] = "?", port[8] = "?";

        assert_int_equal(getnameinfo(addresses->ai_addr, addresses->ai_addrlen, one, sizeof one, port,
                                     sizeof port, NI_NUMERICHOST | NI_NUMERICSERV),
                         0);
        len += (size_t)snprintf(addresses_found + len, sizeof addresses_found - len, "%s%s %s",
                                len ? ", " : "", one, port);
    }
}

static const char *look_up(const char *name)
{
    struct lookup *lookup = NULL;

    looked_up = DNS_ASK_AGAIN;
    assert_int_equal(lookup_start(resolver, name, 7788, on_looked_up, NULL, &lookup), STATUS_OK);
    await(lookup == NULL);
    return addresses_found;
}

static void hosts_are_looked_up(void **state)
{
    (void)state;
    server.mode = ANSWER;
    assert_string_equal(look_up("127.0.0.9"), "127.0.0.9 7788");
    assert_string_equal(look_up("::1"), "::1 7788");
    assert_non_null(strstr(look_up("localhost"), "127.0.0.1 7788"));
    assert_non_null(strstr(look_up("any.localhost."), "127.0.0.1 7788"));
    assert_int_equal(server.asked, 0);
    assert_string_equal(look_up("gw.example"), "10.0.0.1 7788");
    assert_int_equal(looked_up, DNS_FOUND);
    server.mode = DENY;
    assert_string_equal(look_up("gw.example"), "");
    assert_int_equal(looked_up, DNS_NO_NAME);
}

static void look_ups_are_cancelled(void **state)
{
    struct lookup *lookups[20] = {NULL};

    (void)state;
    server.mode = HOLD;
    looked_up = DNS_ASK_AGAIN;
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(lookup_start(resolver, "gw", 1, on_looked_up, NULL, &lookups[i]), STATUS_OK);
    await(server.asked >= 10);
    for (size_t i = 0; i < 20; i++)
        lookup_cancel(&lookups[i]);
    assert_int_equal(looked_up, DNS_ASK_AGAIN);
}

#define on_loop(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_loop(a_query_is_told_once),
        on_loop(every_domain_is_tried),
        on_loop(one_that_is_cancelled_hears_nothing),
        on_loop(one_may_cancel_another_that_is_answered_too),
        on_loop(a_resolver_ends_with_questions_under_way),
        on_loop(silence_ends_by_itself),
        on_loop(a_resolv_conf_that_changes_is_taken_over),
        on_loop(hosts_are_looked_up),
        on_loop(look_ups_are_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
