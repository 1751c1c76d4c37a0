/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser may do with a page that a daemon serves: its Content-Security-Policy (CSP level 3). Pure;
 * any thread. */
#ifndef FANFARE_SHARED_DAEMON_PAGE_POLICY_H
#define FANFARE_SHARED_DAEMON_PAGE_POLICY_H

#include "shared/base/buf.h"
#include "shared/base/slice.h"

/* Appends the header's value for a page with one <style> and one <script>: only these two, by their SHA-256,
 * so nothing else in the page can run; images in data: URLs; connections to `connect`, source expressions
 * between spaces. No line ends in it. STATUS_NOT_FOUND without one of the two; STATUS_NO_MEMORY,
 * STATUS_TOO_LARGE as `out` has it. */
enum status page_policy_append(struct buf *out, struct slice html, const char *connect);

#endif
