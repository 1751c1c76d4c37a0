# SPDX-License-Identifier: Apache-2.0
"""The gateway's RPC: HTTP/2 over TLS, docs/protocol.md, section 3, and shared/contract/push.h."""

import json
import os
import socket
import ssl
import struct
import subprocess

import pytest

from harness.rpc import FakeGateway, RpcCaller, batch, new_logic_id, record
from harness.waiting import patient, wait_until

STATS = {"onlineConnections", "sendMessageTotal", "sendMessageFail", "dispatchPending", "pushJobPending",
         "dispatchFail", "roomCount", "mergerPending", "mergerRoomTotal", "mergerAllTotal", "mergerRoomFail",
         "mergerAllFail"}


@pytest.fixture
def rpc(cluster, certs):
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as caller:
        yield caller


def curl(cluster, certs, path, *args, show=True):
    port = cluster.gateways[0].port("rpc")
    shown = ["--cert", certs.path("logic.pem"), "--key", certs.path("logic.key")] if show else []
    command = ["curl", "-sS", "--http2", "--max-time", "20", "--cacert", certs.ca, *shown, *args]
    command += ["-w", "\n%{http_code} %{http_version}", f"https://localhost:{port}{path}"]
    return subprocess.run(command, capture_output=True, text=True)


def test_form_calls_by_curl(cluster, certs, room):
    client = cluster.client(room)
    done = curl(cluster, certs, "/push/room", "-d", f'room={room}&items=[{{"msg":"hi"}}]')
    assert done.stdout == "\n200 2", done
    assert client.push() == [{"msg": "hi"}]
    done = curl(cluster, certs, "/push/all", "--data-urlencode", 'items=[{"msg":"a&b"}]')
    assert done.stdout == "\n200 2", done
    assert client.push() == [{"msg": "a&b"}]


def test_stats_by_curl(cluster, certs):
    done = curl(cluster, certs, "/stats")
    body, _, status = done.stdout.rpartition("\n")
    assert status == "200 2"
    stats = json.loads(body)
    assert stats.pop("wire") in ("uring", "send")
    assert set(stats) == STATS and all(isinstance(value, int) for value in stats.values())
    with cluster.admin() as caller:
        assert set(caller.get("/stats").json) == STATS | {"wire"}


def test_stats_follow_what_happens(make_cluster, certs):
    cluster = make_cluster()
    client = cluster.client("r")
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        before = rpc.request("GET", "/stats").json
        assert (before["onlineConnections"], before["roomCount"]) == (1, 1)
        rpc.form("/push/room", room="r", items="[1,2]")
        rpc.form("/push/all", items="[3]")
        assert client.items(3) == [1, 2, 3]
        after = wait_until(lambda: (now := rpc.request("GET", "/stats").json)["pushJobPending"] == 0 and now)
        assert after["sendMessageTotal"] - before["sendMessageTotal"] == 2, "frames"
        assert after["mergerRoomTotal"] > before["mergerRoomTotal"]
        assert after["mergerAllTotal"] > before["mergerAllTotal"]
        assert after["mergerPending"] == 0


def test_errors_of_the_form_calls(rpc):
    for path, fields, code in (
        ("/push/room", {"room": "r", "items": "[1"}, "invalid_json"),
        ("/push/room", {"room": "r", "items": "[\x00]"}, "invalid_json"),
        ("/push/room", {"room": "", "items": "[1]"}, "invalid_room"),
        ("/push/room", {"items": "[1]"}, "invalid_room"),
        ("/push/room", {"room": "r"}, "invalid_request"),
        ("/push/all", {"items": "[]"}, "invalid_request"),
        ("/push/all", {"items": "{}"}, "invalid_request"),
    ):
        answer = rpc.form(path, **fields)
        assert (answer.status, answer.error) == (400, code), (path, fields, answer)
    assert rpc.request("GET", "/nowhere").error == "not_found"
    answer = rpc.request("GET", "/push/all")
    assert (answer.status, answer.error, answer.headers["allow"]) == (405, "method_not_allowed", "POST")
    assert rpc.request("POST", "/stats").status == 405
    assert rpc.request("POST", "/push/all", b"items=[1]", "text/plain").error == "unsupported_media_type"
    assert rpc.request("POST", "/rpc/batch", b"x", "application/json").error == "unsupported_media_type"
    assert rpc.request("GET", "/rpc/batch").status == 405


def test_invalid_utf8_in_a_form_call_is_refused(cluster, rpc, room):
    client = cluster.client(room)
    form = "application/x-www-form-urlencoded"
    answer = rpc.request("POST", "/push/room", b'room=%s&items=["\xff"]' % room.encode(), form)
    assert (answer.status, answer.error) == (400, "invalid_json")
    rpc.form("/push/room", room=room, items="[1]")
    assert client.push() == [1]


def test_batch_applies_and_answers(cluster, rpc, room):
    members = [cluster.client(room) for _ in range(3)]
    logic, name = new_logic_id(), room.encode()
    answer = rpc.batch(batch(logic, [
        record(1, [b"1", b'{"a" : 1e400}'], [name]),
        record(2, [b"2"], [name, b"elsewhere"], wait=True),
        record(5, [b"[]"], None, wait=True),
    ]))
    assert answer.status == 200, answer
    online = cluster.gateway_stats()["onlineConnections"]
    assert answer.json == {"applied": 5, "pushes": 3, "duplicates": 0, "items": 4, "reached": [[2, 3], [5, online]]}
    for member in members:
        frames = ""
        while frames.count("[]") < 1:
            frames += member.receive()
        assert '{"a" : 1e400}' in frames


def test_batch_answer_has_the_content_type_json(rpc):
    assert rpc.batch(batch(new_logic_id(), [record(1, [b"1"])])).headers["content-type"] == "application/json"


def test_a_batch_sent_again_is_acknowledged_not_applied(cluster, rpc, room):
    client = cluster.client(room)
    body = batch(new_logic_id(), [record(7, [b"1"], [room.encode()], wait=True), record(8, [b"2"], [room.encode()])])
    first = rpc.batch(body).json
    again = rpc.batch(body).json
    assert first == {"applied": 8, "pushes": 2, "duplicates": 0, "items": 2, "reached": [[7, 1]]}
    assert again == {"applied": 8, "pushes": 0, "duplicates": 2, "items": 0, "reached": [[7, 1]]}
    assert client.items(2) == [1, 2]
    client.expect_nothing()


def test_a_batch_that_overlaps_is_applied_from_where_it_is_new(cluster, rpc, room):
    client = cluster.client(room)
    logic, rooms = new_logic_id(), [room.encode()]
    rpc.batch(batch(logic, [record(n, [b"%d" % n], rooms) for n in (1, 2, 3)]))
    answer = rpc.batch(batch(logic, [record(n, [b"%d" % n], rooms) for n in (2, 3, 4, 5)])).json
    assert (answer["applied"], answer["pushes"], answer["duplicates"], answer["items"]) == (5, 2, 2, 2)
    assert client.items(5) == [1, 2, 3, 4, 5]


def test_logics_are_counted_apart(cluster, rpc, room):
    client = cluster.client(room)
    for _ in range(3):
        assert rpc.batch(batch(new_logic_id(), [record(1, [b"1"], [room.encode()])])).json["pushes"] == 1
    assert client.items(3) == [1, 1, 1]


def test_a_logic_is_known_again_on_another_connection(cluster, certs, rpc, room):
    client = cluster.client(room)
    body = batch(new_logic_id(), [record(1, [b"1"], [room.encode()])])
    rpc.batch(body)
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as other:
        assert other.batch(body).json["duplicates"] == 1
    cluster.push(room, "marker")
    assert client.items(2) == [1, "marker"]


def bad_batches():
    logic = b"0123456789abcdef"
    good = [record(1, [b"1"], [b"r"]), record(2, [b"2"], [b"r"])]
    whole = batch(logic, good)
    yield "empty", b""
    yield "header only", whole[:36]
    for cut in (1, 4, 20, 35, 39, 40, 50, len(whole) - 1):
        yield f"cut at {cut}", whole[:cut]
    yield "a byte too many", whole + b"\x00"
    yield "wrong magic", batch(logic, good, magic=b"FANC")
    yield "wrong version", batch(logic, good, version=2)
    yield "reserved byte", whole[:5] + b"\x01" + whole[6:]
    yield "count 0", batch(logic, [], count=0)
    yield "count too small", batch(logic, good, count=1)
    yield "count too large", batch(logic, good, count=3)
    yield "count of billions", batch(logic, good, count=0xFFFFFFFF)
    yield "first sequence lies", batch(logic, good, first=2)
    yield "repeated sequence", batch(logic, [good[0], good[0]])
    yield "falling sequence", batch(logic, [good[1], good[0]])
    yield "record length too small", whole[:36] + struct.pack(">I", len(good[0]) - 1) + whole[40:]
    yield "record length too large", whole[:36] + struct.pack(">I", len(good[0]) + 1) + whole[40:]
    yield "record length of billions", whole[:36] + b"\xff\xff\xff\xff" + whole[40:]
    yield "bad JSON", batch(logic, [good[0], record(2, [b"01"], [b"r"])])
    yield "bad UTF-8", batch(logic, [good[0], record(2, [b'"\xff"'], [b"r"])])
    yield "half of a surrogate pair", batch(logic, [good[0], record(2, [b'["\\ud83d"]'], [b"r"])])
    yield "half of a surrogate pair in a name", batch(logic, [good[0], record(2, [b'{"\\ude00":1}'], [b"r"])])
    yield "two values in an item", batch(logic, [record(1, [b"1,2"], [b"r"])])
    yield "empty item", batch(logic, [record(1, [b""], [b"r"])])
    yield "no items", batch(logic, [record(1, [], [b"r"])])
    yield "no rooms", batch(logic, [record(1, [b"1"], [])])
    yield "empty room", batch(logic, [record(1, [b"1"], [b""])])
    yield "long room", batch(logic, [record(1, [b"1"], [b"x" * 129])])
    yield "room that is not UTF-8", batch(logic, [record(1, [b"1"], [b"\xff"])])
    yield "unknown target", batch(logic, [good[0][:9] + b"\x03" + good[0][10:]])
    yield "rooms for all", batch(logic, [good[0][:9] + b"\x00" + good[0][10:]])
    yield "unknown flag", batch(logic, [good[0][:8] + b"\x80" + good[0][9:]])
    yield "item too large", batch(logic, [record(1, [b'"' + b"x" * 70000 + b'"'], [b"r"])])
    yield "item too deep", batch(logic, [record(1, [b"[" * 100 + b"]" * 100], [b"r"])])
    yield "item length lies", batch(logic, [good[0][:-5] + struct.pack(">I", 900) + good[0][-1:]])
    yield "room length lies", batch(logic, [good[0][:12] + b"\xff\xff" + good[0][14:]])
    yield "item count lies", batch(logic, [good[0][:15] + struct.pack(">I", 2) + good[0][19:]])
    yield "noise", os.urandom(500)


BAD_BATCHES = dict(bad_batches())


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_bad_batches_are_refused_whole_and_the_connection_lives(cluster, rpc, name):
    client = cluster.client("r")
    answer = rpc.batch(BAD_BATCHES[name])
    assert (answer.status, answer.error) == (400, "invalid_batch")
    assert "byte" in answer.message, "the message names the byte"
    assert rpc.request("GET", "/stats").status == 200, "the same connection goes on"
    cluster.push("r", "marker")
    assert client.push() == ["marker"], "nothing of the batch was applied"


def test_every_byte_of_a_batch_may_be_wrong(cluster, rpc):
    """One bit flipped at a time: the answer is 200 or 400, never anything else."""
    whole = batch(new_logic_id(), [record(1, [b'{"a":[1,"x"]}'], [b"room"]), record(2, [b"2"], None, wait=True)])
    for at in range(len(whole)):
        body = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
        assert rpc.batch(body).status in (200, 400), at
    assert rpc.request("GET", "/stats").status == 200


@pytest.mark.parametrize("unit", [
    b"\0\0\x08\x06\x01\0\0\0\0ABCDEFGH",
    b"\0\0\x04\x08\0\0\0\0\0\0\0\0\1",
    b"\0\0\0\x77\0\0\0\0\0",
], ids=["PING ACK", "WINDOW_UPDATE", "unknown"])
def test_a_flood_of_frames_ends_its_connection_alone(cluster, certs, rpc, unit):
    def floods():
        return cluster.gateway_metrics().get("fanfare_gateway_rpc_closes_total", reason="flood")

    before = floods()
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rude:
        rude.request("GET", "/stats")
        with pytest.raises(OSError):
            for _ in range(2000):
                rude.sock.sendall(unit * 1000)
    wait_until(lambda: floods() == before + 1, what="the flood to be counted")
    assert rpc.request("GET", "/stats").status == 200


def test_a_gateway_that_floods_loses_its_link(make_cluster, certs):
    gateway = FakeGateway(certs.server_context(), lambda *request: (404, b""))
    gateway.tail = b"\0\0\x08\x06\x01\0\0\0\0ABCDEFGH" * 5000
    try:
        cluster = make_cluster(gateways=0, logic={"gatewayList": [{"hostname": "127.0.0.1", "port": gateway.port}]})
        wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_link_floods_total") > 0, what="the link to end")
    finally:
        gateway.stop()


def test_a_body_past_max_rpc_bytes_is_413(make_cluster, certs):
    cluster = make_cluster(gateway={"maxRpcBytes": 8192})
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        items = [b'"' + b"x" * 500 + b'"'] * 40
        answer = rpc.batch(batch(new_logic_id(), [record(1, items)]))
        assert (answer.status, answer.error) == (413, "body_too_large")
        assert rpc.request("GET", "/stats").status == 200, "the connection lives"
        assert rpc.batch(batch(new_logic_id(), [record(1, items[:10])])).status == 200


def test_concurrent_streams_on_one_connection(cluster, rpc, room):
    client = cluster.client(room)
    form = "application/x-www-form-urlencoded"
    streams = [rpc.begin("POST", "/push/room", b"room=%s&items=[%d]" % (room.encode(), n), form) for n in range(50)]
    assert [rpc.answer(stream).status for stream in streams] == [200] * 50
    assert sorted(client.items(50)) == list(range(50))


def test_a_stream_that_is_reset_in_the_middle_harms_nobody(cluster, rpc, room):
    client = cluster.client(room)
    stream = rpc.begin("POST", "/rpc/batch", batch(new_logic_id(), [record(1, [b"1"], [room.encode()])])[:50],
                       "application/vnd.fanfare.batch", end=False)
    rpc.h2.reset_stream(stream)
    rpc.flush()
    assert rpc.form("/push/room", room=room, items="[2]").status == 200
    assert client.push() == [2]


def test_a_connection_that_breaks_in_the_middle_harms_nobody(cluster, certs, room):
    client = cluster.client(room)
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        rpc.begin("POST", "/rpc/batch", batch(new_logic_id(), [record(1, [b"1"], [room.encode()])])[:50],
                  "application/vnd.fanfare.batch", end=False)
    cluster.push(room, 2)
    assert client.push() == [2]


def test_bytes_that_are_no_http2_end_only_their_connection(cluster, certs):
    context = certs.client_context()
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 100,
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100):
        with socket.create_connection(cluster.gateways[0].address("rpc"), timeout=patient(10)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(garbage)
                try:
                    while sock.recv(4096):
                        pass
                except (ConnectionResetError, ssl.SSLError):
                    pass
    with socket.create_connection(cluster.gateways[0].address("rpc"), timeout=patient(10)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        try:
            while plain.recv(4096):
                pass
        except ConnectionResetError:
            pass
    cluster.push("r", 1, wait=True)


def handshake_fails(address, context):
    """Whether TLS is refused; with TLS 1.3 that shows at the first read."""
    try:
        with socket.create_connection(address, timeout=patient(10)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                return sock.recv(100) == b""
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return True


def test_mutual_tls_is_refused_without_a_certificate(cluster, certs):
    assert curl(cluster, certs, "/stats", show=False).returncode != 0
    assert handshake_fails(cluster.gateways[0].address("rpc"), certs.client_context(show=False))


def test_mutual_tls_is_refused_with_a_strangers_certificate(cluster, certs, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=stranger", "-keyout", tmp_path / "k", "-out", tmp_path / "c"],
                   check=True, capture_output=True)
    context = certs.client_context(show=False)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    assert handshake_fails(cluster.gateways[0].address("rpc"), context)


def test_old_tls_and_other_protocols_are_refused(cluster, certs):
    old = certs.client_context()
    old.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    assert handshake_fails(cluster.gateways[0].address("rpc"), old)
    assert handshake_fails(cluster.gateways[0].address("rpc"), certs.client_context(alpn=["http/1.1"]))


def test_logic_refuses_a_gateway_that_the_ca_does_not_know(make_cluster, certs, tmp_path):
    cluster = make_cluster(logics=0)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=other-ca", "-keyout", tmp_path / "k", "-out", tmp_path / "other.pem"],
                   check=True, capture_output=True)
    cluster.logic_options = {"rpc.ca": str(tmp_path / "other.pem")}
    logic = cluster.add_logic()
    wait_until(lambda: any("certificate" in line.lower() for line in logic.log().splitlines()),
               what="the log to say that the certificate was refused")
    with cluster.caller() as caller:
        assert caller.get("/readyz").status == 503


def test_logic_refuses_a_gateway_of_another_name(make_cluster):
    cluster = make_cluster(logics=0)
    cluster.logic_options = {"rpc.serverName": "gateway.elsewhere.example"}
    logic = cluster.add_logic()
    wait_until(lambda: "certificate" in logic.log().lower() or "mismatch" in logic.log().lower(),
               what="the log to say that the name is wrong")
    with cluster.caller() as caller:
        assert caller.get("/readyz").status == 503


def test_a_server_name_of_its_own_is_verified(make_cluster):
    make_cluster(logic={"rpc.serverName": "localhost"})


def test_without_ca_nothing_is_verified_and_both_warn(make_cluster, certs):
    cluster = make_cluster(gateway={"rpc.ca": None}, logic={"rpc.ca": None, "rpc.cert": None, "rpc.key": None})
    client = cluster.client("r")
    assert cluster.push("r", 1, wait=True)["clients"] == 1
    assert client.push() == [1]
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context(show=False)) as rpc:
        assert rpc.request("GET", "/stats").status == 200
    for daemon in cluster.daemons():
        warnings = [event for event in daemon.events() if event.get("level") == "warn"]
        assert any("rpc.ca" in str(event) for event in warnings), f"{daemon.name} does not warn: {warnings}"


def test_with_ca_nobody_warns(cluster):
    for daemon in cluster.daemons():
        assert not any("rpc.ca" in str(event) for event in daemon.events() if event.get("level") == "warn")


def is_served(address, context):
    """Whether a new connection, its certificate verified, gets an answer."""
    try:
        with RpcCaller(address, context) as rpc:
            stream = rpc.begin("GET", "/stats")
            while stream not in rpc.answers:
                if not rpc.read():
                    return False
            return True
    except OSError:
        return False


def test_max_rpc_connections(make_cluster, certs):
    cluster = make_cluster(gateway={"maxRpcConnections": 2}, logics=0)
    address = cluster.gateways[0].address("rpc")
    with RpcCaller(address, certs.client_context()) as one, RpcCaller(address, certs.client_context()) as two:
        assert one.request("GET", "/stats").status == two.request("GET", "/stats").status == 200
        assert not is_served(address, certs.client_context()), "the third is turned away"
        assert one.request("GET", "/stats").status == 200
    def served():
        return is_served(address, certs.client_context())

    wait_until(served, what="the freed place to be given away")
