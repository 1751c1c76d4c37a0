/* SPDX-License-Identifier: Apache-2.0 */
/* An array of keys, looked through from the front: a set has a handful, at most 256. */
#include "shared/jose/jwk_set.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/jose/jose_object.h"
#include "shared/jose/jwk.h"

struct jwk_set {
    atomic_uint refs;
    bool secret; /* one key, whatever kid a token has */
    size_t count;
    size_t passed_over;
    char remark[128];
    struct jwk keys[]; /* count */
};

static struct jwk_set *set_new(size_t keys)
{
    struct jwk_set *set = calloc(1, sizeof *set + keys * sizeof set->keys[0]);

    if (set != NULL) {
        atomic_init(&set->refs, 1);
    }
    return set;
}

static void set_free(struct jwk_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        jwk_fini(&set->keys[i]);
    }
    free(set);
}

static bool has_kid(const struct jwk *jwk, struct slice kid)
{
    return jwk->has_kid && slice_equal(slice_of(jwk->kid, jwk->kid_len), kid);
}

static bool is_repeated(const struct jwk_set *set, const struct jwk *jwk)
{
    for (size_t i = 0; i < set->count && jwk->has_kid; i++) {
        if (has_kid(&set->keys[i], slice_of(jwk->kid, jwk->kid_len))) {
            return true;
        }
    }
    return false;
}

static void pass_over(struct jwk_set *set, size_t index, const char *why)
{
    if (set->passed_over++ == 0) {
        snprintf(set->remark, sizeof set->remark, "keys[%zu]: %s", index, why);
    }
}

static enum status take(struct jwk_set *set, size_t index, struct slice text, struct fault *fault)
{
    struct jwk *jwk = &set->keys[set->count];
    const char *why = NULL;
    enum status status = jwk_read(text, jwk, &why);

    if (status == STATUS_OK && is_repeated(set, jwk)) {
        status = STATUS_INVALID;
        why = "its \"kid\" is that of another key";
    }
    if (status == STATUS_OK) {
        set->count++;
        return STATUS_OK;
    }
    jwk_fini(jwk);
    *jwk = (struct jwk){0};
    if (status == STATUS_NOT_FOUND) {
        pass_over(set, index, why);
        return STATUS_OK;
    }
    return fault_set(fault, status, "keys[%zu]: %s", index, why);
}

static enum status take_all(struct jwk_set *set, const struct json_value *list, struct fault *fault)
{
    struct json_iter iter = json_iter_of(list, list->text.data);
    struct json_value key;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && json_next_element(&iter, &key); i++) {
        status = take(set, i, key.text, fault);
    }
    if (status == STATUS_OK && set->count == 0 && set->passed_over > 0) {
        return fault_set(fault, STATUS_INVALID, "none of the %zu keys can be used; %s", set->passed_over,
                         set->remark);
    }
    return status;
}

static size_t list_len(const struct json_value *list)
{
    struct json_iter iter = json_iter_of(list, list->text.data);
    struct json_value key;
    size_t len = 0;

    while (json_next_element(&iter, &key)) {
        len++;
    }
    return len;
}

/* Finds the list of keys. */
static enum status find_list(struct slice json, struct jose_member *keys, struct fault *fault)
{
    const char *why;

    if (json.len > JWK_SET_BYTES_MAX) {
        return fault_set(fault, STATUS_TOO_LARGE, "a JWK Set of %zu bytes; at most %d are taken", json.len,
                         JWK_SET_BYTES_MAX);
    }
    why = jose_object_read(json, keys, 1, NULL);
    if (why != NULL) {
        return fault_set(fault, STATUS_INVALID, "a JWK Set (RFC 7517) is a JSON object: %s", why);
    }
    if (!keys->found || keys->value.type != JSON_ARRAY) {
        return fault_set(fault, STATUS_INVALID, "a JWK Set (RFC 7517) has a list \"keys\"");
    }
    if (list_len(&keys->value) > JWK_SET_KEYS_MAX) {
        return fault_set(fault, STATUS_TOO_LARGE, "a JWK Set of more than %d keys", JWK_SET_KEYS_MAX);
    }
    return STATUS_OK;
}

enum status jwk_set_parse(struct slice json, struct jwk_set **out, struct fault *fault)
{
    struct jose_member keys = {.name = "keys"};
    enum status status = find_list(json, &keys, fault);
    struct jwk_set *set;

    if (status != STATUS_OK) {
        return status;
    }
    set = set_new(list_len(&keys.value));
    if (set == NULL) {
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    status = take_all(set, &keys.value, fault);
    if (status != STATUS_OK) {
        set_free(set);
        return status;
    }
    *out = set;
    return STATUS_OK;
}

enum status jwk_set_of_secret(struct slice secret, struct jwk_set **out, struct fault *fault)
{
    struct jwk_set *set;

    if (secret.len < JOSE_SECRET_MIN || secret.len > JOSE_SECRET_MAX) {
        return fault_set(fault, STATUS_INVALID, "a secret of %zu bytes; %d to %d are taken (RFC 7518, 3.2)",
                         secret.len, JOSE_SECRET_MIN, JOSE_SECRET_MAX);
    }
    set = set_new(1);
    if (set == NULL) {
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    set->secret = true;
    set->count = 1;
    if (jose_key_init_secret(&set->keys[0].key, secret) != STATUS_OK) {
        set_free(set);
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    *out = set;
    return STATUS_OK;
}

struct jwk_set *jwk_set_ref(const struct jwk_set *set)
{
    struct jwk_set *shared = (struct jwk_set *)set; /* only the count changes */

    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

void jwk_set_unref(const struct jwk_set *set)
{
    struct jwk_set *shared = (struct jwk_set *)set;

    if (shared != NULL && atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1) {
        set_free(shared);
    }
}

size_t jwk_set_count(const struct jwk_set *set)
{
    return set->count;
}

size_t jwk_set_passed_over(const struct jwk_set *set)
{
    return set->passed_over;
}

const char *jwk_set_remark(const struct jwk_set *set)
{
    return set->remark;
}

unsigned jwk_set_algs(const struct jwk_set *set)
{
    unsigned algs = 0;

    for (size_t i = 0; i < set->count; i++) {
        algs |= set->keys[i].key.algs;
    }
    return algs;
}

static bool suits(const struct jwk *jwk, enum jose_alg alg)
{
    return (jwk->key.algs & JOSE_BIT(alg)) != 0;
}

/* The only key that suits, or none. */
static enum status find_only(const struct jwk_set *set, enum jose_alg alg, const struct jose_key **out)
{
    const struct jwk *only = NULL;

    for (size_t i = 0; i < set->count; i++) {
        if (suits(&set->keys[i], alg)) {
            if (only != NULL) {
                return STATUS_NOT_FOUND;
            }
            only = &set->keys[i];
        }
    }
    *out = only == NULL ? NULL : &only->key;
    return only == NULL ? STATUS_NOT_FOUND : STATUS_OK;
}

enum status jwk_set_find(const struct jwk_set *set, const struct slice *kid, enum jose_alg alg,
                         const struct jose_key **out)
{
    if (set->secret) {
        *out = &set->keys[0].key;
        return suits(&set->keys[0], alg) ? STATUS_OK : STATUS_INVALID;
    }
    if (kid == NULL) {
        return find_only(set, alg, out);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (has_kid(&set->keys[i], *kid)) {
            *out = &set->keys[i].key;
            return suits(&set->keys[i], alg) ? STATUS_OK : STATUS_INVALID;
        }
    }
    return STATUS_NOT_FOUND;
}
