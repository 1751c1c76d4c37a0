# SPDX-License-Identifier: Apache-2.0
"""Tokens of the HTTP API: who is refused, what stays open, what a bad file says, and that no log has one."""

import json
import socket
import subprocess

import pytest

from harness.build import binary
from harness.cluster import LOGIC, Cluster, nested
from harness.daemon import clean_environment, run
from harness.http import FORM, JSON, Caller, raw_exchange, read_answer, read_to_end
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until


FIRST, SECOND, WRONG = "first-7f3a9c", "second.~+/=e1", "wrong-5d2b"
LONGEST = "L" * 256
ORIGIN = "https://shop.example"
CHALLENGE = 'Bearer realm="fanfare"'

GUARDED = [
    ("POST", "/push/all", {"items": [1]}),
    ("POST", "/push/room", {"room": "r", "items": [1]}),
    ("POST", "/push/batch", [{"room": "r", "items": [1]}]),
    ("GET", "/gateways", None),
]
OPEN = ["/healthz", "/readyz", "/metrics", "/stats"]

# What is shown, what the challenge says of it, and a word of the message.
REFUSED = {
    "nothing": ([], CHALLENGE, "a token is needed"),
    "an empty header": ([""], CHALLENGE + ', error="invalid_token"', "form"),
    "an unknown token": ([f"Bearer {WRONG}"], CHALLENGE + ', error="invalid_token"', "not a valid one"),
    "a part of one": ([f"Bearer {FIRST[:-1]}"], CHALLENGE + ', error="invalid_token"', "not a valid one"),
    "one and more": ([f"Bearer {FIRST}x"], CHALLENGE + ', error="invalid_token"', "not a valid one"),
    "another case": ([f"Bearer {FIRST.upper()}"], CHALLENGE + ', error="invalid_token"', "not a valid one"),
    "a comment of the file": (["Bearer #comment"], CHALLENGE + ', error="invalid_token"', "not a valid one"),
    "no scheme": ([FIRST], CHALLENGE + ', error="invalid_token"', "form"),
    "only the scheme": (["Bearer"], CHALLENGE + ', error="invalid_token"', "form"),
    "another scheme": ([f"Basic {FIRST}"], CHALLENGE + ', error="invalid_token"', "form"),
    "a space in it": (["Bearer first 7f3a9c"], CHALLENGE + ', error="invalid_token"', "form"),
    "two in one header": ([f"Bearer {FIRST}, Bearer {FIRST}"], CHALLENGE + ', error="invalid_token"', "form"),
    "a byte above ASCII": ([f"Bearer {FIRST}\xe9"], CHALLENGE + ', error="invalid_token"', "form"),
    "more than 256": ([f"Bearer {LONGEST}L"], CHALLENGE + ', error="invalid_token"', "form"),
    "two headers": ([f"Bearer {FIRST}"] * 2, CHALLENGE + ', error="invalid_token"', "more than one"),
    "a good one after a bad one": ([f"Bearer {WRONG}", f"Bearer {FIRST}"],
                                   CHALLENGE + ', error="invalid_token"', "more than one"),
}


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    from conftest import finish

    directory = tmp_path_factory.mktemp("guarded")
    tokens = Tokens(directory)
    tokens.write_text(f"# comment\n#comment\n\n{FIRST}\r\n{SECOND}\n{LONGEST}")
    options = {**tokens.option, "cors.origins": [ORIGIN]}
    cluster = Cluster(directory, certs, logic=options, headers=bearer(FIRST))
    yield cluster
    finish([cluster])


def unauthorized(cluster):
    return cluster.logic_metrics().get("fanfare_logic_http_unauthorized_total")


def request_text(method, path, body, headers):
    """A request as bytes, for headers that http.client would not send."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"Authorization: {each}" for each in headers)]
    if body is not None:
        lines += [f"Content-Type: {JSON}", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


@pytest.mark.parametrize("method, path, body", GUARDED)
@pytest.mark.parametrize("shown", REFUSED)
def test_without_a_token_nothing_goes(cluster, method, path, body, shown):
    headers, challenge, words = REFUSED[shown]
    before, counted = cluster.logic_metrics(), unauthorized(cluster)
    client = cluster.client("r")
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(request_text(method, path, body, headers))
        answer = read_answer(sock, method)
        assert answer.status == 401 and answer.error == "unauthorized", answer
        assert answer.headers["www-authenticate"] == challenge
        assert words in answer.message
        for each in headers:
            assert not each or each.split()[-1] == "Bearer" or each.split()[-1] not in str(answer)
        assert answer.headers.get("connection") == (None if body is None else "close"), "a body is not read"
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(request_text(method, path, body, [f"Bearer {FIRST}"]))
        assert read_answer(sock, method).status == 200
    after = cluster.logic_metrics()
    assert unauthorized(cluster) == counted + 1
    for name in ("pushes_received_total", "pushes_accepted_total", "items_received_total"):
        grown = after.get("fanfare_logic_" + name) - before.get("fanfare_logic_" + name)
        assert grown == (body is not None), f"{name}: the refused call was counted as a push"
    if body is not None:
        assert client.items(1) == [1]
    client.expect_nothing()


@pytest.mark.parametrize("method, path, body", GUARDED)
@pytest.mark.parametrize("header", [f"Bearer {FIRST}", f"Bearer {SECOND}", f"Bearer {LONGEST}", f"bearer {FIRST}",
                                    f"BEARER   {FIRST}"])
def test_each_token_opens_each_door(cluster, method, path, body, header):
    with cluster.caller() as caller:
        answer = caller.request(method, path, body and json.dumps(body), body and JSON,
                                headers={"Authorization": header})
    assert answer.status == 200, answer


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("header", [{}, bearer(WRONG), {"Authorization": "Basic eA=="}, bearer(FIRST)])
def test_probes_and_scrapers_need_none(cluster, path, header):
    with Caller(*cluster.api()) as caller:
        assert caller.get(path, headers=header).status == 200
        assert caller.request("HEAD", path, headers=header).status == 200


def test_everything_else_is_guarded(cluster):
    """A path that there is not, too: so a new route is guarded before anybody thinks of it."""
    with Caller(*cluster.api()) as caller:
        for method, path in [("GET", "/"), ("GET", "/push"), ("GET", "/push/all"), ("HEAD", "/gateways"),
                             ("GET", "/gateways?x=1"), ("GET", "/metrics/"), ("GET", "/healthz/.."),
                             ("PUT", "/push/room"), ("POST", "/gateways"), ("GET", "http://x/gateways")]:
            answer = caller.request(method, path)
            assert answer.status == 401, (method, path, answer)
            assert (answer.body == b"") == (method == "HEAD")
        good = bearer(SECOND)
        assert caller.get("/", headers=good).status == 404
        assert caller.get("/push/all", headers=good).status == 405
        assert caller.connects == 1


def test_a_refused_body_is_not_looked_at(cluster):
    """Whatever it is, and however long: the answer is the same."""
    with Caller(*cluster.api()) as caller:
        for body, kind in [("{", JSON), ("x" * 1_000_000, JSON), ("items=%", FORM), ("", "text/plain"),
                           (json.dumps({"room": "r", "items": [1], "wait": True}), JSON)]:
            assert caller.request("POST", "/push/room", body, kind).error == "unauthorized"
        assert caller.form("/push/all", {"items": "[1]", "access_token": FIRST}).status == 401
        assert caller.post(f"/push/all?access_token={FIRST}", {"items": [1]}).status == 401


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"], ids=["", "expect"])
def test_a_body_without_a_token_is_not_read(cluster, expect):
    """401 at the end of the header section, and no invitation to send the rest."""
    for length in (b"Content-Length: 1000000000", b"Content-Length: 9", b"Transfer-Encoding: chunked"):
        with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
            sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\n" + expect + length + b"\r\n\r\n")
            got = read_to_end(sock)
        assert got.startswith(b"HTTP/1.1 401 "), got
        assert b"\r\nConnection: close\r\n" in got
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(b"POST /push/all HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"Authorization: Bearer " + FIRST.encode() + b"\r\n" + expect + b"Content-Length: 9\r\n\r\n")
        assert not expect or sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{        ")
        assert read_answer(sock, "POST").status == 400


def test_pipelined_calls_are_judged_one_by_one(cluster):
    calls = [[f"Bearer {FIRST}"], [], [f"Bearer {WRONG}"], [f"Bearer {SECOND}"], []]
    text = b"".join(request_text("GET", "/gateways", None, each) for each in calls)
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = raw_exchange(cluster.api(), text + last)
    statuses = [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 401, 401, 200, 401, 200]


def test_cors_stands_on_a_refusal_and_preflights_are_open(cluster):
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization,content-type"}
    with Caller(*cluster.api()) as caller:
        answer = caller.post("/push/all", {"items": [1]}, headers={"Origin": ORIGIN})
        assert answer.status == 401 and answer.headers["access-control-allow-origin"] == ORIGIN
        assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"].split(", ")
        assert answer.headers["vary"] == "Origin"
        for path in [path for _, path, _ in GUARDED] + OPEN:
            answer = caller.request("OPTIONS", path, headers=preflight)
            assert answer.status == 204, answer
            assert "Authorization" in answer.headers["access-control-allow-headers"].split(", ")
        stranger = {**preflight, "Origin": "https://other.example"}
        answer = caller.request("OPTIONS", "/push/all", headers=stranger)
        assert answer.status == 405 and "access-control-allow-origin" not in answer.headers
        answer = caller.post("/push/all", {"items": [1]}, headers={"Origin": "https://other.example", **bearer(FIRST)})
        assert (answer.status, answer.error) == (403, "origin_not_allowed"), "with a token too"


def test_without_the_option_a_header_does_not_matter(make_cluster):
    cluster = make_cluster()
    with cluster.caller() as caller:
        for header in ({}, bearer(WRONG), {"Authorization": "Basic eA=="}):
            assert caller.post("/push/all", {"items": [1]}, headers=header).status == 200
            assert caller.get("/gateways", headers=header).status == 200
    assert not cluster.logics[0].events("the API asks for a token")


@pytest.mark.parametrize("bind, said", [("*", 1), ("0.0.0.0", 1), ("127.0.0.1", 0), ("localhost", 0), ("::1", 0),
                                        ("unix:api.sock", 0)])
def test_an_open_door_to_the_network_is_told_of(make_cluster, bind, said):
    cluster = make_cluster(gateways=0, logic={"serviceBind": bind})
    cluster.logics[0].address("api") if not bind.startswith("unix") else wait_until(
        lambda: cluster.logics[0].events("listening"))
    wait_until(lambda: cluster.logics[0].events("no gateway is known"))
    told = [each for each in cluster.logics[0].events() if each["msg"].startswith("the API asks for no token")]
    assert len(told) == said
    assert all(each["level"] == "info" for each in told)


BAD_FILES = {
    "nothing in it": ("", "holds no token"),
    "only comments": ("# a\n\n#b\r\n", "holds no token"),
    "a space": (f"{FIRST}\n{SECOND} x\n", ":2: a token has no space, and behind it only these are allowed: name="),
    "a space before": (f" {FIRST}\n", ":1: a token has 1 to 256 printable ASCII characters"),
    "a token twice": (f"{FIRST}\n\n{FIRST}\n", ":3: the token stands in line 1 already"),
    "not ASCII": (f"# ok\n\n{FIRST}é\n", ":3: a token has"),
    "a control character": (f"{FIRST}\x01\n", ":1: a token has"),
    "a zero byte": (f"{FIRST}\0{SECOND}\n", ":1: a token has"),
    "257 characters": (f"{LONGEST}{FIRST}\n", ":1: a token has"),
    "1,001 tokens": ("".join(f"{FIRST}{n}\n" for n in range(1001)), ":1001: at most 1000 tokens"),
    "too many bytes": (f"#{'x' * 2000}\n" * 300, "524288 bytes"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_its_line_and_not_shown(tmp_path, case):
    text, words = BAD_FILES[case]
    tokens = Tokens(tmp_path)
    tokens.write_text(text)
    config = tmp_path / "logic.json"
    config.write_text(json.dumps(nested({**LOGIC, **tokens.option})))
    for flags in (["--check"], []):
        done = run("fanfare-logic", "-config", config, *flags)
        assert done.returncode == 2
        assert done.stderr.startswith(f"fanfare-logic: api.tokensFile: {tokens.path}"), done.stderr
        assert words in done.stderr
        for secret in (FIRST, SECOND, LONGEST):
            assert secret not in done.stderr + done.stdout


@pytest.mark.parametrize("make, words", [
    (lambda path: None, "No such file"),
    (lambda path: path.mkdir(), "Is a directory"),
])
def test_what_is_no_file_is_refused(tmp_path, make, words):
    path = tmp_path / "tokens"
    make(path)
    done = run("fanfare-logic", "--service-port", "0", "--api-tokens-file", path, "--check")
    assert done.returncode == 2
    assert "api.tokensFile: " in done.stderr and words in done.stderr


@pytest.mark.parametrize("mode, warned", [(0o600, 0), (0o640, 0), (0o644, 1)])
def test_a_file_that_everybody_may_read_is_warned_of(make_cluster, tmp_path, mode, warned):
    tokens = Tokens(tmp_path)
    tokens.write_text(f"{FIRST}\n", mode)
    cluster = make_cluster(gateways=0, logic=tokens.option)
    wait_until(lambda: cluster.logics[0].events("the API asks for a token"))
    found = [each for each in cluster.logics[0].events() if "may read the API's tokens" in each["msg"]]
    assert len(found) == warned
    assert all(each["level"] == "warn" and each["file"] == str(tokens.path) for each in found)


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_no_log_has_a_token_or_an_item(make_cluster, tmp_path, form):
    """At the finest level, with everything that can go wrong with a push, a token and a file of them."""
    log = {"log.level": "debug", "log.format": form}
    tokens = Tokens(tmp_path, FIRST, SECOND)
    cluster = make_cluster(gateway=log, logic={**log, **tokens.option, "maxItemBytes": 1000}, headers=bearer(FIRST))
    logic = cluster.logics[0]
    client = cluster.client("room-name")
    body = {"room": "room-name", "items": [{"secret": "item-9911"}], "wait": True}
    with cluster.caller() as caller:
        assert caller.post("/push/room", body).status == 200
        assert caller.post("/push/all", {"items": ["item-9911"]}).status == 200
        assert client.items(2) == [{"secret": "item-9911"}, "item-9911"]
        for each in ("item-9911", '{"items":["item-9911",]}', {"items": ["item-9911" * 200]}, {"item-9911": 1}):
            assert caller.post("/push/all", each).status == 400
        for headers, _, _ in REFUSED.values():
            for header in headers if len(headers) == 1 else []:
                assert caller.post("/push/room", body, headers={"Authorization": header}).status == 401
        for text in (f"{SECOND}\n", f"{SECOND}\nwrong file-4711\n", f"{SECOND}\n{FIRST}\n"):
            tokens.write_text(text)
            logic.hang_up()
        assert logic.reloads() == [2, 1]
        assert caller.post("/push/room", body, headers=bearer(SECOND)).status == 200
        assert caller.get(f"/push/{FIRST}", headers=bearer(SECOND)).status == 404
    wait_until(lambda: any("tokens:2: a token has" in str(each) for each in logic.events()))
    for daemon in cluster.daemons():
        assert len(daemon.events()) >= 3
        for secret in (FIRST, SECOND, WRONG, LONGEST, "file-4711", "item-9911", "Basic"):
            assert secret not in daemon.log(), f"{secret} stands in the log of {daemon.name}"


def tool(*args):
    return subprocess.run([binary("fanfare"), *map(str, args)], capture_output=True, text=True,
                          env=clean_environment(), timeout=patient(30))


def test_the_tool_shows_a_token_and_says_when_one_is_missing(cluster, tmp_path):
    api = "http://%s:%d" % cluster.api()
    header = tmp_path / "header"
    header.write_text(f"Authorization: Bearer {FIRST}\n")
    push = ("push", "--api", api, "--room", "r", "--items", "[1]", "--wait")
    assert tool(*push, "--header", f"@{header}").returncode == 0
    done = tool(*push)
    assert done.returncode == 1
    assert "HTTP 401 unauthorized: a token is needed: Authorization: Bearer TOKEN (see --tokens)" in done.stderr
    done = tool(*push, "--header", f"Authorization: Bearer {WRONG}")
    assert done.returncode == 1 and "not a valid one" in done.stderr and WRONG not in done.stderr


def test_the_tools_why_and_top_tell_of_the_token(cluster, tmp_path):
    header = tmp_path / "header"
    header.write_text(f"Authorization: Bearer {FIRST}\n")
    daemons = ("--logic", "http://%s:%d" % cluster.api(),
               "--gateway-admin", "http://%s:%d" % cluster.gateways[0].address("admin"))
    why = ("why", "--room", "r", *daemons, "--gateway", "ws://%s:%d" % cluster.ws())
    done = tool(*why, "--header", f"@{header}")
    assert done.returncode == 0, done.stdout
    done = tool(*why)
    assert done.returncode == 1
    assert "this logic asks for a token, see --tokens" in done.stdout
    assert "a push is not taken: HTTP 401: a token is needed" in done.stdout
    assert "older logic" not in done.stdout
    done = tool("top", "--once", *daemons)
    assert "/gateways asks for a token, see --tokens" in done.stdout, done.stdout
    assert "--tokens" not in tool("top", "--once", *daemons, "--header", f"@{header}").stdout
