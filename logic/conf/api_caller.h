/* SPDX-License-Identifier: Apache-2.0 */
/* A caller of the API as a line of the tokens file has it behind the token: name, rights, whom its pushes may
 * reach, and how many a second. One thread at a time; logs nothing.
 * - name=shop: 1 to API_CALLER_NAME_MAX printable ASCII characters; required where anything else stands
 * - rights=push,query: of API_RIGHTS; absent: all, but `broadcast` where `rooms` or `users` stands
 * - rooms=orders.*,u-*: patterns (room_pattern.h), between commas: the only rooms that pushes may go to, and
 *   that queries tell of
 * - users=u*: the same for users. Where only one of the two stands, the other kind is not reached
 * - rate=200: pushes a second, 1 to API_RATE_MAX; a second's worth may come ahead of time
 *
 * Each at most once. Nothing: the caller API_CALLER_DEFAULT, who may do everything. */
#ifndef FANFARE_LOGIC_CONF_API_CALLER_H
#define FANFARE_LOGIC_CONF_API_CALLER_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/cell_rate.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/room_pattern.h"

enum { API_CALLER_NAME_MAX = 64, API_RATE_MAX = 100000 };

#define API_CALLER_DEFAULT "default"

/* Bit, name, what it lets do. */
#define API_RIGHTS(X)                                                                                        \
    X(PUSH, "push", "push to rooms and users")                                                               \
    X(BROADCAST, "broadcast", "push to everybody")                                                           \
    X(QUERY, "query", "ask for gateways, rooms, users and connections")                                      \
    X(KICK, "kick", "end users' connections")                                                                \
    X(MEMBER, "member", "make users join and leave rooms")

#define API_RIGHT_NUMBER(right, name, text) API_RIGHT_NUMBER_##right,
enum { API_RIGHTS(API_RIGHT_NUMBER) API_RIGHT_COUNT };
#undef API_RIGHT_NUMBER
#define API_RIGHT_BIT(right, name, text) API_RIGHT_##right = 1 << API_RIGHT_NUMBER_##right,
enum api_right { API_RIGHTS(API_RIGHT_BIT) API_RIGHT_ALL = (1 << API_RIGHT_COUNT) - 1 };
#undef API_RIGHT_BIT

struct api_caller {
    char name[API_CALLER_NAME_MAX + 1];
    unsigned rights; /* API_RIGHT_* */
    bool bounded;    /* `rooms` and `users` hold; else its pushes may go anywhere */
    struct room_patterns rooms;
    struct room_patterns users;
    int64_t per_second; /* 0: any number */
    struct cell_rate rate;
    int64_t due_us;      /* of cell_rate_admits */
    unsigned place;      /* among the metrics' names; the owner's to set */
    size_t line;         /* where it was first seen; the owner's to set */
    unsigned references; /* of the loop's thread */
};

/* Reads what stands behind the token. `*out` is new, with one reference. STATUS_INVALID: the fault says what
 * is wrong and what is allowed; of what may be a piece of a token it shows nothing. STATUS_NO_MEMORY. */
enum status api_caller_parse(struct slice options, struct api_caller **out, struct fault *fault);
/* Whether two lines of one name agree in all but the token: the lists also in their order. */
bool api_caller_equal(const struct api_caller *a, const struct api_caller *b);
/* The name of one right; static. */
const char *api_right_name(enum api_right right);
struct api_caller *api_caller_ref(struct api_caller *caller);
/* Frees it with its last reference. Legal on NULL. */
void api_caller_unref(struct api_caller *caller);

#endif
