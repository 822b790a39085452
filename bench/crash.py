#!/usr/bin/python3
"""From the crash or hang of a real DNS server (NSD) to the withdrawal on the wire.

usage: bench/crash.py [--runs N] [--hangs N] [--json]

nearcastd and, in the same run on the same machine, ExaBGP with its healthcheck at the interval of
the issue and at its fastest sensible settings. Everything lives in a network namespace of its own.
The clock starts right before SIGKILL (or SIGSTOP) is sent to NSD's processes and stops when the
neighbour has read the UPDATE.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test")]

import apart
import bgpspeaker as bgp
import harness
import nsd

SERVICE = "198.51.100.53"
PREFIX = "198.51.100.0/24"

NEARCAST = """\
site: {{name: bench}}
node: {{name: bench, id: 1, address: 192.0.2.1}}
as: 64500
router-id: 192.0.2.1
stop-drain: 0s
stop-grace: 0s
listen: [127.0.0.1]
services:
  - name: dns
    prefixes: [198.51.100.0/24]
    addresses: [198.51.100.53]
    hold-down: {{first: 0}}
    checks:
      - {{kind: dns, server: 198.51.100.53, query: example.org, type: SOA, {timing}, rise: 1}}
upstreams:
  - {{name: a, address: 127.0.0.2, as: 64496}}
"""

EXABGP = """\
process watch {{
    run /usr/bin/python3 -m exabgp healthcheck --silent --withdraw-on-down --cmd {check} --ip 198.51.100.0/24 --no-ip-setup --next-hop 127.0.0.1 {settings};
    encoder text;
}}
neighbor 127.0.0.2 {{
    router-id 192.0.2.1; local-address 127.0.0.1; local-as 64500; peer-as 64496;
    api {{ processes [ watch ]; }}
}}
"""


class Nsd:
    def __init__(self, world):
        self.world = world
        self.command = nsd.command(world, SERVICE)
        self.process = None

    def start(self):
        self.process = self.world.start(*self.command, start_new_session=True, stderr=subprocess.DEVNULL)
        query = (b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\x07example\x03org\0\0\x06\0\1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((SERVICE, 53))
            s.settimeout(0.02)
            while True:
                try:
                    s.send(query)
                    if s.recv(512)[3] & 15 == 0:
                        return
                except (ConnectionRefusedError, TimeoutError):
                    pass

    def signal(self, number):
        """To all of NSD's processes; returns the time right before."""
        at = time.monotonic()
        os.killpg(self.process.pid, number)
        return at

    def kill(self):
        at = self.signal(signal.SIGKILL)
        self.process.wait()
        return at


def wait_update(session, key):
    while True:
        update = session.next_update()
        if PREFIX in update[key]:
            return session.times[-1]


def accept(neighbour):
    session = neighbour.accept(30)
    session.seconds = 60
    session.establish(hold=0)
    return session


def put_addresses(*addresses):
    for address in addresses:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


def nearcastd(world, timing):
    put_addresses("192.0.2.1")  # it puts the service's up itself
    neighbour = bgp.Neighbour(world)
    harness.Daemon(world, NEARCAST.format(timing=timing))
    return accept(neighbour)


def exabgp(world, settings):
    harness.needs("exabgp")
    put_addresses("192.0.2.1", SERVICE)
    neighbour = bgp.Neighbour(world)
    check = world.file("check", "#!/bin/sh\nkdig +timeout=1 +retry=0 @198.51.100.53 example.org SOA "
                       "+short | grep -q .\n")
    check.chmod(0o755)
    config = world.file("exabgp.conf", EXABGP.format(check=check, settings=settings))
    env = {**os.environ, "exabgp.daemon.user": "root", "exabgp.api.cli": "false"}
    world.start("/usr/sbin/exabgp", config, env=env, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
    return accept(neighbour)


def crashes(world, start, runs):
    server = Nsd(world)
    session = start(world)
    server.start()
    out = []
    for n in range(runs):
        wait_update(session, "announce")
        time.sleep((n % 10) * 0.0371)  # at another point of the interval each time
        killed = server.kill()
        out.append((wait_update(session, "withdraw") - killed) * 1000)
        server.start()
    server.kill()
    return out


def hangs(world, start, runs):
    server = Nsd(world)
    session = start(world)
    server.start()
    out = []
    for n in range(runs):
        wait_update(session, "announce")
        time.sleep((n % 10) * 0.0371)
        stopped = server.signal(signal.SIGSTOP)
        out.append((wait_update(session, "withdraw") - stopped) * 1000)
        server.signal(signal.SIGCONT)
    server.kill()
    return out


def summary(values):
    values = sorted(values)
    rank = max(0, -(-len(values) * 99 // 100) - 1)
    return {"runs": len(values), "min_ms": values[0], "median_ms": statistics.median(values),
            "p99_ms": values[rank], "max_ms": values[-1]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--hangs", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    def near(timing):
        return lambda world: nearcastd(world, timing)

    def exabgp_with(settings):
        return lambda world: exabgp(world, settings)

    few = max(3, options.runs // 5)
    rows = [
        ("crash", "nearcastd, interval 1s", crashes,
         near("interval: 1s, timeout: 500ms, fall: 2"), options.runs),
        ("crash", "ExaBGP healthcheck, interval 1s, fall 1", crashes,
         exabgp_with("--interval 1 --fast-interval 1 --rise 1 --fall 1 --timeout 1"), few),
        ("crash", "ExaBGP healthcheck, interval 50ms, fall 1", crashes,
         exabgp_with("--interval 0.05 --fast-interval 0.05 --rise 1 --fall 1 --timeout 1"), few),
        ("hang", "nearcastd, interval 100ms, timeout 50ms, fall 2", hangs,
         near("interval: 100ms, timeout: 50ms, fall: 2"), options.hangs),
        ("hang", "ExaBGP healthcheck, interval 50ms, timeout 1s, fall 1", hangs,
         exabgp_with("--interval 0.05 --fast-interval 0.05 --rise 1 --fall 1 --timeout 1"),
         max(3, options.hangs // 3)),
    ]
    results = []
    for what, who, measure, start, runs in rows:
        if values := apart.in_world(measure, start, runs):
            results.append({"what": what, "who": who, **summary(values)})
            if not options.json:
                r = results[-1]
                print(f"{what:6} {who:54} runs {r['runs']:4}  min {r['min_ms']:8.2f}  "
                      f"median {r['median_ms']:8.2f}  p99 {r['p99_ms']:8.2f}  "
                      f"max {r['max_ms']:8.2f} ms", flush=True)
    if options.json:
        print(json.dumps(results))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
