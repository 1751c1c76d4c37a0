/* SPDX-License-Identifier: Apache-2.0 */
/* A byte ring of records: a head (length, and the gap before it), then the line. Records wrap. An empty
 * ring begins anew at its first byte, so that a daemon whose stderr is read touches one page of it. */
#include "shared/log/log_ring.h"

#include <string.h>

struct head {
    uint64_t gap;
    size_t len;
};

static void copy_in(struct log_ring *ring, const void *data, size_t len)
{
    size_t at = (ring->first + ring->used) % LOG_RING_BYTES;
    size_t straight = len < LOG_RING_BYTES - at ? len : LOG_RING_BYTES - at;

    memcpy(ring->bytes + at, data, straight);
    memcpy(ring->bytes, (const char *)data + straight, len - straight);
    ring->used += len;
}

static void copy_out(struct log_ring *ring, void *data, size_t len)
{
    size_t straight = len < LOG_RING_BYTES - ring->first ? len : LOG_RING_BYTES - ring->first;

    memcpy(data, ring->bytes + ring->first, straight);
    memcpy((char *)data + straight, ring->bytes, len - straight);
    ring->first = (ring->first + len) % LOG_RING_BYTES;
    ring->used -= len;
}

static bool has_room(const struct log_ring *ring, size_t bytes)
{
    return ring->used + bytes <= (ring->full ? LOG_RING_BYTES / 2 : LOG_RING_BYTES);
}

bool log_ring_put(struct log_ring *ring, const char *line, size_t len)
{
    const struct head head = {ring->dropped, len};

    ring->full = !has_room(ring, sizeof head + len);
    if (ring->full) {
        ring->dropped++;
        return false;
    }
    copy_in(ring, &head, sizeof head);
    copy_in(ring, line, len);
    ring->dropped = 0;
    return true;
}

size_t log_ring_take(struct log_ring *ring, char out[LOG_LINE_MAX], uint64_t *gap)
{
    struct head head;

    if (ring->used == 0) {
        *gap = ring->dropped;
        ring->dropped = 0;
        ring->full = false;
        return 0;
    }
    copy_out(ring, &head, sizeof head);
    copy_out(ring, out, head.len);
    if (ring->used == 0)
        ring->first = 0;
    *gap = head.gap;
    return head.len;
}

bool log_ring_is_idle(const struct log_ring *ring)
{
    return ring->used == 0 && ring->dropped == 0;
}
