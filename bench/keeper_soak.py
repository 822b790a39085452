#!/usr/bin/python3
"""Sessions under random shifts, flaps, drains, sprays and restarts of nearcastd at three nodes.

    bench/keeper_soak.py [MINUTES [SEED]]     (20, of the clock)

Batches of 100 sessions follow each other, of both families in turn. Exit status 0 only if none broke. A stall is
seen before it breaks: for each answer that takes more than a second there stand what happened to the network
before, what the kernels at both ends knew of the socket, how late the processes were, every counter that moved
meanwhile, and the likely cause.
"""

import os
import random
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "test/flow"), str(ROOT / "test")]
os.environ.setdefault("NEARCAST_BUILD", "build")

import harness  # noqa: E402
from keeperwatch import Watch  # noqa: E402
from keeperworld import Sites  # noqa: E402

BATCH_S, IDS, STALLS_TOLD = 8, (11, 12, 13), 3


class Trouble(threading.Thread):
    """What happens to the network meanwhile."""

    def __init__(self, sites, seed, watch):
        super().__init__(daemon=True)
        self.sites, self.random, self.watch = sites, random.Random(seed), watch
        self.over = threading.Event()
        self.counts = dict.fromkeys(("shift", "flap", "drain", "spray", "restart"), 0)
        self.fault = None

    def to(self, i):
        self.watch.note(f"all clients to n{i}")
        self.sites.to(i)

    def shift(self):
        self.to(self.random.choice(IDS))

    def flap(self):
        a, b = self.random.sample(IDS, 2)
        for i in range(20):
            self.to((a, b)[i % 2])
            self.over.wait(0.1)

    def drain(self):
        node = self.sites.nodes[self.random.choice(IDS)]
        self.watch.note(f"n{node.id} drains")
        node.ask("drain", service="web")
        self.to(self.random.choice([i for i in IDS if i != node.id]))
        self.over.wait(2)
        node.ask("undrain", service="web")
        self.watch.note(f"n{node.id} drains no more")

    def spray(self):
        """New flows here and there by the kernel's multipath, anew each time."""
        for _ in range(5):
            ids = self.random.sample(IDS, self.random.choice((2, 3)))
            self.watch.note(f"clients by flow to {ids}")
            self.sites.ecmp(ids)
            self.over.wait(0.3)

    def restart(self):
        node = self.sites.nodes[self.random.choice(IDS)]
        self.watch.note(f"nearcastd of n{node.id} killed")
        node.kill()
        self.shift()
        self.over.wait(1)
        node.start_daemon(True, IDS)
        node.wait()
        self.watch.note(f"nearcastd of n{node.id} runs again")

    def run(self):
        kinds, weights = list(self.counts), (40, 8, 8, 8, 1)
        try:
            while not self.over.wait(self.random.uniform(0.1, 2)):
                kind = self.random.choices(kinds, weights)[0]
                getattr(self, kind)()
                self.counts[kind] += 1
        except Exception as e:  # noqa: BLE001: told by the main thread
            self.fault = e


def tell_stalls(watch, slow, stalls):
    """The first few of each cause in full."""
    by_cause = {}
    for each in slow:
        by_cause.setdefault(watch.cause(each), []).append(each)
    for cause, all_ in by_cause.items():
        stalls[cause] = stalls.get(cause, 0) + len(all_)
        for each in all_[:STALLS_TOLD]:
            print(*watch.explain(each), sep="\n")
        if rest := all_[STALLS_TOLD:]:
            most = max(each["end"] - each["begin"] for each in rest)
            print(f"  and {len(rest)} more of this batch, {most * 1e3:.0f} ms at most")
    sys.stdout.flush()


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 0
    world, total, broken, batches, slowest, stalls = harness.World(), 0, [], 0, 0, {}
    try:
        sites = Sites(world, IDS)
        watch = Watch(sites)
        trouble = Trouble(sites, seed, watch)
        watch.start()
        trouble.start()
        print(f"seed {seed}", flush=True)
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end and not trouble.fault:
            client = sites.sessions(4 if batches % 2 else 6, BATCH_S, idle=40, chatty=50, downloads=2,
                                    uploads=3, megabytes=8)
            result = sites.result(client)
            batches += 1
            total += result["sessions"]
            broken += result["broken"]
            slowest = max(slowest, result["slowest_ms"])
            tell_stalls(watch, result["slow"], stalls)
            if result["broken"] or batches % 20 == 0:
                print(f"{batches} batches, {total} sessions, {len(broken)} broken, {sum(stalls.values())} slow, "
                      f"slowest answer {slowest} ms, {trouble.counts}", *result["broken"], sep="\n  ", flush=True)
        # While the thread lives: with it end the processes that it started.
        forwarded = sum(n.counters()["received"] for n in sites.nodes.values())
        watch.over.set()
        trouble.over.set()
        trouble.join(60)
        watch.join(60)
    finally:
        world.close()
    if trouble.fault:
        print(f"the bench itself failed: {trouble.fault!r}")
        return 2
    print(f"{minutes:g} minutes, seed {seed}: {len(broken)} of {total} sessions broken; {sum(stalls.values())} answers took "
          f"more than a second, the slowest {slowest} ms; {forwarded} packets came through tunnels; {trouble.counts}")
    for cause, n in sorted(stalls.items()):
        print(f"  {n} slow answers: {cause}")
    return 1 if broken or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
