# SPDX-License-Identifier: Apache-2.0
"""An operator's service with a will of its own: what it sends is bytes, over TLS or not, on a port that it can
give up and take again."""

import socket
import socketserver
import ssl
import threading
import time


def answer(status=200, body=b"{}", *fields):
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", *fields, f"Content-Length: {len(body)}", ""))
    return head.encode() + body


class RoughService:
    """`respond(path, head, body)` gives the bytes to send, or None: it says nothing. `delay` seconds go by before."""

    def __init__(self, respond, tls=None, delay=0, host="127.0.0.1"):
        self.respond, self.delay, self.tls, self.host = respond, delay, tls, host
        self.heads, self.connections, self.at_once, self.most_at_once = [], 0, 0, 0
        self.lock = threading.Lock()
        self.port = 0
        self.server = None
        self.start()

    def start(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                outer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_):
                pass  # hung up on

        self.open = set()
        self.server = Server((self.host, self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for each in list(self.open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def url(self, path="/ask", host=None):
        return f"{'https' if self.tls else 'http'}://{host or self.host}:{self.port}{path}"

    def _serve(self, sock):
        self.connections += 1
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            sock = context.wrap_socket(sock, server_side=True)
        self.open.add(sock)
        stream = sock.makefile("rb")
        while line := stream.readline():
            head = [line.decode().strip()]
            while (line := stream.readline()).strip():
                head.append(line.decode("latin-1").strip())
            length = next(int(each.split(":")[1]) for each in head if each.lower().startswith("content-length:"))
            body = stream.read(length)
            self._answer(sock, head, body)
        self.open.discard(sock)

    def _answer(self, sock, head, body):
        with self.lock:
            self.heads.append(head)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if self.delay:
            time.sleep(self.delay)
        said = self.respond(head[0].split()[1], head, body)
        with self.lock:
            self.at_once -= 1
        if said is not None:
            sock.sendall(said)
