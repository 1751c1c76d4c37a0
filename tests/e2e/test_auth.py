# SPDX-License-Identifier: Apache-2.0
"""auth.mode verify, from a client's token to the close code: who gets in, who does not, and what each may join.

The clients are python3-websockets', the tokens PyJWT's.
"""

import json
import re
import threading
import time

import pytest
import websockets

from conftest import finish
from harness.cluster import Cluster
from harness.issuer import Issuer
from harness.raw_ws import handshake
from harness.waiting import wait_until

GROUP = {"rooms": ["a.*", "{sub}"]}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory, issuer):
    gateway = issuer.options(**{"auth.deadline": 2, "auth.leewaySeconds": 0, "auth.rooms": ["lobby"],
                                "ws.origins": ["https://app.test"], "auth.cookie": "sid", "maxClientsPerUser": 3})
    cluster = Cluster(tmp_path_factory.mktemp("auth"), certs, gateway=gateway)
    yield cluster
    finish([cluster])


def bearer(token):
    return {"extra_headers": {"Authorization": f"Bearer {token}"}}


def refusal(client):
    """The ERROR in front of the close, and the close."""
    answer = json.loads(client.receive())
    assert answer["type"] == "ERROR", answer
    return answer["data"]["code"], client.ended(), client.reason


UNAUTHORIZED = ("unauthorized", 4002, "unauthorized")


@pytest.fixture
def user(request):
    return "u-" + re.sub(r"\W", "-", request.node.name)[:60]


# ---- Where a token may stand

def way_in(cluster, token, way, **more):
    if way == "header":
        return cluster.client(**bearer(token), **more)
    if way == "query":
        return cluster.client(query=f"?token={token}", **more)
    if way == "subprotocol":
        return cluster.client(subprotocols=["fanfare", f"fanfare.token.{token}"], **more)
    return cluster.client(extra_headers={"Cookie": f"x=y; sid={token}"}, origin="https://app.test", **more)


WAYS = ["header", "query", "subprotocol", "cookie"]


@pytest.mark.parametrize("way", WAYS)
def test_a_token_gets_in_by_every_way(cluster, issuer, user, way):
    client = way_in(cluster, issuer.token(user, rooms=["r"]), way)
    client.join("r").expect_nothing()
    cluster.push("r", way)
    assert client.push() == [way]
    assert client.socket.subprotocol == ("fanfare" if way == "subprotocol" else None)


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_token_is_refused_by_every_way(cluster, issuer, user, way):
    assert refusal(way_in(cluster, issuer.token(user, key="another secret" * 4), way)) == UNAUTHORIZED


def test_two_tokens_are_400(cluster, issuer, user):
    token = issuer.token(user)
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        cluster.client(query=f"?token={token}", **bearer(token))
    assert refused.value.status_code == 400
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        cluster.client(subprotocols=[f"fanfare.token.{token}"])
    assert refused.value.status_code == 400


def test_a_cookie_without_an_origin_is_none(cluster, issuer, user):
    client = cluster.client(extra_headers={"Cookie": f"sid={issuer.token(user)}"})
    assert client.request("PING", {})["type"] == "ACK"
    assert client.request("JOIN", {"room": "lobby"})["data"]["code"] == "unauthorized"
    assert client.ended() == 4002


def test_what_is_not_websocket_keeps_its_http_errors(cluster, issuer, user):
    raw = cluster.raw(shake=False)
    answer = raw.shake(f"/connect?token={issuer.token(user)}", Upgrade=None)
    assert answer.status == 426
    foreign = cluster.raw(shake=False)
    assert foreign.shake(f"/connect?token={issuer.token(user)}", Origin="https://evil.test").status == 403


# ---- Which tokens are good

BAD_TOKENS = {
    "expired": (lambda issuer, user: issuer.token(user, seconds=-5), "token_expired"),
    "no exp": (lambda issuer, user: issuer.token(user, exp=None), "unauthorized"),
    "not yet": (lambda issuer, user: issuer.token(user, nbf=int(time.time()) + 60), "unauthorized"),
    "another issuer": (lambda issuer, user: issuer.token(user, iss="https://evil.test"), "unauthorized"),
    "for too long": (lambda issuer, user: issuer.token(user, seconds=10 * 86400), "unauthorized"),
    "another key": (lambda issuer, user: issuer.token(user, key="x" * 40), "unauthorized"),
    "a user that cannot be": (lambda issuer, user: issuer.token("a\nb"), "unauthorized"),
    "rooms that are no list": (lambda issuer, user: issuer.token(user, rooms="a"), "unauthorized"),
    "a room token": (lambda issuer, user: issuer.token(user, room="a"), "unauthorized"),
    "no token at all": (lambda issuer, user: "nonsense", "unauthorized"),
    "a changed one": (lambda issuer, user: issuer.token(user)[:-4] + "AAAA", "unauthorized"),
}


@pytest.mark.parametrize("what", BAD_TOKENS)
def test_a_token_that_is_bad_is_refused(cluster, issuer, user, what):
    make, code = BAD_TOKENS[what]
    close = {"unauthorized": 4002, "token_expired": 4202}[code]
    assert refusal(cluster.client(**bearer(make(issuer, user)))) == (code, close, code)
    client = cluster.client()
    answer = client.request("AUTH", {"token": make(issuer, user)})
    assert (answer["type"], answer["data"]["code"], client.ended()) == ("ERROR", code, close)


def test_no_token_and_no_user_stands_in_the_log(cluster, issuer, user):
    good, bad = issuer.token(user), issuer.token(user, key="x" * 40)
    cluster.client(query=f"?token={good}").expect_nothing()
    refusal(cluster.client(query=f"?token={bad}"))
    client = cluster.client()
    client.request("AUTH", {"token": bad})
    client.ended()
    log = cluster.gateways[0].log()
    for secret in (good, bad, good.split(".")[1], issuer.key):
        assert secret not in log
    with cluster.admin() as caller:
        assert user not in caller.get("/metrics").body.decode()


# ---- Before AUTH

def test_who_shows_nothing_gets_nothing(cluster, issuer, user):
    silent = cluster.client(query="?join=lobby")
    known = cluster.client(**bearer(issuer.token(user)))
    cluster.push(None, "everybody")
    assert known.push() == ["everybody"]
    silent.expect_nothing()
    assert silent.request("AUTH", {"token": issuer.token(user)})["type"] == "ACK"
    cluster.push("lobby", "members")
    assert silent.push() == ["members"]


@pytest.mark.parametrize("message", [{"type": "JOIN", "data": {"room": "lobby"}}, {"type": "NEWS"}, b"binary"])
def test_who_says_anything_else_is_closed(cluster, message):
    client = cluster.client()
    client.send(message)
    assert refusal(client) == UNAUTHORIZED


def test_who_says_nothing_is_closed(cluster):
    client = cluster.client()
    begin = time.monotonic()
    assert refusal(client) == UNAUTHORIZED
    assert time.monotonic() - begin > 1.5  # auth.deadline 2


def test_the_oldest_that_says_nothing_gives_way(make_cluster, issuer, user):
    cluster = make_cluster(gateway=issuer.options(**{"auth.maxPending": 2, "bucketThreads": 1}))
    first, second, third = cluster.client(), cluster.client(), cluster.client()
    assert refusal(first) == ("auth_unavailable", 4101, "auth_unavailable")
    for client in (second, third):
        assert client.request("AUTH", {"token": issuer.token(user)})["type"] == "ACK"


# ---- Rooms

def test_joins_go_by_rights(cluster, issuer, user):
    client = cluster.client(**bearer(issuer.token(user, **GROUP)))
    client.join("a.1").join(user).join("lobby")
    for room in ("b", "a", "A.1", user + "x"):
        answer = client.request("JOIN", {"room": room})
        assert (answer["type"], answer["data"]["code"]) == ("ERROR", "forbidden"), room
    client.send({"type": "JOIN", "data": {"room": "b"}})
    client.expect_nothing()
    cluster.push("b", "not for you")
    cluster.push("a.1", "for you")
    assert client.push() == ["for you"]


def test_rooms_of_the_handshake_go_by_rights(cluster, issuer, user):
    client = cluster.client(query="?join=a.1&join=b", **bearer(issuer.token(user, **GROUP)))
    answer = json.loads(client.receive())
    assert answer["type"] == "ERROR" and "id" not in answer
    assert (answer["data"]["code"], answer["data"]["room"]) == ("forbidden", "b")
    cluster.push("a.1", 1)
    assert client.push() == [1]


def test_what_the_token_joins(cluster, issuer, user):
    client = cluster.client(**bearer(issuer.token(user, join=["sale"])))
    cluster.push("sale", 1)
    assert client.push() == [1]
    assert client.request("LEAVE", {"room": "sale"})["data"]["code"] == "forbidden"
    cluster.push("sale", 2)
    assert client.push() == [2]


def test_a_room_token(cluster, issuer, user):
    client = cluster.client(**bearer(issuer.token(user)))
    assert client.request("JOIN", {"room": "doc"})["data"]["code"] == "forbidden"
    for bad in (issuer.token("other", room="doc"), issuer.token(user, room="doc2"), issuer.token(user, seconds=-5, room="doc"),
                issuer.token(user, rooms=["doc"]), "x"):
        answer = client.request("JOIN", {"room": "doc", "token": bad})
        assert (answer["type"], answer["data"]["code"]) == ("ERROR", "forbidden")
    good = issuer.token(user, seconds=3, room="doc*")
    assert client.request("JOIN", {"room": "doc", "token": good})["type"] == "ACK"
    cluster.push("doc", 1)
    assert client.push() == [1]
    left = json.loads(client.receive(timeout=10))
    assert left == {"type": "LEFT", "data": {"room": "doc", "reason": "token_expired"}}
    cluster.push("doc", 2)
    client.expect_nothing()


# ---- Renewal and end

def renew(client, token):
    """AUTH; what came in front of its answer, and the answer."""
    client.acks += 1
    client.send({"type": "AUTH", "id": client.acks, "data": {"token": token}})
    before = []
    while (answer := json.loads(client.receive())).get("id") != client.acks:
        before.append(answer)
    return before, answer


def test_auth_again_before_the_end_extends(cluster, issuer, user):
    first = bearer(issuer.token(user, seconds=3, rooms=["a", "b"]))
    client, other = cluster.client(**first).join("a").join("b"), cluster.client(**first)
    before, answer = renew(client, issuer.token(user, rooms=["b"]))
    assert answer["type"] == "ACK"
    assert before == [{"type": "LEFT", "data": {"room": "a", "reason": "forbidden"}}]
    assert other.ended(20) == 4202  # the first token has ended
    cluster.push("b", "still here")
    cluster.push("a", "not here")
    assert client.push() == ["still here"]
    client.expect_nothing()


def test_a_token_that_ends_closes(cluster, issuer, user):
    before = cluster.gateway_metrics().get("fanfare_gateway_auth_expired_total")
    client = cluster.client(**bearer(issuer.token(user, seconds=2)))
    assert client.ended() == 4202
    assert client.reason == "token_expired"
    assert cluster.gateway_metrics().get("fanfare_gateway_auth_expired_total") == before + 1


def test_another_user_is_another_connection(cluster, issuer, user):
    client = cluster.client(**bearer(issuer.token(user)))
    assert client.request("AUTH", {"token": issuer.token(user + "2")})["data"]["code"] == "unauthorized"
    assert client.ended() == 4002


def test_a_user_has_so_many_connections(cluster, issuer, user):
    clients = [cluster.client(**bearer(issuer.token(user))) for _ in range(3)]
    for client in clients:
        client.expect_nothing()
    too_many = cluster.client(**bearer(issuer.token(user)))
    assert refusal(too_many) == ("too_many_for_user", 4102, "too_many_for_user")
    clients.pop().close()
    wait_until(lambda: accepts(cluster, issuer.token(user)), what="a place for the next one")


def test_however_many_come_at_once_no_more_than_that_stay(cluster, issuer, user):
    """Over all threads of a gateway; two that are one too many together may both go, never stay."""
    raws = [cluster.raw(shake=False) for _ in range(24)]
    for raw in raws:
        raw.sock.sendall(handshake(f"/connect?token={issuer.token(user)}"))
    assert {raw.http_answer().status for raw in raws} == {101}
    with cluster.caller() as caller:
        there = caller.post("/push/user", {"user": user, "items": [1], "wait": True}).json["clients"]
    assert there <= 3
    cluster.push(None, "end")
    firsts = [json.loads(raw.receive().payload) for raw in raws]
    stayed = [raw for raw, first in zip(raws, firsts) if first["type"] == "PUSH"]
    assert len(stayed) == there
    assert {first["data"]["code"] for first in firsts if first["type"] == "ERROR"} == {"too_many_for_user"}
    for raw in stayed:
        raw.close()
    wait_until(lambda: accepts(cluster, issuer.token(user)), what="a place for the next one")


def test_a_push_to_a_user_reaches_each_of_his_connections(cluster, issuer, user):
    mine = [cluster.client(**bearer(issuer.token(user))) for _ in range(2)]
    other = cluster.client(**bearer(issuer.token(user + "2")))
    for client in mine + [other]:
        client.expect_nothing()
    with cluster.caller() as caller:
        answer = caller.post("/push/user", {"user": user, "items": ["hi"], "wait": True})
    assert (answer.status, answer.json["clients"]) == (200, 2)
    assert [client.push() for client in mine] == [["hi"], ["hi"]]
    other.expect_nothing()


# ---- Anonymous ones

def test_anonymous_ones_join_what_is_theirs(make_cluster, issuer, user):
    cluster = make_cluster(gateway=issuer.options(**{"auth.required": False, "auth.anonymousRooms": ["lobby"]}))
    client = cluster.client("lobby")
    cluster.push(None, "all")
    assert client.push() == ["all"]
    assert client.request("JOIN", {"room": user})["data"]["code"] == "forbidden"
    assert refusal(cluster.client(**bearer("nonsense"))) == UNAUTHORIZED
    before, answer = renew(client, issuer.token(user, rooms=["{sub}"]))
    assert (len(before), answer["type"]) == (1, "ACK")  # LEFT lobby
    client.join(user)


# ---- A proxy that knows the user

@pytest.fixture
def behind_proxy(make_cluster):
    """A gateway that believes X-User from 127.0.0.1, where all of a test's clients are."""
    def make(**more):
        return make_cluster(gateway={
            "auth.mode": "verify", "auth.header": "X-User", "auth.headerRooms": ["staff.*"],
            "trustedProxies": ["127.0.0.1/32"], "ws.origins": ["https://app.test"], "auth.deadline": 2, **more})
    return make


def named(user, origin="https://app.test"):
    return {"extra_headers": {"X-User": user}, "origin": origin}


def test_the_proxys_header_is_the_user(behind_proxy):
    cluster = behind_proxy()
    client = cluster.client("staff.1", **named("u1"))
    assert client.request("JOIN", {"room": "other"})["data"]["code"] == "forbidden"
    with cluster.caller() as caller:
        assert caller.post("/push/user", {"user": "u1", "items": ["hi"], "wait": True}).json["clients"] == 1
    assert client.push() == ["hi"]
    for bad in ("a\tb", "x" * 2000):
        assert refusal(cluster.client(**named(bad)))[1] == 4002


def test_a_header_that_any_page_could_send_is_none(behind_proxy):
    cluster = behind_proxy()
    client = cluster.client(extra_headers={"X-User": "u1"})  # no Origin
    assert refusal(client) == UNAUTHORIZED


def test_a_header_of_anybody_else_is_none(behind_proxy):
    cluster = behind_proxy(trustedProxies=["10.0.0.0/8"])
    assert refusal(cluster.client(**named("u1"))) == UNAUTHORIZED


# ---- A reload

def test_a_reload_is_for_those_that_come(make_cluster, tmp_path, issuer, user):
    other = Issuer(tmp_path, "https://other.test")
    cluster = make_cluster(gateway=issuer.options())
    client = cluster.client(**bearer(issuer.token(user, rooms=["*"]))).join("a")
    assert refusal(cluster.client(**bearer(other.token(user)))) == UNAUTHORIZED
    assert cluster.gateways[0].reload(**{"auth.issuers": [other.element]})
    wait_until(lambda: accepts(cluster, other.token(user)), what="the new issuer to be known")
    assert refusal(cluster.client(**bearer(issuer.token(user)))) == UNAUTHORIZED
    cluster.push("a", "still in")
    assert client.push() == ["still in"]
    assert client.request("JOIN", {"room": "b"})["data"]["code"] == "forbidden"
    assert cluster.gateways[0].reload(**{"auth.mode": "none"})
    wait_until(lambda: accepts(cluster, "nonsense"), what="nobody to be asked any more")


def accepts(cluster, token):
    client = cluster.client(**bearer(token))
    client.send({"type": "PING", "id": 1})
    return json.loads(client.receive())["type"] == "ACK"


# ---- When things fail

def es256(tmp_path):
    return Issuer(tmp_path, alg="ES256")


def test_what_follows_a_slow_token_waits_with_it(make_cluster, tmp_path, user):
    issuer = es256(tmp_path)
    cluster = make_cluster(gateway=issuer.options())
    raw = cluster.raw()
    for message in ({"type": "AUTH", "id": 1, "data": {"token": issuer.token(user, rooms=["a"])}},
                    {"type": "JOIN", "id": 2, "data": {"room": "a"}},
                    {"type": "JOIN", "id": 3, "data": {"room": "b"}}):
        raw.text(message)
    answers = [json.loads(raw.receive().payload) for _ in range(3)]
    assert [(each["type"], each["id"]) for each in answers] == [("ACK", 1), ("ACK", 2), ("ERROR", 3)]


def test_thousands_of_tokens_beside_pushes(make_cluster, tmp_path):
    """A storm of slow tokens, many of whose clients die at once: who was there gets each push, in order."""
    issuer = es256(tmp_path)
    cluster = make_cluster(gateway=issuer.options(**{"bucketThreads": 1, "auth.maxPending": 100000}))
    witness = cluster.client(**bearer(issuer.token("witness", rooms=["*"]))).join("r")
    token = issuer.token("u")
    storm = [handshake(Authorization=f"Bearer {token}") for _ in range(1500)]
    raws = []

    def come():
        for number, request in enumerate(storm):
            raw = cluster.raw(shake=False)
            raw.sock.sendall(request)
            raws.append(raw)
            if number % 3 == 0:
                raw.close()  # while it is judged, perhaps

    coming = threading.Thread(target=come)
    coming.start()
    pushed = 0
    while coming.is_alive() or pushed < 50:
        cluster.push("r", pushed)
        pushed += 1
    coming.join()
    assert witness.items(pushed) == list(range(pushed))
    left = [raw for number, raw in enumerate(raws) if number % 3]
    assert {raw.http_answer().status for raw in left} == {101}
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_auth_refused_total", reason="bad_signature") == 0
    for raw in left:
        raw.close()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 1, 20, "the storm to be gone")


def test_many_that_end_at_once(make_cluster, issuer):
    """Renewed or closed with 4202, and none is forgotten."""
    cluster = make_cluster(gateway=issuer.options(**{"auth.leewaySeconds": 0}))
    clients = [cluster.client(**bearer(issuer.token(f"u{n}", seconds=6))) for n in range(60)]
    for client in clients[::2]:
        assert client.request("AUTH", {"token": issuer.token(f"u{clients.index(client)}")})["type"] == "ACK"
    assert {client.ended(20) for client in clients[1::2]} == {4202}
    for client in clients[::2]:
        client.expect_nothing()


def test_a_drain_sends_away_those_that_have_shown_nothing(make_cluster, issuer, user):
    cluster = make_cluster(gateway=issuer.options())
    clients = [cluster.client(), cluster.client(**bearer(issuer.token(user)))]
    cluster.gateways[0].terminate()
    for client in clients:
        assert client.ended() == 1001
        assert client.reason.startswith("going_away retry_ms=")


def test_a_gateway_that_is_killed_lets_them_come_back(make_cluster, issuer, user):
    cluster = make_cluster(gateway=issuer.options())
    pending, known = cluster.client(), cluster.client(**bearer(issuer.token(user)))
    cluster.gateways[0].process.kill()
    cluster.gateways[0].process.wait()
    assert {pending.ended(), known.ended()} <= {None, 1006}
    cluster.gateways[0].allowed_exit = {-9}
    cluster.restart_gateway()
    assert cluster.client(**bearer(issuer.token(user))).request("PING", {})["type"] == "ACK"
    assert cluster.gateway_metrics().get("fanfare_gateway_auth_pending") == 0
