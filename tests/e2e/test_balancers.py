# SPDX-License-Identifier: Apache-2.0
"""The configurations of deploy/balancers in front of two gateways and two logics, with TLS on every way, as
docs/operations.md has it. Only addresses, paths and limits of the machine are replaced."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import certs as make_certs
from harness.build import ROOT
from harness.client import Client
from harness.daemon import clean_environment, run
from harness.http import Caller
from harness.raw_ws import RawClient
from harness.redis_server import free_port
from harness.waiting import patient, wait_until

PEERS = ["10.0.0.11:7777", "10.0.0.12:7777", "10.0.0.21:7799", "10.0.0.22:7799"]


def put(text, replacements):
    """Each of them must be there."""
    for old, new in replacements.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def haproxy(directory, ports, peers, pki):
    (directory / "push.pem").write_bytes((pki / "push.pem").read_bytes() + (pki / "push.key").read_bytes())
    text = (ROOT / "deploy" / "balancers" / "haproxy.cfg").read_text()
    (directory / "haproxy.cfg").write_text(put(text, {
        "maxconn 200000": "maxconn 100", "bind :443": f"bind 127.0.0.1:{ports[0]}",
        "bind 10.0.0.10:7799": f"bind 127.0.0.1:{ports[1]}", "/etc/haproxy/push.pem": f"{directory}/push.pem",
        "/etc/haproxy/fanfare-ca.pem": f"{pki}/ca.pem", **peers}))
    return ["-db", "-f", "haproxy.cfg"]


def nginx(directory, ports, peers, pki):
    text = (ROOT / "deploy" / "balancers" / "nginx.conf").read_text()
    temp = "".join(f"{kind}_temp_path {directory}/{kind}; " for kind in
                   ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "nginx.conf").write_text(put(text, {
        "worker_rlimit_nofile 200000;": "", "worker_connections 65536": "worker_connections 200",
        "worker_processes auto": "worker_processes 1",
        "http {": f"http {{\n{temp} access_log off;", "listen 443 ssl": f"listen 127.0.0.1:{ports[0]} ssl",
        "listen 10.0.0.10:7799": f"listen 127.0.0.1:{ports[1]}", "/etc/nginx/push.pem": f"{pki}/push.pem",
        "/etc/nginx/push.key": f"{pki}/push.key", "/etc/nginx/fanfare-ca.pem": f"{pki}/ca.pem", **peers}))
    user = "user root; " if os.getuid() == 0 else ""
    return ["-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr", "-g",
            f"{user}daemon off; pid {directory}/pid;"]


class Balancer:
    """haproxy or nginx, listening for clients (TLS) and for callers."""

    def __init__(self, program, configure, directory, peers, pki):
        self.ports = free_port(), free_port()
        self.context = ssl.create_default_context(cafile=pki / "ca.pem")
        self.gateways_context = ssl.create_default_context(cafile=pki / "ca.pem")
        self.gateways_context.check_hostname = False
        self.log = directory / "log"
        command = [program, *configure(directory, self.ports, dict(zip(PEERS, peers)), pki)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=directory, env=clean_environment(), stdout=log, stderr=log)

    def client(self, *rooms):
        return Client(f"wss://localhost:{self.ports[0]}/connect", rooms, ssl=self.context)

    def caller(self):
        return Caller("127.0.0.1", self.ports[1])

    def push(self, room, item, wait=False):
        with self.caller() as caller:
            return caller.post("/push/room", {"room": room, "items": [item], "wait": wait})

    def passes(self):
        """Whether it leads to a logic that is ready."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            with self.caller() as caller:
                return caller.get("/readyz").status == 200
        except OSError:
            return False

    def end(self):
        self.process.terminate()
        self.process.wait(patient(20))


@pytest.fixture
def made(certs, make_cluster, tmp_path):
    """Two gateways and two logics of one CA, each gateway with a key of its own, as the runbook makes them."""
    pki = tmp_path / "pki"
    certs.copy(pki)
    cluster = make_cluster(gateways=0, logics=0, gateway={"drainSeconds": 4})
    for name in ("gw1", "gw2"):
        for file in ("gateway.pem", "gateway.key"):
            (pki / file).unlink()
        subprocess.run([ROOT / "deploy" / "make-certs", pki, f"{name}.internal", "gateways.internal"], check=True,
                       capture_output=True)
        own = shutil.copytree(pki, tmp_path / name)
        pem, key = str(own / "gateway.pem"), str(own / "gateway.key")
        cluster.add_gateway(**{"serverPem": pem, "serverKey": key, "ws.cert": pem, "ws.key": key,
                               "trustedProxies": ["127.0.0.1"]})
    cluster.add_logic()
    cluster.add_logic()
    cluster.await_ready()
    make_certs.Certs(pki).make_pair("push")
    return cluster, pki


@pytest.fixture(params=[haproxy, nginx], ids=["haproxy", "nginx"])
def balanced(request, made, tmp_path):
    name = request.param.__name__
    program = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    assert program is not None, f"there is no {name}: deploy/install-deps test installs it"
    cluster, pki = made
    directory = tmp_path / name
    directory.mkdir()
    peers = ["%s:%d" % address for address in
             [gateway.address("ws") for gateway in cluster.gateways] + [logic.address("api") for logic in cluster.logics]]
    balancer = Balancer(program, request.param, directory, peers, pki)
    wait_until(balancer.passes, 20, f"{name} to lead to logic")
    yield cluster, balancer
    balancer.end()


def clients_at(cluster, gateway):
    return cluster.gateway_metrics(gateway).get("fanfare_gateway_clients")


def connected(cluster, balancer, gateway, found):
    """Whether one more client came to this gateway."""
    found.append(balancer.client("r"))
    return clients_at(cluster, gateway) > 0


def test_two_gateways_and_two_logics_are_one_service(balanced):
    cluster, balancer = balanced
    cluster.clients += (clients := [balancer.client("r") for _ in range(4)])
    assert [clients_at(cluster, gateway) for gateway in (0, 1)] == [2, 2]
    answer = balancer.push("r", "all", wait=True)
    assert answer.status == 200 and answer.json["clients"] == 4, answer
    assert [client.push() for client in clients] == [["all"]] * 4

    # A gateway drains: its clients are told to come back, newcomers go to the other one.
    silent = cluster.raw(0, tls=balancer.gateways_context)  # answers no close, so that the drain lasts
    cluster.gateways[0].signal(signal.SIGTERM)
    wait_until(lambda: cluster.gateways[0].events("draining"), what="the drain to begin")
    cluster.clients += (late := [balancer.client("r") for _ in range(3)])
    assert cluster.gateways[0].alive()
    silent.close()
    cluster.gateways[0].terminate()
    gone = [client for client in clients if not client.open]
    assert [client.ended() for client in gone] == [1001, 1001]
    assert balancer.push("r", "late").status == 200
    assert [client.push() for client in late] == [["late"]] * 3
    cluster.restart_gateway(0)
    wait_until(lambda: connected(cluster, balancer, 0, cluster.clients), 30, "clients to come to it again")

    # A logic is gone: no caller notices.
    cluster.logics[0].kill()
    assert [balancer.push("nobody", n).status for n in range(10)] == [200] * 10


def status_from(balancer, source):
    """Of a handshake of a client with this address, which says that it has another one."""
    with RawClient(("127.0.0.1", balancer.ports[0]), shake=False, source=source, tls=balancer.context) as client:
        return client.shake(X_Forwarded_For="203.0.113.66").status


def test_a_client_has_its_own_address_at_the_gateways(balanced):
    """One place for each address at each gateway; the balancer asks the second one after the 503 of the first."""
    cluster, balancer = balanced
    for gateway in cluster.gateways:
        assert gateway.reload(maxClientsPerAddress=1)
    door = ("127.0.0.1", balancer.ports[0])
    cluster.raws += [RawClient(door, source="127.0.0.2", tls=balancer.context) for _ in range(2)]
    assert [clients_at(cluster, gateway) for gateway in (0, 1)] == [1, 1]
    assert status_from(balancer, "127.0.0.2") == 503
    # nginx takes both for dead for a moment.
    wait_until(lambda: status_from(balancer, "127.0.0.3") == 101, 10, "another address to have its place")


def test_probes_and_the_page_stay_inside(balanced):
    _, balancer = balanced
    for path in ("/", "/readyz", "/connect/x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"https://localhost:{balancer.ports[0]}{path}", context=balancer.context,
                                   timeout=patient(10))
        assert refused.value.code == 404


def test_the_files_of_the_runbook_are_taken(certs, tmp_path):
    section = (ROOT / "docs" / "operations.md").read_text().split("## Several plain machines\n")[1].split("\n## ")[0]
    files = re.findall(r"^    \{\n(?:      .*\n)+    \}$", section, re.MULTILINE)
    assert len(files) == 2
    for program, text in zip(("fanfare-gateway", "fanfare-logic"), files):
        file = tmp_path / f"{program}.json"
        file.write_text(put(text, {"/etc/fanfare/certs": str(certs.directory)}))
        done = run(program, "-config", file, "--check")
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr, done.stderr
