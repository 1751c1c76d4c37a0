# SPDX-License-Identifier: Apache-2.0
"""What clients say and hear over WebSocket: docs/protocol.md, section 2."""

import json
import struct
import urllib.parse

import pytest

from harness.metrics import Metrics
from harness.raw_ws import BINARY, CLOSE, PING, PONG, RawClient
from harness.waiting import wait_until


def test_ping_is_answered_as_go_push_does_byte_for_byte(cluster):
    client = cluster.client()
    client.send('{"type":"PING","data":{}}')
    assert client.receive() == '{"type":"PONG","data":{}}'


@pytest.mark.parametrize("message", [
    '{"type":"PING"}',
    '{"data":{},"type":"PING"}',
    ' { "type" : "PING" , "data" : { "x" : 1 } , "more" : [ ] } ',
    '{"Type":"PING","DATA":{}}',
    '{"type":"\\u0050ING"}',
    '{"type":"JOIN","type":"PING"}',
])
def test_ping_in_other_spellings(cluster, message):
    client = cluster.client()
    client.send(message)
    assert client.receive() == '{"type":"PONG","data":{}}'


def test_join_without_id_has_no_answer_and_leave_ends_it(cluster, room):
    client = cluster.client()
    client.send({"type": "JOIN", "data": {"room": room}})
    client.expect_nothing()
    assert cluster.push(room, 1, wait=True)["clients"] == 1
    assert client.push() == [1]
    client.send({"type": "LEAVE", "data": {"room": room}})
    client.expect_nothing()
    assert cluster.push(room, 2, wait=True)["clients"] == 0
    client.expect_nothing()


def test_member_names_of_data_match_in_any_case(cluster, room):
    client = cluster.client()
    client.send({"TYPE": "JOIN", "Data": {"ROOM": room}})
    client.expect_nothing()
    assert cluster.push(room, 1, wait=True)["clients"] == 1
    assert client.push() == [1]


def test_join_twice_is_one_membership(cluster, room):
    client = cluster.client(room)
    client.send({"type": "JOIN", "data": {"room": room}})
    assert client.request("JOIN", {"room": room})["type"] == "ACK"
    assert cluster.push(room, 1, wait=True)["clients"] == 1
    assert client.push() == [1]
    client.leave(room)
    assert cluster.push(room, 2, wait=True)["clients"] == 0


def test_leave_of_a_room_not_joined_is_acknowledged(cluster, room):
    client = cluster.client()
    client.send({"type": "LEAVE", "data": {"room": room}})
    client.leave(room)


@pytest.mark.parametrize("number", [
    "7", "0", "-1.50", "1e400", "9007199254740993", '"x"', '"\\u0041\u00e9"', "null", "true", "[1, 2]", '{"a" : 1}',
    '"' + "x" * 254 + '"',
])
def test_ids_are_echoed_byte_for_byte(cluster, room, number):
    client = cluster.client()
    client.send('{"type":"PING","data":{},"id":%s}' % number)
    assert client.receive() == '{"type":"ACK","id":%s}' % number
    client.send('{"id" : %s , "type":"JOIN","data":{"room":"%s"}}' % (number, room))
    assert client.receive() == '{"type":"ACK","id":%s}' % number
    client.send('{"type":"LEAVE","id":%s,"data":{"room":""}}' % number)
    answer = client.receive()
    assert answer.startswith('{"type":"ERROR","id":%s,"data":{"code":"invalid_room","message":"' % number)


def test_an_id_past_256_bytes_is_not_echoed(cluster):
    client = cluster.client()
    client.send('{"type":"PING","id":"%s"}' % ("x" * 255))
    assert client.ended() == 4000


@pytest.mark.parametrize("data", [
    {"room": ""}, {"room": "x" * 129}, {"room": "a\u0000"}, {"room": "a\u007f"}, {"room": 5}, {"room": None}, {}, [],
    None,
], ids=str)
@pytest.mark.parametrize("kind", ["JOIN", "LEAVE"])
def test_invalid_rooms(cluster, kind, data):
    with_id, without = cluster.client(), cluster.client()
    answer = with_id.request(kind, data)
    assert (answer["type"], answer["data"]["code"]) == ("ERROR", "invalid_room")
    assert answer["data"]["message"]
    with_id.expect_nothing()
    without.send({"type": kind, "data": data})
    assert without.ended() == 4001


def test_unknown_types_are_ignored_or_named(cluster):
    client = cluster.client()
    client.send({"type": "SUBSCRIBE", "data": {"room": ""}})
    client.send({"type": "ping"})
    client.send({"type": ""})
    client.expect_nothing()
    answer = client.request("SUBSCRIBE", {})
    assert (answer["type"], answer["data"]["code"]) == ("ERROR", "unknown_type")


def test_max_join_room(cluster, room):
    client = cluster.client(*(f"{room}-{n}" for n in range(5)))
    client.send({"type": "JOIN", "data": {"room": f"{room}-5"}})
    client.expect_nothing()
    answer = client.request("JOIN", {"room": f"{room}-5"})
    assert (answer["type"], answer["data"]["code"]) == ("ERROR", "too_many_rooms")
    assert cluster.push(f"{room}-5", 1, wait=True)["clients"] == 0
    client.join(f"{room}-4")
    client.leave(f"{room}-0").join(f"{room}-5")
    assert cluster.push(f"{room}-5", 2, wait=True)["clients"] == 1
    assert client.push() == [2]


def test_binary_messages_are_ignored(cluster):
    client = cluster.client()
    client.send(b'{"type":"PING","data":{}}')
    client.send(b"\xff\x00")
    client.expect_nothing()


@pytest.mark.parametrize("message", [
    "", "hello", "{", '{"type":"PING"', '{"type":"PING"}}', "[]", '"PING"', "5", "null", "{}", '{"data":{}}',
    '{"type":5}', '{"type":null}', '{"type":["PING"]}', "{'type':'PING'}", '{"type":"PING",}',
    '{"type":"PING","data":01}', '{"type":"PI\nNG"}', "[" * 2000,
], ids=lambda text: text[:24])
def test_messages_without_sense_close_with_4000(cluster, message):
    client = cluster.client()
    client.send(message)
    assert client.ended() == 4000
    assert client.reason == "invalid_message"


def test_frames_v1_and_v2_byte_for_byte(cluster, room):
    name = room + '"\u00e9\\'
    v1, v2 = cluster.raw(), cluster.raw(path="/connect?v=2")
    v2.welcome()
    for raw in (v1, v2):
        raw.join(name)
    with cluster.caller() as caller:
        caller.post("/push/room", {"room": name, "items": [{"a": 1}, 2]})
    body = b'{"a": 1},2'
    assert v1.receive().payload == b'{"type":"PUSH","data":{"items":[%s]}}' % body
    frame = v2.receive()
    decoded = json.loads(frame.payload)
    assert decoded == {"type": "PUSH", "data": {"room": name, "items": [{"a": 1}, 2]}}
    assert frame.payload == b'{"type":"PUSH","data":{"room":%s,"items":[%s]}}' % (
        json.dumps(name, ensure_ascii=False).encode(), body)
    cluster.push(None, "all")
    assert v1.receive().payload == b'{"type":"PUSH","data":{"items":["all"]}}'
    assert v2.receive().payload == b'{"type":"PUSH","data":{"room":null,"items":["all"]}}'


@pytest.mark.parametrize("query", ["?v=2&token=abc", "?token=abc&v=2", "?a=1&v=2&b"])
def test_v2_among_other_parameters(cluster, room, query):
    raw = cluster.raw(path="/connect" + query)
    raw.welcome()
    raw.join(room)
    cluster.push(room, 1)
    assert json.loads(raw.receive().payload)["data"] == {"room": room, "items": [1]}


@pytest.mark.parametrize("query", ["?v=1", "?token=abc", "?w=2", "?", "?vv=2"])
def test_other_queries_select_v1(cluster, room, query):
    raw = cluster.raw(path="/connect" + query)
    raw.join(room)
    cluster.push(room, 1)
    assert raw.receive().payload == b'{"type":"PUSH","data":{"items":[1]}}'


def test_rooms_in_the_url_are_joined_at_once(cluster, room):
    name = room + " &\u00e9"
    raw = cluster.raw(path="/connect?join=%s&v=2&join=%s" % (urllib.parse.quote(name), room))
    raw.welcome()
    cluster.push(name, 1)
    cluster.push(room, 2)
    got = [json.loads(raw.receive().payload)["data"] for _ in range(2)]
    assert sorted(got, key=lambda data: data["items"]) == [{"room": name, "items": [1]}, {"room": room, "items": [2]}]


def test_a_room_of_the_url_can_be_left_and_counts_as_a_room(make_cluster, room):
    cluster = make_cluster(gateway={"maxJoinRoom": 2})
    client = cluster.client(query=f"?join={room}&join={room}-2")
    assert client.request("JOIN", {"room": "third"})["data"]["code"] == "too_many_rooms"
    assert client.request("LEAVE", {"room": room})["type"] == "ACK"
    assert client.request("JOIN", {"room": "third"})["type"] == "ACK"
    cluster.push(room, "not for it")
    cluster.push("third", "for it")
    assert client.push() == ["for it"]


@pytest.mark.parametrize("query, reason", [
    ("join=", "empty"),
    ("join=" + 129 * "a", "too long"),
    ("join=%ff", "UTF-8"),
    ("join=a%0ab", "control character"),
    ("join=%4", "hexadecimal"),
    ("join=" + "&join=".join("abcdef"), "maxJoinRoom"),
], ids=lambda text: text[:12])
def test_a_room_in_the_url_that_cannot_be_is_400(cluster, query, reason):
    with RawClient(cluster.ws(), shake=False) as raw:
        answer = raw.shake("/connect?" + query)
    assert answer.status == 400
    error = answer.json["error"]
    assert error["code"] == "invalid_room" and reason in error["message"]


def test_a_clients_own_close_is_answered(cluster):
    raw = cluster.raw()
    raw.send(CLOSE, struct.pack(">H", 1000) + b"bye")
    assert raw.close_code() == 1000
    raw = cluster.raw()
    raw.send(CLOSE)
    frames = raw.until_closed()
    assert [frame.opcode for frame in frames] == [CLOSE]


def test_nothing_is_sent_behind_a_close_frame(cluster, room):
    raw = cluster.raw()
    raw.join(room)
    raw.send(CLOSE, struct.pack(">H", 1000))
    cluster.push(room, 1)
    assert [frame.opcode for frame in raw.until_closed()] == [CLOSE]


def test_a_client_that_leaves_without_a_word_is_forgotten(cluster, room):
    raw = cluster.raw()
    raw.join(room)
    assert cluster.push(room, 1, wait=True)["clients"] == 1
    raw.close()
    wait_until(lambda: cluster.push(room, 2, wait=True)["clients"] == 0, what="the room to be empty")


def test_heartbeat(make_cluster):
    cluster = make_cluster(gateway={"wsHeartbeatInterval": 2})
    silent, alive = cluster.raw(), cluster.raw()
    got = []
    while (frame := alive.receive()) is not None and len(got) < 3:
        got.append(frame.opcode)
        alive.send(PONG, frame.payload)
    assert got == [PING] * 3, "PONG counts as a sign of life"
    frames = silent.until_closed()
    assert [frame.opcode for frame in frames] == [PING, CLOSE]
    assert struct.unpack(">H", frames[1].payload[:2])[0] == 4201
    assert frames[1].payload[2:] == b"heartbeat_timeout"


def test_any_frame_is_a_sign_of_life(make_cluster):
    cluster = make_cluster(gateway={"wsHeartbeatInterval": 1})
    quiet, talker = cluster.raw(), cluster.raw()
    quiet.sock.settimeout(0.2)
    closed = False
    while not closed:
        talker.send(BINARY, b"x")
        try:
            closed = quiet.receive().opcode == CLOSE
        except TimeoutError:
            continue
    talker.text({"type": "PING"})
    while (frame := talker.receive()).opcode == PING:
        continue
    assert frame.payload == b'{"type":"PONG","data":{}}', "who sends anything at all stays"


def test_rate_limit_closes_with_4100(make_cluster):
    cluster = make_cluster(gateway={"clientMessagesPerSecond": 10})
    polite, rude, binary = cluster.raw(), cluster.raw(), cluster.raw()
    for n in range(8):
        assert polite.request("PING", {}, n)["type"] == "ACK"
    for _ in range(40):
        rude.text({"type": "PING"})
        binary.send(BINARY, b"")
    assert rude.close_code() == 4100
    assert binary.close_code() == 4100
    assert polite.request("PING", {}, 9)["type"] == "ACK"


def test_rate_limit_zero_is_none(make_cluster):
    cluster = make_cluster(gateway={"clientMessagesPerSecond": 0})
    raw = cluster.raw()
    for _ in range(3000):
        raw.text({"type": "PING"})
    for _ in range(3000):
        assert raw.receive().payload == b'{"type":"PONG","data":{}}'


def test_every_close_is_counted_by_its_code(make_cluster):
    cluster = make_cluster()
    for message, code in (("x", 4000), ({"type": "JOIN", "data": {"room": ""}}, 4001)):
        client = cluster.client()
        client.send(message)
        assert client.ended() == code
    cluster.client().close()
    cluster.raw().close()

    def counted():
        metrics = cluster.gateway_metrics()
        return [metrics.get("fanfare_gateway_closes_total", code=str(code)) for code in (4000, 4001, 1000, 1006)]

    wait_until(lambda: counted() == [1, 1, 1, 1], what="each close to be counted once")


def test_rooms_and_clients_are_counted(make_cluster):
    cluster = make_cluster()
    clients = [cluster.client("a", "b"), cluster.client("b"), cluster.client()]
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_clients") == 3
    assert metrics.get("fanfare_gateway_rooms") == 2
    stats = cluster.gateway_stats()
    assert (stats["onlineConnections"], stats["roomCount"]) == (3, 2)
    clients[0].close()
    wait_until(lambda: cluster.gateway_stats()["onlineConnections"] == 2, what="the client to be forgotten")
    assert cluster.gateway_stats()["roomCount"] == 1


def test_many_rooms_come_and_go(make_cluster):
    cluster = make_cluster(gateway={"maxJoinRoom": 65535, "clientMessagesPerSecond": 0})
    raw = cluster.raw()
    for n in range(3000):
        raw.text({"type": "JOIN", "data": {"room": f"room-{n}"}})
    assert raw.request("PING", {})["type"] == "ACK"
    assert cluster.gateway_stats()["roomCount"] == 3000
    assert cluster.push([f"room-{n}" for n in range(0, 3000, 3)], 1, wait=True)["clients"] == 1000
    assert raw.items(1000) == [1] * 1000
    for n in range(3000):
        raw.text({"type": "LEAVE", "data": {"room": f"room-{n}"}})
    assert raw.request("PING", {}, 2)["type"] == "ACK"
    assert cluster.gateway_stats()["roomCount"] == 0


def test_admin_metrics_are_text(cluster):
    with cluster.admin() as caller:
        answer = caller.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    Metrics(answer.body.decode())
