# SPDX-License-Identifier: Apache-2.0
"""How the summary looks: as text, as HTML with SVG bars, and as JSON."""

import html
import json

COLUMNS = {
    "fanout": [
        ("CPU us/frame", "cpu_us_per_frame", "%.2f"),
        ("bytes/client, RSS", "rss_per_client", "%.0f"),
        ("anonymous", "anonymous_per_client", "%.0f"),
        ("joins/s", "accepts_per_second", "%.0f"),
        ("latency p50 ms", "latency_p50_us", "%.1f"),
        ("p99 ms", "latency_p99_us", "%.1f"),
    ],
    "ingest": [
        ("pushes/s", "pushes_per_second", "%.0f"),
        ("CPU us/push, all", "cpu_us_per_push", "%.1f"),
        ("CPU us/push, API", "front_cpu_us_per_push", "%.1f"),
        ("answer p50 ms", "answer_p50_us", "%.2f"),
        ("p99 ms", "answer_p99_us", "%.2f"),
        ("refused", "refused", "%d"),
    ],
    "latency": [(f"{mark} ms", f"latency_{mark}_us", "%.2f")
                for mark in ("p50", "p90", "p99", "p999", "max")],
}
BARS = {"fanout": "cpu_us_per_frame", "ingest": "pushes_per_second", "latency": "latency_p50_us"}


def title(part, result):
    load = result["load"]
    return {
        "fanout": "Fan-out: %d clients in one room, items of %d bytes, %g frames/s"
                  % (load["clients"], load["item_bytes"], load["rate"]),
        "ingest": "Ingest: 64 keep-alive callers, one item of %d bytes a push, 10 clients receiving"
                  % load["item_bytes"],
        "latency": "Latency: from the push to the frame, 10 clients, 20 pushes/s",
    }[part]


def cell(figures, key, form):
    value = figures[key]
    return form % (value / 1000 if key.endswith("_us") else value)


def columns_of(part, result):
    """The part's columns and, for the fan-out, one ratio for each yardstick that ran."""
    columns = [(head, lambda f, key=key, form=form: cell(f, key, form)) for head, key, form in COLUMNS[part]]
    if part == "fanout":
        for name in next(iter(result[part].values()))["ratios"]:
            columns.append((f"/ {name}", lambda f, name=name: "%.2f" % f["ratios"][name]))
    return columns


def rows_of(part, result):
    columns = columns_of(part, result)
    yield ["", *(head for head, _ in columns)]
    for name, figures in result[part].items():
        yield [name, *(show(figures) for _, show in columns)]


def parts_of(result):
    return [part for part in COLUMNS if part in result]


def faults(result):
    figures = [one for part in parts_of(result) for one in result[part].values()]
    keys = ["lost", "duplicates", "out_of_order", "unaccepted", "disagreeing", "closed"]
    counts = ", ".join(f"{sum(one[key] for one in figures)} {key.replace('_', ' ')}" for key in keys)
    return f"{sum(one['items'] for one in figures)} items delivered: {counts}"


def text(result):
    blocks = []
    for part in parts_of(result):
        rows = list(rows_of(part, result))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(word.rjust(width) if i else word.ljust(width)
                           for i, (word, width) in enumerate(zip(row, widths))) for row in rows]
        blocks.append(title(part, result) + "\n" + "\n".join(lines))
    return "\n\n".join(blocks) + "\n\n" + faults(result)


def bars(part, result):
    key = BARS[part]
    most = max(figures[key] for figures in result[part].values()) or 1
    lines = []
    for i, (name, figures) in enumerate(result[part].items()):
        y, width = i * 26, 420 * figures[key] / most
        shade = "#2b6cb0" if "bare" not in name else "#a0aec0"
        lines.append(f'<text x="190" y="{y + 16}" text-anchor="end">{html.escape(name)}</text>'
                     f'<rect x="200" y="{y + 3}" width="{width:.1f}" height="18" fill="{shade}"/>'
                     f'<text x="{206 + width:.1f}" y="{y + 16}">{figures[key]:.6g}</text>')
    height = 26 * len(lines)
    return f'<svg viewBox="0 0 720 {height}" width="720" height="{height}" role="img">{"".join(lines)}</svg>'


def table(part, result):
    head, *body = rows_of(part, result)
    top = "".join(f"<th>{html.escape(word)}</th>" for word in head)
    lines = ("".join(f"<td>{html.escape(word)}</td>" for word in row) for row in body)
    return f"<table><tr>{top}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child{text-align:left}svg text{font:13px system-ui,sans-serif}"""


def page(result):
    sections = "".join(f"<h2>{html.escape(title(part, result))}</h2><p>{BARS[part].replace('_', ' ')}</p>"
                       f"{bars(part, result)}{table(part, result)}" for part in parts_of(result))
    machine = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in result["machine"].items())
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Fanfare bench</title><style>{STYLE}</style>'
            f"<h1>Fanfare bench</h1><p>{html.escape(machine)}; medians of several rounds in alternation.</p>"
            f"{sections}<p>{html.escape(faults(result))}</p></html>\n")


def write(result, directory):
    """Writes both files and gives their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    as_json, as_html = directory / "report.json", directory / "report.html"
    as_json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    as_html.write_text(page(result), encoding="utf-8")
    return [as_json, as_html]
