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

static const char digest_prefix[] = "sha256:";

enum { PREFIX_LEN = sizeof digest_prefix - 1 };

struct entry {
    unsigned char digest[DIGEST_LEN];
    struct api_caller *caller; /* of `callers` */
    size_t line;
};

struct api_tokens {
    size_t count;
    size_t caller_count;
    struct api_caller *callers[API_CALLERS_MAX];
    struct entry entries[API_TOKENS_MAX];
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

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static enum status read_digest(struct slice hex, unsigned char out[DIGEST_LEN], struct fault *fault)
{
    bool good = hex.len == 2 * DIGEST_LEN;

    for (size_t i = 0; good && i < DIGEST_LEN; i++) {
        int high = hex_value(hex.data[2 * i]);
        int low = hex_value(hex.data[2 * i + 1]);

        good = high >= 0 && low >= 0;
        if (good)
            out[i] = (unsigned char)(high << 4 | low);
    }
    return good ? STATUS_OK
                : fault_set(fault, STATUS_INVALID,
                            "behind sha256: 64 hex digits are needed, the token's SHA-256");
}

static enum status read_token(struct slice token, unsigned char out[DIGEST_LEN], struct fault *fault)
{
    if (!is_token(token))
        return fault_set(fault, STATUS_INVALID, "a token has 1 to %d printable ASCII characters and no space",
                         API_TOKEN_MAX);
    if (token.len >= PREFIX_LEN && memcmp(token.data, digest_prefix, PREFIX_LEN) == 0)
        return read_digest(slice_of(token.data + PREFIX_LEN, token.len - PREFIX_LEN), out, fault);
    return digest(token, out) == STATUS_OK ? STATUS_OK
                                           : fault_set(fault, STATUS_NO_MEMORY, "no memory for the tokens");
}

static struct api_caller *caller_named(const struct api_tokens *tokens, const char *name)
{
    for (size_t i = 0; i < tokens->caller_count; i++)
        if (strcmp(tokens->callers[i]->name, name) == 0)
            return tokens->callers[i];
    return NULL;
}

/* The caller of that name in the set: the one that is there, or this one, which is given away. */
static enum status merge_caller(struct api_tokens *tokens, struct api_caller *caller, struct api_caller **out,
                                struct fault *fault)
{
    *out = caller_named(tokens, caller->name);
    if (*out != NULL && !api_caller_equal(*out, caller))
        return fault_set(
            fault, STATUS_INVALID,
            "\"%s\" stands in line %zu with other rights, rooms, users or rate; lines of one name must "
            "agree",
            caller->name, (*out)->line);
    if (*out != NULL)
        return STATUS_OK;
    if (tokens->caller_count == API_CALLERS_MAX)
        return fault_set(fault, STATUS_INVALID, "at most %d names are allowed", API_CALLERS_MAX);
    *out = tokens->callers[tokens->caller_count++] = api_caller_ref(caller);
    return STATUS_OK;
}

static enum status take_caller(struct api_tokens *tokens, struct slice options, struct entry *entry,
                               struct fault *fault)
{
    struct api_caller *caller = NULL;
    enum status status = api_caller_parse(options, &caller, fault);

    if (status != STATUS_OK)
        return status;
    caller->line = entry->line;
    status = merge_caller(tokens, caller, &entry->caller, fault);
    api_caller_unref(caller);
    return status;
}

static enum status refuse_twice(const struct api_tokens *tokens, const struct entry *entry,
                                struct fault *fault)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (CRYPTO_memcmp(tokens->entries[i].digest, entry->digest, DIGEST_LEN) == 0)
            return fault_set(fault, STATUS_INVALID, "the token stands in line %zu already",
                             tokens->entries[i].line);
    return STATUS_OK;
}

static enum status take_entry(struct api_tokens *tokens, struct slice line, struct entry *entry,
                              struct fault *fault)
{
    const uint8_t *space = memchr(line.data, ' ', line.len);
    size_t len = space != NULL ? (size_t)(space - line.data) : line.len;
    enum status status;

    if (tokens->count == API_TOKENS_MAX)
        return fault_set(fault, STATUS_INVALID, "at most %d tokens are allowed", API_TOKENS_MAX);
    status = read_token(slice_of(line.data, len), entry->digest, fault);
    if (status == STATUS_OK)
        status = refuse_twice(tokens, entry, fault);
    return status == STATUS_OK ? take_caller(tokens, slice_of(line.data + len, line.len - len), entry, fault)
                               : status;
}

static enum status take_line(struct api_tokens *tokens, struct slice line, const char *name, size_t number,
                             struct fault *fault)
{
    struct entry entry = {.line = number};
    struct fault found = {""};
    enum status status;

    if (line.len == 0 || line.data[0] == '#')
        return STATUS_OK;
    status = take_entry(tokens, line, &entry, &found);
    if (status == STATUS_NO_MEMORY)
        return fault_set(fault, status, "%s", found.text);
    if (status != STATUS_OK)
        return fault_set(fault, status, "%.200s:%zu: %.250s", name, number, found.text);
    tokens->entries[tokens->count++] = entry;
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

size_t api_tokens_caller_count(const struct api_tokens *tokens)
{
    return tokens->caller_count;
}

struct api_caller *api_tokens_caller(const struct api_tokens *tokens, size_t index)
{
    return tokens->callers[index];
}

/* No branch depends on which one it is. */
struct api_caller *api_tokens_find(const struct api_tokens *tokens, struct slice token)
{
    unsigned char given[DIGEST_LEN];
    size_t place = 0;

    if (digest(token, given) != STATUS_OK)
        return NULL;
    for (size_t i = 0; i < tokens->count; i++) {
        size_t same = CRYPTO_memcmp(tokens->entries[i].digest, given, DIGEST_LEN) == 0;

        place |= (0 - same) & (i + 1);
    }
    return place > 0 ? tokens->entries[place - 1].caller : NULL;
}

void api_tokens_follow(struct api_tokens *tokens, const struct api_tokens *old)
{
    for (size_t i = 0; old != NULL && i < tokens->caller_count; i++) {
        const struct api_caller *before = caller_named(old, tokens->callers[i]->name);

        if (before != NULL)
            tokens->callers[i]->due_us = before->due_us;
    }
}

void api_tokens_free(struct api_tokens *tokens)
{
    if (tokens == NULL)
        return;
    for (size_t i = 0; i < tokens->caller_count; i++)
        api_caller_unref(tokens->callers[i]);
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
