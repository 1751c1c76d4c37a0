# SPDX-License-Identifier: Apache-2.0
"""The callers' HTTP API: every row of its tables in docs/protocol.md, section 1."""

import json
import subprocess
import time

import pytest

from harness.waiting import wait_until


def curl(*args):
    return subprocess.run(["curl", "-sS", "--max-time", "20", *args], check=True, capture_output=True, text=True).stdout


def test_go_push_users_call_it_with_curl_and_raw_json(cluster, room):
    client = cluster.client(room)
    url = "http://127.0.0.1:%d/push/room" % cluster.api()[1]
    answer = json.loads(curl("-d", 'room=%s&items=[{"msg": "hi"}]' % room, url))
    assert answer["items"] == 1
    assert client.push() == [{"msg": "hi"}]


def test_form_values_may_be_percent_encoded(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        caller.form("/push/room", {"room": room, "items": '[{"msg":"a & b + c = 100%"}]'})
    assert client.push() == [{"msg": "a & b + c = 100%"}]


def test_plus_in_a_form_is_a_space(cluster, room):
    client = cluster.client(room + " two")
    with cluster.caller() as caller:
        assert caller.form("/push/room", f"room={room}+two&items=[1]").status == 200
    assert client.push() == [1]


def test_unknown_form_fields_and_order_do_not_matter(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        assert caller.form("/push/room", f"x=1&items=[1]&room={room}&y=%20").status == 200
    assert client.push() == [1]


def test_media_type_parameters_and_case_do_not_matter(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        body = json.dumps({"room": room, "items": [1]})
        answer = caller.request("POST", "/push/room", body, "Application/JSON; charset=utf-8")
        assert answer.status == 200, answer
        answer = caller.request("POST", "/push/room", f"room={room}&items=[2]",
                                "application/x-www-form-urlencoded;charset=UTF-8")
        assert answer.status == 200, answer
    assert client.items(2) == [1, 2]


def test_push_all_reaches_everybody_by_form_and_json(cluster, room):
    inside, outside = cluster.client(room), cluster.client()
    with cluster.caller() as caller:
        assert caller.form("/push/all", 'items=[{"a":1},{"a":2}]').json["items"] == 2
        assert caller.post("/push/all", {"items": [3]}).json["items"] == 1
    for client in (inside, outside):
        assert client.items(3) == [{"a": 1}, {"a": 2}, 3]


def test_push_room_reaches_its_members_only(cluster, room):
    inside, outside = cluster.client(room), cluster.client(room + "-other")
    cluster.push(room, 1)
    assert inside.push() == [1]
    outside.expect_nothing()


def test_push_rooms_reaches_each_room(cluster, room):
    first, second = cluster.client(room + "-1"), cluster.client(room + "-2")
    both = cluster.client(room + "-1", room + "-2")
    answer = cluster.push([room + "-1", room + "-2"], {"n": 1}, wait=True)
    assert answer["clients"] == 4, "a client in two of the rooms counts twice"
    assert first.push() == second.push() == [{"n": 1}]
    assert both.push() + both.push() == [{"n": 1}, {"n": 1}]


def test_answer_names_the_push_and_counts(cluster, room):
    first, second = cluster.push(room, 1, 2), cluster.push(room, 3)
    assert set(first) == {"id", "items", "gateways"}
    assert first["items"] == 2
    assert first["gateways"] == {"known": 1, "queued": 1}
    logic, number = first["id"].rsplit("-", 1)
    assert second["id"] == f"{logic}-{int(number) + 1}"


@pytest.mark.parametrize("ask", ["json", "form field", "query of a form", "query of JSON"])
def test_wait_answers_with_acked_and_clients(cluster, room, ask):
    members = [cluster.client(room) for _ in range(3)]
    with cluster.caller() as caller:
        if ask == "json":
            answer = caller.post("/push/room", {"room": room, "items": [1], "wait": True})
        elif ask == "form field":
            answer = caller.form("/push/room", f"room={room}&items=[1]&wait=1")
        elif ask == "query of a form":
            answer = caller.form("/push/room?wait=1", f"room={room}&items=[1]")
        else:
            answer = caller.post("/push/room?wait=1", {"room": room, "items": [1]})
    assert answer.status == 200, answer
    assert answer.json["gateways"] == {"known": 1, "queued": 1, "acked": 1}
    assert answer.json["clients"] == 3
    assert all(member.push() == [1] for member in members)


def test_wait_false_does_not_wait(cluster, room):
    with cluster.caller() as caller:
        assert "clients" not in caller.post("/push/room", {"room": room, "items": [1], "wait": False}).json
        assert "clients" not in caller.form("/push/room?wait=0", f"room={room}&items=[1]").json


def test_wait_on_an_empty_room_counts_no_client(cluster, room):
    assert cluster.push(room, 1, wait=True)["clients"] == 0


def test_wait_timeout_says_how_many_have_acked_and_the_push_stays_queued(make_cluster):
    cluster = make_cluster(gateways=2, logic={"waitTimeout": 300, "gatewayTimeout": 60000})
    here, there = cluster.client("r", gateway=0), cluster.client("r", gateway=1)
    cluster.gateways[1].stop_the_clock()
    with cluster.caller() as caller:
        answer = caller.post("/push/room", {"room": "r", "items": [1], "wait": True})
    assert answer.status == 504
    assert answer.json["error"]["code"] == "wait_timeout"
    assert answer.json["gateways"] == {"known": 2, "queued": 2, "acked": 1}
    assert here.push() == [1]
    cluster.gateways[1].go_on()
    assert there.push() == [1]


def test_a_gateway_that_is_away_is_named(make_cluster):
    cluster = make_cluster(gateways=2)
    port = cluster.gateways[1].port("rpc")
    cluster.gateways[1].kill()
    away = wait_until(lambda: cluster.push("r", 1)["gateways"].get("connecting"), what="the dead gateway to be named")
    assert away == [f"127.0.0.1:{port}"]


def test_no_gateway_configured(make_cluster):
    cluster = make_cluster(gateways=0, logic={"gatewayList": []})
    with cluster.caller() as caller:
        answer = caller.form("/push/all", "items=[1]")
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "no_gateway", "1")
        ready = caller.get("/readyz")
        assert (ready.status, ready.error) == (503, "not_ready")
        assert caller.get("/healthz").status == 200


def test_no_gateway_up_for_longer_than_link_queue_seconds(make_cluster):
    cluster = make_cluster(logic={"linkQueueSeconds": 1})
    cluster.gateways[0].kill()
    with cluster.caller() as caller:
        def refused():
            answer = caller.form("/push/all", "items=[1]")
            return answer.status != 200 and answer

        answer = wait_until(refused, what="pushes to be refused")
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "no_gateway", "1")
        assert caller.get("/readyz").status == 503


# Batches

def test_batch_answers_each_push_in_order(cluster, room):
    here, other = cluster.client(room), cluster.client(room + "-2")
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [
            {"room": room, "items": [1, 2]},
            {"rooms": [room, room + "-2"], "items": [3], "wait": True},
            {"all": True, "items": [4]},
        ])
    assert answer.status == 200
    first, second, third = answer.json
    assert (first["items"], second["items"], third["items"]) == (2, 1, 1)
    assert second["clients"] == 2 and "clients" not in first and "clients" not in third
    assert sorted(here.items(4)) == [1, 2, 3, 4]
    assert sorted(other.items(2)) == [3, 4]


def test_batch_with_some_refused_is_207(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [
            {"room": room, "items": [1]},
            {"room": "", "items": [2]},
            {"room": room, "items": []},
            {"room": room, "items": [3]},
        ])
    assert answer.status == 207
    codes = [each.get("error", {}).get("code") for each in answer.json]
    assert codes == [None, "invalid_room", "invalid_request", None]
    assert client.items(2) == [1, 3]


def test_batch_with_all_refused_has_the_first_errors_status(cluster, room):
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", [{"room": ""}, {"room": room, "items": 1}])
    assert answer.status == 400
    assert len(answer.json) == 2 and all("error" in each for each in answer.json)


@pytest.mark.parametrize("body", ["{}", "[]", "1", '"x"', "null"])
def test_batch_that_is_no_array_of_pushes_is_refused_whole(cluster, body):
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", body)
    assert (answer.status, answer.error) == (400, "invalid_request")


def test_batch_with_bad_json_is_refused_whole(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        answer = caller.post("/push/batch", '[{"room":"%s","items":[1]},{"room":"%s","items":[01]}]' % (room, room))
    assert (answer.status, answer.error) == (400, "invalid_json")
    cluster.push(room, "marker")
    assert client.push() == ["marker"]


def test_batch_takes_json_only(cluster):
    with cluster.caller() as caller:
        answer = caller.form("/push/batch", "items=[1]")
    assert (answer.status, answer.error) == (415, "unsupported_media_type")


# What is refused

@pytest.mark.parametrize("path, body, code", [
    ("/push/room", {"items": [1]}, "invalid_room"),
    ("/push/room", {"room": "", "items": [1]}, "invalid_room"),
    ("/push/room", {"room": "a\u0000b", "items": [1]}, "invalid_room"),
    ("/push/room", {"room": "a\u0085b", "items": [1]}, "invalid_room"),
    ("/push/room", {"room": "x" * 129, "items": [1]}, "invalid_room"),
    ("/push/room", {"rooms": ["ok", ""], "items": [1]}, "invalid_room"),
    ("/push/room", {"room": 1, "items": [1]}, "invalid_request"),
    ("/push/room", {"rooms": "a", "items": [1]}, "invalid_request"),
    ("/push/room", {"rooms": [1], "items": [1]}, "invalid_request"),
    ("/push/room", {"room": "a", "rooms": ["b"], "items": [1]}, "invalid_request"),
    ("/push/room", {"room": "a"}, "invalid_request"),
    ("/push/room", {"room": "a", "items": []}, "invalid_request"),
    ("/push/room", {"room": "a", "items": {"x": 1}}, "invalid_request"),
    ("/push/room", {"room": "a", "items": [1], "wiat": True}, "invalid_request"),
    ("/push/room", {"room": "a", "items": [1], "wait": 1}, "invalid_request"),
    ("/push/room", "[1]", "invalid_request"),
    ("/push/room", "", "invalid_json"),
    ("/push/room", '{"room":"a","items":[1]', "invalid_json"),
    ("/push/all", {"room": "a", "items": [1]}, "invalid_request"),
    ("/push/all", {}, "invalid_request"),
])
def test_wrong_json_bodies_are_refused(cluster, path, body, code):
    with cluster.caller() as caller:
        answer = caller.post(path, body)
    assert (answer.status, answer.error) == (400, code)


def test_empty_rooms_is_refused(cluster):
    with cluster.caller() as caller:
        answer = caller.post("/push/room", {"rooms": [], "items": [1]})
    assert answer.status == 400 and answer.error in ("invalid_request", "invalid_room")


def test_room_as_a_lone_surrogate_is_refused(cluster):
    with cluster.caller() as caller:
        answer = caller.post("/push/room", '{"room":"\\ud800","items":[1]}')
    assert (answer.status, answer.error) == (400, "invalid_json")


@pytest.mark.parametrize("path, body, code", [
    ("/push/room", "items=[1]", "invalid_room"),
    ("/push/room", "room=&items=[1]", "invalid_room"),
    ("/push/room", "room=a%00b&items=[1]", "invalid_room"),
    ("/push/room", b"room=\xff&items=[1]", "invalid_room"),
    ("/push/room", "room=a", "invalid_request"),
    ("/push/room", "room=a&items=[]", "invalid_request"),
    ("/push/room", "room=a&items={}", "invalid_request"),
    ("/push/room", "room=a&items=", "invalid_json"),
    ("/push/room", "room=a&items=[1", "invalid_json"),
    ("/push/room", "room=a&items=[%zz]", "invalid_request"),
    ("/push/all", "", "invalid_request"),
])
def test_wrong_forms_are_refused(cluster, path, body, code):
    with cluster.caller() as caller:
        answer = caller.form(path, body)
    assert (answer.status, answer.error) == (400, code)


def test_go_push_form_calls_ignore_a_room_in_push_all(cluster):
    client = cluster.client()
    with cluster.caller() as caller:
        assert caller.form("/push/all", "room=a&items=[1]").status == 200, "unknown form fields are ignored"
    assert client.push() == [1]


@pytest.mark.parametrize("path", ["/push", "/push/", "/push/room/", "/stats/x", "//stats", "/push/users"])
def test_unknown_paths_are_404(cluster, path):
    with cluster.caller() as caller:
        answer = caller.get(path)
    assert (answer.status, answer.error) == (404, "not_found")


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/push/all", {"POST"}),
    ("HEAD", "/push/room", {"POST"}),
    ("PUT", "/push/room", {"POST"}),
    ("DELETE", "/push/batch", {"POST"}),
    ("OPTIONS", "/push/all", {"POST"}),
    ("POST", "/stats", {"GET", "HEAD"}),
    ("POST", "/healthz", {"GET", "HEAD"}),
    ("PATCH", "/metrics", {"GET", "HEAD"}),
])
def test_wrong_methods_are_405_with_allow(cluster, method, path, allow):
    with cluster.caller() as caller:
        answer = caller.request(method, path, "" if method in ("POST", "PUT", "PATCH") else None)
        assert answer.status == 405
        assert {each.strip() for each in answer.headers["allow"].split(",")} >= allow & {"GET", "POST"}
        if method != "HEAD":
            assert answer.error == "method_not_allowed"
        assert caller.get("/healthz").status == 200, "the connection goes on"


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", None])
def test_other_media_types_are_415(cluster, content_type):
    with cluster.caller() as caller:
        answer = caller.request("POST", "/push/all", "items=[1]", content_type)
    assert (answer.status, answer.error) == (415, "unsupported_media_type")



# The rest of the table

def stats(cluster):
    with cluster.caller() as caller:
        return caller.get("/stats").json


def test_stats_counts_pushes(cluster, room):
    before = stats(cluster)
    assert set(before) == {"DispatchTotal", "DispatchFail", "PushFail"}
    for _ in range(3):
        cluster.push(room, 1, 2)
    after = stats(cluster)
    assert after["DispatchTotal"] == before["DispatchTotal"] + 3
    assert (after["DispatchFail"], after["PushFail"]) == (before["DispatchFail"], before["PushFail"])


def test_health_and_readiness(cluster):
    with cluster.caller() as caller:
        assert caller.get("/healthz").body == b'{"status":"ok"}'
        assert caller.get("/readyz").body == b'{"status":"ready"}'


def test_readyz_follows_the_gateway(make_cluster):
    cluster = make_cluster()
    with cluster.caller() as caller:
        cluster.gateways[0].kill()
        wait_until(lambda: caller.get("/readyz").status == 503, what="logic to see that the gateway is gone")
        cluster.restart_gateway()
        wait_until(lambda: caller.get("/readyz").status == 200, what="logic to find it again")


def test_a_query_is_no_part_of_the_path(cluster):
    with cluster.caller() as caller:
        assert caller.get("/healthz?probe=1").status == 200


def test_a_thousand_pushes_a_second_from_one_caller_is_no_feat(cluster, room):
    begin = time.monotonic()
    with cluster.caller() as caller:
        for n in range(300):
            assert caller.post("/push/room", {"room": room, "items": [n]}).status == 200
    assert time.monotonic() - begin < 15, "an answer waits for no timer"
