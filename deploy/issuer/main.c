/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare-dev-issuer: gives a token to everybody who asks, for whichever user; that is what `make run` needs,
 * and why this is in no package. It listens on 127.0.0.1 alone, and tells pages of other origins, and whoever
 * came by another name than the loopback's (a name that was pointed here), nothing. One thread, one loop.
 *
 *   fanfare-dev-issuer --key FILE --port N --iss ISS --aud AUD [--seconds N] [--origin ORIGIN]...
 *   GET /token?user=U   200 {"token":"…"}: sub U, and the rooms private.U and private.U.*
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/tool/token_key.h"
#include "deploy/tool/token_make.h"
#include "shared/base/form.h"
#include "shared/contract/push.h"
#include "shared/http/http_server.h"
#include "shared/http/origin.h"

enum {
    USER_MAX = 128,
    ORIGINS_MAX = 32,
    TOKEN_MAX = 8192,
    MAX_HEADER = 16384,
    MAX_CONNECTIONS = 64,
    TIMEOUT_MS = 5000,
    EXIT_USAGE = 2
};

/* What a token grants beside what the gateway gives everybody (auth.rooms). */
static char *rooms_of_user[] = {"private.{sub}", "private.{sub}.*"};

struct issuer {
    struct options claims; /* iss, aud, seconds, rooms; sub is each request's */
    char *aud;
    struct token_key key;
    struct buf kid;
    char *origin_items[ORIGINS_MAX];
    struct conf_list origins;
    const char *key_path;
    int port;
};

/* A name that somebody else's DNS points to loopback is not ours (DNS rebinding). */
static bool is_asked_for(const struct issuer *issuer, const struct http_request *request)
{
    struct slice host = http_request_only_header(request, "Host");
    char by_number[32];
    char by_name[32];

    (void)snprintf(by_number, sizeof by_number, "127.0.0.1:%d", issuer->port);
    (void)snprintf(by_name, sizeof by_name, "localhost:%d", issuer->port);
    return slice_equal(host, slice_str(by_number)) || slice_equal(host, slice_str(by_name));
}

/* Refuses foreign pages, with 403; pages that may ask can read the answer (Fetch standard, 3.2). */
static bool filter(struct http_exchange *exchange, void *arg)
{
    const struct issuer *issuer = arg;
    const struct http_request *request = http_exchange_request(exchange);
    struct slice origin = http_request_header(request, "Origin");
    char text[ORIGIN_MAX + 1];

    http_exchange_header(exchange, "Cache-Control", "no-store");
    http_exchange_header(exchange, "Vary", "Origin");
    if (!is_asked_for(issuer, request)) {
        http_reply_error(exchange, 403, "forbidden", "Host is not 127.0.0.1:%d", issuer->port);
        return true;
    }
    if (origin.data == NULL)
        return false;
    if (!origin_is_listed(&issuer->origins, origin)) {
        http_reply_error(exchange, 403, "origin_not_allowed", "this origin is not one of --origin");
        return true;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)origin.len, (const char *)origin.data);
    http_exchange_header(exchange, "Access-Control-Allow-Origin", text);
    return false;
}

/* Appends {"token":"…"} for `user`. */
static enum status make_answer(const struct issuer *issuer, const char *user, struct buf *out,
                               struct fault *fault)
{
    struct options options = issuer->claims;
    struct buf claims;
    enum jose_alg alg;

    options.sub = user;
    buf_init(&claims, TOKEN_MAX);
    enum status status = token_make_alg(&issuer->key, NULL, &alg, fault);
    if (status == STATUS_OK)
        status = token_make_claims(&options, (int64_t)time(NULL), &claims, fault);
    if (status == STATUS_OK)
        status = buf_append_str(out, "{\"token\":\"");
    if (status == STATUS_OK)
        status = token_make(&issuer->key, alg, (const char *)issuer->kid.data,
                            slice_of(claims.data, claims.len), out);
    if (status == STATUS_OK)
        status = buf_append_str(out, "\"}");
    buf_fini(&claims);
    return status;
}

static void reply_token(struct http_exchange *exchange, const struct issuer *issuer, const char *user)
{
    struct fault fault = {""};
    struct buf answer;

    buf_init(&answer, TOKEN_MAX);
    enum status status = make_answer(issuer, user, &answer, &fault);
    if (status == STATUS_OK)
        http_reply(exchange, 200, "application/json", answer.data, answer.len);
    else
        http_reply_error(exchange, 500, "internal", "%s",
                         fault.text[0] != '\0' ? fault.text : status_text(status));
    buf_fini(&answer);
}

static void handle_token(struct http_exchange *exchange, void *arg)
{
    const char *wrong = "user is missing: GET /token?user=NAME";
    struct buf user;
    size_t bad;

    buf_init(&user, USER_MAX + 1);
    if (form_field(http_request_query(http_exchange_request(exchange)), "user", &user, &bad) == STATUS_OK)
        wrong = push_room_fault(slice_of(user.data, user.len), USER_MAX) == NULL
                    ? NULL
                    : "user has 1 to 128 bytes of UTF-8 without control characters";
    if (wrong == NULL && buf_append(&user, "", 1) != STATUS_OK)
        wrong = "out of memory";
    if (wrong == NULL)
        reply_token(exchange, arg, (const char *)user.data);
    else
        http_reply_error(exchange, 400, "invalid_user", "%s", wrong);
    buf_fini(&user);
}

static const struct http_route routes[] = {{"GET", "/token", handle_token, NULL, 0}};

static int complain(const char *text)
{
    fprintf(stderr, "fanfare-dev-issuer: %s\n", text);
    return EXIT_USAGE;
}

static int serve(struct issuer *issuer)
{
    const struct http_server_conf conf = {
        .max_header_bytes = MAX_HEADER,
        .read_timeout_ms = TIMEOUT_MS,
        .idle_timeout_ms = TIMEOUT_MS,
        .write_timeout_ms = TIMEOUT_MS,
        .max_connections = MAX_CONNECTIONS,
        .rows = {UINT_MAX, UINT_MAX, UINT_MAX, UINT_MAX, UINT_MAX, UINT_MAX}, /* nothing is counted */
        .routes = routes,
        .route_count = sizeof routes / sizeof *routes,
        .filter = filter,
        .arg = issuer,
    };
    struct event_base *base = event_base_new();
    struct http_server *server = NULL;
    struct fault fault = {""};

    if (base == NULL || http_server_new(base, &conf, &server) != STATUS_OK)
        return complain("out of memory");
    enum status status = http_server_listen(server, "issuer", "127.0.0.1", issuer->port, &fault);
    if (status == STATUS_OK)
        (void)event_base_dispatch(base);
    http_server_free(server);
    event_base_free(base);
    return status == STATUS_OK ? EXIT_SUCCESS : complain(fault.text);
}

/* NULL, or what is wrong with an option. */
static const char *take_number(const char *text, int64_t most, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out >= 1 && *out <= most
               ? NULL
               : "--port is 1 to 65535, --seconds 1 to 86400";
}

static const char *take_option(struct issuer *issuer, int option, char *value)
{
    int64_t number = 0;
    const char *wrong = NULL;

    switch (option) {
    case 'k':
        issuer->key_path = value;
        break;
    case 'p':
        wrong = take_number(value, 65535, &number);
        issuer->port = (int)number;
        break;
    case 's':
        wrong = take_number(value, 86400, &issuer->claims.seconds);
        break;
    case 'i':
        issuer->claims.iss = value;
        break;
    case 'a':
        issuer->aud = value;
        issuer->claims.auds.count = 1;
        break;
    case 'o':
        if (issuer->origins.count == ORIGINS_MAX)
            return "--origin stands there too often";
        issuer->origin_items[issuer->origins.count++] = value;
        break;
    default:
        return "usage: --key FILE --port N --iss ISS --aud AUD [--seconds N] [--origin ORIGIN]...";
    }
    return wrong;
}

static const char *read_options(struct issuer *issuer, int argc, char **argv)
{
    static const struct option known[] = {{"key", required_argument, NULL, 'k'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"iss", required_argument, NULL, 'i'},
                                          {"aud", required_argument, NULL, 'a'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"origin", required_argument, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};
    const char *wrong = NULL;
    int option;

    while (wrong == NULL && (option = getopt_long(argc, argv, "", known, NULL)) >= 0)
        wrong = take_option(issuer, option, optarg);
    if (wrong != NULL || optind < argc || issuer->key_path == NULL || issuer->port == 0 ||
        issuer->claims.iss == NULL || issuer->claims.auds.count == 0)
        return wrong != NULL ? wrong : "--key, --port, --iss and --aud are needed, and no operand";
    return NULL;
}

static enum status load_key(struct issuer *issuer, struct fault *fault)
{
    enum status status = token_key_of_pem(issuer->key_path, false, &issuer->key, fault);

    buf_init(&issuer->kid, USER_MAX);
    if (status == STATUS_OK)
        status = token_key_thumbprint(&issuer->key, &issuer->kid);
    return status == STATUS_OK ? buf_append(&issuer->kid, "", 1) : status;
}

int main(int argc, char **argv)
{
    struct issuer issuer = {.claims.seconds = 600};
    struct fault fault = {""};

    signal(SIGPIPE, SIG_IGN);
    issuer.origins.items = issuer.origin_items;
    issuer.claims.auds.items = &issuer.aud;
    issuer.claims.rooms = (struct words){rooms_of_user, sizeof rooms_of_user / sizeof *rooms_of_user};
    const char *wrong = read_options(&issuer, argc, argv);
    if (wrong != NULL)
        return complain(wrong);
    if (load_key(&issuer, &fault) != STATUS_OK)
        return complain(fault.text[0] != '\0' ? fault.text : "the key cannot be used");
    int status = serve(&issuer);
    buf_fini(&issuer.kid);
    token_key_fini(&issuer.key);
    return status;
}
