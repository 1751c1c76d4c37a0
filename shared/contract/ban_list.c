/* SPDX-License-Identifier: Apache-2.0 */
/* A table by name, and the same entries in an array, so that the list can be told in parts. To merge is to
 * take the greater by (at, until), and the greater `keep`: both orders are total, so it does not matter who
 * heard what first, or twice. The digest is the sum of the entries' hashes, under a key that everybody has,
 * so that it follows each change without a walk. */
#include "shared/contract/ban_list.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/hashmap.h"
#include "shared/base/list.h"
#include "shared/contract/audience.h"
#include "shared/contract/push.h"

enum { MS = 1000 };

struct entry {
    struct hashmap_node node;
    struct ban ban; /* its user is `name` */
    uint8_t name[];
};

struct ban_list {
    struct hashmap users;
    struct entry **entries;
    size_t cap;
    size_t name_bytes;
    uint64_t digest;
    int64_t expired_s; /* when it was last looked for what is over */
    ban_list_changed *changed;
    void *arg;
};

const char *ban_fault(const struct ban *ban)
{
    const char *fault = push_name_fault(AUDIENCE_USER, ban->user, AUDIENCE_NAME_MAX);

    if (fault != NULL)
        return fault;
    if (ban->until_s < 0 || ban->at_ms < 0)
        return "a time before 1970";
    if (ban->keep_s < ban->until_s || ban->keep_s < ban->at_ms / MS)
        return "forgotten before it is over";
    return ban->keep_s > ban->at_ms / MS + BAN_MAX_S ? "longer than 30 days" : NULL;
}

bool ban_holds(const struct ban *ban, int64_t now_s)
{
    return ban->until_s > now_s;
}

enum status ban_list_new(struct ban_list **out)
{
    struct ban_list *list = calloc(1, sizeof *list);

    if (list == NULL || hashmap_init(&list->users) != STATUS_OK) {
        free(list);
        return STATUS_NO_MEMORY;
    }
    *out = list;
    return STATUS_OK;
}

void ban_list_free(struct ban_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->users.count; i++)
        free(list->entries[i]);
    free(list->entries);
    hashmap_fini(&list->users);
    free(list);
}

void ban_list_tell(struct ban_list *list, ban_list_changed *changed, void *arg)
{
    list->changed = changed;
    list->arg = arg;
}

static void tell(const struct ban_list *list, const struct ban *ban, bool gone)
{
    if (list->changed != NULL)
        list->changed(list->arg, ban, gone);
}

static uint64_t hash_of(const struct ban *ban)
{
    static const uint64_t key[2] = {0x66616e666172652eU, 0x62616e732e763100U};
    uint8_t bytes[3 * sizeof(uint64_t) + AUDIENCE_NAME_MAX];
    const uint64_t times[3] = {htobe64((uint64_t)ban->until_s), htobe64((uint64_t)ban->at_ms),
                               htobe64((uint64_t)ban->keep_s)};

    memcpy(bytes, times, sizeof times);
    memcpy(bytes + sizeof times, ban->user.data, ban->user.len);
    return hashmap_siphash(key, slice_of(bytes, sizeof times + ban->user.len));
}

static struct entry *find(const struct ban_list *list, struct slice user)
{
    struct hashmap_node *node = hashmap_find(&list->users, user, hashmap_hash(user));

    return node != NULL ? container_of(node, struct entry, node) : NULL;
}

static bool fits(const struct ban_list *list, size_t users, size_t bytes)
{
    return users <= BAN_LIST_MAX - list->users.count && bytes <= BAN_LIST_NAME_BYTES - list->name_bytes;
}

static enum status reserve(struct ban_list *list)
{
    size_t cap = list->cap > 0 ? list->cap * 2 : 16;
    struct entry **entries;

    if (list->users.count < list->cap)
        return STATUS_OK;
    entries = realloc(list->entries, cap * sizeof(struct entry *));
    if (entries == NULL)
        return STATUS_NO_MEMORY;
    list->entries = entries;
    list->cap = cap;
    return STATUS_OK;
}

static enum status add(struct ban_list *list, const struct ban *ban)
{
    if (!fits(list, 1, ban->user.len))
        return STATUS_FULL;
    struct entry *entry = reserve(list) == STATUS_OK ? malloc(sizeof *entry + ban->user.len) : NULL;
    if (entry == NULL)
        return STATUS_NO_MEMORY;
    memcpy(entry->name, ban->user.data, ban->user.len);
    entry->ban = *ban;
    entry->ban.user = slice_of(entry->name, ban->user.len);
    entry->node.key = entry->ban.user;
    entry->node.hash = hashmap_hash(entry->ban.user);
    list->entries[list->users.count] = entry;
    hashmap_add(&list->users, &entry->node);
    list->name_bytes += ban->user.len;
    list->digest += hash_of(ban);
    tell(list, &entry->ban, false);
    return STATUS_OK;
}

static bool is_later(const struct ban *ban, const struct ban *than)
{
    return ban->at_ms != than->at_ms ? ban->at_ms > than->at_ms : ban->until_s > than->until_s;
}

static void change(struct ban_list *list, struct entry *entry, const struct ban *ban)
{
    struct ban merged = is_later(ban, &entry->ban) ? *ban : entry->ban;

    merged.user = entry->ban.user;
    merged.keep_s = ban->keep_s > entry->ban.keep_s ? ban->keep_s : entry->ban.keep_s;
    if (merged.until_s == entry->ban.until_s && merged.at_ms == entry->ban.at_ms &&
        merged.keep_s == entry->ban.keep_s)
        return;
    list->digest += hash_of(&merged) - hash_of(&entry->ban);
    entry->ban = merged;
    tell(list, &entry->ban, false);
}

enum status ban_list_merge(struct ban_list *list, const struct ban *ban, int64_t now_s)
{
    struct entry *entry = find(list, ban->user);

    if (ban->at_ms / MS - BAN_AHEAD_S > now_s)
        return STATUS_INVALID;
    if (entry != NULL) {
        change(list, entry, ban);
        return STATUS_OK;
    }
    return ban->keep_s > now_s ? add(list, ban) : STATUS_OK;
}

/* The last one takes its place. */
static void forget(struct ban_list *list, size_t index)
{
    struct entry *entry = list->entries[index];

    list->entries[index] = list->entries[list->users.count - 1];
    hashmap_remove(&list->users, &entry->node);
    list->name_bytes -= entry->ban.user.len;
    list->digest -= hash_of(&entry->ban);
    tell(list, &entry->ban, true);
    free(entry);
}

void ban_list_expire(struct ban_list *list, int64_t now_s)
{
    if (now_s == list->expired_s)
        return;
    list->expired_s = now_s;
    for (size_t i = list->users.count; i > 0; i--)
        if (list->entries[i - 1]->ban.keep_s <= now_s)
            forget(list, i - 1);
}

bool ban_list_find(const struct ban_list *list, struct slice user, struct ban *out)
{
    const struct entry *entry = find(list, user);

    if (entry != NULL)
        *out = entry->ban;
    return entry != NULL;
}

bool ban_list_has_room(struct ban_list *list, const struct slice *users, size_t count, int64_t now_s)
{
    size_t more = 0, bytes = 0;

    ban_list_expire(list, now_s);
    for (size_t i = 0; i < count; i++) {
        if (find(list, users[i]) != NULL)
            continue;
        more++;
        bytes += users[i].len;
    }
    return fits(list, more, bytes);
}

int64_t ban_list_moment(const struct ban_list *list, const struct slice *users, size_t count, int64_t now_ms)
{
    int64_t at_ms = now_ms;

    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = find(list, users[i]);

        if (entry != NULL && entry->ban.at_ms >= at_ms)
            at_ms = entry->ban.at_ms + 1;
    }
    return at_ms;
}

size_t ban_list_count(const struct ban_list *list)
{
    return list->users.count;
}

struct ban ban_list_get(const struct ban_list *list, size_t index)
{
    return list->entries[index]->ban;
}

size_t ban_list_in_force(const struct ban_list *list, int64_t now_s)
{
    size_t count = 0;

    for (size_t i = 0; i < list->users.count; i++)
        count += ban_holds(&list->entries[i]->ban, now_s);
    return count;
}

uint64_t ban_list_digest(const struct ban_list *list)
{
    return list->digest;
}
