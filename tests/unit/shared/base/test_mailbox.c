/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between threads: order, bound, one wake per change from empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "shared/base/list.h"
#include "shared/base/mailbox.h"

enum { POSTERS = 4, POSTS = 20000 };

struct letter {
    struct mail mail;
    int poster;
    int number;
};

struct box {
    struct mailbox *mailbox;
    sem_t wakes;
    atomic_int wake_count;
};

struct poster {
    pthread_t thread;
    struct box *box;
    int index;
};

static void wake(void *arg)
{
    struct box *box = arg;

    atomic_fetch_add(&box->wake_count, 1);
    sem_post(&box->wakes);
}

static struct letter *letter_new(int poster, int number)
{
    struct letter *letter = calloc(1, sizeof *letter);

    assert_non_null(letter);
    letter->poster = poster;
    letter->number = number;
    return letter;
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;

    for (int number = 0; number < POSTS; number++)
        if (mailbox_post(poster->box->mailbox, &letter_new(poster->index, number)->mail) != STATUS_OK)
            abort();
    return NULL;
}

static void many_posters_keep_their_order(void **state)
{
    struct box box = {0};
    struct poster posters[POSTERS];
    int next[POSTERS] = {0};

    (void)state;
    sem_init(&box.wakes, 0, 0);
    assert_int_equal(mailbox_new(POSTERS * POSTS, wake, &box, &box.mailbox), STATUS_OK);
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.box = &box, .index = i};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    for (int taken = 0; taken < POSTERS * POSTS;) {
        struct mail *following;

        sem_wait(&box.wakes);
        for (struct mail *mail = mailbox_take(box.mailbox); mail != NULL; mail = following) {
            struct letter *letter = container_of(mail, struct letter, mail);

            following = mail->next;
            assert_int_equal(letter->number, next[letter->poster]++);
            free(letter);
            taken++;
        }
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    assert_int_equal(mailbox_size(box.mailbox), 0);
    mailbox_free(box.mailbox);
}

static void full_leaves_the_letter_with_its_sender(void **state)
{
    struct box box = {0};
    struct letter *letters[3] = {letter_new(0, 0), letter_new(0, 1), letter_new(0, 2)};

    (void)state;
    sem_init(&box.wakes, 0, 0);
    assert_int_equal(mailbox_new(2, wake, &box, &box.mailbox), STATUS_OK);
    assert_int_equal(mailbox_post(box.mailbox, &letters[0]->mail), STATUS_OK);
    assert_int_equal(mailbox_post(box.mailbox, &letters[1]->mail), STATUS_OK);
    assert_int_equal(mailbox_post(box.mailbox, &letters[2]->mail), STATUS_FULL);
    assert_int_equal(box.wake_count, 1);
    assert_ptr_equal(mailbox_take(box.mailbox), &letters[0]->mail);
    assert_null(mailbox_take(box.mailbox));
    assert_int_equal(mailbox_post(box.mailbox, &letters[2]->mail), STATUS_OK);
    assert_int_equal(box.wake_count, 2);
    assert_ptr_equal(mailbox_take(box.mailbox), &letters[2]->mail);
    for (int i = 0; i < 3; i++)
        free(letters[i]);
    mailbox_free(box.mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_posters_keep_their_order),
        cmocka_unit_test(full_leaves_the_letter_with_its_sender),
    };

    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
