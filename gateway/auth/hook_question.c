/* SPDX-License-Identifier: Apache-2.0 */
/* What a client has sent becomes a JSON string and nothing else: everything goes through
 * buf_append_json_string. */
#include "gateway/auth/hook_question.h"

#include "shared/base/utf8.h"

static enum status append_latin1(struct buf *out, struct slice text)
{
    struct buf wide;
    enum status status = STATUS_OK;

    buf_init(&wide, HOOK_QUESTION_MAX);
    for (size_t i = 0; i < text.len && status == STATUS_OK; i++) {
        char bytes[4];

        status = buf_append(&wide, bytes, utf8_encode(text.data[i], bytes));
    }
    if (status == STATUS_OK)
        status = buf_append_json_string(out, wide.data, wide.len);
    buf_fini(&wide);
    return status;
}

static enum status append_string(struct buf *out, struct slice text)
{
    return utf8_valid(text, NULL) ? buf_append_json_string(out, text.data, text.len)
                                  : append_latin1(out, text);
}

/* `,"name":"text"` */
static enum status append_member(struct buf *out, const char *name, struct slice text)
{
    enum status status = buf_append_str(out, ",");

    if (status == STATUS_OK)
        status = buf_append_json_string(out, name, strlen(name));
    if (status == STATUS_OK)
        status = buf_append_str(out, ":");
    return status == STATUS_OK ? append_string(out, text) : status;
}

static enum status append_headers(struct buf *out, const struct http_request *request,
                                  const struct conf_list *headers)
{
    enum status status = buf_append_str(out, ",\"headers\":{");
    size_t begin = out->len;

    for (size_t i = 0; i < headers->count && status == STATUS_OK; i++) {
        struct slice value = http_request_only_header(request, headers->items[i]);

        if (value.data != NULL)
            status = append_member(out, headers->items[i], value);
    }
    if (status == STATUS_OK && out->len > begin) {
        memmove(out->data + begin, out->data + begin + 1, out->len - begin - 1); /* the first comma */
        out->len--;
    }
    return status == STATUS_OK ? buf_append_str(out, "}}") : status;
}

static enum status begin(struct hook_question *question, enum hook_event event, const char *text)
{
    *question = (struct hook_question){.event = event};
    list_init(&question->node);
    buf_init(&question->json, HOOK_QUESTION_MAX);
    return buf_append_str(&question->json, text);
}

static enum status end(struct hook_question *question, enum status status)
{
    if (status != STATUS_OK)
        buf_fini(&question->json);
    return status;
}

enum status hook_question_connect(struct hook_question *question, struct slice address,
                                  const struct http_request *request, const struct conf_list *headers)
{
    enum status status = begin(question, HOOK_CONNECT, "{\"event\":\"connect\"");

    if (status == STATUS_OK)
        status = append_member(&question->json, "address", address);
    if (status == STATUS_OK)
        status = append_member(&question->json, "query", http_request_query(request));
    if (status == STATUS_OK)
        status = append_headers(&question->json, request, headers);
    return end(question, status);
}

enum status hook_question_join(struct hook_question *question, const struct grant *grant, struct slice room)
{
    struct slice user = grant_user(grant);
    enum status status = begin(question, HOOK_JOIN, "{\"event\":\"join\"");

    if (status == STATUS_OK)
        status = user.data != NULL ? append_member(&question->json, "user", user)
                                   : buf_append_str(&question->json, ",\"user\":null");
    if (status == STATUS_OK)
        status = append_member(&question->json, "room", room);
    if (status == STATUS_OK)
        status = buf_append_str(&question->json, "}");
    return end(question, status);
}

void hook_question_fini(struct hook_question *question)
{
    buf_fini(&question->json);
    grant_free(question->answer.grant);
    question->answer.grant = NULL;
}
