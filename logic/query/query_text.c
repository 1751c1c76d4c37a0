/* SPDX-License-Identifier: Apache-2.0 */
/* Prints questions. Names are checked by whoever took them from a caller. */
#include "logic/query/query_text.h"

static enum status append_text(struct buf *out, const char *before, struct slice text)
{
    enum status status = buf_append_str(out, before);

    return status != STATUS_OK ? status : buf_append_json_string(out, text.data, text.len);
}

enum status query_text_room(struct buf *out, const struct query_room *ask, const uint8_t *key)
{
    enum status status = append_text(out, "{\"op\":\"room\",\"room\":", ask->room);

    if (status == STATUS_OK)
        status = buf_append_str(out, ",\"key\":\"");
    for (size_t i = 0; i < QUERY_KEY_LEN && status == STATUS_OK; i++)
        status = buf_printf(out, "%02x", key[i]);
    if (status == STATUS_OK)
        status = buf_append_str(out, "\"");
    if (status == STATUS_OK && ask->users)
        status = buf_printf(out, ",\"users\":true,\"limit\":%zu", ask->limit);
    if (status == STATUS_OK && ask->users && ask->after.len > 0)
        status = append_text(out, ",\"after\":", ask->after);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

enum status query_text_rooms(struct buf *out, struct slice prefix)
{
    enum status status = append_text(out, "{\"op\":\"rooms\",\"prefix\":", prefix);

    return status != STATUS_OK ? status : buf_printf(out, ",\"limit\":%d}", QUERY_LIMIT_MAX);
}

enum status query_text_user(struct buf *out, struct slice user)
{
    enum status status = append_text(out, "{\"op\":\"user\",\"user\":", user);

    return status != STATUS_OK ? status : buf_printf(out, ",\"limit\":%d}", QUERY_LIMIT_MAX);
}

enum status query_text_client(struct buf *out, struct slice connection)
{
    enum status status = append_text(out, "{\"op\":\"client\",\"connection\":", connection);

    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

enum status query_text_node(struct buf *out)
{
    return buf_append_str(out, "{\"op\":\"node\"}");
}
