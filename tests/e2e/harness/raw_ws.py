# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client that does exactly what it is told, right or wrong (RFC 6455).

It reads only when asked, so it also serves as the client whose socket stalls.
"""

import base64
import collections
import json
import os
import socket
import struct

from harness.http import Answer
from harness.waiting import patient

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

Frame = collections.namedtuple("Frame", "fin rsv opcode payload raw")


def frame(opcode, payload=b"", fin=True, rsv=0, mask=True, length_form=None, length=None):
    """A frame's bytes. `length_form` 7, 16 or 64 forces the form; `length` lies about the payload."""
    if isinstance(payload, str):
        payload = payload.encode()
    length = len(payload) if length is None else length
    if length_form is None:
        length_form = 7 if length < 126 else 16 if length < 65536 else 64
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if length_form == 7:
        head += bytes([bit | length])
    elif length_form == 16:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + mask_bytes(key, payload)


def mask_bytes(key, payload):
    if not payload:
        return b""
    pad = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")


def close_payload(code, reason=b""):
    return struct.pack(">H", code) + reason


def handshake(path="/connect", host="localhost", key=None, **changes):
    """The upgrade request's bytes; a header given as None is left out, others replaced or added."""
    headers = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    method = changes.pop("method", "GET")
    version = changes.pop("http", "HTTP/1.1")
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = [f"{method} {path} {version}"] + [f"{k}: {v}" for k, v in headers.items() if v is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class RawClient:
    """A socket to a gateway's ws port, with the handshake done unless `shake` is False."""

    def __init__(self, address, path="/connect", shake=True, receive_buffer=None, tls=None, timeout=10, source=None,
                 first=b""):
        """`source`: the address to come from; `first`: bytes in front of everything, TLS too."""
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.sock.settimeout(patient(timeout))
        if receive_buffer:
            # Segments as on a real network: with loopback's 64 KB ones a small buffer stalls in the kernel.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if first:
            self.sock.sendall(first)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""
        if shake:
            self.answer = self.shake(path)
            assert self.answer.status == 101, self.answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def shake(self, path="/connect", **changes):
        """Sends an upgrade request and returns the answer, whatever it is."""
        self.sock.sendall(handshake(path, **changes))
        return self.http_answer()

    def http_answer(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                raise AssertionError(f"closed within the answer: {self.buffer!r}")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        body = b""
        length = dict((k.lower(), v) for k, v in headers).get("content-length")
        if status != 101:
            while len(self.buffer) < int(length) if length else self._more():
                if length and not self._more():
                    break
            cut = int(length) if length else len(self.buffer)
            body, self.buffer = self.buffer[:cut], self.buffer[cut:]
        return Answer(status, headers, body)

    def _more(self):
        try:
            piece = self.sock.recv(262144)
        except (ConnectionResetError, BrokenPipeError):
            piece = b""
        self.buffer += piece
        return bool(piece)

    def send_bytes(self, data, one_by_one=False):
        """Sends bytes, in one write or each in its own; a peer that has closed is no fault here."""
        try:
            if one_by_one:
                for i in range(len(data)):
                    self.sock.sendall(data[i : i + 1])
            else:
                self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, opcode, payload=b"", **options):
        self.send_bytes(frame(opcode, payload, **options))

    def text(self, message):
        self.send(TEXT, message if isinstance(message, (str, bytes)) else json.dumps(message))

    def request(self, kind, data, number=1):
        """A request with an id; the answer must be the next frame."""
        self.text({"type": kind, "data": data, "id": number})
        answer = self.receive()
        assert answer.opcode == TEXT and json.loads(answer.payload)["id"] == number, answer
        return json.loads(answer.payload)

    def join(self, room):
        assert self.request("JOIN", {"room": room})["type"] == "ACK"
        return self

    def receive(self):
        """The next frame, checked as a client must check it; None when the peer has closed."""
        while True:
            parsed = self._parse()
            if parsed:
                return parsed
            if not self._more():
                assert not self.buffer, f"closed within a frame: {len(self.buffer)} bytes {self.buffer[:40]!r}"
                return None

    def _parse(self):
        data = self.buffer
        if len(data) < 2:
            return None
        fin, rsv, opcode = bool(data[0] & 0x80), data[0] >> 4 & 7, data[0] & 15
        masked, length, at = data[1] >> 7, data[1] & 127, 2
        assert not masked, "a server must not mask (RFC 6455, 5.1)"
        assert not rsv, f"reserved bits {rsv} without an extension"
        assert opcode in (CONT, TEXT, BINARY, CLOSE, PING, PONG), f"opcode {opcode}: {data[:40]!r}"
        if length == 126:
            if len(data) < 4:
                return None
            length, at = struct.unpack(">H", data[2:4])[0], 4
            assert length > 125, "length not in its shortest form"
        elif length == 127:
            if len(data) < 10:
                return None
            length, at = struct.unpack(">Q", data[2:10])[0], 10
            assert length > 65535, "length not in its shortest form"
        if opcode >= CLOSE:
            assert fin and length <= 125, "fragmented or oversized control frame"
        if len(data) < at + length:
            return None
        self.buffer = data[at + length :]
        return Frame(fin, rsv, opcode, data[at : at + length], data[: at + length])

    def until_closed(self, answer=True):
        """All frames until the peer closes the connection; a close frame is answered if `answer`."""
        frames = []
        while True:
            got = self.receive()
            if got is None:
                return frames
            frames.append(got)
            if got.opcode == CLOSE and answer:
                self.send(CLOSE, got.payload[:2])

    def close_code(self):
        """Reads to the end; the last frame must be a close frame, whose code this gives."""
        frames = self.until_closed()
        assert frames, "closed without a close frame"
        last = frames[-1]
        assert last.opcode == CLOSE, f"the last frame before the end is {last}"
        return struct.unpack(">H", last.payload[:2])[0] if last.payload else None

    def welcome(self):
        """The next frame, which must be a WELCOME: what it says."""
        frame = self.receive()
        assert frame is not None and frame.opcode == TEXT, frame
        message = json.loads(frame.payload)
        assert set(message) == {"type", "data"} and message["type"] == "WELCOME", message
        return message["data"]

    def items(self, count):
        """Items of PUSH frames until there are `count`."""
        got = []
        while len(got) < count:
            received = self.receive()
            assert received is not None, f"closed after {len(got)} of {count} items"
            assert received.opcode == TEXT, received
            got += json.loads(received.payload)["data"]["items"]
        return got
