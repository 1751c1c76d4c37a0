# SPDX-License-Identifier: Apache-2.0
"""The hello of a link: limits that differ are known before a push is sent, and nobody is called down for it."""

import json

import pytest

from harness.cluster import Cluster
from harness.link_bench import Applier, Bench
from harness.rpc import RpcCaller, go_push_responder
from harness.waiting import wait_until

GOOD = {
    "version": "0.2.0",
    "instance": "00112233445566778899aabbccddeeff",
    "limits": {"maxItemBytes": 65536, "maxJsonDepth": 64, "maxRoomNameBytes": 128, "maxRpcBytes": 8388608},
    "capabilities": ["traces", "history"],
    "later": {},
}


@pytest.fixture
def bench(certs, tmp_path):
    made = Bench(certs, tmp_path)
    yield made
    made.finish()


def name(gateway):
    return "%s:%d" % gateway.address("rpc")


def await_links(cluster, count):
    links = lambda: cluster.logic_metrics().get("fanfare_logic_links", state="up")
    wait_until(lambda: links() == count, what="the links")


def post(cluster, body, path="/push/all"):
    with cluster.caller() as caller:
        return caller.post(path, body)


def counted(cluster, metric, **labels):
    return cluster.logic_metrics().get(f"fanfare_logic_{metric}", **labels)


# What one gateway refuses, others get

NARROW = {"maxItemBytes": 100, "maxJsonDepth": 4, "maxRoomNameBytes": 20}


@pytest.fixture(scope="module")
def uneven(certs, tmp_path_factory):
    """Two gateways; the second takes less than logic."""
    cluster = Cluster(tmp_path_factory.mktemp("uneven"), certs, gateways=0, logics=0)
    try:
        cluster.add_gateway()
        cluster.add_gateway(**NARROW)
        cluster.add_logic()
        cluster.await_ready()
        yield cluster
    finally:
        faults = cluster.finish()
    assert not faults, "\n".join(faults)


PAST = {
    "maxItemBytes": {"all": True, "items": ["x" * 200]},
    "maxJsonDepth": {"all": True, "items": [1, [[[[[5]]]]]]},
    "maxRoomNameBytes": {"rooms": ["r", "a-room-of-25-bytes-in-all"], "items": [1]},
}


@pytest.mark.parametrize("limit", PAST)
def test_a_push_past_one_gateways_limit_is_refused_for_it_alone(uneven, limit):
    await_links(uneven, 2)
    narrow = name(uneven.gateways[1])
    before = counted(uneven, "link_pushes_dropped_total", reason="refused")
    answer = post(uneven, [PAST[limit]], "/push/batch").json[0]
    assert answer["gateways"] == {"known": 2, "queued": 1, "refused": [narrow]}
    waited = post(uneven, [{**PAST[limit], "wait": True}], "/push/batch")
    assert waited.status == 502, waited
    waited = waited.json[0]
    assert waited["error"]["code"] == "gateway_refused"
    assert f"{limit} is {NARROW[limit]} at {narrow}" in waited["error"]["message"]
    assert waited["gateways"] == {"known": 2, "queued": 1, "acked": 1, "refused": [narrow]}
    assert counted(uneven, "link_pushes_dropped_total", reason="refused") == before + 2
    assert counted(uneven, "link_rpc_errors_total") == 0, "it was never sent"


def test_what_fits_every_gateway_goes_everywhere(uneven):
    await_links(uneven, 2)
    answer = post(uneven, {"items": ["x" * 98, [[[["deep"]]]]], "wait": True})
    assert answer.status == 200 and answer.json["gateways"] == {"known": 2, "queued": 2, "acked": 2}


def test_logic_warns_and_gateways_says_which(uneven):
    await_links(uneven, 2)
    [line] = uneven.logics[0].events("gateway takes less than this logic, which refuses what is more for it")
    assert line["level"] == "warn" and line["gateway"] == name(uneven.gateways[1])
    assert line["limits"] == "maxItemBytes 100 (65536 here), maxJsonDepth 4 (64 here), maxRoomNameBytes 20 (128 here)"
    wide, narrow = (uneven.listing()[name(each)] for each in uneven.gateways)
    assert wide["limitsBelow"] == [] and narrow["limitsBelow"] == list(NARROW)
    assert narrow["state"] == "up" and narrow["limits"] == {**NARROW, "maxRpcBytes": 8388608}


def test_what_no_gateway_takes_is_400_and_queued_nowhere(make_cluster):
    cluster = make_cluster(gateways=2, gateway=NARROW)
    await_links(cluster, 2)
    accepted = counted(cluster, "link_pushes_accepted_total")
    answer = post(cluster, {"items": ["x" * 200]})
    assert (answer.status, answer.error) == (400, "gateway_limits")
    assert "an item has 202 bytes, and maxItemBytes is 100 at " + name(cluster.gateways[0]) in answer.message
    assert counted(cluster, "pushes_refused_total", reason="gateway_limits") == 1
    assert counted(cluster, "items_refused_total", reason="gateway_limits") == 1
    assert counted(cluster, "link_pushes_accepted_total") == accepted


def test_requests_are_cut_to_what_the_gateway_takes(make_cluster):
    """A batch above maxRpcBytes would be refused whole; a push that is longer by itself is refused."""
    cluster = make_cluster(gateway={"maxRpcBytes": 4096, "maxMergerDelay": 0}, logic={"rpcBatchBytes": 1048576})
    await_links(cluster, 1)
    client = cluster.client("r")
    pushes = [{"room": "r", "items": ["%04d" % n + "x" * 500]} for n in range(300)]
    assert post(cluster, pushes, "/push/batch").status == 200
    got = [item[:4] for item in client.items(300, timeout=30)]
    assert got == ["%04d" % n for n in range(300)]
    answer = post(cluster, {"items": ["x" * 1000] * 5})
    assert (answer.status, answer.error) == (400, "gateway_limits") and "maxRpcBytes is 4096" in answer.message
    assert counted(cluster, "link_rpc_errors_total") == 0


def test_limits_that_a_reload_changes_are_known_again(make_cluster):
    cluster = make_cluster()
    await_links(cluster, 1)
    gateway = cluster.gateways[0]
    assert post(cluster, {"items": ["x" * 200]}).status == 200
    gateway.reload(maxItemBytes=100)
    refused = lambda: post(cluster, {"items": ["x" * 200]}).status == 400
    wait_until(refused, 20, what="the new limit to be known")
    gateway.reload(maxItemBytes=65536)
    wait_until(lambda: not refused(), 20, what="the old limit to be known again")
    assert counted(cluster, "link_reconnects_total") == 0


def test_who_waits_is_told_of_a_refusal_by_an_older_gateway(bench):
    """It says no hello, takes the batch, and refuses it: not down, and not the caller's time-out."""
    refuse = lambda method, path, headers, body: (400, b'{"error":{"code":"invalid_batch","message":"bad item"}}')
    fake, other = bench.gateway(refuse), bench.gateway(Applier())
    bench.logic(fake.port, other.port)
    wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 2, 10, "both links")
    with bench.caller() as caller:
        answer = caller.form("/push/all?wait=1", "items=[1]")
    assert (answer.status, answer.error) == (502, "gateway_refused")
    assert answer.json["gateways"] == {
        "known": 2, "queued": 2, "acked": 1, "refused": [f"127.0.0.1:{fake.port}"]}
    assert bench.balance()["refused"] == 1


# The call itself

def test_hello_is_the_first_call_and_pushes_wait_for_its_answer(bench):
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = None
    bench.logic(fake.port, gatewayTimeout=2000, linkQueueSeconds=600)
    wait_until(lambda: fake.hellos, 10, "the hello")
    said = json.loads(fake.hellos[0])
    assert len(said["instance"]) == 32 and said["version"] and {"traces", "users", "bans"} <= set(said["capabilities"])
    assert said["limits"] == {
        "maxItemBytes": 65536, "maxJsonDepth": 64, "maxRoomNameBytes": 128, "maxRpcBytes": 4194304}
    with bench.caller() as caller:
        assert caller.get("/readyz").status == 503
        answer = caller.form("/push/all", "items=[1]").json
        assert answer["gateways"] == {"known": 1, "queued": 1, "connecting": [f"127.0.0.1:{fake.port}"]}
        assert not gateway.applied
        late = lambda: [each for each in caller.get("/gateways").json["gateways"] if each["lastError"]]
        [found] = wait_until(late, 20, "the hello to be given up")
        assert found["lastError"]["text"] == "the gateway has not answered the hello in time"
        fake.hello = (200, json.dumps(GOOD).encode())
        wait_until(lambda: gateway.items == [1], 20, "the push, once the hello is answered")
        assert answer["id"].split("-")[0] == said["instance"][:16]


@pytest.mark.parametrize("status, body", [
    (404, b""),
    (405, b""),
    (400, b'{"error":{}}'),
    (200, b""),
    (200, b"<html>"),
    (200, json.dumps({**GOOD, "limits": {}}).encode()),
    (200, b"[" * 20000),
    (200, json.dumps({**GOOD, "later": "x" * 20000}).encode()),
    (200, json.dumps({**GOOD, "capabilities": []}).encode()),
], ids=["404", "405", "400", "empty", "html", "no limits", "nested", "long", "no traces"])
def test_whatever_is_answered_pushes_arrive(bench, status, body):
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = (status, body)
    bench.logic(fake.port)
    bench.ready()
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    untraced = b'"capabilities": []' in body  # then its records have no trace, which Applier could not read
    with bench.caller() as caller:
        assert caller.form("/push/all?wait=1", "items=[1]", headers=trace if untraced else {}).status == 200
    assert gateway.items == [1]


def test_a_gateway_that_cannot_answer_is_asked_again(bench):
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = (503, b"")
    daemon = bench.logic(fake.port)
    failed = lambda: any("HTTP 503" in each["reason"] for each in daemon.events("gateway link not up"))
    wait_until(failed, 10, "the refusal to be logged")
    fake.hello = (404, b"")
    bench.ready()
    with bench.caller() as caller:
        assert caller.form("/push/all?wait=1", "items=[1]").status == 200


def test_go_push_gets_its_forms(bench):
    received = []
    fake = bench.gateway(go_push_responder(received))
    bench.logic(fake.port)
    bench.ready()
    with bench.caller() as caller:
        assert caller.form("/push/all?wait=1", "items=[1]").status == 200
        [gateway] = caller.get("/gateways").json["gateways"]
    assert received == [(None, [1])] and len(fake.hellos) == 1
    assert gateway["limits"] is gateway["limitsBelow"] is None


@pytest.mark.parametrize("body, content_type, status, says", [
    (json.dumps(GOOD).encode(), "application/json", 200, ""),
    (json.dumps(GOOD).encode(), "text/plain", 415, "application/json"),
    (b"", "application/json", 400, "at byte 0"),
    (b"{}", "application/json", 400, "version: is missing"),
    (json.dumps({**GOOD, "instance": "g1"}).encode(), "application/json", 400, "32 lower-case hex digits"),
    (json.dumps({**GOOD, "later": "x" * 20000}).encode(), "application/json", 400, "longer than 16384 bytes"),
], ids=["good", "type", "empty", "object", "instance", "long"])
def test_the_gateways_answer(cluster, certs, body, content_type, status, says):
    gateway = cluster.gateways[0]
    with RpcCaller(gateway.address("rpc"), certs.client_context()) as caller:
        answer = caller.request("POST", "/rpc/hello", body, content_type)
        assert answer.status == status, answer
        if status != 200:
            assert says in answer.message
            return
        told = answer.json
        assert list(told) == ["version", "instance", "limits", "capabilities", "bans"]
        assert told["limits"]["maxRoomNameBytes"] == 128 and {"traces", "users", "options", "queries", "bans"} <= set(told["capabilities"])
        again = caller.request("POST", "/rpc/hello", body, content_type)
        assert again.json == told
    lines = [each for each in gateway.events("logic link up") if each["logic"] == GOOD["instance"]]
    assert len(lines) == 1 and lines[0]["version"] == "0.2.0"
