/* SPDX-License-Identifier: Apache-2.0 */
/* What a bucket does with a command: takes it from the mail into the queue of its key, and carries it out
 * when its turn comes there, between the batches that came before and after it. The bucket's thread only. */
#ifndef FANFARE_GATEWAY_BUCKET_BUCKET_COMMAND_H
#define FANFARE_GATEWAY_BUCKET_BUCKET_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/bucket/bucket_state.h"

/* Queues a job that is a command, or drops it when it is about nobody here. */
void bucket_command_take(struct bucket *bucket, struct job *job);
/* The edge's `command` (rounds.h); `bucket` is its argument. */
size_t bucket_command_some(void *bucket, struct room *room, struct job *job, size_t most, bool *through);

#endif
