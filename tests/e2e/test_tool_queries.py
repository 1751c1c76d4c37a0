# SPDX-License-Identifier: Apache-2.0
"""`fanfare room`, `fanfare user`, `fanfare cluster`: what a person sees of queries."""

import json

import pytest

from harness.cluster import Cluster
from harness.issuer import Issuer
from harness.tokens import Tokens
from harness.waiting import patient, wait_until
from test_tool import REFUSED, TAKEN, UNREACHABLE, USAGE, api, fanfare


@pytest.fixture
def pair(certs, tmp_path):
    """Two gateways; ada is on both of them, bob on one, in the room a/b."""
    from conftest import finish

    issuer = Issuer(tmp_path)
    cluster = Cluster(tmp_path, certs, gateways=2, logic={"queryTimeout": 500, "gatewayTimeout": 60000},
                      gateway=issuer.options(**{"auth.required": False}))
    for gateway, user, info in ((0, "ada", {"name": "A\u0085\u001b[31m"}), (1, "ada", None), (1, "bob", None)):
        token = issuer.token(user, rooms=["*"], info=info)
        cluster.client(gateway=gateway, query=f"?v=2&join=a%2Fb&token={token}")
    with cluster.caller() as caller:
        wait_until(lambda: caller.get("/rooms/a%2Fb").json["connections"] == 3, 10, "the clients")
    yield cluster
    finish([cluster])


def ask(cluster, *args, code=TAKEN, **options):
    done = fanfare(*args, "--api", api(cluster), **options)
    assert done.returncode == code, done
    return done


def test_a_room_and_its_users(pair):
    assert ask(pair, "room", "a/b").stdout == "a/b: 3 connections, 2 users, answered by 2 of 2 gateways\n"
    assert ask(pair, "room", "nobody").stdout == "nobody: 0 connections, 0 users, answered by 2 of 2 gateways\n"
    lines = ask(pair, "room", "a/b", "--users").stdout.split("\n")
    assert lines[0].startswith("a/b: 3 connections") and lines[2:] == ["bob\t1\tnull", ""]
    name, connections, info = lines[1].split("\t")
    assert (name, connections, json.loads(info)) == ("ada", "2", {"name": "A\u0085\u001b[31m"})
    assert "\u001b" not in info and "\u0085" not in info, "no terminal obeys it"
    answer = json.loads(ask(pair, "room", "a/b", "--users", "--json").stdout)
    assert [each["user"] for each in answer["page"]] == ["ada", "bob"]


def test_a_user(pair):
    lines = ask(pair, "user", "ada", env={"COLUMNS": "200"}).stdout.splitlines()
    assert lines[0] == "ada: 2 connections, answered by 2 of 2 gateways" and lines[1] == ""
    assert lines[2].split() == ["CONNECTION", "GATEWAY", "SINCE", "ADDRESS", "V", "ROOMS"]
    assert [line.split()[-3:] for line in lines[3:]] == [["127.0.0.1", "2", "a/b"]] * 2
    assert ask(pair, "user", "nobody").stdout == "nobody: 0 connections, answered by 2 of 2 gateways\n"
    assert json.loads(ask(pair, "user", "bob", "--json").stdout)["count"] == 1


def test_the_cluster_and_who_is_late(pair):
    late = "%s:%d" % pair.gateways[1].address("rpc")
    lines = ask(pair, "cluster", env={"COLUMNS": "200"}).stdout.splitlines()
    assert lines[0].startswith("logic ") and lines[0].endswith("2 links up; 3 clients, answered by 2 of 2 gateways")
    assert [line.split()[1] for line in lines if line.startswith("127.0.0.1")] == ["up", "up"]
    assert ["a/b", "3"] in [line.split() for line in lines]
    pair.gateways[1].stop_the_clock()
    lines = ask(pair, "cluster").stdout.splitlines()
    assert lines[0].endswith("answered by 1 of 2 gateways") and lines[1] == f"  late: {late}"
    assert ask(pair, "room", "a/b").stdout.endswith(f"answered by 1 of 2 gateways\n  late: {late}\n")
    answer = json.loads(ask(pair, "cluster", "--json").stdout)
    assert answer["answers"]["late"] == [late]


def test_many_users_are_all_listed(make_cluster, tmp_path):
    """More than one page, also as JSON."""
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options())
    users = [f"u{number:04d}" for number in range(1005)]
    raws = [cluster.raw(path=f"/connect?join=r&token={issuer.token(user, rooms=['*'])}") for user in users]
    assert len(raws) == len(users)
    with cluster.caller() as caller:
        wait_until(lambda: caller.get("/rooms/r").json["users"] == len(users), 20, "all users")
    lines = ask(cluster, "room", "r", "--users").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == users
    pages = [json.loads(line) for line in ask(cluster, "room", "r", "--users", "--json").stdout.splitlines()]
    assert [len(page["page"]) for page in pages] == [1000, 5]


def test_a_token_without_the_right(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "mute-0a1b2c3d name=mute rights=push")
    cluster = make_cluster(gateways=0, logic={**tokens.option, "gatewayList": []})
    done = ask(cluster, "cluster", code=REFUSED)
    assert "401 unauthorized" in done.stderr and "--tokens" in done.stderr and done.stdout == ""
    done = ask(cluster, "room", "r", "--tokens", tokens.path, code=REFUSED)
    assert "403 forbidden" in done.stderr and "query" in done.stderr


@pytest.mark.parametrize("args, says", [
    (("room",), "a ROOM is needed"), (("user",), "a USER is needed"), (("room", "a", "b"), "not expected"),
    (("cluster", "x"), "not expected"), (("user", "u", "--users"), "unknown option"),
])
def test_wrong_usage(args, says):
    done = fanfare(*args)
    assert done.returncode == USAGE and says in done.stderr


def test_what_is_no_name_is_refused_by_logic(cluster):
    assert "invalid_room" in ask(cluster, "room", "a\u0001", code=REFUSED).stderr
    assert "invalid_user" in ask(cluster, "user", "x" * 200, code=REFUSED).stderr
    assert "too long" in ask(cluster, "user", "\u00e4" * 9000, code=USAGE).stderr


def test_nobody_is_there():
    done = fanfare("cluster", "--api", "http://127.0.0.1:1", "--timeout", str(int(patient(1))))
    assert done.returncode == UNREACHABLE and done.stderr.startswith("fanfare: http://127.0.0.1:1: ")
