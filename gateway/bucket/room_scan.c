/* SPDX-License-Identifier: Apache-2.0 */
/* Members fall into three stretches of the array: to visit, visited, come later. A leave moves the last one
 * to the leaver's place; where that is another stretch, the visit is taken back, or made, so that the
 * stretches stay true. */
#include "gateway/bucket/room_scan.h"

void room_scan_begin(struct room_scan *scan, struct list *scans, const struct room_visitor *visitor,
                     const struct room *room)
{
    bool empty = room == NULL || room->count == 0; /* one without members may go without anybody leaving */

    *scan = (struct room_scan){.visitor = visitor, .room = empty ? NULL : room};
    if (!empty)
        scan->cursor = scan->end = room->count;
    list_add_tail(scans, &scan->link);
}

bool room_scan_some(struct room_scan *scan, size_t budget)
{
    size_t cost = 0;

    while (scan->room != NULL && scan->cursor > 0 && cost < budget)
        cost += scan->visitor->visit(scan, scan->room->members[--scan->cursor].client);
    return scan->room != NULL && scan->cursor > 0;
}

void room_scan_end(struct room_scan *scan)
{
    list_remove(&scan->link);
    scan->room = NULL;
}

/* The last member, which stood at `last`, stands at `index` now, or was the leaver itself. */
static void moved(struct room_scan *scan, uint32_t index, uint32_t last)
{
    bool filled = index < last;
    const struct client *client = filled ? scan->room->members[index].client : NULL;
    bool came_later = last >= scan->end;
    bool was_visited = last >= scan->cursor && !came_later;

    if (filled && was_visited && index < scan->cursor)
        scan->visitor->take_back(scan, client);
    else if (filled && came_later && index >= scan->cursor && index < scan->end)
        (void)scan->visitor->visit(scan, client);
    if (scan->end > last)
        scan->end = last;
    if (scan->cursor > last)
        scan->cursor = last;
}

void room_scan_left(const struct list *scans, const struct room *room, uint32_t index)
{
    for (struct list *node = scans->next; node != scans; node = node->next) {
        struct room_scan *scan = container_of(node, struct room_scan, link);

        if (scan->room != room)
            continue;
        moved(scan, index, room->count);
        if (room->count == 0)
            scan->room = NULL;
    }
}
