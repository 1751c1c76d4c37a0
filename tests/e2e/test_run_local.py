# SPDX-License-Identifier: Apache-2.0
"""deploy/run-local, which `make run` calls: docs/operations.md's "Try it" word for word, and output nobody reads."""

import fcntl
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from harness.build import ROOT, binary
from harness.daemon import clean_environment
from harness.waiting import patient, wait_until

PORTS = 23  # from PORT_BASE up


def free_base():
    """A PORT_BASE of which every port is free now."""
    for _ in range(200):
        base = random.randrange(20000, 32000)
        try:
            for port in range(base, base + PORTS):
                with socket.socket() as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    sock.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


def of_this_run(directory):
    """Processes with a config in `directory`."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            cwd = os.readlink(path.parent / "cwd")
        except OSError:
            continue
        if b"-config" in words and os.path.join(cwd, words[-2].decode()).startswith(str(directory)):
            found.append(int(path.parent.name))
    return found


class Local:
    """A run of run-local in a directory of its own, with the daemons under test."""

    def __init__(self, directory, **settings):
        (directory / "build").mkdir()
        for program in ("fanfare", "fanfare-gateway", "fanfare-logic", "fanfare-dev-issuer"):
            (directory / "build" / program).symlink_to(binary(program))
        self.directory, self.base = directory, free_base()
        self.settings = {"PORT_BASE": str(self.base), "FANFARE_BUILD": "build", **settings}
        self.by_hand = []
        self.process = self.tail = None

    def start(self, **streams):
        """A shell's background job ignores SIGINT, and so would all that it starts: not so a terminal's."""
        self.process = subprocess.Popen(
            ["env", "--default-signal=INT", ROOT / "deploy" / "run-local"], cwd=self.directory, env=clean_environment(self.settings),
            stdin=subprocess.DEVNULL, start_new_session=True, **streams)

    def local(self, command):
        """The command with this run's ports in the place of the usual ones."""
        return re.sub(r"127\.0\.0\.1:77(\d\d)", lambda m: f"127.0.0.1:{self.base + int(m[1]) - 77}", command)

    def run(self, command):
        done = subprocess.run(["bash", "-c", self.local(command)], cwd=self.directory, text=True,
                              capture_output=True, timeout=patient(20))
        assert done.returncode == 0, (command, done)
        return done.stdout

    def begin(self, command):
        words = shlex.split(command)
        with open(self.directory / "by-hand.log", "wb") as log:
            self.by_hand.append(subprocess.Popen(words, cwd=self.directory, env=clean_environment(), stdout=log,
                                                 stderr=log))

    def refused(self, command):
        """What a command that fails says."""
        done = subprocess.run(["bash", "-c", self.local(command)], cwd=self.directory, text=True,
                              capture_output=True, timeout=patient(20))
        assert done.returncode != 0, (command, done)
        return done.stderr

    def follow(self, command):
        """Goes on until the run ends; what it prints stands in tail.log."""
        with open(self.directory / "tail.log", "wb") as log:
            self.tail = subprocess.Popen(["bash", "-c", f"exec {self.local(command)}"], cwd=self.directory,
                                         env=clean_environment(), stdout=log, stderr=log)

    def is_ready(self):
        assert self.process.poll() is None, "run-local ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.base + 22}/readyz", timeout=patient(5)) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def interrupt(self):
        """As Ctrl-C does: the whole foreground group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)
        for each in self.by_hand:
            each.wait(patient(20))
        return self.process.wait(patient(20))

    def finish(self):
        for each in [self.process, self.tail, *self.by_hand]:
            if each and each.poll() is None:
                each.kill()
                each.wait()
        for pid in of_this_run(self.directory):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def make_local(tmp_path):
    made = []

    def make(**settings):
        made.append(Local(tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.finish()


def section(title):
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return re.search(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]


def commands_of(text):
    """(command, what is said of it) of each line of a section's code blocks."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [[part.strip() for part in (line + "#").split("#")[:2]] for line in lines]


def state_is(local, command, state):
    gateways = json.loads(local.run(command))["gateways"]
    return [each["state"] for each in gateways if each["id"] == "gateway-2"] == [state]


def follow(local, command, said):
    """Does what one line of the text says, and sees that what is said of it comes true."""
    if command.startswith("build/fanfare-gateway"):
        local.begin(command)
    elif command.endswith("/gateways"):
        state = re.search(r'"(\w+)"', said)[1]
        wait_until(lambda: state_is(local, command, state), 20, f"gateway-2 to be {state}")
    elif "<title>" in command:
        assert said.split(":")[0] in local.run(command)
    elif command.endswith("grep redis_up"):
        value = re.search(r"\d", said)[0]
        up = lambda: [line.split()[-1] for line in local.run(command).splitlines() if not line.startswith("#")]
        wait_until(lambda: set(up()) == {value}, 20, f"redis_up to be {value}")
    elif "/token?user=" in command:
        local.run(command)
        assert (local.directory / "build/run/alice").read_text().count(".") == 2, "a token"
    elif "fanfare tail" in command and "Bearer" in command:
        local.follow(command)
    elif "fanfare tail" in command:
        assert said in local.refused(command)
    elif "/push/user" in command:
        wait_until(lambda: said in local.run(command), 20, "alice to be there")
        wait_until(lambda: '"hello"' in (local.directory / "tail.log").read_text(), 20, "what was pushed")
    elif "grep -e auth_granted" in command:
        values = dict(line.rsplit(" ", 1) for line in local.run(command).splitlines() if not line.startswith("#"))
        assert values['fanfare_gateway_auth_granted_total{source="token"}'] == "1"
        assert values["fanfare_gateway_joins_refused_total"] == "1"
    elif "/push/room" in command:
        assert json.loads(local.run(command))["gateways"]["queued"] == int(re.search(r"\d", said)[0])
    else:
        assert command.startswith("kill -"), f"the test does not know what to make of: {command}"
        local.run(command)


def test_try_it_as_operations_md_has_it(make_local, tmp_path):
    [make, *rest] = commands_of(section("Try it"))
    assert make[0].startswith("make run ") and len(rest) >= 10
    local = make_local(**dict(word.split("=") for word in make[0].split()[2:]))
    with open(tmp_path / "out.log", "wb") as out:
        local.start(stdout=out, stderr=out)
    wait_until(local.is_ready, 30, "the cluster")
    said = lambda: (tmp_path / "out.log").read_text(encoding="utf-8")
    wait_until(lambda: "Ctrl-C stops everything" in said(), what="the announcement")
    assert "no logic has said who is banned" not in said(), "nobody waits for the other in vain"
    for command, comment in rest:
        follow(local, command, comment)
        if "kill -9" in command:
            again = rf"gateway-2 has ended \(status 137\), the others go on.*\n  (\S+/build/fanfare-gateway -config \S+)\n"
            found = wait_until(lambda: re.search(again, said()), what="how to start it again")
            ours = next(line for line, _ in rest if line.startswith("build/fanfare-gateway"))
            assert [os.path.relpath(word, tmp_path) if "/" in word else word for word in found[1].split()] == ours.split()
    assert len(local.by_hand) == 1 and local.by_hand[0].poll() is None
    assert local.interrupt() == 0
    assert local.by_hand[0].returncode == 0, "what was started by hand leaves cleanly, too"
    assert of_this_run(tmp_path) == [], "nothing stays behind"


def test_a_reader_that_reads_nothing_holds_nothing_up(make_local, tmp_path):
    """`make run | less`, Ctrl-S: the pipe is full from the first byte on."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    local = make_local()
    local.start(stdout=writer, stderr=writer)
    os.close(writer)
    wait_until(local.is_ready, 30, "the cluster")
    pids = of_this_run(tmp_path)
    assert len(pids) == 3
    os.kill(int((tmp_path / "build/run/gateway-2.pid").read_text()), signal.SIGKILL)
    wait_until(lambda: not (tmp_path / "build/run/gateway-2.pid").exists(), what="the end to be noticed")
    wait_until(local.is_ready, 30, "the rest to go on")
    assert local.interrupt() == 0
    assert of_this_run(tmp_path) == []
    os.close(reader)
