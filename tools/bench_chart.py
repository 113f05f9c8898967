#!/usr/bin/env python3
"""Draws what `tepui bench --out FILE.json` measured as an SVG for the README: bench_chart.py FILE.json CHART.svg

Tokens a second by the length of sequences, one line for each backend and weight type with a bar from the least to the most of
the rounds, dashed with the statistics of a scan at every layer; beside it the share of the rate of multiply-adds.
"""
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

COLOURS = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
WIDTH, HEIGHT, TOP, BOTTOM = 900, 380, 76, 318
PANELS = ((70, 440), (530, 880))


def nice_step(most):
    power = 10 ** math.floor(math.log10(most / 4))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if most / (factor * power) <= 5)


def text(x, y, words, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


class Panel:
    """One pair of axes: lengths on a logarithmic one, numbers from 0 on the other."""

    def __init__(self, sides, title, lengths, most):
        self.left, self.right = sides
        self.lengths = lengths
        self.most = most
        self.parts = [text((self.left + self.right) / 2, TOP - 12, title, extra='font-weight="600"')]
        step = nice_step(most)
        for i in range(int(most / step) + 1):
            y = self.y(i * step)
            self.parts.append(f'<path d="M{self.left} {y:.1f}H{self.right}" stroke="#dde2e7"/>')
            self.parts.append(text(self.left - 8, y + 4, f"{i * step:g}", "end"))
        for length in lengths:
            self.parts.append(text(self.x(length), BOTTOM + 18, str(length)))
        self.parts.append(text((self.left + self.right) / 2, BOTTOM + 38, "tokens of a sequence"))

    def x(self, length):
        first, last = math.log(self.lengths[0]), math.log(self.lengths[-1])
        share = 0.5 if first == last else (math.log(length) - first) / (last - first)
        return self.left + 25 + share * (self.right - self.left - 50)

    def y(self, value):
        return BOTTOM - value / self.most * (BOTTOM - TOP)

    def line(self, rows, key, colour, factor=1, dashed=False):
        points = [(self.x(row["length"]), row[key]) for row in rows]
        path = "L".join(f"{x:.1f} {self.y(one['median'] * factor):.1f}" for x, one in points)
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        self.parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for x, one in points:
            middle, least, most = (self.y(one[part] * factor) for part in ("median", "least", "most"))
            self.parts.append(f'<path d="M{x:.1f} {least:.1f}V{most:.1f}" stroke="{colour}"/>')
            fill = "#ffffff" if dashed else colour
            self.parts.append(f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="4" fill="{fill}" stroke="{colour}"/>')


def chart(document):
    rows = document["rows"]
    lengths = sorted({row["length"] for row in rows})
    kinds = list(dict.fromkeys((row["backend"], row["type"]) for row in rows))
    keys = ("tokens_per_second", "tokens_per_second_with_statistics")
    fastest = max(row[key]["most"] for row in rows for key in keys)
    speed = Panel(PANELS[0], "tokens/s, prefill", lengths, 1.05 * fastest)
    share = Panel(PANELS[1], "% of the rate of multiply-adds", lengths,
                  max(100, 105 * max(row["share_of_peak"]["most"] for row in rows)))
    legend, x = [], PANELS[0][0]
    for at, (backend, weights) in enumerate(kinds):
        colour = COLOURS[at % len(COLOURS)]
        own = sorted((row for row in rows if (row["backend"], row["type"]) == (backend, weights)), key=lambda row: row["length"])
        speed.line(own, keys[0], colour)
        speed.line(own, keys[1], colour, dashed=True)
        share.line(own, "share_of_peak", colour, 100)
        legend.append(f'<path d="M{x} 40h22" stroke="{colour}" stroke-width="3"/>')
        legend.append(text(x + 28, 44, f"{backend}, {weights}", "start"))
        x += 60 + 8 * len(f"{backend}, {weights}")
    legend.append('<path d="M%d 40h22" stroke="#1b1f24" stroke-width="2" stroke-dasharray="6 4"/>' % x)
    legend.append(text(x + 28, 44, f"with the statistics of {document['sites']}", "start"))
    devices = "; ".join(dict.fromkeys(f"{one['name']}, {one['detail']}" for one in document["devices"]))
    title = f"{document['model']}: {devices}"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, Helvetica, sans-serif" font-size="13" fill="#1b1f24">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(PANELS[0][0], 20, title, "start", 'font-size="15" font-weight="600"'), *legend, *speed.parts, *share.parts,
        "</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    document = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    pathlib.Path(sys.argv[2]).write_text(chart(document), encoding="utf-8")


if __name__ == "__main__":
    main()
