#!/usr/bin/python3
"""What the keeper costs a TCP stream, in two parts.

    bench/keeper_tcp.py [PAIRS [SECONDS]]      (10 pairs of runs of 5 s)

Lossy: 50 ms round trip, 1 % loss, one download; the egress rewrite on and off in turn, the medians beside each
other, and the kernel's counters of timestamps that it did not like.

Bare: a veth pair, one download as fast as it goes with the programs attached and without; the kernel's own
account of the time that the programs took (kernel.bpf_stats_enabled).
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "test/flow"), str(ROOT / "test")]
os.environ.setdefault("NEARCAST_BUILD", "build")

import harness  # noqa: E402
from keeperworld import SERVICE, Sites  # noqa: E402

PORT = 8080
SINK = """
import socket, sys, time
s = socket.create_connection(("%s", %d)); s.settimeout(15)
end, n = time.monotonic() + %s, 0
buffer = bytearray(1 << 20)
while time.monotonic() < end:
    got = s.recv_into(buffer)
    if not got: break
    n += got
print(n)
"""
SOURCE = """
import os, socket, sys
l = socket.create_server(("%s", %d)); print("ready", flush=True)
f = os.memfd_create("x"); os.ftruncate(f, 1 << 26)
while True:
    s, _ = l.accept()
    try:
        while True: os.sendfile(s.fileno(), f, 0, 1 << 26)
    except OSError: s.close()
"""
COUNTERS = ("TcpExtPAWSEstab", "TcpExtTSEcrRejected", "TcpExtPAWSActive", "TcpExtTCPACKSkippedPAWS")


def nstat(ns):
    out = ns.run("nstat", "-asz", "--json").stdout
    values = json.loads(out)["kernel"]
    return {c: values.get(c, 0) for c in COUNTERS}


def source(world, node):
    server = world.start(*node.ns.command(sys.executable, "-c", SOURCE % (SERVICE[4], PORT)),
                         stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"


def rate(sites, seconds):
    out = sites.clients.run(sys.executable, "-c", SINK % (SERVICE[4], PORT, seconds)).stdout
    return int(out) * 8 / 1e6 / seconds


def stamp(node, on):
    text = node.config(True, node.sites.ids).replace("  pin:", f"  stamp: {'yes' if on else 'no'}\n  pin:")
    node.path.write_text(text)
    assert "error" not in node.ask("reload"), "reload"


def lossy(world, pairs, seconds):
    sites = Sites(world, ids=(11,), wires={9: (25, 1)})
    node = sites.nodes[11]
    source(world, node)
    rates, bad = {True: [], False: []}, {True: dict.fromkeys(COUNTERS, 0), False: dict.fromkeys(COUNTERS, 0)}
    for i in range(pairs):
        for on in ((True, False), (False, True))[i % 2]:
            stamp(node, on)
            before = [nstat(node.ns), nstat(sites.clients)]
            rates[on].append(rate(sites, seconds))
            for was, now in zip(before, [nstat(node.ns), nstat(sites.clients)]):
                for c in COUNTERS:
                    bad[on][c] += now[c] - was[c]
    for on in (True, False):
        print(f"rewrite {'on ' if on else 'off'}: median {statistics.median(rates[on]):7.1f} Mbit/s of "
              f"{pairs} runs ({min(rates[on]):.1f}..{max(rates[on]):.1f}); "
              + ", ".join(f"{c[6:]} {bad[on][c]}" for c in COUNTERS))
    ratios = [a / b for a, b in zip(rates[True], rates[False])]
    print(f"on against off: {100 * (statistics.median(rates[True]) / statistics.median(rates[False]) - 1):+.1f} % "
          f"of the medians, {100 * (statistics.median(ratios) - 1):+.1f} % the median of the pairs")


def programs(ns):
    out = ns.run("/usr/sbin/bpftool", "-j", "prog", "show").stdout
    return {p["name"]: (p.get("run_time_ns", 0), p.get("run_cnt", 0))
            for p in json.loads(out) if p.get("name", "").startswith("nearcast_") and p.get("run_cnt", 0)}


def bare(world, seconds):
    sites = Sites(world, ids=(11,))
    node = sites.nodes[11]
    source(world, node)
    stats = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = stats.read_text()
    stats.write_text("1")
    try:
        with_it = rate(sites, seconds)
        used = programs(node.ns)
    finally:
        stats.write_text(before)
    plain = [rate(sites, seconds)]
    node.kill()
    node.ns.run(harness.BUILD / "nearcastd/nearcastd", "--detach", "-c", node.path)
    plain.append(rate(sites, seconds))
    print(f"one stream over veth: {plain[0]:.0f} Mbit/s with the keeper, {plain[1]:.0f} without "
          f"({with_it:.0f} while being accounted)")
    for name, (ns, n) in sorted(used.items()):
        print(f"  {name}: {n} packets, {ns / n:.0f} ns each, {ns / 1e7 / seconds:.1f} % of a processor")


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5
    if os.geteuid() != 0:
        print("skipped: needs root")
        return
    for part in (lambda w: lossy(w, pairs, seconds), lambda w: bare(w, seconds)):
        world = harness.World()
        try:
            part(world)
        finally:
            world.close()


if __name__ == "__main__":
    main()
