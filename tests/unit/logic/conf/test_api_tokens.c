/* SPDX-License-Identifier: Apache-2.0 */
/* The file of tokens and the Authorization header: what is taken, what is not, and that no fault holds a
 * token. */
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

#include "logic/conf/api_tokens.h"

static struct fault fault;

static enum status parse(const char *text, struct api_tokens **out)
{
    fault.text[0] = '\0';
    *out = NULL;
    return api_tokens_parse(slice_str(text), "tokens", out, &fault);
}

static void takes(const char *text, size_t count, const char *const *tokens)
{
    struct api_tokens *found;

    if (parse(text, &found) != STATUS_OK)
        fail_msg("%s", fault.text);
    assert_int_equal(api_tokens_count(found), count);
    for (size_t i = 0; i < count; i++)
        assert_true(api_tokens_have(found, slice_str(tokens[i])));
    api_tokens_free(found);
}

static void refuses(const char *text, const char *words)
{
    struct api_tokens *found;

    assert_int_equal(parse(text, &found), STATUS_INVALID);
    assert_null(found);
    if (strstr(fault.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", fault.text, words);
}

static void one_token_a_line(void **state)
{
    (void)state;
    takes("a", 1, (const char *const[]){"a"});
    takes("a\n", 1, (const char *const[]){"a"});
    takes("a\r\nb\r\n", 2, (const char *const[]){"a", "b"});
    takes("# who\n\n#b\n\r\na\n\nb~!#:,=\n", 2, (const char *const[]){"a", "b~!#:,="});
    takes("a\na\n", 2, (const char *const[]){"a", "a"});
}

static void others_are_not_known(void **state)
{
    struct api_tokens *found;

    (void)state;
    assert_int_equal(parse("# comment\nalpha\nbeta\n", &found), STATUS_OK);
    for (size_t i = 0; i < 9; i++) {
        static const char *const others[] = {"",      "alph",  "alphaa",    "Alpha",      "alpha\r",
                                             "beta ", "gamma", "# comment", "alpha\nbeta"};
        assert_false(api_tokens_have(found, slice_str(others[i])));
    }
    api_tokens_free(found);
}

static void a_bad_line_is_named_and_not_shown(void **state)
{
    char longest[API_TOKEN_MAX + 2];

    (void)state;
    refuses("good\nsecret word\n", "tokens:2: a token has 1 to 256 printable ASCII characters");
    refuses(" secret", "tokens:1: ");
    refuses("secret \n", "tokens:1: ");
    refuses("\n\nsecret\t\n", "tokens:3: ");
    refuses("secr\xc3\xa9t\n", "tokens:1: ");
    refuses("secret\x7f\n", "tokens:1: ");
    refuses("secret\rsecret\n", "tokens:1: ");
    refuses("\xef\xbb\xbfsecret\n", "tokens:1: ");
    assert_null(strstr(fault.text, "secr"));
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    refuses(longest, "tokens:1: ");
    assert_null(strstr(fault.text, "xx"));
    longest[API_TOKEN_MAX] = '\0';
    takes(longest, 1, (const char *const[]){longest});
}

static void a_zero_byte_is_no_end(void **state)
{
    struct api_tokens *found = NULL;

    (void)state;
    assert_int_equal(api_tokens_parse(slice_of("a\0b\n", 4), "tokens", &found, &fault), STATUS_INVALID);
    assert_null(found);
}

static void there_must_be_one(void **state)
{
    (void)state;
    refuses("", "tokens: holds no token");
    refuses("\n\r\n# only a comment\n", "tokens: holds no token");
}

static void there_may_be_a_thousand(void **state)
{
    char text[API_TOKENS_MAX * 8 + 16] = "";
    struct api_tokens *found;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < API_TOKENS_MAX; i++)
        len += (size_t)sprintf(text + len, "t%zu\n", i);
    assert_int_equal(parse(text, &found), STATUS_OK);
    assert_int_equal(api_tokens_count(found), API_TOKENS_MAX);
    assert_true(api_tokens_have(found, slice_str("t0")));
    assert_true(api_tokens_have(found, slice_str("t999")));
    assert_false(api_tokens_have(found, slice_str("t1000")));
    api_tokens_free(found);
    sprintf(text + len, "#\nsecret\n");
    refuses(text, "tokens:1002: at most 1000 tokens");
    assert_null(strstr(fault.text, "secret"));
}

/* A file of the test's own with these bytes and rights. */
static void write_file(char *path, size_t len, mode_t mode)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    for (size_t done = 0; done < len;)
        done += (size_t)write(fd, "token\n", len - done < 6 ? len - done : 6);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_file_tells_who_may_read_it(void **state)
{
    static const mode_t modes[] = {0400, 0600, 0640, 0660, 0644, 0604};
    struct api_tokens *found;
    bool open_to_all;

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char path[] = "/tmp/fanfare-tokens-XXXXXX";
        write_file(path, 6, modes[i]);
        if (api_tokens_load(path, &found, &open_to_all, &fault) != STATUS_OK)
            fail_msg("%s", fault.text);
        assert_int_equal(open_to_all, (modes[i] & 4) != 0);
        api_tokens_free(found);
        unlink(path);
    }
}

static void only_a_file_of_modest_size_is_read(void **state)
{
    char big[] = "/tmp/fanfare-tokens-XXXXXX";
    char fifo[64];
    struct api_tokens *found;
    bool open_to_all;

    (void)state;
    write_file(big, API_TOKENS_FILE_MAX + 1, 0600);
    assert_int_equal(api_tokens_load(big, &found, &open_to_all, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "524288 bytes"));
    unlink(big);
    snprintf(fifo, sizeof fifo, "/tmp/fanfare-fifo-%d", (int)getpid());
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(api_tokens_load(fifo, &found, &open_to_all, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "not a regular file"));
    unlink(fifo);
    assert_int_equal(api_tokens_load("/tmp", &found, &open_to_all, &fault), STATUS_IO);
    assert_int_equal(api_tokens_load(fifo, &found, &open_to_all, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "No such file"));
}

static void bearer_is(const char *header, const char *token)
{
    struct slice found = api_tokens_bearer(slice_str(header));

    if (token != NULL)
        assert_true(slice_equal(found, slice_str(token)));
    else
        assert_null(found.data);
}

static void the_header_is_read_as_rfc_6750_says(void **state)
{
    char longest[API_TOKEN_MAX + 16] = "Bearer ";

    (void)state;
    bearer_is("Bearer abc", "abc");
    bearer_is("bearer abc", "abc");
    bearer_is("BEARER   abc", "abc");
    bearer_is("Bearer a-b._~+/=", "a-b._~+/=");
    bearer_is("", NULL);
    bearer_is("Bearer", NULL);
    bearer_is("Bearer ", NULL);
    bearer_is("Bearerabc", NULL);
    bearer_is("Bearer\tabc", NULL);
    bearer_is("Bearer a b", NULL);
    bearer_is("Bearer a, Bearer b", NULL);
    bearer_is("Basic YTpi", NULL);
    bearer_is("Token abc", NULL);
    bearer_is("Bearer \xc3\xa9", NULL);
    memset(longest + 7, 'x', API_TOKEN_MAX);
    bearer_is(longest, longest + 7);
    longest[7 + API_TOKEN_MAX] = 'x';
    bearer_is(longest, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_token_a_line),
        cmocka_unit_test(others_are_not_known),
        cmocka_unit_test(a_bad_line_is_named_and_not_shown),
        cmocka_unit_test(a_zero_byte_is_no_end),
        cmocka_unit_test(there_must_be_one),
        cmocka_unit_test(there_may_be_a_thousand),
        cmocka_unit_test(a_file_tells_who_may_read_it),
        cmocka_unit_test(only_a_file_of_modest_size_is_read),
        cmocka_unit_test(the_header_is_read_as_rfc_6750_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
