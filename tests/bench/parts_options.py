# SPDX-License-Identifier: Apache-2.0
"""What each option of a push costs beside a push without any, both in JSON."""

from harness.raw_ws import RawClient
from results import Bars, Part, Table, Target, frame_cpu, number, push_cpu, pushes
from servers import Cluster

PLAIN = "no options"
# Nothing that is pushed may be missing, so that all can be held against what was pushed: the excluded user is not
# there, the excluded connection not in the room, keys differ ("%" is the push's number), the time to live is long.
OPTIONS = {
    PLAIN: "",
    "exclude a user": '"exclude":{"user":"nobody"}',
    "exclude a connection": '"exclude":{"connection":"CONNECTION"}',
    "ttlMs": '"ttlMs":3600000',
    "key": '"key":"%"',
    "urgent": '"urgent":true',
}


class WithStranger(Cluster):
    """A cluster with one client, outside of the bench's rooms, whose connection can be excluded."""

    def __init__(self, bench, members):
        super().__init__(bench.directory, bench.certs, {"bucketThreads": 1})
        host, port = self.options[1].split(":")
        self.stranger = RawClient((host, int(port)), path="/connect?v=2")
        self.options += ["--with", members.replace("CONNECTION", self.stranger.welcome()["connection"])]

    def __exit__(self, *failed):
        self.stranger.close()
        super().__exit__(*failed)


def starts(bench):
    return {name: lambda members=members: WithStranger(bench, members) for name, members in OPTIONS.items()}


def gateway_cpu(result):
    return push_cpu(result, "server")


def room_line(result):
    return f"{frame_cpu(result):.2f} us CPU per frame"


def large_room(bench, part):
    load = ["--clients", bench.clients(4000), "--rate", 10, "--seconds", bench.seconds(1.5), "--settle", 100]
    runs = bench.compare("options, 4,000 clients", starts(bench), load, bench.rounds(), room_line)
    rows = [[name, number(runs.median(name, frame_cpu)), number(runs.ratio(name, PLAIN, frame_cpu))]
            for name in runs.names()]
    part.tables.append(Table("4,000 clients, 10 pushes/s: the gateway", ["push", "CPU us/frame", "ratio"], rows))
    ratios = [(name, runs.ratio(name, PLAIN, frame_cpu)) for name in OPTIONS if name != PLAIN]
    part.plots.append(Bars("CPU per frame to that of pushes without options", ratios, 1.2, tuple(OPTIONS)))
    part.targets += [Target(f"4,000 clients, {name}: CPU per frame to that without options", ratio, 1.2, "\u00d7")
                     for name, ratio in ratios]
    part.runs += runs.all()


def callers_line(result):
    return f"logic {push_cpu(result):.2f} us, gateway {gateway_cpu(result):.2f} us per push, {pushes(result):.0f}/s"


def many_pushes(bench, part):
    load = ["--callers", 64, "--rate", 5000, "--clients", 10, "--seconds", bench.seconds(2), "--settle", 200]
    runs = bench.compare("options, 5,000 pushes/s", starts(bench), load, bench.rounds(3), callers_line)
    rows = [[name, number(runs.median(name, push_cpu)), number(runs.ratio(name, PLAIN, push_cpu)),
             number(runs.median(name, gateway_cpu)), number(runs.ratio(name, PLAIN, gateway_cpu))]
            for name in runs.names()]
    head = ["push", "logic us/push", "ratio", "gateway us/push", "ratio"]
    part.tables.append(Table("5,000 pushes/s to one room of 10 clients", head, rows))
    part.runs += runs.all()


def options(bench):
    part = Part("options", "Options of a push",
                "Each push has one option and one item of 200 bytes, beside pushes without options, all in JSON. In a "
                "large room the writes count; with 5,000 pushes a second to few clients what a push itself costs. There "
                "plain items gather for a merge window, and ttlMs and urgent do not: their frames are more, which is "
                "what they ask for.")
    large_room(bench, part)
    many_pushes(bench, part)
    return part
