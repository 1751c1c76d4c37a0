# SPDX-License-Identifier: Apache-2.0
"""What a part of the bench hands to the report: tables, plots, targets, and the runs they come from."""

import statistics
from dataclasses import dataclass, field

FAULTS = ["lost", "duplicates", "out_of_order", "unaccepted", "disagreeing", "strange", "closed"]


@dataclass
class Target:
    """A figure beside the bound that it must keep; `figure` is None when it could not be measured."""

    what: str
    figure: float | None
    bound: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self):
        if self.figure is None:
            return None
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    @property
    def verdict(self):
        return {None: "not measured", True: "met", False: "not met"}[self.met]

    @property
    def rule(self):
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}{self.unit}"


@dataclass
class Table:
    title: str
    head: list
    rows: list


@dataclass
class Bars:
    """One bar for each (label, value); `bound` is a line across them. Ours are the strong ones."""

    title: str
    bars: list
    bound: float | None = None
    ours: tuple = ()


@dataclass
class Curves:
    """Lines through points: {name: [(x, y), …]}; `bound` is a level."""

    title: str
    across: str
    up: str
    lines: dict
    log_x: bool = False
    log_y: bool = False
    bound: float | None = None


@dataclass
class Part:
    name: str
    title: str
    words: str
    tables: list = field(default_factory=list)
    plots: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    runs: list = field(default_factory=list)


class Runs:
    """The results of one comparison: for each server a list, one result a round."""

    def __init__(self):
        self.of = {}

    def add(self, name, result):
        self.of.setdefault(name, []).append(result)

    def __contains__(self, name):
        return name in self.of

    def names(self):
        return list(self.of)

    def median(self, name, figure):
        """Over the rounds; None for a server that did not run."""
        return statistics.median(map(figure, self.of[name])) if name in self.of else None

    def sum(self, name, figure):
        return sum(map(figure, self.of[name]))

    def ratio(self, mine, its, figure):
        """The median of the ratios within each round; None when one of them did not run."""
        if mine not in self.of or its not in self.of:
            return None
        pairs = [(figure(a), figure(b)) for a, b in zip(self.of[mine], self.of[its])]
        ratios = [a / b for a, b in pairs if b]
        return statistics.median(ratios) if ratios else None

    def all(self):
        return [{"server": name, **result} for name, results in self.of.items() for result in results]


def frame_cpu(result):
    """CPU per delivered frame of the process that holds the clients, in microseconds."""
    return result["processes"]["server"]["cpu_us_per_frame"]


def item_cpu(result):
    return result["processes"]["server"]["cpu_seconds"] * 1e6 / max(1, result["delivery"]["items"])


def push_cpu(result, process="logic"):
    return result["processes"][process]["cpu_us_per_push"]


def all_push_cpu(result):
    return sum(process["cpu_us_per_push"] for process in result["processes"].values())


def pushes(result):
    return result["push"]["per_second"]


def latency(mark, of="latency_us"):
    """A function that gives the latency in milliseconds."""
    return lambda result: result[of][mark] / 1000


def number(value, form="%.2f"):
    return "" if value is None else form % value


def faults_of(result):
    found = {name: result["delivery"][name] for name in FAULTS if result["delivery"][name]}
    if result["push"]["failed"]:
        found["failed callers"] = result["push"]["failed"]
    missing = result["clients"] - result["connect"]["joined"]
    if missing:
        found["not joined"] = missing
    return found
