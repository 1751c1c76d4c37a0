# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition instead of sleeping for luck."""

import os
import time

from harness.build import sanitized

# Sanitizers make everything several times slower; every deadline of the suite goes through here.
PATIENCE = float(os.environ.get("E2E_PATIENCE", "3" if sanitized() else "1"))


def patient(seconds):
    """A deadline in seconds, stretched for slow builds."""
    return seconds * PATIENCE


def wait_until(condition, timeout=10, what="the condition"):
    """Calls `condition` until it returns something true and returns that; fails past `timeout`."""
    deadline = time.monotonic() + patient(timeout)
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patient(timeout):.0f} s in vain for {what}; last: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
