# SPDX-License-Identifier: Apache-2.0
"""Clients over TLS (wss://): the same protocol, the same bytes."""

import socket
import ssl
import subprocess
import time

import pytest

from harness.client import Client
from harness.http import read_to_end
from harness.raw_ws import PING, TEXT, frame, handshake
from harness.waiting import patient


@pytest.fixture
def make_wss(make_cluster, certs):
    def make(**options):
        options.update({"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
        cluster = make_cluster(gateway=options)
        cluster.tls = certs.client_context(alpn=("http/1.1",), show=False)
        return cluster
    return make


@pytest.fixture
def wss(make_wss):
    return make_wss()


def context(certs, *alpn):
    made = ssl.create_default_context(cafile=certs.ca)
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


@pytest.mark.parametrize("offered, selected", [
    (("h2", "http/1.1"), "http/1.1"),
    (("http/1.1", "h2"), "http/1.1"),
    (("h3", "http/1.1"), "http/1.1"),
    ((), None),
], ids=str)
def test_http_1_1_is_what_is_selected(wss, certs, offered, selected):
    raw = wss.raw(tls=context(certs, *offered))
    assert raw.sock.selected_alpn_protocol() == selected
    assert raw.request("PING", {})["type"] == "ACK"


def test_who_offers_only_what_is_not_spoken_is_told_so(wss, certs):
    """RFC 7301, 3.2: a fatal no_application_protocol."""
    for offered in (["h2"], ["http/1.0", "h2"]):
        with pytest.raises(ssl.SSLError) as told:
            wss.raw(tls=context(certs, *offered))
        assert "NO_APPLICATION_PROTOCOL" in str(told.value).replace(" ", "_").upper()
    assert wss.raw(tls=context(certs)).request("PING", {})["type"] == "ACK"


def test_clients_that_prefer_h2_as_others_wrote_them(wss, certs):
    port = wss.ws()[1]
    ca = str(certs.ca)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile", ca,
                           "-alpn", "h2,http/1.1"], input="", capture_output=True, text=True, timeout=patient(20))
    assert "ALPN protocol: http/1.1" in done.stdout, done.stdout
    done = subprocess.run(["curl", "-sS", "--http2", "--cacert", ca, "-o", "/dev/null", "-w", "%{http_code} %{http_version}",
                           f"https://localhost:{port}/"], capture_output=True, text=True, timeout=patient(20))
    assert done.stdout == "200 1.1", done
    script = """
        const [port, ca] = process.argv.slice(1);
        const socket = require("tls").connect({ port, host: "localhost", ca: require("fs").readFileSync(ca),
            ALPNProtocols: ["h2", "http/1.1"] }, () => { console.log(socket.alpnProtocol); socket.end(); });
        socket.on("error", (error) => console.log(error.code));"""
    done = subprocess.run(["node", "-e", script, str(port), ca], capture_output=True, text=True, timeout=patient(20))
    assert done.stdout == "http/1.1\n", done


def test_a_slow_tls_handshake_takes_no_time_from_the_request(make_wss, certs):
    limit = patient(0.5)
    cluster = make_wss(wsReadTimeout=int(limit * 1000), wsTlsTimeout=600000)
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        time.sleep(limit * 1.5)
        with context(certs).wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(handshake())
            assert tls.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_a_tls_handshake_has_its_own_time(make_wss, certs):
    cluster = make_wss(wsReadTimeout=600000, wsTlsTimeout=300)
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        assert read_to_end(sock) == b""
    refused = cluster.gateway_metrics().get("fanfare_gateway_clients_refused_total", reason="handshake_timeout")
    assert refused == 1
    assert cluster.raw(tls=context(certs)).request("PING", {})["type"] == "ACK"


def test_a_request_that_never_ends_is_408_over_wss(make_wss, certs):
    cluster = make_wss(wsReadTimeout=300, wsTlsTimeout=600000)
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        with context(certs).wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(handshake()[:-2])
            got = read_to_end(tls)
    assert got.startswith(b"HTTP/1.1 408 ") and b"wsReadTimeout" in got, got


def test_an_answer_outlives_what_is_still_sent_over_wss(wss, certs):
    """Input that nobody read would reset the connection, and the answer be lost with it."""
    for _ in range(5):
        raw = wss.raw(tls=context(certs), shake=False)
        answer = raw.shake(Cookie="y" * 400000)
        assert answer.status == 431 and "maxHeaderBytes" in answer.json["error"]["message"]
        assert raw.sock.recv(1) == b"", "a close_notify, not a broken connection"


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
