/* SPDX-License-Identifier: Apache-2.0 */
/* Chained table, at most one node a slot on average. SipHash-1-3 is the shortened form of
 * SipHash (Aumasson and Bernstein, 2012) that hash tables use: one round a word, three at the
 * end. The seed is the only state of the process, set once, by whichever thread hashes first. */
#include "shared/base/hashmap.h"

#include <endian.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { FIRST_SIZE = 16 };

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

/* The kernel refuses only where getrandom is missing or forbidden: then the clock and the
 * address layout are what an outsider knows least about. */
static void seed_draw(void)
{
    struct timespec now = {0, 0};

    if (getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    seed[0] = (uint64_t)now.tv_nsec * 0x9E3779B97F4A7C15U;
    seed[1] = (uint64_t)(uintptr_t)&now ^ (uint64_t)now.tv_sec << 32;
}

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* The last word: up to seven bytes, and the length in the top byte. */
static uint64_t sip_tail(const uint8_t *data, size_t len)
{
    uint64_t word = (uint64_t)len << 56;

    for (size_t i = 0; i < len % 8; i++) {
        word |= (uint64_t)data[i] << (8 * i);
    }
    return word;
}

uint64_t hashmap_siphash(const uint64_t key[2], struct slice text)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU, key[0] ^ 0x6c7967656e657261U,
                     key[1] ^ 0x7465646279746573U};
    size_t whole = text.len - text.len % 8;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;

        memcpy(&word, text.data + i, sizeof word);
        sip_word(v, le64toh(word));
    }
    sip_word(v, sip_tail(text.data + whole, text.len));
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hashmap_hash(struct slice key)
{
    pthread_once(&seed_once, seed_draw);
    return hashmap_siphash(seed, key);
}

enum status hashmap_init(struct hashmap *map)
{
    map->table = calloc(FIRST_SIZE, sizeof *map->table);
    map->mask = FIRST_SIZE - 1;
    map->count = 0;
    return map->table == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void hashmap_fini(struct hashmap *map)
{
    free(map->table);
    map->table = NULL;
    map->mask = 0;
    map->count = 0;
}

struct hashmap_node *hashmap_find(const struct hashmap *map, struct slice key, uint64_t hash)
{
    struct hashmap_node *node = map->table[hash & map->mask];

    while (node != NULL && (node->hash != hash || !slice_equal(node->key, key))) {
        node = node->next;
    }
    return node;
}

static void push_front(struct hashmap_node **table, size_t mask, struct hashmap_node *node)
{
    struct hashmap_node **slot = &table[node->hash & mask];

    node->next = *slot;
    *slot = node;
}

static void grow(struct hashmap *map)
{
    size_t size = (map->mask + 1) * 2;
    struct hashmap_node **table = calloc(size, sizeof *table);

    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i <= map->mask; i++) {
        for (struct hashmap_node *node = map->table[i], *next; node != NULL; node = next) {
            next = node->next;
            push_front(table, size - 1, node);
        }
    }
    free(map->table);
    map->table = table;
    map->mask = size - 1;
}

void hashmap_add(struct hashmap *map, struct hashmap_node *node)
{
    if (map->count > map->mask) {
        grow(map);
    }
    push_front(map->table, map->mask, node);
    map->count++;
}

void hashmap_remove(struct hashmap *map, struct hashmap_node *node)
{
    struct hashmap_node **link = &map->table[node->hash & map->mask];

    while (*link != NULL && *link != node) {
        link = &(*link)->next;
    }
    if (*link == node) {
        *link = node->next;
        node->next = NULL;
        map->count--;
    }
}

void hashmap_each(const struct hashmap *map, void (*visit)(struct hashmap_node *node, void *arg), void *arg)
{
    if (map->table == NULL) {
        return;
    }
    for (size_t i = 0; i <= map->mask; i++) {
        for (struct hashmap_node *node = map->table[i], *next; node != NULL; node = next) {
            next = node->next;
            visit(node, arg);
        }
    }
}

static size_t reverse_bits(size_t value)
{
    size_t reversed = 0;

    for (unsigned i = 0; i < 8 * sizeof value; i++)
        reversed |= (value >> i & 1) << (8 * sizeof value - 1 - i);
    return reversed;
}

/* The slots are counted with their highest bit as the lowest: when the table doubles, the two slots that one
 * becomes follow each other, so what was visited stays behind the cursor. */
size_t hashmap_scan(const struct hashmap *map, size_t cursor,
                    void (*visit)(struct hashmap_node *node, void *arg), void *arg)
{
    for (struct hashmap_node *node = map->table[cursor & map->mask], *next; node != NULL; node = next) {
        next = node->next;
        visit(node, arg);
    }
    return reverse_bits(reverse_bits(cursor | ~map->mask) + 1);
}
