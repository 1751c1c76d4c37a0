# SPDX-License-Identifier: Apache-2.0
"""A gateway on SIGHUP: each limit for the clients that are there and for those that come, what stays, what
is named. Certificates: test_certificates_gateway.py."""

import itertools
import signal
import time

import pytest

from harness.build import sanitized
from harness.numbered import Flow, expect_exactly
from harness.raw_ws import RawClient
from harness.rpc import RpcCaller, batch, new_logic_id, record
from harness.waiting import patient, wait_until

ITEM = "x" * 60000


@pytest.fixture
def gateway(cluster):
    """The shared cluster's gateway, whose file is put back at the test's end."""
    gateway = cluster.gateways[0]
    before = dict(gateway.config)
    yield gateway
    gateway.config = before
    assert gateway.reload()


@pytest.fixture
def rpc(cluster, certs):
    """A connection from before the reload."""
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as caller:
        yield caller


def reload_for(client, cluster, **changes):
    """Until the client's bucket has them, too: a push behind them has come."""
    assert cluster.gateways[0].reload(**changes)
    cluster.push(None, "behind")
    assert client.items(1) == ["behind"]


def refused(cluster):
    """The answer to a handshake that is not let in."""
    with RawClient(cluster.ws(), shake=False) as client:
        answer = client.shake()
        assert answer.status == 503, answer
        return answer


def let_in(cluster):
    """Another client, once the gateway has noticed that one which it refused is gone."""

    def come():
        client = cluster.raw(shake=False)
        return client if client.shake().status == 101 else client.close()

    return wait_until(come, what="another client to be let in")


def test_the_number_of_clients(cluster, gateway):
    here = [cluster.client("r") for _ in range(3)]
    for most in (3, 2, 1):
        assert gateway.reload(maxClients=most)
        assert refused(cluster).error == "full"
    assert gateway.reload(maxClients=4)
    fourth = let_in(cluster).join("r")
    refused(cluster)
    cluster.push("r", 1)
    assert [client.push() for client in here] == [[1]] * 3 and fourth.items(1) == [1], "nobody was sent away"


def test_the_number_of_clients_of_an_address_counts_those_who_were_there(cluster, gateway):
    here = [cluster.client() for _ in range(2)]
    assert gateway.reload(maxClientsPerAddress=2)
    assert refused(cluster).error == "full_for_address"
    assert gateway.reload(maxClientsPerAddress=3)
    let_in(cluster)
    refused(cluster)
    assert gateway.reload(maxClientsPerAddress=None)
    cluster.client()
    assert all(client.open for client in here)


def test_the_rate_of_newcomers(cluster, gateway):
    assert gateway.reload(acceptPerSecond=1)
    here = [cluster.raw(shake=False) for _ in range(8)]
    answers = [each.shake() for each in here]
    assert {each.status for each in answers} == {101, 503}, "some now, the others later"
    assert all(int(each.headers["retry-after"]) >= 1 for each in answers if each.status == 503)
    assert gateway.reload(acceptPerSecond=None)
    for _ in range(10):
        cluster.raw()


def test_the_messages_of_a_client(cluster, gateway):
    here = cluster.raw()
    for number in range(20):
        here.request("PING", {}, number)
    reload_for(here, cluster, clientMessagesPerSecond=2)
    for _ in range(10):
        here.text({"type": "PING", "data": {}})
    assert here.close_code() == 4100
    assert gateway.reload(clientMessagesPerSecond=0)  # newcomers are told behind it
    there = cluster.raw()
    for number in range(300):
        there.request("PING", {}, number)


def test_the_size_of_a_message(cluster, gateway):
    here, idle = cluster.raw(), cluster.raw()
    long = {"pad": "x" * 5000}
    reload_for(here, cluster, maxMessageBytes=8192)
    assert here.request("PING", long)["type"] == "ACK"
    reload_for(here, cluster, maxMessageBytes=100)
    assert idle.items(2) == ["behind"] * 2
    here.text({"type": "PING", "data": long})
    assert here.close_code() == 1009
    idle.text("x" * 101)
    assert idle.close_code() == 1009


def test_the_rooms_of_a_client(cluster, gateway):
    here = cluster.raw().join("a").join("b")
    reload_for(here, cluster, maxJoinRoom=2)
    assert here.request("JOIN", {"room": "c"})["data"]["code"] == "too_many_rooms"
    reload_for(here, cluster, maxJoinRoom=1)
    assert here.request("JOIN", {"room": "c"})["data"]["code"] == "too_many_rooms"
    cluster.push(["a", "b"], 1)
    assert here.items(2) == [1, 1], "it stays where it is"
    reload_for(here, cluster, maxJoinRoom=3)
    here.join("c")


def test_the_length_of_a_rooms_name(cluster, gateway, rpc):
    here = cluster.raw()
    body = lambda: batch(new_logic_id(), [record(1, [b"1"], [b"four"])])
    for longest, type_of, status in [(3, "ERROR", 400), (4, "ACK", 200)]:
        reload_for(here, cluster, maxRoomNameBytes=longest)
        assert here.request("JOIN", {"room": "four"})["type"] == type_of
        assert rpc.batch(body()).status == status


# The option, a value with which the batch is refused, one with which it is not, and the batch's item.
ITEMS = {"maxItemBytes": (5, 8, b'"xxxxxx"'), "maxJsonDepth": (2, 3, b"[[[]]]")}


@pytest.mark.parametrize("option", ITEMS)
def test_what_an_item_may_be(cluster, gateway, rpc, option):
    low, high, item = ITEMS[option]
    for value, status in [(low, 400), (high, 200), (low, 400), (high, 200)]:
        assert gateway.reload(**{option: value})
        assert rpc.batch(batch(new_logic_id(), [record(1, [item])])).status == status


def test_the_size_of_a_request_holds_for_new_connections(cluster, gateway, rpc, certs):
    body = batch(new_logic_id(), [record(1, [b'"%s"' % (b"x" * 6000)])])
    assert gateway.reload(maxRpcBytes=4096)
    assert rpc.batch(body).status == 200
    with RpcCaller(gateway.address("rpc"), certs.client_context()) as fresh:
        assert fresh.batch(body).status == 413


def test_the_number_of_logics(cluster, gateway, rpc, certs):
    """Logic itself and `rpc` are there."""
    assert gateway.reload(maxRpcConnections=2)
    with pytest.raises((OSError, AssertionError)), RpcCaller(gateway.address("rpc"), certs.client_context()) as third:
        third.request("GET", "/stats")
    assert rpc.request("GET", "/stats").status == 200
    assert gateway.reload(maxRpcConnections=3)
    with RpcCaller(gateway.address("rpc"), certs.client_context()) as third:
        assert third.request("GET", "/stats").status == 200


def test_the_time_for_a_handshake(cluster, gateway):
    assert gateway.reload(wsReadTimeout=600000)
    with RawClient(cluster.ws(), shake=False) as stalled:
        stalled.send_bytes(b"GET /connect HTTP/1.1\r\n")
        assert gateway.reload(wsReadTimeout=100)
        assert stalled.http_answer().status == 408


def test_the_time_of_silence(make_cluster):
    """Two silent clients, one from before a longer time-out and one from after: each list stays in order."""
    cluster = make_cluster(logics=0, gateway={"wsHeartbeatInterval": 86400})
    first = cluster.raw()
    assert cluster.gateways[0].reload(wsHeartbeatInterval=40000)
    second = cluster.raw()
    begin = time.monotonic()
    assert cluster.gateways[0].reload(wsHeartbeatInterval=1)
    assert (first.close_code(), second.close_code()) == (4201, 4201)
    assert time.monotonic() - begin < patient(5)


def test_the_queue_of_a_slow_client(make_cluster):
    cluster = make_cluster(gateway={"slowClientPolicy": "drop-newest", "clientQueueBytes": 1 << 30,
                                    "maxMergerBatchSize": 1, "maxMergerDelay": 0})
    gateway, slow = cluster.gateways[0], cluster.raw(receive_buffer=16384).join("r")
    of = lambda reason: cluster.gateway_metrics().get("fanfare_gateway_frames_dropped_total", reason=reason)
    queued = lambda: cluster.gateway_metrics().get("fanfare_gateway_frames_queued")

    def push_until(condition):
        for _ in range(600):
            cluster.push("r", ITEM, wait=True)
            if condition():
                cluster.fanned_out()
                return
        pytest.fail("600 pushes did not bring it about")

    push_until(lambda: queued() >= 20)
    assert of("drop_newest") == of("drop_oldest") == of("slow_closed") == 0
    assert gateway.reload(clientQueueBytes=1024)
    push_until(lambda: of("drop_newest") > 0)
    assert gateway.reload(clientQueueBytes=1 << 30)
    before, many = of("drop_newest"), queued() + 5
    push_until(lambda: queued() >= many)
    assert of("drop_newest") == before
    assert gateway.reload(wsOutChannelSize=10, slowClientPolicy="drop-oldest")
    push_until(lambda: of("drop_oldest") > 0)
    assert gateway.reload(slowClientPolicy="close")
    push_until(lambda: of("slow_closed") > 0)
    assert slow.close_code() == 4200


def test_a_shorter_window_sends_what_waits(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": 60000, "mergeEdge": "trailing"})
    client = cluster.client("r", "s")
    cluster.push("r", 1, wait=True)
    cluster.push("s", 2, wait=True)
    client.expect_nothing()
    assert cluster.gateways[0].reload(maxMergerDelay=50)
    assert client.push() + client.push() == [1, 2]


def test_the_edge_and_a_longer_window(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": 50, "mergeEdge": "trailing"})
    gateway, client = cluster.gateways[0], cluster.client("r")
    assert gateway.reload(maxMergerDelay=60000, mergeEdge="leading")
    cluster.push("r", 1)
    assert client.push() == [1], "a quiet room sends at once"
    cluster.push("r", 2, wait=True)
    client.expect_nothing()
    assert gateway.reload(maxMergerDelay=0)
    assert client.push() == [2]


@pytest.mark.parametrize("option, value", [("maxMergerBatchSize", 2), ("maxMergerBatchBytes", 256)])
def test_the_size_of_a_batch(make_cluster, option, value):
    cluster = make_cluster(gateway={"maxMergerDelay": 60000, "mergeEdge": "trailing"})
    client = cluster.client("r")
    assert cluster.gateways[0].reload(**{option: value})
    cluster.push("r", *["x" * 100] * 5)
    assert [len(client.push()), len(client.push())] == [2, 2]


def test_the_jobs_of_a_bucket(make_cluster, certs):
    """A high mark answers while many jobs wait, a low one only when few do."""
    cluster = make_cluster(logics=0, gateway={"maxMergerDelay": 0, "maxMergerBatchSize": 1, "bucketThreads": 1,
                                              "bucketJobChannelSize": 10000000})
    clients = [cluster.client("r") for _ in range(20)]
    items = [b"%d" % n for n in range(3000)]
    numbers, logic_id = itertools.count(1), new_logic_id()

    def waiting_at_the_answer(rpc):
        rpc.batch(batch(logic_id, [record(next(numbers), items, [b"r"])]))
        return cluster.gateway_metrics().get("fanfare_gateway_fanout_jobs")

    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        for mark, many in [(10000000, True), (1, False), (10000000, True)]:
            assert cluster.gateways[0].reload(bucketJobChannelSize=mark)
            jobs = [waiting_at_the_answer(rpc) for _ in range(3)]
            assert (max(jobs) > 1000) == many, f"{jobs} at mark {mark}"
            wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_fanout_jobs") == 0, 30, "the rest")
    for client in clients:
        assert client.items(9 * 3000) == list(range(3000)) * 9


def test_the_time_to_drain(make_cluster):
    cluster = make_cluster(logics=0, gateway={"drainSeconds": 3600})
    clients = [cluster.client() for _ in range(5)]
    assert cluster.gateways[0].reload(drainSeconds=1)
    assert cluster.gateways[0].terminate() < patient(8)
    assert [client.ended() for client in clients] == [1001] * 5


def test_log_level_and_format(make_cluster):
    gateway = make_cluster(logics=0).gateways[0]
    assert gateway.reload(**{"log.level": "error"})
    lines = len(gateway.log().splitlines())
    assert gateway.reload()
    assert len(gateway.log().splitlines()) == lines, "written below the level"
    assert gateway.reload(**{"log.level": "info", "log.format": "json"})
    assert gateway.reload()
    assert gateway.log().splitlines()[-1].startswith("{")


BROKEN = {
    "no JSON": ('{"maxJoinRoom": 9, ', "gateway0.json"),
    "out of bounds": ('{"maxJoinRoom": 0}', "maxJoinRoom"),
    "an unknown key": ('{"maxJoinRom": 9}', "maxJoinRom"),
    "a file that there is not": ('{"serverPem": "/nowhere/a.pem", "serverKey": "/nowhere/a.key"}', "/nowhere/a.pem"),
    "no certificate": ('{"maxJoinRoom": 9}', "serverPem"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_file_changes_nothing(cluster, gateway, case):
    text, words = BROKEN[case]
    failed = gateway.reloads()[1]
    assert gateway.reload(maxJoinRoom=1)
    gateway.config_path.write_text(text)
    assert not gateway.hang_up()
    told = gateway.last("settings not reloaded")
    assert words in told["reason"] and told["level"] == "error"
    assert gateway.reloads()[1] == failed + 1
    here = cluster.raw().join("a")
    assert here.request("JOIN", {"room": "b"})["data"]["code"] == "too_many_rooms"


def test_what_changed_is_named_and_what_needs_a_restart(make_cluster):
    gateway = make_cluster(logics=0).gateways[0]
    assert gateway.reload(maxJoinRoom=7, bucketThreads=1, wsPort=1, **{"log.level": "debug", "page.enabled": False})
    keys = gateway.last("settings reloaded")["keys"].split(",")
    assert sorted(keys) == ["log.level", "maxJoinRoom"]
    named = gateway.last("needs a restart")
    assert named["level"] == "warn" and set(named["keys"].split(",")) == {"wsPort", "page.enabled", "bucketThreads"}
    assert gateway.reload()
    assert gateway.last("settings reloaded")["keys"] == "none"
    assert gateway.last("needs a restart")["keys"] == named["keys"], "named until it is restarted"


def test_a_port_of_its_own_is_no_fault(make_cluster):
    """With a fixed port the one that holds it is the gateway itself."""
    cluster = make_cluster(logics=0)
    assert cluster.is_ready()
    cluster.gateways[0].terminate()
    cluster.restart_gateway()
    assert cluster.gateways[0].config["wsPort"] != 0
    assert cluster.gateways[0].reload(maxClients=1)
    cluster.raw()
    assert refused(cluster).error == "full"


def test_client_tls_is_not_switched_on_without_a_restart(cluster, gateway, certs):
    for _ in range(2):
        assert gateway.reload(**{"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")})
        named = gateway.last("needs a restart")
        assert named["keys"] == "ws.cert,ws.key" and named["level"] == "warn"
        cluster.raw()
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_certificate_expiry_timestamp_seconds", what="ws") == 0


def test_a_hundred_hangups_under_load_change_nothing(make_cluster):
    cluster = make_cluster(gateway={"bucketThreads": 2})
    gateway = cluster.gateways[0]
    clients = [cluster.client("r") for _ in range(8)]
    with Flow(cluster) as flow:
        flow.more()
        for number in range(20 if sanitized() else 100):
            assert gateway.reload(maxMergerDelay=number % 3 * 10, wsHeartbeatInterval=60 + number % 2,
                                  mergeEdge="trailing" if number % 2 else "leading", maxJoinRoom=5 + number % 5)
        flow.more()
    expect_exactly(clients, flow)
    assert gateway.reloads()[1] == 0
    assert cluster.logic_metrics().get("fanfare_logic_link_reconnects_total") == 0


def holds_hangup(daemon):
    """Whether the process blocks SIGHUP by now; before main nothing can."""
    with open(f"/proc/{daemon.pid}/status") as status:
        blocked = next(line for line in status if line.startswith("SigBlk:"))
    return int(blocked.split()[1], 16) >> (signal.SIGHUP - 1) & 1


def test_a_hangup_never_ends_the_process(make_cluster):
    """Not while it starts, not while it drains, not at the end."""
    cluster = make_cluster(logics=0, gateways=0)
    gateway = cluster.add_gateway(drainSeconds=1)
    wait_until(lambda: holds_hangup(gateway), 10, "main to begin")
    while gateway.alive() and not gateway.events("listening"):
        gateway.signal(signal.SIGHUP)
        time.sleep(0.001)
    wait_until(lambda: gateway.events("settings reloaded"), 20, "what came early to be done")
    cluster.raw()
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: gateway.events("draining"))
    seen = len(gateway.events("settings reloaded"))
    end = time.monotonic() + 30
    while gateway.alive() and time.monotonic() < end:
        gateway.signal(signal.SIGHUP)
        time.sleep(0.001)
    assert gateway.wait(10) == 0
    assert len(gateway.events("settings reloaded")) > seen


def test_who_asks_for_the_options_learns_what_reloads():
    from harness.daemon import run

    help_text = run("fanfare-gateway", "--help").stdout
    table = run("fanfare-gateway", "--print-markdown").stdout
    for option, live in [("maxClients", True), ("ws.cert", True), ("wsPort", False), ("bucketThreads", False)]:
        row = next(line for line in table.splitlines() if line.startswith(f"| `{option}` |"))
        assert row.endswith("Reloaded by SIGHUP. |") == live, row
    assert "SIGHUP" in help_text and "Reloaded by SIGHUP." in run("fanfare-gateway", "--print-man").stdout
