# SPDX-License-Identifier: Apache-2.0
"""The callers' connections: HTTP/1.1 in all its forms (RFC 9112), unix sockets, IPv6, CORS."""

import json
import re
import socket
import subprocess

import pytest

from harness.http import Caller, raw_exchange, read_answer, read_to_end
from harness.waiting import patient, wait_until


def test_a_content_length_past_the_limit_is_413_before_the_body_is_sent(make_cluster):
    cluster = make_cluster(logic={"maxBodyBytes": 4096})
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Content-Length: 1000000\r\n\r\n{")
        answer = read_answer(sock, "POST")
        assert (answer.status, answer.error) == (413, "body_too_large")
        assert "4096" in answer.message, "the message names what is allowed"


def test_chunks_past_the_limit_are_413_while_they_are_sent(make_cluster):
    cluster = make_cluster(logic={"maxBodyBytes": 4096})
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):
            sock.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert read_answer(sock, "POST").error == "body_too_large"


def test_chunked_bodies_are_taken(cluster, room):
    client = cluster.client(room)
    body = f"room={room}&items=[1]".encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert read_answer(sock, "POST").status == 200
    assert client.push() == [1]


def test_a_request_byte_by_byte_is_taken(cluster, room):
    client = cluster.client(room)
    body = f"room={room}&items=[1]"
    request = ("POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(request)):
            sock.sendall(request[i : i + 1])
        assert read_answer(sock, "POST").status == 200
    assert client.push() == [1]


@pytest.mark.parametrize("garbage", [
    b"\r\n\r\nnonsense\r\n\r\n",
    b"GET /stats\r\n\r\n",
    b"GET /stats HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    b"GET /healthz HTTP/1.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"GET http://x/healthz HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\nHost: x\n\n",
    b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
    b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
], ids=["words", "no version", "two lengths", "negative length", "length and chunks", "bad chunk", "tls", "no host",
        "two hosts", "bad host", "two spaces", "star", "bare LF", "space before colon", "length as a trailer"])
def test_what_is_not_http_gets_400_and_the_end(cluster, garbage):
    got = raw_exchange(cluster.api(), garbage)
    assert got.startswith(b"HTTP/1.1 400 "), got
    assert b"invalid_request" in got
    with cluster.caller() as caller:
        assert caller.get("/healthz").status == 200


def servers(cluster):
    return [cluster.api(), cluster.gateways[0].address("admin")]


def test_methods_and_versions_that_are_not_spoken(cluster):
    for address in servers(cluster):
        for line, status, code in [(b"get /healthz HTTP/1.1", 501, b"not_implemented"),
                                   (b"BREW /pot HTTP/1.1", 501, b"not_implemented"),
                                   (b"PRI * HTTP/2.0", 505, b"version_not_supported")]:
            got = raw_exchange(address, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert got.startswith(b"HTTP/1.1 %d " % status) and code in got, got


def test_spaces_around_values_and_targets_with_a_host_are_taken(cluster):
    for address in servers(cluster):
        for request in (b"GET /healthz HTTP/1.1\r\nHost:\t[::1]:7799 \t\r\nContent-Length:\t0\t\r\n",
                        b"GET http://user.example:80/healthz?x HTTP/1.1\r\nHost: other\r\n",
                        b"GET /healthz HTTP/1.3\r\nHost:\r\n"):
            got = raw_exchange(address, request + b"Connection:\tclose\t\r\n\r\n")
            assert got.startswith(b"HTTP/1.1 200 "), got


def test_pages_may_read_answers_to_requests_in_part(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["https://a.example"], "maxHeaderBytes": 2048,
                                  "serviceReadTimeout": int(patient(300))})
    head = b"POST /push/all HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
    for rest, status in [(b"X: " + b"y" * 3000, 431), (b"X: y", 408), (b"X : y\r\n\r\n", 400)]:
        got = raw_exchange(cluster.api(), head + rest)
        assert got.startswith(b"HTTP/1.1 %d " % status), got
        assert b"\r\nAccess-Control-Allow-Origin: https://a.example\r\n" in got, got


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"identity, gzip", b"identity\r\nContent-Encoding: deflate"])
@pytest.mark.parametrize("path", [b"/push/all", b"/push/room", b"/push/batch"])
def test_an_encoded_body_is_415_and_says_what_is_taken(cluster, path, coding):
    got = raw_exchange(cluster.api(), b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Encoding: " + coding + b"\r\nContent-Length: 100\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 415 "), got
    assert b"\r\nAccept-Encoding: identity\r\n" in got and b"unsupported_media_type" in got


def test_a_type_that_stands_twice_is_none(cluster):
    got = raw_exchange(cluster.api(), b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n\r\n"
                       b'{"items":[1]}')
    assert got.startswith(b"HTTP/1.1 415 "), got


def test_identity_is_no_coding(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        answer = caller.form("/push/room", f"room={room}&items=[1]", headers={"Content-Encoding": "identity"})
        assert answer.status == 200, answer
    assert client.push() == [1]


def test_keep_alive_serves_many_requests_on_one_connection(cluster, room):
    with cluster.caller() as caller:
        for n in range(20):
            assert caller.post("/push/room", {"room": room, "items": [n]}).status == 200
        assert caller.form("/push/room", "room=").status == 400
        assert caller.get("/healthz").status == 200
        assert caller.connects == 1, "errors do not cost the connection"


def test_pipelined_requests_are_answered_in_order(cluster):
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
                     b"GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = read_to_end(sock)
    assert re.findall(rb"HTTP/1.1 (\d+) ", got) == [b"200", b"404", b"200"]


def test_pipelined_pushes_that_wait_are_answered_in_order(cluster, room):
    body = json.dumps({"room": room, "items": [1], "wait": True}).encode()
    one = b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall((one + b"\r\n" + body) * 3 + b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = read_to_end(sock)
    assert re.findall(rb"HTTP/1.1 (\d+) ", got) == [b"200", b"200", b"200", b"404"]


def test_connection_close_and_http_1_0_end_the_connection(cluster):
    for request in (b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                    b"GET /healthz HTTP/1.0\r\n\r\n"):
        got = raw_exchange(cluster.api(), request)
        assert b" 200 " in got.split(b"\r\n")[0]
        assert got.endswith(b'{"status":"ok"}')


def test_expect_100_continue_is_answered_before_the_body(cluster, room):
    client = cluster.client(room)
    body = f"room={room}&items=[1]".encode()
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert read_answer(sock, "POST").status == 200
    assert client.push() == [1]


@pytest.mark.parametrize("path", ["/stats", "/healthz", "/readyz", "/metrics"])
def test_head_is_get_without_the_body(cluster, path):
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = read_to_end(sock)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and body == b""
    assert b"content-length: " in head.lower()


def test_callers_that_leave_in_the_middle_harm_nobody(cluster, room):
    client = cluster.client(room)
    for cut in (b"POST", b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nroom=",
                b"POST /push/room?wait=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: 14\r\n\r\nroom=x&items=["):
        with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
            sock.sendall(cut)
    cluster.push(room, 1)
    assert client.push() == [1]


def stats(cluster):
    with cluster.caller() as caller:
        return caller.get("/stats").json


def test_a_caller_that_leaves_while_it_waits_harms_nobody(make_cluster):
    cluster = make_cluster(logic={"waitTimeout": 60000, "gatewayTimeout": 60000})
    client = cluster.client("r")
    before = stats(cluster)["DispatchTotal"]
    cluster.gateways[0].stop_the_clock()
    with cluster.caller() as caller:
        caller.connection.request("POST", "/push/room?wait=1", b"room=r&items=[1]",
                                  {"Content-Type": "application/x-www-form-urlencoded"})
        wait_until(lambda: stats(cluster)["DispatchTotal"] > before, what="the push to be taken")
    cluster.gateways[0].go_on()
    assert client.push() == [1]
    assert cluster.push("r", 2, wait=True)["clients"] == 1


def test_unix_socket(make_cluster, tmp_path):
    path = tmp_path / "api.sock"
    cluster = make_cluster(logic={"serviceBind": f"unix:{path}"}, ready=False)
    wait_until(path.exists, what="the socket file")
    client = cluster.client("r")
    with Caller(unix=str(path)) as caller:
        wait_until(lambda: caller.get("/readyz").status == 200, what="logic to be ready")
        assert caller.form("/push/room", "room=r&items=[1]").status == 200
    assert client.push() == [1]
    curl = ["curl", "-sS", "--max-time", "20", "--unix-socket", str(path), "http://localhost/healthz"]
    assert subprocess.run(curl, check=True, capture_output=True).stdout == b'{"status":"ok"}'
    cluster.logics[0].terminate()
    assert not path.exists(), "the socket file is removed at the end"


@pytest.mark.parametrize("bind", ["::1", "[::1]", "*"])
def test_ipv6(make_cluster, bind):
    cluster = make_cluster(logic={"serviceBind": bind}, gateway={"wsBind": bind, "adminBind": bind}, ready=False)
    port = cluster.logics[0].port("api")
    with Caller("::1", port) as caller:
        wait_until(lambda: caller.get("/readyz").status == 200, what="logic to be ready")
    with Caller("::1", cluster.gateways[0].port("admin")) as caller:
        assert caller.get("/healthz").status == 200
    if bind == "*":
        with Caller("127.0.0.1", port) as caller:
            assert caller.get("/healthz").status == 200


# CORS

ORIGINS = ["https://a.example", "null", "NULL", "", "https://a.example:443", "http://b.example", "x" * 600]


def test_without_origins_there_is_no_cors(cluster, room):
    with cluster.caller() as caller:
        answer = caller.get("/stats", headers={"Origin": "https://a.example"})
        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
        answer = caller.request("OPTIONS", "/push/room", headers={
            "Origin": "https://a.example", "Access-Control-Request-Method": "POST"})
        assert answer.status == 405
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_listed_origin_is_allowed(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["https://a.example", "https://b.example"]})
    with cluster.caller() as caller:
        preflight = caller.request("OPTIONS", "/push/room", headers={
            "Origin": "https://b.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == "https://b.example"
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert "content-type" in preflight.headers["access-control-allow-headers"].lower()
        answer = caller.post("/push/room", {"room": "r", "items": [1]}, headers={"Origin": "https://b.example"})
        assert answer.headers["access-control-allow-origin"] == "https://b.example"
        assert "origin" in answer.headers["vary"].lower()
        error = caller.post("/push/room", {}, headers={"Origin": "https://a.example"})
        assert error.status == 400
        assert error.headers["access-control-allow-origin"] == "https://a.example", "pages may read errors too"
        stranger = caller.post("/push/room", {"room": "r", "items": [1]}, headers={"Origin": "https://c.example"})
        assert (stranger.status, stranger.error) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in stranger.headers
        assert caller.get("/stats", headers={"Origin": "https://c.example"}).status == 200


def test_origins_match_as_browsers_write_them(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["HTTPS://A.example:443", "https://*.below.example"]})

    def allowed(origin):
        return caller.get("/stats", headers={"Origin": origin}).headers.get("access-control-allow-origin")

    with cluster.caller() as caller:
        for origin in ("https://a.example", "https://x.below.example", "https://y.x.below.example"):
            assert allowed(origin) == origin, "byte for byte what the browser sent"
        for origin in ("https://below.example", "https://x.below.example:8443", "http://a.example", "null"):
            assert allowed(origin) is None, origin


def test_a_star_allows_any_origin(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["*"]})
    with cluster.caller() as caller:
        answer = caller.post("/push/room", {"room": "r", "items": [1]}, headers={"Origin": "https://z.example"})
        assert answer.headers["access-control-allow-origin"] in ("*", "https://z.example")
        answer = caller.post("/push/room", {"room": "r", "items": [1]}, headers={"Origin": "null"})
        assert (answer.status, answer.error) == (403, "origin_not_allowed"), "null is no origin, so not any"


@pytest.mark.parametrize("origins", [[], ["https://shop.example", "https://*.shop.example"]])
@pytest.mark.parametrize("path, body", [
    ("/push/all", 'items=["no"]'), ("/push/room", 'room=r&items=["no"]'), ("/push/batch", "[]"), ("/nowhere", "x")])
def test_a_page_of_an_origin_that_is_not_listed_cannot_push(make_cluster, origins, path, body):
    """A form or a simple request is sent without a preflight: it must be refused itself, unread."""
    cluster = make_cluster(logic={"cors.origins": origins})
    client = cluster.client("r")
    before = cluster.logic_metrics().get("fanfare_logic_pushes_received_total")
    with cluster.caller() as caller:
        for origin in ORIGINS:
            for method in ("form", "post"):
                answer = getattr(caller, method)(path, body, headers={"Origin": origin})
                assert (answer.status, answer.error) == (403, "origin_not_allowed"), (origin, answer)
                assert "access-control-allow-origin" not in answer.headers
        assert caller.form("/push/room", 'room=r&items=["yes"]').status == 200, "without Origin it passes"
    assert client.push() == ["yes"]
    client.expect_nothing()
    assert cluster.logic_metrics().get("fanfare_logic_pushes_received_total") == before + 1


def test_two_origins_are_not_a_listed_one(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["https://a.example"]})
    got = raw_exchange(cluster.api(), b"POST /push/all HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
                       b"Origin: https://a.example\r\nContent-Length: 9\r\nConnection: close\r\n\r\nitems=[1]")
    assert got.startswith(b"HTTP/1.1 403 "), got


# Refused at the end of the header section

@pytest.mark.parametrize("start, status", [
    (b"POST /nowhere HTTP/1.1\r\n", 404), (b"PUT /push/all HTTP/1.1\r\n", 405), (b"POST /stats HTTP/1.1\r\n", 405),
    (b"POST /push/all HTTP/1.1\r\nContent-Type: text/plain\r\n", 415),
    (b"POST /push/all HTTP/1.1\r\n", 415),
    (b"POST /push/batch HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n", 415),
    (b"POST /push/all HTTP/1.1\r\nContent-Type: application/json\r\nOrigin: https://x.example\r\n", 403),
])
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"], ids=["", "expect"])
@pytest.mark.parametrize("length", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n"], ids=["length", "chunks"])
def test_what_the_header_section_decides_is_said_before_the_body(cluster, start, status, expect, length):
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(start + b"Host: x\r\n" + expect + length + b"\r\n")
        got = read_to_end(sock)
    assert got.startswith(b"HTTP/1.1 %d " % status), got
    assert b"\r\nConnection: close\r\n" in got, "what is not read cannot be passed over"


def test_an_answer_to_a_body_that_still_comes_is_not_lost_to_a_reset(cluster):
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        for _ in range(64):
            sock.sendall(b"x" * 65536)
        assert read_answer(sock, "POST").status == 404


def test_an_admin_port_refuses_without_reading_too(cluster):
    with socket.create_connection(cluster.gateways[0].address("admin"), timeout=patient(10)) as sock:
        sock.sendall(b"POST /stats HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        got = read_to_end(sock)
    assert got.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: GET, HEAD\r\n" in got


def test_pages_may_read_the_refusals_too(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["https://a.example"], "maxBodyBytes": 4096,
                                  "serviceReadTimeout": int(patient(300))})
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\nContent-Type: application/json\r\n"
    for path, rest, status in [(b"/push/all", b"Content-Length: 5000\r\n\r\n", 413),
                               (b"/push/all", b"Content-Length: 50\r\n\r\n{", 408),
                               (b"/push/all", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
                               (b"/nowhere", b"Content-Length: 50\r\n\r\n{", 404)]:
        with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
            sock.sendall(head % path + rest)
            got = read_to_end(sock)
        assert got.startswith(b"HTTP/1.1 %d " % status), got
        assert b"\r\nAccess-Control-Allow-Origin: https://a.example\r\n" in got, got
