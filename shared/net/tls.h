/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL contexts for the RPC (HTTP/2 by ALPN: RFC 7301; RFC 9113, section 3.2) and for HTTPS: TLS 1.2 or
 * later, strong ciphers only. Start-up and the loop's thread. */
#ifndef FANFARE_SHARED_NET_TLS_H
#define FANFARE_SHARED_NET_TLS_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "shared/base/status.h"

struct tls_files {
    const char *cert; /* PEM chain, or "" */
    const char *key;  /* PEM key, or "" */
    const char *ca;   /* PEM bundle to verify the peer with, or "" for no verification */
};

/* A server context (ALPN h2 required). With a CA a client certificate is required and verified. STATUS_IO: a
 * file cannot be read now, STATUS_INVALID: it will not do; the fault begins with its path. */
enum status tls_server_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault);
/* The same for HTTPS: of ALPN http/1.1 is selected; who offers other protocols only is refused
 * (no_application_protocol, RFC 7301, 3.2), who offers none needs none. */
enum status tls_https_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault);
/* A client context. With a CA the server's chain is verified; see tls_client_session for the name. */
enum status tls_client_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault);
/* A client session: SNI and, if the context verifies, host name or IP address check (RFC 6125)
 * against `name`. NULL for want of memory. The caller owns it. */
SSL *tls_client_session(SSL_CTX *context, const char *name);
/* When the first certificate of a PEM file ends (RFC 5280, 4.1.2.5: notAfter), in seconds since 1970.
 * STATUS_INVALID: not such a file; the fault begins with its path. */
enum status tls_certificate_expiry(const char *path, int64_t *unix_seconds, struct fault *fault);
/* The same of the certificate that a context shows; 0 when it shows none. Any thread. */
int64_t tls_context_expiry(const SSL_CTX *context);
enum { TLS_TIME_MAX = 24 };
/* Seconds since 1970 as 2027-01-31T12:00:00Z (RFC 3339); `out` has TLS_TIME_MAX bytes. */
void tls_time_text(int64_t unix_seconds, char *out);
/* The last OpenSSL error of this thread as text (for logs; holds no secret), or "closed". */
const char *tls_error_text(void);

#endif
