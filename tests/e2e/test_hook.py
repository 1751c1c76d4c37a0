# SPDX-License-Identifier: Apache-2.0
"""auth.hook from the service's side: whom the gateway believes, what it shows, what it keeps, and that a service that
is slow, wrong, down or flooded costs nobody else anything."""

import asyncio
import contextlib
import json
import os
import sys
import threading
import time

import pytest

from harness.programs import Program, programs
from harness.raw_ws import handshake
from harness.rough_service import RoughService, answer
from harness.waiting import patient, wait_until

ORIGIN = "https://app.test"
ANN = answer(200, b'{"user":"ann","rooms":["*"]}')
UNAVAILABLE = ("auth_unavailable", 4101)


@contextlib.contextmanager
def service(respond, **options):
    made = RoughService(respond, **options)
    try:
        yield made
    finally:
        made.stop()


def behind(make_cluster, hook, **more):
    return make_cluster(gateway={
        "auth.mode": "verify", "auth.leewaySeconds": 0, "ws.origins": [ORIGIN],
        "auth.hook": {"headers": ["Cookie"], "timeout": 1000, **hook}, **more})


def visit(cluster, cookie="a", **more):
    """Connects: the code of the ERROR and of the close, or the open client."""
    client = cluster.client(extra_headers={"Cookie": cookie}, origin=ORIGIN, **more)
    cluster.push(None, "for all")
    answered = json.loads(client.receive())
    if answered["type"] != "ERROR":
        assert answered["data"]["items"] == ["for all"]
        return client
    return answered["data"]["code"], client.ended()


def metric(cluster, name, **labels):
    return cluster.gateway_metrics().get(f"fanfare_gateway_{name}", **labels)


BAD = {
    "redirect": (answer(302, b"", "Location: /granted"), "bad_status"),
    "created": (answer(201, b'{"user":"ann"}'), "bad_status"),
    "huge": (answer(200, b'{"user":"ann","x":"' + b"x" * 70000 + b'"}'), "bad_answer"),
    "two users": (answer(200, b'{"user":"ann","user":"bob"}'), "bad_answer"),
    "html": (answer(200, b"<html>"), "bad_answer"),
    "no http": (b"220 mail ready\r\n", "failed"),
    "cut": (b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"user":"ann"}', "timed_out"),
    "long head": (answer(200, b'{"user":"ann"}', "X-Long: " + "x" * 20000), "bad_answer"),
    "silence": (None, "timed_out"),
}


def test_what_is_no_answer_lets_nobody_in(make_cluster):
    said = {}

    def respond(path, head, body):
        return ANN if path == "/granted" else said["now"]

    with service(respond) as hook:
        cluster = behind(make_cluster, {"url": hook.url()})
        for name, (said["now"], result) in BAD.items():
            before = metric(cluster, "hook_answers_total", result=result)
            assert visit(cluster) == UNAVAILABLE, name
            assert metric(cluster, "hook_answers_total", result=result) == before + 1, name
        assert not any("/granted" in head[0] for head in hook.heads)
        said["now"] = ANN
        assert visit(cluster).open
        logged = [event["msg"] for event in cluster.gateways[0].events() if "auth.hook" in event.get("msg", "")]
        assert logged == ["auth.hook gives no good answer", "auth.hook answers again"]


def test_only_a_certificate_that_is_good(make_cluster, certs):
    pair = (str(certs.directory / "gateway.pem"), str(certs.directory / "gateway.key"))
    ca = str(certs.directory / "ca.pem")
    with service(lambda *_: ANN, tls=pair) as hook, service(lambda *_: ANN, tls=pair, host="127.0.0.2") as misnamed:
        cluster = behind(make_cluster, {"url": hook.url(host="localhost"), "ca": ca})
        assert visit(cluster).open
        assert len(hook.heads) == 1
        gateway = cluster.gateways[0]
        gateway.reload(**{"auth.hook.ca": ca, "auth.hook.url": misnamed.url()})
        assert visit(cluster, "b") == UNAVAILABLE
        assert misnamed.connections == 1 and not misnamed.heads, "its certificate is not for 127.0.0.2"
        gateway.reload(**{"auth.hook.ca": "", "auth.hook.url": hook.url(host="localhost")})
        assert visit(cluster, "c") == UNAVAILABLE
        assert len(hook.heads) == 1, "the system's authorities do not know it"


def test_the_token_is_shown_and_follows_its_file(make_cluster, tmp_path):
    token = tmp_path / "hook.token"
    token.write_text("first\n")
    with service(lambda *_: ANN) as hook:
        cluster = behind(make_cluster, {"url": hook.url(), "tokenFile": str(token)})
        visit(cluster)
        assert "Authorization: Bearer first" in hook.heads[-1]
        fresh = tmp_path / "fresh"
        fresh.write_text("second\n")
        os.replace(fresh, token)
        wait_until(lambda: cluster.gateways[0].events("auth.hook.tokenFile read again"), what="the new token")
        visit(cluster)
        assert "Authorization: Bearer second" in hook.heads[-1]
        assert "first" not in cluster.gateways[0].log() and "second" not in cluster.gateways[0].log()


def test_kept_by_exactly_what_was_sent(make_cluster):
    def respond(path, head, body):
        cookie = json.loads(body)["headers"]["Cookie"]
        return answer(200, json.dumps({"user": cookie, "rooms": ["*"], "seconds": 60}).encode())

    with service(respond) as hook:
        cluster = behind(make_cluster, {"url": hook.url()})
        for cookie, asked in (("ann", 1), ("ann", 1), ("bob", 2), ("ann", 2), ("ann ", 2), ("ann;", 3)):
            visit(cluster, cookie)
            assert len(hook.heads) == asked, cookie
        visit(cluster, "ann", query="?x=1")
        assert len(hook.heads) == 4
        assert metric(cluster, "hook_cache_hits_total") == 3
        with cluster.caller() as caller:
            told = caller.post("/push/user", {"users": ["ann", "bob"], "items": [1], "wait": True}).json
        assert told["clients"] == 6, "each cookie its own user"
        cluster.gateways[0].reload()
        visit(cluster, "ann")
        assert len(hook.heads) == 5


def test_down_and_back(make_cluster):
    with service(lambda *_: ANN) as hook:
        cluster = behind(make_cluster, {"url": hook.url()})
        stays = visit(cluster)
        hook.stop()
        begin = time.monotonic()
        assert visit(cluster, "b") == UNAVAILABLE
        assert time.monotonic() - begin < patient(0.9), "refused connections are no time-outs"
        cluster.push(None, "still there")
        assert stays.items(2) == ["for all", "still there"]
        hook.start()
        wait_until(lambda: not isinstance(visit(cluster, "b"), tuple), what="the service to be believed again")


def test_connections_are_kept(make_cluster):
    with service(lambda *_: ANN) as hook:
        cluster = behind(make_cluster, {"url": hook.url()})
        for number in range(20):
            visit(cluster, str(number))
        assert len(hook.heads) == 20
        assert hook.connections == 1


class Storm:
    """Many who connect at once, each with a cookie of its own, on a loop of its own."""

    def __init__(self, address, count):
        self.address, self.count = address, count
        self.ends = []
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    async def one(self, number):
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(handshake(Cookie=str(number), Origin=ORIGIN))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        try:
            first = await asyncio.wait_for(reader.read(400), 0.2)
        except asyncio.TimeoutError:
            first = b""
        self.ends.append("refused" if b"auth_unavailable" in first else "in")
        writer.close()

    async def run(self):
        await asyncio.gather(*(self.one(number) for number in range(self.count)))


def test_a_flood_is_bounded_and_disturbs_nobody(make_cluster):
    """3,000 connect at once; the service takes 200 ms for each, 64 at a time: some get in within the half of
    their time that they may wait, and nothing is asked that would be given up."""
    timeout = min(int(patient(1000)), 3000)  # no request is given up: that would leave it with the service
    with service(lambda *_: ANN, delay=0.2) as hook:
        cluster = behind(make_cluster, {"url": hook.url(), "timeout": timeout, "maxConcurrent": 64, "maxWaiting": 1000})
        stays = visit(cluster, "first")
        storm = Storm(cluster.gateways[0].address("ws"), 3000)
        storm.thread.start()
        begun, slowest = time.monotonic(), 0
        while storm.thread.is_alive():
            begin = time.monotonic()
            cluster.push(None, "on")
            assert stays.push(timeout=30) == ["on"]
            slowest = max(slowest, time.monotonic() - begin)
        storm.thread.join()
        assert len(storm.ends) == 3000
        assert hook.most_at_once <= 64
        assert 64 <= storm.ends.count("in") <= 64 * ((time.monotonic() - begun) / 0.2 + 1)
        assert metric(cluster, "hook_answers_total", result="full") > 0
        assert metric(cluster, "hook_answers_total", result="timed_out") > 0
        assert slowest < patient(1), "pushes go on"
        wait_until(lambda: metric(cluster, "hook_waiting") == 0)
        print(f"in: {storm.ends.count('in')}, at once: {hook.most_at_once}, slowest push {slowest * 1000:.0f} ms")


def test_the_example_of_the_page(make_cluster, tmp_path):
    token = tmp_path / "hook.token"
    token.write_text("letmeask\n")
    text = programs("identity.md")["hook.py"]
    assert '("127.0.0.1", 9000), Hook).serve_forever()' in text
    (tmp_path / "hook.py").write_text(text.replace(
        'http.server.ThreadingHTTPServer(("127.0.0.1", 9000), Hook).serve_forever()',
        'server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)\nprint(server.server_port, flush=True)\n'
        'server.serve_forever()'))
    program = Program([sys.executable, "hook.py"], tmp_path)
    try:
        port = program.line()
        cluster = behind(make_cluster, {"url": f"http://127.0.0.1:{port}/", "tokenFile": str(token)})
        client = visit(cluster, "x=1; session=s3ss10n")
        client.join("news.today")
        client.join("user.ann")
        assert client.request("JOIN", {"room": "orders"})["data"]["code"] == "forbidden"
        assert visit(cluster, "session=stolen") == ("unauthorized", 4002)
        token.write_text("wrong\n")
        cluster.gateways[0].reload()
        assert visit(cluster, "session=s3ss10n") == ("unauthorized", 4002)
    finally:
        program.process.kill()
        program.process.wait()
