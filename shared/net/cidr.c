/* SPDX-License-Identifier: Apache-2.0 */
/* One form for both families, so that a comparison of bits is all there is: IPv4 stands behind the 96 bits of
 * its mapped prefix. A network that is shorter than that prefix is one of IPv6 and takes no IPv4 in, or
 * `::/0` would trust more than who wrote it meant. */
#include "shared/net/cidr.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_BITS = 96, V4_BITS = 32, ALL_BITS = 128 };

struct cidr_list {
    atomic_uint references;
    size_t count;
    struct cidr items[];
};

static const uint8_t mapped[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

bool cidr_address_is_v4(const uint8_t address[CIDR_ADDRESS_LEN])
{
    return memcmp(address, mapped, sizeof mapped) == 0;
}

static void map_v4(const void *four_bytes, uint8_t out[CIDR_ADDRESS_LEN])
{
    memcpy(out, mapped, sizeof mapped);
    memcpy(out + sizeof mapped, four_bytes, V4_BITS / 8);
}

bool cidr_address_parse(struct slice text, uint8_t out[CIDR_ADDRESS_LEN])
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr v4;

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1) {
        map_v4(&v4, out);
        return true;
    }
    return inet_pton(AF_INET6, copy, out) == 1;
}

bool cidr_address_of(const struct sockaddr *from, uint8_t out[CIDR_ADDRESS_LEN])
{
    memset(out, 0, CIDR_ADDRESS_LEN);
    if (from->sa_family == AF_INET)
        map_v4(&((const struct sockaddr_in *)(const void *)from)->sin_addr, out);
    else if (from->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, CIDR_ADDRESS_LEN);
    return from->sa_family == AF_INET || from->sa_family == AF_INET6;
}

void cidr_address_print(const uint8_t address[CIDR_ADDRESS_LEN], char *out)
{
    bool v4 = cidr_address_is_v4(address);

    (void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + sizeof mapped : address, out, INET6_ADDRSTRLEN);
}

void cidr_print(const struct cidr *cidr, char *out)
{
    char address[INET6_ADDRSTRLEN] = "";
    unsigned before = cidr->bits >= MAPPED_BITS && cidr_address_is_v4(cidr->network) ? MAPPED_BITS : 0;

    cidr_address_print(cidr->network, address);
    (void)snprintf(out, CIDR_TEXT_MAX, "%s/%u", address, cidr->bits - before);
}

/* Zeroes all bits behind the prefix. */
static void cut(const struct cidr *from, struct cidr *out)
{
    unsigned whole = from->bits / 8;

    *out = *from;
    if (whole == CIDR_ADDRESS_LEN)
        return;
    out->network[whole] &= (uint8_t)(0xff00 >> from->bits % 8);
    memset(out->network + whole + 1, 0, CIDR_ADDRESS_LEN - whole - 1);
}

/* Decimal digits without a leading zero, at most `max`; false: nothing of the kind. */
static bool parse_bits(const char *text, unsigned max, unsigned *out)
{
    size_t len = strlen(text);
    unsigned value = 0;

    if (len == 0 || len > 3 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    if (value > max)
        return false;
    *out = value;
    return true;
}

enum status cidr_parse(const char *text, struct cidr *out, struct fault *fault)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    struct cidr given = {.bits = ALL_BITS};

    if (!cidr_address_parse(slice_of(text, len), given.network))
        return fault_set(fault, STATUS_INVALID,
                         "\"%.64s\" is not an address or network: 10.0.0.0/8, 192.0.2.7, 2001:db8::/32 and "
                         "2001:db8::7 are of the allowed form",
                         text);
    bool dotted = memchr(text, ':', len) == NULL;
    unsigned bits = dotted ? V4_BITS : ALL_BITS;
    if (slash != NULL && !parse_bits(slash + 1, bits, &bits))
        return fault_set(fault, STATUS_INVALID, "\"%.64s\": a prefix of 0 to %u bits is allowed", text, bits);
    given.bits = dotted ? MAPPED_BITS + bits : bits;
    cut(&given, out);
    if (memcmp(given.network, out->network, CIDR_ADDRESS_LEN) == 0)
        return STATUS_OK;
    char meant[CIDR_TEXT_MAX];
    cidr_print(out, meant);
    return fault_set(fault, STATUS_INVALID, "\"%.64s\" has bits set behind its prefix: the network is %s",
                     text, meant);
}

bool cidr_has(const struct cidr *cidr, const uint8_t address[CIDR_ADDRESS_LEN])
{
    unsigned whole = cidr->bits / 8;

    if (memcmp(cidr->network, address, whole) != 0 ||
        (cidr->bits < MAPPED_BITS && cidr_address_is_v4(address)))
        return false;
    return cidr->bits % 8 == 0 ||
           ((cidr->network[whole] ^ address[whole]) & 0xff00 >> cidr->bits % 8 & 0xff) == 0;
}

static enum status parse_items(struct cidr_list *list, const char *key, char *const *texts, size_t count,
                               struct fault *fault)
{
    for (; list->count < count; list->count++) {
        struct fault inner = {""};

        if (cidr_parse(texts[list->count], &list->items[list->count], &inner) != STATUS_OK)
            return fault_set(fault, STATUS_INVALID, "%s: %.400s", key, inner.text);
    }
    return STATUS_OK;
}

enum status cidr_list_new(const char *key, char *const *texts, size_t count, struct cidr_list **out,
                          struct fault *fault)
{
    struct cidr_list *list = NULL;
    enum status status = STATUS_OK;

    if (count > CIDR_LIST_MAX)
        return fault_set(fault, STATUS_INVALID, "%s: %zu networks; at most %d are allowed", key, count,
                         CIDR_LIST_MAX);
    if (count > 0) {
        list = calloc(1, sizeof *list + count * sizeof list->items[0]);
        if (list == NULL)
            return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
        atomic_init(&list->references, 1);
        status = parse_items(list, key, texts, count, fault);
    }
    if (status != STATUS_OK || out == NULL)
        cidr_list_unref(list);
    else
        *out = list;
    return status;
}

struct cidr_list *cidr_list_ref(struct cidr_list *list)
{
    if (list != NULL)
        (void)atomic_fetch_add(&list->references, 1);
    return list;
}

void cidr_list_unref(struct cidr_list *list)
{
    if (list != NULL && atomic_fetch_sub(&list->references, 1) == 1)
        free(list);
}

bool cidr_list_has(const struct cidr_list *list, const uint8_t address[CIDR_ADDRESS_LEN])
{
    for (size_t i = 0; list != NULL && i < list->count; i++)
        if (cidr_has(&list->items[i], address))
            return true;
    return false;
}
