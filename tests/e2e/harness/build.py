# SPDX-License-Identifier: Apache-2.0
"""Where the binaries under test are, and of what kind."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("FANFARE_BUILD", ROOT / "build")).resolve()


def binary(name):
    """The path of `fanfare-gateway` or `fanfare-logic` in the build directory."""
    return str(BUILD / name)


def sanitized():
    """Whether the gateway was built with a sanitizer."""
    path = pathlib.Path(binary("fanfare-gateway"))
    marks = (b"__asan_init", b"__tsan_init", b"__ubsan_handle")
    return path.exists() and any(mark in path.read_bytes() for mark in marks)
