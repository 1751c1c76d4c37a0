# SPDX-License-Identifier: Apache-2.0
"""A stderr that nobody reads stops no daemon: lines are dropped and counted, and told of when there is room."""

import json
import signal
import subprocess

import pytest

from harness.build import binary
from harness.daemon import clean_environment
from harness.http import Caller
from harness.log_lines import parse_logfmt
from harness.metrics import Metrics
from harness.outlet import KINDS, Outlet
from harness.waiting import patient, wait_until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # sampled: each push has its lines
NAMES = ["gateway0", "logic0"]


@pytest.fixture
def make_outlets(tmp_path):
    """An outlet for each daemon of a cluster, by its name. Ask for it before make_cluster."""
    made = []

    def make(kind):
        outlets = {name: Outlet(kind, tmp_path / f"{name}.{kind}") for name in NAMES}
        made.extend(outlets.values())
        return outlets

    yield make
    for each in made:
        each.close()


def status(daemon, path):
    with Caller(*daemon.address("api" if daemon.program == "fanfare-logic" else "admin")) as caller:
        return caller.get(path).status


def dropped(daemon):
    which = daemon.program.removeprefix("fanfare-")
    with Caller(*daemon.address("api" if which == "logic" else "admin")) as caller:
        return Metrics(caller.get("/metrics").body.decode()).get(f"fanfare_{which}_log_lines_dropped_total")


def look(cluster, command, *args):
    """What the tool prints about the cluster."""
    where = [("--logic", "http", cluster.api()), ("--gateway-admin", "http", cluster.gateways[0].address("admin"))]
    if command == "why":
        where.append(("--gateway", "ws", cluster.ws()))
    told = [word for name, scheme, address in where for word in (name, "%s://%s:%d" % (scheme, *address))]
    return subprocess.run([binary("fanfare"), command, *args, *told], capture_output=True, text=True,
                          env=clean_environment(), timeout=patient(60)).stdout


def make_lines(cluster):
    """Several lines of each daemon: it logs a traced push, and a reload that fails."""
    cluster.push("nobody", 1, traceparent=TRACE, wait=True)
    for daemon in cluster.daemons():
        daemon.signal(signal.SIGHUP)


@pytest.mark.parametrize("kind", KINDS)
def test_a_daemon_whose_stderr_is_not_read_serves_and_ends(make_outlets, make_cluster, room, kind):
    outlets = make_outlets(kind)
    cluster = make_cluster(outlets=outlets)
    client = cluster.client(room)
    for outlet in outlets.values():
        outlet.stall()
    for n in range(20):
        cluster.push(room, n, traceparent=TRACE, wait=True)
        make_lines(cluster)
    assert client.items(20) == list(range(20))
    assert cluster.client(room).open
    for daemon in cluster.daemons():
        assert status(daemon, "/healthz") == 200
        assert daemon.terminate() < daemon.config["drainSeconds"] + 10


def test_the_last_lines_come_out_while_stderr_is_read(make_outlets, make_cluster):
    cluster = make_cluster(outlets=make_outlets("pipe"))
    for daemon, last in zip(cluster.daemons(), ("stopped", "draining")):
        daemon.terminate()
        wait_until(lambda: daemon.events(last), 10, f"the line {last}")


def test_what_was_dropped_is_counted_and_told_of(make_outlets, make_cluster):
    """Each daemon waits for no line, and says how many are missing where they are."""
    outlets = make_outlets("pipe")
    cluster = make_cluster(outlets=outlets)
    for daemon in cluster.daemons():
        daemon.reloads()  # it has read its file as it was
        daemon.config_path.write_text(json.dumps({"wsPort": "x" * 60, "servicePort": "y"}))
    for outlet in outlets.values():
        outlet.stall()
    wait_until(lambda: make_lines(cluster) or all(map(dropped, cluster.daemons())), 60, "lines to be dropped")
    assert "log lines were lost" in look(cluster, "why", "--room", "r")
    assert "LOG LOST/S" in look(cluster, "top", "--once")
    for outlet in outlets.values():
        outlet.flow()
    for daemon in cluster.daemons():
        told = lambda: sum(int(line["lines"]) for line in daemon.events("log lines dropped"))
        wait_until(lambda: told() and told() == dropped(daemon), 10, "the missing lines to be told of")
        for line in daemon.log().splitlines():
            parse_logfmt(line)
