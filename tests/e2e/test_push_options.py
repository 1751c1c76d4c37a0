# SPDX-License-Identifier: Apache-2.0
"""Options of a push, from the caller to the client: what may be said, how it goes to gateways and to none that does
not know it, what is left of a time to live; over links and by the bus."""

import json
import struct
import time

import pytest

from harness import rpc
from harness.issuer import Issuer
from harness.link_bench import Applier, Bench
from harness.proxy import Proxy
from harness.rpc import EXCLUDE_CONNECTION, EXCLUDE_USER, KEY, TTL, URGENT, option
from harness.waiting import wait_until

ID = "9f86d081884c7d65-1f-2c0"
NEWER = {
    "version": "9.9.9",
    "instance": "00112233445566778899aabbccddeeff",
    "limits": {"maxItemBytes": 65536, "maxJsonDepth": 64, "maxRoomNameBytes": 128, "maxRpcBytes": 8388608},
    "capabilities": ["traces", "users", "options"],
}
OLDER = {**NEWER, "capabilities": ["traces", "users"]}
DOORS = [("/push/all", {}), ("/push/room", {"room": "r"}), ("/push/user", {"user": "u"}), ("/push/batch", {"all": True})]
doors = pytest.mark.parametrize("path, whom", DOORS, ids=[path for path, _ in DOORS])


@pytest.fixture
def bench(certs, tmp_path):
    made = Bench(certs, tmp_path)
    yield made
    made.finish()


def hello(fake, said):
    fake.hello = (200, json.dumps(said).encode())
    return fake


@pytest.fixture(scope="module")
def wire(certs, tmp_path_factory):
    """One logic, and one gateway that keeps what it is sent."""
    made = Bench(certs, tmp_path_factory.mktemp("wire"))
    made.applier = Applier()
    made.logic(hello(made.gateway(made.applier), NEWER).port)
    made.ready()
    yield made
    made.finish()


def post(bench, path, push):
    with bench.caller() as caller:
        return caller.post(path, [push] if path == "/push/batch" else push)


def told(answer, path):
    """The answer of one push, also as the one element of a batch."""
    if path != "/push/batch":
        return answer.status, answer.json
    assert answer.status in (200, 400) and len(answer.json) == 1, answer
    return answer.status, answer.json[0]


# What callers may say, and what goes out


OPTIONS = [
    ({"exclude": {"user": "u7"}}, [(EXCLUDE_USER, b"u7")]),
    ({"exclude": {"users": ["u7", "\u00e9\"8", "u7"]}}, [(EXCLUDE_USER, b"u7"), (EXCLUDE_USER, "\u00e9\"8".encode()), (EXCLUDE_USER, b"u7")]),
    ({"exclude": {"users": ["x" * 128] * 100}}, [(EXCLUDE_USER, b"x" * 128)] * 100),
    ({"exclude": {"connection": ID}}, [(EXCLUDE_CONNECTION, ID.encode())]),
    ({"key": "EUR/USD"}, [(KEY, b"EUR/USD")]),
    ({"key": "\n\u20ac".strip()}, [(KEY, "\u20ac".encode())]),
    ({"urgent": True}, [(URGENT, b"")]),
    ({"urgent": False}, ()),
    ({"ttlMs": 86400000}, [(TTL, None)]),
    ({"ttlMs": 60000, "urgent": True, "key": "k", "exclude": {"user": "u"}},
     [(EXCLUDE_USER, b"u"), (KEY, b"k"), (URGENT, b""), (TTL, None)]),
]


@doors
def test_each_option_at_every_call(wire, path, whom):
    for said, expected in OPTIONS:
        answer = post(wire, path, {**whom, "items": [1], "wait": True, **said})
        assert answer.status == 200, answer
        items = wire.applier.applied[-1][3]
        assert items == [b"1"]
        assert [kind for kind, _ in items.options] == [kind for kind, _ in expected]
        for (kind, got), (_, bytes_) in zip(items.options, expected):
            if kind == TTL:
                assert said["ttlMs"] - 30000 < struct.unpack(">I", got)[0] <= said["ttlMs"]
            else:
                assert got == bytes_


def test_beside_a_trace(wire):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with wire.caller() as caller:
        body = {"room": "r", "items": [2], "key": "k", "ttlMs": 60000, "traceparent": trace, "wait": True}
        assert caller.post("/push/room", body).status == 200
    items = wire.applier.applied[-1][3]
    assert items == [b"2"] and items.trace == bytes.fromhex("0af7651916cd43dd8448eb211c80319cb7ad6b716920333101")
    assert [kind for kind, _ in items.options] == [KEY, TTL]


REFUSED = [
    ({"exclude": "u7"}, "invalid_request", "exclude must be an object with exactly one of user, users and connection"),
    ({"exclude": {}}, "invalid_request", "exclude must be"),
    ({"exclude": {"room": "r"}}, "invalid_request", "exclude must be"),
    ({"exclude": {"user": "a", "connection": ID}}, "invalid_request", "exclude must be"),
    ({"exclude": {"user": 7}}, "invalid_request", "exclude.user must be a string"),
    ({"exclude": {"user": "x" * 129}}, "invalid_user", "exclude.user: the user name is too long; allowed are 1 to 128 bytes"),
    ({"exclude": {"users": []}}, "invalid_user", "exclude.users is empty, 1 to 100 users are allowed"),
    ({"exclude": {"users": ["a", "\u0007"]}}, "invalid_user", "exclude.users[1]: the user name has a control character"),
    ({"exclude": {"users": ["a"] * 101}}, "too_many_users", "exclude.users has more than 100 users"),
    ({"exclude": {"connection": "u7"}}, "invalid_request", "exclude.connection: not the id of a connection"),
    ({"exclude": {"connection": ID.upper()}}, "invalid_request", "exclude.connection: not the id of a connection"),
    ({"ttlMs": 0}, "invalid_request", "ttlMs must be a whole number from 1 to 86400000"),
    ({"ttlMs": 86400001}, "invalid_request", "ttlMs must be"),
    ({"ttlMs": 1.5}, "invalid_request", "ttlMs must be"),
    ({"ttlMs": "5"}, "invalid_request", "ttlMs must be"),
    ({"ttlMs": -5}, "invalid_request", "ttlMs must be"),
    ({"key": ""}, "invalid_request", "key must have 1 to 128 bytes of UTF-8 without control characters"),
    ({"key": "x" * 129}, "invalid_request", "key must have"),
    ({"key": "a\u0000"}, "invalid_request", "key must have"),
    ({"key": 7}, "invalid_request", "key must be a string"),
    ({"urgent": 1}, "invalid_request", "urgent must be true or false"),
    ({"Urgent": True}, "invalid_request", "member \"Urgent\" is not allowed; allowed are"),
]


@doors
def test_what_is_not_allowed_is_named(wire, path, whom):
    before = len(wire.applier.applied)
    for said, code, says in REFUSED:
        status, answer = told(post(wire, path, {**whom, "items": [1], **said}), path)
        assert (status, answer["error"]["code"]) == (400, code) and says in answer["error"]["message"], (said, answer)
    assert post(wire, path, {**whom, "items": [2], "wait": True}).status == 200
    assert [items for _, _, _, items in wire.applier.applied[before:]] == [[b"2"]], "nothing of them was sent"


def test_a_member_that_stands_twice(wire):
    with wire.caller() as caller:
        answer = caller.post("/push/all", '{"items":[1],"ttlMs":5,"ttlMs":6}')
    assert (answer.status, answer.error) == (400, "invalid_request") and "stands twice" in answer.message


def test_each_push_of_a_batch_is_judged_by_itself(wire):
    before = len(wire.applier.applied)
    with wire.caller() as caller:
        answer = caller.post("/push/batch", [
            {"room": "a", "items": [1], "key": "k"},
            {"room": "b", "items": [2], "ttlMs": 0},
            {"room": "c", "items": [3], "wait": True},
            {"user": "d", "items": [4], "exclude": {"users": ["x", "y"]}, "urgent": True, "wait": True},
        ])
    assert [each.get("error", {}).get("code") for each in answer.json] == [None, "invalid_request", None, None]
    got = [(items, list(items.options)) for _, _, _, items in wire.applier.applied[before:]]
    assert got == [([b"1"], [(KEY, b"k")]), ([b"3"], []),
                   ([b"4"], [(EXCLUDE_USER, b"x"), (EXCLUDE_USER, b"y"), (URGENT, b"")])]


def test_forms_have_none(wire):
    before = len(wire.applier.applied)
    with wire.caller() as caller:
        answer = caller.form("/push/room", "room=r&items=[1]&ttlMs=x&key=&urgent=7&exclude=u&wait=1")
    assert answer.status == 200, answer
    assert [list(items.options) for _, _, _, items in wire.applier.applied[before:]] == [[]]


# What is left of a time to live


def left(applier, index):
    [(kind, data)] = applier.applied[index][3].options
    assert kind == TTL
    return struct.unpack(">I", data)[0]


def test_it_runs_while_the_link_is_not_up(bench):
    """The gateway owes its hello until the next connection: the push waits in the queue, and what is left is told when
    it goes out."""
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = None
    bench.logic(fake.port, gatewayTimeout=2000)
    wait_until(lambda: fake.hellos, 10, "the hello")
    begun = time.monotonic()
    with bench.caller() as caller:
        assert caller.post("/push/all", {"items": [1], "ttlMs": 60000}).status == 200
        assert caller.post("/push/all", {"items": [2], "ttlMs": 1}).status == 200
    accepted = time.monotonic()
    time.sleep(0.3)  # the time that must be missing
    again = time.monotonic()
    hello(fake, NEWER)
    wait_until(lambda: gateway.items == [1, 2], 20, "the link to come up")
    done = time.monotonic()
    assert 60000 - 1000 * (done - begun) - 2 <= left(gateway, 0) <= 60000 - 1000 * (again - accepted) + 2
    assert left(gateway, 1) == 0


def test_a_batch_that_is_sent_again_says_less(bench):
    gateway, sent = Applier(), []

    def respond(method, path, headers, body):
        sent.append((time.monotonic(), rpc.read_batch(body)[1][0][3].options[0][1]))
        return gateway(method, path, headers, body) if sent[-1][0] - sent[0][0] > 0.2 else (503, b"{}")

    bench.logic(hello(bench.gateway(respond), NEWER).port)
    bench.ready()
    with bench.caller() as caller:
        assert caller.post("/push/all", {"items": [1], "ttlMs": 60000, "wait": True}).status == 200
    lefts = [struct.unpack(">I", data)[0] for _, data in sent]
    assert lefts == sorted(lefts, reverse=True) and lefts[-1] < lefts[0] <= 60000
    assert gateway.items == [1]


# Gateways that do not know options


def test_who_does_not_know_them_is_named_and_the_others_are_served(bench):
    received, older, newer = [], Applier(), Applier()
    fakes = [bench.gateway(rpc.go_push_responder(received)), hello(bench.gateway(older), OLDER),
             hello(bench.gateway(newer), NEWER)]
    bench.logic(*(fake.port for fake in fakes))
    wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 3, 10, "all links")
    names = [f"127.0.0.1:{fake.port}" for fake in fakes]
    with bench.caller() as caller:
        for number, said in enumerate(({"urgent": True}, {"key": "k"}, {"ttlMs": 60000}, {"exclude": {"user": "u"}})):
            answer = caller.post("/push/room", {"room": "r", "items": [number], **said})
            assert answer.status == 200, answer
            assert answer.json["gateways"]["queued"] == 1 and sorted(answer.json["gateways"]["refused"]) == sorted(names[:2])
            assert caller.post("/push/room", {"room": "r", "items": [100 + number]}).json["gateways"]["queued"] == 3
        waited = caller.post("/push/room", {"room": "r", "items": [4], "urgent": True, "wait": True})
        assert (waited.status, waited.error) == (502, "gateway_refused")
        assert "takes no pushes with exclude, ttlMs, key or urgent" in waited.message
        assert waited.json["gateways"]["acked"] == 1 and sorted(waited.json["gateways"]["refused"]) == sorted(names[:2])
        assert caller.post("/push/room", {"room": "r", "items": [5], "wait": True}).status == 200
    plain = [100, 101, 102, 103, 5]
    assert newer.items == [0, 100, 1, 101, 2, 102, 3, 103, 4, 5]
    assert older.items == plain and received == [("r", [number]) for number in plain]
    assert bench.balance()["refused"] == 10
    assert bench.metrics().get("fanfare_logic_link_rpc_errors_total") <= 1, "only the 404 of go-push's gateway"


@pytest.mark.parametrize("said", [(200, json.dumps(OLDER).encode()), (404, b"")], ids=["older", "none"])
def test_what_no_gateway_knows_is_400(bench, said):
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = said
    bench.logic(fake.port)
    bench.ready()
    with bench.caller() as caller:
        answer = caller.post("/push/all", {"items": [1], "urgent": True})
        assert (answer.status, answer.error) == (400, "gateway_limits")
        assert answer.message == (f"no gateway takes the push: 127.0.0.1:{fake.port} takes no pushes with exclude, "
                                  "ttlMs, key or urgent")
        assert caller.post("/push/all", {"items": [2], "urgent": False, "wait": True}).status == 200
    assert gateway.items == [2]


def test_names_in_options_are_held_to_the_gateways_bound(bench):
    """Sent there, they would have it refuse the whole batch."""
    gateway = Applier()
    fake = hello(bench.gateway(gateway), {**NEWER, "limits": {**NEWER["limits"], "maxRoomNameBytes": 4}})
    bench.logic(fake.port)
    wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 1, 10, "the link")
    with bench.caller() as caller:
        for said in ({"key": "EUR/USD"}, {"exclude": {"users": ["u", "7 bytes"]}}):
            answer = caller.post("/push/all", {"items": [1], **said})
            assert (answer.status, answer.error) == (400, "gateway_limits")
            assert f"a name has 7 bytes, and maxRoomNameBytes is 4 at 127.0.0.1:{fake.port}" in answer.message
        said = {"key": "EUR", "exclude": {"connection": ID}}
        assert caller.post("/push/all", {"items": [2], "wait": True, **said}).status == 200
    assert gateway.items == [2]


def test_what_waited_for_an_older_gateway_is_refused_when_it_is_up(bench):
    """While it was connecting nobody knew; what else waited arrives, in order."""
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = None
    daemon = bench.logic(fake.port, gatewayTimeout=2000, linkQueueSeconds=600)
    wait_until(lambda: fake.hellos, 10, "the hello")
    with bench.caller() as caller:
        for number, said in enumerate(({}, {"key": "k"}, {}, {"urgent": True, "ttlMs": 5}, {})):
            answer = caller.post("/push/all", {"items": [number], **said})
            assert answer.json["gateways"]["queued"] == 1, answer
    fake.hello = (200, json.dumps(OLDER).encode())
    wait_until(lambda: gateway.items == [0, 2, 4], 20, "the rest")
    [line] = daemon.events("gateway takes no such pushes, which are dropped for it")
    assert line["pushes"] == "pushes with exclude, ttlMs, key or urgent"
    assert bench.balance()["refused"] == 2


# What a gateway takes of a batch


@pytest.fixture
def link(cluster, certs):
    """What a logic says to the gateway of the shared cluster."""
    with rpc.RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as caller:
        caller.id, caller.next = rpc.new_logic_id(), 1
        yield caller


def send(link, room, *options):
    record = rpc.record(link.next, [b"%d" % link.next], rooms=[room.encode()], wait=True, options=b"".join(options))
    answer = link.batch(rpc.batch(link.id, [record]))
    link.next += answer.status == 200
    return answer


@pytest.mark.parametrize("options, at, says", [
    ([option(0x86)], 0, "an option that must be known, and is not"),
    ([option(URGENT), option(0xFF, b"xyz")], 3, "an option that must be known, and is not"),
    ([option(0x03, b"k")], 0, "an option whose bit for those who do not know it is another"),
    ([option(URGENT), option(URGENT)], 3, "an option that stands twice"),
    ([option(TTL, 5), option(URGENT)], 7, "an option behind the time to live"),
    ([option(KEY, b"k"), option(EXCLUDE_USER, b"u")], 4, "an exclusion behind other options"),
    ([option(EXCLUDE_USER, b"u")] * 101, 400, "more than 100 exclusions"),
    ([option(EXCLUDE_USER, b"")], 0, "the user name is empty"),
    ([option(EXCLUDE_CONNECTION, b"u7")], 0, "not the id of a connection"),
    ([option(KEY, b"x" * 129)], 0, "not a key"),
    ([option(TTL, 86400001)], 0, "a time to live of more than a day"),
    ([option(TTL, b"\0\0\1")], 0, "a time to live has 4 bytes"),
    ([option(URGENT, b"1")], 0, "urgent has no bytes"),
    ([b"\x04\0"], 0, "option cut short"),
    ([b"\x83\0\5k"], 0, "option cut short"),
], ids=lambda value: None if isinstance(value, (list, int)) else value.replace(" ", "-"))
def test_bad_options_are_refused_by_the_byte(cluster, link, room, options, at, says):
    client = cluster.client(room)
    begin = 36 + 4 + 12 + 2 + len(room) + 4 + 4 + 1
    answer = send(link, room, *options)
    assert (answer.status, answer.error, answer.message) == (400, "invalid_batch", f"at byte {begin + at}: {says}")
    assert send(link, room, option(0x7F, b"of a later version"), option(KEY, b"k")).status == 200, "the connection lives"
    assert client.push() == [1]
    client.expect_nothing()


def test_a_length_that_lies(cluster, link, room):
    for wrong in (0, 2, 4, 0xFFFFFFFF):
        record = rpc.record(1, [b"1"], rooms=[room.encode()], options=option(URGENT))
        answer = link.batch(rpc.batch(link.id, [record[:-4] + struct.pack(">I", wrong)]))
        assert (answer.status, answer.error) == (400, "invalid_batch") and "not the length of the options" in answer.message


# From end to end


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


def verifying(issuer, **more):
    return issuer.options(**{"auth.required": False, "auth.anonymousRooms": ["*"], **more})


@pytest.fixture
def login(issuer):
    def connect(cluster, user, *rooms, gateway=0, query=""):
        token = issuer.token(user, rooms=["*"])
        return cluster.client(*rooms, gateway=gateway, query=f"?token={token}{query}").expect_nothing()

    return connect


def test_exclusion_order_and_merging_on_two_gateways(make_cluster, issuer, login):
    """Numbered items; each client gets those that do not exclude him, in order."""
    cluster = make_cluster(gateways=2, gateway=verifying(issuer))
    mine = [login(cluster, "u7", "r", gateway=n) for n in (0, 1)]
    yours = [login(cluster, "u8", "r", gateway=n) for n in (0, 1)]
    alone = cluster.client("r", query="?v=2")
    without = [{}, {"user": "u7"}, {"users": ["u7", "u8"]}, {"connection": alone.welcome["connection"]}]
    pushes = [{"room": "r", "items": [n], **({"exclude": without[n % 4]} if n % 4 else {})} for n in range(400)]
    with cluster.caller() as caller:
        for at in range(0, 400, 50):
            answer = caller.post("/push/batch", pushes[at : at + 50])
            assert answer.status == 200 and all("error" not in each for each in answer.json), answer
    for client in mine:
        assert client.items(200) == [n for n in range(400) if n % 4 in (0, 3)]
    for client in yours:
        assert client.items(300) == [n for n in range(400) if n % 4 != 2]
    assert alone.items(300) == [n for n in range(400) if n % 4 != 3]
    for client in mine + yours + [alone]:
        client.expect_nothing()


@pytest.mark.parametrize("mode", ["mirror", "only"])
def test_by_the_bus(redis, make_cluster, issuer, login, mode):
    links = {} if mode == "mirror" else {"gatewayList": []}
    gateway = {**verifying(issuer), "bus.listen": True, "mergeEdge": "trailing", "maxMergerDelay": 300}
    cluster = make_cluster(redis=redis, listed=True, gateways=2, logic={"bus.mode": mode, **links}, gateway=gateway)
    mine = [login(cluster, "u7", "r", gateway=n) for n in (0, 1)]
    others = [login(cluster, "u8", "r", gateway=n) for n in (0, 1)]
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [
            {"room": "r", "items": [1], "key": "k"},
            {"room": "r", "items": [2], "exclude": {"user": "u7"}},
            {"room": "r", "items": [3], "key": "k"},
            {"room": "r", "items": [4], "urgent": True},
            {"room": "r", "items": [5], "ttlMs": 60000},
        ])
    assert answer.status == 200, answer
    for client in others:
        assert client.items(4) == [2, 3, 4, 5]
    for client in mine:
        assert client.items(3) == [3, 4, 5]
    for client in mine + others:
        client.expect_nothing()


def expired(cluster):
    return cluster.gateway_metrics().get("fanfare_gateway_items_dropped_total", reason="expired")


def test_what_is_over_when_the_link_is_back_is_not_delivered(make_cluster):
    cluster = make_cluster(proxied=True, logic={"linkQueueSeconds": 600})
    client = cluster.client("r")
    cluster.proxies[0].refuse()
    cluster.push("r", 1, ttlMs=100)
    cluster.push("r", 2, ttlMs=600000)
    cluster.push("r", 3)
    time.sleep(0.2)  # the first one's time
    cluster.proxies[0].accept()
    assert client.items(2, timeout=60) == [2, 3]
    client.expect_nothing()
    assert expired(cluster) == 1


def test_what_is_over_when_redis_is_back_is_not_delivered(redis, make_cluster):
    """The gateway hears Redis all the time; only logic's own connection stalls, with the first push under way."""
    proxy = Proxy(redis.address)
    logic = {"redis.url": f"redis://127.0.0.1:{proxy.port}/0", "redis.timeout": 60000, "bus.mode": "only",
             "gatewayList": [], "linkQueueSeconds": 600}
    cluster = make_cluster(redis=redis, listed=True, gateway={"bus.listen": True}, logic=logic)
    cluster.proxies.append(proxy)
    client = cluster.client("r")
    cluster.push("r", 0)
    assert client.push() == [0]
    proxy.stall()
    cluster.push("r", 1, ttlMs=100)
    cluster.push("r", 2)
    cluster.push("r", 3, ttlMs=600000)
    time.sleep(0.2)  # the first one's time
    proxy.cut()
    proxy.flow()
    assert client.items(2, timeout=60) == [2, 3]
    client.expect_nothing()
    assert expired(cluster) == 1


def test_a_key_leaves_the_newest_and_urgent_does_not_wait(make_cluster):
    cluster = make_cluster(gateway={"mergeEdge": "trailing", "maxMergerDelay": 10000})
    client, other = cluster.client("r"), cluster.client("s")
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [
            {"room": "r", "items": ["a1", "a2"], "key": "a"},
            {"room": "r", "items": ["b1"], "key": "b"},
            {"rooms": ["r", "s"], "items": ["a3"], "key": "a"},
            {"room": "r", "items": ["c"]},
        ])
        assert [each["items"] for each in answer.json] == [2, 1, 1, 1]
        client.expect_nothing()
        assert caller.post("/push/room", {"room": "r", "items": ["now"], "urgent": True, "wait": True}).status == 200
        assert client.push() == ["b1", "a3", "c", "now"]
        other.expect_nothing()
        assert caller.post("/push/room", {"room": "s", "items": [1], "urgent": True}).status == 200
    assert other.push() == ["a3", 1], "another room's batch is another one"
    assert cluster.gateway_metrics().get("fanfare_gateway_items_conflated_total") == 2
