# SPDX-License-Identifier: Apache-2.0
"""WELCOME, and the ids of connections: docs/protocol.md, section 2."""

import json
import re

from harness.issuer import Issuer
from harness.raw_ws import handshake
from harness.rpc import RpcCaller

ID = re.compile(r"[0-9a-f]{16}-(0|[1-9a-f][0-9a-f]*)-[1-9a-f][0-9a-f]*")


def welcome(raw):
    data = raw.welcome()
    assert set(data) == {"connection", "heartbeat"}
    assert ID.fullmatch(data["connection"]) and len(data["connection"]) <= 40
    return data


def test_it_is_the_first_frame_of_version_2_and_comes_with_the_101(cluster, room):
    raw = cluster.raw(shake=False)
    raw.sock.sendall(handshake("/connect?v=2&join=" + room))
    answer = raw.sock.recv(65536)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b'"WELCOME"' in rest, "one segment has both"
    raw.buffer = rest
    assert welcome(raw)["heartbeat"] == 60
    cluster.push(room, 1)
    assert raw.items(1) == [1]


def test_the_heartbeat_is_the_one_in_force(make_cluster):
    cluster = make_cluster(gateway={"wsHeartbeatInterval": 7})
    assert welcome(cluster.raw(path="/connect?v=2"))["heartbeat"] == 7


def test_version_1_hears_nothing_of_it(cluster, room):
    client = cluster.client(room)
    cluster.push(room, 1)
    assert client.receive() == '{"type":"PUSH","data":{"items":[1]}}'


def test_no_id_comes_twice_and_each_names_its_gateway(make_cluster, certs):
    cluster = make_cluster(gateways=2)
    seen = {0: set(), 1: set()}
    for turn in range(30):
        for gateway in (0, 1):
            raw = cluster.raw(gateway, path="/connect?v=2")
            seen[gateway].add(welcome(raw)["connection"])
            if turn % 2:
                raw.close()
    assert len(seen[0]) == len(seen[1]) == 30 and not seen[0] & seen[1]
    for gateway in (0, 1):
        with RpcCaller(cluster.gateways[gateway].address("rpc"), certs.client_context()) as rpc:
            hello = rpc.request("POST", "/rpc/hello", json.dumps({
                "version": "1", "instance": "0" * 32, "capabilities": [],
                "limits": {"maxItemBytes": 1, "maxJsonDepth": 1, "maxRoomNameBytes": 1, "maxRpcBytes": 1},
            }).encode(), "application/json").json
        assert {each.split("-")[0] for each in seen[gateway]} == {hello["instance"][:16]}


def test_over_tls_too(make_cluster, certs):
    cluster = make_cluster(gateway={"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
    raw = cluster.raw(path="/connect?v=2", tls=certs.client_context(alpn=("http/1.1",), show=False))
    welcome(raw)
    raw.join("r")
    cluster.push("r", 1)
    assert raw.items(1) == [1]


def test_with_auth_it_comes_after_the_grant(make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options())
    raw = cluster.raw(path="/connect?v=2")
    assert raw.request("PING", {}, 1)["type"] == "ACK", "nothing else was said before"
    raw.text({"type": "AUTH", "id": 2, "data": {"token": issuer.token("u")}})
    first = welcome(raw)
    assert json.loads(raw.receive().payload) == {"type": "ACK", "id": 2}
    assert raw.request("AUTH", {"token": issuer.token("u")}, 3)["type"] == "ACK", "once is enough"
    second = welcome(cluster.raw(path="/connect?v=2&token=" + issuer.token("u")))
    assert first != second


def test_who_is_refused_is_not_welcomed(make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options())
    raw = cluster.raw(path="/connect?v=2&token=" + issuer.token("u", seconds=-99))
    assert json.loads(raw.receive().payload)["type"] == "ERROR"
    assert raw.close_code() == 4202
