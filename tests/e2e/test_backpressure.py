# SPDX-License-Identifier: Apache-2.0
"""Pressure travels back: a gateway that is behind holds its answers, logic's bounded queue fills,
the caller hears 503 and may try again, and what was accepted is delivered all the same."""

import json

import pytest

from harness.raw_ws import TEXT
from harness.rpc import FakeGateway, RpcCaller, batch, new_logic_id, read_batch, record
from harness.waiting import wait_until


def fill(cluster, room="r", most=5000):
    """Pushes numbers until one is refused; gives how many were accepted and the refusal."""
    with cluster.caller() as caller:
        for n in range(most):
            answer = caller.post("/push/room", {"room": room, "items": [n]})
            if answer.status != 200:
                return n, answer
    pytest.fail(f"{most} pushes and the queue is not full")


def assert_queue_full(answer, *gateways):
    assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "queue_full", "1")
    for gateway in gateways:
        assert gateway in answer.message, f"the message names the gateway: {answer.message}"


def test_a_stopped_gateway_fills_the_queue_and_loses_nothing(make_cluster):
    cluster = make_cluster(gateways=2, logic={"gatewayMaxPendingCount": 300, "gatewayTimeout": 60000})
    here, there = cluster.client("r", gateway=0), cluster.client("r", gateway=1)
    cluster.gateways[1].stop_the_clock()
    accepted, refusal = fill(cluster)
    assert_queue_full(refusal, f"127.0.0.1:{cluster.gateways[1].port('rpc')}")
    assert accepted >= 300
    with cluster.caller() as caller:
        assert caller.get("/readyz").status in (200, 503)
        assert caller.form("/push/room", "room=r&items=[-1]").status == 503
        answer = caller.post("/push/batch", [{"room": "r", "items": [-2]}, {"all": True, "items": [-3]}])
        assert answer.status == 503
        assert [each["error"]["code"] for each in answer.json] == ["queue_full"] * 2
    cluster.gateways[1].go_on()
    assert there.items(accepted) == list(range(accepted))
    assert here.items(accepted) == list(range(accepted)), "what was refused was queued nowhere"
    cluster.push("r", "after", wait=True)
    assert here.push() == there.push() == ["after"]


def test_a_retry_after_503_succeeds_once_the_gateway_is_back(make_cluster):
    cluster = make_cluster(logic={"gatewayMaxPendingCount": 50, "gatewayTimeout": 60000})
    client = cluster.client("r")
    cluster.gateways[0].stop_the_clock()
    accepted, _ = fill(cluster)
    cluster.gateways[0].go_on()
    with cluster.caller() as caller:
        wait_until(lambda: caller.post("/push/room", {"room": "r", "items": ["retry"]}).status == 200,
                   what="the retry to be accepted")
    assert client.items(accepted + 1) == [*range(accepted), "retry"]


def test_the_byte_bound_acts_too(make_cluster):
    cluster = make_cluster(logic={"linkQueueBytes": 262144, "gatewayTimeout": 60000})
    client = cluster.client("r")
    cluster.gateways[0].stop_the_clock()
    with cluster.caller() as caller:
        accepted = 0
        while (answer := caller.post("/push/room", {"room": "r", "items": [[accepted, "x" * 10000]]})).status == 200:
            accepted += 1
            assert accepted < 2000, "the queue takes no end of bytes"
    assert_queue_full(answer)
    assert 20 <= accepted <= 60, "about 256 KB, and what was under way"
    cluster.gateways[0].go_on()
    assert [n for n, _ in client.items(accepted)] == list(range(accepted))


@pytest.fixture
def holding_gateway(certs):
    """A gateway that applies batches but leaves them unanswered until it is released."""
    gateway = FakeGateway(certs.server_context(), lambda *request: None)
    yield gateway
    gateway.stop()


def applied(method, path, headers, body):
    """What a gateway of ours answers to a batch."""
    _, records = read_batch(body)
    answer = {"applied": records[-1][0], "pushes": len(records), "duplicates": 0,
              "items": sum(len(items) for _, _, _, items in records),
              "reached": [[sequence, 0] for sequence, wait, _, _ in records if wait]}
    return 200, json.dumps(answer).encode(), "application/json"


def test_one_batch_at_a_time_and_the_next_gathers_meanwhile(make_cluster, holding_gateway):
    listed = [{"hostname": "127.0.0.1", "port": holding_gateway.port}]
    cluster = make_cluster(gateways=0, logic={"gatewayList": listed, "gatewayMaxPendingCount": 100,
                                              "gatewayTimeout": 60000})
    cluster.push("r", 0)
    wait_until(lambda: len(holding_gateway.calls) == 1, what="the first batch")
    with cluster.caller() as caller:
        accepted = 1
        while (answer := caller.post("/push/room", {"room": "r", "items": [accepted]})).status == 200:
            accepted += 1
    assert_queue_full(answer, f"127.0.0.1:{holding_gateway.port}")
    assert len(holding_gateway.calls) == 1, "no second batch before the first is answered"
    holding_gateway.release(applied)
    wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_link_pushes_queued") == 0, what="the queue to empty")
    batches = [read_batch(body) for _, path, _, body in holding_gateway.calls if path == "/rpc/batch"]
    assert len({logic for logic, _ in batches}) == 1
    items = [item for _, records in batches for _, _, _, items in records for item in items]
    assert items == [b"%d" % n for n in range(accepted)]
    sequences = [sequence for _, records in batches for sequence, _, _, _ in records]
    assert sequences == sorted(set(sequences))
    assert len(batches) <= 5, "what gathered meanwhile went as one batch"


def test_a_gateway_whose_buckets_are_behind_holds_its_answers(make_cluster, certs):
    mark = 20
    cluster = make_cluster(gateway={"bucketThreads": 1, "bucketJobChannelSize": mark, "maxMergerDelay": 0,
                                    "maxMergerBatchSize": 1, "slowClientPolicy": "drop-newest"}, logics=0)
    raws = [cluster.raw() for _ in range(200)]
    for raw in raws:
        raw.text({"type": "JOIN", "data": {"room": "r"}})
        assert raw.request("PING", {})["type"] == "ACK"
    logic = new_logic_id()
    pending, held = [], []
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context()) as rpc:
        for n in range(10):
            records = [record(n * 1000 + k + 1, [b"%d" % k], [b"r"]) for k in range(1000)]
            stream = rpc.begin("POST", "/rpc/batch", batch(logic, records), "application/vnd.fanfare.batch")
            while not rpc.answered(stream, within=0.001):
                metrics = cluster.gateway_metrics()
                held.append(metrics.get("fanfare_gateway_rpc_held"))
            assert rpc.answer(stream).status == 200
            pending.append(cluster.gateway_metrics().get("fanfare_gateway_fanout_jobs"))
    assert max(pending) <= mark, f"answers came while jobs waited: {pending}"
    assert max(held) == 1, "the metric says so while it lasts"


def test_a_broadcast_does_not_hold_up_pings_and_small_rooms(make_cluster):
    cluster = make_cluster(gateway={"bucketThreads": 1, "maxMergerDelay": 0, "maxMergerBatchSize": 1,
                                    "slowClientPolicy": "drop-newest", "wsOutChannelSize": 1000000,
                                    "clientQueueBytes": 1073741824})
    crowd = [cluster.raw(receive_buffer=16384) for _ in range(100)]
    small = cluster.raw()
    small.join("small")
    with cluster.caller() as caller:
        for n in range(20):
            assert caller.post("/push/all", {"items": list(range(500))}).status == 200
        caller.post("/push/room", {"room": "small", "items": ["small"]})
    seen = 0
    while True:
        frame = small.receive()
        assert frame.opcode == TEXT
        items = json.loads(frame.payload)["data"]["items"]
        if items == ["small"]:
            break
        seen += len(items)
    assert seen < 20 * 500, "the small room did not wait for the end of the broadcasts"
    for raw in crowd:
        raw.close()
