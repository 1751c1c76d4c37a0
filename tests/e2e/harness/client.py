# SPDX-License-Identifier: Apache-2.0
"""WebSocket clients on Debian's python3-websockets, with a plain blocking face.

All clients of a test run share one background event loop; a test calls from its own thread.
"""

import asyncio
import json
import queue
import threading

import websockets

from harness.waiting import patient

_CLOSED = object()


class _Loop:
    """The background event loop, started at first use."""

    def __init__(self):
        self.loop = None

    def call(self, coroutine, timeout=30):
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            threading.Thread(target=self.loop.run_forever, daemon=True, name="clients").start()
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return future.result(patient(timeout))


_loop = _Loop()


class Client:
    """A well-behaved client: it reads all the time, and keeps what it got until a test asks.

    What a WELCOME says is in `welcome`; it is no frame of those that tests ask for."""

    def __init__(self, url, rooms=(), **options):
        self.frames = queue.Queue()
        self.welcome = None
        self.acks = 0
        options = {"compression": None, "ping_interval": None, "max_size": None, "max_queue": None,
                   "open_timeout": patient(10), **options}
        self.socket = _loop.call(self._open(url, options))
        for room in rooms:
            self.join(room)

    async def _open(self, url, options):
        socket = await websockets.connect(url, **options)
        self.reader = asyncio.ensure_future(self._read(socket))
        return socket

    async def _read(self, socket):
        try:
            async for frame in socket:
                if isinstance(frame, str) and frame.startswith('{"type":"WELCOME"'):
                    self.welcome = json.loads(frame)["data"]
                else:
                    self.frames.put(frame)
        except websockets.ConnectionClosed:
            pass
        self.frames.put(_CLOSED)

    def send(self, message):
        """Sends a text (str), a binary message (bytes), or anything else as JSON."""
        if not isinstance(message, (str, bytes)):
            message = json.dumps(message)
        _loop.call(self.socket.send(message))

    def receive(self, timeout=10):
        """The next frame's payload as it came."""
        try:
            frame = self.frames.get(timeout=patient(timeout))
        except queue.Empty:
            raise AssertionError(f"no frame within {patient(timeout):.0f} s") from None
        if frame is _CLOSED:
            self.frames.put(_CLOSED)
            raise AssertionError(f"closed with {self.socket.close_code} {self.socket.close_reason!r}")
        return frame

    def request(self, kind, data, timeout=10):
        """Sends a request with an id and returns its answer, which must be the next frame."""
        self.acks += 1
        self.send({"type": kind, "data": data, "id": self.acks})
        answer = json.loads(self.receive(timeout))
        assert answer.get("id") == self.acks, f"not the answer to {kind} {self.acks}: {answer}"
        return answer

    def join(self, room):
        assert self.request("JOIN", {"room": room})["type"] == "ACK"
        return self

    def leave(self, room):
        assert self.request("LEAVE", {"room": room})["type"] == "ACK"
        return self

    def push(self, timeout=10):
        """The next frame, which must be a PUSH: its items."""
        frame = json.loads(self.receive(timeout))
        assert frame["type"] == "PUSH", frame
        return frame["data"]["items"]

    def items(self, count, timeout=30):
        """Items over as many PUSH frames as it takes until there are `count`; more is a fault."""
        got = []
        while len(got) < count:
            got += self.push(timeout)
        assert len(got) == count, f"{len(got)} items where {count} were due; last {got[-3:]}"
        return got

    def expect_nothing(self):
        """All that was sent to this client before is read: a PING's answer is the next frame."""
        assert self.request("PING", {})["type"] == "ACK"
        return self

    def ended(self, timeout=10):
        """Waits until the connection is closed; frames not yet read are kept. Gives the code."""
        _loop.call(asyncio.wait_for(asyncio.shield(self.reader), patient(timeout)), timeout + 1)
        return self.socket.close_code

    @property
    def open(self):
        return self.socket.open

    @property
    def reason(self):
        return self.socket.close_reason

    def close(self):
        _loop.call(self.socket.close())


def close_all(clients):
    """Closes many clients at once."""
    async def together():
        await asyncio.gather(*(client.socket.close() for client in clients), return_exceptions=True)

    _loop.call(together())
