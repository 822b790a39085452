#!/usr/bin/python3
"""The page in Debian's Chromium: a real nearcastd, a real nearglass and a scripted neighbour, all in
a namespace of their own. Screenshots are left in the build folder."""

import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
from glass import PORT, Glass, announce, announce6, connect, neighbour

DAEMON = """
site: {{name: test1, city: Frankfurt, lat: 50.11, lon: 8.68}}
node: {{name: test1, id: 1, address: 127.0.0.1}}
as: 64500
router-id: 192.0.2.1
listen-port: 0
services:
  - name: dns
    prefixes: [198.51.100.0/24]
    addresses: [198.51.100.53]
    manage-addresses: no
    hold-down: {{first: 0s, max: 0s}}
    checks:
      - {{kind: file, name: maintenance, path: {switch}, expect-absent: yes, interval: 100ms, timeout: 100ms, fall: 1, rise: 1}}
upstreams:
  - {{name: transit-a, address: 127.0.0.2, as: 64496, port: 11791, hold-time: 0s}}
"""


def main():
    world = harness.World()
    try:
        harness.needs("chromium", "node")
        harness.enter_namespace()
        subprocess.run(["ip", "addr", "add", "20.0.0.1/32", "dev", "lo"], check=True)
        switch = world.folder / "maintenance"
        transit = bgp.Neighbour(world, "127.0.0.2", 11791)
        daemon = harness.Daemon(world, DAEMON.format(switch=switch))
        session = transit.accept()
        session.establish(hold=0)
        names = world.file("names.txt", "64496:77,customer <img src=x onerror=alert(1)>\n64496:1:nnn,region $0\n")
        glass = Glass(world, neighbour("peer-a", "127.0.0.2", 64496) + neighbour("gone", "127.0.0.3", 64497) +
                      f"daemon: {daemon.readonly}\ncommunities: {names}\nprobes: {{source: 20.0.0.1}}\n"
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
        node = world.start("node", Path(__file__).with_name("page.mjs"), f"http://localhost:{PORT}", switch, out,
                           world.folder / "clients")
        return node.wait(timeout=150)
    except harness.Skip as why:
        print(f"1..0 # SKIP {why}")
        return 0
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
