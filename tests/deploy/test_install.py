# SPDX-License-Identifier: Apache-2.0
"""`make install`, the manual pages, the units and their sandbox. Needs no root."""

import pathlib
import re
import shutil
import subprocess

import pytest

from harness import daemon
from harness.build import BUILD, binary
from harness.certs import Certs
from harness.cluster import Cluster

UNITS = ("fanfare-gateway", "fanfare-logic")


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("prefix, etc", [("/usr", "/etc"), ("/usr/local", "/usr/local/etc")])
def test_install_and_uninstall(make, tmp_path, prefix, etc):
    where = [f"PREFIX={prefix}", f"DESTDIR={tmp_path}"]
    make("install", *where)
    root = pathlib.Path(f"{tmp_path}{prefix}")
    for name in ("bin/fanfare", "sbin/fanfare-gateway", "sbin/fanfare-logic", "share/fanfare/make-certs"):
        assert (root / name).stat().st_mode & 0o777 == 0o755
    for name in ("haproxy.cfg", "nginx.conf"):
        assert (root / "share/fanfare" / name).is_file()
    for name in ("man1/fanfare.1", "man5/fanfare.conf.5", "man8/fanfare-gateway.8", "man8/fanfare-logic.8"):
        assert (root / "share/man" / name).is_file()
    for unit in UNITS:
        text = (root / f"lib/systemd/system/{unit}.service").read_text()
        config = re.search(r"^ExecStart=(\S+) -config (\S+)$", text, re.M)
        assert config[1] == f"{prefix}/sbin/{unit}" and config[2].startswith(f"{etc}/fanfare/")
        assert pathlib.Path(f"{tmp_path}{config[2]}").is_file()
        assert not re.search(r"@[A-Z]+@", text)
    assert (root / "share/bash-completion/completions/fanfare").is_file()
    changed = pathlib.Path(f"{tmp_path}{etc}/fanfare/gateway.json")
    changed.write_text("{}")
    make("install", *where)
    assert changed.read_text() == "{}"
    make("uninstall", *where)
    assert files(tmp_path) == {str(changed.relative_to(tmp_path))}


def test_the_manual_pages_are_clean(make):
    if not shutil.which("groff"):
        pytest.fail("needs groff")
    make("man")
    for page in ("fanfare.1", "fanfare-gateway.8", "fanfare-logic.8", "fanfare.conf.5"):
        command = ["groff", "-man", "-ww", "-Tutf8", "-z", str(BUILD / "share" / page)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", done.stderr


def test_completions_are_shell(make):
    make("completions")
    for program in ("fanfare", *UNITS):
        subprocess.run(["bash", "-n", str(BUILD / "share" / f"{program}.bash")], check=True)
        if shutil.which("zsh"):
            subprocess.run(["zsh", "-n", str(BUILD / "share" / f"{program}.zsh")], check=True)


@pytest.fixture(scope="module")
def units(make):
    if not shutil.which("systemd-analyze"):
        pytest.fail("needs systemd-analyze")
    make("units")
    return {unit: BUILD / "share" / f"{unit}.service" for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS)
def test_the_sandbox_is_tight(units, unit):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=29", str(units[unit])]
    done = subprocess.run(command, capture_output=True, text=True)
    exposure = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout)
    assert exposure and float(exposure[1]) < 3, done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_are_well_formed(units, unit, tmp_path):
    """systemd's own opinion, with programs that exist here."""
    text = units[unit].read_text()
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={binary(unit)}", text, flags=re.M)
    copy = tmp_path / f"{unit}.service"
    copy.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if unit in line]
    assert complaints == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_waits_for_the_drain(units, unit):
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", units[unit].read_text(), re.M)[1])
    shown = daemon.run(unit, "--print-config").stdout
    assert stop > int(re.search(r'"drainSeconds":\s*(\d+)', shown)[1])


def expand(name, known):
    """The system calls of a set of systemd, sets inside it included."""
    calls = set()
    for each in known[name]:
        calls |= expand(each, known) if each.startswith("@") else {each}
    return calls


def allowed_calls(unit):
    shown = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True)
    known, name = {}, None
    for line in shown.stdout.splitlines():
        if line.startswith("@"):
            name = line.split()[0]
            known[name] = set()
        elif name and line.strip() and not line.strip().startswith("#"):
            known[name].add(line.strip())
    allowed = set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.M):
        calls = set().union(*(expand(word.lstrip("~"), known) for word in words.split()))
        allowed = allowed - calls if words.startswith("~") else allowed | calls
    return allowed | expand("@default", known)


def test_the_system_calls_in_use_are_allowed(units, tmp_path, monkeypatch):
    """A cluster under strace does its work; what it called must be in the units' filters."""
    if not shutil.which("strace"):
        pytest.fail("needs strace")
    def wrapped(program):
        script = tmp_path / program
        trace = f"strace -D -f -qq -o {tmp_path / program}.%p.trace"
        script.write_text(f"#!/bin/sh\nexec {trace.replace('%p', '$$')} {binary(program)} \"$@\"\n")
        script.chmod(0o755)
        return str(script)

    monkeypatch.setattr(daemon, "binary", wrapped)
    cluster = Cluster(tmp_path / "cluster", Certs(tmp_path / "certs"))
    client = cluster.client("r")
    cluster.push("r", 1, wait=True)
    assert client.items(1) == [1]
    cluster.gateway_metrics(), cluster.logic_metrics()
    faults = cluster.finish()
    assert faults == []
    for unit in UNITS:
        text = "".join(path.read_text() for path in tmp_path.glob(f"{unit}.*.trace"))
        called = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", text, re.M))
        assert {"epoll_wait", "accept4", "rt_sigreturn"} & called and len(called) > 20
        assert "io_uring_setup" in called or unit == "fanfare-logic"
        assert called - allowed_calls(units[unit]) == set()
