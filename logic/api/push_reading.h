/* SPDX-License-Identifier: Apache-2.0 */
/* One body being read: the checks of names and items that the form and the JSON way share.
 * Part of push_request; nobody else includes this. Pure; any thread. */
#ifndef FANFARE_LOGIC_API_PUSH_READING_H
#define FANFARE_LOGIC_API_PUSH_READING_H

#include "logic/api/push_request.h"

/* Statuses: STATUS_INVALID when `fault` says why, STATUS_NO_MEMORY. */
struct push_reading {
    const struct push_request_limits *limits;
    struct push_request *request;
    struct push_fault *fault;
    struct push push;             /* the one being read; its slices stand at the end of the request's */
    struct slice idempotency_key; /* its own; no bytes: none */
    size_t first_name;            /* index in the request's slices */
    struct slice text;            /* what offsets count from: the JSON body, or the form's decoded items */
};

/* Fills the fault with status 400 and returns STATUS_INVALID. */
enum status push_refuse(struct push_fault *fault, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Checks the whole text as JSON; `wrapping` levels around an item are not the item's. */
enum status push_reading_scan(struct push_reading *reading, int wrapping, struct json_value *out);
/* Begins the next push: no names, no items. */
void push_reading_begin(struct push_reading *reading);
/* The code of a refusal for a missing or bad name: "invalid_room", "invalid_user". */
const char *push_reading_name_code(enum audience kind);
/* Adds a room or user, whichever `kind` has, in plain UTF-8. `label` names it in a fault: "room",
 * "users[3]". */
enum status push_reading_name(struct push_reading *reading, enum audience kind, struct slice name,
                              const char *label);
/* Where what must be decoded is written to: it never moves, and what a text decodes to is never longer than
 * the text. STATUS_NO_MEMORY. */
enum status push_reading_decoded(struct push_reading *reading, struct buf **out);
/* The plain UTF-8 of a value that must be a string, which `label` names; lives as long as the request. */
enum status push_reading_text(struct push_reading *reading, const struct json_value *value, const char *label,
                              struct slice *out);
/* Adds one from its JSON value. */
enum status push_reading_json_name(struct push_reading *reading, enum audience kind,
                                   const struct json_value *value, const char *label);
/* The push has no names again. Before the items. */
void push_reading_forget_names(struct push_reading *reading);
/* Leaves one of each name. After the names, before the items. */
enum status push_reading_merge_names(struct push_reading *reading);
/* Adds one item of logic's own making, which must live as long as the request. */
enum status push_reading_own_item(struct push_reading *reading, struct slice item);
/* Adds all items. */
enum status push_reading_items(struct push_reading *reading, const struct json_value *items);
/* Ends the push as the request's next entry, or as that entry's refusal when `fault` is not NULL. */
enum status push_reading_end(struct push_reading *reading, const struct push_fault *fault);

#endif
