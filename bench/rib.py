#!/usr/bin/python3
"""Full tables of four neighbours at once: CPU time and memory of nearglass, and of BIRD beside it.

usage: bench/rib.py [--json]

The streams are data/bgp/streams (NEARCAST_DATA): 901,899 routes each, real prefixes of 2025 with
attribute sets of a real feed of 2015, so semi-synthetic. Four scripted neighbours send them over
loopback, in a network namespace of its own, to nearglass and then to BIRD. CPU time is the
kernel's, of all threads, from the sessions' start until the process has been quiet for a second;
memory is the greatest resident size (VmHWM) with everything loaded. Both keep every path; BIRD
chooses best paths while it loads, nearglass when it is asked.

Exits 0 only if nearglass takes at most 70 % of BIRD's CPU time, at most 120 MiB for the four and at
most 40 MiB for one.
"""

import argparse
import json
import lzma
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test")]

import apart
import bgpspeaker as bgp
import harness

DATA = Path(os.environ.get("NEARCAST_DATA", Path(__file__).resolve().parent.parent.parent / "shared/data"))
ROUTES = 901899
CPU_SHARE, LIMIT_MIB, LIMIT_ONE_MIB = 0.7, 120, 40

GLASS = """\
site: bench
as: 65000
router-id: 192.0.2.1
listen: 127.0.0.1
http: {{port: 8480, request-time: 60s}}
neighbours:
{neighbours}"""

BIRD = """\
router id 192.0.2.1;
protocol device {{ }}
protocol static {{ ipv4; route 10.99.0.0/24 blackhole; }}
{neighbours}"""


def address(i):
    return f"127.0.1.{i + 1}"


def cpu_s(pid):
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory_mib(pid, field="VmHWM"):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", text)[1]) / 1024


class Sender:
    """A neighbour that says all it has and then keeps the session up."""

    def __init__(self, i, stream):
        self.session = None
        self.stream = stream
        self.i = i
        self.done = threading.Event()

    def connect(self):
        sock = socket.socket()
        sock.bind((address(self.i), 0))
        for _ in range(300):
            try:
                sock.connect(("127.0.0.1", 179))
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        asn = 65001 + self.i
        caps = [bgp.capability(1, b"\0\1\0\1"), bgp.capability(65, asn.to_bytes(4, "big"))]
        self.session = bgp.Session(sock, seconds=60)
        sock.sendall(bgp.open_message(asn=asn, hold=0, router_id=f"192.0.2.{self.i + 11}",
                                      capabilities=caps))
        self.session.expect(bgp.OPEN)
        sock.sendall(bgp.keepalive())
        self.session.expect(bgp.KEEPALIVE)
        self.sock = sock

    def run(self):
        self.sock.settimeout(None)
        self.sock.sendall(self.stream)
        self.done.set()


def wait_quiet(pid, seconds=1.0):
    """Until the process has used no time to speak of; the time used then."""
    before = cpu_s(pid)
    while True:
        time.sleep(seconds)
        now = cpu_s(pid)
        if now - before < 0.02:
            return before
        before = now


def load(pid, streams):
    senders = [Sender(i, s) for i, s in enumerate(streams)]
    for s in senders:
        s.connect()
    base, begin = cpu_s(pid), time.monotonic()
    threads = [threading.Thread(target=s.run, daemon=True) for s in senders]
    for t in threads:
        t.start()
    for s in senders:
        s.done.wait()
    sent = time.monotonic() - begin
    used = wait_quiet(pid) - base
    return senders, {"cpu_s": round(used, 3), "sent_s": round(sent, 2),
                     "mib": round(memory_mib(pid), 1), "rss_mib": round(memory_mib(pid, "VmRSS"), 1)}


def glass_start(world, count, more=""):
    lines = "".join(f"  - {{name: n{i}, address: {address(i)}, as: {65001 + i}, passive: yes}}\n"
                    for i in range(count))
    build = os.environ.get("NEARCAST_BUILD", "build")
    return world.start(f"{build}/nearglass/nearglass", "-c",
                       world.file("nearglass.yaml", GLASS.format(neighbours=lines) + more))


def nearglass(world, streams):
    process = glass_start(world, len(streams))
    _, result = load(process.pid, streams)
    return result


def bird_start(world, streams):
    """BIRD with everything loaded: process, control socket, figures of the load."""
    harness.needs("bird", "birdc")
    control = world.folder / "bird.ctl"
    peers = "\n".join(f"protocol bgp n{i} {{ local 127.0.0.1 as 65000; "
                      f"neighbor {address(i)} as {65001 + i}; passive; multihop; "
                      "ipv4 { import all; export none; }; }" for i in range(len(streams)))
    process = world.start("/usr/sbin/bird", "-f", "-c",
                          world.file("bird.conf", BIRD.format(neighbours=peers)),
                          "-s", control, "-P", world.folder / "bird.pid")
    harness.wait_for("bird", control.exists)
    senders, result = load(process.pid, streams)
    bird_start.senders = senders  # their sessions end with them
    return process, control, result


def bird(world, streams):
    _, control, result = bird_start(world, streams)
    text = subprocess.run(["/usr/sbin/birdc", "-s", str(control), "show route count"],
                          capture_output=True, text=True, check=True).stdout
    result["routes"] = int(re.search(r"(\d+) of \d+ routes", text)[1]) - 1  # the static one
    return result


def store(streams):
    """The store without sockets: bench/rib_store.c."""
    build = os.environ.get("NEARCAST_BUILD", "build")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(i) for i in range(len(streams))]
        for path, stream in zip(paths, streams):
            path.write_bytes(stream)
        subprocess.run([f"{build}/bench/rib_store", *paths], check=True)


def show(name, streams, r):
    paths = ROUTES * streams
    print(f"{name:10} {streams} x {ROUTES}: {r['cpu_s']:6.2f} CPU-s  {r['mib']:7.1f} MiB  "
          f"{r['mib'] * 1048576 / paths:5.1f} bytes a path", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = sorted((DATA / "bgp/streams").glob("dfz2025-*.upd.xz"))
    if not files:
        print(f"# SKIP no streams below {DATA}")
        return 0
    streams = [lzma.open(f).read() for f in files]
    results = {}
    for case in nearglass, bird:
        for count in 1, len(streams):
            results[f"{case.__name__}-{count}"] = r = apart.in_world(case, streams[:count])
            if r and not options.json:
                show(case.__name__, count, r)
    if options.json:
        print(json.dumps(results))
    one, own, other = results["nearglass-1"], results["nearglass-4"], results["bird-4"]
    share = own["cpu_s"] / other["cpu_s"]
    if not options.json:
        print(f"nearglass takes {100 * share:.0f} % of BIRD's CPU time and "
              f"{100 * own['mib'] / other['mib']:.0f} % of its memory", flush=True)
        store(streams)
    return not (share <= CPU_SHARE and own["mib"] <= LIMIT_MIB and one["mib"] <= LIMIT_ONE_MIB)


if __name__ == "__main__":
    sys.exit(main())
