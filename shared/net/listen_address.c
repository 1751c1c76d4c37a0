/* SPDX-License-Identifier: Apache-2.0 */
/* Parses, prints and binds; never listens. */
#include "shared/net/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool listen_address_is_local(const struct listen_address *address)
{
    return address->at.any.sa_family == AF_UNIX;
}

static void use_v4(struct listen_address *address, uint32_t host, int port)
{
    address->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address->at.v4.sin_addr.s_addr = htonl(host);
    address->len = sizeof address->at.v4;
    address->both = false;
}

static void use_v6(struct listen_address *address, struct in6_addr host, int port)
{
    address->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    address->at.v6.sin6_addr = host;
    address->len = sizeof address->at.v6;
}

static enum status parse_local(struct listen_address *address, const char *path, struct fault *fault)
{
    struct sockaddr_un *local = &address->at.local;

    if (*path == '\0' || strlen(path) >= sizeof local->sun_path)
        return fault_set(fault, STATUS_INVALID, "unix:%s: a path of 1 to %zu bytes is allowed", path,
                         sizeof local->sun_path - 1);
    local->sun_family = AF_UNIX;
    strcpy(local->sun_path, path);
    address->len = sizeof *local;
    return STATUS_OK;
}

/* An IPv6 address may stand in brackets, as it does in a URL. */
static bool parse_v6(const char *bind, struct in6_addr *host)
{
    char bare[INET6_ADDRSTRLEN];
    size_t len = strlen(bind);

    if (len > 2 && bind[0] == '[' && bind[len - 1] == ']') {
        bind++;
        len -= 2;
    }
    if (len >= sizeof bare)
        return false;
    memcpy(bare, bind, len);
    bare[len] = '\0';
    return inet_pton(AF_INET6, bare, host) == 1;
}

enum status listen_address_parse(struct listen_address *address, const char *bind, int port,
                                 struct fault *fault)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (strncmp(bind, "unix:", 5) == 0)
        return parse_local(address, bind + 5, fault);
    if (strcmp(bind, "*") == 0) {
        use_v6(address, in6addr_any, port);
        address->both = true;
    } else if (strcmp(bind, "localhost") == 0) {
        use_v4(address, INADDR_LOOPBACK, port);
    } else if (inet_pton(AF_INET, bind, &v4) == 1) {
        use_v4(address, ntohl(v4.s_addr), port);
    } else if (parse_v6(bind, &v6)) {
        use_v6(address, v6, port);
    } else {
        return fault_set(fault, STATUS_INVALID,
                         "%s: not an address to listen on: *, an IPv4 or IPv6 address, localhost or "
                         "unix:/path are allowed",
                         bind);
    }
    return STATUS_OK;
}

void listen_address_print(const struct listen_address *address, int port, char *out)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (listen_address_is_local(address)) {
        snprintf(out, LISTEN_TEXT_MAX, "unix:%s", address->at.local.sun_path);
    } else if (address->at.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->at.v4.sin_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_MAX, "%s:%d", host, port);
    } else {
        inet_ntop(AF_INET6, &address->at.v6.sin6_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_MAX, "[%s]:%d", host, port);
    }
}

static const char *bind_error(const struct listen_address *address)
{
    if (errno == EADDRINUSE)
        return listen_address_is_local(address) ? "taken by a live process" : "port taken";
    return errno == EADDRNOTAVAIL ? "not an address of this machine" : strerror(errno);
}

/* What may pass, and what cannot before somebody writes or allows something else. */
static enum status status_of_bind(const struct listen_address *address)
{
    bool forbidden = (errno == EACCES || errno == EPERM) && !listen_address_is_local(address);

    if (errno == EADDRNOTAVAIL)
        return STATUS_NOT_FOUND;
    return forbidden || errno == EEXIST || errno == EAFNOSUPPORT ? STATUS_INVALID : STATUS_IO;
}

enum status listen_address_refuse(const struct listen_address *address, int port, struct fault *fault)
{
    enum status status = status_of_bind(address);
    const char *reason = bind_error(address);
    char text[LISTEN_TEXT_MAX];

    listen_address_print(address, port, text);
    return fault_set(fault, status, "cannot listen on %s: %s", text, reason);
}

/* Removes the socket file of a process that has ended; a live one keeps it. */
static bool clear_stale(const struct listen_address *address)
{
    struct stat info;
    int fd;

    if (lstat(address->at.local.sun_path, &info) != 0)
        return true;
    if (!S_ISSOCK(info.st_mode)) {
        errno = EEXIST;
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool stale = connect(fd, &address->at.any, address->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (stale && unlink(address->at.local.sun_path) == 0)
        return true;
    errno = EADDRINUSE;
    return false;
}

static int open_socket(struct listen_address *address, int port)
{
    static const int on = 1;
    int only_v6 = address->both ? 0 : 1;
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* A kernel without IPv6 still has all the addresses of IPv4. */
    if (fd < 0 && errno == EAFNOSUPPORT && address->both) {
        use_v4(address, INADDR_ANY, port);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd < 0 || listen_address_is_local(address))
        return fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* tcp(7): what it accepts inherits it */
    if (address->at.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    return fd;
}

enum status listen_address_bind(struct listen_address *address, int port, int *fd, struct fault *fault)
{
    if (listen_address_is_local(address) && !clear_stale(address))
        return listen_address_refuse(address, port, fault);
    *fd = open_socket(address, port);
    if (*fd >= 0 && bind(*fd, &address->at.any, address->len) == 0)
        return STATUS_OK;
    enum status status = listen_address_refuse(address, port, fault);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return status;
}
