/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of a page: known hashes, and pages that lack what it must name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/daemon/page_policy.h"

static enum status policy_of(const char *html, size_t max, char out[1024])
{
    struct buf policy;

    buf_init(&policy, max);
    enum status status = page_policy_append(&policy, slice_str(html), "'self'");
    assert_true(policy.len < 1024);
    if (policy.len > 0)
        memcpy(out, policy.data, policy.len);
    out[policy.len] = '\0';
    buf_fini(&policy);
    return status;
}

/* printf '%s' TEXT | openssl dgst -sha256 -binary | base64 */
static void it_names_style_and_script_by_their_hashes(void **state)
{
    char text[1024];

    (void)state;
    assert_int_equal(policy_of("<style>a{}</style><script>b()</script>", 1024, text), STATUS_OK);
    assert_string_equal(text, "default-src 'none'; "
                              "style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; "
                              "script-src 'sha256-cf242PFc/kb7xD0Qzhsmd9vvRkc+cWFmbi+k+YvtdKc='; "
                              "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                              "frame-ancestors 'none'");
}

static void a_page_without_style_or_script_has_no_policy(void **state)
{
    static const char *const pages[] = {"", "<style>a{}</style>", "<script>b()</script>",
                                        "<style>a{}<script>b()</script>", "<style>a{}</style><script>b()"};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_int_equal(policy_of(pages[i], 1024, text), STATUS_NOT_FOUND);
        assert_string_equal(text, "");
    }
}

static void what_does_not_fit_is_refused_whole(void **state)
{
    char text[1024];

    (void)state;
    assert_int_equal(policy_of("<style></style><script></script>", 100, text), STATUS_TOO_LARGE);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_names_style_and_script_by_their_hashes),
        cmocka_unit_test(a_page_without_style_or_script_has_no_policy),
        cmocka_unit_test(what_does_not_fit_is_refused_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
