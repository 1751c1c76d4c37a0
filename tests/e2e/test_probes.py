# SPDX-License-Identifier: Apache-2.0
"""Load balancers probe the port that they balance: /healthz and /readyz on the clients' port."""

import contextlib
import json
import signal
import socket
import ssl

import pytest

from harness.http import raw_exchange, read_to_end
from harness.raw_ws import RawClient
from harness.waiting import patient, wait_until

OK, READY = b'{"status":"ok"}', b'{"status":"ready"}'


def ask(address, path, method="GET", tls=None):
    """Status and body of one probe."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.create_connection(address, timeout=patient(10)))
        if tls:
            sock = stack.enter_context(tls.wrap_socket(sock))
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def shake(cluster):
    with RawClient(cluster.ws(), shake=False) as raw:
        return raw.shake()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_both_are_answered_to_get_and_head(make_cluster, certs, tls):
    options = {"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")} if tls else {}
    context = None
    if tls:
        context = ssl.create_default_context(cafile=certs.ca)
        context.check_hostname = False
    cluster = make_cluster(logics=0, gateway=options)
    for path, body in (("/healthz", OK), ("/readyz", READY)):
        assert ask(cluster.ws(), path, tls=context) == (200, body)
        assert ask(cluster.ws(), path, "HEAD", tls=context) == (200, b"")
        assert ask(cluster.ws(), path, "POST", tls=context)[0] == 405
    assert cluster.gateway_metrics().get("fanfare_gateway_clients_refused_total", reason="bad_handshake") == 2


def test_probes_as_haproxy_sends_them(cluster):
    assert raw_exchange(cluster.ws(), b"GET /readyz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("option", ["maxClients", "maxClientsPerAddress"])
def test_a_full_gateway_is_ready_and_a_probe_takes_nobodys_place(make_cluster, option):
    cluster = make_cluster(logics=0, gateway={option: 1})
    probes = []
    for _ in range(3):
        sock = socket.create_connection(cluster.ws(), timeout=patient(10))
        sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_to_end(sock).endswith(READY)
        probes.append(sock)  # a slow balancer: it has not closed yet
    client = wait_until(lambda: next((raw for raw in [RawClient(cluster.ws(), shake=False)]
                                      if raw.shake().status == 101), None), what="a client to be let in")
    assert shake(cluster).status == 503
    assert ask(cluster.ws(), "/readyz") == (200, READY) and ask(cluster.ws(), "/healthz") == (200, OK)
    assert client.request("PING", {})["type"] == "ACK"
    client.close()
    for sock in probes:
        sock.close()
    wait_until(lambda: shake(cluster).status == 101, what="the place to be free again")


def test_a_drain_shows_from_its_first_moment(make_cluster):
    cluster = make_cluster(logics=0, gateway={"drainSeconds": int(patient(20)), "bucketThreads": 4})
    gateway = cluster.gateways[0]
    clients = [cluster.raw() for _ in range(8)]
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: gateway.events("draining"), what="the drain to begin")
    for _ in range(8):  # each thread
        status, body = ask(cluster.ws(), "/readyz")
        assert status == 503 and b'"code":"not_ready"' in body and b"shutting down" in body
        assert ask(cluster.ws(), "/readyz", "HEAD") == (503, b"")
        assert ask(cluster.ws(), "/healthz") == (200, OK)
    assert shake(cluster).status == 503
    for client in clients:
        client.close()
    gateway.wait(30)


def test_both_ports_say_the_same(make_cluster):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        cluster = make_cluster(logics=0, ready=False, gateway={"redis.url": f"redis://127.0.0.1:{port}"})
        with cluster.admin() as admin:
            answer = admin.get("/readyz")
        assert answer.status == 503 and b"not yet in the registry" in answer.body
        status, body = ask(cluster.ws(), "/readyz")
        assert status == 503 and json.loads(body)["error"] == answer.json["error"]
        assert b"redis" in answer.body and b"redis" not in body, "that is the operator's business"
        assert ask(cluster.ws(), "/healthz") == (200, OK)
