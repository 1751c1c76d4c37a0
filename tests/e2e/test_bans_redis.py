# SPDX-License-Identifier: Apache-2.0
"""Bans stand in Redis too, so that they outlive a restart of every logic and every gateway."""

import json
import time

import pytest
import websockets

from harness.fake_redis import FakeRedis, like_a_master
from harness.issuer import Issuer
from harness.rpc import RpcCaller
from harness.waiting import patient, wait_until

BANS = "fanfare:bans"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def spread(redis, make_cluster, issuer):
    """Two logics, two gateways that ask for tokens, and a Redis."""
    cluster = make_cluster(redis=redis, gateways=2, logics=2, gateway=issuer.options())
    cluster.the_redis = redis
    return cluster


def comes_in(cluster, issuer, user, gateway=0):
    """Whether the user is let in; who is not is told that it is banned."""
    client = cluster.client(gateway=gateway, extra_headers={"Authorization": f"Bearer {issuer.token(user)}"})
    try:
        client.send({"type": "PING", "id": 1})
    except websockets.ConnectionClosed:
        pass
    answer = json.loads(client.receive())
    assert answer["type"] == "ACK" or answer["data"]["code"] == "banned", answer
    return answer["type"] == "ACK"


def order(cluster, user, seconds=600, gateway=0):
    """A ban as a gateway learns it from a logic; 0 seconds lift it."""
    at = time.time()
    until = int(at) + seconds if seconds else 0
    ban = {"user": user, "until": until, "at": int(at * 1000), "keep": max(until, int(at) + 3600)}
    part = {"from": 10000, "last": True, "bans": [ban]}
    with RpcCaller(cluster.gateways[gateway].address("rpc"), cluster.certs.client_context()) as caller:
        answer = caller.request("POST", "/rpc/bans", json.dumps(part).encode(), "application/json")
    assert answer.status == 200, answer
    return f"1 {until} {int(at * 1000)} {ban['keep']}"


def in_redis(redis):
    found = redis.call("HGETALL", BANS)
    return dict(zip(found[::2], found[1::2]))


def counted(cluster, logic=0):
    return cluster.logic_metrics(logic).get("fanfare_logic_bans")


def restart_all(cluster):
    """Everything ends before anything begins again."""
    for daemon in cluster.daemons():
        daemon.process.kill()
        daemon.allowed_exit.add(-9)
        daemon.process.wait()
    for gateway in range(len(cluster.gateways)):
        cluster.restart_gateway(gateway)
    for logic in range(len(cluster.logics)):
        cluster.restart_logic(logic)


def test_a_ban_outlives_all_logics_and_all_gateways(spread, issuer):
    value = order(spread, "bad")
    wait_until(lambda: in_redis(spread.the_redis) == {"bad": value}, 20, "the ban in Redis")
    restart_all(spread)
    for gateway in (0, 1):
        wait_until(lambda: spread.is_ready(gateway), 20, "the gateway to know who is banned")
        assert not comes_in(spread, issuer, "bad", gateway), "from its first moment on"
        assert comes_in(spread, issuer, "good", gateway)


def test_what_is_lifted_stays_lifted(spread, issuer):
    order(spread, "sorry")
    wait_until(lambda: in_redis(spread.the_redis), 20, "the ban in Redis")
    value = order(spread, "sorry", 0, gateway=1)
    wait_until(lambda: in_redis(spread.the_redis) == {"sorry": value}, 20, "the ban to be lifted there")
    restart_all(spread)
    wait_until(lambda: spread.is_ready(), 20, "the gateway to know who is banned")
    assert comes_in(spread, issuer, "sorry")


def test_redis_that_has_forgotten_is_told(spread):
    value = order(spread, "bad")
    wait_until(lambda: in_redis(spread.the_redis) == {"bad": value}, 20, "the ban in Redis")
    spread.the_redis.kill()
    spread.the_redis.start()
    wait_until(lambda: in_redis(spread.the_redis) == {"bad": value}, 20, "the ban in Redis again")


def test_thousands_are_read_and_written(redis, make_cluster):
    now = int(time.time())
    users = {f"u{n}": f"1 {now + 600} {now * 1000} {now + 3600}" for n in range(3000)}
    with redis.connect() as resp:
        for user, value in users.items():
            resp.call("HSET", BANS, user, value)
    cluster = make_cluster(redis=redis)
    wait_until(lambda: counted(cluster) == 3000, 20, "logic to know them")
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_bans") == 3000, 20, "the gateway to know them")
    redis.kill()
    redis.start()
    wait_until(lambda: in_redis(redis) == users, 20, "all of them in Redis again")


def test_what_is_over_or_no_ban_keeps_nobody_out(redis, make_cluster):
    now = int(time.time())
    redis.call("HSET", BANS, "over", f"1 {now - 10} {(now - 5000) * 1000} {now - 10}", "noise", "hello",
               "later", f"2 {now + 600}")
    cluster = make_cluster(redis=redis)
    wait_until(lambda: set(in_redis(redis)) == {"noise", "later"}, 20, "what is over to be deleted")
    assert counted(cluster) == 0


def test_redis_that_says_nothing_is_not_waited_for_for_ever(make_cluster, issuer):
    """Three seconds: the gateway asks its logics for no longer than five."""
    silent = FakeRedis(lambda words: None if words[0] == "HSCAN" else like_a_master(words))
    cluster = make_cluster(gateway=issuer.options(), logic={**silent.options(), "redis.timeout": 60000}, ready=False)
    wait_until(lambda: cluster.logics[0].events("bans not read from Redis in time"), 20, "logic to go on")
    wait_until(lambda: cluster.is_ready(), 20, "the gateway to be let go")
    assert not cluster.gateways[0].events("no logic has said who is banned: clients are let in")
    assert comes_in(cluster, issuer, "good")
