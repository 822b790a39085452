"""A neighbour on a link that can be cut without either end losing its carrier.

    site (this process)          middle             peer
      s0 10.0.0.1 ------ site [ bridge ] peer ------ p0 10.0.0.2
         2001:db8:ff::1                                 2001:db8:ff::2

A cut takes the peer's port out of the bridge. What either end sends is seen in the middle, with
the kernel's time stamps, cut or not.
"""

import ctypes
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import time

import harness

SITE, PEER = "10.0.0.1", "10.0.0.2"
SITE6, PEER6 = "2001:db8:ff::1", "2001:db8:ff::2"
STATES = ("AdminDown", "Down", "Init", "Up")
ADMIN_DOWN, DOWN, INIT, UP = range(4)
EXPIRED, NEIGHBOUR_DOWN, ADMIN = 1, 3, 7
SO_TIMESTAMPNS = 35
ETH_P_ALL = 3

CONFIG = """\
site: {{name: fra1}}
node: {{name: fra1-a, id: 11, address: [10.0.0.1, "2001:db8:ff::1"]}}
as: 64500
router-id: 10.0.0.1
stop-grace: 0s
services:
  - {{name: dns, prefixes: 198.51.100.0/24, addresses: 198.51.100.53, interface: lo}}
upstreams:
{upstreams}"""


def config(*upstreams):
    return CONFIG.format(upstreams="".join(upstreams))


def upstream(bfd="bfd: {interval: 50ms}", name="peer", address=PEER, asn=64496, more=""):
    return (f"  - {{name: {name}, address: \"{address}\", as: {asn}, hold-time: 90s, "
            f"connect-retry: 500ms{more}{', ' + bfd if bfd else ''}}}\n")


class Namespace:
    """A network namespace that lives as long as the world."""

    def __init__(self, world):
        self.holder = world.start("unshare", "-n", "cat", stdin=subprocess.PIPE)
        here = os.readlink("/proc/self/ns/net")
        path = f"/proc/{self.holder.pid}/ns/net"
        harness.wait_for("a namespace", lambda: os.readlink(path) != here)
        self.pid = self.holder.pid
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *words):
        return ["nsenter", "-t", str(self.pid), "-n", *map(str, words)]

    def run(self, *words, **kwargs):
        kwargs = {"check": True, "capture_output": True, "text": True, **kwargs}
        return subprocess.run(self.command(*words), **kwargs)

    def inside(self, make):
        """Call make() in this namespace: a socket made there stays there."""
        here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            assert harness.LIBC.setns(there, harness.CLONE_NEWNET) == 0
            return make()
        finally:
            assert harness.LIBC.setns(here, harness.CLONE_NEWNET) == 0
            os.close(here)
            os.close(there)


class Packet:
    """A control packet seen on the wire, with all that the tests look at."""

    def __init__(self, at, frame):
        self.at = at  # seconds, CLOCK_REALTIME
        self.v6 = frame[12:14] == b"\x86\xdd"
        ip = frame[14:]
        head = 40 if self.v6 else (ip[0] & 15) * 4
        self.ttl = ip[7] if self.v6 else ip[8]
        family, at_source = (socket.AF_INET6, 8) if self.v6 else (socket.AF_INET, 12)
        width = 16 if self.v6 else 4
        self.source = socket.inet_ntop(family, ip[at_source:at_source + width])
        self.sport, self.dport = struct.unpack_from("!HH", ip, head)
        body = ip[head + 8:]
        self.version, self.diag = body[0] >> 5, body[0] & 31
        self.state, self.poll, self.final = body[1] >> 6, bool(body[1] & 32), bool(body[1] & 16)
        self.mult = body[2]
        (self.mine, self.yours, self.min_tx, self.min_rx,
         self.min_echo) = struct.unpack_from("!5I", body, 4)

    @staticmethod
    def is_bfd(frame):
        if frame[12:14] == b"\x08\x00" and len(frame) >= 66 and frame[23] == 17:
            at = 14 + (frame[14] & 15) * 4
        elif frame[12:14] == b"\x86\xdd" and len(frame) >= 86 and frame[20] == 17:
            at = 54
        else:
            return False
        return struct.unpack_from("!H", frame, at + 2)[0] in (3784, 4784)


class Tap:
    """What one end sends."""

    def __init__(self, middle, port):
        def make():
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK,
                              socket.htons(ETH_P_ALL))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            s.bind((port, ETH_P_ALL))
            return s
        self.sock = middle.inside(make)

    def drop_what_waits(self):
        while self.read() is not False:
            pass

    def read(self):
        """The next packet; None for a frame of another kind, False when nothing waits."""
        try:
            frame, control, _, address = self.sock.recvmsg(2048, 64)
        except BlockingIOError:
            return False
        if address[2] == socket.PACKET_OUTGOING or not Packet.is_bfd(frame):
            return None
        seconds, nanoseconds = struct.unpack_from("qq", control[0][2])
        return Packet(seconds + nanoseconds / 1e9, frame)

    def wait(self, what, condition, seconds=10.0):
        """The first packet of that kind."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            packet = self.read()
            if packet is False:
                select.select([self.sock], [], [], left)
            elif packet and condition(packet):
                return packet
        raise AssertionError(f"not sent within {seconds} s: {what}")

    def wait_state(self, state, **kwargs):
        return self.wait(STATES[state], lambda p: p.state == state, **kwargs)

    def collect(self, seconds):
        packets, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            packet = self.read()
            if packet is False:
                select.select([self.sock], [], [], left)
            elif packet:
                packets.append(packet)
        return packets


class Link:
    """The site's interface, the middle and the peer's namespace."""

    def __init__(self, world):
        harness.needs("ip", "unshare", "nsenter")
        self.middle, self.peer = Namespace(world), Namespace(world)
        middle, peer = self.middle.pid, self.peer.pid
        here = lambda *words: subprocess.run(words, check=True)
        here("ip", "link", "add", "s0", "type", "veth", "peer", "name", "site", "netns", str(middle))
        self.middle.run("ip", "link", "add", "peer", "type", "veth", "peer", "name", "p0", "netns",
                        peer)
        self.middle.run("ip", "link", "add", "bridge", "type", "bridge", "stp_state", "0",
                        "forward_delay", "0", "mcast_snooping", "0")
        for port in ("bridge", "site", "peer"):
            self.middle.run("ip", "link", "set", port, "up",
                            *([] if port == "bridge" else ["master", "bridge"]))
        for run, device, address, address6 in ((here, "s0", SITE, SITE6),
                                               (self.peer.run, "p0", PEER, PEER6)):
            run("ip", "address", "add", f"{address}/24", "dev", device)
            run("ip", "address", "add", f"{address6}/64", "dev", device, "nodad")
            run("ip", "link", "set", device, "up")
        listing = json.loads(self.middle.run("ip", "-j", "link").stdout)
        self.index = {link["ifname"]: link["ifindex"] for link in listing}
        self.netlink = self.middle.inside(
            lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
        self.site_tap, self.peer_tap = Tap(self.middle, "site"), Tap(self.middle, "peer")
        world.closers.append(self.close)

    def set_master(self, port, master):
        """RTM_SETLINK with IFLA_MASTER; the time right before, CLOCK_REALTIME."""
        body = struct.pack("BxHiII", 0, 0, self.index[port], 0, 0) + struct.pack("HHI", 8, 10, master)
        message = struct.pack("IHHII", 16 + len(body), 19, 5, 1, 0) + body
        at = time.time()
        self.netlink.send(message)
        error = struct.unpack_from("i", self.netlink.recv(4096), 16)[0]
        assert error == 0, os.strerror(-error)
        return at

    def cut(self):
        return self.set_master("peer", 0)

    def mend(self):
        return self.set_master("peer", self.index["bridge"])

    def close(self):
        for tap in (self.site_tap, self.peer_tap):
            tap.sock.close()
        self.netlink.close()


# ---- Neighbours ----

class Speaker:
    """A neighbour that sends exactly what a test wants, from the peer's namespace."""

    def __init__(self, world, link, ttl=255):
        def make():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            s.bind((PEER, 0))
            return s
        self.sock = link.peer.inside(make)
        world.closers.append(self.sock.close)

    def send(self, state, mine=0x7777, yours=0, diag=0, flags=0, mult=3, min_tx=1000000,
             min_rx=50000, length=24, version=1, tail=b"", port=3784):
        packet = struct.pack("!BBBB5I", version << 5 | diag, state << 6 | flags, mult, length, mine,
                             yours, min_tx, min_rx, 0)
        self.sock.sendto(packet + tail, (SITE, port))


BIRD = """\
router id 10.0.0.2;
log "{folder}/bird.log" all;
protocol device {{ }}
protocol bfd {{
    interface "p0" {{ min rx interval {rx} ms; min tx interval {tx} ms; multiplier {mult};
        idle tx interval 1 s; }};
    multihop {{ min rx interval {rx} ms; min tx interval {tx} ms; multiplier {mult};
        idle tx interval 1 s; }};
}}
template bgp site {{
    local as 64496;
    bfd on;
    hold time 90;
    error wait time 1, 2;
    connect delay time 1;
    connect retry time 1;
    ipv4 {{ import all; export none; }};
    ipv6 {{ import all; export none; }};
}}
protocol bgp site4 from site {{ neighbor 10.0.0.1 as 64500; }}
"""
BIRD_IP6 = "protocol bgp site6 from site { neighbor 2001:db8:ff::1 as 64500; }\n"


class Bird:
    def __init__(self, world, link, tx=50, rx=50, mult=3, ip6=False):
        harness.needs("bird", "birdc")
        self.socket = world.folder / "bird.ctl"
        path = world.file("bird.conf", BIRD.format(folder=world.folder, tx=tx, rx=rx, mult=mult) +
                          (BIRD_IP6 if ip6 else ""))
        self.process = world.start(*link.peer.command(
            "/usr/sbin/bird", "-f", "-c", path, "-s", self.socket, "-P", world.folder / "bird.pid"))
        harness.wait_for("bird", self.socket.exists)

    def ask(self, *words):
        return subprocess.run(["/usr/sbin/birdc", "-s", str(self.socket), *words],
                              capture_output=True, text=True, check=True).stdout

    def sessions(self):
        """{address: {state, interval, timeout}} of `show bfd sessions`."""
        out = {}
        for line in self.ask("show", "bfd", "sessions").splitlines():
            f = line.split()
            if len(f) >= 6 and re.match(r"[0-9a-f]+[.:]", f[0]):
                out[f[0]] = {"state": f[2], "interval_ms": round(float(f[-2]) * 1000),
                             "detection_ms": round(float(f[-1]) * 1000)}
        return out

    def state(self, address=SITE):
        return self.sessions().get(address, {}).get("state")

    def bgp_state(self, name="site4"):
        return self.ask("show", "protocols", name).split()[-1]


FRR_BFD = """\
bfd
 peer {address} {multihop}
  receive-interval {rx}
  transmit-interval {tx}
  detect-multiplier {mult}
  no shutdown
"""


class Frr:
    """bfdd (with zebra, which tells it of interfaces), its sockets in the world's folder."""

    def __init__(self, world, link, tx=50, rx=50, mult=3, address=SITE, multihop="",
                 name="frr"):
        harness.needs("vtysh")
        if not os.path.exists("/usr/lib/frr/bfdd"):
            raise harness.Skip("frr is not installed")
        self.folder = world.folder / name
        self.folder.mkdir()
        # The daemons drop to their own user, whose files these are.
        world.folder.chmod(0o711)
        empty = self.folder / "empty"
        empty.touch()
        for path in (self.folder, empty):
            shutil.chown(path, "frr", "frr")
        zebra = self.folder / "zserv.api"
        common = ["-z", zebra, "--vty_socket", self.folder,
                  "--log", f"file:{self.folder}/log", "-f", empty]
        world.start(*link.peer.command("/usr/lib/frr/zebra", *common, "-i", self.folder / "z.pid"),
                    stderr=subprocess.DEVNULL)
        harness.wait_for("zebra", (self.folder / "zebra.vty").exists)
        self.process = world.start(*link.peer.command(
            "/usr/lib/frr/bfdd", *common, "-i", self.folder / "b.pid", "--bfdctl",
            self.folder / "bfdd.sock"), stderr=subprocess.DEVNULL)
        harness.wait_for("bfdd", (self.folder / "bfdd.vty").exists)
        self.peer = f"{address} {multihop}".strip()
        self.configure(*FRR_BFD.format(address=address, multihop=multihop, tx=tx, rx=rx,
                                       mult=mult).splitlines())

    def vtysh(self, *commands):
        words = ["vtysh", "--vty_socket", str(self.folder)]
        for command in commands:
            words += ["-c", command]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def configure(self, *lines):
        self.vtysh("configure terminal", *(line.strip() for line in lines))

    def session(self):
        peers = json.loads(self.vtysh("show bfd peers json"))
        return peers[0] if peers else {}

    def state(self):
        return self.session().get("status")
