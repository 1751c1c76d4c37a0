/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare token and fanfare token jwks: make a token, and show the public half of the key that signed it. The
 * key is read from a file and never printed. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "deploy/tool/token_make.h"
#include "deploy/tool/tool.h"
#include "shared/jose/jws.h"

enum { OUTPUT_MAX = 65536 };

static void print_line(const struct buf *line)
{
    fwrite(line->data, 1, line->len, stdout);
    putchar('\n');
}

/* The kid that was asked for, or the thumbprint of a key; a secret has none. Ended by 0. */
static enum status choose_kid(const struct token_key *key, const char *asked, struct buf *out)
{
    enum status status = STATUS_OK;

    if (asked != NULL) {
        status = buf_append_str(out, asked);
    } else if (key->kind != JOSE_SECRET) {
        status = token_key_thumbprint(key, out);
    }
    return status == STATUS_OK ? buf_append(out, "", 1) : status;
}

/* What a gateway will say of a secret that is too short (RFC 7518, section 3.2). */
static void warn_of_secret(const struct token_key *key, enum jose_alg alg)
{
    if (key->kind == JOSE_SECRET && key->secret.len < jose_alg_bytes(alg)) {
        (void)tool_complain(TOOL_OK,
                            "warning: the secret has %zu bytes; gateways refuse less than %zu for %s",
                            key->secret.len, jose_alg_bytes(alg), jose_alg_name(alg));
    }
}

static void warn_of_length(const struct buf *token)
{
    if (token->len > JWS_TOKEN_MAX) {
        (void)tool_complain(TOOL_OK, "warning: the token has %zu bytes; gateways refuse more than %d",
                            token->len, JWS_TOKEN_MAX);
    }
}

static enum status make(const struct options *options, const struct token_key *key, struct buf *out,
                        struct fault *fault)
{
    enum jose_alg alg;
    enum status status = token_make_alg(key, options->alg, &alg, fault);
    struct buf kid, claims;

    buf_init(&kid, OUTPUT_MAX);
    buf_init(&claims, OUTPUT_MAX);
    if (status == STATUS_OK) {
        warn_of_secret(key, alg);
        status = token_make_claims(options, (int64_t)time(NULL), &claims, fault);
    }
    if (status == STATUS_OK) {
        status = choose_kid(key, options->kid, &kid);
    }
    if (status == STATUS_OK) {
        status = token_make(key, alg, (const char *)kid.data, slice_of(claims.data, claims.len), out);
    }
    buf_fini(&claims);
    buf_fini(&kid);
    return status;
}

static enum status load(const struct options *options, struct token_key *key, struct fault *fault)
{
    return options->secret_file != NULL ? token_key_of_secret(options->secret_file, key, fault)
                                        : token_key_of_pem(options->key_file, false, key, fault);
}

/* A fault that nobody has put into words is one of memory, or of a value that grew too long. */
static int complain(enum status status, const struct fault *fault)
{
    return tool_complain(TOOL_USAGE, "%s", fault->text[0] != 0 ? fault->text : status_text(status));
}

int command_token(struct tool *tool)
{
    struct fault fault = {""};
    struct token_key key;
    struct buf token;
    enum status status = load(tool->options, &key, &fault);

    buf_init(&token, OUTPUT_MAX);
    if (status == STATUS_OK) {
        status = make(tool->options, &key, &token, &fault);
    }
    if (status == STATUS_OK) {
        warn_of_length(&token);
        print_line(&token);
    }
    buf_fini(&token);
    token_key_fini(&key);
    return status == STATUS_OK ? TOOL_OK : complain(status, &fault);
}

int command_token_jwks(struct tool *tool)
{
    const struct options *options = tool->options;
    struct fault fault = {""};
    struct token_key key;
    struct buf kid, out;
    enum jose_alg alg;
    enum status status = token_key_of_pem(options->key_file, true, &key, &fault);

    buf_init(&kid, OUTPUT_MAX);
    buf_init(&out, OUTPUT_MAX);
    if (status == STATUS_OK) {
        status = token_make_alg(&key, options->alg, &alg, &fault);
    }
    if (status == STATUS_OK) {
        status = choose_kid(&key, options->kid, &kid);
    }
    if (status == STATUS_OK) {
        status = token_make_jwks(&key, (const char *)kid.data, options->alg, &out);
    }
    if (status == STATUS_OK) {
        print_line(&out);
    }
    buf_fini(&out);
    buf_fini(&kid);
    token_key_fini(&key);
    return status == STATUS_OK ? TOOL_OK : complain(status, &fault);
}
