/* SPDX-License-Identifier: Apache-2.0 */
/* A page of an answer: of many things that come in any order, and perhaps several times, the first by their
 * keys (byte by byte), each once with how often it came. Bounded in entries and bytes: what does not fit
 * gives way from the end, and the page knows from which key on it is not complete, so that pages of several
 * places can be put together without a gap. Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_BUCKET_QUERY_PAGE_H
#define FANFARE_GATEWAY_BUCKET_QUERY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { QUERY_PAGE_ENTRIES = 1000, QUERY_PAGE_BYTES = 1 << 20 };

struct query_entry {
    uint32_t count; /* how often it came, less how often it was taken back */
    uint32_t key_len;
    uint32_t payload_len;
    uint8_t bytes[]; /* the key, then the payload */
};

struct query_page {
    struct query_entry **entries; /* ascending */
    uint32_t count;
    uint32_t capacity;
    uint32_t limit;
    size_t bytes;
    struct query_entry *ceiling; /* nothing from its key on is complete; NULL: all is there */
};

/* Empty, for 1 to QUERY_PAGE_ENTRIES entries; takes no memory yet. */
void query_page_init(struct query_page *page, uint32_t limit);
/* Empty again, and without memory. */
void query_page_fini(struct query_page *page);
/* `count` times `key`; the first payload with bytes that comes with it stays. STATUS_NO_MEMORY: it is not in.
 */
enum status query_page_add(struct query_page *page, struct slice key, struct slice payload, uint32_t count);
/* Takes one time back; legal when it is not in. An entry that is left with none stays, with a count of 0. */
void query_page_take_back(struct query_page *page, struct slice key);
/* Adds all of `from`, and is complete no further than both were. STATUS_NO_MEMORY: not all is in. */
enum status query_page_merge(struct query_page *page, const struct query_page *from);
struct slice query_entry_key(const struct query_entry *entry);
struct slice query_entry_payload(const struct query_entry *entry);

#endif
