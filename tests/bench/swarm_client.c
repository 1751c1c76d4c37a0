/* SPDX-License-Identifier: Apache-2.0 */
/* Client frames are masked as RFC 6455, section 5.3 wants it; the mask itself is always the same. */
#include "tests/bench/swarm_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_PER_ADDRESS = 10000, MASK_BYTES = 4, REQUEST_BYTES = 512, JOIN_BYTES = ROOM_NAME_MAX + 64 };

static const uint8_t MASK[MASK_BYTES] = {0x11, 0x22, 0x33, 0x44};

static bool choose_source(int fd, const struct sockaddr_in *server, size_t index)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;

    if (ntohl(server->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return true;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(index / CLIENTS_PER_ADDRESS));
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(fd, (struct sockaddr *)&source, sizeof source) == 0;
}

int swarm_client_connect(const struct sockaddr_in *server, size_t index)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (!choose_source(fd, server, index) ||
        (connect(fd, (const struct sockaddr *)server, sizeof *server) != 0 && errno != EINPROGRESS)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const void *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

bool swarm_client_shake_hands(int fd, enum swarm_style style, const struct rooms *rooms, size_t client)
{
    static const char *const paths[] = {
        [SWARM_FANFARE] = "/connect", [SWARM_FANFARE_URL] = "/connect?join=", [SWARM_NCHAN] = "/sub?id="};
    char request[REQUEST_BYTES];
    char room[ROOM_NAME_MAX] = "";
    int len;

    if (style != SWARM_FANFARE)
        rooms_name(rooms, rooms_of_client(rooms, client, 0), room);
    len = snprintf(request, sizeof request,
                   "GET %s%s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                   paths[style], room);
    return send_all(fd, request, (size_t)len);
}

int swarm_client_answer(const char *text, size_t len)
{
    static const char status[] = "HTTP/1.1 101 ";
    static const char accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const char *end = memmem(text, len, "\r\n\r\n", 4);

    if (end == NULL)
        return len < SWARM_CLIENT_ANSWER_MAX ? 0 : -1;
    if (memcmp(text, status, sizeof status - 1) != 0 ||
        memmem(text, (size_t)(end - text), accept, sizeof accept - 1) == NULL)
        return -1;
    return (int)(end - text) + 4;
}

/* Appends a masked frame; gives its end. */
static uint8_t *put_frame(uint8_t *at, unsigned opcode, const char *payload, size_t len)
{
    *at++ = (uint8_t)(0x80 | opcode);
    if (len < 126) {
        *at++ = (uint8_t)(0x80 | len);
    } else {
        *at++ = 0x80 | 126;
        *at++ = (uint8_t)(len >> 8);
        *at++ = (uint8_t)len;
    }
    memcpy(at, MASK, MASK_BYTES);
    at += MASK_BYTES;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(payload[i] ^ MASK[i % MASK_BYTES]);
    return at + len;
}

bool swarm_client_join(int fd, const struct rooms *rooms, size_t client)
{
    static const char ping[] = "{\"type\":\"PING\",\"data\":{}}";
    uint8_t bytes[SWARM_CLIENT_ROOMS_MAX * JOIN_BYTES + JOIN_BYTES];
    uint8_t *end = bytes;

    for (size_t i = 0; i < rooms_per_client(rooms) && i < SWARM_CLIENT_ROOMS_MAX; i++) {
        char name[ROOM_NAME_MAX];
        char join[JOIN_BYTES];
        int len;

        rooms_name(rooms, rooms_of_client(rooms, client, i), name);
        len = snprintf(join, sizeof join, "{\"type\":\"JOIN\",\"data\":{\"room\":\"%s\"}}", name);
        end = put_frame(end, 1, join, (size_t)len);
    }
    end = put_frame(end, 1, ping, sizeof ping - 1);
    return send_all(fd, bytes, (size_t)(end - bytes));
}

bool swarm_client_pong(int fd)
{
    uint8_t bytes[16];
    const uint8_t *end = put_frame(bytes, 10, "", 0);

    return send_all(fd, bytes, (size_t)(end - bytes));
}
