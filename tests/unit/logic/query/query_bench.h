/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of gateways as texts, and the answer that is made of them. For tests of logic/query. */
#ifndef FANFARE_TESTS_QUERY_BENCH_H
#define FANFARE_TESTS_QUERY_BENCH_H

#include <string.h>

#include "logic/query/query_part.h"

enum { BENCH_PARTS = 8 };

static struct query_part parts[BENCH_PARTS];
static size_t part_count;
static struct buf out;

/* One more gateway, which says `text`; whether it is understood. */
static inline bool say(const char *gateway, const char *text, const struct query_kind *kind)
{
    struct query_part *part = &parts[part_count++];

    assert_true(part_count <= BENCH_PARTS);
    *part = (struct query_part){.gateway = gateway, .body = slice_str(text)};
    bool good = query_part_read(part, kind);
    part->state = good ? QUERY_ANSWERED : QUERY_FAILED;
    return good;
}

static inline void be(const char *gateway, enum query_state state)
{
    parts[part_count++] = (struct query_part){.gateway = gateway, .state = state};
}

static inline void expect_text(const char *text)
{
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    assert_string_equal((const char *)out.data, text);
    buf_clear(&out);
}

static inline int forget_parts(void **state)
{
    (void)state;
    part_count = 0;
    buf_fini(&out);
    buf_init(&out, SIZE_MAX);
    return 0;
}

static inline int free_out(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

#endif
