/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the bytes of Redis's protocol (RESP2) before hiredis does, which allocates whatever an
 * answer announces: 13 bytes are 8 GB of pointers. What is let through is well-formed, and bounded in
 * its bytes, elements, nesting and lines. Pure and incremental: keeps no byte of a payload, allocates
 * nothing. One thread at a time. */
#ifndef FANFARE_SHARED_REDIS_RESP_SCAN_H
#define FANFARE_SHARED_REDIS_RESP_SCAN_H

#include <stddef.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

enum {
    RESP_ELEMENTS_MAX = 16384, /* of all arrays of one answer together; a SCAN page has about 1,000 */
    RESP_DEPTH_MAX = 4,        /* arrays in arrays; ROLE has 3 */
    RESP_LINE_MAX = 8192,      /* bytes of a simple string or an error; Redis's have some hundred */
    RESP_NUMBER_MAX = 20,      /* bytes of an int64_t */
};

enum resp_part { RESP_TYPE, RESP_LINE, RESP_LINE_LF, RESP_BULK, RESP_BULK_CR, RESP_BULK_LF };

struct resp_scan {
    size_t bytes_max;           /* of one answer, lengths and line ends with it */
    size_t bytes;               /* of this answer, announced or seen */
    size_t elements;            /* of this answer, announced */
    size_t due[RESP_DEPTH_MAX]; /* elements that each open array still waits for, the outermost first */
    unsigned depth;             /* arrays that are open */
    enum resp_part part;        /* what the next byte belongs to */
    char type;                  /* of the line */
    size_t line_len;
    size_t bulk_left;
    char number[RESP_NUMBER_MAX + 1];
};

/* Between two answers, which may have `bytes_max` bytes each. */
void resp_scan_init(struct resp_scan *scan, size_t bytes_max);
/* The next bytes of the stream. STATUS_INVALID: no RESP2, or a type of RESP3; STATUS_TOO_LARGE: past a
 * limit; `fault` then names what was wrong and what is allowed, and the scan is of no more use. */
enum status resp_scan_feed(struct resp_scan *scan, struct slice bytes, struct fault *fault);

#endif
