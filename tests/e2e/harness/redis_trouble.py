# SPDX-License-Identifier: Apache-2.0
"""Clusters that use Redis for all that it is used for, and what they do while it does not serve them."""

import os
import time

from harness.numbered import Flow, expect_exactly
from harness.waiting import wait_until

WINDOW = 1.2  # seconds in which a daemon must not spin
BUS = {"gateway": {"bus.listen": True}, "logic": {"bus.mode": "mirror"}}
TROUBLE = ("redis is not reachable", "redis refuses us")
USES = {"fanfare-gateway": {"registry", "bus"}, "fanfare-logic": {"registry", "news", "bus", "state"}}
REGISTRY = {program: {"registry"} for program in USES}


def everything(make_cluster, redis, gateways=2, gateway=None, logic=None, **options):
    """Registry and bus at once: whatever Redis is used for."""
    gateway, logic = {**BUS["gateway"], **(gateway or {})}, {**BUS["logic"], **(logic or {})}
    return make_cluster(redis=redis, gateways=gateways, gateway=gateway, logic=logic, **options)


def audience(cluster, count=4):
    return [cluster.client("r", gateway=n % len(cluster.gateways)) for n in range(count)]


def troubles(daemon):
    """The log's lines about Redis, by what it is used for."""
    found = {}
    for event in daemon.events():
        if event.get("msg") in TROUBLE:
            found.setdefault(event.get("what", "suppressed"), []).append(event)
    return found


def redis_reconnects(cluster):
    """Connections to Redis that failed, by daemon and use."""
    metrics = [cluster.gateway_metrics(n) for n in range(len(cluster.gateways))] + [cluster.logic_metrics()]
    return {
        (number, *key): value
        for number, each in enumerate(metrics)
        for key, value in each.samples.items()
        if key[0].endswith("_redis_reconnects_total")
    }


def cpu_seconds(daemon):
    with open(f"/proc/{daemon.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def await_trouble(cluster, uses=USES):
    """Every daemon says what is wrong, for each use that Redis does not serve."""
    for daemon in cluster.daemons():
        wait_until(lambda: uses[daemon.program] <= set(troubles(daemon)), 10, f"{daemon.name} to say what is wrong")


def expect_calm_refusal(cluster, *words, uses=USES):
    """Redis does not serve: one line of log for each use that names why, no spin, pushes as ever."""
    clients = audience(cluster)
    await_trouble(cluster, uses)
    reconnects, cpu = redis_reconnects(cluster), [cpu_seconds(daemon) for daemon in cluster.daemons()]
    with Flow(cluster, rate=50) as flow:
        time.sleep(WINDOW)
    spent = [now - before for now, before in zip(map(cpu_seconds, cluster.daemons()), cpu)]
    assert max(spent) < WINDOW / 2, f"CPU seconds in {WINDOW} s: {spent}"
    made = {key: value - reconnects[key] for key, value in redis_reconnects(cluster).items()}
    assert 0 < max(made.values()) <= 10, f"new connections in {WINDOW} s: {made}"
    for daemon in cluster.daemons():
        for what, events in troubles(daemon).items():
            assert len(events) <= 2, f"{daemon.name}, {what}: {len(events)} lines"
            said = " ".join(map(str, events[-1].values()))
            assert events[-1]["level"] in ("warn", "error") and any(word in said for word in words), events
    expect_exactly(clients, flow)
