# SPDX-License-Identifier: Apache-2.0
"""Headers of HAProxy's "The PROXY protocol", as the specification has them, for tests that are the proxy."""

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\0\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"


def v1(source):
    """Version 1 (section 2.1) of a connection from `source`."""
    family = ipaddress.ip_address(source).version
    return f"PROXY TCP{family} {source} {'192.0.2.1' if family == 4 else '2001:db8::1'} 56224 443\r\n".encode()


def v2(source, tlvs=b"", length=None):
    """Version 2 (section 2.2) of the same; `length` instead of the true one."""
    address = ipaddress.ip_address(source)
    destination = ipaddress.ip_address("192.0.2.1" if address.version == 4 else "2001:db8::1")
    block = address.packed + destination.packed + struct.pack(">HH", 56224, 443) + tlvs
    family = 0x11 if address.version == 4 else 0x21
    return SIGNATURE + struct.pack(">BBH", 0x21, family, len(block) if length is None else length) + block
