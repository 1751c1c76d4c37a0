/* SPDX-License-Identifier: Apache-2.0 */
/* The close codes as data. A client meets codes of later versions and of what stands between, so the classes
 * of docs/protocol.md decide what the table does not have. */
#include "shared/contract/close_codes.h"

#include <stddef.h>

struct close_row {
    int code;
    const char *name;
    enum close_advice advice;
};

static const struct close_row rows[] = {
#define X(code, name, advice) {code, #name, CLOSE_THEN_##advice},
    CLOSE_CODES(X)
#undef X
};

static const struct close_row *find(int code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

const char *close_code_name(int code)
{
    const struct close_row *row = find(code);

    return row != NULL ? row->name : "";
}

enum close_advice close_code_advice(int code)
{
    enum { UNSUPPORTED_DATA = 1003, POLICY_VIOLATION = 1008 };
    const struct close_row *row = find(code);

    if (row != NULL)
        return row->advice;
    if (code / 100 == 40 || code == UNSUPPORTED_DATA || code == POLICY_VIOLATION)
        return CLOSE_THEN_NEVER;
    return code / 100 == 42 ? CLOSE_THEN_NOW : CLOSE_THEN_BACK_OFF;
}
