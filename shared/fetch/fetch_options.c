/* SPDX-License-Identifier: Apache-2.0 */
/* Said in full, whatever libcurl's own defaults are. Two need a reason. CURLOPT_CAPATH is NULL: Debian's
 * libcurl looks into /etc/ssl/certs besides the file that it was given, and would believe every public
 * authority where the operator named his own. Without a path libcurl also keeps the parsed bundle, which
 * costs milliseconds to read, for CA_KEEP_S. And QUICK_EXIT: no end of a call ever waits for a resolver's
 * thread, even if there was one. */
#include "shared/fetch/fetch_options.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/buf.h"

enum {
    CA_KEEP_S = 600,
    IDLE_S = 60,      /* a connection unused for longer is not used again */
    LIFETIME_S = 300, /* one older than that gives way to a new one, which may have another address */
    RECEIVE_BYTES = 16384,
    HEADER_LINE_MAX = 16384,
    RESOLVE_MAX = 2048,
};

static const struct {
    CURLoption option;
    long value;
} NUMBERS[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_CA_CACHE_TIMEOUT, CA_KEEP_S},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_MAXAGE_CONN, IDLE_S},
    {CURLOPT_MAXLIFETIME_CONN, LIFETIME_S},
    {CURLOPT_BUFFERSIZE, RECEIVE_BYTES},
    {CURLOPT_QUICK_EXIT, 1},
    {CURLOPT_TCP_NODELAY, 1},
    {CURLOPT_NOPROGRESS, 1},
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch_sockets *sockets = arg;

    (void)purpose;
    if (sockets->open >= sockets->max)
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    sockets->open++;
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    struct fetch_sockets *sockets = arg;

    sockets->open--;
    return close(fd);
}

static enum status append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return STATUS_NO_MEMORY;
    *list = longer;
    return STATUS_OK;
}

static bool is_field(const struct fetch_header *header)
{
    for (const char *at = header->name; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == ':' || *at == ';')
            return false;
    for (const unsigned char *at = (const unsigned char *)header->value; *at; at++)
        if ((*at < ' ' && *at != '\t') || *at == 0x7f)
            return false;
    return header->name[0] != '\0';
}

/* "Name;" is libcurl's word for a field with an empty value; "Name:" takes a field away. */
static enum status append_field(struct curl_slist **list, const struct fetch_header *header)
{
    struct buf line;

    if (!is_field(header))
        return STATUS_INVALID;
    buf_init(&line, HEADER_LINE_MAX);
    enum status status = header->value[strspn(header->value, " \t")] != '\0'
                             ? buf_printf(&line, "%s: %s", header->name, header->value)
                             : buf_printf(&line, "%s;", header->name);
    if (status == STATUS_OK)
        status = buf_append(&line, "", 1);
    if (status == STATUS_OK)
        status = append(list, (const char *)line.data);
    buf_fini(&line);
    return status == STATUS_TOO_LARGE ? STATUS_INVALID : status;
}

static enum status set_headers(CURL *easy, const struct fetch_request *request, struct fetch_lists *lists)
{
    enum status status = append(&lists->headers, "User-Agent: fanfare/" FANFARE_VERSION);

    if (status == STATUS_OK)
        status = append(&lists->headers, "Expect:");
    for (size_t i = 0; i < request->header_count && status == STATUS_OK; i++)
        status = append_field(&lists->headers, &request->headers[i]);
    return status == STATUS_OK && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lists->headers) != CURLE_OK
               ? STATUS_NO_MEMORY
               : status;
}

static CURLcode set_method(CURL *easy, const struct fetch_request *request)
{
    CURLcode code;

    if (!request->post)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                                request->body.len > 0 ? (const char *)request->body.data : "");
    return code;
}

static CURLcode set_texts(CURL *easy, const struct fetch_request *request)
{
    const struct {
        CURLoption option;
        const char *value;
    } texts[] = {
        {CURLOPT_URL, request->url}, {CURLOPT_PROTOCOLS_STR, "http,https"}, {CURLOPT_PROXY, ""},
        {CURLOPT_CAPATH, NULL},      {CURLOPT_ACCEPT_ENCODING, NULL},
    };
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && code == CURLE_OK; i++)
        code = curl_easy_setopt(easy, texts[i].option, texts[i].value);
    if (code == CURLE_OK && request->ca != NULL && request->ca[0] != '\0')
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca);
    return code;
}

static CURLcode set_sockets(CURL *easy, struct fetch_sockets *sockets)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
}

enum status fetch_options_set(CURL *easy, const struct fetch_request *request, struct fetch_sockets *sockets,
                              struct fetch_lists *lists)
{
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0] && code == CURLE_OK; i++)
        code = curl_easy_setopt(easy, NUMBERS[i].option, NUMBERS[i].value);
    if (code == CURLE_OK)
        code = set_texts(easy, request);
    if (code == CURLE_OK)
        code = set_method(easy, request);
    if (code == CURLE_OK)
        code = set_sockets(easy, sockets);
    if (code != CURLE_OK)
        return STATUS_NO_MEMORY;
    return set_headers(easy, request, lists);
}

enum status fetch_options_set_addresses(CURL *easy, const char *host, int port, const char *addresses,
                                        struct fetch_lists *lists)
{
    char line[RESOLVE_MAX];

    snprintf(line, sizeof line, "+%s:%d:%s", host, port, addresses);
    if (append(&lists->addresses, line) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return curl_easy_setopt(easy, CURLOPT_RESOLVE, lists->addresses) == CURLE_OK ? STATUS_OK
                                                                                 : STATUS_NO_MEMORY;
}

void fetch_lists_fini(struct fetch_lists *lists)
{
    curl_slist_free_all(lists->headers);
    curl_slist_free_all(lists->addresses);
}
