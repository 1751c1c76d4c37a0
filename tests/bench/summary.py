# SPDX-License-Identifier: Apache-2.0
"""From single runs to medians: what the report shows, without how it looks."""

import os
import platform
import statistics

YARDSTICKS = ["bare send()", "bare io_uring", "bare io_uring, slices"]
FAULTS = ["lost", "duplicates", "out_of_order", "unaccepted", "disagreeing", "strange", "closed"]


def server_cpu(result, per):
    return result["processes"]["server"][f"cpu_us_per_{per}"]


def all_cpu(result, per):
    return sum(process[f"cpu_us_per_{per}"] for process in result["processes"].values())


FIGURES = {
    "fanout": {
        "cpu_us_per_frame": lambda r: server_cpu(r, "frame"),
        "rss_per_client": lambda r: r["processes"]["server"]["rss_per_client"],
        "anonymous_per_client": lambda r: r["processes"]["server"]["anonymous_per_client"],
        "accepts_per_second": lambda r: r["connect"]["per_second"],
        "latency_p50_us": lambda r: r["latency_us"]["p50"],
        "latency_p99_us": lambda r: r["latency_us"]["p99"],
    },
    "ingest": {
        "pushes_per_second": lambda r: r["push"]["per_second"],
        "cpu_us_per_push": lambda r: all_cpu(r, "push"),
        "front_cpu_us_per_push": lambda r: r["processes"].get("logic", r["processes"]["server"])["cpu_us_per_push"],
        "answer_p50_us": lambda r: r["answer_us"]["p50"],
        "answer_p99_us": lambda r: r["answer_us"]["p99"],
        "refused": lambda r: r["push"]["refused"],
    },
    "latency": {
        f"latency_{mark}_us": (lambda r, mark=mark: r["latency_us"][mark])
        for mark in ("p50", "p90", "p99", "p999", "max")
    },
}


def line(part, result):
    """One run in a few words."""
    if part == "ingest":
        words = f"{result['push']['per_second']:.0f} pushes/s, {all_cpu(result, 'push'):.1f} us CPU per push"
    elif part == "latency":
        words = f"p50 {result['latency_us']['p50']} us, p99 {result['latency_us']['p99']} us"
    else:
        words = f"{server_cpu(result, 'frame'):.2f} us CPU per frame"
    return words if result["clean"] else f"{words}; NOT CLEAN: {faults_of(result)}"


def faults_of(result):
    found = {name: result["delivery"][name] for name in FAULTS if result["delivery"][name]}
    if result["push"]["failed"]:
        found["failed_callers"] = result["push"]["failed"]
    return found


def median_of(part, results):
    medians = {name: statistics.median(map(figure, results)) for name, figure in FIGURES[part].items()}
    medians["items"] = sum(result["delivery"]["items"] for result in results)
    for fault in FAULTS:
        medians[fault] = sum(result["delivery"][fault] for result in results)
    return medians


def ratios(runs, name):
    """CPU per frame of `name` by that of each yardstick: medians of the ratios within each round."""
    found = {}
    for yardstick in YARDSTICKS:
        pairs = zip([one for other, one in runs if other == name], [one for other, one in runs if other == yardstick])
        quotients = [server_cpu(mine, "frame") / server_cpu(its, "frame") for mine, its in pairs]
        if quotients:
            found[yardstick] = statistics.median(quotients)
    return found


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    kernel = ".".join(platform.release().split(".")[:2])
    return {"cores": os.cpu_count(), "memory_gb": round(memory / 2**30), "kernel": kernel, "arch": platform.machine()}


def summarise(options, runs, seconds):
    """{"machine", "load", "fanout": {target: medians}, …, "runs", "clean"}."""
    result = {
        "machine": machine(),
        "load": {"clients": options.clients, "item_bytes": options.item_bytes, "rate": options.rate,
                 "seconds": options.seconds, "rounds": options.rounds},
        "took_seconds": round(seconds, 1),
        "clean": all(one["clean"] for part in runs.values() for _, one in part),
        "runs": {part: [{"target": name, **one} for name, one in found] for part, found in runs.items()},
    }
    for part, found in runs.items():
        names = list(dict.fromkeys(name for name, _ in found))
        result[part] = {name: median_of(part, [one for other, one in found if other == name]) for name in names}
    for name, medians in result.get("fanout", {}).items():
        medians["ratios"] = ratios(runs["fanout"], name)
    return result
