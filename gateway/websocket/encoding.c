/* SPDX-License-Identifier: Apache-2.0 */
/* The table of encodings. Its calls by pointer are one a delivery and encoding, none a client. */
#include "gateway/websocket/encoding.h"

typedef struct frame *make_push(struct slice key, struct slice items);

#define ENCODING_ROW(name, make) [ENCODING_##name] = make,
static make_push *const makers[ENCODING_COUNT] = {ENCODINGS(ENCODING_ROW)};

struct frame *encoding_make(enum encoding encoding, struct slice key, struct slice items)
{
    return makers[encoding](key, items);
}
