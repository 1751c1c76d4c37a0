/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of enum status and the formatting of faults. Any thread; keeps nothing. */
#include "shared/base/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const struct {
    enum status status;
    const char *text;
} texts[] = {
    {STATUS_OK, "ok"},
    {STATUS_NO_MEMORY, "out of memory"},
    {STATUS_FULL, "at its limit"},
    {STATUS_INVALID, "invalid"},
    {STATUS_TOO_LARGE, "too large"},
    {STATUS_NOT_FOUND, "not found"},
    {STATUS_CLOSED, "closed"},
    {STATUS_IO, "refused by the operating system"},
};

const char *status_text(enum status status)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "unknown status";
}

enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
{
    va_list arguments;

    if (fault == NULL)
        return status;
    va_start(arguments, format);
    if (vsnprintf(fault->text, sizeof fault->text, format, arguments) < 0)
        fault->text[0] = '\0';
    va_end(arguments);
    return status;
}
