/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the API's address into the page and the headers in front of it. */
#include "gateway/page.h"

#include <stdlib.h>

#include "shared/buf.h"

enum { MAX_PAGE = 1 << 20 };

/* gateway/page_html.S */
extern const char page_html[];
extern const char page_html_end[];

static const char token[] = "@API_URL@";

struct page {
    struct buf response;
};

static enum status append_escaped(struct buf *out, const char *text)
{
    enum status status = STATUS_OK;

    for (; *text != '\0' && status == STATUS_OK; text++)
        status = *text == '&'   ? buf_append_str(out, "&amp;")
                 : *text == '"' ? buf_append_str(out, "&quot;")
                 : *text == '<' ? buf_append_str(out, "&lt;")
                 : *text == '>' ? buf_append_str(out, "&gt;")
                                : buf_append(out, text, 1);
    return status;
}

static enum status fill_in(struct buf *out, const char *api_url)
{
    size_t len = (size_t)(page_html_end - page_html);
    const char *at = memmem(page_html, len, token, sizeof token - 1);

    if (at == NULL)
        return buf_append(out, page_html, len);
    const char *rest = at + sizeof token - 1;
    enum status status = buf_append(out, page_html, (size_t)(at - page_html));
    if (status == STATUS_OK)
        status = append_escaped(out, api_url);
    return status == STATUS_OK ? buf_append(out, rest, (size_t)(page_html_end - rest)) : status;
}

static enum status build(struct buf *response, const char *api_url)
{
    struct buf html;

    buf_init(&html, MAX_PAGE);
    enum status status = fill_in(&html, api_url);
    if (status == STATUS_OK)
        status = buf_printf(response,
                            "HTTP/1.1 200 OK\r\n"
                            "Content-Type: text/html; charset=utf-8\r\n"
                            "Content-Length: %zu\r\n"
                            "Cache-Control: no-cache\r\n"
                            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
                            "script-src 'unsafe-inline'; img-src data:; connect-src http: https: ws: wss:; "
                            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
                            "X-Content-Type-Options: nosniff\r\n"
                            "Referrer-Policy: no-referrer\r\n"
                            "Connection: close\r\n\r\n",
                            html.len);
    if (status == STATUS_OK)
        status = buf_append(response, html.data, html.len);
    buf_fini(&html);
    return status;
}

enum status page_new(const char *api_url, struct page **out)
{
    struct page *page = calloc(1, sizeof *page);

    if (page == NULL)
        return STATUS_NO_MEMORY;
    buf_init(&page->response, MAX_PAGE);
    enum status status = build(&page->response, api_url);
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
