/* SPDX-License-Identifier: Apache-2.0 */
/* Client frames are masked as RFC 6455, section 5.3 wants it; the mask itself is always the same. */
#include "tests/bench/swarm_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/websocket/ws_frame.h"
#include "shared/websocket/ws_handshake.h"

enum { CLIENTS_PER_ADDRESS = 10000, REQUEST_BYTES = 512, TARGET_BYTES = 64, JOIN_BYTES = ROOM_NAME_MAX + 64 };

static const uint8_t MASK[4] = {0x11, 0x22, 0x33, 0x44};
/* The example of the RFC: no client works out a digest. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

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

/* Sends what stands in `out` and frees it; false as well when it could not be written whole. */
static bool send_off(int fd, struct buf *out, enum status status)
{
    bool sent = status == STATUS_OK &&
                send(fd, out->data, out->len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)out->len;

    buf_fini(out);
    return sent;
}

bool swarm_client_shake_hands(int fd, enum swarm_style style, const struct rooms *rooms, size_t client)
{
    static const char *const paths[] = {
        [SWARM_FANFARE] = "/connect", [SWARM_FANFARE_URL] = "/connect?join=", [SWARM_NCHAN] = "/sub?id="};
    char target[TARGET_BYTES + ROOM_NAME_MAX];
    char room[ROOM_NAME_MAX] = "";
    struct buf out;
    enum status status;

    buf_init(&out, REQUEST_BYTES);
    if (style != SWARM_FANFARE)
        rooms_name(rooms, rooms_of_client(rooms, client, 0), room);
    snprintf(target, sizeof target, "%s%s", paths[style], room);
    status = ws_handshake_print(&out, target, "bench", KEY);
    return send_off(fd, &out, status == STATUS_OK ? buf_append_str(&out, "\r\n") : status);
}

int swarm_client_answer(const char *text, size_t len)
{
    const char *why;
    size_t used;

    switch (ws_answer_read(slice_of(text, len), SWARM_CLIENT_ANSWER_MAX, ACCEPT, &used, &why)) {
    case WS_READ_FRAME:
        return (int)used;
    case WS_READ_MORE:
        return 0;
    case WS_READ_BAD:
    case WS_READ_BIG:
        break;
    }
    return -1;
}

bool swarm_client_join(int fd, const struct rooms *rooms, size_t client)
{
    struct buf out;
    enum status status = STATUS_OK;

    buf_init(&out, SWARM_CLIENT_ROOMS_MAX * JOIN_BYTES + JOIN_BYTES);
    for (size_t i = 0; i < rooms_per_client(rooms) && i < SWARM_CLIENT_ROOMS_MAX && status == STATUS_OK;
         i++) {
        char name[ROOM_NAME_MAX];
        char join[JOIN_BYTES];
        int len;

        rooms_name(rooms, rooms_of_client(rooms, client, i), name);
        len = snprintf(join, sizeof join, "{\"type\":\"JOIN\",\"data\":{\"room\":\"%s\"}}", name);
        status = ws_frame_append(&out, WS_OP_TEXT, slice_of(join, (size_t)len), MASK);
    }
    if (status == STATUS_OK)
        status = ws_frame_append(&out, WS_OP_TEXT, slice_str("{\"type\":\"PING\",\"data\":{}}"), MASK);
    return send_off(fd, &out, status);
}

bool swarm_client_pong(int fd)
{
    struct buf out;

    buf_init(&out, REQUEST_BYTES);
    return send_off(fd, &out, ws_frame_append(&out, WS_OP_PONG, slice_of("", 0), MASK));
}
