/* SPDX-License-Identifier: Apache-2.0 */
/* GET / of logic with page.enabled: the page that shows the cluster (docs/operations.md, "The cluster page").
 * It holds no data: that comes from GET /cluster, with the token that its reader types. The loop's thread. */
#ifndef FANFARE_LOGIC_API_CLUSTER_PAGE_H
#define FANFARE_LOGIC_API_CLUSTER_PAGE_H

#include "shared/base/status.h"
#include "shared/http/http_server.h"

struct cluster_page;

/* STATUS_NO_MEMORY. */
enum status cluster_page_new(struct cluster_page **out);
/* Answers and ends the exchange with the page, 200. The page may talk to the logic that served it, and to
 * nobody else (page_policy.h). */
void cluster_page_reply(const struct cluster_page *page, struct http_exchange *exchange);
/* Legal on NULL. */
void cluster_page_free(struct cluster_page *page);

#endif
