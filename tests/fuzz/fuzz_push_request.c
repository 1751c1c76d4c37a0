/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request body (the first byte chooses the door): every push that logic takes is
 * one that a gateway takes too, and every refusal is one that can be shown. */
#include <string.h>

#include "logic/api/push_request.h"
#include "tests/fuzz/fuzz.h"

static const struct push_request_limits limits = {.max_items = 64,
                                                  .max_item_len = 256,
                                                  .max_rooms = 16,
                                                  .max_room_len = 32,
                                                  .max_pushes = 8,
                                                  .max_depth = 8};
static const struct push_limits gateway_limits = {
    .max_room_len = 32, .max_item_len = 256, .max_depth = 8, .commands = true};

static void check_fault(const struct push_fault *fault)
{
    size_t len = strnlen(fault->message, sizeof fault->message);

    fuzz_check(fault->status == 400 || fault->status == 415);
    fuzz_check(fault->code != NULL && len > 0 && len < sizeof fault->message);
    fuzz_check(utf8_valid(slice_of(fault->message, len), NULL));
}

static void check_names_differ(const struct push *push)
{
    for (size_t i = 1; i < push->room_count; i++) {
        for (size_t k = 0; k < i; k++) {
            fuzz_check(!slice_equal(push->rooms[i], push->rooms[k]));
        }
    }
}

static void check_push(const struct push *push)
{
    static const uint8_t logic_id[LOGIC_ID_LEN];
    size_t size = PUSH_BATCH_HEADER_LEN + push_record_size(push);
    uint8_t *bytes = malloc(size);
    struct push_batch batch;
    struct traceparent trace;
    struct fault fault = {""};

    fuzz_check(bytes != NULL);
    push_batch_header_encode(logic_id, 1, 1, 0, bytes);
    push_record_encode(push, 1, bytes + PUSH_BATCH_HEADER_LEN);
    fuzz_check(push_batch_decode(slice_of(bytes, size), &gateway_limits, &batch, &fault) == STATUS_OK);
    fuzz_check(push_record_traceparent(batch.records, &trace) == push->trace.set);
    free(bytes);
    check_names_differ(push);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct push_request *request = NULL;
    struct push_fault fault = {.code = NULL};
    enum status status;

    if (size == 0) {
        return 0;
    }
    status = push_request_parse(data[0] % PUSH_DOOR_COUNT, data[0] / PUSH_DOOR_COUNT % 2,
                                slice_of(data + 1, size - 1), &limits, &request, &fault);
    if (status != STATUS_OK) {
        fuzz_check(status == STATUS_INVALID && request == NULL);
        check_fault(&fault);
        return 0;
    }
    fuzz_check(request->count > 0 && request->count <= limits.max_pushes);
    for (size_t i = 0; i < request->count; i++) {
        if (request->entries[i].fault != NULL) {
            check_fault(request->entries[i].fault);
        } else {
            check_push(&request->entries[i].push);
        }
    }
    push_request_free(request);
    return 0;
}
