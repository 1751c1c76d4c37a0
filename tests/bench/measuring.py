# SPDX-License-Identifier: Apache-2.0
"""Runs of fanfare-bench: one and wait, or several side by side."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

from harness.build import BUILD
from results import Runs, faults_of
from servers import Broken, NotHere

RUN_SECONDS = 180


class Swarm:
    """A fanfare-bench that is running. As a context manager it is ended when the block is left."""

    def __init__(self, label, options, announced=False):
        self.label = label
        self.out = tempfile.NamedTemporaryFile("r", prefix="fanfare-bench-", suffix=".json")
        command = [BUILD / "fanfare-bench", "--label", label, "--json", self.out.name, *options]
        self.process = subprocess.Popen(
            [*map(str, command), *(["--announce"] if announced else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if announced else None,
            text=True,
        )
        self.watchdog = threading.Timer(RUN_SECONDS, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stderr, self.out):
            if stream:
                stream.close()

    def wait_for(self, msg):
        """Until it announces pushing or done."""
        for line in self.process.stderr:
            if line.startswith(f"msg={msg} "):
                return
            print(line.rstrip(), file=sys.stderr)
        raise Broken(f"{self.label}: fanfare-bench ended before it said {msg}")

    def signal(self, number):
        self.process.send_signal(number)

    def result(self):
        """Lets go of its clients if it still holds them, and gives the report as a dict."""
        self.process.stdin.close()
        self.process.stdin = None
        code = self.process.wait()
        text = pathlib.Path(self.out.name).read_text(encoding="utf-8")
        if code not in (0, 1) or not text:
            raise Broken(f"{self.label}: fanfare-bench left with {code}")
        return json.loads(text)


def measure(server, label, load):
    """One run against `server`, to its end."""
    with Swarm(label, [*load, *server.options]) as swarm:
        return swarm.result()


class Bench:
    """What every part is given: the options of the command line, certificates, and a way to compare."""

    def __init__(self, options, directory, certs):
        self.options, self.directory, self.certs = options, directory, certs
        self.faults, self.missing, self.items = [], [], 0

    def clients(self, wanted):
        """So many clients, or a few when the bench only tries itself."""
        return max(1, wanted // 100) if self.options.quick else wanted

    def seconds(self, wanted):
        return 0.3 if self.options.quick else wanted

    def rounds(self, wanted=5):
        return 1 if self.options.quick else min(wanted, self.options.rounds)

    def compare(self, part, starts, load, rounds, line, run=measure):
        """Every server in turn, `rounds` times, each started afresh. `starts` are {name: function that
        starts it}, `line` says a result in a few words."""
        runs = Runs()
        for turn in range(1, rounds + 1):
            for name, start in starts.items():
                label = f"{part} {turn}/{rounds} {name}"
                try:
                    with start() as server:
                        result = run(server, label, load)
                except NotHere as reason:
                    self.leave_out(part, name, reason)
                    continue
                runs.add(name, result)
                self.note(server, label, result, line)
        return runs

    def leave_out(self, part, name, reason):
        text = f"{part}: {name} is left out: {reason}"
        if text not in self.missing:
            self.missing.append(text)
            print(text, flush=True)

    def note(self, server, label, result, line):
        """Shows a result; loss and disorder count as faults where the server is ours."""
        found = faults_of(result)
        print(f"{label}: {line(result)}" + (f"; NOT CLEAN: {found}" if found else ""), flush=True)
        self.items += result["delivery"]["items"]
        if found and server.ours:
            self.faults.append(f"{label}: {found}")
