# SPDX-License-Identifier: Apache-2.0
"""Callers of the API by their tokens: rights, rooms, users, rates, and how tokens are rotated under load."""

import hashlib
import socket
import threading

import pytest

from harness.cluster import Cluster
from harness.daemon import run
from harness.http import Caller, read_answer
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until


ALL, SHOP, NEWS, OPS, SLOW, HIDDEN = (f"{name}-0a1b2c3d" for name in ("all", "shop", "news", "ops", "slow", "hidden"))
LINES = [
    ALL,
    f"{SHOP} name=shop rights=push,query rooms=orders.*,!orders.secret users=u*",
    f"{NEWS} name=news rights=broadcast",
    f"{OPS} name=ops rights=query,kick,member",
    f"{SLOW} name=slow rights=push,broadcast rate=2",
    f"sha256:{hashlib.sha256(HIDDEN.encode()).hexdigest()} name=hidden",
]


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    from conftest import finish

    directory = tmp_path_factory.mktemp("rights")
    tokens = Tokens(directory, *LINES)
    cluster = Cluster(directory, certs, logic={**tokens.option, "log.level": "debug"}, headers=bearer(ALL))
    cluster.tokens = tokens
    yield cluster
    finish([cluster])


def counted(cluster, name, **labels):
    return cluster.logic_metrics().get("fanfare_logic_" + name, **labels)


def as_caller(cluster, token):
    return Caller(*cluster.api(), headers=bearer(token)) if token else Caller(*cluster.api())


PUSHES = {
    "/push/all": {"items": [1]},
    "/push/room": {"room": "orders.1", "items": [1]},
    "/push/user": {"user": "u1", "items": [1]},
    "/push/batch": [{"room": "orders.1", "items": [1]}],
}


@pytest.mark.parametrize("token, may", [
    (ALL, set(PUSHES) | {"/gateways"}), (HIDDEN, set(PUSHES) | {"/gateways"}),
    (SHOP, {"/push/room", "/push/user", "/push/batch", "/gateways"}), (NEWS, {"/push/all"}), (OPS, {"/gateways"}),
], ids=["all", "digest", "shop", "news", "ops"])
def test_each_door_wants_its_right(cluster, token, may):
    with as_caller(cluster, token) as caller:
        for path, body in PUSHES.items():
            answer = caller.post(path, body, headers=bearer(token))
            assert answer.status == (200 if path in may else 403), (path, answer)
            if path not in may:
                assert answer.error == "forbidden"
                right = "broadcast" if path == "/push/all" else "push"
                assert f"lacks the right {right};" in answer.message
                assert f'"{token.split("-")[0]}"' in answer.message and token not in str(answer)
        answer = caller.get("/gateways", headers=bearer(token))
        assert answer.status == (200 if "/gateways" in may else 403), answer
        if "/gateways" not in may:
            assert answer.error == "forbidden" and "lacks the right query;" in answer.message


def test_what_is_forbidden_reaches_nobody_and_is_counted(cluster):
    client = cluster.client("orders.1", "orders.secret", "other")
    before = {name: counted(cluster, name[0], **dict(name[1])) for name in ROWS}
    with as_caller(cluster, SHOP) as caller:
        for body, word in [({"room": "other", "items": ["no"]}, "other"),
                           ({"room": "orders.secret", "items": ["no"]}, "orders.secret"),
                           ({"rooms": ["orders.1", "other"], "items": ["no"]}, "other")]:
            answer = caller.post("/push/room", body, headers=bearer(SHOP))
            assert (answer.status, answer.error) == (403, "forbidden"), answer
            assert answer.message == f'the caller "shop" may not push to the room "{word}"'
        answer = caller.post("/push/user", {"user": "x", "items": [1]}, headers=bearer(SHOP))
        assert answer.message == 'the caller "shop" may not push to the user "x"'
        assert caller.post("/push/room", {"room": "orders.1", "items": []}, headers=bearer(SHOP)).status == 400
        assert caller.post("/push/room", {"room": "orders.1", "items": ["yes"]}, headers=bearer(SHOP)).status == 200
    assert client.push() == ["yes"]
    client.expect_nothing()
    grown = {name: counted(cluster, name[0], **dict(name[1])) - before[name] for name in ROWS}
    assert grown == dict(zip(ROWS, [6, 1, 4, 1, 1, 4, 1, 0, 0]))


ROWS = [(name, tuple(labels.items())) for name, labels in [
    ("pushes_received_total", {}), ("pushes_accepted_total", {}),
    ("pushes_refused_total", {"reason": "forbidden"}), ("pushes_refused_total", {"reason": "invalid"}),
    ("caller_pushes_total", {"caller": "shop"}),
    ("caller_refused_total", {"caller": "shop", "reason": "forbidden"}),
    ("caller_refused_total", {"caller": "shop", "reason": "invalid"}),
    ("caller_refused_total", {"caller": "shop", "reason": "rate_limited"}),
    ("caller_pushes_total", {"caller": "news"}),
]]


def test_each_push_of_a_batch_is_judged_by_itself(cluster):
    client = cluster.client("orders.2")
    with as_caller(cluster, SHOP) as caller:
        answer = caller.post("/push/batch", [
            {"room": "orders.2", "items": ["a"]}, {"room": "other", "items": [1]}, {"all": True, "items": [1]},
            {"user": "x", "items": [1]}, {"rooms": ["orders.2"], "items": ["b"]}], headers=bearer(SHOP))
        assert answer.status == 207, answer
        first, room, everybody, user, last = answer.json
        assert first["items"] == last["items"] == 1
        assert [each["error"]["code"] for each in (room, everybody, user)] == ["forbidden"] * 3
        assert 'room "other"' in room["error"]["message"] and 'user "x"' in user["error"]["message"]
        assert "lacks the right broadcast" in everybody["error"]["message"]
        answer = caller.post("/push/batch", [{"all": True, "items": [1]}], headers=bearer(SHOP))
        assert answer.status == 403 and answer.json[0]["error"]["code"] == "forbidden"
    assert client.items(2) == ["a", "b"]
    client.expect_nothing()


def test_a_forbidden_body_is_not_read(cluster):
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(f"POST /push/room HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OPS}\r\n"
                     "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n".encode())
        answer = read_answer(sock, "POST")
    assert (answer.status, answer.error) == (403, "forbidden")
    assert answer.headers["connection"] == "close"


def test_past_the_rate_is_429_and_a_batch_counts_each_push(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, f"{SLOW} name=slow rate=2", f"{SLOW}2 name=slow rate=2", f"{ALL} name=fast")
    cluster = make_cluster(logic=tokens.option, headers=bearer(ALL))
    client = cluster.client("r")
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [{"room": "r", "items": [i]} for i in range(50)], headers=bearer(SLOW))
        statuses = [each.get("error", {}).get("code") for each in answer.json]
        assert answer.status == 207
        taken = statuses.count(None)
        assert 3 <= taken < 10 and statuses == [None] * taken + ["rate_limited"] * (50 - taken), statuses
        for token in (SLOW, SLOW + "2"):
            answer = caller.post("/push/room", {"room": "r", "items": ["no"]}, headers=bearer(token))
            assert (answer.status, answer.error) == (429, "rate_limited"), "one name is one rate"
            assert answer.headers["retry-after"] == "1"
            assert answer.message == 'the caller "slow" may make 2 pushes a second'
        assert caller.post("/push/room", {"room": "r", "items": ["fast"]}).status == 200
        wait_until(lambda: caller.post("/push/room", {"room": "r", "items": ["in time"]},
                                       headers=bearer(SLOW)).status == 200, what="the rate lets another through")
    assert client.items(taken + 2) == [*range(taken), "fast", "in time"]
    metrics = cluster.logic_metrics()
    assert metrics.get("fanfare_logic_caller_pushes_total", caller="slow") == taken + 1
    assert metrics.get("fanfare_logic_caller_refused_total", caller="slow", reason="rate_limited") >= 50 - taken + 2
    assert metrics.get("fanfare_logic_pushes_refused_total", reason="rate_limited") == metrics.get(
        "fanfare_logic_caller_refused_total", caller="slow", reason="rate_limited")


def test_a_reload_takes_no_call(make_cluster, tmp_path):
    """A call whose body is under way ends with the token that it began with."""
    tokens = Tokens(tmp_path, f"{SHOP} name=shop", f"{SLOW} name=slow rate=1")
    cluster = make_cluster(logic={**tokens.option, "serviceReadTimeout": 60000}, headers=bearer(SHOP))
    client = cluster.client("r")
    before = counted(cluster, "caller_pushes_total", caller="shop")
    body = b'{"room":"r","items":["begun before"]}'
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock, cluster.caller() as caller:
        sock.sendall(f"POST /push/room HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SHOP}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        wait_until(lambda: caller.get("/gateways").status == 200, what="the first token is good")
        tokens.write(f"{NEWS} name=shop", f"{SLOW} name=slow rate=1")
        wait_until(lambda: caller.get("/gateways", headers=bearer(NEWS)).status == 200, what="the new one is")
        assert caller.get("/gateways").status == 401, "the old one is not any more"
        sock.sendall(body[5:])
        assert read_answer(sock, "POST").status == 200
    assert client.push() == ["begun before"]
    assert counted(cluster, "caller_pushes_total", caller="shop") == before + 1, "one name, one counter"


def test_rotating_a_token_under_load_loses_no_call(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, f"{SHOP} name=shop")
    cluster = make_cluster(logic=tokens.option, headers=bearer(SHOP))
    current, stop, statuses = [SHOP], threading.Event(), []
    before = counted(cluster, "caller_pushes_total", caller="shop")

    def push():
        with Caller(*cluster.api()) as caller:
            while not stop.is_set():
                statuses.append(caller.post("/push/room", {"room": "r", "items": [1]},
                                            headers=bearer(current[0])).status)
                stop.wait(0.005)

    pushers = [threading.Thread(target=push) for _ in range(4)]
    for each in pushers:
        each.start()
    with Caller(*cluster.api()) as probe:
        tokens.write(f"{SHOP} name=shop", f"{NEWS} name=shop")
        wait_until(lambda: probe.get("/gateways", headers=bearer(NEWS)).status == 200, what="both are good")
        current[0] = NEWS
        done = len(statuses)
        wait_until(lambda: len(statuses) > done + 20, what="the callers have changed over")
        tokens.write(f"{NEWS} name=shop")
        wait_until(lambda: probe.get("/gateways", headers=bearer(SHOP)).status == 401, what="the old one is out")
    stop.set()
    for each in pushers:
        each.join()
    assert set(statuses) == {200}
    assert counted(cluster, "caller_pushes_total", caller="shop") == before + len(statuses)


def test_a_bad_file_keeps_the_old_rights_with_a_warning(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, ALL, f"{OPS} name=ops rights=query")
    cluster = make_cluster(logic=tokens.option, headers=bearer(ALL))
    with cluster.caller() as caller:
        tokens.write(ALL, f"{OPS} name=ops rights=query,pusch")
        wait_until(lambda: "not taken over" in cluster.logics[0].log(), what="the warning")
        assert caller.get("/gateways", headers=bearer(OPS)).status == 200
        assert caller.post("/push/room", {"room": "r", "items": [1]}, headers=bearer(OPS)).status == 403
    log = cluster.logics[0].log()
    assert f"{tokens.path}:2: rights: unknown right; did you mean push? allowed: push, broadcast, query" in log
    assert OPS not in log


@pytest.mark.parametrize("text, words", [
    (f"{OPS} name=a right=push", "tokens:1: unknown key behind the token; did you mean rights=?"),
    (f"{OPS} name=a\n{OPS} name=a", "tokens:2: the token stands in line 1 already"),
    (f"{OPS} name=a\n{SHOP} name=a rights=push", 'tokens:2: "a" stands in line 1 with other rights'),
    ("sha256:12", "tokens:1: behind sha256: 64 hex digits are needed"),
])
def test_a_start_with_a_bad_file_ends_with_2(tmp_path, text, words):
    tokens = Tokens(tmp_path)
    tokens.write_text(text)
    ended = run("fanfare-logic", "--api-tokens-file", tokens.path, "--service-port", "0")
    assert ended.returncode == 2
    assert words in ended.stderr and OPS not in ended.stderr


def test_the_name_stands_in_the_log_and_the_token_nowhere(cluster):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with as_caller(cluster, SHOP) as caller:
        headers = {**bearer(SHOP), "traceparent": trace}
        assert caller.post("/push/room", {"room": "orders.1", "items": [1]}, headers=headers).status == 200
        assert caller.post("/push/room", {"room": "other", "items": [1]}, headers=headers).status == 403
        assert caller.post("/push/all", {"items": [1]}, headers=headers).status == 403

    def lines(message):
        return [line for line in cluster.logics[0].log().splitlines() if message in line and "0af76519" in line]

    wait_until(lambda: len(lines("push refused")) == 2, what="the refusals in the log")
    assert all("caller=shop" in line for line in lines("push accepted") + lines("push refused"))
    assert len(lines("push accepted")) == 1
    for token in (ALL, SHOP, NEWS, OPS, SLOW, HIDDEN):
        assert token not in cluster.logics[0].log()


def test_why_tells_a_missing_right_from_a_bad_token(cluster, tmp_path):
    def why(token):
        shown = Tokens(tmp_path, f"# shown\n{token} name=x", name="shown")
        return run("fanfare", "why", "--room", "other", "--logic", "http://%s:%d" % cluster.api(), "--gateway-admin",
                   "http://%s:%d" % cluster.gateways[0].address("admin"), "--gateway", cluster.url(), "--probe", "1",
                   "--tokens", shown.path, timeout=60).stdout

    assert 'HTTP 403: no right to push: the caller "shop" may not push to the room' in why(SHOP)
    assert "HTTP 403: no right to push: the caller \"ops\" lacks the right push" in why(OPS)
    assert "lacks the right query" in why(NEWS)
    said = why("wrong")
    assert "HTTP 401: the token is not a valid one" in said and "no right" not in said
