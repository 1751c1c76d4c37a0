# SPDX-License-Identifier: Apache-2.0
"""Start, readiness, drain, end."""

import re
import signal
import socket
import struct
import threading
import time

import pytest

from harness.http import Caller, read_answer
from harness.raw_ws import CLOSE, TEXT, RawClient, handshake
from harness.waiting import patient, wait_until


AT_ONCE = {0, 128 + signal.SIGTERM}  # the second signal leaves work undone, and may say so


def drained(client):
    assert client.ended() == 1001
    assert re.fullmatch(r"going_away retry_ms=\d+", client.reason)


def test_sigterm_ends_both_with_0(make_cluster):
    cluster = make_cluster()
    assert cluster.logics[0].terminate() < patient(5)
    assert cluster.gateways[0].terminate() < patient(5), "nobody to wait for, nothing to wait out"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_end_it(make_cluster, number):
    cluster = make_cluster()
    for daemon in cluster.daemons():
        daemon.signal(number)
        assert daemon.wait(10) == 0


def test_clients_are_sent_away_with_1001(make_cluster):
    cluster = make_cluster(gateways=2)
    clients = [cluster.client("r") for _ in range(20)]
    others = cluster.client("r", gateway=1)
    took = cluster.gateways[0].terminate()
    for client in clients:
        drained(client)
    assert took < patient(1 + 5)
    cluster.push("r", 1)
    assert others.push() == [1]


def test_a_drain_is_spread_over_drain_seconds(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 4})
    clients = [cluster.client() for _ in range(40)]
    ended = []

    def note_the_end(client):
        client.ended()
        ended.append(time.monotonic())

    threads = [threading.Thread(target=note_the_end, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    begin = time.monotonic()
    took = cluster.gateways[0].terminate()
    for thread in threads:
        thread.join()
    times = sorted(at - begin for at in ended)
    assert times[len(times) // 4] < 2.5 and times[-1] > 1.5, f"not spread: {times}"
    halves = sum(1 for at in times if at < 2)
    assert 5 <= halves <= 35, f"not even: {times}"
    assert took < patient(4 + 4)


def test_while_draining_readyz_says_so_and_newcomers_are_refused(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 3})
    client = cluster.client("r")
    clients = [cluster.client() for _ in range(10)]
    with cluster.admin() as admin:
        assert admin.get("/readyz").status == 200
        cluster.gateways[0].signal(signal.SIGTERM)
        answer = wait_until(lambda: (a := admin.get("/readyz")).status == 503 and a, what="readyz to be 503")
        assert answer.error == "not_ready"
        assert admin.get("/healthz").status == 200
    try:
        with RawClient(cluster.ws(), shake=False) as raw:
            refused = raw.shake()
        assert refused.status == 503 and "retry-after" in refused.headers
    except ConnectionRefusedError:
        pytest.fail("a draining gateway answers 503 with Retry-After")
    cluster.push("r", "still delivered")
    assert client.push() == ["still delivered"], "who is still here still gets everything"
    assert cluster.gateways[0].wait(10) == 0
    for each in clients:
        drained(each)


def test_the_last_batches_are_flushed(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": 20000, "mergeEdge": "trailing", "drainSeconds": 1})
    clients = [cluster.client("r") for _ in range(5)]
    cluster.push("r", 1, 2, 3, wait=True)
    cluster.push(None, "all", wait=True)
    cluster.gateways[0].terminate()
    for client in clients:
        assert sorted(map(str, client.items(4))) == ["1", "2", "3", "all"]
        drained(client)


def test_a_second_sigterm_ends_it_at_once(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 60})
    for _ in range(5):
        cluster.client()
    gateway = cluster.gateways[0]
    gateway.signal(signal.SIGTERM)
    with cluster.admin() as admin:
        wait_until(lambda: admin.get("/readyz").status == 503, what="the drain to begin")
    begin = time.monotonic()
    gateway.allowed_exit |= AT_ONCE
    gateway.signal(signal.SIGTERM)
    assert gateway.wait(10) in AT_ONCE
    assert time.monotonic() - begin < patient(3)


def test_drain_of_a_client_that_does_not_read(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 1, "maxMergerBatchSize": 1})
    slow = cluster.raw(receive_buffer=16384)
    slow.join("r")
    for n in range(15):
        cluster.push("r", *[[n, k, "x" * 60000] for k in range(5)])
    assert cluster.gateways[0].terminate() < patient(1 + 8), "a peer that does not read cannot hold up the end"


def test_drain_seconds_0_sends_everybody_away_at_once(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 0})
    clients = [cluster.client() for _ in range(10)]
    assert cluster.gateways[0].terminate() < patient(4)
    for client in clients:
        drained(client)


def test_logic_drains_its_queue(make_cluster):
    cluster = make_cluster(proxied=True, logic={"drainSeconds": 10, "gatewayTimeout": 60000})
    client = cluster.client("r")
    cluster.proxies[0].stall()
    for n in range(200):
        cluster.push("r", n)
    logic = cluster.logics[0]
    logic.signal(signal.SIGTERM)
    wait_until(lambda: api_closed(cluster), what="logic to take no more callers")
    assert logic.alive(), "the queue is not empty"
    cluster.proxies[0].flow()
    assert logic.wait(15) == 0
    assert client.items(200) == list(range(200))


def api_closed(cluster):
    """Whether a new push is refused, by closed port or 503."""
    try:
        with cluster.caller() as caller:
            return caller.post("/push/room", {"room": "nobody", "items": [0]}).status == 503
    except OSError:
        return True


def test_logic_gives_up_at_its_deadline_and_counts_what_is_lost(make_cluster):
    cluster = make_cluster(proxied=True, logic={"drainSeconds": 1, "gatewayTimeout": 60000})
    cluster.proxies[0].stall()
    for n in range(20):
        cluster.push("r", n)
    logic = cluster.logics[0]
    logic.allowed_exit |= {0, 1}
    begin = time.monotonic()
    logic.signal(signal.SIGTERM)
    logic.wait(10)
    assert time.monotonic() - begin < patient(1 + 4)
    assert any("20" in str(event.values()) or event.get("level") in ("warn", "error") for event in logic.events()), (
        "pushes that are lost are named in the log")


def test_logic_answers_what_it_has_begun(make_cluster):
    cluster = make_cluster(proxied=True, logic={"drainSeconds": 10, "gatewayTimeout": 60000, "waitTimeout": 30000})
    cluster.proxies[0].stall()
    answers = []

    def wait_for_it():
        with cluster.caller() as caller:
            answers.append(caller.post("/push/room", {"room": "r", "items": [1], "wait": True}))

    thread = threading.Thread(target=wait_for_it)
    before = dispatched(cluster)
    thread.start()
    wait_until(lambda: dispatched(cluster) > before, what="the push to be taken")
    cluster.logics[0].signal(signal.SIGTERM)
    wait_until(lambda: api_closed(cluster), what="logic to take no more callers")
    cluster.proxies[0].flow()
    thread.join()
    assert answers[0].status == 200 and answers[0].json["gateways"]["acked"] == 1
    assert cluster.logics[0].wait(15) == 0


def dispatched(cluster):
    with cluster.caller() as caller:
        return caller.get("/stats").json["DispatchTotal"]


def test_logic_lets_a_half_sent_request_finish(make_cluster):
    cluster = make_cluster(logic={"drainSeconds": 5})
    client = cluster.client("r")
    body = b"room=r&items=[1]"
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:5]))
        cluster.push("r", 0, wait=True)
        cluster.logics[0].signal(signal.SIGTERM)
        wait_until(lambda: api_closed(cluster), what="logic to take no more callers")
        try:
            sock.sendall(body[5:])
            answer = read_answer(sock, "POST")
        except (OSError, ValueError):
            answer = None
        assert answer is not None, "what had begun is answered"
        assert answer.status in (200, 503)
    assert cluster.logics[0].wait(10) == 0
    assert client.items(2 if answer.status == 200 else 1)[0] == 0


def test_the_second_sigterm_ends_logic_at_once(make_cluster):
    cluster = make_cluster(proxied=True, logic={"drainSeconds": 60, "gatewayTimeout": 60000})
    cluster.proxies[0].stall()
    cluster.push("r", 1)
    logic = cluster.logics[0]
    logic.allowed_exit |= AT_ONCE
    logic.signal(signal.SIGTERM)
    wait_until(lambda: api_closed(cluster), what="the drain to begin")
    begin = time.monotonic()
    logic.signal(signal.SIGTERM)
    assert logic.wait(10) in AT_ONCE
    assert time.monotonic() - begin < patient(3)


def test_order_of_start_does_not_matter(make_cluster):
    """logic first: it is not ready, refuses nothing it could still deliver, and finds the gateway when it comes."""
    cluster = make_cluster(logics=0)
    port = cluster.gateways[0].port("rpc")
    cluster.gateways[0].terminate()
    logic = cluster.add_logic()
    with cluster.caller() as caller:
        assert caller.get("/healthz").status == 200
        assert caller.get("/readyz").status == 503
        cluster.dead.append(cluster.gateways.pop(0))
        cluster.add_gateway("late", servicePort=port)
        wait_until(lambda: caller.get("/readyz").status == 200, 15, "logic to find the gateway")
    client = cluster.client("r")
    cluster.push("r", 1)
    assert client.push() == [1]
    assert logic.alive()


def test_connections_during_the_drain_do_not_crash_it(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 2})
    clients = [cluster.client("r") for _ in range(20)]
    halves = []
    for number in range(20):
        sock = socket.create_connection(cluster.ws(), timeout=5)
        sock.sendall(handshake()[: 20 + number])
        halves.append(sock)
    cluster.gateways[0].signal(signal.SIGTERM)
    while cluster.gateways[0].alive():
        try:
            with socket.create_connection(cluster.ws(), timeout=5) as sock:
                sock.sendall(handshake())
                sock.recv(1000)
            cluster.push("r", 1)
        except (OSError, AssertionError):
            pass
    assert cluster.gateways[0].wait(10) == 0
    for sock in halves:
        sock.close()
    for client in clients:
        assert client.ended() == 1001


def test_close_frames_of_the_drain_have_code_and_reason(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 0})
    raw = cluster.raw()
    cluster.gateways[0].signal(signal.SIGTERM)
    frames = raw.until_closed()
    assert [frame.opcode for frame in frames if frame.opcode != TEXT] == [CLOSE]
    assert frames[-1].payload == struct.pack(">H", 1001) + b"going_away retry_ms=0"


def test_many_starts_and_ends(make_cluster):
    cluster = make_cluster(gateways=0, logics=0)
    for n in range(5):
        daemon = cluster.add_gateway(f"again{n}")
        daemon.port("ws"), daemon.port("rpc"), daemon.port("admin")
        assert daemon.terminate() < patient(5)


def test_end_right_after_the_start(make_cluster):
    cluster = make_cluster(gateways=0, logics=0)
    for n in range(5):
        daemon = cluster.add_gateway(f"early{n}")
        wait_until(daemon.log, what="a first line")
        daemon.signal(signal.SIGTERM)
        daemon.allowed_exit |= {-signal.SIGTERM}
        assert daemon.wait(10) in (0, -signal.SIGTERM)


def test_admin_port_answers_health_and_404(make_cluster):
    cluster = make_cluster(logics=0)
    host, port = cluster.gateways[0].address("admin")
    with Caller(host, port) as admin:
        assert admin.get("/healthz").body == b'{"status":"ok"}'
        assert admin.get("/readyz").body == b'{"status":"ready"}'
        assert admin.get("/").status == 404
