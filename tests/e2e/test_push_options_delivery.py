# SPDX-License-Identifier: Apache-2.0
"""What the options of a push do to its delivery: who is excluded, what is late, what is replaced, and that the
order of a room's items never changes. Numbered items, under load from two logics to three gateways."""

import json
import random
import threading
import time

import pytest

from conftest import finish
from harness.cluster import Cluster
from harness.issuer import Issuer
from harness.raw_ws import TEXT
from harness.waiting import patient, wait_until

COUNT = 400  # pushes of each logic under load
LONG = 60000  # ms: a merge window that no test waits for
BIG = "x" * 60000
SMALL = 16384  # receive buffer of a client that stalls


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def wide(certs, tmp_path_factory, issuer):
    """Two logics, three gateways; who shows a token is a user, others are nobody."""
    options = {**issuer.options(), "auth.required": False, "auth.anonymousRooms": ["*"], "bucketThreads": 2}
    made = Cluster(tmp_path_factory.mktemp("wide"), certs, gateways=3, logics=2, gateway=options)
    yield made
    finish([made])


@pytest.fixture
def cluster(wide, request):
    request.node.clusters = [wide]
    yield wide
    wide.close_clients()


@pytest.fixture
def login(issuer):
    def connect(cluster, user, *rooms, gateway=0, version=1, **options):
        token = issuer.token(user, rooms=["*"])
        client = cluster.client(*rooms, gateway=gateway, query=f"?token={token}&v={version}", **options)
        return client.expect_nothing()
    return connect


def assert_adds_up(cluster):
    """The equations of docs/metrics.md, on every gateway, once nothing is under way."""
    g = "fanfare_gateway_"
    for gateway in range(len(cluster.gateways)):
        wait_until(lambda: cluster.gateway_metrics(gateway).get(g + "items_merging") == 0, 20, "the windows to end")
        metrics = cluster.fanned_out(gateway)
        assert metrics.get(g + "items_received_total") == sum(
            metrics.total(g + name) for name in ("items_merged_total", "items_conflated_total",
                                                 "items_no_audience_total", "items_dropped_total"))
        assert metrics.get(g + "frames_addressed_total") == (
            metrics.get(g + "frames_delivered_total") + metrics.total(g + "frames_dropped_total")
            + metrics.get(g + "frames_queued"))


def total(cluster, name, **labels):
    return sum(cluster.gateway_metrics(n).total("fanfare_gateway_" + name, **labels)
               for n in range(len(cluster.gateways)))


class Load:
    """A caller at each logic that pushes COUNT numbered items, as fast as answers come. An item is [logic, number,
    what `options(logic, number)` gave it]; `path` gives where it goes."""

    def __init__(self, cluster, room, options, count=COUNT):
        self.cluster, self.room, self.options, self.count = cluster, room, options, count
        self.faults = []
        self.done = threading.Event()

    def run(self):
        threads = [threading.Thread(target=self._push, args=(logic,)) for logic in range(len(self.cluster.logics))]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.done.set()
        assert not self.faults, self.faults[0]
        for logic in range(len(self.cluster.logics)):  # behind all of them: every client gets it last
            self.cluster.push(self.room, [logic, "end"], logic=logic, wait=True)
        return self

    def _push(self, logic):
        try:
            with self.cluster.caller(logic) as caller:
                for number in range(self.count):
                    body = {"room": self.room, "items": [[logic, number]], **self.options(logic, number)}
                    answer = caller.post("/push/room", body)
                    assert answer.status == 200, answer
        except BaseException as fault:  # told to the test's own thread
            self.faults.append(fault)


def read(client, logics=2):
    """Frames until the end of every logic's load: lists of items."""
    frames = []
    while sum(item[1] == "end" for frame in frames for item in frame) < logics:
        frames.append(client.push(timeout=30))
    return frames


def numbers(frames, logic):
    return [item[1] for frame in frames for item in frame if item[0] == logic and item[1] != "end"]


# Exclusion


def test_who_is_excluded_misses_those_items_alone(cluster, room, login):
    """A user with three connections on two gateways, in both versions; one connection of another; and everyone
    else, some of whom come and go."""
    user = [login(cluster, "sender", room, gateway=0), login(cluster, "sender", room, gateway=0, version=2),
            login(cluster, "sender", room, gateway=1)]
    one = login(cluster, "other", room, gateway=1, version=2)
    rest = [login(cluster, "other", room, gateway=1), login(cluster, "third", room, gateway=2, version=2),
            cluster.client(room, gateway=0), cluster.client(room, gateway=2)]

    def options(logic, number):
        if number % 3 == 0:
            return {"exclude": {"user": "sender"}}
        if number % 7 == 0:
            return {"exclude": {"connection": one.welcome["connection"]}}
        if number % 11 == 0:
            return {"exclude": {"users": ["sender", "nobody", "third"]}}
        return {}

    load = Load(cluster, room, options)
    churn = threading.Thread(target=come_and_go, args=(cluster, room, load))
    churn.start()
    load.run()
    churn.join()
    assert not load.faults, load.faults[0]

    def due(client, number):
        if number % 3 == 0:
            return client not in user
        if number % 7 == 0:
            return client is not one
        if number % 11 == 0:
            return client not in user and client is not rest[1]
        return True

    for client in [*user, one, *rest]:
        frames = read(client)
        for logic in range(2):
            assert numbers(frames, logic) == [n for n in range(COUNT) if due(client, n)]
        client.expect_nothing()
    assert_adds_up(cluster)


def come_and_go(cluster, room, load):
    """Members come and leave while the load runs; what each got has no hole: nobody excluded them."""
    try:
        while not load.done.is_set():
            client = cluster.client(room, gateway=random.randrange(3))
            time.sleep(0.02)
            client.send({"type": "LEAVE", "data": {"room": room}, "id": 99})
            got = []
            while True:
                frame = json.loads(client.receive())
                if frame.get("id") == 99:
                    break
                got += frame["data"]["items"]
            client.close()
            for logic in range(2):
                mine = [item[1] for item in got if item[0] == logic and item[1] != "end"]
                assert mine == list(range(mine[0], mine[0] + len(mine))) if mine else True
    except BaseException as fault:  # told to the test's own thread
        load.faults.append(fault)


def test_everyone_but_one_and_the_other_devices_of_a_user(cluster, login):
    """In broadcasts, and in pushes to a user whose own connection is excluded."""
    phone = login(cluster, "u7", gateway=0, version=2)
    desk = login(cluster, "u7", gateway=1)
    other = login(cluster, "u8", gateway=2)
    cluster.push(None, "all but u7", exclude={"user": "u7"})
    cluster.push(None, "all but the phone", exclude={"connection": phone.welcome["connection"]})
    cluster.push(None, "all")
    with cluster.caller() as caller:
        answer = caller.post("/push/user", {"user": "u7", "items": ["to the desk"], "wait": True,
                                            "exclude": {"connection": phone.welcome["connection"]}})
    assert answer.status == 200 and answer.json["clients"] == 2
    assert other.items(3) == ["all but u7", "all but the phone", "all"]
    assert phone.items(1) == ["all"]
    assert sorted(desk.items(3)) == sorted(["all but the phone", "all", "to the desk"])
    for each in (phone, desk, other):
        each.expect_nothing()


def test_a_connection_that_has_gone_excludes_nobody_who_came_after_it(cluster, room):
    gone = cluster.client(room, query="?v=2").expect_nothing()
    identity = gone.welcome["connection"]
    gone.close()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 0, what="the client to be gone")
    heirs = [cluster.client(room) for _ in range(10)]  # one of them has its descriptor
    cluster.push(room, 1, exclude={"connection": identity})
    for heir in heirs:
        assert heir.items(1) == [1]


def test_an_excluded_reader_that_is_behind_gets_the_others_in_order(make_cluster):
    cluster = make_cluster(gateway={"slowClientPolicy": "close", "clientQueueBytes": 1 << 30, "maxMergerDelay": 0,
                                    "wsOutChannelSize": 1000000})
    slow = cluster.raw(receive_buffer=SMALL, path="/connect?v=2&join=r")
    identity = {"connection": slow.welcome()["connection"]}
    count = 0
    while cluster.fanned_out().get("fanfare_gateway_frames_queued") < 5:
        count = push_big(cluster, count, 20, identity)
    count = push_big(cluster, count, 20, identity)
    assert [n for n, _ in slow.items(count // 2)] == list(range(0, count, 2))
    assert_adds_up(cluster)


def push_big(cluster, first, count, identity):
    """Large items from `first` on; each second one does not reach the connection."""
    with cluster.caller() as caller:
        for n in range(first, first + count):
            more = {"exclude": identity} if n % 2 else {}
            assert caller.post("/push/room?wait=1", {"room": "r", "items": [[n, BIG]], **more}).status == 200
    return first + count


def test_over_tls(make_cluster, certs):
    cluster = make_cluster(gateway={"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
    tls = certs.client_context(alpn=("http/1.1",), show=False)
    out = cluster.client("r", query="?v=2", ssl=tls).expect_nothing()
    there = cluster.client("r", ssl=tls)
    with cluster.caller() as caller:
        for number in range(100):
            more = {"exclude": {"connection": out.welcome["connection"]}} if number % 2 else {"ttlMs": 60000}
            assert caller.post("/push/room", {"room": "r", "items": [number], **more}).status == 200
    assert there.items(100) == list(range(100))
    assert out.items(50) == list(range(0, 100, 2))
    out.expect_nothing()
    assert_adds_up(cluster)


# Time to live


def test_a_slow_reader_gets_nothing_late(make_cluster):
    """What was queued for it is dropped when it reads again; who reads got everything."""
    cluster = make_cluster(gateway={"slowClientPolicy": "close", "clientQueueBytes": 1 << 30, "maxMergerDelay": 0,
                                    "maxMergerBatchSize": 1, "wsOutChannelSize": 1000000})
    slow = cluster.raw(receive_buffer=SMALL).join("r")
    quick = cluster.client("r")
    count = 0
    while cluster.fanned_out().get("fanfare_gateway_frames_queued") < 5:
        for _ in range(10):
            cluster.push("r", [count, BIG])
            count += 1
    ttl = int(patient(500))
    begin = time.monotonic()
    for n in range(20):
        cluster.push("r", ["late", n], ttlMs=ttl)
    cluster.push("r", ["in time", 0], ttlMs=3600000)
    cluster.push("r", ["end", 0])
    assert [n for n, _ in quick.items(count + 22)][count:] == ["late"] * 20 + ["in time", "end"]
    time.sleep(max(0, begin + 2 * ttl / 1000 - time.monotonic()))
    assert [n for n, _ in slow.items(count + 2)] == [*range(count), "in time", "end"]
    assert total(cluster, "frames_dropped_total", reason="expired") == 20
    assert total(cluster, "frames_dropped_total") == 20
    assert_adds_up(cluster)


def test_a_queue_full_of_what_is_late_closes_nobody(make_cluster):
    cluster = make_cluster(gateway={"slowClientPolicy": "close", "clientQueueBytes": 1 << 30, "maxMergerDelay": 0,
                                    "maxMergerBatchSize": 1, "wsOutChannelSize": 30})
    slow = cluster.raw(receive_buffer=SMALL).join("r")
    queued = lambda: cluster.fanned_out().get("fanfare_gateway_frames_queued")
    count = 0
    while queued() < 5:
        cluster.push("r", [count, BIG])
        count += 1
    ttl = int(patient(500))
    begin = time.monotonic()
    for n in range(28 - int(queued())):
        cluster.push("r", ["late", n], ttlMs=ttl)
    time.sleep(max(0, begin + 2 * ttl / 1000 - time.monotonic()))
    for n in range(10):
        cluster.push("r", ["new", n])
    got = slow.items(count + 10)
    assert [n for n, _ in got] == [*range(count), *["new"] * 10], "not closed with 4200"
    assert_adds_up(cluster)


def test_a_gateway_that_stood_still_gives_nobody_what_is_late(make_cluster):
    cluster = make_cluster()
    client = cluster.client("r")
    cluster.gateways[0].stop_the_clock()
    cluster.push("r", "under way")  # the batch that is under way: the rest waits in logic
    ttl = int(patient(300))
    begin = time.monotonic()
    for n in range(20):
        cluster.push("r", n, ttlMs=ttl)
    cluster.push("r", "no hurry", ttlMs=3600000)
    cluster.push("r", "end")
    time.sleep(max(0, begin + 2 * ttl / 1000 - time.monotonic()))
    cluster.gateways[0].go_on()
    assert client.items(3) == ["under way", "no hurry", "end"]
    client.expect_nothing()
    assert total(cluster, "items_dropped_total", reason="expired") == 20
    assert_adds_up(cluster)


def test_a_time_to_live_is_not_spent_in_a_window(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": LONG, "mergeEdge": "trailing"})
    client = cluster.client("r")
    cluster.push("r", 1)
    cluster.push("r", 2, ttlMs=LONG // 2)
    assert [client.push(), client.push()] == [[1], [2]], "what waited goes before it"


# Urgent


@pytest.mark.parametrize("edge", ["leading", "trailing"])
def test_urgent_takes_along_what_waits(make_cluster, edge):
    cluster = make_cluster(gateway={"maxMergerDelay": LONG, "mergeEdge": edge})
    client = cluster.client("r", "s")
    if edge == "leading":
        cluster.push("r", 0)
        assert client.push() == [0]
    cluster.push("r", 1)
    cluster.push("s", "of another room", key="k")
    cluster.push("r", 2, 3, urgent=True)
    frames = [client.push() for _ in range(2 if edge == "leading" else 1)]
    assert [1, 2, 3] in frames
    cluster.push("r", 4)
    client.expect_nothing()


# Conflation


def test_of_a_key_the_newest_stays(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": LONG, "mergeEdge": "trailing"})
    client = cluster.client("r")
    for n, key in enumerate(["a", None, "b", "a", "b", None, "a"]):
        cluster.push("r", n, **({"key": key} if key else {}))
    cluster.push("r", "now", urgent=True)
    assert client.push() == [1, 4, 5, 6, "now"]
    assert total(cluster, "items_conflated_total") == 3
    assert_adds_up(cluster)


KEYS = 5


def test_the_newest_of_each_key_is_the_last_and_none_is_older_than_one_before(cluster, room, login):
    """Tickers of five keys beside items without one; frames gather for 20 ms."""
    def options(logic, number):
        return {} if number % KEYS == 0 else {"key": f"{logic}-{number % KEYS}"}

    before = total(cluster, "items_conflated_total")
    clients = [login(cluster, f"u{n}", room, gateway=n % 3, version=1 + n % 2) for n in range(6)]
    Load(cluster, room, options).run()
    for client in clients:
        frames = read(client)
        for logic in range(2):
            got = numbers(frames, logic)
            assert got == sorted(set(got)), "never older after newer"
            assert [n for n in got if n % KEYS == 0] == list(range(0, COUNT, KEYS)), "what has no key is all there"
            for key in range(1, KEYS):
                assert [n for n in got if n % KEYS == key][-1] == COUNT - KEYS + key, "the newest is the last"
        for frame in frames:
            keyed = [(logic, n % KEYS) for logic, n in frame if n != "end" and n % KEYS]
            assert len(keyed) == len(set(keyed)), "one of each key in a frame"
    assert total(cluster, "items_conflated_total") > before
    assert_adds_up(cluster)


# All of them


def test_order_holds_whatever_options_are_mixed(cluster, room, login):
    """Each push has options at random. Every client's items are in the order of their logic; what is missing was
    excluded from, or a newer one of its key came in the same frame's place."""
    dice = random.Random(15)
    chosen = {}
    for logic in range(2):
        for number in range(COUNT):
            more = chosen[logic, number] = {}
            if dice.random() < 0.3:
                more["exclude"] = {"user": f"u{dice.randrange(3)}"}
            if dice.random() < 0.3:
                more["key"] = f"k{dice.randrange(3)}"
            if dice.random() < 0.2:
                more["ttlMs"] = 3600000
            if dice.random() < 0.1:
                more["urgent"] = True
    clients = {login(cluster, f"u{n % 3}", room, gateway=n, version=1 + n % 2): f"u{n % 3}" for n in range(3)}
    clients[login(cluster, "u0", room, gateway=2, version=2)] = "u0"
    Load(cluster, room, lambda logic, number: chosen[logic, number]).run()
    for client, user in clients.items():
        frames = read(client)
        for logic in range(2):
            got = numbers(frames, logic)
            assert got == sorted(set(got))
            for number in range(COUNT):
                more = chosen[logic, number]
                if more.get("exclude") == {"user": user}:
                    assert number not in got
                elif "key" not in more:
                    assert number in got, (number, more)
        client.expect_nothing()
    assert_adds_up(cluster)
