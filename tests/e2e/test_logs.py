# SPDX-License-Identifier: Apache-2.0
"""What stands on stderr: one event a line through a whole life, no item, no token, no password, and
what repeats is limited and counted."""

import json

import pytest

from harness import rpc
from harness.http import raw_exchange
from harness.log_lines import parse_logfmt, read_events
from harness.raw_ws import frame, handshake
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until

STYLES = ["logfmt", "json"]
ITEM = "ItemBody0451"  # stands in every item here, whether the push is taken or refused
TOKEN, STRANGE_TOKEN, PASSWORD = "TokenOfACaller0451", "TokenOfNobody0451", "PasswordOfRedis0451"
SOON = int(patient(1000))  # ms; what is in time must be so on a busy machine, too
SECRETS = (ITEM, TOKEN, STRANGE_TOKEN, PASSWORD)


def logging(style, **more):
    return {"log.format": style, "log.level": "debug", **more}


def whole_cluster(make_cluster, make_redis, tmp_path, style):
    """Two gateways behind proxies, mirror, registry, tokens, small limits."""
    redis = make_redis(password=PASSWORD)
    tokens = Tokens(tmp_path, TOKEN)
    return redis, make_cluster(
        gateways=2, proxied=True, redis=redis, listed=True, headers=bearer(TOKEN),
        gateway=logging(style, **{"bus.listen": True, "maxItemBytes": 2000, "maxMessageBytes": 256,
                                  "clientMessagesPerSecond": 5, "clientQueueBytes": 4096, "wsReadTimeout": SOON}),
        logic=logging(style, **{"bus.mode": "mirror", "maxBodyBytes": 8192, "serviceReadTimeout": SOON,
                                "linkQueueSeconds": 1, "waitTimeout": SOON, **tokens.option}))


def push_well(cluster):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for n in range(20):
        cluster.push("r", {ITEM: n}, f"{ITEM} {n}", wait=n % 2 == 0)
    cluster.push(None, ITEM, traceparent=trace)
    cluster.push(["r", "s"], [ITEM], traceparent=trace)
    with cluster.caller() as caller:
        caller.form("/push/room", f'room=r&items=["{ITEM}"]')
        caller.post("/push/batch", [{"room": "r", "items": [ITEM]}, {"room": "", "items": [ITEM]}],
                    headers={"traceparent": trace})


def push_badly(cluster):
    """Everything that a caller can do wrong, with items all the same."""
    bodies = [
        '{"room":"r","items":["%s",]}' % ITEM, '{"room":"r","items":"%s"}' % ITEM, '{"%s":1}' % ITEM, ITEM,
        '{"room":"%s\\u0001","items":[1]}' % ITEM, '{"room":"r","items":["%s\\u0000]}' % ITEM,
        '{"room":"r","items":["%s"],"traceparent":"%s"}' % (ITEM, ITEM), '[' * 200 + ITEM,
        '{"room":"r","items":["%s"]}' % (ITEM * 4000),
        '{"room":"r","items":["%s"]}' % (ITEM * 400),  # the gateways have a smaller limit
    ]
    with cluster.caller() as caller:
        for body in bodies:
            assert caller.post("/push/room", body, headers={"traceparent": ITEM}).status >= 400
        assert caller.request("POST", "/push/room", ITEM, "text/plain").status == 415
        assert caller.form("/push/room", f"room=r&items=%zz{ITEM}").status == 400
        assert caller.get(f"/{ITEM}").status == 404
        for show in (STRANGE_TOKEN, ""):
            wrong = caller.post("/push/room", {"room": "r", "items": [ITEM]}, headers=bearer(show))
            assert wrong.status == 401
    raw_exchange(cluster.api(), f"POST /push/all {ITEM}\r\n\r\n".encode())
    raw_exchange(cluster.api(), f"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{ITEM}".encode())


def speak_badly(cluster):
    """Clients that break the protocol, and a caller of the RPC port that does."""
    for data in (frame(1, ITEM.encode()), frame(1, ITEM.encode(), mask=False), frame(1, b"\xff" + ITEM.encode()),
                 frame(1, ITEM.encode() * 100), frame(9, b"x" * 126), frame(8, b"\x03\xe8" + ITEM.encode()),
                 frame(1, b'{"type":"JOIN","data":{"room":""}}'), frame(1, b'{"type":"PING","data":{}}') * 20):
        raw = cluster.raw()
        raw.send_bytes(data)
    for head in (handshake(Sec_WebSocket_Version="8"), handshake("/" + ITEM), f"{ITEM}\r\n\r\n".encode(),
                 handshake()[:-10]):
        raw_exchange(cluster.ws(), head)
    cluster.raw().sock.close()
    record = rpc.record(1, [b'"%s"' % ITEM.encode()], [b"r"])
    with rpc.RpcCaller(cluster.gateways[0].address("rpc"), cluster.certs.client_context()) as caller:
        for body in (rpc.batch(rpc.new_logic_id(), [record[:-1]]), ITEM.encode(),
                     rpc.batch(rpc.new_logic_id(), [rpc.record(1, [ITEM.encode()], [b"r"])])):
            assert caller.batch(body).status == 400
        assert caller.form("/push/room", room="r", items=ITEM).status == 400
    raw_exchange(cluster.gateways[0].address("rpc"), ITEM.encode())


def lose_links(cluster, redis):
    cluster.proxies[0].refuse()
    cluster.push("r", ITEM)
    with cluster.caller() as caller:
        caller.post("/push/room", {"room": "r", "items": [ITEM], "wait": True})
    dropped = "gateway down for too long, pushes dropped"
    wait_until(lambda: cluster.logics[0].events(dropped), 15, "pushes to be dropped")
    cluster.proxies[0].accept()
    cluster.await_links()
    redis.call("PUBLISH", "fanfare:bus", ITEM)
    wait_until(lambda: cluster.gateways[0].events("message on the bus refused"), 15, "the message to be refused")
    redis.stop_the_clock()
    wait_until(lambda: all(each.events("redis is not reachable") for each in cluster.daemons()), 15, "Redis to be missed")
    redis.go_on()
    cluster.gateways[1].kill()
    cluster.push("r", ITEM)


@pytest.mark.parametrize("style", STYLES)
def test_every_line_of_a_whole_life_is_an_event_and_none_has_a_secret(make_redis, make_cluster, tmp_path, style):
    redis, cluster = whole_cluster(make_cluster, make_redis, tmp_path, style)
    clients = [cluster.client("r", gateway=n % 2) for n in range(4)]
    push_well(cluster)
    push_badly(cluster)
    speak_badly(cluster)
    lose_links(cluster, redis)
    cluster.close_clients()
    cluster.client("r")
    for daemon in (cluster.logics[0], cluster.gateways[0]):
        daemon.terminate()
    seen = set()
    for daemon in cluster.daemons():
        seen |= {event["msg"] for event in read_events(daemon, style)}
        for secret in SECRETS:
            held = [line for line in daemon.log().splitlines() if secret in line]
            assert held == [], f"{daemon.name} shows {secret}"
    assert seen >= {"starting", "listening", "ready", "gateway link up", "gateway link broke", "draining", "stopped",
                    "push accepted", "push applied",
                    "gateway takes less than this logic, which refuses what is more for it",
                    "redis is not reachable", "message on the bus refused"}
    assert clients


@pytest.mark.parametrize("style", STYLES)
def test_what_repeats_is_limited_and_counted(redis, make_cluster, style):
    """300 refused messages: at most ten lines a second, and the rest stands in `suppressed`."""
    cluster = make_cluster(redis=redis, listed=True, gateway=logging(style, **{"bus.listen": True}))
    with redis.connect() as resp:
        for _ in range(300):
            resp.call("PUBLISH", "fanfare:bus", "noise")
    refused = lambda: cluster.gateway_metrics().total("fanfare_gateway_bus_refused_total")
    wait_until(lambda: refused() == 300, what="all messages to be refused")
    cluster.gateways[0].terminate()
    events = [each for each in read_events(cluster.gateways[0], style) if each["msg"] == "message on the bus refused"]
    written = [each for each in events if "suppressed" not in each]
    counts = [int(each["suppressed"]) for each in events if "suppressed" in each]
    assert len(written) + sum(counts) == 300
    assert len(written) < 100 and counts
    seconds = {}
    for each in written:
        seconds[each["ts"][:19]] = seconds.get(each["ts"][:19], 0) + 1
    assert max(seconds.values()) <= 20, "windows and the clock's seconds need not begin together"
    assert all(each["level"] == "warn" for each in events)


@pytest.mark.parametrize("line", [
    "[msg] Nameserver 127.0.0.1:53 has failed: request timed out.", "ts=1 level=info", 'msg="half', "a=b  c=d",
    "a=b a=c", "a= b=c", 'a="\n"', "plain words",
])
def test_the_reader_of_these_tests_is_strict(line):
    with pytest.raises((ValueError, AssertionError)):
        assert list(parse_logfmt(line))[:3] == ["ts", "level", "msg"]


def test_json_lines_are_read_by_others(make_cluster):
    """Strings are strings and numbers numbers, so that a collector needs no rules of ours."""
    cluster = make_cluster(gateway=logging("json"), logic=logging("json"))
    cluster.push("r", 1)
    for daemon in cluster.daemons():
        for line in daemon.log().splitlines():
            event = json.loads(line)
            assert all(type(value) in (str, int) for value in event.values())
    link = cluster.logics[0].events("gateway link up")[0]
    assert link["queued"] == 0 and link["level"] == "info"
