# SPDX-License-Identifier: Apache-2.0
"""Thousands of clients on one asyncio loop, which come back as they are told: the wait of a close
frame's reason, or the Retry-After of a 503.

Each remembers when it was connected and which numbers it got, so that a test can say what it missed.
"""

import asyncio
import itertools
import re
import threading
import time

from harness.raw_ws import CLOSE, PONG, PING, TEXT, close_payload, frame, handshake

NUMBER = re.compile(rb"\d+")
REQUEST = handshake()
AWAY = 0.05  # seconds before a client comes back that was not told how long to stay away


class Visit:
    """One connection: from when to when, at which gateway, and what it got."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.opened = self.joined = self.closed = None
        self.numbers = []


class Connection(asyncio.Protocol):
    """Handshake, JOIN with an id, then frames until the close frame."""

    def __init__(self, herd, visit):
        self.herd, self.visit = herd, visit
        self.data = b""
        self.retry = AWAY
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(REQUEST)

    def connection_lost(self, _):
        self.visit.closed = self.visit.closed or time.monotonic()
        if not self.over.done():
            self.over.set_result(self.retry)

    def data_received(self, data):
        self.data += data
        if self.visit.opened is None and not self.shake():
            return
        while (length := self.frame_length()) and len(self.data) >= length:
            whole, self.data = self.data[:length], self.data[length:]
            self.on_frame(whole)

    def shake(self):
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            wait = re.search(rb"(?i)\r\nretry-after: *(\d+)", head)
            self.herd.refusals.append((time.monotonic(), self.visit.gateway, head.split(b"\r\n")[0]))
            self.retry = float(wait.group(1)) if wait else 1
            self.transport.close()
            return False
        self.data = rest
        self.visit.opened = time.monotonic()
        join = b'{"type":"JOIN","id":1,"data":{"room":"%s"}}' % self.herd.room.encode()
        self.transport.write(frame(TEXT, join))
        return True

    def frame_length(self):
        """Of the first frame, header and all; 0 when that is not known yet."""
        if len(self.data) < 4:
            return len(self.data) == 2 and self.data[1] == 0 and 2
        length = self.data[1]
        return 2 + length if length < 126 else 4 + int.from_bytes(self.data[2:4], "big")

    def on_frame(self, whole):
        opcode = whole[0] & 15
        payload = whole[2:] if whole[1] < 126 else whole[4:]
        if opcode == TEXT and payload.startswith(b'{"type":"ACK"'):
            self.visit.joined = time.monotonic()
        elif opcode == TEXT:
            self.visit.numbers += map(int, NUMBER.findall(payload))
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self.visit.closed = time.monotonic()
            told = re.search(rb"retry_ms=(\d+)", payload)
            self.retry = int(told.group(1)) / 1000 if told else AWAY
            self.herd.told.append(self.retry if told else None)
            self.transport.write(frame(CLOSE, close_payload(int.from_bytes(payload[:2], "big"))))
            self.transport.close()


class Herd:
    """`count` clients in `room`. `gateways` gives the addresses that a load balancer would choose
    from now; they take turns. Use it as a context."""

    def __init__(self, count, room, gateways):
        self.count, self.room, self.gateways = count, room, gateways
        self.turn = itertools.count()
        self.visits = [[] for _ in range(count)]
        self.refusals, self.told = [], []
        self.lag = 0  # the longest time for which the loop did not get to run
        self.ending = False
        self.thread = threading.Thread(target=self._run, name="herd")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()

    def _run(self):
        asyncio.run(self._main())

    async def _main(self):
        tasks = [asyncio.create_task(self._live(visits)) for visits in self.visits]
        tasks.append(asyncio.create_task(self._watch()))
        while not self.ending:
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self):
        while True:
            begin = time.monotonic()
            await asyncio.sleep(0.01)
            self.lag = max(self.lag, time.monotonic() - begin - 0.01)

    async def _live(self, visits):
        loop = asyncio.get_running_loop()
        while True:
            choice = self.gateways()
            if not choice:
                await asyncio.sleep(AWAY)
                continue
            address = choice[next(self.turn) % len(choice)]
            visit = Visit(address)
            try:
                _, connection = await loop.create_connection(lambda: Connection(self, visit), *address)
            except OSError:
                await asyncio.sleep(AWAY)
                continue
            visits.append(visit)
            try:
                await asyncio.sleep(await connection.over)
            finally:
                connection.transport.abort()

    def connected(self):
        """How many are in the room now."""
        return sum(1 for visits in self.visits if visits and visits[-1].joined and not visits[-1].closed)

    def joins(self, since=0):
        """(when, gateway) of every handshake since then."""
        return [(visit.opened, visit.gateway) for visits in self.visits for visit in visits
                if visit.opened and visit.opened >= since]
