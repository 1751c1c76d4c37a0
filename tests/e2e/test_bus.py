# SPDX-License-Identifier: Apache-2.0
"""The bus: pushes by way of a Redis channel, beside the links (mirror) or instead of them (only)."""

import os
import time

import pytest

from harness import rpc
from harness.numbered import Flow, expect_exactly
from harness.proxy import Proxy
from harness.waiting import patient, wait_until

BUS = "fanfare:bus"
MIRROR = {"gateway": {"bus.listen": True}, "logic": {"bus.mode": "mirror"}}
ONLY = {"gateway": {"bus.listen": True}, "logic": {"bus.mode": "only", "gatewayList": []}}


def mirror(make_cluster, redis, gateway=None, logic=None, **options):
    """A cluster with both ways; logic has the gateways listed."""
    gateway, logic = {**MIRROR["gateway"], **(gateway or {})}, {**MIRROR["logic"], **(logic or {})}
    return make_cluster(redis=redis, listed=True, gateway=gateway, logic=logic, **options)


def only(make_cluster, redis, gateway=None, logic=None, **options):
    """A cluster without links."""
    gateway, logic = {**ONLY["gateway"], **(gateway or {})}, {**ONLY["logic"], **(logic or {})}
    return make_cluster(redis=redis, listed=True, gateway=gateway, logic=logic, **options)


def counted(cluster, name, gateway=0, **labels):
    return cluster.gateway_metrics(gateway).total(f"fanfare_gateway_{name}_total", **labels)


def published(cluster, what, logic=0, **labels):
    return cluster.logic_metrics(logic).total(f"fanfare_logic_bus_pushes_{what}_total", **labels)


def await_counted(cluster, name, value, gateway=0, **labels):
    wait_until(lambda: counted(cluster, name, gateway, **labels) == value, 10, f"{name} {labels} to be {value}")


class Hand:
    """Publishes and calls as a logic would, with numbers that a test chooses."""

    def __init__(self, cluster, redis, room="r"):
        self.cluster, self.redis, self.room = cluster, redis, room
        self.id = rpc.new_logic_id()
        self.link = rpc.RpcCaller(cluster.gateways[0].address("rpc"), cluster.certs.client_context())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def batch(self, *numbers):
        """One push a number, with the number as its item."""
        records = [rpc.record(number, [b"%d" % number], [self.room.encode()]) for number in numbers]
        return rpc.batch(self.id, records)

    def publish(self, *numbers):
        self.redis.call("PUBLISH", BUS, self.batch(*numbers))

    def call(self, *numbers):
        answer = self.link.batch(self.batch(*numbers))
        assert answer.status == 200, answer
        return answer.json


@pytest.fixture
def hand(redis, make_cluster):
    """A gateway that listens, a client in its room, and a hand."""
    options = {"bus.listen": True, "bus.gapWait": 400, "maxMergerDelay": 0}
    cluster = make_cluster(redis=redis, logics=0, gateway=options)
    cluster.await_ready()
    with Hand(cluster, redis) as made:
        made.client = cluster.client("r")
        yield made


def test_each_push_is_applied_once_whichever_way_it_comes(redis, make_cluster):
    cluster = mirror(make_cluster, redis, gateways=2, logics=2)
    clients = [cluster.client("r", gateway=n % 2) for n in range(4)]
    with Flow(cluster, logic=0) as one, Flow(cluster, logic=1) as two:
        one.more(100)
        two.more(100)
    expect_exactly(clients, one, two)
    accepted = sum(cluster.logic_metrics(n).get("fanfare_logic_pushes_accepted_total") for n in (0, 1))
    for gateway in (0, 1):
        await_counted(cluster, "pushes_applied", accepted, gateway)
        wait_until(lambda: counted(cluster, "duplicates", gateway) >= len(one.accepted) + len(two.accepted),
                   10, "the other copy of each push")
        by_bus = [counted(cluster, name, gateway, path="bus") for name in ("pushes_applied", "duplicates")]
        assert sum(by_bus) >= len(one.accepted) + len(two.accepted), "the bus brought each, first or second"
        assert counted(cluster, "bus_gap_pushes", gateway) == counted(cluster, "bus_refused", gateway) == 0
    for logic in (0, 1):
        wait_until(lambda: published(cluster, "published", logic) == published(cluster, "accepted", logic), 10)


def test_the_bus_carries_on_when_the_link_is_cut(redis, make_cluster):
    cluster = mirror(make_cluster, redis, gateways=2, proxied=True)
    clients = [cluster.client("r", gateway=n % 2) for n in range(4)]
    with Flow(cluster) as flow:
        flow.more()
        cluster.proxies[1].refuse()
        before = counted(cluster, "pushes_applied", 1, path="bus")
        flow.more(100)
        wait_until(lambda: counted(cluster, "pushes_applied", 1, path="bus") > before + 50, 5, "the bus to carry on")
        assert counted(cluster, "bus_gap_pushes", 1) == 0
        cluster.proxies[1].accept()
        flow.more(100)
    expect_exactly(clients, flow)
    wait_until(lambda: counted(cluster, "duplicates", 1, path="rpc") > 50, 20, "the link to bring them again")
    assert all(client.open for client in clients)


def test_mirror_loses_nothing_when_redis_dies_and_comes_back(redis, make_cluster):
    cluster = mirror(make_cluster, redis, gateways=2)
    clients = [cluster.client("r", gateway=n % 2) for n in range(4)]
    with Flow(cluster, rate=300) as flow:
        for _ in range(2):
            flow.more(60)
            redis.kill()
            flow.more(60)
            redis.start()
            wait_until(lambda: all(cluster.bus_up(n) for n in (0, 1)), 10, "the bus to be up again")
    expect_exactly(clients, flow)
    assert counted(cluster, "redis_reconnects", what="bus") >= 2


def test_only_the_bus_from_end_to_end(redis, make_cluster):
    cluster = only(make_cluster, redis, gateways=2, logics=2)
    clients = [cluster.client("r", gateway=n % 2) for n in range(4)]
    stranger = cluster.client("s")
    with cluster.caller() as caller:
        answer = caller.post("/push/room", {"room": "s", "items": [1, {"a": 2}]}).json
        assert answer["gateways"] == {"known": 0, "queued": 0} and answer["bus"] == "queued"
    assert stranger.items(2) == [1, {"a": 2}]
    with Flow(cluster, logic=0) as one, Flow(cluster, logic=1) as two:
        one.more(100)
        two.more(100)
    expect_exactly(clients, one, two)
    cluster.push(None, "all")
    assert [client.push() for client in [*clients, stranger]] == [["all"]] * 5
    for gateway in (0, 1):
        assert counted(cluster, "pushes_applied", gateway, path="rpc") == 0
        assert counted(cluster, "bus_gap_pushes", gateway) == counted(cluster, "duplicates", gateway) == 0


def test_nobody_can_wait_for_the_bus(redis, make_cluster):
    cluster = only(make_cluster, redis)
    client = cluster.client("r")
    with cluster.caller() as caller:
        answer = caller.post("/push/room", {"room": "r", "items": [1], "wait": True})
        assert (answer.status, answer.error) == (400, "wait_unavailable")
        answer = caller.form("/push/room?wait=1", "room=r&items=[1]")
        assert (answer.status, answer.error) == (400, "wait_unavailable")
        pushes = [{"room": "r", "items": [2]}, {"room": "r", "items": [3], "wait": True}]
        answer = caller.post("/push/batch", pushes)
        assert answer.status == 207 and answer.json[1]["error"]["code"] == "wait_unavailable"
    assert client.push() == [2]
    client.expect_nothing()


def test_without_redis_only_waits_then_refuses_and_comes_back(redis, make_cluster):
    cluster = only(make_cluster, redis, logic={"linkQueueSeconds": 1})
    client = cluster.client("r")
    with cluster.caller() as caller:
        redis.kill()
        wait_until(lambda: caller.get("/readyz").status == 503, 5, "logic to see it")
        assert caller.post("/push/room", {"room": "r", "items": [1]}).status == 200

        def refused():
            answer = caller.post("/push/room", {"room": "r", "items": [1]})
            return answer.status == 503 and answer.error == "no_gateway" and answer.headers["retry-after"] == "1"

        wait_until(refused, 10, "pushes to be refused after linkQueueSeconds")
        wait_until(lambda: published(cluster, "dropped", reason="expired") > 0, 5, "what waited to be dropped")
        assert caller.get("/healthz").status == 200
        redis.start()
        wait_until(lambda: caller.get("/readyz").status == 200 and cluster.bus_up(), 10, "the bus to be up again")
        assert caller.post("/push/room", {"room": "r", "items": ["later"]}).status == 200
    assert client.push() == ["later"]


def test_what_only_loses_with_redis_is_counted(redis, make_cluster):
    """Redis forgets what it was given and not yet passed on; nothing else may get lost."""
    cluster = only(make_cluster, redis, gateway={"bus.gapWait": 100}, logic={"linkQueueSeconds": 30})
    client = cluster.client("r")
    with Flow(cluster, rate=300) as flow:
        flow.more(60)
        redis.kill()
        flow.more(60)
        redis.start()
        wait_until(cluster.bus_up, 10, "the gateway to hear the bus again")
        flow.more(100)
    got = []
    while not got or got[-1] != flow.accepted[-1]:
        got += client.push()
    client.expect_nothing()
    assert got == sorted(set(got)) and set(got) <= set(flow.accepted)
    assert len(flow.accepted) - len(got) == counted(cluster, "bus_gap_pushes")


def test_what_logic_could_not_tell_redis_is_told_again(redis, make_cluster):
    """The gateway hears Redis all the time; only logic's own connection breaks."""
    proxy = Proxy(redis.address)
    logic = {"redis.url": f"redis://127.0.0.1:{proxy.port}/0", "redis.timeout": 1000}
    cluster = only(make_cluster, redis, logic=logic)
    cluster.proxies.append(proxy)
    client = cluster.client("r")
    with Flow(cluster, rate=200) as flow:
        for trouble in (proxy.stall, proxy.lose_answers) * 2:
            flow.more()
            trouble()
            flow.more()
            proxy.cut()
            proxy.flow()
            wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_bus_pushes_queued") == 0, 10, "the queue")
    expect_exactly([client], flow)
    assert counted(cluster, "duplicates", path="bus") > 0, "what was published without an answer came twice"
    assert counted(cluster, "bus_gap_pushes") == 0


def test_noise_on_the_channel_is_counted_and_refused(hand):
    cluster, client, good = hand.cluster, hand.client, hand.batch(1, 2, 3)
    bad_item = rpc.record(3, [b"3", b"{"], [b"r"])
    records = [rpc.record(n, [b"%d" % n], [b"r"]) for n in (1, 2)]
    noise = {
        "empty": b"",
        "text": b"hello",
        "json": b'{"items":[1]}',
        "only the magic": b"FANB",
        "random": os.urandom(5000),
        "cut short": good[:-1],
        "cut within a record": good[: len(good) // 2],
        "a byte too many": good + b"x",
        "too many promised": rpc.batch(hand.id, records, count=3),
        "fewer promised": rpc.batch(hand.id, records, count=1),
        "another first number": rpc.batch(hand.id, records, first=7),
        "numbers that fall": rpc.batch(hand.id, records[::-1]),
        "another version": rpc.batch(hand.id, records, version=9),
        "a bad item at the end": rpc.batch(hand.id, [*records, bad_item]),
        "a bad room at the end": rpc.batch(hand.id, [*records, rpc.record(3, [b"3"], [b"\x01"])]),
    }
    for number, (name, payload) in enumerate(noise.items()):
        hand.redis.call("PUBLISH", BUS, payload)
        wait_until(lambda: counted(cluster, "bus_refused") == number + 1, 5, f"{name} to be refused")
    assert counted(cluster, "pushes_applied") == 0
    assert cluster.gateways[0].events("message on the bus refused")
    hand.publish(1, 2, 3)
    assert client.items(3) == [1, 2, 3]
    client.expect_nothing()


def test_a_flood_of_noise_is_survived(hand):
    with hand.redis.connect() as resp:
        for _ in range(20):
            resp.pipeline(("PUBLISH", BUS, os.urandom(200)) for _ in range(250))
    await_counted(hand.cluster, "bus_refused", 5000)
    assert len(hand.cluster.gateways[0].log().splitlines()) < 1000, "the log is not flooded"
    hand.publish(1)
    assert hand.client.push() == [1]


def test_a_message_longer_than_the_gateway_takes_is_refused(redis, make_cluster):
    options = {"maxRpcBytes": 4096, "bus.listen": True}
    cluster = make_cluster(redis=redis, logics=0, gateway=options)
    cluster.await_ready()
    client = cluster.client("r")
    with Hand(cluster, redis) as hand:
        hand.publish(*range(1, 500))
        await_counted(cluster, "bus_refused", 1)
        hand.publish(1)
        assert client.push() == [1]


def test_what_comes_too_early_on_the_bus_waits_for_the_link(hand):
    hand.call(1)
    hand.publish(3)
    hand.publish(4)
    assert hand.client.push() == [1]
    hand.client.expect_nothing()
    begun = time.monotonic()
    hand.call(2)
    assert hand.client.items(3) == [2, 3, 4]
    assert time.monotonic() - begun < patient(0.4), "it does not wait any longer"
    assert counted(hand.cluster, "bus_gaps") == 1
    assert counted(hand.cluster, "bus_gap_pushes") == 0
    hand.publish(2, 3, 4)
    hand.call(1, 2, 3, 4)
    wait_until(lambda: counted(hand.cluster, "duplicates") == 7, 5, "the copies to be known for what they are")
    hand.client.expect_nothing()


def test_a_gap_that_nothing_closes_is_passed_over_and_counted(hand):
    hand.publish(1)
    assert hand.client.push() == [1]
    begun = time.monotonic()
    hand.publish(5)
    hand.publish(6)
    assert hand.client.items(2) == [5, 6]
    assert time.monotonic() - begun >= 0.3, "not before bus.gapWait"
    assert counted(hand.cluster, "bus_gaps") == 1
    assert counted(hand.cluster, "bus_gap_pushes") == 3
    hand.publish(2)
    hand.call(3, 4)
    hand.publish(7)
    assert hand.client.push() == [7], "what comes after its turn is not applied out of order"
    hand.client.expect_nothing()
    metrics = hand.cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_bus_gap_wait_seconds_total") >= 0.3
    assert metrics.get("fanfare_gateway_bus_waiting_bytes") == 0


def test_what_waits_in_a_gap_is_bounded(redis, make_cluster):
    options = {"bus.listen": True, "bus.gapWait": 60000, "bus.gapBytes": 65536}
    cluster = make_cluster(redis=redis, logics=0, gateway=options)
    cluster.await_ready()
    client = cluster.client("r")
    with Hand(cluster, redis) as hand:
        hand.publish(1)
        for start in range(10, 4010, 100):
            hand.publish(*range(start, start + 100))
        assert client.items(4001) == [1, *range(10, 4010)]
    assert counted(cluster, "bus_gap_pushes") == 8


def big_push(cluster, room="r", items=40):
    """A push of some 2.4 MB."""
    return cluster.push(room, *(f"{n:05d}" + "x" * 60000 for n in range(items)))


def test_a_push_past_redis_limit_comes_by_the_link(make_redis, make_cluster):
    redis = make_redis(proto_max_bulk_len="1mb")
    cluster = mirror(make_cluster, redis, gateway={"clientQueueBytes": 67108864})
    client, other = cluster.client("big"), cluster.client("r")
    cluster.push("r", "before", wait=True)
    big_push(cluster, "big")
    assert [item[:5] for item in client.items(40)] == [f"{n:05d}" for n in range(40)]
    wait_until(lambda: published(cluster, "dropped", reason="refused") == 1, 20, "the push to be refused by Redis")
    cluster.push("r", "after")
    assert other.items(2) == ["before", "after"]
    before = counted(cluster, "pushes_applied")

    def both_ways():
        cluster.push("r", "x")
        other.push()
        return counted(cluster, "duplicates", path="bus") + counted(cluster, "pushes_applied", path="bus") > before

    wait_until(both_ways, 10, "the bus to go on")


def test_a_push_past_redis_limit_is_counted_and_the_next_goes_through(make_redis, make_cluster):
    redis = make_redis(proto_max_bulk_len="1mb")
    cluster = only(make_cluster, redis, gateway={"bus.gapWait": 100})
    client = cluster.client("r")
    cluster.push("r", "before")
    assert client.push() == ["before"]
    big_push(cluster)
    cluster.push("r", "after")
    assert client.push(timeout=30) == ["after"]
    assert published(cluster, "dropped", reason="refused") == 1
    assert cluster.logics[0].events("Redis refused a push")
    assert counted(cluster, "bus_gap_pushes") == 1


def test_a_gateway_that_redis_gives_up_gets_the_rest_by_its_link(make_redis, make_cluster):
    """It stops reading, Redis's buffer for it runs over, and Redis closes the connection."""
    redis = make_redis(client_output_buffer_limit=["pubsub", "256kb", "128kb", "1"])
    cluster = mirror(make_cluster, redis, gateways=2, logic={"linkQueueBytes": 268435456})
    clients = [cluster.client("r", gateway=n) for n in (0, 1)]
    with Flow(cluster, rate=100) as flow:
        flow.more()
        cluster.gateways[1].stop_the_clock()

        def given_up():
            big_push(cluster, "nobody")
            return redis.subscribers() == 1

        wait_until(given_up, 30, "Redis to close the stopped gateway's connection")
        cluster.gateways[1].go_on()
        wait_until(lambda: counted(cluster, "redis_reconnects", 1, what="bus") >= 1, 10, "it to come back")
        flow.more(50)
    expect_exactly(clients, flow)


def test_a_mirror_without_redis_does_not_hold_up_a_shutdown(redis, make_cluster):
    cluster = mirror(make_cluster, redis, logic={"drainSeconds": 20, "linkQueueSeconds": 60})
    client = cluster.client("r")
    redis.kill()
    cluster.push("r", 1)
    assert client.push() == [1]
    assert cluster.logics[0].terminate() < patient(5), "the link has delivered it"
