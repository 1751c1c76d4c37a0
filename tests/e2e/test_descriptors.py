# SPDX-License-Identifier: Apache-2.0
"""Few file descriptors: who has which, what is said at the start, and that nobody takes the admin port's."""

import contextlib
import json
import socket
import ssl
import subprocess

import pytest
import websockets.exceptions

import harness.daemon
from harness.build import binary
from harness.cluster import GATEWAY, LOGIC, nested
from harness.http import raw_exchange
from harness.waiting import patient, wait_until


@pytest.fixture
def limit_to(tmp_path, monkeypatch):
    """From here on daemons start with so many descriptors."""

    def limit(gateway=None, logic=None):
        def limited(program):
            count = gateway if program == "fanfare-gateway" else logic
            script = tmp_path / f"{program}-with-{count}"
            script.write_text(f"#!/bin/sh\nulimit -n {count or '$(ulimit -n)'}\nexec {binary(program)} \"$@\"\n")
            script.chmod(0o755)
            return str(script)

        monkeypatch.setattr(harness.daemon, "binary", limited)

    return limit


def start(count, program, path):
    return subprocess.run(["sh", "-c", f"ulimit -n {count}; exec \"$@\"", "sh", binary(program), "-config", str(path)],
                          env=harness.daemon.clean_environment(), capture_output=True, text=True, timeout=patient(20))


@pytest.fixture
def config(tmp_path, certs):
    def write(program, **options):
        base = {**GATEWAY, **certs.gateway()} if program == "fanfare-gateway" else {**LOGIC, **certs.logic()}
        path = tmp_path / f"{program}.json"
        path.write_text(json.dumps(nested({**base, **options})))
        return path

    return write


@pytest.mark.parametrize("program, count, options", [
    ("fanfare-gateway", 24, {}),
    ("fanfare-gateway", 24, {"bucketThreads": 1}),
    ("fanfare-gateway", 64, {"bucketThreads": 2}),
    ("fanfare-gateway", 256, {"bucketThreads": 32}),
    ("fanfare-gateway", 600, {"bucketThreads": 64}),
    ("fanfare-logic", 24, {}),
    ("fanfare-logic", 40, {}),
])
def test_too_few_to_start_are_told_with_what_is_needed(config, program, count, options):
    done = start(count, program, config(program, **options))
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert f"RLIMIT_NOFILE: {count} file descriptors are too few; needed: " in done.stderr
    assert "ready" not in done.stderr


def silent(stack, address, count):
    socks = []
    for _ in range(count):
        sock = socket.socket()
        stack.enter_context(contextlib.closing(sock))
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
        socks.append(sock)
    return socks


def probes(address):
    return [raw_exchange(address, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path, 20).split(b"\r\n")[0]
            for path in (b"/healthz", b"/readyz", b"/metrics")]


def said(daemon):
    return [event for event in daemon.events() if event.get("msg") in ("file descriptors", "fewer clients than configured",
                                                                        "fewer connections than configured")]


@pytest.mark.parametrize("count, threads", [(128, 2), (256, 2), (400, 32), (1024, 2), (1024, 32)])
def test_strangers_who_fill_every_port_leave_the_gateway_its_own(make_cluster, limit_to, count, threads):
    limit_to(gateway=count)
    cluster = make_cluster(gateway={"bucketThreads": threads, "wsReadTimeout": 600000, "maxClients": 100000})
    daemon = cluster.gateways[0]
    [plan] = said(daemon)
    assert int(plan["limit"]) == count and 8 <= int(plan["clients"]) < count - int(plan["own"])
    client = cluster.client("r")
    with contextlib.ExitStack() as stack:
        for what in ("ws", "rpc", "admin"):
            silent(stack, daemon.address(what), count + 100)
        assert probes(daemon.address("admin")) == [b"HTTP/1.1 200 OK"] * 3
        cluster.push("r", 1, wait=True)
        assert client.push() == [1]
        late = cluster.client("r")
        cluster.push("r", 2, wait=True)
        assert late.push() == [2] and client.push() == [2]
        cluster.logics[0].process.terminate()
        wait_until(lambda: not cluster.logics[0].alive(), what="the logic to end")
        cluster.restart_logic()
        cluster.await_links()
        metrics = cluster.gateway_metrics()
        assert metrics.get("process_open_fds") <= count
        for what in ("ws", "rpc", "admin"):
            assert metrics.get("fanfare_gateway_accept_failures_total", what=what) == 0
        daemon.process.terminate()
        wait_until(lambda: not daemon.alive(), 40, "the gateway to obey SIGTERM")


def test_strangers_who_fill_the_api_leave_logic_its_own(make_cluster, limit_to):
    limit_to(logic=128)
    cluster = make_cluster(logic={"serviceReadTimeout": 600000, "maxConnections": 4096})
    daemon = cluster.logics[0]
    [plan] = said(daemon)
    assert int(plan["limit"]) == 128 and int(plan["connections"]) >= 4
    with contextlib.ExitStack() as stack:
        silent(stack, cluster.api(), 200)
        assert probes(cluster.api()) == [b"HTTP/1.1 200 OK"] * 3
        cluster.gateways[0].process.terminate()
        wait_until(lambda: not cluster.gateways[0].alive(), 40, "the gateway to end")
        cluster.restart_gateway()
        cluster.await_links()
        assert cluster.logic_metrics().get("fanfare_logic_accept_failures_total") == 0


def test_enough_of_them_are_said_in_one_line(make_cluster):
    cluster = make_cluster(gateway={"maxClients": 1000})
    [gateway] = said(cluster.gateways[0])
    [logic] = said(cluster.logics[0])
    assert gateway["msg"] == logic["msg"] == "file descriptors"
    assert int(gateway["clients"]) == 1000 and int(logic["connections"]) == 4096


def test_silent_strangers_within_max_clients_lock_no_client_out(make_cluster):
    cluster = make_cluster(gateway={"maxClients": 20, "wsReadTimeout": 600000, "bucketThreads": 2})
    stays = cluster.client("r")
    with contextlib.ExitStack() as stack:
        silent(stack, cluster.ws(), 60)
        clients = [cluster.client("r") for _ in range(19)]
        cluster.push("r", 1)
        for client in [stays, *clients]:
            assert client.push() == [1]
        with cluster.raw(shake=False) as late:
            assert late.shake().status == 503, "none of those who are open gives way"
        metrics = cluster.gateway_metrics()
        assert metrics.get("fanfare_gateway_clients") == 20
        assert metrics.get("fanfare_gateway_clients_refused_total", reason="evicted") >= 19
    cluster.close_clients()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 0, what="all to be gone")
    again = [cluster.client("r") for _ in range(20)]
    with cluster.raw(shake=False) as late:
        assert late.shake().status == 503, "the counts are right again"
    assert len(again) == 20


def test_silent_strangers_lock_no_client_out_of_tls(make_cluster, certs):
    """Who is in the TLS handshake has a second before it gives way."""
    cluster = make_cluster(gateway={"maxClients": 5, "wsReadTimeout": 600000, "wsTlsTimeout": 600000,
                                    "ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
    context = ssl.create_default_context(cafile=certs.ca)
    served = []

    def serve():
        with contextlib.suppress(OSError, ssl.SSLError, websockets.exceptions.WebSocketException):
            served.append(cluster.client("r", ssl=context))
        return len(served) == 5

    with contextlib.ExitStack() as stack:
        silent(stack, cluster.ws(), 5)
        wait_until(serve, 20, "five clients to be served")
        cluster.push("r", 1)
        for client in served:
            assert client.push() == [1]
