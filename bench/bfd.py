#!/usr/bin/python3
"""BFD at 50 ms x 3 beside BIRD and FRR's bfdd: how soon each side notices a cut, and whether a
busy machine makes either side believe in one that did not happen.

usage: bench/bfd.py [--cuts N] [--minutes M] [--control] [--json]

A cut takes a port out of the bridge between the two; both keep their carrier. The clock starts
right before and stops when the first packet in state Down leaves that side (the kernel's time stamps). For
nearcastd the way on is measured too: from that packet to the event that BGP went down.

Then every core computes (two busy processes each) for M minutes (1; 0 leaves it out) and
nothing is cut: each Down seen is a false one. The longest silence of each side says how near it was; at
50 ms x 3 it has to stay below 150 ms. The neighbour stands for a router, which this machine's load
does not reach: it gets the least real-time priority, which nearcastd takes by itself. With
--control the same is measured once more without the privilege to do so, for both.

Exits 0 only if every cut was noticed by both sides in under 200 ms and there was no false Down (the
control does not count).
"""

import argparse
import datetime
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test")]

import apart
import bfdworld as bw
import harness

LIMIT_MS = 200
PR_CAPBSET_DROP, CAP_SYS_NICE = 24, 23


def seconds_of(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def begin(world, kind):
    link = bw.Link(world)
    neighbour = {"BIRD": bw.Bird, "FRR": bw.Frr}[kind](world, link)
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    wait_up(daemon, neighbour)
    return link, neighbour, daemon


def wait_up(daemon, neighbour):
    both = lambda: (daemon.status()["upstreams"][0]["bfd"] == "Up" and
                    daemon.status()["upstreams"][0]["bfd_detection_ms"] == 150 and
                    str(neighbour.state()).lower() == "up")
    harness.wait_for("both sides Up", both, 30)


def cuts(world, kind, count):
    link, neighbour, daemon = begin(world, kind)
    out = {"site": [], "peer": [], "bgp": []}
    for _ in range(count):
        wait_up(daemon, neighbour)
        if kind == "BIRD":
            harness.wait_for("BGP", lambda: daemon.status()["upstreams"][0]["state"] ==
                             "Established", 30)
        time.sleep(0.3 + random.random() * 0.2)  # timers settled, at another phase each time
        last = daemon.events()[-1]["seq"]
        taps = {"site": link.site_tap, "peer": link.peer_tap}
        for tap in taps.values():
            tap.drop_what_waits()
        at = link.cut()
        down = {side: tap.wait_state(bw.DOWN).at for side, tap in taps.items()}
        for side, when in down.items():
            out[side].append((when - at) * 1000)
        if kind == "BIRD":
            event = daemon.wait_event("upstream_down", after=last)
            out["bgp"].append((seconds_of(event) - down["site"]) * 1000)
        link.mend()
    return out


def load(world, kind, minutes, real_time=True):
    if not real_time:
        harness.LIBC.prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0)
    link, neighbour, daemon = begin(world, kind)
    if real_time:
        for task in os.listdir(f"/proc/{neighbour.process.pid}/task"):
            os.sched_setscheduler(int(task), os.SCHED_RR, os.sched_param(1))
    for _ in range(2 * os.cpu_count()):
        world.start("/bin/sh", "-c", "while :; do :; done")
    last = daemon.events()[-1]["seq"]
    taps = {"site": link.site_tap, "peer": link.peer_tap}
    heard = {side: None for side in taps}
    silence = {side: 0.0 for side in taps}
    downs = {side: 0 for side in taps}
    packets = {side: 0 for side in taps}
    for tap in taps.values():
        tap.drop_what_waits()
    until = time.monotonic() + minutes * 60
    running = True
    while running:
        running = time.monotonic() < until
        for side, tap in taps.items():
            for packet in tap.collect(0.1 if running else 1):
                if heard[side]:
                    silence[side] = max(silence[side], (packet.at - heard[side]) * 1000)
                heard[side] = packet.at
                packets[side] += 1
                downs[side] += packet.state == bw.DOWN
    events = [e for e in daemon.events(last) if e["type"] == "bfd_down"]
    return {"minutes": minutes, "packets": packets, "downs": downs, "longest_ms": silence,
            "events": len(events), "why": [e["detail"] for e in events][:3]}


def line(what, values):
    v = sorted(values)
    print(f"  {what:34} n {len(v):3}  min {v[0]:7.2f}  median {statistics.median(v):7.2f}  "
          f"p90 {v[int(len(v) * 0.9) - (len(v) > 9)]:7.2f}  max {v[-1]:7.2f} ms", flush=True)


def show_load(l, kind, how):
    print(f"load on {os.cpu_count()} cores for {l['minutes']} min, nearcastd and {kind}{how}")
    for side, who in (("site", "nearcastd"), ("peer", kind)):
        print(f"  {who:34} packets {l['packets'][side]:6}  "
              f"longest silence {l['longest_ms'][side]:7.2f} ms  Down {l['downs'][side]}")
    print("".join(f"  {why}\n" for why in l["why"]), end="", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    good, results = True, {}
    for kind in ("BIRD", "FRR"):
        result = results[kind] = {}
        if options.cuts:
            result["cuts"] = c = apart.in_world(cuts, kind, options.cuts)
            good = good and bool(c) and max(c["site"] + c["peer"]) < LIMIT_MS
            if c and not options.json:
                print(f"cut, nearcastd and {kind}, 50 ms x 3")
                line("nearcastd notices", c["site"])
                line(f"{kind} notices", c["peer"])
                if c["bgp"]:
                    line("nearcastd: from there to BGP down", c["bgp"])
        if options.minutes:
            result["load"] = l = apart.in_world(load, kind, options.minutes)
            good = good and bool(l) and not any(l["downs"].values()) and not l["events"]
            if l and not options.json:
                show_load(l, kind, "")
        if options.minutes and options.control:
            result["control"] = l = apart.in_world(load, kind, options.minutes, False)
            if l and not options.json:
                show_load(l, kind, ", neither of them real-time")
    if options.json:
        print(json.dumps(results))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
