# SPDX-License-Identifier: Apache-2.0
"""Where the tests' own modules and the harness of the end-to-end tests are."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
sys.path.insert(0, str(HERE))

import pytest

from harness.certs import Certs


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))
