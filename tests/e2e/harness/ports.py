# SPDX-License-Identifier: Apache-2.0
"""Ports for servers that may go and come back.

They lie below the range from which the kernel gives its own (32768 and up), so that no connection of
another test, or of another suite on this machine, takes the port of a server that is down for a while.
"""

import random
import socket

given = set()  # by this process: what starts next must not get the same one


def free_port():
    """A port of 127.0.0.1 that nobody listens on, and that was not given before."""
    while True:
        port = random.randint(10000, 32000)
        if port in given:
            continue
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port
