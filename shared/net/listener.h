/* SPDX-License-Identifier: Apache-2.0 */
/* A listening stream socket on the libevent loop: TCP over IPv4 and IPv6, or a unix socket.
 * The loop's thread only. */
#ifndef FANFARE_SHARED_NET_LISTENER_H
#define FANFARE_SHARED_NET_LISTENER_H

#include <event2/event.h>
#include <sys/socket.h>

#include "shared/base/status.h"

struct listener;

/* A new connection: non-blocking, close-on-exec, TCP_NODELAY set on TCP. The callee owns `fd`. */
typedef void listener_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg);

/* Binds and listens. `bind` is "*" (all addresses, IPv6 and IPv4 alike), an IPv4 or IPv6
 * address (with or without brackets), "localhost", or "unix:/path" (port ignored; a stale
 * socket file is replaced, a live one is a fault; removed by listener_free). `port` 0 takes a
 * free one. Logs `msg=listening what=<what> addr=127.0.0.1:7777`. The fault names address and
 * reason ("port taken"). */
enum status listener_new(struct event_base *base, const char *what, const char *bind, int port,
                         listener_accept *on_accept, void *arg, struct listener **out, struct fault *fault);
/* Takes connections in bursts, `pace_us` microseconds apart, while several wait each time (0, as at first:
 * each as it comes): less work for each of them in a storm, at the price of so long a wait. One that comes
 * when nobody else waits is taken at once. */
void listener_set_pace(struct listener *listener, int64_t pace_us);
/* The options that name the port and the address. */
struct listener_keys {
    const char *port; /* "wsPort" */
    const char *bind; /* "wsBind" */
};
/* Whether listener_new could have that address now, without keeping it. The fault (never NULL) begins with
 * the option that is wrong. A unix socket is not tried. STATUS_INVALID: no address, or a port that needs
 * rights that we do not have; STATUS_NOT_FOUND: no address of this machine, or none yet; STATUS_IO: taken,
 * or else. */
enum status listener_check(const struct listener_keys *keys, const char *bind, int port, struct fault *fault);
/* Puts the option that `status`, as listener_new gave it with `fault`, is about in front of the fault, and
 * what is allowed behind it. Returns `status`. */
enum status listener_blame(const struct listener_keys *keys, const char *bind, enum status status,
                           struct fault *fault);
/* Counts in `row` of the metrics, from here on, how often accept() failed for want of descriptors or memory.
 */
void listener_count_failures(struct listener *listener, unsigned row);
void listener_free(struct listener *listener);
/* Stops taking new connections without closing the socket, and takes them again. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* The port in use, or 0 for a unix socket. */
int listener_port(const struct listener *listener);
/* When accept() fails for want of descriptors or memory the listener pauses for 100 ms,
 * counts and logs (rate-limited), and goes on. */

#endif
