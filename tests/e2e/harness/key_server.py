# SPDX-License-Identifier: Apache-2.0
"""A web server over TLS that shows JWK Sets, or whatever else a test has it say: late, too much, somewhere else."""

import http.server
import ssl
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        owner = self.server.owner
        owner.asked.append(self.path)
        status, headers, body, delay = owner.answers.get(self.path, (404, {}, b"", 0))
        owner.stopped.wait(delay)
        try:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # who asked has gone

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a handshake that the other side has ended

    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(20)
        return self.owner.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


class KeyServer:
    """On a port of its own, which it has again after `stop` and `start`; `certificate` is the path without suffix."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self.answers, self.asked, self.port = {}, [], 0
        self.start()

    def start(self):
        self.stopped = threading.Event()
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def put(self, path, body, status=200, headers=None, delay=0):
        """What is said there from now on, at once."""
        self.answers[path] = (status, headers or {}, body if isinstance(body, bytes) else body.encode(), delay)

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    def times(self, path):
        return self.asked.count(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
