/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare-health PORT...: the image's health check, for there is neither curl nor need of a shell in it.
 * Leaves with 0 when a daemon on one of these ports of 127.0.0.1 answers GET /healthz with 200 within
 * two seconds, else with 1. 400 is as good: that is how a logic answers plain HTTP where api.cert makes its
 * port HTTPS, from the same loop, and no more is asked here. A single process with one thread; writes nothing
 * but one line to stderr. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char REQUEST[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
static const char GOOD[] = "HTTP/1.1 200 ", GOOD_OVER_TLS[] = "HTTP/1.1 400 ";
enum { TIMEOUT_SECONDS = 2, PORT_MAX = 65535 };

static bool answers_well(int fd)
{
    char answer[sizeof GOOD - 1];
    size_t len = 0;
    ssize_t got = 1;

    if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof REQUEST - 1))
        return false;
    while (len < sizeof answer && got > 0) {
        got = recv(fd, answer + len, sizeof answer - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    return len == sizeof answer &&
           (memcmp(answer, GOOD, len) == 0 || memcmp(answer, GOOD_OVER_TLS, len) == 0);
}

static bool is_healthy(in_port_t port)
{
    struct sockaddr_in peer = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool healthy;

    if (fd < 0)
        return false;
    healthy = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
              connect(fd, (const struct sockaddr *)&peer, sizeof peer) == 0 && answers_well(fd);
    close(fd);
    return healthy;
}

/* 0 for what is no port. */
static in_port_t port_of(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);

    return *end || port < 1 || port > PORT_MAX ? 0 : (in_port_t)port;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (port_of(argv[i]) && is_healthy(port_of(argv[i])))
            return EXIT_SUCCESS;
    (void)fputs("fanfare-health: no daemon answers /healthz on the given ports\n", stderr);
    return EXIT_FAILURE;
}
