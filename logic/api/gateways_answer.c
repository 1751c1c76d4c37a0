/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what is known of the gateways. The loop's thread; changes nothing, and what is not known
 * is null. */
#include "logic/api/gateways_answer.h"

#include <inttypes.h>
#include <string.h>

static enum status append_text(struct buf *out, const char *text)
{
    return text != NULL && text[0] ? buf_append_json_string(out, text, strlen(text))
                                   : buf_append_str(out, "null");
}

static enum status append_member(struct buf *out, const char *key, const char *text)
{
    enum status status = buf_printf(out, ",\"%s\":", key);

    return status != STATUS_OK ? status : append_text(out, text);
}

static enum status append_count(struct buf *out, const char *key, int64_t count)
{
    return count < 0 ? buf_printf(out, ",\"%s\":null", key) : buf_printf(out, ",\"%s\":%" PRId64, key, count);
}

/* Microseconds as milliseconds with three digits; no float, so no locale. */
static enum status append_ms(struct buf *out, const char *key, int64_t us)
{
    if (us < 0)
        return buf_printf(out, "\"%s\":null", key);
    return buf_printf(out, "\"%s\":%" PRId64 ".%03d", key, us / 1000, (int)(us % 1000));
}

static enum status append_canary(struct buf *out, const struct link_details *link)
{
    const char *state = link->canary_failing ? "failing" : link->canary_us >= 0 ? "passing" : "unknown";
    enum status status = buf_printf(out, ",\"canary\":{\"state\":\"%s\",", state);

    if (status == STATUS_OK)
        status = append_ms(out, "ms", link->canary_us);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static enum status append_fault(struct buf *out, const struct link_details *link)
{
    if (link->error == NULL)
        return buf_append_str(out, ",\"lastError\":null");
    enum status status = buf_append_str(out, ",\"lastError\":{\"text\":");
    if (status == STATUS_OK)
        status = append_text(out, link->error);
    return status != STATUS_OK ? status
                               : buf_printf(out, ",\"secondsAgo\":%" PRId64 "}", link->error_age_ms / 1000);
}

static enum status append_limits(struct buf *out, const struct link_details *link)
{
    if (link->hello == NULL)
        return buf_append_str(out, ",\"limits\":null");
    enum status status = buf_append_str(out, ",\"limits\":{");
    for (unsigned i = 0; i < HELLO_LIMIT_COUNT && status == STATUS_OK; i++)
        status = buf_printf(out, "%s\"%s\":%" PRId64, i > 0 ? "," : "", hello_limit_name((enum hello_limit)i),
                            link->hello->limits[i]);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static enum status append_below(struct buf *out, const struct link_details *link)
{
    if (link->hello == NULL)
        return buf_append_str(out, ",\"limitsBelow\":null");
    const char *comma = "";
    enum status status = buf_append_str(out, ",\"limitsBelow\":[");
    for (unsigned i = 0; i < HELLO_LIMIT_COUNT && status == STATUS_OK; i++) {
        if (!(link->below & 1u << i))
            continue;
        status = buf_printf(out, "%s\"%s\"", comma, hello_limit_name((enum hello_limit)i));
        comma = ",";
    }
    return status != STATUS_OK ? status : buf_append_str(out, "]");
}

static const char *state_of(const struct gateway_entry *entry, const struct link_details *link)
{
    if (link->up)
        return entry->draining ? "draining" : "up";
    return link->given_up ? "down" : "connecting";
}

enum status gateways_answer_append_one(struct buf *out, const char *address,
                                       const struct gateway_entry *entry, const struct link_details *link)
{
    enum status status = buf_append_str(out, "{\"address\":");

    if (status == STATUS_OK)
        status = append_text(out, address);
    if (status == STATUS_OK)
        status = append_member(out, "id", entry->id);
    if (status == STATUS_OK)
        status = buf_printf(out, ",\"source\":\"%s\",\"listed\":%s,\"state\":\"%s\"",
                            gateway_source_name(entry->source), entry->listed ? "true" : "false",
                            state_of(entry, link));
    if (status == STATUS_OK)
        status = buf_printf(out, ",\"queue\":{\"pushes\":%zu,\"bytes\":%zu}", link->pushes, link->bytes);
    if (status == STATUS_OK)
        status = buf_append_str(out, ",");
    if (status == STATUS_OK)
        status = append_ms(out, "rttMs", link->rtt_us);
    if (status == STATUS_OK)
        status = append_canary(out, link);
    if (status == STATUS_OK)
        status = append_count(out, "clients", link->clients >= 0 ? link->clients : entry->clients);
    if (status == STATUS_OK)
        status = append_member(out, "version", link->hello != NULL ? link->hello->version : entry->version);
    if (status == STATUS_OK)
        status = append_limits(out, link);
    if (status == STATUS_OK)
        status = append_below(out, link);
    if (status == STATUS_OK)
        status = append_fault(out, link);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

enum status gateways_answer_append(struct buf *out, const struct gateway_set *set, int64_t now_ms)
{
    enum status status = buf_append_str(out, "{\"gateways\":[");

    for (size_t i = 0; status == STATUS_OK && i < set->count; i++) {
        const struct gateway_entry *entry = &set->entries[i];
        struct link_details link;
        gateway_link_describe(entry->link, now_ms, &link);
        if (i > 0)
            status = buf_append_str(out, ",");
        if (status == STATUS_OK)
            status = gateways_answer_append_one(out, gateway_link_name(entry->link), entry, &link);
    }
    return status != STATUS_OK ? status : buf_append_str(out, "]}");
}
