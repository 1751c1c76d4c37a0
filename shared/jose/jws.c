/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts at the first two dots and decodes then; a third one is no character of base64url. */
#include "shared/jose/jws.h"

#include <string.h>

#include "shared/jose/base64url.h"
#include "shared/jose/jose_key.h"
#include "shared/jose/jose_object.h"

enum member { ALG, KID, TYP, CTY, CRIT, B64, MEMBERS };

static const char *const member_names[MEMBERS] = {"alg", "kid", "typ", "cty", "crit", "b64"};
static const char *const types[] = {"JWT", "at+jwt", "application/jwt", "application/at+jwt"};

enum { ALG_MAX = 32 };

/* The bytes before the next dot, which `*rest` is behind afterwards; false without one. */
static bool cut(struct slice *rest, struct slice *part)
{
    const uint8_t *dot = rest->len == 0 ? NULL : memchr(rest->data, '.', rest->len);

    if (dot == NULL) {
        return false;
    }
    *part = slice_of(rest->data, (size_t)(dot - rest->data));
    *rest = slice_of(dot + 1, rest->len - part->len - 1);
    return true;
}

enum status jws_split(struct slice token, struct jws *out)
{
    struct slice rest = token;
    struct slice header;
    size_t len;

    if (token.len > JWS_TOKEN_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (!cut(&rest, &header) || !cut(&rest, &out->payload) || header.len == 0) {
        return STATUS_INVALID;
    }
    out->input = slice_of(token.data, token.len - rest.len - 1);
    if (base64url_decode(header, out->header, sizeof out->header, &len) != STATUS_OK) {
        return STATUS_INVALID;
    }
    out->header_text = slice_of(out->header, len);
    if (base64url_decode(rest, out->signature_bytes, sizeof out->signature_bytes, &len) != STATUS_OK) {
        return STATUS_INVALID;
    }
    out->signature = slice_of(out->signature_bytes, len);
    return STATUS_OK;
}

static bool is_type(const struct jose_member *typ)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (typ->value.type == JSON_STRING && json_string_is(typ->value.text, types[i], true)) {
            return true;
        }
    }
    return false;
}

static const char *refuse_members(const struct jose_member *members)
{
    if (members[CRIT].found) {
        return "\"crit\" names extensions, of which none is understood";
    }
    if (members[B64].found) {
        return "\"b64\" is not understood";
    }
    if (members[CTY].found) {
        return "\"cty\" says that there is a token in the token";
    }
    return members[TYP].found && !is_type(&members[TYP]) ? "\"typ\" is neither JWT nor at+jwt" : NULL;
}

/* A name that is longer than all names is an unknown one. */
static const char *read_alg(const struct jose_member *alg, struct jws_header *out)
{
    char name[ALG_MAX];
    size_t len;

    if (!alg->found || alg->value.type != JSON_STRING) {
        return "\"alg\" is missing or not a string";
    }
    out->known =
        jose_string(&alg->value, name, sizeof name, &len) && jose_alg_of(slice_of(name, len), &out->alg);
    return NULL;
}

static const char *read_kid(const struct jose_member *kid, struct jws_header *out)
{
    size_t len;

    out->has_kid = kid->found;
    if (!kid->found) {
        return NULL;
    }
    if (!jose_string(&kid->value, out->kid_bytes, sizeof out->kid_bytes, &len)) {
        return "\"kid\" is not a string of at most 256 bytes";
    }
    out->kid = slice_of(out->kid_bytes, len);
    return NULL;
}

const char *jws_header_read(struct slice json, struct jws_header *out)
{
    struct jose_member members[MEMBERS];
    const char *why;

    for (int i = 0; i < MEMBERS; i++) {
        members[i].name = member_names[i];
    }
    why = jose_object_read(json, members, MEMBERS, NULL);
    if (why == NULL) {
        why = refuse_members(members);
    }
    if (why == NULL) {
        why = read_alg(&members[ALG], out);
    }
    return why == NULL ? read_kid(&members[KID], out) : why;
}

enum status jws_verify(const struct jws *jws, enum jose_alg alg, const struct jose_key *key)
{
    return jose_key_verify(key, alg, jws->input, jws->signature);
}

bool jws_is_slow(struct slice token)
{
    struct slice rest = token;
    struct slice part;
    struct jws_header header;
    uint8_t json[JWS_PART_MAX];
    size_t len;

    return token.len <= JWS_TOKEN_MAX && cut(&rest, &part) &&
           base64url_decode(part, json, sizeof json, &len) == STATUS_OK &&
           jws_header_read(slice_of(json, len), &header) == NULL && header.known &&
           jose_alg_is_slow(header.alg);
}
