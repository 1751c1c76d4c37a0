/* SPDX-License-Identifier: Apache-2.0 */
/* Tries the TLS files in a context that is thrown away. At the start and a reload, main thread. Opens no
 * socket and shows no key material. */
#include "shared/conf/conf_tls.h"

#include <stdbool.h>
#include <string.h>

static enum status try_files(const struct tls_files *files, struct fault *fault)
{
    SSL_CTX *context = NULL;
    enum status status = tls_server_new(files, &context, fault);

    SSL_CTX_free(context);
    return status;
}

/* A fault of shared/net/tls begins with the file that it is about. */
static bool is_about(const struct fault *fault, const char *path)
{
    return strncmp(fault->text, path, strlen(path)) == 0 && fault->text[strlen(path)] == ':';
}

enum status conf_check_tls(const struct tls_files *files, const struct tls_files *keys, struct fault *fault)
{
    struct fault found = {""};
    struct tls_files pair = {files->cert, files->key, ""};
    struct tls_files ca = {"", "", files->ca};
    enum status status;

    if (!files->cert[0] != !files->key[0])
        return fault_set(fault, STATUS_INVALID, "%s: required: %s and %s are set together or not at all",
                         files->cert[0] ? keys->key : keys->cert, keys->cert, keys->key);
    status = try_files(&pair, &found);
    if (status != STATUS_OK)
        return fault_set(fault, status, "%s: %.480s", is_about(&found, files->cert) ? keys->cert : keys->key,
                         found.text);
    status = try_files(&ca, &found);
    return status != STATUS_OK ? fault_set(fault, status, "%s: %.480s", keys->ca, found.text) : STATUS_OK;
}
