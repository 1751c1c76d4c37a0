# SPDX-License-Identifier: Apache-2.0
"""Redis, gateways and logics fail in every way; the items are numbered, and the clients count."""

import time

import pytest

from harness.build import sanitized
from harness.cluster import DISCOVERING, TTL
from harness.fake_redis import FakeRedis
from harness.numbered import Flow, expect_exactly
from harness.redis_trouble import REGISTRY, USES, audience, everything, expect_calm_refusal, troubles
from harness.wall_clock import WallClock
from harness.waiting import patient, wait_until


def registered(redis, *names):
    return redis.call("EXISTS", *(f"fanfare:gateway:{name}" for name in names)) == len(names)


def up(cluster, *names):
    return {name for name, each in cluster.listing().items() if each["state"] == "up"} == set(names)


def slowest_answer(cluster):
    """Seconds that /healthz and /readyz of a logic and a gateway take at most."""
    slowest = 0
    for ask in (cluster.caller, cluster.admin):
        with ask() as caller:
            for path in ("/healthz", "/readyz"):
                begun = time.monotonic()
                assert caller.get(path).status == 200
                slowest = max(slowest, time.monotonic() - begun)
    return slowest


def refused(make_cluster, redis, url):
    """A cluster whose gateways are listed, and whose Redis will not serve it."""
    options = {"redis.url": url, "drainSeconds": 0, **DISCOVERING}
    return everything(make_cluster, redis, listed=True, ready=False, gateways=1,
                      gateway={"redis.url": url}, logic=options)


def test_redis_is_killed_and_restarted_under_load(redis, make_cluster):
    cluster = everything(make_cluster, redis, logic={"linkQueueSeconds": 1})
    clients = audience(cluster, 6)
    with Flow(cluster, rate=300) as flow:
        flow.more(60)
        redis.kill()
        time.sleep(0.5)
        redis.start()
        begun = time.monotonic()
        wait_until(lambda: registered(redis, "gateway0", "gateway1"), 2, "every gateway to be registered again")
        assert time.monotonic() - begun < patient(2)
        redis.kill()
        time.sleep(TTL + 1.2)  # longer than an entry lives, and than a link that is down is kept
        assert up(cluster, "gateway0", "gateway1"), "a gateway whose link works is not dropped"
        redis.start()
        wait_until(lambda: registered(redis, "gateway0", "gateway1"), 2, "every gateway to be registered again")
        flow.more(60)
    expect_exactly(clients, flow)
    assert flow.slowest < patient(1)
    assert not cluster.logics[0].events("gateway link broke")


def test_redis_is_stopped_and_nothing_waits_for_it(redis, make_cluster):
    quick = {"redis.timeout": int(patient(1000))}
    cluster = everything(make_cluster, redis, gateway=quick, logic=quick)
    clients = audience(cluster)
    slowest, begun = 0, time.monotonic()
    with Flow(cluster, rate=300) as flow:
        flow.more(60)
        redis.stop_the_clock()
        while not all(USES[daemon.program] <= set(troubles(daemon)) for daemon in cluster.daemons()):
            assert time.monotonic() < begun + patient(10), [troubles(daemon) for daemon in cluster.daemons()]
            slowest = max(slowest, slowest_answer(cluster))
            time.sleep(0.05)
        for daemon in cluster.daemons():
            for said in troubles(daemon).values():
                assert "in time" in said[0]["reason"] and len(said) == 1, said
        redis.go_on()
        wait_until(lambda: all(cluster.bus_up(n) for n in (0, 1)), 10, "the bus to be up again")
        wait_until(lambda: registered(redis, "gateway0", "gateway1"), 10, "the gateways to be registered again")
        flow.more(60)
    expect_exactly(clients, flow)
    assert max(slowest, flow.slowest) < patient(0.8)


def test_redis_accepts_and_says_nothing(make_cluster):
    silent = FakeRedis(lambda words: None)
    quick = {"redis.timeout": 300}
    cluster = everything(make_cluster, silent, listed=True, ready=False, gateways=1, gateway=quick,
                         logic={**quick, **DISCOVERING, "drainSeconds": 0})
    cluster.await_links()
    expect_calm_refusal(cluster, "in time")
    silent.finish()


@pytest.mark.parametrize("given", ["none", "wrong", "user"])
def test_wrong_password(make_redis, make_cluster, given):
    redis = make_redis(password="right")
    urls = {
        "none": f"redis://127.0.0.1:{redis.port}/0",
        "wrong": redis.url(password="wr0ng-secret"),
        "user": redis.url(user="nobody", password="wr0ng-secret"),
    }
    cluster = refused(make_cluster, redis, urls[given])
    cluster.await_links()
    expect_calm_refusal(cluster, "NOAUTH" if given == "none" else "WRONGPASS")
    assert not cluster.is_ready(), "it was never registered"
    assert not any("wr0ng" in daemon.log() for daemon in cluster.daemons())


def test_wrong_database(make_redis, make_cluster):
    redis = make_redis(databases=2)
    cluster = refused(make_cluster, redis, redis.url(db=5))
    cluster.await_links()
    expect_calm_refusal(cluster, "DB index is out of range")


def test_a_replica_is_not_written_to(make_redis, make_cluster):
    master = make_redis()
    replica = make_redis(replicaof=["127.0.0.1", str(master.port)])
    cluster = refused(make_cluster, replica, replica.url())
    cluster.await_links()
    expect_calm_refusal(cluster, "READONLY")
    replica.call("REPLICAOF", "NO", "ONE")
    wait_until(lambda: registered(replica, "gateway0"), 10, "the gateway to be registered when it is a master")
    cluster.await_ready()


def test_a_master_that_becomes_a_replica_is_noticed(make_redis, make_cluster):
    redis, other = make_redis(), make_redis()
    cluster = everything(make_cluster, redis, gateways=1)
    client = cluster.client("r")
    redis.call("REPLICAOF", "127.0.0.1", other.port)
    wait_until(lambda: "registry" in troubles(cluster.gateways[0]), 10, "the gateway to say so")
    assert "READONLY" in " ".join(map(str, troubles(cluster.gateways[0])["registry"][0].values()))
    cluster.push("r", 1, wait=True)
    assert client.push() == [1]
    redis.call("REPLICAOF", "NO", "ONE")
    wait_until(lambda: registered(redis, "gateway0"), 10, "the gateway to be registered again")


def test_redis_loads_its_data(make_redis, make_cluster):
    redis = make_redis(enable_debug_command="yes")
    redis.call("DEBUG", "POPULATE", 40000, "key", 100)
    redis.call("SAVE")
    redis.kill()
    redis.start(key_load_delay=2000, loading_process_events_interval_bytes=1024)
    cluster = refused(make_cluster, redis, redis.url())
    cluster.await_links()
    expect_calm_refusal(cluster, "LOADING", uses=REGISTRY)  # it takes subscribers, and what they publish
    redis.call("CONFIG", "SET", "key-load-delay", 0)
    wait_until(lambda: cluster.is_ready(), 20, "the gateway to be registered once it has loaded")
    cluster.await_ready()


@pytest.mark.parametrize("prefix", ["fanfare", "{fanfare}"])
def test_moved_in_circles(make_cluster, prefix):
    """A node that always knows a better one, which is itself."""

    def answer(words):
        word = words[0].upper()
        if word == "PING":
            return b"+PONG\r\n"
        if word == "ROLE":
            return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
        if word == "SUBSCRIBE":
            return b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:1\r\n" % (len(words[1]), words[1].encode())
        if word in ("AUTH", "SELECT"):
            return b"+OK\r\n"
        return b"-MOVED 7899 127.0.0.1:%d\r\n" % circle.port

    circle = FakeRedis(answer)
    options = {"redis.prefix": prefix}
    cluster = everything(make_cluster, circle, listed=True, ready=False, gateways=1, gateway=options,
                         logic={**DISCOVERING, **options, "drainSeconds": 0})
    cluster.await_links()
    expect_calm_refusal(cluster, "MOVED", uses=REGISTRY)
    circle.finish()


def test_a_gateway_is_killed_under_load_and_its_clients_go_on_elsewhere(redis, make_cluster):
    logic = {"linkQueueSeconds": 5, "waitTimeout": int(patient(500))}
    cluster = everything(make_cluster, redis, gateways=3, logic=logic)
    stay = [cluster.client("r", gateway=n) for n in (0, 1)]
    with Flow(cluster, rate=200) as flow:
        movers = [cluster.follower(flow, gateway=2) for _ in range(4)]
        flow.more(100)
        cluster.serving.discard(2)
        cluster.gateways[2].kill()
        with cluster.caller() as caller:
            answer = caller.post("/push/room", {"room": "nobody", "items": [0], "wait": True})
        assert answer.status == 504 and answer.json["gateways"]["acked"] == 2, "who waits is told"
        wait_until(lambda: all(len(each.sessions) == 2 for each in movers), 10, "the clients to come back")
        wait_until(lambda: up(cluster, "gateway0", "gateway1") and len(cluster.listing()) == 2, 20, "it to be dropped")
        flow.more(50)
    for mover in movers:
        assert mover.await_last().faults() == []
    expect_exactly(stay, flow)


def test_two_logics_and_three_gateways_are_restarted_in_turn(redis, make_cluster):
    cluster = everything(make_cluster, redis, gateways=3, logics=2)
    with Flow(cluster, logic=0, stubborn=True) as one, Flow(cluster, logic=1, stubborn=True) as two:
        followers = [cluster.follower(one, two, gateway=n % 3) for n in range(6)]
        for gateway in range(3):
            one.more(), two.more()
            cluster.serving.discard(gateway)
            cluster.gateways[gateway].terminate()
            cluster.restart_gateway(gateway, same_ports=gateway % 2 == 0)
            wait_until(lambda: cluster.is_ready(gateway), 10, "it to be registered")
            cluster.await_ready()
            cluster.serving.add(gateway)
        for logic, flow in enumerate((one, two)):
            flow.more()
            cluster.logics[logic].terminate()
            cluster.restart_logic(logic)
            flow.more()
        cluster.await_ready()
        one.more(), two.more()
    for follower in followers:
        assert follower.await_last().faults() == []
    assert sum(len(follower.sessions) for follower in followers) >= 6 + 3


@pytest.mark.parametrize("jump", [3600, -3600])
def test_the_clock_of_redis_jumps(make_redis, make_cluster, tmp_path, jump):
    clock = WallClock(tmp_path)
    redis = make_redis(clock=clock)
    cluster = everything(make_cluster, redis, logic={"linkQueueSeconds": 1})
    clients = audience(cluster)
    with Flow(cluster, rate=200) as flow:
        flow.more()
        expired = lambda: int(redis.info("stats")["expired_keys"])
        before = expired()
        clock.set(jump)
        if jump > 0:
            wait_until(lambda: expired() >= before + 2, what="the entries to end")
        for _ in range(3):  # over a reading and some refreshes
            time.sleep(TTL / 4)
            assert up(cluster, "gateway0", "gateway1")
        wait_until(lambda: registered(redis, "gateway0", "gateway1"), 2, "the gateways to be registered again")
        wait_until(lambda: redis.call("PTTL", "fanfare:gateway:gateway0") <= TTL * 1000, 2, "a proper time to live")
        flow.more()
    expect_exactly(clients, flow)
    assert not cluster.logics[0].events("gateway link broke")


@pytest.mark.skipif(sanitized(), reason="a sanitizer's runtime must be the first library that is loaded")
@pytest.mark.parametrize("jump", [3600, -3600])
def test_the_clocks_of_the_daemons_jump(redis, make_cluster, tmp_path, jump):
    clock = WallClock(tmp_path)
    cluster = everything(make_cluster, redis, gateway_env=clock.env, logic_env=clock.env)
    clients = audience(cluster)
    with Flow(cluster, rate=200) as flow:
        flow.more()
        clock.set(jump)
        refreshes = cluster.gateway_metrics().get("fanfare_gateway_registry_refreshes_total")
        readings = cluster.logic_metrics().get("fanfare_logic_registry_readings_total")
        rest = TTL * 0.75  # longer than between two refreshes
        time.sleep(rest)
        assert registered(redis, "gateway0", "gateway1") and up(cluster, "gateway0", "gateway1")
        made = cluster.gateway_metrics().get("fanfare_gateway_registry_refreshes_total") - refreshes
        read = cluster.logic_metrics().get("fanfare_logic_registry_readings_total") - readings
        assert 1 <= made <= 5 and 1 <= read <= 2 + 2 * rest, f"{made} refreshes, {read} readings in {rest} s"
        flow.more()
    expect_exactly(clients, flow)
    assert not cluster.logics[0].events("gateway link broke")
