/* SPDX-License-Identifier: Apache-2.0 */
/* The page's bytes come from cluster_page_html.S, as they are; only its policy is made at the start. */
#include "logic/api/cluster_page.h"

#include <stdlib.h>

#include "shared/base/buf.h"
#include "shared/daemon/page_policy.h"

enum { MAX_POLICY = 1024 };

extern const char cluster_page_html[];
extern const char cluster_page_html_end[];

struct cluster_page {
    struct buf policy; /* with a NUL behind it */
};

static struct slice html(void)
{
    /* cppcheck-suppress comparePointers ; both are ends of one object */
    return slice_of(cluster_page_html, (size_t)(cluster_page_html_end - cluster_page_html));
}

enum status cluster_page_new(struct cluster_page **out)
{
    struct cluster_page *page = calloc(1, sizeof *page);

    if (page == NULL)
        return STATUS_NO_MEMORY;
    buf_init(&page->policy, MAX_POLICY);
    enum status status = page_policy_append(&page->policy, html(), "'self'");
    if (status == STATUS_OK)
        status = buf_append(&page->policy, "", 1);
    if (status != STATUS_OK) {
        cluster_page_free(page);
        return status;
    }
    *out = page;
    return STATUS_OK;
}

void cluster_page_reply(const struct cluster_page *page, struct http_exchange *exchange)
{
    struct slice body = html();

    http_exchange_header(exchange, "Cache-Control", "no-cache");
    http_exchange_header(exchange, "Content-Security-Policy", (const char *)page->policy.data);
    http_exchange_header(exchange, "X-Content-Type-Options", "nosniff");
    http_exchange_header(exchange, "Referrer-Policy", "no-referrer");
    http_reply(exchange, 200, "text/html; charset=utf-8", body.data, body.len);
}

void cluster_page_free(struct cluster_page *page)
{
    if (page == NULL)
        return;
    buf_fini(&page->policy);
    free(page);
}
