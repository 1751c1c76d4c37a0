/* SPDX-License-Identifier: Apache-2.0 */
/* Keys from files: what is taken, what is refused, and that no fault holds a byte of a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/conf/key_file.h"
#include "shared/jose/jwt.h"
#include "tests/unit/jose_sign.h"

#define SECRET "0123456789abcdefghijklmnopqrstuv"

static char path[64];
static struct jwk_set *set;
static struct fault fault;

static int begin(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof path, "/tmp/fanfare-keys-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    set = NULL;
    memset(&fault, 0, sizeof fault);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    jwk_set_unref(set);
    return 0;
}

static void write_bytes(const void *data, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

static void write_text(const char *text)
{
    write_bytes(text, strlen(text));
}

/* Whether tokens signed with `secret` are good under the keys that were loaded. */
static bool signs(const char *secret)
{
    struct jose_signer signer = {JOSE_HS256, slice_str(secret), NULL};
    struct jwt_issuer issuer = {.iss = "i", .keys = set};
    struct jwt_rules rules = {&issuer, 1, 10, 86400};
    char *token = jose_token(&signer, NULL, "{\"iss\":\"i\",\"sub\":\"u\",\"exp\":1000600}");
    struct jwt jwt;
    enum jwt_verdict verdict = jwt_check(slice_str(token), &rules, 1000000, &jwt);

    jwt_fini(&jwt);
    free(token);
    return verdict == JWT_GOOD;
}

static void takes_secret(const char *text, const char *secret)
{
    write_text(text);
    jwk_set_unref(set);
    set = NULL;
    if (key_file_load_secret(path, &set, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    assert_true(signs(secret));
}

static void one_line_end_does_not_count(void **state)
{
    (void)state;
    takes_secret(SECRET, SECRET);
    takes_secret(SECRET "\n", SECRET);
    takes_secret(SECRET "\r\n", SECRET);
    takes_secret(SECRET "\n\n", SECRET "\n");
    takes_secret(SECRET "\r", SECRET "\r");
    takes_secret(" " SECRET, " " SECRET);
}

static void refused(enum status (*load)(const char *path, struct jwk_set **out, struct fault *fault),
                    enum status status, const char *reason)
{
    char whole[512];

    assert_int_equal(load(path, &set, &fault), status);
    assert_null(set);
    snprintf(whole, sizeof whole, "%s: %s", path, reason);
    if (strncmp(fault.text, whole, strlen(whole)) != 0)
        fail_msg("%s; wanted %s", fault.text, whole);
}

static void a_short_secret_is_refused_and_not_shown(void **state)
{
    (void)state;
    write_text("s3cret-too-short-to-be-one\n");
    assert_int_equal(key_file_load_secret(path, &set, &fault), STATUS_INVALID);
    assert_null(strstr(fault.text, "s3cret"));
    assert_non_null(strstr(fault.text, path));
    assert_non_null(strstr(fault.text, "32"));
    write_text("");
    assert_int_equal(key_file_load_secret(path, &set, &fault), STATUS_INVALID);
    assert_null(set);
}

static void a_set_of_keys_is_taken(void **state)
{
    struct jose_signer signer = jose_signer_of(JOSE_ES256);
    char *jwk = jose_jwk(&signer, "");
    char json[1024];

    (void)state;
    snprintf(json, sizeof json, "{\"keys\":[%s]}\n", jwk);
    write_text(json);
    assert_int_equal(key_file_load_jwks(path, &set, &fault), STATUS_OK);
    assert_int_equal(jwk_set_count(set), 1);
    free(jwk);
    jose_signer_fini(&signer);
}

static void what_is_no_set_of_keys_is_refused(void **state)
{
    static char large[(1 << 20) + 1];

    (void)state;
    write_text("{\"keys\":[]}");
    refused(key_file_load_jwks, STATUS_INVALID, "the set has no key");
    write_text("<html>");
    refused(key_file_load_jwks, STATUS_INVALID, "");
    write_text("");
    refused(key_file_load_jwks, STATUS_INVALID, "");
    memset(large, ' ', sizeof large);
    write_bytes(large, sizeof large);
    refused(key_file_load_jwks, STATUS_TOO_LARGE, "larger than 1,048,576 bytes");
    refused(key_file_load_secret, STATUS_TOO_LARGE, "larger than 1,048,576 bytes");
}

static void what_is_no_file_is_waited_for_by_nobody(void **state)
{
    (void)state;
    unlink(path);
    refused(key_file_load_jwks, STATUS_IO, "No such file or directory");
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(key_file_load_secret, STATUS_INVALID, "it is not a regular file");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    refused(key_file_load_jwks, STATUS_INVALID, "it is not a regular file");
    rmdir(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(one_line_end_does_not_count),
        TEST(a_short_secret_is_refused_and_not_shown),
        TEST(a_set_of_keys_is_taken),
        TEST(what_is_no_set_of_keys_is_refused),
        TEST(what_is_no_file_is_waited_for_by_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
