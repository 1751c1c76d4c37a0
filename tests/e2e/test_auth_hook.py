# SPDX-License-Identifier: Apache-2.0
"""auth.hook: a service of the operator's says who a client is and what it may join. The client waits for it, and
everything else goes on."""

import json
import threading
import time

import pytest

from harness.hook_server import HookServer
from harness.raw_ws import handshake
from harness.waiting import wait_until

PAGE = {"origin": "https://app.test"}


@pytest.fixture
def hook():
    with HookServer() as server:
        yield server


@pytest.fixture
def behind(make_cluster, hook):
    def make(**more):
        return make_cluster(gateway={
            "auth.mode": "verify", "auth.hook": {"url": hook.url, "headers": ["Cookie", "X-Api"], "joins": True},
            "ws.origins": ["https://app.test"], "auth.leewaySeconds": 0, **more})
    return make


def knows(**sessions):
    """Answers by the cookie `sid`."""
    def answer(question):
        cookie = question.get("headers", {}).get("Cookie", question.get("headers", {}).get("cookie", ""))
        found = sessions.get(cookie.partition("sid=")[2])
        return (200, found) if found else (403, {})
    return answer


def with_sid(sid):
    return {"extra_headers": {"Cookie": f"sid={sid}"}, **PAGE}


def refusal(client):
    answer = json.loads(client.receive())
    assert answer["type"] == "ERROR", answer
    return answer["data"]["code"], client.ended()


def test_the_service_says_who_it_is(behind, hook):
    cluster = behind()
    hook.answer = knows(s1={"user": "u1", "rooms": ["a.*"], "join": ["a.news"], "seconds": 60})
    client = cluster.client("a.1", query="?join=a.2&v=1&x=y", **with_sid("s1"))
    for room in ("a.news", "a.1", "a.2"):
        cluster.push(room, room)
        assert client.push() == [room]
    with cluster.caller() as caller:
        assert caller.post("/push/user", {"user": "u1", "items": [1], "wait": True}).json["clients"] == 1
    asked = hook.of("connect")[0]
    assert "x=y" in asked["query"] and asked["address"].startswith("127.0.0.1")
    assert refusal(cluster.client(**with_sid("s2"))) == ("unauthorized", 4002)


def test_a_page_that_is_not_known_lends_no_cookie(behind, hook):
    cluster = behind()
    hook.answer = knows(s1={"user": "u1"})
    assert refusal(cluster.client(extra_headers={"Cookie": "sid=s1"})) == ("unauthorized", 4002)
    assert "sid" not in json.dumps(hook.asked)


def test_a_service_that_is_away_lets_nobody_in(behind, hook):
    cluster = behind()
    hook.answer = lambda question: (500, {})
    assert refusal(cluster.client(**with_sid("s1"))) == ("auth_unavailable", 4101)
    hook.answer = lambda question: (200, b"nonsense")
    assert refusal(cluster.client(**with_sid("s1"))) == ("auth_unavailable", 4101)
    late = threading.Event()
    hook.answer = lambda question: (late.wait(20), (200, {"user": "u1"}))[1]
    begin = time.monotonic()
    assert refusal(cluster.client(**with_sid("s1"))) == ("auth_unavailable", 4101)
    assert time.monotonic() - begin > 0.9  # auth.hook.timeout
    late.set()


def test_it_is_asked_about_rooms(behind, hook):
    cluster = behind()
    sessions = knows(s1={"user": "u1", "rooms": ["a"]})

    def answer(question):
        if question["event"] == "connect":
            return sessions(question)
        return {"open": (200, {}), "soon over": (200, {"seconds": 2}), "broken": (500, {})}.get(question["room"], (403, {}))

    hook.answer = answer
    client = cluster.client("a", "open", "soon over", **with_sid("s1"))
    assert client.request("JOIN", {"room": "shut"})["data"]["code"] == "forbidden"
    assert client.request("JOIN", {"room": "broken"})["data"]["code"] == "auth_unavailable"
    assert [question["user"] for question in hook.of("join")] == ["u1"] * 4
    assert json.loads(client.receive()) == {"type": "LEFT", "data": {"room": "soon over", "reason": "token_expired"}}
    cluster.push("open", 1)
    assert client.push() == [1]


def test_rooms_of_the_handshake_are_asked_about(behind, hook):
    cluster = behind()
    sessions = knows(s1={"user": "u1"})
    hook.answer = lambda question: (sessions(question) if question["event"] == "connect" else
                                    (200 if question["room"] == "open" else 403, {}))
    client = cluster.client(query="?join=shut&join=open", **with_sid("s1"))
    answer = json.loads(client.receive())
    assert (answer["data"]["code"], answer["data"]["room"]) == ("forbidden", "shut")
    client.expect_nothing()
    cluster.push("open", 1)
    assert client.push() == [1]


def test_what_it_grants_for_seconds_ends(behind, hook):
    cluster = behind()
    hook.answer = knows(s1={"user": "u1", "seconds": 2})
    assert cluster.client(**with_sid("s1")).ended() == 4202


def test_clients_that_go_while_it_thinks(behind, hook):
    """Many wait, most of them hang up; who stays is let in, and nothing is left behind."""
    cluster = behind()
    go = threading.Event()
    hook.answer = lambda question: (go.wait(20), (200, {"user": "u1"}))[1]
    raws = [cluster.raw(shake=False) for _ in range(60)]
    for number, raw in enumerate(raws):
        raw.sock.sendall(handshake(X_Api=str(number)))
    wait_until(lambda: len(hook.asked) == 60, what="all to be asked about")
    for raw in raws[:50]:
        raw.close()
    go.set()
    assert {raw.http_answer().status for raw in raws[50:]} == {101}
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 10)
    cluster.push(None, "all")
    assert all(json.loads(raw.receive().payload)["data"]["items"] == ["all"] for raw in raws[50:])


def test_a_drain_does_not_wait_for_it(behind, hook):
    cluster = behind(**{"auth.hook": {"url": hook.url, "timeout": 60000}})
    never = threading.Event()
    hook.answer = lambda question: (never.wait(20), (403, {}))[1]
    raw = cluster.raw(shake=False)
    raw.sock.sendall(handshake())
    wait_until(lambda: hook.asked, what="the question")
    assert cluster.gateways[0].terminate() < 8
    never.set()
