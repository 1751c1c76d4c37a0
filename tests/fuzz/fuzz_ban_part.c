/* SPDX-License-Identifier: Apache-2.0 */
/* A part that is taken is made of bans without fault, and a list that has merged them tells the same again.
 */
#include "shared/contract/ban_part.h"
#include "tests/fuzz/fuzz.h"

static void merge(struct ban_list *list, struct ban_part part)
{
    char name[BAN_USER_MAX];
    struct ban ban;

    while (ban_part_next(&part, name, &ban)) {
        fuzz_check(ban_fault(&ban) == NULL);
        (void)ban_list_merge(list, &ban, ban.at_ms / 1000 - 1);
    }
}

static void tell(const struct ban_list *from, struct ban_list *to)
{
    struct ban_range range = {.end = SIZE_MAX, .max = BAN_PART_MAX};
    struct ban_part part = {.last = false};
    struct fault fault;
    struct buf text;

    buf_init(&text, BAN_PART_MAX);
    while (!part.last) {
        buf_clear(&text);
        fuzz_check(ban_part_print(from, &range, NULL, &text) == STATUS_OK);
        fuzz_check(ban_part_parse(slice_of(text.data, text.len), &part, &fault) == STATUS_OK);
        merge(to, part);
    }
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ban_list *first, *second;
    struct ban_part part;
    struct fault fault;

    if (ban_part_parse(slice_of(data, size), &part, &fault) != STATUS_OK)
        return 0;
    fuzz_check(ban_list_new(&first) == STATUS_OK && ban_list_new(&second) == STATUS_OK);
    merge(first, part);
    tell(first, second);
    fuzz_check(ban_list_digest(first) == ban_list_digest(second));
    ban_list_free(first);
    ban_list_free(second);
    return 0;
}
