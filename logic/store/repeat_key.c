/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a name, in words about a key. */
#include "logic/store/repeat_key.h"

#include "shared/base/utf8.h"
#include "shared/contract/push.h"

const char *repeat_key_fault(struct slice key)
{
    if (push_room_fault(key, REPEAT_KEY_MAX) == NULL)
        return NULL;
    if (key.len == 0)
        return "it is empty";
    if (key.len > REPEAT_KEY_MAX)
        return "it is too long";
    return utf8_valid(key, NULL) ? "it has a control character" : "it is not valid UTF-8";
}
