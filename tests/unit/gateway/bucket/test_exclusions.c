/* SPDX-License-Identifier: Apache-2.0 */
/* Who is excluded from what, and the frame of what is left: by hand, and at random against a naive reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/bucket/exclusions.h"
#include "shared/base/hashmap.h"
#include "tests/unit/terms_script.h"

static int32_t find(const struct exclusions *exclusions, const char *user)
{
    char bytes[64];

    (void)snprintf(bytes, sizeof bytes, "\x02%s", user);
    return exclusions_find_user(exclusions, slice_str(bytes), hashmap_hash(slice_str(bytes)));
}

static int32_t find_connection(const struct exclusions *exclusions, const char *id)
{
    int32_t place = EXCLUSION_NONE;
    struct slice found;

    while ((place = exclusions_next_connection(exclusions, place, &found)) != EXCLUSION_NONE)
        if (slice_equal(found, slice_str(id)))
            break;
    return place;
}

static void exclude(struct exclusions *exclusions, uint32_t at, uint32_t len, const char *line)
{
    struct terms_script script;
    struct slice rest = terms_script_read(&script, line)->exclusions;
    struct push_exclusion who;

    while (push_next_exclusion(&rest, &who))
        assert_int_equal(exclusions_add(exclusions, at, len, &who), STATUS_OK);
}

/* The items of the frame of version 1, "" for no frame. */
static const char *left_for(const struct exclusions *exclusions, int32_t user, int32_t connection)
{
    static char text[4096];
    struct frame *frame;

    assert_int_equal(exclusions_frame(exclusions, ENCODING_WS_V1, slice_str("r"), user, connection, &frame),
                     STATUS_OK);
    if (frame == NULL)
        return "";
    const char *from = memmem(frame->bytes, frame->len, ":[", 2);
    const char *to = memrchr(frame->bytes, ']', frame->len);
    (void)snprintf(text, sizeof text, "%.*s", (int)(to - from - 2), from + 2);
    frame_unref(frame);
    return text;
}

static void takes_out_at_the_beginning_in_the_middle_and_at_the_end(void **state)
{
    struct exclusions *exclusions = exclusions_new(slice_str("11,2,333,4,5"));

    (void)state;
    exclude(exclusions, 0, 2, "-first -all -first");
    exclude(exclusions, 3, 5, "-middle -all");
    exclude(exclusions, 9, 1, "-all");
    exclude(exclusions, 11, 1, "-last -all");
    (void)exclusions_sort(exclusions);
    assert_string_equal(left_for(exclusions, find(exclusions, "first"), EXCLUSION_NONE), "2,333,4,5");
    assert_string_equal(left_for(exclusions, find(exclusions, "middle"), EXCLUSION_NONE), "11,4,5");
    assert_string_equal(left_for(exclusions, find(exclusions, "last"), EXCLUSION_NONE), "11,2,333,4");
    assert_string_equal(left_for(exclusions, find(exclusions, "all"), EXCLUSION_NONE), "");
    assert_int_equal(find(exclusions, "nobody"), EXCLUSION_NONE);
    assert_int_equal(find(exclusions, "firs"), EXCLUSION_NONE);
    exclusions_free(exclusions);
}

static void users_and_connections_of_one_name_are_others(void **state)
{
    struct exclusions *exclusions = exclusions_new(slice_str("1,2,3"));

    (void)state;
    exclude(exclusions, 0, 1, "-x");
    exclude(exclusions, 4, 1, "-#x -#y");
    (void)exclusions_sort(exclusions);
    assert_string_equal(left_for(exclusions, find(exclusions, "x"), EXCLUSION_NONE), "2,3");
    assert_string_equal(left_for(exclusions, EXCLUSION_NONE, find_connection(exclusions, "x")), "1,2");
    assert_string_equal(left_for(exclusions, find(exclusions, "x"), find_connection(exclusions, "y")), "2");
    assert_int_equal(find(exclusions, "y"), EXCLUSION_NONE);
    assert_int_equal(find_connection(exclusions, "z"), EXCLUSION_NONE);
    exclusions_free(exclusions);
}

static void each_connection_comes_by_once(void **state)
{
    struct exclusions *exclusions = exclusions_new(slice_str("1,2"));
    struct slice id;
    int32_t place = EXCLUSION_NONE;
    int count = 0;

    (void)state;
    exclude(exclusions, 0, 1, "-u -#b -#a");
    exclude(exclusions, 2, 1, "-#a -v");
    (void)exclusions_sort(exclusions);
    while ((place = exclusions_next_connection(exclusions, place, &id)) != EXCLUSION_NONE)
        count++;
    assert_int_equal(count, 2);
    exclusions_free(exclusions);
}

static void without_connections_none_comes_by(void **state)
{
    struct exclusions *exclusions = exclusions_new(slice_str("1"));
    struct slice id;

    (void)state;
    exclude(exclusions, 0, 1, "-u");
    (void)exclusions_sort(exclusions);
    assert_int_equal(exclusions_next_connection(exclusions, EXCLUSION_NONE, &id), EXCLUSION_NONE);
    exclusions_free(exclusions);
}

static void a_frame_is_of_the_encoding_that_is_asked_for(void **state)
{
    struct exclusions *exclusions = exclusions_new(slice_str("1,2"));
    struct frame *frame;

    (void)state;
    exclude(exclusions, 0, 1, "-u");
    (void)exclusions_sort(exclusions);
    assert_int_equal(exclusions_frame(exclusions, ENCODING_WS_V2, slice_str("r"), find(exclusions, "u"),
                                      EXCLUSION_NONE, &frame),
                     STATUS_OK);
    assert_memory_equal(frame->bytes + 2, "{\"type\":\"PUSH\",\"data\":{\"room\":\"r\",\"items\":[2]}}", 48);
    frame_unref(frame);
    exclusions_free(exclusions);
}

enum { NAMES = 5, PARTS = 12 };

/* What the user `user` and the connection `connection` (-1: none) are left with, the simplest way. */
static void naive(const char items[PARTS][8], bool excluded[PARTS][2 * NAMES], int parts, int user,
                  int connection, char *out)
{
    out[0] = '\0';
    for (int i = 0; i < parts; i++)
        if (!(user >= 0 && excluded[i][user]) && !(connection >= 0 && excluded[i][NAMES + connection]))
            sprintf(out + strlen(out), "%s%s", out[0] != '\0' ? "," : "", items[i]);
}

static void play(unsigned seed)
{
    char items[PARTS][8];
    bool excluded[PARTS][2 * NAMES] = {0};
    char all[256] = "";
    int parts = 1 + (int)(seed % PARTS);
    uint32_t at[PARTS];

    for (int i = 0; i < parts; i++) {
        sprintf(items[i], "%ld", random() % 10000);
        at[i] = (uint32_t)strlen(all) + (i > 0);
        sprintf(all + strlen(all), "%s%s", i > 0 ? "," : "", items[i]);
    }
    struct exclusions *exclusions = exclusions_new(slice_str(all));
    for (int i = 0; i < parts; i++) {
        char line[256] = "";

        for (int who = 0; who < 2 * NAMES; who++)
            if ((excluded[i][who] = random() % 3 == 0))
                sprintf(line + strlen(line), "-%s%d ", who >= NAMES ? "#" : "", who % NAMES);
        exclude(exclusions, at[i], (uint32_t)strlen(items[i]), line);
    }
    (void)exclusions_sort(exclusions);
    for (int user = -1; user < NAMES; user++)
        for (int connection = -1; connection < NAMES; connection++) {
            char name[16];
            char expected[256];

            sprintf(name, "%d", user);
            int32_t user_at = user < 0 ? EXCLUSION_NONE : find(exclusions, name);
            sprintf(name, "%d", connection);
            int32_t connection_at = connection < 0 ? EXCLUSION_NONE : find_connection(exclusions, name);
            naive(items, excluded, parts, user, connection, expected);
            assert_string_equal(left_for(exclusions, user_at, connection_at), expected);
        }
    exclusions_free(exclusions);
}

static void what_is_left_is_what_the_reference_says(void **state)
{
    (void)state;
    srandom(7);
    for (unsigned seed = 0; seed < 500; seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_out_at_the_beginning_in_the_middle_and_at_the_end),
        cmocka_unit_test(users_and_connections_of_one_name_are_others),
        cmocka_unit_test(each_connection_comes_by_once),
        cmocka_unit_test(without_connections_none_comes_by),
        cmocka_unit_test(a_frame_is_of_the_encoding_that_is_asked_for),
        cmocka_unit_test(what_is_left_is_what_the_reference_says),
    };

    return cmocka_run_group_tests_name("exclusions", tests, NULL, NULL);
}
