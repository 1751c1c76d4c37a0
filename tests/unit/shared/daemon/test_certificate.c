/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's certificate: which one is in force after its files, or the settings, have changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/daemon/certificate.h"
#include "shared/log/log.h"
#include "shared/log/metrics.h"
#include "tests/unit/certs.h"

enum { EXPIRY, RENEWED, ROWS };

static const struct metric_def defs[ROWS] = {
    [EXPIRY] = {"x_expiry", "", METRIC_GAUGE, "x"}, [RENEWED] = {"x_renewed_total", "", METRIC_COUNTER, "x"}};

static struct certs certs;
static struct tls_files paths; /* what the settings say */
static struct event_base *base;
static struct certificate *certificate;
static SSL_CTX *told; /* by on_change */

static struct tls_files files_of(const void *conf)
{
    return *(const struct tls_files *)conf;
}

static void on_change(SSL_CTX *context, void *arg)
{
    assert_ptr_equal(arg, &certs);
    told = context;
}

static enum status begin(bool always)
{
    struct certificate_use use = {.what = "test",
                                  .files = files_of,
                                  .make = always ? tls_client_new : tls_https_new,
                                  .expiry_row = EXPIRY,
                                  .renewed_row = RENEWED,
                                  .always = always,
                                  .on_change = on_change,
                                  .arg = &certs};
    struct fault fault;

    return certificate_new(base, &use, &paths, &certificate, &fault);
}

static int set_up(void **state)
{
    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    metrics_setup(defs, ROWS);
    certs_make(&certs);
    base = event_base_new();
    paths = (struct tls_files){certs.path[CERT_SERVER], certs.path[KEY_SERVER], ""};
    certificate = NULL;
    told = NULL;
    return base == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    certificate_free(certificate);
    event_base_free(base);
    certs_remove(&certs);
    return 0;
}

static void the_first_is_there_and_nobody_is_told(void **state)
{
    (void)state;
    assert_int_equal(begin(false), STATUS_OK);
    assert_true(certificate_is_used(certificate));
    assert_non_null(certificate_get(certificate));
    assert_null(told);
    assert_true(metrics_get(EXPIRY) > 0);
    assert_int_equal(metrics_get(RENEWED), 0);
}

static void another_pair_is_taken_over(void **state)
{
    (void)state;
    assert_int_equal(begin(false), STATUS_OK);
    paths = (struct tls_files){certs.path[CERT_CLIENT], certs.path[KEY_CLIENT], ""};
    assert_true(certificate_reload(certificate));
    assert_non_null(told);
    assert_ptr_equal(certificate_get(certificate), told);
    assert_int_equal(metrics_get(RENEWED), 1);
}

static void a_pair_that_will_not_do_leaves_the_old_one(void **state)
{
    SSL_CTX *first;

    (void)state;
    assert_int_equal(begin(false), STATUS_OK);
    first = certificate_get(certificate);
    paths.key = certs.path[KEY_CLIENT];
    assert_false(certificate_reload(certificate));
    assert_null(told);
    assert_ptr_equal(certificate_get(certificate), first);
    assert_int_equal(metrics_get(RENEWED), 0);
}

static void without_files_there_is_none_until_a_restart(void **state)
{
    (void)state;
    paths = (struct tls_files){"", "", ""};
    assert_int_equal(begin(false), STATUS_OK);
    assert_false(certificate_is_used(certificate));
    assert_null(certificate_get(certificate));
    paths = (struct tls_files){certs.path[CERT_SERVER], certs.path[KEY_SERVER], ""};
    assert_true(certificate_reload(certificate));
    assert_null(certificate_get(certificate));
    assert_null(told);
}

static void files_that_are_taken_out_change_nothing_until_a_restart(void **state)
{
    SSL_CTX *first;

    (void)state;
    assert_int_equal(begin(false), STATUS_OK);
    first = certificate_get(certificate);
    paths = (struct tls_files){"", "", ""};
    assert_true(certificate_reload(certificate));
    assert_ptr_equal(certificate_get(certificate), first);
}

static void a_client_has_a_context_without_files(void **state)
{
    (void)state;
    paths = (struct tls_files){"", "", ""};
    assert_int_equal(begin(true), STATUS_OK);
    assert_non_null(certificate_get(certificate));
    paths.ca = certs.path[CERT_CA];
    assert_true(certificate_reload(certificate));
    assert_ptr_equal(certificate_get(certificate), told);
    assert_int_equal(metrics_get(RENEWED), 1);
}

static void a_start_with_a_bad_pair_fails(void **state)
{
    (void)state;
    paths.key = certs.path[KEY_CLIENT];
    assert_int_equal(begin(false), STATUS_INVALID);
    assert_null(certificate);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_is_there_and_nobody_is_told),
        TEST(another_pair_is_taken_over),
        TEST(a_pair_that_will_not_do_leaves_the_old_one),
        TEST(without_files_there_is_none_until_a_restart),
        TEST(files_that_are_taken_out_change_nothing_until_a_restart),
        TEST(a_client_has_a_context_without_files),
        TEST(a_start_with_a_bad_pair_fails),
    };

    return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
