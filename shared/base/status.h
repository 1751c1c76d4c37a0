/* SPDX-License-Identifier: Apache-2.0 */
/* The one error enum, and the text that a start-up error carries to the user.
 * Runs on any thread; owns nothing. */
#ifndef FANFARE_SHARED_BASE_STATUS_H
#define FANFARE_SHARED_BASE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_NO_MEMORY = -1, /* an allocation failed */
    STATUS_FULL = -2,      /* a bounded queue, buffer or table is at its limit */
    STATUS_INVALID = -3,   /* the input breaks its contract */
    STATUS_TOO_LARGE = -4, /* the input is past a configured limit */
    STATUS_NOT_FOUND = -5, /* no such thing */
    STATUS_CLOSED = -6,    /* the other side or the owner is closing */
    STATUS_IO = -7,        /* the operating system refused */
};

/* A short English text for `status`; never NULL. */
const char *status_text(enum status status);

/* Why something failed, for a person: file, key, value and what is allowed. */
struct fault {
    char text[512];
};

/* Formats into `fault` (which may be NULL) and returns `status`, so that a
 * failing function can end in `return fault_set(fault, STATUS_INVALID, ...)`. */
enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
