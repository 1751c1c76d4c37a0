# SPDX-License-Identifier: Apache-2.0
"""The callers of docs/integrate.md, run as they stand there: what they repeat, what not, and whom they would write to."""

import http.server
import json
import subprocess
import threading
import time
import urllib.parse

import pytest

from harness.daemon import clean_environment
from harness.issuer import Issuer
from harness.programs import programs
from harness.tokens import Tokens
from harness.waiting import patient

TOKEN = "s3cret-of-the-caller"
HI = '[{"msg":"your order has left"}]'
# The commands, one after the other; a shell's program pushes once.
COMMANDS = {
    "push.sh": [["sh", "push.sh", "room", "default", HI], ["sh", "push.sh", "user", "u8", HI]],
    "push.py": [["/usr/bin/python3", "push.py"]],
    "push_httpx.py": [["/usr/bin/python3", "push_httpx.py"]],
    "push.mjs": [["node", "push.mjs"]],
    "push.go": [["go", "run", "push.go"]],
    "Push.java": [["java", "Push.java"]],
}


class FakeLogic:
    """Answers each request with the next (status, headers) of `plan`; `asked` has (path, users or room, token)."""

    def __init__(self, plan):
        self.plan, self.asked, self.at = list(plan), [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.headers["Content-Type"].startswith("application/json"):
                    body = json.loads(body)
                else:
                    body = dict(urllib.parse.parse_qsl(body))
                to = {name: body[name] for name in ("room", "user", "users") if name in body}
                outer.asked.append((self.path, to, self.headers["Authorization"]))
                outer.at.append(time.monotonic())
                status, headers = outer.plan.pop(0)
                self.send_response(status)
                text = b'{"error":{"code":"of_the_test"}}'
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake():
    made = []

    def make(*plan):
        made.append(FakeLogic(plan))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture(params=COMMANDS)
def run(request, tmp_path):
    """Runs the program against an address; exit status, stdout and stderr of its last command."""
    name = request.param
    (tmp_path / name).write_text(programs()[name])

    def call(api):
        env = clean_environment({"PUSH_API": api, "PUSH_TOKEN": TOKEN, "GO111MODULE": "off", "GOFLAGS": ""})
        env.setdefault("GOPATH", str(tmp_path / "go"))
        said = ""
        for command in COMMANDS[name]:
            done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=patient(120))
            said += done.stdout
            if done.returncode:
                break
        return done.returncode, said, done.stderr

    call.name = name
    return call


def test_all_callers_on_the_page_are_run():
    assert {name for name in programs() if name.lower().startswith("push")} == set(COMMANDS)


def test_a_caller_pushes_with_its_token_and_learns_who_is_not_there(run, make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    tokens = Tokens(tmp_path, "of-the-test", f"{TOKEN} name=shop rooms=default users=u*")
    cluster = make_cluster(gateway=issuer.options(), logic=tokens.option,
                           headers={"Authorization": "Bearer of-the-test"})
    token = issuer.token("u7", rooms=["default"])
    client = cluster.client("default", extra_headers={"Authorization": f"Bearer {token}"})
    status, said, errors = run("http://127.0.0.1:%d" % cluster.api()[1])
    assert status == 0, errors
    applied = [line for line in said.splitlines() if line.startswith("applied: ")]
    assert len(applied) == 2 and '"clients":1' in applied[0] and '"offline":["u8"]' in applied[1], said
    mails = [line for line in said.splitlines() if line.startswith("mail to ")]
    assert mails == ([] if run.name == "push.sh" else ["mail to u8"])
    client.push()
    if run.name not in ("push.sh", "Push.java"):  # they push to u8 alone
        assert client.push() == [{"msg": "your order has left"}]


def test_a_caller_waits_when_it_is_told_to_and_repeats_no_more_than_that(run, fake):
    logic = fake((429, {"Retry-After": "1"}), (503, {"Retry-After": "1"}), (504, {}), (403, {}))
    status, said, errors = run(logic.url)
    assert status != 0 and "403" in errors and "refused" in errors, (said, errors)
    assert "on its way, not repeated: " in said
    assert [path for path, _, _ in logic.asked] == 3 * ["/push/room"] + ["/push/user"]
    assert {to["room"] for _, to, _ in logic.asked[:3]} == {"default"}
    assert {token for _, _, token in logic.asked} == {f"Bearer {TOKEN}"}
    assert logic.at[1] - logic.at[0] >= 0.9 and logic.at[2] - logic.at[1] >= 0.9, "as Retry-After says"
