# SPDX-License-Identifier: Apache-2.0
"""Redis under sentinels, and as a cluster: the registry and the bus find their way."""

import time

import pytest

from harness.cluster import TTL
from harness.numbered import Flow, expect_exactly
from harness.redis_server import free_port
from harness.redis_topologies import ClusterNodes, Sentinels
from harness.waiting import wait_until

BUS = {"gateway": {"bus.listen": True}, "logic": {"bus.mode": "mirror"}}
KEYS = ["{fanfare}:gateway:gateway0", "{fanfare}:gateway:gateway1"]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    made = ClusterNodes(tmp_path_factory.mktemp("nodes"))
    yield made
    made.finish()


@pytest.fixture
def sentinels(tmp_path):
    made = Sentinels(tmp_path)
    yield made
    made.finish()


class Spread:
    """Options for a cluster whose gateways and logic know one node each."""

    def __init__(self, nodes, node):
        self.nodes, self.node = nodes, node

    def options(self):
        return self.nodes.options(self.node)


def audience(cluster, count=4):
    return [cluster.client("r", gateway=n % len(cluster.gateways)) for n in range(count)]


def in_slot(nodes):
    return sorted(nodes.owner("{fanfare}:gateways").call("KEYS", "*"))


def test_the_sentinels_are_asked_for_the_master_and_asked_again(sentinels, make_cluster):
    options = sentinels.options()
    dead = f"127.0.0.1:{free_port()}"
    listed = {"redis.sentinels": [dead, *options["redis.sentinels"]], "redis.timeout": 500}
    gateway, logic = {**BUS["gateway"], **listed}, {**BUS["logic"], **listed}
    cluster = make_cluster(redis=sentinels, gateways=2, gateway=gateway, logic=logic)
    clients = audience(cluster)
    names = ["fanfare:gateway:gateway0", "fanfare:gateway:gateway1"]
    assert sorted(sentinels.master.call("KEYS", "*")) == names
    with Flow(cluster, rate=200) as flow:
        flow.more()
        sentinels.sentinels[0].kill()
        sentinels.master.kill()
        wait_until(lambda: sentinels.master_port() == sentinels.replica.port, 20, "the sentinels to choose a master")
        wait_until(lambda: sentinels.replica.info("replication")["role"] == "master", 20, "it to be the master")
        wait_until(lambda: sentinels.replica.call("EXISTS", *names) == 2, 20, "the gateways to be registered there")
        wait_until(lambda: all(cluster.bus_up(n) for n in (0, 1)), 20, "the bus to be up there")
        flow.more()
        sentinels.master.start()
        flow.more()
    expect_exactly(clients, flow)
    newcomer = cluster.add_gateway()
    wait_until(lambda: cluster.listing().get("gateway2", {}).get("state") == "up", 20, f"{newcomer.name} to be found")


def test_a_master_name_that_no_sentinel_knows(sentinels, make_cluster):
    name = {"redis.masterName": "somebody-else"}
    cluster = make_cluster(redis=sentinels, listed=True, gateway=name, ready=False)
    cluster.await_links()
    gateway = cluster.gateways[0]

    def said():
        return [event for event in gateway.events() if "somebody-else" in " ".join(map(str, event.values()))]

    wait_until(said, 10, "the gateway to name what it cannot find")
    before = cluster.gateway_metrics().total("fanfare_gateway_redis_reconnects_total")
    time.sleep(1.2)
    assert len(said()) <= 2
    assert cluster.gateway_metrics().total("fanfare_gateway_redis_reconnects_total") - before < 20
    assert not cluster.is_ready()


def test_any_node_of_a_cluster_will_do(nodes, make_cluster):
    stranger = nodes.stranger("{fanfare}:gateways")
    cluster = make_cluster(redis=Spread(nodes, stranger), gateways=2, **BUS)
    assert in_slot(nodes) == KEYS
    clients = audience(cluster)
    with Flow(cluster) as flow:
        flow.more(60)
    expect_exactly(clients, flow)
    applied = cluster.gateway_metrics().get("fanfare_gateway_pushes_applied_total", path="bus")
    duplicates = cluster.gateway_metrics().get("fanfare_gateway_duplicates_total", path="bus")
    assert applied + duplicates > 0, "the bus works"
    cluster.gateways[1].terminate()
    wait_until(lambda: in_slot(nodes) == KEYS[:1], 5, "the entry to be gone")
    wait_until(lambda: len(cluster.listing()) == 1, 5, "logic to hear of it")


def test_only_the_bus_of_a_cluster(nodes, make_cluster):
    here, there = nodes.nodes[:2]
    options = {**BUS["gateway"], **nodes.options(there)}
    logic = {"bus.mode": "only", "gatewayList": []}
    cluster = make_cluster(redis=Spread(nodes, here), listed=True, gateways=2, gateway=options, logic=logic)
    clients = audience(cluster)
    with Flow(cluster) as flow:
        flow.more(60)
    expect_exactly(clients, flow)


def move_slot(nodes, slot, source, target):
    """The slot and what is in it go to another node, as an operator does it."""
    ids = {node: node.call("CLUSTER", "MYID") for node in (source, target)}
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])

    def moved():
        keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, 100)
        if keys:
            source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 1000, "REPLACE", "KEYS", *keys)
        return not source.call("CLUSTER", "COUNTKEYSINSLOT", slot)

    wait_until(moved, 10, "the slot to be empty")
    for node in (target, source):
        node.call("CLUSTER", "SETSLOT", slot, "NODE", ids[target])


def test_a_slot_that_moves_is_followed(nodes, make_cluster):
    source, target = nodes.owner("{fanfare}:gateways"), nodes.stranger("{fanfare}:gateways")
    slot = nodes.slot("{fanfare}:gateways")
    cluster = make_cluster(redis=Spread(nodes, source), gateways=2, logic={"linkQueueSeconds": 1})
    clients = audience(cluster)
    with Flow(cluster) as flow:
        flow.more()
        move_slot(nodes, slot, source, target)
        wait_until(lambda: sorted(target.call("KEYS", "*")) == KEYS, 10, "the gateways to follow")
        time.sleep(TTL + 0.5)  # the entries that were moved along have ended by now
        assert sorted(target.call("KEYS", "*")) == KEYS
        cluster.add_gateway()
        wait_until(lambda: cluster.listing().get("gateway2", {}).get("state") == "up", 10, "logic to follow too")
        flow.more()
    expect_exactly(clients, flow)
    cluster.gateways[2].kill()
    wait_until(lambda: set(cluster.listing()) == {"gateway0", "gateway1"}, 10, "logic to read the registry there")
    wait_until(lambda: nodes.owner("{fanfare}:gateways") is target, 10, "all nodes to know")
