/* SPDX-License-Identifier: Apache-2.0 */
/* The question goes to the control thread by mail and comes back so; only `client` of it is ours meanwhile.
 */
#include "gateway/bucket/asking.h"

#include <stdlib.h>
#include <strings.h>

#include "gateway/bucket/bucket_state.h"
#include "shared/net/cidr.h"

static struct hook_mail *mail_new(const struct client *client)
{
    struct hook_mail *mail = calloc(1, sizeof *mail);

    if (mail != NULL)
        mail->bucket = client->bucket->index;
    return mail;
}

/* Takes the mail over. `made`: whether its question could be made. */
static enum status post(struct client *client, struct hook_mail *mail, enum status made)
{
    mail->question.client = client;
    if (made == STATUS_OK)
        made = control_post(client->bucket->conf->returns, &mail->back, CONTROL_HOOK);
    if (made == STATUS_OK)
        client->auth->wait->asked = mail;
    else
        hook_mail_free(mail);
    return made;
}

/* Whether a browser may send it by itself. Of programs only cookies are: they show the rest on purpose. */
static bool is_visitors(const char *name, bool is_page)
{
    return strcasecmp(name, "Cookie") == 0 || (is_page && strcasecmp(name, "Authorization") == 0);
}

/* The headers that are handed on; a page that is not known lends neither its visitor's cookies nor the
 * password that his browser keeps. The items are the policy's, the array the caller's. */
static enum status choose_headers(const struct client *client, bool known_page, struct conf_list *out)
{
    const struct conf_list *all = auth_policy_hook_headers(client->bucket->auth.policy);
    bool is_page = http_request_header(client->request, "Origin").data != NULL;

    *out = (struct conf_list){.items = calloc(all->count + 1, sizeof *out->items)};
    if (out->items == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < all->count; i++)
        if (known_page || !is_visitors(all->items[i], is_page))
            out->items[out->count++] = all->items[i];
    return STATUS_OK;
}

/* Empty when it is not known. */
static struct slice address_of(const struct client *client, char text[CIDR_TEXT_MAX])
{
    static const uint8_t unknown[CIDR_ADDRESS_LEN];

    if (memcmp(client->ticket->peer, unknown, sizeof unknown) == 0)
        return slice_str("");
    cidr_address_print(client->ticket->peer, text);
    return slice_str(text);
}

enum status asking_who(struct client *client, bool known_page)
{
    struct hook_mail *mail = mail_new(client);
    struct conf_list headers;
    char text[CIDR_TEXT_MAX];

    if (mail == NULL)
        return STATUS_NO_MEMORY;
    enum status status = choose_headers(client, known_page, &headers);
    if (status == STATUS_OK)
        status = hook_question_connect(&mail->question, address_of(client, text), client->request, &headers);
    free(headers.items);
    return post(client, mail, status);
}

enum status asking_join(struct client *client, struct slice room)
{
    struct hook_mail *mail = mail_new(client);

    if (mail == NULL)
        return STATUS_NO_MEMORY;
    return post(client, mail, hook_question_join(&mail->question, client->auth->grant, room));
}
