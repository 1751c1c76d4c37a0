# SPDX-License-Identifier: Apache-2.0
"""The operator's own service that auth.hook.url names: answers what a test says, and remembers what it was asked."""

import http.server
import json
import threading


class HookServer:
    """`answer(question)` gives (status, body); a test may set another at any time. Use it as a context."""

    def __init__(self, answer=lambda question: (403, {})):
        self.answer = answer
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(question)
                status, body = outer.answer(question)
                payload = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, *_):
                pass  # the gateway hangs up on answers that come too late

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.url = "http://127.0.0.1:%d/who" % self.server.server_address[1]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def of(self, event):
        return [question for question in self.asked if question["event"] == event]
