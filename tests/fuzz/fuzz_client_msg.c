/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes from a client: a message that passes has a usable room or a reason, and can be
 * answered with valid JSON. */
#include "gateway/websocket/client_msg.h"
#include "shared/contract/push.h"
#include "shared/json/json_scan.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_ROOM = 128, MAX_ANSWER = 1024 };

static void check_answer(struct buf *answer, enum status status)
{
    struct json_value value;
    struct json_error error;

    fuzz_check(status == STATUS_OK);
    fuzz_check(json_scan(slice_of(answer->data, answer->len), CLIENT_MSG_MAX_DEPTH + 1, &value, &error) ==
               STATUS_OK);
    buf_clear(answer);
}

static void check_answers(struct slice id)
{
    struct buf answer;

    buf_init(&answer, MAX_ANSWER);
    check_answer(&answer, client_msg_ack(&answer, id));
    check_answer(&answer,
                 client_msg_error(&answer, id, slice_of(NULL, 0), "invalid_room", "the room name is empty"));
    buf_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_msg msg;

    if (client_msg_parse(slice_of(data, size), MAX_ROOM, &msg) != STATUS_OK) {
        return 0;
    }
    if (msg.id.data != NULL) {
        check_answers(msg.id);
    }
    char token[CLIENT_MSG_MAX_TOKEN];
    size_t len = 0;
    if (client_msg_token(&msg, token, &len) == STATUS_OK)
        fuzz_check(len > 0 && len <= sizeof token && utf8_valid(slice_of(token, len), NULL));
    if ((msg.type == CLIENT_MSG_JOIN || msg.type == CLIENT_MSG_LEAVE) && msg.room_fault == NULL) {
        fuzz_check(push_room_fault(slice_of(msg.room, msg.room_len), MAX_ROOM) == NULL);
    }
    return 0;
}
