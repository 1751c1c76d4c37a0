/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL contexts for the RPC: HTTP/2 by ALPN (RFC 7301, RFC 9113 section 3.2), TLS 1.2 or
 * later, strong ciphers only. Start-up and the loop's thread. */
#ifndef FANFARE_SHARED_TLS_H
#define FANFARE_SHARED_TLS_H

#include <openssl/ssl.h>

#include "shared/status.h"

struct tls_files {
    const char *cert; /* PEM chain, or "" */
    const char *key;  /* PEM key, or "" */
    const char *ca;   /* PEM bundle to verify the peer with, or "" for no verification */
};

/* A server context (ALPN h2 required). With a CA a client certificate is required and verified. */
enum status tls_server_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault);
/* A client context. With a CA the server's chain is verified; see tls_client_session for the name. */
enum status tls_client_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault);
/* A client session: SNI and, if the context verifies, host name or IP address check (RFC 6125)
 * against `name`. NULL for want of memory. The caller owns it. */
SSL *tls_client_session(SSL_CTX *context, const char *name);
/* The last OpenSSL error of this thread as text (for logs; holds no secret), or "closed". */
const char *tls_error_text(void);

#endif
