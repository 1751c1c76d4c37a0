# SPDX-License-Identifier: Apache-2.0
"""How the results look: as text, as one HTML page without anything from elsewhere, and as JSON."""

import dataclasses
import html
import json

import plots

STYLE = """
:root{color-scheme:light dark;--ink:#1a202c;--paper:#fff;--faint:#4a5568;--rule:#cbd5e0;--met:#276749;--not:#9b2c2c;
--ours:#2b6cb0;--other:#a0aec0;--s0:#2b6cb0;--s1:#c05621;--s2:#2f855a;--s3:#6b46c1}
@media(prefers-color-scheme:dark){:root{--ink:#e2e8f0;--paper:#171b22;--faint:#a0aec0;--rule:#4a5568;--met:#68d391;
--not:#fc8181;--ours:#63b3ed;--other:#718096;--s0:#63b3ed;--s1:#f6ad55;--s2:#68d391;--s3:#b794f4}}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:var(--ink);
background:var(--paper)}
table{border-collapse:collapse;margin:1rem 0}caption{text-align:left;font-weight:600}
td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid var(--rule)}
td:first-child,th:first-child{text-align:left}th{font-weight:600;color:var(--faint)}
.met{color:var(--met)}.not-met{color:var(--not);font-weight:600}.not-measured{color:var(--faint)}
.scroll{overflow-x:auto}svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .faint{fill:var(--faint)}
"""


def target_row(target):
    figure = "" if target.figure is None else f"{target.figure:,.4g}{target.unit}"
    if target.figure is not None and target.figure >= 10000:
        figure = f"{target.figure:,.0f}{target.unit}"
    return [target.what, figure, target.rule, target.verdict]


def all_targets(parts):
    return [target for part in parts for target in part.targets]


def summary(parts):
    verdicts = [target.verdict for target in all_targets(parts)]
    words = [word for word in ("met", "not met", "not measured") if word in verdicts]
    return ", ".join(f"{verdicts.count(word)} {word}" for word in words)


def columns(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(word.rjust(width) if i else word.ljust(width)
                               for i, (word, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def text(result):
    blocks = []
    for part in result.parts:
        blocks.append("\n".join([part.title, "=" * len(part.title), *part.notes]))
        blocks += [f"{table.title}\n{columns([table.head, *table.rows])}" for table in part.tables]
    targets = all_targets(result.parts)
    if targets:
        blocks.append("Targets\n=======\n" + columns([["", "figure", "bound", ""], *map(target_row, targets)]))
    return "\n\n".join([*blocks, closing(result)])


def closing(result):
    faults = "; ".join(result.faults) or "none lost, doubled or out of order"
    left_out = "".join(f"\n{text}" for text in result.missing)
    targets = summary(result.parts)
    trial = "A trial of the bench itself, with a hundredth of the load: the figures mean nothing.\n"
    start = trial if result.options.get("quick") else ""
    judged = f"\ntargets: {targets}" if targets else ""
    return f"{start}{result.items:,} items delivered: {faults}{judged}{left_out}"


def html_table(title, head, rows, classes=()):
    top = "".join(f"<th>{html.escape(word)}</th>" for word in head)
    lines = []
    for i, row in enumerate(rows):
        style = f' class="{classes[i]}"' if classes else ""
        cells = [f"<td>{html.escape(word)}</td>" for word in row]
        cells[-1] = cells[-1].replace("<td", f"<td{style}", 1)
        lines.append("<tr>" + "".join(cells) + "</tr>")
    caption = f"<caption>{html.escape(title)}</caption>" if title else ""
    return f'<div class="scroll"><table>{caption}<tr>{top}</tr>{"".join(lines)}</table></div>'


def targets_html(targets):
    classes = [target.verdict.replace(" ", "-") for target in targets]
    return html_table("", ["target", "figure", "bound", ""], [target_row(t) for t in targets], classes)


def section(part):
    notes = "".join(f"<p><em>{html.escape(note)}</em></p>" for note in part.notes)
    tables = "".join(html_table(table.title, table.head, table.rows) for table in part.tables)
    drawn = "".join(f"<figure>{plots.draw(plot)}</figure>" for plot in part.plots)
    targets = targets_html(part.targets) if part.targets else ""
    return (f'<h2 id="{part.name}">{html.escape(part.title)}</h2><p>{html.escape(part.words)}</p>'
            f"{notes}{targets}{drawn}{tables}")


def page(result):
    machine = ", ".join(f"{key} {value}" for key, value in result.machine.items())
    targets = all_targets(result.parts)
    overview = f"<h2>Targets</h2><p>{html.escape(summary(result.parts))}</p>{targets_html(targets)}" if targets else ""
    sections = "".join(map(section, result.parts))
    ending = "".join(f"<p>{html.escape(line)}</p>" for line in closing(result).splitlines())
    return (f'<!doctype html><html lang="en"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>Fanfare bench</title>'
            f"<style>{STYLE}</style><h1>Fanfare bench</h1><p>{html.escape(machine)}. Everything on loopback, clients "
            f"and servers on the same cores. Figures are medians over the rounds, in which the servers took turns; a "
            f"ratio is the median of the ratios within each round.</p>{overview}{sections}{ending}</html>\n")


def as_json(result):
    parts = {}
    for part in result.parts:
        found = dataclasses.asdict(part)
        found["targets"] = [{**dataclasses.asdict(target), "verdict": target.verdict} for target in part.targets]
        parts[part.name] = found
    return {"machine": result.machine, "options": result.options, "took_seconds": result.seconds,
            "clean": not result.faults, "faults": result.faults, "left_out": result.missing, "items": result.items,
            "parts": parts}


def write(result, directory):
    """Writes both files and gives their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    json_path, html_path = directory / "report.json", directory / "report.html"
    json_path.write_text(json.dumps(as_json(result), indent=1) + "\n", encoding="utf-8")
    html_path.write_text(page(result), encoding="utf-8")
    return [json_path, html_path]
