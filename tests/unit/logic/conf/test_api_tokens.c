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
        assert_true(api_tokens_find(found, slice_str(tokens[i])) != NULL);
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
    takes("a \n", 1, (const char *const[]){"a"});
}

static void others_are_not_known(void **state)
{
    struct api_tokens *found;

    (void)state;
    assert_int_equal(parse("# comment\nalpha\nbeta\n", &found), STATUS_OK);
    for (size_t i = 0; i < 9; i++) {
        static const char *const others[] = {"",      "alph",  "alphaa",    "Alpha",      "alpha\r",
                                             "beta ", "gamma", "# comment", "alpha\nbeta"};
        assert_null(api_tokens_find(found, slice_str(others[i])));
    }
    api_tokens_free(found);
}

static void a_bad_line_is_named_and_not_shown(void **state)
{
    char longest[API_TOKEN_MAX + 2];

    (void)state;
    refuses("good\nsecret word\n",
            "tokens:2: a token has no space, and behind it only these are allowed: name=");
    assert_null(strstr(fault.text, "word"));
    refuses("secret c2Vj==\n", "allowed: name=");
    assert_null(strstr(fault.text, "c2Vj"));
    refuses(" secret", "tokens:1: ");
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
    assert_non_null(api_tokens_find(found, slice_str("t0")));
    assert_non_null(api_tokens_find(found, slice_str("t999")));
    assert_null(api_tokens_find(found, slice_str("t1000")));
    api_tokens_free(found);
    sprintf(text + len, "#\nsecret\n");
    refuses(text, "tokens:1002: at most 1000 tokens");
    assert_null(strstr(fault.text, "secret"));
}

#define ABC                                                                                                  \
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of abc (FIPS 180-2, B.1) */
#define ABC_UP "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"

static void a_digest_stands_for_its_token(void **state)
{
    (void)state;
    takes(ABC "\n", 1, (const char *const[]){"abc"});
    takes(ABC_UP " name=a\n", 1, (const char *const[]){"abc"});
    refuses("sha256:\n", "tokens:1: behind sha256: 64 hex digits are needed");
    refuses("sha256:ba78\n", "64 hex digits");
    refuses(ABC "0\n", "64 hex digits");
    refuses("sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n", "64 hex digits");
}

static void a_digest_is_no_token(void **state)
{
    struct api_tokens *found;

    (void)state;
    assert_int_equal(parse(ABC "\n", &found), STATUS_OK);
    assert_null(api_tokens_find(found, slice_str(ABC)));
    api_tokens_free(found);
}

static void a_token_stands_once(void **state)
{
    (void)state;
    refuses("a\n#\na\n", "tokens:3: the token stands in line 1 already");
    refuses("abc name=x\n" ABC " name=x\n", "tokens:2: the token stands in line 1 already");
    refuses("a name=x rights=push\na\n", "tokens:2: the token stands in line 1 already");
}

static const struct api_caller *caller_of(const struct api_tokens *tokens, const char *token)
{
    const struct api_caller *caller = api_tokens_find(tokens, slice_str(token));

    assert_non_null(caller);
    return caller;
}

static void lines_of_a_name_are_one_caller(void **state)
{
    struct api_tokens *found;

    (void)state;
    assert_int_equal(parse("a\nb name=shop rate=5\nc\nd rate=5 name=shop\ne name=default\n", &found),
                     STATUS_OK);
    assert_int_equal(api_tokens_count(found), 5);
    assert_int_equal(api_tokens_caller_count(found), 2);
    assert_ptr_equal(api_tokens_caller(found, 0), caller_of(found, "a"));
    assert_ptr_equal(api_tokens_caller(found, 1), caller_of(found, "b"));
    assert_ptr_equal(caller_of(found, "b"), caller_of(found, "d"));
    assert_ptr_equal(caller_of(found, "a"), caller_of(found, "c"));
    assert_ptr_equal(caller_of(found, "a"), caller_of(found, "e"));
    assert_string_equal(caller_of(found, "a")->name, "default");
    assert_string_equal(caller_of(found, "d")->name, "shop");
    api_tokens_free(found);
}

static void lines_of_a_name_agree(void **state)
{
    static const char *const others[] = {"rights=query", "rooms=b", "rooms=a,b", "users=u", "rate=6", ""};
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(text, sizeof text, "#\nt1 name=s rights=push rooms=a rate=5\nt2 name=s %s\n", others[i]);
        refuses(text, "tokens:3: \"s\" stands in line 2 with other rights, rooms, users or rate");
    }
    refuses("a\nb name=default rights=push\n", "tokens:2: \"default\" stands in line 1");
}

static void there_may_be_two_hundred_callers(void **state)
{
    char text[(API_CALLERS_MAX + 1) * 16] = "";
    struct api_tokens *found;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < API_CALLERS_MAX; i++)
        len += (size_t)sprintf(text + len, "t%zu name=n%zu\n", i, i);
    assert_int_equal(parse(text, &found), STATUS_OK);
    assert_int_equal(api_tokens_caller_count(found), API_CALLERS_MAX);
    assert_string_equal(caller_of(found, "t199")->name, "n199");
    api_tokens_free(found);
    sprintf(text + len, "t\n");
    refuses(text, "tokens:201: at most 200 names");
}

static void what_was_used_of_a_rate_stays_used(void **state)
{
    struct api_tokens *old;
    struct api_tokens *fresh;

    (void)state;
    assert_int_equal(parse("a name=x rate=1\nb name=y rate=1\n", &old), STATUS_OK);
    assert_int_equal(parse("c name=z rate=1\nd name=y rate=2\n", &fresh), STATUS_OK);
    api_tokens_caller(old, 0)->due_us = 5;
    api_tokens_caller(old, 1)->due_us = 7;
    api_tokens_follow(fresh, old);
    api_tokens_follow(fresh, NULL);
    assert_int_equal(caller_of(fresh, "c")->due_us, 0);
    assert_int_equal(caller_of(fresh, "d")->due_us, 7);
    api_tokens_free(old);
    api_tokens_free(fresh);
}

static void a_caller_outlives_its_tokens(void **state)
{
    struct api_tokens *found;
    struct api_caller *caller;

    (void)state;
    assert_int_equal(parse("a name=x rooms=r\n", &found), STATUS_OK);
    caller = api_caller_ref(api_tokens_caller(found, 0));
    api_tokens_free(found);
    assert_string_equal(caller->name, "x");
    assert_true(room_patterns_match(&caller->rooms, slice_of(NULL, 0), slice_str("r")));
    api_caller_unref(caller);
    api_caller_unref(NULL);
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
        cmocka_unit_test(a_digest_stands_for_its_token),
        cmocka_unit_test(a_digest_is_no_token),
        cmocka_unit_test(a_token_stands_once),
        cmocka_unit_test(lines_of_a_name_are_one_caller),
        cmocka_unit_test(lines_of_a_name_agree),
        cmocka_unit_test(there_may_be_two_hundred_callers),
        cmocka_unit_test(what_was_used_of_a_rate_stays_used),
        cmocka_unit_test(a_caller_outlives_its_tokens),
        cmocka_unit_test(a_file_tells_who_may_read_it),
        cmocka_unit_test(only_a_file_of_modest_size_is_read),
        cmocka_unit_test(the_header_is_read_as_rfc_6750_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
