/* SPDX-License-Identifier: Apache-2.0 */
/* Text for manual pages and completions, and the name that was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/conf/conf_internal.h"
#include "shared/conf/print_text.h"

typedef void printer(const char *text, FILE *out);

static void expect(printer *print, const char *text, const char *expected)
{
    char *got = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&got, &len);

    assert_non_null(out);
    print(text, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(got, expected);
    free(got);
}

static void roff_is_literal(void **state)
{
    (void)state;
    expect(print_roff, "a-b\\c", "a\\-b\\ec");
    expect(print_roff, ".x", "\\&.x");
    expect(print_roff, "'x.y", "\\&'x.y");
    expect(print_roff, "see `--x` now", "see \\fB\\-\\-x\\fR now");
    expect(print_roff_bold, "--x", "\\fB\\-\\-x\\fR");
    expect(print_roff_italic, "FILE", "\\fIFILE\\fR");
}

static void shells_get_words(void **state)
{
    (void)state;
    expect(print_words, "leading|trailing", "leading trailing");
    expect(print_bash_file, "--ca", "    --ca) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
    expect(print_zsh, "it's [a:b] c\\d", "it'\\''s \\[a\\:b\\] c\\\\d");
}

static void print_edge(const char *choices, FILE *out)
{
    print_bash_words("--edge", choices, out);
}

static void a_choice_in_bash(void **state)
{
    (void)state;
    expect(print_edge, "leading|trailing",
           "    --edge) COMPREPLY=($(compgen -W \"leading trailing\" -- \"$cur\")); return ;;\n");
}

static void of_equally_near_names_the_first(void **state)
{
    char nearest[16] = "";
    size_t best = SIZE_MAX;

    (void)state;
    conf_keep_nearer("rom", "help", &best, nearest, sizeof nearest);
    assert_string_equal(nearest, "help");
    conf_keep_nearer("rom", "room", &best, nearest, sizeof nearest);
    conf_keep_nearer("rom", "from", &best, nearest, sizeof nearest);
    assert_string_equal(nearest, "room");
    assert_int_equal(best, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roff_is_literal),
        cmocka_unit_test(shells_get_words),
        cmocka_unit_test(a_choice_in_bash),
        cmocka_unit_test(of_equally_near_names_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
