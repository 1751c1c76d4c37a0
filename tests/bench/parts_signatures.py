# SPDX-License-Identifier: Apache-2.0
"""What a token costs when it is shown: its signature beside OpenSSL's own, and the whole check."""

import json
import subprocess

from results import Bars, Part, Table, Target
from servers import BUILD


def measured(verifications, seconds):
    """A dict for each algorithm, as tests/bench/jose_bench.c prints them."""
    done = subprocess.run([BUILD / "bench/jose_bench", str(verifications), str(seconds)], check=True,
                          capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def signatures(bench):
    rows = measured(*((1000, 0.05) if bench.options.quick else (100000, 5)))
    part = Part("signatures", "Tokens that are checked",
                "Up to 100,000 tokens of about 300 to 600 bytes for each algorithm, on one thread, in CPU time: the "
                "signature by OpenSSL's EVP with a context of its own, the same one by shared/jose, and the whole "
                "check with header, claims and keys (jwt_check).")
    part.tables.append(Table("CPU microseconds a token", ["", "OpenSSL", "signature", "ratio", "whole check", "ratio"], [
        [row["alg"], *("%.2f" % row[name] for name in ("evp_us", "verify_us", "verify_ratio", "check_us", "check_ratio"))]
        for row in rows]))
    part.plots.append(Bars("The whole check, beside OpenSSL's EVP", [(row["alg"], row["check_ratio"]) for row in rows], 1))
    for row in rows:
        part.targets.append(Target(f"signatures: {row['alg']} beside OpenSSL", row["verify_ratio"], 1.1))
        if row["alg"] == "HS256":
            part.targets.append(Target("signatures: HS256, the whole check", row["check_us"], 5, " us"))
    part.runs += rows
    return part
