# SPDX-License-Identifier: Apache-2.0
"""A Redis in Python that says what a test wants said, or nothing at all."""

import socket
import threading


def bulk(*words):
    """An array of strings."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()) for word in words)


def like_a_master(words):
    """The answer of an empty Redis to whatever the daemons say."""
    word = words[0].upper()
    if word == "ROLE":
        return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
    if word == "SUBSCRIBE":
        return b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:1\r\n" % (len(words[1]), words[1].encode())
    if word == "SCAN":
        return b"*2\r\n$1\r\n0\r\n*0\r\n"
    if word in ("EVAL", "PUBLISH", "EXISTS"):
        return b":1\r\n"
    return b"+PONG\r\n" if word == "PING" else b"+OK\r\n"


class FakeRedis:
    """`answer(words)` gives the bytes of an answer, an iterable of them, or None for silence."""

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
                for part in [answer] if isinstance(answer, bytes) else answer or ():
                    sock.sendall(part)
        except (OSError, ValueError):
            pass
