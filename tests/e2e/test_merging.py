# SPDX-License-Identifier: Apache-2.0
"""Merging: what shares a frame, and when it leaves. Windows are long, so that a busy machine
does not blur them; each test measures against its own window."""

import json
import time

import pytest

from harness.waiting import patient

WINDOW = patient(1.0)


@pytest.fixture(scope="module")
def leading(certs, tmp_path_factory):
    yield from private(certs, tmp_path_factory, maxMergerDelay=int(WINDOW * 1000), maxMergerBatchSize=10)


@pytest.fixture(scope="module")
def trailing(certs, tmp_path_factory):
    yield from private(certs, tmp_path_factory, maxMergerDelay=int(WINDOW * 1000), maxMergerBatchSize=10,
                       mergeEdge="trailing")


def private(certs, tmp_path_factory, **gateway):
    from conftest import finish
    from harness.cluster import Cluster

    cluster = Cluster(tmp_path_factory.mktemp("merging"), certs, gateway=gateway)
    yield cluster
    finish([cluster])


@pytest.fixture(autouse=True)
def clients_leave(request):
    yield
    for name in ("leading", "trailing"):
        if name in request.fixturenames:
            request.getfixturevalue(name).close_clients()


def timed_push(client):
    items = client.push()
    return items, time.monotonic()


def test_a_lone_push_leaves_at_once(leading, room):
    client = leading.client(room)
    begin = time.monotonic()
    leading.push(room, 1)
    items, at = timed_push(client)
    assert items == [1]
    assert at - begin < WINDOW / 2


def test_the_items_of_one_push_share_a_frame(leading, room):
    client = leading.client(room)
    leading.push(room, 1, 2, 3, 4, 5)
    assert client.push() == [1, 2, 3, 4, 5]


def test_a_busy_room_gets_one_frame_per_window(leading, room):
    client = leading.client(room)
    leading.push(room, 0)
    items, first = timed_push(client)
    assert items == [0]
    for n in range(1, 6):
        leading.push(room, n)
    items, second = timed_push(client)
    assert items == [1, 2, 3, 4, 5]
    assert WINDOW * 0.7 < second - first < WINDOW * 1.8
    leading.push(room, 6)
    items, third = timed_push(client)
    assert items == [6]
    assert third - second > WINDOW * 0.7, "the frame that closed a window opened the next"


def test_a_room_that_was_quiet_for_a_window_sends_at_once_again(leading, room):
    client = leading.client(room)
    leading.push(room, 1)
    assert client.push() == [1]
    time.sleep(WINDOW * 1.3)
    begin = time.monotonic()
    leading.push(room, 2)
    items, at = timed_push(client)
    assert items == [2]
    assert at - begin < WINDOW / 2


def test_full_batches_leave_at_once_and_the_rest_with_the_turn(leading, room):
    client = leading.client(room)
    begin = time.monotonic()
    leading.push(room, *range(25))
    frames = [client.push() for _ in range(3)]
    assert frames == [list(range(10)), list(range(10, 20)), list(range(20, 25))]
    assert time.monotonic() - begin < WINDOW / 2


def test_full_batches_do_not_wait_for_an_open_window(leading, room):
    client = leading.client(room)
    leading.push(room, "first")
    assert client.push() == ["first"]
    begin = time.monotonic()
    leading.push(room, *range(25))
    assert [client.push(), client.push()] == [list(range(10)), list(range(10, 20))]
    assert time.monotonic() - begin < WINDOW / 2
    items, at = timed_push(client)
    assert items == list(range(20, 25))
    assert at - begin > WINDOW * 0.5, "the rest waited for its window"


def test_rooms_have_windows_of_their_own(leading, room):
    first, second = leading.client(room + "-1"), leading.client(room + "-2")
    leading.push(room + "-1", 1)
    assert first.push() == [1]
    begin = time.monotonic()
    leading.push(room + "-1", 2)
    leading.push(room + "-2", 3)
    assert second.push() == [3]
    assert time.monotonic() - begin < WINDOW / 2, "one room's window does not hold another's item"
    assert first.push() == [2]


def test_the_broadcast_merges_as_a_room_of_its_own(leading, room):
    client = leading.client(room)
    leading.push(None, "all 1")
    assert client.push() == ["all 1"]
    leading.push(None, "all 2")
    leading.push(room, "room")
    leading.push(None, "all 3")
    assert client.push() == ["room"], "the room was quiet, the broadcast was not"
    assert client.push() == ["all 2", "all 3"]


def test_trailing_a_lone_push_waits_the_whole_delay_as_in_go_push(trailing, room):
    client = trailing.client(room)
    begin = time.monotonic()
    trailing.push(room, 1)
    items, at = timed_push(client)
    assert items == [1]
    assert at - begin > WINDOW * 0.9


def test_trailing_gathers_from_the_first_item_on(trailing, room):
    client = trailing.client(room)
    begin = time.monotonic()
    trailing.push(room, 1)
    time.sleep(WINDOW * 0.5)
    trailing.push(room, 2)
    items, at = timed_push(client)
    assert items == [1, 2]
    assert WINDOW * 0.9 < at - begin < WINDOW * 1.45, "the second item does not start the timer anew"


def test_trailing_full_batches_leave_at_once(trailing, room):
    client = trailing.client(room)
    begin = time.monotonic()
    trailing.push(room, *range(25))
    assert [client.push(), client.push()] == [list(range(10)), list(range(10, 20))]
    assert time.monotonic() - begin < WINDOW / 2
    items, at = timed_push(client)
    assert items == list(range(20, 25))
    assert at - begin > WINDOW * 0.9


def test_a_batch_is_full_at_max_merger_batch_bytes(make_cluster):
    cluster = make_cluster(gateway={"maxMergerBatchBytes": 1000, "maxMergerDelay": 200})
    raw = cluster.raw()
    raw.join("r")
    items = [f"{n:03}" + "x" * 295 for n in range(20)]  # 300 bytes each with their quotes
    cluster.push("r", *items)
    got = []
    while len(got) < len(items):
        frame = json.loads(raw.receive().payload)["data"]["items"]
        assert sum(len(item) + 2 for item in frame) <= 1000 + 300, "a batch stops at its limit"
        assert 1 <= len(frame) <= 4
        got += frame
    assert got == items


def test_an_item_larger_than_the_batch_goes_alone(make_cluster):
    cluster = make_cluster(gateway={"maxMergerBatchBytes": 256, "maxMergerDelay": 200})
    client = cluster.client("r")
    big = "x" * 5000
    cluster.push("r", 1, big, 2)
    assert client.items(3) == [1, big, 2]


def test_delay_zero_merges_only_what_comes_together(make_cluster):
    cluster = make_cluster(gateway={"maxMergerDelay": 0})
    client = cluster.client("r")
    for n in range(50):
        cluster.push("r", n, wait=True)
        assert client.push() == [n]


def test_batch_size_one_never_merges(make_cluster):
    cluster = make_cluster(gateway={"maxMergerBatchSize": 1})
    client = cluster.client("r")
    cluster.push("r", *range(20))
    assert [client.push() for _ in range(20)] == [[n] for n in range(20)]
