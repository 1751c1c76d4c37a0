/* SPDX-License-Identifier: Apache-2.0 */
/* Opened without waiting, then looked at: what is no regular file is closed again. */
#include "gateway/conf/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file's bytes; wiped with file_fini. */
struct file {
    uint8_t *data;
    size_t len;
};

enum { FILE_MAX_BYTES = JWK_SET_BYTES_MAX };

static void file_fini(struct file *file)
{
    if (file->data != NULL)
        explicit_bzero(file->data, FILE_MAX_BYTES + 1);
    free(file->data);
}

static enum status refuse(const char *path, enum status status, const char *reason, struct fault *fault)
{
    return fault_set(fault, status, "%.300s: %s", path, reason);
}

static enum status read_all(int fd, const char *path, struct file *out, struct fault *fault)
{
    ssize_t got;

    while (out->len <= FILE_MAX_BYTES) {
        got = read(fd, out->data + out->len, FILE_MAX_BYTES + 1 - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse(path, STATUS_IO, strerror(errno), fault);
        if (got == 0)
            return STATUS_OK;
        out->len += (size_t)got;
    }
    return refuse(path, STATUS_TOO_LARGE, "larger than 1,048,576 bytes", fault);
}

/* `out` goes to file_fini in every case. */
static enum status read_file(const char *path, struct file *out, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    enum status status;

    if (fd < 0)
        return refuse(path, STATUS_IO, strerror(errno), fault);
    out->data = malloc(FILE_MAX_BYTES + 1);
    if (fstat(fd, &info) != 0)
        status = refuse(path, STATUS_IO, strerror(errno), fault);
    else if (!S_ISREG(info.st_mode))
        status = refuse(path, STATUS_INVALID, "it is not a regular file", fault);
    else if (out->data == NULL)
        status = refuse(path, STATUS_NO_MEMORY, status_text(STATUS_NO_MEMORY), fault);
    else
        status = read_all(fd, path, out, fault);
    close(fd);
    return status;
}

static enum status refuse_set(const char *path, enum status status, const struct fault *inner,
                              struct fault *fault)
{
    return fault_set(fault, status, "%.300s: %.200s", path, inner->text);
}

enum status key_file_load_jwks(const char *path, struct jwk_set **out, struct fault *fault)
{
    struct file file = {NULL, 0};
    struct jwk_set *set = NULL;
    struct fault inner = {""};
    enum status status = read_file(path, &file, fault);

    if (status == STATUS_OK) {
        status = jwk_set_parse(slice_of(file.data, file.len), &set, &inner);
        if (status != STATUS_OK)
            (void)refuse_set(path, status, &inner, fault);
        else if (jwk_set_count(set) == 0)
            status = refuse(path, STATUS_INVALID, "the set has no key", fault);
    }
    file_fini(&file);
    if (status != STATUS_OK) {
        jwk_set_unref(set);
        return status;
    }
    *out = set;
    return STATUS_OK;
}

static size_t without_line_end(const struct file *file)
{
    size_t len = file->len;

    if (len > 0 && file->data[len - 1] == '\n')
        len--;
    if (len < file->len && len > 0 && file->data[len - 1] == '\r')
        len--;
    return len;
}

enum status key_file_load_secret(const char *path, struct jwk_set **out, struct fault *fault)
{
    struct file file = {NULL, 0};
    struct fault inner = {""};
    enum status status = read_file(path, &file, fault);

    if (status == STATUS_OK) {
        status = jwk_set_of_secret(slice_of(file.data, without_line_end(&file)), out, &inner);
        if (status != STATUS_OK)
            (void)refuse_set(path, status, &inner, fault);
    }
    file_fini(&file);
    return status;
}
