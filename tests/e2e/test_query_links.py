# SPDX-License-Identifier: Apache-2.0
"""Queries as a gateway sees them: what is asked, when nothing is, and that no bad answer harms the others."""

import json
import threading

import pytest

from harness.link_bench import Applier, Bench
from harness.rpc import go_push_responder
from harness.waiting import patient, wait_until

EMPTY = {"connections": 0, "hashes": ""}


def hello(number, *capabilities):
    return 200, json.dumps({
        "version": "0.2.0", "instance": f"{number:032x}",
        "limits": {"maxItemBytes": 65536, "maxJsonDepth": 64, "maxRoomNameBytes": 128, "maxRpcBytes": 8388608},
        "capabilities": ["traces", "users", *capabilities]}).encode()


class Answerer:
    """A gateway that applies batches and answers queries by `answer` (a value, text, None: never, or a function)."""

    def __init__(self, bench, number, answer):
        self.answer, self.asked, self.applier = answer, [], Applier()
        self.fake = bench.gateway(self)
        self.fake.hello = hello(number, "queries")
        self.name = f"127.0.0.1:{self.fake.port}"

    def __call__(self, method, path, headers, body):
        if path != "/rpc/query":
            return self.applier(method, path, headers, body)
        assert (method, headers["content-type"]) == ("POST", "application/json")
        self.asked.append(json.loads(body))
        answer = self.answer(self.asked[-1]) if callable(self.answer) else self.answer
        if answer is None or isinstance(answer, tuple):
            return answer
        return 200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()


@pytest.fixture
def bench(certs, tmp_path):
    made = Bench(certs, tmp_path)
    yield made
    made.finish()


def start(bench, *fakes, **options):
    bench.logic(*(each.port for each in fakes), **options)
    wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == len(fakes), 20, "the links")


def get(bench, path):
    with bench.caller() as caller:
        return caller.get(path)


def counted(bench):
    metrics = bench.metrics()
    return [metrics.get("fanfare_logic_query_answers_total", result=each) for each in ("answered", "late", "failed")]


def test_one_answers_one_is_late_and_one_is_go_pushs(bench):
    quick, slow = Answerer(bench, 1, {"connections": 3, "hashes": "AAAAAAAAAAE"}), Answerer(bench, 2, None)
    old = bench.gateway(go_push_responder([]))
    start(bench, quick.fake, slow.fake, old, queryTimeout=300)
    answer = get(bench, "/rooms/r%2Fs%20%C3%A4")
    assert answer.status == 200, answer
    assert answer.json == {
        "room": "r/s ä", "connections": 3, "users": 1, "usersExact": True,
        "gateways": {"known": 3, "asked": 2, "answered": 1, "late": [slow.name], "notAsked": [f"127.0.0.1:{old.port}"]}}
    [asked] = quick.asked
    key = asked.pop("key")
    assert len(bytes.fromhex(key)) == 16 and slow.asked[0].pop("key") == key, "hashes of several gateways are held together"
    assert asked == {"op": "room", "room": "r/s ä"} == slow.asked[0]
    assert get(bench, "/rooms/r").status == 200 and quick.asked[1]["key"] != key
    assert counted(bench) == [2, 2, 0]
    with bench.caller() as caller:
        assert caller.form("/push/all?wait=1", "items=[1]").json["gateways"]["acked"] == 3


@pytest.mark.parametrize("bad", [
    (503, b'{"error":{"code":"busy","message":"x"}}'), (200, b""), (200, b"<html>"), (200, b"[" * 100000),
    {"connections": -1, "hashes": ""}, {"connections": 1}, {"connections": 1, "hashes": "x" * 60000},
], ids=["503", "empty", "html", "nested", "negative", "missing", "no hashes"])
def test_a_bad_answer_is_named_and_harms_nobody(bench, bad):
    good, evil = Answerer(bench, 1, {"connections": 2, "hashes": ""}), Answerer(bench, 2, bad)
    start(bench, good.fake, evil.fake)
    answer = get(bench, "/rooms/r").json
    assert answer["connections"] == 2
    why = {key: value for key, value in answer["gateways"].items() if key in ("late", "failed")}
    assert list(why.values()) == [[evil.name]] and answer["gateways"]["answered"] == 1
    with bench.caller() as caller:
        assert caller.form("/push/all?wait=1", "items=[1]").json["gateways"]["acked"] == 2
    assert bench.metrics().get("fanfare_logic_link_reconnects_total") == 0


def test_a_gateway_that_answers_none_is_asked_few_and_pushes_go_on(bench):
    """Three stay under way however many callers ask; each caller is answered in time."""
    stuck = Answerer(bench, 1, None)
    start(bench, stuck.fake, queryTimeout=100)
    for _ in range(8):
        assert get(bench, "/rooms/r").json["gateways"]["late"] == [stuck.name]
    assert len(stuck.asked) == 3
    with bench.caller() as caller:
        for number in range(20):
            assert caller.form("/push/all?wait=1", f"items=[{number}]").status == 200
    stuck.answer = EMPTY
    stuck.fake.release()
    answered = lambda: get(bench, "/rooms/r").json["gateways"]["answered"] == 1
    wait_until(answered, 10, "it to answer again")


def test_33_at_once(bench):
    stuck = Answerer(bench, 1, None)
    start(bench, stuck.fake, queryTimeout=int(patient(2000)))
    answers = []
    ask = lambda: answers.append(get(bench, "/rooms/r"))
    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    wait_until(lambda: bench.metrics().get("fanfare_logic_queries") == 32, 20, "32 under way")
    refused = get(bench, "/users/u")
    assert (refused.status, refused.error, refused.headers["retry-after"]) == (503, "too_many_queries", "1")
    with bench.caller() as caller:
        assert caller.form("/push/all?wait=1", "items=[1]").status == 200
    for thread in threads:
        thread.join()
    assert [each.status for each in answers] == [200] * 32
    metrics = bench.metrics()
    assert (metrics.get("fanfare_logic_queries"), metrics.get("fanfare_logic_queries_refused_total")) == (0, 1)


def test_a_link_that_breaks_meanwhile_is_late_at_once(bench):
    quick, dying = Answerer(bench, 1, EMPTY), Answerer(bench, 2, None)
    start(bench, quick.fake, dying.fake, queryTimeout=10000)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(get(bench, "/rooms/r")))
    thread.start()
    wait_until(lambda: dying.asked, 10, "the question")
    dying.fake.stop()
    thread.join(patient(8))
    assert answers and answers[0].json["gateways"] == {"known": 2, "asked": 2, "answered": 1, "late": [dying.name]}


def test_without_gateways(bench):
    bench.logic()
    assert get(bench, "/rooms/r").json == {
        "room": "r", "connections": 0, "users": 0, "usersExact": True,
        "gateways": {"known": 0, "asked": 0, "answered": 0}}
    assert get(bench, "/rooms").json["rooms"] == []


def test_pages_of_several_gateways_are_one(bench):
    """Three gateways, 3,000 users, some on two of them: each once and in order, whatever the limit."""
    users = [f"u{(n * 7919) % 3000:04d}" for n in range(3000)]
    at = [[u for i, u in enumerate(users) if i % 3 == g or i % 10 == g] for g in range(3)]

    def page(g):
        def answer(asked):
            names = sorted(u for u in at[g] if u > asked.get("after", ""))
            told = names[: asked["limit"] // (g + 1)]  # fewer than asked for, as one whose answer is long
            return {"connections": len(at[g]), "hashes": "", "more": len(told) < len(names),
                    "page": [{"user": u, "connections": 1, "info": {"at": g}} for u in told]}
        return answer

    gateways = [Answerer(bench, g + 1, page(g)) for g in range(3)]
    start(bench, *(each.fake for each in gateways))
    for limit in (1000, 170):
        found, after = [], ""
        while after is not None:
            answer = get(bench, f"/rooms/r?users=1&limit={limit}{after and '&after=' + after}").json
            assert len(answer["page"]) <= limit
            found += answer["page"]
            after = answer["next"]
        assert [each["user"] for each in found] == sorted(users)
        assert sum(each["connections"] for each in found) == sum(map(len, at))


def test_the_busiest_rooms_of_all(bench):
    one = Answerer(bench, 1, {"rooms": 2, "top": [["a", 5], ["b", 2]]})
    two = Answerer(bench, 2, {"rooms": 3, "top": [["b", 4], ["a", 1], ["c", 6]]})
    start(bench, one.fake, two.fake)
    assert get(bench, "/rooms?top=3").json["rooms"] == [
        {"room": "a", "connections": 6}, {"room": "b", "connections": 6}, {"room": "c", "connections": 6}]
    assert get(bench, "/rooms?top=1&prefix=%62").json["rooms"] == [{"room": "a", "connections": 6}]
    assert [each["prefix"] for each in one.asked] == ["", "b"]


CLIENT = {"connection": f"{2:032x}"[:16] + "-1f-2", "since": 1764547200, "address": "192.0.2.7", "version": 2,
          "rooms": ["a", "b"], "roomCount": 2, "info": {"name": "Ada"}}


def test_a_users_connections_and_one_by_its_id(bench):
    one = Answerer(bench, 1 << 64, {"connections": [CLIENT], "count": 1})
    two = Answerer(bench, 2 << 64, lambda asked: {"client": {**CLIENT, "user": "u"}} if asked["op"] == "client" else
                   {"connections": [], "count": 0})
    start(bench, one.fake, two.fake)
    answer = get(bench, "/users/u").json
    assert answer["connections"] == [{**CLIENT, "gateway": one.name}] and answer["count"] == 1
    assert answer["gateways"] == {"known": 2, "asked": 2, "answered": 2}
    found = get(bench, f"/clients/{2:016x}-1f-2").json
    assert found == {"client": {**CLIENT, "gateway": two.name, "user": "u"},
                     "gateways": {"known": 2, "asked": 1, "answered": 1}}
    assert len(one.asked) == 1, "it cannot have it"
    assert get(bench, "/clients/00000000000000ff-1f-2").json == {
        "client": None, "gateways": {"known": 2, "asked": 0, "answered": 0}}
