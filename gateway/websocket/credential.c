/* SPDX-License-Identifier: Apache-2.0 */
/* Each place is looked at by one short function of a table; two that find something are one too many. */
#include "gateway/websocket/credential.h"

#include <strings.h>

#include "gateway/websocket/connect_query.h"
#include "shared/base/form.h"

enum { MAX_DECODED = 1 << 16 }; /* bytes; a request line is bounded by maxHeaderBytes as well */

#define TOKEN_PREFIX "fanfare.token."

static bool begins_with(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool repeated(const struct http_request *request, const char *name)
{
    return http_request_header(request, name).data != NULL &&
           http_request_only_header(request, name).data == NULL;
}

/* Other schemes are for what stands in front of us. */
static const char *find_authorization(const struct http_request *request, struct credential *out)
{
    struct slice value = http_request_only_header(request, "Authorization");

    if (repeated(request, "Authorization"))
        return "Authorization stands more than once";
    if (value.len < 6 || strncasecmp((const char *)value.data, "Bearer", 6) != 0 ||
        (value.len > 6 && value.data[6] != ' '))
        return NULL;
    out->source = CREDENTIAL_AUTHORIZATION;
    out->text = trim(slice_of(value.data + 6, value.len - 6));
    return NULL;
}

static const char *find_subprotocol(const struct http_request *request, struct credential *out)
{
    struct http_elements offered = {0};
    struct slice name;
    bool selectable = false;

    while (http_request_next_element(request, "Sec-WebSocket-Protocol", &offered, &name)) {
        selectable = selectable || slice_equal(name, slice_str(CREDENTIAL_SUBPROTOCOL_NAME));
        if (!begins_with(name, TOKEN_PREFIX))
            continue;
        if (out->source == CREDENTIAL_SUBPROTOCOL)
            return "the request shows two tokens: one is enough";
        out->source = CREDENTIAL_SUBPROTOCOL;
        out->text = slice_of(name.data + strlen(TOKEN_PREFIX), name.len - strlen(TOKEN_PREFIX));
    }
    return out->source == CREDENTIAL_SUBPROTOCOL && !selectable
               ? "the subprotocol fanfare must be offered beside fanfare.token."
               : NULL;
}

static const char *find_query(const struct http_request *request, struct credential *out)
{
    struct slice rest = http_request_query(request);
    struct slice parameter;
    size_t bad;

    while (connect_query_next(&rest, &parameter)) {
        bool again = out->source == CREDENTIAL_QUERY;
        enum status status = form_field(parameter, "token", &out->decoded, &bad);

        if (status == STATUS_NOT_FOUND)
            continue;
        if (status == STATUS_INVALID)
            return "token has a % without two hexadecimal digits";
        if (status != STATUS_OK)
            return "out of memory";
        if (again)
            return "the request shows two tokens: one is enough";
        out->source = CREDENTIAL_QUERY;
    }
    out->text = slice_of(out->decoded.data, out->decoded.len);
    return NULL;
}

/* What a client shows on purpose. */
static const char *find_token(const struct http_request *request, struct credential *out)
{
    static const char *(*const places[])(const struct http_request *request, struct credential *out) = {
        find_authorization, find_subprotocol, find_query};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct credential found = {.source = CREDENTIAL_NONE};

        buf_init(&found.decoded, MAX_DECODED);
        const char *fault = places[i](request, &found);
        if (fault == NULL && found.source != CREDENTIAL_NONE && out->source != CREDENTIAL_NONE)
            fault = "the request shows two tokens: one is enough";
        if (fault != NULL || found.source == CREDENTIAL_NONE) {
            buf_fini(&found.decoded);
            if (fault != NULL)
                return fault;
            continue;
        }
        buf_fini(&out->decoded);
        *out = found;
    }
    return NULL;
}

static const char *find_header(const struct http_request *request, const char *name, struct credential *out)
{
    struct slice value = http_request_only_header(request, name);

    if (repeated(request, name))
        return "the header with the user stands more than once";
    if (value.len == 0)
        return NULL;
    out->source = CREDENTIAL_HEADER;
    out->text = value;
    return NULL;
}

static struct slice unquoted(struct slice value)
{
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
        return slice_of(value.data + 1, value.len - 2);
    return value;
}

/* The name is compared byte by byte (RFC 6265, 5.3); of two cookies with it nobody can say which is meant:
 * they may come from different paths, or from a neighbour's domain. */
static const char *find_cookie(const struct http_request *request, const char *name, struct credential *out)
{
    struct slice rest = http_request_only_header(request, "Cookie");
    size_t len = strlen(name);

    if (repeated(request, "Cookie"))
        return "Cookie stands more than once";
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, ';', rest.len);
        size_t used = end != NULL ? (size_t)(end - rest.data) : rest.len;
        struct slice pair = trim(slice_of(rest.data, used));

        rest = end != NULL ? slice_of(end + 1, rest.len - used - 1) : slice_of(NULL, 0);
        if (!begins_with(pair, name) || pair.len == len || pair.data[len] != '=')
            continue;
        if (out->source == CREDENTIAL_COOKIE)
            return "the cookie with the token stands more than once";
        out->source = CREDENTIAL_COOKIE;
        out->text = unquoted(slice_of(pair.data + len + 1, pair.len - len - 1));
    }
    return NULL;
}

static bool is_set(const char *name)
{
    return name != NULL && name[0] != '\0';
}

const char *credential_find(const struct http_request *request, const struct credential_rules *rules,
                            struct credential *out)
{
    const char *fault = NULL;

    *out = (struct credential){.source = CREDENTIAL_NONE};
    buf_init(&out->decoded, 0);
    if (rules->tokens)
        fault = find_token(request, out);
    if (fault == NULL && out->source == CREDENTIAL_NONE && rules->known_page && is_set(rules->header))
        fault = find_header(request, rules->header, out);
    if (fault == NULL && out->source == CREDENTIAL_NONE && rules->known_page && rules->tokens &&
        is_set(rules->cookie))
        fault = find_cookie(request, rules->cookie, out);
    if (fault != NULL)
        out->source = CREDENTIAL_NONE;
    return fault;
}

void credential_fini(struct credential *credential)
{
    buf_fini(&credential->decoded);
}
