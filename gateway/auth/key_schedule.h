/* SPDX-License-Identifier: Apache-2.0 */
/* When the keys behind a URL are fetched. Pure: time (monotonic milliseconds) and chance are passed in.
 * Fresh keys hold for as long as their server says (Cache-Control), between five minutes and a day, an hour
 * when it says nothing; they are fetched again before that is over, each gateway at a time of its own. A
 * token that names a key that is not there brings the next fetch forward, at most one each KEY_WANT_MS
 * whatever the tokens. What fails is tried again after a pause that grows from a second to five minutes, by
 * chance. */
#ifndef FANFARE_GATEWAY_AUTH_KEY_SCHEDULE_H
#define FANFARE_GATEWAY_AUTH_KEY_SCHEDULE_H

#include <stdint.h>

enum {
    KEY_LIFE_LEAST_S = 300,
    KEY_LIFE_S = 3600, /* where the server says nothing */
    KEY_LIFE_MOST_S = 86400,
    KEY_WANT_MS = 30000,
    KEY_PAUSE_FIRST_MS = 1000,
    KEY_PAUSE_MOST_MS = 300000,
};

struct key_schedule {
    int64_t next_ms;
    int64_t begun_ms;  /* of the last fetch */
    unsigned failures; /* in a row */
};

/* The first fetch is due at once. */
void key_schedule_init(struct key_schedule *schedule, int64_t now_ms);
/* Until the next fetch; 0: it is due. */
int64_t key_schedule_wait_ms(const struct key_schedule *schedule, int64_t now_ms);
/* A fetch begins; it ends with one of the two below. */
void key_schedule_begin(struct key_schedule *schedule, int64_t now_ms);
/* Keys came. `max_age_s` below 0: the server says nothing. `chance` is any 32 bits. */
void key_schedule_succeed(struct key_schedule *schedule, int64_t now_ms, int64_t max_age_s, uint32_t chance);
void key_schedule_fail(struct key_schedule *schedule, int64_t now_ms, uint32_t chance);
/* A token names a key that is not there. */
void key_schedule_want(struct key_schedule *schedule, int64_t now_ms);

#endif
