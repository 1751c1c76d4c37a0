/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file of tokens and answers for its digests. Keeps no token: what was read is wiped.
 * One thread at a time. */
#include "logic/conf/api_tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGEST_LEN = 32 };

struct api_tokens {
    size_t count;
    unsigned char digests[API_TOKENS_MAX][DIGEST_LEN];
};

static enum status digest(struct slice token, unsigned char out[DIGEST_LEN])
{
    return EVP_Digest(token.data, token.len, out, NULL, EVP_sha256(), NULL) == 1 ? STATUS_OK
                                                                                 : STATUS_NO_MEMORY;
}

static bool is_token(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] <= ' ' || line.data[i] >= 0x7f)
            return false;
    return line.len >= 1 && line.len <= API_TOKEN_MAX;
}

static struct slice next_line(struct slice *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    struct slice line = slice_of(rest->data, len);

    *rest = slice_of(rest->data + len + (end != NULL), rest->len - len - (end != NULL));
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static enum status take_line(struct api_tokens *tokens, struct slice line, const char *name, size_t number,
                             struct fault *fault)
{
    if (line.len == 0 || line.data[0] == '#')
        return STATUS_OK;
    if (!is_token(line))
        return fault_set(fault, STATUS_INVALID,
                         "%.300s:%zu: a token has 1 to %d printable ASCII characters and no space", name,
                         number, API_TOKEN_MAX);
    if (tokens->count == API_TOKENS_MAX)
        return fault_set(fault, STATUS_INVALID, "%.300s:%zu: at most %d tokens are allowed", name, number,
                         API_TOKENS_MAX);
    if (digest(line, tokens->digests[tokens->count]) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the tokens");
    tokens->count++;
    return STATUS_OK;
}

static enum status take_lines(struct api_tokens *tokens, struct slice text, const char *name,
                              struct fault *fault)
{
    enum status status = STATUS_OK;

    for (size_t number = 1; status == STATUS_OK && text.len > 0; number++)
        status = take_line(tokens, next_line(&text), name, number, fault);
    if (status == STATUS_OK && tokens->count == 0)
        return fault_set(
            fault, STATUS_INVALID,
            "%.300s: holds no token; one a line is needed, of 1 to %d printable ASCII characters", name,
            API_TOKEN_MAX);
    return status;
}

enum status api_tokens_parse(struct slice text, const char *name, struct api_tokens **out,
                             struct fault *fault)
{
    struct api_tokens *tokens = calloc(1, sizeof *tokens);

    if (tokens == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the tokens");
    enum status status = take_lines(tokens, text, name, fault);
    if (status != STATUS_OK) {
        api_tokens_free(tokens);
        return status;
    }
    *out = tokens;
    return STATUS_OK;
}

/* A FIFO would block the loop, and never end. */
static enum status open_file(const char *path, int *fd, struct stat *info, struct fault *fault)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, info))
        return fault_set(fault, STATUS_IO, "%.300s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(info->st_mode))
        return fault_set(fault, STATUS_IO, "%.300s: is not a regular file", path);
    return STATUS_OK;
}

static enum status read_whole(int fd, uint8_t *out, size_t cap, size_t *len, const char *path,
                              struct fault *fault)
{
    ssize_t got = 1;

    for (*len = 0; *len < cap && got > 0; *len += got > 0 ? (size_t)got : 0) {
        got = read(fd, out + *len, cap - *len);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got < 0)
            return fault_set(fault, STATUS_IO, "%.300s: cannot be read: %s", path, strerror(errno));
    }
    return STATUS_OK;
}

static enum status read_tokens(int fd, const char *path, struct api_tokens **out, struct fault *fault)
{
    size_t cap = API_TOKENS_FILE_MAX + 1;
    size_t len = 0;
    uint8_t *text = malloc(cap);

    if (text == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the tokens");
    enum status status = read_whole(fd, text, cap, &len, path, fault);
    if (status == STATUS_OK && len == cap)
        status = fault_set(fault, STATUS_INVALID, "%.300s: has more than the %d bytes that are allowed", path,
                           API_TOKENS_FILE_MAX);
    if (status == STATUS_OK)
        status = api_tokens_parse(slice_of(text, len), path, out, fault);
    OPENSSL_cleanse(text, len);
    free(text);
    return status;
}

enum status api_tokens_load(const char *path, struct api_tokens **out, bool *open_to_all, struct fault *fault)
{
    struct stat info;
    int fd = -1;
    enum status status = open_file(path, &fd, &info, fault);

    if (status == STATUS_OK)
        status = read_tokens(fd, path, out, fault);
    if (status == STATUS_OK)
        *open_to_all = (info.st_mode & S_IROTH) != 0;
    if (fd >= 0)
        close(fd);
    return status;
}

size_t api_tokens_count(const struct api_tokens *tokens)
{
    return tokens->count;
}

bool api_tokens_have(const struct api_tokens *tokens, struct slice token)
{
    unsigned char given[DIGEST_LEN];
    unsigned found = 0;

    if (digest(token, given) != STATUS_OK)
        return false;
    for (size_t i = 0; i < tokens->count; i++)
        found |= CRYPTO_memcmp(tokens->digests[i], given, DIGEST_LEN) == 0;
    return found != 0;
}

void api_tokens_free(struct api_tokens *tokens)
{
    free(tokens);
}

struct slice api_tokens_bearer(struct slice authorization)
{
    static const char scheme[] = "Bearer ";
    size_t at = sizeof scheme - 1;

    if (authorization.len <= at || strncasecmp((const char *)authorization.data, scheme, at) != 0)
        return slice_of(NULL, 0);
    while (at < authorization.len && authorization.data[at] == ' ')
        at++;
    struct slice token = slice_of(authorization.data + at, authorization.len - at);
    return is_token(token) ? token : slice_of(NULL, 0);
}
