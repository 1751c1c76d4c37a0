# SPDX-License-Identifier: Apache-2.0
"""The programs that a page of docs shows, as files: each stands behind a comment <!-- file: NAME -->. Single commands
stand behind <!-- lines: NAME -->, each with what its answer has behind a #."""

import queue
import re
import subprocess
import threading

from harness.build import ROOT
from harness.daemon import clean_environment
from harness.waiting import patient

BLOCK = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


LINES = re.compile(r"^<!-- lines: (\S+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines(page="integrate.md"):
    """{name: [(command, what its answer has)]} of the blocks of single commands on the page."""
    split = lambda line: tuple(part.strip() for part in line.split("  # "))
    return {name: [split(line) for line in text.splitlines()] for name, text in
            LINES.findall((ROOT / "docs" / page).read_text())}


def programs(page="integrate.md"):
    """Name and text of each program on the page."""
    return dict(BLOCK.findall((ROOT / "docs" / page).read_text()))


class Program:
    """A running program, whose stdout is read line by line; stderr is kept in a file."""

    def __init__(self, command, directory, env=None):
        self.errors = directory / "stderr"
        with open(self.errors, "wb") as stderr:
            self.process = subprocess.Popen(command, cwd=directory, env=clean_environment(env), text=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, timeout=30):
        """The next line, None at the end."""
        try:
            return self.lines.get(timeout=patient(timeout))
        except queue.Empty:
            raise AssertionError(f"no line in {patient(timeout):.0f} s; stderr:\n{self.errors.read_text()}") from None

    def expect(self, pattern):
        """The next line, which must match."""
        line = self.line()
        found = line is not None and re.fullmatch(pattern, line)
        assert found, f"{line!r} is not {pattern!r}; stderr:\n{self.errors.read_text()}"
        return found

    def expect_later(self, pattern):
        """The first line from here on that matches."""
        while True:
            line = self.line()
            assert line is not None, f"it ended without {pattern!r}; stderr:\n{self.errors.read_text()}"
            found = re.fullmatch(pattern, line)
            if found:
                return found

    def ended(self):
        """Its exit status and stderr, once it has ended by itself."""
        status = self.process.wait(patient(30))
        return status, self.errors.read_text()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
