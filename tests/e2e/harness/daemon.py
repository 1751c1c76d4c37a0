# SPDX-License-Identifier: Apache-2.0
"""One process of Fanfare: started with a generated config, observed through its stderr, ended by SIGTERM.

A daemon that does not leave with 0 in time, or whose stderr holds a sanitizer's report,
fails the test that owned it.
"""

import json
import os
import pathlib
import re
import shlex
import signal
import ssl
import subprocess
import time

from harness.build import binary
from harness.http import Caller
from harness.metrics import Metrics
from harness.waiting import patient, wait_until

REPORTS = re.compile(
    r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|"
    r"UndefinedBehaviorSanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL"
)


def clean_environment(extra=None):
    """This process's environment without FANFARE_…, which the daemons read as options."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("FANFARE_")}
    env.setdefault("TSAN_OPTIONS", f"suppressions={pathlib.Path(__file__).parent / 'tsan.supp'}")
    env.update(extra or {})
    return env


def logfmt(line):
    """`ts=… msg="two words" n=1` as a dict; a JSON line too."""
    if line.startswith("{"):
        try:
            return json.loads(line)
        except ValueError:
            return {}
    try:
        return dict(part.split("=", 1) for part in shlex.split(line) if "=" in part)
    except ValueError:
        return {}


def split_address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Daemon:
    """A running fanfare-gateway or fanfare-logic."""

    def __init__(self, program, config, directory, name=None, args=(), env=None, cwd=None, outlet=None):
        """`outlet` (harness/outlet.py) has the stderr in place of the file, and writes that file."""
        self.program = program
        self.name = name or program
        self.config = config
        directory = pathlib.Path(directory)
        self.config_path = directory / f"{self.name}.json"
        self.stderr_path = outlet.path if outlet else directory / f"{self.name}.stderr"
        self.config_path.write_text(json.dumps(config, indent=2))
        self.allowed_exit = {0}
        self.ending = False
        with open(self.stderr_path, "ab") as stderr:
            self.log_start = stderr.tell()
            self.process = subprocess.Popen(
                [binary(program), "-config", str(self.config_path), *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=outlet.fd if outlet else stderr,
                env=clean_environment(env),
                cwd=cwd or directory,
            )

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """Everything this process has written to stderr so far."""
        with open(self.stderr_path, "rb") as stderr:
            stderr.seek(self.log_start)
            return stderr.read().decode(errors="replace")

    def events(self, msg=None):
        """The log's lines as dicts, those with this `msg` if one is given."""
        parsed = (logfmt(line) for line in self.log().splitlines())
        return [event for event in parsed if event and (msg is None or event.get("msg") == msg)]

    def last(self, msg):
        """The last line with this `msg`; the first one is waited for."""
        return wait_until(lambda: self.events(msg), 10, f"{self.name} to say {msg!r}")[-1]

    def address(self, what):
        """Where the daemon listens for `what` (ws, rpc, admin, api): (host, port)."""
        def announced():
            found = [event for event in self.events("listening") if event.get("what") == what]
            if not found and not self.alive():
                raise AssertionError(f"{self.name} left with {self.process.returncode}:\n{self.log()}")
            return found and found[0]["addr"]

        return split_address(wait_until(announced, 20, f"{self.name} to listen for {what}"))

    def port(self, what):
        return self.address(what)[1]

    def alive(self):
        return self.process.poll() is None

    def reload(self, **changes):
        """Writes these options into its file (a dotted key for one in a group; None takes one out) and sends
        SIGHUP; whether the settings were taken over."""
        self.reloads()  # it has read the file as it was
        for key, value in changes.items():
            self._set(key.split("."), value)
        self.config_path.write_text(json.dumps(self.config, indent=2))
        return self.hang_up()

    def _set(self, path, value):
        at = self.config
        for group in path[:-1]:
            at = at.setdefault(group, {})
        if value is None:
            at.pop(path[-1], None)
        else:
            at[path[-1]] = value

    def hang_up(self):
        """SIGHUP, and whether the settings were taken over."""
        before = self.reloads()
        self.signal(signal.SIGHUP)
        after = wait_until(lambda: self.reloads() != before and self.reloads(), 10, f"{self.name} to reload")
        return after[0] > before[0]

    def reloads(self):
        """How many SIGHUPs were taken over, and how many were not, as its metrics say."""
        which = self.program.removeprefix("fanfare-")
        tls = ssl._create_unverified_context() if self.config.get("api", {}).get("cert") else None
        with Caller(*self.address("api" if which == "logic" else "admin"), tls=tls) as caller:
            metrics = Metrics(caller.get("/metrics").body.decode())
        return [metrics.get(f"fanfare_{which}_reloads_total", result=result) for result in ("ok", "failed")]

    def signal(self, number):
        self.ending = self.ending or number in (signal.SIGTERM, signal.SIGINT)
        self.process.send_signal(number)

    def stop_the_clock(self):
        """SIGSTOP: the process keeps its sockets but does nothing."""
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def wait(self, timeout):
        """The exit code, or an AssertionError when it takes longer."""
        try:
            return self.process.wait(patient(timeout))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {patient(timeout):.0f} s:\n{self.tail()}") from None

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def terminate(self):
        """SIGTERM, unless it was sent before, and the seconds that it took to leave with 0."""
        begin = time.monotonic()
        if not self.ending:
            self.signal(signal.SIGTERM)
        code = self.wait(self.config.get("drainSeconds", 10) + 10)
        assert code in self.allowed_exit, f"{self.name} left with {code}:\n{self.tail()}"
        return time.monotonic() - begin

    def kill(self):
        """SIGKILL, for tests in which a machine dies."""
        self.allowed_exit.add(-signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def finish(self):
        """Ends the process as a test's teardown; returns what was wrong as a list of texts."""
        faults = []
        if self.alive():
            self.go_on()
            try:
                self.terminate()
            except AssertionError as fault:
                faults.append(str(fault))
                self.process.kill()
                self.process.wait()
        elif self.process.returncode not in self.allowed_exit:
            faults.append(f"{self.name} left by itself with {self.process.returncode}:\n{self.tail()}")
        report = REPORTS.search(self.log())
        if report:
            faults = [f"{self.name}: sanitizer report:\n{self.log()[report.start():][:8000]}"]
        return faults


def run(program, *args, env=None, cwd=None, timeout=10):
    """Runs a daemon to its end (--check, --help, a bad config); gives the CompletedProcess."""
    done = subprocess.run(
        [binary(program), *map(str, args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean_environment(env),
        cwd=cwd,
        timeout=patient(timeout),
    )
    assert not REPORTS.search(done.stderr), done.stderr
    return done
