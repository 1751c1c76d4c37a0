# SPDX-License-Identifier: Apache-2.0
"""A daemon's stderr that can stop being read: a pipe, a socket, or a terminal (Ctrl-S)."""

import errno
import os
import pty
import select
import socket
import termios
import threading
import tty

KINDS = ["pipe", "socket", "terminal"]


class Outlet:
    """`fd` is for the daemon; what it writes goes to a file until `stall`, and again after `flow`."""

    def __init__(self, kind, path):
        self.kind = kind
        self.path = path
        if kind == "pipe":
            self.source, self.fd = os.pipe()
        elif kind == "socket":
            self.ends = socket.socketpair()  # keeps both descriptors
            self.source, self.fd = (end.fileno() for end in self.ends)
        else:
            self.source, self.fd = pty.openpty()
            tty.setraw(self.fd)
        self.filling = b""
        self.reading = None
        self.flow()

    def flow(self):
        """Reads (again), until `stall`; what `stall` had put in is left out."""
        if self.kind == "terminal":
            termios.tcflow(self.fd, termios.TCOON)
        self.wake = os.pipe()
        self.reading = threading.Thread(target=self._pump)
        self.reading.start()

    def _pump(self):
        with open(self.path, "ab", buffering=0) as sink:
            while self.source in select.select([self.source, self.wake[0]], [], [])[0]:
                try:
                    data = os.read(self.source, 65536)
                except OSError as fault:
                    assert fault.errno == errno.EIO  # a terminal whose other end is closed
                    return
                if not data:
                    return
                skipped = min(len(data), len(self.filling))
                self.filling = self.filling[skipped:]
                sink.write(data[skipped:])

    def _end_reading(self):
        if self.reading is None:
            return
        os.write(self.wake[1], b"x")
        self.reading.join()
        self.reading = None
        for end in self.wake:
            os.close(end)

    def stall(self):
        """Nobody reads, and there is no room: not for one byte."""
        self._end_reading()
        if self.kind == "terminal":
            termios.tcflow(self.fd, termios.TCOOFF)
        else:
            self._fill()

    def _fill(self):
        """Without O_NONBLOCK on the open file that the daemon has, too."""
        if self.kind == "pipe":
            own = os.open(f"/proc/self/fd/{self.fd}", os.O_WRONLY | os.O_NONBLOCK)
            put = lambda data: os.write(own, data)
        else:
            own = None
            put = lambda data: self.ends[1].send(data, socket.MSG_DONTWAIT)
        for size in (4096, 1):
            try:
                while True:
                    self.filling += b"." * put(b"." * size)
            except BlockingIOError:
                pass
        if own is not None:
            os.close(own)

    def close(self):
        self._end_reading()
        if self.kind == "terminal":
            termios.tcflow(self.fd, termios.TCOON)
        if self.kind == "socket":
            for end in self.ends:
                end.close()
        else:
            os.close(self.fd)
            os.close(self.source)
