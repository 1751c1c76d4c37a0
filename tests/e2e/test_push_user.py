# SPDX-License-Identifier: Apache-2.0
"""Pushes to users: what callers may say, who is offline, and gateways that know no users."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import finish
from harness import rpc
from harness.build import binary
from harness.cluster import Cluster
from harness.issuer import Issuer
from harness.link_bench import Applier, Bench
from harness.waiting import wait_until

KNOWS_USERS = {
    "version": "9.9.9",
    "instance": "00112233445566778899aabbccddeeff",
    "limits": {"maxItemBytes": 65536, "maxJsonDepth": 64, "maxRoomNameBytes": 128, "maxRpcBytes": 8388608},
    "capabilities": ["traces", "users"],
}
OLDER = {**KNOWS_USERS, "capabilities": ["traces"]}


@pytest.fixture
def bench(certs, tmp_path):
    made = Bench(certs, tmp_path)
    yield made
    made.finish()


@pytest.fixture(scope="module")
def pair(certs, tmp_path_factory):
    """Two gateways on which no user is."""
    made = Cluster(tmp_path_factory.mktemp("pair"), certs, gateways=2)
    yield made
    finish([made])


def post(cluster, body, path="/push/user"):
    with cluster.caller() as caller:
        return caller.post(path, body)


def offline(answer):
    return answer.get("offline"), answer.get("offlineCount")


# What callers may say


@pytest.mark.parametrize("body, wait, offline", [
    ({"user": "u7", "items": [1]}, False, None),
    ({"user": "u7", "items": [1, 2], "wait": True}, True, ["u7"]),
    ({"users": ["u9", "u7", "u8"], "items": [1], "wait": True}, True, ["u9", "u7", "u8"]),
    ({"users": ["u9", "u7", "u9"], "items": [1], "wait": True}, True, ["u9", "u7"]),
    ({"users": ["a\"b", "\u00e9", "\u0061"], "items": [1], "wait": True}, True, ["a\"b", "\u00e9", "a"]),
])
def test_json(pair, body, wait, offline):
    answer = post(pair, body)
    assert answer.status == 200, answer
    assert answer.json["items"] == len(body["items"]) and answer.json["gateways"]["queued"] == 2
    expected = {"clients": 0, "offline": offline, "offlineCount": len(offline)} if wait else {}
    assert {key: answer.json[key] for key in set(answer.json) - {"id", "items", "gateways"}} == expected


def test_forms(pair):
    with pair.caller() as caller:
        assert "offline" not in caller.form("/push/user", "user=u7&items=[1]").json
        for answer in (caller.form("/push/user", "items=[1]&user=u%207&wait=1"),
                       caller.form("/push/user?wait=1", "items=[1]&user=u%207")):
            assert answer.status == 200 and offline(answer.json) == (["u 7"], 1)


@pytest.mark.parametrize("body, code, says", [
    ({"items": [1]}, "invalid_user", "user or users is missing"),
    ({"user": "", "items": [1]}, "invalid_user", "user: the user name is empty"),
    ({"user": "a\u0002b", "items": [1]}, "invalid_user", "control character"),
    ({"user": "x" * 129, "items": [1]}, "invalid_user", "too long; allowed are 1 to 128 bytes"),
    ({"users": ["ok", ""], "items": [1]}, "invalid_user", "users[1]: "),
    ({"users": [], "items": [1]}, "invalid_user", "users is empty"),
    ({"users": ["a"] * 1001, "items": [1]}, "too_many_users", "more than 1000 users"),
    ({"users": "a", "items": [1]}, "invalid_request", "users must be an array"),
    ({"user": "a", "users": ["b"], "items": [1]}, "invalid_request", "only one of user and users"),
    ({"user": "a", "room": "r", "items": [1]}, "invalid_request", "member \"room\" is not allowed"),
    ({"user": "a", "all": True, "items": [1]}, "invalid_request", "member \"all\" is not allowed"),
    ({"user": "a"}, "invalid_request", "items is missing"),
])
def test_refused(pair, body, code, says):
    answer = post(pair, body)
    assert (answer.status, answer.error) == (400, code) and says in answer.message, answer


def test_a_batch_has_users_beside_rooms(pair):
    answer = post(pair, [
        {"users": ["u1", "u2"], "items": [1], "wait": True},
        {"user": "u3", "rooms": ["r"], "items": [1]},
        {"room": "r", "items": [1], "wait": True},
        {"user": "\u0001", "items": [1]},
        {"user": "u4", "items": [1]},
    ], "/push/batch")
    assert answer.status == 207, answer
    first, second, third, fourth, fifth = answer.json
    assert offline(first) == (["u1", "u2"], 2)
    assert second["error"]["code"] == "invalid_request"
    assert "only one of all, room, rooms, user and users" in second["error"]["message"]
    assert third["clients"] == 0 and offline(third) == (None, None)
    assert fourth["error"]["code"] == "invalid_user"
    assert "id" in fifth and offline(fifth) == (None, None)


def test_a_hundred_are_named_and_all_are_counted(pair):
    users = ["u%03d" % n for n in range(250)]
    answer = post(pair, {"users": users, "items": [1], "wait": True}).json
    assert offline(answer) == (users[:100], 250)


def test_books(pair):
    targets = ("all", "room", "user")
    count = lambda: [pair.logic_metrics().get("fanfare_logic_pushes_by_target_total", target=each) for each in targets]
    items = lambda: sum(pair.gateway_metrics(n).get("fanfare_gateway_items_by_target_total", target="user") for n in (0, 1))
    gone = lambda: pair.logic_metrics().get("fanfare_logic_users_offline_total")
    before, items_before, gone_before = count(), items(), gone()
    assert post(pair, {"users": ["a", "b"], "items": [1, 2, 3], "wait": True}).status == 200
    assert post(pair, {"user": "", "items": [1]}).status == 400
    assert [after - was for after, was in zip(count(), before)] == [0, 0, 1]
    assert items() - items_before == 2 * 2 * 3, "each item for each user on each gateway"
    assert gone() - gone_before == 2


# Who may be said to be offline


def test_nobody_is_called_offline_while_a_gateway_is_down(make_cluster):
    cluster = make_cluster(gateways=2, logic={"linkQueueSeconds": 1, "waitTimeout": 500})
    body = {"user": "u7", "items": [1], "wait": True}
    assert offline(post(cluster, body).json) == (["u7"], 1)
    cluster.gateways[1].kill()
    late = wait_until(lambda: post(cluster, body) if post(cluster, body).status == 504 else None, 20, "the link to break")
    assert "offline" not in late.json and late.json["gateways"]["acked"] == 1
    down = wait_until(lambda: post(cluster, body) if post(cluster, body).status == 200 else None, 20, "it to be given up")
    assert down.json["gateways"] == {"known": 2, "queued": 1, "acked": 1, "down": [down.json["gateways"]["down"][0]]}
    assert down.json["clients"] == 0 and offline(down.json) == (None, None)
    cluster.restart_gateway(1)
    back = wait_until(lambda: "offline" in post(cluster, body).json, 20, "it to be back")
    assert back


def test_a_gateway_that_does_not_say_who_is_there(bench):
    """It knows users, but not (any more) who was there: nobody is offline then."""
    first, second = Applier(), Applier()
    fakes = [bench.gateway(first), bench.gateway(second)]
    for fake in fakes:
        fake.hello = (200, json.dumps(KNOWS_USERS).encode())
    bench.logic(*(fake.port for fake in fakes))
    wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 2, 10, "both links")
    with bench.caller() as caller:
        answer = caller.post("/push/user", {"user": "u7", "items": [1], "wait": True})
    assert answer.status == 200 and answer.json["clients"] == 6 and offline(answer.json) == (None, None)
    assert [each[2] for each in first.applied] == [["u7"]] and isinstance(first.applied[0][2], rpc.Users)


# Gateways that know no users


def test_an_older_gateway_is_never_sent_one(bench):
    older, newer = Applier(), Applier()
    fakes = [bench.gateway(older), bench.gateway(newer)]
    for fake, hello in zip(fakes, (OLDER, KNOWS_USERS)):
        fake.hello = (200, json.dumps(hello).encode())
    bench.logic(*(fake.port for fake in fakes))
    wait_until(lambda: bench.metrics().get("fanfare_logic_links", state="up") == 2, 10, "both links")
    name = f"127.0.0.1:{fakes[0].port}"
    with bench.caller() as caller:
        answer = caller.post("/push/user", {"user": "u7", "items": [1]})
        assert answer.status == 200 and answer.json["gateways"] == {"known": 2, "queued": 1, "refused": [name]}
        waited = caller.post("/push/user", {"user": "u7", "items": [2], "wait": True})
        assert (waited.status, waited.error) == (502, "gateway_refused")
        assert f"{name} takes no pushes to users" in waited.message and offline(waited.json) == (None, None)
        assert waited.json["gateways"] == {"known": 2, "queued": 1, "acked": 1, "refused": [name]}
        assert caller.post("/push/all", {"items": [3], "wait": True}).status == 200
    assert newer.items == [1, 2, 3] and older.items == [3]
    assert bench.balance()["refused"] == 2
    assert bench.metrics().get("fanfare_logic_link_rpc_errors_total") == 0, "it was never sent"


@pytest.mark.parametrize("hello", [(200, json.dumps(OLDER).encode()), (404, b"")], ids=["older", "none"])
def test_what_no_gateway_knows_is_400(bench, hello):
    fake = bench.gateway(Applier())
    fake.hello = hello
    bench.logic(fake.port)
    bench.ready()
    with bench.caller() as caller:
        answer = caller.form("/push/user", "user=u7&items=[1]")
    assert (answer.status, answer.error) == (400, "gateway_limits")
    assert answer.message == f"no gateway takes the push: 127.0.0.1:{fake.port} takes no pushes to users"


def test_go_push_gets_none_in_another_form(bench):
    received = []
    fake = bench.gateway(rpc.go_push_responder(received))
    bench.logic(fake.port)
    bench.ready()
    with bench.caller() as caller:
        assert caller.form("/push/user", "user=u7&items=[1]").status == 400
        assert caller.form("/push/room?wait=1", "room=u7&items=[2]").status == 200
    assert received == [("u7", [2])]


def test_what_waited_for_an_older_gateway_is_refused_when_it_is_up(bench):
    """While it was connecting nobody knew; what else waited arrives, in order."""
    gateway = Applier()
    fake = bench.gateway(gateway)
    fake.hello = None
    daemon = bench.logic(fake.port, gatewayTimeout=2000, linkQueueSeconds=600, waitTimeout=60000)
    wait_until(lambda: fake.hellos, 10, "the hello")
    with bench.caller() as caller, bench.caller(60) as waiting:
        assert caller.form("/push/all", "items=[1]").status == 200
        assert caller.form("/push/user", "user=u7&items=[2]").json["gateways"]["queued"] == 1
        assert caller.form("/push/all", "items=[3]").status == 200
        fake.hello = (200, json.dumps(OLDER).encode())
        answer = waiting.post("/push/user", {"user": "u7", "items": [4], "wait": True})
        assert (answer.status, answer.error) in ((502, "gateway_refused"), (400, "gateway_limits")), answer
    wait_until(lambda: gateway.items == [1, 3], 20, "the rest")
    [line] = daemon.events("gateway takes no such pushes, which are dropped for it")
    assert line["gateway"] == f"127.0.0.1:{fake.port}"


# The gateway's answer


def entry(answer, sequence):
    assert answer.status == 200, answer
    return {each[0]: each[1:] for each in answer.json["reached"]}[sequence]


def test_a_repeat_is_answered_alike(pair, certs):
    """Over another connection, as after a cut link; and without wait nobody is listed."""
    logic = rpc.new_logic_id()
    body = rpc.batch(logic, [
        rpc.record(1, [b"1"], users=[b"u1", b"u2"], wait=True),
        rpc.record(2, [b"2"], users=[b"u1"]),
        rpc.record(3, [b"3"], rooms=[b"nobody"], wait=True),
    ])
    address = pair.gateways[0].address("rpc")
    for pushes in (3, 0):
        with rpc.RpcCaller(address, certs.client_context()) as caller:
            answer = caller.batch(body)
            assert answer.json["pushes"] == pushes
            assert entry(answer, 1) == [0, [0, 1]] and entry(answer, 3) == [0]
            assert len(answer.json["reached"]) == 2


@pytest.mark.parametrize("users, says", [
    ([b"\x02u7"], "the user name has a control character"),
    ([b"x" * 129], "the user name is too long"),
    ([b""], "the user name is empty"),
])
def test_a_gateway_refuses_bad_users(pair, certs, users, says):
    with rpc.RpcCaller(pair.gateways[0].address("rpc"), certs.client_context()) as caller:
        answer = caller.batch(rpc.batch(rpc.new_logic_id(), [rpc.record(1, [b"1"], users=users)]))
    assert (answer.status, answer.error) == (400, "invalid_batch") and says in answer.message


# Users who are there

@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


def verifying(issuer, **more):
    """Options of a gateway whose clients belong to who their tokens say, or to nobody."""
    return issuer.options(**{"auth.required": False, "auth.anonymousRooms": ["*"], **more})


@pytest.fixture(scope="module")
def home(certs, tmp_path_factory, issuer):
    """Two gateways whose clients have tokens, or none."""
    made = Cluster(tmp_path_factory.mktemp("home"), certs, gateways=2, gateway=verifying(issuer))
    yield made
    finish([made])


@pytest.fixture
def cluster_at_home(home):
    yield home
    home.close_clients()


@pytest.fixture
def login(issuer):
    """Connects a client that belongs to `user`; the answer to its PING says that it does."""
    def connect(cluster, user, *rooms, gateway=0, query=""):
        token = issuer.token(user, rooms=["*"])
        return cluster.client(*rooms, gateway=gateway, query=f"?token={token}{query}").expect_nothing()

    return connect


def test_every_connection_of_each_user_gets_it_and_nobody_else(cluster_at_home, login):
    cluster = cluster_at_home
    mine = [login(cluster, "u7", gateway=n % 2) for n in range(4)]
    yours = [login(cluster, "u8", "r", gateway=1)]
    others = [login(cluster, "u9", "u7", "r"), cluster.client("u7", "u8", "r")]
    answer = post(cluster, {"users": ["u7", "u8", "u0", "r"], "items": [{"n": 1}, 2], "wait": True}).json
    assert answer["clients"] == 5 and offline(answer) == (["u0", "r"], 2)
    assert answer["gateways"] == {"known": 2, "queued": 2, "acked": 2}
    for client in mine + yours:
        assert client.items(2) == [{"n": 1}, 2]
    for client in mine + yours + others:
        client.expect_nothing()


def test_frames_name_the_user_in_version_2_alone(cluster_at_home, login):
    one = login(cluster_at_home, "u\"7")
    two = login(cluster_at_home, "u\"7", query="&v=2")
    assert post(cluster_at_home, {"user": "u\"7", "items": [1]}).status == 200
    assert one.receive() == '{"type":"PUSH","data":{"items":[1]}}'
    assert two.receive() == '{"type":"PUSH","data":{"room":null,"user":"u\\"7","items":[1]}}'


def test_who_leaves_is_offline_and_who_comes_is_not(cluster_at_home, login):
    body = {"users": ["u7", "u8"], "items": [1], "wait": True}
    first, second = login(cluster_at_home, "u7"), login(cluster_at_home, "u7", gateway=1)
    assert offline(post(cluster_at_home, body).json) == (["u8"], 1)
    first.close()
    wait_until(lambda: post(cluster_at_home, body).json["clients"] == 1, 10, "one connection to be gone")
    assert offline(post(cluster_at_home, body).json) == (["u8"], 1), "the other gateway has one"
    second.close()
    wait_until(lambda: offline(post(cluster_at_home, body).json) == (["u7", "u8"], 2), 10, "the last one to be gone")
    login(cluster_at_home, "u8", gateway=1)
    assert offline(post(cluster_at_home, body).json) == (["u7"], 1)


def test_order_and_merging_hold_for_users_beside_rooms(cluster_at_home, login):
    client = login(cluster_at_home, "u70", "r70")  # to whom no other test's push may be waiting for its window
    pushes = [{("user" if n % 2 else "room"): ("u70" if n % 2 else "r70"), "items": [n]} for n in range(400)]
    assert post(cluster_at_home, pushes, "/push/batch").status == 200
    items = client.items(400)
    assert [n for n in items if n % 2] == list(range(1, 400, 2)) and [n for n in items if not n % 2] == list(range(0, 400, 2))


def test_a_repeat_says_who_was_there_then(cluster_at_home, certs, login):
    """The answer was lost, the link came back; meanwhile another user came. He did not get it."""
    login(cluster_at_home, "u1")
    body = rpc.batch(rpc.new_logic_id(), [rpc.record(1, [b"1"], users=[b"u1", b"u2", b"u3"], wait=True)])
    address = cluster_at_home.gateways[0].address("rpc")
    with rpc.RpcCaller(address, certs.client_context()) as caller:
        assert entry(caller.batch(body), 1) == [1, [1, 2]]
    late = login(cluster_at_home, "u2")
    with rpc.RpcCaller(address, certs.client_context()) as caller:
        again = caller.batch(body)
    assert entry(again, 1) == [1, [1, 2]] and again.json["duplicates"] == 1
    late.expect_nothing()


def test_a_lost_answer_is_given_again(make_cluster, issuer, login):
    """The gateway has applied the push when the link is cut before its answer came: it is sent again, and who waits
    hears what held the first time; each item arrives once."""
    cluster = make_cluster(gateways=2, gateway=verifying(issuer), proxied=True, logic={"waitTimeout": 30000})
    client = login(cluster, "u7", gateway=1)
    for number in range(3):
        cluster.proxies[1].lose_answers()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(post, cluster, {"users": [f"v{number}", "u7"], "items": [number], "wait": True})
            assert client.push() == [number]
            late = login(cluster, f"v{number}", gateway=1)
            cluster.proxies[1].cut()
            cluster.proxies[1].flow()
            answer = waiting.result(30)
        assert answer.status == 200 and answer.json["clients"] == 1, answer
        assert offline(answer.json) == ([f"v{number}"], 1)
        late.expect_nothing()
    assert cluster.logic_metrics().get("fanfare_logic_link_duplicates_total") >= 3
    client.expect_nothing()


@pytest.mark.parametrize("mode", ["mirror", "only"])
def test_users_by_the_bus(redis, make_cluster, issuer, login, mode):
    links = {} if mode == "mirror" else {"gatewayList": []}
    cluster = make_cluster(redis=redis, listed=True, gateways=2, logic={"bus.mode": mode, **links},
                           gateway={**verifying(issuer), "bus.listen": True})
    clients = [login(cluster, "u7", gateway=n) for n in (0, 1)]
    other = login(cluster, "u8", "r")
    answers = [post(cluster, {"users": ["u7", "u0"], "items": [n]}) for n in range(50)]
    assert {answer.status for answer in answers} == {200}
    for client in clients:
        assert client.items(50) == list(range(50))
    waited = post(cluster, {"users": ["u7", "u0"], "items": [50], "wait": True})
    if mode == "only":
        assert (waited.status, waited.error) == (400, "wait_unavailable")
        assert answers[0].json["bus"] == "queued" and offline(answers[0].json) == (None, None)
    else:
        assert waited.json["clients"] == 2 and offline(waited.json) == (["u0"], 1)
        for client in clients:
            assert client.push() == [50]
    other.expect_nothing()
    for client in clients:
        client.expect_nothing()


def test_tail_shows_whose_it_is(cluster_at_home, issuer):
    url = "ws://127.0.0.1:%d" % cluster_at_home.ws()[1]
    for more, line in ([], "@u7\t1\n"), (["--json"], '{"room":null,"user":"u7","item":1}\n'):
        tail = subprocess.Popen(
            [binary("fanfare"), "tail", "--room", "r", "--gateway", url, "--count", "1", *more,
             "--header", f"Authorization: Bearer {issuer.token('u7', rooms=['*'])}"], stdout=subprocess.PIPE, text=True)
        there = lambda: post(cluster_at_home, {"user": "u7", "items": [1], "wait": True}).json["clients"] == 1
        wait_until(there, 10, "the tool to be there")
        assert tail.communicate(timeout=30)[0] == line
