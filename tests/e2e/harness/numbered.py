# SPDX-License-Identifier: Apache-2.0
"""Numbered items: callers that push them at a steady rate, clients that come back, and the count.

A Flow pushes the numbers of one caller to one room; a Follower is a client that reconnects as a
good client does. The checks give every fault as a text that names the numbers.
"""

import http.client
import itertools
import threading
import time

import websockets

from harness.client import Client
from harness.waiting import patient, wait_until

SPAN = 1_000_000  # numbers of one flow
AWAY = 0.2  # seconds that a client takes before it comes back


class Flow:
    """One caller, one number a push. Use it as a context: at its end the caller has stopped.

    Each push must be accepted. With `stubborn` one that was refused with 503, or whose connection
    ended before an answer, is pushed again until it is accepted.
    """

    ids = itertools.count()

    def __init__(self, cluster, room="r", logic=0, rate=150, stubborn=False):
        self.cluster, self.room, self.logic = cluster, room, logic
        self.pause, self.stubborn = 1 / rate, stubborn
        self.first = next(Flow.ids) * SPAN
        self.begun = self.first - 1  # the last number whose push has begun
        self.accepted = []
        self.refusals = []
        self.slowest = 0
        self.fault = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, name="flow")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stop(kind is None)

    def stop(self, complain=True):
        self.ending.set()
        self.thread.join()
        if complain and self.fault:
            raise self.fault

    def more(self, count=30, timeout=20):
        """Waits until `count` more pushes are accepted."""
        goal = len(self.accepted) + count

        def enough():
            if self.fault:
                raise self.fault
            return len(self.accepted) >= goal

        wait_until(enough, timeout, f"{count} more pushes to be accepted")
        return self

    def has(self, number):
        return self.first <= number < self.first + SPAN

    def _run(self):
        caller = self.cluster.caller(self.logic)
        try:
            while not self.ending.is_set():
                started = time.monotonic()
                self.begun += 1
                caller = self._push(caller, self.begun)
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.ending.wait(max(0, self.pause - (time.monotonic() - started)))
        except BaseException as fault:  # told to the test's own thread
            self.fault = fault
        finally:
            caller.close()

    def _push(self, caller, number):
        while True:
            try:
                answer = caller.post("/push/room", {"room": self.room, "items": [number]})
            except (OSError, http.client.HTTPException) as error:
                if not self.stubborn:
                    raise
                answer = error
                caller.close()
                caller = self.cluster.caller(self.logic)
            else:
                if answer.status == 200:
                    self.accepted.append(number)
                    return caller
                assert self.stubborn and answer.status == 503, f"push {number}: {answer}"
            self.refusals.append(answer)
            if self.ending.wait(0.05):
                self.begun -= 1
                return caller


class _Session:
    """One connection of a Follower; what was pushed from `due` on (by flow) it must have got."""

    def __init__(self, client, due):
        self.client, self.due, self.items = client, due, []


class Follower:
    """A client of one room that reads all the time and comes back when its connection ends.

    It begins at `gateway`, then goes round those in `cluster.serving`. `flows` are the callers
    whose numbers it is held against.
    """

    def __init__(self, cluster, flows, room="r", gateway=0):
        self.cluster, self.flows, self.room = cluster, flows, room
        self.sessions = []
        self.ending = threading.Event()
        self._connect(gateway)
        self.thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self.thread.start()

    def _connect(self, gateway):
        client = Client(self.cluster.url(gateway), [self.room])
        self.sessions.append(_Session(client, {flow: flow.begun + 1 for flow in self.flows}))
        self.at = gateway

    def _run(self):
        while True:
            session = self.sessions[-1]
            try:
                session.items += session.client.push(timeout=0.2)
            except AssertionError:
                if self.ending.is_set():
                    return
                if not session.client.open and session.client.frames.qsize() <= 1:
                    self._come_back()

    def _come_back(self):
        time.sleep(patient(AWAY))
        while not self.ending.is_set():
            others = [each for each in sorted(self.cluster.serving) if each != self.at] or [self.at]
            try:
                return self._connect(others[len(self.sessions) % len(others)])
            except (OSError, AssertionError, websockets.WebSocketException, TimeoutError):
                time.sleep(0.05)

    @property
    def items(self):
        return [item for session in self.sessions for item in session.items]

    def finish(self):
        self.ending.set()
        self.thread.join()
        self.sessions[-1].client.close()

    def await_last(self):
        """Waits until the last number of each flow (stopped by now) has come."""
        last = {flow.accepted[-1] for flow in self.flows}
        wait_until(lambda: last <= set(self.items[-2000:]), 30, f"the last items {last}")
        return self

    def faults(self):
        """What is wrong with what it got; empty when all is right."""
        found = []
        for flow in self.flows:
            numbers = [item for item in self.items if flow.has(item)]
            found += [f"{b} after {a}" for a, b in zip(numbers, numbers[1:]) if b <= a]
            for index, session in enumerate(self.sessions):
                found += [f"session {index}: {text}" for text in self._holes(session, flow)]
            if not numbers or numbers[-1] != flow.accepted[-1]:
                found.append(f"ends with {numbers[-1:]}, not with {flow.accepted[-1]}")
        return found

    @staticmethod
    def _holes(session, flow):
        got = [item for item in session.items if flow.has(item)]
        if not got:
            return
        due = [number for number in flow.accepted if session.due[flow] <= number <= got[-1]]
        missing = set(due) - set(got)
        if missing:
            yield f"{len(missing)} missing, first {min(missing)}"
        inside = [number for number in flow.accepted if got[0] <= number <= got[-1]]
        if inside != got and not missing:
            yield f"{got[:3]}…{got[-3:]} has holes"


def expect_exactly(clients, *flows):
    """Every client got each flow's accepted numbers once and in order, and nothing else."""
    total = sum(len(flow.accepted) for flow in flows)
    for client in clients:
        got = client.items(total, timeout=40)
        for flow in flows:
            numbers = [item for item in got if flow.has(item)]
            wrong = [(a, b) for a, b in zip(numbers, flow.accepted) if a != b]
            assert numbers == flow.accepted, f"got {len(numbers)} of {len(flow.accepted)}; (got, due): {wrong[:5]}"
    for client in clients:
        client.expect_nothing()
