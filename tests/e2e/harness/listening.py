# SPDX-License-Identifier: Apache-2.0
"""Where a process takes connections or datagrams from others, as the kernel tells it."""

import os
import pathlib
import re
import socket
import struct

LISTEN = "0A"
ANYBODY = ":0000"  # of a datagram socket that has no peer
ACCEPTS = 0x10000  # a flag of a unix socket


def _address(text):
    """"0100007F:1E61" as ("127.0.0.1", 7777): words of 32 bits in the machine's order."""
    host, _, port = text.partition(":")
    words = [struct.pack("=I", int(host[at:at + 8], 16)) for at in range(0, len(host), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words)), int(port, 16)


def _inodes(pid):
    found = set()
    for each in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(each))
        except OSError:
            continue  # closed meanwhile
        if match:
            found.add(match[1])
    return found


def _rows(pid, table):
    return [line.split() for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]


def listening(pid):
    """{("tcp" or "udp", host, port) or ("unix", path, 0)} of all that others can reach."""
    inodes, found = _inodes(pid), set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in _rows(pid, table):
            open_to_others = row[3] == LISTEN if table.startswith("tcp") else row[2].endswith(ANYBODY)
            if row[9] in inodes and open_to_others:
                found.add((table[:3], *_address(row[1])))
    for row in _rows(pid, "unix"):
        if row[6] in inodes and int(row[3], 16) & ACCEPTS:
            found.add(("unix", row[7] if len(row) > 7 else "", 0))
    return found
