# SPDX-License-Identifier: Apache-2.0
"""A cluster of real gateways and logics on free ports, with clients, callers and proxies."""

import json
import pathlib

from harness.client import Client, close_all
from harness.daemon import Daemon
from harness.http import Caller
from harness.metrics import Metrics
from harness.proxy import Proxy
from harness.raw_ws import RawClient
from harness.waiting import wait_until

GATEWAY = {
    "wsPort": 0,
    "wsBind": "127.0.0.1",
    "servicePort": 0,
    "serviceBind": "127.0.0.1",
    "adminPort": 0,
    "maxMergerDelay": 20,
    "drainSeconds": 1,
}
LOGIC = {"servicePort": 0, "serviceBind": "127.0.0.1", "drainSeconds": 2}


def nested(options):
    """{"rpc.ca": x} as {"rpc": {"ca": x}}: how dotted keys stand in a file. None leaves a key out."""
    result = {}
    for key, value in options.items():
        if value is None:
            continue
        at = result
        *groups, last = key.split(".")
        for group in groups:
            at = at.setdefault(group, {})
        at[last] = value
    return result


class Cluster:
    """Gateways and logics; `gateway` and `logic` override options, `proxied` puts a proxy on each link."""

    def __init__(self, directory, certs, gateways=1, logics=1, gateway=None, logic=None, proxied=False, ready=True):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certs = certs
        self.gateways, self.logics, self.proxies = [], [], []
        self.clients, self.raws, self.dead = [], [], []
        self.gateway_options, self.logic_options = gateway or {}, logic or {}
        try:
            for _ in range(gateways):
                self.add_gateway()
            if proxied:
                self.proxies = [Proxy(each.address("rpc")) for each in self.gateways]
            for _ in range(logics):
                self.add_logic()
            if ready and gateways and logics:
                self.await_ready()
        except BaseException:
            self.finish()
            raise

    def add_gateway(self, name=None, **options):
        name = name or f"gateway{len(self.gateways)}"
        config = nested({**GATEWAY, **self.certs.gateway(), **self.gateway_options, **options})
        daemon = Daemon("fanfare-gateway", config, self.directory, name)
        self.gateways.append(daemon)
        return daemon

    def add_logic(self, name=None, **options):
        links = self.proxies or [each.address("rpc") for each in self.gateways]
        ports = [link.port if isinstance(link, Proxy) else link[1] for link in links]
        listed = {"gatewayList": [{"hostname": "127.0.0.1", "port": port} for port in ports]}
        config = nested({**LOGIC, **self.certs.logic(), **listed, **self.logic_options, **options})
        daemon = Daemon("fanfare-logic", config, self.directory, name or f"logic{len(self.logics)}")
        self.logics.append(daemon)
        return daemon

    def restart_gateway(self, index=0):
        """A new process on the RPC and ws ports of the one that died."""
        old = self.gateways[index]
        config = {**old.config, "servicePort": old.port("rpc"), "wsPort": old.port("ws")}
        assert not old.alive()
        self.gateways[index] = Daemon("fanfare-gateway", config, self.directory, f"{old.name}-again")
        self.dead.append(old)
        return self.gateways[index]

    def await_ready(self):
        for logic in range(len(self.logics)):
            with self.caller(logic) as caller:
                wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")
                wait_until(lambda: self.links_up(caller), 20, "every link to be up")

    def links_up(self, caller):
        """Whether logic counts no gateway as down (asked with a push nobody listens to)."""
        answer = caller.post("/push/room", {"room": "harness-nobody", "items": [0], "wait": True})
        return answer.status == 200 and answer.json["gateways"]["acked"] == len(self.gateways)

    def api(self, logic=0):
        return self.logics[logic].address("api")

    def caller(self, logic=0):
        """A new keep-alive connection to a logic."""
        host, port = self.api(logic)
        return Caller(host, port)

    def admin(self, gateway=0):
        host, port = self.gateways[gateway].address("admin")
        return Caller(host, port)

    def ws(self, gateway=0):
        return self.gateways[gateway].address("ws")

    def url(self, gateway=0, query=""):
        return "ws://127.0.0.1:%d/connect%s" % (self.ws(gateway)[1], query)

    def client(self, *rooms, gateway=0, query="", **options):
        """A connected client that has joined `rooms`."""
        client = Client(self.url(gateway, query), rooms, **options)
        self.clients.append(client)
        return client

    def raw(self, gateway=0, **options):
        """A raw client; the cluster closes it."""
        client = RawClient(self.ws(gateway), **options)
        self.raws.append(client)
        return client

    def push(self, target, *items, wait=False, logic=0, **more):
        """One JSON push on a connection of its own; `target` is a room, a list of rooms, or None for all."""
        body = {"items": list(items), **more}
        if wait:
            body["wait"] = True
        if isinstance(target, list):
            body["rooms"] = target
        elif target is not None:
            body["room"] = target
        with self.caller(logic) as caller:
            answer = caller.post("/push/all" if target is None else "/push/room", body)
        assert answer.status == 200, answer
        return answer.json

    def gateway_metrics(self, gateway=0):
        with self.admin(gateway) as caller:
            return Metrics(caller.get("/metrics").body.decode())

    def logic_metrics(self, logic=0):
        with self.caller(logic) as caller:
            return Metrics(caller.get("/metrics").body.decode())

    def gateway_stats(self, gateway=0):
        with self.admin(gateway) as caller:
            return json.loads(caller.get("/stats").body)

    def close_clients(self):
        close_all(self.clients)
        self.clients.clear()
        for raw in self.raws:
            raw.close()
        self.raws.clear()

    def daemons(self):
        return self.logics + self.gateways

    def finish(self):
        """Ends clients, logics, gateways, proxies in this order; gives the faults found."""
        for daemon in self.daemons():
            if daemon.alive():
                daemon.go_on()
        self.close_clients()
        for proxy in self.proxies:
            proxy.flow()
        faults = [fault for daemon in self.daemons() + self.dead for fault in daemon.finish()]
        for proxy in self.proxies:
            proxy.stop()
        return faults
