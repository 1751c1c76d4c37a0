# SPDX-License-Identifier: Apache-2.0
"""The opening handshake (RFC 6455, section 4): what is let in, and what is answered to the rest."""

import base64
import hashlib
import socket

import pytest

from harness.http import read_to_end
from harness.raw_ws import TEXT, RawClient, handshake
from harness.waiting import patient

PING_TEXT = b'{"type":"PING","data":{}}'
PONG_TEXT = b'{"type":"PONG","data":{}}'


@pytest.fixture
def bystander(cluster, room):
    """A client that must still be there, with nothing heard but the last push, when the test ends."""
    client = cluster.client(room)
    yield client
    cluster.push(room, "marker")
    assert client.push() == ["marker"]


def shake(cluster, path="/connect", **changes):
    with RawClient(cluster.ws(), shake=False) as raw:
        return raw.shake(path, **changes)


def test_handshake_answer(cluster):
    key = base64.b64encode(b"0123456789abcdef").decode()
    answer = shake(cluster, key=key)
    assert answer.status == 101
    expected = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    assert answer.headers["sec-websocket-accept"] == expected
    assert answer.headers["upgrade"].lower() == "websocket"
    assert "upgrade" in answer.headers["connection"].lower()
    assert "sec-websocket-extensions" not in answer.headers
    assert "sec-websocket-protocol" not in answer.headers


def test_extensions_and_subprotocols_are_not_taken(cluster):
    answer = shake(cluster, Sec_WebSocket_Extensions="permessage-deflate", Sec_WebSocket_Protocol="chat")
    assert answer.status == 101
    assert "sec-websocket-extensions" not in answer.headers
    assert "sec-websocket-protocol" not in answer.headers


@pytest.mark.parametrize("changes", [
    {"Connection": "keep-alive, Upgrade"},
    {"Connection": "upgrade"},
    {"Upgrade": "WebSocket"},
    {"Origin": "https://elsewhere.example"},
    {"Cookie": "a=b; " * 50},
], ids=str)
def test_handshakes_as_browsers_send_them(cluster, changes):
    assert shake(cluster, **changes).status == 101


@pytest.mark.parametrize("changes", [
    {"Sec_WebSocket_Key": None},
    {"Sec_WebSocket_Key": ""},
    {"Sec_WebSocket_Key": "short"},
    {"Sec_WebSocket_Key": base64.b64encode(b"x" * 15).decode()},
    {"Sec_WebSocket_Key": "!" * 24},
    {"http": "HTTP/1.0"},
    {"method": "POST"},
    {"Host": None},
    {"Host": "a/b"},
    {"Sec_WebSocket_Version": "13\r\nSec-WebSocket-Version: 13"},
    {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="},
    {"Origin": "https://a.example\r\nOrigin: https://a.example"},
    {"Host": "a\r\nHost: a"},
], ids=str)
def test_bad_handshakes_are_400(cluster, changes):
    answer = shake(cluster, **changes)
    assert answer.status in ((400, 405) if "method" in changes else (400,)), answer


def test_another_version_is_refused_with_the_right_one_named(cluster):
    for version in ("8", "0", None, "x"):
        answer = shake(cluster, Sec_WebSocket_Version=version)
        assert answer.status in (400, 426), answer
        assert answer.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("changes", [
    {"Upgrade": None, "Connection": None},
    {"Upgrade": None, "Connection": "keep-alive"},
    {"Upgrade": "h2c"},
], ids=str)
def test_connect_without_an_upgrade_is_426(cluster, changes):
    answer = shake(cluster, **changes)
    assert answer.status == 426
    assert answer.headers["upgrade"].lower() == "websocket"


@pytest.mark.parametrize("path", ["/", "/connect", "/nowhere"])
def test_head_is_get_without_the_body_for_probes(cluster, path):
    """The same header section, and nothing behind it: load balancers probe so."""
    got = []
    for method in (b"GET", b"HEAD"):
        with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
            sock.sendall(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            got.append(read_to_end(sock).partition(b"\r\n\r\n"))
    assert got[0][0] == got[1][0] and b"\r\nContent-Length: " in got[0][0]
    assert got[0][2] and not got[1][2]


def test_another_method_names_those_that_are_taken(cluster):
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        got = read_to_end(sock)
    assert got.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: GET, HEAD\r\n" in got, got


@pytest.mark.parametrize("path", ["/connect/", "/Connect", "/", "/x", "/connect/../connect", "//connect"])
def test_other_paths_are_404(cluster, path):
    if path == "/":
        assert shake(cluster, path).status in (200, 400, 404), "the page, or nothing"
    else:
        assert shake(cluster, path).status == 404


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 80, b"hello\r\n\r\n",
                                     b"GET /connect\r\n\r\n", b"\xff" * 50 + b"\r\n\r\n"])
def test_what_is_not_http_is_400_and_closed(cluster, bystander, garbage):
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        sock.sendall(garbage)
        got = read_to_end(sock)
    assert got == b"" or got.startswith(b"HTTP/1.1 400 ")


def test_a_handshake_that_never_ends_is_408_and_silence_is_closed(make_cluster):
    cluster = make_cluster(gateway={"wsReadTimeout": 300})
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        sock.sendall(handshake()[:-2])
        got = read_to_end(sock)
    assert got.startswith(b"HTTP/1.1 408 ") and b"300 ms (wsReadTimeout)" in got, got
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        assert read_to_end(sock) == b"", "browsers connect in advance: to say nothing is no request"
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_clients_refused_total", reason="handshake_timeout") == 2
    assert metrics.get("fanfare_gateway_clients") == 0


def test_a_dripping_handshake_gains_no_time(make_cluster):
    cluster = make_cluster(gateway={"wsReadTimeout": 500})
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        sock.settimeout(0.1)
        for byte in handshake(X="y" * 200)[:-2]:
            try:
                sock.sendall(bytes([byte]))
                got = sock.recv(4096)
                break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                got = b""
                break
        else:
            pytest.fail("a byte every 100 ms kept the handshake alive")
    assert got.startswith(b"HTTP/1.1 408 ")


def test_origins_that_are_not_listed_are_403_and_sighup_takes_the_list_over(make_cluster):
    cluster = make_cluster(logics=0, gateway={"ws.origins": ["https://a.example", "https://*.b.example"]})
    for origin in (None, "https://a.example", "HTTPS://A.example:443", "https://x.y.b.example"):
        assert shake(cluster, Origin=origin).status == 101, origin
    for origin in ("https://b.example", "http://a.example", "https://a.example.evil.net", "null", ""):
        answer = shake(cluster, Origin=origin)
        assert answer.status == 403 and answer.error == "origin_not_allowed", origin
    assert "https://evil.net is not in ws.origins" in shake(cluster, Origin="https://evil.net").message
    assert "evil" not in shake(cluster, Origin='https://evil"}').message
    assert shake(cluster, Origin="https://evil.net", Upgrade=None).status == 403, "before anything else"
    assert shake(cluster, "/", Origin="https://evil.net").status == 200
    refused = cluster.gateway_metrics().get("fanfare_gateway_clients_refused_total", reason="origin")
    assert refused == 8
    for origins, status in ((["https://evil.net"], 101), (["https://a.example"], 403), ([], 101)):
        assert cluster.gateways[0].reload(**{"ws.origins": origins})
        for _ in range(4):  # each thread
            assert shake(cluster, Origin="https://evil.net").status == status


def test_a_listed_subprotocol_is_selected(make_cluster):
    cluster = make_cluster(gateway={"ws.subprotocols": ["chat", "fanfare"]})

    def selected(**changes):
        answer = shake(cluster, **changes)
        assert answer.status == 101
        return answer.headers.get("sec-websocket-protocol")

    assert selected(Sec_WebSocket_Protocol="other, fanfare, chat") == "fanfare"
    assert selected(Sec_WebSocket_Protocol="other") is None
    assert selected() is None
    client = cluster.client(room := "r", subprotocols=["nothing", "chat"])
    cluster.push(room, 1)
    assert client.push() == [1]
    assert cluster.gateways[0].reload(**{"ws.subprotocols": []})
    assert selected(Sec_WebSocket_Protocol="chat") is None


def test_headers_too_large_are_431_with_the_limit_named(cluster, bystander):
    for changes in ({"X": "y" * 200000}, {"Cookie": "c=" + "y" * 17000}, {f"X{n}": "y" for n in range(120)}):
        answer = shake(cluster, **changes)
        assert answer.status == 431, answer
        error = answer.json["error"]
        assert error["code"] == "header_too_large"
        assert "16384 bytes (maxHeaderBytes) and 100 fields" in error["message"]
    assert shake(cluster, Cookie="sso=" + "y" * 15000).status == 101, "cookies of single sign-on pass"


def test_the_limit_of_the_headers_is_an_option_that_is_reloaded(make_cluster):
    cluster = make_cluster(gateway={"maxHeaderBytes": 40000})
    assert shake(cluster, Cookie="y" * 39000).status == 101
    assert shake(cluster, Cookie="y" * 41000).status == 431
    assert cluster.gateways[0].reload(maxHeaderBytes=2000)
    answer = shake(cluster, Cookie="y" * 3000)
    assert answer.status == 431 and b"2000 bytes (maxHeaderBytes)" in answer.body


def test_what_is_wrong_with_a_request_is_said(cluster):
    with socket.create_connection(cluster.ws(), timeout=patient(10)) as sock:
        sock.sendall(b"GET /connect HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n")
        got = read_to_end(sock)
    assert got.startswith(b"HTTP/1.1 400 ") and b"a line begins with a space" in got


def test_handshake_byte_by_byte(cluster):
    raw = RawClient(cluster.ws(), shake=False)
    raw.send_bytes(handshake(), one_by_one=True)
    assert raw.http_answer().status == 101
    raw.send(TEXT, PING_TEXT)
    assert raw.receive().payload == PONG_TEXT
    raw.close()


def test_a_storm_of_half_done_connections(cluster, bystander):
    socks = [socket.create_connection(cluster.ws(), timeout=patient(10)) for _ in range(200)]
    for number, sock in enumerate(socks):
        sock.sendall(handshake()[: 10 + number])
    client = cluster.client()
    client.expect_nothing()
    for sock in socks:
        sock.close()
