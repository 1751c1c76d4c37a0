/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare token show: what stands in a token, and whether a gateway would take it. Judges by jwt_check, as
 * gateways do. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "deploy/tool/printable.h"
#include "deploy/tool/text_file.h"
#include "deploy/tool/token_key.h"
#include "deploy/tool/token_text.h"
#include "deploy/tool/tool.h"
#include "shared/jose/base64url.h"
#include "shared/jose/jwt.h"
#include "shared/jose/numeric_date.h"

enum { INPUT_MAX = 65536, DEPTH = 16, KEYS_MAX = JWK_SET_BYTES_MAX };

static const char *const date_names[] = {"exp", "nbf", "iat"};

static struct slice trimmed(struct slice text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
        text = slice_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

static bool is_date(const struct json_value *name)
{
    for (size_t i = 0; i < sizeof date_names / sizeof date_names[0]; i++) {
        if (json_string_is(name->text, date_names[i], false)) {
            return true;
        }
    }
    return false;
}

/* "  exp  1764540123  2026-11-30 …" */
static void print_member(const struct json_value *name, const struct json_value *value, int64_t now_s)
{
    char date[112];
    int64_t seconds;

    fputs("  ", stdout);
    printable_json(slice_of(name->text.data + 1, name->text.len - 2), stdout);
    fputs("  ", stdout);
    printable_json(value->text, stdout);
    if (is_date(name) && numeric_date_read(value, false, &seconds)) {
        printf("  %s", token_text_date(seconds, now_s, date, sizeof date));
    }
    putchar('\n');
}

/* Prints a part's members, a line each; what is no JSON object is said to be none. */
static void print_part(const char *title, struct slice json, int64_t now_s)
{
    struct json_value object, name, value;
    struct json_error error;
    struct json_iter iter;
    char why[96];

    puts(title);
    if (json_scan(json, DEPTH, &object, &error) != STATUS_OK) {
        printf("  not JSON %s\n", json_error_text(&error, why, sizeof why));
        return;
    }
    if (object.type != JSON_OBJECT) {
        puts("  not a JSON object");
        return;
    }
    iter = json_iter_of(&object, json.data);
    while (json_next_member(&iter, &name, &value)) {
        print_member(&name, &value, now_s);
    }
}

/* "expires in 59 min"; nothing without an exp that is a date. */
static void print_expiry(struct slice json, int64_t now_s)
{
    struct jwt jwt = {0};
    struct json_error error;
    struct json_value exp;
    char distance[48];
    int64_t seconds;

    if (json_scan(json, DEPTH, &jwt.claims, &error) == STATUS_OK && jwt.claims.type == JSON_OBJECT &&
        jwt_claim(&jwt, "exp", &exp) && numeric_date_read(&exp, false, &seconds)) {
        printf("%s %s\n", seconds > now_s ? "expires" : "expired",
               token_text_distance(seconds, now_s, distance, sizeof distance));
    }
}

static enum status load_keys(const struct options *options, struct jwk_set **out, struct fault *fault)
{
    struct fault inner = {""};
    struct token_key secret = {0};
    struct buf text;
    enum status status;

    buf_init(&text, KEYS_MAX);
    if (options->secret_file != NULL) {
        status = token_key_of_secret(options->secret_file, &secret, &inner);
        if (status == STATUS_OK) {
            status = jwk_set_of_secret(slice_of(secret.secret.data, secret.secret.len), out, &inner);
        }
    } else {
        status = text_file_read(options->jwks, &text, &inner);
        if (status == STATUS_OK) {
            status = jwk_set_parse(slice_of(text.data, text.len), out, &inner);
        }
    }
    token_key_fini(&secret);
    buf_fini(&text);
    return status == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, status, "%s: %s", options->secret_file != NULL ? "--secret-file" : "--jwks",
                           inner.text);
}

/* The audience that the token names itself, where none was given to hold it against: "" and false without. */
static bool own_audience(struct slice json, char *out, size_t cap)
{
    struct jwt jwt = {0};
    struct json_error error;
    struct json_value aud, first;
    struct json_iter iter;
    size_t len;

    if (json_scan(json, DEPTH, &jwt.claims, &error) != STATUS_OK || jwt.claims.type != JSON_OBJECT ||
        !jwt_claim(&jwt, "aud", &aud)) {
        return false;
    }
    if (aud.type == JSON_ARRAY) {
        iter = json_iter_of(&aud, json.data);
        if (!json_next_element(&iter, &first)) {
            return false;
        }
        aud = first;
    }
    if (aud.type != JSON_STRING || json_unescape(aud.text, out, cap - 1, &len) != STATUS_OK) {
        return false;
    }
    out[len] = 0;
    return true;
}

static enum jwt_verdict judge(const struct options *options, const struct jwk_set *keys, struct slice token,
                              struct slice claims, int64_t now_s)
{
    char own[512];
    const char *owns[] = {own};
    struct jwt_issuer issuer = {.iss = options->iss,
                                .auds = (const char *const *)options->auds.items,
                                .aud_count = options->auds.count,
                                .keys = keys};
    struct jwt_rules rules = {&issuer, 1, options->leeway_s, options->max_s};
    enum jwt_verdict verdict;
    struct jwt jwt;

    if (issuer.aud_count == 0 && own_audience(claims, own, sizeof own)) {
        issuer.auds = owns;
        issuer.aud_count = 1;
    }
    verdict = jwt_check(token, &rules, now_s, &jwt);
    if (verdict == JWT_GOOD) {
        printf("accepted%s%s\n", options->iss == NULL ? "; iss was not compared (--iss)" : "",
               options->auds.count == 0 ? "; aud was not compared (--aud)" : "");
    } else {
        printf("refused: %s: %s%s%s%s\n", jwt_verdict_name(verdict), jwt_verdict_text(verdict),
               jwt.why != NULL ? " (" : "", jwt.why != NULL ? jwt.why : "", jwt.why != NULL ? ")" : "");
    }
    jwt_fini(&jwt);
    return verdict;
}

static int check(const struct tool *tool, struct slice token, struct slice claims, int64_t now_s)
{
    const struct options *options = tool->options;
    struct jwk_set *keys = NULL;
    struct fault fault = {""};
    enum jwt_verdict verdict;

    if (options->jwks == NULL && options->secret_file == NULL) {
        puts("not checked: that needs --jwks or --secret-file");
        return TOOL_OK;
    }
    if (load_keys(options, &keys, &fault) != STATUS_OK) {
        printf("refused: no key: %s\n", fault.text);
        return TOOL_REFUSED;
    }
    if (jwk_set_passed_over(keys) > 0) {
        printf("note: of the keys, %zu cannot be used: %s\n", jwk_set_passed_over(keys),
               jwk_set_remark(keys));
    }
    verdict = judge(options, keys, token, claims, now_s);
    jwk_set_unref(keys);
    return verdict == JWT_GOOD ? TOOL_OK : TOOL_REFUSED;
}

static int show(const struct tool *tool, struct slice token)
{
    static struct jws jws;
    static uint8_t claims[JWS_PART_MAX];
    int64_t now_s = (int64_t)time(NULL);
    enum status status = jws_split(token, &jws);
    size_t len = 0;

    if (status == STATUS_OK) {
        status = base64url_decode(jws.payload, claims, sizeof claims, &len);
    }
    if (status != STATUS_OK) {
        printf("refused: %s\n", jwt_verdict_text(status == STATUS_TOO_LARGE ? JWT_TOO_LARGE : JWT_MALFORMED));
        return TOOL_REFUSED;
    }
    print_part("header", jws.header_text, now_s);
    print_part("claims", slice_of(claims, len), now_s);
    print_expiry(slice_of(claims, len), now_s);
    return check(tool, token, slice_of(claims, len), now_s);
}

int command_token_show(struct tool *tool)
{
    const char *word = tool->options->file;
    struct fault fault = {""};
    struct buf text;
    int code;

    if (word != NULL && strcmp(word, "-") != 0) {
        return show(tool, trimmed(slice_str(word)));
    }
    buf_init(&text, INPUT_MAX);
    if (text_file_read("-", &text, &fault) != STATUS_OK) {
        code = tool_complain(TOOL_USAGE, "%s", fault.text);
    } else {
        code = show(tool, trimmed(slice_of(text.data, text.len)));
    }
    buf_fini(&text);
    return code;
}
