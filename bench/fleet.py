#!/usr/bin/python3
"""One node that follows a large fleet: 1,000 others, 100 services, by two route reflectors.

usage: bench/fleet.py [--nodes N] [--services N] [--reflectors N] [--json]

The reflectors are scripted: each sends one route a service and node with ADD-PATH, 26 large
communities on it, no two routes alike. "first view" begins with the first octet that they send and
stops when the daemon knows every node of the last service, and so can decide by it. "changes" are new
states of random nodes, at both reflectors, as fast as they are read. "one reflector lost" begins
when its connection is reset and stops when its paths are gone; no node may be lost by that. CPU is
the daemon's alone (user and system), memory its greatest resident size (VmHWM). Beside it BIRD,
which keeps the same routes of the same streams and decides nothing.

Then the daemon is asked: for `status` with the row of each node and service, without rows, and by 32
readers at once that take nothing of it. "others wait" is the longest round trip of `show memory`
on another connection meanwhile, the least of three runs: so long nothing else ran in the loop.

Exits 0 only if the first view takes under 5 s and the daemon stays under 200 MB.
"""

import argparse
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent / "test"
sys.path[:0] = [str(TEST), str(TEST / "nearcastd")]

import apart
import bgpspeaker as bgp
import fleet_site as fleet
import harness

LIMIT_S, LIMIT_MB = 5.0, 200.0
TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """\
site: {{name: own}}
node: {{name: own-a, id: 4095, address: [10.9.0.11]}}
as: 64500
router-id: 10.9.0.11
listen-port: 0
stop-drain: 0s
stop-grace: 0s
services:
{services}
fleet:
{fleet}"""

BIRD = """\
router id 10.9.0.11;
protocol device {{ }}
{peers}"""


def prefix(i):
    return f"198.{18 + (i >> 8)}.{i & 255}.0/24"


class Route:
    """A node's state of a service as an UPDATE, built once; its serial and load are written over."""

    def __init__(self, number, originator, cluster):
        values = fleet.state(number, f"site-{number:04d}", f"site-{number:04d}-a", LOAD=0,
                             CAPACITY=100000, SERIAL=0)
        self.attributes = (
            bgp.attribute(1, b"\0") + bgp.attribute(2, b"") +
            bgp.attribute(3, originator) + bgp.attribute(5, struct.pack("!I", 100)) +
            bgp.attribute(8, b"\xff\xff\xff\1", 0xc0) + bgp.attribute(9, originator, 0x80) +
            bgp.attribute(10, cluster, 0x80))
        self.keys = sorted(values)
        self.values = values
        self.number = number

    def update(self, service, serial, load=0, standing=0):
        self.values[fleet.SERIAL], self.values[fleet.LOAD] = serial, load
        self.values[fleet.STANDING] = standing
        large = b"".join(struct.pack("!III", fleet.AS, k, self.values[k]) for k in self.keys)
        return bgp.raw_update(self.attributes + bgp.attribute(32, large, 0xc0),
                              bgp.path_nlri(prefix(service), self.number))


def routes_of(nodes, cluster):
    return [Route(n, socket.inet_aton(f"10.{10 + n // 250}.0.{n % 250 + 1}"),
                  socket.inet_aton(cluster)) for n in range(1, nodes + 1)]


class Reflectors:
    def __init__(self, world, options):
        self.options = options
        self.speakers = [fleet.Speaker(world, 200 + i) for i in range(options.reflectors)]
        self.routes = [routes_of(options.nodes, s.address) for s in self.speakers]
        self.serial = 0

    def first(self):
        """Node by node, so that the last service is complete with the last octet."""
        streams = []
        for routes in self.routes:
            parts = [r.update(s, k * self.options.services + s)
                     for k, r in enumerate(routes) for s in range(self.options.services)]
            streams.append(b"".join(parts) + bgp.raw_update())
        self.serial = self.options.nodes * self.options.services
        return streams

    def changes(self, count):
        """New loads of random nodes. At the end reflector k says that node k, which is otherwise
        left out, does not serve the last service: so the end of each stream can be seen."""
        first, last = len(self.routes), self.options.services - 1
        chosen = [(random.randrange(first, self.options.nodes),
                   random.randrange(self.options.services), random.randrange(1000))
                  for _ in range(count - 1)]
        streams = [b"".join(routes[n].update(s, self.serial + k, load)
                            for k, (n, s, load) in enumerate(chosen)) +
                   routes[i].update(last, self.serial + count, standing=4)
                   for i, routes in enumerate(self.routes)]
        self.serial += count
        return streams

    def send(self, streams):
        threads = [threading.Thread(target=s.session.sock.sendall, args=(data,))
                   for s, data in zip(self.speakers, streams)]
        for t in threads:
            t.start()
        return threads


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid, key="VmHWM"):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) / 1024


def timed(pid, threads, done):
    begin, cpu = time.monotonic(), cpu_s(pid)
    running = threads()
    while not done():
        time.sleep(0.02)
        assert time.monotonic() - begin < 120, "not within 120 s"
    took = time.monotonic() - begin
    for t in running:
        t.join()
    return round(took, 3), round(cpu_s(pid) - cpu, 2)


def read_reply(path, request):
    """In a process of its own: the octets of the reply, unparsed."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(json.dumps(request).encode() + b"\n")
        octets = 0
        while data := s.recv(1 << 20):
            octets += len(data)
            if data.endswith(b"\n"):
                return octets
    return 0


def round_trips(path, until):
    """The longest round trip in ms until the condition holds."""
    longest = 0
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        while True:
            begin = time.monotonic()
            s.sendall(b'{"cmd":"show","what":"memory"}\n')
            assert s.recv(65536).endswith(b"\n")
            longest = max(longest, (time.monotonic() - begin) * 1000)
            if until():
                return longest
            time.sleep(0.0005)


def asked(daemon, request):
    runs = []
    for _ in range(3):
        receiver, sender = os.pipe()
        begin = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.write(sender, str(read_reply(daemon.readonly, request)).encode())
            os._exit(0)
        os.close(sender)
        waited = round_trips(daemon.readonly, lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
        took = time.monotonic() - begin
        with open(receiver) as answer:
            runs.append((waited, took, int(answer.read())))
    wait_ms, took, octets = min(runs)
    return {"mb": round(octets / 1e6, 2), "s": round(took, 3), "others_wait_ms": round(wait_ms, 1)}


def not_read(daemon, readers=32):
    """What that many readers that take nothing cost."""
    pid = daemon.process.pid
    before, sockets = memory_mb(pid, "VmRSS"), []
    for _ in range(readers):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(daemon.readonly))
        s.sendall(b'{"cmd":"status"}\n')
        sockets.append(s)
    end = time.monotonic() + 3
    wait_ms = round_trips(daemon.control, lambda: time.monotonic() > end)
    more = memory_mb(pid, "VmRSS") - before
    for s in sockets:
        s.close()
    return {"readers": readers, "mb": round(more, 1), "others_wait_ms": round(wait_ms, 1)}


GLASS = """\
site: own
as: 65000
router-id: 192.0.2.1
http: {{port: 8480}}
daemon: {readonly}
"""


def fetch(path):
    with urllib.request.urlopen(f"http://127.0.0.1:8480{path}", timeout=60) as reply:
        return reply.read()


def nearglass(world, daemon, options, say):
    """A glass that follows the daemon: when it has all rows, and a change; while news go on, what
    it and the daemon spend."""
    begin = time.monotonic()
    process = world.start(harness.BUILD / "nearglass/nearglass", "-c",
                          world.file("glass.yaml", GLASS.format(readonly=daemon.readonly)),
                          stderr=subprocess.DEVNULL)
    rows = (options.nodes + 1) * options.services

    def status():
        try:
            return json.loads(fetch("/api/v1/status"))
        except OSError:
            return None

    harness.wait_for("all rows", lambda: (s := status()) and s["fleet"] and s["fleet"]["rows"] == rows, 60)
    whole = time.monotonic() - begin
    whole_cpu = cpu_s(process.pid)
    body = fetch("/api/v1/status")
    begin = time.monotonic()
    for page in range(20):
        fetch(f"/api/v1/fleet?state=up&page={page * 40}")
    page_ms = (time.monotonic() - begin) / 20 * 1000
    both = lambda: cpu_s(process.pid) + cpu_s(daemon.process.pid)
    time.sleep(2)
    idle = both()
    time.sleep(5)
    idle = (both() - idle) / 5 * 100
    begin, cpu = time.monotonic(), [cpu_s(process.pid), cpu_s(daemon.process.pid)]
    waited = 0
    while time.monotonic() - begin < 5:
        say(200)
        waited = max(waited, round_trips(daemon.readonly, lambda: True))
        time.sleep(0.02)
    news = [(cpu_s(p) - c) / 5 * 100 for p, c in zip((process.pid, daemon.process.pid), cpu)]
    return {"whole_s": round(whole, 2), "whole_cpu_s": round(whole_cpu, 2),
            "greatest_mb": round(memory_mb(process.pid), 1), "status_kb": round(len(body) / 1000),
            "page_ms": round(page_ms, 1), "idle_cpu_percent": round(idle, 1),
            "news_cpu_percent": round(news[0]), "news_daemon_cpu_percent": round(news[1]),
            "others_wait_ms": round(waited, 1)}


class Daemon(harness.Daemon):
    def answers(self):
        """Without the whole status."""
        try:
            return self.ask("why", prefix=prefix(0))
        except OSError:
            return None


def measure(reflectors, pid, complete, changed, lost, options):
    streams = reflectors.first()
    octets = sum(map(len, streams))
    for s in reflectors.speakers:
        s.session.sock.settimeout(120)
    first = timed(pid, lambda: reflectors.send(streams), complete)
    del streams
    count = 20000
    news = reflectors.changes(count)
    changes = timed(pid, lambda: reflectors.send(news), changed) if changed else None
    idle = cpu_s(pid)
    time.sleep(3)
    idle = cpu_s(pid) - idle
    cut = lambda: reflectors.speakers[-1].session.reset() or []
    gone = timed(pid, cut, lost) if lost else None
    return {"octets_mb": round(octets / 1e6, 1), "first_s": first[0], "first_cpu_s": first[1],
            "greatest_mb": round(memory_mb(pid), 1), "changes": count,
            "changes_s": changes and changes[0], "changes_cpu_s": changes and changes[1],
            "idle_cpu_percent": round(idle / 3 * 100, 2), "lost_s": gone and gone[0],
            "lost_cpu_s": gone and gone[1], "end_mb": round(memory_mb(pid, "VmRSS"), 1)}


def nearcastd(world, options):
    own = fleet.own_address(11)
    reflectors = Reflectors(world, options)
    services = "".join(f"  - {{name: s{i}, prefixes: {prefix(i)}, manage-addresses: no, addresses: "
                       f"{prefix(i)[:-4]}1}}\n" for i in range(options.services))
    peers = "".join(fleet.PEER.format(name=f"rr{i}", address=s.address, source=own, more="")
                    for i, s in enumerate(reflectors.speakers))
    daemon = Daemon(world, CONFIG.format(services=services, fleet=peers))
    for s in reflectors.speakers:
        s.join()
    last = prefix(options.services - 1)

    def guard():
        chain = daemon.ask("why", prefix=last)["result"]["chain"]
        return next(step["detail"] for step in chain if step["step"] == "guard")

    def fleet_bytes():
        return daemon.ask("show", what="memory")["result"]["memory"]["fleet_bytes"]

    def changed():
        return f"able besides this node: site-{options.reflectors + 1:04d}" in guard()

    def lost():
        return fleet_bytes() < before["bytes"] * 0.9

    before = {}

    def complete():
        done = f"of {options.nodes + 1} known" in guard()
        before["bytes"] = fleet_bytes()
        return done

    result = measure(reflectors, daemon.process.pid, complete, changed,
                     lost if options.reflectors > 1 else None, options)
    events = [e["type"] for e in daemon.events()]
    assert "site_lost" not in events or options.reflectors == 1, "a node was lost"
    result["fleet_mb"] = round(before["bytes"] / 1e6, 1)
    result["status"] = asked(daemon, {"cmd": "status"})
    result["summary"] = asked(daemon, {"cmd": "status", "rows": False})
    result["not_read"] = not_read(daemon)

    def say(count):
        for t in reflectors.send(reflectors.changes(count)[:1]):
            t.join()
    result["glass"] = nearglass(world, daemon, options, say)
    return result


def bird(world, options):
    harness.needs("bird", "birdc")
    own = fleet.own_address(11)
    reflectors = Reflectors(world, options)
    control = world.folder / "bird.ctl"
    peers = "\n".join(
        f"protocol bgp rr{i} {{ local {own} as {fleet.AS}; neighbor {s.address} as {fleet.AS}; "
        "strict bind; connect delay time 1; ipv4 { import all; export none; add paths rx; }; }"
        for i, s in enumerate(reflectors.speakers))
    process = world.start("/usr/sbin/bird", "-f", "-c",
                          world.file("bird.conf", BIRD.format(peers=peers)), "-s", control, "-P",
                          world.folder / "bird.pid", stderr=subprocess.DEVNULL)
    harness.wait_for("bird", control.exists)
    for s in reflectors.speakers:
        s.join()
    want = options.nodes * options.services * options.reflectors

    def count():
        text = subprocess.run(["/usr/sbin/birdc", "-s", str(control), "show", "route", "count"],
                              capture_output=True, text=True, check=False).stdout
        found = re.search(r"^(\d+) of", text, re.M)
        return int(found[1]) if found else -1

    return measure(reflectors, process.pid, lambda: count() == want, None,
                   (lambda: count() <= want // options.reflectors)
                   if options.reflectors > 1 else None, options)


def show(name, r):
    print(f"{name:10} first view {r['first_s']:.2f} s, {r['first_cpu_s']:.2f} s of CPU "
          f"({r['octets_mb']:.0f} MB of UPDATEs); {r['greatest_mb']:.1f} MB")
    if r["changes_s"]:
        print(f"{'':10} {r['changes']} changes at each reflector in {r['changes_s']:.2f} s, "
              f"{r['changes_cpu_s'] / r['changes'] * 1e6:.0f} us of CPU each; "
              f"idle {r['idle_cpu_percent']:.1f} % of a core")
    if r["lost_s"]:
        print(f"{'':10} one reflector lost: {r['lost_s']:.2f} s, {r['lost_cpu_s']:.2f} s of CPU")
    for key, what in ("status", "status"), ("summary", "status without rows"):
        if key in r:
            print(f"{'':10} {what}: {r[key]['mb']:.2f} MB in {r[key]['s']:.2f} s, "
                  f"others wait {r[key]['others_wait_ms']:.1f} ms")
    if g := r.get("glass"):
        print(f"{'':10} a nearglass has all rows after {g['whole_s']:.2f} s and {g['whole_cpu_s']:.2f} s of its CPU, "
              f"{g['greatest_mb']:.1f} MB; its status {g['status_kb']} kB, a page of rows {g['page_ms']:.1f} ms\n"
              f"{'':10} both idle {g['idle_cpu_percent']:.1f} %; with 10,000 news a second it spends "
              f"{g['news_cpu_percent']} % of a core, nearcastd {g['news_daemon_cpu_percent']} %, others wait "
              f"{g['others_wait_ms']:.1f} ms")
    if n := r.get("not_read"):
        print(f"{'':10} {n['readers']} readers that take nothing of it: {n['mb']:.1f} MB more, "
              f"others wait {n['others_wait_ms']:.1f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--reflectors", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for case in nearcastd, bird:
        results[case.__name__] = r = apart.in_world(case, options)
        if r and not options.json:
            show(case.__name__, r)
    if options.json:
        print(json.dumps(results))
    own = results["nearcastd"]
    return not (own and own["first_s"] < LIMIT_S and own["greatest_mb"] < LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
