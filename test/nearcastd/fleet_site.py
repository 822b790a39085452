"""Nodes of a fleet for tests: real nearcastd in one namespace, each at an address of its own on lo,
with a file as the check of its service and a scripted router as its upstream.

    10.9.0.11   node 11    127.0.1.11  its router
    10.9.0.12   node 12    127.0.1.12
    10.9.0.250             a scripted reflector
"""

import subprocess

import bgpspeaker as bgp
import harness

AS = 64500
PREFIX = "198.51.100.0/24"

CONFIG = """\
site: {{name: {site}}}
node: {{name: {name}, id: {number}, address: [{address}, "2001:db8::{number}"]}}
as: 64500
router-id: {address}
listen: [{address}]
stop-drain: 0s
stop-grace: 0s
services:
  - name: dns
    prefixes: [{prefixes}]
    addresses: [198.51.100.53]
    manage-addresses: no
    hold-down: {{first: 0}}
    {service}
    checks:
      - {{kind: file, path: {path}, interval: 50ms, timeout: 50ms, fall: 1, rise: 1}}
upstreams:
  - {{name: router, address: {router}, source: {address}, as: 64496, hold-time: 90s, connect-retry: 100ms}}
fleet:
{fleet}"""

PEER = ("  - {{name: {name}, address: {address}, source: {source}, connect-retry: 100ms, "
        "hold-time: 90s{more}}}\n")


def address(number):
    """Not of 127.0.0.0/8: no next hop may be that (RFC 4271 section 6.3)."""
    return f"10.9.0.{number}"


def own_address(number):
    """The address for a process of this case's namespace."""
    subprocess.run(["ip", "addr", "replace", f"{address(number)}/32", "dev", "lo"], check=True)
    return address(number)


def peer(number, source, name=None, more=""):
    return PEER.format(name=name or f"n{number}", address=address(number), source=address(source),
                       more=more)


class Node:
    """One nearcastd, and the router that it announces to."""

    def __init__(self, world, number, peers, site=None, service="guard-wait: 200ms", name=None,
                 prefixes=PREFIX, up=True, start=True):
        self.world, self.number = world, number
        self.address = own_address(number)
        self.path = world.folder / f"up{number}"
        self.site = site or f"s{number}"
        self.peers, self.service, self.prefixes = peers, service, prefixes
        self.name = name or f"{self.site}-a"
        self.router = bgp.Neighbour(world, f"127.0.1.{number}")
        self.set_up(up)
        self.daemon = self.session = None
        if start:
            self.start()

    def config(self):
        fleet = "".join(p if isinstance(p, str) else peer(p, self.number) for p in self.peers)
        return CONFIG.format(site=self.site, name=self.name, number=self.number,
                             address=self.address, path=self.path, service=self.service,
                             router=f"127.0.1.{self.number}", fleet=fleet, prefixes=self.prefixes)

    def start(self):
        self.daemon = harness.Daemon(self.world, self.config(), f"nearcastd{self.number}")
        self.session = self.router.accept()
        self.session.establish()

    def set_up(self, up):
        self.path.touch() if up else self.path.unlink(missing_ok=True)

    def reload(self):
        return self.daemon.reload(self.config())

    def service_status(self):
        return self.daemon.status()["services"][0]

    def announce(self):
        return self.service_status()["prefixes"][0]["announce"]

    def reason(self):
        return self.service_status()["prefixes"][0]["reason"]

    def fleet(self):
        return {r["node"]: r for r in self.daemon.status()["fleet"]}

    def wait(self, announce, reason=None):
        def there():
            p = self.service_status()["prefixes"][0]
            return p["announce"] == announce and (reason is None or p["reason"] == reason)
        harness.wait_for(f"{self.name} to be {announce} ({reason}); it is {self.announce()} "
                         f"({self.reason()})", there)

    def sees(self, *names):
        """Waits until exactly these nodes are in sight, the own one apart."""
        harness.wait_for(f"{self.name} to see {names}", lambda: set(names) == {
            r["node"] for r in self.daemon.status()["fleet"] if not r["own"] and not r["lost"]})

    def refused(self, session=0):
        return self.daemon.ask("show", what="fleet")["result"]["sessions"][session]["refused"]


def mesh(world, *numbers, **kwargs):
    """Nodes that all have sessions with each other, and see each other."""
    nodes = [Node(world, n, [m for m in numbers if m != n], **kwargs) for n in numbers]
    for node in nodes:
        node.wait("announced")
        node.sees(*(n.name for n in nodes if n is not node))
    return nodes
