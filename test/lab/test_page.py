#!/usr/bin/python3
"""The page of a world as people see it: Debian's Chromium looks on while a server is killed. Screenshots are
left in the build folder."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import harness
from labworld import LAB, begin

SITE = """  - {{name: {name}, city: {city}, lat: {lat}, lon: {lon}, dns: {dns}, upstreams: [{{network: {network}}}]}}
"""
WORLD = """
title: A page
settle: 300ms
within: 15s
networks:
  - {name: near, as: 64496, city: Oslo, lat: 59.91, lon: 10.75}
  - {name: far, as: 64497, city: Rome, lat: 41.90, lon: 12.50}
links:
  - {a: near, b: far, relation: peer, delay: 20ms}
sites:
""" + SITE.format(name="rom1", city="Rome", lat=41.9, lon=12.5, dns="nsd", network="far") + SITE.format(
    name="osl1", city="Oslo", lat=59.91, lon=10.75, dns="knot", network="near") + """
clients:
  - {name: oslo, network: near, family: both}
  - {name: rome, network: far}
nearcast: |
  services:
    - name: dns
      prefixes: [198.51.100.0/24, "2001:db8:53::/48"]
      addresses: [198.51.100.53, "2001:db8:53::53"]
      checks:
        - {kind: dns, server: 198.51.100.53, query: example.org, interval: 1s, fast-interval: 50ms}
start:
  - {clients: oslo, site: osl1}
  - {clients: rome, site: rom1}
"""


def play(world):
    begin(world, "knotd", "chromium", "node")
    harness.enter_namespace()
    lab = world.start(LAB, "run", "-k", world.file("page.yaml", WORLD), stdout=subprocess.DEVNULL,
                      stderr=subprocess.PIPE, text=True)
    lines = []
    for line in lab.stderr:
        lines.append(line)
        if "Ctrl-C ends it" in line:
            break
    url = [line.split()[-1] for line in lines if line.startswith("The page of this world: ")]
    assert url, "".join(lines)
    threading.Thread(target=lab.stderr.read, daemon=True).start()
    out = harness.BUILD / "screenshots"
    out.mkdir(exist_ok=True)
    node = world.start("node", Path(__file__).with_name("page.mjs"), url[0].rstrip("/"), LAB, out)
    status = node.wait(timeout=100)
    lab.send_signal(signal.SIGINT)
    return lab.wait(timeout=20) or status


if __name__ == "__main__":
    harness.script(play)
