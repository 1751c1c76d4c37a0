# SPDX-License-Identifier: Apache-2.0
"""Metrics: the accounting adds up at rest, the text is what scrapers read, and every name is documented."""

import re

import pytest

from harness.build import ROOT
from harness.http import Caller
from harness.waiting import wait_until

PROCESS = {"process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total",
           "process_start_time_seconds", "fanfare_build_info"}


def table_names(which):
    """Every metric's name as the X-macro table of a daemon has it."""
    text = (ROOT / which / f"{which}_metrics.h").read_text()
    prefixes = dict(re.findall(r'#define (\w) "(\w+)"', text))
    names = set()
    for letter, rest in re.findall(r'X\(L?M_\w+,\s*(\w) "(\w+)"', text):
        names.add(prefixes[letter] + rest)
    assert len(names) > 10, f"the table of {which} was not understood"
    return names


def metrics_of(cluster, which):
    return cluster.gateway_metrics() if which == "gateway" else cluster.logic_metrics()


@pytest.mark.parametrize("which", ["gateway", "logic"])
def test_every_row_of_the_table_is_exposed_and_no_other(cluster, which):
    metrics = metrics_of(cluster, which)
    assert metrics.names() == table_names(which) | PROCESS


@pytest.mark.parametrize("which", ["gateway", "logic"])
def test_names_types_and_help_follow_the_conventions(cluster, which):
    metrics = metrics_of(cluster, which)
    for name in metrics.names():
        assert metrics.help.get(name), f"{name} has no HELP"
        if metrics.types[name] == "counter":
            assert name.endswith("_total"), f"counter {name} does not end in _total"
        else:
            assert not name.endswith("_total"), f"{metrics.types[name]} {name} ends in _total"
    assert all(value >= 0 for value in metrics.samples.values())
    version = [dict(labels)["version"] for name, labels in metrics.samples if name == "fanfare_build_info"]
    assert len(version) == 1 and version[0]


@pytest.mark.parametrize("which", ["gateway", "logic"])
def test_every_name_is_documented_and_every_documented_name_exists(cluster, which):
    documented = set()
    for page in (ROOT / "docs").rglob("*.md"):
        documented |= set(re.findall(rf"\bfanfare_{which}_\w+", page.read_text()))
    names = table_names(which)
    assert names - documented == set(), "not in docs/"
    assert documented - names == set(), "in docs/, but not exposed"


def test_dashboards_and_alerts_use_names_that_exist(cluster):
    known = table_names("gateway") | table_names("logic") | PROCESS
    for page in (ROOT / "deploy").rglob("*"):
        if page.suffix in (".json", ".yaml", ".yml") and page.is_file():
            used = set(re.findall(r"\bfanfare_(?:gateway|logic)_\w+", page.read_text()))
            assert used <= known, f"{page.name}: {used - known}"


def gateway_rest(metrics):
    g = "fanfare_gateway_"
    return (metrics.get(g + "items_merging") == 0 and metrics.get(g + "frames_queued") == 0
            and metrics.get(g + "fanout_jobs") == 0)


def gateway_at_rest(cluster):
    def resting():
        metrics = cluster.gateway_metrics()
        return gateway_rest(metrics) and metrics

    return wait_until(resting, what="the gateway to be at rest")


def assert_gateway_adds_up(metrics):
    g = "fanfare_gateway_"
    assert metrics.get(g + "items_received_total") == (
        metrics.get(g + "items_merged_total") + metrics.get(g + "items_no_audience_total")
        + metrics.total(g + "items_dropped_total"))
    assert metrics.get(g + "frames_addressed_total") == (
        metrics.get(g + "frames_delivered_total") + metrics.total(g + "frames_dropped_total"))


def test_the_gateways_accounting_adds_up(make_cluster):
    cluster = make_cluster(gateway={"slowClientPolicy": "close", "clientQueueBytes": 65536, "maxMergerBatchSize": 1,
                                    "maxMergerDelay": 0})
    clients = [cluster.client("a", "b"), cluster.client("a"), cluster.client()]
    slow = cluster.raw(receive_buffer=16384)
    slow.join("a")
    leaves = cluster.raw()
    leaves.join("b")
    with cluster.caller() as caller:
        for n in range(40):
            caller.post("/push/room", {"room": "a", "items": [n]})
            caller.post("/push/room", {"rooms": ["a", "b", "nobody"], "items": [n, n]})
            caller.post("/push/all", {"items": [n]})
            if n == 20:
                leaves.close()
        for n in range(400):
            answer = caller.post("/push/room?wait=1", {"room": "a", "items": ["x" * 60000]})
            assert answer.status == 200, answer
            if n % 10 == 9 and cluster.gateway_metrics().get("fanfare_gateway_closes_total", code="4200"):
                break
    clients[2].items(40)
    slow.close()  # it would read the rest for minutes: its window is smaller than a segment
    metrics = gateway_at_rest(cluster)
    assert_gateway_adds_up(metrics)
    assert metrics.get("fanfare_gateway_items_no_audience_total") >= 80
    assert metrics.get("fanfare_gateway_frames_dropped_total", reason="slow_closed") > 0
    assert metrics.get("fanfare_gateway_closes_total", code="4200") == 1


def test_items_and_frames_are_counted_exactly(make_cluster):
    cluster = make_cluster(gateway={"maxMergerBatchSize": 10})
    clients = [cluster.client("r") for _ in range(4)]
    before = cluster.gateway_metrics()
    cluster.push("r", *range(100))
    cluster.push(None, *range(30))
    for client in clients:
        client.items(130)
    after = gateway_at_rest(cluster)

    def grew(name, **labels):
        name = "fanfare_gateway_" + name
        return after.total(name, **labels) - before.total(name, **labels)

    assert grew("pushes_total") == 2
    assert grew("items_received_total") == 130
    assert grew("items_by_target_total", target="room") == 100
    assert grew("items_by_target_total", target="all") == 30
    assert grew("merge_batches_total") == 13
    assert grew("frames_addressed_total") == grew("frames_delivered_total") == 13 * 4
    assert grew("frames_dropped_total") == 0
    assert_gateway_adds_up(after)


def test_logics_accounting_adds_up(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True, logic={"linkQueueSeconds": 1, "gatewayMaxPendingCount": 20})
    with cluster.caller() as caller:
        for n in range(30):
            caller.post("/push/room", {"room": "r", "items": [n, n]})
        caller.post("/push/room", {"room": "", "items": [1]})
        caller.post("/push/batch", [{"room": "r", "items": [1]}, {"room": "r"}])
        cluster.proxies[1].refuse()
        wait_until(lambda: cluster.push("r", 1)["gateways"].get("down"), what="the link to be down")
        for n in range(30):
            caller.post("/push/room", {"room": "r", "items": [n]})
        wait_until(lambda: cluster.push("r", 1)["gateways"]["queued"] == 1, what="the link's queue to close")
        queued = lambda: cluster.logic_metrics().get("fanfare_logic_link_pushes_queued")
        wait_until(lambda: queued() == 0, what="logic to be at rest")
        metrics = cluster.logic_metrics()
    one = "fanfare_logic_"
    assert metrics.get(one + "pushes_received_total") == (
        metrics.get(one + "pushes_accepted_total") + metrics.total(one + "pushes_refused_total"))
    assert metrics.get(one + "items_received_total") == (
        metrics.get(one + "items_accepted_total") + metrics.total(one + "items_refused_total"))
    for what in ("pushes", "items"):
        assert metrics.get(f"{one}link_{what}_accepted_total") == (
            metrics.get(f"{one}link_{what}_acked_total") + metrics.total(f"{one}link_{what}_dropped_total"))
    assert metrics.total(one + "link_pushes_dropped_total") > 0
    assert metrics.get(one + "pushes_refused_total", reason="invalid") == 2
    assert metrics.get(one + "link_bytes_queued") == 0
    assert (metrics.get(one + "gateways", source="static"), metrics.total(one + "links")) == (2, 2)


def test_one_kind_of_wire_is_in_use(cluster):
    metrics = cluster.gateway_metrics()
    kinds = [metrics.get("fanfare_gateway_wire", kind=kind) for kind in ("uring", "send")]
    assert sorted(kinds) == [0, 1]


def test_metrics_are_the_same_over_and_over(cluster):
    """Reading changes nothing but what it must, and counters never fall."""
    first, second = cluster.gateway_metrics(), cluster.gateway_metrics()
    assert set(first.samples) == set(second.samples)
    for key, value in first.samples.items():
        if first.types[first.family[key[0]]] == "counter":
            assert second.samples[key] >= value, key


def test_no_label_carries_a_room(cluster, room):
    client = cluster.client(room)
    cluster.push(room, 1)
    assert client.push() == [1]
    for which in ("gateway", "logic"):
        host, port = (cluster.gateways[0].address("admin") if which == "gateway" else cluster.api())
        with Caller(host, port) as caller:
            assert room not in caller.get("/metrics").body.decode()
