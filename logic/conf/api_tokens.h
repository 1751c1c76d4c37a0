/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of the HTTP API (api.tokensFile) and whose they are, as SHA-256 digests: the tokens themselves
 * are not kept, and no fault holds one. The file: one token a line, of 1 to API_TOKEN_MAX printable ASCII
 * characters without spaces, or `sha256:` and its digest in 64 hex digits; behind it, between spaces, what
 * api_caller.h says. Lines of one name are one caller, and must agree; a token stands once. Lines that are
 * empty or begin with # are passed over; LF or CRLF. Bounds: API_TOKENS_MAX tokens, API_CALLERS_MAX names:
 * past them the file is refused. One thread at a time; logs nothing. */
#ifndef FANFARE_LOGIC_CONF_API_TOKENS_H
#define FANFARE_LOGIC_CONF_API_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "logic/conf/api_caller.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { API_TOKEN_MAX = 256, API_TOKENS_MAX = 1000, API_CALLERS_MAX = 200, API_TOKENS_FILE_MAX = 512 * 1024 };

struct api_tokens;

/* Reads the text of such a file; `name` stands in front of the fault, with the line: `/etc/tokens:3: …`.
 * STATUS_INVALID for a bad line, for no token at all and for too many; STATUS_NO_MEMORY. */
enum status api_tokens_parse(struct slice text, const char *name, struct api_tokens **out,
                             struct fault *fault);
/* Reads a regular file of at most API_TOKENS_FILE_MAX bytes. `open_to_all` says whether others than its
 * owner and group may read it. STATUS_IO and the reason when it cannot be read. */
enum status api_tokens_load(const char *path, struct api_tokens **out, bool *open_to_all,
                            struct fault *fault);
size_t api_tokens_count(const struct api_tokens *tokens);
/* Whose token this is, the tokens' own, or NULL. Takes as long for one that is as for one that is not, and
 * wherever it stands. */
struct api_caller *api_tokens_find(const struct api_tokens *tokens, struct slice token);
/* The callers, in the order of the file. */
size_t api_tokens_caller_count(const struct api_tokens *tokens);
struct api_caller *api_tokens_caller(const struct api_tokens *tokens, size_t index);
/* Callers that `old` (may be NULL) has too, by their names, go on with what they have used of their rate. */
void api_tokens_follow(struct api_tokens *tokens, const struct api_tokens *old);
/* Callers that somebody has a reference to stay. Legal on NULL. */
void api_tokens_free(struct api_tokens *tokens);

/* The token in the value of an Authorization header, `Bearer TOKEN` (RFC 6750, section 2.1; RFC 9110,
 * section 11.1: the scheme in any case), or a slice with data NULL when it has another form. */
struct slice api_tokens_bearer(struct slice authorization);

#endif
