# SPDX-License-Identifier: Apache-2.0
"""Whoever only connects, or begins and does not go on, keeps nobody else out."""

import contextlib
import socket

from harness.http import Caller, raw_exchange, read_answer, read_to_end
from harness.rpc import BATCH, RpcCaller, batch, new_logic_id, record
from harness.waiting import patient, wait_until

HALF = b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"


@contextlib.contextmanager
def strangers(address, count, words=b""):
    """So many connections that say no more than `words`."""
    socks = []
    try:
        for _ in range(count):
            socks.append(socket.create_connection(address, timeout=patient(20)))
            socks[-1].sendall(words)
        yield socks
    finally:
        for sock in socks:
            sock.close()


def probe(address, path="/healthz"):
    return raw_exchange(address, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode(), 20)


def test_silent_strangers_on_the_admin_port(cluster):
    address = cluster.gateways[0].address("admin")
    with strangers(address, 150):
        for path in ("/healthz", "/readyz", "/metrics"):
            assert probe(address, path).startswith(b"HTTP/1.1 200 ")
    assert cluster.gateway_metrics().get("fanfare_gateway_connections_evicted_total", what="admin") >= 80


def test_strangers_with_half_a_request_on_the_admin_port(cluster):
    address = cluster.gateways[0].address("admin")
    with strangers(address, 150, b"GET /metrics HTT"):
        for path in ("/healthz", "/readyz"):
            assert probe(address, path).startswith(b"HTTP/1.1 200 ")


def test_silent_strangers_keep_no_caller_out(make_cluster):
    cluster = make_cluster(logic={"maxConnections": 20, "serviceReadTimeout": 600000})
    with strangers(cluster.api(), 60):
        assert cluster.push("r", 1, wait=True)["gateways"]["acked"] == 1
    assert cluster.logic_metrics().get("fanfare_logic_connections_evicted_total") >= 40


def test_a_request_under_way_never_gives_way(make_cluster):
    cluster = make_cluster(logic={"maxConnections": 20, "serviceReadTimeout": 600000})
    with strangers(cluster.api(), 1, HALF) as [half], strangers(cluster.api(), 60):
        assert probe(cluster.api()).startswith(b"HTTP/1.1 200 ")
        half.sendall(b'{"items":[1]}')
        assert read_answer(half, "POST").status == 200


def test_probes_are_answered_when_every_place_of_the_api_is_at_work(make_cluster):
    cluster = make_cluster(logic={"maxConnections": 20, "serviceReadTimeout": 600000})
    with strangers(cluster.api(), 120, HALF):
        for path in ("/healthz", "/readyz"):
            assert probe(cluster.api(), path).startswith(b"HTTP/1.1 200 ")
        assert b"too_many_connections" in probe(cluster.api(), "/stats")
    with Caller(*cluster.api()) as caller:
        assert caller.get("/metrics").status == 200


def test_a_first_byte_has_the_time_of_a_request(make_cluster):
    cluster = make_cluster(logic={"serviceReadTimeout": 300, "serviceIdleTimeout": 86400})
    with strangers(cluster.api(), 1) as [sock]:
        assert read_to_end(sock) == b""


def test_bodies_are_bounded_over_all_callers(make_cluster):
    cluster = make_cluster(
        logic={"maxBodyBytes": 1 << 20, "maxInflightBytes": 4 << 20, "serviceReadTimeout": 600000})
    head = b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"
    held = lambda: cluster.logic_metrics().get("fanfare_logic_http_inflight_bytes")
    with strangers(cluster.api(), 4, head + b" " * 1000000):
        wait_until(lambda: held() >= 4000000, what="the bodies to come")
        with strangers(cluster.api(), 1, head + b" " * 1000000) as [late]:
            answer = read_answer(late, "POST")
            assert (answer.status, answer.error) == (503, "too_many_inflight_bytes")
            assert answer.headers["retry-after"] == "1"
        assert cluster.push("r", 1, wait=True)["gateways"]["acked"] == 1, "a whole request costs nothing more"
        assert cluster.logic_metrics().get("fanfare_logic_http_refused_total", reason="inflight_bytes") >= 1
    wait_until(lambda: held() == 0, what="the bodies to be forgotten")


def test_silent_strangers_keep_no_logic_out(make_cluster):
    """More of them than maxRpcConnections, and than handshakes may be open; a logic that comes anew gets its link."""
    cluster = make_cluster(gateway={"maxRpcConnections": 20})
    address = cluster.gateways[0].address("rpc")
    cluster.logics[0].process.terminate()
    wait_until(lambda: not cluster.logics[0].alive(), what="the logic to end")
    with strangers(address, 300), strangers(address, 20, b"\x16\x03\x01"):
        cluster.restart_logic()
        cluster.await_links()
        metrics = cluster.gateway_metrics()
        assert metrics.get("fanfare_gateway_rpc_connections") == 1
        assert metrics.get("fanfare_gateway_rpc_handshakes") <= 256
        assert metrics.get("fanfare_gateway_connections_evicted_total", what="rpc") >= 60


def unfinished(rpc, body=b"x"):
    return rpc.begin("POST", "/rpc/batch", body, BATCH, end=False)


def read_until_reset(rpc, stream):
    while stream not in rpc.reset:
        assert rpc.read(), "the connection ended"
    return rpc.reset.pop(stream)


def reset_count(cluster, reason):
    return cluster.gateway_metrics().get("fanfare_gateway_rpc_requests_reset_total", reason=reason)


def inflight(cluster):
    return cluster.gateway_metrics().get("fanfare_gateway_rpc_inflight_bytes")


def test_an_unfinished_rpc_request_ends(make_cluster, certs):
    cluster = make_cluster(gateway={"rpcReadTimeout": 300})
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        read_until_reset(rpc, unfinished(rpc, b"x" * 50000))
        read_until_reset(rpc, unfinished(rpc, b""))
        assert reset_count(cluster, "timeout") == 2 and inflight(cluster) == 0
        body = batch(new_logic_id(), [record(1, [b"1"], [b"r"])])
        assert rpc.batch(body).status == 200, "the connection lives on"


def test_a_byte_now_and_then_does_not_prolong_an_rpc_request(make_cluster, certs):
    cluster = make_cluster(gateway={"rpcReadTimeout": int(patient(500))})
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        stream = unfinished(rpc)

        def drip():
            if stream not in rpc.reset:
                rpc.h2.send_data(stream, b"x")
                rpc.flush()
                rpc.answered(stream, within=0.02)
            return stream in rpc.reset

        wait_until(drip, 20, "the request to be reset")


def test_bodies_of_rpc_are_bounded_over_all_connections(make_cluster, certs):
    """Eight connections held 262 MB for as long as they liked."""
    cluster = make_cluster(gateway={"maxRpcBytes": 1 << 20, "maxRpcInflightBytes": 4 << 20, "rpcReadTimeout": 600000})
    address = cluster.gateways[0].address("rpc")
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(RpcCaller(address, certs.client_context())) for _ in range(4)]
        for rpc in callers:
            unfinished(rpc, b"x" * 1000000)
        wait_until(lambda: inflight(cluster) == 4000000, what="the bodies to come")
        late = stack.enter_context(RpcCaller(address, certs.client_context()))
        stream = late.begin("POST", "/rpc/batch", b"x" * 1000000, BATCH, end=False)
        read_until_reset(late, stream)
        assert reset_count(cluster, "inflight_bytes") >= 1
        assert cluster.push("r", 1, wait=True)["gateways"]["acked"] == 1, "a small push goes through"
    wait_until(lambda: inflight(cluster) == 0, what="the bodies to be forgotten")


def test_a_half_header_section_ends_the_connection(make_cluster, certs):
    cluster = make_cluster(gateway={"rpcReadTimeout": 300})
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        assert rpc.request("GET", "/stats").status == 200
        rpc.sock.sendall(b"\x00\x00\x01\x01\x00\x00\x00\x00\x03\x82")  # HEADERS without END_HEADERS
        while rpc.read():
            continue
