# SPDX-License-Identifier: Apache-2.0
"""node's ws package as a client: the library most server-side JavaScript uses."""

import json
import pathlib
import queue
import subprocess
import threading

import pytest

from harness.daemon import clean_environment
from harness.waiting import patient

SCRIPT = pathlib.Path(__file__).parent / "harness" / "node_client.js"


class NodeClient:
    """A node process whose events are read line by line."""

    def __init__(self, url, room, count):
        env = clean_environment({"NODE_PATH": "/usr/share/nodejs"})
        self.process = subprocess.Popen(["node", str(SCRIPT), url, room, str(count)], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=env)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def expect(self, event):
        """The next event, which must be this one."""
        line = self.lines.get(timeout=patient(20))
        got = json.loads(line)
        assert got["event"] == event, line
        return got

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def node(cluster, room):
    made = []

    def make(count, query=""):
        client = NodeClient(cluster.url(query=query), room, count)
        made.append(client)
        opened = client.expect("open")
        assert (opened["extensions"], opened["protocol"]) == ("", ""), "ws offers permessage-deflate; none is taken"
        assert client.expect("ack")["id"] == "join"
        return client

    yield make
    for client in made:
        client.end()


def test_node_joins_receives_pings_and_closes(cluster, room, node):
    client = node(200)
    for n in range(0, 200, 5):
        cluster.push(room, *range(n, n + 5))
    assert client.expect("pong")["data"] == "are you there"
    assert client.expect("items")["items"] == list(range(200))
    closed = client.expect("close")
    assert closed["code"] == 1000


def test_node_reads_large_and_odd_items(cluster, room, node):
    items = ["\u00e9\u4e2d\U0001f600\u2028", "x" * 60000, {"a": [None, True, 1.5]}, "\u0000"]
    client = node(len(items), query="?v=2")
    cluster.push(room, *items)
    client.expect("pong")
    assert client.expect("items")["items"] == items


def test_node_is_told_of_a_bad_room_and_stays(cluster):
    client = NodeClient(cluster.url(), "", 1)
    try:
        client.expect("open")
        assert client.expect("refused") == {"event": "refused", "id": "join", "code": "invalid_room"}
        cluster.push(None, "all")
        client.expect("pong")
        assert client.expect("items")["items"] == ["all"]
    finally:
        client.end()
