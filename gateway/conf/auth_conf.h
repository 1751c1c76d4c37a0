/* SPDX-License-Identifier: Apache-2.0 */
/* The settings under auth.*: who connects and what they may join. Part of struct gateway_conf, with its
 * rules: only the main thread reads it, and keeps no text of it. */
#ifndef FANFARE_GATEWAY_CONF_AUTH_CONF_H
#define FANFARE_GATEWAY_CONF_AUTH_CONF_H

#include "shared/conf/conf.h"

enum auth_mode { AUTH_MODE_NONE, AUTH_MODE_VERIFY };

/* Elements of auth.issuers. The bounds of a list of patterns are those of shared/contract/room_pattern.h. */
enum { AUTH_ISSUERS_MAX = 64 };

/* One element of auth.issuers. Exactly one of jwks, jwks_url and secret_file is set. */
struct auth_issuer_conf {
    char *iss;
    struct conf_list aud;
    struct conf_list algs; /* empty: what its keys allow */
    char *jwks;            /* path */
    char *jwks_url;
    char *jwks_ca; /* path; "": the system's */
    char *secret_file;
    char *user_prefix;
    struct conf_list rooms; /* the most that its tokens grant */
};

struct auth_hook_conf {
    char *url; /* "": no hook */
    struct conf_list headers;
    char *ca;         /* path; "": the system's */
    char *token_file; /* path; "": none */
    int64_t timeout;  /* ms */
    int64_t max_concurrent;
    int64_t max_waiting;
    int64_t cache_entries; /* 0: no cache */
    bool joins;
    char *user_prefix;
    struct conf_list rooms;
};

struct auth_conf {
    int mode; /* enum auth_mode */
    bool required;
    struct conf_records issuers; /* of struct auth_issuer_conf */
    int64_t leeway_seconds;
    int64_t max_token_seconds;
    char *cookie;
    int64_t deadline; /* s */
    int64_t max_pending;
    struct conf_list rooms;
    struct conf_list anonymous_rooms;
    char *header; /* "": none */
    char *header_user_prefix;
    struct conf_list header_rooms;
    struct auth_hook_conf hook;
};

/* The rows of one element of auth.issuers. */
extern const struct conf_table auth_issuer_table;

struct gateway_conf;

/* What only the daemon can check about auth.*, trustedProxies and proxyProtocol, whatever auth.mode is:
 * options that need each other, sources of users that could pass as one another, what a browser would send by
 * itself. With auth.mode verify also that there is a source. STATUS_INVALID; the fault names option and what
 * is allowed. */
enum status auth_conf_check(const struct gateway_conf *conf, struct fault *fault);
/* Reads each issuer's file of keys, so that --check finds what the start would: key_file_load's faults, with
 * the option before them. */
enum status auth_conf_check_keys(const struct auth_conf *auth, struct fault *fault);

#endif
