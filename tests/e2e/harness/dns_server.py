# SPDX-License-Identifier: Apache-2.0
"""A small DNS server over UDP and TCP (RFC 1035, 7766) with EDNS (RFC 6891): A, AAAA and SRV records,
which a test changes while it runs, and answers that are late, missing, refused or nonsense."""

import ipaddress
import os
import socket
import struct
import threading

A, CNAME, AAAA, SRV, OPT = 1, 5, 28, 33, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5
UDP_MAX = 512  # without EDNS (RFC 1035, 4.2.1)


def question_of(packet):
    """The question's (name in lower case, type, bytes as they came)."""
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    (kind,) = struct.unpack(">H", packet[at + 1 : at + 3])
    return ".".join(labels).lower(), kind, packet[12 : at + 5]


def edns_bytes(packet, question):
    """How much the asker takes over UDP, as its OPT record says; None without one."""
    rest = packet[12 + len(question) :]
    if len(rest) < 11 or rest[0] != 0 or struct.unpack(">H", rest[1:3])[0] != OPT:
        return None
    return struct.unpack(">H", rest[3:5])[0]


def header(query, code, count=0, truncated=False, extra=0):
    flags = 0x8180 | code | (0x0200 if truncated else 0)
    return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, extra)


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(address, ttl=1):
    data = ipaddress.ip_address(address).packed
    return struct.pack(">HHHIH", 0xC00C, A if len(data) == 4 else AAAA, 1, ttl, len(data)) + data


def service(target, port, ttl=1, priority=0, weight=0):
    data = struct.pack(">HHH", priority, weight, port) + name_bytes(target)
    return struct.pack(">HHHIH", 0xC00C, SRV, 1, ttl, len(data)) + data


def garbage(query, question):
    """Answers to `query` that are none; each must be survived."""
    good = header(query, NOERROR, 1) + question
    return [
        b"",
        query[:2],
        query,  # a question, not an answer
        query[:2] + os.urandom(40),
        header(query, NOERROR, 65535) + question,
        good + record("127.0.0.9")[:-2],  # cut short
        good + struct.pack(">HHHIH", 0xC00C, A, 1, 1, 65535) + b"\x7f\0\0\x09",  # a length that lies
        good + struct.pack(">HHHIH", 0xC00C, A, 1, 1, 3) + b"\x7f\0\0",  # three quarters of an address
        good + struct.pack(">HHHIH", 0xC000 | (len(good)), A, 1, 1, 4) + b"\x7f\0\0\x09",  # a name that loops
        header(query, NOERROR, 1) + b"\x05other\0" + question[-4:] + record("127.0.0.9"),  # another question
        header(query, NOERROR, 1) + b"\x3f" + question[1:],
        bytes([query[0] ^ 1]) + good[1:] + record("127.0.0.9"),  # another id
        os.urandom(2000),
    ]


class DnsServer:
    """Answers for `name` with `addresses` and `services`, for the names of `hosts` with theirs, and for
    every other name with NXDOMAIN.

    `faults` maps A, AAAA or SRV to what is done for `name` instead: NXDOMAIN, SERVFAIL, REFUSED, "silence",
    "garbage". `edns`, `tcp`: whether the server knows them.
    """

    def __init__(self, name="gateways.example"):
        self.name = name
        self.addresses = []
        self.services = []  # (target, port)
        self.hosts = {}  # name: [addresses]
        self.ttl = 1
        self.faults = {}
        self.delay = 0
        self.edns = True
        self.tcp = True
        self.questions = []
        self.over_tcp = 0  # questions that came so
        self.nonsense = 0  # garbage answers given so far
        self.udp_sizes = set()  # what OPT records said
        self.socket, self.listener = self._bind()
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        for work in self._serve_udp, self._serve_tcp:
            threading.Thread(target=work, daemon=True, name="dns").start()

    @staticmethod
    def _bind():
        """UDP and TCP on one port, which the system chooses."""
        while True:
            listener = socket.create_server(("127.0.0.1", 0))
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(listener.getsockname())
                return udp, listener
            except OSError:
                listener.close()
                udp.close()

    def set(self, *addresses):
        """What the name stands for from now on."""
        self.addresses = list(addresses)

    def fail(self, fault):
        """All questions fail from now on; None: no more."""
        self.faults = {} if fault is None else {A: fault, AAAA: fault, SRV: fault}

    def asked(self, kind=A, name=None):
        """How often the name was asked for."""
        return sum(each == (name or self.name, kind) for each in list(self.questions))

    def stop(self):
        self.listener.close()
        self.socket.close()

    def _serve_udp(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            for answer in self._answers(query, UDP_MAX):
                self._later(lambda answer=answer: self.socket.sendto(answer, peer))

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.tcp:
                threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def _serve_connection(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                while len(head := stream.read(2)) == 2:
                    query = stream.read(struct.unpack(">H", head)[0])
                    self.over_tcp += 1
                    for answer in self._answers(query, 65535):
                        connection.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                pass

    def _later(self, send):
        def try_to_send():
            try:
                send()
            except OSError:
                pass

        if self.delay:
            threading.Timer(self.delay, try_to_send).start()
        else:
            try_to_send()

    def _answers(self, query, room):
        name, kind, question = question_of(query)
        size = edns_bytes(query, question)
        self.questions.append((name, kind))
        if size is not None:
            self.udp_sizes.add(size)
            if not self.edns:
                return [header(query, FORMERR) + question]
            room = max(room, size)
        known = name == self.name or name in self.hosts
        fault = self.faults.get(kind) if name == self.name else None if known else NXDOMAIN
        if fault == "silence":
            return []
        if fault == "garbage":
            kinds = garbage(query, question)
            self.nonsense += 1
            return [kinds[self.nonsense % len(kinds)]]
        if fault is not None:
            return [header(query, fault) + question]
        return [self._answer(query, question, self._records(name, kind), room, size is not None)]

    def _records(self, name, kind):
        if kind == SRV:
            return [service(*each, ttl=self.ttl) for each in self.services] if name == self.name else []
        version = {A: 4, AAAA: 6}.get(kind)
        addresses = self.addresses if name == self.name else self.hosts[name]
        return [record(each, self.ttl) for each in addresses if ipaddress.ip_address(each).version == version]

    @staticmethod
    def _answer(query, question, records, room, edns):
        opt = b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0) if edns else b""
        left = room - 12 - len(question) - len(opt)
        fitting = []
        for each in records:
            if (left := left - len(each)) < 0:
                break
            fitting.append(each)
        cut = len(fitting) < len(records)
        return header(query, NOERROR, len(fitting), cut, bool(opt)) + question + b"".join(fitting) + opt
