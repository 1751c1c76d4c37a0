# SPDX-License-Identifier: Apache-2.0
"""Bans are state: whoever is banned is kept out of every gateway, however it shows who it is and whatever starts anew
meanwhile, and comes in when the ban is over."""

import json
import re
import time

import pytest
import websockets

from harness.cluster import Cluster
from harness.hook_server import HookServer
from harness.issuer import Issuer
from harness.rpc import RpcCaller
from harness.waiting import wait_until

ORIGIN = "https://app.test"
BANNED = ("banned", 4003, "kicked")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def user(request):
    return "u-" + re.sub(r"\W", "-", request.node.name)[:60]


@pytest.fixture
def spread(make_cluster, issuer):
    """Two logics and three gateways."""
    def make(**more):
        return make_cluster(gateways=3, logics=2, gateway=issuer.options(**more))
    return make


def bearer(token):
    return {"extra_headers": {"Authorization": f"Bearer {token}"}}


def is_let_in(client):
    """False: it is told that its user is banned. Anything else is a failure."""
    try:
        client.send({"type": "PING", "id": 1})
    except websockets.ConnectionClosed:
        pass
    answer = json.loads(client.receive())
    if answer["type"] == "ACK":
        return True
    assert (answer["data"]["code"], client.ended(), client.reason) == BANNED
    return False


def comes_in(cluster, issuer, user, gateway=0):
    return is_let_in(cluster.client(gateway=gateway, **bearer(issuer.token(user))))


def a_ban(user, seconds=600, at=None, keep=None):
    at = time.time() if at is None else at
    until = int(at) + seconds if seconds else 0
    return {"user": user, "until": until, "at": int(at * 1000), "keep": max(until, keep or int(at) + 600)}


def tell(cluster, certs, *bans, gateway=0, last=True):
    """As a logic that knows of bans."""
    part = {"from": 10000, "last": last, "bans": list(bans)}
    with RpcCaller(cluster.gateways[gateway].address("rpc"), certs.client_context()) as caller:
        answer = caller.request("POST", "/rpc/bans", json.dumps(part).encode(), "application/json")
    assert answer.status == 200, answer
    return answer.json


def counts(cluster):
    """How many users each gateway and logic keeps out."""
    gateways = [cluster.gateway_metrics(each).get("fanfare_gateway_bans") for each in range(len(cluster.gateways))]
    logics = [cluster.logic_metrics(each).get("fanfare_logic_bans") for each in range(len(cluster.logics))]
    return gateways + logics


def await_count(cluster, count):
    wait_until(lambda: set(counts(cluster)) == {count}, 20, f"everybody to know of {count} bans")


# ---- What one knows all learn

def test_what_one_gateway_is_told_is_known_everywhere(spread, issuer, certs, user):
    cluster = spread()
    tell(cluster, certs, a_ban(user), gateway=1)
    await_count(cluster, 1)
    for gateway in range(3):
        assert not comes_in(cluster, issuer, user, gateway)
        assert comes_in(cluster, issuer, "another", gateway)
    assert cluster.gateway_metrics(2).get("fanfare_gateway_auth_refused_total", reason="banned") == 1
    tell(cluster, certs, a_ban(user, 0), gateway=2)
    await_count(cluster, 0)
    assert all(comes_in(cluster, issuer, user, gateway) for gateway in range(3))
