# SPDX-License-Identifier: Apache-2.0
"""`fanfare token`: made, shown and judged; and against PyJWT, which nobody here wrote."""

import base64
import json
import re
import subprocess
import time

import jwt
import pytest

from harness.build import binary
from harness.daemon import REPORTS, clean_environment
from harness.waiting import patient

OK, REFUSED, USAGE = 0, 1, 2
KEYS = {
    "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "PS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ES384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "EdDSA": ["-algorithm", "ed25519"],
}
SECRET = "0123456789abcdef" * 4  # enough for HS512
ISS = "https://id.example.org"


def token(*args, stdin=""):
    done = subprocess.run([binary("fanfare"), "token", *map(str, args)], input=stdin, capture_output=True, text=True,
                          env=clean_environment(None), timeout=patient(20))
    assert not REPORTS.search(done.stderr), done.stderr
    return done


def made(*args):
    done = token(*args)
    assert done.returncode == OK, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A private key per algorithm, its JWK Set as the tool prints it, and a secret."""
    folder = tmp_path_factory.mktemp("keys")
    for alg, how in KEYS.items():
        pem = folder / f"{alg}.pem"
        subprocess.run(["openssl", "genpkey", *how, "-out", pem], check=True, capture_output=True)
        (folder / f"{alg}.jwks").write_text(made("jwks", "--key-file", pem, "--alg", alg))
    (folder / "secret").write_text(SECRET + "\n")
    return folder


def signing(keys, alg):
    return ["--secret-file", keys / "secret"] if alg.startswith("HS") else ["--key-file", keys / f"{alg}.pem"]


def judging(keys, alg):
    return ["--secret-file", keys / "secret"] if alg.startswith("HS") else ["--jwks", keys / f"{alg}.jwks"]


ALGS = ["HS256", "HS384", "HS512", *KEYS]


@pytest.mark.parametrize("alg", ALGS)
def test_a_foreign_library_takes_ours(keys, alg):
    text = made(*signing(keys, alg), "--alg", alg, "--sub", "u7", "--iss", ISS, "--aud", "fanfare", "--rooms",
                "orders.*,user-{sub}", "--join", "lobby", "--info", '{"name":"Ann"}', "--seconds", 60)
    key = SECRET
    if alg in KEYS:
        key = jwt.PyJWKSet.from_dict(json.loads((keys / f"{alg}.jwks").read_text())).keys[0].key
    claims = jwt.decode(text, key, algorithms=[alg], audience="fanfare", issuer=ISS, options={"require": ["exp", "iat"]})
    assert claims == {
        "iss": ISS, "sub": "u7", "aud": "fanfare", "iat": claims["iat"], "exp": claims["iat"] + 60,
        "rooms": ["orders.*", "user-{sub}"], "join": ["lobby"], "info": {"name": "Ann"},
    }
    assert abs(claims["iat"] - time.time()) < patient(20)


@pytest.mark.parametrize("alg", ALGS)
def test_ours_takes_those_of_a_foreign_library(keys, alg):
    claims = {"iss": ISS, "sub": "u7", "aud": ["x", "fanfare"], "exp": int(time.time()) + 600, "nbf": time.time() - 1.5}
    headers = {}
    key = SECRET
    if alg in KEYS:
        key = (keys / f"{alg}.pem").read_text()
        headers["kid"] = json.loads((keys / f"{alg}.jwks").read_text())["keys"][0]["kid"]
    text = jwt.encode(claims, key, algorithm=alg, headers=headers)
    shown = token("show", *judging(keys, alg), "--iss", ISS, "--aud", "fanfare", stdin=text + "\n")
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (OK, "accepted")
    broken = text[:-8] + ("A" if text[-8] != "A" else "B") + text[-7:]
    shown = token("show", *judging(keys, alg), stdin=broken)
    assert shown.returncode == REFUSED and shown.stdout.splitlines()[-1].startswith("refused: bad_signature: ")


def test_show_says_what_stands_in_a_token(keys):
    text = made("--secret-file", keys / "secret", "--sub", "u7\x1b[31m", "--seconds", 3600)
    shown = token("show", text)
    lines = shown.stdout.splitlines()
    assert shown.returncode == OK
    assert lines[:4] == ["header", '  alg  "HS256"', '  typ  "JWT"', "claims"]
    assert "\x1b" not in shown.stdout
    assert re.fullmatch(r"  exp  \d{10}  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in (60|59) min", lines[6])
    assert lines[7] in ("expires in 60 min", "expires in 59 min")
    assert lines[8] == "not checked: that needs --jwks or --secret-file"


@pytest.mark.parametrize("args, verdict", [
    (["--iss", "https://other.example"], "refused: unknown_issuer: "),
    (["--aud", "other"], "refused: wrong_audience: "),
    (["--max-seconds", "60"], "refused: too_long_lived: "),
    (["--iss", ISS, "--aud", "fanfare"], "accepted"),
    ([], "accepted; iss was not compared (--iss); aud was not compared (--aud)"),
])
def test_show_judges_by_what_is_given(keys, args, verdict):
    text = made("--secret-file", keys / "secret", "--sub", "u7", "--iss", ISS, "--aud", "fanfare")
    shown = token("show", "--secret-file", keys / "secret", *args, "-", stdin=text)
    assert shown.stdout.splitlines()[-1].startswith(verdict)
    assert shown.returncode == (OK if verdict.startswith("accepted") else REFUSED)


def test_show_names_the_rule_that_is_broken(keys):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    shown = token("show", "--secret-file", keys / "secret", stdin=part({"alg": "none"}) + "." + part({"exp": 1}) + ".")
    assert shown.stdout.splitlines()[-1].startswith("refused: alg_not_allowed: ")
    text = jwt.encode({"sub": "u7"}, SECRET, algorithm="HS256")
    shown = token("show", "--secret-file", keys / "secret", stdin=text)
    assert shown.stdout.splitlines()[-1].endswith('("exp" is missing)')
    text = jwt.encode({"exp": 1600000000}, SECRET, algorithm="HS256")
    shown = token("show", "--secret-file", keys / "secret", stdin=text)
    assert re.match(r"expired \d+ days ago", shown.stdout.splitlines()[-2])
    assert shown.stdout.splitlines()[-1] == "refused: expired: The token has expired."
    shown = token("show", stdin="what is this")
    assert (shown.returncode, shown.stdout) == (REFUSED, "refused: The token is not three parts of base64url with dots between them.\n")


def test_a_secret_that_is_too_short(keys, tmp_path):
    (tmp_path / "short").write_text("0123456789abcdef")
    done = token("--secret-file", tmp_path / "short", "--sub", "u7")
    assert done.returncode == OK
    assert done.stderr == "fanfare: warning: the secret has 16 bytes; gateways refuse less than 32 for HS256\n"
    shown = token("show", "--secret-file", tmp_path / "short", stdin=done.stdout)
    assert shown.returncode == REFUSED
    assert shown.stdout.splitlines()[-1] == (
        "refused: no key: --secret-file: a secret of 16 bytes; 32 to 4096 are taken (RFC 7518, 3.2)")


def test_a_jwk_set_of_a_key(keys, tmp_path):
    private = made("jwks", "--key-file", keys / "ES256.pem", "--kid", "a")
    public = tmp_path / "public.pem"
    public.write_bytes(subprocess.run(["openssl", "pkey", "-in", keys / "ES256.pem", "-pubout"], check=True,
                                      capture_output=True).stdout)
    assert made("jwks", "--key-file", public, "--kid", "a") == private
    key = json.loads(private)["keys"][0]
    assert sorted(key) == ["crv", "kid", "kty", "use", "x", "y"] and key["kid"] == "a"
    assert "kid" not in json.loads(made("jwks", "--key-file", public, "--kid", ""))["keys"][0]


def test_keys_that_cannot_be_used(keys, tmp_path):
    weak = tmp_path / "weak.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", weak],
                   check=True, capture_output=True)
    locked = tmp_path / "locked.pem"
    subprocess.run(["openssl", "pkey", "-in", keys / "ES256.pem", "-aes128", "-passout", "pass:x", "-out", locked],
                   check=True, capture_output=True)
    for path, text in [
        (weak, "gateways take RSA of 2,048 to 8,192 bits, EC on P-256 or P-384, and Ed25519"),
        (locked, "not a private key in PEM, or an encrypted one"),
        (keys / "secret", "not a private key in PEM, or an encrypted one"),
        (tmp_path / "none.pem", "No such file or directory"),
    ]:
        done = token("--key-file", path, "--sub", "u7")
        assert (done.returncode, done.stdout, done.stderr) == (USAGE, "", f"fanfare: {path}: {text}\n")


@pytest.mark.parametrize("args, text", [
    (["--sub", "u7"], "either --secret-file or --key-file is needed"),
    (["--secret-file", "s", "--key-file", "k", "--sub", "u7"], "either --secret-file or --key-file is needed"),
    (["--secret-file", "s"], "--sub is needed: the user"),
    (["--secret-file", "s", "--sub", "u7", "--room", "r", "--join", "x"],
     "--room makes a token for one room; --rooms, --join and --info have no place in it"),
    (["show", "--secret-file", "s", "--jwks", "j", "x"], "--jwks or --secret-file, not both"),
    (["jwks"], "--key-file is needed"),
    (["jwks", "--sub", "u7"], "--sub: unknown option; the nearest known one is --alg (see fanfare token jwks --help)"),
    (["swho"], '"swho" is not expected here (see fanfare token --help)'),
])
def test_wrong_usage(args, text):
    done = token(*args)
    assert (done.returncode, done.stdout, done.stderr) == (USAGE, "", f"fanfare: {text}\n")


def test_completions_know_the_second_word(tmp_path):
    def offered(*words):
        script = (
            f'source {path}; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _fanfare; '
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()

    path = tmp_path / "fanfare"
    path.write_text(subprocess.run([binary("fanfare"), "--print-completion-bash"], capture_output=True, text=True,
                                   check=True).stdout)
    assert offered("fanfare", "to") == ["top", "token"]
    assert offered("fanfare", "token", "s") == ["show"]
    assert "--sub" in offered("fanfare", "token", "--") and "--jwks" not in offered("fanfare", "token", "--")
    assert "--jwks" in offered("fanfare", "token", "show", "--")
    assert offered("fanfare", "token", "jwks", "--k") == ["--key-file", "--kid"]
