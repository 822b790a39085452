#!/usr/bin/python3
"""Neighbours that are known by a link-local address and an interface, beside a real BIRD:

    site (this process)                     peer
      s0 fe80::1 ------------------------- p0 fe80::2
      s1 fe80::1 ------------------------- p1 fe80::2
"""

import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

import bfdworld as bw
import harness

CONFIG = """\
site: {{name: fra1}}
node: {{name: fra1-a, id: 11, address: {node}}}
as: 64500
router-id: 10.0.0.1
stop-grace: 0s
services:
  - {{name: dns, prefixes: [198.51.100.0/24, "2001:db8:53::/48"],
     addresses: [198.51.100.53, "2001:db8:53::53"], interface: lo}}
upstreams:
{upstreams}"""

UPSTREAM = ("  - {{name: {name}, address: \"fe80::2\", interface: {interface}, as: 64496, "
            "connect-retry: 500ms, extended-next-hop: yes{more}}}\n")

BIRD = """\
router id 10.0.0.2;
log "{folder}/bird.log" all;
protocol device {{ }}
"""

BGP = """\
protocol bgp site{i} {{
    local as 64496;
    neighbor fe80::1%'p{i}' as 64500;
    {more}
    error wait time 1, 2;
    connect delay time 1;
    connect retry time 1;
    ipv4 {{ extended next hop on; import all; export none; }};
    ipv6 {{ import all; export none; }};
}}
"""


class World:
    def __init__(self, world, links=1):
        harness.needs("bird", "birdc", "ip", "unshare", "nsenter")
        self.world = world
        self.peer = bw.Namespace(world)
        here = lambda *words: subprocess.run(words, check=True)
        for i in range(links):
            here("ip", "link", "add", f"s{i}", "type", "veth", "peer", "name", f"p{i}", "netns",
                 str(self.peer.pid))
            for run, device, address in (here, f"s{i}", "fe80::1"), (self.peer.run, f"p{i}", "fe80::2"):
                run("ip", "link", "set", device, "addrgenmode", "none")
                run("ip", "link", "set", device, "up")
                run("ip", "address", "add", f"{address}/64", "dev", device, "nodad")

    def bird(self, *protocols):
        text = BIRD.format(folder=self.world.folder) + "".join(protocols)
        self.socket = self.world.folder / "bird.ctl"
        self.world.start(*self.peer.command("/usr/sbin/bird", "-f", "-c",
                                            self.world.file("bird.conf", text), "-s", self.socket,
                                            "-P", self.world.folder / "bird.pid"))
        harness.wait_for("bird", self.socket.exists)

    def heard(self, protocol):
        return subprocess.run(["/usr/sbin/birdc", "-s", str(self.socket), "show", "route",
                               "protocol", protocol, "all"],
                              capture_output=True, text=True, check=True).stdout

    def wait_heard(self, protocol, *texts):
        harness.wait_for(f"{texts} from {protocol}",
                         lambda: all(text in self.heard(protocol) for text in texts))


def config(*upstreams, node='[10.0.0.1, "2001:db8:1::11"]'):
    return CONFIG.format(node=node, upstreams="".join(upstreams))


def upstream(name="peer", interface="s0", more=""):
    return UPSTREAM.format(name=name, interface=interface, more=more)


def test_site_opens(world):
    w = World(world)
    w.bird(BGP.format(i=0, more="passive on;"))
    daemon = harness.Daemon(world, config(upstream()))
    w.wait_heard("site0", "2001:db8:53::/48", "198.51.100.0/24", "via fe80::1 on p0")
    assert daemon.status()["upstreams"][0]["address"] == "fe80::2%s0"


def test_neighbour_opens(world):
    w = World(world)
    w.bird(BGP.format(i=0, more=""))
    harness.Daemon(world, config(upstream(more=", passive: yes")))
    w.wait_heard("site0", "2001:db8:53::/48", "198.51.100.0/24")


def test_nothing_but_link_local_addresses(world):
    w = World(world)
    w.bird(BGP.format(i=0, more=""))
    harness.Daemon(world, config(upstream(), node="[10.0.0.1]"))
    w.wait_heard("site0", "2001:db8:53::/48", "198.51.100.0/24", "via fe80::1 on p0")


def test_the_same_address_on_two_links(world):
    w = World(world, links=2)
    w.bird(BGP.format(i=0, more=""), BGP.format(i=1, more=""))
    daemon = harness.Daemon(world, config(upstream("a", "s0", ", passive: yes"),
                                          upstream("b", "s1", ", passive: yes")))
    for i in range(2):
        w.wait_heard(f"site{i}", "2001:db8:53::/48", f"on p{i}")
    assert [u["state"] for u in daemon.status()["upstreams"]] == ["Established"] * 2


def test_interface_that_comes_later(world):
    w = World(world)
    w.bird(BGP.format(i=0, more="passive on;"))
    subprocess.run(["ip", "link", "set", "s0", "down"], check=True)
    subprocess.run(["ip", "link", "set", "s0", "name", "other"], check=True)
    daemon = harness.Daemon(world, config(upstream()))
    harness.wait_for("the fault", lambda: "No such device" in
                     (daemon.status()["upstreams"][0]["last_error"] or ""))
    for words in (["set", "other", "name", "s0"], ["set", "s0", "up"]):
        subprocess.run(["ip", "link", *words], check=True)
    subprocess.run(["ip", "address", "replace", "fe80::1/64", "dev", "s0", "nodad"], check=True)
    w.wait_heard("site0", "2001:db8:53::/48")


def test_whoever_is_on_the_link(world):
    """A range of link-local addresses on one interface of two, with BFD: nobody's address is configured."""
    w = World(world, links=2)
    bfd = 'protocol bfd { interface "p*" { interval 100 ms; multiplier 3; }; }\n'
    w.bird(bfd, *(BGP.format(i=i, more="bfd on;") for i in range(2)))
    daemon = harness.Daemon(world, config(
        '  - {name: link, range: "fe80::/10", interface: s0, as: 64496, forget-after: 1s,\n'
        '     extended-next-hop: yes, bfd: {interval: 100ms, multiplier: 3}}\n'))
    w.wait_heard("site0", "2001:db8:53::/48", "198.51.100.0/24", "via fe80::1 on p0")
    harness.wait_for("BFD", lambda: [(u["name"], u["address"], u["state"], u["bfd"])
                                     for u in daemon.status()["upstreams"]] ==
                     [("link-fe80::2", "fe80::2%s0", "Established", "Up")])
    assert "198.51.100.0/24" not in w.heard("site1"), "it was taken from the other link"
    w.peer.run("ip", "address", "del", "fe80::2/64", "dev", "p0")
    daemon.wait_event("bfd_down", upstream="link-fe80::2")
    daemon.wait_event("upstream_forgotten", upstream="link-fe80::2")
    assert daemon.status()["upstreams"] == [] and daemon.alive()


def cut(world, link):
    """Nothing more comes over that link, and neither end hears of it from its interface."""
    rules = world.file(f"{link}.nft", f"""table netdev cut {{
    chain in {{ type filter hook ingress device "{link}" priority 0; policy drop; }}
}}
""")
    subprocess.run(["nft", "-f", rules], check=True)


def test_bfd(world):
    """On each of two links a session of the same two addresses: the one whose link is cut fails alone."""
    harness.needs("nft")
    w = World(world, links=2)
    bfd = 'protocol bfd { interface "p*" { interval 100 ms; multiplier 3; }; }\n'
    w.bird(bfd, *(BGP.format(i=i, more="passive on; bfd on;") for i in range(2)))
    keys = ", bfd: {interval: 100ms, multiplier: 3}"
    daemon = harness.Daemon(world, config(upstream("a", "s0", keys), upstream("b", "s1", keys)))
    shown = lambda: [(u["state"], u["bfd"]) for u in daemon.status()["upstreams"]]
    for i in range(2):
        w.wait_heard(f"site{i}", "2001:db8:53::/48", f"on p{i}")
    harness.wait_for("BFD on both links", lambda: shown() == [("Established", "Up")] * 2)
    cut(world, "s1")
    down = daemon.wait_event("bfd_down", upstream="b")
    assert down["subject"] == "fe80::2" and down["reason"] == "nothing-heard", down
    daemon.wait_event("upstream_down", upstream="b", cause_seq=down["seq"])
    assert shown()[0] == ("Established", "Up"), shown()
    assert not [e for e in daemon.events() if e["type"] == "bfd_down" and e.get("upstream") == "a"]
    assert daemon.alive()


harness.main(globals())
