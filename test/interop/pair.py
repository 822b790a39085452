"""A nearcastd and one neighbour, each in a network namespace of its own:

    this case's namespace                     the neighbour's (network, mount and pid)
    +---------------------+                   +-----------------------+
    | nearcastd           | up0 ------- site0 | bird, frr, gobgp, ... |
    |   203.0.113.11      |                   |   203.0.113.1         |
    |   2001:db8:1::11    |                   |   2001:db8:1::1       |
    +---------------------+                   +-----------------------+

The neighbour's mount namespace has /run of its own, so that each program finds the paths it was
built with; the pid namespace makes sure that all of its processes end with it.
"""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import harness

SITE_AS, OTHER_AS = 64500, 64496
SITE = {4: "203.0.113.11", 6: "2001:db8:1::11"}
OTHER = {4: "203.0.113.1", 6: "2001:db8:1::1"}
RANGE = {4: "203.0.113.0/29", 6: "2001:db8:1::/64"}
LENGTH = {4: 24, 6: 64}
ROUTER_ID = "203.0.113.1"
PREFIX = {4: "198.51.100.0/24", 6: "2001:db8:53::/48"}
PASSWORD = "correct-horse"


@dataclass
class Setup:
    """What one case asks of both sides."""

    family: int = 4                 # of the addresses of the session: 4 or 6
    internal: bool = False          # iBGP
    opener: str = "nearcastd"       # who opens the connection: nearcastd or neighbour
    password: str = None            # the neighbour's
    site_password: str = None       # nearcastd's
    ranged: bool = False            # nearcastd knows the neighbour by a range that holds its address
    ttl_security: bool = False      # GTSM at the neighbour
    site_ttl_security: bool = False # and at nearcastd
    routes: int = 0                 # that the neighbour announces besides its own few
    up: str = "communities: []"     # what routes carry, as nearcast.yaml has it
    more: str = ""                  # further keys of the upstream in nearcast.yaml
    features: set = field(default_factory=set)  # what else the neighbour turns on, by feature

    @property
    def prefixes(self):
        return [f"10.{i >> 8}.{i & 255}.0/24" for i in range(self.routes)]

    @property
    def asn(self):
        return SITE_AS if self.internal else OTHER_AS


CONFIG = """\
site: {{name: fra1}}
node: {{name: fra1-a, id: 11, address: [203.0.113.11, "2001:db8:1::11"]}}
as: 64500
router-id: 203.0.113.11
stop-drain: 0s
stop-grace: 0s
services:
  - name: dns
    prefixes: [198.51.100.0/24, "2001:db8:53::/48"]
    addresses: [198.51.100.53, "2001:db8:53::53"]
    manage-addresses: no
    checks:
      - {{kind: file, path: {path}, interval: 100ms, timeout: 100ms, fall: 1, rise: 1}}
    announce:
      up: {{{up}}}
upstreams:
  - {{name: other, {known}, as: {asn}, hold-time: 9s, connect-retry: 200ms{more}}}
"""


def site_config(world, setup):
    """nearcast.yaml of a setup; the service is up while the file `up` is there."""
    (world.folder / "up").touch()
    more = setup.more
    if setup.opener == "neighbour":
        more += ", passive: yes"
    if setup.site_ttl_security:
        more += ", ttl-security: 1"
    if setup.site_password:
        key = world.file("site.key", setup.site_password + "\n")
        key.chmod(0o600)
        more += f", password-file: {key}"
    known = f'range: "{RANGE[setup.family]}"' if setup.ranged else f'address: "{OTHER[setup.family]}"'
    return CONFIG.format(path=world.folder / "up", up=setup.up, known=known, asn=setup.asn, more=more)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def output(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


class Place:
    """The neighbour's side of the link."""

    def __init__(self, world):
        self.world = world
        holder = world.start("unshare", "--net", "--mount", "--pid", "--fork",
                             "--kill-child=SIGKILL", "--mount-proc",
                             "sh", "-c", "mount -t tmpfs run /run && exec sleep infinity")
        self.pid = harness.wait_for("the neighbour's namespaces", lambda: self.ready(holder.pid))
        ip("link", "add", "up0", "type", "veth", "peer", "name", "site0", "netns", str(self.pid))
        self.run("ip", "link", "set", "lo", "up")
        self.address("up0", SITE, lambda *words: ip(*words))
        self.address("site0", OTHER, lambda *words: self.run("ip", *words))
        # A new link drops what is sent before both ends have noticed each other.
        harness.wait_for("the link", lambda: "state UP" in self.run("ip", "link", "show", "site0"))
        harness.wait_for("the link", lambda: "state UP" in output("ip", "link", "show", "up0"))

    @staticmethod
    def address(device, addresses, do):
        for family, address in addresses.items():
            nodad = ["nodad"] if family == 6 else []
            do("address", "add", f"{address}/{LENGTH[family]}", "dev", device, *nodad)
        do("link", "set", device, "up")

    @staticmethod
    def ready(holder):
        """The pid of the process that keeps the namespaces, once it has mounted its /run."""
        children = Path(f"/proc/{holder}/task/{holder}/children").read_text().split()
        if not children:
            return None
        name = Path(f"/proc/{children[0]}/comm").read_text().strip()
        return int(children[0]) if name == "sleep" else None

    def inside(self, command):
        return ["nsenter", "-t", str(self.pid), "--net", "--mount", "--pid", "--",
                *map(str, command)]

    def start(self, *command, **kwargs):
        return self.world.start(*self.inside(command), **kwargs)

    def run(self, *command, check=True, **kwargs):
        """Its output, both kinds; a command that hangs is ended by a signal, and so fails."""
        return subprocess.run(self.inside(["timeout", "10", *command]), check=check, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs).stdout

    def counter(self, name):
        """A TCP counter of the neighbour's namespace."""
        return tcp_counter(self.run("cat", "/proc/net/netstat"), name)

    def signal(self, process, number):
        """To a program that start() began: the child of its nsenter."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), number)

    def kill(self, process):
        self.signal(process, signal.SIGKILL)
        process.wait()

    def stop(self, process):
        self.signal(process, signal.SIGSTOP)


def tcp_counter(netstat, name):
    """One of the TCP counters in /proc/net/netstat: a line of names, then a line of values."""
    names, values = (line.split() for line in netstat.splitlines() if line.startswith("TcpExt:"))
    return int(values[names.index(name)])


def site_counter(name):
    """A TCP counter of nearcastd's namespace."""
    return tcp_counter(Path("/proc/thread-self/net/netstat").read_text(), name)
