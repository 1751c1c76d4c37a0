# SPDX-License-Identifier: Apache-2.0
"""Kicks, joins and leaves: whom they meet, in order with the pushes around them, over two logics and three
gateways, and with one of those stopped."""

import json
import signal
import threading
import time

import pytest

from conftest import finish
from harness.client import close_all
from harness.cluster import Cluster
from harness.http import Caller
from harness.issuer import Issuer
from harness.tokens import Tokens, bearer
from harness.waiting import wait_until

KICKED = (4003, "kicked")


class Town(Cluster):
    """Clients of users, on any of the gateways."""

    def user(self, name, *rooms, gateway=0, v=2, **claims):
        token = self.issuer.token(name, rooms=["*"], **claims)
        return self.client(*rooms, gateway=gateway, query=f"?v={v}", subprotocols=["fanfare", f"fanfare.token.{token}"])

    def command(self, path, logic=0, **body):
        with self.caller(logic) as caller:
            return caller.post(path, body)

    def done(self, path, **body):
        """A command that every gateway has applied: how many clients it was about."""
        answer = self.command(path, wait=True, **body)
        assert answer.status == 200 and answer.json["items"] == 0, answer
        assert answer.json["gateways"]["acked"] == len(self.gateways), answer
        return answer.json["clients"]


def town(directory, certs, gateways=1, logics=1, **options):
    issuer = Issuer(directory)
    gateway = {**issuer.options(**{"auth.required": False, "auth.anonymousRooms": ["*"]}), "maxJoinRoom": 3, **options.pop("gateway", {})}
    made = Town(directory, certs, gateways=gateways, logics=logics, gateway=gateway, **options)
    made.issuer = issuer
    return made


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    made = town(tmp_path_factory.mktemp("town"), certs, gateways=3, logics=2)
    yield made
    finish([made])


def kicked(client, expected=KICKED):
    code = client.ended()
    assert (code, client.reason) == expected


def left(client):
    return json.loads(client.receive())


# Kicks


def test_a_room_is_kicked_everywhere_and_nobody_else(cluster, room):
    inside = [cluster.client(room, gateway=i, query=f"?v={v}") for i in range(3) for v in (1, 2)]
    outside = [cluster.client(room + "-other", gateway=i) for i in range(3)]
    assert cluster.done("/kick", room=room) == 6
    for client in inside:
        kicked(client)
    for client in outside:
        client.expect_nothing()
    assert cluster.push(room, 1, wait=True)["clients"] == 0


def test_users_are_kicked_by_name(cluster, room):
    mine = [cluster.user(f"{room}-a", gateway=i) for i in range(3)]
    theirs = cluster.user(f"{room}-b")
    nobody = cluster.client(room)
    answer = cluster.command("/kick", users=[f"{room}-a", f"{room}-away"], wait=True)
    assert answer.status == 200 and answer.json["clients"] == 3
    assert answer.json["offline"] == [f"{room}-away"] and answer.json["offlineCount"] == 1
    for client in mine:
        kicked(client)
    theirs.expect_nothing()
    nobody.expect_nothing()


def test_one_connection_is_kicked_by_its_id(cluster, room):
    clients = [cluster.user(room, gateway=i % 3) for i in range(4)]
    assert cluster.done("/kick", connection=clients[1].welcome["connection"]) == 1
    kicked(clients[1])
    for other in clients[:1] + clients[2:]:
        other.expect_nothing()
    assert cluster.done("/kick", connection=clients[1].welcome["connection"]) == 0


@pytest.mark.parametrize("code", [4003, 4050, 4099, 4150, 4199, 4250, 4299])
def test_code_and_reason_are_the_callers(cluster, room, code):
    client = cluster.client(room)
    reason = "é" * 50 if code == 4299 else "no \"more\""
    assert cluster.done("/kick", room=room, code=code, reason=reason) == 1
    kicked(client, (code, reason))


def test_a_kick_is_counted_by_its_code(cluster, room):
    closes = lambda code: cluster.gateway_metrics().get("fanfare_gateway_closes_total", code=code) or 0
    kicks = lambda: cluster.gateway_metrics().get("fanfare_gateway_commands_total", kind="kick") or 0
    before = closes("4003"), closes("custom"), kicks()
    for code in (4003, 4050, 4050):
        client = cluster.client(room)
        cluster.done("/kick", room=room, code=code)
        client.ended()
    wait_until(lambda: (closes("4003"), closes("custom"), kicks()) == (before[0] + 1, before[1] + 2, before[2] + 3),
               10, "the kicks to be counted")
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_kicks_waiting") == 0, 10, "nobody to wait")


def test_who_was_kicked_got_all_before_and_nothing_after(cluster, room):
    clients = [cluster.client(room, gateway=i) for i in range(3)]
    with cluster.caller() as caller:
        for number in range(200):
            caller.post("/push/room", {"room": room, "items": [number]})
        caller.post("/kick", {"room": room})
        for number in range(200, 220):
            caller.post("/push/room", {"room": room, "items": [number]})
    for client in clients:
        kicked(client)
        assert client.items(200) == list(range(200))
        with pytest.raises(AssertionError, match="closed with 4003"):
            client.receive()


def test_who_comes_after_a_kick_stays(cluster, room):
    first = cluster.client(room)
    assert cluster.done("/kick", room=room) == 1
    second = cluster.client(room)
    kicked(first)
    assert cluster.push(room, 1, wait=True)["clients"] == 1
    assert second.push() == [1]


def test_a_kicked_client_that_goes_by_itself_is_no_trouble(cluster, room):
    clients = [cluster.client(room, gateway=i % 3) for i in range(60)]
    closing = threading.Thread(target=close_all, args=(clients[::2],))
    closing.start()
    cluster.done("/kick", room=room)
    closing.join()
    for client in clients:
        assert client.ended() in (1000, 4003)
    for gateway in range(3):
        wait_until(lambda: cluster.gateway_metrics(gateway).get("fanfare_gateway_kicks_waiting") == 0, 10,
                   "nobody to wait for its close")


def test_unknown_names_are_empty_answers(cluster, room):
    assert cluster.done("/kick", room=room) == 0
    assert cluster.done("/kick", user=room) == 0
    assert cluster.done("/join", user=room, room=room) == 0
    assert cluster.done("/leave", user=room, room=room) == 0
    assert cluster.done("/kick", connection="0123456789abcdef-1-40") == 0


# Joins and leaves


def test_a_push_behind_a_join_reaches_and_behind_a_leave_does_not(cluster, room):
    clients = [cluster.user(room, gateway=i % 3) for i in range(6)]
    with cluster.caller() as caller:
        for turn in range(20):
            caller.post("/join", {"user": room, "room": room})
            caller.post("/push/room", {"room": room, "items": [turn]})
            caller.post("/leave", {"user": room, "room": room})
            caller.post("/push/room", {"room": room, "items": ["no"]})
    for client in clients:
        for turn in range(20):
            assert left(client) == {"type": "JOINED", "data": {"room": room}}
            assert client.push() == [turn]
            assert left(client) == {"type": "LEFT", "data": {"room": room, "reason": "removed"}}
        client.expect_nothing()


def test_what_was_pushed_before_a_join_is_not_for_who_joins(cluster, room):
    there, coming = cluster.client(room), cluster.user(room, v=1)
    with cluster.caller() as caller:
        caller.post("/push/room", {"room": room, "items": ["before"]})
        caller.post("/join", {"user": room, "room": room})
        caller.post("/push/room", {"room": room, "items": ["behind"]})
    assert there.items(2) == ["before", "behind"]
    assert coming.push() == ["behind"]


def test_several_users_join_several_rooms(cluster, room):
    users, rooms = [f"{room}-{i}" for i in range(3)], [f"{room}-r{i}" for i in range(4)]
    clients = [cluster.user(user, gateway=i) for i, user in enumerate(users)]
    assert cluster.done("/join", users=users, rooms=rooms) == 3
    for each in rooms:
        assert cluster.push(each, each, wait=True)["gateways"]["acked"] == 3
    for client in clients:
        frames = [json.loads(client.receive()) for _ in range(8)]
        assert sorted(f["data"]["room"] for f in frames if f["type"] == "JOINED") == rooms
        assert sorted(f["data"]["room"] for f in frames if f["type"] == "PUSH") == rooms


def test_a_commanded_room_is_not_the_clients_to_leave_and_takes_no_place(cluster, room):
    client = cluster.user(room, "a", "b", "c")
    assert client.request("JOIN", {"room": "d"})["data"]["code"] == "too_many_rooms"
    cluster.done("/join", user=room, room=room)
    assert left(client)["type"] == "JOINED"
    assert client.request("LEAVE", {"room": room})["data"]["code"] == "forbidden"
    client.send({"type": "AUTH", "id": 99, "data": {"token": cluster.issuer.token(room, rooms=["a"])}})
    told = [json.loads(client.receive()) for _ in range(3)]
    assert sorted(t["data"]["room"] for t in told if t["type"] == "LEFT") == ["b", "c"]
    assert cluster.push(room, 7, wait=True)["clients"] == 1
    assert client.push() == [7]
    cluster.done("/leave", user=room, room=room)
    assert left(client)["type"] == "LEFT"


def test_who_comes_within_the_seconds_joins(cluster, room):
    assert cluster.done("/join", user=room, rooms=[room, room + "-two"], seconds=600) == 0
    clients = [cluster.user(room, gateway=i) for i in range(3)]
    for client in clients:
        assert sorted(left(client)["data"]["room"] for _ in range(2)) == [room, room + "-two"]
    assert cluster.push(room, 1, wait=True)["clients"] == 3
    assert cluster.done("/leave", user=room, room=room) == 3
    later = cluster.user(room)
    assert left(later)["data"]["room"] == room + "-two"
    assert cluster.push(room, 2, wait=True)["clients"] == 0


def test_who_comes_after_the_seconds_does_not(cluster, room):
    cluster.done("/join", user=room, room=room, seconds=1)
    begun = time.monotonic()
    assert left(cluster.user(room))["type"] == "JOINED"
    wait_until(lambda: time.monotonic() > begun + 1.1, 10, "the second to be over")
    cluster.user(room).expect_nothing()


def test_a_leave_holds_for_who_comes_within_its_seconds(cluster, room):
    other = room + "-other"
    cluster.done("/join", user=room, rooms=[room, other], seconds=600)
    assert cluster.done("/leave", user=room, room=room, seconds=600) == 0
    comes = cluster.user(room, join=[room])  # its token joins the room
    frames = [left(comes) for _ in range(2)]
    assert {(each["type"], each["data"]["room"]) for each in frames} == {("LEFT", room), ("JOINED", other)}
    assert cluster.push(room, 1, wait=True)["clients"] == 0
    assert comes.request("JOIN", {"room": room})["type"] == "ACK", "it forbids nothing"
    assert cluster.push(room, 2, wait=True)["clients"] == 1
    assert comes.push() == [2]
    cluster.done("/join", user=room, room=room, seconds=600)
    again = cluster.user(room, gateway=1)
    assert {left(again)["data"]["room"] for _ in range(2)} == {room, other}, "the later order counts"


def test_who_shows_a_token_later_joins_then(cluster, room):
    cluster.done("/join", user=room, room=room, seconds=600)
    client = cluster.client(query="?v=2")
    client.expect_nothing()
    client.send({"type": "AUTH", "id": 99, "data": {"token": cluster.issuer.token(room)}})
    assert left(client)["type"] == "ACK"
    assert left(client) == {"type": "JOINED", "data": {"room": room}}


# A gateway that is stopped


def test_a_stopped_gateway_carries_out_what_waited_when_it_goes_on(cluster, room):
    clients = [cluster.user(room, room, gateway=i) for i in range(3)]
    cluster.gateways[2].signal(signal.SIGSTOP)
    try:
        for path, body in [("/push/room", {"items": ["before"], "room": room}), ("/kick", {"user": room}),
                           ("/push/room", {"items": ["behind"], "room": room})]:
            assert cluster.command(path, logic=1, **body).status == 200
        for client in clients[:2]:
            kicked(client)
        assert clients[2].open
    finally:
        cluster.gateways[2].signal(signal.SIGCONT)
    kicked(clients[2])
    assert clients[2].push() == ["before"]


def test_a_kick_that_waits_says_who_has_not_answered(make_cluster, certs, tmp_path, room):
    made = make_cluster(gateways=3, logic={"waitTimeout": 500})
    client = made.client(room, gateway=1)
    made.gateways[2].signal(signal.SIGSTOP)
    try:
        with made.caller() as caller:
            answer = caller.post("/kick", {"room": room, "wait": True})
        assert answer.status == 504 and answer.error == "wait_timeout" and answer.json["gateways"]["acked"] == 2
        kicked(client)
    finally:
        made.gateways[2].signal(signal.SIGCONT)


# Many


def test_a_kick_of_3000_while_numbered_pushes_go_on(make_cluster, room):
    """Numbered pushes to another room lose nothing, and every one of the crowd is kicked once."""
    made = make_cluster(gateways=1, gateway={"maxClients": 5000})
    crowd = [made.client(room) for _ in range(3000)]
    watcher = made.client("others")
    stop, sent = threading.Event(), [0]

    def push():
        with made.caller() as caller:
            while not stop.is_set():
                assert caller.post("/push/room", {"room": "others", "items": [sent[0]]}).status == 200
                sent[0] += 1

    pushing = threading.Thread(target=push)
    pushing.start()
    wait_until(lambda: sent[0] > 50, 20, "the pushes to flow")
    made.push(room, "last")
    with made.caller() as caller:
        answer = caller.post("/kick", {"room": room, "wait": True})
    assert answer.json["clients"] == 3000
    for client in crowd:
        kicked(client)
        assert client.push() == ["last"]
    wait_until(lambda: sent[0] > 100, 20, "the pushes to flow on")
    stop.set()
    pushing.join()
    assert watcher.items(sent[0]) == list(range(sent[0]))
    metrics = made.gateway_metrics()
    assert metrics.get("fanfare_gateway_closes_total", code="4003") == 3000
    assert metrics.get("fanfare_gateway_clients") == 1


# What is refused


LONG = "x" * 101


@pytest.mark.parametrize("path, body, code, says", [
    ("/kick", {}, "invalid_request", "exactly one of user, users, room, rooms and connection"),
    ("/kick", {"user": "u", "room": "r"}, "invalid_request", "exactly one of"),
    ("/kick", {"user": "u", "users": ["u"]}, "invalid_request", "only one of user and users"),
    ("/kick", {"user": ""}, "invalid_user", "the user name is empty"),
    ("/kick", {"rooms": []}, "invalid_room", "rooms is empty"),
    ("/kick", {"rooms": "r"}, "invalid_request", "rooms must be an array"),
    ("/kick", {"connection": "nobody"}, "invalid_request", "connection must be the id"),
    ("/kick", {"connection": "0" * 5000}, "invalid_request", "connection must be the id"),
    ("/kick", {"room": "r", "all": True}, "invalid_request", 'member "all" is not allowed; allowed are user, users'),
    ("/kick", {"room": "r", "seconds": 1}, "invalid_request", 'member "seconds" is not allowed'),
    ("/kick", {"room": "r", "items": [1]}, "invalid_request", 'member "items" is not allowed'),
    *[("/kick", {"room": "r", "code": code}, "invalid_request", "code must be 4003, 4050 to 4099, 4150 to 4199 or")
      for code in (1000, 4000, 4002, 4004, 4049, 4100, 4149, 4200, 4300, 4350, 65536 + 4003, -4003, 4003.5, "4003", True)],
    ("/kick", {"room": "r", "reason": LONG}, "invalid_request", "reason is longer than 100 bytes"),
    ("/kick", {"room": "r", "reason": "é" * 51}, "invalid_request", "reason is longer than 100 bytes"),
    ("/kick", {"room": "r", "reason": "a\u0007"}, "invalid_request", "reason has a control character"),
    ("/kick", {"room": "r", "reason": 1}, "invalid_request", "reason must be a string"),
    ("/kick", {"room": "r", "wait": 1}, "invalid_request", "wait must be true or false"),
    ("/kick", ["r"], "invalid_request", "the body must be a JSON object"),
    ("/join", {"user": "u"}, "invalid_room", "room or rooms is missing"),
    ("/join", {"room": "r"}, "invalid_user", "user or users is missing"),
    ("/join", {"room": "r", "user": "u", "code": 4003}, "invalid_request", 'member "code" is not allowed'),
    ("/join", {"room": "a\u0001", "user": "u"}, "invalid_room", "control character"),
    *[("/join", {"room": "r", "user": "u", "seconds": seconds}, "invalid_request", "seconds must be a whole number, 0 to 86400")
      for seconds in (-1, 86401, 1.5, "1", 1e3)],
    ("/join", {"rooms": [f"r{i}" for i in range(101)], "user": "u"}, "too_many_rooms", "more than 100 rooms"),
    ("/join", {"rooms": [f"r{i}" for i in range(21)], "users": [f"u{i}" for i in range(50)]}, "invalid_request",
     "50 users and 21 rooms; their product may be at most 1000"),
    ("/leave", {"user": "u"}, "invalid_room", "room or rooms is missing"),
])
def test_bad_commands(cluster, path, body, code, says):
    with cluster.caller() as caller:
        answer = caller.post(path, body)
    assert (answer.status, answer.error) == (400, code), answer
    assert says in answer.message, answer


def test_members_that_stand_twice_and_forms(cluster):
    with cluster.caller() as caller:
        answer = caller.request("POST", "/kick", b'{"room":"r","room":"s"}', "application/json")
        assert answer.status == 400 and "stands twice" in answer.message
        answer = caller.form("/kick", "room=r")
        assert answer.status == 415 and answer.error == "unsupported_media_type"


def test_rights_rooms_and_users_of_callers(make_cluster, tmp_path):
    lines = ["all-0a1b2c3d name=all", "push-0a1b2c3d name=push rights=push", "kick-0a1b2c3d name=kick rights=kick",
             "some-0a1b2c3d name=some rights=kick,member rooms=a.* users=u*"]
    tokens = Tokens(tmp_path, *lines)
    made = make_cluster(logic=tokens.option, headers=bearer("all-0a1b2c3d"))

    def answer(token, path, body):
        with Caller(*made.api(), headers=bearer(f"{token}-0a1b2c3d")) as caller:
            got = caller.post(path, body)
        return got.status if got.status == 200 else (got.status, got.message)

    assert answer("kick", "/kick", {"room": "r"}) == 200
    assert answer("kick", "/kick", {"connection": "0123456789abcdef-1-40"}) == 200
    assert "lacks the right member" in answer("kick", "/join", {"user": "u", "room": "r"})[1]
    assert "lacks the right kick" in answer("push", "/kick", {"room": "r"})[1]
    for path, body in [("/kick", {"room": "a.1"}), ("/kick", {"user": "u1"}), ("/join", {"user": "u1", "room": "a.1"}),
                       ("/leave", {"user": "u1", "room": "a.1"})]:
        assert answer("some", path, body) == 200
    for path, body, says in [
        ("/kick", {"room": "b"}, 'may not reach the room "b"'), ("/kick", {"user": "x"}, 'may not reach the user "x"'),
        ("/kick", {"connection": "0123456789abcdef-1-40"}, "may not kick single connections"),
        ("/join", {"user": "u1", "rooms": ["a.1", "b"]}, 'may not reach the room "b"'),
        ("/join", {"users": ["u1", "x"], "room": "a.1"}, 'may not reach the user "x"'),
    ]:
        status, message = answer("some", path, body)
        assert status == 403 and says in message
