/* SPDX-License-Identifier: Apache-2.0 */
/* A cursor leads on where its page ended, in its own room, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "logic/query/query_cursor.h"
#include "shared/jose/base64url.h"

enum { NAME_MAX_BYTES = 128 };

static struct buf text;
static struct buf name;

static int set_up(void **state)
{
    (void)state;
    buf_init(&text, SIZE_MAX);
    buf_init(&name, SIZE_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&text);
    buf_fini(&name);
    return 0;
}

static void make(const char *room, const char *user)
{
    buf_clear(&text);
    assert_int_equal(query_cursor_append(&text, slice_str(room), slice_str(user)), STATUS_OK);
}

static enum status read_it(struct slice cursor, const char *room)
{
    buf_clear(&name);
    return query_cursor_read(cursor, slice_str(room), NAME_MAX_BYTES, &name);
}

static struct slice all(void)
{
    return slice_of(text.data, text.len);
}

static void it_gives_its_name_back(void **state)
{
    static const char *const users[] = {"u", "ärger", "a name with spaces & \"quotes\"", "!"};

    (void)state;
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        make("room", users[i]);
        assert_int_equal(read_it(all(), "room"), STATUS_OK);
        assert_true(slice_equal(slice_of(name.data, name.len), slice_str(users[i])));
    }
}

static void one_of_another_room_is_refused(void **state)
{
    (void)state;
    make("room", "user");
    assert_int_equal(read_it(all(), "rooms"), STATUS_INVALID);
    assert_int_equal(read_it(all(), "roo"), STATUS_INVALID);
}

static void one_that_was_cut_is_refused_wherever(void **state)
{
    (void)state;
    make("room", "a user with a name");
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(read_it(slice_of(text.data, len), "room"), STATUS_INVALID);
}

static void each_changed_letter_is_noticed(void **state)
{
    (void)state;
    make("room", "user");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t before = text.data[i];
        text.data[i] = before == 'A' ? 'B' : 'A';
        assert_int_equal(read_it(all(), "room"), STATUS_INVALID);
        text.data[i] = before;
    }
    assert_int_equal(read_it(all(), "room"), STATUS_OK);
}

static void other_texts_are_refused(void **state)
{
    static char big[10 * 1024];

    (void)state;
    memset(big, 'A', sizeof big);
    assert_int_equal(read_it(slice_of(big, sizeof big), "room"), STATUS_INVALID);
    assert_int_equal(read_it(slice_str(""), "room"), STATUS_INVALID);
    assert_int_equal(read_it(slice_str("%%%"), "room"), STATUS_INVALID);
    assert_int_equal(read_it(slice_str("user"), "room"), STATUS_INVALID);
}

static void the_longest_name_goes_there_and_back_and_no_longer(void **state)
{
    char longest[NAME_MAX_BYTES + 2];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[NAME_MAX_BYTES] = '\0';
    make("room", longest);
    assert_int_equal(read_it(all(), "room"), STATUS_OK);
    longest[NAME_MAX_BYTES] = 'x';
    longest[NAME_MAX_BYTES + 1] = '\0';
    make("room", longest);
    assert_int_equal(read_it(all(), "room"), STATUS_INVALID);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_gives_its_name_back),
        TEST(one_of_another_room_is_refused),
        TEST(one_that_was_cut_is_refused_wherever),
        TEST(each_changed_letter_is_noticed),
        TEST(other_texts_are_refused),
        TEST(the_longest_name_goes_there_and_back_and_no_longer),
    };

    return cmocka_run_group_tests_name("query_cursor", tests, NULL, NULL);
}
