/* SPDX-License-Identifier: Apache-2.0 */
/* Says hello and keeps what the gateway answers. The loop's thread only. */
#include "logic/link/link_hello.h"

#include <string.h>

#include "shared/log/log.h"

void link_hello_init(struct link_hello *hello)
{
    *hello = (struct link_hello){.conn = NULL};
    buf_init(&hello->text, HELLO_MAX_BYTES);
}

void link_hello_fini(struct link_hello *hello)
{
    buf_fini(&hello->text);
}

static size_t read_text(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct link_hello *hello = arg;
    size_t rest = hello->text.len - hello->sent;
    size_t part = rest < len ? rest : len;

    memcpy(out, hello->text.data + hello->sent, part);
    hello->sent += part;
    *eof = part == rest;
    return part;
}

static enum status say(struct link_hello *hello, const struct hello *own, int64_t now_us)
{
    const struct h2_body body = {read_text, hello};

    buf_clear(&hello->text);
    hello->sent = 0;
    hello->said_us = now_us;
    enum status status = hello_print(own, &hello->text);
    if (status == STATUS_OK)
        status = h2_request(hello->conn, "POST", "/rpc/hello", "application/json", &body, &hello->stream);
    hello->owed = status == STATUS_OK;
    return status;
}

enum status link_hello_start(struct link_hello *hello, struct h2_conn *conn, const struct hello *own,
                             int64_t now_us)
{
    hello->conn = conn;
    return say(hello, own, now_us);
}

void link_hello_stop(struct link_hello *hello)
{
    hello->conn = NULL;
    hello->owed = hello->answered = hello->known = false;
}

bool link_hello_is_due(const struct link_hello *hello, bool news, int64_t now_us)
{
    return hello->conn != NULL && hello->known && !hello->owed &&
           (news || now_us - hello->said_us >= LINK_HELLO_MS * 1000);
}

void link_hello_again(struct link_hello *hello, const struct hello *own, int64_t now_us)
{
    (void)say(hello, own, now_us);
}

static bool is_passing(int status)
{
    return status < 200 || status == 408 || status == 429 || status >= 500;
}

static enum link_hello_reply note_answer(struct link_hello *hello, const char *gateway, struct slice body)
{
    struct hello peer;
    struct fault fault;

    if (hello_parse(body, &peer, &fault) != STATUS_OK) {
        log_event(LOG_WARN, "gateway answers the hello with something else", LOG_S("gateway", gateway),
                  LOG_S("reason", fault.text));
        hello->known = false;
        return LINK_HELLO_HEARD;
    }
    hello->peer = peer;
    hello->known = true;
    return LINK_HELLO_HEARD;
}

enum link_hello_reply link_hello_answer(struct link_hello *hello, const char *gateway, int32_t stream,
                                        int status, struct slice body)
{
    if (!hello->owed || stream != hello->stream)
        return LINK_HELLO_OTHER;
    bool first = !hello->answered;
    hello->owed = false;
    if (is_passing(status))
        return first ? LINK_HELLO_FAILED : LINK_HELLO_HEARD;
    hello->answered = true;
    if (status == 200)
        return note_answer(hello, gateway, body);
    hello->known = false;
    if (status != 404 && status != 405)
        log_event(LOG_WARN, "gateway refuses the hello", LOG_S("gateway", gateway), LOG_I("status", status));
    return LINK_HELLO_HEARD;
}
