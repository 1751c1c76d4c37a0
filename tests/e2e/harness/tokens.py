# SPDX-License-Identifier: Apache-2.0
"""A file of API tokens, and the header that shows one."""

import os


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Tokens:
    """The file; `write` replaces it in one step, as tools do."""

    def __init__(self, directory, *tokens, name="tokens"):
        self.path = directory / name
        self.write(*tokens)

    @property
    def option(self):
        return {"api.tokensFile": str(self.path)}

    def write(self, *tokens):
        self.write_text("".join(f"{token}\n" for token in tokens))

    def write_text(self, text, mode=0o600):
        fresh = self.path.with_suffix(".fresh")
        fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
        fresh.chmod(mode)
        os.replace(fresh, self.path)
