# SPDX-License-Identifier: Apache-2.0
"""One logic against gateways in Python that a test can make slow, deaf or forgetful."""

import json
import time

from harness.cluster import LOGIC, nested
from harness.daemon import Daemon
from harness.http import Caller
from harness.metrics import Metrics
from harness.proxy import Proxy
from harness.rpc import FakeGateway, read_batch
from harness.waiting import wait_until


class Applier:
    """Does what a gateway must: applies each number once, answers repetitions alike."""

    def __init__(self):
        self.applied = []
        self.batches = 0
        self.duplicates = 0
        self.status = None
        self.hold = False

    def __call__(self, method, path, headers, body):
        assert (method, path) == ("POST", "/rpc/batch")
        if self.hold:
            return None
        if self.status:
            return self.status, b'{"error":{"code":"x","message":"y"}}'
        self.batches += 1
        _, records = read_batch(body)
        last = self.applied[-1][0] if self.applied else 0
        fresh = [each for each in records if each[0] > last]
        self.duplicates += len(records) - len(fresh)
        self.applied += fresh
        answer = {
            "applied": self.applied[-1][0],
            "pushes": len(fresh),
            "duplicates": len(records) - len(fresh),
            "items": sum(len(each[3]) for each in fresh),
            "reached": [[each[0], 3] for each in records if each[1]],
        }
        return 200, json.dumps(answer).encode()

    @property
    def items(self):
        return [int(item) for _, _, _, items in self.applied for item in items]


class Bench:
    """One logic and its fake gateways."""

    def __init__(self, certs, directory):
        self.certs, self.directory = certs, directory
        self.parts, self.daemons = [], []

    def gateway(self, respond):
        fake = FakeGateway(self.certs.server_context(), respond)
        self.parts.append(fake)
        return fake

    def proxy(self, fake):
        proxy = Proxy(("127.0.0.1", fake.port))
        self.parts.append(proxy)
        return proxy

    def logic(self, *ports, host="127.0.0.1", **options):
        links = [{"hostname": host, "port": port} for port in ports]
        config = nested({**LOGIC, "gatewayList": links, "rpc.ca": self.certs.ca, **options})
        daemon = Daemon("fanfare-logic", config, self.directory, f"logic{len(self.daemons)}")
        self.daemons.append(daemon)
        return daemon

    def caller(self, timeout=15):
        return Caller(*self.daemons[-1].address("api"), timeout=timeout)

    def ready(self):
        with self.caller() as caller:
            wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")

    def metrics(self):
        with self.caller() as caller:
            return Metrics(caller.get("/metrics").body.decode())

    def balance(self):
        """The link's books, which must balance at any time; returns them."""
        metrics = self.metrics()
        books = {}
        for unit in ("pushes", "items"):
            accepted = metrics.get(f"fanfare_logic_link_{unit}_accepted_total")
            acked = metrics.get(f"fanfare_logic_link_{unit}_acked_total")
            queued = metrics.get(f"fanfare_logic_link_{unit}_queued")
            dropped = metrics.total(f"fanfare_logic_link_{unit}_dropped_total")
            assert accepted == acked + queued + dropped
            received = metrics.get(f"fanfare_logic_{unit}_received_total")
            taken = metrics.get(f"fanfare_logic_{unit}_accepted_total")
            assert received == taken + metrics.total(f"fanfare_logic_{unit}_refused_total")
            books[unit] = {"accepted": accepted, "acked": acked, "queued": queued}
        for reason in ("expired", "down", "refused", "gone", "shutdown"):
            books[reason] = metrics.get("fanfare_logic_link_pushes_dropped_total", reason=reason)
        return books

    def finish(self):
        faults = [fault for each in self.daemons for fault in each.finish()]
        for part in self.parts:
            part.stop()
        assert not faults, "\n".join(faults)


def push_all(caller, first, last):
    """Pushes numbers one by one; a push refused for a full queue is tried again. Gives the retries."""
    retries = 0
    for number in range(first, last + 1):
        while True:
            answer = caller.form("/push/all", f"items=[{number}]")
            if answer.status == 200:
                break
            assert (answer.status, answer.error) == (503, "queue_full"), answer
            retries += 1
            time.sleep(0.002)
    return retries
