# SPDX-License-Identifier: Apache-2.0
"""What a delivered frame costs: one large room, large frames, many small rooms, merged items, nchan."""

from results import Bars, Curves, Part, Table, Target, frame_cpu, item_cpu, latency, number
from servers import BareLoop, Cluster, Nchan

SLICE = 128  # of the gateway's submissions
GATEWAYS = {
    "gateway, io_uring": {"wire": "uring", "bucketThreads": 1},
    "gateway, send()": {"wire": "send", "bucketThreads": 1},
}
LOOPS = {
    "bare io_uring": ["--loop", "uring", "--slice", SLICE],
    "bare send()": ["--loop", "send"],
}
PAIRS = [("io_uring", "gateway, io_uring", "bare io_uring"), ("send()", "gateway, send()", "bare send()")]


def gateways(bench, options=None, kinds=None):
    return {name: lambda given=given: Cluster(bench.directory, bench.certs, {**given, **(options or {})})
            for name, given in (kinds or GATEWAYS).items()}


def loops(bench, *more, kinds=None):
    return {name: lambda args=args: BareLoop(bench.directory, *args, *more)
            for name, args in (kinds or LOOPS).items()}


def cpu_line(result):
    last = result["last_latency_us"]["p50"] / 1000
    return f"{frame_cpu(result):.2f} us CPU per frame, last client after {last:.1f} ms"


def cost_table(title, runs, pairs):
    against = {mine: its for _, mine, its in pairs}
    rows = []
    for name in runs.names():
        ratio = runs.ratio(name, against.get(name), frame_cpu)
        rows.append([name, number(runs.median(name, frame_cpu)), number(ratio), against.get(name, ""),
                     number(runs.median(name, latency("p50")), "%.1f"),
                     number(runs.median(name, latency("p99")), "%.1f"),
                     number(runs.median(name, latency("p50", "last_latency_us")), "%.1f")])
    head = ["server", "CPU us/frame", "ratio", "to", "latency p50 ms", "p99 ms", "last client p50 ms"]
    return Table(title, head, rows)


def ratio_bars(title, runs, pairs, bound):
    bars = [(kind, runs.ratio(mine, its, frame_cpu)) for kind, mine, its in pairs]
    return Bars(title, bars, bound, tuple(kind for kind, _ in bars))


def cost_targets(words, runs, pairs, bound):
    return [Target(f"{words}, {kind}: gateway's CPU per frame to the bare loop's", runs.ratio(mine, its, frame_cpu),
                   bound, "×") for kind, mine, its in pairs]


TWO_THREADS = {
    "gateway, io_uring, 2 buckets": {"wire": "uring", "bucketThreads": 2},
    "gateway, send(), 2 buckets": {"wire": "send", "bucketThreads": 2},
}
TWO_LOOPS = {
    "bare io_uring, 2 threads": ["--loop", "uring", "--slice", SLICE, "--threads", 2],
    "bare send(), 2 threads": ["--loop", "send", "--threads", 2],
    "bare io_uring, one submission": ["--loop", "uring"],
}
MERGED_LOOP = "bare io_uring, 2 threads"
TWO_PAIRS = [(f"{kind}, 2 threads", f"gateway, {kind}, 2 buckets", f"bare {kind}, 2 threads")
             for kind in ("io_uring", "send()")]


def one_room(bench, part, clients, rate, item_bytes, bound, words, more=False):
    load = ["--clients", bench.clients(clients), "--rate", rate, "--seconds", bench.seconds(1.5),
            "--settle", 100, "--item-bytes", item_bytes]
    runs = bench.compare(f"fanout {words}", {**gateways(bench), **loops(bench)}, load, bench.rounds(), cpu_line)
    pairs = PAIRS
    if more:
        starts = {**gateways(bench, kinds=TWO_THREADS), **loops(bench, kinds=TWO_LOOPS)}
        runs.of.update(bench.compare(f"fanout {words}", starts, load, bench.rounds(3), cpu_line).of)
        pairs = PAIRS + TWO_PAIRS
    part.tables.append(cost_table(f"{words}, {rate} frames/s", runs, pairs))
    part.plots.append(ratio_bars(f"CPU per frame to the bare loop's: {words}", runs, pairs, bound))
    part.targets += cost_targets(words, runs, pairs, bound)
    part.runs += runs.all()


def fanout(bench):
    part = Part("fanout", "Fan-out to one room",
                "CPU of the server's process for each frame that arrived. Each gateway stands beside the bare loop "
                f"that makes the same system calls: submissions of {SLICE} sends to io_uring, or one send() a socket; "
                "one thread that writes, or two.")
    one_room(bench, part, 4000, 10, 200, 1.10, "4,000 clients, 200 bytes", more=True)
    one_room(bench, part, 15000, 4, 200, 1.10, "15,000 clients, 200 bytes")
    one_room(bench, part, 4000, 5, 16344, 1.05, "4,000 clients, 16 KB")
    return part


ROOM_RATES = (1000, 5000, 10000)
JUDGED_RATE = 5000  # 40,000 frames/s, as many as in the room of 4,000


def rooms(bench):
    clients = bench.clients(16000)
    count = clients // 8
    part = Part("rooms", "Many small rooms",
                "2,000 rooms of 8 clients, pushes to them in turn. The bare loop gets each push as a datagram and "
                "writes to the room's 8 sockets; nothing of HTTP, RPC or merging is in it. What is judged is "
                f"{JUDGED_RATE:,} pushes/s, which is as many frames per second as in the room of 4,000 clients.")
    lines = {}
    for rate in ROOM_RATES:
        load = ["--clients", clients, "--rooms", count, "--rate", rate, "--callers", 16,
                "--seconds", bench.seconds(1.5), "--settle", 100]
        judged = rate == JUDGED_RATE
        kinds = [None, None] if judged else [{PAIRS[0][1]: GATEWAYS[PAIRS[0][1]]}, {PAIRS[0][2]: LOOPS[PAIRS[0][2]]}]
        starts = {**gateways(bench, kinds=kinds[0]), **loops(bench, "--rooms", count, kinds=kinds[1])}
        runs = bench.compare(f"rooms, {rate} pushes/s", starts, load, bench.rounds(3 if judged else 1), cpu_line)
        part.tables.append(cost_table(f"16,000 clients in 2,000 rooms, {rate:,} pushes/s", runs, PAIRS))
        part.runs += runs.all()
        for name in runs.names():
            lines.setdefault(name, []).append((rate, runs.median(name, frame_cpu)))
        if judged:
            part.plots.append(ratio_bars("CPU per frame to the bare loop's: rooms of 8", runs, PAIRS, 1.5))
            part.targets += cost_targets("2,000 rooms of 8", runs, PAIRS, 1.5)
    curves = {name: points for name, points in lines.items() if len(points) > 1}
    part.plots.append(Curves("CPU us per frame, rooms of 8", "pushes/s", "us", curves, log_x=True))
    return part


MERGED_ITEMS = 100  # in a frame, as in go-push
MERGED = {
    f"gateway, frames of {MERGED_ITEMS} items": {"maxMergerBatchSize": MERGED_ITEMS},
    "gateway, frames of 64 KB": {},
}


def ready_made(bench, clients):
    """What the bare loop takes for frames as large as the gateway's with go-push's batches, for each item in them."""
    runs = bench.compare("merged, ready-made frames", loops(bench, kinds={MERGED_LOOP: TWO_LOOPS[MERGED_LOOP]}),
                         [*clients, "--rate", 1000 // MERGED_ITEMS, "--item-bytes", 200 * MERGED_ITEMS],
                         bench.rounds(), cpu_line)
    bare = runs.median(MERGED_LOOP, frame_cpu)
    name = f"{MERGED_LOOP}, ready-made frames"
    return runs, [[name, number(bare / MERGED_ITEMS, "%.4f"), number(MERGED_ITEMS, "%.1f"), number(bare)]] if bare else []


def merged(bench):
    part = Part("merged", "Merged items",
                "1,000 items/s into one room of 4,000 clients, merged for a second (maxMergerDelay): once as in "
                f"go-push, where {MERGED_ITEMS} items end a frame (maxMergerBatchSize), and once with 1,000 allowed, as by "
                "default, where 64 KB do (maxMergerBatchBytes). CPU for each item that arrived at a client. The "
                f"bare loop gets ready-made frames of {MERGED_ITEMS} items' bytes, as often: taking, checking and "
                "merging the items is not in it.")
    clients = ["--clients", bench.clients(4000), "--seconds", bench.seconds(2.5), "--settle", 200]

    def line(result):
        return f"{item_cpu(result):.4f} us CPU per delivered item, {result['delivery']['items']} items"

    starts = gateways(bench, {"maxMergerDelay": 1000, "wire": "auto", "bucketThreads": 0}, MERGED)
    runs = bench.compare("merged", starts, [*clients, "--rate", 1000, "--callers", 8], bench.rounds(), line)
    bare, rows = ready_made(bench, clients)
    for name in reversed(runs.names()):
        per_frame = runs.median(name, lambda r: r["delivery"]["items"] / max(1, r["delivery"]["frames"]))
        rows.insert(0, [name, number(runs.median(name, item_cpu), "%.4f"), number(per_frame, "%.1f"),
                        number(runs.median(name, frame_cpu))])
    head = ["server", "CPU us/item", "items/frame", "CPU us/frame"]
    part.tables.append(Table("1,000 items/s of 200 bytes", head, rows))
    part.targets += [Target(f"merged stream, {name.partition(', ')[2]}: gateway's CPU per delivered item",
                            runs.median(name, item_cpu), 0.10, " us") for name in MERGED]
    part.runs += runs.all() + bare.all()
    return part


def peers(bench):
    part = Part("peers", "Beside nginx with nchan",
                "The same clients and the same bytes: nchan's subscribers over WebSocket, published to by HTTP POST; "
                "one nginx process.")
    load = ["--clients", bench.clients(4000), "--rate", 10, "--seconds", bench.seconds(2.5), "--settle", 200]
    starts = {**gateways(bench, kinds={"gateway": {"bucketThreads": 1}}),
              "nchan": lambda: Nchan(bench.directory),
              **loops(bench, kinds={"bare send()": LOOPS["bare send()"]})}
    runs = bench.compare("peers", starts, load, bench.rounds(3), cpu_line)
    rows = [[name, number(runs.median(name, frame_cpu)), number(runs.ratio(name, "bare send()", frame_cpu)),
             number(runs.median(name, lambda r: r["processes"]["server"]["rss_per_client"]), "%.0f"),
             number(runs.median(name, latency("p50")), "%.1f"), number(runs.median(name, latency("p99")), "%.1f")]
            for name in runs.names()]
    head = ["server", "CPU us/frame", "to bare send()", "bytes of user memory per client", "latency p50 ms", "p99 ms"]
    part.tables.append(Table("4,000 clients, 200 bytes, 10 frames/s", head, rows))
    part.plots.append(Bars("CPU us per frame", [(name, runs.median(name, frame_cpu)) for name in runs.names()], None,
                           ("gateway",)))
    part.runs += runs.all()
    return part
