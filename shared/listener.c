/* SPDX-License-Identifier: Apache-2.0 */
/* Owns one listening socket and its events on the loop's thread. Accepts in small bursts and
 * hands each socket on; never reads from one. */
#include "shared/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/log.h"

enum { BACKLOG = 4096, BURST = 64, REST_MS = 100, WHAT_LEN = 32, TEXT_LEN = 160 };

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } at;
    socklen_t len;
    bool both; /* IPv6 that takes IPv4 too */
};

struct listener {
    struct event *accepting;
    struct event *rest; /* ends the pause after accept() failed */
    listener_accept *on_accept;
    void *arg;
    uint64_t failures;
    struct address address;
    ino_t inode; /* of the unix socket, so that only our own file is removed */
    int fd;
    int port;
    bool paused;
    char what[WHAT_LEN];
};

static bool is_local(const struct address *address)
{
    return address->at.any.sa_family == AF_UNIX;
}

static void use_v4(struct address *address, uint32_t host, int port)
{
    address->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address->at.v4.sin_addr.s_addr = htonl(host);
    address->len = sizeof address->at.v4;
    address->both = false;
}

static void use_v6(struct address *address, struct in6_addr host, int port)
{
    address->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    address->at.v6.sin6_addr = host;
    address->len = sizeof address->at.v6;
}

static enum status parse_local(struct address *address, const char *path, struct fault *fault)
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

static enum status parse_address(struct address *address, const char *bind, int port, struct fault *fault)
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

static void print_address(const struct address *address, int port, char *out)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (is_local(address)) {
        snprintf(out, TEXT_LEN, "unix:%s", address->at.local.sun_path);
    } else if (address->at.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->at.v4.sin_addr, host, sizeof host);
        snprintf(out, TEXT_LEN, "%s:%d", host, port);
    } else {
        inet_ntop(AF_INET6, &address->at.v6.sin6_addr, host, sizeof host);
        snprintf(out, TEXT_LEN, "[%s]:%d", host, port);
    }
}

static enum status refuse(const struct address *address, int port, struct fault *fault, const char *reason)
{
    char text[TEXT_LEN];

    print_address(address, port, text);
    return fault_set(fault, STATUS_IO, "cannot listen on %s: %s", text, reason);
}

static const char *bind_error(const struct address *address)
{
    if (errno == EADDRINUSE)
        return is_local(address) ? "taken by a live process" : "port taken";
    return errno == EADDRNOTAVAIL ? "not an address of this machine" : strerror(errno);
}

/* Removes the socket file of a process that has ended; a live one keeps it. */
static bool clear_stale(const struct address *address)
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

static int open_socket(struct address *address, int port)
{
    static const int on = 1;
    int only_v6 = address->both ? 0 : 1;
    int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* A kernel without IPv6 still has all the addresses of IPv4. */
    if (fd < 0 && errno == EAFNOSUPPORT && address->both) {
        use_v4(address, INADDR_ANY, port);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd < 0 || is_local(address))
        return fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* tcp(7): what it accepts inherits it */
    if (address->at.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    return fd;
}

static void note_name(struct listener *listener)
{
    struct address name = {.len = sizeof name.at};
    struct stat info;

    if (is_local(&listener->address)) {
        if (stat(listener->address.at.local.sun_path, &info) == 0)
            listener->inode = info.st_ino;
    } else if (getsockname(listener->fd, &name.at.any, &name.len) == 0) {
        listener->port = ntohs(name.at.any.sa_family == AF_INET ? name.at.v4.sin_port : name.at.v6.sin6_port);
    }
}

static enum status start_socket(struct listener *listener, int port, struct fault *fault)
{
    struct address *address = &listener->address;

    if (is_local(address) && !clear_stale(address))
        return refuse(address, port, fault, bind_error(address));
    listener->fd = open_socket(address, port);
    if (listener->fd < 0 || bind(listener->fd, &address->at.any, address->len) != 0)
        return refuse(address, port, fault, bind_error(address));
    note_name(listener);
    if (listen(listener->fd, BACKLOG) != 0)
        return refuse(address, port, fault, bind_error(address));
    return STATUS_OK;
}

static void rest(struct listener *listener, int error)
{
    static const struct timeval pause = {0, REST_MS * 1000};

    listener->failures++;
    log_event(LOG_WARN, "cannot accept", LOG_S("what", listener->what), LOG_S("error", strerror(error)),
              LOG_I("failures", listener->failures));
    event_del(listener->accepting);
    event_add(listener->rest, &pause);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Whether there may be more. Errors of one connection alone (accept(2)) are passed over. */
static bool accept_one(struct listener *listener)
{
    struct address peer = {.len = sizeof peer.at};
    int fd = accept4(listener->fd, &peer.at.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (is_shortage(errno))
            rest(listener, errno);
        return errno != EAGAIN && !is_shortage(errno);
    }
    listener->on_accept(fd, &peer.at.any, peer.len, listener->arg);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < BURST && !listener->paused; i++)
        if (!accept_one(listener))
            break;
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;

    (void)fd;
    (void)what;
    if (!listener->paused)
        event_add(listener->accepting, NULL);
}

static enum status start_events(struct listener *listener, struct event_base *base, struct fault *fault)
{
    listener->accepting = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_readable, listener);
    listener->rest = event_new(base, -1, 0, on_rested, listener);
    if (listener->accepting == NULL || listener->rest == NULL || event_add(listener->accepting, NULL) != 0)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    return STATUS_OK;
}

static void announce(const struct listener *listener)
{
    char text[TEXT_LEN];

    print_address(&listener->address, listener->port, text);
    log_event(LOG_INFO, "listening", LOG_S("what", listener->what), LOG_S("addr", text));
}

enum status listener_new(struct event_base *base, const char *what, const char *bind, int port,
                         listener_accept *on_accept, void *arg, struct listener **out, struct fault *fault)
{
    struct listener *listener = calloc(1, sizeof *listener);

    if (listener == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    listener->fd = -1;
    listener->on_accept = on_accept;
    listener->arg = arg;
    snprintf(listener->what, sizeof listener->what, "%s", what);
    enum status status = parse_address(&listener->address, bind, port, fault);
    if (status == STATUS_OK)
        status = start_socket(listener, port, fault);
    if (status == STATUS_OK)
        status = start_events(listener, base, fault);
    if (status != STATUS_OK) {
        listener_free(listener);
        return status;
    }
    announce(listener);
    *out = listener;
    return STATUS_OK;
}

enum status listener_check(const char *key, const char *bind_to, int port, struct fault *fault)
{
    struct address address = {0};
    struct fault inner = {""};
    enum status status = parse_address(&address, bind_to, port, &inner);

    if (status == STATUS_OK && port != 0 && !is_local(&address)) {
        int fd = open_socket(&address, port);

        if (fd < 0 || bind(fd, &address.at.any, address.len) != 0)
            status = refuse(&address, port, &inner, bind_error(&address));
        if (fd >= 0)
            close(fd);
    }
    if (status == STATUS_OK)
        return STATUS_OK;
    return fault_set(fault, status,
                     "%s: %d: %.300s; allowed: an address of this machine and a free port, or 0", key, port,
                     inner.text);
}

static void remove_file(const struct listener *listener)
{
    const char *path = listener->address.at.local.sun_path;
    struct stat info;

    if (listener->inode != 0 && stat(path, &info) == 0 && info.st_ino == listener->inode)
        unlink(path);
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->accepting != NULL)
        event_free(listener->accepting);
    if (listener->rest != NULL)
        event_free(listener->rest);
    if (listener->fd >= 0)
        close(listener->fd);
    if (is_local(&listener->address))
        remove_file(listener);
    free(listener);
}

void listener_pause(struct listener *listener)
{
    listener->paused = true;
    event_del(listener->accepting);
    event_del(listener->rest);
}

void listener_resume(struct listener *listener)
{
    listener->paused = false;
    event_add(listener->accepting, NULL);
}

int listener_port(const struct listener *listener)
{
    return listener->port;
}
