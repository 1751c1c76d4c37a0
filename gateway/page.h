/* SPDX-License-Identifier: Apache-2.0 */
/* The demo page (gateway/page.html) as one ready HTTP answer, built once at start. Immutable
 * afterwards, so any thread may read it. */
#ifndef FANFARE_GATEWAY_PAGE_H
#define FANFARE_GATEWAY_PAGE_H

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct page;

struct page_conf {
    const char *api_url;   /* logic as browsers reach it; "": the page takes its own host's port 7799 */
    const char *token_url; /* where the page asks for tokens of users (page.tokenUrl); "": nobody logs in */
};

/* The addresses are written into the page HTML-escaped. Its Content-Security-Policy: page_policy.h.
 * STATUS_NO_MEMORY, STATUS_TOO_LARGE. */
enum status page_new(const struct page_conf *conf, struct page **out);
/* The whole HTTP/1.1 200 answer, headers included; valid as long as the page. */
struct slice page_response(const struct page *page);
/* Legal on NULL. */
void page_free(struct page *page);

#endif
