"""What happens beside the sessions of a soak, kept for the last minutes, so that a slow answer has its cause beside
it: counters of the keepers and of the kernels, and what the machine had to do.
"""

import json
import threading
import time
from collections import deque
from pathlib import Path

KEEP_S, EVERY_S, EVENTS_TOLD = 180, 0.5, 12
KERNEL = {  # of /proc/net/snmp and netstat: what is worth a word about a stall
    "Tcp": ("RetransSegs", "OutRsts", "InErrs", "AttemptFails", "EstabResets"),
    "TcpExt": ("TCPTimeouts", "PAWSEstab", "PAWSActive", "TSEcrRejected", "ListenDrops", "TCPBacklogDrop",
               "TCPRcvQDrop", "TCPACKSkippedPAWS", "TCPACKSkippedSeq", "TCPChallengeACK", "SyncookiesSent",
               "SyncookiesFailed", "TCPSpuriousRTOs"),
    "Ip": ("InDiscards", "OutDiscards", "OutNoRoutes", "InAddrErrors"),
    "Udp": ("NoPorts", "InErrors"),
}


def pairs_of(path):
    """The files of /proc/net that have a line of names and a line of values for each protocol."""
    lines = Path(path).read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        proto, *names = names.split()
        yield proto.rstrip(":"), dict(zip(names, map(int, values.split()[1:])))


def kernel(pid):
    """Of the network namespace of that process."""
    found = {}
    for file in ("snmp", "netstat"):
        for proto, values in pairs_of(f"/proc/{pid}/net/{file}"):
            found |= {f"{proto}{n}": values[n] for n in KERNEL.get(proto, ()) if n in values}
    for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]:
        name, values = line.split(":")
        values = list(map(int, values.split()))
        found |= {f"{name.strip()} rx dropped": values[3], f"{name.strip()} tx dropped": values[11]}
    return found


def machine():
    pressure = Path("/proc/pressure/cpu").read_text().split("total=")[1].split()[0]
    cpu = list(map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:]))
    return {"load": float(Path("/proc/loadavg").read_text().split()[0]), "waited_us": int(pressure),
            "steal": cpu[7]}


class Watch(threading.Thread):
    def __init__(self, sites):
        super().__init__(daemon=True)
        self.sites, self.over = sites, threading.Event()
        self.looked = 0
        self.samples, self.events = deque(maxlen=int(KEEP_S / EVERY_S)), deque(maxlen=500)

    def note(self, text):
        """What the bench does to the network, at the time when it does it."""
        self.events.append((time.monotonic(), text))

    def sample(self):
        s = {"at": time.monotonic(), "machine": machine(), "r": kernel(self.sites.router.pid),
             "k": kernel(self.sites.clients.pid)}
        for node in self.sites.nodes.values():
            s[f"n{node.id}"] = kernel(node.ns.pid)
            try:
                flows = node.flows()
                s[f"n{node.id} keeper"] = flows["counters"]
                s[f"n{node.id} alive"] = {n["id"]: int(n["alive"]) for n in flows["nodes"]}
            except (OSError, ValueError, KeyError):
                pass  # nearcastd is being restarted
        return s

    def look(self):
        """Sockets of a session that waits, at all places."""
        ports = self.sites.notes.read_text().split() if self.sites.notes.exists() else []
        for port in ports[self.looked:self.looked + 5]:
            for who, ns in [("k", self.sites.clients)] + [(f"n{n.id}", n.ns) for n in self.sites.nodes.values()]:
                found = ns.run("ss", "-tainOH", f"( sport = :{port} or dport = :{port} )").stdout.split("\n")
                for line in filter(None, found):
                    self.note(f"port {port} at {who}: " + " ".join(line.split()[:45]))
        self.looked = len(ports)

    def run(self):
        while not self.over.wait(EVERY_S):
            self.samples.append(self.sample())
            self.look()

    # ---- Afterwards ----

    def around(self, begin, end):
        """The last sample before and the first behind."""
        all_ = list(self.samples)
        before = [s for s in all_ if s["at"] <= begin]
        after = [s for s in all_ if s["at"] >= end]
        return (before[-1] if before else all_[0] if all_ else None,
                after[0] if after else all_[-1] if all_ else None)

    def notes(self, port, begin, end):
        for node in self.sites.nodes.values():
            for family in (4, 6):
                path = node.notes(family)
                for line in path.read_text().splitlines() if path.exists() else ():
                    n = json.loads(line)
                    if begin - 0.5 <= n["at"] <= end + 0.5 and n.get("port") in (None, port):
                        yield f"n{node.id}", n

    def cause(self, slow):
        servers = list(self.notes(slow["port"], slow["begin"], slow["end"]))
        late, tcp = max([slow["late_ms"]] + [n.get("late_ms", 0) for _, n in servers]), slow["tcp"]
        # Without a look at the socket the answer was there before the client's loop came to look.
        if late > (slow["end"] - slow["begin"]) * 1e3 / 2 or tcp is None and late:
            return "the machine: a process did not run"
        if tcp and (tcp.get("retransmits") or tcp.get("unacked")) or any("tcp" in n for _, n in servers):
            return "packets were lost and sent again"
        return "not seen"

    @staticmethod
    def title(slow):
        return f"slow: {slow['who']}, port {slow['port']}, {round((slow['end'] - slow['begin']) * 1e3)} ms"

    def explain(self, slow):
        """Lines about a slow answer, as sessions.py tells of it; the last names the likely cause."""
        begin, end = slow["begin"], slow["end"]
        yield self.title(slow)
        events = [(at, text) for at, text in list(self.events) if begin - 3 <= at <= end and
                  (not text.startswith("port") or f"port {slow['port']} " in text)]
        for at, text in events[-EVENTS_TOLD:]:
            yield f"  {at - begin:+.2f} s: {text}"
        yield (f"  client: {slow['tcp']}, {slow['retransmitted']} segments sent again in all, "
               f"loop late {slow['late_ms']} ms")
        late = {}
        for node, n in self.notes(slow["port"], begin, end):
            if "tcp" in n:
                yield f"  {n['at'] - begin:+.2f} s: {node}: {n['tcp']}"
            else:
                late[node] = max(late.get(node, 0), n["late_ms"])
        if late:
            yield "  servers, loop late at most: " + ", ".join(f"{node} {ms} ms" for node, ms in sorted(late.items()))
        before, after = self.around(begin, end)
        if before and after:
            yield from self.deltas(before, after)
        yield f"  cause: {self.cause(slow)}"

    @staticmethod
    def deltas(before, after):
        span = after["at"] - before["at"]
        waited = (after["machine"]["waited_us"] - before["machine"]["waited_us"]) / 1e6
        yield (f"  machine: load {after['machine']['load']}, some process waited for a CPU {waited:.1f} of {span:.1f} s, "
               f"{after['machine']['steal'] - before['machine']['steal']} ticks stolen")
        for who in sorted(set(before) & set(after) - {"at", "machine"}):
            changes = {n: v - before[who].get(n, 0) for n, v in after[who].items() if v != before[who].get(n, 0)}
            if changes:
                yield f"  {who}: " + ", ".join(f"{n} {v:+d}" for n, v in changes.items())
