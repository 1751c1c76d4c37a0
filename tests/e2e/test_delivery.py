# SPDX-License-Identifier: Apache-2.0
"""The promise: what was accepted reaches every client once and in order, whatever breaks between."""

import json
import threading
import time

import pytest

from harness.waiting import patient, wait_until

CLIENTS = 50
PUSHES = 2000


def push_all(cluster, numbers, target="r", logic=0, pace=None, begun=None):
    """Pushes each number as one item, from one caller; every push must be accepted.

    With `pace` (seconds) the pushes are spread evenly over that time.
    """
    start = time.monotonic()
    with cluster.caller(logic) as caller:
        for index, number in enumerate(numbers):
            if pace:
                behind = start + pace * index / len(numbers) - time.monotonic()
                if behind > 0:
                    time.sleep(behind)
            room = target(number) if callable(target) else target
            body = {"items": [number]} if room is None else {"room": room, "items": [number]}
            answer = caller.post("/push/all" if room is None else "/push/room", body)
            assert answer.status == 200, f"push {number}: {answer}"
            if begun and index == len(numbers) // 10:
                begun.set()


def audience(cluster, *rooms, count=CLIENTS):
    """Clients spread over the gateways."""
    return [cluster.client(*rooms, gateway=n % len(cluster.gateways)) for n in range(count)]


def assert_exact(clients, expected):
    """Every client got exactly `expected`, in order, and nothing more."""
    for client in clients:
        got = client.items(len(expected), timeout=40)
        if got != expected:
            wrong = next(i for i, (a, b) in enumerate(zip(got, expected)) if a != b)
            pytest.fail(f"item {wrong}: got {got[wrong : wrong + 5]}, expected {expected[wrong : wrong + 5]}")
    for client in clients:
        client.expect_nothing()


def while_pushing(cluster, trouble, pace=4.0, count=PUSHES, **options):
    """Makes trouble while a caller pushes; returns what was pushed."""
    begun = threading.Event()
    faults = []

    def run():
        try:
            push_all(cluster, range(count), pace=pace, begun=begun, **options)
        except BaseException as fault:  # told to the test's own thread
            faults.append(fault)
            begun.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(patient(20))
        trouble()
    finally:
        thread.join()
    if faults:
        raise faults[0]
    return list(range(count))


def test_two_thousand_pushes_reach_fifty_clients_on_two_gateways(make_cluster):
    cluster = make_cluster(gateways=2)
    clients = audience(cluster, "r")
    push_all(cluster, range(PUSHES))
    assert_exact(clients, list(range(PUSHES)))
    assert sum(cluster.gateway_metrics(n).total("fanfare_gateway_frames_dropped_total") for n in (0, 1)) == 0


def test_the_same_while_a_gateway_is_stopped_for_three_seconds(make_cluster):
    cluster = make_cluster(gateways=2, logic={"gatewayTimeout": 1000})
    clients = audience(cluster, "r")

    def stop_for_three_seconds():
        cluster.gateways[1].stop_the_clock()
        time.sleep(3)
        cluster.gateways[1].go_on()

    assert_exact(clients, while_pushing(cluster, stop_for_three_seconds))


def test_the_same_while_a_gateway_hangs_shorter_than_its_timeout(make_cluster):
    cluster = make_cluster(gateways=2)
    clients = audience(cluster, "r", count=10)

    def stop():
        cluster.gateways[1].stop_the_clock()
        time.sleep(1)
        cluster.gateways[1].go_on()

    assert_exact(clients, while_pushing(cluster, stop, pace=2))
    assert cluster.gateway_metrics(1).get("fanfare_gateway_duplicates_total", path="rpc") == 0


def test_the_same_while_a_link_is_cut_again_and_again(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True)
    clients = audience(cluster, "r")
    proxy = cluster.proxies[1]

    def cut_five_times():
        for _ in range(5):
            before = proxy.connections
            proxy.cut()
            wait_until(lambda: proxy.connections > before, what="logic to connect again")

    assert_exact(clients, while_pushing(cluster, cut_five_times))


def test_the_same_while_a_link_is_refused_for_two_seconds(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True)
    clients = audience(cluster, "r")

    def refuse():
        cluster.proxies[0].refuse()
        time.sleep(2)
        cluster.proxies[0].accept()

    assert_exact(clients, while_pushing(cluster, refuse))


def test_the_same_while_answers_are_lost(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True)
    clients = audience(cluster, "r")
    proxy = cluster.proxies[1]

    def batches():
        return cluster.gateway_metrics(1).get("fanfare_gateway_rpc_batches_total")

    def lose_answers():
        for _ in range(3):
            before = batches()
            wait_until(lambda: batches() > before, what="batches to flow")
            proxy.lose_answers()
            wait_until(lambda: proxy.answer_bytes_lost > 0, what="an answer to get lost")
            proxy.cut()
            proxy.flow()

    assert_exact(clients, while_pushing(cluster, lose_answers))
    assert cluster.gateway_metrics(1).get("fanfare_gateway_duplicates_total", path="rpc") > 0, "batches did come twice"


def test_a_link_that_stalls_is_begun_anew(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True, logic={"gatewayTimeout": 500})
    clients = audience(cluster, "r", count=10)
    proxy = cluster.proxies[1]

    def stall():
        before = proxy.connections
        proxy.stall()
        time.sleep(1)
        proxy.cut()
        proxy.flow()
        wait_until(lambda: proxy.connections > before, what="logic to connect again")

    assert_exact(clients, while_pushing(cluster, stall, pace=3))


def test_one_slow_link_does_not_hold_the_other(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True, logic={"gatewayTimeout": 30000})
    here, there = cluster.client("r", gateway=0), cluster.client("r", gateway=1)
    cluster.proxies[1].stall()
    push_all(cluster, range(100))
    assert here.items(100) == list(range(100))
    cluster.proxies[1].flow()
    assert there.items(100) == list(range(100))


def test_broadcast_and_several_rooms_each_in_order(make_cluster):
    cluster = make_cluster(gateways=2)
    rooms = [f"room-{n}" for n in range(4)]
    places = [0, 1] * 5
    clients = {room: [cluster.client(room, gateway=each, query="?v=2") for each in places] for room in rooms}
    listener = cluster.client(*rooms, query="?v=2")

    def target(number):
        return None if number % 5 == 4 else rooms[number % 5]

    push_all(cluster, range(1000), target=target)
    expected = {room: [n for n in range(1000) if target(n) == room] for room in [*rooms, None]}
    for room in rooms:
        for client in clients[room]:
            by_key = gather(client, 400)
            assert by_key == {room: expected[room], None: expected[None]}
    assert gather(listener, 1000) == expected


def gather(client, count):
    """Items of v=2 frames by the room they name, until there are `count`."""
    by_key, got = {}, 0
    while got < count:
        data = json.loads(client.receive(30))["data"]
        by_key.setdefault(data["room"], []).extend(data["items"])
        got += len(data["items"])
    assert got == count
    return by_key


def test_two_logics_each_in_its_own_order(make_cluster):
    cluster = make_cluster(gateways=2, logics=2)
    clients = audience(cluster, "r", count=20)
    ranges = [range(0, 1000), range(10000, 11000)]
    threads = [threading.Thread(target=push_all, args=(cluster, ranges[n]), kwargs={"logic": n}) for n in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        got = client.items(2000, timeout=40)
        for numbers in ranges:
            assert [n for n in got if n in numbers] == list(numbers)
        client.expect_nothing()


def test_many_callers_each_in_its_own_order(make_cluster):
    cluster = make_cluster(gateways=2)
    clients = audience(cluster, "r", count=10)
    threads = [threading.Thread(target=push_all, args=(cluster, range(n * 1000, n * 1000 + 200))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        got = client.items(1600, timeout=40)
        for n in range(8):
            assert [each for each in got if each // 1000 == n] == list(range(n * 1000, n * 1000 + 200))


def test_large_pushes_keep_their_order_too(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True)
    clients = audience(cluster, "r", count=6)
    with cluster.caller() as caller:
        for n in range(60):
            if n in (20, 40):
                cluster.proxies[1].cut()
            items = [[n, k, "x" * (n * k % 7 * 900)] for k in range(40)]
            assert caller.post("/push/room", {"room": "r", "items": items}).status == 200
    for client in clients:
        got = [(n, k) for n, k, _ in client.items(2400, timeout=40)]
        assert got == [(n, k) for n in range(60) for k in range(40)]


def test_a_gateway_that_comes_back_late_is_not_flooded_with_the_past(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True, logic={"linkQueueSeconds": 1})
    here, there = cluster.client("r", gateway=0), cluster.client("r", gateway=1)
    address = f"127.0.0.1:{cluster.proxies[1].port}"
    cluster.proxies[1].refuse()
    push_all(cluster, range(50))
    wait_until(lambda: address in cluster.push("nobody", 0)["gateways"].get("connecting", ()), what="the link to break")
    with cluster.caller() as caller:
        def dropped():
            answer = caller.post("/push/room", {"room": "nobody", "items": [0]}).json["gateways"]
            return answer["queued"] == 1

        wait_until(dropped, what="the link's queue to close after linkQueueSeconds")
        assert caller.get("/stats").json["DispatchFail"] > 0 or caller.get("/stats").json["PushFail"] > 0
    cluster.proxies[1].accept()
    wait_until(lambda: cluster.push("nobody", 0)["gateways"]["queued"] == 2, what="the link to be up again")
    wait_until(lambda: set(cluster.push("nobody", 0)["gateways"]) == {"known", "queued"}, what="the link to be up again")
    cluster.push("r", "marker", wait=True)
    assert there.push() == ["marker"]
    assert here.items(51) == [*range(50), "marker"]


def test_a_gateway_that_died_is_found_again_on_its_port(make_cluster):
    cluster = make_cluster(gateways=2)
    stays = cluster.client("r", gateway=0)
    lost = cluster.client("r", gateway=1)
    push_all(cluster, range(100))
    assert lost.items(100) == list(range(100))
    cluster.gateways[1].kill()
    lost.ended()
    push_all(cluster, range(100, 200))
    cluster.restart_gateway(1)
    back = cluster.client("r", gateway=1)
    wait_until(lambda: cluster.push("nobody", 0, wait=True)["gateways"]["acked"] == 2, what="the link to be up again")
    push_all(cluster, range(200, 300))
    assert stays.items(300) == list(range(300))
    got = back.push()
    while got[-1] != 299:
        got += back.push()
    assert got == list(range(got[0], 300)), "whatever was still queued comes in order, then the rest"


def test_a_logic_that_is_replaced_is_heard_at_once(make_cluster):
    cluster = make_cluster(gateways=2)
    clients = audience(cluster, "r", count=4)
    push_all(cluster, range(100))
    for client in clients:  # what is still in its memory would go with it
        assert client.items(100) == list(range(100))
    cluster.logics[0].kill()
    cluster.add_logic("logic-again")
    cluster.dead.append(cluster.logics.pop(0))
    cluster.await_ready()
    push_all(cluster, range(100, 200))
    assert_exact(clients, list(range(100, 200)))


def test_clients_that_come_and_go_do_not_disturb_the_others(make_cluster):
    cluster = make_cluster(gateways=1)
    clients = audience(cluster, "r", count=10)

    def come_and_go():
        for _ in range(15):
            visitors = [cluster.raw() for _ in range(10)]
            for visitor in visitors:
                visitor.text({"type": "JOIN", "data": {"room": "r"}})
            for visitor in visitors:
                visitor.close()

    assert_exact(clients, while_pushing(cluster, come_and_go, pace=1.5, count=1000))


def test_leave_in_the_middle_cuts_cleanly(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": 0})
    stays, leaves = cluster.client("r"), cluster.client("r")
    push_all(cluster, range(100))
    leaves.send({"type": "LEAVE", "data": {"room": "r"}, "id": "left"})
    push_all(cluster, range(100, 200))
    assert stays.items(200) == list(range(200))
    got = []
    while "ACK" not in (frame := leaves.receive()):
        got += json.loads(frame)["data"]["items"]
    assert got == list(range(len(got))), "what came before the LEAVE took effect came in order"
    leaves.expect_nothing()
