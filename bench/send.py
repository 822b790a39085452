#!/usr/bin/python3
"""How soon many upstreams hear many prefixes: 10,000 to each of 50, from one word of the operator.

usage: bench/send.py [--prefixes N] [--upstreams N] [--json]

The clock starts when the operator says `on` (BIRD: enables the protocol that holds the routes) and
stops when the last of the scripted neighbours has read the last prefix; then the same for taking
them all back. The neighbours are one process on the same machine, so that its share is in the
figures. Memory is the greatest resident size of the daemon (VmHWM). Beside it BIRD, in a run of
its own.

Exits 0 only if nearcastd announces in under 2 s and stays under 60 MB.
"""

import argparse
import json
import selectors
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test")]

import apart
import bgpspeaker as bgp
import harness

LIMIT_S, LIMIT_MB = 2.0, 60.0
ROUTE_BYTES = 4  # of a /24 in an UPDATE

CONFIG = """\
site: {{name: bench}}
as: 64500
router-id: 192.0.2.11
listen-port: 0
stop-drain: 0s
stop-grace: 0s
services:
  - name: all
    prefixes: [{prefixes}]
    addresses: [10.0.0.53]
    manage-addresses: no
upstreams:
{upstreams}"""

BIRD = """\
router id 192.0.2.11;
protocol device {{ }}
protocol static site {{ disabled; ipv4;
{routes}
}}
{upstreams}"""


def prefix(i):
    return f"10.{i >> 8}.{i & 255}.0/24"


def address(i):
    return f"127.0.1.{i + 1}"


class Sink:
    """A neighbour that counts what it hears."""

    def __init__(self, sock):
        self.sock = sock
        self.data = bytearray()
        self.routes = 0
        self.keepalives = 0

    def read(self):
        self.data += self.sock.recv(1 << 18)
        at = 0
        while len(self.data) - at >= 19:
            length, kind = struct.unpack_from("!HB", self.data, at + 16)
            if len(self.data) - at < length:
                break
            self.keepalives += kind == bgp.KEEPALIVE
            if kind == bgp.UPDATE:
                self.count(at, length)
            at += length
        del self.data[:at]

    def count(self, at, length):
        gone = struct.unpack_from("!H", self.data, at + 19)[0]
        attributes = struct.unpack_from("!H", self.data, at + 21 + gone)[0]
        self.routes += (length - 23 - gone - attributes - gone) // ROUTE_BYTES


class Sinks:
    def __init__(self, count):
        self.listeners = [socket.create_server((address(i), 179)) for i in range(count)]
        self.all = []
        self.poll = selectors.DefaultSelector()

    def accept(self):
        """Sessions with all of them, up to the first KEEPALIVE of the daemon."""
        for listener in self.listeners:
            listener.settimeout(30)
            sock, _ = listener.accept()
            four = struct.pack("!I", 64496)
            caps = [bgp.capability(1, b"\0\1\0\1"), bgp.capability(65, four)]
            sock.sendall(bgp.open_message(capabilities=caps) + bgp.keepalive())
            sink = Sink(sock)
            self.all.append(sink)
            self.poll.register(sock, selectors.EVENT_READ, sink)
        self.read_until(lambda: all(s.keepalives for s in self.all))

    def read_until(self, condition):
        end = time.monotonic() + 120
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"after 120 s: {[s.routes for s in self.all]}")
            for key, _ in self.poll.select(1):
                key.data.read()

    def time_until(self, routes, action):
        begin = time.monotonic()
        action()
        self.read_until(lambda: all(s.routes == routes for s in self.all))
        return time.monotonic() - begin


def greatest_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def measure(sinks, prefixes, pid, on, off):
    announce = sinks.time_until(prefixes, on)
    withdraw = sinks.time_until(0, off)
    return {"announce_s": round(announce, 3), "withdraw_s": round(withdraw, 3),
            "greatest_mb": round(greatest_mb(pid), 1)}


class Daemon(harness.Daemon):
    def answers(self):
        """Without the whole status, whose text alone would be greater than all else here."""
        try:
            return self.ask("off", service="all")
        except OSError:
            return None


def nearcastd(world, prefixes, upstreams):
    lines = "".join(f"  - {{name: u{i}, address: {address(i)}, as: 64496, families: ipv4}}\n"
                    for i in range(upstreams))
    sinks = Sinks(upstreams)
    daemon = Daemon(world, CONFIG.format(
        prefixes=", ".join(map(prefix, range(prefixes))), upstreams=lines))
    sinks.accept()
    sinks.read_until(lambda: all(s.routes == 0 for s in sinks.all))
    return measure(sinks, prefixes, daemon.process.pid, lambda: daemon.ask("on", service="all"),
                   lambda: daemon.ask("off", service="all"))


def bird(world, prefixes, upstreams):
    harness.needs("bird", "birdc")
    control = world.folder / "bird.ctl"
    routes = "\n".join(f"route {prefix(i)} blackhole;" for i in range(prefixes))
    peers = "\n".join(f"protocol bgp u{i} {{ local 127.0.0.1 as 64500; "
                      f"neighbor {address(i)} as 64496; strict bind; "
                      "multihop; ipv4 { import none; export all; }; }" for i in range(upstreams))
    sinks = Sinks(upstreams)
    process = world.start("/usr/sbin/bird", "-f", "-c",
                          world.file("bird.conf", BIRD.format(routes=routes, upstreams=peers)),
                          "-s", control, "-P", world.folder / "bird.pid")
    harness.wait_for("bird", control.exists)
    sinks.accept()
    ask = lambda word: subprocess.run(["/usr/sbin/birdc", "-s", str(control), word, "site"],
                                      stdout=subprocess.DEVNULL, check=True)
    return measure(sinks, prefixes, process.pid, lambda: ask("enable"), lambda: ask("disable"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefixes", type=int, default=10000)
    parser.add_argument("--upstreams", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for case in nearcastd, bird:
        results[case.__name__] = r = apart.in_world(case, options.prefixes, options.upstreams)
        if r and not options.json:
            print(f"{case.__name__:10} {options.prefixes} prefixes to {options.upstreams}: announced "
                  f"in {r['announce_s']:.3f} s, withdrawn in {r['withdraw_s']:.3f} s, "
                  f"{r['greatest_mb']:.1f} MB")
    if options.json:
        print(json.dumps(results))
    own = results["nearcastd"]
    return not (own and own["announce_s"] < LIMIT_S and own["greatest_mb"] < LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
