/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox's wake is an eventfd on the control loop. */
#include "gateway/accept/control_box.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/base/list.h"
#include "shared/net/loop_event.h"

struct route {
    control_handler *handler;
    void *arg;
};

struct control_box {
    struct mailbox *mailbox;
    int wake_fd;
    struct event *wake_event;
    struct route routes[CONTROL_MAIL_KINDS];
};

void control_box_take(struct control_box *box)
{
    struct mail *next;

    for (struct mail *mail = mailbox_take(box->mailbox); mail != NULL; mail = next) {
        struct control_mail *head = container_of(mail, struct control_mail, mail);

        next = mail->next;
        box->routes[head->kind].handler(box->routes[head->kind].arg, head);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) < 0)
        return;
    control_box_take(arg);
}

static void wake(void *arg)
{
    const struct control_box *box = arg;
    uint64_t one = 1;

    if (write(box->wake_fd, &one, sizeof one) < 0)
        return;
}

enum status control_box_new(struct event_base *base, struct control_box **out)
{
    struct control_box *box = calloc(1, sizeof *box);

    if (box == NULL)
        return STATUS_NO_MEMORY;
    box->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (box->wake_fd < 0 || mailbox_new(SIZE_MAX, wake, box, &box->mailbox) != STATUS_OK)
        goto fail;
    box->wake_event = event_new(base, box->wake_fd, EV_READ | EV_PERSIST, on_wake, box);
    if (box->wake_event == NULL || event_add(box->wake_event, NULL) != 0)
        goto fail;
    *out = box;
    return STATUS_OK;
fail:
    control_box_free(box);
    return STATUS_NO_MEMORY;
}

struct mailbox *control_box_mailbox(struct control_box *box)
{
    return box->mailbox;
}

void control_box_route(struct control_box *box, enum control_mail_kind kind, control_handler *handler,
                       void *arg)
{
    box->routes[kind] = (struct route){handler, arg};
}

void control_box_free(struct control_box *box)
{
    if (box == NULL)
        return;
    mailbox_free(box->mailbox);
    loop_event_free(box->wake_event);
    if (box->wake_fd >= 0)
        close(box->wake_fd);
    free(box);
}
