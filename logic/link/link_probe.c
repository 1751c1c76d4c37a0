/* SPDX-License-Identifier: Apache-2.0 */
/* Measures a link while it is up. The loop's thread only; has no timer, closes nothing. */
#include "logic/link/link_probe.h"

#include "shared/json/json_scan.h"

enum { STATS_DEPTH = 8, CLIENTS_MAX_DIGITS = 15 };

void link_probe_init(struct link_probe *probe)
{
    *probe = (struct link_probe){.rtt_us = -1, .clients = -1};
}

static void send_probe(struct link_probe *probe, int64_t now_us)
{
    probe->asked_us = now_us;
    probe->owed = h2_request(probe->conn, "GET", "/stats", NULL, NULL, &probe->stream) == STATUS_OK;
}

void link_probe_start(struct link_probe *probe, struct h2_conn *conn, int64_t now_us)
{
    link_probe_init(probe);
    probe->conn = conn;
    send_probe(probe, now_us);
}

void link_probe_stop(struct link_probe *probe)
{
    link_probe_init(probe);
}

void link_probe_tick(struct link_probe *probe, int64_t now_us)
{
    if (probe->conn == NULL || now_us - probe->asked_us < LINK_PROBE_MS * 1000)
        return;
    if (!probe->owed) {
        send_probe(probe, now_us);
        return;
    }
    probe->rtt_us = -1;
    probe->clients = -1;
}

static int64_t read_count(struct slice text)
{
    int64_t number = 0;

    if (text.len > CLIENTS_MAX_DIGITS)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9)
            return -1;
        number = number * 10 + (int64_t)digit;
    }
    return number;
}

int64_t link_probe_read(struct slice body)
{
    struct json_value root, key, value;
    struct json_error error;

    if (json_scan(body, STATS_DEPTH, &root, &error) != STATUS_OK || root.type != JSON_OBJECT)
        return -1;
    struct json_iter members = json_iter_of(&root, body.data);
    while (json_next_member(&members, &key, &value))
        if (json_string_is(key.text, "onlineConnections", false))
            return value.type == JSON_NUMBER ? read_count(value.text) : -1;
    return -1;
}

bool link_probe_answer(struct link_probe *probe, int32_t stream, int status, struct slice body,
                       int64_t now_us)
{
    if (!probe->owed || stream != probe->stream)
        return false;
    probe->owed = false;
    probe->rtt_us = status ? now_us - probe->asked_us : -1;
    probe->clients = status == 200 ? link_probe_read(body) : -1;
    return true;
}
