# SPDX-License-Identifier: Apache-2.0
"""Thousands of clients with tokens of their own, which end within a minute: every other one shows another token
in time, the others are closed (4202) and come back with a new one. One asyncio loop, in a process of its own."""

import asyncio
import collections
import json
import multiprocessing
import resource
import time

from harness.raw_ws import CLOSE, PING, PONG, TEXT, close_payload, frame, handshake

AHEAD = 5  # seconds before its end that a token is renewed
SOURCES = 10000  # clients of one source address: 127.0.0.2 and up


class Tally:
    def __init__(self):
        self.opened = self.renewed = self.ended = 0
        self.other = collections.Counter()  # whatever else came: it should not

    def told(self):
        return {**vars(self), "other": sum(self.other.values()), "what": dict(self.other.most_common(5))}


class Guest(asyncio.Protocol):
    """One connection, which renews its token or not."""

    def __init__(self, tally, issuer, name, ends, renews):
        self.tally, self.issuer, self.name, self.ends, self.renews = tally, issuer, name, ends, renews
        self.data, self.open = b"", False
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        token = self.issuer.token(self.name, exp=self.ends)
        transport.write(handshake(Authorization=f"Bearer {token}"))

    def connection_lost(self, _):
        if not self.over.done():
            self.over.set_result(None)

    def data_received(self, data):
        self.data += data
        if not self.open:
            head, end, rest = self.data.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.finish(head.split(b"\r\n")[0])
                return
            self.open, self.data = True, rest
            self.tally.opened += 1
            if self.renews:
                asyncio.get_running_loop().call_later(max(0, self.ends - AHEAD - time.time()), self.renew)
        while (length := self.frame_length()) and len(self.data) >= length:
            begin = 2 if self.data[1] < 126 else 4
            self.on_frame(self.data[0] & 15, self.data[begin:length])
            self.data = self.data[length:]

    def frame_length(self):
        """Of the first frame, header and all; 0 when that is not known yet."""
        if len(self.data) < 2:
            return 0
        if self.data[1] < 126:
            return 2 + self.data[1]
        return 4 + int.from_bytes(self.data[2:4], "big") if len(self.data) >= 4 else 0

    def renew(self):
        if not self.over.done():
            message = {"type": "AUTH", "id": 1, "data": {"token": self.issuer.token(self.name)}}
            self.transport.write(frame(TEXT, json.dumps(message)))

    def on_frame(self, opcode, payload):
        if opcode == TEXT and payload.startswith(b'{"type":"ACK"'):
            self.tally.renewed += 1
        elif opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self.transport.write(frame(CLOSE, close_payload(code)))
            self.finish(code)
        else:
            self.tally.other[payload[:60].decode(errors="replace")] += 1

    def finish(self, how):
        if how == 4202:
            self.tally.ended += 1
        else:
            self.tally.other[str(how)] += 1
        self.transport.close()
        if not self.over.done():
            self.over.set_result(how)


async def live(tally, address, issuer, number, ends, gate):
    source = ("127.0.0.%d" % (2 + number // SOURCES), 0)
    loop = asyncio.get_running_loop()
    renews = number % 2 == 0
    for at in (ends, int(time.time()) + 3600):  # the second one only for who was closed
        async with gate:
            _, guest = await loop.create_connection(lambda: Guest(tally, issuer, f"u{number}", at, renews), *address,
                                                    local_addr=source)
        if await guest.over != 4202:
            return


async def crowd(address, issuer, count, seconds, pipe):
    tally, gate, begin = Tally(), asyncio.Semaphore(64), int(time.time())
    ends = [begin + seconds // 4 + number * (seconds // 2) // count for number in range(count)]
    tasks = [asyncio.create_task(live(tally, address, issuer, number, ends[number], gate)) for number in range(count)]
    while tally.opened < count and time.time() < begin + seconds // 4 - 2:
        await asyncio.sleep(0.05)
    pipe.send("there")
    await asyncio.sleep(begin + seconds - time.time())
    pipe.send(tally.told())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def run(*args):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(crowd(*args))


class TokenCrowd:
    """`count` clients for so many seconds; a context."""

    def __init__(self, address, issuer, count, seconds):
        self.pipe, other = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=run, args=(address, issuer, count, seconds, other), daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()

    def told(self):
        """ "there" when they are, and what became of them at the end."""
        return self.pipe.recv()
