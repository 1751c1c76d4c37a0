# SPDX-License-Identifier: Apache-2.0
"""Fixtures: certificates once a session, one shared cluster a file, private clusters on demand."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pytest

from harness.certs import Certs
from harness.cluster import Cluster
from harness.redis_server import RedisServer


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


def finish(clusters):
    faults = [fault for each in clusters for fault in each.finish()]
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


@pytest.fixture
def make_cluster(certs, tmp_path, request):
    """Builds clusters for one test; at its end every daemon must leave cleanly."""
    made = []

    def make(**options):
        cluster = Cluster(tmp_path / f"cluster{len(made)}", certs, **options)
        made.append(cluster)
        return cluster

    request.node.clusters = made
    yield make
    finish(made)


@pytest.fixture
def make_redis(tmp_path):
    """Starts Redis servers for one test. Ask for it before make_cluster, so that it ends later."""
    made = []

    def make(**options):
        made.append(RedisServer(tmp_path, f"redis{len(made)}", **options))
        return made[-1]

    yield make
    for each in made:
        each.finish()


@pytest.fixture
def redis(make_redis):
    """A Redis of the test's own."""
    return make_redis()


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    """One gateway and one logic for all tests of a file that need no options of their own."""
    cluster = Cluster(tmp_path_factory.mktemp("shared"), certs)
    yield cluster
    finish([cluster])


@pytest.fixture
def cluster(shared_cluster, request):
    """The shared cluster; this test's clients are closed at its end."""
    request.node.clusters = [shared_cluster]
    yield shared_cluster
    shared_cluster.close_clients()
    for daemon in shared_cluster.daemons():
        assert daemon.alive(), f"{daemon.name} died:\n{daemon.tail()}"


@pytest.fixture
def room(request):
    """A room name of the test's own, so that tests on one cluster do not hear each other."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name)[:100]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for cluster in getattr(item, "clusters", []):
            for daemon in cluster.daemons():
                report.sections.append((f"stderr of {daemon.name}", daemon.tail()))
