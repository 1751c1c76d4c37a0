# SPDX-License-Identifier: Apache-2.0
"""A push's traceparent (W3C Trace Context) through the logs of logic and gateway: by link and by bus."""

import os
import signal

import pytest

from harness import rpc
from harness.http import JSON
from harness.waiting import wait_until

TRACED = ("push accepted", "push refused", "push acked", "push dropped", "push published", "push applied",
          "push passed over as duplicate")
MALFORMED = [
    "", "x", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
]


@pytest.fixture
def cluster(make_cluster):
    """One a test: ten lines a second of each message are written, and tests must not use up each other's."""
    return make_cluster()


def new_trace(sampled=True):
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-{'01' if sampled else '00'}"


def lines(daemon, trace=None):
    """The log's lines about traced pushes, or about this trace."""
    return [event for event in daemon.events()
            if event.get("msg") in TRACED and (trace is None or event.get("traceparent") == trace)]


def messages(daemon, trace):
    return [event["msg"] for event in lines(daemon, trace)]


def await_line(daemon, trace, msg):
    """Waits for that line, and gives it."""
    found = wait_until(lambda: [each for each in lines(daemon, trace) if each["msg"] == msg], 10, f"{msg!r} of {trace}")
    assert len(found) == 1, found
    return found[0]


def push(cluster, body, path="/push/room", header=None):
    headers = {} if header is None else {"traceparent": header}
    with cluster.caller() as caller:
        if isinstance(body, str):
            return caller.form(path, body, headers=headers)
        return caller.post(path, body, headers=headers)


def body(room, trace=None, **more):
    return {"room": room, "items": ["x"], **({} if trace is None else {"traceparent": trace}), **more}


@pytest.mark.parametrize("way", ["header of JSON", "header of a form", "field"])
def test_a_push_is_followed_from_caller_to_gateway(cluster, room, way):
    trace = new_trace()
    cluster.client(room)
    if way == "header of a form":
        answer = push(cluster, f"room={room}&items=[1,2]&wait=1", header=trace)
    else:
        by_header = way == "header of JSON"
        answer = push(cluster, body(room, None if by_header else trace, wait=True, items=[1, 2]),
                      header=trace if by_header else None)
    assert answer.status == 200
    logic, gateway = cluster.logics[0], cluster.gateways[0]
    accepted, acked = await_line(logic, trace, "push accepted"), await_line(logic, trace, "push acked")
    applied = await_line(gateway, trace, "push applied")
    assert {each["id"] for each in (accepted, acked, applied)} == {answer.json["id"]}
    assert {each["level"] for each in (accepted, acked, applied)} == {"info"}
    assert (accepted["target"], accepted["rooms"], accepted["items"]) == ("rooms", "1", "2")
    assert (accepted["known"], accepted["queued"]) == ("1", "1")
    assert acked["gateway"] == "%s:%d" % gateway.address("rpc")
    assert (applied["path"], applied["rooms"], applied["items"]) == ("rpc", "1", "2")
    assert (applied["audience"], applied["clients"]) == ("yes", "1")
    assert room not in str(accepted) + str(acked) + str(applied), "rooms are counted, not named"


def test_a_push_to_nobody_says_so(cluster, room):
    trace, everyone = new_trace(), new_trace()
    assert push(cluster, {"rooms": [room, room + "2"], "items": [1], "traceparent": trace}).status == 200
    applied = await_line(cluster.gateways[0], trace, "push applied")
    assert (applied["rooms"], applied["audience"], applied["clients"]) == ("2", "no", "0")
    cluster.client()
    assert push(cluster, {"items": [1, 2], "traceparent": everyone}, "/push/all").status == 200
    applied = await_line(cluster.gateways[0], everyone, "push applied")
    assert (applied["target"], applied["rooms"], applied["audience"]) == ("all", "0", "yes")


def test_the_field_wins_over_the_header(cluster, room):
    header, field = new_trace(), new_trace()
    assert push(cluster, body(room, field), header=header).status == 200
    await_line(cluster.gateways[0], field, "push applied")
    assert lines(cluster.gateways[0], header) == lines(cluster.logics[0], header) == []


def test_each_push_of_a_batch_may_have_its_own(cluster, room):
    header, first, third, bad = (new_trace() for _ in range(4))
    batch = [body(room, first), body(room), body(room, third), {"room": "", "items": [1], "traceparent": bad},
             {"room": "", "items": [1]}]
    answer = push(cluster, batch, "/push/batch", header)
    assert answer.status == 207
    ids = [each.get("id") for each in answer.json]
    for number, trace in enumerate((first, header, third)):
        assert await_line(cluster.gateways[0], trace, "push applied")["id"] == ids[number]
    assert await_line(cluster.logics[0], bad, "push refused")["code"] == "invalid_room"
    assert await_line(cluster.logics[0], header, "push refused")["code"] == "invalid_room"


def test_a_malformed_header_is_no_trace(cluster, room):
    for value in MALFORMED:
        assert push(cluster, body(room, wait=True), header=value).status == 200
    assert lines(cluster.logics[0]) == lines(cluster.gateways[0]) == []


def test_two_headers_are_no_trace(cluster, room):
    text = '{"room":"%s","items":[1],"wait":true}' % room
    with cluster.caller() as caller:
        connection = caller.connection
        connection.putrequest("POST", "/push/room")
        for name, value in (("Content-Type", JSON), ("Content-Length", str(len(text))),
                            ("traceparent", new_trace()), ("Traceparent", new_trace())):
            connection.putheader(name, value)
        connection.endheaders(text.encode())
        assert connection.getresponse().status == 200
    assert lines(cluster.logics[0]) == []


def test_header_in_any_case_with_space_around(cluster, room):
    trace = new_trace()
    with cluster.caller() as caller:
        assert caller.post("/push/room", body(room), headers={"TraceParent": f"  {trace} \t"}).status == 200
    await_line(cluster.gateways[0], trace, "push applied")


def test_a_malformed_field_is_refused(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        for value in (*MALFORMED, None, 1, True, [], {}):
            answer = caller.post("/push/room", {"room": room, "items": [1], "traceparent": value})
            assert (answer.status, answer.error) == (400, "invalid_request") and "traceparent" in answer.message
        assert caller.post("/push/room", {"room": room, "items": [2]}).status == 200
    assert client.push() == [2]


def test_a_refusal_of_the_whole_request_is_logged_with_the_header(cluster, room):
    trace = new_trace()
    with cluster.caller() as caller:
        assert caller.request("POST", "/push/room", "x", "text/plain", headers={"traceparent": trace}).status == 415
    refused = await_line(cluster.logics[0], trace, "push refused")
    assert (refused["code"], refused["status"]) == ("unsupported_media_type", "415")


def test_a_later_version_counts_as_far_as_it_is_known(cluster, room):
    trace = new_trace()
    assert push(cluster, body(room), header="cc" + trace[2:-2] + "03-more").status == 200
    await_line(cluster.gateways[0], trace, "push applied")


def test_unsampled_ones_are_for_the_debug_level(make_cluster):
    """Info shows the sampled ones, debug both, each at its own level."""
    seen = {}
    for level in ("debug", "info"):
        made = make_cluster(gateway={"log.level": level}, logic={"log.level": level})
        traces = {new_trace(True): "info", new_trace(False): "debug"}
        for trace in traces:
            assert push(made, body("r", trace, wait=True)).status == 200
        seen[level] = {(traces[each["traceparent"]], each["level"])
                       for daemon in made.daemons() for each in lines(daemon)}
    assert seen == {"debug": {("info", "info"), ("debug", "debug")}, "info": {("info", "info")}}


def test_untraced_pushes_log_nothing(make_cluster):
    made = make_cluster(gateway={"log.level": "debug"}, logic={"log.level": "debug"})
    client = made.client("r")
    before = [len(daemon.events()) for daemon in made.daemons()]
    for number in range(50):
        made.push("r", number)
    got = []
    while len(got) < 50:
        got += client.push()
    assert [lines(daemon) for daemon in made.daemons()] == [[], []]
    assert [len(daemon.events()) for daemon in made.daemons()] == before


def test_a_gateway_that_is_down_is_named_with_the_trace(make_cluster):
    """linkQueueSeconds 0: the dead one is dropped at once, the other one gets it."""
    made = make_cluster(gateways=2, logic={"linkQueueSeconds": 0})
    dead = "%s:%d" % made.gateways[1].address("rpc")
    made.gateways[1].kill()
    wait_until(lambda: made.listing()[dead]["state"] == "down", what="the link to be down")
    trace, all_down = new_trace(), new_trace()
    assert push(made, body("r", trace, wait=True)).status == 200
    dropped = await_line(made.logics[0], trace, "push dropped")
    assert (dropped["gateway"], dropped["reason"], dropped["level"]) == (dead, "down", "info")
    assert await_line(made.logics[0], trace, "push accepted")["queued"] == "1"
    await_line(made.logics[0], trace, "push acked")

    other = "%s:%d" % made.gateways[0].address("rpc")
    made.gateways[0].kill()
    wait_until(lambda: made.listing()[other]["state"] == "down", what="the other link to be down")
    assert push(made, body("r", all_down)).status == 503
    refused = await_line(made.logics[0], all_down, "push refused")
    assert (refused["code"], refused["known"]) == ("no_gateway", "2")
    assert messages(made.logics[0], all_down) == ["push refused"]


def test_what_is_dropped_later_is_named_too(make_cluster):
    """A push that waited for a dead gateway until linkQueueSeconds were over."""
    made = make_cluster(gateways=2, logic={"linkQueueSeconds": 1})
    dead = "%s:%d" % made.gateways[1].address("rpc")
    made.gateways[1].kill()
    wait_until(lambda: made.listing()[dead]["state"] != "up", what="the link to break")
    trace = new_trace()
    assert push(made, body("r", trace)).status == 200
    dropped = await_line(made.logics[0], trace, "push dropped")
    assert dropped["gateway"] == dead and dropped["reason"] in ("expired", "down")


def test_by_both_ways_it_is_applied_once(make_cluster, redis):
    made = make_cluster(redis=redis, listed=True, gateway={"bus.listen": True}, logic={"bus.mode": "mirror"})
    trace = new_trace()
    assert push(made, body("r", trace, wait=True)).status == 200
    wait_until(lambda: len(lines(made.gateways[0], trace)) == 2, what="both copies")
    applied, again = lines(made.gateways[0], trace)
    assert (applied["msg"], again["msg"]) == ("push applied", "push passed over as duplicate")
    assert {applied["path"], again["path"]} == {"rpc", "bus"}
    assert applied["id"] == again["id"]
    await_line(made.logics[0], trace, "push acked")
    assert await_line(made.logics[0], trace, "push published")["redis"]


def test_by_the_bus_only(make_cluster, redis):
    made = make_cluster(redis=redis, listed=True, gateway={"bus.listen": True},
                        logic={"bus.mode": "only", "gatewayList": []})
    trace, lost = new_trace(), new_trace()
    assert push(made, body("r", trace)).status == 200
    assert await_line(made.gateways[0], trace, "push applied")["path"] == "bus"
    assert await_line(made.logics[0], trace, "push accepted")["bus_only"] == "yes"
    await_line(made.logics[0], trace, "push published")
    assert messages(made.logics[0], trace) == ["push accepted", "push published"]
    redis.kill()
    wait_until(lambda: made.logic_metrics().get("fanfare_logic_redis_up", what="bus") == 0, what="Redis to be missed")
    assert push(made, body("r", lost)).status == 200
    made.logics[0].signal(signal.SIGTERM)
    made.logics[0].wait(10)
    dropped = lines(made.logics[0], lost)[-1]
    assert (dropped["msg"], dropped["reason"]) == ("push dropped", "shutdown") and dropped["redis"]


def test_one_that_waited_behind_a_gap(make_cluster, redis):
    """Its copy keeps the trace; the one that was missing comes too late, and says that it was not applied."""
    made = make_cluster(redis=redis, listed=True, gateway={"bus.listen": True, "bus.gapWait": 200})
    gateway, logic_id, late, waited = made.gateways[0], rpc.new_logic_id(), new_trace(), new_trace()
    redis.call("PUBLISH", "fanfare:bus", rpc.batch(logic_id, [rpc.record(1, [b"1"])]))
    redis.call("PUBLISH", "fanfare:bus", rpc.batch(logic_id, [rpc.record(3, [b"3"], trace=waited)]))
    applied = await_line(gateway, waited, "push applied")
    assert (applied["path"], applied["id"]) == ("bus", f"{logic_id[:8].hex()}-3")
    with rpc.RpcCaller(gateway.address("rpc"), made.certs.client_context()) as caller:
        assert caller.batch(rpc.batch(logic_id, [rpc.record(2, [b"2"], trace=late)])).status == 200
    assert await_line(gateway, late, "push passed over as duplicate")["path"] == "rpc"
    assert messages(gateway, late) == ["push passed over as duplicate"]


def test_a_batch_of_our_own_making(cluster, room):
    """The wire form from its description: traced and untraced records, again, and refused ones."""
    trace, client = new_trace(), cluster.client(room)
    gateway, logic_id = cluster.gateways[0], rpc.new_logic_id()
    name = room.encode()
    records = [rpc.record(1, [b"1"], [name]), rpc.record(2, [b"2"], [name], trace=trace), rpc.record(3, [b"3"], [name])]
    with rpc.RpcCaller(gateway.address("rpc"), cluster.certs.client_context()) as caller:
        for _ in range(2):
            assert caller.batch(rpc.batch(logic_id, records)).status == 200
        bad = [records[1][:-25] + bytes(24) + b"\1", records[1][:-1], records[1][:-1] + b"\2", records[0] + bytes(25)]
        for each in bad:
            answer = caller.batch(rpc.batch(rpc.new_logic_id(), [each]))
            assert (answer.status, answer.error) == (400, "invalid_batch")
    got = []
    while len(got) < 3:
        got += client.push()
    assert got == [1, 2, 3]
    assert messages(gateway, trace) == ["push applied", "push passed over as duplicate"]
    assert await_line(gateway, trace, "push applied")["id"] == f"{logic_id[:8].hex()}-2"


def test_an_older_gateway_gets_it_without(make_cluster):
    """One that refuses a flag that it does not know loses no push, only the trace."""
    got = []

    def respond(method, path, headers, body):
        if path != "/rpc/batch":
            return 404, b""
        _, records = rpc.read_batch(body)
        if any(record[3].trace for record in records):
            return 400, b'{"error":{"code":"invalid_batch","message":"at byte 48: unknown flags"}}'
        got.extend(record[3][0] for record in records)
        return 200, b'{"applied":%d,"pushes":1,"duplicates":0,"items":1,"reached":[]}' % records[-1][0]

    made = make_cluster(gateways=0, logics=0)
    older = rpc.FakeGateway(made.certs.server_context(), respond)
    made.add_logic(gatewayList=[{"hostname": "127.0.0.1", "port": older.port}])
    wait_until(lambda: [each["state"] for each in made.listing().values()] == ["up"], what="the link to be up")
    traces = [new_trace(), new_trace()]
    for number in range(40):
        made.push("r", number, **({"traceparent": traces[number % 20 // 10]} if number % 20 in (5, 15) else {}))
    wait_until(lambda: len(got) == 40, what="all of them")
    assert got == [b"%d" % number for number in range(40)]
    assert made.logic_metrics().total("fanfare_logic_link_pushes_dropped_total") == 0
    told = "gateway refused a traced push, sending it without its traceparent"
    assert len(made.logics[0].events(told)) == 1, "from then on the link leaves them out"
    older.stop()


def test_browsers_may_send_the_header(make_cluster):
    made = make_cluster(logic={"cors.origins": ["https://a.example"]})
    with made.caller() as caller:
        answer = caller.request("OPTIONS", "/push/room", headers={
            "Origin": "https://a.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,traceparent"})
    assert "traceparent" in answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")


def test_the_log_is_not_flooded(make_cluster):
    """A caller that samples everything costs ten lines a second of each kind, and a count of the rest."""
    made = make_cluster()
    batch = [body("r", new_trace(), wait=True) for _ in range(200)]
    assert push(made, batch, "/push/batch").status == 200
    for daemon in made.daemons():
        daemon.terminate()
        for msg in {each["msg"] for each in lines(daemon)}:
            events = daemon.events(msg)
            written = [each for each in events if "suppressed" not in each]
            held = sum(int(each["suppressed"]) for each in events if "suppressed" in each)
            assert len(written) + held == 200, msg
            assert 10 <= len(written) < 200, msg
