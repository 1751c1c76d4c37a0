# SPDX-License-Identifier: Apache-2.0
"""A FIFO that takes the place of a file that a daemon reads anew stops no daemon: whoever opened it would wait."""

import os

import pytest

from harness.http import Caller
from harness.tokens import Tokens, bearer
from harness.waiting import wait_until

KEPT = "certificate files not taken over, the old ones stay"


def put_fifo(path):
    """As a file is replaced well: under another name, then renamed."""
    os.mkfifo(f"{path}.fifo")
    os.rename(f"{path}.fifo", path)


def healthy(daemon):
    with Caller(*daemon.address("api" if daemon.program == "fanfare-logic" else "admin")) as caller:
        return caller.get("/healthz").status == 200


@pytest.mark.parametrize("which,name", [
    ("gateway", "gateway.pem"), ("gateway", "gateway.key"), ("gateway", "ca.pem"),
    ("logic", "logic.pem"), ("logic", "logic.key"), ("logic", "ca.pem"),
])
def test_in_place_of_a_certificate(make_cluster, certs, tmp_path, which, name):
    own = certs.copy(tmp_path / "certs")
    cluster = make_cluster(**{which: getattr(own, which)()})
    daemon = getattr(cluster, f"{which}s")[0]
    put_fifo(own.path(name))
    told = wait_until(lambda: daemon.events(KEPT), 20, "the FIFO to be refused")
    assert told[0]["reason"].endswith(f"{name}: cannot be read: it is not a regular file")
    assert not daemon.hang_up()
    assert healthy(daemon)
    cluster.push("nobody", 1, wait=True)


def test_in_place_of_the_tokens(make_cluster, tmp_path):
    tokens = Tokens(tmp_path, "secret")
    cluster = make_cluster(logic=tokens.option, headers=bearer("secret"))
    logic = cluster.logics[0]
    put_fifo(tokens.option["api.tokensFile"])
    told = wait_until(lambda: logic.events("tokens not taken over, the old ones stay"), 20, "the FIFO to be refused")
    assert told[0]["reason"].endswith("is not a regular file")
    assert not logic.hang_up()
    cluster.push("nobody", 1, wait=True)


def test_in_place_of_the_settings(make_cluster):
    cluster = make_cluster()
    for daemon in cluster.daemons():
        daemon.reloads()  # it has read the file as it was
        put_fifo(daemon.config_path)
        assert not daemon.hang_up()
        assert daemon.last("settings not reloaded")["reason"].endswith(
            "cannot be read anew: it is not a regular file")
        assert healthy(daemon)
