/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call the API: with api.tokensFile set, whoever shows one of its tokens (RFC 6750). Stays
 * open without one: what probes and scrapers ask for, and OPTIONS. The loop's thread only. */
#ifndef FANFARE_LOGIC_API_API_GUARD_H
#define FANFARE_LOGIC_API_API_GUARD_H

#include <stdbool.h>

#include "logic/conf/api_caller.h"
#include "shared/base/status.h"
#include "shared/http/http_server.h"

struct api_guard {
    struct api_tokens *tokens; /* NULL: no token is asked for */
    bool page_is_open;         /* "/" needs none: what stands there is a page without data */
};

/* Takes the tokens of that file from now on, "" for none, and logs how many there are, and a warning
 * when others may read the file. On a fault, which names file and line, the old ones stay. */
enum status api_guard_load(struct api_guard *guard, const char *path, struct fault *fault);
/* Answers 401 (true), or lets the request pass; api_guard_caller then knows whose it is. */
bool api_guard_refuses(const struct api_guard *guard, struct http_exchange *exchange);
/* Whose token the exchange showed, until it is answered, also when the tokens in force change meanwhile.
 * NULL: no token was asked for. */
struct api_caller *api_guard_caller(const struct http_exchange *exchange);
void api_guard_fini(struct api_guard *guard);

#endif
