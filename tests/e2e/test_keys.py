# SPDX-License-Identifier: Apache-2.0
"""The keys of issuers while a gateway runs: files that change, servers that lie, are slow, go and come back. No
client is lost by any of it."""

import json

import pytest

from harness.certs import Certs
from harness.issuer import Issuer
from harness.key_server import KeyServer
from harness.raw_ws import CLOSE
from harness.waiting import patient, wait_until


def show(cluster, token):
    """What a client that shows the token is told: "PONG" when it is in, else the error's code and the close code."""
    with cluster.raw(path=f"/connect?token={token}") as client:
        client.text({"type": "PING"})
        first = json.loads(client.receive().payload)
        if first["type"] == "PONG":
            return "PONG"
        last = client.receive()
        assert last.opcode == CLOSE, last
        return first["data"]["code"], int.from_bytes(last.payload[:2], "big")


UNAVAILABLE = ("auth_unavailable", 4101)
REFUSED = ("unauthorized", 4002)


def key_metrics(cluster):
    metrics = cluster.gateway_metrics()
    results = ("ok", "no_answer", "bad_status", "bad_keys")
    return {result: metrics.get("fanfare_gateway_key_fetches_total", result=result) for result in results}


@pytest.fixture
def server(certs, tmp_path):
    mine = certs.copy(tmp_path / "key-server")
    mine.make_pair("keys")
    with KeyServer(mine.directory / "keys") as server:
        yield server


@pytest.fixture
def issuer_of(tmp_path, certs, server):
    """An issuer of its own name, whose keys stand at /NAME of the server."""

    def make(name, **more):
        issuer = Issuer(tmp_path, f"https://{name}.test", alg="ES256", userPrefix=f"{name}:")
        server.put(f"/{name}", issuer.path.read_bytes())
        issuer.fetched = {"iss": issuer.name, "jwksUrl": server.url(f"/{name}"), "userPrefix": f"{name}:",
                          "jwksCa": str(certs.directory / "ca.pem"), **more}
        return issuer

    return make


def verify(*elements, **more):
    return {"auth.mode": "verify", "auth.issuers": list(elements), "auth.rooms": ["*"], **more}


def test_a_secret_and_a_set_are_replaced_and_no_client_is_lost(make_cluster, tmp_path):
    secret = Issuer(tmp_path, "https://secret.test", userPrefix="s:")
    keys = Issuer(tmp_path, "https://keys.test", alg="ES256", userPrefix="k:")
    cluster = make_cluster(gateway=verify(secret.element, keys.element))
    clients = [cluster.raw(path=f"/connect?token={each.token('u')}").join("r") for each in (secret, keys)]
    old = [secret.token("v"), keys.token("v")]
    assert [show(cluster, token) for token in old] == ["PONG", "PONG"]
    secret.key = "f" * 64
    secret.path.write_text(secret.key)
    keys.rotate("k2")
    fresh = [secret.token("v"), keys.token("v")]
    wait_until(lambda: [show(cluster, token) for token in fresh] == ["PONG", "PONG"], what="the new keys")
    assert [show(cluster, token) for token in old] == [REFUSED, REFUSED]
    cluster.push("r", "still here")
    for client in clients:
        assert b"still here" in client.receive().payload


def test_a_bad_file_is_told_and_changes_nothing(make_cluster, tmp_path):
    secret = Issuer(tmp_path, "https://secret.test", userPrefix="s:")
    keys = Issuer(tmp_path, "https://keys.test", alg="ES256", userPrefix="k:")
    cluster = make_cluster(gateway=verify(secret.element, keys.element))
    gateway = cluster.gateways[0]
    tokens = [secret.token("v"), keys.token("v")]
    secret.path.write_text("s3cret-and-short")
    keys.path.write_text('{"keys":[]}')
    told = wait_until(lambda: len(found := gateway.events("a key file is bad, the keys before it stay")) == 2 and found)
    assert {each["iss"] for each in told} == {secret.name, keys.name}
    assert all(str(each.path) in gateway.log() for each in (secret, keys))
    assert [show(cluster, token) for token in tokens] == ["PONG", "PONG"]
    assert "s3cret" not in gateway.log() and secret.key not in gateway.log()
    keys.path.unlink()
    assert not gateway.hang_up(), "settings with a file that is not there are refused"
    assert show(cluster, tokens[1]) == "PONG"


def test_keys_come_from_a_server_and_the_gateway_is_ready_without(make_cluster, server, issuer_of):
    issuer = issuer_of("late")
    server.stop()
    cluster = make_cluster(gateway=verify(issuer.fetched))
    gateway = cluster.gateways[0]
    assert show(cluster, issuer.token("u")) == UNAVAILABLE
    assert cluster.gateway_metrics().get("fanfare_gateway_issuers_without_keys") == 1
    wait_until(lambda: key_metrics(cluster)["no_answer"] >= 2, what="two fetches that failed")
    assert len(gateway.events("keys of an issuer are not fetched")) == 1, "the first of several is told"
    server.start()
    wait_until(lambda: show(cluster, issuer.token("u")) == "PONG", what="the keys", timeout=20)
    assert cluster.gateway_metrics().get("fanfare_gateway_issuers_without_keys") == 0
    assert key_metrics(cluster)["ok"] == 1
    assert len(gateway.events("keys of an issuer are fetched")) == 1


def test_no_lie_of_a_server_is_taken_for_keys(make_cluster, server, issuer_of, certs, tmp_path):
    names = ["good", "html", "empty", "twins", "huge", "moved", "gone", "slow", "stranger", "nobody"]
    issuers = {name: issuer_of(name) for name in names}
    sets = {name: issuers[name].path.read_text() for name in names}
    key = json.loads(sets["twins"])["keys"][0]
    server.put("/html", "<!doctype html><title>Log in</title>")
    server.put("/empty", '{"keys":[]}')
    server.put("/twins", json.dumps({"keys": [key, key]}))
    server.put("/huge", json.dumps({**json.loads(sets["huge"]), "pad": "x" * (1 << 20)}))
    server.put("/moved", "", status=302, headers={"Location": server.url("/moved-here")})
    server.put("/moved-here", sets["moved"])
    server.put("/gone", sets["gone"], status=404)
    server.put("/slow", sets["slow"], delay=patient(60))
    other = Certs(tmp_path / "other")
    other.make_pair("keys")
    with KeyServer(other.directory / "keys") as stranger:
        stranger.put("/stranger", sets["stranger"])
        issuers["stranger"].fetched["jwksUrl"] = stranger.url("/stranger")
        issuers["nobody"].fetched["jwksUrl"] = "https://127.0.0.1:1/nobody"
        cluster = make_cluster(gateway=verify(*(issuers[name].fetched for name in names)))
        gateway = cluster.gateways[0]

        def told():
            return {each["iss"] for each in gateway.events("keys of an issuer are not fetched")}

        bad = {issuers[name].name for name in names if name != "good"}
        wait_until(lambda: told() == bad, timeout=20, what="each lie to be noticed")
        assert show(cluster, issuers["good"].token("u")) == "PONG"
        for name in names[1:]:
            assert show(cluster, issuers[name].token("u")) == UNAVAILABLE, name
        counts = key_metrics(cluster)
        assert counts["ok"] == 1 and all(counts[each] > 0 for each in ("no_answer", "bad_status", "bad_keys")), counts
        assert server.times("/moved-here") == 0, "a redirect is not followed"
        assert stranger.times("/stranger") == 0, "nothing is asked of a server that nobody vouches for"
    for name in ("html", "empty", "twins", "huge", "moved", "gone", "slow"):
        server.put(f"/{name}", sets[name])
    server.stopped.set()
    for name in ("html", "empty", "twins", "huge", "moved", "gone", "slow"):
        wait_until(lambda: show(cluster, issuers[name].token("u")) == "PONG", timeout=30, what=name)


def test_a_server_that_goes_leaves_its_keys(make_cluster, server, issuer_of):
    issuer = issuer_of("gone")
    cluster = make_cluster(gateway=verify(issuer.fetched))
    gateway = cluster.gateways[0]
    wait_until(lambda: show(cluster, issuer.token("u")) == "PONG", what="the keys")
    server.stop()
    assert gateway.reload(**{"auth.rooms": ["lobby"]})
    assert show(cluster, issuer.token("u")) == "PONG"
    assert server.times("/gone") == 1, "a reload that does not name other keys fetches none"
    server.start()


def test_a_rotated_key_is_fetched_when_a_token_names_it(make_cluster, server, issuer_of):
    issuer = issuer_of("rotated")
    cluster = make_cluster(gateway=verify(issuer.fetched))
    wait_until(lambda: show(cluster, issuer.token("u")) == "PONG", what="the keys")
    first = issuer.token("u")
    client = cluster.client("r", query=f"?token={first}")
    issuer.rotate("k2")
    server.put("/rotated", issuer.path.read_bytes())
    seen = set()

    def came():
        seen.add(show(cluster, issuer.token("u")))
        return "PONG" in seen

    wait_until(came, timeout=60, what="the new key")
    assert seen <= {"PONG", UNAVAILABLE, REFUSED} and UNAVAILABLE in seen, seen
    assert server.times("/rotated") == 2, "however many tokens name it, it is fetched once"
    cluster.push("r", "still here")
    assert client.push() == ["still here"]
    assert show(cluster, first) == REFUSED
