# SPDX-License-Identifier: Apache-2.0
"""The command-line tool `fanfare` against a real cluster, as a person at a terminal uses it."""

import contextlib
import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from harness.build import binary
from harness.daemon import REPORTS, clean_environment
from harness.issuer import Issuer
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until

TAKEN, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


def fanfare(*args, stdin=None, env=None, timeout=30):
    done = subprocess.run(
        [binary("fanfare"), *map(str, args)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        env=clean_environment(env),
        timeout=patient(timeout),
    )
    assert not REPORTS.search(done.stderr), done.stderr
    return done


def http_url(address):
    return "http://%s:%d" % address


def api(cluster, logic=0):
    return http_url(cluster.api(logic))


def admin(cluster, gateway=0):
    return http_url(cluster.gateways[gateway].address("admin"))


def ws(cluster, gateway=0):
    return "ws://%s:%d" % cluster.ws(gateway)


def push(cluster, room, items, *more, **options):
    return fanfare("push", "--room", room, "--items", items, "--api", api(cluster), *more, **options)


def everywhere(cluster):
    """The options of top and why that name every daemon of the cluster."""
    args = []
    for logic in range(len(cluster.logics)):
        args += ["--logic", api(cluster, logic)]
    for gateway in range(len(cluster.gateways)):
        args += ["--gateway-admin", admin(cluster, gateway)]
    return args


class Tail:
    """A running `fanfare tail`."""

    def __init__(self, directory, *args):
        self.out = pathlib.Path(directory, "tail.out")
        self.err = pathlib.Path(directory, "tail.err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            command = [binary("fanfare"), "tail", *map(str, args)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=clean_environment()
            )

    def lines(self):
        return self.out.read_text().splitlines()

    def said(self):
        return self.err.read_text()

    def await_said(self, pattern, times=1):
        wait_until(lambda: len(re.findall(pattern, self.said())) >= times, 20, f"tail to say {pattern}")

    def await_joined(self, times=1):
        self.await_said(r"joined \d+ room", times)

    def await_lines(self, count):
        wait_until(lambda: len(self.lines()) >= count, 20, f"{count} lines of tail")
        return self.lines()

    def wait(self, timeout=20):
        return self.process.wait(patient(timeout))

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.wait()


@pytest.fixture
def tail(tmp_path):
    started = []

    def start(*args):
        directory = tmp_path / f"tail{len(started)}"
        directory.mkdir()
        started.append(Tail(directory, *args))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        assert not REPORTS.search(each.said()), each.said()


# push


def test_a_push_reaches_a_client_and_says_so(cluster, room):
    client = cluster.client(room)
    done = push(cluster, room, '[{"n":12345678901234567890}]', "--wait")
    assert done.returncode == TAKEN, done
    assert re.fullmatch(r"taken \S+: 1 item, applied by 1 of 1 gateways, 1 client\n", done.stdout)
    assert done.stderr == ""
    assert client.items(1)[0] == {"n": 12345678901234567890}


def test_json_is_the_answer_of_logic(cluster, room):
    answer = json.loads(push(cluster, room, "[1,2]", "--json").stdout)
    assert answer["items"] == 2 and answer["gateways"] == {"known": 1, "queued": 1}


def test_items_come_from_a_file_or_from_stdin(cluster, room, tmp_path):
    client = cluster.client(room)
    path = tmp_path / "items.json"
    path.write_text('["file"]\n')
    assert push(cluster, room, f"@{path}").returncode == TAKEN
    assert push(cluster, room, "-", stdin='["stdin"]').returncode == TAKEN
    assert client.items(2) == ["file", "stdin"]


def test_all_and_several_rooms(cluster, room):
    one, two = cluster.client(room + "1"), cluster.client(room + "2")
    assert fanfare("push", "--all", "--items", '["all"]', "--api", api(cluster)).returncode == TAKEN
    done = fanfare("push", "--rooms", f"{room}1,{room}2", "--items", '["both"]', "--api", api(cluster), "--wait")
    assert done.returncode == TAKEN and "2 clients" in done.stdout
    assert one.items(2) == ["all", "both"] and two.items(2) == ["all", "both"]


def test_users_and_who_is_offline(cluster):
    done = fanfare("push", "--user", "u7", "--user", "u8", "--items", "[1,2]", "--api", api(cluster), "--wait")
    assert done.returncode == TAKEN, done
    assert re.fullmatch(r"taken \S+: 2 items, applied by 1 of 1 gateways, 0 clients, 2 users offline\n"
                        r"  offline: u7\n  offline: u8\n", done.stdout)
    done = fanfare("push", "--user", "u7", "--items", "[1]", "--api", api(cluster))
    assert done.returncode == TAKEN and "offline" not in done.stdout
    done = fanfare("push", "--user", "", "--items", "[1]", "--api", api(cluster))
    assert done.returncode == REFUSED and "invalid_user: user: " in done.stderr


def test_kick(cluster, room):
    inside, outside = cluster.client(room, query="?v=2"), cluster.client(query="?v=2")
    done = fanfare("kick", "--room", room, "--code", "4050", "--reason", 'no "more"', "--wait", "--api", api(cluster))
    assert done.returncode == TAKEN and done.stdout.rstrip().endswith("1 client"), done
    assert (inside.ended(), inside.reason) == (4050, 'no "more"')
    done = fanfare("kick", "--connection", outside.welcome["connection"], "--api", api(cluster))
    assert done.returncode == TAKEN and outside.ended() == 4003
    done = fanfare("kick", "--user", "u7", "--code", "4100", "--api", api(cluster))
    assert done.returncode != TAKEN and "code must be 4003" in done.stderr
    done = fanfare("kick", "--user", "u7", "--ban", "60", "--wait", "--api", api(cluster))
    assert done.returncode == TAKEN
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_bans") == 1, what="the ban to be there")
    done = fanfare("kick", "--room", room, "--ban", "60", "--api", api(cluster))
    assert done.returncode != TAKEN and "banSeconds" in done.stderr
    done = fanfare("kick", "--api", api(cluster))
    assert done.returncode != TAKEN and "either --user, --room or --connection is needed" in done.stderr


def test_a_refused_push_gives_the_servers_message(cluster):
    done = push(cluster, "", "[1]")
    assert done.returncode == REFUSED and done.stdout == ""
    assert done.stderr.startswith("fanfare: refused: HTTP 400 invalid_room: room: ")


def test_a_refused_push_as_json(cluster):
    done = push(cluster, "", "[1]", "--json")
    assert done.returncode == REFUSED
    assert json.loads(done.stdout)["error"]["code"] == "invalid_room"


@pytest.mark.parametrize(
    "args, says",
    [
        (["--room", "r"], "--items is needed"),
        (["--items", "[1]"], "either --room, --rooms, --user or --all"),
        (["--room", "r", "--user", "u", "--items", "[1]"], "either --room, --rooms, --user or --all"),
        (["--room", "r", "--all", "--items", "[1]"], "either --room, --rooms, --user or --all"),
        (["--room", "r", "--items", "[1,]"], "--items: not valid JSON at byte 2: trailing comma"),
        (["--room", "r", "--items", "1"], "an array is needed"),
        (["--room", "r", "--items", "@/does/not/exist"], "/does/not/exist: No such file"),
        (["--rom", "r"], "the nearest known one is --room"),
        (["--room", "r", "--items", "[1]", "--timeout", "0"], '"0" is not allowed: 1 to 600'),
        (["--room", "r", "--items", "[1]", "--timeout", "1x"], '"1x" is not allowed'),
        (["--room", "r", "--items", "[1]", "--items", "[2]"], "--items is given twice"),
        (["--room", "r", "--items", "[1]", "--wait=yes"], "--wait takes no value"),
        (["--room"], "--room: a value is missing"),
        (["--room", "r", "--items", "[1]", "more"], '"more" is not expected'),
        (["--room", "r", "--items", "[1]", "--api", "ws://x"], "an http://, https:// or unix: address"),
        (["--room", "r", "--items", "[1]", "--api", "http://u:p@x"], "see --header"),
        (["--room", "r", "--items", "[1]", "--api", "http://x:0"], "1 to 65535"),
    ],
)
def test_wrong_usage_is_named(args, says):
    done = fanfare("push", *args)
    assert done.returncode == USAGE and done.stdout == ""
    assert says in done.stderr and done.stderr.startswith("fanfare: ")


def test_without_a_command():
    assert fanfare().returncode == USAGE
    assert fanfare("pusch").returncode == USAGE
    assert "push, tail, top, room, user, cluster, check" in fanfare("pusch").stderr


def test_help_and_version():
    for args in (["--help"], ["push", "--help"], ["tail", "-h"], ["--version"]):
        done = fanfare(*args)
        assert done.returncode == TAKEN and "fanfare" in done.stdout and done.stderr == ""


def test_not_reachable():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = http_url(unused.getsockname())
    done = fanfare("push", "--room", "r", "--items", "[1]", "--api", address, "--retries", "1")
    assert done.returncode == UNREACHABLE and done.stderr.count("Connection refused") == 2


class Answers:
    """Takes connections on a port that is only bound at first, and gives one answer to each."""

    def __init__(self, *answers):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(patient(20))
        self.answers, self.asked = answers, 0
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def listen(self):
        self.socket.listen()
        self.thread.start()

    def serve(self):
        for answer in self.answers:
            peer, _ = self.socket.accept()
            with peer:
                peer.settimeout(patient(20))
                got = b""
                while b'"items":[1]}' not in got:
                    got += peer.recv(65536)
                self.asked += 1
                peer.sendall(answer)
        self.socket.close()


def canned(status, body, *headers):
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


TAKEN_ANSWER = canned(200, '{"id":"a-1","items":1,"gateways":{"known":1,"queued":1}}')
FULL = canned(503, '{"error":{"code":"queue_full","message":"full"}}', "Retry-After: 1")


def begin_push(answers, tmp_path, *more):
    err = open(tmp_path / "push.err", "wb")
    args = ["push", "--room", "r", "--items", "[1]", "--api", http_url(answers.socket.getsockname()), *more]
    return subprocess.Popen([binary("fanfare"), *args], stderr=err, stdout=subprocess.DEVNULL, env=clean_environment())


def test_a_refused_connection_is_safe_to_repeat_and_repeated(tmp_path):
    answers = Answers(TAKEN_ANSWER)
    pushing = begin_push(answers, tmp_path, "--retries", "1000")
    wait_until(lambda: "Connection refused; trying again in" in (tmp_path / "push.err").read_text(), 20, "a refusal")
    answers.listen()
    assert pushing.wait(patient(60)) == TAKEN
    assert answers.asked == 1


def test_what_logic_queued_nowhere_is_repeated(tmp_path):
    answers = Answers(FULL, FULL, TAKEN_ANSWER)
    answers.listen()
    assert begin_push(answers, tmp_path).wait(patient(60)) == TAKEN
    assert answers.asked == 3
    assert (tmp_path / "push.err").read_text().count("HTTP 503; trying again in 1.00 s") == 2


@pytest.mark.parametrize("more", [("--retries", "2"), ("--retries", "0")])
def test_the_last_answer_counts(tmp_path, more):
    answers = Answers(*[FULL] * (int(more[1]) + 1))
    answers.listen()
    assert begin_push(answers, tmp_path, *more).wait(patient(60)) == REFUSED
    answers.thread.join(patient(20))
    assert answers.asked == int(more[1]) + 1
    assert "refused: HTTP 503 queue_full: full" in (tmp_path / "push.err").read_text()


@pytest.mark.parametrize("answer, code", [
    (canned(503, "<html>a proxy's</html>", "Retry-After: 1"), REFUSED),
    (canned(500, '{"error":{"code":"internal","message":"out of memory"}}'), REFUSED),
    (canned(502, "<html>a proxy's</html>"), REFUSED),
    (canned(504, '{"error":{"code":"wait_timeout","message":"late"}}'), REFUSED),
    (canned(400, '{"error":{"code":"invalid_room","message":"bad"}}'), REFUSED),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", UNREACHABLE),
    (b"", UNREACHABLE),
], ids=["503 of a proxy", "500", "502", "504", "400", "cut", "no answer"])
def test_what_may_have_been_taken_is_not_repeated(tmp_path, answer, code):
    answers = Answers(answer, TAKEN_ANSWER)
    answers.listen()
    assert begin_push(answers, tmp_path).wait(patient(60)) == code
    assert answers.asked == 1
    assert "trying again" not in (tmp_path / "push.err").read_text()
    answers.socket.close()


def test_a_silent_server_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = http_url(silent.getsockname())
        done = fanfare("push", "--room", "r", "--items", "[1]", "--api", address, "--timeout", "1")
    assert done.returncode == UNREACHABLE
    assert "no answer within 1 s" in done.stderr and "not known" in done.stderr


def test_a_unix_socket(make_cluster, tmp_path):
    path = tmp_path / "api.sock"
    cluster = make_cluster(ready=False, logic={"serviceBind": f"unix:{path}"})
    wait_until(path.exists, 20, "the socket")
    wait_until(
        lambda: fanfare("push", "--room", "r", "--items", "[1]", "--api", f"unix:{path}").returncode == TAKEN, 20
    )
    assert cluster.logics[0].alive()


# https


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers as logic would, with the token that it was shown as the id."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        shown = self.headers.get("Authorization", "none").replace(" ", "-")
        body = json.dumps({"id": shown, "items": 1, "gateways": {"known": 1, "queued": 1}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def https_server(certs):
    server = http.server.HTTPServer(("127.0.0.1", 0), Echo)
    server.socket = certs.server_context(alpn=("http/1.1",)).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_https_is_verified(certs, tmp_path):
    token = tmp_path / "header"
    token.write_text("Authorization: Bearer sesame\n")
    with https_server(certs) as port:
        args = ["push", "--room", "r", "--items", "[1]", "--api", f"https://localhost:{port}"]
        done = fanfare(*args, "--ca", certs.ca, "--header", f"@{token}")
        assert done.returncode == TAKEN and "Bearer-sesame" in done.stdout
        done = fanfare(*args)
        assert done.returncode == UNREACHABLE and "certificate is not trusted" in done.stderr


def test_the_first_token_of_a_file_is_shown(certs, tmp_path):
    tokens = tmp_path / "tokens"
    with https_server(certs) as port:
        args = ["push", "--room", "r", "--items", "[1]", "--api", f"https://localhost:{port}", "--ca", certs.ca]
        for text in ("# callers\r\n\nopen-sesame\r\nanother\n", "open-sesame name=shop rights=push\n",
                     f"sha256:{'0' * 64} name=a\nopen-sesame  name=b rate=1\n"):
            tokens.write_text(text)
            done = fanfare(*args, "--tokens", tokens)
            assert done.returncode == TAKEN and "Bearer-open-sesame" in done.stdout, (text, done)
        for text in ("# none yet\n", f"sha256:{'0' * 64} name=a\n"):
            tokens.write_text(text)
            done = fanfare(*args, "--tokens", tokens)
            assert done.returncode == UNREACHABLE, done
            assert f"--tokens: {tokens}: a line with a token of printable ASCII is needed" in done.stderr, done


def test_a_certificate_of_another_name_is_refused(certs):
    with https_server(certs) as port:
        done = fanfare(
            "push", "--room", "r", "--items", "[1]", "--api", f"https://127.0.0.2:{port}", "--ca", certs.ca
        )
    assert done.returncode == UNREACHABLE


# tail


def test_tail_prints_one_item_a_line(cluster, room, tail):
    follower = tail("--room", room, "--gateway", ws(cluster), "--count", 3)
    follower.await_joined()
    push(cluster, room, '[{"a" :\n 1},"two"]')
    follower.await_lines(2)
    fanfare("push", "--all", "--items", "[3]", "--api", api(cluster))
    assert follower.wait() == TAKEN
    assert follower.lines() == [f'{room}\t{{"a" :  1}}', f'{room}\t"two"', "*\t3"]


def test_tail_of_several_rooms_as_json(cluster, room, tail):
    follower = tail("--room", room, "--room", room + "2", "--gateway", ws(cluster), "--json", "--count", 3)
    follower.await_joined()
    push(cluster, room + "2", '[{"n":1.10}]')
    follower.await_lines(1)
    push(cluster, room, "[null]")
    follower.await_lines(2)
    fanfare("push", "--all", "--items", "[3]", "--api", api(cluster))
    assert follower.wait() == TAKEN
    assert follower.lines() == [
        '{"room":"%s2","item":{"n":1.10}}' % room,
        '{"room":"%s","item":null}' % room,
        '{"room":null,"item":3}',
    ]


def test_tail_shows_no_control_characters(cluster, room, tail):
    follower = tail("--room", room, "--gateway", ws(cluster), "--count", 1)
    follower.await_joined()
    push(cluster, room, '["\x7f\u009b31m"]')
    follower.wait()
    line = follower.lines()[0].split("\t")[1]
    assert json.loads(line) == "\x7f\x9b31m" and line == '"\\u007f\\u009b31m"'


def test_tail_ends_with_ctrl_c(cluster, room, tail):
    follower = tail("--room", room, "--gateway", ws(cluster))
    follower.await_joined()
    before = cluster.gateway_metrics().get("fanfare_gateway_closes_total", code="1000")
    assert follower.interrupt() == TAKEN
    wait_until(
        lambda: cluster.gateway_metrics().get("fanfare_gateway_closes_total", code="1000") == before + 1, 10, "1000"
    )


def test_tail_says_why_a_room_is_refused(cluster, tail):
    follower = tail("--room", "x" * 200, "--gateway", ws(cluster))
    assert follower.wait() == REFUSED
    assert "the room name is too long" in follower.said()


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


def test_tail_follows_a_private_room_and_its_user_with_a_token(make_cluster, tail, issuer, tmp_path):
    cluster = make_cluster(gateway=issuer.options())
    token = tmp_path / "token"
    token.write_text(issuer.token("u7", rooms=["private.{sub}"]) + "\n")
    follower = tail("--room", "private.u7", "--gateway", ws(cluster), "--count", 2, "--tokens", token)
    follower.await_joined()
    push(cluster, "private.u7", "[1]")
    follower.await_lines(1)
    cluster.push_users("u7", 2)
    assert follower.wait() == TAKEN
    assert follower.lines() == ["private.u7\t1", "@u7\t2"]
    other = tail("--room", "private.u8", "--gateway", ws(cluster), "--tokens", token)
    assert other.wait() == REFUSED and 'room "private.u8"' in other.said()


def test_tail_without_a_room_follows_the_user_of_its_token(make_cluster, tail, issuer, tmp_path):
    cluster = make_cluster(gateway=issuer.options())
    token = tmp_path / "token"
    token.write_text(issuer.token("u7"))
    follower = tail("--gateway", ws(cluster), "--count", 1, "--tokens", token)
    wait_until(lambda: cluster.push_users("u7", 7)["clients"] == 1, what="the follower")
    assert follower.wait() == TAKEN and follower.lines() == ["@u7\t7"]
    done = fanfare("tail", "--gateway", ws(cluster))
    assert done.returncode == USAGE and "--room is needed, or --tokens" in done.stderr


def test_tail_comes_back_with_the_token_that_the_file_has_then(make_cluster, tail, issuer, tmp_path):
    cluster = make_cluster(gateway=issuer.options(**{"auth.leewaySeconds": 0}))
    token = tmp_path / "token"
    token.write_text(issuer.token("u7", int(patient(2)), rooms=["r"]))
    follower = tail("--room", "r", "--gateway", ws(cluster), "--count", 1, "--tokens", token)
    follower.await_joined()
    token.write_text(issuer.token("u7", rooms=["r"]))
    wait_until(lambda: follower.said().count("joined 1 room") == 2, 30, "it to be back")
    assert "closed: 4202" in follower.said()
    push(cluster, "r", "[1]")
    assert follower.wait() == TAKEN


def test_tail_with_a_token_that_is_refused_says_so_and_ends(make_cluster, tail, issuer, tmp_path):
    """The ERROR answers no JOIN, and belongs to none of the rooms."""
    cluster = make_cluster(gateway=issuer.options())
    token = tmp_path / "token"
    token.write_text(issuer.token("u7", key="x" * 64))
    for rooms in ([], ["--room", "r"]):
        follower = tail(*rooms, "--gateway", ws(cluster), "--tokens", token)
        assert follower.wait() == REFUSED
        said = follower.said()
        assert "the gateway says: " in said and "4002" in said and 'room "' not in said and "eyJ" not in said


def test_tail_of_nobody():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = "ws://127.0.0.1:%d" % unused.getsockname()[1]
    done = fanfare("tail", "--room", "r", "--gateway", address)
    assert done.returncode == UNREACHABLE and "Connection refused" in done.stderr


def test_tail_of_a_server_that_is_no_gateway(cluster):
    address = "ws://%s:%d" % cluster.api()
    done = fanfare("tail", "--room", "r", "--gateway", address)
    assert done.returncode == REFUSED and "HTTP 404" in done.stderr


def test_tail_comes_back_to_another_gateway(make_cluster, tail):
    cluster = make_cluster(gateways=2)
    follower = tail("--room", "r", "--gateway", ws(cluster, 0), "--gateway", ws(cluster, 1))
    follower.await_joined()
    cluster.push("r", "before", wait=True)
    follower.await_lines(1)
    cluster.gateways[0].terminate()
    follower.await_joined(times=2)
    assert "1001 going_away retry_ms=" in follower.said()
    cluster.push("r", "after")
    assert follower.await_lines(2) == ['r\t"before"', 'r\t"after"']


def test_tail_comes_back_when_a_gateway_died(make_cluster, tail):
    cluster = make_cluster()
    follower = tail("--room", "r", "--gateway", ws(cluster))
    follower.await_joined()
    cluster.gateways[0].kill()
    follower.await_said("back in")
    cluster.restart_gateway()
    follower.await_joined(times=2)
    cluster.await_links()
    cluster.push("r", "again", wait=True)
    assert follower.await_lines(1) == ['r\t"again"']


def test_tail_notices_a_gateway_that_stands_still(make_cluster, tail):
    cluster, seconds = make_cluster(), int(patient(2))
    follower = tail("--room", "r", "--gateway", ws(cluster), "--timeout", seconds)
    follower.await_joined()
    cluster.gateways[0].stop_the_clock()
    follower.await_said(f"no answer within {seconds} s")
    cluster.gateways[0].go_on()
    follower.await_joined(times=2)


def test_tail_over_tls(make_cluster, certs, tail):
    tls = {"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")}
    cluster = make_cluster(gateway=tls)
    address = "wss://localhost:%d" % cluster.ws()[1]
    follower = tail("--room", "r", "--gateway", address, "--ca", certs.ca, "--count", 1)
    follower.await_joined()
    cluster.push("r", "secret", wait=True)
    assert follower.wait() == TAKEN and follower.lines() == ['r\t"secret"']
    done = fanfare("tail", "--room", "r", "--gateway", address)
    assert done.returncode == UNREACHABLE and "certificate is not trusted" in done.stderr


# top


def test_top_shows_every_daemon_with_every_figure(make_cluster):
    cluster = make_cluster(gateways=2)
    cluster.client("r")
    done = fanfare("top", "--once", "--json", "--interval", 200, *everywhere(cluster))
    assert done.returncode == TAKEN, done
    shown = json.loads(done.stdout)
    assert [each["state"] for each in shown["logics"] + shown["gateways"]] == ["ready"] * 3
    assert shown["logics"][0]["linksUp"] == 2
    assert sorted(each["clients"] for each in shown["gateways"]) == [0, 1]
    assert [each["state"] for each in shown["links"]] == ["up", "up"]
    # A metric that was renamed would be null.
    missing = [key for row in shown["logics"] + shown["gateways"] for key, value in row.items() if value is None]
    assert missing == []


def test_top_counts_rates(cluster, room, tmp_path):
    client = cluster.client(room)
    with open(tmp_path / "top", "wb") as out:
        args = ["top", "--json", "--interval", "300", *everywhere(cluster)]
        top = subprocess.Popen([binary("fanfare"), *args], stdout=out, env=clean_environment())

    def lines():
        return [json.loads(line) for line in (tmp_path / "top").read_text().splitlines(True) if line.endswith("\n")]

    try:
        wait_until(lambda: len(lines()) >= 1, 20, "the first reading")
        assert lines()[0]["gateways"][0]["framesRate"] is None
        cluster.push(room, 1, wait=True)
        client.items(1)
        wait_until(lambda: any(each["gateways"][0]["framesRate"] for each in lines()), 20, "a rate of frames")
    finally:
        top.send_signal(signal.SIGINT)
    assert top.wait(patient(10)) == TAKEN


def test_top_shows_what_is_not_there(cluster):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = http_url(unused.getsockname())
    args = ["top", "--once", "--interval", 100, "--logic", api(cluster), "--gateway-admin", address]
    done = fanfare(*args)
    assert done.returncode == REFUSED
    assert "unreachable" in done.stdout and f"{address}: Connection refused" in done.stdout
    assert "\033" not in done.stdout
    assert fanfare("top", "--once", "--logic", address, "--gateway-admin", address).returncode == UNREACHABLE


@pytest.mark.parametrize("logics", [1, 2])
def test_top_fits_eighty_columns(make_cluster, tmp_path, logics):
    """Every line, also with an error that is longer than that, whose age is shown."""
    cluster = make_cluster(gateways=2, logics=logics)
    cluster.gateways[1].kill()
    for logic in range(logics):
        with cluster.caller(logic) as caller:
            wait_until(lambda: any(each["lastError"] for each in caller.get("/gateways").json["gateways"]))
    args = ["top", "--once", "--interval", 200, *everywhere(cluster)]
    wide = fanfare(*args)
    narrow = fanfare(*args, env={"COLUMNS": "80"})
    assert max(map(len, wide.stdout.splitlines())) > 80
    assert max(map(len, narrow.stdout.splitlines())) <= 80, narrow.stdout
    header, *rows = narrow.stdout[narrow.stdout.index("\nGATEWAY "):].split("\n\n")[0].strip().splitlines()
    assert {"GATEWAY", "STATE", "AGO", "LAST"} <= set(header.split()) and ("LOGIC" in header) == (logics > 1), header
    assert len(rows) == 2 * logics
    for row in rows:
        assert " up " in row or re.search(r" \d+s +\S", row), row
    assert max(map(len, fanfare(*args, env={"COLUMNS": "60"}).stdout.splitlines())) <= 60


def test_top_shows_links_of_a_logic_that_asks_for_a_token(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "# for the tools", "a-token")
    cluster = make_cluster(logic=tokens.option, headers=bearer("a-token"))
    args = ["top", "--once", "--json", "--interval", 200, *everywhere(cluster)]
    assert json.loads(fanfare(*args).stdout)["links"] == []
    shown = json.loads(fanfare(*args, "--tokens", tokens.option["api.tokensFile"]).stdout)
    assert [each["state"] for each in shown["links"]] == ["up"]
    done, findings = why(cluster, "r", "--tokens", tokens.option["api.tokensFile"])
    assert done.returncode == 0, done
    assert [each["finding"] for each in findings if each["step"] == "link"] == ["ok"]
    pushed = push(cluster, "r", "[1]", "--tokens", tokens.option["api.tokensFile"])
    assert pushed.returncode == TAKEN, pushed


def test_top_knows_redis(redis, make_cluster):
    cluster = make_cluster(redis=redis)
    args = ["top", "--once", "--json", "--interval", 200, *everywhere(cluster)]
    shown = json.loads(fanfare(*args).stdout)
    assert [each["redis"] for each in shown["logics"] + shown["gateways"]] == ["up", "up"]
    redis.kill()
    wait_until(lambda: [each["redis"] for part in [json.loads(fanfare(*args).stdout)]
                        for each in part["logics"] + part["gateways"]] == ["down", "down"], 20, "top to see it")


def on_a_terminal(args, until, env=None):
    """What the tool writes to a terminal until `until` is in it; then Ctrl-C."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [binary("fanfare"), *args], stdin=slave, stdout=slave, stderr=slave, env=clean_environment(env)
    )
    os.close(slave)
    text = b""
    with contextlib.suppress(OSError):
        while text.count(until) < 2:
            text += os.read(master, 65536)
    process.send_signal(signal.SIGINT)
    process.wait(patient(10))
    os.close(master)
    return text.decode()


def test_top_redraws_on_a_terminal_and_colours_it(cluster):
    args = ["top", "--interval", "100", *everywhere(cluster)]
    text = on_a_terminal(args, b"GATEWAY ADMIN")
    assert text.count("\033[H\033[J") >= 2 and "\033[32mready" in text
    text = on_a_terminal(args, b"GATEWAY ADMIN", env={"NO_COLOR": "1"})
    assert "\033[H\033[J" in text and "\033[32m" not in text


# check


def test_check_finds_the_daemon_and_passes_its_word(cluster, tmp_path):
    for daemon in cluster.daemons():
        done = fanfare("check", daemon.config_path)
        assert done.returncode == 0, done
        assert f"a file of {daemon.program}\n" in done.stdout and "ok" in done.stdout


def test_check_passes_faults(cluster, tmp_path):
    config = dict(cluster.gateways[0].config, wsPort=70000)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(config))
    done = fanfare("check", path)
    assert done.returncode == 2
    assert "fanfare-gateway" in done.stderr and "wsPort: 70000 is not allowed" in done.stderr


def test_check_of_a_running_daemons_ports(cluster, tmp_path):
    config = dict(cluster.gateways[0].config, wsPort=0, servicePort=0)
    path = tmp_path / "running.json"
    path.write_text(json.dumps(config))
    assert fanfare("check", path).returncode == 0
    done = fanfare("check", "--ports", path)
    assert done.returncode == 2 and "adminPort" in done.stderr


def test_check_ignores_the_environment(cluster):
    done = fanfare("check", cluster.logics[0].config_path, env={"FANFARE_SERVICE_READ_TIMEOUT": "nonsense"})
    assert done.returncode == 0, done.stderr


def test_check_of_files_that_do_not_tell(tmp_path):
    path = tmp_path / "empty.json"
    path.write_text("{}")
    done = fanfare("check", path)
    assert done.returncode == USAGE and "--as gateway or --as logic" in done.stderr
    done = fanfare("check", "--as", "gateway", path)
    assert done.returncode == 2 and "serverPem: required" in done.stderr
    assert fanfare("check", tmp_path / "none.json").returncode == USAGE
    path.write_text("{,}")
    assert fanfare("check", path).returncode == 2


def test_check_finds_daemons_in_sbin_and_path(cluster, tmp_path):
    for directory in ("bin", "sbin", "else"):
        (tmp_path / directory).mkdir()
    tool = shutil.copy(binary("fanfare"), tmp_path / "bin" / "fanfare")
    args = [tool, "check", cluster.logics[0].config_path]
    lost = subprocess.run(args, capture_output=True, text=True, env={"PATH": "/nowhere"})
    assert lost.returncode == UNREACHABLE and "was not found" in lost.stderr
    for place, path in (("sbin", "/nowhere"), ("else", f"/nowhere:{tmp_path / 'else'}")):
        copy = shutil.copy(binary("fanfare-logic"), tmp_path / place / "fanfare-logic")
        assert subprocess.run(args, capture_output=True, env={"PATH": path}).returncode == 0
        os.unlink(copy)


# why


def why(cluster, room, *more):
    args = ["why", "--room", room, "--json", *everywhere(cluster)]
    for gateway in range(len(cluster.gateways)):
        args += ["--gateway", ws(cluster, gateway)]
    done = fanfare(*args, *more, timeout=60)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def bad(findings):
    return [(each["step"], each["text"]) for each in findings if each["finding"] == "bad"]


def test_why_of_a_healthy_cluster(make_cluster):
    cluster = make_cluster(gateways=2, logics=2)
    bystander = cluster.client("r")
    done, findings = why(cluster, "r")
    assert done.returncode == 0 and bad(findings) == [], done
    assert len([each for each in findings if each["step"] == "path"]) == 4
    cluster.push("r", "next")
    assert bystander.items(1) == ["next"]  # and nothing of the tool's


def redis_findings(findings, word):
    return [each["text"] for each in findings if (each["step"], each["finding"]) == ("redis", word)]


def readiness(caller):
    answer = caller.get("/readyz")
    return answer.status, {each["use"]: each for each in answer.json["redis"]}


def test_why_redis_is_dead(redis, make_cluster):
    """A note as long as the known gateways get every push; /readyz names it and stays 200."""
    cluster = make_cluster(redis=redis, gateway={"bus.listen": True}, logic={"bus.mode": "mirror"})
    done, findings = why(cluster, "r")
    assert done.returncode == 0 and len(redis_findings(findings, "ok")) == 6, done
    redis.kill()
    with cluster.caller() as caller, cluster.admin() as admin_caller:
        for each, uses in ((caller, {"registry", "news", "bus", "state"}), (admin_caller, {"registry", "bus"})):
            status, found = wait_until(lambda: (r := readiness(each)) and not any(
                at["up"] for at in r[1].values()) and all(at["error"] for at in r[1].values()) and r)
            assert status == 200 and set(found) == uses
        assert admin_caller.get("/readyz").json["registry"] == {"id": "gateway0", "state": "unknown"}
    done, findings = why(cluster, "r")
    assert done.returncode == 0 and bad(findings) == [], done
    assert len(redis_findings(findings, "note")) == 6
    assert any("new gateways are not found" in text for text in redis_findings(findings, "note"))


def test_why_redis_was_never_there(redis, make_cluster):
    redis.kill()
    cluster = make_cluster(redis=redis, listed=True, ready=False)
    with cluster.admin() as caller:
        wait_until(lambda: readiness(caller)[1]["registry"].get("error"), 10, "the first attempt to fail")
        assert readiness(caller)[0] == 503
    cluster.await_links()
    done, findings = why(cluster, "r")
    assert done.returncode == REFUSED
    texts = dict(bad(findings))
    assert texts["gateway"] == "not ready: the gateway is not yet in the registry"
    assert "Connection refused" in texts["redis"] and "do not find this gateway" in texts["redis"]


def test_why_an_id_is_taken(redis, make_cluster):
    cluster = make_cluster(redis=redis)
    second = cluster.add_gateway("second", gatewayId="gateway0")
    wait_until(lambda: second.events("gateway id is taken"), 10, "the id to be refused")
    done, findings = why(cluster, "r")
    assert done.returncode == REFUSED
    (taken,) = [text for step, text in bad(findings) if step == "redis"]
    port = cluster.gateways[0].port("rpc")
    assert taken.startswith('its id "gateway0" is taken by the gateway at ') and f":{port}: " in taken


def test_why_a_certificate_is_refused(make_cluster):
    cluster = make_cluster(logic={"rpc.cert": None, "rpc.key": None}, ready=False)
    wait_until(lambda: cluster.gateways[0].events("rpc client certificate refused"), 20, "it to be refused")
    done, findings = why(cluster, "r")
    assert done.returncode == REFUSED
    assert any(step == "link" and "alert" in text for step, text in bad(findings))
    assert any("over their certificates" in each["text"] for each in findings if each["step"] == "losses")


def test_why_nobody_is_in_the_room(cluster, room):
    done, findings = why(cluster, room, "--probe", '"are you there?"')
    assert done.returncode == REFUSED
    assert [step for step, _ in bad(findings)] == ["probe"]
    assert "no client was in the room" in bad(findings)[0][1]


def test_why_a_probe_counts_the_clients(cluster, room):
    client = cluster.client(room)
    done, findings = why(cluster, room, "--probe", '"are you there?"')
    assert done.returncode == 0, done
    assert any("1 client was in the room" in each["text"] for each in findings)
    assert client.items(1) == ["are you there?"]


def test_why_a_link_is_cut(make_cluster):
    cluster = make_cluster(gateways=2, proxied=True)
    cluster.proxies[1].refuse()
    wait_until(lambda: cluster.gateway_metrics(1).get("fanfare_gateway_rpc_connections") == 0, 20, "the cut")
    done, findings = why(cluster, "r", "--timeout", 2)
    assert done.returncode == REFUSED
    steps = [step for step, _ in bad(findings)]
    assert "link" in steps and "gateway" in steps and "path" in steps
    assert any("no logic is connected" in text for _, text in bad(findings))


def test_why_a_gateway_is_dead(make_cluster):
    cluster = make_cluster(gateways=2)
    args = [ws(cluster, 0), ws(cluster, 1)], [admin(cluster, 0), admin(cluster, 1)]
    cluster.gateways[1].kill()
    done = fanfare(
        "why", "--room", "r", "--logic", api(cluster), "--gateway", args[0][0], "--gateway", args[0][1],
        "--gateway-admin", args[1][0], "--gateway-admin", args[1][1], timeout=60,
    )
    assert done.returncode == REFUSED
    assert f"BAD  client   {args[0][1]}: a client cannot connect: Connection refused" in done.stdout
    assert f"BAD  gateway  {args[1][1]}: Connection refused" in done.stdout


def test_why_a_room_name_is_too_long_for_the_gateway(make_cluster):
    cluster = make_cluster(gateway={"maxRoomNameBytes": 40})
    done, findings = why(cluster, "x" * 41)
    assert done.returncode == REFUSED
    [(limits, text), (client, _)] = bad(findings)
    assert (limits, client) == ("limits", "client")
    assert "has maxRoomNameBytes 40, which is less than this logic lets through" in text


def test_push_and_why_name_the_gateway_whose_limits_are_lower(make_cluster):
    cluster = make_cluster(gateways=1, logics=0)
    cluster.add_gateway(maxItemBytes=1000, maxJsonDepth=8)
    cluster.add_logic()
    cluster.await_ready()
    narrow = "127.0.0.1:%d" % cluster.gateways[1].port("rpc")
    done = push(cluster, "r", json.dumps(["x" * 2000]))
    assert done.returncode == TAKEN and f"queued for 1 of 2 gateways" in done.stdout
    assert f"  refused: {narrow}" in done.stdout.splitlines()
    done = push(cluster, "r", json.dumps(["x" * 2000]), "--wait")
    assert done.returncode == REFUSED and "HTTP 502 gateway_refused" in done.stderr and narrow in done.stderr
    done, findings = why(cluster, "r")
    assert done.returncode == REFUSED
    named = [text for step, text in bad(findings) if step == "limits"]
    assert len(named) == 2 and all(narrow in text for text in named)
    assert "maxItemBytes 1000," in named[0] and "maxJsonDepth 8," in named[1]


def test_why_slow_clients_lost_frames(make_cluster):
    cluster = make_cluster(gateway={"clientQueueBytes": 1024, "wsOutChannelSize": 1})
    raw = cluster.raw()
    raw.join("r")
    item = "x" * 60000

    def closed():
        cluster.push("r", *[item] * 20)
        return cluster.gateway_metrics().get("fanfare_gateway_frames_dropped_total", reason="slow_closed") > 0

    wait_until(closed, 30, "the slow client to be closed")
    done, findings = why(cluster, "r")
    assert any("read too slowly" in each["text"] for each in findings if each["finding"] == "note")


def why_as(cluster, issuer, tmp_path, **claims):
    """What `fanfare why` finds about the room to somebody with such a token."""
    tokens = tmp_path / "token"
    tokens.write_text(issuer.token("u7", **claims) + "\n")
    done, findings = why(cluster, "orders.1", "--tokens", str(tokens))
    return done.returncode, bad(findings), [each["text"] for each in findings]


def test_why_a_token_does_not_open_the_room(make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options())
    for claims, meaning in (({"rooms": ["chat.*"]}, "not allowed to join: "),
                            ({"rooms": ["*"], "seconds": -60}, "token expired: "),
                            ({"rooms": ["*"], "key": "x" * 40}, "the token is refused: ")):
        code, faults, _ = why_as(cluster, issuer, tmp_path, **claims)
        assert code == 1 and [(step, meaning in text) for step, text in faults] == [("client", True)], faults


def test_why_a_token_opens_the_room_but_none_of_the_tools_own(make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options())
    code, faults, texts = why_as(cluster, issuer, tmp_path, rooms=["orders.*"])
    assert (code, faults) == (0, []) and any("was not tried" in text for text in texts), texts
    code, faults, texts = why_as(cluster, issuer, tmp_path, rooms=["*"])
    assert (code, faults) == (0, []) and any("what it pushes reaches a client" in text for text in texts), texts


def test_why_of_nothing():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    done = fanfare(
        "why", "--room", "r", "--logic", f"http://127.0.0.1:{port}", "--gateway", f"ws://127.0.0.1:{port}",
        "--gateway-admin", f"http://127.0.0.1:{port}",
    )
    assert done.returncode == UNREACHABLE and "no daemon answered" in done.stderr


# what is printed for packages


def test_bash_completions_know_every_option(tmp_path):
    for program in ("fanfare", "fanfare-gateway", "fanfare-logic"):
        made = subprocess.run([binary(program), "--print-completion-bash"], capture_output=True, text=True, check=True)
        path = tmp_path / program
        path.write_text(made.stdout)
        words = [program, "top", "--"] if program == "fanfare" else [program, "--log"]
        script = (
            f'source {path}; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; '
            f'_{program.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"'
        )
        offered = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
        if program == "fanfare":
            assert "--gateway-admin" in offered and "--items" not in offered
        else:
            assert offered == ["--log-level", "--log-format"]


def test_the_manual_pages_name_every_option():
    def printed(program, flag):
        return subprocess.run([binary(program), flag], capture_output=True, text=True, check=True).stdout

    for program in ("fanfare-gateway", "fanfare-logic"):
        keys = re.findall(r"^\| `(\S+)`", printed(program, "--print-markdown"), re.M)
        page = printed(program, "--print-man-options")
        assert len(keys) > 20 and re.findall(r"^\.TP\n\\fB(\S+)\\fR$", page, re.M) == keys
        flags = re.findall(r"^  (--\S+)", printed(program, "--help"), re.M)
        for flag in flags:
            assert "\\fB" + flag.replace("-", "\\-") in printed(program, "--print-man"), flag
    for command in ("push", "tail", "top", "check", "why", "token", "token show", "token jwks"):
        page = printed("fanfare", "--print-man")
        for flag in re.findall(r"^  --(\S+)", fanfare(*command.split(), "--help").stdout, re.M):
            assert "\\fB\\-\\-" + flag.replace("-", "\\-") + "\\fR" in page, flag
