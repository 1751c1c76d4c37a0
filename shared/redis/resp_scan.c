/* SPDX-License-Identifier: Apache-2.0 */
/* A state for each part of an answer, one short function for each state. A length is judged at the end
 * of its line, before one byte of what it announces has come. The grammar is narrower than hiredis's
 * (no leading zeros, no lone CR or LF, CR LF behind each string), so that hiredis takes whatever passes.
 * Pure. */
#include "shared/redis/resp_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char simple_types[] = "+-";
static const char number_types[] = ":$*";
static const char resp3_types[] = "_,#!=(%~>|";

static bool is_one_of(const char *types, uint8_t byte)
{
    return byte != '\0' && strchr(types, byte) != NULL;
}

void resp_scan_init(struct resp_scan *scan, size_t bytes_max)
{
    *scan = (struct resp_scan){.bytes_max = bytes_max, .part = RESP_TYPE};
}

static enum status count_bytes(struct resp_scan *scan, size_t count, struct fault *fault)
{
    if (count > scan->bytes_max - scan->bytes)
        return fault_set(fault, STATUS_TOO_LARGE, "more than %zu bytes in one answer", scan->bytes_max);
    scan->bytes += count;
    return STATUS_OK;
}

/* What was open has got its last element; so may what is around it. */
static void end_element(struct resp_scan *scan)
{
    scan->part = RESP_TYPE;
    while (scan->depth > 0 && --scan->due[scan->depth - 1] == 0)
        scan->depth--;
    if (scan->depth == 0)
        scan->bytes = scan->elements = 0;
}

/* "0", or digits without a leading zero and perhaps with a minus, within int64_t. */
static bool read_number(const char *text, int64_t *out)
{
    bool minus = *text == '-';
    const char *digit = text + minus;
    uint64_t limit = (uint64_t)INT64_MAX + minus;
    uint64_t value = 0;

    if (strcmp(text, "0") != 0 && (*digit < '1' || *digit > '9'))
        return false;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (value > (limit - (uint64_t)(*digit - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    *out = (int64_t)(minus ? 0 - value : value);
    return *digit == '\0';
}

static enum status begin_bulk(struct resp_scan *scan, uint64_t len, struct fault *fault)
{
    if (len > scan->bytes_max - scan->bytes)
        return fault_set(fault, STATUS_TOO_LARGE, "a string of %llu bytes; one answer may have %zu",
                         (unsigned long long)len, scan->bytes_max);
    scan->bytes += (size_t)len;
    scan->bulk_left = (size_t)len;
    scan->part = len > 0 ? RESP_BULK : RESP_BULK_CR;
    return STATUS_OK;
}

static enum status begin_array(struct resp_scan *scan, uint64_t count, struct fault *fault)
{
    if (count > RESP_ELEMENTS_MAX - scan->elements)
        return fault_set(fault, STATUS_TOO_LARGE, "an array of %llu elements; one answer may have %d in all",
                         (unsigned long long)count, RESP_ELEMENTS_MAX);
    if (scan->depth >= RESP_DEPTH_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "arrays in arrays; they may be %d deep", RESP_DEPTH_MAX);
    scan->elements += (size_t)count;
    scan->part = RESP_TYPE;
    if (count > 0)
        scan->due[scan->depth++] = (size_t)count;
    else
        end_element(scan);
    return STATUS_OK;
}

static enum status end_line(struct resp_scan *scan, struct fault *fault)
{
    int64_t number = 0;

    if (is_one_of(number_types, (uint8_t)scan->type)) {
        scan->number[scan->line_len] = '\0';
        if (strlen(scan->number) != scan->line_len || !read_number(scan->number, &number) ||
            (scan->type != ':' && number < -1))
            return fault_set(fault, STATUS_INVALID, "\"%s\" is no %s", scan->number,
                             scan->type == ':' ? "64-bit integer" : "length");
    }
    if (scan->type == '$' && number >= 0)
        return begin_bulk(scan, (uint64_t)number, fault);
    if (scan->type == '*' && number >= 0)
        return begin_array(scan, (uint64_t)number, fault);
    end_element(scan);
    return STATUS_OK;
}

static enum status take_type(struct resp_scan *scan, uint8_t byte, struct fault *fault)
{
    if (is_one_of(resp3_types, byte))
        return fault_set(fault, STATUS_INVALID, "an answer of RESP3 (%c), which nobody had asked for", byte);
    if (!is_one_of(simple_types, byte) && !is_one_of(number_types, byte))
        return fault_set(fault, STATUS_INVALID, "an answer begins with byte 0x%02x; allowed are + - : $ *",
                         byte);
    scan->type = (char)byte;
    scan->line_len = 0;
    scan->part = RESP_LINE;
    return STATUS_OK;
}

static enum status take_line(struct resp_scan *scan, uint8_t byte, struct fault *fault)
{
    bool number = is_one_of(number_types, (uint8_t)scan->type);

    if (byte == '\r') {
        scan->part = RESP_LINE_LF;
        return STATUS_OK;
    }
    if (byte == '\n')
        return fault_set(fault, STATUS_INVALID, "a line that ends without CR");
    if (scan->line_len >= (size_t)(number ? RESP_NUMBER_MAX : RESP_LINE_MAX))
        return fault_set(fault, number ? STATUS_INVALID : STATUS_TOO_LARGE,
                         number ? "a number of more than %d digits" : "a line of more than %d bytes",
                         number ? RESP_NUMBER_MAX : RESP_LINE_MAX);
    if (number)
        scan->number[scan->line_len] = (char)byte;
    scan->line_len++;
    return STATUS_OK;
}

static enum status take_byte(struct resp_scan *scan, uint8_t byte, struct fault *fault)
{
    enum status status = count_bytes(scan, 1, fault);

    if (status != STATUS_OK)
        return status;
    if (scan->part == RESP_TYPE)
        return take_type(scan, byte, fault);
    if (scan->part == RESP_LINE)
        return take_line(scan, byte, fault);
    if (byte != (scan->part == RESP_BULK_CR ? '\r' : '\n'))
        return fault_set(fault, STATUS_INVALID, "a %s that does not end with CR LF",
                         scan->part == RESP_LINE_LF ? "line" : "string");
    if (scan->part == RESP_LINE_LF)
        return end_line(scan, fault);
    if (scan->part == RESP_BULK_CR)
        scan->part = RESP_BULK_LF;
    else
        end_element(scan);
    return STATUS_OK;
}

/* Its bytes were counted when they were announced. */
static size_t skip_bulk(struct resp_scan *scan, size_t available)
{
    size_t count = available < scan->bulk_left ? available : scan->bulk_left;

    scan->bulk_left -= count;
    if (scan->bulk_left == 0)
        scan->part = RESP_BULK_CR;
    return count;
}

enum status resp_scan_feed(struct resp_scan *scan, struct slice bytes, struct fault *fault)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; at < bytes.len && status == STATUS_OK;) {
        if (scan->part == RESP_BULK)
            at += skip_bulk(scan, bytes.len - at);
        else
            status = take_byte(scan, bytes.data[at++], fault);
    }
    return status;
}
