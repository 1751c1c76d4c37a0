# SPDX-License-Identifier: Apache-2.0
"""What a push costs and how long it takes: ingest, latency at idle, Redis beside the links."""

from measuring import measure
from parts_fanout import cpu_line, gateways, loops
from results import Bars, Curves, Part, Table, Target, all_push_cpu, latency, number, push_cpu, pushes
from servers import BareHttp, Cluster, Mirrored, NotHere

MARKS = ["p50", "p90", "p99", "p999", "max"]


def ingest_line(result):
    refused = result["push"]["refused"]
    return f"{pushes(result):.0f} pushes/s, {all_push_cpu(result):.1f} us CPU per push, {refused} refused"


def ingest(bench):
    part = Part("ingest", "Ingest",
                "64 keep-alive callers, each with its next push as soon as the last is answered; one item of 200 bytes "
                "a push; one gateway, 10 clients that receive everything. Bare evhttp answers 200 without looking.")
    load = ["--callers", 64, "--rate", 0, "--seconds", bench.seconds(3), "--settle", 200]
    starts = {"logic and gateway": lambda: Cluster(bench.directory, bench.certs),
              "bare evhttp": lambda: BareHttp(bench.directory)}
    runs = bench.compare("ingest", starts, [*load, "--clients", 10], bench.rounds(), ingest_line)
    front = {"logic and gateway": "logic", "bare evhttp": "server"}
    rows = [[name, number(runs.median(name, pushes), "%.0f"),
             number(runs.median(name, lambda r, p=front[name]: push_cpu(r, p)), "%.1f"),
             number(runs.median(name, all_push_cpu), "%.1f"),
             *(number(runs.median(name, latency(mark, "answer_us"))) for mark in ("p50", "p99"))]
            for name in runs.names()]
    head = ["server", "pushes/s", "CPU us/push, HTTP server", "all processes", "answer p50 ms", "p99 ms"]
    part.tables.append(Table("64 callers", head, rows))
    part.plots.append(Bars("Pushes per second", [(name, runs.median(name, pushes)) for name in runs.names()], 30000,
                           ("logic and gateway",)))
    part.targets.append(Target("ingest from 64 callers", runs.median("logic and gateway", pushes), 30000, "/s", True))
    wrong = ("lost", "out_of_order", "duplicates")
    lost = runs.sum("logic and gateway", lambda r: sum(r["delivery"][fault] for fault in wrong))
    part.targets.append(Target("ingest: items lost, doubled or out of order", lost, 0))
    part.runs += runs.all()
    return part


def whole_room(bench, part):
    """One push to 4,000 clients: when has the last one its frame?"""
    load = ["--clients", bench.clients(4000), "--rate", 4, "--seconds", bench.seconds(1.5), "--settle", 100]
    starts = {**gateways(bench, kinds={"gateway, io_uring": {"wire": "uring"}, "gateway, send()": {"wire": "send"}}),
              **loops(bench)}
    runs = bench.compare("latency, 4,000 clients", starts, load, bench.rounds(), cpu_line)
    last = latency("p50", "last_latency_us")
    rows = [[name, *(number(runs.median(name, latency(mark, "last_latency_us"))) for mark in ("p50", "p90", "max"))]
            for name in runs.names()]
    part.tables.append(Table("One push to 4,000 clients: the last client's frame",
                             ["server", "p50 ms", "p90 ms", "max ms"], rows))
    for kind in ("io_uring", "send()"):
        part.targets.append(Target(f"4,000 clients, {kind}: the last client's frame to the bare loop's",
                                   runs.ratio(f"gateway, {kind}", f"bare {kind}", last), 1.2, "×"))
    part.runs += runs.all()


AWAKE = "POST to frame, 500 pushes/s"


def idle(bench, part):
    def line(result):
        return (f"frame p50 {result['latency_us']['p50']} us, p99 {result['latency_us']['p99']} us; "
                f"answer p50 {result['answer_us']['p50']} us")

    one = ["--clients", 1, "--seconds", bench.seconds(2), "--settle", 100]
    load = [*one, "--rate", 20]
    starts = {"POST to frame": lambda: Cluster(bench.directory, bench.certs),
              "bare loop, datagram to frame": lambda: loops(bench)["bare io_uring"]()}
    runs = bench.compare("latency", starts, [*load, "--from-sent"], bench.rounds(), line)
    due = bench.compare("latency, from due", {"from when it was due to frame": starts["POST to frame"]}, load,
                        bench.rounds(), line)
    runs.of.update(due.of)
    awake = bench.compare("latency, cores awake", {AWAKE: lambda: Cluster(bench.directory, bench.certs, {"maxMergerDelay": 0})},
                          [*one, "--rate", 500, "--from-sent"], bench.rounds(3), line)
    runs.of.update(awake.of)
    waiting = bench.compare("latency, wait=1", {"wait=1": starts["POST to frame"]}, [*load, "--wait"], bench.rounds(),
                            line)
    answers = [waiting.median("wait=1", latency(mark, "answer_us")) for mark in MARKS]
    rows = [[name, *(number(runs.median(name, latency(mark)), "%.3f") for mark in MARKS)] for name in runs.names()]
    rows.append(["POST to answer, wait=1", *(number(answer, "%.3f") for answer in answers)])
    part.tables.append(Table("One client, 20 pushes/s, milliseconds", ["", "p50", "p90", "p99", "p99.9", "max"], rows))
    shares = [50, 90, 99, 99.9]
    curves = {name: list(zip(shares, (runs.median(name, latency(mark)) for mark in MARKS))) for name in runs.names()}
    curves["wait=1, POST to answer"] = list(zip(shares, answers))
    part.plots.append(Curves("Latency at idle by percentile", "percentile", "ms", curves, log_y=True))
    part.targets.append(Target("idle: POST to frame, p50", runs.median("POST to frame", latency("p50")), 0.5, " ms"))
    part.targets.append(Target("cores awake: POST to frame, p50", runs.median(AWAKE, latency("p50")), 0.5, " ms"))
    part.targets.append(Target("idle: wait=1 round trip, p50", answers[0], 1, " ms"))
    part.runs += runs.all() + waiting.all()


def latency_part(bench):
    part = Part("latency", "Latency at idle",
                "One push at a time, until the client's program has the frame. With one client from the moment that "
                "the POST is sent, and once from when it was due, which adds how late the machine's timer woke the "
                "caller. Between two of 20 pushes/s the cores have gone to sleep, and each program on the way waits for "
                "its own to wake up; with 500 pushes/s they have not. With 4,000 clients from when it was due.")
    idle(bench, part)
    whole_room(bench, part)
    return part


def published_run(server, label, load):
    """A run that does not count if nothing was published: an option without effect would look cheap."""
    result = measure(server, label, load)
    if isinstance(server, Mirrored) and "calls=" not in server.redis.info("commandstats").get("cmdstat_publish", ""):
        raise NotHere("logic publishes nothing in Redis")
    return result


def mirror_line(result):
    return f"logic {push_cpu(result):.2f} us per push, {pushes(result):.0f}/s"


def mirror(bench):
    part = Part("mirror", "Pushes mirrored in Redis",
                "bus.mode mirror publishes every push in Redis beside the link, and the gateway listens to both. "
                "CPU of logic for each push; Redis's own is in the table.")
    starts = {"links alone": lambda: Cluster(bench.directory, bench.certs),
              "links and mirror": lambda: Mirrored(bench.directory, bench.certs)}
    loads = {"5,000 pushes/s": ["--callers", 16, "--rate", 5000],
             "64 callers, as fast as they can": ["--callers", 64, "--rate", 0]}
    for words, load in loads.items():
        runs = bench.compare(f"mirror, {words}", starts,
                             [*load, "--clients", 10, "--seconds", bench.seconds(2), "--settle", 200],
                             bench.rounds(3), mirror_line, published_run)
        rows = [[name, number(runs.median(name, push_cpu)), number(runs.ratio(name, "links alone", push_cpu)),
                 number(runs.median(name, lambda r: push_cpu(r, "server"))),
                 number(runs.median(name, lambda r: push_cpu(r, "redis") if "redis" in r["processes"] else 0)),
                 number(runs.median(name, pushes), "%.0f")] for name in runs.names()]
        head = ["logic", "CPU us/push", "ratio", "gateway us/push", "Redis us/push", "pushes/s"]
        part.tables.append(Table(words, head, rows))
        part.targets.append(Target(f"mirror, {words}: logic's CPU per push to that of links alone",
                                   runs.ratio("links and mirror", "links alone", push_cpu), 1.3, "×"))
        part.runs += runs.all()
    return part
