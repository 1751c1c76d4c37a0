/* SPDX-License-Identifier: Apache-2.0 */
/* Claims in the order of RFC 7519, then ours. A failing append leaves the buffer as it is, and its status is
 * kept to the end. */
#include "deploy/tool/token_make.h"

#include <inttypes.h>
#include <string.h>

#include "shared/base/utf8.h"
#include "shared/jose/base64url.h"
#include "shared/json/json_scan.h"

enum { INFO_MAX = 1024, INFO_DEPTH = 15, JOIN_MAX = 32 };

/* An object or list under construction; the first status that is not OK stays. */
struct writing {
    struct buf *out;
    enum status status;
    bool any; /* something stands before: a comma is due */
};

static void write_text(struct writing *writing, const char *text)
{
    if (writing->status == STATUS_OK) {
        writing->status = buf_append_str(writing->out, text);
    }
}

static void write_string(struct writing *writing, const char *text)
{
    if (writing->status == STATUS_OK && !utf8_valid(slice_str(text), NULL)) {
        writing->status = STATUS_INVALID;
    }
    if (writing->status == STATUS_OK) {
        writing->status = buf_append_json_string(writing->out, text, strlen(text));
    }
}

static void write_comma(struct writing *writing)
{
    if (writing->any) {
        write_text(writing, ",");
    }
    writing->any = true;
}

static void write_name(struct writing *writing, const char *name)
{
    write_comma(writing);
    write_string(writing, name);
    write_text(writing, ":");
}

/* A claim that was not given is left out. */
static void write_member(struct writing *writing, const char *name, const char *text)
{
    if (text != NULL) {
        write_name(writing, name);
        write_string(writing, text);
    }
}

static void write_date(struct writing *writing, const char *name, int64_t seconds)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, seconds);
    write_name(writing, name);
    write_text(writing, text);
}

static void write_list(struct writing *writing, const char *name, const struct words *words)
{
    if (words->count == 0) {
        return;
    }
    write_name(writing, name);
    write_text(writing, "[");
    writing->any = false;
    for (size_t i = 0; i < words->count; i++) {
        write_comma(writing);
        write_string(writing, words->items[i]);
    }
    writing->any = true;
    write_text(writing, "]");
}

static enum status check(const struct options *options, struct fault *fault)
{
    struct json_value value;
    struct json_error error;
    char why[96];

    if (options->joins.count > JOIN_MAX) {
        return fault_set(fault, STATUS_INVALID, "--join: a gateway takes at most %d rooms", JOIN_MAX);
    }
    if (options->info == NULL) {
        return STATUS_OK;
    }
    if (strlen(options->info) > INFO_MAX) {
        return fault_set(fault, STATUS_INVALID, "--info: a gateway takes at most %d bytes", INFO_MAX);
    }
    return json_scan(slice_str(options->info), INFO_DEPTH, &value, &error) == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID, "--info: not JSON %s",
                           json_error_text(&error, why, sizeof why));
}

enum status token_make_claims(const struct options *options, int64_t now_s, struct buf *out,
                              struct fault *fault)
{
    struct writing writing = {out, check(options, fault), false};

    if (writing.status != STATUS_OK) {
        return writing.status;
    }
    write_text(&writing, "{");
    write_member(&writing, "iss", options->iss);
    write_member(&writing, "sub", options->sub);
    if (options->auds.count == 1) {
        write_member(&writing, "aud", options->auds.items[0]);
    } else {
        write_list(&writing, "aud", &options->auds);
    }
    write_date(&writing, "iat", now_s);
    write_date(&writing, "exp", now_s + options->seconds);
    write_list(&writing, "rooms", &options->rooms);
    write_list(&writing, "join", &options->joins);
    write_member(&writing, "room", options->pattern);
    if (options->info != NULL) {
        write_name(&writing, "info");
        write_text(&writing, options->info);
    }
    write_text(&writing, "}");
    return writing.status == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, writing.status, "%s",
                           writing.status == STATUS_INVALID ? "a claim is not valid UTF-8"
                                                            : status_text(writing.status));
}

enum status token_make_alg(const struct token_key *key, const char *asked, enum jose_alg *out,
                           struct fault *fault)
{
    unsigned algs = jose_kind_algs(key->kind);

    if (asked == NULL) {
        *out = (enum jose_alg)__builtin_ctz(algs);
        return STATUS_OK;
    }
    return jose_alg_of(slice_str(asked), out) && (algs & JOSE_BIT(*out)) != 0
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID, "--alg: %s does not belong to this kind of key", asked);
}

static enum status append_header(enum jose_alg alg, const char *kid, struct buf *out)
{
    struct buf text;
    struct writing writing = {&text, STATUS_OK, false};

    buf_init(&text, out->max);
    write_text(&writing, "{");
    write_member(&writing, "alg", jose_alg_name(alg));
    write_member(&writing, "typ", "JWT");
    write_member(&writing, "kid", kid[0] == 0 ? NULL : kid);
    write_text(&writing, "}");
    if (writing.status == STATUS_OK) {
        writing.status = base64url_append(out, slice_of(text.data, text.len));
    }
    buf_fini(&text);
    return writing.status;
}

/* Signs what `out` holds from `start` on, and appends the signature. */
static enum status append_signature(const struct token_key *key, enum jose_alg alg, size_t start,
                                    struct buf *out)
{
    struct buf signature;
    enum status status;

    buf_init(&signature, JOSE_SIGNATURE_MAX);
    status = token_key_sign(key, alg, slice_of(out->data + start, out->len - start), &signature);
    if (status == STATUS_OK) {
        status = buf_append_str(out, ".");
    }
    if (status == STATUS_OK) {
        status = base64url_append(out, slice_of(signature.data, signature.len));
    }
    buf_fini(&signature);
    return status;
}

enum status token_make(const struct token_key *key, enum jose_alg alg, const char *kid, struct slice claims,
                       struct buf *out)
{
    size_t start = out->len;
    enum status status = append_header(alg, kid, out);

    if (status == STATUS_OK) {
        status = buf_append_str(out, ".");
    }
    if (status == STATUS_OK) {
        status = base64url_append(out, claims);
    }
    return status == STATUS_OK ? append_signature(key, alg, start, out) : status;
}

enum status token_make_jwks(const struct token_key *key, const char *kid, const char *alg, struct buf *out)
{
    struct writing writing = {out, STATUS_OK, true};

    write_text(&writing, "{\"keys\":[{");
    if (writing.status == STATUS_OK) {
        writing.status = token_key_members(key, out);
    }
    write_member(&writing, "use", "sig");
    write_member(&writing, "alg", alg);
    write_member(&writing, "kid", kid[0] == 0 ? NULL : kid);
    write_text(&writing, "}]}");
    return writing.status;
}
