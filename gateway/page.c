/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the addresses of logic and of the issuer into the page and the headers in front of it: the main
 * thread, once. The page's bytes come from page_html.S. Knows nothing of requests or sockets. */
#include "gateway/page.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/daemon/page_policy.h"

enum { MAX_PAGE = 1 << 20 };

extern const char page_html[];
extern const char page_html_end[];

struct page {
    struct buf response;
};

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}

static enum status append_escaped(struct buf *out, const char *text)
{
    enum status status = STATUS_OK;

    for (; *text != '\0' && status == STATUS_OK; text++) {
        const char *escape = escape_of(*text);

        status = escape != NULL ? buf_append_str(out, escape) : buf_append(out, text, 1);
    }
    return status;
}

/* Takes what stands before `mark` off `rest`, appends it and `text` in the mark's place. */
static enum status fill_in(struct buf *html, struct slice *rest, const char *mark, const char *text)
{
    const uint8_t *at = memmem(rest->data, rest->len, mark, strlen(mark));

    if (at == NULL)
        return STATUS_NOT_FOUND;
    size_t before = (size_t)(at - rest->data);
    enum status status = buf_append(html, rest->data, before);
    *rest = slice_of(at + strlen(mark), rest->len - before - strlen(mark));
    return status == STATUS_OK ? append_escaped(html, text) : status;
}

/* In the order in which the marks stand in the page. */
static enum status fill_all(struct buf *html, const struct page_conf *conf)
{
    /* cppcheck-suppress comparePointers ; both are ends of one object */
    struct slice rest = slice_of(page_html, (size_t)(page_html_end - page_html));
    enum status status = fill_in(html, &rest, "@API_URL@", conf->api_url);

    if (status == STATUS_OK)
        status = fill_in(html, &rest, "@TOKEN_URL@", conf->token_url);
    return status == STATUS_OK ? buf_append(html, rest.data, rest.len) : status;
}

static enum status append_head(struct buf *response, const struct buf *html)
{
    enum status status = buf_printf(response,
                                    "HTTP/1.1 200 OK\r\n"
                                    "Content-Type: text/html; charset=utf-8\r\n"
                                    "Content-Length: %zu\r\n"
                                    "Cache-Control: no-cache\r\n"
                                    "X-Content-Type-Options: nosniff\r\n"
                                    "Referrer-Policy: no-referrer\r\n"
                                    "Connection: close\r\n"
                                    "Content-Security-Policy: ",
                                    html->len);

    if (status == STATUS_OK)
        status = page_policy_append(response, slice_of(html->data, html->len), "http: https: ws: wss:");
    return status == STATUS_OK ? buf_append_str(response, "\r\n\r\n") : status;
}

static enum status build(struct buf *response, const struct page_conf *conf)
{
    struct buf html;

    buf_init(&html, MAX_PAGE);
    enum status status = fill_all(&html, conf);
    if (status == STATUS_OK)
        status = append_head(response, &html);
    if (status == STATUS_OK)
        status = buf_append(response, html.data, html.len);
    buf_fini(&html);
    return status;
}

enum status page_new(const struct page_conf *conf, struct page **out)
{
    struct page *page = calloc(1, sizeof *page);

    if (page == NULL)
        return STATUS_NO_MEMORY;
    buf_init(&page->response, MAX_PAGE);
    enum status status = build(&page->response, conf);
    if (status != STATUS_OK) {
        page_free(page);
        return status;
    }
    *out = page;
    return STATUS_OK;
}

struct slice page_response(const struct page *page)
{
    return slice_of(page->response.data, page->response.len);
}

void page_free(struct page *page)
{
    if (page == NULL)
        return;
    buf_fini(&page->response);
    free(page);
}
