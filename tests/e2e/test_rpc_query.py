# SPDX-License-Identifier: Apache-2.0
"""POST /rpc/query of a gateway: docs/protocol.md, section 3, "The query"."""

import base64
import json
import threading
import time

import pytest

from conftest import finish
from harness.client import close_all
from harness.cluster import Cluster
from harness.issuer import Issuer
from harness.raw_ws import handshake
from harness.rpc import RpcCaller
from harness.waiting import wait_until

KEY = "000102030405060708090a0b0c0d0e0f"
BUCKETS = 3


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory, issuer):
    """Several buckets, and clients that may be anybody."""
    gateway = issuer.options(**{"bucketThreads": BUCKETS, "auth.required": False, "auth.anonymousRooms": ["*"],
                                "auth.rooms": ["*"], "maxJoinRoom": 200, "clientMessagesPerSecond": 1000})
    cluster = Cluster(tmp_path_factory.mktemp("queries"), certs, gateway=gateway)
    yield cluster
    finish([cluster])


@pytest.fixture
def rpc(cluster, certs):
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as caller:
        yield caller


@pytest.fixture
def login(cluster, issuer):
    def log_in(user, *rooms, version=1, **claims):
        query = f"?v={version}&token={issuer.token(user, **claims)}" + "".join(f"&join={room}" for room in rooms)
        return cluster.client(query=query)

    return log_in


def begin(rpc, **body):
    return rpc.begin("POST", "/rpc/query", json.dumps(body).encode(), "application/json")


def ask(rpc, **body):
    answer = rpc.answer(begin(rpc, **body))
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json"
    return answer.json


def refusal(rpc, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = rpc.request("POST", "/rpc/query", raw, "application/json")
    return answer.status, answer.error, answer.message


def hashes(answer):
    text = answer["hashes"]
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    found = [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)]
    assert found == sorted(set(found)) and len(found) <= 4096
    return found


def page_through(rpc, room, limit, between=lambda: None):
    """All pages of a room's users; `between` happens between them."""
    after, users = "", []
    while True:
        answer = ask(rpc, op="room", room=room, key=KEY, users=True, limit=limit, after=after)
        users += answer["page"]
        if not answer["more"]:
            return users
        assert len(answer["page"]) <= limit
        after = answer["page"][-1]["user"]
        between()


# Rooms


def test_a_room_of_nobody_and_one_of_anonymous_clients(cluster, rpc, room):
    assert ask(rpc, op="room", room=room, key=KEY) == {"connections": 0, "hashes": ""}
    clients = [cluster.client(query=f"?join={room}") for _ in range(4)]
    assert ask(rpc, op="room", room=room, key=KEY, users=True) == {
        "connections": 4, "hashes": "", "page": [], "more": False}
    close_all(clients)
    wait_until(lambda: ask(rpc, op="room", room=room, key=KEY)["connections"] == 0, what="them to be gone")


def test_users_of_a_room_over_several_buckets(rpc, room, login):
    for n in range(30):
        login(f"u{n % 10}", room, info={"n": n % 10} if n % 10 else None)
    answer = ask(rpc, op="room", room=room, key=KEY, users=True)
    assert answer["connections"] == 30 and len(hashes(answer)) == 10
    assert answer["page"] == [{"user": f"u{n}", "connections": 3, "info": {"n": n} if n else None} for n in range(10)]
    assert not answer["more"]


def test_hashes_are_siphash_1_3_of_the_users_under_the_key(rpc, room, login):
    login("u0", room)
    first = hashes(ask(rpc, op="room", room=room, key=KEY))
    other = hashes(ask(rpc, op="room", room=room, key="f" * 32))
    assert first == hashes(ask(rpc, op="room", room=room, key=KEY)) and first != other


def test_pages_go_through_all_users_in_order(rpc, room, login):
    names = [f"n{n:03d}" for n in range(60)] + ["\u00e9", "a", "\U0001f600", "a\"b\\"]
    for name in names:
        login(name, room)
    expected = sorted(names, key=lambda name: name.encode())
    for limit in (1, 7, 64, 1000):
        assert [each["user"] for each in page_through(rpc, room, limit)] == expected
    answer = ask(rpc, op="room", room=room, key=KEY, users=True, limit=5, after="n030")
    assert [each["user"] for each in answer["page"]] == [f"n{n:03d}" for n in range(31, 36)] and answer["more"]
    assert ask(rpc, op="room", room=room, key=KEY, users=True, after="\U0010ffff") == {
        **ask(rpc, op="room", room=room, key=KEY), "page": [], "more": False}


def test_who_stays_is_on_a_page_once_while_others_come_and_go(cluster, rpc, room, login):
    stays = sorted(f"stays{n:02d}" for n in range(40))
    for name in stays:
        login(name, room)
    moving, turn = [], [0]

    def others():
        turn[0] += 1
        for n in range(3):
            moving.append(login(f"goes{turn[0]:02d}{n}", room))
        if len(moving) > 6:
            close_all([moving.pop(0) for _ in range(3)])

    users = page_through(rpc, room, 4, others)
    names = [each["user"] for each in users]
    assert names == sorted(set(names))
    assert [each["user"] for each in users if each["user"].startswith("stays")] == stays
    assert all(each["connections"] == 1 for each in users)


def test_the_broadcast_and_other_audiences_are_no_rooms(rpc):
    for room in ("", "\u0001", "\u0002u0"):
        status, error, message = refusal(rpc, {"op": "room", "room": room, "key": KEY})
        assert (status, error) == (400, "invalid_request") and "room" in message


# Which rooms there are


def test_rooms_by_their_connections(cluster, rpc, room, login):
    sizes = {f"{room}.{n}": n for n in (1, 2, 3, 5)}
    for name, size in sizes.items():
        for _ in range(size):
            cluster.client(query="?join=" + name)
    cluster.client(query=f"?join={room}.b")
    login("somebody")
    expected = [[f"{room}.5", 5], [f"{room}.3", 3], [f"{room}.2", 2], [f"{room}.1", 1], [f"{room}.b", 1]]
    assert ask(rpc, op="rooms", prefix=room + ".") == {"rooms": 5, "top": expected}
    assert ask(rpc, op="rooms", prefix=room + ".", limit=2) == {"rooms": 5, "top": expected[:2]}
    everything = ask(rpc, op="rooms", limit=1000)
    assert everything["rooms"] == 5 and everything["top"] == expected, "users and everyone are no rooms"
    assert ask(rpc, op="rooms", prefix="nothing like it") == {"rooms": 0, "top": []}


def test_many_rooms(cluster, rpc, room):
    raw = cluster.raw()
    for n in range(190):
        raw.join(f"{room}-{n:03d}")
    answer = ask(rpc, op="rooms", prefix=room, limit=1000)
    assert answer == {"rooms": 190, "top": [[f"{room}-{n:03d}", 1] for n in range(190)]}


# Users and clients


def test_a_users_connections_over_several_buckets(cluster, rpc, room, login):
    for n in range(7):
        login("u7", room, f"{room}-{n}", version=1 + n % 2, info={"is": "u7"})
    login("u8", room)
    answer = ask(rpc, op="user", user="u7")
    assert answer["count"] == 7 and len(answer["connections"]) == 7
    ids = [each["connection"] for each in answer["connections"]]
    assert len(set(ids)) == 7
    for each in answer["connections"]:
        assert set(each) == {"connection", "since", "address", "version", "rooms", "roomCount", "info"}
        assert abs(each["since"] - time.time()) < 60 and each["address"] == "127.0.0.1"
        assert each["info"] == {"is": "u7"} and each["roomCount"] == 2 and room in each["rooms"]
    assert sorted(each["version"] for each in answer["connections"]) == [1, 1, 1, 1, 2, 2, 2]
    few = ask(rpc, op="user", user="u7", limit=3)
    assert few["count"] == 7 and len(few["connections"]) == 3
    assert ask(rpc, op="user", user="nobody") == {"connections": [], "count": 0}


def test_a_client_by_its_id(cluster, rpc, room, login):
    client = login("u\"7", room, version=2)
    client.expect_nothing()
    told = ask(rpc, op="client", connection=client.welcome["connection"])["client"]
    assert told["connection"] == client.welcome["connection"] and told["user"] == "u\"7"
    assert told["rooms"] == [room] and told["version"] == 2
    anonymous = cluster.client(query="?v=2")
    anonymous.expect_nothing()
    told = ask(rpc, op="client", connection=anonymous.welcome["connection"])["client"]
    assert told["user"] is None and told["rooms"] == [] and told["info"] is None
    client.close()
    gone = lambda: ask(rpc, op="client", connection=client.welcome["connection"]) == {"client": None}
    wait_until(gone, what="the client to be gone")
    place = client.welcome["connection"].partition("-")[2]
    assert ask(rpc, op="client", connection="0" * 16 + "-" + place) == {"client": None}, "another gateway's"


def test_of_many_rooms_the_first_hundred_are_named(cluster, rpc, room):
    raw = cluster.raw(path="/connect?v=2")
    connection = raw.welcome()["connection"]
    for n in range(150):
        raw.join(f"{room}-{n}")
    told = ask(rpc, op="client", connection=connection)["client"]
    assert told["roomCount"] == 150 and len(told["rooms"]) == 100


# The gateway itself


def test_node(make_cluster, certs):
    cluster = make_cluster(gateway={"bucketThreads": 2})
    clients = [cluster.client("r") for _ in range(3)]
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        for n in range(20):
            cluster.push("r", n)
        for client in clients:
            client.items(20)
        node = ask(rpc, op="node")
        assert set(node) == {"clients", "rooms", "users", "uptime", "version", "draining", "itemsPerSecond",
                             "framesPerSecond", "bytesPerSecond", "jobs", "framesQueued", "errors"}
        assert (node["clients"], node["rooms"], node["users"], node["draining"]) == (3, 1, 0, False)
        assert 0 < node["itemsPerSecond"] and 0 < node["framesPerSecond"] < node["bytesPerSecond"]
        assert node["version"] and node["uptime"] >= 0
        with pytest.raises(OSError):
            with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context(show=False)) as stranger:
                stranger.request("GET", "/stats")
        told = wait_until(lambda: ask(rpc, op="node")["errors"], what="the warning")
        assert told[0]["level"] == "warn" and told[0]["secondsAgo"] >= 0
        assert told[0]["text"].startswith("rpc client certificate refused peer=127.0.0.1:")


def test_users_are_counted_once(rpc, login):
    login("one"), login("one"), login("two")
    assert ask(rpc, op="node")["users"] == 2


# Bounds and faults


@pytest.mark.parametrize("body, says", [
    (b"", "byte 0"),
    (b"{", "byte 1"),
    (b"[]", "JSON object"),
    (b'{"op":"room","room":"r","key":"' + KEY.encode() + b'",}', "byte"),
    (b'{"op":"node","op":"node"}', "op stands twice"),
    ({}, "op is missing"),
    ({"op": "everything"}, "op must be one of"),
    ({"op": 1}, "op must be one of"),
    ({"op": "node", "room": "r"}, "room is no member of op node"),
    ({"op": "node", "extra": 1}, "unknown member"),
    ({"op": "room", "key": KEY}, "room is missing"),
    ({"op": "room", "room": "r"}, "key is missing"),
    ({"op": "room", "room": 7, "key": KEY}, "room must be a string"),
    ({"op": "room", "room": "x" * 1025, "key": KEY}, "room must be a string of at most 1024 bytes"),
    ({"op": "room", "room": "r", "key": KEY[1:]}, "key must be"),
    ({"op": "room", "room": "r", "key": KEY.upper()}, "key must be"),
    ({"op": "room", "room": "r", "key": KEY + "0"}, "key must be"),
    ({"op": "room", "room": "r", "key": KEY, "users": 1}, "users must be true or false"),
    ({"op": "room", "room": "r", "key": KEY, "limit": 0}, "limit must be"),
    ({"op": "room", "room": "r", "key": KEY, "limit": 1001}, "limit must be"),
    ({"op": "room", "room": "r", "key": KEY, "limit": -1}, "limit must be"),
    ({"op": "room", "room": "r", "key": KEY, "limit": 1.5}, "limit must be"),
    ({"op": "room", "room": "r", "key": KEY, "limit": "9"}, "limit must be"),
    ({"op": "room", "room": "r", "key": KEY, "after": None}, "after must be a string"),
    ({"op": "rooms", "prefix": []}, "prefix must be a string"),
    ({"op": "rooms", "after": "r"}, "after is no member of op rooms"),
    ({"op": "user"}, "user is missing"),
    ({"op": "user", "user": ""}, "user"),
    ({"op": "client", "connection": "x"}, "connection must be the id"),
    ({"op": "client", "connection": "0" * 16 + "-0-0"}, "connection must be the id"),
], ids=str)
def test_what_is_no_query_is_refused_and_the_connection_lives(rpc, body, says):
    status, error, message = refusal(rpc, body)
    assert (status, error) == (400, "invalid_request") and says in message, message
    assert ask(rpc, op="node")["version"]


def test_a_query_is_at_most_16_kilobytes_of_json(rpc):
    assert refusal(rpc, b'{"op":"node"}' + b" " * 16384)[:2] == (413, "body_too_large")
    assert ask(rpc, **json.loads(b'{"op":"node"}'))["version"]
    answer = rpc.request("POST", "/rpc/query", b'{"op":"node"}', "text/plain")
    assert (answer.status, answer.error) == (415, "unsupported_media_type")
    assert rpc.request("GET", "/rpc/query").status == 405


def test_the_seventeenth_at_once_is_told_that_the_gateway_is_busy(rpc, room, login):
    """Sixty come in one write, so that all are read before the first answer can be there."""
    login("u1", room)
    rpc.flush, flush = lambda: None, rpc.flush
    streams = [begin(rpc, op="room", room=room, key=KEY) for _ in range(60)]
    rpc.flush = flush
    rpc.flush()
    answers = [rpc.answer(stream) for stream in streams]
    taken = [answer for answer in answers if answer.status == 200]
    assert 16 <= len(taken) < 60 and all(answer.json["connections"] == 1 for answer in taken)
    assert {(answer.status, answer.error) for answer in answers if answer not in taken} == {(503, "busy")}
    assert ask(rpc, op="room", room=room, key=KEY)["connections"] == 1, "and later it is not"


def test_a_query_during_a_broadcast_does_not_stop_it(cluster, rpc, room, login):
    herd = [cluster.raw(path=f"/connect?join={room}", shake=False) for _ in range(3000)]
    for raw in herd:
        raw.sock.sendall(handshake(f"/connect?join={room}"))
    for raw in herd:
        assert raw.http_answer().status == 101
    login("u1", room)
    done = threading.Event()
    asked = []

    def go_on_asking():
        while not done.is_set():
            asked.append(ask(rpc, op="room", room=room, key=KEY, users=True)["connections"])

    asking = threading.Thread(target=go_on_asking)
    asking.start()
    try:
        for n in range(20):
            cluster.push(None, n)
        for raw in herd:
            assert raw.items(20) == list(range(20))
    finally:
        done.set()
        asking.join()
    assert asked and set(asked) == {3001}


def test_a_link_that_goes_leaves_nothing_under_way(cluster, certs, rpc, room):
    for _ in range(5):
        caller = RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context())
        for _ in range(30):
            begin(caller, op="room", room=room, key=KEY)
        caller.close()
    under_way = lambda: cluster.gateway_metrics().get("fanfare_gateway_queries")
    wait_until(lambda: under_way() == 0, what="the queries to end")
    assert ask(rpc, op="room", room=room, key=KEY)["connections"] == 0


def test_queries_are_counted(cluster, rpc):
    count = lambda result: cluster.gateway_metrics().get("fanfare_gateway_queries_total", result=result)
    before = {result: count(result) for result in ("answered", "invalid")}
    ask(rpc, op="node")
    refusal(rpc, {"op": "?"})
    assert count("answered") == before["answered"] + 1 and count("invalid") == before["invalid"] + 1
