/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of the gateway send each other. A message is allocated by its sender and
 * belongs to whoever holds it. */
#ifndef FANFARE_GATEWAY_BUCKET_TICKET_H
#define FANFARE_GATEWAY_BUCKET_TICKET_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "gateway/auth/hook_question.h"
#include "gateway/bucket/bucket_limits.h"
#include "gateway/bucket/delivery.h"
#include "gateway/websocket/handshake_rules.h"
#include "gateway/websocket/refusal.h"
#include "shared/base/mailbox.h"
#include "shared/net/cidr.h"

enum bucket_mail_kind {
    MAIL_TICKET,
    MAIL_JOB,
    MAIL_DRAIN,
    MAIL_LIMITS,
    MAIL_RULES,
    MAIL_POLICY,
    MAIL_CERTIFICATE,
    MAIL_HOOK,
    MAIL_QUERY, /* query_part.h */
    MAIL_STOP
};

/* Into a bucket: the head of each message below. */
struct bucket_mail {
    struct mail mail; /* first */
    enum bucket_mail_kind kind;
};

enum control_mail_kind {
    CONTROL_TICKET,
    CONTROL_PROBE,
    CONTROL_HOOK,
    CONTROL_KEYS,
    CONTROL_QUERY,
    CONTROL_MAIL_KINDS
};

/* Out of a bucket, to the control thread: the head of each message that goes there. */
struct control_mail {
    struct mail mail; /* first */
    enum control_mail_kind kind;
};

/* From a bucket's thread; as mailbox_post. */
static inline enum status control_post(struct mailbox *control, struct control_mail *mail,
                                       enum control_mail_kind kind)
{
    mail->kind = kind;
    return mailbox_post(control, &mail->mail);
}

struct address;
struct auth_policy;

/* A connection's ticket: made by the acceptor with the socket, kept by the client as long as
 * it lives, sent back when it is gone, so that the acceptor's counts are its own. */
struct ticket {
    union {
        struct bucket_mail head;  /* on its way in */
        struct control_mail back; /* and out */
    };
    int fd;
    int retry_s;         /* with REFUSAL_RATE: its Retry-After */
    int64_t accepted_us; /* monotonic */
    unsigned bucket;
    enum refusal refusal;    /* answer 503 to the handshake */
    struct address *address; /* where it is counted; NULL: nowhere */
    bool gave_way;           /* closed for a newcomer: the bucket's */
    bool canary;             /* the gateway's own client: in its room from the start, counted nowhere */
    bool probe;              /* the acceptor's: counts as no client */
    bool trusted;            /* comes from a trusted proxy itself, whose headers are believed */
    uint8_t peer[CIDR_ADDRESS_LEN]; /* whose it is, as known so far: X-Forwarded-For may say more. Zeros:
                                       unknown */
};

/* Sent before the ticket: the connection was no client's but a load balancer's probe. */
struct probe_note {
    struct control_mail head;
    struct ticket *ticket; /* still the client's; the acceptor may touch its own members */
};

/* A token names a key that its issuer does not have: the keys may be old. At most one each second and issuer
 * (auth_policy.h). */
struct keys_note {
    struct control_mail head;
    uint64_t source; /* of the issuer */
};

/* A question to auth.hook, on its way to the control thread as CONTROL_HOOK, and back to its bucket,
 * answered, as MAIL_HOOK, within auth.hook.timeout. Made and freed by the bucket, and freed by nobody else
 * before the bucket has ended: until then it may write question.client. A bucket has at most one under way
 * for each client, so they need no bound of their own in either mailbox. */
struct hook_mail {
    union {
        struct bucket_mail head;  /* on its way in */
        struct control_mail back; /* and out */
    };
    unsigned bucket;
    struct hook_question question;
};

/* Legal on NULL. */
static inline void hook_mail_free(struct hook_mail *mail)
{
    if (mail != NULL)
        hook_question_fini(&mail->question);
    free(mail);
}

/* A delivery for one bucket. */
struct job {
    struct bucket_mail head;
    struct job *next; /* in the room's queue */
    struct delivery *delivery;
    int64_t begun_us; /* monotonic: when its first client was visited; 0: not yet */
    uint32_t cursor;  /* of a command: places below it are still to visit */
    uint16_t number;  /* of a kick: struct room, kicks */
};

/* Close all clients with 1001, spread over duration_ms, and tell them to come back spread over
 * ramp_ms (not less), both counted from now. */
struct drain_order {
    struct bucket_mail head;
    int64_t duration_ms;
    int64_t ramp_ms;
};

/* Other limits from here on. */
struct limits_order {
    struct bucket_mail head;
    struct bucket_limits limits;
};

/* Other rules for new handshakes. */
struct rules_order {
    struct bucket_mail head;
    struct handshake_rules *rules; /* a reference */
};

/* Another policy of identity from here on. */
struct policy_order {
    struct bucket_mail head;
    struct auth_policy *policy; /* a reference; NULL: auth.mode none */
};

/* The certificate, chain and key of this context for new handshakes. */
struct certificate_order {
    struct bucket_mail head;
    SSL_CTX *certificate; /* a reference */
};

#endif
