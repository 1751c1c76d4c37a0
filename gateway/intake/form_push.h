/* SPDX-License-Identifier: Apache-2.0 */
/* go-push's form call as a record of the batch codec. Pure; any thread. */
#ifndef FANFARE_GATEWAY_INTAKE_FORM_PUSH_H
#define FANFARE_GATEWAY_INTAKE_FORM_PUSH_H

#include "shared/contract/push.h"

struct form_push_limits {
    struct push_limits push;
    size_t max_items;
};

/* Checks the fields `items` and, for AUDIENCE_ROOM, `room`, and appends one record with sequence
 * 0 to `out`. STATUS_INVALID, STATUS_NO_MEMORY: `fault` says why, `*code` is the error code of
 * docs/protocol.md, section 1. */
enum status form_push_encode(enum audience target, struct slice body, const struct form_push_limits *limits,
                             struct buf *out, struct fault *fault, const char **code);

#endif
