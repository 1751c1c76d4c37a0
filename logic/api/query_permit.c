/* SPDX-License-Identifier: Apache-2.0 */
/* The same patterns that bound a caller's pushes. */
#include "logic/api/query_permit.h"

#include <stdio.h>

const struct room_patterns *query_permit_rooms(const struct api_caller *caller)
{
    return caller != NULL && caller->bounded ? &caller->rooms : NULL;
}

const struct room_patterns *query_permit_users(const struct api_caller *caller)
{
    return caller != NULL && caller->bounded ? &caller->users : NULL;
}

bool query_permit(const struct api_caller *caller, enum audience kind, struct slice name,
                  struct push_fault *fault)
{
    const struct room_patterns *patterns =
        kind == AUDIENCE_USER ? query_permit_users(caller) : query_permit_rooms(caller);

    if (patterns == NULL || room_patterns_match(patterns, slice_of(NULL, 0), name))
        return true;
    *fault = (struct push_fault){.status = 403, .code = "forbidden"};
    snprintf(fault->message, sizeof fault->message,
             "the caller \"%s\" may not ask for this %s; %s= of its token in api.tokensFile says for which",
             caller->name, audience_noun(kind), audience_name(kind));
    return false;
}
