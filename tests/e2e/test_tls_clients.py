# SPDX-License-Identifier: Apache-2.0
"""Clients over TLS (wss://): the same protocol, the same bytes."""

import socket
import time

import pytest

from harness.client import Client
from harness.raw_ws import PING, TEXT, frame
from harness.waiting import patient


@pytest.fixture
def wss(make_cluster, certs):
    cluster = make_cluster(gateway={"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
    cluster.tls = certs.client_context(alpn=("http/1.1",), show=False)
    return cluster


def test_push_and_ping_over_wss(wss):
    host, port = wss.ws()
    clients = [Client(f"wss://localhost:{port}/connect", ["r"], ssl=wss.tls) for _ in range(10)]
    wss.clients += clients
    wss.push("r", *range(300))
    for client in clients:
        assert client.items(300) == list(range(300))
        client.send({"type": "PING", "data": {}})
        assert client.receive() == '{"type":"PONG","data":{}}'


def test_many_pushes_in_order_over_wss(wss):
    raw = wss.raw(tls=wss.tls)
    raw.join("r")
    with wss.caller() as caller:
        for n in range(500):
            caller.post("/push/room", {"room": "r", "items": [n]})
    assert raw.items(500) == list(range(500))


def test_large_frames_over_wss(wss):
    raw = wss.raw(tls=wss.tls)
    raw.join("r")
    items = [str(n) * 5000 for n in range(10)] * 5
    wss.push("r", *items)
    assert raw.items(50) == items


def test_protocol_errors_over_wss(wss):
    raw = wss.raw(tls=wss.tls)
    raw.send_bytes(frame(TEXT, b"x", mask=False))
    assert raw.close_code() == 1002


def test_byte_by_byte_over_wss(wss):
    raw = wss.raw(tls=wss.tls)
    raw.send_bytes(frame(PING, b"hello"), one_by_one=True)
    assert raw.receive().payload == b"hello"


def test_an_idle_client_stays_over_wss(wss):
    """The library's own time-out for a TLS handshake, 10 s unless it is told otherwise, must not run on."""
    _, port = wss.ws()
    client = Client(f"wss://localhost:{port}/connect", ["idle"], ssl=wss.tls)
    wss.clients.append(client)
    time.sleep(12)
    wss.push("idle", 1)
    assert client.push() == [1]


def test_plain_bytes_on_a_tls_port_harm_nobody(wss):
    raw = wss.raw(tls=wss.tls)
    with socket.create_connection(wss.ws(), timeout=patient(10)) as sock:
        sock.sendall(b"GET /connect HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert raw.request("PING", {})["type"] == "ACK"
