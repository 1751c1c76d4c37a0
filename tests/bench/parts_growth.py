# SPDX-License-Identifier: Apache-2.0
"""How cost moves as work grows: clients, item sizes, rooms, gateways, pushes per second."""

from parts_fanout import LOOPS, cpu_line, gateways, loops
from results import Curves, Part, Table, Target, all_push_cpu, frame_cpu, latency, number, push_cpu, pushes
from servers import Cluster

BARE = {"bare io_uring": LOOPS["bare io_uring"]}
GATEWAY = {"gateway": {"bucketThreads": 1}}


class Growth:
    """One quantity that grows: runs at each step, rows and points as they come."""

    def __init__(self, bench, part, words):
        self.bench, self.part, self.words = bench, part, words
        self.rows, self.lines = [], {}

    def compare(self, step, starts, load, line=cpu_line, rounds=2):
        load = [*load, "--seconds", self.bench.seconds(1.5), "--settle", 100]
        runs = self.bench.compare(f"growth, {self.words} {step}", starts, load, self.bench.rounds(rounds), line)
        self.part.runs += runs.all()
        return runs

    def point(self, name, x, y):
        if y is not None:
            self.lines.setdefault(name, []).append((x, y))

    def show(self, head, up, log_y=False, bound=None):
        self.part.tables.append(Table(self.words, head, self.rows))
        self.part.plots.append(Curves(f"{up} as {self.words} grow", self.words, up, self.lines, True, log_y, bound))


def costs(growth, label, x, runs):
    mine, its = runs.median("gateway", frame_cpu), runs.median("bare io_uring", frame_cpu)
    ratio = runs.ratio("gateway", "bare io_uring", frame_cpu)
    growth.rows.append([label, number(mine), number(its), number(ratio)])
    growth.point("gateway", x, mine)
    growth.point("bare io_uring", x, its)


def both(bench):
    return {**gateways(bench, kinds=GATEWAY), **loops(bench, kinds=BARE)}


def clients(bench, part):
    growth = Growth(bench, part, "clients")
    for count, rate in ((1000, 40), (4000, 10), (15000, 3)):
        load = ["--clients", bench.clients(count), "--rate", rate]
        costs(growth, f"{count:,}", count, growth.compare(count, both(bench), load))
    growth.show(["clients", "gateway us/frame", "bare io_uring us/frame", "ratio"], "CPU us per frame")


def sizes(bench, part):
    growth = Growth(bench, part, "item bytes")
    for size in (100, 400, 1600, 6400, 16000):
        load = ["--clients", bench.clients(2000), "--rate", 10, "--item-bytes", size]
        costs(growth, f"{size:,}", size, growth.compare(size, both(bench), load))
    growth.show(["bytes", "gateway us/frame", "bare io_uring us/frame", "ratio"], "CPU us per frame")


def rooms(bench, part):
    """4,000 clients throughout; with 20,000 rooms each is in five. About 16,000 frames/s, or 2,000 pushes/s."""
    growth = Growth(bench, part, "rooms")
    everyone = bench.clients(4000)
    for count in (1, 10, 100, 1000, 4000, 20000):
        here = count if count <= 10 else max(1, count * everyone // 4000)
        rate = min(2000, 4 * here)
        load = ["--clients", everyone, "--rooms", here, "--rate", rate, "--callers", 8]
        runs = growth.compare(count, gateways(bench, kinds=GATEWAY), load)
        cpu, push = runs.median("gateway", frame_cpu), runs.median("gateway", lambda r: push_cpu(r, "server"))
        rss = runs.median("gateway", lambda r: r["processes"]["server"]["rss_per_client"])
        growth.rows.append([f"{count:,}", f"{max(1, everyone // here):,}", str(rate), number(cpu), number(push, "%.1f"),
                            number(rss, "%.0f"), number(runs.median("gateway", latency("p99")))])
        growth.point("us per frame", count, cpu)
        growth.point("us per push", count, push)
    growth.show(["rooms", "clients in each", "pushes/s", "us/frame", "us/push", "memory per client", "latency p99 ms"],
                "gateway's CPU, us", log_y=True)


def several(bench, part):
    growth = Growth(bench, part, "gateways")
    costs_of = {}
    for count in (1, 2, 4, 8):
        starts = {"cluster": lambda count=count: Cluster(bench.directory, bench.certs, gateways=count,
                                                         gateway={"bucketThreads": 1})}
        runs = growth.compare(count, starts, ["--clients", 10, "--rate", 1000, "--callers", 8],
                              lambda r: f"logic {push_cpu(r):.2f} us per push")
        costs_of[count] = runs.median("cluster", push_cpu)
        growth.rows.append([str(count), number(costs_of[count]), number(costs_of[count] / count),
                            number(runs.median("cluster", latency("p50"))),
                            number(runs.median("cluster", latency("p99")))])
        growth.point("logic", count, costs_of[count])
        growth.point("linear", count, costs_of[1] * count)
    growth.show(["gateways", "logic us/push", "by gateways", "latency p50 ms", "p99 ms"], "logic's CPU us per push")
    part.targets.append(Target("8 gateways: logic's CPU per push to eight times that with one",
                               costs_of[8] / (8 * costs_of[1]), 1.0, "×"))


CALLERS, PENDING, LINK_BYTES, JOBS = 256, 5000, 2 * 1024 * 1024, 1000
# What the configuration lets both daemons hold beyond what they held at rest with all clients joined: the link's
# queue and the batch on its way, one RPC request at the gateway (maxRpcBytes), the bucket's jobs with their frames,
# and each caller's request and answer.
QUEUES = 2 * LINK_BYTES + 8 * 1024 * 1024 + JOBS * 4096 + CALLERS * 32768


def memory_of(result, key):
    return sum(result["processes"][name][key] for name in ("server", "logic")) / 1e6


def saturation(bench, part):
    """Beyond what the gateway can write: small rooms, so that merging cannot help."""
    growth = Growth(bench, part, "offered pushes/s")
    everyone = bench.clients(8000)
    options = {"bucketThreads": 1, "bucketJobChannelSize": JOBS}
    starts = {"cluster": lambda: Cluster(bench.directory, bench.certs, {**options, "maxMergerDelay": 0},
                                         {"gatewayMaxPendingCount": PENDING, "linkQueueBytes": LINK_BYTES})}
    excess, faults, refused = [], 0, 0
    for rate in (2000, 5000, 10000, 20000, 40000, 0):
        load = ["--clients", everyone, "--rooms", everyone // 8, "--rate", rate, "--callers", CALLERS]
        runs = growth.compare(rate or "as fast as they can", starts, load,
                              lambda r: f"{pushes(r):.0f} accepted/s, {r['push']['refused']} refused", 1)
        one = runs.of["cluster"][0]
        peak = memory_of(one, "peak_bytes")
        excess.append(peak - memory_of(one, "rss_bytes"))
        faults += one["delivery"]["lost"] + one["delivery"]["unaccepted"] + one["delivery"]["out_of_order"]
        refused += one["push"]["refused"]
        taken = pushes(one)
        growth.rows.append([f"{rate:,}" if rate else f"{CALLERS} callers at once", f"{taken:,.0f}",
                            f"{one['push']['refused']:,}",
                            *(number(latency(mark)(one), "%.1f") for mark in ("p50", "p99")),
                            number(all_push_cpu(one), "%.1f"), number(peak, "%.1f"),
                            str(one["delivery"]["lost"])])
        if rate:
            growth.point("p50", rate, latency("p50")(one))
            growth.point("p99", rate, latency("p99")(one))
    growth.show(["offered/s", "accepted/s", "answered 503", "latency p50 ms", "p99 ms", "CPU us/push, all",
                 "peak memory MB, both", "lost"], "latency in ms", log_y=True)
    part.targets.append(Target("past saturation: accepted but not delivered, or out of order", faults, 0))
    part.targets.append(Target("past saturation: pushes answered 503", refused, 1, at_least=True))
    part.targets.append(Target("past saturation: memory of logic and gateway beyond that at rest", max(excess),
                               round(QUEUES / 1e6), " MB"))


def growth(bench):
    part = Part("growth", "Cost as work grows",
                "One step a row; the plots have logarithmic axes across. Past saturation: small rooms without merging, "
                "queues of logic bounded to 5,000 pushes and 2 MB, so that callers are refused (503) while what was "
                "accepted still arrives.")
    for quantity in (clients, sizes, rooms, several, saturation):
        quantity(bench, part)
    return part
