#!/usr/bin/python3
"""Answers larger than a turn of the loop: whole and in order whoever else asks, small in memory
whoever does not read, ended by a reload; and the parts of a fleet that are asked for."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import fleet_site as fleet
import harness
import site_config as site

PREFIXES = [f"10.{i // 256}.{i % 256}.0/24" for i in range(4000)]
QUIET = ("a", "b", "c", "d")


def large(world):
    """A daemon whose status has some 3 MB, and the session with one of its upstreams."""
    neighbour = bgp.Neighbour(world, "127.0.0.2")
    names = [site.upstream(f"quiet-{n}", f"127.0.0.{10 + i}", retry="60s")
             for i, n in enumerate(QUIET)]
    text = site.config(world, site.upstream("a", "127.0.0.2", hold="3s"), *names)
    text = text.replace("198.51.100.0/24, ", f"198.51.100.0/24, {', '.join(PREFIXES)}, ", 1)
    daemon = harness.Daemon(world, text)
    session = neighbour.accept()
    session.establish()
    return daemon, session, text


class Client:
    def __init__(self, path, receive_bytes=None):
        self.sock = socket.socket(socket.AF_UNIX)
        if receive_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.connect(str(path))
        self.sock.settimeout(harness.WAIT_S)
        self.lines = self.sock.makefile("rb")

    def send(self, *requests):
        self.sock.sendall(b"".join(json.dumps(r).encode() + b"\n" for r in requests))

    def line(self):
        return self.lines.readline()

    def reply(self):
        return json.loads(self.line())["result"]


def resident_mb(daemon):
    text = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+)", text, re.M)[1]) / 1024


def check_status(status):
    """Whole: every prefix once, in the configuration's order, at every upstream."""
    got = status["services"][0]["prefixes"]
    assert [p["prefix"] for p in got] == ["198.51.100.0/24", *PREFIXES, "2001:db8:53::/48"]
    assert all(len(p["upstreams"]) == 1 + len(QUIET) for p in got)
    assert [u["name"] for u in status["upstreams"]] == ["a"] + [f"quiet-{n}" for n in QUIET]


def test_who_does_not_read(world):
    daemon, session, _ = large(world)
    whole = Client(daemon.readonly)
    whole.send({"cmd": "status"})
    octets = len(whole.line())
    assert octets > 2_500_000, octets  # else this test shows nothing
    before = resident_mb(daemon)
    sleepers = [Client(daemon.readonly) for _ in range(50)]
    for s in sleepers:
        s.send({"cmd": "status"}, {"cmd": "show", "what": "services"})
    begin, last, longest = time.monotonic(), None, 0
    while time.monotonic() - begin < 4:  # beyond the hold time
        session.send(bgp.keepalive())
        asked = time.monotonic()
        last = daemon.ask("why", prefix="198.51.100.0/24")["result"]
        longest = max(longest, time.monotonic() - asked)
        time.sleep(0.1)
    more = resident_mb(daemon) - before
    assert more < 12 or harness.is_sanitized("nearcastd/nearcastd"), f"{more:.1f} MB more for 50 readers of {octets} octets"
    assert last["announce"] == "announced"
    status = daemon.status()
    assert status["upstreams"][0]["established"] == 1, status["upstreams"][0]
    check_status(status)
    for s in sleepers[:3]:  # and what they would have read is whole all the same
        check_status(s.reply())
        assert len(s.reply()["services"][0]["prefixes"]) == len(PREFIXES) + 2
    print(f"# longest answer to another: {longest * 1000:.0f} ms; {more:.1f} MB more")


def test_one_after_the_other(world):
    daemon, _, _ = large(world)
    c = Client(daemon.control, 4096)
    c.send({"cmd": "status"}, {"cmd": "why", "prefix": "198.51.100.0/24"}, {"cmd": "nonsense"},
           {"cmd": "show", "what": "checks"}, {"cmd": "status"})
    check_status(c.reply())
    assert c.reply()["prefix"] == "198.51.100.0/24"
    assert json.loads(c.line())["error"]["code"] == "bad-request"
    assert [x["kind"] for x in c.reply()["checks"]] == ["file"]
    check_status(c.reply())


def test_events_do_not_divide_an_answer(world):
    daemon, _, _ = large(world)
    c = Client(daemon.control, 4096)
    c.send({"cmd": "subscribe"})
    assert c.reply() == {}
    c.send({"cmd": "status"})
    first = c.sock.recv(1)  # it has begun, and waits for its reader
    assert daemon.ask("off", service="dns")["ok"] and daemon.ask("on", service="dns")["ok"]
    check_status(json.loads(first + c.line())["result"])
    types = []
    while types.count("admin_changed") < 2:
        types.append(json.loads(c.line())["type"])
    seen = [e["type"] for e in daemon.events() if e["type"] == "admin_changed"]
    assert len(seen) == 2


def is_dropped(client):
    poll = select.poll()
    poll.register(client.sock, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def test_dropped_while_it_asks(world):
    """A subscriber that does not read is dropped by the events of its own request."""
    daemon = harness.Daemon(world, site.config(world, site.upstream("a", "127.0.0.2", retry="60s")))

    def sleeper():
        c = Client(daemon.control, 4096)
        c.send({"cmd": "subscribe"})
        assert c.reply() == {}
        return c

    def step(number, length=30_000):
        return {"cmd": ("off", "on")[number % 2], "service": "dns", "reason": length * "x"}

    c = sleeper()
    steps = 0
    while not is_dropped(c):  # as many as it takes
        daemon.ask(**step(steps))
        steps += 1
    assert 100 < steps < 300, steps
    steps += steps % 2  # both begin where the service is on
    for more in range(steps - 4, steps):
        daemon.ask("on", service="dns")
        c = sleeper()
        for number in range(more):
            daemon.ask(**step(number))
        if is_dropped(c):
            break
        c.send(step(more, 60_000))
        try:
            harness.wait_for("the end of it", lambda: is_dropped(c), 1)
        except AssertionError:
            continue
        assert daemon.ask("on", service="dns")["ok"]
        break
    assert is_dropped(c)
    assert daemon.ask("status")["ok"] and daemon.alive(), daemon.log()[-2000:]


def test_past_events_come_first(world):
    daemon, _, _ = large(world)
    for _ in range(100):
        daemon.ask("off", service="dns")
        daemon.ask("on", service="dns")
    kept = [e["seq"] for e in daemon.events()]
    c = Client(daemon.readonly, 4096)
    c.send({"cmd": "subscribe", "after": 0})
    assert c.reply() == {}
    daemon.ask("off", service="dns")
    seqs = []
    while len(seqs) < len(kept) + 1:
        seqs.append(json.loads(c.line())["seq"])
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "none twice, none left out"


def test_reload_ends_an_answer(world):
    daemon, _, text = large(world)
    c = Client(daemon.readonly, 4096)
    c.send({"cmd": "status"})
    begun = c.sock.recv(100)
    assert begun.startswith(b'{"ok":true,"result":{"site":"fra1"'), begun
    assert daemon.reload(text.replace("name: fra1}", "name: fra1, city: Frankfurt}"))["ok"]
    rest = c.lines.read()
    assert not rest.endswith(b"\n"), "cut off, and to be seen as such"
    check_status(daemon.status())


def test_reload_before_an_answer_began(world):
    """Nothing of it was written: it is of the configuration after the reload."""
    daemon = harness.Daemon(world, site.config(world))
    asks, reloads = Client(daemon.readonly), Client(daemon.control)
    for c in (asks, reloads):
        c.send({"cmd": "config"})
        assert "fra1" in c.reply()["text"]
    daemon.path.write_text(daemon.path.read_text().replace("fra1", "ams1"))
    daemon.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED)
    asks.send({"cmd": "status"})
    reloads.send({"cmd": "reload"})  # in the same turn of the loop
    daemon.process.send_signal(signal.SIGCONT)
    assert reloads.reply() == {}
    assert asks.reply()["site"] == "ams1"


def test_the_tool_asks_again(world):
    """What a reload cut off once comes whole."""
    daemon, _, _ = large(world)
    path = world.folder / "between"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    tool = world.start(harness.BUILD / "nearcast/nearcast", "-s", path, "status",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for cut in (True, False):
        client, _ = listener.accept()
        request = client.recv(1000)
        assert json.loads(request) == {"cmd": "status", "rows": False}
        d = Client(daemon.readonly)
        d.sock.sendall(request)
        answer = d.line()
        client.sendall(answer[:100000] if cut else answer)
        client.close()
    out, err = tool.communicate(timeout=harness.WAIT_S)
    assert tool.returncode == 0 and b"fra1: dns is" in out, (out[:200], err)
    tool = world.start(harness.BUILD / "nearcast/nearcast", "-s", path, "status",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(3):
        client, _ = listener.accept()
        client.recv(1000)
        client.sendall(answer[:100000])
        client.close()
    out, err = tool.communicate(timeout=harness.WAIT_S)
    assert tool.returncode == 3 and b"it closed the connection" in err, (out, err)


# ---- Parts of a fleet ----

def ask_fleet(node, **fields):
    return node.daemon.ask("show", what="fleet", **fields)["result"]


def test_fleet_in_parts(world):
    speaker = fleet.Speaker(world)
    more = ("guard-wait: 200ms\n  - {name: web, prefixes: 203.0.113.0/24, addresses: 203.0.113.1, "
            "manage-addresses: no}\n  - name: last\n    prefixes: 192.0.2.0/24\n    addresses: 192.0.2.1"
            "\n    manage-addresses: no")
    node = fleet.Node(world, 11, [fleet.peer(250, 11, name="rr")], service=more)
    speaker.join()
    for n in range(12, 32):
        speaker.say(n)
        speaker.say(n, fleet.state(n, f"s{n // 4}"), prefix="203.0.113.0/24", path=n + 1000)
    speaker.say(32, fleet.state(32, **fleet.SOFT))
    speaker.end_of_rib()
    harness.wait_for("all", lambda: len(node.daemon.status()["fleet"]) >= 21 + 20 + 3)

    status = node.daemon.ask("status", rows=False)["result"]
    assert "fleet" not in status and "fleet_services" in status
    dns, web, last = status["fleet_services"]
    assert (dns["service"], web["service"], last["service"]) == ("dns", "web", "last")
    assert (dns["nodes"], dns["lost"], last["nodes"]) == (22, 0, 1), status["fleet_services"]
    assert dns["health"] == {"starting": 0, "up": 21, "degraded": 0, "down": 1}
    assert dns["announce"] == {"withdrawn": 1, "demoted": 0, "announced": 21}
    full = node.daemon.status()
    assert full["fleet_services"] == status["fleet_services"]
    for row in full["fleet_services"]:
        rows = [r for r in full["fleet"] if r["service"] == row["service"]]
        assert row["nodes"] == len(rows) and row["sites"] == len({r["site"] for r in rows})

    part = ask_fleet(node, service="web")
    assert {r["service"] for r in part["fleet"]} == {"web"} and len(part["fleet"]) == 21
    assert [s["name"] for s in part["services"]] == ["web"] and part["services"][0]["whole"]
    assert not node.daemon.ask("show", what="fleet", service="wbe")["ok"]

    known = max(s["generation"] for s in ask_fleet(node)["services"])
    nothing = ask_fleet(node, since=known)
    assert all(r["own"] for r in nothing["fleet"]) and len(nothing["fleet"]) == 3
    assert not any(s["whole"] for s in nothing["services"])
    speaker.say(20, fleet.state(20, SERIAL=2, LOAD=7))
    speaker.unsay(21)
    rows = lambda: {r["node"]: r for r in ask_fleet(node, since=known, service="dns")["fleet"]
                    if not r["own"]}
    harness.wait_for("two rows", lambda: set(rows()) == {"s20-a", "s21-a"})
    assert rows()["s20-a"]["load"] == 7 and rows()["s21-a"]["lost"]
    dns = node.daemon.ask("status", rows=False)["result"]["fleet_services"][0]
    assert dns["lost"] == 1 and dns["generation"] > known
    assert ask_fleet(node, since=1)["services"][0]["whole"]
    ahead = ask_fleet(node, since=known + 3600 * 10**6)  # as told before a restart, and the clock was set back since
    assert all(s["whole"] for s in ahead["services"]) and len(ahead["fleet"]) == len(ask_fleet(node)["fleet"])

    run = subprocess.run([str(harness.BUILD / "nearcast/nearcast"), "-s", str(node.daemon.control),
                          "show", "fleet", "--service", "web"], capture_output=True, text=True)
    assert run.returncode == 0 and "web" in run.stdout and " dns " not in run.stdout, run
    run = subprocess.run([str(harness.BUILD / "nearcast/nearcast"), "-s", str(node.daemon.control),
                          "status"], capture_output=True, text=True)
    assert re.search(r"^dns +8 +21 +1 +20 +0 +1 +20 +0 +1$", run.stdout, re.M), run.stdout


if __name__ == "__main__":
    harness.main(globals())
