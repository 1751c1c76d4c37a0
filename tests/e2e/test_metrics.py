# SPDX-License-Identifier: Apache-2.0
"""Metrics: the accounting adds up at rest, the text is what scrapers read, and every name is documented."""

import re
import socket
import ssl
import subprocess
import time

import pytest

from harness.build import ROOT
from harness.http import Caller
from harness.raw_ws import RawClient, handshake
from harness.waiting import patient, wait_until

PROCESS = {"process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total",
           "process_start_time_seconds", "fanfare_build_info"}


def table_names(which):
    """Every metric's name as the X-macro table of a daemon has it."""
    text = "".join((ROOT / which / "metrics" / f"{which}_metrics.{kind}").read_text() for kind in "hc")
    prefixes = dict(re.findall(r'#define (\w) "(\w+)"', text))
    names = set()
    for letter, rest in re.findall(r'(?:X\(L?M_\w+,|\[M_CLOSED_##code\] = {)\s*(\w) "(\w+)"', text):
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
    known = set()
    for which in ("gateway", "logic"):
        metrics = metrics_of(cluster, which)
        known |= metrics.names() | set(metrics.family)
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
        return gateway_rest(metrics)

    wait_until(resting, 30, "the gateway to be at rest")
    return cluster.gateway_metrics()


def assert_gateway_adds_up(metrics):
    g = "fanfare_gateway_"
    assert metrics.get(g + "items_received_total") == (
        metrics.get(g + "items_merged_total") + metrics.get(g + "items_no_audience_total")
        + metrics.get(g + "items_conflated_total")
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
        def taken():
            """What became of one more push at the gateways; nothing when a queue was full for the moment."""
            answer = caller.post("/push/room", {"room": "r", "items": [1]})
            return answer.json["gateways"] if answer.status == 200 else {}

        for n in range(30):
            caller.post("/push/room", {"room": "r", "items": [n, n]})
        caller.post("/push/room", {"room": "", "items": [1]})
        caller.post("/push/batch", [{"room": "r", "items": [1]}, {"room": "r"}])
        cluster.proxies[1].refuse()
        wait_until(lambda: taken().get("connecting"), what="the link to break")
        for n in range(30):
            caller.post("/push/room", {"room": "r", "items": [n]})
        wait_until(lambda: taken().get("queued") == 1, what="the link's queue to close")
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
    kinds = {kind: metrics.get("fanfare_gateway_wire", kind=kind) for kind in ("uring", "send")}
    assert min(kinds.values()) == 0 < max(kinds.values())
    with cluster.admin() as admin:
        assert kinds[admin.get("/stats").json["wire"]] > 0


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


def quiet_gateway(cluster):
    """The gateway's metrics now that it is at rest, and a way to ask what grew since."""
    before = gateway_at_rest(cluster)

    def grown():
        after = gateway_at_rest(cluster)
        return lambda name, **labels: (
            after.total("fanfare_gateway_" + name, **labels) - before.total("fanfare_gateway_" + name, **labels))

    return grown


def test_a_push_is_timed_once_a_bucket_whatever_its_clients(make_cluster):
    cluster = make_cluster(gateway={"bucketThreads": 2})
    clients = [cluster.client("r") for _ in range(6)]
    grown, began = quiet_gateway(cluster), time.monotonic()
    cluster.push("r", 1, 2, 3)
    for client in clients:
        assert client.items(3) == [1, 2, 3]
    grew, took = grown(), time.monotonic() - began
    assert (grew("batch_items_count"), grew("batch_items_sum")) == (1, 3)
    assert (grew("batch_items_bucket", le="2"), grew("batch_items_bucket", le="5")) == (0, 1)
    assert grew("merge_wait_seconds_count") == 1
    assert grew("fanout_seconds_count") == grew("push_to_socket_seconds_count") == 2
    assert 0 <= grew("merge_wait_seconds_sum") < took
    assert 0 < grew("fanout_seconds_sum") < 2 * took
    assert grew("push_to_socket_seconds_sum") < 2 * took
    assert grew("push_to_socket_seconds_sum") >= 2 * grew("merge_wait_seconds_sum") + grew("fanout_seconds_sum")


def test_the_wait_for_the_merge_window_is_seen(make_cluster):
    window = patient(1)
    cluster = make_cluster(gateway={"bucketThreads": 1, "maxMergerDelay": int(window * 1000)})
    client = cluster.client("r")
    grown = quiet_gateway(cluster)
    cluster.push("r", 1)
    assert client.items(1) == [1]
    cluster.push("r", 2, wait=True)
    cluster.push("r", 3)
    assert client.items(2) == [2, 3]
    grew = grown()
    for name in ("merge_wait_seconds", "push_to_socket_seconds"):
        assert grew(name + "_count") == 2
        assert grew(name + "_bucket", le="0.25") == 1, "the first push found its room quiet"
        assert 0.25 < grew(name + "_sum") < 2 * window
    assert grew("fanout_seconds_sum") < grew("merge_wait_seconds_sum")


def test_what_reaches_nobody_is_not_timed(make_cluster):
    cluster = make_cluster(logic={"canary.intervalSeconds": 1}, gateway={"bucketThreads": 2})
    arrived = lambda: cluster.gateway_metrics().get("fanfare_gateway_canaries_total", result="arrived")
    wait_until(lambda: arrived() >= 2, what="two canaries")
    cluster.push("nobody", 1)
    metrics = gateway_at_rest(cluster)
    for name in ("batch_items", "merge_wait_seconds", "push_to_socket_seconds", "fanout_seconds", "handshake_seconds"):
        assert metrics.get(f"fanfare_gateway_{name}_count") == 0, name
    assert metrics.total("fanfare_gateway_bucket_clients") == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_handshake_is_timed_from_its_connection(make_cluster, certs, tls):
    pair = {"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")}
    cluster = make_cluster(gateway=pair if tls else {})
    context = certs.client_context(alpn=("http/1.1",), show=False) if tls else None
    name = "fanfare_gateway_handshake_seconds"
    cluster.raw(tls=context)
    quick = cluster.gateway_metrics()
    assert quick.get(name + "_count") == 1
    assert 0 < quick.get(name + "_sum") < patient(1)
    delay = patient(0.5)
    with socket.create_connection(cluster.ws()) as late:
        time.sleep(delay)  # the client's own delay, which must show but for the time until accept
        if tls:
            late = context.wrap_socket(late, server_hostname="localhost")
        late.sendall(handshake())
        assert b" 101 " in late.recv(4096)
        slow = cluster.gateway_metrics()
        late.close()
    assert slow.get(name + "_count") == 2
    assert 0.25 < slow.get(name + "_sum") - quick.get(name + "_sum") < delay + patient(1)
    assert slow.get(name + "_bucket", le="0.25") == (1 if quick.get(name + "_sum") <= 0.25 else 0)
    refused = RawClient(cluster.ws(), shake=False, tls=context)
    assert refused.shake("/elsewhere").status == 404
    refused.close()
    assert cluster.gateway_metrics().get(name + "_count") == 2


def by_bucket(cluster, name):
    """The gauge's value by the label `bucket`."""
    samples = cluster.gateway_metrics().samples
    return {dict(labels)["bucket"]: value for (n, labels), value in samples.items() if n == "fanfare_gateway_" + name}


def test_each_bucket_tells_its_clients(make_cluster):
    cluster = make_cluster(gateway={"bucketThreads": 3})
    clients = [cluster.raw() for _ in range(7)]
    assert sorted(by_bucket(cluster, "bucket_clients")) == sorted(by_bucket(cluster, "bucket_jobs")) == ["0", "1", "2"]
    assert sorted(by_bucket(cluster, "bucket_clients").values()) == [2, 2, 3]
    assert cluster.gateway_metrics().get("fanfare_gateway_clients") == 7
    for client in clients[:4]:
        client.close()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 3, what="four to be gone")
    wait_until(lambda: sum(by_bucket(cluster, "bucket_clients").values()) == 3, what="the buckets to say so")


def test_each_bucket_tells_its_jobs(make_cluster):
    cluster = make_cluster(gateway={"bucketThreads": 2, "maxMergerDelay": 0, "maxMergerBatchSize": 1,
                                    "slowClientPolicy": "drop-newest", "clientQueueBytes": 65536})
    for _ in range(40):
        cluster.raw().join("r")
    seen = {"0": 0, "1": 0}

    def both_were_busy():
        with cluster.caller() as caller:
            answer = caller.post("/push/room", {"room": "r", "items": ["x" * 300] * 4000})
            assert answer.status in (200, 503), answer
            for _ in range(20):
                for bucket, jobs in by_bucket(cluster, "bucket_jobs").items():
                    seen[bucket] = max(seen[bucket], jobs)
        return all(seen.values())

    wait_until(both_were_busy, 20, "jobs to be seen in both buckets")
    cluster.close_clients()
    gateway_at_rest(cluster)
    assert by_bucket(cluster, "bucket_jobs") == {"0": 0, "1": 0}


def test_logics_calls_are_timed_and_their_size_is_counted(make_cluster):
    cluster = make_cluster(proxied=True)
    l = "fanfare_logic_"

    def logic_at_rest():
        metrics = cluster.logic_metrics()
        return metrics.get(l + "link_pushes_queued") == 0 and metrics

    before, began = wait_until(logic_at_rest), time.monotonic()
    cluster.push("r", 1, wait=True)
    once = cluster.logic_metrics()
    assert once.get(l + "rpc_seconds_count") - before.get(l + "rpc_seconds_count") == 1
    assert 0 < once.get(l + "rpc_seconds_sum") - before.get(l + "rpc_seconds_sum") < time.monotonic() - began
    assert once.get(l + "rpc_batch_pushes_sum") - before.get(l + "rpc_batch_pushes_sum") == 1
    cluster.proxies[0].stall()
    cluster.push("r", 2)
    with cluster.caller() as caller:
        caller.post("/push/batch", [{"room": "r", "items": [n]} for n in range(30)])
    time.sleep(0.5)  # the network's delay, which must show
    cluster.proxies[0].flow()
    late = wait_until(logic_at_rest)
    grew = lambda name, **labels: late.get(l + name, **labels) - once.get(l + name, **labels)
    assert grew("rpc_seconds_count") == grew("rpc_batch_pushes_count") == grew("link_batches_total") == 2
    assert grew("rpc_batch_pushes_sum") == 31
    assert grew("rpc_batch_pushes_bucket", le="20") == 1, "one push, and what gathered behind it"
    assert grew("rpc_seconds_sum") > 0.25


@pytest.mark.parametrize("which", ["gateway", "logic"])
def test_promtool_finds_nothing_to_say(make_cluster, which):
    cluster = make_cluster(logic={"canary.intervalSeconds": 1})
    client = cluster.client("r")
    cluster.push("r", *range(30), wait=True)
    assert client.items(30) == list(range(30))
    host, port = cluster.gateways[0].address("admin") if which == "gateway" else cluster.api()
    with Caller(host, port) as caller:
        text = caller.get("/metrics").body
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")


def test_who_leaves_before_the_handshake_is_counted(make_cluster, certs):
    cluster = make_cluster(gateway={"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
    gone = lambda: cluster.gateway_metrics().get("fanfare_gateway_clients_refused_total", reason="peer_gone")
    socket.create_connection(cluster.ws()).close()
    wait_until(lambda: gone() == 1, what="the probe to be counted")
    with socket.create_connection(cluster.ws()) as sock, pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=None).wrap_socket(sock, server_hostname="localhost")
    wait_until(lambda: gone() == 2, what="the client that does not take the certificate to be counted")
    cluster.raw(tls=certs.client_context(alpn=("http/1.1",), show=False)).close()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 0, what="the client to be gone")
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_clients_opened_total") == 1
    assert metrics.total("fanfare_gateway_clients_refused_total") == 2
