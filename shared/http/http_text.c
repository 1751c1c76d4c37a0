/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of characters, by tables of what is allowed. */
#include "shared/http/http_text.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { MAX_PORT = 65535 };

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_alnum(uint8_t byte)
{
    return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

static bool is_hex(uint8_t byte)
{
    return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

static bool is_one_of(uint8_t byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

bool http_text_is_tchar(uint8_t byte)
{
    return is_alnum(byte) || is_one_of(byte, "!#$%&'*+-.^_`|~");
}

bool http_text_is_token(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!http_text_is_tchar(text.data[i]))
            return false;
    return text.len > 0;
}

struct slice http_text_trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* unreserved, sub-delims and percent-encoded bytes */
static bool is_name(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] == '%') {
            if (host.len - i < 3 || !is_hex(host.data[i + 1]) || !is_hex(host.data[i + 2]))
                return false;
        } else if (!is_alnum(host.data[i]) && !is_one_of(host.data[i], "-._~!$&'()*+,;=")) {
            return false;
        }
    }
    return host.len > 0;
}

static bool is_bracketed(struct slice host)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;

    if (host.len < 4 || host.len - 2 >= sizeof text || host.data[host.len - 1] != ']')
        return false;
    memcpy(text, host.data + 1, host.len - 2);
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_port(struct slice digits)
{
    uint32_t port = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.data[i]))
            return false;
        port = port * 10 + digits.data[i] - '0';
        if (port > MAX_PORT)
            return false;
    }
    return true;
}

bool http_text_is_host(struct slice text)
{
    bool bracketed = text.len > 0 && text.data[0] == '[';
    const uint8_t *end = text.len > 0 ? memchr(text.data, bracketed ? ']' : ':', text.len) : NULL;
    size_t len = end == NULL ? text.len : (size_t)(end - text.data) + bracketed;
    struct slice host = slice_of(text.data, len);
    struct slice rest = slice_of(text.data + len, text.len - len);

    if (bracketed ? !is_bracketed(host) : !is_name(host))
        return false;
    return rest.len == 0 || (rest.data[0] == ':' && is_port(slice_of(rest.data + 1, rest.len - 1)));
}

bool http_text_is_media_type(struct slice value, const char *type)
{
    const uint8_t *end = value.len > 0 ? memchr(value.data, ';', value.len) : NULL;
    size_t len = end == NULL ? value.len : (size_t)(end - value.data);

    while (len > 0 && (value.data[len - 1] == ' ' || value.data[len - 1] == '\t'))
        len--;
    return len == strlen(type) && strncasecmp((const char *)value.data, type, len) == 0;
}

static uint8_t hex_value(uint8_t digit)
{
    return (uint8_t)(is_digit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static struct slice last_segment(struct slice path)
{
    size_t at = path.len;

    while (at > 0 && path.data[at - 1] != '/')
        at--;
    return slice_of(path.data + at, path.len - at);
}

enum status http_text_decode_segment(struct slice path, struct buf *out)
{
    struct slice text = last_segment(path);
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (byte == '%') {
            if (text.len - i < 3 || !is_hex(text.data[i + 1]) || !is_hex(text.data[i + 2]))
                return STATUS_INVALID;
            byte = (uint8_t)(hex_value(text.data[i + 1]) << 4 | hex_value(text.data[i + 2]));
            i += 2;
        }
        status = buf_append(out, &byte, 1);
    }
    return status;
}
