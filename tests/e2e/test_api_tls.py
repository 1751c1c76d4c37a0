# SPDX-License-Identifier: Apache-2.0
"""HTTPS for the API: OpenSSL, curl and Python as callers, plain HTTP at the door, slow handshakes, and
certificates that change while calls are under way."""

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness.cluster import LOGIC, Cluster, nested
from harness.daemon import run
from harness.http import Caller, read_answer, read_to_end
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until


def pair(certs, name="gateway"):
    return {"api.cert": certs.path(f"{name}.pem"), "api.key": certs.path(f"{name}.key")}


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    from conftest import finish

    cluster = Cluster(tmp_path_factory.mktemp("https"), certs, logic=pair(certs))
    yield cluster
    finish([cluster])


def context(certs, **changes):
    made = certs.client_context(alpn=("http/1.1",), show=False)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def connect(cluster, certs, **changes):
    sock = socket.create_connection(cluster.api(), timeout=patient(10))
    return context(certs, **changes).wrap_socket(sock, server_hostname="localhost")


def failures(cluster):
    return cluster.logic_metrics().get("fanfare_logic_tls_failures_total")


def test_a_push_over_tls_arrives_and_the_connection_is_kept(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        for i in range(3):
            assert caller.post("/push/room", {"room": room, "items": [i], "wait": True}).json["clients"] == 1
        assert caller.connects == 1
        for path in ("/healthz", "/readyz", "/metrics", "/stats", "/gateways"):
            assert caller.get(path).status == 200
    assert client.items(3) == [0, 1, 2]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken_and_http_1_1_is_selected(cluster, certs, version):
    with connect(cluster, certs, minimum_version=version, maximum_version=version) as sock:
        assert sock.version() == version.name.replace("_", ".")
        assert sock.selected_alpn_protocol() == "http/1.1"
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(sock).status == 200


def test_older_versions_are_refused(cluster):
    done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % cluster.api(), "-tls1_1", "-cipher",
                           "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=patient(10))
    assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout


def test_openssl_verifies_the_chain_and_hears_an_answer(cluster, certs):
    done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % cluster.api(), "-CAfile", certs.ca,
                           "-verify_return_error", "-servername", "localhost", "-quiet", "-ign_eof"],
                          input=b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                          capture_output=True, timeout=patient(10))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"HTTP/1.1 200 OK\r\n")


def test_curl_pushes(cluster, certs, room):
    client = cluster.client(room)
    url = "https://localhost:%d/push/room" % cluster.api()[1]
    curl = ["curl", "-sS", "--resolve", f"localhost:{cluster.api()[1]}:127.0.0.1", "-d", f'room={room}&items=["curl"]']
    done = subprocess.run([*curl, "--cacert", certs.ca, url], capture_output=True, text=True, timeout=patient(10))
    assert done.returncode == 0 and json.loads(done.stdout)["items"] == 1, done
    assert client.push() == ["curl"]
    done = subprocess.run([*curl, url], capture_output=True, text=True, timeout=patient(10))
    assert done.returncode == 60, "a CA that curl does not know"


def test_pipelined_requests_and_large_bodies(cluster, certs):
    body = json.dumps({"room": "r", "items": ["x" * 60000] * 20}).encode()
    request = (f"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    with connect(cluster, certs) as sock:
        sock.sendall(request + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < 51:
            piece = sock.recv(65536)
            assert piece, got
            got += piece
    assert b'"items":20,' in got.split(b"HTTP/1.1")[1]


def test_the_end_is_said_in_tls(cluster, certs):
    with connect(cluster, certs) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = read_to_end(sock)  # without a close_notify this raises SSLEOFError
    assert got.startswith(b"HTTP/1.1 200 ")


def test_a_refused_body_is_answered_and_not_reset(cluster, certs):
    with connect(cluster, certs) as sock:
        sock.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        for _ in range(16):
            sock.sendall(b"x" * 65536)
        assert read_answer(sock, "POST").status == 404


def test_plain_http_is_told_to_use_https(cluster):
    before = failures(cluster)
    with Caller(*cluster.api()) as caller:
        answer = caller.post("/push/all", {"items": [1]})
    assert (answer.status, answer.error) == (400, "invalid_request")
    assert "HTTPS" in answer.message and answer.headers["connection"] == "close"
    assert failures(cluster) == before + 1


def test_handshakes_that_stand_still_keep_nobody_out(make_cluster, certs):
    cluster = make_cluster(logic={**pair(certs), "maxConnections": 20, "serviceReadTimeout": int(patient(1000))})
    hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    sslobj = context(certs).wrap_bio(*hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        sslobj.do_handshake()
    first_flight = hello[1].read()
    socks = [socket.create_connection(cluster.api(), timeout=patient(10)) for _ in range(60)]
    try:
        for sock in socks:
            try:
                sock.sendall(first_flight[:100])
            except OSError:
                pass  # it had to give way already
        with cluster.caller() as caller:
            assert caller.post("/push/room", {"room": "r", "items": [1]}).status == 200
        for sock in socks:
            try:
                assert sock.recv(1) == b"", "closed without a word"
            except ConnectionResetError:
                pass
    finally:
        for sock in socks:
            sock.close()
    with cluster.caller() as caller:
        assert caller.get("/healthz").status == 200
    assert failures(cluster) > 0


def test_a_slow_handshake_ends_with_the_read_timeout(make_cluster, certs):
    cluster = make_cluster(logic={**pair(certs), "serviceReadTimeout": int(patient(500))})
    began = time.monotonic()
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        try:
            for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200:
                sock.sendall(bytes([byte]))
                time.sleep(patient(0.02))
            assert sock.recv(1) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert patient(0.4) < time.monotonic() - began < patient(4)
    assert failures(cluster) == 1


def test_a_new_certificate_under_load_loses_no_call(make_cluster, certs, tmp_path):
    own = certs.copy(tmp_path / "own")
    cluster = make_cluster(logic=pair(own))
    logic = cluster.logics[0]
    before, stop, statuses, faults = own.serial("gateway.pem"), threading.Event(), [], []

    def push(keep):
        caller = cluster.caller()
        while not stop.is_set():
            try:
                statuses.append(caller.post("/push/room", {"room": "r", "items": [1]}).status)
            except (OSError, http.client.HTTPException) as fault:
                faults.append(repr(fault))
            if not keep:
                caller.close()
            stop.wait(0.01)
        caller.close()

    def shown():
        with connect(cluster, own) as sock:
            der = sock.getpeercert(binary_form=True)
        pem = ssl.DER_cert_to_PEM_cert(der)
        (tmp_path / "shown.pem").write_text(pem)
        return int(subprocess.run(["openssl", "x509", "-in", str(tmp_path / "shown.pem"), "-noout", "-serial"],
                                  capture_output=True, text=True, check=True).stdout.split("=")[1], 16)

    assert shown() == before
    pushers = [threading.Thread(target=push, args=(keep,)) for keep in (True, True, False, False)]
    for each in pushers:
        each.start()
    own.renew("gateway")
    wait_until(lambda: shown() == own.serial("gateway.pem"), what="the new certificate")
    assert own.serial("gateway.pem") != before
    done = len(statuses)
    wait_until(lambda: len(statuses) > done + 50, what="calls behind the change")
    stop.set()
    for each in pushers:
        each.join()
    assert not faults and set(statuses) == {200}
    metrics = cluster.logic_metrics()
    assert metrics.get("fanfare_logic_certificate_expiry_timestamp_seconds", what="api") == own.expiry("gateway.pem")
    assert metrics.get("fanfare_logic_certificates_reloaded_total") >= 1
    assert [each["what"] for each in logic.events("certificate files taken over")][0] == "api"


def test_a_bad_certificate_leaves_the_old_one(make_cluster, certs, tmp_path):
    own = certs.copy(tmp_path / "own")
    cluster = make_cluster(logic=pair(own))
    own.put("gateway.pem", b"rubbish")
    refused = lambda: cluster.logics[0].events("certificate files not taken over, the old ones stay")
    wait_until(refused, what="the warning")
    assert refused()[0]["what"] == "api"
    with cluster.caller() as caller:
        assert caller.get("/healthz").status == 200


def test_tls_is_not_switched_on_or_off_by_a_reload(make_cluster, certs):
    cluster = make_cluster(logic=pair(certs))
    logic = cluster.logics[0]
    with cluster.caller() as caller:
        assert logic.hang_up()
        assert caller.get("/healthz").status == 200
    logic._set(["api", "cert"], None)
    logic._set(["api", "key"], None)
    logic.config_path.write_text(json.dumps(logic.config))
    logic.signal(1)
    wait_until(lambda: logic.events("needs a restart"), what="the line")
    assert logic.last("needs a restart")["keys"] == "api.cert,api.key"
    logic.config["api"] = {"cert": "as", "key": "it was"}
    with cluster.caller() as caller:
        assert caller.get("/healthz").status == 200, "it goes on with TLS"


@pytest.mark.parametrize("case, words", [
    ("another key", "api.key: "), ("no certificate", "api.cert: "), ("no file", "api.cert: "),
])
def test_a_start_with_a_wrong_pair_ends(certs, tmp_path, case, words):
    files = pair(certs)
    if case == "another key":
        files["api.key"] = certs.path("logic.key")
    elif case == "no certificate":
        files["api.cert"] = certs.path("gateway.key")
    else:
        files["api.cert"] = str(tmp_path / "nothing.pem")
    config = tmp_path / "logic.json"
    config.write_text(json.dumps(nested({**LOGIC, **files})))
    done = run("fanfare-logic", "-config", config)
    assert done.returncode == (1 if case == "no file" else 2), done.stderr
    assert words in done.stderr
    assert run("fanfare-logic", "-config", config, "--check").returncode == 2


def test_drain_answers_what_has_begun(make_cluster, certs):
    cluster = make_cluster(logic=pair(certs))
    body = b'{"room":"r","items":[1]}'
    with connect(cluster, certs) as sock:
        sock.sendall(f"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_http_inflight_bytes") > 0, what="the body")
        cluster.logics[0].signal(15)
        wait_until(lambda: cluster.logics[0].events("draining"), what="the drain")
        sock.sendall(body[5:])
        answer = read_answer(sock, "POST")
    assert answer.status == 200 and answer.headers["connection"] == "close"


def test_tokens_and_the_tool_over_https(make_cluster, certs, tmp_path):
    tokens = Tokens(tmp_path, "a-token name=shop rooms=r,harness-nobody")
    cluster = make_cluster(logic={**pair(certs), **tokens.option}, headers=bearer("a-token"))
    client = cluster.client("r")
    api = "https://localhost:%d" % cluster.api()[1]
    push = ["push", "--api", api, "--room", "r", "--tokens", tokens.path, "--items"]
    done = run("fanfare", *push, '["by the tool"]', "--ca", certs.ca, timeout=30)
    assert done.returncode == 0, done.stderr
    assert client.push() == ["by the tool"]
    done = run("fanfare", *push, '["not trusted"]', timeout=30)
    assert done.returncode != 0 and "certificate" in done.stderr.lower()
