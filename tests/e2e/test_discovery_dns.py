# SPDX-License-Identifier: Apache-2.0
"""Gateways found in DNS: they come and go under load, and a name server that fails takes none away."""

import threading
import time

import pytest

from harness.dns_server import A, AAAA, NXDOMAIN, REFUSED, SERVFAIL, DnsServer
from harness.log_lines import read_events
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
    found = Found(make_cluster, dns, "127.0.0.1", "127.0.0.2", "::1")
    found.await_up("127.0.0.1", "127.0.0.2", "::1")
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
    found.logic.terminate()
    config = {**found.logic.config, "gatewayList": both}
    found.cluster.logics[0] = found.logic = type(found.logic)(
        "fanfare-logic", config, found.cluster.directory, "logic-again")
    found.caller = found.cluster.caller()
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
    (SERVFAIL, "the name server does not answer, or answers SERVFAIL"),
    (REFUSED, None),
    ("silence", "the name server does not answer, or answers SERVFAIL"),
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


@pytest.mark.parametrize("style, level", [("logfmt", "debug"), ("json", "debug"), ("logfmt", "info")])
def test_what_the_resolver_says_is_in_the_log(make_cluster, dns, style, level):
    """libevent's own lines on stderr are events like ours: every line can be parsed."""
    dns.fail("silence")
    found = Found(make_cluster, dns, **{"log.level": level, "log.format": style})
    said = lambda: [event for event in found.logic.events("libevent") if "has failed" in event["text"]]
    if level == "debug":
        wait_until(said, 60, "the resolver to give the name server up")
        assert dns.address in said()[0]["text"]
    else:
        found.await_failures(2, 60)
    read_events(found.logic, style)


def test_one_family_may_fail_alone(make_cluster, dns):
    """The other one's news are taken, and what was known of the failing one stays."""
    found = Found(make_cluster, dns, "127.0.0.1", "::1")
    found.await_up("127.0.0.1", "::1")
    dns.faults = {AAAA: SERVFAIL}
    found.add_gateway("127.0.0.2")
    dns.set("127.0.0.1", "127.0.0.2")
    found.await_failures()
    found.await_up("127.0.0.1", "127.0.0.2", "::1")
    assert all(each["listed"] for each in found.gateways().values())
    dns.fail(None)
    wait_until(lambda: not found.gateways()[found.name("::1")]["listed"], 5, "the AAAA record to be missed")


def test_an_answer_that_is_cut_is_said_to_be(make_cluster, dns):
    """60 addresses do not fit 512 bytes, and evdns asks no second time over TCP."""
    found = Found(make_cluster, dns, "127.0.0.1")
    found.await_up("127.0.0.1")
    dns.set(*(f"127.0.1.{n}" for n in range(60)))
    found.await_failures()
    failed = found.logic.events(FAILED)[0]
    assert "cut" in failed["reason"] and "512 bytes" in failed["reason"]
    assert failed["remedy"] == "set discovery.mode redis"
    assert found.up("127.0.0.1")
    dns.set("127.0.0.1", *(f"127.0.1.{n}" for n in range(25)))
    wait_until(lambda: len(found.gateways()) == 26, what="as many as fit")


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
