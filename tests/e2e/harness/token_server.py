# SPDX-License-Identifier: Apache-2.0
"""The service that gives a user's clients their tokens, as docs/integrate.md has it: {"token":"…"}."""

import http.server
import json
import threading


class TokenServer:
    """`make` makes each token, None for a 503; `made` has those that were given."""

    def __init__(self, make):
        self.make, self.made, self.failed = make, [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                token = outer.make()
                if token is None:
                    outer.failed += 1
                    self.send_error(503)
                    return
                outer.made.append(token)
                body = json.dumps({"token": token}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/token"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
