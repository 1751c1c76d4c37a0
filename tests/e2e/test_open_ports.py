# SPDX-License-Identifier: Apache-2.0
"""What somebody without any credential finds: every socket that the daemons open, as the kernel lists them, and on
each every route with every method. A port or a route that is new fails here until somebody has thought of it."""

import json
import socket
import ssl

import pytest
import yaml

from harness.build import ROOT
from harness.certs import Certs
from harness.client import Client, close_all
from harness.daemon import Daemon
from harness.http import Caller, read_answer
from harness.issuer import Issuer
from harness.listening import listening
from harness.tokens import Tokens, bearer
from harness.waiting import patient, wait_until
from test_run_local import make_local  # noqa: F401 (a fixture)

LOOPBACK, ANY = "127.0.0.1", {"0.0.0.0", "::"}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
PROBES = ("/healthz", "/readyz")
OPS = (*PROBES, "/metrics", "/stats")
PUSHES = ("/push/all", "/push/room", "/push/user", "/push/batch")
PATHS = ("/", "/connect", *OPS, "/gateways", *PUSHES, "/push", "/token", "/rpc/hello", "/rpc/batch", "/debug", "/index.html",
         "/connect/", "//", "/..", "/metrics/", "/favicon.ico")
BODIES = {"/push/all": {"items": ["stolen"]}, "/push/room": {"room": "r", "items": ["stolen"]},
          "/push/user": {"user": "u", "items": ["stolen"]}, "/push/batch": [{"room": "r", "items": ["stolen"]}]}


def ask(address, method, path, body=None):
    content = b"" if body is None else json.dumps(body).encode()
    length = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if body is not None else ""
    with socket.create_connection(address, timeout=patient(10)) as sock:
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + content)
        return read_answer(sock, method).status


def scan(address):
    """{(method, path): status} of all that may be asked without a body."""
    return {(method, path): ask(address, method, path) for method in METHODS for path in PATHS}


def reads(answers, other=405, unknown=404):
    """What a port says that only reads: the statuses of GET and HEAD by path, `other` to other methods."""
    return {(method, path): (answers[path] if method in ("GET", "HEAD") else other) if path in answers else unknown
            for method in METHODS for path in PATHS}


def guarded():
    """logic with tokens: the answers of reads(), and 401 to all the rest, known or not; a preflight has no token,
    and without cors.origins no answer."""
    routes = (*OPS, "/gateways", *PUSHES)
    preflights = {("OPTIONS", path): 405 if path in routes else 404 for path in PATHS}
    return {**reads(dict.fromkeys(OPS, 200), unknown=401), **preflights}


def differences(found, expected):
    return {key: (found[key], expected[key]) for key in expected if found[key] != expected[key]}


def clients_port(page):
    return reads({**dict.fromkeys(PROBES, 200), "/connect": 426, **({"/": 200} if page else {})})


def has_no_stream(address, context):
    """The RPC port: neither plain HTTP nor TLS without a certificate gets a byte of HTTP/2."""
    with socket.create_connection(address, timeout=patient(10)) as plain:
        plain.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            assert b"HTTP/" not in plain.recv(4096)
        except ConnectionResetError:
            pass
    try:
        with socket.create_connection(address, timeout=patient(10)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
                return sock.recv(100) == b""
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return True


def ports_of(pid):
    """{port: host} once there are some (a daemon may just have started); nothing but TCP may be open to others."""
    found = wait_until(lambda: listening(pid), 20, "an open port")
    assert {kind for kind, _, _ in found} == {"tcp"}, found
    return {port: host for _, host, port in found}


def is_outside(client):
    """It may join nothing: the answer to its JOIN is the end."""
    answer = client.request("JOIN", {"room": "r"})
    return (answer["type"], answer["data"]["code"], client.ended()) == ("ERROR", "unauthorized", 4002)


# ---- Everything that can be asked for is asked for

@pytest.fixture
def locked(make_cluster, certs, tmp_path):
    """auth.required, tokens of callers, mutual TLS; the harness binds what it names to loopback."""
    tokens = Tokens(tmp_path, "sesame")
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options(), logic=tokens.option, headers=bearer("sesame"))
    cluster.issuer = issuer
    return cluster


def test_a_locked_cluster_opens_what_is_listed(locked):
    gateway, logic = locked.gateways[0], locked.logics[0]
    assert ports_of(gateway.pid) == {gateway.port(what): LOOPBACK for what in ("ws", "rpc", "admin")}
    assert ports_of(logic.pid) == {logic.port("api"): LOOPBACK}


def test_a_locked_cluster_answers_what_is_written(locked, certs):
    gateway = locked.gateways[0]
    assert not differences(scan(gateway.address("ws")), clients_port(page=True))
    assert not differences(scan(gateway.address("admin")), reads(dict.fromkeys(OPS, 200)))
    assert not differences(scan(locked.api()), guarded())
    assert has_no_stream(gateway.address("rpc"), certs.client_context(show=False))


def test_a_locked_cluster_takes_no_push_from_anybody(locked):
    inside = locked.client("r", query=f"?token={locked.issuer.token('u', rooms=['r'])}")
    silent = locked.client()
    for path, body in BODIES.items():
        assert ask(locked.api(), "POST", path, body) == 401
        for what in ("ws", "admin"):
            assert ask(locked.gateways[0].address(what), "POST", path, body) in (404, 405, 413)
    inside.expect_nothing()
    for target in ("r", None):
        locked.push(target, "real")
        assert inside.push() == ["real"]
    silent.expect_nothing()
    assert is_outside(silent) and is_outside(locked.client(query="?join=r"))


# ---- make run

def test_run_local_opens_loopback_alone(make_local):  # noqa: F811
    local = make_local(AUTH="1", GATEWAYS="1")
    with open(local.directory / "log", "wb") as log:
        local.start(stdout=log, stderr=log)
    wait_until(local.is_ready, 30, "run-local to be ready")
    at = {what: local.base + offset for what, offset in (("ws", 0), ("issuer", 10), ("rpc", 11), ("admin", 12), ("api", 22))}
    pid = lambda name: int((local.directory / "build" / "run" / f"{name}.pid").read_text())
    assert ports_of(pid("gateway-1")) == {at[what]: LOOPBACK for what in ("ws", "rpc", "admin")}
    assert ports_of(pid("issuer")) == {at["issuer"]: LOOPBACK}
    assert ports_of(pid("logic")) == {at["api"]: LOOPBACK}
    names = {path.stem for path in (local.directory / "build" / "run").glob("*.pid")}
    assert names == {"gateway-1", "issuer", "logic"}
    assert not differences(scan((LOOPBACK, at["ws"])), clients_port(page=True))
    assert not differences(scan((LOOPBACK, at["admin"])), reads(dict.fromkeys(OPS, 200)))
    certs = Certs(local.directory / "build" / "run" / "certs")
    assert has_no_stream((LOOPBACK, at["rpc"]), certs.client_context(show=False))
    client = Client(f"ws://127.0.0.1:{at['ws']}/connect", ["default"])
    assert client.request("JOIN", {"room": "private.x"})["data"]["code"] == "forbidden"
    close_all([client])
    local.interrupt()


# ---- The package's example

@pytest.fixture
def installed(tmp_path):
    """The two files as the package installs them, but on ports that are free; certificates by deploy/make-certs."""
    certs = Certs(tmp_path / "fanfare" / "certs")
    read = lambda name: json.loads((ROOT / "deploy" / "examples" / name).read_text().replace("@SYSCONFDIR@", str(tmp_path)))
    started = [Daemon("fanfare-gateway", {**read("gateway.json"), **dict.fromkeys(("wsPort", "servicePort", "adminPort"), 0)},
                      tmp_path)]
    try:
        link = [{"hostname": "localhost", "port": started[0].port("rpc")}]
        started.append(Daemon("fanfare-logic", {**read("logic.json"), "servicePort": 0, "gatewayList": link}, tmp_path))
        yield *started, certs
    finally:
        faults = [fault for each in reversed(started) for fault in each.finish()]
    assert not faults, faults


def test_the_example_opens_what_is_listed(installed):
    gateway, logic, certs = installed
    hosts = ports_of(gateway.pid)
    assert set(hosts) == {gateway.port(what) for what in ("ws", "rpc", "admin")}
    assert hosts[gateway.port("admin")] == LOOPBACK
    assert {hosts[gateway.port(what)] for what in ("ws", "rpc")} <= ANY
    assert {logic.port("api"): LOOPBACK} == ports_of(logic.pid)
    with Caller(*logic.address("api")) as caller:
        wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")
    at = lambda daemon, what: (LOOPBACK, daemon.port(what))
    assert not differences(scan(at(gateway, "ws")), clients_port(page=False))
    assert not differences(scan(at(gateway, "admin")), reads(dict.fromkeys(OPS, 200)))
    assert has_no_stream(at(gateway, "rpc"), certs.client_context(show=False))


# ---- What the chart starts, as deploy/kubernetes/fanfare.yaml has it rendered

def manifests():
    return list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "fanfare.yaml").read_text(encoding="utf-8")))


def let_in(component):
    """{name of a port: who may reach it} by the NetworkPolicy of a component; None: everybody."""
    policy, = (each for each in manifests() if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == f"fanfare-{component}")
    assert "Ingress" in policy["spec"]["policyTypes"]
    return {port["port"]: rule.get("from") for rule in policy["spec"]["ingress"] for port in rule["ports"]}


def container_ports(component):
    pods, = (each for each in manifests() if each["kind"] == "Deployment" and each["metadata"]["name"] == f"fanfare-{component}")
    return {port["name"] for each in pods["spec"]["template"]["spec"]["containers"] for port in each["ports"]}


@pytest.fixture
def in_the_cluster(tmp_path):
    """The daemons with the configuration of the chart's ConfigMap, but ports that are free, certificates of the test
    and, where there is no cluster's DNS, the gateway by its address."""
    directory = Certs(tmp_path / "certs").directory
    texts = {name: text for each in manifests() if each["kind"] == "ConfigMap" for name, text in each["data"].items()}

    def read(name, pair):
        files = {"ca.crt": "ca.pem", "tls.crt": f"{pair}.pem", "tls.key": f"{pair}.key"}
        text = texts[name]
        for mounted, made in files.items():
            text = text.replace(f"/etc/fanfare/tls/{mounted}", str(directory / made))
        return json.loads(text)

    started = [Daemon("fanfare-gateway", {**read("gateway.json", "gateway"), "log": {},
                                          **dict.fromkeys(("wsPort", "servicePort", "adminPort"), 0)}, tmp_path)]
    try:
        conf = read("logic.json", "logic")
        conf["rpc"].pop("serverName")
        conf.update(servicePort=0, log={}, discovery={}, gatewayList=[{"hostname": "localhost", "port": started[0].port("rpc")}])
        started.append(Daemon("fanfare-logic", conf, tmp_path))
        yield started
    finally:
        faults = [fault for each in reversed(started) for fault in each.finish()]
    assert not faults, faults


def test_the_chart_opens_what_its_network_policy_knows(in_the_cluster):
    gateway, logic = in_the_cluster
    assert set(ports_of(gateway.pid)) == {gateway.port(what) for what in ("ws", "rpc", "admin")}
    assert {logic.port("api")} == set(ports_of(logic.pid))
    assert container_ports("gateway") == set(let_in("gateway")) == {"ws", "rpc", "admin"}
    assert container_ports("logic") == set(let_in("logic")) == {"api"}
    assert [port for port, who in let_in("gateway").items() if who is None] == ["ws"]
    assert let_in("logic")["api"] is not None  # no token is asked for there unless logic.apiTokensSecret names some


def test_what_the_chart_starts_answers_what_is_written(in_the_cluster, certs):
    gateway, logic = in_the_cluster
    at = lambda daemon, what: (LOOPBACK, daemon.port(what))
    with Caller(*at(logic, "api")) as caller:
        wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")
    assert not differences(scan(at(gateway, "ws")), clients_port(page=False))
    assert not differences(scan(at(gateway, "admin")), reads(dict.fromkeys(OPS, 200)))
    assert has_no_stream(at(gateway, "rpc"), certs.client_context(show=False))
