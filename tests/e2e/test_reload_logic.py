# SPDX-License-Identifier: Apache-2.0
"""Logic on SIGHUP: which settings are taken over, what stays, and that nobody notices."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.build import binary, sanitized
from harness.daemon import clean_environment
from harness.http import Caller, read_answer
from harness.link_bench import Applier, Bench
from harness.numbered import Flow, expect_exactly
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until

ORIGIN = "https://shop.example"


def post(path, body):
    return lambda caller: caller.post(path, body).status


def long_header(caller):
    return caller.get("/stats", headers={"X": "y" * 2000}).status


def long_body(caller):
    return caller.post("/push/all", {"items": [1] * 600}).status


# The option, a value with which the call is refused with this status, one with which it is not, and the call.
LIMITS = {
    "maxItemsPerPush": (2, 3, 400, post("/push/all", {"items": [1, 2, 3]})),
    "maxItemBytes": (5, 8, 400, post("/push/all", {"items": ["xxxxxx"]})),
    "maxJsonDepth": (1, 2, 400, post("/push/all", {"items": [[[]]]})),
    "maxRoomsPerPush": (1, 2, 400, post("/push/room", {"rooms": ["a", "b"], "items": [1]})),
    "maxRoomNameBytes": (3, 4, 400, post("/push/room", {"room": "four", "items": [1]})),
    "maxPushesPerBatch": (1, 2, 400, post("/push/batch", [{"room": "a", "items": [1]}] * 2)),
    "maxBodyBytes": (1024, 2048, 413, long_body),
    "maxHeaderBytes": (1024, 4096, 431, long_header),
}


@pytest.fixture
def idle(cluster):
    """The shared cluster's logic, whose file is put back at the test's end."""
    logic = cluster.logics[0]
    before = dict(logic.config)
    yield logic
    logic.config = before
    assert logic.reload()


@pytest.mark.parametrize("option", LIMITS)
def test_a_limit_changes_both_ways_on_an_open_connection(cluster, idle, option):
    low, high, refusal, call = LIMITS[option]
    with cluster.caller() as caller, cluster.caller() as kept:
        assert kept.get("/healthz").status == 200
        for value, status in [(low, refusal), (high, 200), (low, refusal), (high, 200)]:
            assert idle.reload(**{option: value})
            assert call(caller) == status, f"{option} {value}"
        assert call(kept) == 200 and kept.connects == 1


def test_an_option_that_is_taken_out_of_the_file_has_its_default_again(cluster, idle):
    call = post("/push/all", {"items": [1, 2, 3]})
    with cluster.caller() as caller:
        assert idle.reload(maxItemsPerPush=1) and call(caller) == 400
        assert idle.reload(maxItemsPerPush=None) and call(caller) == 200


def test_origins_change(cluster, idle):
    def allowed(caller):
        return caller.get("/stats", headers={"Origin": ORIGIN}).headers.get("access-control-allow-origin")

    with cluster.caller() as caller:
        assert allowed(caller) is None
        for origins, answer in [([ORIGIN], ORIGIN), (["https://other.example"], None), (["*"], "*"), ([], None)]:
            assert idle.reload(**{"cors.origins": origins})
            assert allowed(caller) == answer
        assert caller.connects == 1


def test_log_level_and_format_change(make_cluster):
    logic = make_cluster().logics[0]
    assert logic.reload(**{"log.level": "error"})
    lines = len(logic.log().splitlines())
    assert logic.reload()
    assert len(logic.log().splitlines()) == lines, "written below the level"
    assert logic.reload(**{"log.level": "info", "log.format": "json"})
    assert logic.reload()
    assert logic.log().splitlines()[-1].startswith("{")
    assert logic.reload(**{"log.format": "logfmt"})
    assert logic.reload()
    assert logic.log().splitlines()[-1].startswith("ts=")


def test_what_changed_is_named(make_cluster):
    logic = make_cluster(gateways=0).logics[0]
    assert logic.reload(maxItemBytes=7, **{"cors.origins": ["https://a.example"]})
    keys = logic.last("settings reloaded")["keys"]
    assert "maxItemBytes" in keys and "cors.origins" in keys and "maxBodyBytes" not in keys
    assert logic.reload()
    assert logic.last("settings reloaded")["keys"] == "none"


BROKEN = {
    "no JSON": ('{"maxItemsPerPush": 1, ', "logic0.json"),
    "out of bounds": ('{"maxItemsPerPush": 0}', "maxItemsPerPush"),
    "an unknown key": ('{"maxItemsPerPus": 1}', "maxItemsPerPus"),
    "a file that there is not": ('{"rpc":{"ca":"/nowhere/ca.pem"}}', "/nowhere/ca.pem"),
    "tokens that there are not": ('{"api":{"tokensFile":"/nowhere/tokens"}}', "/nowhere/tokens"),
    "half a pair": ('{"rpc":{"key":""}, "maxItemsPerPush": 1}', "rpc.key"),
    "what does not go together": ('{"bus":{"mode":"mirror"}, "maxItemsPerPush": 1}', "redis.url"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_file_changes_nothing(cluster, idle, case):
    text, words = BROKEN[case]
    if case == "half a pair":
        text = '{"rpc":{"cert":"%s"}, "maxItemsPerPush": 1}' % cluster.certs.path("logic.pem")
    failed = idle.reloads()[1]
    assert idle.reload(**{"cors.origins": [ORIGIN], "maxItemsPerPush": 2})
    idle.config_path.write_text(text)
    assert not idle.hang_up()
    told = idle.last("settings not reloaded")
    assert words in told["reason"] and told["level"] == "error"
    assert idle.reloads()[1] == failed + 1
    with cluster.caller() as caller:
        assert post("/push/all", {"items": [1, 2]})(caller) == 200
        assert post("/push/all", {"items": [1, 2, 3]})(caller) == 400
        answer = caller.get("/stats", headers={"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_what_needs_a_restart_is_named_and_the_rest_taken_over(cluster, idle):
    port = cluster.api()[1]
    assert idle.reload(**{"servicePort": 1 + port % 60000, "canary.intervalSeconds": 7, "discovery.mode": "dns",
                          "discovery.name": "localhost", "maxItemsPerPush": 1})
    named = idle.last("needs a restart")
    assert named["level"] == "warn"
    for key in ("servicePort", "canary.intervalSeconds", "discovery.mode", "discovery.name"):
        assert key in named["keys"]
    assert "maxItemsPerPush" not in named["keys"]
    with cluster.caller() as caller:
        assert post("/push/all", {"items": [1, 2]})(caller) == 400


def test_flags_and_environment_still_stand_above_the_file(make_cluster):
    cluster = make_cluster(gateways=0, logic_env={"FANFARE_MAX_ROOMS_PER_PUSH": "1"}, logic={"maxItemsPerPush": 1})
    logic = cluster.logics[0]
    assert logic.reload(maxItemsPerPush=2, maxRoomsPerPush=5)
    with cluster.caller() as caller:
        assert caller.post("/push/room", {"rooms": ["a", "b"], "items": [1]}).error == "too_many_rooms"
        assert caller.post("/push/all", {"items": [1, 2, 3]}).error == "too_many_items"
        assert caller.post("/push/all", {"items": [1, 2]}).error == "no_gateway"


def test_the_time_to_read_holds_at_once(make_cluster):
    cluster = make_cluster(gateways=0, logic={"serviceReadTimeout": 600000})
    with socket.create_connection(cluster.api(), timeout=patient(20)) as sock:
        sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
        assert cluster.logics[0].reload(serviceReadTimeout=100)
        assert read_answer(sock, "POST").error == "request_timeout"


def test_the_time_to_idle_holds_at_once(make_cluster):
    cluster = make_cluster(gateways=0, logic={"serviceIdleTimeout": 86400})
    with Caller(*cluster.api()) as caller:
        assert caller.get("/healthz").status == 200
        assert cluster.logics[0].reload(serviceIdleTimeout=1)
        assert caller.connection.sock.recv(1) == b""


def test_the_time_to_write_holds_at_once(make_cluster):
    cluster = make_cluster(gateways=0, logic={"serviceWriteTimeout": 600000})

    def descriptors():
        return cluster.logic_metrics().get("process_open_fds")

    before = descriptors()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(cluster.api())
        sock.setblocking(False)
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
        with pytest.raises(BlockingIOError):
            while True:
                sock.send(request)
        assert descriptors() == before + 1
        assert cluster.logics[0].reload(serviceWriteTimeout=100)
        wait_until(lambda: descriptors() == before, 20, "the connection to be closed")


def test_more_connections(make_cluster):
    """The one that asks for the metrics counts as well."""
    cluster = make_cluster(gateways=0, logic={"maxConnections": 3})
    with Caller(*cluster.api()) as first, Caller(*cluster.api()) as second:
        assert first.get("/healthz").status == second.get("/healthz").status == 200
        assert cluster.logics[0].reload(maxConnections=4)
        with Caller(*cluster.api()) as third, Caller(*cluster.api()) as fourth:
            assert third.get("/healthz").status == fourth.get("/healthz").status == 200
            for caller in (first, second, third, fourth):
                assert caller.get("/healthz").status == 200 and caller.connects == 1
            with Caller(*cluster.api()) as fifth:
                assert fifth.get("/healthz").status == 200
            metrics = cluster.logic_metrics()  # by a connection that takes somebody's place, too
            assert metrics.get("fanfare_logic_connections_evicted_total") >= 1


@pytest.fixture
def stuck(make_cluster):
    """A cluster whose one gateway stands still: whatever is pushed waits in logic."""
    cluster = make_cluster(logic={"gatewayTimeout": 600000, "waitTimeout": 600000, "linkQueueSeconds": 3600,
                                  "maxConnections": 100})
    cluster.gateways[0].stop_the_clock()
    return cluster


def test_the_time_to_wait_changes(stuck):
    assert stuck.logics[0].reload(waitTimeout=1)
    with stuck.caller() as caller:
        answer = caller.post("/push/all", {"items": [1], "wait": True})
        assert answer.json["error"]["code"] == "wait_timeout" and "within 1 ms" in answer.json["error"]["message"]


def test_the_time_that_a_gateway_may_be_silent_changes(stuck):
    stuck.push(None, 1)
    assert not stuck.logics[0].events("gateway link broke")
    assert stuck.logics[0].reload(gatewayTimeout=200)
    wait_until(lambda: stuck.logics[0].events("gateway link broke"), 20, "the silence to be noticed")


def test_the_bounds_of_a_queue_change(stuck):
    def status(items):
        with stuck.caller() as caller:
            answer = caller.post("/push/all", {"items": items})
            return answer.status if answer.status == 200 else answer.error

    logic = stuck.logics[0]
    assert [status([n]) for n in range(4)] == [200] * 4
    assert logic.reload(gatewayMaxPendingCount=3) and status([4]) == "queue_full"
    assert logic.reload(gatewayMaxPendingCount=5) and status([4]) == 200 and status([5]) == "queue_full"
    assert logic.reload(gatewayMaxPendingCount=1000)
    assert logic.reload(linkQueueBytes=65536) and status(["x" * 60000]) == 200 and status(["y" * 6000]) == "queue_full"
    assert logic.reload(linkQueueBytes=131072) and status(["y" * 6000]) == 200
    stuck.gateways[0].go_on()
    with stuck.caller() as caller:
        assert caller.post("/push/all?wait=1", {"items": [9]}).status == 200
    assert stuck.logic_metrics().total("fanfare_logic_link_pushes_dropped_total") == 0


def test_the_time_that_a_queue_is_kept_changes(make_cluster):
    cluster = make_cluster(logic={"linkQueueSeconds": 86400})
    cluster.gateways[0].kill()
    wait_until(lambda: cluster.logics[0].events("gateway link broke"), 20)
    cluster.push(None, 1)
    assert cluster.logics[0].reload(linkQueueSeconds=0)
    dropped = "fanfare_logic_link_pushes_dropped_total"
    wait_until(lambda: cluster.logic_metrics().get(dropped, reason="expired") == 1, 20)
    with cluster.caller() as caller:
        assert caller.post("/push/all", {"items": [2]}).error == "no_gateway"


def test_the_time_to_drain_changes(stuck):
    stuck.push(None, 1)
    assert stuck.logics[0].reload(drainSeconds=1)
    stuck.logics[0].config["drainSeconds"] = 1
    assert stuck.logics[0].terminate() < patient(8)
    assert stuck.logics[0].events("pushes dropped at shutdown")


def test_the_size_of_a_batch_changes(certs, tmp_path):
    bench = Bench(certs, tmp_path)
    try:
        applier = Applier()
        applier.hold = True
        gateway = bench.gateway(applier)
        logic = bench.logic(gateway.port, gatewayTimeout=600000)
        bench.ready()
        with bench.caller() as caller:
            for number in range(60):
                assert caller.post("/push/all", {"items": [number, "x" * 400]}).status == 200
        assert logic.reload(rpcBatchBytes=4096)
        applier.hold = False
        gateway.release()
        wait_until(lambda: len(applier.applied) == 60, 20, "all to be applied")
        sizes = [len(body) for _, path, _, body in gateway.calls if path == "/rpc/batch"]
        assert len(sizes) >= 8 and max(sizes[1:]) <= 4096, sizes
    finally:
        bench.finish()


def test_a_hundred_hangups_under_load_change_nothing(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "a-token")
    cluster = make_cluster(logic=tokens.option, headers=bearer("a-token"))
    logic = cluster.logics[0]
    clients = [cluster.client("r") for _ in range(4)]
    with Flow(cluster) as flow:
        flow.more()
        for number in range(20 if sanitized() else 100):
            assert logic.reload(maxItemsPerPush=10 + number % 2, **{"cors.origins": [f"https://{number}.example"]})
        flow.more()
    expect_exactly(clients, flow)
    assert logic.reloads()[1] == 0
    assert cluster.logic_metrics().get("fanfare_logic_link_reconnects_total") == 0


def holds_back(pid, number):
    (mask,) = re.findall(r"^SigBlk:\s*(\w+)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(mask, 16) >> (number - 1) & 1


def test_a_hangup_before_the_start_is_over_is_done_after_it(tmp_path):
    """Its settings come through a FIFO: it stands still until they do."""
    settings, fifo, later = b'{"servicePort":0,"serviceBind":"127.0.0.1"}', tmp_path / "fifo", tmp_path / "later"
    os.mkfifo(fifo)
    later.write_bytes(settings)
    process = subprocess.Popen([binary("fanfare-logic"), "-config", str(fifo)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environment())
    try:
        wait_until(lambda: holds_back(process.pid, signal.SIGHUP), 10, "SIGHUP to be held back")
        process.send_signal(signal.SIGHUP)
        with open(fifo, "wb") as writer:  # until it has opened the other end
            os.rename(later, fifo)  # what it reads anew is a file
            writer.write(settings)
        said = b""
        while b"settings reloaded" not in said:
            piece = os.read(process.stderr.fileno(), 65536)
            assert piece, f"it has ended:\n{said}"
            said += piece
        process.send_signal(signal.SIGTERM)
        assert process.wait(patient(10)) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_hangups_do_not_hold_a_drain_up(make_cluster):
    cluster = make_cluster(logic={"drainSeconds": 1})
    logic = cluster.logics[0]
    cluster.gateways[0].stop_the_clock()
    cluster.push(None, 1)
    logic.signal(signal.SIGTERM)
    wait_until(lambda: logic.events("draining"))
    seen = len(logic.events("settings reloaded"))
    began = time.monotonic()
    while logic.alive() and time.monotonic() - began < patient(20):
        logic.signal(signal.SIGHUP)
    assert not logic.alive(), "a flood of hangups holds the drain up"
    assert logic.wait(10) == 0
    assert len(logic.events("settings reloaded")) > seen
