/* SPDX-License-Identifier: Apache-2.0 */
/* Client frames: whole input and input byte by byte must give the same events, whatever it is. */
#include <stdlib.h>

#include "gateway/websocket/ws_reader.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_MESSAGE = 256, MAX_EVENTS = 4096 };

struct seen {
    enum ws_event event;
    uint16_t code;
    size_t len;
    uint64_t sum;
};

static uint64_t sum_of(struct slice payload)
{
    uint64_t sum = 14695981039346656037U;

    for (size_t i = 0; i < payload.len; i++)
        sum = (sum ^ payload.data[i]) * 1099511628211U;
    return sum;
}

static size_t read_all(const uint8_t *data, size_t size, size_t step, struct seen *seen)
{
    struct ws_reader reader;
    struct ws_input input = {.event = WS_MORE};
    size_t count = 0;
    uint8_t *copy = malloc(size + 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    ws_reader_init(&reader, MAX_MESSAGE);
    for (size_t at = 0; at < size && input.event != WS_FAIL; at += step) {
        uint8_t *from = copy + at;
        size_t left = size - at < step ? size - at : step;

        while (input.event != WS_FAIL && (input = ws_reader_next(&reader, &from, &left)).event != WS_MORE &&
               count < MAX_EVENTS)
            seen[count++] = (struct seen){input.event, input.code, input.payload.len, sum_of(input.payload)};
    }
    ws_reader_fini(&reader);
    free(copy);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seen whole[MAX_EVENTS];
    static struct seen split[MAX_EVENTS];
    size_t count = read_all(data, size, size + 1, whole);

    if (read_all(data, size, 1, split) != count)
        abort();
    for (size_t i = 0; i < count; i++)
        if (whole[i].event != split[i].event || whole[i].code != split[i].code ||
            whole[i].len != split[i].len || whole[i].sum != split[i].sum)
            abort();
    return 0;
}
