/* SPDX-License-Identifier: Apache-2.0 */
/* No host's name begins with "_" (RFC 952), so the name alone says what is asked for. Pure. */
#include "shared/net/service_name.h"

#include <string.h>
#include <strings.h>

bool service_name_is(const char *name)
{
    return name[0] == '_';
}

const char *service_name_fault(const char *name)
{
    const char *dot = strchr(name, '.');

    if (!service_name_is(name))
        return NULL;
    bool good = dot != NULL && dot > name + 1 && strncasecmp(dot, "._tcp.", 6) == 0 && dot[6] != '\0' &&
                dot[6] != '.';
    return good ? NULL : "a name that begins with \"_\" is one of SRV records: _service._tcp.name";
}
