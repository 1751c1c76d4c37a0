# SPDX-License-Identifier: Apache-2.0
"""A Redis in Python that says what a test wants said, or nothing at all."""

import socket
import threading


class FakeRedis:
    """`answer(words)` gives the bytes of an answer, or None for silence."""

    def __init__(self, answer):
        self.answer = answer
        self.connections = 0
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="fake-redis").start()

    def options(self):
        return {"redis.url": f"redis://127.0.0.1:{self.port}/0"}

    def finish(self):
        self.listener.close()
        for sock in self.sockets:
            sock.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            stream = sock.makefile("rb")
            while line := stream.readline():
                words = []
                for _ in range(int(line[1:])):
                    length = int(stream.readline()[1:])
                    words.append(stream.read(length + 2)[:-2].decode(errors="replace"))
                answer = self.answer(words)
                if answer is not None:
                    sock.sendall(answer)
        except (OSError, ValueError):
            pass
