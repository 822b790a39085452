"""Nodes of a fleet for tests: real nearcastd in one namespace, each at an address of its own on lo,
with a file as the check of its service and a scripted router as its upstream.

    10.9.0.11   node 11    127.0.1.11  its router
    10.9.0.12   node 12    127.0.1.12
    10.9.0.250             a scripted reflector
"""

import socket
import struct
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
      - {{{check}}}
upstreams:
  - {{name: router, address: {router}, source: {address}, as: 64496, hold-time: 90s, connect-retry: 100ms}}
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
                 prefixes=PREFIX, up=True, start=True, check=None):
        self.world, self.number = world, number
        self.address = own_address(number)
        self.path = world.folder / f"up{number}"
        self.site = site or f"s{number}"
        self.check = check or (f"kind: file, path: {self.path}, interval: 250ms, timeout: 250ms, "
                               "fall: 1, rise: 1")
        self.peers, self.service, self.prefixes = peers, service, prefixes
        self.name = name or f"{self.site}-a"
        self.router = bgp.Neighbour(world, f"127.0.1.{number}")
        self.set_up(up)
        self.daemon = self.session = None
        if start:
            self.start()

    def config(self):
        fleet = "".join(p if isinstance(p, str) else peer(p, self.number) for p in self.peers)
        fleet = "fleet:\n" + fleet if fleet else ""
        return CONFIG.format(site=self.site, name=self.name, number=self.number,
                             address=self.address, check=self.check.format(address=self.address),
                             service=self.service,
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
        try:
            harness.wait_for("", there)
        except AssertionError:
            raise AssertionError(f"{self.name} is {self.announce()} ({self.reason()}), not "
                                 f"{announce} ({reason}):\n{self.daemon.log()}") from None

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


# ---- A neighbour that plays a node or a reflector ----

VERSION, NODE, STANDING, HEALTH, ADMIN, ANNOUNCE, EVIDENCE, PRIORITY = range(9000, 9008)
LOAD, CAPACITY, MIN_SITES, MIN_SHARE, SERIAL = range(9008, 9013)
SITE_NAME, NODE_NAME = 9020, 9040


def name_values(key, name):
    raw = name.encode()
    return {key + i // 4: int.from_bytes(raw[i:i + 4].ljust(4, b"\0"), "big")
            for i in range(0, len(raw), 4)}


def state(number, site=None, name=None, **more):
    """The communities of a healthy node as {key: value}; a key of None is left out."""
    values = {VERSION: 1, NODE: number, STANDING: 0, HEALTH: 1, ADMIN: 0, ANNOUNCE: 2,
              EVIDENCE: 0, PRIORITY: 100, MIN_SHARE: 50, SERIAL: 1}
    values |= name_values(SITE_NAME, site or f"s{number}")
    values |= name_values(NODE_NAME, name or f"s{number}-a")
    values |= {globals()[k]: v for k, v in more.items()}
    return {k: v for k, v in values.items() if v is not None}


SOFT = {"STANDING": 4, "HEALTH": 3, "EVIDENCE": 1, "ANNOUNCE": 0}


class Speaker(bgp.Neighbour):
    """A scripted peer of the fleet: with ADD-PATH unless told otherwise."""

    def __init__(self, world, number=250):
        super().__init__(world, own_address(number))
        self.number, self.session, self.add_path = number, None, True

    def join(self, add_path=True):
        """The session that the daemon opens."""
        self.session, self.add_path = self.accept(), add_path
        capabilities = [bgp.capability(1, b"\0\1\0\1"), bgp.capability(1, b"\0\2\0\1"),
                        bgp.capability(2), bgp.capability(65, struct.pack("!I", AS)),
                        bgp.capability(64, b"\0\0")]
        if add_path:
            capabilities.append(bgp.capability(69, b"\0\1\1\2"))
        self.theirs = self.session.establish(asn=AS, router_id=self.address,
                                             capabilities=capabilities)
        return self.session

    def attributes(self, values, next_hop, originator=None, more=b""):
        out = (bgp.attribute(1, b"\0") + bgp.attribute(2, b"") +
               bgp.attribute(3, socket.inet_aton(next_hop)) +
               bgp.attribute(5, struct.pack("!I", 100)) +
               bgp.attribute(8, b"\xff\xff\xff\1", 0xc0))
        if originator:
            out += bgp.reflected(originator, self.address)
        if isinstance(values, dict):
            values = [(AS, k, v) for k, v in values.items()]
        return out + (bgp.large_communities(values) if values else b"") + more

    def say6(self, number, prefix, values=None):
        """The same of an IPv6 prefix, without a path identifier."""
        hop = socket.inet_pton(socket.AF_INET6, f"2001:db8::{number}")
        reach = struct.pack("!HBB", 2, 1, 16) + hop + b"\0" + bgp.nlri(prefix)
        values = [(AS, k, v) for k, v in (values or state(number)).items()]
        self.session.send(bgp.raw_update(
            bgp.attribute(1, b"\0") + bgp.attribute(2, b"") +
            bgp.attribute(5, struct.pack("!I", 100)) +
            bgp.reflected(address(number), self.address) + bgp.attribute(14, reach, 0x80) +
            bgp.large_communities(values)))

    def route(self, prefix, path):
        return bgp.path_nlri(prefix, path) if self.add_path else bgp.nlri(prefix)

    def say(self, number, values=None, prefix=PREFIX, path=None, reflect=True, next_hop=None,
            more=b""):
        """What the node of that number says of itself, passed on by this reflector."""
        hop = next_hop or address(number)
        values = state(number) if values is None else values
        self.session.send(bgp.raw_update(
            self.attributes(values, hop, address(number) if reflect else None, more),
            self.route(prefix, path or number)))

    def unsay(self, number, prefix=PREFIX, path=None):
        self.session.send(bgp.raw_update(withdraw=self.route(prefix, path or number)))

    def end_of_rib(self):
        self.session.send(bgp.raw_update())
