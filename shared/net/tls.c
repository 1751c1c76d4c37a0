/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL contexts for the RPC. Start-up and the loop's thread. Never moves a byte itself and
 * never logs key material. */
#include "shared/net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "shared/base/plain_file.h"

/* TLS 1.2 suites that RFC 9113, appendix A, does not prohibit; TLS 1.3 has its own good list. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const unsigned char alpn[] = {2, 'h', '2'};
static const unsigned char alpn_http[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

const char *tls_error_text(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code && ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : NULL;

    if (code && text == NULL)
        text = ERR_reason_error_string(code);
    ERR_clear_error();
    return text != NULL ? text : "closed";
}

/* Without it OpenSSL would ask for the pass phrase on the terminal. */
static int refuse_passphrase(char *out, int len, int writing, void *arg)
{
    (void)out;
    (void)len;
    (void)writing;
    (void)arg;
    return -1;
}

static int choose(const unsigned char *ours, unsigned ours_len, const unsigned char **out,
                  unsigned char *out_len, const unsigned char *in, unsigned in_len)
{
    unsigned char *chosen = NULL;

    if (SSL_select_next_proto(&chosen, out_len, ours, ours_len, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int choose_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                     unsigned in_len, void *arg)
{
    (void)ssl;
    (void)arg;
    return choose(alpn, sizeof alpn, out, out_len, in, in_len);
}

static int choose_http(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    (void)ssl;
    (void)arg;
    return choose(alpn_http, sizeof alpn_http, out, out_len, in, in_len);
}

static bool harden(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, ciphers) == 1;
}

/* Before OpenSSL opens it: at a reload that would be the loop, and what it opens may be a FIFO by then. */
static enum status check_files(const struct tls_files *files, struct fault *fault)
{
    const char *const paths[] = {files->cert, files->key, files->ca};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *reason;
        enum status status = paths[i][0] ? plain_file_check(paths[i], &reason) : STATUS_OK;

        if (status != STATUS_OK)
            return fault_set(fault, status, "%s: cannot be read: %s", paths[i], reason);
    }
    return STATUS_OK;
}

static enum status use_key_pair(SSL_CTX *context, const struct tls_files *files, struct fault *fault)
{
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1)
        return fault_set(fault, STATUS_INVALID, "%s: not usable as a certificate chain (PEM): %s",
                         files->cert, tls_error_text());
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
        return fault_set(fault, STATUS_INVALID,
                         "%s: not usable as the private key of %s (PEM, no pass phrase): %s", files->key,
                         files->cert, tls_error_text());
    return STATUS_OK;
}

static enum status use_ca(SSL_CTX *context, const char *path, bool server, struct fault *fault)
{
    int mode = SSL_VERIFY_PEER | (server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    STACK_OF(X509_NAME) *names = server ? SSL_load_client_CA_file(path) : NULL;

    if (SSL_CTX_load_verify_file(context, path) != 1 || (server && names == NULL)) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fault_set(fault, STATUS_INVALID, "%s: not usable as a bundle of CA certificates (PEM): %s",
                         path, tls_error_text());
    }
    if (server)
        SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, mode, NULL);
    return STATUS_OK;
}

static enum status context_new(bool server, const struct tls_files *files, SSL_CTX **out, struct fault *fault)
{
    SSL_CTX *context;
    enum status status = check_files(files, fault);

    if (status != STATUS_OK)
        return status;
    ERR_clear_error();
    context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (context == NULL || !harden(context))
        status = fault_set(fault, STATUS_NO_MEMORY, "TLS: %s", tls_error_text());
    if (status == STATUS_OK && files->cert[0])
        status = use_key_pair(context, files, fault);
    if (status == STATUS_OK && files->ca[0])
        status = use_ca(context, files->ca, server, fault);
    if (status != STATUS_OK) {
        SSL_CTX_free(context);
        return status;
    }
    *out = context;
    return STATUS_OK;
}

enum status tls_server_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault)
{
    enum status status = context_new(true, files, out, fault);

    if (status == STATUS_OK)
        SSL_CTX_set_alpn_select_cb(*out, choose_h2, NULL);
    return status;
}

enum status tls_https_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault)
{
    enum status status = context_new(true, files, out, fault);

    if (status == STATUS_OK)
        SSL_CTX_set_alpn_select_cb(*out, choose_http, NULL);
    return status;
}

enum status tls_client_new(const struct tls_files *files, SSL_CTX **out, struct fault *fault)
{
    enum status status = context_new(false, files, out, fault);

    if (status == STATUS_OK && SSL_CTX_set_alpn_protos(*out, alpn, sizeof alpn)) {
        SSL_CTX_free(*out);
        *out = NULL;
        return fault_set(fault, STATUS_NO_MEMORY, "TLS: %s", tls_error_text());
    }
    return status;
}

static int64_t expiry_of(const X509 *cert)
{
    struct tm end;

    return cert != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) == 1 ? (int64_t)timegm(&end) : 0;
}

enum status tls_certificate_expiry(const char *path, int64_t *unix_seconds, struct fault *fault)
{
    BIO *file;
    X509 *cert;
    int64_t end;

    ERR_clear_error();
    file = BIO_new_file(path, "r");
    cert = file != NULL ? PEM_read_bio_X509(file, NULL, refuse_passphrase, NULL) : NULL;
    end = expiry_of(cert);
    X509_free(cert);
    BIO_free(file);
    if (end == 0)
        return fault_set(fault, STATUS_INVALID, "%s: not usable as a certificate (PEM): %s", path,
                         tls_error_text());
    *unix_seconds = end;
    return STATUS_OK;
}

int64_t tls_context_expiry(const SSL_CTX *context)
{
    return expiry_of(SSL_CTX_get0_certificate(context));
}

void tls_time_text(int64_t unix_seconds, char *out)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm utc = {0};

    gmtime_r(&seconds, &utc);
    if (strftime(out, TLS_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        out[0] = '\0';
}

static bool is_address(const char *name)
{
    struct in6_addr address;

    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* An address is compared with the certificate's addresses and never sent as SNI (RFC 6066, 3). */
static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

SSL *tls_client_session(SSL_CTX *context, const char *name)
{
    SSL *ssl = SSL_new(context);

    if (ssl != NULL && !expect_name(ssl, name)) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}
