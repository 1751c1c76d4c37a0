/* SPDX-License-Identifier: Apache-2.0 */
/* The option types that hold several values: lists of texts and lists of endpoints. Start-up
 * only, main thread. On failure what was gathered stays in `out`, for the caller to free. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/conf/conf_internal.h"

enum { HOSTNAME_MAX = 255, PORT_MAX = 65535 };

static const char hostname_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";

/* Takes the text up to the next comma, without the spaces around it. NULL when there is none. */
static char *take_piece(const char **rest)
{
    const char *start = *rest;
    const char *end;

    if (start == NULL)
        return NULL;
    end = start + strcspn(start, ",");
    *rest = *end ? end + 1 : NULL;
    while (start < end && *start == ' ')
        start++;
    while (end > start && end[-1] == ' ')
        end--;
    return strndup(start, (size_t)(end - start));
}

static enum status list_add(struct conf_list *list, int64_t max, const char *text)
{
    char **grown;

    if (text == NULL || !*text || !conf_text_is_plain(text, max))
        return STATUS_INVALID;
    grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        return STATUS_NO_MEMORY;
    list->items = grown;
    grown[list->count] = strdup(text);
    return grown[list->count] != NULL ? (list->count++, STATUS_OK) : STATUS_NO_MEMORY;
}

enum status conf_list_from_text(struct conf_list *out, int64_t max, const char *text)
{
    const char *rest = text != NULL && *text ? text : NULL;
    enum status status = STATUS_OK;

    while (rest != NULL && status == STATUS_OK) {
        char *piece = take_piece(&rest);

        status = piece != NULL ? list_add(out, max, piece) : STATUS_NO_MEMORY;
        free(piece);
    }
    return status;
}

enum status conf_list_from_json(struct conf_list *out, int64_t max, const cJSON *json)
{
    enum status status = cJSON_IsArray(json) ? STATUS_OK : STATUS_INVALID;
    const cJSON *element;

    cJSON_ArrayForEach(element, json) if (status == STATUS_OK) status =
        list_add(out, max, cJSON_GetStringValue(element));
    return status;
}

enum status conf_list_copy(const struct conf_list *list, struct conf_list *out)
{
    enum status status = STATUS_OK;

    *out = (struct conf_list){NULL, 0};
    for (size_t i = 0; i < list->count && status == STATUS_OK; i++)
        status = list_add(out, 0, list->items[i]);
    return status;
}

void conf_list_free(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){NULL, 0};
}

static bool has_endpoint(const struct conf_endpoints *endpoints, const char *hostname, int port)
{
    for (size_t i = 0; i < endpoints->count; i++)
        if (endpoints->items[i].port == port && strcasecmp(endpoints->items[i].hostname, hostname) == 0)
            return true;
    return false;
}

/* `hostname` has `len` bytes, with or without the brackets of an IPv6 address. */
static enum status endpoint_add(struct conf_endpoints *endpoints, const char *hostname, size_t len, int port,
                                const char **why)
{
    char name[HOSTNAME_MAX + 1];
    struct conf_endpoint *grown;

    if (len > 2 && hostname[0] == '[' && hostname[len - 1] == ']') {
        hostname++;
        len -= 2;
    }
    if (len == 0 || len > HOSTNAME_MAX || strspn(hostname, hostname_letters) < len) {
        *why = "not a hostname or address";
        return STATUS_INVALID;
    }
    snprintf(name, sizeof name, "%.*s", (int)len, hostname);
    if (has_endpoint(endpoints, name, port)) {
        *why = "the same gateway stands twice and would get everything twice";
        return STATUS_INVALID;
    }
    grown = realloc(endpoints->items, (endpoints->count + 1) * sizeof *grown);
    if (grown == NULL)
        return STATUS_NO_MEMORY;
    endpoints->items = grown;
    grown[endpoints->count] = (struct conf_endpoint){strdup(name), port};
    return grown[endpoints->count].hostname != NULL ? (endpoints->count++, STATUS_OK) : STATUS_NO_MEMORY;
}

/* 1 to 65535 in decimal digits, or 0 for anything else. */
static int port_of(const char *text)
{
    size_t len = strlen(text);
    long port = len > 0 && len <= 5 && strspn(text, "0123456789") == len ? strtol(text, NULL, 10) : 0;

    return port <= PORT_MAX ? (int)port : 0;
}

/* host:port, 10.0.0.7:port or [::1]:port. */
static enum status endpoint_from_text(struct conf_endpoints *out, const char *piece, const char **why)
{
    const char *colon = strrchr(piece, ':');
    int port = colon != NULL ? port_of(colon + 1) : 0;

    if (port == 0) {
        *why = "wanted as host:port, ...";
        return STATUS_INVALID;
    }
    if (piece[0] != '[' && strchr(piece, ':') != colon) {
        *why = "an IPv6 address stands in brackets, as [::1]:7788";
        return STATUS_INVALID;
    }
    return endpoint_add(out, piece, (size_t)(colon - piece), port, why);
}

enum status conf_endpoints_from_text(struct conf_endpoints *out, const char *text, const char **why)
{
    const char *rest = text != NULL && *text ? text : NULL;
    enum status status = STATUS_OK;

    while (rest != NULL && status == STATUS_OK) {
        char *piece = take_piece(&rest);

        status = piece != NULL ? endpoint_from_text(out, piece, why) : STATUS_NO_MEMORY;
        free(piece);
    }
    return status;
}

/* The members are hostname and port, in any case; keys that are not ASCII are comments. */
static bool members_are_known(const cJSON *object, const char **why)
{
    const cJSON *member;

    cJSON_ArrayForEach(member, object)
    {
        bool known = strcasecmp(member->string, "hostname") == 0 || strcasecmp(member->string, "port") == 0;

        if (known && conf_key_is_twin(object, member)) {
            *why = "a key stands twice";
            return false;
        }
        if (!known && !conf_key_is_comment(member->string)) {
            *why = "the keys are hostname and port";
            return false;
        }
    }
    return true;
}

static enum status endpoint_from_json(struct conf_endpoints *out, const cJSON *json, const char **why)
{
    const char *hostname = cJSON_GetStringValue(cJSON_GetObjectItem(json, "hostname"));
    const cJSON *port = cJSON_GetObjectItem(json, "port");

    if (!cJSON_IsObject(json) || hostname == NULL || !cJSON_IsNumber(port)) {
        *why = "wanted as [{\"hostname\": \"name\", \"port\": 7788}]";
        return STATUS_INVALID;
    }
    if (!members_are_known(json, why))
        return STATUS_INVALID;
    if (!(port->valuedouble >= 1 && port->valuedouble <= PORT_MAX) ||
        (double)(int)port->valuedouble < port->valuedouble)
        return STATUS_INVALID;
    return endpoint_add(out, hostname, strlen(hostname), (int)port->valuedouble, why);
}

enum status conf_endpoints_from_json(struct conf_endpoints *out, const cJSON *json, const char **why)
{
    enum status status = cJSON_IsArray(json) ? STATUS_OK : STATUS_INVALID;
    const cJSON *element;

    cJSON_ArrayForEach(element, json) if (status == STATUS_OK) status = endpoint_from_json(out, element, why);
    return status;
}

void conf_endpoints_free(struct conf_endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++)
        free(endpoints->items[i].hostname);
    free(endpoints->items);
    *endpoints = (struct conf_endpoints){NULL, 0};
}
