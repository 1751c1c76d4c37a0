# SPDX-License-Identifier: Apache-2.0
"""The Debian package's life in a root of its own: installed, started, upgraded, removed, purged.
The tests are steps and run in this order."""

import json
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness.waiting import patient, wait_until

DAEMONS = ("gateway", "logic")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def packages(make, debian):
    """Two revisions, in the root's /tmp; the root has what they depend on."""
    found = []
    for revision in (1, 2):
        printed = make("deb", f"DEB_REVISION={revision}")
        built = re.search(r"made (\S+\.deb)", printed)[1]
        found.append("/tmp/" + shutil.copy(built, debian.path("tmp")).rpartition("/")[2])
    depends = subprocess.run(["dpkg-deb", "-f", built, "Depends"], capture_output=True, text=True, check=True).stdout
    names = [each.split("(")[0].split("|")[0].strip() for each in depends.split(",")]
    if debian.run("apt-get", "-qq", "update").returncode:
        pytest.fail("no package source can be reached")
    debian.must("apt-get", "-qq", "-y", "--no-install-recommends", "install", *names, "openssl")
    return found


@pytest.fixture(scope="module")
def before(packages, debian):
    return debian.files()


@pytest.fixture(scope="module")
def ports():
    return dict(zip(("ws", "rpc", "admin", "api"), free_ports(4)))


@pytest.fixture(scope="module")
def running(debian):
    """Processes by daemon; ended at the end, should a test have failed before."""
    processes = {}
    yield processes
    for each in processes.values():
        if each.poll() is None:
            each.kill()
            each.wait()


def start_as_the_unit_would(debian, daemon):
    text = debian.path(f"/lib/systemd/system/fanfare-{daemon}.service").read_text()
    unit = dict(re.findall(r"^(\w+)=(.+)$", text, re.M))
    log = debian.path(f"/tmp/{daemon}.log").open("ab")
    return debian.start(*unit["ExecStart"].split(), user=f"{unit['User']}:{unit['Group']}", stderr=log)


def tool(debian, *args):
    return debian.run("fanfare", *args, user="nobody:nogroup", timeout=60)


def push(debian, ports):
    url = f"http://127.0.0.1:{ports['api']}"
    return tool(debian, "push", "--room", "r", "--items", '["hello"]', "--wait", "--api", url)


def test_installed_and_not_started(debian, packages, before):
    said = debian.must("dpkg", "-i", packages[0])
    assert "not started" in said and "README.Debian" in said
    assert debian.must("getent", "passwd", "fanfare").split(":")[6].strip() == "/usr/sbin/nologin"
    assert debian.path("/usr/share/doc/fanfare/README.Debian").is_file()
    assert debian.must("dpkg", "--verify", "fanfare") == ""


def test_it_brings_what_fetches_keys_and_nothing_that_makes_tokens_for_everybody(debian):
    """`make run` has an issuer that lets anybody be anybody: in no package. The gateway fetches keys with libcurl."""
    depends = debian.must("dpkg-query", "-W", "-f", "${Depends}", "fanfare")
    assert re.search(r"(^|, )libcurl4 ", depends), depends
    files = debian.must("dpkg", "-L", "fanfare").split()
    assert "/usr/bin/fanfare" in files
    assert [file for file in files if "issuer" in file or "run-local" in file] == []
    for program in ("/usr/bin/fanfare", "/usr/sbin/fanfare-gateway", "/usr/sbin/fanfare-logic"):
        assert b"fanfare-dev-issuer" not in debian.path(program).read_bytes()
    for daemon in DAEMONS:
        assert "tokenUrl" not in debian.path(f"/etc/fanfare/{daemon}.json").read_text()


def test_the_maintainer_scripts_may_run_again(debian):
    debian.must("/var/lib/dpkg/info/fanfare.postinst", "configure", "")
    debian.must("/var/lib/dpkg/info/fanfare.prerm", "upgrade", "0.1.0-1")


def test_without_certificates_the_check_names_the_file(debian):
    for daemon in DAEMONS:
        done = debian.run("fanfare", "check", f"/etc/fanfare/{daemon}.json")
        assert done.returncode == 2 and "/etc/fanfare/certs/" in done.stderr
    assert start_as_the_unit_would(debian, "gateway").wait(30) == 1, "the unit tries again: they may come"


def readme_commands(debian):
    """The commands of the first step of README.Debian, as they stand there."""
    text = debian.path("/usr/share/doc/fanfare/README.Debian").read_text()
    step = text.split("1. ")[1].split("\n2. ")[0]
    return [line.strip().replace(" NAME-OF-THIS-GATEWAY", "") for line in re.findall(r"^     (\S.*)$", step, re.M)]


def test_the_steps_of_the_readme_make_it_ready(debian, ports):
    commands = readme_commands(debian)
    assert len(commands) >= 4
    for command in commands:
        debian.must("sh", "-c", command)
    assert debian.run("cat", "/etc/fanfare/certs/ca.key", user="fanfare:fanfare").returncode != 0
    for daemon in DAEMONS:
        debian.must("fanfare", "check", f"/etc/fanfare/{daemon}.json")
    edit(debian, "gateway", wsPort=ports["ws"], wsBind="127.0.0.1", servicePort=ports["rpc"], adminPort=ports["admin"])
    listed = [{"hostname": "127.0.0.1", "port": ports["rpc"]}]
    edit(debian, "logic", servicePort=ports["api"], gatewayList=listed)


def edit(debian, daemon, **changes):
    path = debian.path(f"/etc/fanfare/{daemon}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_started_as_its_user(debian, ports, running):
    for daemon in DAEMONS:
        running[daemon] = start_as_the_unit_would(debian, daemon)
    wait_until(lambda: push(debian, ports).returncode == 0, 60, "a push to be taken")
    user = debian.must("id", "-u", "fanfare").strip()
    for process in running.values():
        with open(f"/proc/{process.pid}/status") as status:
            assert re.search(r"^Uid:\t(\d+)", status.read(), re.M)[1] == user
    why = tool(
        debian, "why", "--room", "r", "--logic", f"http://127.0.0.1:{ports['api']}",
        "--gateway", f"ws://127.0.0.1:{ports['ws']}", "--gateway-admin", f"http://127.0.0.1:{ports['admin']}",
    )
    assert why.returncode == 0, why.stdout + why.stderr


def test_an_upgrade_keeps_the_configuration_and_what_runs(debian, packages, ports, running):
    edited = debian.path("/etc/fanfare/gateway.json").read_text()
    said = debian.must("dpkg", "-i", packages[1])
    assert "not started" not in said
    assert debian.must("dpkg-query", "-W", "-f", "${Version}", "fanfare").endswith("-2")
    assert debian.path("/etc/fanfare/gateway.json").read_text() == edited
    assert push(debian, ports).returncode == 0


def test_restarted_after_the_upgrade(debian, ports, running):
    for daemon in DAEMONS:
        running[daemon].send_signal(signal.SIGTERM)
        assert running[daemon].wait(patient(40)) == 0
        running[daemon] = start_as_the_unit_would(debian, daemon)
    wait_until(lambda: push(debian, ports).returncode == 0, 60, "a push to be taken")
    for daemon in DAEMONS:
        running[daemon].send_signal(signal.SIGTERM)
        assert running[daemon].wait(patient(40)) == 0


def test_a_removal_keeps_the_configuration(debian):
    debian.must("dpkg", "--remove", "fanfare")
    assert debian.path("/etc/fanfare/gateway.json").is_file()
    assert not debian.path("/usr/sbin/fanfare-gateway").exists()
    assert not debian.path("/lib/systemd/system/fanfare-gateway.service").exists()


def test_a_purge_leaves_nothing(debian, before):
    debian.path("/etc/default/fanfare-gateway").write_text("FANFARE_REDIS_URL=redis://:secret@127.0.0.1\n")
    debian.must("dpkg", "--purge", "fanfare")
    assert debian.files() - before == set()
    assert before - debian.files() == set()
    assert debian.run("getent", "passwd", "fanfare").returncode != 0
    assert debian.run("getent", "group", "fanfare").returncode != 0


def test_installed_again_after_the_purge(debian, packages, before):
    debian.must("dpkg", "-i", packages[1])
    debian.must("dpkg", "--purge", "fanfare")
    assert debian.files() - before == set()
