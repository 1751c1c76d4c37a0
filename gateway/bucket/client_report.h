/* SPDX-License-Identifier: Apache-2.0 */
/* What a query tells of one client (docs/protocol.md, section 3, "The query"). The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_CLIENT_REPORT_H
#define FANFARE_GATEWAY_BUCKET_CLIENT_REPORT_H

#include "gateway/bucket/client.h"
#include "shared/base/buf.h"

enum { CLIENT_REPORT_ROOMS = 100 }; /* that are named; all are counted */

/* Appends the JSON object of an open client, whose id is `id`; with `user` its user's name stands in it too.
 * Errors as buf_append; the buffer may then hold a part. */
enum status client_report_append(struct buf *out, const struct client *client, const struct connection_id *id,
                                 bool user);
/* The user that the client belongs to, or data NULL; and what is known of him, JSON or no bytes. */
struct slice client_report_user(const struct client *client);
struct slice client_report_info(const struct client *client);

#endif
