"""Sites, a router that can send packets to whichever of them it likes, and clients.

    clients k ---- r ---- a1 (node 11)      10.0.9.2 / 2001:db8:9::2     10.0.11.2 / 2001:db8:11::2
                   +----- b1 (node 12)                                    10.0.12.2 ...
                   +----- c1 (node 13)

The service is 198.51.100.53 and 2001:db8:53::53, port 80, at each of them. Every node runs the real nearcastd
with a keeper; they hear of each other as a fleet. The router's table says who gets the packets.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import harness  # noqa: E402

SERVICE = {4: "198.51.100.53", 6: "2001:db8:53::53"}
PREFIX = {4: "198.51.100.0/24", 6: "2001:db8:53::/48"}
HERE = Path(__file__).resolve().parent

CONFIG = """\
site: {{name: s{id}}}
node: {{name: n{id}, id: {id}, address: [{addresses}]}}
as: 64500
router-id: 10.0.{id}.2
listen-port: {listen}
stop-grace: 0s
stop-drain: 0s
services:
  - name: web
    prefixes: [{prefixes}]
    addresses: [{services}]
    {managed}
{guard}    drain: {{soft: 200ms, hard: 60s}}
    hold-down: {{first: 0s}}
    checks: [{{kind: file, path: {folder}, interval: 1s}}]
upstreams: []
fleet:
{fleet}
{keeper}
"""

KEEPER = """\
keeper:
  interfaces: eth0
  secret-file: {secret}
  pin: /sys/fs/bpf/nearcast
"""

PEER = ("  - {{name: n{id}, address: 10.0.{id}.2, port: 1179, connect-retry: 100ms, hold-time: 3s}}\n")


def quoted(words):
    return ", ".join(f'"{word}"' for word in words)


class Namespace:
    """A network and mount namespace with a BPF file system of its own; ends with the world."""

    def __init__(self, world, name):
        self.name = name
        self.holder = world.start("unshare", "-n", "-m", "--propagation", "private", "sh", "-c",
                                  "mount -t bpf bpf /sys/fs/bpf && echo ready && exec cat",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"
        self.pid = self.holder.pid
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *words):
        return ["nsenter", "-t", str(self.pid), "-n", "-m", *map(str, words)]

    def run(self, *words, **kwargs):
        kwargs = {"check": True, "capture_output": True, "text": True, **kwargs}
        return subprocess.run(self.command(*words), **kwargs)

    def script(self, text):
        """Lines of ip(8) or sysctl(8) in one go."""
        subprocess.run(self.command("sh", "-e", "-c", text), check=True, capture_output=True)

    def set(self, *settings):
        self.script("\n".join(f"echo {value} >/proc/sys/net/{key}" for key, value in settings))


class Node:
    def __init__(self, world, sites, number, ns):
        self.world, self.sites, self.id, self.ns = world, sites, number, ns
        self.control = world.folder / f"n{number}.control"
        self.path = world.folder / f"n{number}.yaml"
        self.log = world.folder / f"n{number}.log"
        self.daemon = self.server = None
        self.servers = []

    def config(self, keeper=True, ids=()):
        secret = self.world.folder / "secret"
        more = "".join(f"  {key}: {value}\n" for key, value in self.sites.settings.items())
        fleet = "".join(PEER.format(id=i) for i in ids if i != self.id)
        families = (4,) if self.id in self.sites.only4 else (4, 6)
        return CONFIG.format(
            id=self.id, listen=1179, folder=self.world.folder, fleet=fleet or "  []",
            managed="interface: svc0" if self.sites.managed else "manage-addresses: no",
            addresses=quoted([f"10.0.{self.id}.2", f"2001:db8:{self.id}::2"][:len(families)]),
            prefixes=quoted(PREFIX[f] for f in families), services=quoted(SERVICE[f] for f in families),
            guard="    min-sites: 0\n" if fleet else "",
            keeper=KEEPER.format(secret=secret) + more if keeper else "",
        ) + f"control: {self.control}\nreadonly: {self.control}.ro\n"

    def start_daemon(self, keeper=True, ids=()):
        self.path.write_text(self.config(keeper, ids))
        with open(self.log, "a") as log:
            self.daemon = self.world.start(
                *self.ns.command(harness.BUILD / "nearcastd/nearcastd", "-c", self.path), stderr=log)

    def wait(self):
        harness.wait_for("the control socket", self.answers, 60)

    def answers(self):
        assert self.daemon.poll() is None, self.log.read_text()
        try:
            return self.ask("status")
        except OSError:
            return None

    def ask(self, cmd, **fields):
        import socket
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(str(self.control))
            s.sendall(json.dumps({"cmd": cmd, **fields}).encode() + b"\n")
            reply = json.loads(s.makefile().readline())
            return reply["result"] if "result" in reply else reply

    def flows(self):
        return self.ask("show", what="flows")["flows"]

    def counters(self):
        return self.flows()["counters"]

    def knows(self, ids):
        nodes = {n["id"]: n["alive"] for n in self.flows()["nodes"]}
        return all(nodes.get(i) for i in ids if i != self.id)

    def start_servers(self):
        for family in (4, 6):
            server = self.world.start(
                *self.ns.command(sys.executable, HERE / "sessions.py", "server", f"n{self.id}",
                                 SERVICE[family], 80, self.notes(family)), stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)
            assert server.stdout.readline() == b"ready\n"
            self.servers.append(server)

    def notes(self, family):
        """What the server saw of stalls, a JSON object a line (sessions.py)."""
        return self.world.folder / f"n{self.id}.{family}.notes"

    def reload(self, ids):
        """Of what the settings say now; returns once it is done."""
        seq = self.ask("events", after=0)["events"][-1]["seq"]
        self.path.write_text(self.config(True, ids))
        self.daemon.send_signal(signal.SIGHUP)
        harness.wait_for("the reload", lambda: self.reloaded(seq))

    def reloaded(self, seq):
        try:
            return any(e["type"] == "reloaded" for e in self.ask("events", after=seq)["events"])
        except ValueError:
            return False  # the answer was cut off by the reload (control.h)

    def stop(self):
        self.daemon.terminate()
        assert self.daemon.wait(30) == 0, self.log.read_text()

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()


class Sites:
    """ids: the nodes; keeper: or else none has one; wires: delay one way in ms and loss in percent, by
    node, and 9 for the clients; odd: nodes whose interface takes no native XDP, and why (see refuse_native); managed:
    nearcastd puts the addresses of services on and takes them off; only4: nodes that serve IPv4 alone, and have no
    other address; settings: further keys of the section keeper."""

    def __init__(self, world, ids=(11, 12), keeper=True, wires=(), odd=(), managed=False, only4=(),
                 **settings):
        self.world, self.ids, self.wires, self.odd, self.managed = world, ids, dict(wires), dict(odd), managed
        self.only4 = only4
        self.notes = world.folder / "clients.notes"  # ports of sessions that wait
        self.settings = {key.replace("_", "-"): value for key, value in settings.items()}
        secret = world.file("secret", os.urandom(24).hex() + "\n")
        secret.chmod(0o600)
        self.router = Namespace(world, "r")
        self.clients = Namespace(world, "k")
        self.nodes = {i: Node(world, self, i, Namespace(world, f"n{i}")) for i in ids}
        self.router.set(("ipv4/ip_forward", 1), ("ipv6/conf/all/forwarding", 1),
                        ("ipv4/conf/all/rp_filter", 0), ("ipv4/conf/default/rp_filter", 0))
        self.join(self.clients, 9)
        for i, node in self.nodes.items():
            node.ns.set(("ipv4/conf/all/rp_filter", 0), ("ipv4/conf/default/rp_filter", 0))
            self.join(node.ns, i)
            if managed:
                node.ns.set(("ipv4/ip_nonlocal_bind", 1), ("ipv6/ip_nonlocal_bind", 1))
                node.ns.script("ip link add svc0 type bridge; ip link set svc0 up")
                continue
            node.ns.script(f"ip address add {SERVICE[4]}/32 dev lo; "
                           f"ip -6 address add {SERVICE[6]}/128 dev lo nodad")
        for node in self.nodes.values():
            node.start_daemon(keeper, ids)
            node.start_servers()
        for node in self.nodes.values():
            node.wait()
        if keeper:
            for node in self.nodes.values():
                harness.wait_for(f"n{node.id} knows the others", lambda n=node: n.knows(ids), 30)
                assert all(i["attached"] for i in node.flows()["interfaces"]), node.flows()
        self.to(ids[0])

    def join(self, ns, i):
        """A veth pair. No checksums are left to the other end: XDP sees packets as a wire has them;
        and the router's end polls, without which XDP_TX has nowhere to go (pass.bpf.c)."""
        if i in self.wires:
            self.wire(ns, i, *self.wires[i])
        else:
            self.router.run("ip", "link", "add", f"v{i}", "type", "veth", "peer", "name", "eth0",
                            "netns", ns.pid)
            self.router.script(
                f"ethtool -K v{i} tx off gro off\n"
                f"ip link set v{i} xdp obj {harness.BUILD}/test/flow/pass.bpf.o sec xdp")
        self.router.script(
            f"ip address add 10.0.{i}.1/24 dev v{i}\n"
            f"ip -6 address add 2001:db8:{i}::1/64 dev v{i} nodad\nip link set v{i} up")
        ns.script(f"ip address add 10.0.{i}.2/24 dev eth0\n"
                  f"ip -6 address add 2001:db8:{i}::2/64 dev eth0 nodad\nip link set eth0 up\n"
                  f"ip route add default via 10.0.{i}.1\nip -6 route add default via 2001:db8:{i}::1\n"
                  "ethtool -K eth0 tx off gro off")
        if i in self.odd:
            self.refuse_native(ns, i, self.odd[i])

    def refuse_native(self, ns, i, why):
        """The driver knows nothing of XDP (macvlan), or refuses it since frames may be too large for it."""
        if why == "frames":
            self.router.script(f"ip link set v{i} mtu 9000")
            return
        ns.script(f"ip link set eth0 down\nip link set eth0 name below\nip link set below up\n"
                  f"ip link add link below name eth0 type {why} mode bridge\n"
                  "ip address flush dev below\nip link set eth0 up\nethtool -K below tx off gro off\n"
                  f"ip address add 10.0.{i}.2/24 dev eth0\n"
                  f"ip -6 address add 2001:db8:{i}::2/64 dev eth0 nodad\n"
                  f"ip route add default via 10.0.{i}.1\nip -6 route add default via 2001:db8:{i}::1")

    def wire(self, ns, i, delay_ms, loss):
        line = self.world.start(
            harness.BUILD / "test/flow/flow_delay", f"/proc/{self.router.pid}/ns/net", f"v{i}",
            f"/proc/{ns.pid}/ns/net", "eth0", delay_ms, loss, stdout=subprocess.PIPE)
        assert line.stdout.readline() == b"ready\n"

    def to(self, i):
        """All clients to that node."""
        self.router.script(f"ip route replace {SERVICE[4]}/32 via 10.0.{i}.2\n"
                           f"ip -6 route replace {SERVICE[6]}/128 via 2001:db8:{i}::2")

    def spray(self, a, b):
        """Packet by packet, at random."""
        self.router.script(f"""
            for family in -4 -6; do ip $family rule add fwmark 1 table 101; done
            ip route add {SERVICE[4]}/32 via 10.0.{b}.2 table 101
            ip -6 route add {SERVICE[6]}/128 via 2001:db8:{b}::2 table 101
            nft 'add table inet spray; add chain inet spray pre {{ type filter hook prerouting priority mangle; }};
                 add rule inet spray pre iifname "v9" meta mark set numgen random mod 2'""")
        self.to(a)

    def ecmp(self, ids):
        """The kernel's own multipath: by flow, and anew when the set changes."""
        hops4 = " ".join(f"nexthop via 10.0.{i}.2" for i in ids)
        hops6 = " ".join(f"nexthop via 2001:db8:{i}::2" for i in ids)
        self.router.set(("ipv4/fib_multipath_hash_policy", 1), ("ipv6/fib_multipath_hash_policy", 1))
        self.router.script(f"ip route replace {SERVICE[4]}/32 {hops4}\n"
                           f"ip -6 route replace {SERVICE[6]}/128 {hops6}")

    def flood(self, seconds, node):
        """Starts it; returns the process, which prints how many it sent."""
        mac = json.loads(self.router.run("ip", "-j", "link", "show", "v9").stdout)[0]["address"]
        return self.world.start(
            *self.clients.command(sys.executable, HERE / "flood.py", "eth0", mac, SERVICE[4], 80, seconds,
                                  node), stdout=subprocess.PIPE, text=True)

    def cut(self, i):
        self.router.script(f"ip link set v{i} down")

    def sessions(self, family=4, seconds=3, idle=20, chatty=40, downloads=1, uploads=1, megabytes=40):
        """Starts the sessions; returns once they stand."""
        client = self.world.start(
            *self.clients.command(sys.executable, HERE / "sessions.py", "client", SERVICE[family], 80,
                                  seconds, idle, chatty, downloads, uploads, megabytes, self.notes),
            stdout=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "open\n"
        return client

    @staticmethod
    def result(client, seconds=120):
        out, _ = client.communicate(timeout=seconds)
        return json.loads(out)

    def count(self, name):
        return sum(n.counters()[name] for n in self.nodes.values() if n.daemon.poll() is None)
