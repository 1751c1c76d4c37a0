# SPDX-License-Identifier: Apache-2.0
"""Who signs the tokens of a test's clients, with PyJWT, which nobody here wrote.

HS256 is quick to check; ES256 is not, so that a gateway lets such tokens wait for their turn.
"""

import json
import secrets
import subprocess
import time

import jwt


class Issuer:
    """Its secret, or its keys, stand in a file; `element` is its place in auth.issuers."""

    def __init__(self, directory, name="https://id.test", alg="HS256", **more):
        self.name, self.alg, self.more = name, alg, more
        self.path = directory / f"{name.rpartition('/')[2]}-{alg}"
        self.kid = None
        if alg == "HS256":
            self.key = secrets.token_hex(32)
            self.path.write_text(self.key + "\n")
        else:
            self.rotate("k1")

    def rotate(self, kid):
        """Other keys, in the file too."""
        self.kid = kid
        made = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                              check=True, capture_output=True)
        self.key = made.stdout
        private = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).prepare_key(self.key)
        public = private.public_key().public_numbers()
        encoded = [jwt.utils.base64url_encode(number.to_bytes(32, "big")).decode() for number in (public.x, public.y)]
        jwk = {"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": encoded[0], "y": encoded[1]}
        self.path.write_text(json.dumps({"keys": [jwk]}))

    @property
    def element(self):
        return {"iss": self.name, "secretFile" if self.alg == "HS256" else "jwks": str(self.path), **self.more}

    def options(self, **more):
        """Of a gateway that takes its tokens, and nobody else's."""
        return {"auth.mode": "verify", "auth.issuers": [self.element], **more}

    def token(self, sub=None, seconds=600, key=None, **claims):
        """A good token, unless a claim (None leaves it out) or the key says otherwise."""
        payload = {"iss": self.name, "sub": sub, "exp": int(time.time()) + seconds, **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        headers = {"kid": self.kid} if self.kid else None
        return jwt.encode(payload, key or self.key, algorithm=self.alg, headers=headers)
