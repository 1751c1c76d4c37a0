# SPDX-License-Identifier: Apache-2.0
"""Clients whose sockets stall: the policy acts, every frame that arrives is whole, others notice nothing.
By every way that bytes take to a socket: io_uring where it is allowed, send(), and TLS."""

import json
import socket
import struct

import pytest

from harness.raw_ws import CLOSE, PING, PONG, TEXT
from harness.waiting import wait_until

SMALL = 16384  # receive buffer of a client that stalls, so that little is needed to fill it
ITEM = "x" * 60000
ALL = {"clientQueueBytes": 1073741824, "wsOutChannelSize": 1000000}  # bounds that nobody reaches


class Way:
    """Makes clusters whose clients are all written to in one way, and clients for them."""

    def __init__(self, make_cluster, options, tls):
        self.make_cluster, self.options, self.tls = make_cluster, options, tls

    def cluster(self, policy, **options):
        return self.make_cluster(gateway={
            "slowClientPolicy": policy, "clientQueueBytes": 262144, "maxMergerBatchSize": 1, "maxMergerDelay": 0,
            **self.options, **options})

    def slow(self, cluster, room="r"):
        """Reads only when it is told to."""
        return cluster.raw(receive_buffer=SMALL, tls=self.tls).join(room)

    def healthy(self, cluster, room="r"):
        return cluster.client(room, ssl=self.tls)


@pytest.fixture(params=["auto", "send", "tls"])
def way(request, make_cluster, certs):
    if request.param != "tls":
        return Way(make_cluster, {"wire": request.param}, None)
    files = {"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")}
    return Way(make_cluster, files, certs.client_context(alpn=("http/1.1",), show=False))


def push_until(cluster, done, room="r", most=600):
    """Pushes numbered large items until `done()`; gives how many."""
    with cluster.caller() as caller:
        for n in range(most):
            answer = caller.post("/push/room?wait=1", {"room": room, "items": [[n, ITEM]]})
            assert answer.status == 200, answer
            if n % 5 == 4 and done():
                cluster.fanned_out()
                return n + 1
    pytest.fail(f"{most} pushes did not bring it about")


def numbers(frames):
    """The numbers of the items in whole PUSH frames."""
    got = []
    for frame in frames:
        if frame.opcode == TEXT:
            for number, text in json.loads(frame.payload)["data"]["items"]:
                assert text == ITEM, f"item {number} is damaged"
                got.append(number)
    return got


def dropped(cluster, reason):
    return cluster.gateway_metrics().get("fanfare_gateway_frames_dropped_total", reason=reason)


def read_until_number(raw, last):
    frames = [raw.receive()]
    while not numbers(frames[-1:]) or numbers(frames[-1:])[-1] != last:
        frames.append(raw.receive())
        assert frames[-1] is not None, "closed"
    return frames


def test_close_ends_the_slow_client_with_4200(way):
    cluster = way.cluster("close")
    slow, healthy = way.slow(cluster), way.healthy(cluster)
    closes = lambda: cluster.gateway_metrics().get("fanfare_gateway_closes_total", code="4200")
    count = push_until(cluster, closes)
    assert [n for n, _ in healthy.items(count)] == list(range(count)), "others get everything"
    frames = slow.until_closed()
    assert frames[-1].opcode == CLOSE and frames[-1].payload == b"\x10\x68slow_consumer"
    got = numbers(frames[:-1])
    assert got == list(range(len(got))) and len(got) < count, "whole frames in order, then the close"
    assert dropped(cluster, "slow_closed") > 0
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 1, what="the client to be gone")
    assert cluster.fanned_out().get("fanfare_gateway_frames_queued") == 0


def test_close_of_a_client_that_never_reads_again(way):
    cluster = way.cluster("close")
    slow = way.slow(cluster)
    push_until(cluster, lambda: dropped(cluster, "slow_closed"))
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 0, 20,
               "the gateway to give up on a peer that does not take the close frame")


def test_drop_newest_keeps_what_came_first(way):
    cluster = way.cluster("drop-newest")
    slow, healthy = way.slow(cluster), way.healthy(cluster)
    count = push_until(cluster, lambda: dropped(cluster, "drop_newest") >= 5)
    lost = dropped(cluster, "drop_newest")
    assert [n for n, _ in healthy.items(count)] == list(range(count))
    kept = count - int(lost)
    got = []
    while len(got) < kept:
        got += numbers([slow.receive()])
    assert got == sorted(set(got))
    assert got[:5] == [0, 1, 2, 3, 4], "what was queued first stays"
    cluster.push("r", [9999, ITEM])
    assert numbers([slow.receive()]) == [9999], "the client goes on where it can"


def test_drop_oldest_keeps_what_came_last(way):
    cluster = way.cluster("drop-oldest")
    slow, healthy = way.slow(cluster), way.healthy(cluster)
    count = push_until(cluster, lambda: dropped(cluster, "drop_oldest") >= 5)
    lost = int(dropped(cluster, "drop_oldest"))
    assert [n for n, _ in healthy.items(count)] == list(range(count))
    got = numbers(read_until_number(slow, count - 1))
    assert got == sorted(set(got)), "in order, none twice"
    assert len(got) == count - lost, "what is missing is what was counted"
    assert got[-2:] == [count - 2, count - 1]
    cluster.push("r", [9999, ITEM])
    assert numbers([slow.receive()]) == [9999]


def test_the_frame_bound_acts_too(way):
    cluster = way.cluster("drop-newest", **{**ALL, "wsOutChannelSize": 3})
    slow = way.slow(cluster)
    count = push_until(cluster, lambda: dropped(cluster, "drop_newest") >= 5)
    queued = cluster.gateway_metrics().get("fanfare_gateway_frames_queued")
    assert queued <= 4
    kept = count - int(dropped(cluster, "drop_newest"))
    got = []
    while len(got) < kept:
        got += numbers([slow.receive()])
    assert got == sorted(set(got))


@pytest.mark.parametrize("policy", ["drop-newest", "drop-oldest"])
def test_pongs_and_acks_are_never_dropped_and_never_inside_another_frame(way, policy):
    cluster = way.cluster(policy)
    slow = way.slow(cluster)
    asked = []

    def ask_and_check():
        number = len(asked)
        asked.append(number)
        slow.send(PING, b"%d" % number)
        slow.text({"type": "PING", "id": number})
        return dropped(cluster, policy.replace("-", "_")) >= 10

    push_until(cluster, ask_and_check)
    pongs, acks = [], []
    while len(pongs) < len(asked) or len(acks) < len(asked):
        frame = slow.receive()
        if frame.opcode == PONG:
            pongs.append(int(frame.payload))
        elif frame.payload.startswith(b'{"type":"ACK"'):
            acks.append(json.loads(frame.payload)["id"])
        else:
            numbers([frame])
    assert acks == asked
    assert pongs == asked


def test_a_stalling_reader_gets_large_frames_whole(way):
    """Below the bound nothing may be lost: every partial write goes on where it stopped."""
    cluster = way.cluster("close", **ALL)
    slow = way.slow(cluster)
    sizes = [1, 125, 126, 65000, 3, 60000, 65500, 4096, 64000, 2]
    items = [[n, "y" * sizes[n % len(sizes)]] for n in range(300)]
    with cluster.caller() as caller:
        for item in items:
            assert caller.post("/push/room", {"room": "r", "items": [item]}).status == 200
            if item[0] % 50 == 49:
                slow.send(PING, b"still here")
    got, pongs = [], 0
    while len(got) < len(items) or pongs < 6:
        frame = slow.receive()
        assert frame is not None
        if frame.opcode == PONG:
            pongs += 1
        else:
            got += json.loads(frame.payload)["data"]["items"]
    assert got == [[n, text] for n, text in items]


def test_a_close_by_a_client_that_has_frames_queued(way):
    cluster = way.cluster("drop-newest")
    slow = way.slow(cluster)
    push_until(cluster, lambda: cluster.gateway_metrics().get("fanfare_gateway_frames_queued") >= 3)
    slow.send(CLOSE, b"\x03\xe8")
    frames = slow.until_closed()
    assert frames[-1].opcode == CLOSE
    got = numbers(frames)
    assert got == list(range(len(got)))
    queued = lambda: cluster.gateway_metrics().get("fanfare_gateway_frames_queued")
    wait_until(lambda: queued() == 0, what="the queue to be freed")


def test_a_reset_by_a_client_that_has_frames_queued(way):
    cluster = way.cluster("drop-newest")
    slow = way.slow(cluster)
    push_until(cluster, lambda: cluster.gateway_metrics().get("fanfare_gateway_frames_queued") >= 3)
    slow.close()
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 0, what="the client to be gone")
    queued = lambda: cluster.gateway_metrics().get("fanfare_gateway_frames_queued")
    wait_until(lambda: queued() == 0, what="the queue to be freed")
    assert dropped(cluster, "client_gone") > 0


def test_a_crowd_of_all_kinds_in_one_room(way):
    """More than one slice of them: whoever reads, now or at the end, has every frame whole and in order, whoever
    else leaves, and how."""
    cluster = way.cluster("close", **ALL)
    kinds = {kind: [way.slow(cluster) if kind == "stalls" else cluster.raw(tls=way.tls).join("r") for _ in range(count)]
             for kind, count in {"reads": 110, "stalls": 20, "closes": 10, "resets": 10}.items()}
    items = [[n, "z" * (60000, 200, 16400, 30000)[n % 4]] for n in range(24)]
    with cluster.caller() as caller:
        for item in items:
            assert caller.post("/push/room?wait=1", {"room": "r", "items": [item]}).status == 200
            for client in kinds["reads"]:
                assert client.items(1) == [item]
            if item[0] == len(items) // 2:
                for client in kinds["closes"]:
                    client.send(CLOSE, b"\x03\xe8")
                for client in kinds["resets"]:
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()
    for client in kinds["stalls"]:
        assert client.items(len(items)) == items
    for client in kinds["closes"]:
        frames = client.until_closed()
        got = [json.loads(each.payload)["data"]["items"][0] for each in frames[:-1]]
        assert frames[-1].opcode == CLOSE and got == items[:len(got)] and len(got) > len(items) // 2
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_clients") == 130, what="the others to be gone")
    assert cluster.fanned_out().get("fanfare_gateway_frames_queued") == 0
