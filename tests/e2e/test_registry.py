# SPDX-License-Identifier: Apache-2.0
"""The registry: gateways say in Redis that they are there, and logic finds them there."""

import json
import time

import pytest

from harness.cluster import DISCOVERING, TTL
from harness.numbered import Flow
from harness.resp import Subscription
from harness.waiting import patient, wait_until

CHANNEL = "fanfare:gateways"


def key(gateway):
    return f"fanfare:gateway:{gateway}"


def entry(redis, gateway):
    return json.loads(redis.call("GET", key(gateway)))


def listed(cluster, **states):
    """Whether logic lists exactly these gateways, each in this state."""
    return {name: each["state"] for name, each in cluster.listing().items()} == states


def await_listed(cluster, timeout=10, **states):
    wait_until(lambda: listed(cluster, **states), timeout, f"logic to list {states}")


def await_registered(redis, gateway):
    wait_until(lambda: redis.call("EXISTS", key(gateway)), 10, f"{gateway} to be registered")


def bogus(name, port=1, **more):
    return json.dumps({"id": name, "host": "127.0.0.1", "port": port, "state": "up", **more})


def test_gateways_are_found_by_what_they_say_of_themselves(redis, make_cluster):
    cluster = make_cluster(gateways=2, redis=redis)
    clients = [cluster.client("r", gateway=n) for n in (0, 1)]
    assert sorted(redis.call("KEYS", "*")) == [key("gateway0"), key("gateway1")]
    for number, name in enumerate(("gateway0", "gateway1")):
        said = entry(redis, name)
        host, port = cluster.gateways[number].address("rpc")
        assert (said["id"], said["host"], said["port"], said["state"]) == (name, host, port, "up")
        assert 0 < redis.call("PTTL", key(name)) <= TTL * 1000
        found = cluster.listing()[name]
        assert (found["address"], found["source"], found["state"]) == (f"{host}:{port}", "redis", "up")
        assert found["queue"] == {"pushes": 0, "bytes": 0}
    assert cluster.push("r", 1, wait=True)["gateways"] == {"known": 2, "queued": 2, "acked": 2}
    assert [client.push() for client in clients] == [[1], [1]]
    assert cluster.gateway_metrics().get("fanfare_gateway_registered") == 1
    assert cluster.gateway_metrics().get("fanfare_gateway_redis_up", what="registry") == 1
    assert cluster.logic_metrics().get("fanfare_logic_redis_up", what="registry") == 1


def test_a_new_gateway_is_known_within_a_second(redis, make_cluster):
    cluster = make_cluster(redis=redis, logic={"discovery.refreshSeconds": 60})
    cluster.add_gateway()
    wait_until(lambda: cluster.is_ready(1), 10, "the gateway to be registered")
    await_listed(cluster, timeout=1, gateway0="up", gateway1="up")
    client = cluster.client("r", gateway=1)
    cluster.push("r", 1)
    assert client.push() == [1]


def test_an_entry_stays_while_its_gateway_lives(redis, make_cluster):
    cluster = make_cluster(redis=redis)
    least = TTL * 1000
    end = time.monotonic() + TTL + 0.5
    with redis.connect() as resp:
        while time.monotonic() < end:
            least = min(least, resp.call("PTTL", key("gateway0")))
            time.sleep(0.01)
    assert least > 0, "it is refreshed before it ends"
    assert cluster.gateway_metrics().get("fanfare_gateway_registry_refreshes_total") >= 3


def test_a_dead_gateway_goes_when_its_key_has_ended(redis, make_cluster):
    cluster = make_cluster(gateways=2, redis=redis, logic={"linkQueueSeconds": 1})
    client = cluster.client("r", gateway=0)
    with Flow(cluster) as flow:
        flow.more()
        cluster.gateways[1].kill()
        wait_until(lambda: cluster.listing()["gateway1"]["state"] != "up", 5, "the link to be seen broken")
        assert cluster.listing()["gateway1"]["lastError"]
        await_listed(cluster, gateway0="up")
        assert redis.call("KEYS", "*") == [key("gateway0")]
        flow.more()
    assert client.items(len(flow.accepted)) == flow.accepted
    assert cluster.push("r", "x", wait=True)["gateways"] == {"known": 1, "queued": 1, "acked": 1}


def test_draining_is_a_state_and_leaving_a_goodbye(redis, make_cluster):
    cluster = make_cluster(gateways=2, redis=redis, gateway={"drainSeconds": int(patient(4))})
    cluster.raw(gateway=1).join("r")  # it takes no notice of its close frame: the drain lasts
    news = Subscription(redis.address, CHANNEL)
    cluster.gateways[1].signal(15)
    await_listed(cluster, gateway0="up", gateway1="draining")
    assert entry(redis, "gateway1")["state"] == "draining"
    cluster.push("r", 1)
    assert cluster.gateways[1].wait(10) == 0
    assert redis.call("KEYS", "*") == [key("gateway0")]
    await_listed(cluster, timeout=1, gateway0="up")
    told = [json.loads(each) for each in news.until(lambda each: '"gone"' in each)]
    states = [each["state"] for each in told if each["id"] == "gateway1"]
    assert states == ["draining", "gone"]
    news.close()


def test_a_gateway_is_not_ready_before_it_stands_in_the_registry(redis, make_cluster):
    redis.kill()
    cluster = make_cluster(redis=redis, logics=0)
    with cluster.admin() as caller:
        answer = caller.get("/readyz")
        assert (answer.status, answer.error) == (503, "not_ready")
        assert caller.get("/healthz").status == 200
    assert cluster.gateway_metrics().get("fanfare_gateway_registered") == 0
    redis.start()
    wait_until(cluster.is_ready, 10, "the gateway to be registered")
    redis.kill()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_redis_up", what="registry") == 0)
    assert cluster.is_ready(), "Redis's loss does not change it"


def test_the_first_of_two_gateways_keeps_the_id(redis, make_cluster):
    cluster = make_cluster(redis=redis)
    first = cluster.gateways[0]
    second = cluster.add_gateway("second", gatewayId="gateway0")
    taken = wait_until(lambda: second.events("gateway id is taken"), 10, "the second one to say so")[0]
    assert taken["level"] == "error" and taken["id"] == "gateway0"
    assert str(first.port("rpc")) in " ".join(map(str, taken.values()))
    time.sleep(TTL + 0.5)  # longer than the entry would live by itself
    assert not cluster.is_ready(1)
    assert cluster.gateway_metrics(1).get("fanfare_gateway_registered") == 0
    assert len(second.events("gateway id is taken")) <= 1 + TTL // 10, "it asks again, and does not fill the log"
    assert entry(redis, "gateway0")["port"] == first.port("rpc")
    assert cluster.listing()["gateway0"]["address"].endswith(f":{first.port('rpc')}")
    assert cluster.is_ready(0) and not first.events("gateway id is taken")
    first.terminate()
    wait_until(lambda: cluster.is_ready(1), 5, "the second one to have the id")
    await_listed(cluster, gateway0="up")
    assert entry(redis, "gateway0")["port"] == second.port("rpc")
    client = cluster.client("r", gateway=1)
    cluster.push("r", 1, wait=True)
    assert client.push() == [1]


def test_whoever_gets_the_id_no_client_loses_a_push(redis, make_cluster):
    """An emptied registry lets the other one in: the link that works stays, whoever is listed."""
    cluster = make_cluster(redis=redis, logic={"linkQueueSeconds": 1})
    client = cluster.client("r")
    second = cluster.add_gateway("second", gatewayId="gateway0")
    wait_until(lambda: second.events("gateway id is taken"), 10, "the second one to ask")
    with Flow(cluster) as flow:
        for _ in range(3):
            redis.call("FLUSHALL")
            await_registered(redis, "gateway0")
            flow.more(40)
    assert client.items(len(flow.accepted)) == flow.accepted
    client.expect_nothing()


def test_a_gateway_killed_and_started_again_does_not_wait_for_its_own_entry(redis, make_cluster):
    cluster = make_cluster(redis=redis, gateway={"registryTtl": 60})
    cluster.gateways[0].kill()
    cluster.restart_gateway(0)
    wait_until(cluster.is_ready, 5, "the gateway to be registered again")
    assert not cluster.gateways[0].events("gateway id is taken")
    cluster.await_ready()


def test_an_id_that_moves_to_another_address_keeps_its_queue(redis, make_cluster):
    cluster = make_cluster(redis=redis, logic={"linkQueueSeconds": 30})
    with Flow(cluster) as flow:
        flow.more()
        old = cluster.gateways[0].port("rpc")
        cluster.gateways[0].kill()
        new = cluster.restart_gateway(0, same_ports=False).port("rpc")
        assert new != old
        follower = cluster.follower(flow)
        wait_until(cluster.is_ready, 10, "the gateway to be registered under its id")
        await_listed(cluster, gateway0="up")
        assert cluster.listing()["gateway0"]["address"] == f"127.0.0.1:{new}"
        flow.more()
    assert follower.await_last().faults() == []
    assert len(follower.sessions) == 1


def test_noise_in_the_registry_harms_nothing(redis, make_cluster):
    cluster = make_cluster(redis=redis, logic={"linkQueueSeconds": 1})
    client = cluster.client("r")
    with redis.connect() as resp:
        resp.call("RPUSH", key("a-list"), "x")
        resp.call("HSET", key("a-hash"), "id", "x")
        noise = ["", "x", "{", "[]", "null", "{}", "\x00\xff", b"\xff\xfe", "[" * 10000, "x" * 1000000]
        noise += [bogus("no port", port=0), bogus("bad id/", port=7), bogus("p", port=70000), bogus("p", port="1")]
        noise += [bogus("p", state="x"), bogus("p", host=""), bogus("p", host="h" * 1000), bogus("p" * 1000)]
        for number, value in enumerate(noise):
            resp.call("SET", key(f"noise{number}"), value)
            resp.call("PUBLISH", CHANNEL, value)
        resp.call("SET", key("other-id"), bogus("gateway0", port=1))
        resp.call("PUBLISH", CHANNEL, bogus("gateway0", state="gone"))
        readings = cluster.logic_metrics().get("fanfare_logic_registry_readings_total")
        wait_until(
            lambda: cluster.logic_metrics().get("fanfare_logic_registry_readings_total") >= readings + 2,
            10, "the registry to be read again",
        )
        cluster.push("r", 1)
        assert client.push() == [1]
        assert cluster.logic_metrics().get("fanfare_logic_registry_noise_total") >= len(noise)
        resp.call("DEL", key("other-id"))
    await_listed(cluster, gateway0="up")
    assert cluster.push("r", 2, wait=True)["gateways"] == {"known": 1, "queued": 1, "acked": 1}


def test_a_flooded_registry_harms_nothing(redis, make_cluster):
    cluster = make_cluster(redis=redis, logic={"linkQueueSeconds": 1})
    client = cluster.client("r")
    names = [f"bogus{n}" for n in range(2000)]

    def value(n):
        """Every fourth one looks like a gateway, at an address where there is none."""
        return bogus(names[n], host=f"127.9.{n // 250}.{n % 250 + 1}") if n % 4 == 0 else names[n]

    with redis.connect() as resp, Flow(cluster, rate=30) as flow:
        resp.pipeline(("SET", key(name), value(n)) for n, name in enumerate(names))
        wait_until(lambda: len(cluster.listing()) > 100, 20, "logic to have read them")
        flow.more(30)
        assert cluster.listing()["gateway0"]["state"] == "up"
        with cluster.caller() as caller:
            begun = time.monotonic()
            assert caller.get("/healthz").status == 200
            assert time.monotonic() - begun < patient(1)
        resp.pipeline(("DEL", key(n)) for n in names)
        await_listed(cluster, timeout=20, gateway0="up")
    assert client.items(len(flow.accepted)) == flow.accepted
    assert flow.slowest < patient(2)


def test_a_registry_that_is_emptied_takes_no_working_gateway_away(redis, make_cluster):
    options = {"linkQueueSeconds": 1}
    cluster = make_cluster(gateways=2, redis=redis, gateway={"registryTtl": 60}, logic=options)
    clients = [cluster.client("r", gateway=n) for n in (0, 1)]
    with Flow(cluster) as flow:
        redis.call("FLUSHALL")
        time.sleep(2.5)  # several readings of an empty registry
        assert redis.call("DBSIZE") == 0
        assert listed(cluster, gateway0="up", gateway1="up")
    for client in clients:
        assert client.items(len(flow.accepted)) == flow.accepted


def test_a_gateway_both_listed_and_registered_has_one_link(redis, make_cluster):
    cluster = make_cluster(redis=redis, listed=True, logic=DISCOVERING)
    await_registered(redis, "gateway0")
    wait_until(lambda: listed(cluster, gateway0="up"), 5, "the two to be taken for one")
    assert cluster.push("r", 1, wait=True)["gateways"] == {"known": 1, "queued": 1, "acked": 1}
    cluster.gateways[0].kill()
    redis.call("DEL", key("gateway0"))
    time.sleep(1.5)
    assert len(cluster.listing()) == 1, "what the config lists stays"


@pytest.mark.parametrize("way", ["unix socket and db", "user with few rights", "password"])
def test_ways_to_redis(make_redis, make_cluster, way):
    redis = make_redis(password="se:cr@t/%" if way == "password" else None)
    db, url = 0, redis.url()
    if way == "unix socket and db":
        db, url = 2, redis.unix_url(2)
    if way == "user with few rights":
        rights = "-@all +auth +select +ping +role +exists +get +set +del +mget +scan +hscan +hset +hdel +eval +publish +subscribe"
        user = ["fanfare", "on", ">pass word", "~fanfare:gateway:*", "~fanfare:idempotency:*", "~fanfare:bans", "&fanfare:*"]
        redis.call("ACL", "SETUSER", *user, *rights.split(), "+unsubscribe")
        url = redis.url(user="fanfare", password="pass word")
    options = {"redis.url": url}
    bus = {"bus.listen": True, **options}
    cluster = make_cluster(redis=redis, gateway=bus, logic={"bus.mode": "mirror", **options})
    assert redis.call("KEYS", "*", db=db) == [key("gateway0")]
    client = cluster.client("r")
    cluster.push("r", 1, wait=True)
    assert client.push() == [1]
    for daemon in cluster.daemons():
        assert "cr@t" not in daemon.log() and "pass word" not in daemon.log() and "%40t" not in daemon.log()


def test_prefixes_keep_clusters_apart(redis, make_cluster):
    options = [{"redis.prefix": prefix, "bus.channel": f"{prefix}:bus"} for prefix in ("one", "two")]
    one, two = (
        make_cluster(redis=redis, gateway={"bus.listen": True, **each}, logic={"bus.mode": "mirror", **each})
        for each in options
    )
    assert sorted(redis.call("KEYS", "*")) == ["one:gateway:gateway0", "two:gateway:gateway0"]
    assert len(one.listing()) == len(two.listing()) == 1
    here, there = one.client("r"), two.client("r")
    one.push("r", 1, wait=True)
    assert here.push() == [1]
    there.expect_nothing()
