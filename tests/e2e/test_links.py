# SPDX-License-Identifier: Apache-2.0
"""Logic's links against gateways in Python: numbers, repetitions, queues, time-outs, drain."""

import threading
import time

import pytest

from harness.link_bench import Applier, Bench, push_all
from harness.rpc import go_push_responder, read_batch
from harness.waiting import wait_until


@pytest.fixture
def bench(certs, tmp_path):
    made = Bench(certs, tmp_path)
    yield made
    made.finish()


def test_ids_and_waiting(bench):
    gateway, other = Applier(), Applier()
    bench.logic(bench.gateway(gateway).port, bench.gateway(other).port)
    bench.ready()
    with bench.caller() as caller:
        wait_until(lambda: "connecting" not in caller.form("/push/all", "items=[0]").json["gateways"], 10, "both links")
        answer = caller.form("/push/all?wait=1", "items=[1,2]").json
        assert answer["gateways"] == {"known": 2, "queued": 2, "acked": 2}
        assert (answer["items"], answer["clients"]) == (2, 6)
        prefix, number = answer["id"].split("-")
        assert len(prefix) == 16 and int(number) == gateway.applied[-1][0]
        assert gateway.applied[0][0] == 1
        following = caller.form("/push/all", "items=[3]").json
        assert following["id"] == f"{prefix}-{int(number) + 1}" and "clients" not in following


def test_pushes_gather_while_an_answer_is_due(bench):
    gateway = Applier()
    fake = bench.gateway(gateway)
    gateway.hold = True
    bench.logic(fake.port)
    bench.ready()
    with bench.caller() as caller:
        push_all(caller, 1, 1)
        wait_until(lambda: len(fake.held) == 1, 10, "the first batch")
        push_all(caller, 2, 200)
        assert len(fake.calls) == 1
        gateway.hold = False
        fake.release()
        assert caller.form("/push/all", "items=[201]&wait=1").status == 200
    assert gateway.items == list(range(1, 202))
    assert gateway.batches <= 4


def test_stalled_then_cut_then_lost_answers(bench):
    """The same numbers arrive once each, in order, whatever the connection does."""
    gateway = Applier()
    proxy = bench.proxy(bench.gateway(gateway))
    bench.logic(proxy.port, gatewayTimeout=600, linkQueueSeconds=60)
    bench.ready()
    done = threading.Event()

    def pester():
        while not done.is_set():
            proxy.cut()
            done.wait(0.05)
            proxy.lose_answers()
            done.wait(0.1)
            proxy.cut()
            proxy.flow()
            done.wait(0.15)

    with bench.caller() as caller:
        push_all(caller, 1, 500)
        proxy.stall()
        push_all(caller, 501, 1000)
        time.sleep(1.5)
        proxy.flow()
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 20, "the queue to be sent")
        proxy.lose_answers()
        applied = gateway.batches
        push_all(caller, 1001, 1100)
        wait_until(lambda: gateway.batches > applied, 20, "a batch whose answer is lost")
        proxy.cut()
        proxy.flow()
        thread = threading.Thread(target=pester)
        thread.start()
        try:
            push_all(caller, 1101, 6000)
            time.sleep(1)
        finally:
            done.set()
            thread.join()
        proxy.cut()
        proxy.flow()
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 20, "the queue to be sent")
    assert gateway.items == list(range(1, 6001))
    assert gateway.duplicates > 0, "answers were lost"
    assert bench.metrics().get("fanfare_logic_link_duplicates_total") > 0
    assert bench.balance()["pushes"]["acked"] == 6000


def test_gateway_that_holds_its_answers_is_not_cut(bench):
    gateway = Applier()
    fake = bench.gateway(gateway)
    gateway.hold = True
    bench.logic(fake.port, gatewayTimeout=300, waitTimeout=200)
    bench.ready()
    with bench.caller() as caller:
        answer = caller.form("/push/all", "items=[1]&wait=1")
        assert answer.status == 504 and answer.json["error"]["code"] == "wait_timeout"
        assert answer.json["gateways"] == {"known": 1, "queued": 1, "acked": 0}
        time.sleep(1.2)
        gateway.hold = False
        fake.release()
        assert caller.form("/push/all", "items=[2]&wait=1").status == 200
    assert fake.connections == 1
    assert gateway.items == [1, 2]


def test_full_queue_refuses_and_names(bench):
    gateway, other = Applier(), Applier()
    slow, fast = bench.gateway(gateway), bench.gateway(other)
    gateway.hold = True
    bench.logic(slow.port, fast.port, gatewayMaxPendingCount=5)
    bench.ready()
    with bench.caller() as caller:
        wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 2, 10, "both links")
        push_all(caller, 1, 5)
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 5, 10, "the fast one to have all")
        answer = caller.form("/push/all", "items=[6]")
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "queue_full", "1")
        assert f"127.0.0.1:{slow.port}" in answer.message and str(fast.port) not in answer.message
        assert caller.get("/stats").json == {"DispatchTotal": 5, "DispatchFail": 1, "PushFail": 0}
        gateway.hold = False
        slow.release()
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 10, "the queues to be sent")
        push_all(caller, 7, 7)
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 10, "the queues to be sent")
    assert gateway.items == other.items == [1, 2, 3, 4, 5, 7]


def test_gateway_down_for_long_is_given_up_and_comes_back(bench):
    gateway, other = Applier(), Applier()
    proxy = bench.proxy(bench.gateway(gateway))
    fake = bench.gateway(other)
    bench.logic(proxy.port, fake.port, linkQueueSeconds=1)
    down = [f"127.0.0.1:{proxy.port}"]
    with bench.caller() as caller:
        wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 2, 10, "both links")
        proxy.refuse()
        wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 1, 10, "one link")
        answer = caller.form("/push/all", "items=[1]").json
        assert answer["gateways"] == {"known": 2, "queued": 2, "connecting": down}
        wait_until(lambda: bench.balance()["expired"] == 1, 10, "the push to be dropped")
        answer = caller.form("/push/all", "items=[2]&wait=1").json
        assert answer["gateways"] == {"known": 2, "queued": 1, "acked": 1, "down": down}
        assert bench.balance()["down"] == 1
        assert caller.get("/stats").json["PushFail"] == 2
        proxy.accept()
        wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 2, 10, "both links")
        answer = caller.form("/push/all", "items=[3]&wait=1").json
        assert answer["gateways"] == {"known": 2, "queued": 2, "acked": 2}
    assert (gateway.items, other.items) == ([3], [1, 2, 3])
    bench.balance()


def test_no_gateway(bench):
    bench.logic()
    with bench.caller() as caller:
        assert caller.get("/readyz").error == "not_ready"
        answer = caller.form("/push/all", "items=[1]")
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "no_gateway", "1")
        assert caller.get("/healthz").json == {"status": "ok"}
    bench.balance()


def test_queue_seconds_zero_keeps_nothing(bench):
    bench.logic(1, linkQueueSeconds=0)
    with bench.caller() as caller:
        assert caller.form("/push/all", "items=[1]").error == "no_gateway"
    bench.balance()


def test_refused_push_does_not_stop_the_link(bench):
    gateway = Applier()

    def respond(method, path, headers, body):
        if any(b"666" in record[3] for record in read_batch(body)[1]):
            return 400, b'{"error":{"code":"invalid_batch","message":"bad item"}}'
        return gateway(method, path, headers, body)

    bench.logic(bench.gateway(respond).port)
    bench.ready()
    with bench.caller() as caller:
        pushes = [{"all": True, "items": [number]} for number in range(660, 670)]
        assert caller.post("/push/batch", pushes).status == 200
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 10, "the queue to be sent")
        assert caller.form("/push/all", "items=[666]&wait=1").status == 502
    assert gateway.items == [660, 661, 662, 663, 664, 665, 667, 668, 669]
    assert bench.balance()["refused"] == 2


def test_busy_gateway_gets_the_same_batch_again(bench):
    gateway = Applier()
    gateway.status = 503
    bench.logic(bench.gateway(gateway).port)
    bench.ready()
    with bench.caller() as caller:
        push_all(caller, 1, 20)
        wait_until(lambda: bench.metrics().get("fanfare_logic_link_rpc_errors_total") >= 3, 10, "repetitions")
        gateway.status = None
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 10, "the queue to be sent")
    assert gateway.items == list(range(1, 21))


def test_go_push_gateway_gets_forms_in_order(bench):
    received = []
    fake = bench.gateway(go_push_responder(received))
    proxy = bench.proxy(fake)
    bench.logic(proxy.port)
    bench.ready()
    with bench.caller() as caller:
        assert caller.post("/push/room", {"rooms": ["a", "b&c"], "items": [{"x": "é&+%"}], "wait": True}).status == 200
        assert received == [("a", [{"x": "é&+%"}]), ("b&c", [{"x": "é&+%"}])]
        received.clear()
        push_all(caller, 1, 200)
        proxy.cut()
        push_all(caller, 201, 400)
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 0, 10, "the queue to be sent")
    numbers = [items[0] for _, items in received]
    assert sorted(set(numbers)) == list(range(1, 401)) and numbers == sorted(numbers)
    assert len(numbers) <= 401, "at most the call under way was repeated"
    assert fake.most_at_once == 1


def test_batch_door_keeps_order_and_says_each_result(bench):
    gateway = Applier()
    bench.logic(bench.gateway(gateway).port)
    bench.ready()
    with bench.caller() as caller:
        answer = caller.post(
            "/push/batch",
            [{"all": True, "items": [1], "wait": True}, {"room": "", "items": [2]}, {"room": "r", "items": [3]}],
        )
        assert answer.status == 207
        first, second, third = answer.json
        assert first["clients"] == 3 and second["error"]["code"] == "invalid_room" and "id" in third
        assert caller.post("/push/batch", [{"room": "", "items": [2]}]).status == 400
        assert caller.post("/push/batch", {}).status == 400
    bench.balance()


def test_names_are_resolved_and_verified(bench):
    gateway = Applier()
    fake = bench.gateway(gateway)
    bench.logic(fake.port, host="localhost")
    bench.ready()
    daemon = bench.logic(fake.port, **{"rpc.serverName": "elsewhere"})
    wait_until(lambda: any("mismatch" in event.get("reason", "") for event in daemon.events()), 10, "the refusal")
    with bench.caller() as caller:
        assert caller.get("/readyz").status == 503
    unverified = bench.logic(fake.port, **{"rpc.ca": "", "rpc.serverName": "elsewhere"})
    bench.ready()
    assert [event["level"] for event in unverified.events() if "remedy" in event] == ["warn"]


def test_drain_sends_the_queue_and_answers(bench):
    gateway = Applier()
    fake = bench.gateway(gateway)
    gateway.hold = True
    daemon = bench.logic(fake.port, drainSeconds=10)
    bench.ready()
    with bench.caller() as caller, bench.caller() as waiting:
        push_all(caller, 1, 50)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(waiting.form("/push/all", "items=[51]&wait=1")))
        thread.start()
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 51, 10, "all to be queued")
        daemon.signal(15)
        wait_until(lambda: daemon.events("draining"), 10, "the drain")
        time.sleep(0.2)
        assert daemon.alive()
        gateway.hold = False
        fake.release()
        thread.join()
    assert answers[0].status == 200 and answers[0].json["clients"] == 3
    assert daemon.wait(5) == 0
    assert gateway.items == list(range(1, 52))


def test_drain_ends_in_time_and_says_what_is_lost(bench):
    gateway = Applier()
    gateway.hold = True
    daemon = bench.logic(bench.gateway(gateway).port, drainSeconds=1)
    bench.ready()
    with bench.caller() as caller, bench.caller() as waiting:
        push_all(caller, 1, 5)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(waiting.form("/push/all", "items=[6]&wait=1")))
        thread.start()
        wait_until(lambda: bench.balance()["pushes"]["queued"] == 6, 10, "all to be queued")
        assert daemon.terminate() < 3
        thread.join()
    assert answers[0].status == 504
    assert daemon.events("pushes dropped at shutdown")[0]["pushes"] == "6"


def test_second_signal_ends_at_once(bench):
    gateway = Applier()
    gateway.hold = True
    daemon = bench.logic(bench.gateway(gateway).port, drainSeconds=60)
    bench.ready()
    with bench.caller() as caller:
        push_all(caller, 1, 5)
        daemon.signal(15)
        wait_until(lambda: daemon.events("draining"), 10, "the drain")
        daemon.allowed_exit.add(128 + 2)
        daemon.signal(2)
        assert daemon.wait(2) == 130
