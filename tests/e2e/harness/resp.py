# SPDX-License-Identifier: Apache-2.0
"""A small client of Redis's protocol (RESP 2), so that the tests need no library for it."""

import socket

from harness.waiting import patient


class RedisError(Exception):
    """An error answer; its text begins with Redis's own word for it (NOAUTH, MOVED, …)."""


def _bytes(word):
    return word if isinstance(word, bytes) else str(word).encode()


class Resp:
    """One connection; `address` is (host, port) or the path of a unix socket."""

    def __init__(self, address, password=None, db=0, timeout=10):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        else:
            self.sock = socket.socket()
        self.sock.settimeout(patient(timeout))
        try:
            self.sock.connect(address)
            self.stream = self.sock.makefile("rb")
            if password:
                self.call("AUTH", password)
            if db:
                self.call("SELECT", db)
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.sock.close()

    def send(self, *words):
        """Sends a command; its answer is for `read`."""
        parts = [_bytes(word) for word in words]
        self.sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts))

    def call(self, *words):
        """One command's answer: str (bytes when it is not UTF-8), int, None or a list of these."""
        self.send(*words)
        return self.read()

    def pipeline(self, commands):
        """Many commands at once; gives their answers."""
        commands = list(commands)
        for words in commands:
            self.send(*words)
        return [self.read() for _ in commands]

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bulk(int(rest))
        assert kind == b"*", line
        return None if rest == b"-1" else [self.read() for _ in range(int(rest))]

    def _bulk(self, length):
        data = self.stream.read(length + 2)
        if len(data) != length + 2:
            raise ConnectionError("Redis has closed the connection")
        try:
            return data[:-2].decode()
        except UnicodeDecodeError:
            return data[:-2]


class Subscription:
    """Messages of one channel, in order."""

    def __init__(self, address, channel, **options):
        self.resp = Resp(address, **options)
        assert self.resp.call("SUBSCRIBE", channel)[:2] == ["subscribe", channel]

    def next(self):
        kind, _, payload = self.resp.read()
        assert kind == "message"
        return payload

    def until(self, wanted):
        """The messages up to and with the first that `wanted` says yes to."""
        got = [self.next()]
        while not wanted(got[-1]):
            got.append(self.next())
        return got

    def close(self):
        self.resp.close()
