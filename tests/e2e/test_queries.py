# SPDX-License-Identifier: Apache-2.0
"""Queries of a whole cluster: two logics, three gateways, clients with users on all of them; and gateways that stand
still, die, or are go-push's."""

import signal
import socket
import threading
import time
import urllib.parse

import pytest

from harness.cluster import Cluster
from harness.issuer import Issuer
from harness.raw_ws import handshake
from harness.rpc import FakeGateway, go_push_responder
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until

ALL = {"known": 3, "asked": 3, "answered": 3}
SHOP, ROOMS_ONLY = "shop-0a1b2c3d", "rooms-0a1b2c3d"


def build(directory, certs, **logic):
    issuer = Issuer(directory)
    cluster = Cluster(directory, certs, gateways=3, logics=2, logic=logic,
                      gateway={**issuer.options(), "auth.required": False, "auth.anonymousRooms": ["*"]})
    cluster.issuer = issuer
    return cluster


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    from conftest import finish

    cluster = build(tmp_path_factory.mktemp("queries"), certs)
    yield cluster
    finish([cluster])


@pytest.fixture
def own(certs, tmp_path):
    """A cluster whose gateways the test may stop."""
    from conftest import finish

    made = []

    def make(**logic):
        made.append(build(tmp_path, certs, **logic))
        return made[-1]

    yield make
    finish(made)


def connect(cluster, gateway, *rooms, user=None, **claims):
    """A client of `user` (None: anonymous), in `rooms`."""
    fields = [("v", "2")] + [("join", room) for room in rooms]
    if user is not None:
        fields.append(("token", cluster.issuer.token(user, rooms=["*"], **claims)))
    client = cluster.client(gateway=gateway, query="?" + urllib.parse.urlencode(fields))
    wait_until(lambda: client.welcome, 10, "the welcome")
    return client


def get(cluster, path, logic=0, **kwargs):
    with cluster.caller(logic) as caller:
        return caller.get(path, **kwargs)


def await_count(cluster, path, key, count):
    wait_until(lambda: get(cluster, path).json[key] == count, 10, f"{count} {key} of {path}")


def name(cluster, gateway):
    return "%s:%d" % cluster.gateways[gateway].address("rpc")


# A room

def test_who_is_in_a_room(cluster, room):
    connect(cluster, 0, room, user="ada", info={"name": "Ada"})
    connect(cluster, 1, room, user="ada")
    connect(cluster, 2, room, user="bob")
    connect(cluster, 2, room)
    connect(cluster, 1, user="elsewhere")
    await_count(cluster, f"/rooms/{room}", "connections", 4)
    for logic in range(2):
        assert get(cluster, f"/rooms/{room}", logic).json == {
            "room": room, "connections": 4, "users": 2, "usersExact": True, "gateways": ALL}
        paged = get(cluster, f"/rooms/{room}?users=1", logic).json
        assert paged["page"] == [{"user": "ada", "connections": 2, "info": {"name": "Ada"}},
                                 {"user": "bob", "connections": 1, "info": None}]
        assert paged["next"] is None


def test_a_name_may_need_escapes(cluster):
    odd = "a/b ?&%\u00e4+\"\\"
    connect(cluster, 0, odd, user=odd)
    path = urllib.parse.quote(odd, safe="")
    await_count(cluster, f"/rooms/{path}", "connections", 1)
    answer = get(cluster, f"/rooms/{path}?users=1").json
    assert (answer["room"], answer["page"][0]["user"]) == (odd, odd)
    assert [each["rooms"] for each in get(cluster, f"/users/{path}").json["connections"]] == [[odd]]


def test_unknown_names_are_empty_answers(cluster):
    assert get(cluster, "/rooms/nobody-is-here?users=1").json == {
        "room": "nobody-is-here", "connections": 0, "users": 0, "usersExact": True, "page": [], "next": None, "gateways": ALL}
    assert get(cluster, "/users/nobody").json == {"user": "nobody", "connections": [], "count": 0, "gateways": ALL}
    assert get(cluster, "/rooms?prefix=nothing-begins-so").json == {"rooms": [], "gateways": ALL}
    gone = connect(cluster, 0, user="gone")
    connection = gone.welcome["connection"]
    gone.close()
    wait_until(lambda: get(cluster, f"/clients/{connection}").json["client"] is None, 10, "the client to be gone")


@pytest.mark.parametrize("path, error", [
    ("/rooms/a%", "invalid_room"), ("/rooms/%00", "invalid_room"), ("/rooms/%ff", "invalid_room"),
    ("/rooms/" + "x" * 129, "invalid_room"), ("/rooms/" + "x" * 3000, "invalid_room"), ("/rooms?prefix=%01", "invalid_room"),
    ("/users/a%2", "invalid_user"), ("/users/%7f", "invalid_user"), ("/users/" + "x" * 129, "invalid_user"),
    ("/clients/x", "invalid_connection"), ("/clients/" + "0" * 16, "invalid_connection"), ("/clients/%", "invalid_connection"),
    ("/clients/0123456789abcdef-1f-2c0x", "invalid_connection"), ("/clients/" + "0" * 3000, "invalid_connection"),
    ("/rooms/r?users=2", "invalid_request"), ("/rooms/r?limit=5", "invalid_request"), ("/rooms/r?user=1", "invalid_request"),
    ("/rooms/r?users=1&limit=1001", "invalid_request"), ("/rooms/r?users=1&users=1", "invalid_request"),
    ("/rooms?top=0", "invalid_request"), ("/users/u?x=1", "invalid_request"), ("/cluster?x=1", "invalid_request"),
    ("/rooms/r?users=1&after=x", "invalid_cursor"), ("/rooms/r?users=1&after=", "invalid_cursor"),
    ("/rooms/r?users=1&after=" + "A" * 10240, "invalid_cursor"),
])
def test_bad_names_and_parameters(cluster, path, error):
    answer = get(cluster, path)
    assert (answer.status, answer.error) == (400, error), answer


def test_cursors_of_another_room_and_cut_ones(cluster, room):
    for user in ("a", "b"):
        connect(cluster, 0, room, user=user)
    await_count(cluster, f"/rooms/{room}", "connections", 2)
    cursor = get(cluster, f"/rooms/{room}?users=1&limit=1").json["next"]
    rest = get(cluster, f"/rooms/{room}?users=1&after={cursor}", logic=1).json
    assert ([each["user"] for each in rest["page"]], rest["next"]) == (["b"], None)
    for path in (f"/rooms/{room}x?users=1&after={cursor}", f"/rooms/{room}?users=1&after={cursor[:-2]}",
                 f"/rooms/{room}?users=1&after={cursor[1:]}", f"/rooms/{room}?users=1&after={cursor}="):
        assert get(cluster, path).error == "invalid_cursor"


@pytest.mark.parametrize("path", ["/rooms", "/rooms/r", "/users/u", "/clients/0123456789abcdef-1-1", "/cluster"])
def test_head_and_other_methods(cluster, path):
    with cluster.caller() as caller:
        whole, head = caller.get(path), caller.request("HEAD", path)
        assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) > 20
        assert whole.status == 200 and whole.json
        other = caller.post(path, {})
        assert (other.status, other.headers["allow"]) == (405, "GET, HEAD")
        assert caller.get(path + "/").status == caller.get(path + "/x/y").status == 404


# Users, clients, rooms, the cluster

def test_a_users_connections_and_one_by_its_id(cluster, room):
    before = int(time.time()) - 1
    first = connect(cluster, 0, room, user="eve", info=[1, {"two": None}])
    second = connect(cluster, 2, user="eve")
    await_count(cluster, "/users/eve", "count", 2)
    answer = get(cluster, "/users/eve").json
    assert [each["gateway"] for each in answer["connections"]] == [name(cluster, 0), name(cluster, 2)]
    assert [each["connection"] for each in answer["connections"]] == [each.welcome["connection"] for each in (first, second)]
    one = answer["connections"][0]
    assert before <= one["since"] <= time.time() + 1
    assert {key: one[key] for key in ("address", "version", "rooms", "roomCount", "info")} == {
        "address": "127.0.0.1", "version": 2, "rooms": [room], "roomCount": 1, "info": [1, {"two": None}]}
    for client, gateway in ((first, 0), (second, 2)):
        for logic in range(2):
            found = get(cluster, f"/clients/{client.welcome['connection']}", logic).json
            assert (found["client"]["user"], found["client"]["gateway"]) == ("eve", name(cluster, gateway))
            assert found["gateways"] == {"known": 3, "asked": 1, "answered": 1}
    nobody = connect(cluster, 1, room)
    assert get(cluster, f"/clients/{nobody.welcome['connection']}").json["client"]["user"] is None


def test_the_busiest_rooms(cluster):
    for gateway, count in ((0, 2), (1, 1), (2, 2)):
        for _ in range(count):
            connect(cluster, gateway, "busy-a", *["busy-b"] * (gateway == 2))
    expected = [{"room": "busy-a", "connections": 5}, {"room": "busy-b", "connections": 2}]
    wait_until(lambda: get(cluster, "/rooms?prefix=busy-").json["rooms"] == expected, 10, "the rooms")
    assert get(cluster, "/rooms?prefix=busy-&top=1").json["rooms"] == expected[:1]
    assert expected[0] in get(cluster, "/rooms").json["rooms"]


def test_the_cluster(cluster, room):
    for gateway in range(3):
        connect(cluster, gateway, room, user=f"u{gateway}")
    await_count(cluster, f"/rooms/{room}", "connections", 3)
    cluster.push(room, 1, 2, wait=True)
    answer = get(cluster, "/cluster").json
    assert list(answer) == ["logic", "gateways", "clients", "errors", "answers", "rooms"]
    logic = answer["logic"]
    assert list(logic) == ["instance", "version", "uptime", "pushesPerSecond", "links"] and logic["links"] == 3
    assert len(logic["instance"]) == 16 and logic["pushesPerSecond"] > 0
    assert [each["address"] for each in answer["gateways"]] == [name(cluster, gateway) for gateway in range(3)]
    for each in answer["gateways"]:
        assert (each["state"], each["node"]["draining"], each["node"]["version"]) == ("up", False, logic["version"])
        assert each["node"]["clients"] >= 1 and each["node"]["itemsPerSecond"] >= 0
    assert answer["clients"] == sum(each["node"]["clients"] for each in answer["gateways"]) >= 3
    assert {"room": room, "connections": 3} in answer["rooms"] and answer["answers"] == ALL


def test_the_cluster_tells_of_recent_errors(own):
    cluster = own()
    cluster.gateways[2].kill()
    lost = lambda: [each for each in get(cluster, "/cluster").json["errors"]
                    if each["from"] == "logic" and "gateway" in each["text"]]
    assert wait_until(lost, 20, "the line about the link")[0]["level"] in ("warn", "error")
    dead = get(cluster, "/cluster").json["gateways"][2]
    assert dead["node"] is None and dead["state"] in ("connecting", "down")


# Gateways that do not answer

def test_one_stands_still(own):
    cluster = own(queryTimeout=500, gatewayTimeout=60000)
    for gateway in range(3):
        connect(cluster, gateway, "r", user=f"u{gateway}")
    await_count(cluster, "/rooms/r", "connections", 3)
    still = connect(cluster, 1, user="still").welcome["connection"]
    cluster.gateways[1].stop_the_clock()
    late = {"known": 3, "asked": 3, "answered": 2, "late": [name(cluster, 1)]}
    for logic in range(2):
        begin = time.monotonic()
        answer = get(cluster, "/rooms/r?users=1", logic).json
        took = time.monotonic() - begin
        assert answer["gateways"] == late and 0.4 < took < patient(5)
        assert ([each["user"] for each in answer["page"]], answer["connections"]) == (["u0", "u2"], 2)
        assert get(cluster, "/users/u1", logic).json["gateways"] == late
        assert get(cluster, "/rooms", logic).json["gateways"] == late
        assert get(cluster, f"/clients/{still}", logic).json == {
            "client": None, "gateways": {"known": 3, "asked": 1, "answered": 0, "late": [name(cluster, 1)]}}
        whole = get(cluster, "/cluster", logic).json
        assert whole["answers"] == late and [each["node"] is None for each in whole["gateways"]] == [False, True, False]
    cluster.gateways[1].go_on()
    wait_until(lambda: get(cluster, "/rooms/r").json["gateways"] == ALL, 20, "it to answer again")


def test_one_is_killed_and_one_is_go_pushs(own, certs):
    cluster = own()
    fake = FakeGateway(certs.server_context(), go_push_responder([]))
    try:
        for gateway in range(3):
            connect(cluster, gateway, "r", user="u")
        killed = connect(cluster, 2, user="u").welcome["connection"]
        logic = cluster.add_logic(gatewayList=[*cluster.logics[0].config["gatewayList"],
                                               {"hostname": "127.0.0.1", "port": fake.port}])
        number = cluster.logics.index(logic)
        up = lambda: cluster.logic_metrics(number).get("fanfare_logic_links", state="up") == 4
        wait_until(up, 20, "all links")
        old = f"127.0.0.1:{fake.port}"
        answer = lambda: get(cluster, "/users/u", number).json
        wait_until(lambda: answer()["count"] == 4, 10, "four connections")
        assert answer()["gateways"] == {"known": 4, "asked": 3, "answered": 3, "notAsked": [old]}
        cluster.gateways[2].kill()
        wait_until(lambda: cluster.logic_metrics(number).get("fanfare_logic_links", state="up") == 3, 20, "the link to be down")
        assert answer()["gateways"] == {"known": 4, "asked": 2, "answered": 2, "notAsked": [name(cluster, 2), old]}
        assert answer()["count"] == 2
        found = get(cluster, f"/clients/{killed}", number).json
        assert found["client"] is None and found["gateways"]["notAsked"] == [name(cluster, 2), old]
        cluster.logics.remove(logic)
        cluster.dead.append(logic)
        logic.terminate()
    finally:
        fake.stop()


# Many

def crowd(cluster, room, count):
    """`count` users in `room`, spread over the gateways, every tenth on two; plain sockets that nobody reads."""
    socks = []
    for number in range(count):
        user = f"u{(number * 7919) % count:05d}"
        for gateway in {number % 3, (number + 1) % 3} if number % 10 == 0 else {number % 3}:
            sock = socket.create_connection(cluster.ws(gateway), timeout=patient(20))
            path = f"/connect?join={room}&token={cluster.issuer.token(user, rooms=['*'])}"
            sock.sendall(handshake(path=path))
            socks.append(sock)
    for sock in socks:
        assert sock.recv(12).startswith(b"HTTP/1.1 101")
    return socks


def all_pages(cluster, room, limit):
    found, after, pages = [], "", 0
    while after is not None:
        answer = get(cluster, f"/rooms/{room}?users=1&limit={limit}{after and '&after=' + after}", logic=pages % 2).json
        assert answer["gateways"] == ALL and len(answer["page"]) <= limit
        found += answer["page"]
        after, pages = answer["next"], pages + 1
    return found


def test_a_room_of_3000_users_is_paged_while_pushes_go_on(cluster, room):
    socks = crowd(cluster, room, 3000)
    done, pushed = threading.Event(), []

    def pushes():
        with cluster.caller() as caller:
            while not done.is_set():
                answer = caller.post("/push/room", {"room": "other", "items": [len(pushed)], "wait": True})
                pushed.append(answer.status)

    other = connect(cluster, 0, "other")
    pusher = threading.Thread(target=pushes)
    try:
        await_count(cluster, f"/rooms/{room}", "connections", len(socks))
        pusher.start()
        count = get(cluster, f"/rooms/{room}").json
        assert (count["users"], count["usersExact"]) == (3000, True)
        for limit in (1000, 333):
            found = all_pages(cluster, room, limit)
            assert [each["user"] for each in found] == [f"u{number:05d}" for number in range(3000)]
            assert sum(each["connections"] for each in found) == len(socks)
    finally:
        done.set()
        pusher.join()
        for sock in socks:
            sock.close()
    assert pushed and set(pushed) == {200}
    assert other.items(len(pushed), timeout=30) == list(range(len(pushed)))


def test_33_at_once_of_gateways_that_stand_still(own):
    cluster = own(queryTimeout=int(patient(1500)), gatewayTimeout=60000)
    for gateway in cluster.gateways:
        gateway.stop_the_clock()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(get(cluster, "/rooms/r"))) for _ in range(32)]
    for thread in threads:
        thread.start()
    wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_queries") == 32, 20, "32 under way")
    refused = get(cluster, "/rooms")
    assert (refused.status, refused.error, refused.headers["retry-after"]) == (503, "too_many_queries", "1")
    assert get(cluster, "/rooms/r", logic=1).json["gateways"]["answered"] == 0, "the other logic has its own"
    for thread in threads:
        thread.join()
    assert {each.status for each in answers} == {200} and len(answers) == 32
    for gateway in cluster.gateways:
        gateway.go_on()
    wait_until(lambda: get(cluster, "/rooms/r").json["gateways"] == ALL, 20, "all to answer again")


def test_a_logic_that_ends_answers_what_is_under_way(own):
    cluster = own(queryTimeout=10000, gatewayTimeout=60000)
    for gateway in cluster.gateways:
        gateway.stop_the_clock()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(get(cluster, "/rooms/r")))
    thread.start()
    wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_queries") == 1, 10, "the query")
    cluster.logics[0].signal(signal.SIGTERM)
    thread.join(patient(15))
    assert answers and answers[0].status == 200 and answers[0].json["gateways"]["answered"] == 0
    cluster.logics[0].wait(15)


# What a caller may see

def test_callers_with_rooms_and_users_see_those(certs, tmp_path):
    from conftest import finish

    tokens = Tokens(tmp_path, "all-0a1b2c3d", f"{SHOP} name=shop rights=query rooms=orders.* users=u*",
                    f"{ROOMS_ONLY} name=rooms rights=query rooms=orders.*", "mute-0a1b2c3d name=mute rights=push")
    issuer = Issuer(tmp_path)
    cluster = Cluster(tmp_path, certs, logic=tokens.option, headers=bearer("all-0a1b2c3d"),
                      gateway={**issuer.options(), "auth.required": False, "auth.anonymousRooms": ["*"]})
    cluster.issuer = issuer
    try:
        check_rights(cluster)
    finally:
        finish([cluster])


def check_rights(cluster):
    as_shop = lambda path: get(cluster, path, headers=bearer(SHOP))
    for user in ("a1", "a2", "u1", "u2", "z1"):
        connect(cluster, 0, "orders.1", "secret", user=user)
    nobody = connect(cluster, 0, "orders.1")
    await_count(cluster, "/rooms/orders.1", "connections", 6)
    for path in ("/rooms/secret", "/users/a1"):
        refused = as_shop(path)
        assert (refused.status, refused.error) == (403, "forbidden") and "shop" in refused.message
    page = as_shop("/rooms/orders.1?users=1&limit=1").json
    assert ([each["user"] for each in page["page"]], page["connections"], page["users"]) == (["u1"], 6, 5)
    page = as_shop(f"/rooms/orders.1?users=1&limit=1&after={page['next']}").json
    assert [each["user"] for each in page["page"]] == ["u2"]
    rest = as_shop(f"/rooms/orders.1?users=1&limit=1&after={page['next']}").json
    assert rest["page"] == [] and rest["next"] is None
    assert as_shop("/rooms").json["rooms"] == [{"room": "orders.1", "connections": 6}]
    [mine] = as_shop("/users/u1").json["connections"]
    assert mine["rooms"] == ["orders.1"] and mine["roomCount"] is None
    assert as_shop(f"/clients/{mine['connection']}").json["client"]["user"] == "u1"
    [other] = get(cluster, "/users/a1").json["connections"]
    assert sorted(other["rooms"]) == ["orders.1", "secret"] and other["roomCount"] == 2
    for hidden in (other["connection"], nobody.welcome["connection"]):
        assert as_shop(f"/clients/{hidden}").json["client"] is None
    whole = as_shop("/cluster").json
    assert whole["rooms"] == [{"room": "orders.1", "connections": 6}] and whole["errors"] == []
    alone = get(cluster, "/rooms/orders.1?users=1", headers=bearer(ROOMS_ONLY)).json
    assert alone["page"] == [] and alone["next"] is None
    for path in ("/rooms", "/rooms/orders.1", "/users/u1", "/clients/0123456789abcdef-1-1", "/cluster"):
        assert get(cluster, path, headers=bearer("mute-0a1b2c3d")).error == "forbidden"
    assert get(cluster, "/rooms", headers=bearer("nobody")).status == 401
