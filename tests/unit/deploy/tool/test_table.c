/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of `fanfare top`: what is left out and what is cut when a line must be short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/table.h"

static const struct column columns[] = {
    {"WHO", "who", 0, 0}, {"SAME", "same", 1, 0}, {"LESS", "less", 2, 0},
    {"AGO", "ago", 0, 0}, {"WHY", "why", 0, 8},
};

static struct table sample(const char *who, const char *why, double seconds)
{
    struct table table = {.key = "t", .columns = columns, .column_count = sizeof columns / sizeof *columns};
    struct cell *cell = table_add(&table);

    assert_non_null(cell);
    *cell++ = cell_text(who, PAINT_OFF);
    *cell++ = cell_text("same", PAINT_OFF);
    *cell++ = cell_number(1);
    *cell++ = cell_age(seconds);
    *cell = cell_text(why, PAINT_OFF);
    return table;
}

static void prints(struct table table, size_t width, const char *expected)
{
    const struct tool plain = {.colour = false};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    table_print(&table, &plain, width, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
    table_fini(&table);
}

static void without_a_width_nothing_is_left_out(void **state)
{
    (void)state;
    prints(sample("http://a:1", "refused because", 5), 0,
           "WHO  SAME  LESS  AGO  WHY\n"
           "a:1  same     1   5s  refused because\n");
}

static void a_text_that_may_is_cut_first(void **state)
{
    (void)state;
    prints(sample("a:1", "refused because", 5), 30,
           "WHO  SAME  LESS  AGO  WHY\n"
           "a:1  same     1   5s  refused~\n");
}

static void then_columns_go_by_their_order(void **state)
{
    struct table table = sample("a:1", "refused because", 5);

    (void)state;
    prints(sample("a:1", "refused because", 5), 27,
           "WHO  SAME  AGO  WHY\n"
           "a:1  same   5s  refused be~\n");
    table.same = "same";
    prints(table, 27,
           "WHO  LESS  AGO  WHY\n"
           "a:1     1   5s  refused be~\n");
}

static void in_the_end_any_text_is_cut_and_no_character_is_torn(void **state)
{
    (void)state;
    prints(sample("caf\xc3\xa9-caf\xc3\xa9-caf\xc3\xa9", "refused because", 5), 20,
           "WHO    AGO  WHY\n"
           "caf~    5s  refused~\n");
}

static void ages_are_short(void **state)
{
    (void)state;
    prints(sample("a", "b", 99), 12, "WHO  AGO  WHY\na    99s  b\n");
    prints(sample("a", "b", 119), 13, "WHO  AGO  WHY\na     1m  b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_width_nothing_is_left_out),
        cmocka_unit_test(a_text_that_may_is_cut_first),
        cmocka_unit_test(then_columns_go_by_their_order),
        cmocka_unit_test(in_the_end_any_text_is_cut_and_no_character_is_torn),
        cmocka_unit_test(ages_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
