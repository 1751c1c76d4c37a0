/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and frees a grant; claims.c and auth_policy.c make them. */
#include "gateway/auth/grant.h"

#include <stdlib.h>
#include <string.h>

struct slice grant_user(const struct grant *grant)
{
    return grant->user != NULL ? slice_of(grant->user, grant->user_len) : slice_of(NULL, 0);
}

struct slice grant_sub(const struct grant *grant)
{
    return grant->user != NULL
               ? slice_of(grant->user + grant->prefix_len, grant->user_len - grant->prefix_len)
               : slice_of(NULL, 0);
}

static const char *end_of_joins(const struct grant *grant)
{
    const char *at = grant->join;

    for (unsigned i = 0; i < grant->join_count; i++)
        at += strlen(at) + 1;
    return at;
}

const char *grant_next_join(const struct grant *grant, const char **at)
{
    *at = *at == NULL ? grant->join : *at + strlen(*at) + 1;
    return grant->join_count > 0 && *at < end_of_joins(grant) ? *at : NULL;
}

void grant_free(struct grant *grant)
{
    if (grant == NULL)
        return;
    free(grant->user);
    room_patterns_fini(&grant->rooms);
    free(grant->join);
    free(grant->info);
    free(grant->room_pattern);
    free(grant);
}
