/* SPDX-License-Identifier: Apache-2.0 */
/* A place changes hands when its descriptor does, and the bucket that had it may look at it while the next
 * one enters: whoever enters takes the old serial away first, so a client is what it was taken for if the
 * serial still stands after it was read. An entry is taken out by its own bucket alone, and only if it is
 * there. */
#include "gateway/bucket/connection_table.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gateway/bucket/directory.h"

enum { BUCKET_BITS = 6, CACHE_LINE = 64 };

_Static_assert(1 << BUCKET_BITS == MAX_BUCKETS, "a serial has room for each bucket");

struct place {
    _Atomic uint64_t serial; /* 0: nobody */
    _Atomic(struct client *) client;
};

struct counter {
    alignas(CACHE_LINE) uint64_t connections; /* so far; the bucket's own */
};

struct connection_table {
    uint64_t instance;
    size_t count; /* of places */
    struct place *places;
    struct counter counters[MAX_BUCKETS];
};

/* The kernel gives pages of zeros, each when it is touched. */
static struct place *map_places(size_t count)
{
    void *at = mmap(NULL, count * sizeof(struct place), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at != MAP_FAILED ? at : NULL;
}

enum status connection_table_new(size_t places, uint64_t instance, struct connection_table **out)
{
    struct connection_table *table = aligned_alloc(CACHE_LINE, sizeof *table);

    if (table == NULL)
        return STATUS_NO_MEMORY;
    *table = (struct connection_table){
        .instance = instance, .count = places < CONNECTION_ID_PLACES ? places : CONNECTION_ID_PLACES};
    table->places = map_places(table->count);
    if (table->places == NULL) {
        free(table);
        return STATUS_NO_MEMORY;
    }
    *out = table;
    return STATUS_OK;
}

void connection_table_free(struct connection_table *table)
{
    if (table == NULL)
        return;
    munmap(table->places, table->count * sizeof *table->places);
    free(table);
}

static struct place *place_at(const struct connection_table *table, int place)
{
    return table != NULL && place >= 0 && (size_t)place < table->count ? &table->places[place] : NULL;
}

static unsigned bucket_of(uint64_t serial)
{
    return (unsigned)(serial & (MAX_BUCKETS - 1));
}

void connection_table_add(struct connection_table *table, unsigned bucket, int place, struct client *client)
{
    struct place *at = place_at(table, place);

    if (at == NULL)
        return;
    uint64_t serial = ++table->counters[bucket].connections << BUCKET_BITS | bucket;
    atomic_store(&at->serial, 0);
    atomic_store(&at->client, client);
    atomic_store(&at->serial, serial);
}

/* The serial under which the client stands there, or 0. One with this bucket's bits is of this thread's
 * making, and so is the client beside it. */
static uint64_t serial_of(struct place *at, unsigned bucket, const struct client *client)
{
    uint64_t serial = at != NULL ? atomic_load(&at->serial) : 0;

    return serial != 0 && bucket_of(serial) == bucket && atomic_load(&at->client) == client ? serial : 0;
}

void connection_table_remove(struct connection_table *table, unsigned bucket, int place,
                             const struct client *client)
{
    struct place *at = place_at(table, place);
    uint64_t serial = serial_of(at, bucket, client);

    if (serial != 0)
        (void)atomic_compare_exchange_strong(&at->serial, &serial, 0);
}

bool connection_table_id(const struct connection_table *table, unsigned bucket, int place,
                         const struct client *client, struct connection_id *out)
{
    uint64_t serial = serial_of(place_at(table, place), bucket, client);

    if (serial == 0)
        return false;
    *out = (struct connection_id){.instance = table->instance, .serial = serial, .place = (uint32_t)place};
    return true;
}

struct client *connection_table_find(const struct connection_table *table, unsigned bucket,
                                     const struct connection_id *id)
{
    unsigned whose;

    if (!connection_table_bucket(table, id, &whose) || whose != bucket)
        return NULL;
    struct place *at = &table->places[id->place];
    struct client *client = atomic_load(&at->client);
    return atomic_load(&at->serial) == id->serial ? client : NULL;
}

bool connection_table_bucket(const struct connection_table *table, const struct connection_id *id,
                             unsigned *bucket)
{
    if (table == NULL || id->instance != table->instance || id->place >= table->count)
        return false;
    *bucket = bucket_of(id->serial);
    return true;
}

bool connection_table_has(const struct connection_table *table, const struct connection_id *id,
                          unsigned *bucket)
{
    return connection_table_bucket(table, id, bucket) &&
           atomic_load(&table->places[id->place].serial) == id->serial;
}
