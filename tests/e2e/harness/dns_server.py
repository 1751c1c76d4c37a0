# SPDX-License-Identifier: Apache-2.0
"""A small DNS server over UDP (RFC 1035): A and AAAA records of one name, which a test changes while
it runs, and answers that are late, missing, refused or nonsense."""

import ipaddress
import os
import socket
import struct
import threading

A, AAAA = 1, 28
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
UDP_MAX = 512  # without EDNS (RFC 1035, 4.2.1)


def question_of(packet):
    """The question's (name in lower case, type, bytes as they came)."""
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    (kind,) = struct.unpack(">H", packet[at + 1 : at + 3])
    return ".".join(labels).lower(), kind, packet[12 : at + 5]


def header(query, code, count=0, truncated=False):
    flags = 0x8180 | code | (0x0200 if truncated else 0)
    return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0)


def record(address, ttl=1):
    data = ipaddress.ip_address(address).packed
    return struct.pack(">HHHIH", 0xC00C, A if len(data) == 4 else AAAA, 1, ttl, len(data)) + data


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
        os.urandom(2000),
    ]


class DnsServer:
    """Answers for `name` with `addresses`; for every other name with NXDOMAIN.

    `faults` maps A or AAAA to what is done instead: NXDOMAIN, SERVFAIL, REFUSED, "silence", "garbage".
    """

    def __init__(self, name="gateways.example"):
        self.name = name
        self.addresses = []
        self.faults = {}
        self.delay = 0
        self.questions = []
        self.nonsense = 0  # garbage answers given so far
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True, name="dns")
        self.thread.start()

    def set(self, *addresses):
        """What the name stands for from now on."""
        self.addresses = list(addresses)

    def fail(self, fault):
        """Both questions fail from now on; None: no more."""
        self.faults = {} if fault is None else {A: fault, AAAA: fault}

    def asked(self, kind=A):
        """How often the name was asked for."""
        return sum(each == (self.name, kind) for each in list(self.questions))

    def stop(self):
        self.socket.close()

    def _run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            name, kind, question = question_of(query)
            self.questions.append((name, kind))
            for answer in self._answers(query, name, kind, question):
                self._send(answer, peer)

    def _send(self, answer, peer):
        def send():
            try:
                self.socket.sendto(answer, peer)
            except OSError:
                pass

        if self.delay:
            threading.Timer(self.delay, send).start()
        else:
            send()

    def _answers(self, query, name, kind, question):
        fault = NXDOMAIN if name != self.name else self.faults.get(kind)
        if fault == "silence":
            return []
        if fault == "garbage":
            kinds = garbage(query, question)
            self.nonsense += 1
            return [kinds[self.nonsense % len(kinds)]]
        if fault is not None:
            return [header(query, fault) + question]
        return [self._answer(query, kind, question)]

    def _answer(self, query, kind, question):
        version = 4 if kind == A else 6
        records = [record(each) for each in self.addresses if ipaddress.ip_address(each).version == version]
        fitting = records
        while 12 + len(question) + sum(map(len, fitting)) > UDP_MAX:
            fitting = fitting[:-1]
        cut = len(fitting) < len(records)
        return header(query, NOERROR, len(fitting), cut) + question + b"".join(fitting)
