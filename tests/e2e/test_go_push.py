# SPDX-License-Identifier: Apache-2.0
"""Beside go-push: its config files load, its gateway receives from our logic, its logic delivers through ours."""

import json
import subprocess
import threading

import pytest

from harness.daemon import Daemon, run
from harness.rpc import FakeGateway, RpcCaller, go_push_responder
from harness.waiting import wait_until

# Files as go-push's users have them: comments are keys, one key is in another case.
GATEWAY_JSON = """{
  "websocket监听端口": "由反向代理转发到这里",
  "wsPort": 7777,
  "websocket读超时": "单位毫秒",
  "wsReadTimeout": 2000,
  "websocket写超时": "单位毫秒",
  "wsWriteTimeout": 2000,
  "websocket读队列长度": "通常保持默认",
  "wsInChannelSize": 1000,
  "WebSocket写队列长度": "通常保持默认",
  "wsOutChannelSize": 1000,
  "WebSocket心跳检查间隔": "单位秒",
  "wsHeartbeatInterval": 60,
  "合并推送的最大延迟时间": "单位毫秒",
  "maxMergerDelay": 1000,
  "合并最多消息条数": "条数越多, 吞吐越高",
  "maxMergerBatchSize": 100,
  "消息合并协程的数量": "按CPU调整",
  "MergerWorkerCount": 32,
  "消息合并队列的容量": "超过则丢弃",
  "mergerChannelSize": 1000,
  "内部通讯HTTP2端口": "不要暴露到外网",
  "servicePort": 7788,
  "serviceReadTimeout": 2000,
  "serviceWriteTimeout": 2000,
  "内部通讯HTTP2 TLS证书": "私有证书",
  "serverPem": "./default.pem",
  "内部通讯HTTP2 TLS密钥": "与证书配对",
  "serverKey": "./default.key",
  "连接分桶的数量": "桶越多, 锁越小",
  "bucketCount": 512,
  "每个桶的处理协程数量": "并发度",
  "bucketWorkerCount": 32,
  "每个连接最多加入房间数量": "简单的数量控制",
  "maxJoinRoom": 5,
  "待分发队列的长度": "等待分发",
  "dispatchChannelSize": 100000,
  "分发协程的数量": "扇出",
  "dispatchWorkerCount": 32,
  "Bucket工作队列长度": "每个桶一个队列",
  "bucketJobChannelSize": 1000,
  "Bucket发送协程的数量": "并发发送",
  "bucketJobWorkerCount": 32
}
"""
LOGIC_JSON = """{
  "HTTP/1服务端口": "接收业务方调用",
  "servicePort": 7799,
  "serviceReadTimeout": 2000,
  "serviceWriteTimeout": 2000,
  "网关列表": "推送分发给所有网关",
  "gatewayList": [
    {
      "hostname": "localhost",
      "port": 7788
    }
  ],
  "gatewayMaxConnection": 32,
  "gatewayTimeout": 3000,
  "gatewayIdleTimeout": 60,
  "gatewayDispatchWorkerCount": 32,
  "gatewayDispatchChannelSize": 100000,
  "每个网关的最大拥塞推送数": "超过则丢弃",
  "gatewayMaxPendingCount": 200000,
  "每条推送的最大重试次数": "超过则丢弃",
  "gatewayPushRetry": 3
}
"""
IGNORED = {
    "gateway": ["wsWriteTimeout", "wsInChannelSize", "mergerWorkerCount", "mergerChannelSize", "serviceReadTimeout",
                "serviceWriteTimeout", "bucketCount", "bucketWorkerCount", "dispatchChannelSize", "dispatchWorkerCount",
                "bucketJobWorkerCount"],
    "logic": ["gatewayMaxConnection", "gatewayIdleTimeout", "gatewayDispatchWorkerCount", "gatewayDispatchChannelSize",
              "gatewayPushRetry"],
}


@pytest.fixture
def go_push_directory(tmp_path):
    """Config files and a self-signed certificate, side by side as go-push's users keep them."""
    (tmp_path / "gateway.json").write_text(GATEWAY_JSON)
    (tmp_path / "logic.json").write_text(LOGIC_JSON)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=go-push",
                    "-keyout", tmp_path / "default.key", "-out", tmp_path / "default.pem"],
                   check=True, capture_output=True)
    return tmp_path


@pytest.mark.parametrize("which", ["gateway", "logic"])
def test_its_config_files_pass_the_check_unchanged(go_push_directory, which):
    """The files as they are; the check binds the ports, so the command line gives it free ones."""
    ports = {"gateway": ["--ws-port", "0", "--service-port", "0"], "logic": ["--service-port", "0"]}[which]
    done = run(f"fanfare-{which}", "-config", f"{which}.json", "--check", *ports, cwd=go_push_directory)
    assert done.returncode == 0, done.stderr


def test_its_config_files_run_a_cluster(go_push_directory, make_cluster):
    """The files as they are but for the ports, which a test must not fix."""
    gateway = json.loads(GATEWAY_JSON)
    gateway.update(wsPort=0, servicePort=0)
    cluster = make_cluster(gateways=0, logics=0)
    cluster.gateways.append(Daemon("fanfare-gateway", gateway, go_push_directory, "g", args=["--admin-port", "0"]))
    logic = json.loads(LOGIC_JSON)
    logic.update(servicePort=0)
    logic["gatewayList"][0]["port"] = cluster.gateways[0].port("rpc")
    cluster.logics.append(Daemon("fanfare-logic", logic, go_push_directory, "l"))
    cluster.await_ready()
    client = cluster.client("default")
    with cluster.caller() as caller:
        caller.form("/push/room", 'room=default&items=[{"msg": "hi"}]')
    assert client.push() == [{"msg": "hi"}]
    for daemon, which in ((cluster.gateways[0], "gateway"), (cluster.logics[0], "logic")):
        for key in IGNORED[which]:
            named = [line for line in daemon.log().splitlines() if key.lower() in line.lower()]
            assert len(named) == 1, f"{key} is to be named once as having no effect: {named}"


@pytest.fixture
def go_push_gateway(certs):
    received = []
    gateway = FakeGateway(certs.server_context(), go_push_responder(received))
    gateway.received = received
    yield gateway
    gateway.stop()


def logic_for(make_cluster, gateway, *ports):
    """A logic of ours with links, all of them up, to the fake gateway and to `ports`."""
    listed = [{"hostname": "127.0.0.1", "port": port} for port in (gateway.port, *ports)]
    cluster = make_cluster(gateways=0, logic={"gatewayList": listed, "rpc.ca": None, "rpc.cert": None, "rpc.key": None})
    everyone = 1 + len(ports)
    wait_until(lambda: cluster.push("nobody", 0, wait=True)["gateways"]["acked"] == everyone, what="every link to be up")
    gateway.received.clear()
    return cluster


def test_its_gateway_receives_from_our_logic(make_cluster, go_push_gateway):
    cluster = logic_for(make_cluster, go_push_gateway)
    with cluster.caller() as caller:
        for n in range(100):
            assert caller.post("/push/room", {"room": "a b&c", "items": [n, {"x": "\u00e9+&%"}]}).status == 200
        assert caller.post("/push/all", {"items": ["all"]}).status == 200
        assert caller.post("/push/room", {"rooms": ["r1", "r2"], "items": [1]}).status == 200
    wait_until(lambda: len(go_push_gateway.received) == 103, what="all calls to arrive")
    assert go_push_gateway.received[:100] == [("a b&c", [n, {"x": "\u00e9+&%"}]) for n in range(100)]
    assert go_push_gateway.received[100:] == [(None, ["all"]), ("r1", [1]), ("r2", [1])]
    assert go_push_gateway.most_at_once == 1, "one at a time, so that order holds"


def test_its_gateway_is_asked_for_the_native_call_once_only(make_cluster, go_push_gateway):
    cluster = logic_for(make_cluster, go_push_gateway)
    for n in range(20):
        cluster.push("r", n)
    wait_until(lambda: len(go_push_gateway.received) == 20, what="all calls to arrive")
    native = [call for call in go_push_gateway.calls if call[1] == "/rpc/batch"]
    assert len(native) <= go_push_gateway.connections


def test_waiting_on_its_gateway_counts_it_as_acked(make_cluster, go_push_gateway):
    cluster = logic_for(make_cluster, go_push_gateway)
    answer = cluster.push("r", 1, wait=True)
    assert answer["gateways"] == {"known": 1, "queued": 1, "acked": 1}
    assert go_push_gateway.received == [("r", [1])]


def test_its_gateway_and_ours_side_by_side(make_cluster, go_push_gateway):
    ours = make_cluster(gateways=1, logics=0, gateway={"rpc.ca": None})
    client = ours.client("r")
    cluster = logic_for(make_cluster, go_push_gateway, ours.gateways[0].port("rpc"))
    for n in range(50):
        answer = cluster.push("r", n)
        assert answer["gateways"]["queued"] == 2
    assert client.items(50) == list(range(50))
    wait_until(lambda: len(go_push_gateway.received) == 50, what="all calls to arrive")
    assert go_push_gateway.received == [("r", [n]) for n in range(50)]


def test_a_go_push_like_logic_delivers_through_our_gateway(make_cluster, certs):
    """Many streams at once on several connections, none verified: what go-push's logic does."""
    cluster = make_cluster(logics=0, gateway={"rpc.ca": None})
    clients = [cluster.client("default") for _ in range(10)]
    form = "application/x-www-form-urlencoded"
    context = certs.client_context(show=False)
    faults = []

    def worker(number):
        try:
            with RpcCaller(cluster.gateways[0].address("rpc"), context) as rpc:
                for begin in range(0, 100, 25):
                    bodies = [b'items=[{"w":%d,"n":%d}]&room=default' % (number, begin + n) for n in range(25)]
                    streams = [rpc.begin("POST", "/push/room", body, form) for body in bodies]
                    answers = [rpc.answer(stream) for stream in streams]
                    assert all((answer.status, answer.body) == (200, b"") for answer in answers)
        except BaseException as fault:  # told to the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    expected = sorted((w, n) for w in range(4) for n in range(100))
    for client in clients:
        assert sorted((item["w"], item["n"]) for item in client.items(400)) == expected


def test_stats_of_both_daemons_have_go_pushs_keys(make_cluster, certs):
    cluster = make_cluster(gateway={"rpc.ca": None}, logic={"rpc.ca": None, "rpc.cert": None, "rpc.key": None})
    with RpcCaller(cluster.gateways[0].address("rpc"), certs.client_context(show=False)) as rpc:
        assert {"onlineConnections", "dispatchPending", "mergerPending"} <= set(rpc.request("GET", "/stats").json)
    with cluster.caller() as caller:
        assert set(caller.get("/stats").json) == {"DispatchTotal", "DispatchFail", "PushFail"}
