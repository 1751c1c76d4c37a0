/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick for ingest: libevent's evhttp answering every request with 200 and nothing
 * else, on one thread. Prints `msg=listening what=api addr=…` on stderr; ends on SIGTERM. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <sys/socket.h>

static void on_request(struct evhttp_request *request, void *arg)
{
    struct evbuffer *body = arg;

    evbuffer_add_printf(body, "{\"id\":\"bare-0\",\"items\":1}");
    evhttp_send_reply(request, HTTP_OK, "OK", body);
}

int main(void)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base != NULL ? evhttp_new(base) : NULL;
    struct evbuffer *body = evbuffer_new();
    struct evhttp_bound_socket *bound =
        http != NULL ? evhttp_bind_socket_with_handle(http, "127.0.0.1", 0) : NULL;
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;

    if (bound == NULL || body == NULL ||
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0) {
        fprintf(stderr, "bare_http: cannot listen\n");
        return 1;
    }
    evhttp_set_gencb(http, on_request, body);
    fprintf(stderr, "msg=listening what=api addr=127.0.0.1:%u\n", ntohs(address.sin_port));
    event_base_dispatch(base);
    evbuffer_free(body);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
