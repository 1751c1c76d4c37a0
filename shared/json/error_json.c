/* SPDX-License-Identifier: Apache-2.0 */
/* Only the message is escaped: codes are our own words. */
#include "shared/json/error_json.h"

#include <string.h>

enum status error_json_begin(struct buf *out, const char *code, const char *message)
{
    enum status status = buf_printf(out, "{\"error\":{\"code\":\"%s\",\"message\":", code);

    if (status == STATUS_OK)
        status = buf_append_json_string(out, message, strlen(message));
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

enum status error_json_append(struct buf *out, const char *code, const char *message)
{
    enum status status = error_json_begin(out, code, message);

    if (status == STATUS_OK)
        status = buf_append_str(out, "}");
    return status;
}
