#!/usr/bin/python3
"""What the planner costs, beside a plain three-phase loop over the same graph (bench/plan_loop.c).

usage: bench/plan.py [--write]     --write draws doc/plan-cost.svg
"""

import math
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("NEARCAST_BUILD", "build")
DATA = Path(os.environ.get("NEARCAST_DATA") or ROOT.parent / "shared/data") / "catchment"
NAMES = {"loop": "plain loop, one announcement", "one": "one announcement",
         "batch": "batch of 64, each", "optimise": "optimise, each evaluation"}
COLOURS = {"loop": "#888888", "one": "#4477aa", "batch": "#228833", "optimise": "#ee6677"}


def measure():
    graphs = sorted(DATA.glob("*.as-rel2.txt.bz2"))
    if not graphs:
        sys.exit(f"bench/plan.py: no graph in {DATA} (NEARCAST_DATA)")
    out = subprocess.run([BUILD / "bench/plan_cost", graphs[-1]], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    return [(int(a), int(b), c, float(d), float(e)) for a, b, c, d, e in
            (line.split("\t") for line in out.splitlines()[1:])]


def table(rows):
    print("CPU time in ms: the least of several runs, and the median")
    for ases, links, what, least, median in rows:
        name = NAMES.get(what, "load and unpack the file")
        print(f"{ases:8,} ASes {links:10,} links  {name:32} {least:9.3f} {median:9.3f}")
    whole = {what: least for ases, _, what, least, _ in rows if ases == rows[0][0]}
    print(f"on the whole graph: one is {whole['loop'] / whole['one']:.1f} times as fast as the "
          f"loop, a batch {whole['loop'] / whole['batch']:.0f} times; optimise tries "
          f"{1000 / whole['optimise']:,.0f} announcements a second")


def draw(rows):
    width, height, left, right, top, bottom = 760, 430, 70, 210, 30, 50
    lines = defaultdict(list)
    for ases, _, what, least, _ in rows:
        if what in NAMES:
            lines[what].append((ases, least))
    xs = [x for line in lines.values() for x, _ in line]
    ys = [y for line in lines.values() for _, y in line]
    lo_x, hi_x = math.log10(min(xs)) - .05, math.log10(max(xs)) + .05
    lo_y, hi_y = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    px = lambda x: left + (math.log10(x) - lo_x) / (hi_x - lo_x) * (width - left - right)
    py = lambda y: height - bottom - (math.log10(y) - lo_y) / (hi_y - lo_y) * (height - top - bottom)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="13">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="{left}" y="18">CPU milliseconds against ASes of the graph, both logarithmic'
           '</text>']
    for e in range(lo_y, hi_y + 1):
        y = py(10 ** e)
        out.append(f'<path d="M{left} {y:.1f}H{width - right}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10 ** e:g}</text>')
    for x in (10000, 20000, 50000, 100000, 200000, 400000):
        if lo_x < math.log10(x) < hi_x:
            out.append(f'<path d="M{px(x):.1f} {top}V{height - bottom}" stroke="#eee"/>'
                       f'<text x="{px(x):.1f}" y="{height - bottom + 20}" text-anchor="middle">'
                       f'{x // 1000}k</text>')
    for what, points in lines.items():
        points.sort()
        path = "L".join(f"{px(x):.1f} {py(y):.1f}" for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{COLOURS[what]}" stroke-width="2"/>')
        out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3.5" fill="{COLOURS[what]}"/>'
                for x, y in points]
        x, y = points[-1]
        out.append(f'<text x="{px(x) + 10:.1f}" y="{py(y) + 4:.1f}" fill="{COLOURS[what]}">'
                   f'{NAMES[what]}</text>')
    out.append("</svg>")
    (ROOT / "doc/plan-cost.svg").write_text("\n".join(out) + "\n")


def main():
    rows = measure()
    table(rows)
    if "--write" in sys.argv[1:]:
        draw(rows)


if __name__ == "__main__":
    main()
