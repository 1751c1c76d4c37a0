# SPDX-License-Identifier: Apache-2.0
"""Gateways found in DNS: they come and go under load, and a name server that fails takes none away."""

import threading
import time

import pytest

from harness.dns_server import A, AAAA, NXDOMAIN, REFUSED, SERVFAIL, SRV, DnsServer
from harness.waiting import patient, wait_until

REFRESH = 1
FAILED = "looking the gateways up failed, the last answer stays"


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.stop()


class Found:
    """Gateways on one port of several addresses, and a logic that finds them through `dns`."""

    def __init__(self, make_cluster, dns, *hosts, **options):
        self.dns = dns
        self.cluster = make_cluster(gateways=0, logics=0)
        self.hosts = []
        self.port = 0
        for host in hosts:
            self.add_gateway(host)
        dns.set(*hosts)
        self.logic = self.cluster.add_logic(**{
            "gatewayList": [], "discovery.mode": "dns", "discovery.name": dns.name, "discovery.port": self.port or 9,
            "discovery.refreshSeconds": REFRESH, "discovery.nameserver": dns.address,
            "rpc.serverName": "localhost", **options,
        })
        self.caller = self.cluster.caller()

    def add_gateway(self, host):
        """The first one takes a free port; the others take the same port of their own addresses."""
        daemon = self.cluster.add_gateway(serviceBind=host, servicePort=self.port)
        self.port = daemon.port("rpc")
        self.hosts.append(host)
        return daemon

    def restart(self, **changes):
        """Logic ends and starts again, which knows nobody then."""
        self.logic.terminate()
        config = {**self.logic.config}
        for key, value in changes.items():
            head, _, tail = key.partition(".")
            config[head] = {**config[head], tail: value} if tail else value
        self.cluster.logics[0] = self.logic = type(self.logic)(
            "fanfare-logic", config, self.cluster.directory, self.logic.name + "-again")
        self.caller = self.cluster.caller()

    def name(self, host):
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def gateways(self):
        """GET /gateways, by address."""
        return {each["address"]: each for each in self.caller.get("/gateways").json["gateways"]}

    def up(self, *hosts):
        """Whether exactly these are known, and all of them up."""
        known = self.gateways()
        return set(known) == set(map(self.name, hosts)) and all(each["state"] == "up" for each in known.values())

    def await_up(self, *hosts, timeout=10):
        wait_until(lambda: self.up(*hosts), timeout, f"{hosts} to be up, and no other")

    def metric(self, name, **labels):
        return self.cluster.logic_metrics().total("fanfare_logic_" + name, **labels)

    def lookups(self, result):
        return self.metric("dns_lookups_total", result=result)

    def await_failures(self, count=2, timeout=30):
        before = self.lookups("failed")
        wait_until(lambda: self.lookups("failed") >= before + count, timeout, "look-ups to fail")

    def push(self, *items):
        answer = self.caller.post("/push/room", {"room": "r", "items": list(items), "wait": True})
        assert answer.status == 200, answer
        return answer.json["gateways"]


class Load:
    """Pushes 0, 1, 2, … to room r, one after the other, until it is stopped."""

    def __init__(self, found):
        self.found = found
        self.count = 0
        self.faults = []
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with self.found.cluster.caller() as caller:
            while self.running:
                answer = caller.post("/push/room", {"room": "r", "items": [self.count]})
                if answer.status != 200:
                    self.faults.append(answer)
                self.count += 1
                time.sleep(0.002)

    def stop(self):
        self.running = False
        self.thread.join()
        assert self.faults == []
        return self.count

    def pass_on(self, count=50):
        """Waits until so many more have been pushed."""
        target = self.count + count
        wait_until(lambda: self.count >= target, what="more pushes")


def numbers_of(client, last):
    """All items that a client got, up to `last`."""
    got = []
    while not got or got[-1] < last:
        got += client.push()
    return got


def test_every_address_is_a_gateway(make_cluster, dns):
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2", "127.0.0.3")
    found.await_up("127.0.0.1", "127.0.0.2", "127.0.0.3")
    assert found.push(1) == {"known": 3, "queued": 3, "acked": 3}
    for gateway in found.gateways().values():
        assert (gateway["source"], gateway["listed"], gateway["id"]) == ("dns", True, None)
    assert found.metric("gateways", source="dns") == 3
    assert found.metric("gateways", source="static") == 0
    assert found.lookups("failed") == 0
    assert dns.asked(A) == pytest.approx(dns.asked(AAAA), abs=1)
    assert {name for name, _ in dns.questions} == {dns.name}


def test_the_list_in_the_config_stays_beside_dns(make_cluster, dns):
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2")
    found.await_up("127.0.0.1", "127.0.0.2")
    both = [{"hostname": "127.0.0.1", "port": found.port}, {"hostname": "127.0.0.3", "port": found.port}]
    found.add_gateway("127.0.0.3")
    found.restart(gatewayList=both)
    found.await_up("127.0.0.1", "127.0.0.2", "127.0.0.3")
    sources = {address.split(":")[0]: each["source"] for address, each in found.gateways().items()}
    assert sources == {"127.0.0.1": "static", "127.0.0.3": "static", "127.0.0.2": "dns"}
    dns.set("127.0.0.2")
    before = found.lookups("ok")
    wait_until(lambda: found.lookups("ok") > before + 1, what="two look-ups")
    found.await_up("127.0.0.1", "127.0.0.2", "127.0.0.3")
    assert all(each["listed"] for each in found.gateways().values())


def test_no_gateway_at_start_is_no_error(make_cluster, dns):
    found = Found(make_cluster, dns)
    found.await_failures()
    assert found.caller.get("/readyz").error == "not_ready"
    assert found.caller.get("/gateways").json == {"gateways": []}
    assert found.logic.events("no gateway is known") == []
    failed = found.logic.events(FAILED)
    assert len(failed) == 1 and failed[0]["reason"] == "the name has no address"


def test_growing_and_shrinking_under_load(make_cluster, dns):
    """A new record is learnt within refreshSeconds + 1; one that goes keeps its link until that fails."""
    found = Found(make_cluster, dns, "127.0.0.1")
    found.await_up("127.0.0.1")
    second = found.add_gateway("127.0.0.2")
    first_client, second_client = (found.cluster.client("r", gateway=n) for n in (0, 1))
    load = Load(found)
    load.pass_on()
    assert not found.gateways().get(found.name("127.0.0.2"))

    dns.set("127.0.0.1", "127.0.0.2")
    found.await_up("127.0.0.1", "127.0.0.2", timeout=REFRESH + 1)
    load.pass_on()

    dns.set("127.0.0.1")
    wait_until(lambda: not found.gateways()[found.name("127.0.0.2")]["listed"], 5, "the record to be missed")
    load.pass_on(300)
    assert found.up("127.0.0.1", "127.0.0.2"), "a link that works stays"
    held = second_client.push()[-1]
    wait_until(lambda: load.count > held + 50, what="more pushes")

    second.terminate()
    found.await_up("127.0.0.1", timeout=3)
    last = load.stop() - 1
    assert numbers_of(first_client, last) == list(range(last + 1)), "order, no loss, none twice"
    later = [held]
    while second_client.frames.qsize() > 1:
        later += second_client.push()
    assert later == list(range(held, held + len(later))) and later[-1] > held + 50
    assert found.push(-1) == {"known": 1, "queued": 1, "acked": 1}
    assert found.metric("gateways") == 1
    books = [found.metric(f"link_pushes_{what}") for what in ("accepted_total", "acked_total", "dropped_total", "queued")]
    assert books[0] == sum(books[1:])


@pytest.mark.parametrize("fault, reason", [
    (NXDOMAIN, "there is no such name"),
    (SERVFAIL, "the name server answers SERVFAIL or REFUSED, or cannot be reached"),
    (REFUSED, None),
    ("silence", "the name server does not answer"),
    ("garbage", None),
    ("no address", "the name has no address"),
])
def test_a_failure_keeps_the_last_answer(make_cluster, dns, fault, reason):
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2")
    found.await_up("127.0.0.1", "127.0.0.2")
    load = Load(found)
    if fault == "no address":
        dns.set()
    else:
        dns.fail(fault)
    found.await_failures(1 if fault == "silence" else 3)
    if fault == "garbage":
        wait_until(lambda: dns.nonsense > 12, 60, "every kind of garbage")
    assert found.up("127.0.0.1", "127.0.0.2")
    assert all(each["listed"] for each in found.gateways().values())
    failed = found.logic.events(FAILED)
    assert failed and (reason is None or failed[0]["reason"] == reason)
    assert len(failed) <= 2 or fault == "garbage", "one line when it begins, then one every 10 s"
    third = found.add_gateway("127.0.0.3")
    dns.fail(None)
    dns.set("127.0.0.1", "127.0.0.2", "127.0.0.3")
    found.await_up("127.0.0.1", "127.0.0.2", "127.0.0.3", timeout=8)
    wait_until(lambda: found.logic.events("the gateways are looked up again"), what="the end to be logged")
    load.stop()
    assert third.alive() and found.metric("link_reconnects_total") == 0


def test_both_families_of_one_gateway_are_one(make_cluster, dns):
    """A and AAAA of one name cannot be paired, so one family counts: the one taken first, until it has none."""
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2")
    found.add_gateway("::1")
    dns.set("127.0.0.1", "127.0.0.2", "::1")
    before = found.lookups("ok")
    wait_until(lambda: found.lookups("ok") > before + 1, what="two look-ups of both families")
    found.await_up("127.0.0.1", "127.0.0.2")
    assert found.push(1) == {"known": 2, "queued": 2, "acked": 2}

    dns.faults = {A: SERVFAIL}
    found.await_failures()
    assert found.up("127.0.0.1", "127.0.0.2"), "a family that fails is not one that is gone"
    assert all(each["listed"] for each in found.gateways().values())

    dns.fail(None)
    dns.set("::1")
    wait_until(lambda: found.name("::1") in found.gateways(), 10, "the other family")
    found.await_failures(0)
    assert not found.gateways()[found.name("127.0.0.1")]["listed"]
    for gateway in found.cluster.gateways[:2]:
        gateway.terminate()
    found.await_up("::1")


def test_a_family_that_fails_does_not_hide_the_other(make_cluster, dns):
    dns.faults = {A: SERVFAIL}
    found = Found(make_cluster, dns, "::1")
    found.await_up("::1")
    assert found.lookups("failed") == 0


@pytest.mark.parametrize("edns", [True, False])
def test_a_hundred_gateways_of_one_name(make_cluster, dns, edns):
    """Far more than 512 bytes, and than 1,232: over TCP. A logic that restarts knows them all at once."""
    dns.edns = edns
    hosts = [f"127.0.1.{n}" for n in range(1, 101)]
    found = Found(make_cluster, dns, "127.0.0.1")
    dns.set("127.0.0.1", *hosts)
    wait_until(lambda: len(found.gateways()) == 101, 20, "all of them")
    assert dns.over_tcp > 0 and dns.udp_sizes == {1232}
    found.restart()
    wait_until(lambda: set(found.gateways()) == {found.name(host) for host in ["127.0.0.1", *hosts]}, 20, "all again")
    assert found.lookups("failed") == 0


def test_seventy_fit_a_datagram_with_edns(make_cluster, dns):
    dns.tcp = False
    found = Found(make_cluster, dns, "127.0.0.1")
    dns.set("127.0.0.1", *(f"127.0.1.{n}" for n in range(69)))
    wait_until(lambda: len(found.gateways()) == 70, what="all of them")
    assert dns.over_tcp == 0


def test_an_answer_that_is_cut_and_no_tcp(make_cluster, dns):
    """What may be cut is no answer."""
    dns.tcp = False
    found = Found(make_cluster, dns, "127.0.0.1")
    found.await_up("127.0.0.1")
    dns.set(*(f"127.0.1.{n}" for n in range(1, 200)))
    found.await_failures()
    assert found.up("127.0.0.1") and found.gateways()[found.name("127.0.0.1")]["listed"]


def test_more_gateways_than_may_be_linked(make_cluster, dns):
    """Nearly 64 KB of answer: 1,024 are taken, the rest is refused and counted, and the loop goes on."""
    found = Found(make_cluster, dns, "127.0.0.1")
    dns.set("127.0.0.1", *(f"127.{2 + n // 250}.0.{1 + n % 250}" for n in range(3900)))
    wait_until(lambda: found.metric("gateways") == 1024, 60, "as many as may be")
    wait_until(lambda: found.metric("gateways_refused_total") > 0, what="the rest to be refused")
    assert found.caller.get("/healthz").status == 200
    assert found.name("127.0.0.1") in found.gateways()


class Services(Found):
    """Gateways of one SRV name, each on a port of its own; their targets are names of the same server."""

    def __init__(self, make_cluster, dns, hosts, **options):
        dns.name = "_rpc._tcp.gateways.example"
        self.ports = {}
        super().__init__(make_cluster, dns, **{"discovery.port": 9, **options})
        for target, addresses in hosts.items():
            daemon = self.cluster.add_gateway(serviceBind=addresses[0], servicePort=0)
            self.ports[target] = daemon.port("rpc")
            dns.hosts[target] = addresses
        dns.services = [(target, port) for target, port in self.ports.items()]

    def name(self, host):
        return f"{host}:{self.ports[host]}"


def test_srv_records_give_names_and_ports(make_cluster, dns):
    found = Services(make_cluster, dns, {"gw-1.example": ["127.0.0.1"], "gw-2.example": ["127.0.0.2"]})
    found.await_up("gw-1.example", "gw-2.example")
    assert len(set(found.ports.values())) == 2
    assert found.push(1) == {"known": 2, "queued": 2, "acked": 2}
    assert {name for name, kind in dns.questions if kind != SRV} == {"gw-1.example", "gw-2.example"}, "complete names"
    dns.services = [each for each in dns.services if each[0] != "gw-2.example"]
    found.cluster.gateways[1].terminate()
    found.await_up("gw-1.example")


def test_srv_pairs_both_families(make_cluster, dns):
    """A target with an A and an AAAA record is one link, which tries both."""
    found = Services(make_cluster, dns, {"gw-1.example": ["::1", "127.0.0.1"]})
    found.await_up("gw-1.example")
    assert found.push(1) == {"known": 1, "queued": 1, "acked": 1}


def test_a_name_server_that_is_gone_lets_links_come_back(make_cluster, dns):
    """A link to a name of SRV goes back to the address that it had."""
    found = Services(make_cluster, dns, {"gw-1.example": ["127.0.0.1"]})
    found.await_up("gw-1.example")
    dns.stop()
    found.cluster.gateways[0].kill()
    wait_until(lambda: not found.up("gw-1.example"), what="the link to break")
    found.cluster.add_gateway(serviceBind="127.0.0.1", servicePort=found.ports["gw-1.example"])
    found.await_up("gw-1.example", timeout=20)


def test_search_domains_of_resolv_conf(make_cluster, dns, monkeypatch):
    monkeypatch.setenv("LOCALDOMAIN", "nowhere.example cluster.example")
    monkeypatch.setenv("RES_OPTIONS", "ndots:5")
    dns.name = "gateways.ns.cluster.example"
    found = Found(make_cluster, dns, "127.0.0.1", **{"discovery.name": "gateways.ns"})
    found.await_up("127.0.0.1")
    assert [name for name, kind in dns.questions if kind == A][:2] == [
        "gateways.ns.nowhere.example", "gateways.ns.cluster.example"]
    assert found.lookups("failed") == 0
    found.restart(**{"discovery.name": "gateways.ns."})
    dns.questions.clear()
    found.await_failures(1)
    assert {name for name, _ in dns.questions} == {"gateways.ns"}


def test_the_ttl_is_kept(make_cluster, dns):
    """A name whose records live for a second is asked for again after it, whatever refreshSeconds says."""
    found = Found(make_cluster, dns, "127.0.0.1", **{"discovery.refreshSeconds": 3600})
    found.await_up("127.0.0.1")
    found.add_gateway("127.0.0.2")
    dns.set("127.0.0.1", "127.0.0.2")
    found.await_up("127.0.0.1", "127.0.0.2", timeout=20)


def test_a_long_ttl_does_not_hold_refresh_up(make_cluster, dns):
    dns.ttl = 86400
    found = Found(make_cluster, dns, "127.0.0.1")
    found.await_up("127.0.0.1")
    wait_until(lambda: found.lookups("ok") >= 3, what="look-ups at refreshSeconds")


def test_host_names_of_the_list_are_looked_up(make_cluster, dns):
    """gatewayList with a name, /etc/hosts and localhost: all without the discovery."""
    found = Found(make_cluster, dns, "127.0.0.1")
    found.await_up("127.0.0.1")
    dns.hosts["one.example"] = ["127.0.0.1"]
    names = [{"hostname": name, "port": found.port} for name in ("one.example", "localhost", "any.localhost")]
    found.restart(**{"gatewayList": names, "discovery.mode": "static"})
    found.await_up("one.example", "localhost", "any.localhost")
    assert not any("localhost" in name for name, _ in dns.questions)


def test_slow_answers_block_nothing(make_cluster, dns):
    dns.delay = 1.5
    begin = time.monotonic()
    found = Found(make_cluster, dns, "127.0.0.1")
    while not found.gateways():
        asked = time.monotonic()
        assert found.caller.get("/healthz").status == 200
        assert time.monotonic() - asked < patient(0.5)
        time.sleep(0.01)
        assert time.monotonic() - begin < patient(10)
    found.await_up("127.0.0.1")
    assert found.lookups("failed") == 0


def test_leaving_while_a_look_up_is_under_way(make_cluster, dns):
    dns.fail("silence")
    found = Found(make_cluster, dns)
    wait_until(lambda: dns.asked(A) and dns.asked(AAAA), what="the questions")
    assert found.logic.terminate() < patient(2)


def test_what_was_queued_for_one_that_is_gone(make_cluster, dns):
    """Its pushes are dropped at once, counted as gone, and who waits for it is told."""
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2", waitTimeout=20000)
    found.await_up("127.0.0.1", "127.0.0.2")
    found.cluster.gateways[1].kill()
    wait_until(lambda: not found.up("127.0.0.1", "127.0.0.2"), what="the link to break")
    for n in range(10):
        assert found.cluster.push("r", n)["gateways"]["connecting"] == [found.name("127.0.0.2")]
    dead = found.gateways()[found.name("127.0.0.2")]
    assert dead["state"] == "connecting" and dead["queue"]["pushes"] == 10 and dead["lastError"]["text"]
    dns.set("127.0.0.1")
    begin = time.monotonic()
    answer = found.push("waits")
    assert answer["acked"] == 1 and answer["down"] == [found.name("127.0.0.2")]
    assert time.monotonic() - begin < patient(REFRESH + 1)
    found.await_up("127.0.0.1", timeout=1)
    assert found.metric("link_pushes_dropped_total", reason="gone") == 11
    assert found.metric("link_items_dropped_total", reason="gone") == 11
    assert found.metric("link_pushes_queued") == 0
    assert [event["pushes"] for event in found.logic.events("gateway gone, pushes dropped")] == ["11"]
    assert found.push("after") == {"known": 1, "queued": 1, "acked": 1}


def test_addresses_in_certificates_are_asked_for(make_cluster, dns):
    """Without rpc.serverName the address itself must stand in the certificate; the start says so."""
    warning = "gateways found in DNS must have their addresses in their certificates"
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2", **{"rpc.serverName": ""})
    told = wait_until(lambda: found.logic.events(warning), what="the warning")
    assert "rpc.serverName" in told[0]["remedy"]
    wait_until(lambda: found.gateways()[found.name("127.0.0.1")]["state"] == "up", what="the one in the certificate")
    refused = wait_until(lambda: found.gateways()[found.name("127.0.0.2")]["lastError"], what="the other one's fault")
    assert "IP address mismatch" in refused["text"]
