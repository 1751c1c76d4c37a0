# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: a push that is sent again reaches nobody twice, on one logic, on two with Redis, and in
whatever moment Redis goes."""

import concurrent.futures
import socket
import threading
import time

import pytest

from harness.cluster import Cluster
from harness.fake_redis import FakeRedis, like_a_master
from harness.http import read_answer
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until

KEYED = "Idempotency-Key"


def post(cluster, room, item, key, logic=0, headers=None, **more):
    """One push to a room on a connection of its own."""
    with cluster.caller(logic) as caller:
        return caller.post("/push/room", {"room": room, "items": [item], **more},
                           headers={KEYED: key, **(headers or {})})


def first(answer):
    """An answer that is no repeat's; gives its members."""
    assert answer.status == 200 and "repeated" not in answer.json, answer
    return answer.json


def expect_repeat(answer, of):
    assert answer.json == {**of, "repeated": True}, (answer, of)


def counted(cluster, name, logic=0, **labels):
    return cluster.logic_metrics(logic).get("fanfare_logic_" + name, **labels)


def expect_accounts(cluster, logic=0):
    """What was received was accepted, refused, or a repeat."""
    metrics = cluster.logic_metrics(logic)
    pushes = lambda name: metrics.total(f"fanfare_logic_pushes_{name}_total")
    assert pushes("received") == pushes("accepted") + pushes("refused") + pushes("repeated")


def state_is_up(cluster, logic=0):
    return counted(cluster, "redis_up", logic, what="state") == 1


def at_once(count, call):
    """What `call` gives to so many threads, which begin together."""
    gate = threading.Barrier(count)

    def begin(number):
        gate.wait(patient(10))
        return call(number)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


@pytest.fixture
def pair(redis, make_cluster):
    """Two logics with a Redis, a gateway, and the Redis."""
    cluster = make_cluster(redis=redis, logics=2, logic={"redis.timeout": int(patient(1000)), "drainSeconds": 30})
    for logic in (0, 1):
        wait_until(lambda: state_is_up(cluster, logic), 20, "the state in Redis")
    cluster.the_redis = redis
    return cluster


def test_a_repeat_gets_the_first_answer_and_reaches_nobody(cluster, room):
    client = cluster.client(room)
    before = counted(cluster, "pushes_repeated_total")
    answer = first(post(cluster, room, "once", "k-" + room))
    assert client.push() == ["once"]
    for _ in range(3):
        expect_repeat(post(cluster, room, "once", "k-" + room), answer)
    client.expect_nothing()
    assert counted(cluster, "pushes_repeated_total") == before + 3
    assert counted(cluster, "idempotency_entries") >= 1 and counted(cluster, "idempotency_bytes") > 100
    assert "idempotency" not in answer, "without Redis each logic is all there is"
    expect_accounts(cluster)


def test_other_keys_and_no_keys_are_other_pushes(cluster, room):
    client = cluster.client(room)
    ids = {first(post(cluster, room, 1, f"{room}{n}"))["id"] for n in range(3)}
    with cluster.caller() as caller:
        for _ in range(2):
            ids.add(first(caller.post("/push/room", {"room": room, "items": [1]}))["id"])
    assert len(ids) == 5 and client.items(5) == [1] * 5


def test_a_form_may_have_the_header_too(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        answer = first(caller.form("/push/room", {"room": room, "items": '["f"]'}, headers={KEYED: room}))
        expect_repeat(caller.form("/push/room", {"room": room, "items": '["f"]'}, headers={KEYED: room}), answer)
        expect_repeat(caller.post("/push/room", {"room": room, "items": ["f"]}, headers={KEYED: room}), answer)
    assert client.push() == ["f"]
    client.expect_nothing()


@pytest.mark.parametrize("other", [
    {"items": ["b"]}, {"items": ["a", "a"]}, {"room": "elsewhere"}, {"items": [[["a"]]]},
], ids=["item", "items", "room", "nested"])
def test_a_key_with_another_push_is_a_conflict(cluster, room, other):
    client = cluster.client(room, "elsewhere")
    before = counted(cluster, "pushes_refused_total", reason="idempotency_conflict")
    body = {"room": room, "items": ["a"]}
    with cluster.caller() as caller:
        answer = first(caller.post("/push/room", body, headers={KEYED: room}))
        clash = caller.post("/push/room", {**body, **other}, headers={KEYED: room})
        assert (clash.status, clash.error) == (409, "idempotency_conflict") and "same target" in clash.message
        expect_repeat(caller.post("/push/room", {**body, "wait": True}, headers={KEYED: room}), answer)
    assert client.push() == ["a"]
    client.expect_nothing()
    assert counted(cluster, "pushes_refused_total", reason="idempotency_conflict") == before + 1
    expect_accounts(cluster)


@pytest.mark.parametrize("path, key", [("/push/room", "room"), ("/push/all", None), ("/push/user", "user")])
def test_the_target_is_part_of_the_push(cluster, room, path, key):
    body = {key: room, "items": [1]} if key else {"items": [1]}
    with cluster.caller() as caller:
        answer = first(caller.post(path, body, headers={KEYED: room}))
        expect_repeat(caller.post(path, body, headers={KEYED: room}), answer)
        other = ("/push/user", {"user": room, "items": [1]}) if key != "user" else ("/push/all", {"items": [1]})
        assert caller.post(*other, headers={KEYED: room}).error == "idempotency_conflict"


def test_what_is_no_key_is_refused(cluster, room):
    with cluster.caller() as caller:
        body = {"room": room, "items": [1]}
        longest = "x" * 128
        first(caller.post("/push/room", body, headers={KEYED: longest}))
        for bad, why in [("x" * 129, "too long"), ("", "empty"), ("\xff".encode("latin-1"), "UTF-8"),
                         ("\xc2\x85".encode("latin-1"), "control")]:
            answer = caller.post("/push/room", body, headers={KEYED: bad})
            assert (answer.status, answer.error) == (400, "invalid_request"), (bad, answer)
            assert why in answer.message and "1 to 128 bytes" in answer.message, (bad, answer)
        answer = caller.post("/push/batch", [body], headers={KEYED: "k"})
        assert (answer.status, answer.error) == (400, "invalid_request") and "batch" in answer.message
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        text = b'{"items":[1]}'
        sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Idempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        answer = read_answer(sock)
        assert answer.error == "invalid_request" and "twice" in answer.message
    expect_accounts(cluster)


def test_twenty_at_once_are_delivered_once(cluster, room):
    client = cluster.client(room)
    answers = at_once(20, lambda _: post(cluster, room, "one", room))
    ids = {answer.json["id"] for answer in answers}
    assert [answer.status for answer in answers] == [200] * 20 and len(ids) == 1
    assert sum("repeated" not in answer.json for answer in answers) == 1
    assert client.push() == ["one"]
    client.expect_nothing()


def test_repeats_wait_for_the_first_ones_answer(make_cluster):
    """The first waits for a gateway that stands still: so do its repeats, and all get what it got."""
    cluster = make_cluster(logic={"waitTimeout": int(patient(10000))})
    client = cluster.client("r")
    cluster.gateways[0].stop_the_clock()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(post, cluster, "r", "w", "k", wait=True) for _ in range(6)]
        calls += [pool.submit(post, cluster, "r", "w", "k") for _ in range(2)]
        wait_until(lambda: counted(cluster, "waits") == 1, 10, "the first to wait")
        assert not any(call.done() for call in calls)
        cluster.gateways[0].go_on()
        answers = [call.result() for call in calls]
    assert all(answer.status == 200 and answer.json["clients"] == 1 for answer in answers), answers
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum("repeated" in answer.json for answer in answers) == 7
    assert client.push() == ["w"]
    client.expect_nothing()


def test_a_wait_that_ended_in_vain_is_remembered_as_that(make_cluster):
    """The push was accepted, so it must not be sent again."""
    cluster = make_cluster(logic={"waitTimeout": 100})
    client = cluster.client("r")
    cluster.gateways[0].stop_the_clock()
    answer = post(cluster, "r", "late", "k", wait=True)
    assert answer.status == 504 and answer.json["error"]["code"] == "wait_timeout"
    cluster.gateways[0].go_on()
    again = post(cluster, "r", "late", "k", wait=True)
    assert again.status == 504
    expect_repeat(again, answer.json)
    assert client.push() == ["late"]
    client.expect_nothing()


def test_what_was_refused_is_not_remembered(make_cluster):
    cluster = make_cluster(logic={"gatewayList": [], "linkQueueSeconds": 0}, gateways=0)
    for logic in range(2):
        answer = post(cluster, "r", 1, "k")
        assert (answer.status, answer.error) == (503, "no_gateway"), logic
    assert post(cluster, "r", 2, "k").error == "no_gateway", "no conflict either"
    with cluster.caller() as caller:
        assert caller.post("/push/room", {"room": "r", "items": []}, headers={KEYED: "k"}).status == 400
    assert counted(cluster, "idempotency_entries") == 0
    expect_accounts(cluster)


def test_callers_do_not_share_their_keys(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "aaaaaaaa-1 name=a", "bbbbbbbb-1 name=b", "bbbbbbbb-2 name=b", "cccccccc-1 name=a:1")
    cluster = make_cluster(logic=tokens.option, headers=bearer("aaaaaaaa-1"))
    client = cluster.client("r")
    answers = [first(post(cluster, "r", "x", key, headers=bearer(token)))
               for token, key in [("aaaaaaaa-1", "1:k"), ("bbbbbbbb-1", "1:k"), ("cccccccc-1", "k")]]
    assert len({each["id"] for each in answers}) == 3 and client.items(3) == ["x"] * 3
    expect_repeat(post(cluster, "r", "x", "1:k", headers=bearer("bbbbbbbb-2")), answers[1])
    assert post(cluster, "r", "y", "1:k", headers=bearer("aaaaaaaa-1")).error == "idempotency_conflict"
    client.expect_nothing()


def test_what_a_caller_may_not_is_asked_before_its_key(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "aaaaaaaa-1 name=a rooms=r,s")
    cluster = make_cluster(logic=tokens.option, headers=bearer("aaaaaaaa-1"), ready=False)
    cluster_is_up(cluster)
    answer = first(post(cluster, "r", 1, "k"))
    assert post(cluster, "t", 1, "k").error == "forbidden"
    tokens.write("aaaaaaaa-1 name=a rooms=s")
    wait_until(lambda: post(cluster, "r", 1, "k").status == 403, 10, "the new rights")
    tokens.write("aaaaaaaa-1 name=a rooms=r,s")
    wait_until(lambda: post(cluster, "r", 1, "k").status == 200, 10, "the old rights")
    expect_repeat(post(cluster, "r", 1, "k"), answer)


def cluster_is_up(cluster):
    with cluster.caller() as caller:
        wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")


def test_bounds_are_kept_and_taken_over_by_a_reload(make_cluster):
    cluster = make_cluster(logic={"idempotency.maxEntries": 2})
    client = cluster.client("r")
    answers = [first(post(cluster, "r", n, f"k{n}")) for n in range(3)]
    assert counted(cluster, "idempotency_entries") == 2
    assert counted(cluster, "idempotency_evicted_total") == 1
    expect_repeat(post(cluster, "r", 2, "k2"), answers[2])
    first(post(cluster, "r", 0, "k0"))  # the oldest went, and is a first one again
    assert client.items(4) == [0, 1, 2, 0]
    assert cluster.logics[0].reload(**{"idempotency.maxEntries": 1})
    wait_until(lambda: counted(cluster, "idempotency_entries") == 1, 10, "the smaller bound")


def in_batch(cluster, *pushes, logic=0, **kwargs):
    with cluster.caller(logic) as caller:
        return caller.post("/push/batch", list(pushes), **kwargs)


def test_the_member_is_the_header_and_wins_over_it(cluster, room):
    client = cluster.client(room)
    body = {"room": room, "items": ["m"]}
    with cluster.caller() as caller:
        answer = first(caller.post("/push/room", {**body, "idempotencyKey": room}))
        expect_repeat(caller.post("/push/room", body, headers={KEYED: room}), answer)
        expect_repeat(caller.post("/push/room", {**body, "idempotencyKey": room}, headers={KEYED: "other"}), answer)
        first(caller.post("/push/room", {**body, "idempotencyKey": room + "2"}, headers={KEYED: room}))
        bad = caller.post("/push/room", {**body, "idempotencyKey": 7}, headers={KEYED: room})
        assert (bad.status, bad.error) == (400, "invalid_request")
    assert client.items(2) == ["m", "m"]
    client.expect_nothing()


@pytest.mark.parametrize("option", [
    {"ttlMs": 60000}, {"key": "k"}, {"urgent": True}, {"exclude": {"user": "u"}},
], ids=lambda option: next(iter(option)))
def test_options_are_part_of_the_push(cluster, room, option):
    body = {"room": room, "items": [1], "idempotencyKey": room}
    with cluster.caller() as caller:
        answer = first(caller.post("/push/room", {**body, **option}))
        expect_repeat(caller.post("/push/room", {**body, **option}), answer)
        assert caller.post("/push/room", body).error == "idempotency_conflict"


def test_each_push_of_a_batch_has_its_own_key(cluster, room):
    client = cluster.client(room)
    a, b, c = ({"room": room, "items": [item], "idempotencyKey": room + item} for item in "abc")
    plain = {"room": room, "items": ["-"]}
    answer = in_batch(cluster, a, plain, b)
    assert answer.status == 200 and not any("repeated" in each for each in answer.json)
    again = in_batch(cluster, b, plain, a, {**b, "items": ["x"]}, c, c)
    assert again.status == 207
    assert again.json[0] == {**answer.json[2], "repeated": True}
    assert again.json[2] == {**answer.json[0], "repeated": True}
    assert again.json[3]["error"]["code"] == "idempotency_conflict"
    assert again.json[5] == {**again.json[4], "repeated": True}, "two of one key in one batch"
    assert client.items(5) == ["a", "-", "b", "-", "c"]
    client.expect_nothing()
    expect_accounts(cluster)


def test_a_batch_is_sent_again_whole(cluster, room):
    client = cluster.client(room)
    pushes = [{"room": room, "items": [n], "idempotencyKey": f"{room}{n}"} for n in range(100)]
    ids = [[each["id"] for each in in_batch(cluster, *pushes).json] for _ in range(2)]
    assert ids[0] == ids[1]
    assert client.items(100) == list(range(100))
    client.expect_nothing()


# Two logics with Redis

def test_a_batch_keeps_its_order_while_redis_is_asked(pair):
    client = pair.client("r")
    pushes = [{"room": "r", "items": [n], **({"idempotencyKey": f"k{n}"} if n % 3 else {})} for n in range(60)]
    answers = in_batch(pair, *pushes).json
    assert client.items(60) == list(range(60))
    again = in_batch(pair, *pushes, logic=1).json
    assert [each.get("repeated", False) for each in again] == [n % 3 > 0 for n in range(60)]
    assert all(again[n]["id"] == answers[n]["id"] for n in range(60) if n % 3)
    assert client.items(20) == list(range(0, 60, 3))
    client.expect_nothing()


def test_pushes_of_one_connection_keep_their_order(pair):
    """Some with keys and some without, all written at once on one connection."""
    client = pair.client("r")
    requests = b""
    for n in range(40):
        body = b'{"room":"r","items":[%d]}' % n
        key = b"Idempotency-Key: k%d\r\n" % n if n % 2 else b""
        requests += (b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s"
                     b"Content-Length: %d\r\n\r\n%s" % (key, len(body), body))
    with socket.create_connection(pair.api(), timeout=patient(10)) as sock:
        sock.sendall(requests)
        assert client.items(40) == list(range(40))

def test_logics_share_what_they_have_answered(pair):
    client = pair.client("r")
    answer = first(post(pair, "r", "once", "k", logic=0))
    assert "idempotency" not in answer
    for logic in (1, 0, 1):
        expect_repeat(post(pair, "r", "once", "k", logic=logic), answer)
    assert post(pair, "r", "other", "k", logic=1).error == "idempotency_conflict"
    assert client.push() == ["once"]
    client.expect_nothing()
    assert counted(pair, "idempotency_unchecked_total", 0) == counted(pair, "idempotency_unchecked_total", 1) == 0
    ttl = pair.the_redis.call("PTTL", "fanfare:idempotency:7:default:k")
    assert 290_000 < ttl <= 300_000
    for logic in (0, 1):
        expect_accounts(pair, logic)


def test_twenty_at_once_on_two_logics_are_delivered_once(pair):
    client = pair.client("r")
    for turn in range(5):
        answers = at_once(20, lambda number: post(pair, "r", turn, f"k{turn}", logic=number % 2))
        assert [answer.status for answer in answers] == [200] * 20, answers
        assert len({answer.json["id"] for answer in answers}) == 1
        assert sum("repeated" not in answer.json for answer in answers) == 1
        assert client.push() == [turn]
    client.expect_nothing()


def test_a_repeat_elsewhere_waits_a_second_for_the_first(pair):
    """The first waits for a gateway that stands still. Its claim outlives its wait."""
    client = pair.client("r")
    pair.gateways[0].stop_the_clock()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, pair, "r", "w", "k", wait=True)
        wait_until(lambda: counted(pair, "waits") == 1, 10, "the first to wait")
        begun = time.monotonic()
        answer = post(pair, "r", "w", "k", logic=1)
        assert (answer.status, answer.error) == (503, "in_progress") and answer.headers["retry-after"] == "1"
        assert 0.9 < time.monotonic() - begun < patient(3)
        assert post(pair, "r", "v", "k", logic=1).error == "idempotency_conflict"
        assert pair.the_redis.call("PTTL", "fanfare:idempotency:7:default:k") > 10_000
        pair.gateways[0].go_on()
        expect_repeat(post(pair, "r", "w", "k", logic=1), call.result().json)
    assert client.push() == ["w"]
    client.expect_nothing()
    expect_accounts(pair, 1)


def test_a_refused_push_gives_its_claim_back(redis, make_cluster):
    cluster = make_cluster(redis=redis, listed=True, gateways=1, logics=1)
    lonely = cluster.add_logic(gatewayList=[], linkQueueSeconds=0)
    wait_until(lambda: state_is_up(cluster, 1), 20, "the state in Redis")
    client = cluster.client("r")
    assert post(cluster, "r", "x", "k", logic=1).error == "no_gateway"
    answer = first(post(cluster, "r", "x", "k", logic=0))
    expect_repeat(post(cluster, "r", "x", "k", logic=1), answer)
    assert client.push() == ["x"]
    client.expect_nothing()
    assert lonely.alive()


def test_a_restarted_logic_knows_what_was_answered(pair):
    client = pair.client("r")
    answer = first(post(pair, "r", "x", "k"))
    assert pair.logics[0].finish() == []
    pair.restart_logic(0)
    cluster_is_up(pair)
    wait_until(lambda: state_is_up(pair), 20, "the state in Redis")
    expect_repeat(post(pair, "r", "x", "k"), answer)
    assert client.push() == ["x"]
    client.expect_nothing()


# Redis fails

def test_while_redis_is_away_each_logic_is_alone_and_says_so(pair):
    client = pair.client("r")
    pair.the_redis.kill()
    for logic in (0, 1):
        wait_until(lambda: not state_is_up(pair, logic), 10, "the outage to be seen")
    answer = first(post(pair, "r", "x", "k"))
    assert answer["idempotency"] == "local"
    expect_repeat(post(pair, "r", "x", "k"), answer)
    assert first(post(pair, "r", "x", "k", logic=1))["id"] != answer["id"]
    assert client.items(2) == ["x", "x"]
    assert counted(pair, "idempotency_unchecked_total") == 1
    pair.the_redis.start()
    for logic in (0, 1):
        wait_until(lambda: state_is_up(pair, logic), 20, "the state in Redis")
    answer = first(post(pair, "r", "y", "k2"))
    assert "idempotency" not in answer
    expect_repeat(post(pair, "r", "y", "k2", logic=1), answer)
    assert client.push() == ["y"]
    client.expect_nothing()
    with pair.caller() as caller:
        assert [each["use"] for each in caller.get("/readyz").json["redis"]] == ["registry", "news", "state"]


def test_redis_that_stands_still_holds_up_a_keyed_push_and_nothing_else(pair):
    client = pair.client("r")
    pair.the_redis.stop_the_clock()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        keyed = pool.submit(post, pair, "r", "keyed", "k")
        while not keyed.done():
            asked = time.monotonic()
            pair.push("r", "plain")
            assert time.monotonic() - asked < patient(0.5)
        assert time.monotonic() - begun < patient(3)
    assert first(keyed.result())["idempotency"] == "local"
    expect_repeat(post(pair, "r", "keyed", "k"), keyed.result().json)
    wait_until(lambda: "keyed" in client.push(), 10, "the keyed push")
    pair.the_redis.go_on()
    wait_until(lambda: state_is_up(pair), 20, "the state in Redis")
    answer = first(post(pair, "r", "z", "k2", logic=0))
    wait_until(lambda: state_is_up(pair, 1), 20, "the state in Redis")
    expect_repeat(post(pair, "r", "z", "k2", logic=1), answer)


def test_who_leaves_while_redis_is_asked_has_pushed_all_the_same(pair):
    client = pair.client("r")
    pair.the_redis.stop_the_clock()
    text = b'{"room":"r","items":["left"]}'
    with socket.create_connection(pair.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/room HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Idempotency-Key: k\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        wait_until(lambda: counted(pair, "idempotency_entries") == 1, 10, "the key to be asked for")
    assert client.push() == ["left"]
    again = post(pair, "r", "left", "k").json
    assert again["repeated"] is True and again["idempotency"] == "local"
    client.expect_nothing()


def test_a_drain_waits_for_what_is_asked(pair):
    client = pair.client("r")
    pair.the_redis.stop_the_clock()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, pair, "r", "late", "k")
        wait_until(lambda: counted(pair, "idempotency_entries") == 1, 10, "the key to be asked for")
        assert pair.logics[0].finish() == []
        assert first(call.result())["idempotency"] == "local"
    assert client.push() == ["late"]


def test_the_end_of_a_drain_answers_what_is_still_asked(redis, make_cluster):
    """The push is refused: nothing of it went out, so a retry is safe."""
    cluster = make_cluster(redis=redis, logic={"redis.timeout": 60000, "drainSeconds": 0})
    wait_until(lambda: state_is_up(cluster), 20, "the state in Redis")
    client = cluster.client("r")
    redis.stop_the_clock()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, cluster, "r", "never", "k")
        wait_until(lambda: counted(cluster, "idempotency_entries") == 1, 10, "the key to be asked for")
        assert cluster.logics[0].finish() == []
        assert (call.result().status, call.result().error) == (503, "no_gateway")
    client.expect_nothing()


class Lying:
    """A Redis that says what the test wants to SET and GET of keys, and else what an empty one says."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, words):
        word = words[0].upper()
        if word not in ("SET", "GET", "DEL"):
            return like_a_master(words)
        self.asked.append(words)
        answer = self.answers.get(word, b"+OK\r\n")
        return answer(words) if callable(answer) else answer


NIL = b"$-1\r\n"


def lie(make_cluster, **answers):
    lying = Lying(**answers)
    redis = FakeRedis(lying)
    cluster = make_cluster(logic={**redis.options(), "redis.timeout": int(patient(500))})
    wait_until(lambda: state_is_up(cluster), 20, "the state in Redis")
    return cluster, lying


def text(value):
    return b"$%d\r\n%s\r\n" % (len(value), value)


@pytest.mark.parametrize("said", [
    {"SET": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"}, {"SET": b":7\r\n"}, {"SET": None},
    {"SET": NIL, "GET": b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
    {"SET": NIL, "GET": text(b"hello")}, {"SET": NIL, "GET": text(b"2 0123456789abcdef")},
    {"SET": NIL, "GET": text(b'1 0123456789abcdef 200 {"id":"x"')},
], ids=["oom", "number", "silence", "wrongtype", "noise", "version", "cut"])
def test_what_redis_will_not_say_holds_up_no_push(make_cluster, said):
    cluster, _ = lie(make_cluster, **said)
    client = cluster.client("r")
    answer = first(post(cluster, "r", "x", "k"))
    assert answer["idempotency"] == "local"
    assert client.push() == ["x"]
    wait_until(lambda: state_is_up(cluster), 20, "the state in Redis")
    expect_repeat(post(cluster, "r", "x", "k"), answer)
    client.expect_nothing()
    assert counted(cluster, "idempotency_unchecked_total") == 1


def test_a_claim_that_is_given_back_meanwhile_is_taken(make_cluster):
    taken = iter([NIL, b"+OK\r\n", b"+OK\r\n"])
    cluster, lying = lie(make_cluster, SET=lambda words: next(taken), GET=NIL)
    client = cluster.client("r")
    assert "idempotency" not in first(post(cluster, "r", "x", "k"))
    assert client.push() == ["x"]
    assert [words[0] for words in lying.asked] == ["SET", "GET", "SET", "SET"]
    assert lying.asked[0][3:] == ["NX", "PX", "10000"] and lying.asked[3][3:] == ["PX", "300000"]


def test_redis_that_goes_between_claim_and_look_refuses_what_was_taken(make_cluster):
    """Somebody has this push: to send it would be to send it twice."""
    cluster, _ = lie(make_cluster, SET=NIL, GET=None)
    client = cluster.client("r")
    answer = post(cluster, "r", "x", "k")
    assert (answer.status, answer.error) == (503, "in_progress")
    client.expect_nothing()
    assert counted(cluster, "idempotency_entries") == 0
    expect_accounts(cluster)
