/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 request parsing (RFC 9112), with limits. Pure: bytes in, a request out; no socket, no
 * clock. Strict where a proxy in front could read the bytes differently (request smuggling,
 * RFC 9112, 11.2): line ends are CRLF, one space between the parts of the request line, no space in or
 * behind a header's name, no folded lines, one Content-Length or one `Transfer-Encoding: chunked` but never
 * both, exactly one Host of a valid form in HTTP/1.1, no framing or routing in a trailer. Methods are any
 * token, in the case in which they come. */
#ifndef FANFARE_SHARED_HTTP_HTTP_REQUEST_H
#define FANFARE_SHARED_HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct http_request;

enum http_parse {
    HTTP_PARSE_MORE,       /* all bytes taken, the request is not complete */
    HTTP_PARSE_HEADERS,    /* the headers are complete (told once, before any body byte); feed again,
                              even when no byte is left: the request may have no body */
    HTTP_PARSE_COMPLETE,   /* complete; bytes behind it were not taken */
    HTTP_PARSE_BAD,        /* not HTTP, or not allowed: 400 */
    HTTP_PARSE_VERSION,    /* HTTP, but not 1.x: 505 */
    HTTP_PARSE_HEADER_BIG, /* header or trailer section past its limit, or more than 100 fields: 431 */
    HTTP_PARSE_BODY_BIG,   /* Content-Length or chunks past the limit, never before HTTP_PARSE_HEADERS: 413 */
};

/* Limits in bytes for request line plus headers, and for the body. */
enum status http_request_new(size_t max_header, size_t max_body, struct http_request **out);
void http_request_free(struct http_request *request);
/* Ready for the next request on the same connection; keeps modest buffers. */
void http_request_reset(struct http_request *request);
/* Other limits; only while no byte of a request has come. */
void http_request_limit(struct http_request *request, size_t max_header, size_t max_body);
/* Feeds bytes; `*used` says how many were taken. */
enum http_parse http_request_feed(struct http_request *request, const void *data, size_t len, size_t *used);
/* Whether a byte of the request has come (empty lines in front of it do not count). */
bool http_request_begun(const struct http_request *request);
/* After HTTP_PARSE_BAD: what was wrong, static text. */
const char *http_request_fault(const struct http_request *request);

/* Valid from HTTP_PARSE_HEADERS until reset; slices point into the request and stay where they
 * are (the body's only from HTTP_PARSE_COMPLETE). Before HTTP_PARSE_HEADERS, and when the section was
 * refused, method, http_request_header and _only_header know the lines that have come whole. */
struct slice http_request_method(const struct http_request *request); /* empty before its line */
struct slice http_request_path(const struct http_request *request);   /* without the query */
struct slice http_request_query(const struct http_request *request);  /* behind '?', or empty */
/* The value of the first header of that name (any case), or a slice with data NULL. */
struct slice http_request_header(const struct http_request *request, const char *name);
/* The same of a header that stands once; one that stands more often is as none. */
struct slice http_request_only_header(const struct http_request *request, const char *name);
/* Where a walk over the elements of a comma-separated header stands; zeroed at its begin. */
struct http_elements {
    size_t field; /* the first field that was not looked at */
    struct slice rest;
};

/* The next element, of the headers of that name (any case) one after the other as of one list (RFC 9110, 5.3
 * and 5.6.1): empty ones are passed over. False at the end. */
bool http_request_next_element(const struct http_request *request, const char *name,
                               struct http_elements *elements, struct slice *element);
/* Whether a comma-separated header has `token` as one of its elements (any case). */
bool http_request_has_token(const struct http_request *request, const char *name, const char *token);
/* Whether Content-Encoding names anything but `identity` (RFC 9110, 8.4). */
bool http_request_is_encoded(const struct http_request *request);
struct slice http_request_body(const struct http_request *request);
/* Whether a body of at least one byte, or of chunks, is announced (RFC 9112, 6.3). */
bool http_request_has_body(const struct http_request *request);
bool http_request_keep_alive(const struct http_request *request);
bool http_request_is_upgrade(const struct http_request *request);
/* The client waits for `100 Continue` before it sends the body (RFC 9110, 10.1.1). */
bool http_request_expects_continue(const struct http_request *request);
bool http_request_is_http10(const struct http_request *request);

#endif
