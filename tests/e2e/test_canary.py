# SPDX-License-Identifier: Apache-2.0
"""The canary: a push of each logic's to each gateway's own client, and what its failure turns red."""

import ctypes
import os
import pathlib

import pytest

from harness.rpc import FakeGateway, go_push_responder
from harness.waiting import wait_until

EVERY_SECOND = {"canary.intervalSeconds": 1}
PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4206, 0x4207

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, tid):
    if libc.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class StoppedThread:
    """One thread of a process, stopped while the others run; use it as a context."""

    def __init__(self, pid, name):
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        self.tid = next(int(task.name) for task in tasks if (task / "comm").read_text().strip() == name)

    def __enter__(self):
        ptrace(PTRACE_SEIZE, self.tid)
        ptrace(PTRACE_INTERRUPT, self.tid)
        os.waitpid(self.tid, 0x40000000)  # __WALL
        return self

    def __exit__(self, *_):
        ptrace(PTRACE_DETACH, self.tid)


def canaries(cluster):
    with cluster.caller() as caller:
        return [each["canary"]["state"] for each in caller.get("/gateways").json["gateways"]]


def ready(caller_of, *args):
    with caller_of(*args) as caller:
        answer = caller.get("/readyz")
        return answer.status == 200 or answer.json["error"]["message"]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_canary_arrives_and_counts_as_nothing(make_cluster, certs, tls):
    own = {"ws.cert": certs.gateway()["serverPem"], "ws.key": certs.gateway()["serverKey"]} if tls else {}
    cluster = make_cluster(gateway=own, logic=EVERY_SECOND)
    wait_until(lambda: canaries(cluster) == ["passing"], 10, "a canary to arrive")
    items = cluster.gateway_metrics().get("fanfare_gateway_items_received_total")
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_canaries_total", result="arrived") >= 3, 10,
               "three canaries")
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_canaries_total", result="failed") == 0
    assert metrics.get("fanfare_gateway_canary_seconds_count") >= 2
    assert metrics.get("fanfare_gateway_clients") == metrics.get("fanfare_gateway_rooms") == 0
    assert metrics.get("fanfare_gateway_clients_opened_total") == 0
    assert metrics.get("fanfare_gateway_items_received_total") == items
    assert cluster.gateway_stats()["onlineConnections"] == 0
    assert cluster.push(None, 1, wait=True)["clients"] == 0, "a broadcast does not reach it"
    logic = cluster.logic_metrics()
    assert logic.get("fanfare_logic_canaries_total", result="arrived") >= 3
    assert logic.get("fanfare_logic_canary_seconds_count") >= 3


def test_a_bucket_that_hangs_turns_its_gateway_red(make_cluster):
    cluster = make_cluster(gateways=2, gateway={"bucketThreads": 1}, logic=EVERY_SECOND)
    wait_until(lambda: canaries(cluster) == ["passing", "passing"], 10, "the canaries to arrive")
    with StoppedThread(cluster.gateways[0].pid, "bucket-0"):
        wait_until(lambda: canaries(cluster) == ["failing", "passing"], 30, "three canaries to be lost")
        assert ready(cluster.admin, 0) == "the canaries of the logics do not arrive"
        assert ready(cluster.admin, 1) is True
        assert ready(cluster.caller) is True, "one gateway passes"
        assert cluster.gateway_metrics(0).get("fanfare_gateway_canary_failing") == 1
        with StoppedThread(cluster.gateways[1].pid, "bucket-0"):
            wait_until(lambda: canaries(cluster) == ["failing", "failing"], 30, "the other's to be lost too")
            assert ready(cluster.caller) == "no gateway passes the canaries"
    wait_until(lambda: canaries(cluster) == ["passing", "passing"], 10, "the canaries to arrive again")
    assert ready(cluster.admin, 0) is True and ready(cluster.caller) is True
    assert cluster.gateway_metrics(0).get("fanfare_gateway_canary_failing") == 0


def test_its_room_cannot_be_named_by_others(make_cluster):
    cluster = make_cluster(logic=EVERY_SECOND)
    wait_until(lambda: canaries(cluster) == ["passing"], 10, "a canary to arrive")
    raw = cluster.raw()
    raw.text('{"type":"JOIN","data":{"room":"\\u0001canary"}}')
    assert raw.close_code() == 4001
    with cluster.caller() as caller:
        assert caller.post("/push/room", {"room": "\x01canary", "items": [1]}).json["error"]["code"] == "invalid_room"


def test_go_pushs_gateways_are_not_judged(make_cluster, certs):
    gateway = FakeGateway(certs.server_context(), go_push_responder([]))
    try:
        listed = [{"hostname": "127.0.0.1", "port": gateway.port}]
        cluster = make_cluster(gateways=0, ready=False, logic={**EVERY_SECOND, "gatewayList": listed})
        wait_until(lambda: [call[1] for call in gateway.calls] == ["/rpc/canary"], 10, "a canary to be tried")
        wait_until(lambda: ready(cluster.caller) is True, 10, "the link to be up")
        assert canaries(cluster) == ["unknown"]
    finally:
        gateway.stop()


def test_a_drain_does_not_wait_for_it(make_cluster):
    cluster = make_cluster(gateway={"drainSeconds": 8}, logic=EVERY_SECOND)
    wait_until(lambda: canaries(cluster) == ["passing"], 10, "a canary to arrive")
    assert cluster.gateways[0].terminate() < 5
