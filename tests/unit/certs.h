/* SPDX-License-Identifier: Apache-2.0 */
/* A private CA and what it signs, made in memory and written to a directory of the test's own:
 * ca.pem, server.pem/.key (localhost, 127.0.0.1), client.pem/.key, stranger.pem/.key (self-signed). */
#ifndef FANFARE_TESTS_CERTS_H
#define FANFARE_TESTS_CERTS_H

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct certs {
    char dir[64];
    char path[7][96];
};

enum { CERT_CA, CERT_SERVER, KEY_SERVER, CERT_CLIENT, KEY_CLIENT, CERT_STRANGER, KEY_STRANGER };

static const char *const certs_names[] = {"ca.pem",     "server.pem",   "server.key",  "client.pem",
                                          "client.key", "stranger.pem", "stranger.key"};

static inline void certs_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Self-signed when `issuer` is NULL; `alt` is the subjectAltName or NULL for a CA. */
static inline X509 *certs_sign(const char *name, const char *alt, EVP_PKEY *key, X509 *issuer,
                               EVP_PKEY *issuer_key)
{
    static long serial = 1;
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(cert, key);
    certs_extend(cert, issuer != NULL ? issuer : cert, NID_basic_constraints,
                 alt != NULL ? "CA:FALSE" : "critical,CA:TRUE");
    if (alt != NULL)
        certs_extend(cert, issuer != NULL ? issuer : cert, NID_subject_alt_name, alt);
    assert_true(X509_sign(cert, issuer_key != NULL ? issuer_key : key, EVP_sha256()) > 0);
    return cert;
}

static inline void certs_write(const char *path, X509 *cert, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    if (cert != NULL)
        assert_int_equal(PEM_write_X509(file, cert), 1);
    else
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static inline void certs_issue(struct certs *certs, int slot, const char *name, X509 *ca, EVP_PKEY *ca_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = certs_sign(name, "DNS:localhost,IP:127.0.0.1", key, ca, ca_key);

    certs_write(certs->path[slot], cert, NULL);
    certs_write(certs->path[slot + 1], NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static inline void certs_make(struct certs *certs)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    X509 *ca = certs_sign("test ca", NULL, ca_key, NULL, NULL);
    char dir[] = "/tmp/fanfare-certs-XXXXXX";

    assert_non_null(mkdtemp(dir));
    snprintf(certs->dir, sizeof certs->dir, "%s", dir);
    for (int i = 0; i < 7; i++)
        snprintf(certs->path[i], sizeof certs->path[i], "%s/%s", dir, certs_names[i]);
    certs_write(certs->path[CERT_CA], ca, NULL);
    certs_issue(certs, CERT_SERVER, "server", ca, ca_key);
    certs_issue(certs, CERT_CLIENT, "client", ca, ca_key);
    certs_issue(certs, CERT_STRANGER, "stranger", NULL, NULL);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
}

static inline void certs_remove(struct certs *certs)
{
    for (int i = 0; i < 7; i++)
        unlink(certs->path[i]);
    rmdir(certs->dir);
}

#endif
