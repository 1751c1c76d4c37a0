# SPDX-License-Identifier: Apache-2.0
"""Whatever answers at redis.url says what no Redis would. The daemons keep their memory and their
calm, say what was wrong, and serve pushes as ever."""

import itertools
import json

import pytest

from harness.build import sanitized
from harness.cluster import DISCOVERING
from harness.fake_redis import FakeRedis, bulk, like_a_master
from harness.redis_trouble import audience, everything, expect_calm_refusal, troubles
from harness.waiting import wait_until

MEMORY = 192 << 20  # bytes that a daemon may need; one of these answers took 2.3 GB

ANSWERS = {
    "a billion elements": (b"*1000000000\r\n", "an array of 1000000000 elements"),
    "endless integers": ((b"*30000000\r\n", itertools.repeat(b":1\r\n" * 4096)), "an array of 30000000 elements"),
    "arrays of arrays": (b"*100\r\n" + b"*16000\r\n" * 100, "an array of 16000 elements"),
    "nested for ever": ((b"", itertools.repeat(b"*1\r\n" * 4096)), "arrays in arrays"),
    "an exabyte": (b"$1152921504606846976\r\n", "a string of 1152921504606846976 bytes"),
    "an endless line": ((b"-", itertools.repeat(b"x" * 65536)), "a line of more than 8192 bytes"),
    "an endless number": ((b":", itertools.repeat(b"1" * 65536)), "a number of more than 20 digits"),
    "a negative length": (b"$-2\r\n", "is no length"),
    "a length past 64 bits": (b"*18446744073709551617\r\n", "is no length"),
    "pushes of RESP3": ((b"", itertools.repeat(b">3\r\n+message\r\n+c\r\n+x\r\n")), "an answer of RESP3"),
    "messages for nobody": ((b"", itertools.repeat(bulk("message", "c", "x") * 512)), "nobody had asked", "nobody subscribed to"),
}


def said(answer):
    """The bytes, or an iterable of them that is made anew for each connection."""
    if isinstance(answer, tuple):
        first, more = answer
        return itertools.chain([first], more)
    return answer


def peak_bytes(daemon):
    with open(f"/proc/{daemon.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) << 10


def cluster_of(make_cluster, fake, **more):
    options = {**DISCOVERING, "drainSeconds": 0}
    return everything(make_cluster, fake, listed=True, ready=False, gateways=1, logic=options, **more)


@pytest.mark.parametrize("shape", ANSWERS)
def test_it_answers_what_no_redis_would(make_cluster, shape):
    answer, *reasons = ANSWERS[shape]
    fake = FakeRedis(lambda words: said(answer))
    cluster = cluster_of(make_cluster, fake)
    cluster.await_links()
    expect_calm_refusal(cluster, *reasons)
    for daemon in cluster.daemons():
        assert sanitized() or peak_bytes(daemon) < MEMORY, shape
    fake.finish()


@pytest.mark.parametrize("word, program, use", [
    ("SCAN", "fanfare-logic", "registry"),
    ("EVAL", "fanfare-gateway", "registry"),
    ("PUBLISH", "fanfare-logic", "bus"),
    ("SUBSCRIBE", "fanfare-gateway", "bus"),
])
def test_it_was_a_master_until_it_was_asked(make_cluster, word, program, use):
    hostile = like_a_master(["SUBSCRIBE", "c"]) if word == "SUBSCRIBE" else b""
    fake = FakeRedis(lambda words: hostile + b"*1000000000\r\n" if words[0] == word else like_a_master(words))
    cluster = cluster_of(make_cluster, fake)
    cluster.await_links()
    clients = audience(cluster, 1)
    assert cluster.push("r", 1, wait=True)["gateways"]["acked"] == 1
    assert clients[0].push() == [1]
    daemon = next(each for each in cluster.daemons() if each.program == program)
    wait_until(lambda: any("an array of 1000000000" in event["reason"] for event in troubles(daemon).get(use, [])),
               20, f"{daemon.name} to say what was wrong")
    fake.finish()


def test_scan_never_ends(make_cluster):
    """The last reading that was complete stands, and somebody says why there is no newer one."""
    cursors = itertools.count(1)
    fake = FakeRedis(like_a_master)
    cluster = everything(make_cluster, fake, listed=False, ready=False, gateways=1, logic={"drainSeconds": 0})
    entry = json.dumps({"id": "gateway0", "host": "127.0.0.1", "port": cluster.gateways[0].port("rpc"), "state": "up"})

    def answer(words):
        if words[0] == "SCAN":
            return b"*2\r\n$1\r\n0\r\n" + bulk("fanfare:gateway:gateway0")
        return bulk(entry) if words[0] == "MGET" else like_a_master(words)

    def endless(words):
        if words[0] != "SCAN":
            return like_a_master(words)
        cursor = str(next(cursors))
        return b"*2\r\n$%d\r\n%b\r\n*0\r\n" % (len(cursor), cursor.encode())

    fake.answer = answer
    cluster.await_links()
    fake.answer = endless
    logic = cluster.logics[0]
    wait_until(lambda: logic.events("the registry cannot be read"), 60, "logic to give the reading up")
    assert logic.events("the registry cannot be read")[0]["reason"] == "SCAN did not end after 20000 pages"
    assert cluster.listing()["gateway0"]["state"] == "up"
    assert cluster.push("r", 1, wait=True)["gateways"]["acked"] == 1
    fake.answer = answer
    readings = cluster.logic_metrics().get("fanfare_logic_registry_readings_total")
    wait_until(lambda: cluster.logic_metrics().get("fanfare_logic_registry_readings_total") > readings, 20,
               "a reading to be complete again")
    fake.finish()
