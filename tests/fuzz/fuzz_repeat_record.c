/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in Redis under an idempotency key: what is taken is written back byte for byte, and its answer
 * takes one more member and is still JSON. */
#include "logic/store/repeat_record.h"
#include "shared/json/json_scan.h"
#include "tests/fuzz/fuzz.h"

static void check_answer(struct slice json)
{
    struct json_value value;
    struct json_error error;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    fuzz_check(buf_append(&out, json.data, json.len - 1) == STATUS_OK);
    fuzz_check(buf_append_str(&out, ",\"repeated\":true}") == STATUS_OK);
    fuzz_check(json_scan(slice_of(out.data, out.len), JSON_MAX_DEPTH, &value, &error) == STATUS_OK);
    fuzz_check(value.type == JSON_OBJECT);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct repeat_record record;
    struct buf out;

    if (repeat_record_parse(text, &record) != STATUS_OK)
        return 0;
    buf_init(&out, SIZE_MAX);
    fuzz_check(repeat_record_append(&out, &record) == STATUS_OK);
    fuzz_check(slice_equal(slice_of(out.data, out.len), text));
    buf_fini(&out);
    if (record.status != 0)
        check_answer(record.json);
    return 0;
}
