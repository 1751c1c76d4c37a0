# SPDX-License-Identifier: Apache-2.0
"""Logic's files change, the tokens of its API and the certificate of its links: under load, and when they are bad."""

import os
import socket
import ssl

import pytest

from harness.certs import Certs
from harness.http import Caller
from harness.numbered import Flow, expect_exactly
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until


def hangs_up(logic, tokens):
    def change(*lines):
        tokens.write(*lines)
        assert logic.hang_up()

    return change


@pytest.mark.parametrize("way", ["by itself", "SIGHUP"])
def test_a_token_is_rotated_under_load(make_cluster, tmp_path, way):
    """Old and new, then the callers change over, then the new one alone."""
    tokens = Tokens(tmp_path, "old-token")
    cluster = make_cluster(gateways=2, logic=tokens.option, headers=bearer("old-token"))
    change = tokens.write if way == "by itself" else hangs_up(cluster.logics[0], tokens)
    clients = [cluster.client("r", gateway=gateway) for gateway in (0, 1) for _ in range(3)]

    def opens(token):
        with Caller(*cluster.api()) as caller:
            return caller.get("/gateways", headers=bearer(token)).status == 200

    with Flow(cluster) as one, Flow(cluster) as two:
        one.more()
        change("old-token", "new-token")
        wait_until(lambda: opens("new-token"), 20, "the new token to be taken")
        two.more()
        cluster.headers.update(bearer("new-token"))
        one.more(), two.more()
        change("new-token")
        wait_until(lambda: not opens("old-token"), 20, "the old token to be forgotten")
        one.more(), two.more()
    assert not one.refusals and not two.refusals
    expect_exactly(clients, one, two)
    assert all(client.open for client in clients)
    assert cluster.logic_metrics().get("fanfare_logic_link_reconnects_total") == 0


def test_a_broken_file_of_tokens_leaves_the_old_ones(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "old-token")
    cluster = make_cluster(gateways=0, logic=tokens.option)
    logic = cluster.logics[0]

    def opened():
        with Caller(*cluster.api()) as caller:
            return [each for each in ("old-token", "new-token")
                    if caller.get("/gateways", headers=bearer(each)).status == 200]

    assert opened() == ["old-token"]
    tokens.write_text("new-token\nsecret word\n")
    told = wait_until(lambda: logic.events("tokens not taken over, the old ones stay"), 20)
    assert told[0]["level"] == "warn" and f"{tokens.path}:2: " in told[0]["reason"]
    assert opened() == ["old-token"]
    assert not logic.hang_up() and opened() == ["old-token"]
    tokens.path.unlink()
    assert not logic.hang_up() and opened() == ["old-token"]
    tokens.write("new-token")
    wait_until(lambda: opened() == ["new-token"], 20, "the repaired file to be taken over")
    tokens.write_text("")
    wait_until(lambda: len(logic.events("tokens not taken over, the old ones stay")) == 2, 20)
    assert opened() == ["new-token"], "an empty file must not open the door"
    assert logic.events("tokens not taken over, the old ones stay")[1:] and "secret word" not in logic.log()


def test_the_option_itself_comes_and_goes(make_cluster, tmp_path):
    cluster = make_cluster(gateways=0)
    logic, tokens = cluster.logics[0], Tokens(tmp_path, "a-token")

    def status():
        with Caller(*cluster.api()) as caller:
            return caller.get("/gateways").status

    assert status() == 200
    assert logic.reload(**tokens.option) and status() == 401
    other = Tokens(tmp_path, "other-token", name="other")
    assert logic.reload(**other.option) and status() == 401
    with Caller(*cluster.api()) as caller:
        assert caller.get("/gateways", headers=bearer("a-token")).status == 401
        assert caller.get("/gateways", headers=bearer("other-token")).status == 200
        other.write("third-token")  # the new path is the one that is watched
        wait_until(lambda: caller.get("/gateways", headers=bearer("third-token")).status == 200, 20)
    assert logic.reload(**{"api.tokensFile": None}) and status() == 200
    assert logic.events("the API asks for no token any more")


def test_a_volume_of_kubernetes_is_followed(make_cluster, tmp_path):
    """tokens -> ..data/tokens, ..data -> ..first: a change swaps ..data."""
    for name, token in [("..first", "old-token"), ("..second", "new-token")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokens").write_text(token)
    (tmp_path / "..data").symlink_to("..first")
    (tmp_path / "tokens").symlink_to("..data/tokens")
    cluster = make_cluster(gateways=0, logic={"api.tokensFile": str(tmp_path / "tokens")})
    with Caller(*cluster.api()) as caller:
        assert caller.get("/gateways", headers=bearer("old-token")).status == 200
        (tmp_path / "..fresh").symlink_to("..second")
        os.replace(tmp_path / "..fresh", tmp_path / "..data")
        wait_until(lambda: caller.get("/gateways", headers=bearer("new-token")).status == 200, 20)
        assert caller.get("/gateways", headers=bearer("old-token")).status == 401


def shown_serial(port, certs):
    """Stands where a gateway was and takes the next link's handshake: the serial of what logic shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.path("gateway.pem"), certs.path("gateway.key"))
    context.load_verify_locations(certs.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(patient(20))
        sock, _ = listener.accept()
        sock.settimeout(patient(20))
        with context.wrap_socket(sock, server_side=True) as session:
            return int(session.getpeercert()["serialNumber"], 16)


def reloaded(cluster):
    return cluster.logic_metrics().get("fanfare_logic_certificates_reloaded_total")


@pytest.mark.parametrize("way", ["by itself", "SIGHUP"])
def test_the_certificate_is_rotated_under_load(make_cluster, certs, tmp_path, way):
    own = certs.copy(tmp_path / "certs")
    cluster = make_cluster(gateways=2, logic=own.logic())
    logic = cluster.logics[0]
    clients = [cluster.client("r") for _ in range(4)]
    old = own.serial("logic.pem")
    metric = "fanfare_logic_certificate_expiry_timestamp_seconds"
    assert cluster.logic_metrics().get(metric, what="rpc") == own.expiry("logic.pem")
    with Flow(cluster) as one, Flow(cluster) as two:
        one.more()
        own.renew("logic")
        assert own.serial("logic.pem") != old
        if way == "SIGHUP":
            assert logic.hang_up()
        wait_until(lambda: reloaded(cluster) == 1, 20, "the new pair to be taken over")
        assert cluster.logic_metrics().get(metric, what="rpc") == own.expiry("logic.pem")
        two.more()
        assert cluster.logic_metrics().get("fanfare_logic_link_reconnects_total") == 0, "links must stay"
        cluster.gateways[1].kill()
        one.more()
        assert shown_serial(cluster.gateways[1].port("rpc"), own) == own.serial("logic.pem")
        cluster.restart_gateway(1)
        with cluster.caller() as caller:
            wait_until(lambda: cluster.links_up(caller), 20, "the gateway to be linked again")
        late = cluster.follower(one, two, gateway=1)
        one.more(), two.more()
        link = cluster.listing()["127.0.0.1:%d" % cluster.gateways[0].port("rpc")]
        assert link["state"] == "up" and link["lastError"] is None, "the other link must have stayed"
    assert not one.refusals and not two.refusals
    expect_exactly(clients, one, two)
    assert late.await_last().faults() == []
    assert not logic.events("certificate files not taken over, the old ones stay")
    told = logic.events("certificate files taken over")
    assert len(told) == 1 and told[0]["what"] == "rpc" and told[0]["expires"].endswith("Z")


def test_what_ends_soon_is_warned_of(make_cluster, certs, tmp_path):
    own = certs.copy(tmp_path / "certs")
    own.make_pair("logic", days=3)
    logic = make_cluster(logic=own.logic()).logics[0]
    told = wait_until(lambda: logic.events("certificate expires soon"), 10, "the warning")
    assert (told[0]["what"], told[0]["cert"], told[0]["level"]) == ("rpc", str(own.path("logic.pem")), "warn")
    assert told[0]["days"] in ("2", "3") and told[0]["expires"].endswith("Z")
    own.renew("logic")
    wait_until(lambda: logic.events("certificate files taken over"), 20, "the new one")
    assert len(logic.events("certificate expires soon")) == 1


def test_a_wrong_pair_leaves_the_old_one_with_one_warning(make_cluster, certs, tmp_path):
    own = certs.copy(tmp_path / "certs")
    cluster = make_cluster(logic=own.logic())
    logic, gateway = cluster.logics[0], cluster.gateways[0]
    old = own.serial("logic.pem")
    good = (own.directory / "logic.key").read_bytes()
    own.put("logic.key", (own.directory / "gateway.key").read_bytes())
    told = wait_until(lambda: logic.events("certificate files not taken over, the old ones stay"), 20)
    assert told[0]["level"] == "warn" and "logic.key" in told[0]["reason"]
    assert not logic.hang_up()
    assert reloaded(cluster) == 0
    gateway.kill()
    assert shown_serial(gateway.port("rpc"), own) == old
    cluster.restart_gateway(0)
    own.put("logic.key", good)
    wait_until(lambda: reloaded(cluster) == 1, 20, "the repaired pair to be taken over")
    assert len(logic.events("certificate files not taken over, the old ones stay")) == 1
    cluster.await_links()


def test_the_ca_and_the_name_change(make_cluster, certs, tmp_path):
    """The new ones hold for new links: one that is up stays, a later one is refused."""
    stranger = Certs(tmp_path / "stranger")
    cluster = make_cluster()
    logic = cluster.logics[0]

    def last_error():
        (gateway,) = cluster.listing().values()
        return (gateway["lastError"] or {"text": ""})["text"]

    assert logic.reload(**{"rpc.ca": stranger.ca})
    with cluster.caller() as caller:
        assert cluster.links_up(caller)
        cluster.gateways[0].kill()
        cluster.restart_gateway(0)
        wait_until(lambda: "self-signed certificate" in last_error(), 20, "the gateway to be refused")
        assert logic.reload(**{"rpc.ca": certs.ca, "rpc.serverName": "other.example"})
        wait_until(lambda: "mismatch" in last_error(), 30, "the name to be refused")
        assert logic.reload(**{"rpc.serverName": "localhost"})
        wait_until(lambda: caller.get("/readyz").status == 200, 20, "the link to be up")
        assert cluster.links_up(caller)
