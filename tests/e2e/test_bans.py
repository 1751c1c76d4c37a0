# SPDX-License-Identifier: Apache-2.0
"""Bans are state: whoever is banned is kept out of every gateway, however it shows who it is and whatever starts anew
meanwhile, and comes in when the ban is over."""

import json
import re
import time

import pytest
import websockets

from harness.hook_server import HookServer
from harness.issuer import Issuer
from harness.link_bench import Applier, Bench
from harness.raw_ws import RawClient
from harness.rpc import RpcCaller
from harness.tokens import Tokens
from harness.tokens import bearer as shown
from harness.waiting import wait_until

ORIGIN = "https://app.test"
BANNED = ("banned", 4003, "kicked")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def user(request):
    return "u-" + re.sub(r"\W", "-", request.node.name)[:60]


@pytest.fixture
def spread(make_cluster, issuer):
    """Two logics and three gateways."""
    def make(**more):
        return make_cluster(gateways=3, logics=2, gateway=issuer.options(**more))
    return make


def bearer(token):
    return {"extra_headers": {"Authorization": f"Bearer {token}"}}


def is_let_in(client):
    """False: it is told that its user is banned. Anything else is a failure."""
    try:
        client.send({"type": "PING", "id": 1})
    except websockets.ConnectionClosed:
        pass
    answer = json.loads(client.receive())
    if answer["type"] == "ACK":
        return True
    assert (answer["data"]["code"], client.ended(), client.reason) == BANNED
    return False


def comes_in(cluster, issuer, user, gateway=0):
    return is_let_in(cluster.client(gateway=gateway, **bearer(issuer.token(user))))


def a_ban(user, seconds=600, at=None, keep=None):
    at = time.time() if at is None else at
    until = int(at) + seconds if seconds else 0
    return {"user": user, "until": until, "at": int(at * 1000), "keep": max(until, keep or int(at) + 600)}


def tell(cluster, certs, *bans, gateway=0, last=True):
    """As a logic that knows of bans."""
    part = {"from": 10000, "last": last, "bans": list(bans)}
    with RpcCaller(cluster.gateways[gateway].address("rpc"), certs.client_context()) as caller:
        answer = caller.request("POST", "/rpc/bans", json.dumps(part).encode(), "application/json")
    assert answer.status == 200, answer
    return answer.json


def counts(cluster):
    """How many users each gateway and logic keeps out."""
    gateways = [cluster.gateway_metrics(each).get("fanfare_gateway_bans") for each in range(len(cluster.gateways))]
    logics = [cluster.logic_metrics(each).get("fanfare_logic_bans") for each in range(len(cluster.logics))]
    return gateways + logics


def await_count(cluster, count):
    wait_until(lambda: set(counts(cluster)) == {count}, 20, f"everybody to know of {count} bans")


# ---- What one knows all learn

def test_what_one_gateway_is_told_is_known_everywhere(spread, issuer, certs, user):
    cluster = spread()
    tell(cluster, certs, a_ban(user), gateway=1)
    await_count(cluster, 1)
    for gateway in range(3):
        assert not comes_in(cluster, issuer, user, gateway)
        assert comes_in(cluster, issuer, "another", gateway)
    assert cluster.gateway_metrics(2).get("fanfare_gateway_auth_refused_total", reason="banned") == 1
    tell(cluster, certs, a_ban(user, 0), gateway=2)
    await_count(cluster, 0)
    assert all(comes_in(cluster, issuer, user, gateway) for gateway in range(3))


def test_who_is_connected_is_closed_when_a_gateway_learns_of_it(spread, issuer, certs, user):
    """No kick has reached it, as when its link was down for too long."""
    cluster = spread()
    theirs = [cluster.client(gateway=each, **bearer(issuer.token(user))).expect_nothing() for each in range(3)]
    others = [cluster.client(gateway=each, **bearer(issuer.token("another"))).expect_nothing() for each in range(3)]
    tell(cluster, certs, a_ban(user), gateway=1)
    for client in theirs:
        assert (client.ended(), client.reason) == (4003, "kicked")
    for client in others:
        client.expect_nothing()


# ---- A kick with banSeconds

def command(cluster, path, logic=0, **body):
    with cluster.caller(logic) as caller:
        return caller.post(path, body)


def ban(cluster, user, seconds=600, logic=0, **more):
    answer = command(cluster, "/kick", logic, user=user, banSeconds=seconds, wait=True, **more)
    assert answer.status == 200 and answer.json["gateways"]["acked"] == len(cluster.gateways), answer
    return answer.json


def test_a_banned_user_is_closed_everywhere_and_kept_out(spread, issuer, user):
    cluster = spread()
    theirs = [cluster.client(gateway=each, **bearer(issuer.token(user))).expect_nothing() for each in range(3)]
    other = cluster.client(**bearer(issuer.token("another"))).expect_nothing()
    assert ban(cluster, user, reason="come back tomorrow", code=4050)["clients"] == 3
    for client in theirs:
        assert (client.ended(), client.reason) == (4050, "come back tomorrow")
    assert not any(comes_in(cluster, issuer, user, gateway) for gateway in range(3))
    other.expect_nothing()
    assert cluster.gateway_metrics(0).get("fanfare_gateway_commands_total", kind="ban") == 1


WAYS = {
    "header": lambda cluster, token: cluster.client(**bearer(token)),
    "query": lambda cluster, token: cluster.client(query=f"?token={token}"),
    "subprotocol": lambda cluster, token: cluster.client(subprotocols=["fanfare", f"fanfare.token.{token}"]),
    "cookie": lambda cluster, token: cluster.client(extra_headers={"Cookie": f"sid={token}"}, origin=ORIGIN),
}


def test_no_way_to_show_who_one_is_leads_around_it(make_cluster, issuer, user):
    with HookServer() as hook:
        hook.answer = lambda question: (200, {"user": user, "rooms": ["*"]})
        element = {**issuer.element, "userPrefix": "i:", "rooms": ["*"]}
        cluster = make_cluster(gateway={
            "auth.mode": "verify", "auth.issuers": [element], "auth.cookie": "sid", "ws.origins": [ORIGIN],
            "auth.hook": {"url": hook.url, "headers": ["Cookie"], "userPrefix": "h:", "rooms": ["*"]},
            "auth.header": "X-User", "auth.headerUserPrefix": "p:", "auth.headerRooms": ["*"],
            "trustedProxies": ["127.0.0.1"]})
        proxied = {"extra_headers": {"X-User": user}, "origin": ORIGIN}
        comes = {
            **{way: lambda way=way: is_let_in(WAYS[way](cluster, issuer.token(user))) for way in WAYS},
            "hook": lambda: is_let_in(cluster.client(origin=ORIGIN)),
            "proxy": lambda: is_let_in(cluster.client(**proxied)),
        }
        assert {way: come() for way, come in comes.items()} == dict.fromkeys(comes, True)
        assert command(cluster, "/kick", users=[f"{prefix}:{user}" for prefix in "ihp"], banSeconds=600,
                       wait=True).status == 200
        assert {way: come() for way, come in comes.items()} == dict.fromkeys(comes, False)


def test_auth_on_an_open_connection_is_refused(make_cluster, issuer, user):
    cluster = make_cluster(gateway=issuer.options())
    ban(cluster, user)
    client = cluster.client()
    answer = client.request("AUTH", {"token": issuer.token(user)})
    assert (answer["data"]["code"], client.ended(), client.reason) == BANNED


def test_a_gateway_that_is_killed_and_started_keeps_him_out(spread, issuer, user):
    cluster = spread()
    ban(cluster, user)
    await_count(cluster, 1)
    cluster.gateways[1].kill()
    cluster.restart_gateway(1)
    assert not comes_in(cluster, issuer, user, 1)
    assert comes_in(cluster, issuer, "another", 1)


def test_started_before_the_other_logic_has_heard_it_closes_him_at_the_latest(spread, issuer, user):
    """A logic hears of another's ban within 5 s; one that has not may be the first to link the gateway."""
    cluster = spread()
    ban(cluster, user)
    cluster.gateways[1].kill()
    cluster.restart_gateway(1)
    client = cluster.client(gateway=1, **bearer(issuer.token(user)))
    assert (client.ended(), client.reason) == (4003, "kicked")


def test_a_ban_while_a_gateway_is_away_is_known_when_it_is_back(spread, issuer, user):
    cluster = spread()
    cluster.gateways[2].kill()
    answer = command(cluster, "/kick", user=user, banSeconds=600)
    assert answer.status == 200
    known = lambda: [cluster.logic_metrics(each).get("fanfare_logic_bans") for each in range(2)]
    wait_until(lambda: known() == [1, 1], 20, "the other logic to hear of it from the gateways that are there")
    cluster.restart_gateway(2)
    assert not comes_in(cluster, issuer, user, 2)


def test_logics_that_are_restarted_one_after_the_other_lose_nothing(spread, issuer, user):
    cluster = spread()
    ban(cluster, user)
    for logic in range(2):
        cluster.logics[logic].terminate()
        cluster.logics[logic].wait(20)
        cluster.restart_logic(logic)
        wait_until(lambda: cluster.logic_metrics(logic).get("fanfare_logic_bans") == 1, 20, "the logic to know")
    cluster.gateways[0].kill()
    cluster.restart_gateway(0)
    assert not comes_in(cluster, issuer, user, 0)


def test_after_the_end_he_comes_in(spread, issuer, user):
    cluster = spread()
    ban(cluster, user, seconds=3)
    assert not comes_in(cluster, issuer, user, 1)
    wait_until(lambda: comes_in(cluster, issuer, user, 1), 20, "the ban to end")
    wait_until(lambda: set(counts(cluster)) == {0}, 20, "everybody to know")


def test_unban_lets_him_in_at_once_and_for_good(spread, issuer, user):
    cluster = spread()
    ban(cluster, user)
    answer = command(cluster, "/unban", 1, user=user, wait=True)  # of the other logic, that may know nothing yet
    assert answer.status == 200 and answer.json["gateways"]["acked"] == 3, answer
    assert all(comes_in(cluster, issuer, user, gateway) for gateway in range(3))
    await_count(cluster, 0)
    cluster.gateways[0].kill()
    cluster.restart_gateway(0)
    assert comes_in(cluster, issuer, user, 0)
    assert command(cluster, "/unban", users=["nobody", user]).status == 200
    ban(cluster, user, logic=1)
    assert not comes_in(cluster, issuer, user, 2)


@pytest.mark.parametrize("path, body, says", [
    ("/kick", {"user": "u", "banSeconds": 365 * 86400}, "1 to 2592000 (30 days)"),
    ("/kick", {"user": "u", "banSeconds": 2592001}, "1 to 2592000 (30 days)"),
    ("/kick", {"user": "u", "banSeconds": 0}, "1 to 2592000 (30 days)"),
    ("/kick", {"user": "u", "banSeconds": "60"}, "1 to 2592000 (30 days)"),
    ("/kick", {"user": "u", "banSeconds": 1.5}, "1 to 2592000 (30 days)"),
    ("/kick", {"room": "r", "banSeconds": 60}, "goes with user or users"),
    ("/unban", {"room": "r"}, "allowed are user or users"),
    ("/unban", {}, "user or users is missing"),
    ("/unban", {"user": "u", "banSeconds": 60}, "allowed are user or users"),
    ("/join", {"user": "u", "room": "r", "banSeconds": 60}, "banSeconds"),
])
def test_what_is_no_order_is_refused(cluster, path, body, says):
    answer = command(cluster, path, **body)
    assert (answer.status, says in answer.message) == (400, True), answer
    assert cluster.logic_metrics().get("fanfare_logic_bans") == 0


def test_a_ban_of_30_days_is_taken(cluster):
    ban(cluster, "long", seconds=2592000)
    assert cluster.gateway_metrics().get("fanfare_gateway_bans") == 1
    assert command(cluster, "/unban", user="long", wait=True).status == 200
    assert cluster.gateway_metrics().get("fanfare_gateway_bans") == 0


def test_more_than_10000_are_refused_and_those_before_stay(make_cluster):
    cluster = make_cluster(gateways=2, logics=2, logic={"maxRoomsPerPush": 1000})
    names = [f"user-{number}" for number in range(10001)]
    with cluster.caller() as caller:
        for at in range(0, 10000, 1000):
            assert caller.post("/kick", {"users": names[at:at + 1000], "banSeconds": 600, "wait": True}).status == 200
        accepted = cluster.logic_metrics().get("fanfare_logic_pushes_accepted_total")
        answer = caller.post("/kick", {"user": names[10000], "banSeconds": 600})
        assert (answer.status, answer.error) == (503, "too_many_bans") and "10000 users" in answer.message
        assert caller.post("/kick", {"user": names[0], "banSeconds": 900}).status == 200  # it is there already
        assert caller.post("/kick", {"user": names[10000]}).status == 200  # a kick needs no room
    metrics = cluster.logic_metrics()
    assert metrics.get("fanfare_logic_pushes_accepted_total") == accepted + 2
    assert metrics.get("fanfare_logic_pushes_refused_total", reason="too_many_bans") == 1
    await_count(cluster, 10000)  # the other logic has heard of all, in parts
    cluster.gateways[0].kill()
    cluster.restart_gateway(0)
    await_count(cluster, 10000)


def test_a_gateway_that_knows_no_bans_is_named_and_not_sent_them(certs, tmp_path):
    told = {"version": "0.2.0", "instance": "00112233445566778899aabbccddeeff",
            "limits": {"maxItemBytes": 65536, "maxJsonDepth": 64, "maxRoomNameBytes": 128, "maxRpcBytes": 8388608}}
    bench, old = Bench(certs, tmp_path), Applier()
    try:
        fake = bench.gateway(old)
        fake.hello = (200, json.dumps({**told, "capabilities": ["traces", "users", "options", "commands"]}).encode())
        bench.logic(fake.port)
        bench.ready()
        with bench.caller() as caller:
            answer = caller.post("/kick", {"user": "u", "banSeconds": 60})
            assert (answer.status, answer.error) == (400, "gateway_limits"), answer
            assert f"127.0.0.1:{fake.port}" in answer.message and "bans" in answer.message
            assert caller.post("/unban", {"user": "u"}).status == 400
        assert old.batches == 0 and bench.metrics().get("fanfare_logic_bans") == 0
    finally:
        bench.finish()


def test_bans_need_the_right_to_kick(make_cluster, tmp_path):
    pusher, kicker = "p" * 32, "k" * 32
    tokens = Tokens(tmp_path, f"{pusher} name=pusher rights=push,broadcast", f"{kicker} name=mod rights=kick users=m-*")
    cluster = make_cluster(logic=tokens.option, ready=False)
    with cluster.caller() as caller:
        post = lambda token, path, **body: caller.post(path, body, headers=shown(token)).status
        wait_until(lambda: post(kicker, "/kick", user="m-1", banSeconds=60) == 200, 20, "the link")
        assert post(pusher, "/kick", user="m-1", banSeconds=60) == 403
        assert post(pusher, "/unban", user="m-1") == 403
        assert post(kicker, "/kick", user="u-1", banSeconds=60) == 403
        assert post(kicker, "/unban", user="u-1") == 403
        assert post(kicker, "/unban", user="m-1") == 200


# ---- A gateway that has just started

def test_without_a_logic_clients_wait_five_seconds(make_cluster, issuer, user):
    cluster = make_cluster(logics=0, gateway=issuer.options())
    began = time.monotonic()
    with cluster.admin() as caller:
        answer = caller.get("/readyz")
        assert (answer.status, answer.message) == (503, "no logic has said yet who is banned")
    raw = RawClient(cluster.ws(), shake=False)
    answer = raw.shake("/connect")
    assert answer.status == 503 and answer.error == "starting"
    assert answer.headers["retry-after"] == "1"
    raw.close()
    assert cluster.gateway_metrics().get("fanfare_gateway_clients_refused_total", reason="starting") == 1
    wait_until(cluster.is_ready, 20, "the wait to end")
    assert time.monotonic() - began > 3
    assert comes_in(cluster, issuer, user)
    assert cluster.gateways[0].events("no logic has said who is banned: clients are let in")


def test_without_auth_nobody_waits(make_cluster):
    cluster = make_cluster(logics=0)
    assert cluster.is_ready()
    assert cluster.client().request("PING", {})["type"] == "ACK"


# ---- The call itself

@pytest.mark.parametrize("body, says", [
    (b"", "at byte 0"),
    (b"{}", "from: is missing"),
    (b'{"from":0,"last":true,"bans":[{"user":"u","until":1,"at":1,"keep":0}]}', "forgotten before it is over"),
    (b'{"from":0,"last":true,"bans":[]}' + b" " * 65536, "too long"),
])
def test_a_part_that_is_none_is_refused(cluster, certs, body, says):
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as caller:
        answer = caller.request("POST", "/rpc/bans", body, "application/json")
        assert (answer.status, answer.error) == (400, "invalid_request") and says in answer.message
        assert caller.request("POST", "/rpc/bans", body, "text/plain").status == 415
        assert caller.request("GET", "/rpc/bans").status == 405
