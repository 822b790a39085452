#!/usr/bin/python3
"""At least a thousand sessions of each scenario, 212 at a time: idle, chatty, DNS over TCP, a download and a slow
upload, every byte checked; IPv4 and IPv6 in turn.

    bench/keeper_many.py [RUNS]      (5 of each)

The last row is the control: no keeper, and one shift.
"""

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "test/flow"), str(ROOT / "test")]
os.environ.setdefault("NEARCAST_BUILD", "build")

import harness  # noqa: E402
from keeperworld import Sites  # noqa: E402

WIRES = {9: (5, 0), 11: (5, 0), 12: (20, 0), 13: (40, 0)}


def walk(sites, path, pause):
    for i in path:
        time.sleep(pause)
        sites.to(i)


def ecmp(sites):
    for ids in ((11, 12, 13), (12, 14), (11, 12, 13, 14), (14,)):
        sites.ecmp(ids)
        time.sleep(0.7)


# name, nodes, what happens meanwhile, further arguments of Sites
SCENARIOS = (
    ("shift", (11, 12), lambda s: walk(s, (12,), 1), {}),
    ("flap each 100 ms", (11, 12), lambda s: walk(s, (12, 11) * 15, 0.1), {}),
    ("spray, packet by packet", (11, 12), None, {}),
    ("ECMP set of four changes", (11, 12, 13, 14), ecmp, {}),
    ("three sites, 5 to 80 ms", (11, 12, 13), lambda s: walk(s, (12, 13, 12, 11, 13), 0.5), {"wires": WIRES}),
    ("shift without a keeper", (11, 12), lambda s: walk(s, (12,), 1), {"keeper": False}),
)


def play(name, ids, meanwhile, arguments, runs):
    world, total, broken, slowest = harness.World(), 0, 0, 0
    try:
        sites = Sites(world, ids, **arguments)
        if not meanwhile:
            sites.spray(ids[0], ids[1])
        for run in range(runs):
            if meanwhile:
                sites.to(ids[0])
            client = sites.sessions((4, 6)[run % 2], seconds=4, idle=100, chatty=100, downloads=1, uploads=1,
                                    megabytes=400 if "keeper" in arguments else 6)
            if meanwhile:
                meanwhile(sites)
            result = sites.result(client)
            total += result["sessions"]
            broken += len(result["broken"])
            slowest = max(slowest, result["slowest_ms"])
    finally:
        world.close()
    print(f"{name:26} {total:6} sessions {broken:6} broken   slowest answer {slowest:4} ms", flush=True)
    return broken == total if "keeper" in arguments else broken == 0


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 0
    good = [play(*scenario, 1 if "keeper" in scenario[3] else runs) for scenario in SCENARIOS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
