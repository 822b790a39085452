"""A running nearglass with scripted neighbours, asked over HTTP."""

import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import urllib.parse
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

import bgpspeaker as bgp
import harness

PORT = 8480
AS = 65000

CONFIG = """\
site: fra1
as: {asn}
router-id: 192.0.2.1
listen: [127.0.0.1, "::1"]
http: {{{http}}}
neighbours:
{neighbours}"""


def neighbour(name, address, asn, **keys):
    more = "".join(f", {k.replace('_', '-')}: {v}" for k, v in keys.items())
    return f"  - {{name: {name}, address: \"{address}\", as: {asn}, passive: yes{more}}}\n"


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


def listener(path):
    """A socket at which the test plays nearcastd."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.listen()
    s.settimeout(harness.WAIT_S)
    return s


class Site:
    """A nearcastd with one service, which is down while the file `switch` is there, and its upstream."""

    def __init__(self, world):
        self.switch = world.folder / "maintenance"
        self.transit = bgp.Neighbour(world, "127.0.0.2", 11791)
        self.daemon = harness.Daemon(world, DAEMON.format(switch=self.switch))
        self.session = self.transit.accept()
        self.session.establish(hold=0)


class Glass:
    def __init__(self, world, *neighbours, http="port: 8480", stderr=None):
        self.world = world
        self.path = world.file("nearglass.yaml", CONFIG.format(
            asn=AS, http=http, neighbours="".join(neighbours)))
        self.log_path = world.folder / "nearglass.log"
        with open(self.log_path, "w") as log:
            self.process = world.start(harness.BUILD / "nearglass/nearglass", "-c", self.path,
                                       stderr=stderr or log)
        harness.wait_for("HTTP", self.answers)

    def answers(self):
        assert self.process.poll() is None, self.log_path.read_text()
        try:
            return self.get("/api/v1/status")
        except OSError:
            return None

    def fetch(self, path, method="GET", host="localhost", **headers):
        """(status, headers, body)"""
        try:
            return self.ask(path, method, host, headers)
        except TimeoutError:
            raise AssertionError(f"no answer of {method} {path}:\n{self.whereabouts()}") from None

    def whereabouts(self):
        """What each thread waits for, and what lies in the sockets: for an answer that did not come."""
        lines = []
        for task in sorted(Path(f"/proc/{self.process.pid}/task").iterdir()):
            for name in "comm", "schedstat", "wchan", "syscall", "stack":
                try:
                    lines.append(f"{task.name} {name}: {(task / name).read_text().strip()}")
                except OSError as why:
                    lines.append(f"{task.name} {name}: {why.strerror}")
        sockets = Path("/proc/net/tcp").read_text().splitlines()
        return "\n".join(lines + [l for l in sockets if f":{PORT:04X} " in l] +
                         [Path("/proc/loadavg").read_text(), self.log_path.read_text()])

    @staticmethod
    def ask(path, method, host, headers):
        c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=harness.WAIT_S)
        c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if host is not None:
            c.putheader("Host", host)
        for name, value in headers.items():
            c.putheader(name, value)
        c.endheaders()
        r = c.getresponse()
        body = r.read()
        c.close()
        return r.status, r.headers, body

    def get(self, path, /, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        status, _, body = self.fetch(path)
        assert status == 200, (status, path, body)
        return json.loads(body)

    def refused(self, path, status, tag, /, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        got, headers, body = self.fetch(path)
        answer = json.loads(body)
        assert (got, answer["code"], answer["tag"]) == (status, status, tag), (path, got, answer)
        assert headers["Content-Type"] == "application/json"
        return answer["message"]

    def routes(self, **parameters):
        return self.get("/api/v1/routes", **parameters)["routes"]

    def wait_routes(self, count, **parameters):
        parameters = {"limit": 1000, **parameters}
        harness.wait_for(f"{count} routes", lambda: len(self.routes(**parameters)) == count)

    def neighbour(self, name):
        return next(n for n in self.get("/api/v1/status")["neighbours"] if n["name"] == name)


def connect(*args, **keys):
    """A session that a neighbour has opened, established: see opened()."""
    session = opened(*args, **keys)
    session.send(bgp.keepalive())
    session.expect(bgp.KEEPALIVE)
    return session


def opened(address, asn, add_path=False, hold=90, router_id="192.0.2.96", to="127.0.0.1", more=()):
    """One that still has to send its KEEPALIVE. The glass refuses a second one (RFC 4271 section
    6.8) for as long as it has not seen the first one's end: then it is tried again."""
    caps = [bgp.capability(1, b"\0\1\0\1"), bgp.capability(1, b"\0\2\0\1"), bgp.capability(2),
            bgp.capability(65, struct.pack("!I", asn)), *more]
    if add_path:
        caps.append(bgp.capability(69, b"\0\1\1\2\0\2\1\2"))  # sends, both families

    def attempt():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.bind((address, 0))
        sock.settimeout(harness.WAIT_S)
        sock.connect((to, 179))
        session = bgp.Session(sock)
        try:
            session.send(bgp.open_message(asn=asn, hold=hold, capabilities=caps, router_id=router_id))
        except ConnectionError:
            return None
        got = session.receive()
        return session if got and got[0] == bgp.OPEN else sock.close()

    return harness.wait_for(f"an OPEN to {address}", attempt)


def attributes(path, origin=0, next_hop="192.0.2.2", med=None, local_pref=None, communities=(),
               large=(), extended=()):
    out = bgp.attribute(1, bytes([origin]))
    hops = b"".join(struct.pack("!I", a) for a in path)
    out += bgp.attribute(2, bytes([2, len(path)]) + hops if path else b"")
    if next_hop:
        out += bgp.attribute(3, socket.inet_aton(next_hop))
    if med is not None:
        out += bgp.attribute(4, struct.pack("!I", med), 0x80)
    if local_pref is not None:
        out += bgp.attribute(5, struct.pack("!I", local_pref))
    if communities:
        out += bgp.attribute(8, b"".join(struct.pack("!HH", *c) for c in communities), 0xc0)
    if extended:
        out += bgp.attribute(16, b"".join(extended), 0xc0)
    if large:
        out += bgp.attribute(32, b"".join(struct.pack("!III", *c) for c in large), 0xc0)
    return out


def announce(session, prefixes, path, **keys):
    session.send(bgp.update(announce=prefixes, attributes=attributes(path, **keys)))


def announce6(session, prefixes, path, next_hop="2001:db8::2", **keys):
    reach = (b"\0\2\1\x10" + socket.inet_pton(socket.AF_INET6, next_hop) + b"\0" +
             b"".join(map(bgp.nlri, prefixes)))
    session.send(bgp.update(attributes=attributes(path, next_hop=None, **keys) +
                            bgp.attribute(14, reach, 0x80)))


def with_ids(session, routes, path, **keys):
    """routes: (identifier, prefix), of a session with ADD-PATH."""
    nlri = b"".join(struct.pack("!I", i) + bgp.nlri(p) for i, p in routes)
    attrs = attributes(path, **keys)
    session.send(bgp.message(bgp.UPDATE, struct.pack("!HH", 0, len(attrs)) + attrs + nlri))


def as_prometheus(text):
    """The older format, which promtool reads: a counter's family has the name of its sample, and an info
    is a gauge."""
    suffix = {"counter": "_total", "info": "_info"}
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))

    def head(m):
        what, family, rest = m.groups()
        rest = "gauge" if (what, rest) == ("TYPE", "info") else rest
        return f"# {what} {family}{suffix.get(types[family], '')} {rest}"

    return re.sub(r"^# (TYPE|HELP) (\S+) (.*)$", head, text, flags=re.M)


def promtool(text):
    """`promtool check metrics` of Prometheus on what /metrics says; None: it is not there."""
    program = shutil.which("promtool") or str(harness.ROOT / "tools/bin/promtool")
    if not Path(program).exists():
        return None
    return subprocess.run([program, "check", "metrics"], input=as_prometheus(text), capture_output=True,
                          text=True, timeout=harness.WAIT_S, check=False)
