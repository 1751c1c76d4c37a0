/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for the operator's service. Equal questions are one inquiry, asked once; at most `max_asked`
 * inquiries are under way, the rest wait in the order of their coming. Bounded: `max_asked` + `max_waiting`
 * questions in all, past it a question is refused at once (counted by the caller). An inquiry has
 * `timeout_ms` from its first question on. It waits at most half of that to be asked, so that a slow service
 * has the other half to answer. A question that joins an inquiry later shares its deadline. Pure: time is
 * passed in, in ms. The control thread. */
#ifndef FANFARE_GATEWAY_AUTH_HOOK_QUEUE_H
#define FANFARE_GATEWAY_AUTH_HOOK_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/auth/hook_question.h"
#include "shared/base/hashmap.h"

struct hook_limits {
    size_t max_asked;
    size_t max_waiting;
    int64_t timeout_ms;
};

/* All zero, then hook_queue_init. */
struct hook_queue {
    struct hook_limits limits;
    struct hashmap inquiries;
    struct list waiting; /* in the order in which they are late */
    struct list asked;
    size_t asked_count;
    size_t questions; /* of all inquiries */
};

struct fetch_call;

struct hook_inquiry {
    struct hashmap_node node;
    struct list place; /* of waiting or asked */
    struct list questions;
    size_t count; /* of them */
    bool is_asked;
    int64_t ask_by_ms;       /* too late to be asked from then on */
    int64_t deadline_ms;     /* of its answer */
    int64_t begun_us;        /* the asker's: when it was sent */
    struct fetch_call *call; /* likewise */
    void *owner;             /* likewise */
};

enum status hook_queue_init(struct hook_queue *queue, const struct hook_limits *limits);
/* There must be no inquiry left. */
void hook_queue_fini(struct hook_queue *queue);
/* Takes the question over. STATUS_FULL, STATUS_NO_MEMORY: it stays the caller's. */
enum status hook_queue_add(struct hook_queue *queue, struct hook_question *question, int64_t now_ms);
/* The next that is to be asked now, which counts as asked from here on; NULL: none, or none may. */
struct hook_inquiry *hook_queue_next(struct hook_queue *queue, int64_t now_ms);
/* One whose time has come while it waited, or NULL. */
struct hook_inquiry *hook_queue_late(struct hook_queue *queue, int64_t now_ms);
/* When the first of those that wait is late; INT64_MAX: nobody waits. */
int64_t hook_queue_deadline(const struct hook_queue *queue);
/* Any inquiry, those that are asked first; NULL: there is none. */
struct hook_inquiry *hook_queue_any(const struct hook_queue *queue);
/* The bytes that are asked: those of its questions. */
struct slice hook_inquiry_json(const struct hook_inquiry *inquiry);
/* Ends and frees an inquiry; its questions go to `questions`, which is initialised here, and are the
 * caller's. */
void hook_queue_end(struct hook_queue *queue, struct hook_inquiry *inquiry, struct list *questions);
/* Questions that wait for an answer. */
size_t hook_queue_questions(const struct hook_queue *queue);

#endif
