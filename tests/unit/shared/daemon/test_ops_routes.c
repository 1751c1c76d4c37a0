/* SPDX-License-Identifier: Apache-2.0 */
/* What is answered when, with a server that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/daemon/ops_routes.h"

struct http_exchange {
    int status;
    char type[64];
    char body[256];
    int told; /* the status that on_answer was told */
};

struct daemon {
    const char *not_ready;
    enum status print; /* what the pages end with */
    struct http_exchange exchange;
};

void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *body,
                size_t len)
{
    assert_int_equal(exchange->status, 0);
    exchange->status = status;
    snprintf(exchange->type, sizeof exchange->type, "%s", content_type);
    snprintf(exchange->body, sizeof exchange->body, "%.*s", (int)len, (const char *)body);
}

void http_reply_error(struct http_exchange *exchange, int status, const char *code, const char *format, ...)
{
    assert_int_equal(exchange->status, 0);
    assert_string_equal(format, "%s");
    exchange->status = status;
    snprintf(exchange->body, sizeof exchange->body, "%s", code);
}

static const char *not_ready(void *arg)
{
    return ((struct daemon *)arg)->not_ready;
}

static enum status print_state(struct buf *out, void *arg)
{
    const struct daemon *daemon = arg;

    return daemon->print != STATUS_OK ? daemon->print : buf_append_str(out, ",\"clients\":3");
}

static enum status print_page(struct buf *out, void *arg)
{
    const struct daemon *daemon = arg;

    /* Half of it is there when the memory ends. */
    return buf_append_str(out, "{\"pushes\":7}") != STATUS_OK ? STATUS_NO_MEMORY : daemon->print;
}

static void on_answer(struct http_exchange *exchange, int status, void *arg)
{
    (void)arg;
    assert_int_equal(exchange->status, 0);
    exchange->told = status;
}

typedef void handler(const struct ops_routes *ops, struct http_exchange *exchange);

static void ask(struct daemon *daemon, handler *handle, int status, const char *body)
{
    const struct ops_routes ops = {not_ready, print_state, print_page, print_page, on_answer, daemon};

    daemon->exchange = (struct http_exchange){0};
    handle(&ops, &daemon->exchange);
    assert_int_equal(daemon->exchange.status, status);
    assert_string_equal(daemon->exchange.body, body);
}

static void test_pages(void **state)
{
    struct daemon daemon = {0};

    (void)state;
    ask(&daemon, ops_healthz, 200, "{\"status\":\"ok\"}");
    assert_int_equal(daemon.exchange.told, 200);
    assert_string_equal(daemon.exchange.type, "application/json");
    ask(&daemon, ops_metrics, 200, "{\"pushes\":7}");
    assert_int_equal(daemon.exchange.told, 200);
    assert_string_equal(daemon.exchange.type, "text/plain; version=0.0.4; charset=utf-8");
    ask(&daemon, ops_stats, 200, "{\"pushes\":7}");
    assert_int_equal(daemon.exchange.told, 200);
    assert_string_equal(daemon.exchange.type, "application/json");
}

static void test_readiness(void **state)
{
    struct daemon daemon = {0};

    (void)state;
    ask(&daemon, ops_readyz, 200, "{\"status\":\"ready\",\"clients\":3}");
    assert_int_equal(daemon.exchange.told, 200);
    daemon.not_ready = "it drains";
    ask(&daemon, ops_readyz, 503,
        "{\"error\":{\"code\":\"not_ready\",\"message\":\"it drains\"},\"clients\":3}");
    assert_int_equal(daemon.exchange.told, 503);
}

static void test_a_daemon_without_state_or_counts(void **state)
{
    struct daemon daemon = {0};
    const struct ops_routes ops = {.not_ready = not_ready, .arg = &daemon};

    (void)state;
    ops_readyz(&ops, &daemon.exchange);
    assert_string_equal(daemon.exchange.body, "{\"status\":\"ready\"}");
}

static void test_half_a_page_is_never_sent(void **state)
{
    struct daemon daemon = {.print = STATUS_NO_MEMORY};

    (void)state;
    ask(&daemon, ops_metrics, 500, "internal");
    ask(&daemon, ops_stats, 500, "internal");
    assert_int_equal(daemon.exchange.told, 500);
    ask(&daemon, ops_readyz, 500, "internal");
    daemon.not_ready = "it drains";
    ask(&daemon, ops_readyz, 503, "internal");
    ask(&daemon, ops_healthz, 200, "{\"status\":\"ok\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_readiness),
        cmocka_unit_test(test_a_daemon_without_state_or_counts),
        cmocka_unit_test(test_half_a_page_is_never_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
