# SPDX-License-Identifier: Apache-2.0
"""A wall clock that a test can set, for processes of its own (wall_clock.c is preloaded into them)."""

import mmap
import os
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).with_suffix(".c")


class WallClock:
    """`env` goes into the environment of each process that is to live by this clock."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        library, offset = directory / "wall_clock.so", directory / "wall_clock.offset"
        compiler = os.environ.get("CC", "cc")
        subprocess.run([*compiler.split(), "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
        offset.write_bytes(bytes(8))
        with open(offset, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)
        self.env = {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(offset)}

    def set(self, seconds):
        """How far this clock is from the machine's from now on: 3600 is an hour ahead."""
        self.map[:] = struct.pack("=q", seconds)
