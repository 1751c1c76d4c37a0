/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of an issuer, and what options under auth.* ask of each other. All of it is judged also while
 * auth.mode is none, so that what is prepared is known to be good before it is switched on. At the start and
 * a reload, main thread. */
#include "gateway/conf/auth_conf.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/conf/gateway_conf.h"
#include "gateway/conf/key_file.h"
#include "shared/contract/room_pattern.h"
#include "shared/fetch/fetch_url.h"
#include "shared/jose/jose_alg.h"
#include "shared/net/cidr.h"

enum { KEY_MAX = 64, SOURCES_MAX = AUTH_ISSUERS_MAX + 2 };

/* One row of the table a line. */
/* clang-format off */
#define AT(field)       offsetof(struct auth_issuer_conf, field)
#define TEXT(field, max) CONF_STRING, CONF_LIVE, AT(field), 0, (max)
#define FILE_OF(field)  CONF_PATH, CONF_LIVE, AT(field), 0, 4095
#define LIST(field, max) CONF_LIST, CONF_LIVE, AT(field), 0, (max)

static const struct conf_option issuer_rows[] = {
    {"iss", TEXT(iss, 1023), "", NULL, "", "The issuer, exactly as its tokens name it (`iss`). Required.", NULL},
    {"aud", LIST(aud, 1023), "", NULL, "", "Audiences, one of which a token must name (`aud`). Empty: its tokens must have no `aud`.", NULL},
    {"algs", LIST(algs, 16), "", NULL, "", "Algorithms that count: `HS256`, `HS384`, `HS512` with secretFile; `RS256`, `PS256`, `ES256`, `ES384`, `EdDSA` else. Empty: all that the keys are made for.", NULL},
    {"jwks", FILE_OF(jwks), "", NULL, "", "File with the public keys (JWK Set). It is watched; a bad new one changes nothing.", NULL},
    {"jwksUrl", TEXT(jwks_url, 1023), "", NULL, "", "The same from a web server (`https://`, or `http://` to this machine), fetched in the background. Exactly one of jwks, jwksUrl and secretFile is set.", NULL},
    {"jwksCa", FILE_OF(jwks_ca), "", NULL, "", "CA (PEM) that must have signed that server's certificate; empty is the system's.", NULL},
    {"secretFile", FILE_OF(secret_file), "", NULL, "", "File with the secret that the tokens are signed with, at least 32 bytes; one line end behind it does not count. It is watched, too.", NULL},
    {"userPrefix", TEXT(user_prefix, 64), "", NULL, "", "What stands before `sub` in the user's name. With more than one source of users (issuers, auth.header, auth.hook.url) each needs one, and none may begin with another.", NULL},
    {"rooms", LIST(rooms, 256), "*", NULL, "", "The most that its tokens may grant, as patterns like those of auth.rooms.", NULL},
};
/* clang-format on */

const struct conf_table auth_issuer_table = {
    .program = "auth.issuers",
    .summary = "Who signs tokens.",
    .options = issuer_rows,
    .count = sizeof issuer_rows / sizeof issuer_rows[0],
    .struct_size = sizeof(struct auth_issuer_conf),
};

/* Who names users: an issuer, the header or the hook. */
struct source {
    char prefix_key[KEY_MAX]; /* "auth.issuers[1].userPrefix" */
    const char *prefix;
};

/* RFC 9110, 5.6.2; cookies' names too (RFC 6265, 4.1.1). */
static bool is_token(const char *text)
{
    static const char token_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

    return text[strspn(text, token_bytes)] == '\0';
}

static enum status check_name(const char *key, const char *name, struct fault *fault)
{
    return is_token(name) ? STATUS_OK
                          : fault_set(fault, STATUS_INVALID,
                                      "%s: \"%s\" is not allowed: a name has letters, digits and "
                                      "!#$%%&'*+-.^_`|~ only (RFC 9110, 5.6.2)",
                                      key, name);
}

static enum status check_names(const struct auth_conf *auth, struct fault *fault)
{
    const struct conf_list *headers = &auth->hook.headers;
    enum status status = check_name("auth.cookie", auth->cookie, fault);

    if (status == STATUS_OK)
        status = check_name("auth.header", auth->header, fault);
    for (size_t i = 0; i < headers->count && status == STATUS_OK; i++)
        status = check_name("auth.hook.headers", headers->items[i], fault);
    return status;
}

static enum status check_patterns(const char *key, const struct conf_list *patterns, struct fault *fault)
{
    if (patterns->count > ROOM_PATTERNS_MAX)
        return fault_set(fault, STATUS_INVALID, "%s: %zu patterns are not allowed: at most %d", key,
                         patterns->count, ROOM_PATTERNS_MAX);
    for (size_t i = 0; i < patterns->count; i++) {
        const char *why = room_pattern_fault(slice_str(patterns->items[i]));

        if (why != NULL)
            return fault_set(fault, STATUS_INVALID, "%s: \"%.100s\" is not allowed: %s", key,
                             patterns->items[i], why);
    }
    return STATUS_OK;
}

static enum status check_all_patterns(const struct auth_conf *auth, struct fault *fault)
{
    const struct {
        const char *key;
        const struct conf_list *patterns;
    } lists[] = {{"auth.rooms", &auth->rooms},
                 {"auth.anonymousRooms", &auth->anonymous_rooms},
                 {"auth.headerRooms", &auth->header_rooms},
                 {"auth.hook.rooms", &auth->hook.rooms}};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == STATUS_OK; i++)
        status = check_patterns(lists[i].key, lists[i].patterns, fault);
    return status;
}

/* The kind of the keys decides; a secret for one of the others, or public keys for a secret's, would be how
 * one algorithm is taken for another (RFC 8725, 2.1). */
static enum status check_algs(const struct auth_issuer_conf *issuer, size_t index, struct fault *fault)
{
    bool secret = issuer->secret_file[0] != '\0';

    for (size_t i = 0; i < issuer->algs.count; i++) {
        const char *name = issuer->algs.items[i];
        enum jose_alg alg;

        if (!jose_alg_of(slice_str(name), &alg) || (jose_alg_kind(alg) == JOSE_SECRET) != secret)
            return fault_set(fault, STATUS_INVALID, "auth.issuers[%zu].algs: \"%s\" is not allowed: with %s",
                             index, name,
                             secret ? "secretFile: HS256, HS384, HS512"
                                    : "jwks or jwksUrl: RS256, PS256, ES256, ES384, EdDSA");
    }
    return STATUS_OK;
}

static enum status check_url(const char *key, const char *url, struct fault *fault)
{
    const char *why = url[0] != '\0' ? fetch_url_fault(url) : NULL;

    return why == NULL ? STATUS_OK : fault_set(fault, STATUS_INVALID, "%s: %s", key, why);
}

static enum status check_keys(const struct auth_issuer_conf *issuer, size_t index, struct fault *fault)
{
    int given = (issuer->jwks[0] != '\0') + (issuer->jwks_url[0] != '\0') + (issuer->secret_file[0] != '\0');

    if (issuer->iss[0] == '\0')
        return fault_set(fault, STATUS_INVALID, "auth.issuers[%zu].iss: required: the `iss` of its tokens",
                         index);
    if (given != 1)
        return fault_set(fault, STATUS_INVALID,
                         "auth.issuers[%zu]: %s jwks, jwksUrl and secretFile is set: exactly one is allowed",
                         index, given == 0 ? "none of" : "more than one of");
    if (issuer->jwks_ca[0] != '\0' && issuer->jwks_url[0] == '\0')
        return fault_set(fault, STATUS_INVALID,
                         "auth.issuers[%zu].jwksCa: needs jwksUrl: nothing else is fetched", index);
    return STATUS_OK;
}

static enum status check_issuers(const struct auth_conf *auth, struct fault *fault)
{
    const struct auth_issuer_conf *issuers = auth->issuers.items;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < auth->issuers.count && status == STATUS_OK; i++) {
        char key[KEY_MAX];
        char url_key[KEY_MAX];

        snprintf(url_key, sizeof url_key, "auth.issuers[%zu].jwksUrl", i);
        snprintf(key, sizeof key, "auth.issuers[%zu].rooms", i);
        status = check_keys(&issuers[i], i, fault);
        if (status == STATUS_OK)
            status = check_algs(&issuers[i], i, fault);
        if (status == STATUS_OK)
            status = check_url(url_key, issuers[i].jwks_url, fault);
        if (status == STATUS_OK)
            status = check_patterns(key, &issuers[i].rooms, fault);
        for (size_t j = 0; j < i && status == STATUS_OK; j++)
            if (strcmp(issuers[i].iss, issuers[j].iss) == 0)
                status =
                    fault_set(fault, STATUS_INVALID,
                              "auth.issuers[%zu].iss: \"%.200s\" is also the one of auth.issuers[%zu]: each "
                              "issuer stands once, its keys in one set",
                              i, issuers[i].iss, j);
    }
    return status;
}

static size_t gather_sources(const struct auth_conf *auth, struct source sources[SOURCES_MAX])
{
    const struct auth_issuer_conf *issuers = auth->issuers.items;
    size_t count = 0;

    for (size_t i = 0; i < auth->issuers.count && i < AUTH_ISSUERS_MAX; i++) {
        snprintf(sources[count].prefix_key, KEY_MAX, "auth.issuers[%zu].userPrefix", i);
        sources[count++].prefix = issuers[i].user_prefix;
    }
    if (auth->header[0] != '\0')
        sources[count++] = (struct source){"auth.headerUserPrefix", auth->header_user_prefix};
    if (auth->hook.url[0] != '\0')
        sources[count++] = (struct source){"auth.hook.userPrefix", auth->hook.user_prefix};
    return count;
}

/* "acme" and "acme-eu" would make one user of "acme-eu" + "x" and "acme" + "-eux". */
static enum status check_pair(const struct source *a, const struct source *b, struct fault *fault)
{
    size_t shorter = strlen(a->prefix) < strlen(b->prefix) ? strlen(a->prefix) : strlen(b->prefix);

    if (strncmp(a->prefix, b->prefix, shorter) != 0)
        return STATUS_OK;
    return fault_set(
        fault, STATUS_INVALID,
        "%s: \"%s\" is not allowed beside %s: \"%s\": none may begin with another, or a user of one "
        "source could pass as one of the other",
        b->prefix_key, b->prefix, a->prefix_key, a->prefix);
}

static enum status check_prefixes(const struct source *sources, size_t count, struct fault *fault)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count && count > 1 && status == STATUS_OK; i++) {
        if (sources[i].prefix[0] == '\0')
            return fault_set(fault, STATUS_INVALID,
                             "%s: required: with more than one source of users each has a prefix of its own",
                             sources[i].prefix_key);
        for (size_t j = 0; j < i && status == STATUS_OK; j++)
            status = check_pair(&sources[j], &sources[i], fault);
    }
    return status;
}

/* Two users of one name, each of a source of its own, would share the room. */
static enum status check_rooms_of_all(const struct conf_list *rooms, size_t sources, struct fault *fault)
{
    for (size_t i = 0; i < rooms->count && sources > 1; i++)
        if (strstr(rooms->items[i], "{sub}") != NULL)
            return fault_set(
                fault, STATUS_INVALID,
                "auth.rooms: \"%.200s\" is not allowed with more than one source of users: {sub} "
                "has no prefix, so users of one name would share the room; tokens and the hook's "
                "answers may grant it, within the rooms of their source",
                rooms->items[i]);
    return STATUS_OK;
}

static bool hook_gets_cookies(const struct auth_conf *auth)
{
    for (size_t i = 0; i < auth->hook.headers.count; i++)
        if (strcasecmp(auth->hook.headers.items[i], "Cookie") == 0)
            return true;
    return false;
}

/* What a browser sends by itself, whichever page has opened the connection. */
static enum status check_origins(const struct gateway_conf *conf, struct fault *fault)
{
    const struct auth_conf *auth = &conf->auth;
    const char *key = auth->cookie[0] != '\0'   ? "auth.cookie"
                      : auth->header[0] != '\0' ? "auth.header"
                      : hook_gets_cookies(auth) ? "auth.hook.headers: Cookie"
                                                : NULL;

    if (key == NULL || conf->ws_origins.count > 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID,
                     "%s: needs ws.origins: else any page could connect as the user who has it open", key);
}

static enum status check_proxies(const struct gateway_conf *conf, struct fault *fault)
{
    const struct conf_list *proxies = &conf->trusted_proxies;
    enum status status = cidr_list_new("trustedProxies", proxies->items, proxies->count, NULL, fault);

    if (status != STATUS_OK || proxies->count > 0)
        return status;
    if (conf->auth.header[0] != '\0')
        return fault_set(fault, STATUS_INVALID,
                         "auth.header: needs trustedProxies: from anybody else the header means nothing");
    if (conf->proxy_protocol)
        return fault_set(fault, STATUS_INVALID,
                         "proxyProtocol: true needs trustedProxies: from anybody else no header is read");
    return STATUS_OK;
}

enum status auth_conf_check(const struct gateway_conf *conf, struct fault *fault)
{
    const struct auth_conf *auth = &conf->auth;
    struct source sources[SOURCES_MAX];
    enum status status = check_names(auth, fault);

    if (status == STATUS_OK)
        status = check_all_patterns(auth, fault);
    if (status == STATUS_OK)
        status = check_issuers(auth, fault);
    if (status == STATUS_OK)
        status = check_url("auth.hook.url", auth->hook.url, fault);
    if (status == STATUS_OK)
        status = check_proxies(conf, fault);
    if (status == STATUS_OK)
        status = check_origins(conf, fault);
    if (status != STATUS_OK)
        return status;
    size_t count = gather_sources(auth, sources);
    if (auth->mode == AUTH_MODE_VERIFY && count == 0)
        return fault_set(
            fault, STATUS_INVALID,
            "auth.mode: verify needs to know who says who a client is: auth.issuers, auth.header or "
            "auth.hook.url");
    status = check_prefixes(sources, count, fault);
    return status == STATUS_OK ? check_rooms_of_all(&auth->rooms, count, fault) : status;
}

enum status auth_conf_check_keys(const struct auth_conf *auth, struct fault *fault)
{
    const struct auth_issuer_conf *issuers = auth->issuers.items;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < auth->issuers.count && status == STATUS_OK; i++) {
        bool secret = issuers[i].secret_file[0] != '\0';
        struct jwk_set *set = NULL;
        struct fault inner = {""};

        if (issuers[i].jwks_url[0] != '\0')
            continue;
        status = secret ? key_file_load_secret(issuers[i].secret_file, &set, &inner)
                        : key_file_load_jwks(issuers[i].jwks, &set, &inner);
        jwk_set_unref(set);
        if (status != STATUS_OK)
            (void)fault_set(fault, status, "auth.issuers[%zu].%s: %.400s", i, secret ? "secretFile" : "jwks",
                            inner.text);
    }
    return status;
}
