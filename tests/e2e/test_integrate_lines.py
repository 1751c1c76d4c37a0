# SPDX-License-Identifier: Apache-2.0
"""The single commands of docs/integrate.md, "Whom a push reaches", run as they stand there: what their answers have, and
what clients see of them."""

import json
import subprocess

import pytest

from harness.client import Client
from harness.cluster import Cluster
from harness.daemon import clean_environment
from harness.issuer import Issuer
from harness.programs import Program, lines, programs
from harness.waiting import patient, wait_until
from test_integrate import IN_NODE


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    """Two gateways that know users, and a logic."""
    from conftest import finish

    directory = tmp_path_factory.mktemp("lines")
    issuer = Issuer(directory)
    cluster = Cluster(directory, certs, gateways=2, gateway=issuer.options(**{"auth.rooms": ["*"]}))
    cluster.issuer = issuer
    yield cluster
    finish([cluster])


@pytest.fixture
def people(cluster):
    """alice and bob, each on a gateway of their own, in room chat."""
    def log_in(user, gateway):
        return cluster.client("chat", gateway=gateway, query=f"?v=2&token={cluster.issuer.token(user)}")

    cluster.log_in = log_in
    return log_in("alice", 0), log_in("bob", 1)


def run(cluster, name, **env):
    """Each command of the block, against this cluster; its answer must have what stands behind it."""
    for command, said in lines()[name]:
        here = command.replace("127.0.0.1:7799", "%s:%d" % cluster.api())
        done = subprocess.run(["bash", "-c", here], env=clean_environment(env), text=True, capture_output=True,
                              timeout=patient(20))
        assert done.returncode == 0 and said in done.stdout and '"error"' not in done.stdout, (command, said, done)
        yield json.loads(done.stdout)


def whole(cluster, name, **env):
    return list(run(cluster, name, **env))


def test_every_block_is_run():
    assert set(lines()) == {"exclude", "ticker", "presence", "join", "kick"}
    assert all(len(each) == 2 for block in lines().values() for each in block)


def test_exclude(cluster, people):
    alice, bob = people
    whole(cluster, "exclude", CONNECTION=bob.welcome["connection"])
    assert bob.push() == ["from alice"] and alice.push() == ["from a tab"]
    alice.expect_nothing(), bob.expect_nothing()


WELCOMED = """import { subscribe } from "./fanfare.js";
const say = (name) => (...said) => console.log(name, ...said);
const names = ["joined", "item", "refused", "left", "failed", "away", "stopped", "welcome"];
subscribe(URL, ["chat"], Object.fromEntries(names.map((name) => [name, say(name)])));
"""


def test_a_page_excludes_its_own_connection(cluster, people, tmp_path):
    files = {"package.json": '{"type": "module"}', "in_node.cjs": IN_NODE, "fanfare.js": programs()["fanfare.js"],
             "page.js": WELCOMED.replace("URL", json.dumps(cluster.url(query=f"?v=2&token={cluster.issuer.token('carol')}")))}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    page = Program(["node", "--require", "./in_node.cjs", "page.js"], tmp_path)
    try:
        connection = page.expect(r"welcome ([0-9a-f-]+)")[1]
        page.expect("joined chat")
        whole(cluster, "exclude", CONNECTION=connection)
        page.expect("item from alice chat .*")
        cluster.push("chat", "to all", wait=True)
        page.expect("item to all chat .*")
    finally:
        page.end()


def test_ticker(cluster, people):
    whole(cluster, "ticker")
    for each in people:
        assert each.items(2) == [{"ACME": 17.2}, "stop trading"]


def test_presence(cluster, people):
    room, rooms, bob, nobody = whole(cluster, "presence")
    assert [(each["user"], each["connections"]) for each in room["page"]] == [("alice", 1), ("bob", 1)]
    assert {"room": "chat", "connections": 2} in rooms["rooms"]
    assert [each["connection"] for each in bob["connections"]] == [people[1].welcome["connection"]]
    assert nobody["connections"] == [] and nobody["gateways"]["answered"] == 2


def test_join_and_leave(cluster, people):
    alice, bob = people
    whole(cluster, "join")
    frames = [json.loads(bob.receive()) for _ in range(3)]
    assert [(each["type"], each["data"]["room"]) for each in frames] == [("JOINED", "vip"), ("PUSH", "vip"), ("LEFT", "vip")]
    assert frames[1]["data"]["items"] == ["welcome"]
    alice.expect_nothing()


def test_kick_and_ban(cluster, people):
    alice, bob = people
    steps = run(cluster, "kick")
    next(steps)
    assert (bob.ended(), bob.reason) == (4003, "spam")
    cluster.log_in("bob", 0).expect_nothing()
    next(steps)
    assert alice.ended() == 4003
    for gateway in (0, 1):
        again = Client(cluster.url(gateway, f"?v=2&token={cluster.issuer.token('alice')}"))
        assert again.ended() == 4003 and json.loads(again.receive())["data"]["code"] == "banned"
    next(steps)
    wait_until(lambda: is_let_in(cluster, "alice"), what="alice to be let in again")


def is_let_in(cluster, user):
    """Whether a new connection of the user may join a room."""
    client = Client(cluster.url(query=f"?v=2&token={cluster.issuer.token(user)}"))
    cluster.clients.append(client)
    try:
        return client.request("JOIN", {"room": "chat"})["type"] == "ACK"
    except AssertionError:
        return False
