#!/usr/bin/python3
"""nearcastd beside one real neighbour: each feature is a case, and each case asks the neighbour.

usage: interop.py NEIGHBOUR [test_FEATURE...]

Prints TAP. With INTEROP_RESULTS=FILE each cell of the table is also added to that file as one line
of JSON; table.py makes doc/interop.md of them.
"""

import json
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import absence
import harness
from case import Case
from features import FEATURES
from neighbours import NEIGHBOURS


def record(**cell):
    if path := os.environ.get("INTEROP_RESULTS"):
        with open(path, "a") as results:
            results.write(json.dumps(cell) + "\n")


def case_of(neighbour, wanted):
    def run(world):
        began = time.monotonic()
        harness.needs("unshare", "nsenter", "ss")
        case = Case(world, NEIGHBOURS[neighbour])
        cell = {"neighbour": neighbour, "version": case.other.version(), "feature": wanted.name}
        try:
            if wanted.name in case.other.lacks:
                seen = absence.absent(case, wanted)
                record(**cell, result="lacks", detail=case.other.lacks[wanted.name], seen=seen)
                return
            if why := absence.not_built(case, wanted):
                record(**cell, result="not built", detail=why)
                raise harness.Skip(f"nearcastd does not have it yet: {why}")
            detail = wanted.measure(case)
        except harness.Skip:
            raise
        except Exception as error:
            why = str(error).splitlines() or [type(error).__name__]
            record(**cell, result="fails", detail=why[0][:200])
            raise
        record(**cell, result="yes", detail=detail, seconds=round(time.monotonic() - began, 2))
    return run


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if len(sys.argv) < 2 or sys.argv[1] not in NEIGHBOURS:
        sys.exit(__doc__.split("\n\n")[1] + "\nneighbours: " + " ".join(NEIGHBOURS))
    neighbour = sys.argv.pop(1)
    harness.main({"test_" + name.replace("-", "_"): case_of(neighbour, wanted)
                  for name, wanted in FEATURES.items()})


main()
