# SPDX-License-Identifier: Apache-2.0
"""The build under test, and a Debian root to install its package into."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.path.insert(0, str(ROOT / "tests" / "deploy"))

import pytest

from harness.build import BUILD
from debian_root import DebianRoot


@pytest.fixture(scope="session")
def make():
    """Runs make for the build under test; gives its output."""

    def run(*args):
        command = ["make", "-C", str(ROOT), "--no-print-directory", f"BUILD={BUILD}", *args]
        env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def debian(tmp_path_factory):
    """A minimal Debian 12. FANFARE_TEST_ROOT names one that debootstrap made before, to be copied."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.fail("needs root and debootstrap")
    directory = tmp_path_factory.mktemp("debian") / "root"
    base = os.environ.get("FANFARE_TEST_ROOT")
    command = ["cp", "-a", base, directory] if base else ["debootstrap", "--variant=minbase", "bookworm", directory]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    if done.returncode:
        pytest.fail("no Debian root: " + (done.stderr or done.stdout)[-300:])
    yield DebianRoot(directory)
    subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=True)
