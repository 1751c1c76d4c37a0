# SPDX-License-Identifier: Apache-2.0
"""The clients of docs/integrate.md, run as they stand there: they come back as the close code says, log in, and
show the next token before the last one ends."""

import json
import os
import subprocess
import re
import sys
import time

import pytest

from harness.closing_server import ClosingServer
from harness.issuer import Issuer
from harness.programs import Program, programs
from harness.token_server import TokenServer
from harness.waiting import patient, wait_until

URL = "ws://127.0.0.1:7777/connect?v=2"  # as the page has it
TOKEN_URL = "http://127.0.0.1:7787/token?user=alice"
# The module is Debian's package, so that nothing is asked of the network.
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}
IN_NODE = """globalThis.WebSocket = require("/usr/share/nodejs/ws");
globalThis.addEventListener = () => {};
"""

# What is asked, and between what the pauses (in ms) must be spread; both the same where there is nothing to spread.
PAUSES = [
    (1001, "going_away retry_ms=2350", 1, 2350, 2350),
    (1001, "going_away retry_ms=0", 3, 0, 0),
    (1001, "going_away", 1, 0, 1000),
    (1001, "going_away retry_ms=soon", 1, 0, 1000),
    (1011, "internal retry_ms=2350", 1, 0, 1000),
    (1006, "", 1, 0, 1000),
    (1006, "", 4, 0, 8000),
    (1006, "", 400, 0, 30000),
    (4100, "rate_limited", 1, 0, 5000),
    (4100, "rate_limited", 2, 0, 10000),
    (4101, "auth_unavailable", 1, 0, 5000),
    (4102, "too_many_for_user", 1, 0, 5000),
    (4200, "slow_consumer", 1, 0, 0),
    (4202, "token_expired", 1, 0, 0),
    (4202, "token_expired", 2, 0, 2000),
    (4201, "heartbeat_timeout", 1, 0, 0),
    (4201, "heartbeat_timeout", 2, 0, 2000),
]
DRAWS = 200


class InPython:
    """client.py."""

    reads_retry_after = True

    def __init__(self, directory):
        self.directory = directory
        (directory / "client.py").write_text(programs()["client.py"])

    def start(self, url, token_url):
        return Program([sys.executable, "client.py"], self.directory,
                       {"PUSH_CLIENT_URL": url, "PUSH_TOKEN_URL": token_url})

    def pauses(self):
        (self.directory / "ask.py").write_text(
            "import json, sys, client\n"
            "asked, draws = json.load(sys.stdin)\n"
            "json.dump([[1000 * client.pause(*each) for _ in range(draws)] for each in asked], sys.stdout)\n")
        return [sys.executable, "ask.py"]


class InJavaScript:
    """fanfare.js with page.js, in node, whose WebSocket is the package ws."""

    reads_retry_after = False

    def __init__(self, directory):
        self.directory = directory
        (directory / "package.json").write_text('{"type": "module"}')
        (directory / "in_node.cjs").write_text(IN_NODE)
        (directory / "fanfare.js").write_text(programs()["fanfare.js"])

    def start(self, url, token_url):
        page = programs()["page.js"]
        assert URL in page and TOKEN_URL in page
        (self.directory / "page.js").write_text(page.replace(URL, url).replace(TOKEN_URL, token_url))
        return Program(["node", "--require", "./in_node.cjs", "page.js"], self.directory)

    def pauses(self):
        (self.directory / "inside.js").write_text(programs()["fanfare.js"] + "\nexport { pause };\n")
        (self.directory / "ask.js").write_text(
            'import { pause } from "./inside.js";\nimport { readFileSync } from "node:fs";\n'
            'const [asked, draws] = JSON.parse(readFileSync(0));\n'
            "console.log(JSON.stringify(asked.map((each) => Array.from({ length: draws }, () => pause(...each)))));\n")
        return ["node", "ask.js"]


class InGo:
    """client.go."""

    reads_retry_after = True

    def __init__(self, directory):
        self.directory = directory
        (directory / "client.go").write_text(programs()["client.go"])

    def build(self):
        for command in (["go", "vet", "."], ["go", "build", "-o", "client", "."]):
            subprocess.run(command, cwd=self.directory, env={**os.environ, **GO}, check=True, timeout=patient(200))

    def start(self, url, token_url):
        self.build()
        return Program(["./client"], self.directory, {"PUSH_CLIENT_URL": url, "PUSH_TOKEN_URL": token_url})

    def pauses(self):
        (self.directory / "ask.go").write_text("""package main

import (
	"encoding/json"
	"os"
)

func init() {
	var asked []json.RawMessage
	var questions [][]json.RawMessage
	var draws, code, failures int
	var reason string
	json.NewDecoder(os.Stdin).Decode(&asked)
	json.Unmarshal(asked[0], &questions)
	json.Unmarshal(asked[1], &draws)
	answers := make([][]int64, len(questions))
	for i, each := range questions {
		json.Unmarshal(each[0], &code)
		json.Unmarshal(each[1], &reason)
		json.Unmarshal(each[2], &failures)
		for n := 0; n < draws; n++ {
			answers[i] = append(answers[i], pause(code, reason, failures).Milliseconds())
		}
	}
	json.NewEncoder(os.Stdout).Encode(answers)
	os.Exit(0)
}
""")
        self.build()
        return ["./client"]


@pytest.fixture(params=[InPython, InJavaScript, InGo], ids=["python", "javascript", "go"])
def client(request, tmp_path):
    directory = tmp_path / "program"
    directory.mkdir()
    return request.param(directory)


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


@pytest.fixture
def tokens(issuer):
    """Gives every client that asks a token of the user u7, another one each time."""
    server = TokenServer(lambda: issuer.token("u7", rooms=["default"], jti=str(len(server.made))))
    yield server
    server.stop()


@pytest.fixture
def start(client, tokens):
    """Starts the client's program; ended with the test."""
    made = []

    def run(url):
        made.append(client.start(url, tokens.url))
        return made[-1]

    yield run
    for each in made:
        each.end()


@pytest.fixture
def closing():
    made = []

    def make(*plan):
        made.append(ClosingServer(plan))
        return made[-1], f"ws://127.0.0.1:{made[-1].port}/connect?v=2"

    yield make
    for each in made:
        each.stop()


def test_the_pauses_are_those_of_the_table(client):
    asked = [[code, reason, failures] for code, reason, failures, _, _ in PAUSES]
    told = subprocess.run(client.pauses(), cwd=client.directory, input=json.dumps([asked, DRAWS]), text=True,
                          check=True, capture_output=True, timeout=patient(60))
    for (code, reason, failures, low, high), got in zip(PAUSES, json.loads(told.stdout)):
        case = f"{code} {reason} after {failures}: {min(got)} to {max(got)}"
        assert low <= min(got) and max(got) <= high, case
        if low != high:
            assert min(got) < low + (high - low) / 4 and max(got) > high - (high - low) / 4, case


def test_a_client_comes_back_at_once_then_when_it_was_told_and_never_after_40xx(start, closing, tokens):
    server, url = closing((4200, "slow_consumer"), (1001, "going_away retry_ms=37"), (4000, "invalid_message"))
    program = start(url)
    for number, (code, pause) in enumerate([("4200", "0"), ("1001", "37")]):
        program.expect("in default")
        program.expect(f"default {number}")
        assert program.expect(r"closed with (\d+).*, back in (\d+) ms").groups() == (code, pause)
    program.expect("in default")
    program.expect("default 2")
    assert program.line() is None, "it ends"
    assert "not coming back" in program.ended()[1]
    assert server.asked == 3
    assert server.shown == tokens.made and len(set(server.shown)) == 3, "each connection has a token of its own"


def test_a_refused_handshake_is_tried_again_after_a_pause(client, start, closing):
    server, url = closing((503, {"Retry-After": "1"}), (4000, "invalid_message"))
    program = start(url)
    pause = int(program.expect(r"closed with 1006.*, back in (\d+) ms")[1])
    assert 1000 * client.reads_retry_after <= pause <= 1000 + 1000 * client.reads_retry_after
    program.expect("in default")
    program.expect("default 1")
    assert program.line() is None
    assert server.asked == 2


@pytest.mark.parametrize("code, reason", [(4202, "token_expired"), (4101, "auth_unavailable")])
def test_what_a_token_ended_begins_anew_with_the_next(start, closing, tokens, code, reason):
    server, url = closing((code, reason), (4002, "unauthorized"))
    program = start(url)
    program.expect("in default")
    program.expect("default 0")
    pause = int(program.expect(rf"closed with {code}.*, back in (\d+) ms")[1])
    assert pause == 0 or code == 4101
    program.expect("in default")
    program.expect("default 1")
    assert program.line() is None, "4002: never"
    assert "4002" in program.ended()[1]
    assert server.shown == tokens.made and server.shown[0] != server.shown[1]


def test_a_client_shows_its_next_token_before_the_last_one_ends(start, issuer, tokens, make_cluster):
    """Two tokens have ended by then, and the connection is the first one still."""
    cluster = make_cluster(gateway=issuer.options(**{"auth.leewaySeconds": 0}))
    seconds, begun = int(patient(3)), time.time()
    tokens.make = lambda: issuer.token("u7", seconds, rooms=["default"], iat=int(time.time()))
    program = start(cluster.url(query="?v=2"))
    program.expect("in default")
    wait_until(lambda: len(tokens.made) >= 4 and time.time() > begun + 2 * seconds + 2, 8 * seconds, "tokens to end")
    assert cluster.push_users("u7", {"n": 1})["clients"] == 1
    program.expect(r"@u7 .*1.*")  # with no line about an end between


def test_a_client_hears_that_it_is_in_a_room_no_more_and_why_it_is_refused(start, issuer, tokens, make_cluster):
    cluster = make_cluster(gateway=issuer.options(**{"auth.leewaySeconds": 0}))
    seconds = int(patient(3))
    made = iter([{"rooms": ["default"]}, {"rooms": []}])
    tokens.make = lambda: issuer.token("u7", seconds, iat=int(time.time()), **next(made, {"key": "x" * 64}))
    program = start(cluster.url(query="?v=2"))
    program.expect("in default")
    program.expect("left default forbidden")
    program.expect("error unauthorized .*")
    assert program.line() is None
    assert "4002" in program.ended()[1]


def test_a_client_whose_room_is_not_allowed_stays(start, issuer, tokens, make_cluster):
    cluster = make_cluster(gateway=issuer.options())
    tokens.make = lambda: issuer.token("u7", rooms=["other"])
    program = start(cluster.url(query="?v=2"))
    wait_until(lambda: cluster.push_users("u7", {"n": 1})["clients"] == 1, what="the client")
    program.expect_later(r"@u7 .*1.*")


def test_a_client_waits_for_the_service_that_makes_tokens(start, issuer, tokens, make_cluster):
    cluster = make_cluster(gateway=issuer.options())
    tokens.make = lambda: None if tokens.failed < 2 else issuer.token("u7", rooms=["default"])
    program = start(cluster.url(query="?v=2"))
    for _ in range(2):
        program.expect(r"closed with 1006 ?.*, back in \d+ ms")
    program.expect("in default")


def test_a_client_outlives_its_gateway(start, issuer, make_cluster):
    cluster = make_cluster(gateway=issuer.options(drainSeconds=2))
    program = start(cluster.url(query="?v=2"))
    program.expect("in default")
    cluster.push("default", {"n": 1}, wait=True)
    program.expect(r"default .*1.*")
    cluster.gateways[0].terminate()
    program.expect(r"closed with 1001.*, back in \d+ ms")
    cluster.restart_gateway()
    cluster.await_links()
    program.expect_later("in default")
    cluster.push("default", {"n": 2}, wait=True)
    program.expect(r"default .*2.*")


@pytest.mark.parametrize("client", [InPython, InGo], ids=["python", "go"], indirect=True)
def test_what_no_repeating_mends_ends_the_client(start, closing):
    """A page sees 1006, whatever the answer: it has no say here."""
    server, url = closing((403, {}), (4000, "invalid_message"))
    program = start(url)
    assert program.line() is None
    status, errors = program.ended()
    assert status == 1 and "not coming back" in errors and "403" in errors
    assert server.asked == 1
