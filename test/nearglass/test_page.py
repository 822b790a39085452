#!/usr/bin/python3
"""The page in Debian's Chromium: a real nearcastd, a real nearglass and a scripted neighbour, all in
a namespace of their own. Screenshots are left in the build folder."""

import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
from glass import PORT, Glass, Site, announce, announce6, connect, neighbour


def play(world):
    harness.needs("chromium", "node")
    harness.enter_namespace()
    subprocess.run(["ip", "addr", "add", "20.0.0.1/32", "dev", "lo"], check=True)
    site = Site(world)
    names = world.file("names.txt", "64496:77,customer <img src=x onerror=alert(1)>\n64496:1:nnn,region $0\n")
    glass = Glass(world, neighbour("peer-a", "127.0.0.2", 64496) + neighbour("gone", "127.0.0.3", 64497) +
                  f"daemon: {site.daemon.readonly}\ncommunities: {names}\nprobes: {{source: 20.0.0.1}}\n"
                  f"catchment: {{listen: {world.folder}/clients}}\nhistory: {{file: {world.folder}/history.db}}\n",
                  http=f"port: {PORT}, connections-per-client: 1000")
    peer = connect("127.0.0.2", 64496)
    announce(peer, ["203.0.113.0/24"], [64496, 64999], communities=[(64496, 77)],
             large=[(64496, 1, 2)])
    announce6(peer, ["2001:db8:77::/48"], [64496])
    glass.wait_routes(2)
    said = b"<img src=x onerror=alert(2)>"
    connect("127.0.0.3", 64497).send(bgp.message(bgp.NOTIFICATION, b"\6\2" + bytes([len(said)]) + said))
    harness.wait_for("the shutdown text", lambda: glass.neighbour("gone")["last_error"])
    out = harness.BUILD / "screenshots"
    out.mkdir(exist_ok=True)
    node = world.start("node", Path(__file__).with_name("page.mjs"), f"http://localhost:{PORT}", site.switch, out,
                       world.folder / "clients")
    return node.wait(timeout=150)


if __name__ == "__main__":
    harness.script(play)
