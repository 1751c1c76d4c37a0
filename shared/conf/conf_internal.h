/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of conf share, and daemon.c for its flags. At the start and a reload, main thread.
 * An `origin` names where a value stands, as the user would look for it: "gateway.json: wsPort",
 * "FANFARE_WS_PORT", "--ws-port". */
#ifndef FANFARE_SHARED_CONF_CONF_INTERNAL_H
#define FANFARE_SHARED_CONF_CONF_INTERNAL_H

#include <cjson/cJSON.h>

#include "shared/base/slice.h"
#include "shared/conf/conf.h"

enum { CONF_JSON_MAX_DEPTH = 32 };
enum { CONF_NAME_MAX = 96, CONF_SHOWN_MAX = 96, CONF_ALLOWED_MAX = 192, CONF_ORIGIN_MAX = 320 };

enum conf_spelling { CONF_SPELL_KEY, CONF_SPELL_ENVIRONMENT, CONF_SPELL_FLAG };

/* conf_text.c */
/* Writes JSON, cut short when long, for a fault. `out` has CONF_SHOWN_MAX bytes. */
void conf_show_json(const cJSON *json, char *out);
void conf_show_text(const char *text, char *out);
/* Whether `text` (at most `max` bytes, 0: any length) is UTF-8 without control characters. */
bool conf_text_is_plain(const char *text, int64_t max);
/* A text without NUL escapes (\u0000: cJSON's strings end there) that is one JSON value, as a tree for the
 * caller to delete. STATUS_INVALID: `at` is the offset and `reason` what is wrong there. STATUS_NO_MEMORY. */
enum status conf_parse_json(struct slice text, cJSON **out, size_t *at, const char **reason);
/* Whether a double stands for one whole number alone: none above 2^53 in size does. */
bool conf_is_exact(double value);
/* Whether a key of a file is a comment: go-push's files carry them as keys that are not ASCII. */
bool conf_key_is_comment(const char *key);
/* Whether an earlier member of the same object has the key of `member`, ASCII case aside. */
bool conf_key_is_twin(const cJSON *object, const cJSON *member);

/* conf_name.c */
/* "rpc.ca" as it is, as FANFARE_RPC_CA, or as --rpc-ca; cut to `cap` bytes with the final 0. */
void conf_spell(const char *key, enum conf_spelling spelling, char *out, size_t cap);
/* The option of that name, or NULL. Keys match without regard to ASCII case, the others exactly. */
const struct conf_option *conf_find(const struct conf_table *table, enum conf_spelling spelling,
                                    const char *name);
/* Keeps the nearer to `name` of `known` and what `out` holds at `*best` edits (SIZE_MAX: nothing yet); of
 * equals the earlier one. */
void conf_keep_nearer(const char *name, const char *known, size_t *best, char *out, size_t cap);
/* Writes the known name that is nearest to `name` in that spelling; among keys of a file also the
 * names of groups as deep as `name` ("rpc", "auth.hook"). */
void conf_nearest(const struct conf_table *table, enum conf_spelling spelling, const char *name, char *out,
                  size_t cap);

/* conf_value.c: the types that are no records. */
/* Where the value of `option` stands in `conf`. */
void *conf_at(const struct conf_option *option, void *conf);
const void *conf_at_const(const struct conf_option *option, const void *conf);
/* CONF_RECORDS: the rows of one record, and the record `index` of the option's value in `conf`. */
const struct conf_table *conf_record_table(const struct conf_option *option);
const void *conf_record_at(const struct conf_option *option, const void *conf, size_t index);
/* Whether the value is, or has in it, what must not be shown (CONF_SECRET). */
bool conf_is_secret(const struct conf_option *option);
/* Replaces the value; on failure the old one stays. Faults: STATUS_INVALID, STATUS_NO_MEMORY. */
enum status conf_value_from_text(const struct conf_option *option, void *conf, const char *text,
                                 const char *origin, struct fault *fault);
enum status conf_value_from_json(const struct conf_option *option, void *conf, const cJSON *json,
                                 const char *origin, struct fault *fault);
void conf_value_free(const struct conf_option *option, void *conf);
/* "0 to 65535 ms", "leading, trailing", ...: what a value may be. `out` has CONF_ALLOWED_MAX bytes. */
void conf_allowed(const struct conf_option *option, char *out);
/* The `index`-th of "leading|trailing" and its length; NULL past the last. */
const char *conf_choice(const char *choices, int index, size_t *len);

/* conf_many.c: the types that hold several values. */
enum status conf_list_from_text(struct conf_list *out, int64_t max, const char *text);
enum status conf_list_from_json(struct conf_list *out, int64_t max, const cJSON *json);
/* `why`, when set, is what was wrong with the endpoints in particular (static text). */
enum status conf_endpoints_from_text(struct conf_endpoints *out, const char *text, const char **why);
enum status conf_endpoints_from_json(struct conf_endpoints *out, const cJSON *json, const char **why);
void conf_endpoints_free(struct conf_endpoints *endpoints);

/* conf_records.c: every type, records included; the others are conf_value.c's. */
/* Replaces the value; on failure the old one stays. Faults as conf_value_from_text, and a record's index
 * stands behind `origin`: "gateway.json: auth.issuers[1].aud: ...". The text of records is a JSON list, or
 * "". */
enum status conf_option_from_text(const struct conf_option *option, void *conf, const char *text,
                                  const char *origin, struct fault *fault);
enum status conf_option_from_json(const struct conf_option *option, void *conf, const cJSON *json,
                                  const char *origin, struct fault *fault);
void conf_option_free(const struct conf_option *option, void *conf);

/* conf_change.c */
/* What --help, the documentation and the manual say behind the help of a CONF_LIVE option; else "". */
const char *conf_live_text(const struct conf_option *option);

#endif
