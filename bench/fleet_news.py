#!/usr/bin/python3
"""How soon a site knows of a state change at another one, behind two route reflectors.

usage: bench/fleet_news.py [--changes N] [--json]

Worlds of the lab (doc/lab.md): three sites, two networks 10 ms apart with a reflector each, sessions
of every site with both reflectors. A DNS server is killed and started again, N times; each time the
two other sites are asked since when they know. What the links take is subtracted: at least that much
any way of telling would need. The worlds differ in the software of the reflectors alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test")]

import harness

LAB = harness.BUILD / "lab/nearcast-lab"
WORLDS = [("bird", "bird"), ("bird", "frr"), ("frr", "frr")]
WORLD = """\
title: How soon the fleet knows
settle: 300ms
networks:
  - {{name: west, as: 64496, city: Oslo, lat: 59.91, lon: 10.75}}
  - {{name: east, as: 64497, city: Rome, lat: 41.90, lon: 12.50}}
links:
  - {{a: west, b: east, relation: peer, delay: 10ms}}
sites:
  - {{name: w, city: Oslo, lat: 59.91, lon: 10.75, upstreams: [{{network: west}}]}}
  - {{name: x, city: Oslo, lat: 59.91, lon: 10.75, upstreams: [{{network: west}}]}}
  - {{name: e, city: Rome, lat: 41.90, lon: 12.50, upstreams: [{{network: east}}]}}
reflectors:
  - {{name: rr1, network: west, kind: {0}}}
  - {{name: rr2, network: east, kind: {1}}}
fleet: reflectors
clients:
  - {{name: rome, network: east, interval: 50ms}}
start: [{{clients: rome, site: e}}]
nearcast: |
  services:
    - name: dns
      prefixes: [198.51.100.0/24, "2001:db8:53::/48"]
      addresses: [198.51.100.53, "2001:db8:53::53"]
      min-sites: 1
      hold-down: {{first: 0s}}
      checks:
        - {{kind: dns, server: 198.51.100.53, query: example.org, interval: 1s, fast-interval: 50ms,
           rise: 1}}
timeline:
  - {{at: 3s, event: run, target: e, command: [nearcast, -s, readonly, show, fleet]}}
"""
CHANGE = """\
  - {{at: 3s, event: {event}, target: w/dns, heard-within: 10s, announced: [{sites}]}}
"""


def play(kinds, changes, folder):
    path = folder / "fleet-news.yaml"
    path.write_text(WORLD.format(*kinds) + changes * (
        CHANGE.format(event="kill", sites="x, e") + CHANGE.format(event="start", sites="w, x, e")))
    done = subprocess.run([LAB, "run", "-j", "--no-web", path], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench/fleet_news.py: the world did not hold: {done.stderr or done.stdout}")
    return [h["took_ms"] - h["links_ms"] for event in json.loads(done.stdout)["events"]
            for h in event.get("heard", [])]


def summary(kinds, over):
    over.sort()
    return {
        "reflectors": "+".join(kinds),
        "changes": len(over),
        "median_ms": round(statistics.median(over), 1),
        "p95_ms": round(over[int(len(over) * 0.95)], 1),
        "max_ms": round(over[-1], 1),
        "under_50_ms": f"{sum(ms < 50 for ms in over)}/{len(over)}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--changes", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench/fleet_news.py: needs root for network namespaces")
    rows = []
    with tempfile.TemporaryDirectory(prefix="fleet-news-", dir="/run") as folder:
        Path(folder).chmod(0o755)  # FRR's daemons run as a user of their own
        os.environ["NEARCAST_LAB_DIR"] = f"{folder}/worlds"
        for kinds in WORLDS:
            rows.append(summary(kinds, play(kinds, args.changes, Path(folder))))
    if args.json:
        print(json.dumps(rows))
        return
    print("from the decision at one site to the view of another, less the links' delay")
    print(f"{'reflectors':12}{'seen':>6}{'median ms':>11}{'p95 ms':>9}{'max ms':>9}{'under 50 ms':>13}")
    for r in rows:
        print(f"{r['reflectors']:12}{r['changes']:>6}{r['median_ms']:>11}{r['p95_ms']:>9}{r['max_ms']:>9}"
              f"{r['under_50_ms']:>13}")


main()
