# SPDX-License-Identifier: Apache-2.0
"""Bars and curves as SVG. Colours are the page's variables, so that light and dark both work."""

import html
import math

from results import Bars

WIDTH, LABELS, ROW = 760, 300, 26
LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 70, 190, 36, 46, 300


def draw(plot):
    return bars(plot) if isinstance(plot, Bars) else curves(plot)


def text(x, y, words, anchor="start", faint=False):
    style = ' class="faint"' if faint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{html.escape(words)}</text>'


def line(x1, y1, x2, y2, colour="--rule", dashed=False, width=1):
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="var({colour})" '
            f'stroke-width="{width}"{dash}/>')


def svg(height, title, shapes):
    return (f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
            f'aria-label="{html.escape(title)}">{"".join(shapes)}</svg>')


def bars(plot):
    shown = [(label, value) for label, value in plot.bars if value is not None]
    most = max([value for _, value in shown] + [plot.bound or 0]) or 1
    scale = (WIDTH - LABELS - 90) / most
    shapes = [text(0, 18, plot.title)]
    for i, (label, value) in enumerate(shown):
        y = 30 + i * ROW
        colour = "--ours" if label in plot.ours else "--other"
        shapes.append(text(LABELS - 10, y + 16, label, "end"))
        shapes.append(f'<rect x="{LABELS}" y="{y + 3}" width="{value * scale:.1f}" height="18" fill="var({colour})"/>')
        shapes.append(text(LABELS + value * scale + 6, y + 16, f"{value:,.4g}"))
    bottom = 30 + len(shown) * ROW
    if plot.bound is not None:
        x = LABELS + plot.bound * scale
        shapes += [line(x, 26, x, bottom + 4, "--not", True, 2),
                   text(x, bottom + 18, f"target {plot.bound:,g}", "middle")]
    return svg(bottom + 26, plot.title, shapes)


class Axis:
    """Values to pixels, linear or logarithmic, with a few round marks."""

    def __init__(self, values, start, end, log):
        self.log = log and min(values) > 0
        low, high = min(values), max(values)
        if self.log:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
        else:
            low, high = min(0, low), high or 1
        self.low, self.high = low, high if high > low else low + 1
        self.start, self.end = start, end

    def at(self, value):
        if self.log:
            share = math.log10(value / self.low) / math.log10(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def marks(self):
        if self.log:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0 ** power for power in range(first, last + 1)]
        step = 10 ** math.floor(math.log10(self.high - self.low))
        step = next(step * part for part in (0.2, 0.5, 1, 2) if (self.high - self.low) / (step * part) <= 6)
        return [step * i for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def curve(name, points, index, x_axis, y_axis):
    colour = f"--s{index % 4}"
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="var({colour})">'
                   f"<title>{px:,g}: {py:,.4g}</title></circle>" for (x, y), (px, py) in zip(places, points))
    y = TOP + 14 + index * 22
    key = line(WIDTH - RIGHT + 14, y - 4, WIDTH - RIGHT + 38, y - 4, colour, width=3)
    return f'<polyline points="{path}" fill="none" stroke="var({colour})" stroke-width="2"/>{dots}{key}' + text(
        WIDTH - RIGHT + 44, y, name)


def curves(plot):
    points = [point for found in plot.lines.values() for point in found]
    if not points:
        return svg(30, plot.title, [text(0, 18, f"{plot.title}: nothing was measured")])
    levels = [y for _, y in points] + ([plot.bound] if plot.bound else [])
    x_axis = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT, plot.log_x)
    y_axis = Axis(levels, HEIGHT - BOTTOM, TOP, plot.log_y)
    shapes = [text(0, 18, plot.title)]
    for mark in y_axis.marks():
        y = y_axis.at(mark)
        shapes += [line(LEFT, y, WIDTH - RIGHT, y), text(LEFT - 8, y + 4, f"{mark:,g}", "end", True)]
    for mark in x_axis.marks():
        x = x_axis.at(mark)
        shapes += [line(x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5),
                   text(x, HEIGHT - BOTTOM + 20, f"{mark:,g}", "middle", True)]
    shapes.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, plot.across, "middle"))
    if plot.bound:
        shapes.append(line(LEFT, y_axis.at(plot.bound), WIDTH - RIGHT, y_axis.at(plot.bound), "--not", True, 2))
    shapes += [curve(name, found, i, x_axis, y_axis) for i, (name, found) in enumerate(plot.lines.items()) if found]
    return svg(HEIGHT, plot.title, shapes)
