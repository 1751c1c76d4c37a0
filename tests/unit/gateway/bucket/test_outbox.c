/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of a client that is behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/bucket/outbox.h"

static void add(struct outbox *outbox, const char *text, bool control, uint32_t sent)
{
    struct frame *frame = frame_new_text(slice_str(text));

    assert_non_null(frame);
    assert_int_equal(outbox_add(outbox, frame, control, sent), STATUS_OK);
    frame_unref(frame);
}

/* The payloads' first characters, in order. */
static void expect(const struct outbox *outbox, const char *text)
{
    const struct outbox_entry *entry = outbox->head;

    for (; *text != '\0'; text++, entry = entry->next) {
        assert_non_null(entry);
        assert_int_equal(entry->frame->bytes[2], *text);
    }
    assert_null(entry);
}

static void keeps_order_and_counts(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    add(&outbox, "a", false, 0);
    add(&outbox, "b", true, 0);
    add(&outbox, "c", false, 0);
    expect(&outbox, "abc");
    assert_int_equal(outbox.frames, 3);
    assert_int_equal(outbox.pushes, 2);
    assert_int_equal(outbox.bytes, 9);
    outbox_pop(&outbox);
    expect(&outbox, "bc");
    outbox_fini(&outbox);
    assert_null(outbox.tail);
    assert_int_equal(outbox.bytes, 0);
}

static void drops_the_oldest_push_but_never_control(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    add(&outbox, "a", true, 0);
    add(&outbox, "b", false, 0);
    add(&outbox, "c", false, 0);
    assert_true(outbox_drop_oldest(&outbox));
    expect(&outbox, "ac");
    assert_true(outbox_drop_oldest(&outbox));
    expect(&outbox, "a");
    assert_false(outbox_drop_oldest(&outbox));
    add(&outbox, "d", false, 0);
    expect(&outbox, "ad");
    outbox_fini(&outbox);
}

static void a_frame_half_sent_stays(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    add(&outbox, "a", false, 1);
    add(&outbox, "b", false, 0);
    add(&outbox, "c", false, 0);
    assert_int_equal(outbox_drop_pushes(&outbox), 2);
    expect(&outbox, "a");
    assert_int_equal(outbox.head_sent, 1);
    outbox_pop(&outbox);
    assert_int_equal(outbox.head_sent, 0);
    outbox_fini(&outbox);
}

static void add_until(struct outbox *outbox, const char *text, uint32_t sent, int64_t expires_us)
{
    struct frame *frame = frame_new_text(slice_str(text));

    assert_non_null(frame);
    frame->expires_us = expires_us;
    assert_int_equal(outbox_add(outbox, frame, false, sent), STATUS_OK);
    frame_unref(frame);
}

static void drops_what_is_late_wherever_it_stands(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    add_until(&outbox, "a", 0, 10);
    add(&outbox, "b", false, 0);
    add_until(&outbox, "c", 0, 11);
    add(&outbox, "d", true, 0);
    add_until(&outbox, "e", 0, 10);
    assert_int_equal(outbox.expiring, 3);
    assert_int_equal(outbox_drop_expired(&outbox, 9), 0);
    assert_int_equal(outbox_drop_expired(&outbox, 10), 2);
    expect(&outbox, "bcd");
    assert_int_equal(outbox.pushes, 2);
    assert_int_equal(outbox.expiring, 1);
    add(&outbox, "f", false, 0); /* the tail is where it was */
    assert_int_equal(outbox_drop_expired(&outbox, 11), 1);
    expect(&outbox, "bdf");
    assert_int_equal(outbox.expiring, 0);
    outbox_fini(&outbox);
}

static void a_late_frame_half_sent_stays(void **state)
{
    struct outbox outbox = {0};

    (void)state;
    add_until(&outbox, "a", 1, 10);
    add_until(&outbox, "b", 0, 10);
    assert_int_equal(outbox_drop_expired(&outbox, 99), 1);
    expect(&outbox, "a");
    assert_int_equal(outbox.head_sent, 1);
    outbox_pop(&outbox);
    assert_int_equal(outbox.expiring, 0);
    outbox_fini(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_counts),
        cmocka_unit_test(drops_the_oldest_push_but_never_control),
        cmocka_unit_test(a_frame_half_sent_stays),
        cmocka_unit_test(drops_what_is_late_wherever_it_stands),
        cmocka_unit_test(a_late_frame_half_sent_stays),
    };

    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
