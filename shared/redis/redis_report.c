/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a client. */
#include "shared/redis/redis_report.h"

#include <inttypes.h>
#include <string.h>

static enum status append_error(struct buf *out, const char *error)
{
    return error != NULL ? buf_append_json_string(out, error, strlen(error)) : buf_append_str(out, "null");
}

static enum status append_client(struct buf *out, const struct redis_client *client, const char *before)
{
    struct redis_client_state state;
    enum status status;

    redis_client_describe(client, &state);
    status = buf_printf(out, "%s{\"use\":\"%s\",\"up\":%s", before, state.what, state.up ? "true" : "false");
    if (status == STATUS_OK && !state.up) {
        status = buf_append_str(out, ",\"error\":");
        if (status == STATUS_OK)
            status = append_error(out, state.error);
        if (status == STATUS_OK)
            status = buf_printf(out, ",\"seconds\":%" PRId64, state.down_ms / 1000);
    }
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

enum status redis_report_append(struct buf *out, const struct redis_client *const *clients, size_t count)
{
    const char *before = ",\"redis\":[";
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (clients[i] != NULL) {
            status = append_client(out, clients[i], before);
            before = ",";
        }
    return status != STATUS_OK || before[1] != '\0' ? status : buf_append_str(out, "]");
}
