# SPDX-License-Identifier: Apache-2.0
"""Trusted proxies: the PROXY protocol and X-Forwarded-For, by a test that is the proxy itself, and by real ones.
Whose a connection is shows in maxClientsPerAddress: one address has one client here. The proxy is 127.0.0.1,
127.0.0.2 and later ones are nobody's."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness.daemon import clean_environment
from harness.http import read_to_end
from harness.ports import free_port
from harness.proxy_header import LOCAL, SIGNATURE, UNKNOWN, v1, v2
from harness.raw_ws import RawClient, handshake
from harness.waiting import patient, wait_until

TRUST = {"trustedProxies": ["127.0.0.1"], "maxClientsPerAddress": 1}
PROXY = {**TRUST, "proxyProtocol": True}
FORGED = "203.0.113.66"


@pytest.fixture
def make(make_cluster, certs):
    """A gateway (its ws port) with these options, with TLS or without."""

    def start(tls=False, **options):
        files = {"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key")} if tls else {}
        cluster = make_cluster(gateway={**files, **options})
        cluster.tls = certs.client_context(alpn=("http/1.1",), show=False) if tls else None
        return cluster

    return start


def tried(cluster, *, first=b"", source=None, **headers):
    """The status of a handshake; a client that is let in stays."""
    client = cluster.raw(shake=False, first=first, source=source, tls=cluster.tls)
    answer = client.shake(**headers)
    assert answer.status in (101, 400, 503), answer
    assert answer.status != 503 or answer.error == "full_for_address", answer
    if answer.status != 101:
        client.close()
    return answer.status


def refused(cluster, reason):
    return cluster.gateway_metrics().get("fanfare_gateway_proxy_headers_refused_total", reason=reason)


def is_closed(client):
    """Whether the gateway ends the connection without a word."""
    return read_to_end(client.sock) == b""


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("header", [v1, v2])
def test_the_header_names_the_client(make, header, tls):
    cluster = make(tls, **PROXY)
    for address in ("192.0.2.7", "192.0.2.8", "2001:db8::7", "2001:db8:0:1::7"):
        assert tried(cluster, first=header(address)) == 101
        assert tried(cluster, first=header(address)) == 503
    assert tried(cluster, first=header("2001:db8::99")) == 503, "a /64 is one address"
    client = cluster.raw(first=header("192.0.2.9"), tls=cluster.tls).join("r")
    cluster.push("r", 1)
    assert client.items(1) == [1]
    version = "1" if header is v1 else "2"
    assert cluster.gateway_metrics().get("fanfare_gateway_proxy_headers_total", version=version) == 10


def test_who_is_gone_has_given_his_share_back(make):
    cluster = make(**PROXY)
    client = cluster.raw(first=v1("192.0.2.7"))
    assert tried(cluster, first=v1("192.0.2.7")) == 503
    client.close()
    wait_until(lambda: tried(cluster, first=v1("192.0.2.7")) == 101, what="the share to be free again")


@pytest.mark.parametrize("header", [v1("192.0.2.7"), v2("192.0.2.7", tlvs=b"\xea\0\x04vpce")], ids=["v1", "v2"])
def test_a_header_may_come_byte_by_byte(make, header):
    cluster = make(**PROXY)
    client = cluster.raw(shake=False)
    client.send_bytes(header + handshake(), one_by_one=True)
    assert client.http_answer().status == 101
    assert tried(cluster, first=header) == 503


@pytest.mark.parametrize("header", [v1("192.0.2.7"), v2("192.0.2.7", tlvs=b"\x04\x0f\xe1" + bytes(0xfe1))],
                         ids=["v1", "v2-of-4096-bytes"])
def test_header_and_request_may_come_in_one_piece(make, header):
    cluster = make(**PROXY)
    client = cluster.raw(shake=False, first=header + handshake())
    assert client.http_answer().status == 101
    assert client.request("PING", {})["type"] == "ACK"


@pytest.mark.parametrize("first, reason", [
    (handshake(), "missing"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "missing"),
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n", "invalid"),
    (b"PROXY UNKNOWN " + b"x" * 100, "invalid"),
    (SIGNATURE + b"\x21\x11\0\x04\xc0\0\x02\x07", "invalid"),
    (v2("192.0.2.7", tlvs=b"\x03\0\x04\0\0\0\0"), "invalid"),
    (v2("192.0.2.7", length=65535), "too_large"),
], ids=["none", "tls", "port", "too-long", "too-short", "checksum", "length"])
def test_a_connection_without_a_good_header_is_closed(make, first, reason):
    cluster = make(**PROXY)
    assert is_closed(cluster.raw(shake=False, first=first))
    assert refused(cluster, reason) == 1
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_clients_refused_total", reason="proxy_header") == 1
    line = cluster.gateways[0].last("no good PROXY header from a trusted proxy")
    assert line["peer"] == "127.0.0.1" and line["reason"], line
    assert tried(cluster, first=v1("192.0.2.7")) == 101


def test_a_header_that_does_not_come_has_three_seconds(make):
    cluster = make(**PROXY, wsTlsTimeout=60000, wsReadTimeout=60000)
    begun = time.monotonic()
    silent, slow = cluster.raw(shake=False, timeout=20), cluster.raw(shake=False, first=b"PROXY ", timeout=20)
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_proxy_headers_waiting") == 2, what="both to wait")
    assert tried(cluster, first=v1("192.0.2.7")) == 101, "they hold up nobody"
    slow.send_bytes(b"TCP4")
    assert is_closed(silent) and is_closed(slow)
    assert 2.9 <= time.monotonic() - begun < patient(6)
    assert refused(cluster, "timeout") == 2
    assert cluster.gateway_metrics().get("fanfare_gateway_proxy_headers_waiting") == 0


def test_who_leaves_before_his_header_is_only_counted(make):
    cluster = make(**PROXY)
    cluster.raw(shake=False).close()
    cluster.raw(shake=False, first=b"PROXY ").close()
    wait_until(lambda: refused(cluster, "peer_gone") == 2, what="both to be counted")
    assert not cluster.gateways[0].events("no good PROXY header from a trusted proxy")


@pytest.mark.parametrize("header", [v1, v2])
def test_nobody_else_can_forge_a_header(make, header):
    """From an address that is not trusted it is no header but a bad request, and changes no address."""
    cluster = make(**PROXY)
    assert tried(cluster, source="127.0.0.2", first=header(FORGED)) == 400
    wait_until(lambda: tried(cluster, source="127.0.0.2") == 101, what="the connection that was refused to be gone")
    assert tried(cluster, source="127.0.0.2") == 503
    assert tried(cluster, first=header(FORGED)) == 101, "nobody was counted under the forged address"
    metrics = cluster.gateway_metrics()
    assert metrics.total("fanfare_gateway_proxy_headers_total") == 1
    assert metrics.total("fanfare_gateway_proxy_headers_refused_total") == 0


def test_behind_an_l4_proxy_the_request_is_the_clients_own(make):
    """So what its X-Forwarded-For says is nobody's word, not even where the proxy cannot name the client."""
    cluster = make(**PROXY)
    assert tried(cluster, first=v1("192.0.2.7")) == 101
    assert tried(cluster, first=v1("192.0.2.7"), X_Forwarded_For=FORGED) == 503
    assert tried(cluster, first=UNKNOWN, X_Forwarded_For=FORGED) == 101
    assert tried(cluster, first=v1(FORGED)) == 101, "nobody was counted under the forged address"
    assert cluster.gateway_metrics().total("fanfare_gateway_forwarded_total") == 0


def test_an_l7_proxy_behind_an_l4_proxy_names_the_client(make):
    cluster = make(**PROXY | {"trustedProxies": ["127.0.0.1", "10.0.0.0/8"]})
    for client, status in (("192.0.2.7", 101), ("192.0.2.7", 503), ("192.0.2.8", 101)):
        assert tried(cluster, first=v2("10.0.0.5"), X_Forwarded_For=f"{FORGED}, {client}") == status


def test_the_proxys_own_probes_are_answered(make):
    cluster = make(**PROXY)
    for _ in range(3):
        client = cluster.raw(shake=False, first=LOCAL)
        client.send_bytes(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.http_answer().status == 200
    assert tried(cluster, first=LOCAL) == tried(cluster, first=LOCAL) == 101, "it has no share of its own"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_x_forwarded_for_of_a_trusted_proxy(make, tls):
    cluster = make(tls, **TRUST)
    for value in ("192.0.2.7", "2001:db8::7", "[2001:db8:0:1::7]:5000", "192.0.2.8:5000"):
        assert tried(cluster, X_Forwarded_For=value) == 101
        assert tried(cluster, X_Forwarded_For=f"{FORGED}, {value}") == 503
    assert tried(cluster, X_Forwarded_For=FORGED) == 101, "nobody was counted under the forged address"
    assert tried(cluster) == tried(cluster) == 101, "the proxy itself has no share"
    metrics = cluster.gateway_metrics()
    assert metrics.get("fanfare_gateway_forwarded_total", result="found") == 9
    assert metrics.get("fanfare_gateway_forwarded_total", result="absent") == 2
    assert metrics.get("fanfare_gateway_clients_refused_total", reason="max_clients_per_address") == 4


def test_several_lines_of_x_forwarded_for_are_one_list(make):
    cluster = make(**TRUST)
    lines = f"X-Forwarded-For: {FORGED}\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n".encode()
    request = handshake()[:-2] + lines
    answers = []
    for _ in range(2):
        client = cluster.raw(shake=False, first=request)
        answers.append(client.http_answer().status)
    assert answers == [101, 503]
    assert tried(cluster, X_Forwarded_For="192.0.2.7") == 503


def test_nobody_elses_x_forwarded_for_is_read(make):
    cluster = make(**TRUST)
    assert tried(cluster, source="127.0.0.2", X_Forwarded_For=FORGED) == 101
    assert tried(cluster, source="127.0.0.2", X_Forwarded_For="203.0.113.67") == 503
    assert tried(cluster, source="127.0.0.3", X_Forwarded_For=FORGED) == 101
    assert tried(cluster, X_Forwarded_For=FORGED) == 101, "nobody was counted under the forged address"


def test_without_trusted_proxies_nobody_is_believed(make):
    cluster = make(maxClientsPerAddress=1)
    assert tried(cluster, X_Forwarded_For="192.0.2.7") == 101
    assert tried(cluster, X_Forwarded_For="192.0.2.8") == 503
    assert tried(cluster, source="127.0.0.2", first=v1("192.0.2.7")) == 400


PAGE = "https://example.org"
BY_HEADER = {"trustedProxies": ["127.0.0.1"], "ws.origins": [PAGE], "auth.mode": "verify", "auth.header": "X-User"}


@pytest.mark.parametrize("options, first, source, believed", [
    ({}, b"", None, True),
    ({}, b"", "127.0.0.2", False),
    ({"proxyProtocol": True}, LOCAL, None, True),
    ({"proxyProtocol": True}, v2("127.0.0.1"), None, True),
    ({"proxyProtocol": True}, v2("192.0.2.7"), None, False),
    ({"proxyProtocol": True}, UNKNOWN, None, False),
    ({"proxyProtocol": True}, b"", "127.0.0.2", False),
], ids=["l7", "stranger", "local", "l7-behind-l4", "l4", "l4-unknown", "stranger-beside-l4"])
def test_only_a_trusted_proxy_itself_says_who_the_user_is(make, options, first, source, believed):
    cluster = make(**BY_HEADER, **options)
    client = cluster.raw(shake=False, first=first, source=source)
    assert client.shake(Origin=PAGE, X_User="shop-7").status == 101
    if believed:
        client.join("r")
    else:
        client.text({"type": "JOIN", "id": 1, "data": {"room": "r"}})
        assert client.close_code() == 4002


def test_a_reload_trusts_others(make):
    cluster = make(maxClientsPerAddress=1)
    gateway = cluster.gateways[0]
    early = cluster.raw()
    assert gateway.reload(trustedProxies=["127.0.0.1"], proxyProtocol=True)
    assert tried(cluster, first=v1("192.0.2.7")) == 101
    assert tried(cluster, first=v2("192.0.2.7")) == 503
    assert gateway.reload(proxyProtocol=False)
    wait_until(lambda: tried(cluster, X_Forwarded_For="192.0.2.8") == 101, what="the buckets to know the proxies")
    assert tried(cluster, X_Forwarded_For="192.0.2.7") == 503, "who was there counts"
    assert gateway.reload(trustedProxies=[])
    assert tried(cluster, X_Forwarded_For="192.0.2.9") == 503, "127.0.0.1 has the share that it had"
    assert early.request("PING", {})["type"] == "ACK"


def test_a_drain_tells_those_who_come_through_a_proxy(make):
    cluster = make(**PROXY, drainSeconds=3)
    silent = cluster.raw(first=v1("192.0.2.7"))
    late = cluster.raw(shake=False, first=b"PROXY ")
    wait_until(lambda: cluster.gateway_metrics().get("fanfare_gateway_proxy_headers_waiting") == 1, what="it to wait")
    cluster.gateways[0].signal(signal.SIGTERM)
    wait_until(lambda: cluster.gateways[0].events("draining"), what="the drain to begin")
    late.send_bytes(v1("192.0.2.8")[6:])
    answer = late.shake()
    assert (answer.status, answer.error) == (503, "draining")
    silent.close()


# Real proxies, each as its manual has it.

HAPROXY = """
global
    maxconn 100
defaults
    mode {mode}
    timeout connect 2s
    timeout client 20s
    timeout server 20s
frontend clients
    bind 127.0.0.1:{port}
    default_backend gateways
backend gateways
    {option}
    server gw 127.0.0.1:{gateway} {server}
"""
NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1;
events {{ worker_connections 100; }}
{kind} {{
    {temp}
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""
WEBSOCKET = """location / {{
            proxy_pass http://127.0.0.1:{gateway};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header X-Forwarded-For {value};
        }}"""


def haproxy(directory, port, gateway, mode="tcp", option="", server=""):
    text = HAPROXY.format(port=port, gateway=gateway, mode=mode, option=option, server=server)
    (directory / "haproxy.cfg").write_text(text)
    return ["haproxy", "-db", "-f", "haproxy.cfg"]


def nginx(directory, port, gateway, kind, server):
    temp = "".join(f"{name}_temp_path {directory}/{name}; " for name in
                   ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) if kind == "http" else ""
    (directory / "nginx.conf").write_text(NGINX.format(kind=kind, temp=temp, port=port, server=server.format(
        gateway=gateway)))
    user = "user root; " if os.getuid() == 0 else ""
    return ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr", "-g",
            f"{user}daemon off; pid {directory}/pid;"]


def nginx_stream(*place):
    return nginx(*place, "stream", "proxy_pass 127.0.0.1:{gateway}; proxy_protocol on;")


def nginx_http(*place, value="$proxy_add_x_forwarded_for"):
    return nginx(*place, "http", WEBSOCKET.replace("{value}", value))


@contextlib.contextmanager
def running(command, directory, port):
    """The proxy, until it takes connections; it is ended afterwards."""
    program = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin")
    assert program is not None, f"there is no {command[0]}: deploy/install-deps test installs it"
    log = directory / "log"
    with open(log, "wb") as out:
        process = subprocess.Popen([program, *command[1:]], cwd=directory, env=clean_environment(), stdout=out,
                                   stderr=out)

    def listens():
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            RawClient(("127.0.0.1", port), shake=False).close()
            return True

    try:
        wait_until(listens, 20, f"{command[0]} to listen")
        yield
    finally:
        process.terminate()
        process.wait(patient(20))


def expect_shares(port, tls=None):
    """Three clients at the proxy's door, the first two of them of one address; a forged header changes nothing."""
    with contextlib.ExitStack() as stack:
        statuses = []
        for source, forged in (("127.0.0.2", None), ("127.0.0.2", None), ("127.0.0.2", FORGED), ("127.0.0.3", None)):
            client = RawClient(("127.0.0.1", port), shake=False, source=source, tls=tls)
            stack.enter_context(client)
            statuses.append(client.shake(X_Forwarded_For=forged).status)
            if statuses[-1] == 101:
                assert client.request("PING", {})["type"] == "ACK"
        assert statuses == [101, 503, 503, 101]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("make_command", [
    lambda *place: haproxy(*place, server="send-proxy"),
    lambda *place: haproxy(*place, server="send-proxy-v2"),
    lambda *place: haproxy(*place, server="send-proxy-v2 proxy-v2-options crc32c,unique-id"),
    nginx_stream,
], ids=["haproxy-v1", "haproxy-v2", "haproxy-v2-crc32c", "nginx-stream"])
def test_real_proxies_below_tls(make, tmp_path, make_command, tls):
    cluster = make(tls, **PROXY)
    port = free_port()
    with running(make_command(tmp_path, port, cluster.ws()[1]), tmp_path, port):
        expect_shares(port, cluster.tls)


@pytest.mark.parametrize("make_command", [
    lambda *place: haproxy(*place, mode="http", option="option forwardfor"),
    nginx_http,
    lambda *place: nginx_http(*place, value="$remote_addr"),
], ids=["haproxy-forwardfor", "nginx-appends", "nginx-replaces"])
def test_real_proxies_of_http(make, tmp_path, make_command):
    cluster = make(**TRUST)
    port = free_port()
    with running(make_command(tmp_path, port, cluster.ws()[1]), tmp_path, port):
        expect_shares(port)


def test_haproxys_checks_come_with_a_header(make, tmp_path):
    """`check-send-proxy`: LOCAL, then the request of the check over TLS."""
    cluster = make(True, **PROXY)
    port = free_port()
    command = haproxy(tmp_path, port, cluster.ws()[1],
                      option="option httpchk GET /readyz HTTP/1.1\\r\\nHost:\\ localhost",
                      server="check check-ssl check-send-proxy verify none inter 200ms rise 1 fall 1 send-proxy-v2")
    with running(command, tmp_path, port):
        headers = lambda: cluster.gateway_metrics().get("fanfare_gateway_proxy_headers_total", version="2")
        before = headers()
        wait_until(lambda: headers() >= before + 3, what="three checks to come")
        expect_shares(port, cluster.tls)
        assert cluster.gateway_metrics().total("fanfare_gateway_proxy_headers_refused_total") == 0
