# SPDX-License-Identifier: Apache-2.0
"""GET /gateways: what logic knows of each gateway, and the probes that it learns it by."""

import socket
import time

import pytest

from harness.link_bench import Applier, Bench
from harness.waiting import patient, wait_until


@pytest.fixture
def bench(certs, tmp_path):
    made = Bench(certs, tmp_path)
    yield made
    made.finish()


def gateways(bench):
    with bench.caller() as caller:
        answer = caller.get("/gateways")
    assert answer.status == 200, answer
    return answer.json["gateways"]


def only(bench):
    [gateway] = gateways(bench)
    return gateway


def test_what_is_known_of_a_gateway(make_cluster):
    cluster = make_cluster(gateways=2)
    with cluster.caller() as caller:
        known = lambda: [each for each in caller.get("/gateways").json["gateways"] if each["rttMs"] is not None]
        found = wait_until(lambda: len(known()) == 2 and known(), what="both probes")
    assert [each["address"] for each in found] == ["127.0.0.1:%d" % each.port("rpc") for each in cluster.gateways]
    for each in found:
        assert list(each) == [
            "address", "id", "source", "listed", "state", "queue", "rttMs", "canary", "clients", "version", "limits",
            "limitsBelow", "lastError"]
        assert (each["source"], each["listed"], each["state"]) == ("static", True, "up")
        assert (each["id"], each["clients"], each["limitsBelow"]) == (None, 0, [])
        assert each["version"] and each["limits"]["maxItemBytes"] == 65536
        assert each["queue"] == {"pushes": 0, "bytes": 0}
        assert 0 < each["rttMs"] < patient(1000)


def test_clients_are_counted_anew_every_few_seconds(make_cluster):
    cluster = make_cluster()
    for _ in range(3):
        cluster.client()
    with cluster.caller() as caller:
        wait_until(lambda: caller.get("/gateways").json["gateways"][0]["clients"] == 3, 8, "the next probe")


def test_no_gateways(make_cluster):
    cluster = make_cluster(gateways=0, logic={"gatewayList": []})
    with cluster.caller() as caller:
        assert caller.get("/gateways").json == {"gateways": []}


def test_head_cors_and_other_methods(make_cluster):
    cluster = make_cluster(logic={"cors.origins": ["https://a.example"]})
    with cluster.caller() as caller:
        answer = caller.request("HEAD", "/gateways")
        assert (answer.status, answer.body) == (200, b"") and int(answer.headers["content-length"]) > 100
        answer = caller.get("/gateways", headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        answer = caller.post("/gateways", {})
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_states_queue_and_last_error(bench):
    """connecting while pushes are kept, down when they are dropped, up again with the fault in mind."""
    gateway = Applier()
    fake = bench.gateway(gateway)
    proxy = bench.proxy(fake)
    bench.logic(proxy.port, linkQueueSeconds=2)
    wait_until(lambda: only(bench)["state"] == "up", what="the link")
    assert only(bench)["lastError"] is None
    proxy.refuse()
    lost = wait_until(lambda: only(bench)["state"] != "up" and only(bench), what="the link to break")
    assert (lost["state"], lost["rttMs"], lost["clients"]) == ("connecting", None, None)
    assert lost["lastError"]["text"] and lost["lastError"]["secondsAgo"] <= 2
    with bench.caller() as caller:
        for n in range(5):
            assert caller.form("/push/all", f"items=[{n}]").status == 200
        queue = only(bench)["queue"]
        assert queue["pushes"] == 5 and queue["bytes"] > 5 * 16
        given_up = lambda: only(bench)["state"] == "down" and not only(bench)["queue"]["pushes"] and only(bench)
        down = wait_until(given_up, what="the link to be given up")
        assert down["queue"] == {"pushes": 0, "bytes": 0}
        assert caller.form("/push/all", "items=[9]").error == "no_gateway"
    proxy.accept()
    again = wait_until(lambda: only(bench)["state"] == "up" and only(bench), what="the link again")
    assert again["lastError"]["text"]


def test_a_gateway_that_was_never_up(bench):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        bench.logic(deaf.getsockname()[1], linkQueueSeconds=1)
        assert only(bench)["state"] == "connecting"
        wait_until(lambda: only(bench)["state"] == "down", what="it to be down")
        assert "refused" in only(bench)["lastError"]["text"].lower()


@pytest.mark.parametrize("stats, clients", [
    ((200, b'{"onlineConnections":118,"roomCount":2}'), 118),
    ((200, b'{"onlineConnections":"118"}'), None),
    ((200, b'{"onlineConnections":1e3}'), None),
    ((200, b"<html>"), None),
    ((404, b'{"onlineConnections":118}'), None),
])
def test_answers_to_probes_are_read_strictly(bench, stats, clients):
    fake = bench.gateway(Applier())
    fake.stats = stats
    bench.logic(fake.port)
    found = wait_until(lambda: only(bench)["rttMs"] is not None and only(bench), what="the probe's answer")
    assert found["clients"] == clients


def test_a_probe_without_an_answer_harms_nothing(bench):
    """No push waits for it, the connection stays, and no second probe follows."""
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.stats = None
    bench.logic(fake.port, gatewayTimeout=300)
    bench.ready()
    wait_until(lambda: fake.probes == 1, what="the probe")
    with bench.caller() as caller:
        begin = time.monotonic()
        while time.monotonic() - begin < 6:
            assert caller.form("/push/all", "items=[1]&wait=1").status == 200
            time.sleep(0.2)
    assert (fake.connections, fake.probes) == (1, 1)
    assert only(bench)["rttMs"] is None
    assert bench.balance()["pushes"]["queued"] == 0


def test_an_idle_link_is_not_cut_for_an_unanswered_probe(bench):
    fake = bench.gateway(Applier())
    fake.stats = None
    bench.logic(fake.port, gatewayTimeout=300)
    bench.ready()
    time.sleep(2)
    assert fake.connections == 1 and only(bench)["state"] == "up"
