# SPDX-License-Identifier: Apache-2.0
"""The options of identity: what does not go together ends the start and --check with 2 and a text that says what is
allowed; a reload takes other ones over or none."""

import json

import pytest

from harness.cluster import GATEWAY, nested
from harness.daemon import Daemon, run
from harness.issuer import Issuer
from harness.raw_ws import CLOSE
from harness.waiting import wait_until

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def config(tmp_path, certs):
    """Writes the usual config with changes; `{dir}` in a text is the test's directory, where `secret` and `keys` are."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    Issuer(tmp_path, "https://id.test", alg="ES256").path.rename(tmp_path / "keys")
    (tmp_path / "short").write_text("s3cret")
    (tmp_path / "html").write_text("<html>")
    (tmp_path / "empty").write_text('{"keys":[]}')

    def write(**changes):
        path = tmp_path / "gateway.json"
        text = json.dumps(nested({**GATEWAY, **certs.gateway(), **changes}))
        path.write_text(text.replace("{dir}", str(tmp_path)))
        return path

    return write


A = {"iss": "https://a", "secretFile": "{dir}/secret"}
B = {"iss": "https://b", "jwks": "{dir}/keys"}

BAD = [
    ({"auth.mode": "verify"},
     "auth.mode: verify needs to know who says who a client is: auth.issuers, auth.header or auth.hook.url"),
    ({"auth.mode": "both"}, 'auth.mode: "both" is not allowed: none, verify'),
    ({"auth.issuers": [{"iss": "https://a"}]}, "auth.issuers[0]: none of jwks, jwksUrl and secretFile is set"),
    ({"auth.issuers": [{**A, "jwks": "{dir}/keys"}]}, "auth.issuers[0]: more than one of jwks, jwksUrl and secretFile"),
    ({"auth.issuers": [{"secretFile": "{dir}/secret"}]}, "auth.issuers[0].iss: required"),
    ({"auth.issuers": [{**A, "secret": "x"}]}, 'auth.issuers[0]: "secret": unknown key; the nearest known one is secretFile'),
    ({"auth.issuers": [A, {**B, "aud": "x"}]}, 'auth.issuers[1].aud: "x" is not allowed: a list of texts'),
    ({"auth.issuers": {}}, "auth.issuers: {} is not allowed: a JSON list of at most 64 objects with iss, aud, algs"),
    ({"auth.issuers": [{**A, "userPrefix": "a:"}, {**A, "userPrefix": "b:"}]},
     'auth.issuers[1].iss: "https://a" is also the one of auth.issuers[0]'),
    ({"auth.issuers": [A, {**B, "userPrefix": "b:"}]}, "auth.issuers[0].userPrefix: required"),
    ({"auth.issuers": [{**A, "userPrefix": "a"}, {**B, "userPrefix": "ab"}]},
     'auth.issuers[1].userPrefix: "ab" is not allowed beside auth.issuers[0].userPrefix: "a"'),
    ({"auth.issuers": [{**A, "algs": ["RS256"]}]},
     'auth.issuers[0].algs: "RS256" is not allowed: with secretFile: HS256, HS384, HS512'),
    ({"auth.issuers": [{**B, "algs": ["HS256"]}]},
     'auth.issuers[0].algs: "HS256" is not allowed: with jwks or jwksUrl: RS256, PS256, ES256, ES384, EdDSA'),
    ({"auth.issuers": [{**A, "secretFile": "{dir}/short"}]}, "auth.issuers[0].secretFile: {dir}/short: "),
    ({"auth.issuers": [{**B, "jwks": "{dir}/html"}]}, "auth.issuers[0].jwks: {dir}/html: "),
    ({"auth.issuers": [{**B, "jwks": "{dir}/empty"}]}, "auth.issuers[0].jwks: {dir}/empty: the set has no key"),
    ({"auth.issuers": [{"iss": "x", "jwksUrl": "http://keys.example/"}]}, "auth.issuers[0].jwksUrl: "),
    ({"auth.issuers": [{"iss": "x", "jwksUrl": "ftp://keys.example/"}]}, "auth.issuers[0].jwksUrl: "),
    ({"auth.hook.url": "http://hook.example/"}, "auth.hook.url: "),
    ({"auth.issuers": [{**A, "rooms": ["x"] * 65}]}, "auth.issuers[0].rooms: 65 patterns are not allowed: at most 64"),
    ({"auth.rooms": [""]}, "auth.rooms: "),
    ({"auth.rooms": ["x" * 257]}, "auth.rooms: "),
    ({"auth.issuers": [{**A, "userPrefix": "a:"}, {**B, "userPrefix": "b:"}], "auth.rooms": ["x", "inbox-{sub}"]},
     'auth.rooms: "inbox-{sub}" is not allowed with more than one source of users'),
    ({"auth.cookie": "sid"}, "auth.cookie: needs ws.origins"),
    ({"auth.cookie": "a b", "ws.origins": ["https://a.example"]}, 'auth.cookie: "a b" is not allowed'),
    ({"auth.header": "X-User", "ws.origins": ["https://a.example"]}, "auth.header: needs trustedProxies"),
    ({"auth.header": "X-User", "trustedProxies": ["10.0.0.0/8"]}, "auth.header: needs ws.origins"),
    ({"auth.hook.headers": ["Cookie"]}, "auth.hook.headers: Cookie: needs ws.origins"),
    ({"proxyProtocol": True}, "proxyProtocol: true needs trustedProxies"),
    ({"trustedProxies": ["10.0.0.0/33"]}, "trustedProxies: "),
    ({"auth.maxPending": 0}, "auth.maxPending: 0 is not allowed: 1 to 10000000"),
]


@pytest.mark.parametrize("changes, text", BAD, ids=[text[:48] for _, text in BAD])
def test_what_does_not_go_together_is_refused_with_2(config, tmp_path, changes, text):
    path = config(**changes)
    for args in (["--check"], []):
        done = run("fanfare-gateway", "-config", path, *args)
        assert done.returncode == 2, done.stderr
        assert text.replace("{dir}", str(tmp_path)) in done.stderr, done.stderr
        assert done.stderr.startswith("fanfare-gateway: ") and "s3cret" not in done.stderr


def test_a_file_that_is_not_there_yet_may_come(config, tmp_path):
    path = config(**{"auth.issuers": [{**A, "secretFile": "{dir}/later"}]})
    assert run("fanfare-gateway", "-config", path).returncode == 1
    done = run("fanfare-gateway", "-config", path, "--check")
    assert done.returncode == 2
    assert f"auth.issuers[0].secretFile: {tmp_path}/later cannot be read: No such file or directory" in done.stderr


def test_a_good_one_passes_and_is_printed_without_its_secret(config):
    path = config(**{"auth.mode": "verify", "auth.issuers": [{**A, "userPrefix": "a:"}, {**B, "userPrefix": "b:"}],
                     "auth.hook.url": "http://127.0.0.1:9/hook", "auth.hook.userPrefix": "k:"})
    done = run("fanfare-gateway", "-config", path, "--check")
    assert done.returncode == 0, done.stderr
    printed = run("fanfare-gateway", "-config", path, "--print-config")
    assert SECRET not in printed.stdout
    auth = json.loads(printed.stdout)["auth"]
    assert [each["iss"] for each in auth["issuers"]] == ["https://a", "https://b"]
    assert auth["issuers"][0]["rooms"] == ["*"] and auth["hook"]["url"] == "http://127.0.0.1:9/hook"
    path.write_text(printed.stdout)
    assert json.loads(run("fanfare-gateway", "-config", path, "--print-config").stdout)["auth"] == auth


@pytest.mark.parametrize("way", ["environment", "flag"])
def test_issuers_come_as_json_from_everywhere(config, tmp_path, way):
    text = json.dumps([A]).replace("{dir}", str(tmp_path))
    args = ["--auth-issuers", text] if way == "flag" else []
    env = {"FANFARE_AUTH_ISSUERS": text} if way == "environment" else None
    done = run("fanfare-gateway", "-config", config(), *args, "--print-config", env=env)
    assert json.loads(done.stdout)["auth"]["issuers"][0]["iss"] == "https://a", done.stderr
    args = ["--auth-issuers", "[{]"] if way == "flag" else []
    env = {"FANFARE_AUTH_ISSUERS": "[{]"} if way == "environment" else None
    done = run("fanfare-gateway", "-config", config(), *args, env=env)
    assert done.returncode == 2 and "column " in done.stderr, done.stderr


def show(cluster, token=None):
    query = f"?token={token}" if token else ""
    with cluster.raw(path=f"/connect{query}") as client:
        answer = client.request("JOIN", {"room": "orders"})
        return answer["type"], answer.get("data", {}).get("code")


def test_a_reload_turns_identity_on_changes_it_and_turns_it_off(make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    cluster = make_cluster()
    gateway = cluster.gateways[0]
    token = issuer.token("u", rooms=["orders"])
    assert show(cluster) == ("ACK", None)
    assert gateway.reload(**issuer.options(**{"auth.required": False}))
    assert show(cluster) == ("ERROR", "forbidden")
    assert show(cluster, token) == ("ACK", None)
    assert show(cluster, issuer.token("u")) == ("ERROR", "forbidden")
    assert gateway.reload(**{"auth.rooms": ["orders"]})
    assert show(cluster, issuer.token("u")) == ("ACK", None)
    assert show(cluster) == ("ERROR", "forbidden")
    assert gateway.reload(**{"auth.anonymousRooms": ["ord*"]})
    assert show(cluster) == ("ACK", None)
    assert gateway.reload(**{"auth.rooms": [], "auth.issuers": [{**issuer.element, "rooms": ["x"]}]})
    assert show(cluster, token) == ("ERROR", "forbidden")
    assert gateway.reload(**{"auth.mode": "none"})
    assert show(cluster) == ("ACK", None)
    named = [each["keys"] for each in gateway.events("settings reloaded")]
    assert named[0] == "auth.mode,auth.required,auth.issuers" and named[-1] == "auth.mode"


def test_a_reload_that_does_not_go_together_changes_nothing(make_cluster, tmp_path):
    issuer = Issuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options(**{"auth.required": False}))
    gateway = cluster.gateways[0]
    assert not gateway.reload(**{"auth.issuers": [{**issuer.element, "algs": ["ES256"]}]})
    assert "auth.issuers[0].algs" in gateway.last("settings not reloaded")["reason"]
    assert show(cluster, issuer.token("u", rooms=["orders"])) == ("ACK", None)
    assert issuer.key not in gateway.log()
