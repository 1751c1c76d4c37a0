/* SPDX-License-Identifier: Apache-2.0 */
/* Whole input and input byte by byte must come to the same verdict, and what passes must be what
 * hiredis takes, in as many answers as were counted. */
#include <hiredis/hiredis.h>

#include "shared/redis/resp_scan.h"
#include "tests/fuzz/fuzz.h"

enum { BYTES_MAX = 65536 };

/* How many bytes have passed. */
static size_t scan_all(const uint8_t *data, size_t size, struct resp_scan *scan, enum status *status,
                       size_t *answers)
{
    struct fault fault;
    size_t at = 0;

    resp_scan_init(scan, BYTES_MAX);
    *answers = 0;
    for (*status = STATUS_OK; at < size && *status == STATUS_OK; at++) {
        *status = resp_scan_feed(scan, slice_of(data + at, 1), &fault);
        fuzz_check(scan->elements <= RESP_ELEMENTS_MAX && scan->bytes <= BYTES_MAX);
        if (*status == STATUS_OK && scan->part == RESP_TYPE && scan->depth == 0)
            ++*answers;
    }
    return *status == STATUS_OK ? at : at - 1;
}

static size_t take_all(redisReader *reader)
{
    void *answer = NULL;
    size_t count = 0;

    while (redisReaderGetReply(reader, &answer) == REDIS_OK && answer != NULL) {
        freeReplyObject(answer);
        answer = NULL;
        count++;
    }
    fuzz_check(reader->err == 0);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_scan split, whole;
    enum status status;
    size_t answers;
    size_t passed = scan_all(data, size, &split, &status, &answers);
    redisReader *reader = redisReaderCreate();

    resp_scan_init(&whole, BYTES_MAX);
    fuzz_check(resp_scan_feed(&whole, slice_of(data, size), NULL) == status);
    if (status == STATUS_OK)
        fuzz_check(whole.part == split.part && whole.depth == split.depth && whole.bytes == split.bytes);
    fuzz_check(reader != NULL && redisReaderFeed(reader, (const char *)data, passed) == REDIS_OK);
    fuzz_check(take_all(reader) == answers);
    redisReaderFree(reader);
    return 0;
}
