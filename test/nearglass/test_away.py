#!/usr/bin/python3
"""The page in Debian's Chromium while its glass is away: it says so, and comes back by itself."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import harness
from glass import PORT, Glass, Site, neighbour


def play(world):
    harness.needs("chromium", "node")
    harness.enter_namespace()
    subprocess.run(["ip", "addr", "add", "20.0.0.1/32", "dev", "lo"], check=True)
    site = Site(world)
    Glass(world, neighbour("peer-a", "127.0.0.2", 64496) +
          f"daemon: {site.daemon.readonly}\ncatchment: {{listen: {world.folder}/clients}}\nprobes: {{source: 20.0.0.1}}\n",
          http=f"port: {PORT}, connections-per-client: 1000")
    node = world.start("node", HERE / "page_away.mjs", str(PORT), world.folder / "clients", site.switch)
    return node.wait(timeout=150)


if __name__ == "__main__":
    harness.script(play)
