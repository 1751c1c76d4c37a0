/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the teeth out of foreign bytes. Pure. */
#include "deploy/tool/printable.h"

/* U+0080 to U+009F in UTF-8: some terminals obey them. */
static bool is_c1(struct slice text, size_t at)
{
    return at + 1 < text.len && text.data[at] == 0xC2 && text.data[at + 1] >= 0x80 &&
           text.data[at + 1] <= 0x9F;
}

void printable_json(struct slice json, FILE *out)
{
    for (size_t i = 0; i < json.len; i++) {
        unsigned byte = json.data[i];

        if (is_c1(json, i)) {
            fprintf(out, "\\u00%02x", json.data[++i]);
        } else if (byte == 0x7F) {
            fputs("\\u007f", out);
        } else {
            fputc(byte < ' ' ? ' ' : (int)byte, out);
        }
    }
}

void printable_copy(struct slice text, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len && len + 1 < cap; i++) {
        bool bad = text.data[i] < ' ' || text.data[i] == 0x7F || is_c1(text, i);

        i += is_c1(text, i);
        out[len++] = bad ? '?' : (char)text.data[i];
    }
    out[len] = '\0';
}
