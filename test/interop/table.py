#!/usr/bin/python3
"""Runs nearcastd beside each neighbour and prints the table of neighbour x feature.

usage: table.py BUILD [--write] [NEIGHBOUR...]

--write puts the table into doc/interop.md, which takes a run of all neighbours. Exit status 0: no
cell failed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOC = HERE.parent.parent / "doc/interop.md"
AT_ONCE = 2  # neighbours: most of a case is waiting

sys.path[:0] = [str(HERE.parent), str(HERE)]

from features import FEATURES
from neighbours import NEIGHBOURS

HEAD = """\
# Interoperability

What `make interop` measured with nearcastd {version} beside routing daemons that others wrote, as
Debian 12 packages them. Each neighbour runs in network namespaces of its own with a link to nearcastd, and is
asked by its own command line what it has learned. `test/interop/interop.py NEIGHBOUR test_FEATURE` repeats
one cell. This page is written by `make interop WRITE=1`.

| neighbour | version | asked by |
|---|---|---|
{neighbours}

**yes**: measured. **no**: the neighbour cannot do it or show it, and that was seen too; the note says how.
**not built**: nearcastd does not have it yet. **fails**: measured, and not as it should be.

| feature | {names} | what was seen |
|---|{rules}---|
{rows}
"""


def run_all(build, names, folder):
    """{(neighbour, feature): cell} of a run of these neighbours, and whether all programs said 0."""
    waiting, running, fine = list(names), {}, True
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            name = waiting.pop(0)
            environment = {**os.environ, "NEARCAST_BUILD": str(build),
                           "INTEROP_RESULTS": str(folder / name)}
            running[name] = subprocess.Popen([HERE / "interop.py", name], env=environment,
                                             stdout=open(folder / f"{name}.tap", "w"))
        name, process = next(iter(running.items()))
        process.wait()
        del running[name]
        fine = process.returncode == 0 and fine
        for line in (folder / f"{name}.tap").read_text().splitlines():
            if not line.startswith(("ok", "1..")):
                print(f"{name}: {line}", file=sys.stderr)
    cells = [json.loads(line) for name in names if (folder / name).exists()
             for line in (folder / name).read_text().splitlines()]
    return {(c["neighbour"], c["feature"]): c for c in cells}, fine


class Notes:
    """Each text once, numbered."""

    def __init__(self):
        self.texts = []

    def number(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def word(cell, notes):
    if cell is None:
        return "not run"
    if cell["result"] == "lacks":
        seen = f'{cell["detail"]} (seen: {cell["seen"]})'
        return f'no [{notes.number(NEIGHBOURS[cell["neighbour"]].name + ": " + seen)}]'
    if cell["result"] == "fails":
        return f'**fails** [{notes.number(cell["detail"])}]'
    return cell["result"]


def rows(cells, names):
    notes, out = Notes(), []
    for feature in FEATURES.values():
        row = [cells.get((name, feature.name)) for name in names]
        seen = dict.fromkeys(c["detail"] for c in row if c and c["result"] == "yes")
        title = f"{feature.title} ({feature.rfc})" if feature.rfc else feature.title
        out.append([title, *(word(c, notes) for c in row), "; ".join(seen)])
    return out, notes


def page(cells, names, version):
    table, notes = rows(cells, names)
    versions = {c["neighbour"]: c["version"] for c in cells.values()}
    text = HEAD.format(
        version=version,
        neighbours="\n".join(f"| {NEIGHBOURS[n].name} | {versions[n]} | {NEIGHBOURS[n].command} |"
                             for n in names),
        names=" | ".join(NEIGHBOURS[n].name for n in names), rules="---|" * len(names),
        rows="\n".join("| " + " | ".join(row) + " |" for row in table))
    return text + "".join(f"\n{i}. {note}" for i, note in enumerate(notes.texts, 1)) + "\n"


def show(cells, names):
    table, notes = rows(cells, names)
    table = [["feature", *(NEIGHBOURS[n].name for n in names)]] + [row[:-1] for row in table]
    widths = [max(map(len, column)) for column in zip(*table)]
    for row in table:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    for number, note in enumerate(notes.texts, 1):
        print(f"[{number}] {note}")


def main():
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    if not arguments or not set(arguments[1:]) <= set(NEIGHBOURS):
        sys.exit(__doc__.split("\n\n")[1])
    build, names = Path(arguments[0]).resolve(), arguments[1:] or list(NEIGHBOURS)
    write = "--write" in sys.argv
    if write and set(names) != set(NEIGHBOURS):
        sys.exit("--write takes a run of all neighbours")
    with tempfile.TemporaryDirectory(prefix="nearcast-interop-") as folder:
        cells, fine = run_all(build, names, Path(folder))
    if not cells:
        sys.exit("no cell was measured: it takes root and the neighbours' packages (make deps)")
    show(cells, names)
    if write and {c["neighbour"] for c in cells.values()} != set(NEIGHBOURS):
        sys.exit("not written: some neighbours could not be run")
    if write:
        version = subprocess.run([build / "nearcastd/nearcastd", "-V"], text=True, check=True,
                                 capture_output=True).stdout.split()[-1]
        DOC.write_text(page(cells, list(NEIGHBOURS), version))
        print(f"wrote {DOC}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
