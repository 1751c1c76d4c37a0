# SPDX-License-Identifier: Apache-2.0
"""What clients cost and suffer: memory of an idle one, a storm of new ones, a broadcast beside a small room."""

import contextlib
import os
import signal

from measuring import Swarm, measure
from parts_fanout import cpu_line, gateways
from results import Bars, Part, Runs, Table, Target, latency, number
from servers import BareLoop, Nchan


def memory_line(result):
    server = result["processes"]["server"]
    return f"{server['anonymous_per_client']:.0f} bytes anonymous, {server['rss_per_client']:.0f} RSS per client"


def memory(bench):
    clients = bench.clients(10000)
    part = Part("memory", "Memory of idle clients",
                "Growth of the gateway's process from its start to 10,000 connected clients in one room each, divided "
                "by the clients. The kernel's memory for sockets is not in it.")
    starts = gateways(bench, kinds={"gateway": {}})
    runs = bench.compare("memory", starts, ["--clients", clients, "--seconds", 0, "--settle", 700], bench.rounds(3),
                         memory_line)
    anonymous = runs.median("gateway", lambda r: r["processes"]["server"]["anonymous_per_client"])
    rss = runs.median("gateway", lambda r: r["processes"]["server"]["rss_per_client"])
    part.tables.append(Table("10,000 clients", ["server", "bytes anonymous per client", "bytes RSS per client"],
                             [["gateway", number(anonymous, "%.0f"), number(rss, "%.0f")]]))
    part.targets.append(Target("user memory per idle client (anonymous)", anonymous and anonymous / 1024, 1.6, " KB"))
    part.targets.append(Target("user memory per idle client (RSS)", rss and rss / 1024, 1.6, " KB"))
    part.runs += runs.all()
    return part


def crowd(server, label, clients, room, under_way=256):
    """Clients that only connect and stay; their callers' numbers are nobody else's."""
    return Swarm(label, [*server.options, "--join-in-url", "--clients", clients, "--room", room, "--seconds", 0, "--settle", 0,
                         "--under-way", under_way, "--hold", "--first-caller", 50000], announced=True)


def storm_run(clients, standing):
    """New clients arrive while pushes go to those already there; the result is the latter's, with
    the arrival's "storm" beside it."""
    def run(server, label, _):
        load = ["--clients", standing, "--room", "standing", "--rate", 20, "--seconds", 60, "--settle", 100]
        with Swarm(f"{label} standing", [*server.options, *load], announced=True) as there:
            there.wait_for("pushing")
            with crowd(server, f"{label} storm", clients, "storm-1") as arriving:
                arriving.wait_for("done")
                there.signal(signal.SIGTERM)
                result = there.result()
                return {**result, "storm": arriving.result()["connect"]}
    return run


def storm_line(result):
    storm = result["storm"]
    return (f"{storm['joined']} clients in {storm['seconds']:.2f} s, {storm['per_second']:.0f}/s; "
            f"pushes meanwhile p99 {result['latency_us']['p99'] / 1000:.0f} ms")


def accepts(result):
    return result["storm"]["per_second"]


def accept_cpu(result):
    """CPU of the server's processes for each new client, the few pushes meanwhile included, in microseconds."""
    servers = [used for name, used in result["processes"].items() if name.startswith("server")]
    return sum(used["cpu_seconds"] for used in servers) * 1e6 / max(1, result["storm"]["joined"])


def storm(bench):
    clients, standing = bench.clients(15000), bench.clients(1000)
    part = Part("storm", "A storm of new clients",
                "15,000 clients arrive as fast as the server takes them, 256 at a time on their way, while 20 pushes/s "
                "go to 1,000 that were there before. All name their room in the handshake's URL and have arrived when "
                "the handshake is answered. The bare loop, which shakes hands and nothing else, shows what "
                "the client program itself can do.")
    starts = {**gateways(bench, kinds={"gateway": {}, "gateway, 1 thread": {"bucketThreads": 1}}),
              "nchan, 1 worker": lambda: Nchan(bench.directory),
              f"nchan, {os.cpu_count()} workers": lambda: Nchan(bench.directory, os.cpu_count()),
              "bare loop": lambda: BareLoop(bench.directory, "--loop", "send", "--rooms", 2)}
    runs = bench.compare("storm", starts, [], bench.rounds(), storm_line, storm_run(clients, standing))
    rows = [[name, number(runs.median(name, accepts), "%.0f"), number(runs.median(name, accept_cpu), "%.1f"),
             number(runs.median(name, latency("p50")), "%.1f"),
             number(runs.median(name, latency("p99")), "%.1f"), number(runs.median(name, latency("max")), "%.1f"),
             str(min(result["storm"]["joined"] for result in runs.of[name]))] for name in runs.names()]
    head = ["server", "clients/s", "CPU us/client", "push latency p50 ms", "p99 ms", "max ms", "arrived"]
    part.tables.append(Table(f"{clients:,} new clients", head, rows))
    part.plots.append(Bars("Clients accepted per second", [(name, runs.median(name, accepts)) for name in runs.names()],
                           None, ("gateway",)))
    pairs = {f"nchan, {os.cpu_count()} workers": "gateway", "nchan, 1 worker": "gateway, 1 thread"}
    for name in (name for name in runs.names() if name in pairs):
        part.targets.append(Target(f"storm: clients/s of {pairs[name]} to those of {name}",
                                   runs.ratio(pairs[name], name, accepts), 1.0, "×", at_least=True))
    if not any(name.startswith("nchan") for name in runs.names()):
        part.targets.append(Target("storm: gateway's clients/s to nchan's (not installed)", None, 1.0, "×", True))
    part.targets.append(Target("storm: p99 of pushes to those already there", runs.median("gateway", latency("p99")),
                               250, " ms"))
    part.runs += runs.all()
    return part


def ahead_of_others(task):
    """Lets nothing of the machine's own come first (needs the right to do so; without it the worst times are also
    those of whatever else wanted the core)."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(1))


def give_bucket_a_core(server):
    """The bucket's thread has the first core, every other thread of both daemons (and of the benches, which are
    children of this process) the rest: what is measured is the bucket's turns, not who gets a core next."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return
    os.sched_setaffinity(0, cores[1:])
    ahead_of_others(0)
    for daemon in server.daemons:
        for thread in os.listdir(f"/proc/{daemon.pid}/task"):
            with open(f"/proc/{daemon.pid}/task/{thread}/comm", encoding="utf-8") as name:
                bucket = name.read().startswith("bucket")
            with contextlib.suppress(OSError):  # io_uring's own workers cannot be moved
                os.sched_setaffinity(int(thread), cores[:1] if bucket else cores[1:])
                if not bucket:
                    ahead_of_others(int(thread))


def with_all_cores(run):
    """Gives this process its cores and its turns back when `run` is through."""
    def wrapped(server, label, load):
        cores = os.sched_getaffinity(0)
        try:
            return run(server, label, load)
        finally:
            os.sched_setaffinity(0, cores)
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return wrapped


def beside_broadcasts(clients, asleep, rate, seconds):
    """Pushes to a room of 10 while broadcasts to everyone are under way; the result is the room's."""
    @with_all_cores
    def run(server, label, load):
        if asleep:
            give_bucket_a_core(server)
        with crowd(server, f"{label} crowd", clients, "crowd") as everyone:
            everyone.wait_for("done")
            broadcasts = ["--clients", 0, "--all", "--rate", rate, "--seconds", seconds, "--first-caller", 1000]
            if asleep:
                everyone.signal(signal.SIGSTOP)
            if not rate:
                return measure(server, label, load)
            with Swarm(f"{label} broadcasts", [*server.options, *broadcasts], announced=True) as sender:
                sender.wait_for("pushing")
                result = measure(server, label, load)
                sender.result()
            return result
    return run


def broadcast(bench):
    clients = bench.clients(15000)
    seconds = bench.seconds(6)
    part = Part("broadcast", "A small room beside a broadcast",
                "One bucket, no merge window (a push that comes late would wait for it). 15,000 clients get 20 "
                "broadcasts a second, so that one is nearly always under way; 40 pushes/s go to a room of 10 on the "
                "same bucket. Asleep: the 15,000 clients' program is stopped while their sockets fill, and the "
                "bucket's thread has a core that nothing else of the bench uses, so that what remains is the room's wait for "
                "its turn between slices. Awake: they read, and everything shares the cores.")
    load = ["--clients", 10, "--room", "small", "--rate", 40, "--seconds", seconds, "--settle", 100]
    kinds = {"no broadcast": (True, 0),
             "broadcasts, readers asleep": (True, 20),
             "broadcasts, readers awake": (False, 4)}
    one_bucket = {"bucketThreads": 1, "maxMergerDelay": 0}
    runs = Runs()
    for name, (asleep, rate) in kinds.items():
        found = bench.compare("broadcast", gateways(bench, kinds={name: one_bucket}), load,
                              bench.rounds(3 if asleep and rate else 2),
                              lambda r: f"p50 {r['latency_us']['p50']} us, p99 {r['latency_us']['p99']} us",
                              beside_broadcasts(clients, asleep, rate, seconds + 1))
        runs.of.update(found.of)
    whole = bench.compare("broadcast, alone", gateways(bench, kinds={"broadcast": {"bucketThreads": 1}}),
                          ["--clients", clients, "--all", "--rate", 4, "--seconds", bench.seconds(2), "--settle", 100],
                          bench.rounds(2), cpu_line)
    rows = [[name, *(number(runs.median(name, latency(mark)), "%.2f") for mark in ("p50", "p90", "p99", "max"))]
            for name in runs.names()]
    rows.append(["last of the 15,000 has the broadcast",
                 *(number(whole.median("broadcast", latency(mark, "last_latency_us")), "%.2f")
                   for mark in ("p50", "p90", "p99", "max"))])
    part.tables.append(Table("Pushes to a room of 10", ["", "p50 ms", "p90 ms", "p99 ms", "max ms"], rows))
    part.targets.append(Target("room of 10 beside broadcasts to 15,000: p99",
                               runs.median("broadcasts, readers asleep", latency("p99")), 5, " ms"))
    part.runs += runs.all() + whole.all()
    return part
