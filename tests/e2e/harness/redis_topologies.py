# SPDX-License-Identifier: Apache-2.0
"""Redis in company: a master and its replica under three sentinels, and the nodes of a cluster."""

import os
import pathlib

from harness.ports import free_port
from harness.redis_server import RedisProcess, RedisServer
from harness.waiting import patient, wait_until

MASTER_NAME = "fanfare-master"


class Sentinels:
    """Three redis-sentinel processes that know one another and watch `master` and its `replica`."""

    def __init__(self, directory, count=3):
        self.directory = pathlib.Path(directory)
        self.sentinels = []
        self.master = RedisServer(directory, "master", repl_diskless_sync_delay=0)
        self.replica = RedisServer(directory, "replica", replicaof=["127.0.0.1", str(self.master.port)])
        ids = [os.urandom(20).hex() for _ in range(count)]
        for number in range(count):
            self.sentinels.append(
                RedisProcess("redis-sentinel", lambda: ["sentinel.conf"], directory, f"sentinel{number}")
            )
        for number, each in enumerate(self.sentinels):
            others = [(ids[n], other.port) for n, other in enumerate(self.sentinels) if n != number]
            (each.directory / "sentinel.conf").write_text(self._config(ids[number], each.port, others))
            each.start()
        wait_until(lambda: self.replica.info("replication").get("master_link_status") == "up", 20, "the replica")
        wait_until(lambda: all(self._quorum(each) for each in self.sentinels), 20, "the sentinels to agree")

    def _config(self, own_id, port, others):
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"sentinel myid {own_id}",
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {self.master.port} 2",
            f"sentinel down-after-milliseconds {MASTER_NAME} {int(patient(1000))}",
            f"sentinel failover-timeout {MASTER_NAME} 3000",
            f"sentinel known-replica {MASTER_NAME} 127.0.0.1 {self.replica.port}",
        ]
        lines += [f"sentinel known-sentinel {MASTER_NAME} 127.0.0.1 {port} {each}" for each, port in others]
        return "\n".join(lines) + "\n"

    @staticmethod
    def _quorum(sentinel):
        facts = sentinel.call("SENTINEL", "MASTER", MASTER_NAME)
        facts = dict(zip(facts[::2], facts[1::2]))
        return facts["flags"] == "master" and facts["num-slaves"] == "1" and facts["num-other-sentinels"] == "2"

    def options(self):
        hosts = [f"127.0.0.1:{each.port}" for each in self.sentinels]
        return {"redis.url": "redis://by-sentinels/0", "redis.sentinels": hosts, "redis.masterName": MASTER_NAME}

    def master_port(self):
        """Whom the first sentinel that lives takes for the master."""
        alive = next(each for each in self.sentinels if each.alive())
        return int(alive.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)[1])

    def finish(self):
        for each in [*self.sentinels, self.replica, self.master]:
            each.finish()


class ClusterNodes:
    """Nodes of a Redis Cluster, each with a part of the slots and no replica."""

    def __init__(self, directory, count=3):
        self.nodes = [self._node(directory, number) for number in range(count)]
        bounds = [16384 * number // count for number in range(count + 1)]
        for number, node in enumerate(self.nodes):
            node.call("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            self.nodes[0].call("CLUSTER", "MEET", "127.0.0.1", node.port, node.config["cluster_port"])
        wait_until(lambda: all(self.whole(node) for node in self.nodes), 30, "the cluster to be whole")

    @staticmethod
    def _node(directory, number):
        options = {"cluster_enabled": "yes", "cluster_node_timeout": 2000, "cluster_config_file": "nodes.conf"}
        options["cluster_require_full_coverage"] = "no"
        return RedisServer(directory, f"node{number}", cluster_port=free_port(), **options)

    def whole(self, node):
        facts = dict(line.split(":") for line in node.call("CLUSTER", "INFO").splitlines())
        known = facts["cluster_known_nodes"] == str(len(self.nodes)) and facts["cluster_slots_ok"] == "16384"
        return known and facts["cluster_state"] == "ok"

    def slot(self, key):
        return self.nodes[0].call("CLUSTER", "KEYSLOT", key)

    def owner(self, key):
        """The node that has the key's slot."""
        slot = self.slot(key)
        for first, last, (_, port, *_), *_ in self.nodes[0].call("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"nobody has slot {slot}")

    def stranger(self, key):
        """A node that has not the key's slot."""
        return next(node for node in self.nodes if node is not self.owner(key))

    def options(self, node, prefix="{fanfare}"):
        return {**node.options(), "redis.prefix": prefix}

    def finish(self):
        for node in self.nodes:
            node.finish()
