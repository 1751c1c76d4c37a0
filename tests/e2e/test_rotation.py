# SPDX-License-Identifier: Apache-2.0
"""Keys, secrets and callers' tokens are exchanged while clients listen and a caller pushes: no client is lost, no item,
no call; what is new is good within seconds, what is old is refused once it is out."""

import json
import threading
import time

import pytest

from harness.http import Caller
from harness.issuer import Issuer
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until
from test_keys import REFUSED, UNAVAILABLE, issuer_of, server, show  # noqa: F401 (fixtures among them)

SECONDS = 3  # within which a file that has changed is taken over
FIRST, SECOND = "first-caller", "second-caller"


class Load:
    """A caller pushes numbers to `r`; at the end every client has all of them in order, and no call was refused."""

    def __init__(self, cluster, clients):
        self.cluster, self.clients, self.caller_token = cluster, clients, FIRST
        self.statuses, self.stop = [], threading.Event()
        self.thread = threading.Thread(target=self.push)

    def push(self):
        with Caller(*self.cluster.api()) as caller:
            while not self.stop.wait(0.005):
                answer = caller.post("/push/room", {"room": "r", "items": [len(self.statuses)]},
                                     headers=bearer(self.caller_token))
                self.statuses.append(answer.status)

    def goes_on(self):
        before = len(self.statuses)
        wait_until(lambda: len(self.statuses) > before + 20, what="twenty more calls")

    def __enter__(self):
        self.thread.start()
        self.goes_on()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.goes_on()
        self.stop.set()
        self.thread.join()
        if kind is None:
            assert set(self.statuses) == {200}
            for client in self.clients:
                assert client.items(len(self.statuses)) == list(range(len(self.statuses)))


def taken_over(what):
    begin = time.monotonic()
    wait_until(what, SECONDS, "what is new to be good")
    assert time.monotonic() - begin < patient(SECONDS)


@pytest.fixture
def start(make_cluster, tmp_path):
    """A cluster whose clients show tokens of those issuers, two of each in `r`, and one that will renew."""

    def make(*issuers, elements=None):
        tokens = Tokens(tmp_path, f"{FIRST} name=shop")
        gateway = {"auth.mode": "verify", "auth.issuers": elements or [each.element for each in issuers],
                   "auth.rooms": ["r"]}
        cluster = make_cluster(gateway=gateway, logic=tokens.option, headers=bearer(FIRST))
        for each in issuers:
            wait_until(lambda: show(cluster, each.token("u")) == "PONG", what="the keys")
        cluster.renewing = [cluster.client(query=f"?token={each.token('renews')}") for each in issuers]
        listening = [cluster.client("r", query=f"?token={each.token(name)}") for each in issuers for name in "uv"]
        cluster.tokens = tokens
        return cluster, listening

    return make


def renew(client, token):
    return client.request("AUTH", {"token": token})["type"] == "ACK"


def rotate_beside(issuer, kid):
    """A new key beside the old one; gives what has the new one alone."""
    old = json.loads(issuer.path.read_text())["keys"]
    issuer.rotate(kid)
    alone = issuer.path.read_text()
    issuer.path.write_text(json.dumps({"keys": old + json.loads(alone)["keys"]}))
    return alone


def test_a_set_is_rotated(start, tmp_path):
    issuer = Issuer(tmp_path, alg="ES256")
    cluster, listening = start(issuer)
    old = issuer.token("w")
    with Load(cluster, listening) as load:
        alone = rotate_beside(issuer, "k2")
        fresh = issuer.token("w")
        taken_over(lambda: show(cluster, fresh) == "PONG")
        assert show(cluster, old) == "PONG", "the old key still stands beside it"
        assert renew(cluster.renewing[0], issuer.token("renews"))
        load.goes_on()
        issuer.path.write_text(alone)
        taken_over(lambda: show(cluster, old) == REFUSED)
        assert show(cluster, fresh) == "PONG"


def test_a_secret_is_rotated(start, tmp_path):
    issuer = Issuer(tmp_path)
    cluster, listening = start(issuer)
    old = issuer.token("w")
    with Load(cluster, listening) as load:
        issuer.key = "0123456789abcdef" * 4
        issuer.path.write_text(issuer.key)
        fresh = issuer.token("w")
        taken_over(lambda: show(cluster, fresh) == "PONG")
        assert show(cluster, old) == REFUSED
        assert renew(cluster.renewing[0], issuer.token("renews"))
        load.goes_on()


def test_keys_of_a_url_are_rotated(start, server, issuer_of):  # noqa: F811
    """Who publishes a key before he signs with it loses nobody, though it may be asked for every 30 s only."""
    issuer = issuer_of("turning")
    cluster, listening = start(issuer, elements=[issuer.fetched])
    old = issuer.token("w")
    with Load(cluster, listening):
        alone = rotate_beside(issuer, "k2")
        server.put("/turning", issuer.path.read_bytes())
        fresh, said = issuer.token("w"), set()

        def is_in():
            said.add(show(cluster, fresh))
            assert show(cluster, old) == "PONG", "an unknown key takes nothing from those that are known"
            return "PONG" in said

        wait_until(is_in, 60, "the new key")
        assert said <= {"PONG", UNAVAILABLE, REFUSED}, said
        assert server.times("/turning") == 2
        assert renew(cluster.renewing[0], issuer.token("renews"))
        server.put("/turning", alone)
        assert show(cluster, old) == "PONG", "until it is fetched again nothing changes"


def test_callers_and_secrets_and_sets_at_once(start, tmp_path):
    secret = Issuer(tmp_path, "https://secret.test", userPrefix="s:")
    keys = Issuer(tmp_path, "https://keys.test", alg="ES256", userPrefix="k:")
    cluster, listening = start(secret, keys)
    old = [each.token("w") for each in (secret, keys)]
    with Load(cluster, listening) as load, Caller(*cluster.api()) as probe:
        cluster.tokens.write(f"{FIRST} name=shop", f"{SECOND} name=shop")
        alone = rotate_beside(keys, "k2")
        secret.key = "fedcba9876543210" * 4
        secret.path.write_text(secret.key)
        fresh = [each.token("w") for each in (secret, keys)]
        taken_over(lambda: probe.get("/gateways", headers=bearer(SECOND)).status == 200
                   and [show(cluster, token) for token in fresh] == ["PONG", "PONG"])
        load.caller_token = SECOND
        load.goes_on()
        cluster.tokens.write(f"{SECOND} name=shop")
        keys.path.write_text(alone)
        taken_over(lambda: probe.get("/gateways", headers=bearer(FIRST)).status == 401
                   and [show(cluster, token) for token in old] == [REFUSED, REFUSED])
        assert all(renew(client, token_of.token("renews")) for client, token_of in
                   zip(cluster.renewing, (secret, keys)))
