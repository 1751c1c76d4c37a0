# SPDX-License-Identifier: Apache-2.0
"""Three gateways are restarted one after the other under load: no herd, and nobody misses a push."""

import threading
import time

import pytest

from harness.build import sanitized
from harness.herd import Herd
from harness.waiting import patient, wait_until

CLIENTS = 600 if sanitized() else 3000
RATE = CLIENTS // 12  # handshakes a second that one gateway admits
DRAIN = 5


class Balancer:
    """What a load balancer knows: which gateways say that they are ready."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.ready = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.look()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def is_ready(self, index):
        try:
            with self.cluster.admin(index) as caller:
                return caller.get("/readyz").status == 200
        except (OSError, AssertionError):
            return False

    def look(self):
        count = len(self.cluster.gateways)
        self.ready = [self.cluster.ws(index) for index in range(count) if self.is_ready(index)]

    def run(self):
        while not self.ending.wait(0.05):
            self.look()


class Pusher:
    """Numbered pushes to one room, with the times of each."""

    def __init__(self, cluster, room):
        self.cluster, self.room = cluster, room
        self.pushes = []  # (number, when its call began, when it was answered)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def run(self):
        number = 0
        with self.cluster.caller() as caller:
            while not self.ending.wait(0.25):
                number += 1
                begin = time.monotonic()
                answer = caller.post("/push/room", {"room": self.room, "items": [number]})
                assert answer.status == 200, answer
                self.pushes.append((number, begin, time.monotonic()))


def missed(herd, pushes, margin):
    """What clients missed that were in the room before a push began and left after it was answered."""
    faults = []
    for client, visits in enumerate(herd.visits):
        for visit in visits:
            if not visit.joined:
                continue
            got = set(visit.numbers)
            until = (visit.closed or float("inf")) - margin
            faults += [(client, number) for number, begin, end in pushes
                       if visit.joined < begin and end < until and number not in got]
            assert visit.numbers == sorted(set(visit.numbers)), "out of order, or twice"
    return faults


def behind(herd, last):
    """Who has not got the last push: (how often it connected, connected, the newest numbers)."""
    return [(len(visits), visits[-1].closed is None, visits[-1].numbers[-3:])
            for visits in herd.visits if visits[-1].numbers[-1:] != [last]][:5]


def most_in_a_second(times):
    times = sorted(times)
    first = best = 0
    for last, when in enumerate(times):
        while when - times[first] > 1:
            first += 1
        best = max(best, last - first + 1)
    return best


def restart(cluster, index):
    took = cluster.gateways[index].terminate()
    assert took < patient(DRAIN + 4)
    cluster.restart_gateway(index)
    wait_until(lambda: cluster.links_up(cluster.caller()), 20, "the new gateway's link")


@pytest.mark.parametrize("wire", ["auto"])
def test_rolling_restart(make_cluster, wire):
    cluster = make_cluster(gateways=3, gateway={
        "drainSeconds": DRAIN, "acceptPerSecond": RATE, "wsReadTimeout": 20000, "wire": wire})
    with Balancer(cluster) as balancer, Herd(CLIENTS, "r", lambda: balancer.ready) as herd:
        wait_until(lambda: herd.connected() == CLIENTS, 60, "everybody to be in the room")
        with Pusher(cluster, "r") as pusher:
            for index in range(3):
                since, told = time.monotonic(), len(herd.told)
                restart(cluster, index)
                wait_until(lambda: herd.connected() == CLIENTS, 60, "everybody to be back")
                check_the_return(herd, since, told)
            made = len(pusher.pushes)
            wait_until(lambda: len(pusher.pushes) > made + 2, 20, "some more pushes")
        last = pusher.pushes[-1][0]
        wait_until(lambda: not behind(herd, last), 20, "everybody to have the last push")
        assert missed(herd, pusher.pushes, herd.lag + patient(0.3)) == []


def check_the_return(herd, since, told):
    """Every client that was sent away was told when to return; they came back as a ramp, evenly."""
    away = herd.told[told:]
    assert away and None not in away, "a close frame without a wait"
    joins = herd.joins(since)
    gateways = {gateway for _, gateway in joins}
    for gateway in gateways:
        times = [when for when, where in joins if where == gateway]
        assert most_in_a_second(times) <= RATE * (1.1 + herd.lag) + RATE / 10 + 1, "faster than admitted"
        assert len(times) <= len(joins) / 2 * 1.1 + 1, "more than its share and a tenth"
