# SPDX-License-Identifier: Apache-2.0
"""Every limit of the configuration has an answer that names it, and life goes on behind it."""

import json
import socket

import pytest

from harness.http import raw_exchange, read_answer, read_to_end
from harness.raw_ws import RawClient
from harness.waiting import patient, wait_until


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    """Instead of the usual one: small limits, far apart from each other."""
    from conftest import finish
    from harness.cluster import Cluster

    cluster = Cluster(
        tmp_path_factory.mktemp("limits"),
        certs,
        gateway={"maxItemBytes": 1000, "maxRoomNameBytes": 20, "maxJsonDepth": 8},
        logic={
            "maxItemsPerPush": 10,
            "maxItemBytes": 1000,
            "maxRoomsPerPush": 3,
            "maxPushesPerBatch": 4,
            "maxRoomNameBytes": 20,
            "maxJsonDepth": 8,
            "maxBodyBytes": 20000,
            "maxHeaderBytes": 2048,
        },
    )
    yield cluster
    finish([cluster])


@pytest.fixture
def room():
    return "r"


def both_ways(caller, items, room="r"):
    """The same push as a form and as JSON."""
    yield caller.form("/push/room", {"room": room, "items": "[" + ",".join(items) + "]"})
    yield caller.post("/push/room", '{"room":"%s","items":[%s]}' % (room, ",".join(items)))


def test_max_items_per_push(cluster):
    client = cluster.client("r")
    with cluster.caller() as caller:
        for answer in both_ways(caller, ["1"] * 11):
            assert (answer.status, answer.error) == (400, "too_many_items")
            assert "10" in answer.message, "the message names what is allowed"
        for answer in both_ways(caller, ["1"] * 10):
            assert answer.status == 200, answer
    assert client.items(20) == [1] * 20


def test_max_item_bytes(cluster):
    client = cluster.client("r")
    with cluster.caller() as caller:
        for answer in both_ways(caller, ["1", '"%s"' % ("x" * 999)]):
            assert (answer.status, answer.error) == (400, "item_too_large")
            assert "1000" in answer.message
        for answer in both_ways(caller, ['"%s"' % ("x" * 998)]):
            assert answer.status == 200, answer
    assert client.items(2) == ["x" * 998] * 2


def test_max_rooms_per_push(cluster):
    with cluster.caller() as caller:
        answer = caller.post("/push/room", {"rooms": ["a", "b", "c", "d"], "items": [1]})
        assert (answer.status, answer.error) == (400, "too_many_rooms")
        assert "3" in answer.message
        assert caller.post("/push/room", {"rooms": ["a", "b", "c"], "items": [1]}).status == 200


def test_max_pushes_per_batch(cluster):
    push = {"room": "r", "items": [1]}
    client = cluster.client("r")
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [push] * 5)
        assert answer.status == 400 and "4" in answer.message
        assert caller.post("/push/batch", [push] * 4).status == 200
    assert client.items(4) == [1] * 4


def test_max_room_name_bytes(cluster):
    with cluster.caller() as caller:
        for name in ("x" * 21, "\u00e9" * 11):
            for answer in both_ways(caller, ["1"], room=name):
                assert (answer.status, answer.error) == (400, "invalid_room")
                assert "20" in answer.message
        for name in ("x" * 20, "\u00e9" * 10):
            for answer in both_ways(caller, ["1"], room=name):
                assert answer.status == 200, answer
    client = cluster.client()
    assert client.request("JOIN", {"room": "x" * 21})["data"]["code"] == "invalid_room"
    client.join("\u00e9" * 10)


def test_max_json_depth(cluster):
    client = cluster.client("r")
    deep = lambda n: "[" * n + "]" * n
    with cluster.caller() as caller:
        for answer in both_ways(caller, [deep(30)]):
            assert (answer.status, answer.error) == (400, "invalid_json")
            assert "at byte" in answer.message
        for answer in both_ways(caller, [deep(6)]):
            assert answer.status == 200, answer
    assert client.items(2) == [[[[[[[]]]]]]] * 2


def test_depth_of_millions_is_refused_too(make_cluster):
    cluster = make_cluster()
    with cluster.caller() as caller:
        for opener in ("[", '{"a":'):
            answer = caller.post("/push/all", '{"items":' + opener * 700000)
            assert (answer.status, answer.error) == (400, "invalid_json")


def test_max_header_bytes(cluster):
    with cluster.caller() as caller:
        assert caller.get("/healthz", headers={"X": "y" * 1000}).status == 200
    got = raw_exchange(cluster.api(), b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 3000 + b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 431 ") and b"header_too_large" in got
    got = raw_exchange(cluster.api(), b"GET /" + b"y" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 431 ") or got.startswith(b"HTTP/1.1 414 ")
    many = b"".join(b"X-%d: y\r\n" % n for n in range(400))
    assert raw_exchange(cluster.api(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n").startswith(
        b"HTTP/1.1 431 ")


def test_max_body_bytes(cluster):
    with cluster.caller() as caller:
        answer = caller.post("/push/all", b" " * 20001)
        assert (answer.status, answer.error) == (413, "body_too_large")
        assert "20000" in answer.message
        assert caller.post("/push/all", b'{"items":[1]}' + b" " * (20000 - 13)).status == 200


def test_max_connections_of_logic(make_cluster):
    cluster = make_cluster(logic={"maxConnections": 3, "serviceReadTimeout": 600000})
    busy = [socket.create_connection(cluster.api(), timeout=patient(10)) for _ in range(3)]
    for sock in busy:
        sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")

    def served():
        with cluster.caller() as caller:
            return caller.get("/stats").status == 200

    wait_until(lambda: not served(), what="three requests under way")
    got = raw_exchange(cluster.api(), b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 503 ") and b"retry-after" in got.lower()
    assert raw_exchange(cluster.api(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    busy.pop().close()

    wait_until(served, what="the freed place to be given away")


def test_service_read_timeout(make_cluster):
    cluster = make_cluster(logic={"serviceReadTimeout": 300})
    for begun in (b"POST /push/all HT", b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 10\r\n\r\n{"):
        with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
            sock.sendall(begun)
            answer = read_answer(sock, "POST")
            assert (answer.status, answer.error) == (408, "request_timeout")
            assert read_to_end(sock) == b"", "the connection ends"


def test_service_idle_timeout(make_cluster):
    cluster = make_cluster(logic={"serviceIdleTimeout": 1})
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(sock).status == 200
        assert read_to_end(sock) == b"", "an idle connection is closed without a word"


def test_service_write_timeout(make_cluster):
    cluster = make_cluster(logic={"serviceWriteTimeout": 300})
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(cluster.api())
        sock.setblocking(False)
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2000

        def dropped():
            try:
                sock.send(request)
            except BlockingIOError:
                pass
            except OSError:
                return True
            return False

        wait_until(dropped, 20, "a peer that reads no answer to be dropped")
    with cluster.caller() as caller:
        assert caller.get("/healthz").status == 200


def refused(cluster, gateway=0):
    """A handshake that must be refused with 503."""
    with RawClient(cluster.ws(gateway), shake=False) as raw:
        return raw.shake()


def test_max_clients(make_cluster):
    cluster = make_cluster(gateway={"maxClients": 3})
    raws = [cluster.raw() for _ in range(3)]
    answer = refused(cluster)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    assert cluster.gateway_metrics().get("fanfare_gateway_clients_refused_total", reason="max_clients") == 1
    raws[0].close()
    wait_until(lambda: refused(cluster).status == 101, what="the freed place to be given away")
    assert raws[1].request("PING", {})["type"] == "ACK"


def test_max_clients_per_address(make_cluster):
    cluster = make_cluster(gateway={"maxClientsPerAddress": 2, "wsBind": "*"})
    port = cluster.ws()[1]
    here = [RawClient(("127.0.0.1", port)) for _ in range(2)]
    with RawClient(("127.0.0.1", port), shake=False) as raw:
        answer = raw.shake()
    assert answer.status == 503 and "retry-after" in answer.headers
    elsewhere = RawClient(("::1", port))
    assert elsewhere.request("PING", {})["type"] == "ACK"
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_clients_refused_total", reason="max_clients_per_address") == 1
    here.pop().close()

    def served():
        with RawClient(("127.0.0.1", port), shake=False) as again:
            return again.shake().status == 101

    wait_until(served, what="the freed place to be given away")
    for raw in [*here, elsewhere]:
        raw.close()


def test_file_descriptors(make_cluster, certs, tmp_path):
    """A gateway with few descriptors refuses clients cleanly, keeps those it has, and takes new ones later."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    cluster = make_cluster()
    daemon = cluster.gateways[0]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (64, hard))
    stays = cluster.client("r")
    raws = []
    try:
        for _ in range(80):
            sock = socket.create_connection(cluster.ws(), timeout=patient(10))
            raws.append(sock)
        cluster.push("r", 1)
        assert stays.push() == [1]
        wait_until(lambda: daemon.events("cannot accept"), what="the gateway to say so")
    finally:
        for sock in raws:
            sock.close()
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    late = cluster.client("r")
    cluster.push("r", 2)
    assert late.push() == [2] and stays.push() == [2]
    assert cluster.gateway_metrics().get("fanfare_gateway_accept_failures_total", what="ws") > 0


@pytest.mark.parametrize("what", ["api", "admin", "rpc"])
def test_file_descriptors_for_other_ports(make_cluster, what):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    cluster = make_cluster()
    daemon = cluster.logics[0] if what == "api" else cluster.gateways[0]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (64, hard))
    raws = [socket.create_connection(daemon.address(what), timeout=patient(10)) for _ in range(80)]
    wait_until(lambda: daemon.events("cannot accept"), what="the daemon to say so")
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    for sock in raws:
        sock.close()
    metrics = cluster.logic_metrics() if what == "api" else cluster.gateway_metrics()
    labels = {} if what == "api" else {"what": what}
    assert metrics.get(f"{daemon.program.replace('-', '_')}_accept_failures_total", **labels) > 0
    assert cluster.push("r", 1, wait=True)["gateways"]["acked"] == 1


def test_max_message_bytes(make_cluster):
    cluster = make_cluster(gateway={"maxMessageBytes": 64})
    raw, over = cluster.raw(), cluster.raw()
    raw.text('{"type":"PING","data":{}}' + " " * 39)
    assert raw.receive().payload == b'{"type":"PONG","data":{}}'
    over.text('{"type":"PING","data":{}}' + " " * 40)
    assert over.close_code() == 1009


def test_admin_port_has_limits_too(cluster):
    request = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200000 + b"\r\n\r\n"
    got = raw_exchange(cluster.gateways[0].address("admin"), request)
    assert got == b"" or b" 431 " in got.split(b"\r\n")[0]
    with cluster.admin() as caller:
        assert caller.get("/healthz").status == 200
        assert caller.request("POST", "/stats", "").status == 405
        assert caller.get("/nowhere").error == "not_found"


def test_a_client_in_more_rooms_than_15_bits_count(make_cluster):
    cluster = make_cluster(gateway={"maxJoinRoom": 65535, "clientMessagesPerSecond": 0})
    client = cluster.client()
    for n in range(33000):
        client.send(json.dumps({"type": "JOIN", "data": {"room": f"r{n}"}}))
    client.send('{"type":"PING","id":1}')
    assert json.loads(client.receive(60)) == {"type": "ACK", "id": 1}
    assert cluster.gateway_metrics().get("fanfare_gateway_rooms") == 33000
    cluster.push("r32999", "last")
    assert client.push() == ["last"]
