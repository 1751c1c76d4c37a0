# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml held against the running server: every path, method and status that it names
is brought about, and every answer is held against its schema."""

import json
import re
import socket

import pytest
import yaml

from harness.build import ROOT
from harness.cluster import Cluster
from harness.http import FORM, JSON, read_answer
from harness.schema import Schema, resolve
from harness.tokens import Tokens, bearer
from harness.waiting import patient

PATH = ROOT / "docs" / "openapi.yaml"
DOCUMENT = yaml.safe_load(PATH.read_text()) if PATH.exists() else {}
METHODS = ("get", "post", "put", "delete", "patch", "head", "options")
QUERIES = {"/rooms", "/rooms/{room}", "/users/{user}", "/clients/{connection}", "/cluster"}
NAMES = {"{room}": "r", "{user}": "u7", "{connection}": "0123456789abcdef-1f-2c0"}
API = QUERIES | {"/push/all", "/push/room", "/push/user", "/push/batch", "/kick", "/unban", "/join", "/leave", "/gateways", "/stats", "/healthz", "/readyz", "/metrics"}


def operations():
    for path, item in DOCUMENT.get("paths", {}).items():
        for method, operation in resolve(DOCUMENT, item).items():
            if method in METHODS:
                yield path, method, operation


TRIPLES = [(path, method, str(status)) for path, method, operation in operations() for status in operation["responses"]]


@pytest.fixture(scope="module")
def clusters(certs, tmp_path_factory):
    """Built when first asked for: plain (small limits), alone (no gateway), stuck (its gateway is stopped), uneven
    (its second gateway takes items of one byte)."""
    from conftest import finish

    made = {}
    options = {
        "plain": {"logic": {"maxBodyBytes": 4096, "maxHeaderBytes": 2048, "serviceReadTimeout": int(patient(500))}},
        "alone": {"gateways": 0, "logic": {"gatewayList": []}},
        "stuck": {"logic": {"waitTimeout": 200, "gatewayTimeout": 60000}},
        "cors": {"logic": {"cors.origins": ["*"]}},
        "guarded": {"gateways": 0, "logic": {"gatewayList": []}},
        "uneven": {"logics": 0},
    }

    def get(name):
        if name not in made:
            directory = tmp_path_factory.mktemp(name)
            if name == "guarded":
                options[name]["logic"].update(Tokens(directory, "a-token", "slow name=slow rate=1",
                                                      "mute name=mute rights=member", "dull name=dull rights=kick").option)
            made[name] = Cluster(directory, certs, **options[name])
            if name == "uneven":
                made[name].add_gateway(maxItemBytes=1)
                made[name].add_logic()
                made[name].await_ready()
            if name == "stuck":
                made[name].gateways[0].stop_the_clock()
        return made[name]

    yield get
    finish(made.values())


GOOD = {"/push/all": {"items": [1]}, "/push/room": {"room": "r", "items": [1]},
        "/push/user": {"user": "u7", "items": [1]},
        "/push/batch": [{"room": "r", "items": [1]}, {"all": True, "items": [2]}],
        "/kick": {"room": "nobody-is-there", "code": 4099}, "/unban": {"user": "nobody"}, "/join": {"user": "u7", "room": "r"},
        "/leave": {"user": "u7", "room": "r"}}


def send(cluster, method, path, body=None, content_type=JSON, **kwargs):
    for name, value in NAMES.items():
        path = path.replace(name, value)
    with cluster.caller() as caller:
        text = json.dumps(body) if body is not None and not isinstance(body, (str, bytes)) else body
        return caller.request(method.upper(), path, text, content_type if text is not None else None, **kwargs)


def half_sent(cluster, path):
    with socket.create_connection(cluster.api(), timeout=patient(10)) as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: 50\r\n\r\n".encode())
        return read_answer(sock, "POST")


def keyed(path, item):
    pushes = GOOD[path] if path == "/push/batch" else [GOOD[path]]
    found = [{**each, "items": [item], "idempotencyKey": f"{path}{n}"} for n, each in enumerate(pushes)]
    return found if path == "/push/batch" else found[0]


def waiting(path):
    return [{**each, "wait": True} for each in GOOD[path]] if path == "/push/batch" else {**GOOD[path], "wait": True}


def waiting_with_long_items(path):
    return json.loads(re.sub(r"\[[12]\]", "[12345]", json.dumps(waiting(path))))


PROVOKE = {
    "200": lambda c, m, p: send(c("plain"), m, p, GOOD.get(p) if m == "post" else None),
    "204": lambda c, m, p: send(c("cors"), m, p, headers={
        "Origin": "https://a.example", "Access-Control-Request-Method": "POST"}),
    "207": lambda c, m, p: send(c("plain"), m, p, [*GOOD[p], {"room": ""}]),
    "400": lambda c, m, p: send(c("plain"), m, p + "?unknown=1" * (m == "get"), "[" if m == "post" else None),
    "401": lambda c, m, p: send(c("guarded"), m, p, GOOD.get(p) if m == "post" else None),
    "403": lambda c, m, p: send(
        c("guarded"), m, p, GOOD.get(p), headers=bearer("dull" if p in ("/join", "/leave") else "mute")),
    "405": lambda c, m, p: send(c("plain"), "PUT", p, ""),
    "408": lambda c, m, p: half_sent(c("plain"), p),
    "409": lambda c, m, p: [send(c("plain"), m, p, keyed(p, n)) for n in (1, 2)][-1],
    "413": lambda c, m, p: send(c("plain"), m, p, " " * 5000),
    "415": lambda c, m, p: send(c("plain"), m, p, GOOD[p], headers={"Content-Encoding": "gzip"}),
    "429": lambda c, m, p: [send(c("guarded"), m, p, GOOD[p], headers=bearer("slow")) for _ in range(5)][-1],
    "431": lambda c, m, p: send(c("plain"), m, p, GOOD.get(p) if m == "post" else None, headers={"X": "y" * 3000}),
    "502": lambda c, m, p: send(c("uneven"), m, p, waiting_with_long_items(p)),
    "503": lambda c, m, p: send(c("alone"), m, p, GOOD.get(p) if m == "post" else None),
    "504": lambda c, m, p: send(c("stuck"), m, p, waiting(p)),
}


def test_the_document_is_there_and_names_the_whole_api():
    assert DOCUMENT, "docs/openapi.yaml is missing"
    assert DOCUMENT["openapi"].startswith("3.")
    assert {path for path, _, _ in operations()} >= API
    for path, method, operation in operations():
        assert operation.get("operationId"), (path, method)
        assert operation.get("summary") or operation.get("description"), (path, method)


@pytest.mark.parametrize("path, method, status", TRIPLES or [("docs/openapi.yaml", "is", "missing")])
def test_every_status_can_be_brought_about_and_fits_its_schema(clusters, path, method, status):
    assert DOCUMENT, "docs/openapi.yaml is missing"
    if status == "default":
        status = "405"
    assert status in PROVOKE, f"the test does not know how to bring about {status}"
    answer = PROVOKE[status](clusters, method, path)
    assert str(answer.status) == status, answer
    assert_fits(path, method, answer)


@pytest.mark.parametrize("path, method, operation", operations())
def test_what_wants_a_token_says_so(clusters, path, method, operation):
    wants = operation.get("security", DOCUMENT["security"]) != []
    assert wants == ("401" in operation["responses"])
    assert (send(clusters("guarded"), method, path, GOOD.get(path) if method == "post" else None).status == 401) == wants


def assert_fits(path, method, answer):
    responses = resolve(DOCUMENT, DOCUMENT["paths"][path])[method]["responses"]
    response = resolve(DOCUMENT, responses.get(str(answer.status), responses.get("default")))
    assert response, f"{answer.status} is not documented for {method} {path}"
    content = response.get("content")
    if not content:
        assert answer.body == b""
        return
    media = answer.headers["content-type"].split(";")[0]
    kind = next((value for name, value in content.items() if name.split(";")[0] == media), None)
    assert kind is not None, f"{media} is not documented"
    if media == JSON:
        assert Schema(DOCUMENT, kind["schema"]).faults(answer.json) == []
    for name, header in response.get("headers", {}).items():
        if resolve(DOCUMENT, header).get("required"):
            assert name.lower() in answer.headers, f"header {name} is missing"


def examples_of(kind):
    """The examples of a media type object."""
    named = [resolve(DOCUMENT, each)["value"] for each in kind.get("examples", {}).values()]
    return named + ([kind["example"]] if "example" in kind else [])


def bodies():
    """Every example of a request body: (path, media type, body)."""
    for path, method, operation in operations():
        for media, kind in resolve(DOCUMENT, operation.get("requestBody", {})).get("content", {}).items():
            for example in examples_of(kind):
                yield path, media, example


EXAMPLES = list(bodies())


@pytest.mark.parametrize("path, media, example", EXAMPLES or [("docs/openapi.yaml", "has", "no examples")])
def test_examples_of_requests_fit_their_schema_and_are_accepted(clusters, path, media, example):
    assert DOCUMENT, "docs/openapi.yaml is missing"
    with clusters("plain").caller() as caller:
        if media == JSON:
            schema = resolve(DOCUMENT, DOCUMENT["paths"][path]["post"]["requestBody"])["content"][media]["schema"]
            assert Schema(DOCUMENT, schema).faults(example) == []
            answer = caller.post(path, example)
        else:
            assert media == FORM
            answer = caller.form(path, example)
    assert answer.status == 200, answer
    assert_fits(path, "post", answer)


@pytest.mark.parametrize("body", [
    {"room": "a", "rooms": ["b"], "items": [1]}, {"room": "a", "items": []}, {"room": "a"}, {"items": [1]},
    {"room": 1, "items": [1]}, {"room": "a", "items": [1], "surplus": 1}, {"room": "a", "items": [1], "wait": "yes"},
    {"rooms": [], "items": [1]}, [], {"room": "a", "items": [1], "traceparent": "x"},
    {"room": "a", "items": [1], "idempotencyKey": ""}, {"room": "a", "items": [1], "idempotencyKey": "x" * 129},
    {"room": "a", "items": [1], "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"},
])
def test_what_the_server_refuses_the_schema_refuses(clusters, body):
    assert send(clusters("plain"), "POST", "/push/room", body).status == 400
    schema = resolve(DOCUMENT, DOCUMENT["paths"]["/push/room"]["post"]["requestBody"])["content"][JSON]["schema"]
    assert Schema(DOCUMENT, schema).faults(body), "the schema lets it pass"


@pytest.mark.parametrize("body", [
    {"user": "a", "users": ["b"], "items": [1]}, {"items": [1]}, {"user": 1, "items": [1]}, {"users": [], "items": [1]},
    {"user": "", "items": [1]}, {"user": "a", "room": "b", "items": [1]}, {"user": "a\u0002", "items": [1]},
])
def test_what_the_server_refuses_of_users_the_schema_refuses(clusters, body):
    assert send(clusters("plain"), "POST", "/push/user", body).status == 400
    schema = resolve(DOCUMENT, DOCUMENT["paths"]["/push/user"]["post"]["requestBody"])["content"][JSON]["schema"]
    assert Schema(DOCUMENT, schema).faults(body), "the schema lets it pass"


def test_error_codes_are_those_of_the_protocol():
    protocol = (ROOT / "docs" / "protocol.md").read_text().split("### Errors")[1].split("##")[0]
    codes = set(re.findall(r"^\| \d{3} \| `(\w+)`", protocol, re.M))
    assert len(codes) > 10
    text = PATH.read_text()
    for code in codes:
        assert re.search(rf"\b{code}\b", text), f"{code} is not in docs/openapi.yaml"


def test_metrics_and_stats_examples_do_not_lie(clusters):
    """Response examples, where there are any, fit their own schemas."""
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            for media, kind in resolve(DOCUMENT, response).get("content", {}).items():
                for example in examples_of(kind):
                    if media == JSON:
                        assert Schema(DOCUMENT, kind["schema"]).faults(example) == [], (path, method, status)
