# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 over TLS by python3-h2: a caller of gateways, and a gateway as small as go-push's.

Also the batch of shared/contract/push.h, encoded here a second time from its description, so that
both ends of the C code are held against an independent reading.
"""

import json
import os
import socket
import ssl
import struct
import threading
import urllib.parse

import h2.config
import h2.connection
import h2.events

from harness.http import Answer
from harness.waiting import patient

BATCH = "application/vnd.fanfare.batch"


EXCLUDE_USER, EXCLUDE_CONNECTION, KEY, URGENT, TTL = 0x81, 0x82, 0x83, 0x04, 0x85


def option(kind, data=b""):
    """One option of a record; a TTL is a number of ms."""
    data = struct.pack(">I", data) if isinstance(data, int) else data
    return struct.pack(">BH", kind, len(data)) + data


def record(sequence, items, rooms=None, wait=False, trace=None, users=None, options=b""):
    """One push as a record, without its length prefix. `items` are JSON texts as bytes, `trace` a traceparent,
    `options` what option() gave."""
    flags = (1 if wait else 0) | (2 if trace else 0) | (4 if options else 0)
    names = rooms or users or ()
    out = struct.pack(">QBBH", sequence, flags, 2 if users else 0 if rooms is None else 1, len(names))
    for name in names:
        out += struct.pack(">H", len(name)) + name
    out += struct.pack(">I", len(items))
    for item in items:
        out += struct.pack(">I", len(item)) + item
    if options:
        out += options + struct.pack(">I", len(options))
    return out + bytes.fromhex("".join(trace.split("-")[1:])) if trace else out


def batch(logic_id, records, first=None, count=None, version=1, magic=b"FANB"):
    """A whole batch; `first` and `count` may lie."""
    if first is None:
        first = struct.unpack(">Q", records[0][:8])[0] if records else 1
    head = magic + struct.pack(">BBH", version, 0, 0) + logic_id
    head += struct.pack(">QI", first, len(records) if count is None else count)
    return head + b"".join(struct.pack(">I", len(each)) + each for each in records)


def new_logic_id():
    return os.urandom(16)


class RpcCaller:
    """One HTTP/2 connection to a gateway's RPC port."""

    def __init__(self, address, context, timeout=15):
        sock = socket.create_connection(address, timeout=patient(timeout))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(sock, server_hostname="localhost")
        assert self.sock.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()
        self.answers = {}
        self.parts = {}
        self.reset = {}
        self.goaway = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def begin(self, method, path, body=b"", content_type=None, end=True):
        """Sends a request and returns its stream's number; other streams may follow at once."""
        stream = self.h2.get_next_available_stream_id()
        headers = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        if content_type:
            headers.append(("content-type", content_type))
        self.h2.send_headers(stream, headers, end_stream=end and not body)
        self.flush()
        sent = 0
        while sent < len(body) and stream not in self.answers and stream not in self.reset:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body) - sent)
            if room <= 0:
                self.read()
                continue
            last = end and sent + room == len(body)
            self.h2.send_data(stream, body[sent : sent + room], end_stream=last)
            sent += room
            self.flush()
        return stream

    def read(self):
        """Reads once; False when the peer has closed."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        if not data:
            return False
        for event in self.h2.receive_data(data):
            self._on(event)
        self.flush()
        return True

    def _on(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.parts[event.stream_id] = [event.headers, b""]
        elif isinstance(event, h2.events.DataReceived):
            self.parts[event.stream_id][1] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            headers, body = self.parts.pop(event.stream_id)
            status = int(dict(headers)[":status"])
            self.answers[event.stream_id] = Answer(status, headers, body)
        elif isinstance(event, h2.events.StreamReset):
            self.reset[event.stream_id] = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = True

    def answer(self, stream):
        """Waits for the answer on `stream`."""
        while stream not in self.answers:
            assert stream not in self.reset, f"stream reset with {self.reset.get(stream)}"
            assert self.read(), "connection closed before the answer"
        return self.answers.pop(stream)

    def answered(self, stream, within=0.05):
        """Whether the answer is there, after at most `within` seconds more of reading."""
        old = self.sock.gettimeout()
        self.sock.settimeout(within)
        try:
            while stream not in self.answers and self.read():
                pass
        except (TimeoutError, socket.timeout):
            pass
        finally:
            self.sock.settimeout(old)
        return stream in self.answers

    def request(self, method, path, body=b"", content_type=None):
        return self.answer(self.begin(method, path, body, content_type))

    def form(self, path, **fields):
        body = urllib.parse.urlencode(fields).encode()
        return self.request("POST", path, body, "application/x-www-form-urlencoded")

    def batch(self, body):
        return self.request("POST", "/rpc/batch", body, BATCH)


class FakeGateway:
    """A gateway in Python. `respond(method, path, headers, body)` gives (status, body) or None,
    which leaves the request unanswered until `release`. Logic's probes (GET /stats) are only
    counted, and answered by `stats`: (status, body), or None for never. So is its hello (POST
    /rpc/hello), by `hello`: 404 unless a test says more, as an older gateway does."""

    def __init__(self, context, respond):
        self.context, self.respond = context, respond
        self.calls = []
        self.held = []
        self.probes = 0
        self.stats = (200, b'{"onlineConnections":0}')
        self.tail = b""  # sent behind each answer
        self.hellos = []
        self.hello = (404, b"404 page not found\n")
        self.most_at_once = 0
        self.connections = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.running = True
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True, name="fake-gateway").start()

    def stop(self):
        self.running = False
        self.listener.close()
        for sock in self.sockets:
            sock.close()

    def _accept(self):
        while self.running:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
            self.sockets.append(sock)
            self.connections += 1
            _FakeConnection(self, sock).run()
        except (OSError, ssl.SSLError):
            pass

    def release(self, respond=None):
        """Answers all that was left unanswered, now and from here on, by `respond` if given."""
        with self.lock:
            if respond:
                self.respond = respond
            held, self.held = self.held, []
        for connection, stream, request in held:
            connection.answer(stream, *self.respond(*request))


class _FakeConnection:
    """One HTTP/2 connection of a FakeGateway."""

    def __init__(self, gateway, sock):
        self.gateway, self.sock = gateway, sock
        self.lock = threading.RLock()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests = {}

    def run(self):
        with self.lock:
            self.h2.initiate_connection()
            self.sock.sendall(self.h2.data_to_send())
        while True:
            data = self.sock.recv(65536)
            if not data:
                return
            with self.lock:
                events = self.h2.receive_data(data)
            for event in events:
                self._on(event)
            with self.lock:
                self.sock.sendall(self.h2.data_to_send())

    def _on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            headers = dict(event.headers)
            self.requests[event.stream_id] = [headers, b""]
            pushes = sum(each[0][":path"] not in ("/stats", "/rpc/hello") for each in self.requests.values())
            self.gateway.most_at_once = max(self.gateway.most_at_once, pushes)
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id][1] += event.data
            with self.lock:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            headers, body = self.requests[event.stream_id]
            if headers[":path"] == "/stats":
                self._probed(event.stream_id)
                return
            if headers[":path"] == "/rpc/hello":
                self._greeted(event.stream_id, body)
                return
            self._take(event.stream_id, (headers[":method"], headers[":path"], headers, body))

    def _probed(self, stream):
        self.gateway.probes += 1
        if self.gateway.stats:
            self.answer(stream, *self.gateway.stats, content_type="application/json")

    def _greeted(self, stream, body):
        self.gateway.hellos.append(body)
        if self.gateway.hello:
            self.answer(stream, *self.gateway.hello, content_type="application/json")

    def _take(self, stream, request):
        with self.gateway.lock:
            self.gateway.calls.append(request)
            answer = self.gateway.respond(*request)
            if answer is None:
                self.gateway.held.append((self, stream, request))
        if answer is not None:
            self.answer(stream, *answer)

    def answer(self, stream, status, body=b"", content_type="text/plain; charset=utf-8"):
        with self.lock:
            self.requests.pop(stream, None)
            headers = [(":status", str(status)), ("content-type", content_type), ("content-length", str(len(body)))]
            self.h2.send_headers(stream, headers, end_stream=not body)
            for at in range(0, len(body), 16384):
                self.h2.send_data(stream, body[at : at + 16384], end_stream=at + 16384 >= len(body))
            self.sock.sendall(self.h2.data_to_send() + self.gateway.tail)


def go_push_responder(received):
    """What go-push's gateway does: the form calls, an empty 200, 404 for what it does not know.

    `received` gets (room or None, [item, …]) for every call, in order of arrival.
    """

    def respond(method, path, headers, body):
        if path not in ("/push/all", "/push/room"):
            return 404, b"404 page not found\n"
        fields = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        room = fields["room"][0] if path == "/push/room" else None
        received.append((room, json.loads(fields["items"][0])))
        return 200, b""

    return respond


class Users(list):
    """The users that a record is for."""


class Items(list):
    """The items of a record, with its options, [(kind, bytes), …], and its trace."""

    options = ()
    trace = None


def _read_options(body):
    """The options at the end of a record, and the record without them."""
    length = struct.unpack(">I", body[-4:])[0]
    rest, options = body[-4 - length : -4], []
    while rest:
        kind, size = struct.unpack(">BH", rest[:3])
        options.append((kind, rest[3 : 3 + size]))
        rest = rest[3 + size :]
    assert options and len(options[-1][1]) == size
    return options, body[: -4 - length]


def read_batch(body):
    """Decodes a batch: (logic id, [(sequence, wait, rooms, Users or None, [item bytes, …]), …])."""
    assert body[:8] == b"FANB\x01\x00\x00\x00"
    logic_id, first, count = body[8:24], *struct.unpack(">QI", body[24:36])
    at, records = 36, []
    for _ in range(count):
        length = struct.unpack(">I", body[at : at + 4])[0]
        records.append(_read_record(body[at + 4 : at + 4 + length]))
        at += 4 + length
    assert at == len(body) and records[0][0] == first
    return logic_id, records


def _read_record(body):
    sequence, flags, target, rooms_count = struct.unpack(">QBBH", body[:12])
    at, rooms, items = 12, [], Items()
    if flags & 2:
        items.trace, body = body[-25:], body[:-25]
    if flags & 4:
        items.options, body = _read_options(body)
    for _ in range(rooms_count):
        length = struct.unpack(">H", body[at : at + 2])[0]
        rooms.append(body[at + 2 : at + 2 + length].decode())
        at += 2 + length
    count = struct.unpack(">I", body[at : at + 4])[0]
    at += 4
    for _ in range(count):
        length = struct.unpack(">I", body[at : at + 4])[0]
        items.append(body[at + 4 : at + 4 + length])
        at += 4 + length
    assert at == len(body)
    return sequence, bool(flags & 1), (None, rooms, Users(rooms))[target], items
