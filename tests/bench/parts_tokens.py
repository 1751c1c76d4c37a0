# SPDX-License-Identifier: Apache-2.0
"""What identity costs those who are there: thousands of tokens that end within a minute."""

import pathlib

from harness.issuer import Issuer
from measuring import Swarm
from parts_fanout import gateways
from results import Part, Table, Target, latency, number
from token_crowd import TokenCrowd

SECONDS = 60


def beside_tokens(issuer, clients, seconds):
    """Pushes to clients that show nothing, while the crowd renews its tokens or is closed; the result is the
    former's, with the crowd's "tokens" beside it."""
    def run(server, label, load):
        if issuer is None:
            with Swarm(label, [*load, *server.options]) as there:
                return {**there.result(), "tokens": {}}
        address = server.daemons[0].address("ws")
        with TokenCrowd(address, issuer, clients, seconds) as crowd:
            crowd.told()
            with Swarm(label, [*load, *server.options]) as there:
                result = there.result()
            return {**result, "tokens": crowd.told()}
    return run


def tokens_line(result):
    told = ", ".join(f"{count} {what}" for what, count in result["tokens"].items())
    return f"{told or 'no tokens'}; pushes meanwhile p99 {result['latency_us']['p99'] / 1000:.1f} ms"


def tokens(bench):
    clients, seconds = bench.clients(10000), 16 if bench.options.quick else SECONDS
    issuer = Issuer(pathlib.Path(bench.directory), alg="ES256")
    part = Part("tokens", "Tokens that end",
                "10,000 clients whose tokens (ES256) end within half a minute: every other one shows another in time, the "
                "others are closed with 4202 and come back at once with a new one. Beside them 20 pushes/s go to 1,000 "
                "that show nothing (auth.required is false).")
    load = ["--clients", bench.clients(1000), "--room", "standing", "--rate", 20, "--seconds", seconds * 5 // 8,
            "--settle", 100]
    anonymous = issuer.options(**{"auth.required": False, "auth.anonymousRooms": ["*"], "auth.leewaySeconds": 0})
    runs = None
    for name, options, crowd in (("no tokens", {}, None), ("tokens that end", anonymous, issuer)):
        found = bench.compare("tokens", gateways(bench, kinds={name: options}), load, bench.rounds(1), tokens_line,
                              beside_tokens(crowd, clients, seconds))
        if runs is None:
            runs = found
        else:
            runs.of.update(found.of)
    rows = []
    for name in runs.names():
        told = runs.of[name][-1]["tokens"]
        rows.append([name, *(str(told.get(what, "")) for what in ("renewed", "ended", "other")),
                     *(number(runs.median(name, latency(mark)), "%.1f") for mark in ("p50", "p99", "max"))])
    part.tables.append(Table("Pushes to 1,000 clients meanwhile",
                             ["", "renewed", "closed with 4202", "anything else", "p50 ms", "p99 ms", "max ms"], rows))
    part.targets.append(Target("tokens: p99 of pushes beside tokens that end",
                               runs.median("tokens that end", latency("p99")), 50, " ms"))
    part.runs += runs.all()
    return part
