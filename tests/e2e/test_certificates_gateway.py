# SPDX-License-Identifier: Apache-2.0
"""The gateway's certificates change under load: new handshakes show the new ones, nobody is lost."""

import os
import shutil
import socket
import ssl
import threading

import pytest

from harness.certs import Certs
from harness.client import Client
from harness.numbered import Flow, expect_exactly
from harness.raw_ws import RawClient
from harness.waiting import patient, wait_until

CLIENTS = 30
RELOADED = "fanfare_gateway_certificates_reloaded_total"
EXPIRY = "fanfare_gateway_certificate_expiry_timestamp_seconds"
REFUSED = "certificate files not taken over, the old ones stay"


@pytest.fixture
def own(certs, tmp_path):
    """Certificates that this test may change."""
    return certs.copy(tmp_path / "certs")


def on_both_ports(own, **more):
    """gateway.pem on the RPC port, ws.pem (its own key) on the clients'."""
    for ending in ("pem", "key"):
        shutil.copy(own.path(f"gateway.{ending}"), own.path(f"ws.{ending}"))
    renew_ws(own)
    return {**own.gateway(), "ws.cert": own.path("ws.pem"), "ws.key": own.path("ws.key"), **more}


def renew_ws(own, algorithm="EC", days=99):
    """A new pair in the place of ws.pem and ws.key."""
    own.make_pair("fresh", algorithm, days)
    for ending in ("key", "pem"):
        own.put(f"ws.{ending}", (own.directory / f"fresh.{ending}").read_bytes())


def shown(address, own, alpn):
    """The serial of what a new handshake is shown."""
    context = own.client_context(alpn=alpn)
    with socket.create_connection(address, timeout=patient(20)) as sock:
        with context.wrap_socket(sock, server_hostname="localhost") as session:
            return int(session.getpeercert()["serialNumber"], 16)


def shown_rpc(cluster, own):
    return shown(cluster.gateways[0].address("rpc"), own, ("h2",))


def shown_ws(cluster, own):
    return shown(cluster.ws(), own, ("http/1.1",))


def tls_client(cluster, own, *rooms):
    context = own.client_context(alpn=("http/1.1",), show=False)
    client = Client("wss://localhost:%d/connect" % cluster.ws()[1], rooms, ssl=context)
    cluster.clients.append(client)
    return client


def await_serials(cluster, own):
    """Until both ports show what stands in the files; every bucket does by the next handshakes."""
    rpc, ws = own.serial("gateway.pem"), own.serial("ws.pem")
    wait_until(lambda: shown_rpc(cluster, own) == rpc, 20, "the RPC port to show the new certificate")
    wait_until(lambda: {shown_ws(cluster, own) for _ in range(8)} == {ws}, 20, "the clients' port, too")


def assert_has_all(client, due):
    """What each flow pushed from a number on has come, in order, and nothing twice."""
    got = []
    last = {flow.accepted[-1] for flow, _ in due}
    while not last <= set(got):
        got += client.push()
    for flow, first in due:
        numbers = [item for item in got if flow.has(item)]
        assert numbers == flow.accepted[-len(numbers) :]
        assert set(numbers) >= {number for number in flow.accepted if number >= first}


class Knockers:
    """Clients that come and go all the time, so that handshakes fall into the change."""

    def __init__(self, cluster, own, count=2):
        self.cluster, self.own = cluster, own
        self.faults, self.done = [], 0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def __enter__(self):
        for each in self.threads:
            each.start()

    def __exit__(self, *_):
        self.ending.set()
        for each in self.threads:
            each.join()

    def run(self):
        context = self.own.client_context(alpn=("http/1.1",), show=False)
        while not self.ending.is_set():
            try:
                with RawClient(self.cluster.ws(), tls=context):
                    self.done += 1
            except (OSError, AssertionError) as fault:
                self.faults.append(repr(fault))
                return


@pytest.mark.parametrize("way", ["by itself", "SIGHUP"])
def test_both_are_rotated_under_load(make_cluster, own, way):
    cluster = make_cluster(gateway=on_both_ports(own, bucketThreads=2), logic=own.logic(), ready=False)
    cluster.await_links()
    gateway = cluster.gateways[0]
    clients = [tls_client(cluster, own, "r") for _ in range(CLIENTS)]
    knockers = Knockers(cluster, own)
    with Flow(cluster) as one, Flow(cluster) as two, knockers:
        for _ in range(2):
            before, count = (shown_rpc(cluster, own), shown_ws(cluster, own)), knockers.done
            own.renew("gateway")
            renew_ws(own)
            assert before[0] != own.serial("gateway.pem") and before[1] != own.serial("ws.pem")
            if way == "SIGHUP":
                assert gateway.hang_up()
            await_serials(cluster, own)
            one.more(), two.more()
            wait_until(lambda: knockers.done > count + 20, 20, "newcomers")
        late = tls_client(cluster, own, "r")
        due = [(flow, flow.begun + 1) for flow in (one, two)]
        one.more(), two.more()
    assert not knockers.faults
    assert not one.refusals and not two.refusals
    expect_exactly(clients, one, two)
    assert_has_all(late, due)
    metrics = cluster.gateway_metrics()
    assert metrics.get(RELOADED) == 4 or way == "SIGHUP", "which may come when a file was seen already"
    assert metrics.get(EXPIRY, what="rpc") == own.expiry("gateway.pem")
    assert metrics.get(EXPIRY, what="ws") == own.expiry("ws.pem")
    assert metrics.get("fanfare_gateway_clients") == CLIENTS + 1
    assert cluster.logic_metrics().get("fanfare_logic_link_reconnects_total") == 0, "the link must stay"
    told = gateway.events("certificate files taken over")
    assert [each["what"] for each in told].count("ws") >= 2 and all(each["expires"].endswith("Z") for each in told)


def into_volume(own, names, version):
    """As the kubelet puts a Secret into a volume: NAME -> ..data/NAME, ..data -> ..version, swapped at once."""
    volume = own.directory / "volume"
    (volume / version).mkdir(parents=True)
    for name in names:
        shutil.copy(own.path(name), volume / version / name)
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")
    (volume / "..data_tmp").symlink_to(version)
    os.replace(volume / "..data_tmp", volume / "..data")
    return volume


def test_a_volume_of_kubernetes_is_followed_under_load(make_cluster, own):
    options = on_both_ports(own)
    names = ["gateway.pem", "gateway.key", "ws.pem", "ws.key", "ca.pem"]
    volume = into_volume(own, names, "..first")
    options = {key: value.replace(str(own.directory), str(volume)) for key, value in options.items()}
    cluster = make_cluster(gateway=options, logic=own.logic())
    clients = [tls_client(cluster, own, "r") for _ in range(CLIENTS)]
    with Flow(cluster) as flow:
        own.renew("gateway")
        renew_ws(own)
        flow.more()
        assert shown_ws(cluster, own) != own.serial("ws.pem"), "the volume is still the old one"
        into_volume(own, names, "..second")
        await_serials(cluster, own)
        shutil.rmtree(volume / "..first")
        flow.more(100)
    expect_exactly(clients, flow)
    assert cluster.gateway_metrics().get(RELOADED) == 2
    assert cluster.logic_metrics().get("fanfare_logic_link_reconnects_total") == 0


WRONG = {
    "another's key": ("ws.key", "gateway.key", "mismatch"),
    "not PEM": ("ws.pem", "names", "not usable as a certificate chain"),
    "half written": ("ws.key", None, "not usable as the private key"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_pair_leaves_the_old_one_with_one_warning(make_cluster, own, case):
    name, source, words = WRONG[case]
    cluster = make_cluster(logics=0, gateway=on_both_ports(own))
    gateway, old, good = cluster.gateways[0], own.serial("ws.pem"), (own.directory / name).read_bytes()
    client = tls_client(cluster, own)
    own.put(name, (own.directory / source).read_bytes() if source else good[:60])
    told = wait_until(lambda: gateway.events(REFUSED), 20, "the warning")
    assert told[0]["level"] == "warn" and told[0]["what"] == "ws"
    assert own.path(name) in told[0]["reason"] and words in told[0]["reason"]
    assert shown_ws(cluster, own) == old
    assert not gateway.hang_up(), "SIGHUP says the same"
    assert own.path(name) in gateway.last("settings not reloaded")["reason"]
    assert shown_ws(cluster, own) == old
    own.put(name, good)
    wait_until(lambda: cluster.gateway_metrics().get(RELOADED) == 1, 20, "the repaired pair")
    assert len(gateway.events(REFUSED)) == 1
    renew_ws(own)
    wait_until(lambda: shown_ws(cluster, own) == own.serial("ws.pem"), 20, "a later pair")
    assert cluster.gateway_metrics().get(EXPIRY, what="ws") == own.expiry("ws.pem")
    assert client.expect_nothing().open


def test_a_wrong_pair_of_the_rpc_port_harms_no_logic(make_cluster, own):
    cluster = make_cluster(gateway=on_both_ports(own), logic=own.logic())
    old = own.serial("gateway.pem")
    own.put("gateway.key", (own.directory / "logic.key").read_bytes())
    told = wait_until(lambda: cluster.gateways[0].events(REFUSED), 20, "the warning")
    assert told[0]["what"] == "rpc" and own.path("gateway.key") in told[0]["reason"]
    client = tls_client(cluster, own, "r")
    cluster.push("r", 1)
    assert client.push() == [1]
    assert shown_rpc(cluster, own) == old
    cluster.logics[0].terminate()
    cluster.restart_logic()
    cluster.await_ready()


def test_another_kind_of_key(make_cluster, own):
    """From ECDSA to RSA and back: the old kind must not stay beside the new one."""
    cluster = make_cluster(logics=0, gateway=on_both_ports(own))
    client = tls_client(cluster, own)
    for algorithm in ("RSA", "EC"):
        renew_ws(own, algorithm)
        wait_until(lambda: shown_ws(cluster, own) == own.serial("ws.pem"), 20, f"the {algorithm} certificate")
        tls_client(cluster, own).expect_nothing()
    client.expect_nothing()


def test_other_paths(make_cluster, own):
    """The new files are used and watched, the old ones are not."""
    cluster = make_cluster(logics=0, gateway=on_both_ports(own))
    gateway = cluster.gateways[0]
    own.make_pair("other")
    own.make_pair("rpc")
    assert gateway.reload(**{"ws.cert": own.path("other.pem"), "ws.key": own.path("other.key"),
                             "serverPem": own.path("rpc.pem"), "serverKey": own.path("rpc.key")})
    assert gateway.last("settings reloaded")["keys"] == "ws.cert,ws.key,serverPem,serverKey"
    assert shown_ws(cluster, own) == own.serial("other.pem")
    assert shown_rpc(cluster, own) == own.serial("rpc.pem")
    renew_ws(own)
    own.make_pair("fresh")
    for ending in ("key", "pem"):
        own.put(f"other.{ending}", (own.directory / f"fresh.{ending}").read_bytes())
    wait_until(lambda: shown_ws(cluster, own) == own.serial("other.pem"), 20, "the new file to be watched")
    assert cluster.gateway_metrics().get(RELOADED) == 3, "two by SIGHUP, one by its file"
    assert not gateway.events("needs a restart")


def test_another_ca_holds_for_new_connections(make_cluster, certs, own, tmp_path):
    from harness.certs import Certs

    stranger = Certs(tmp_path / "stranger")
    cluster = make_cluster(gateway=on_both_ports(own), logic=own.logic())
    gateway, logic = cluster.gateways[0], cluster.logics[0]
    assert gateway.reload(**{"rpc.ca": stranger.ca})
    client = tls_client(cluster, own, "r")
    cluster.push("r", 1, wait=True)
    assert client.push() == [1], "the link that is there stays"
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        context = own.client_context()
        with socket.create_connection(gateway.address("rpc"), timeout=patient(20)) as sock:
            with context.wrap_socket(sock, server_hostname="localhost") as session:
                session.recv(100)  # with TLS 1.3 the refusal comes behind the handshake
                session.recv(100)
                raise AssertionError("a logic of another CA was let in")
    assert logic.alive()
    assert gateway.reload(**{"rpc.ca": None})
    assert gateway.events("rpc is not verified: whoever reaches the port may push")
    assert gateway.reload(**{"rpc.ca": own.ca})
    assert shown_rpc(cluster, own) == own.serial("gateway.pem")


def test_what_ends_soon_is_warned_of(make_cluster, own):
    options = on_both_ports(own)
    renew_ws(own, days=3)
    cluster = make_cluster(logics=0, gateway=options)
    gateway = cluster.gateways[0]
    told = wait_until(lambda: gateway.events("certificate expires soon"), 10, "the warning")
    assert told[0]["what"] == "ws" and told[0]["cert"] == own.path("ws.pem") and told[0]["level"] == "warn"
    assert told[0]["days"] in ("2", "3") and len(told) == 1
    assert cluster.gateway_metrics().get(EXPIRY, what="ws") == own.expiry("ws.pem")
    renew_ws(own, days=8)
    wait_until(lambda: cluster.gateway_metrics().get(EXPIRY, what="ws") == own.expiry("ws.pem"), 20, "eight days")
    assert len(gateway.events("certificate expires soon")) == 1
    renew_ws(own, days=6)
    wait_until(lambda: len(gateway.events("certificate expires soon")) == 2, 20, "the second warning")


def test_client_tls_is_not_switched_off_without_a_restart(make_cluster, own):
    cluster = make_cluster(logics=0, gateway=on_both_ports(own))
    gateway, old = cluster.gateways[0], own.serial("ws.pem")
    assert gateway.reload(**{"ws.cert": None, "ws.key": None})
    assert gateway.last("needs a restart")["keys"] == "ws.cert,ws.key"
    assert shown_ws(cluster, own) == old
    renew_ws(own)
    assert gateway.reload(**{"ws.cert": own.path("ws.pem"), "ws.key": own.path("ws.key")})
    assert shown_ws(cluster, own) == own.serial("ws.pem")
    assert len(gateway.events("needs a restart")) == 1


@pytest.mark.parametrize("case", ["none", "of another CA"])
def test_a_logic_that_is_not_let_in(make_cluster, certs, tmp_path, case):
    """It says that the link is up only when the gateway has judged its certificate; the gateway says why not."""
    stranger = Certs(tmp_path / "stranger")
    shown = {"none": {"rpc.cert": None, "rpc.key": None},
             "of another CA": {"rpc.cert": stranger.path("logic.pem"), "rpc.key": stranger.path("logic.key")}}[case]
    cluster = make_cluster(logic=shown, ready=False)
    gateway, logic = cluster.gateways[0], cluster.logics[0]
    refused = lambda: cluster.gateway_metrics().get("fanfare_gateway_rpc_certificates_refused_total")
    wait_until(lambda: refused() >= 3, 20, "three attempts to be refused")
    (told,) = gateway.events("rpc client certificate refused")
    assert told["level"] == "warn" and told["peer"].startswith("127.0.0.1:") and told["times"] == "1"
    assert ("did not return" if case == "none" else "unable to get local issuer") in told["reason"]
    assert not logic.events("gateway link up") and not logic.events("gateway link broke")
    assert "alert" in logic.events("gateway link not up")[0]["reason"]
    with cluster.caller() as caller:
        assert caller.get("/readyz").status == 503
