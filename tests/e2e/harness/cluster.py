# SPDX-License-Identifier: Apache-2.0
"""A cluster of real gateways and logics on free ports, with clients, callers and proxies."""

import json
import pathlib

from harness.client import Client, close_all
from harness.daemon import Daemon
from harness.http import Caller
from harness.metrics import Metrics
from harness.numbered import Follower
from harness.ports import free_port
from harness.proxy import Proxy
from harness.raw_ws import RawClient
from harness.waiting import patient, wait_until

GATEWAY = {
    "wsPort": 0,
    "wsBind": "127.0.0.1",
    "servicePort": 0,
    "serviceBind": "127.0.0.1",
    "adminPort": 0,
    "maxMergerDelay": 20,
    "drainSeconds": 1,
    "wsReadTimeout": int(patient(5000)),
}
LOGIC = {
    "servicePort": 0,
    "serviceBind": "127.0.0.1",
    "canary.intervalSeconds": 0,
    "drainSeconds": 2,
    "serviceReadTimeout": int(patient(5000)),
    "serviceWriteTimeout": int(patient(5000)),
}
TTL = int(patient(2))  # seconds
REGISTERED = {"registryTtl": TTL}
DISCOVERING = {"discovery.mode": "redis", "discovery.refreshSeconds": 1}


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


def give_ports(config, *keys):
    """A free port for each port that is 0: a daemon that is started again finds its own still free."""
    for key in keys:
        if config.get(key) == 0:
            config[key] = free_port()


class Cluster:
    """Gateways and logics; `gateway` and `logic` override options, `proxied` puts a proxy on each link.

    With `redis` (what has `options()`) the gateways register there and logic finds them there, or,
    with `listed`, in its config all the same.
    """

    def __init__(
        self, directory, certs, gateways=1, logics=1, gateway=None, logic=None, proxied=False, ready=True,
        redis=None, listed=None, gateway_env=None, logic_env=None, headers=None, outlets=None,
    ):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certs = certs
        self.redis = redis
        self.listed = redis is None if listed is None else listed
        self.proxied = proxied
        self.serving = set()  # gateways to which a client may come back
        self.informed = set()  # daemons that are known to know who is banned
        self.gateways, self.logics, self.proxies = [], [], []
        self.clients, self.raws, self.followers, self.dead = [], [], [], []
        self.gateway_options, self.logic_options = gateway or {}, logic or {}
        self.gateway_env, self.logic_env = gateway_env, logic_env
        self.outlets = outlets or {}  # of daemons by name
        self.headers = dict(headers or {})  # of every call to a logic; changes hold for open connections too
        try:
            for _ in range(gateways):
                self.add_gateway()
            for _ in range(logics):
                self.add_logic()
            if ready and gateways and logics:
                self.await_ready()
        except BaseException:
            self.finish()
            raise

    def add_gateway(self, name=None, **options):
        name = name or f"gateway{len(self.gateways)}"
        found = self._registered(name)
        config = nested({**GATEWAY, **self.certs.gateway(), **found, **self.gateway_options, **options})
        give_ports(config, "wsPort", "servicePort", "adminPort")
        daemon = Daemon("fanfare-gateway", config, self.directory, name, env=self.gateway_env,
                        outlet=self.outlets.get(name))
        self.serving.add(len(self.gateways))
        self.gateways.append(daemon)
        if self.proxied:
            self._aim_proxy(len(self.gateways) - 1)
        return daemon

    def _registered(self, name):
        """What makes a gateway stand in the registry; a proxied one under its proxy's port."""
        if self.redis is None:
            return {}
        if self.proxied:
            self.proxies.append(Proxy(("127.0.0.1", 1)))
        port = {"advertise.port": self.proxies[-1].port} if self.proxied else {}
        return {**self.redis.options(), **REGISTERED, "gatewayId": name, **port}

    def _aim_proxy(self, index):
        """A proxy connects to nothing before it knows the gateway's port."""
        if index == len(self.proxies):
            self.proxies.append(Proxy(("127.0.0.1", 1)))
        self.proxies[index].target = self.gateways[index].address("rpc")

    def _found(self):
        """How logic finds the gateways."""
        links = [proxy.address for proxy in self.proxies] or [each.address("rpc") for each in self.gateways]
        listed = {"gatewayList": [{"hostname": "127.0.0.1", "port": port} for _, port in links]}
        registry = {} if self.redis is None else self.redis.options()
        return {**registry, **(listed if self.listed else DISCOVERING)}

    def add_logic(self, name=None, **options):
        config = nested({**LOGIC, **self.certs.logic(), **self._found(), **self.logic_options, **options})
        give_ports(config, "servicePort")
        name = name or f"logic{len(self.logics)}"
        daemon = Daemon("fanfare-logic", config, self.directory, name, env=self.logic_env,
                        outlet=self.outlets.get(name))
        self.logics.append(daemon)
        return daemon

    def restart_gateway(self, index=0, same_ports=True):
        """A new process on the ports of the one that died, or on other ones."""
        old = self.gateways[index]
        ports = {"servicePort": "rpc", "wsPort": "ws", "adminPort": "admin"}
        config = {**old.config, **{key: old.port(what) if same_ports else 0 for key, what in ports.items()}}
        assert not old.alive()
        self.gateways[index] = Daemon("fanfare-gateway", config, self.directory, f"{old.name}-again")
        self.dead.append(old)
        if self.proxied:
            self._aim_proxy(index)
        return self.gateways[index]

    def restart_logic(self, index=0):
        """A new process on the port of the one that has ended."""
        old = self.logics[index]
        assert not old.alive()
        config = {**old.config, "servicePort": old.port("api")}
        self.logics[index] = Daemon("fanfare-logic", config, self.directory, f"{old.name}-again")
        self.dead.append(old)
        return self.logics[index]

    def await_ready(self):
        self.await_links()
        for gateway, daemon in enumerate(self.gateways):
            if daemon.config.get("bus", {}).get("listen"):
                wait_until(lambda: self.bus_up(gateway), 20, f"{daemon.name} to hear the bus")

    def await_bans(self, gateway=0):
        """With auth a gateway lets nobody in before a logic has said who is banned, or 5 s have passed."""
        daemon = self.gateways[gateway]
        if daemon in self.informed or daemon.config.get("auth", {}).get("mode") != "verify":
            return
        with self.admin(gateway) as caller:
            wait_until(lambda: b"banned" not in caller.get("/readyz").body, 10, f"{daemon.name} to know of bans")
        self.informed.add(daemon)

    def await_links(self):
        for logic, daemon in enumerate(self.logics):
            with self.caller(logic) as caller:
                wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")
                if daemon.config.get("bus", {}).get("mode") != "only":
                    wait_until(lambda: self.links_up(caller), 20, "every link to be up")

    def bus_up(self, gateway=0):
        return self.gateway_metrics(gateway).get("fanfare_gateway_redis_up", what="bus") == 1

    def links_up(self, caller):
        """Whether logic counts no gateway as down (asked with a push nobody listens to)."""
        answer = caller.post("/push/room", {"room": "harness-nobody", "items": [0], "wait": True})
        return answer.status == 200 and answer.json["gateways"]["acked"] == len(self.gateways)

    def api(self, logic=0):
        return self.logics[logic].address("api")

    def caller(self, logic=0):
        """A new keep-alive connection to a logic."""
        host, port = self.api(logic)
        tls = self.certs.client_context(alpn=("http/1.1",), show=False) if self.logics[logic].config.get("api", {}).get("cert") else None
        return Caller(host, port, headers=self.headers, tls=tls)

    def admin(self, gateway=0):
        host, port = self.gateways[gateway].address("admin")
        return Caller(host, port)

    def ws(self, gateway=0):
        return self.gateways[gateway].address("ws")

    def url(self, gateway=0, query="", tls=False):
        return "%s:%d/connect%s" % ("wss://localhost" if tls else "ws://127.0.0.1", self.ws(gateway)[1], query)

    def client(self, *rooms, gateway=0, query="", **options):
        """A connected client that has joined `rooms`; over TLS with an `ssl` context."""
        self.await_bans(gateway)
        client = Client(self.url(gateway, query, options.get("ssl") is not None), rooms, **options)
        self.clients.append(client)
        return client

    def raw(self, gateway=0, **options):
        """A raw client; the cluster closes it."""
        self.await_bans(gateway)
        client = RawClient(self.ws(gateway), **options)
        self.raws.append(client)
        return client

    def follower(self, *flows, room="r", gateway=0):
        """A client that comes back to one of `serving`, held against these flows."""
        follower = Follower(self, flows, room, gateway)
        self.followers.append(follower)
        return follower

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

    def push_users(self, *users_and_item):
        """Pushes the last argument to the users before it, and waits; gives the answer."""
        *users, item = users_and_item
        with self.caller() as caller:
            answer = caller.post("/push/user", {"users": users, "items": [item], "wait": True})
        assert answer.status == 200, answer
        return answer.json

    def gateway_metrics(self, gateway=0):
        with self.admin(gateway) as caller:
            return Metrics(caller.get("/metrics").body.decode())

    def fanned_out(self, gateway=0):
        """The gateway's metrics once no frame is on its way to a client's socket or queue."""
        jobs = lambda: self.gateway_metrics(gateway).get("fanfare_gateway_fanout_jobs")
        wait_until(lambda: jobs() == 0, 30, "the fan-out to be done")
        return self.gateway_metrics(gateway)

    def logic_metrics(self, logic=0):
        with self.caller(logic) as caller:
            return Metrics(caller.get("/metrics").body.decode())

    def gateway_stats(self, gateway=0):
        with self.admin(gateway) as caller:
            return json.loads(caller.get("/stats").body)

    def listing(self, logic=0):
        """What GET /gateways of a logic says, by id; by address what has none, or another's."""
        with self.caller(logic) as caller:
            answer = caller.get("/gateways")
        assert answer.status == 200, answer
        found = {}
        for each in answer.json["gateways"]:
            name = each.get("id") or each["address"]
            found[each["address"] if name in found else name] = each
        return found

    def is_ready(self, gateway=0):
        with self.admin(gateway) as caller:
            return caller.get("/readyz").status == 200

    def close_clients(self):
        for follower in self.followers:
            follower.finish()
        self.followers.clear()
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
