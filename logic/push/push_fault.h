/* SPDX-License-Identifier: Apache-2.0 */
/* What was wrong with a push. */
#ifndef FANFARE_LOGIC_PUSH_PUSH_FAULT_H
#define FANFARE_LOGIC_PUSH_PUSH_FAULT_H

#include "shared/log/traceparent.h"

/* A refusal as the caller gets it. `code` is static; `message` is UTF-8, says what was wrong
 * and what is allowed. */
struct push_fault {
    int status; /* HTTP */
    const char *code;
    char message[256];
    struct traceparent trace; /* the refused push's own, when it was read */
};

#endif
