#!/usr/bin/python3
"""What nearcastd costs when nothing happens: ten checks at 1 s (the issue's case), for a minute.

usage: bench/idle.py [--seconds N]

Resident memory and CPU time are the kernel's figures of the process. Beside it the same for ExaBGP
with one healthcheck, which is one process a prefix.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test"),
                str(Path(__file__).resolve().parent)]

import apart
import bgpspeaker as bgp
import crash
import harness

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """A process and its descendants."""
    out = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            out += tree(int(child))
    return out


def usage(pid):
    cpu = memory = 0
    for p in tree(pid):
        fields = Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        cpu += sum(map(int, fields[11:15])) / TICK  # with children that were waited for
        for line in Path(f"/proc/{p}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                memory += int(line.split()[1]) / 1024
    return cpu, memory


def measure(name, pid, seconds):
    before, _ = usage(pid)
    time.sleep(seconds)
    after, memory = usage(pid)
    print(f"{name:44} {memory:7.1f} MB RSS  {100 * (after - before) / seconds:6.2f} % CPU")


def nearcastd(world, seconds):
    crash.put_addresses("192.0.2.1")
    marker = world.file("marker", "")
    script = world.file("check.sh", "#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    world.folder.chmod(0o755)
    timing = "interval: 1s, timeout: 500ms"
    checks = [f"{{kind: dns, server: {crash.SERVICE}, query: example.org, type: SOA, {timing}}}",
              f"{{kind: dns, server: {crash.SERVICE}, query: ns.example.org, type: A, {timing}}}",
              f"{{kind: dns, server: {crash.SERVICE}, query: example.org, type: NS, tcp: yes, {timing}}}",
              f"{{kind: tcp, server: {crash.SERVICE}, port: 53, {timing}}}",
              f"{{kind: http, url: 'http://127.0.0.1:8080/', scope: dependency, {timing}}}",
              f"{{kind: http, url: 'http://127.0.0.1:8080/marker', scope: dependency, {timing}}}",
              f"{{kind: address, {timing}}}", f"{{kind: file, path: {marker}, {timing}}}",
              f"{{kind: file, path: {marker}x, expect-absent: yes, {timing}}}",
              f"{{kind: exec, command: [{script}], {timing}}}"]
    lines = "".join(f"      - {check}\n" for check in checks)
    head, tail = crash.NEARCAST.format(timing="interval: 1s").split("      - {kind: dns")
    config = head + lines + tail.split("\n", 1)[1]
    nsd = crash.Nsd(world)
    neighbour = bgp.Neighbour(world)
    world.start(sys.executable, "-m", "http.server", "8080", "--bind", "127.0.0.1",
                cwd=world.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    daemon = harness.Daemon(world, config)
    nsd.start()
    session = crash.accept(neighbour)
    daemon.wait_event("announced", after=0)
    session.next_update()
    measure("nearcastd, ten checks at 1 s", daemon.process.pid, seconds)
    nsd.kill()


def exabgp(world, seconds):
    nsd = crash.Nsd(world)
    session = crash.exabgp(world, "--interval 1 --rise 1")
    nsd.start()
    crash.wait_update(session, "announce")
    measure("ExaBGP, one healthcheck at 1 s", world.processes[0].pid, seconds)
    nsd.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    for case in nearcastd, exabgp:
        apart.in_world(case, seconds)


if __name__ == "__main__":
    sys.exit(main())
