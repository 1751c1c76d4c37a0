/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in Redis under a key: who has claimed it for which push, and later its answer. ASCII but for
 * the answer, so that people can read it. Pure; any thread. claimed    "1 " 16 hex digits (the push's digest)
 *   answered   "1 " 16 hex digits " " 3 digits (the status) " " the answer, a JSON object */
#ifndef FANFARE_LOGIC_STORE_REPEAT_RECORD_H
#define FANFARE_LOGIC_STORE_REPEAT_RECORD_H

#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

struct repeat_record {
    uint64_t digest;
    int status;        /* 200 to 599; 0: claimed, and not answered yet */
    struct slice json; /* of an answer; within the text */
};

/* Appends the text. As buf_append: STATUS_NO_MEMORY, STATUS_TOO_LARGE. */
enum status repeat_record_append(struct buf *out, const struct repeat_record *record);
/* Reads one. STATUS_INVALID: it is none, or of a later version; what it claims to be an answer has been
 * checked as JSON. */
enum status repeat_record_parse(struct slice text, struct repeat_record *out);

#endif
