# SPDX-License-Identifier: Apache-2.0
"""The makers of tokens in docs/integrate.md, run as they stand there: a gateway takes what they print, and the token
opens the rooms that it names and no others."""

import os
import pathlib
import subprocess
import time

import jwt
import pytest

from harness.build import binary
from harness.daemon import clean_environment
from harness.programs import programs
from harness.waiting import patient

NODE_JOSE = pathlib.Path("/usr/share/nodejs/jose")  # Debian's package
GO = {"GO111MODULE": "off", "GOFLAGS": ""}
COMMANDS = {
    "token.mjs": ["node", "token.mjs"],
    "token_jose.mjs": ["node", "token_jose.mjs"],
    "token_for.py": ["/usr/bin/python3", "token_for.py"],
    "token.go": ["go", "run", "token.go"],
    "token.php": ["php", "token.php"],
    "Token.java": ["java", "Token.java"],
}


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    """The settings of "The shortest way" in docs/identity.md; an issuer of the same name that signs with a key has a
    gateway of its own."""
    from conftest import finish
    from harness.cluster import Cluster

    directory = tmp_path_factory.mktemp("tokens")
    secret, key, jwks = directory / "secret", directory / "key.pem", directory / "jwks.json"
    subprocess.run(f"head -c 32 /dev/urandom | base64 > {secret}", shell=True, check=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    jwks.write_bytes(subprocess.run([binary("fanfare"), "token", "jwks", "--key-file", key], check=True,
                                    capture_output=True, env=clean_environment()).stdout)
    issuer = {"iss": "https://shop.example", "aud": ["fanfare"]}
    cluster = Cluster(directory, certs, gateways=0, logics=0, gateway={"auth.mode": "verify"})
    cluster.add_gateway(**{"auth.issuers": [{**issuer, "secretFile": str(secret)}]})
    cluster.add_gateway(**{"auth.issuers": [{**issuer, "jwks": str(jwks)}]})
    cluster.files = {"TOKEN_SECRET": str(secret), "TOKEN_KEY": str(key)}
    yield cluster
    finish([cluster])


def printed(name, directory, files, user):
    """What the program prints for the user."""
    (directory / name).write_text(programs()[name])
    if name == "token_jose.mjs":
        (directory / "node_modules").mkdir()
        (directory / "node_modules" / "jose").symlink_to(NODE_JOSE)
    env = clean_environment({**files, **GO, "GOPATH": os.environ.get("GOPATH", str(directory / "go"))})
    done = subprocess.run([*COMMANDS[name], user], cwd=directory, env=env, capture_output=True, text=True,
                          timeout=patient(120))
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout.strip()


def test_all_makers_on_the_page_are_run():
    assert {name for name in programs() if name.lower().startswith("token")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_gateway_takes_the_token_and_opens_its_rooms_alone(cluster, tmp_path, name):
    user = "u.7-ä" if name != "Token.java" else "u.7-a"
    token = printed(name, tmp_path, cluster.files, user)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == user
    assert claims["exp"] - claims["iat"] == 600 and abs(claims["iat"] - time.time()) < patient(60)
    client = cluster.client(gateway=int(name == "token_jose.mjs"), extra_headers={"Authorization": f"Bearer {token}"})
    for room, answer in [("orders.1", "ACK"), (f"user-{user}", "ACK"), ("user-u8", "ERROR"), ("default", "ERROR")]:
        told = client.request("JOIN", {"room": room})
        assert told["type"] == answer, (room, told)
        assert answer == "ACK" or told["data"]["code"] == "forbidden"


def test_the_maker_without_a_json_library_lets_no_name_write_claims(tmp_path):
    (tmp_path / "Token.java").write_text(programs()["Token.java"])
    (tmp_path / "secret").write_text("x" * 32)
    done = subprocess.run(["java", "Token.java", 'u7","rooms":["*'], cwd=tmp_path, capture_output=True, text=True,
                          env=clean_environment({"TOKEN_SECRET": str(tmp_path / "secret")}), timeout=patient(120))
    assert done.returncode != 0 and done.stdout == "" and "not a user's name" in done.stderr
