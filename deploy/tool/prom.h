/* SPDX-License-Identifier: Apache-2.0 */
/* Reads Prometheus's text format 0.0.4, as the daemons print it. Pure; allocates nothing. */
#ifndef FANFARE_DEPLOY_TOOL_PROM_H
#define FANFARE_DEPLOY_TOOL_PROM_H

#include <stdbool.h>

#include "shared/base/slice.h"

struct prom_sample {
    struct slice name;
    struct slice labels; /* what stands between the braces */
    double value;
};

/* Takes the next sample off the front of `*text`; comments and lines that are none are passed over. */
bool prom_next(struct slice *text, struct prom_sample *out);
/* The sum of all samples of that name whose labels contain `label` ("" or NULL: any); NAN without one. */
double prom_sum(struct slice text, const char *name, const char *label);

#endif
