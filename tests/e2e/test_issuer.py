# SPDX-License-Identifier: Apache-2.0
"""The issuer of `make run`: whom it answers, and that its tokens are good under the key that it shows."""

import http.client
import json
import re
import subprocess

import pytest

from harness.build import binary
from harness.daemon import clean_environment
from harness.waiting import patient
from test_run_local import free_base

PAGE = "http://127.0.0.1:7777"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    directory = tmp_path_factory.mktemp("issuer")
    key, port = directory / "key.pem", free_base()
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    process = subprocess.Popen(
        [binary("fanfare-dev-issuer"), "--key", key, "--port", str(port), "--iss", "http://issuer", "--aud", "fanfare",
         "--seconds", "300", "--origin", PAGE], stderr=subprocess.PIPE, env=clean_environment())
    assert b"listening" in process.stderr.readline()
    yield key, port
    process.terminate()
    process.wait(patient(10))


def ask(port, target, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patient(10))
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    body = json.loads(answer.read() or b"null")
    connection.close()
    return answer, body


def test_its_token_is_good_under_its_public_key(issuer, tmp_path):
    key, port = issuer
    answer, body = ask(port, "/token?user=al%20ice")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    jwks = tmp_path / "jwks"
    jwks.write_bytes(subprocess.run([binary("fanfare"), "token", "jwks", "--key-file", key], check=True,
                                    capture_output=True, env=clean_environment()).stdout)
    shown = subprocess.run([binary("fanfare"), "token", "show", "--jwks", jwks, "--iss", "http://issuer", "--aud", "fanfare"],
                           input=body["token"], text=True, capture_output=True, env=clean_environment())
    assert shown.returncode == 0, shown
    assert '"al ice"' in shown.stdout and "accepted" in shown.stdout
    assert re.search(r"expires in [45] min", shown.stdout)


def test_only_the_pages_that_it_was_given_may_ask(issuer):
    _, port = issuer
    answer, body = ask(port, "/token?user=a", Origin=PAGE)
    assert answer.status == 200 and answer.headers["Access-Control-Allow-Origin"] == PAGE and body["token"]
    answer, body = ask(port, "/token?user=a", Origin="http://evil.example")
    assert (answer.status, body["error"]["code"]) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_name_that_was_pointed_to_loopback_gets_nothing(issuer):
    _, port = issuer
    answer, body = ask(port, "/token?user=a", Host=f"evil.example:{port}")
    assert (answer.status, body["error"]["code"]) == (403, "forbidden")
    assert ask(port, "/token?user=a", Host=f"localhost:{port}")[0].status == 200


@pytest.mark.parametrize("query", ["", "?user=", "?user=%00", "?user=%ff", "?user=" + "a" * 129, "?name=a"])
def test_what_is_no_user_gets_no_token(issuer, query):
    _, port = issuer
    answer, body = ask(port, "/token" + query)
    assert (answer.status, body["error"]["code"]) == (400, "invalid_user")


@pytest.mark.parametrize("options", [[], ["--port", "0"], ["--port", "70000"], ["--seconds", "x"], ["--nothing"], ["operand"]])
def test_wrong_usage_is_said(options):
    done = subprocess.run([binary("fanfare-dev-issuer"), *options], capture_output=True, timeout=patient(10), env=clean_environment())
    assert done.returncode == 2 and b"fanfare-dev-issuer: " in done.stderr
