/* SPDX-License-Identifier: Apache-2.0 */
/* Judges a complete request and writes the answer. Every answer but 101 closes. */
#include "gateway/websocket/handshake.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/http/http_head.h"
#include "shared/json/error_json.h"

enum { KEY_LEN = 24, NONCE_LEN = 16, MAX_RESPONSE = 1 << 20, MAX_BODY = 256 };

struct refused {
    int status;
    const char *phrase;
    const char *code;
    const char *message;
    const char *headers; /* whole lines */
};

static const struct refused bad_request = {400, "Bad Request", "invalid_request", "not an HTTP/1.1 request",
                                           ""};
static const struct refused body_big = {413, "Content Too Large", "body_too_large", "no body is taken here",
                                        ""};
static const struct refused not_found = {404, "Not Found", "not_found",
                                         "no such path: WebSocket clients connect to /connect", ""};
static const struct refused no_method = {405, "Method Not Allowed", "method_not_allowed", "GET and HEAD only",
                                         "Allow: GET, HEAD\r\n"};
static const struct refused no_version = {505, "HTTP Version Not Supported", "version_not_supported",
                                          "only HTTP/1.1 and HTTP/1.0 are spoken here", ""};
static const struct refused no_upgrade = {426, "Upgrade Required", "upgrade_required",
                                          "/connect speaks WebSocket (RFC 6455) version 13",
                                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Version: 13\r\n"};
static const struct refused bad_key = {400, "Bad Request", "invalid_request",
                                       "Sec-WebSocket-Key is not 16 bytes in base64", ""};
static const struct refused unavailable[] = {
    [REFUSAL_MAX_CLIENTS] = {503, "Service Unavailable", "full", "the gateway has as many clients as it may",
                             "Retry-After: 5\r\n"},
    [REFUSAL_MAX_CLIENTS_PER_ADDRESS] = {503, "Service Unavailable", "full_for_address",
                                         "this address has as many clients as it may", "Retry-After: 5\r\n"},
    [REFUSAL_RATE] = {503, "Service Unavailable", "rate", "more new clients than acceptPerSecond", ""},
    [REFUSAL_DRAINING] = {503, "Service Unavailable", "draining", "the gateway is shutting down",
                          "Retry-After: 1\r\n"},
    [REFUSAL_STARTING] = {503, "Service Unavailable", "starting",
                          "the gateway has just started and does not know yet who is banned",
                          "Retry-After: 1\r\n"},
};
static const enum gateway_metric refusal_rows[] = {
    [REFUSAL_MAX_CLIENTS] = M_REFUSED_FULL,  [REFUSAL_MAX_CLIENTS_PER_ADDRESS] = M_REFUSED_ADDRESS,
    [REFUSAL_RATE] = M_REFUSED_RATE,         [REFUSAL_DRAINING] = M_REFUSED_DRAINING,
    [REFUSAL_STARTING] = M_REFUSED_STARTING,
};

static void refuse_later(struct handshake *out, const struct refused *refused, enum gateway_metric row,
                         int retry_s)
{
    char retry[32] = "";
    struct buf body;

    buf_init(&body, MAX_BODY);
    if (error_json_append(&body, refused->code, refused->message) != STATUS_OK)
        buf_clear(&body);
    if (retry_s > 0)
        snprintf(retry, sizeof retry, "Retry-After: %d\r\n", retry_s);
    metrics_add((unsigned)row, 1);
    (void)buf_printf(
        &out->response,
        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s%s\r\n%.*s",
        refused->status, refused->phrase, body.len, refused->headers, retry,
        strstr(refused->headers, "Connection:") == NULL ? "Connection: close\r\n" : "",
        out->head ? 0 : (int)body.len, (const char *)body.data);
    buf_fini(&body);
}

static void refuse(struct handshake *out, const struct refused *refused)
{
    refuse_later(out, refused, M_REFUSED_HANDSHAKE, 0);
}

void handshake_accept(struct slice key, char out[HANDSHAKE_ACCEPT_LEN + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[KEY_LEN + sizeof guid - 1];
    uint8_t digest[SHA_DIGEST_LENGTH];

    memcpy(text, key.data, KEY_LEN);
    memcpy(text + KEY_LEN, guid, sizeof guid - 1);
    SHA1(text, sizeof text, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

static bool key_valid(struct slice key)
{
    unsigned char nonce[NONCE_LEN + 8];

    /* The decoder takes '=' for a zero anywhere. */
    return key.len == KEY_LEN && memchr(key.data, '=', KEY_LEN) == key.data + KEY_LEN - 2 &&
           key.data[KEY_LEN - 1] == '=' && EVP_DecodeBlock(nonce, key.data, KEY_LEN) == NONCE_LEN + 2;
}

static bool wants_websocket(const struct http_request *request)
{
    return http_request_has_token(request, "Upgrade", "websocket") &&
           http_request_has_token(request, "Connection", "upgrade") &&
           slice_equal(http_request_header(request, "Sec-WebSocket-Version"), slice_str("13"));
}

/* A field that may not stand twice (RFC 6455, 11.3.1 and 11.3.5; RFC 6454, 7.3) and does, or NULL. */
static const char *find_repeated(const struct http_request *request)
{
    static const char *const once[] = {"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Origin"};

    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (http_request_header(request, once[i]).data != NULL &&
            http_request_only_header(request, once[i]).data == NULL)
            return once[i];
    return NULL;
}

static void refuse_repeated(struct handshake *out, const char *name)
{
    char message[64];
    const struct refused repeated = {400, "Bad Request", "invalid_request", message, ""};

    (void)snprintf(message, sizeof message, "%s stands more than once", name);
    refuse(out, &repeated);
}

static void refuse_room(struct handshake *out, const char *message)
{
    const struct refused bad_room = {400, "Bad Request", "invalid_room", message, ""};

    refuse(out, &bad_room);
}

/* The origin is shown as long as it can stand in JSON as it is. */
static void refuse_origin(struct slice origin, struct handshake *out)
{
    char message[192] = "this origin is not in ws.origins";
    const struct refused foreign = {403, "Forbidden", "origin_not_allowed", message, ""};
    size_t plain = 0;

    while (plain < origin.len && origin.data[plain] > ' ' && origin.data[plain] < 0x7f &&
           origin.data[plain] != '"' && origin.data[plain] != '\\')
        plain++;
    if (plain == origin.len && plain <= 128)
        (void)snprintf(message, sizeof message, "the origin %.*s is not in ws.origins", (int)plain,
                       (const char *)origin.data);
    refuse_later(out, &foreign, M_REFUSED_ORIGIN, 0);
}

/* Finds what the client shows. False: the request is not clear, and refused. */
static bool find_credential(const struct http_request *request, const struct handshake_conf *conf,
                            struct handshake *out)
{
    if (conf->credentials == NULL)
        return true;
    struct credential_rules rules = *conf->credentials;
    rules.known_page = out->known_page = handshake_rules_know_page(conf->rules, request);
    const char *fault = credential_find(request, &rules, &out->credential);
    if (fault == NULL)
        return true;
    const struct refused unclear = {400, "Bad Request", "invalid_request", fault, ""};
    gateway_metrics_auth_refused(AUTH_REASON_AMBIGUOUS);
    refuse(out, &unclear);
    return false;
}

/* Who shows a token in a subprotocol has `fanfare` selected, since browsers want one of theirs. */
static const char *select_subprotocol(const struct http_request *request, const struct handshake_conf *conf,
                                      const struct handshake *out)
{
    return out->credential.source == CREDENTIAL_SUBPROTOCOL
               ? CREDENTIAL_SUBPROTOCOL_NAME
               : handshake_rules_subprotocol(conf->rules, request);
}

static void accept_client(const struct http_request *request, struct slice key,
                          const struct handshake_conf *conf, struct handshake *out)
{
    const char *fault = connect_query_read(http_request_query(request), &conf->limits, &out->query);
    char accept[HANDSHAKE_ACCEPT_LEN + 1];

    if (fault != NULL) {
        refuse_room(out, fault);
        return;
    }
    if (!find_credential(request, conf, out))
        return;
    handshake_accept(key, accept);
    const char *subprotocol = select_subprotocol(request, conf, out);
    out->upgraded = true;
    (void)buf_printf(&out->response,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                     accept, subprotocol != NULL ? "Sec-WebSocket-Protocol: " : "",
                     subprotocol != NULL ? subprotocol : "", subprotocol != NULL ? "\r\n" : "");
}

static enum refusal refusal_of(const struct http_request *request, const struct handshake_conf *conf)
{
    return conf->refusal != REFUSAL_NONE || conf->judge == NULL ? conf->refusal
                                                                : conf->judge(conf->arg, request);
}

static void connect_client(const struct http_request *request, const struct handshake_conf *conf,
                           struct handshake *out)
{
    struct slice key = http_request_header(request, "Sec-WebSocket-Key");
    const char *repeated = find_repeated(request);
    enum refusal refusal = REFUSAL_NONE;

    if (!handshake_rules_allow(conf->rules, request)) {
        refuse_origin(http_request_header(request, "Origin"), out);
    } else if (http_request_is_http10(request)) {
        refuse(out, &bad_request);
    } else if (repeated != NULL) {
        refuse_repeated(out, repeated);
    } else if (out->head || !wants_websocket(request)) {
        refuse(out, &no_upgrade);
    } else if (key.data == NULL || !key_valid(key)) {
        refuse(out, &bad_key);
    } else if ((refusal = refusal_of(request, conf)) != REFUSAL_NONE) {
        refuse_later(out, &unavailable[refusal], refusal_rows[refusal],
                     refusal == REFUSAL_RATE ? conf->retry_s : 0);
    } else {
        accept_client(request, key, conf, out);
    }
}

/* Without its body for HEAD, but with the same header. */
static void answer_page(const struct http_request *request, const struct handshake_conf *conf,
                        struct handshake *out)
{
    const uint8_t *end = memmem(conf->page.data, conf->page.len, "\r\n\r\n", 4);
    size_t len = out->head && end != NULL ? (size_t)(end - conf->page.data) + 4 : conf->page.len;

    (void)request;
    (void)buf_append(&out->response, conf->page.data, len);
}

/* Answered whatever the refusal: load balancers probe the port that they balance. */
static void answer_probe(struct handshake *out, const char *unready, const char *status)
{
    struct buf body;

    buf_init(&body, MAX_BODY);
    if ((unready == NULL ? buf_printf(&body, "{\"status\":\"%s\"}", status)
                         : error_json_append(&body, "not_ready", unready)) != STATUS_OK)
        buf_clear(&body);
    out->probe = true;
    (void)buf_printf(&out->response,
                     "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                     "Cache-Control: no-store\r\nConnection: close\r\n\r\n%.*s",
                     unready == NULL ? "200 OK" : "503 Service Unavailable", body.len,
                     out->head ? 0 : (int)body.len, (const char *)body.data);
    buf_fini(&body);
}

static void answer_healthz(const struct http_request *request, const struct handshake_conf *conf,
                           struct handshake *out)
{
    (void)request;
    (void)conf;
    answer_probe(out, NULL, "ok");
}

static void answer_readyz(const struct http_request *request, const struct handshake_conf *conf,
                          struct handshake *out)
{
    (void)request;
    answer_probe(out, conf->unready, "ready");
}

static const struct route {
    const char *path;
    void (*answer)(const struct http_request *request, const struct handshake_conf *conf,
                   struct handshake *out);
} routes[] = {
    {"/connect", connect_client},
    {"/", answer_page},
    {"/healthz", answer_healthz},
    {"/readyz", answer_readyz},
};

static const struct route *find_route(struct slice path, const struct handshake_conf *conf)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (slice_equal(path, slice_str(routes[i].path)))
            return routes[i].answer == answer_page && conf->page.len == 0 ? NULL : &routes[i];
    return NULL;
}

static void route(const struct http_request *request, const struct handshake_conf *conf,
                  struct handshake *out)
{
    const struct route *found = find_route(http_request_path(request), conf);

    if (found == NULL)
        refuse(out, &not_found);
    else if (!out->head && !slice_equal(http_request_method(request), slice_str("GET")))
        refuse(out, &no_method);
    else
        found->answer(request, conf, out);
}

static void begin(struct handshake *out)
{
    *out = (struct handshake){.upgraded = false};
    buf_init(&out->query.rooms, 0);
    buf_init(&out->credential.decoded, 0);
    buf_init(&out->response, MAX_RESPONSE);
}

/* What could not be read as a request. */
static void refuse_unread(struct handshake *out, enum http_parse parse, const struct http_request *request,
                          size_t max_header)
{
    char message[128];
    const struct refused big = {431, "Request Header Fields Too Large", "header_too_large", message, ""};
    const struct refused bad = {400, "Bad Request", "invalid_request", message, ""};

    if (parse == HTTP_PARSE_BODY_BIG) {
        refuse(out, &body_big);
    } else if (parse == HTTP_PARSE_HEADER_BIG) {
        (void)snprintf(message, sizeof message,
                       "request line and headers may have %zu bytes (maxHeaderBytes) and %d fields",
                       max_header, HTTP_MAX_FIELDS);
        refuse(out, &big);
    } else if (parse == HTTP_PARSE_VERSION) {
        refuse(out, &no_version);
    } else {
        (void)snprintf(message, sizeof message, "%s", http_request_fault(request));
        refuse(out, &bad);
    }
}

bool handshake_feed(struct http_request *request, struct slice bytes, const struct handshake_conf *conf,
                    size_t *used, struct handshake *out)
{
    enum http_parse parse = HTTP_PARSE_HEADERS;
    size_t total = 0;

    begin(out);
    while (parse == HTTP_PARSE_HEADERS) {
        size_t taken = 0;

        parse = http_request_feed(request, bytes.data + total, bytes.len - total, &taken);
        total += taken;
        if (parse == HTTP_PARSE_HEADERS && http_request_has_body(request))
            parse = HTTP_PARSE_BODY_BIG; /* known now; of chunks nothing may ever come */
    }
    *used = total;
    if (parse == HTTP_PARSE_MORE)
        return false;
    out->head = slice_equal(http_request_method(request), slice_str("HEAD"));
    if (parse == HTTP_PARSE_COMPLETE)
        route(request, conf, out);
    else
        refuse_unread(out, parse, request, conf->max_header);
    return true;
}

void handshake_time_out(int64_t limit_ms, struct handshake *out)
{
    char message[128];
    const struct refused late = {408, "Request Timeout", "request_timeout", message, ""};

    begin(out);
    (void)snprintf(message, sizeof message,
                   "the request was not complete within %" PRId64 " ms (wsReadTimeout)", limit_ms);
    refuse_later(out, &late, M_REFUSED_TIMEOUT, 0);
}

void handshake_fini(struct handshake *handshake)
{
    buf_fini(&handshake->response);
    connect_query_fini(&handshake->query);
    credential_fini(&handshake->credential);
}
