# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy between logic and a gateway that can refuse, cut, stall and lose answers.

One thread; a test changes its behaviour at any time from its own thread.
"""

import selectors
import socket
import struct
import threading


class _Pipe:
    """One connection through the proxy: the caller's socket, the target's, and bytes under way."""

    def __init__(self, near, far):
        self.ends = (near, far)
        self.held = {near: b"", far: b""}  # bytes read but not yet written, by destination

    def other(self, sock):
        return self.ends[1] if sock is self.ends[0] else self.ends[0]


class Proxy:
    """Listens on a free port of 127.0.0.1 and hands every connection on to `target`."""

    def __init__(self, target):
        self.target = target
        self.refusing = False
        self.stalled = False
        self.losing_answers = False
        self.connections = 0
        self.answer_bytes_lost = 0
        self.lock = threading.Lock()
        self.pipes = []
        self.selector = selectors.DefaultSelector()
        self.listener = self._listen(0)
        self.address = self.listener.getsockname()
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True, name="proxy")
        self.thread.start()

    def _listen(self, port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ)
        return listener

    @property
    def port(self):
        return self.address[1]

    def cut(self):
        """Resets every connection; what was under way is lost."""
        with self.lock:
            for pipe in list(self.pipes):
                self._drop(pipe, reset=True)

    def refuse(self):
        """Cuts, and refuses new connections until `accept`."""
        with self.lock:
            self.refusing = True
            if self.listener:
                self.selector.unregister(self.listener)
                self.listener.close()
                self.listener = None
        self.cut()

    def accept(self):
        with self.lock:
            if self.refusing:
                self.refusing = False
                self.listener = self._listen(self.port)

    def stall(self):
        """Passes nothing on in either direction until `flow`."""
        self.stalled = True

    def flow(self):
        self.stalled = False
        self.losing_answers = False

    def lose_answers(self):
        """Requests pass, answers vanish, until `flow` (cut first: the stream has a gap by then)."""
        self.answer_bytes_lost = 0
        self.losing_answers = True

    def stop(self):
        self.running = False
        self.thread.join()
        with self.lock:
            for pipe in list(self.pipes):
                self._drop(pipe)
            if self.listener:
                self.listener.close()
            self.selector.close()

    def _run(self):
        while self.running:
            for key, _ in self.selector.select(0.02):
                with self.lock:
                    self._ready(key.fileobj)
            with self.lock:
                for pipe in list(self.pipes):
                    self._flush(pipe)

    def _ready(self, sock):
        if sock.fileno() < 0:
            return
        if sock is self.listener:
            self._connect()
            return
        pipe = next((p for p in self.pipes if sock in p.ends), None)
        if pipe is None or self.stalled:
            return
        try:
            data = sock.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(pipe)
        elif self.losing_answers and sock is pipe.ends[1]:
            self.answer_bytes_lost += len(data)
        else:
            pipe.held[pipe.other(sock)] += data
            self._flush(pipe)

    def _connect(self):
        try:
            near, _ = self.listener.accept()
        except OSError:
            return
        try:
            far = socket.create_connection(self.target, timeout=2)
        except OSError:
            near.close()
            return
        self.connections += 1
        pipe = _Pipe(near, far)
        for sock in pipe.ends:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(sock, selectors.EVENT_READ)
        self.pipes.append(pipe)

    def _flush(self, pipe):
        if self.stalled:
            return
        for sock, data in pipe.held.items():
            if not data:
                continue
            try:
                pipe.held[sock] = data[sock.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                self._drop(pipe)
                return

    def _drop(self, pipe, reset=False):
        if pipe in self.pipes:
            self.pipes.remove(pipe)
            for sock in pipe.ends:
                self.selector.unregister(sock)
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
