#!/usr/bin/python3
"""The fleet as the glass follows it at nearcastd: the rows that nearcastd has, changes within a second,
sums and pages of a large one, in bounded memory."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "nearcastd")]

import bgpspeaker as bgp
import fleet_site as fleet
import glass
import harness

MORE = """guard-wait: 200ms
  - name: web  # the check is of this one
    prefixes: 203.0.113.0/24
    addresses: 203.0.113.1
    manage-addresses: no
    guard-wait: 200ms"""
WEB = "203.0.113.0/24"


def followed(world, nodes, **kwargs):
    """A node of a fleet of `nodes` scripted others with two services, and the glass that follows it."""
    speaker = fleet.Speaker(world)
    node = fleet.Node(world, 11, [fleet.peer(250, 11, name="rr")], service=MORE, **kwargs)
    speaker.join()
    for n in range(12, 12 + nodes):
        say(speaker, n)
        say(speaker, n, prefix=WEB)
    speaker.end_of_rib()
    node.wait("announced")
    return speaker, node, follow(world, node.daemon.readonly)


def follow(world, path):
    return glass.Glass(world, glass.neighbour("a", "127.0.0.2", 65001) + f"daemon: {path}\n")


def say(speaker, n, prefix=fleet.PREFIX, **more):
    hop = f"10.{10 + n // 250}.0.{n % 250 + 1}"
    speaker.session.send(bgp.raw_update(speaker.attributes(fleet.state(n, **more), hop, hop),
                                        speaker.route(prefix, n)))


def rows(answer):
    return {(r["node"], r["service"]): r for r in answer}


def status(g):
    return g.get("/api/v1/status")


def wait_rows(g, count):
    return harness.wait_for(f"{count} rows", lambda: (f := status(g)["fleet"])["rows"] == count and f)


AGES = ("seen_seconds", "since_seconds")


def test_rows_are_nearcastds(world):
    speaker, node, g = followed(world, 20)
    say(speaker, 15, SERIAL=2, LOAD=7, CAPACITY=100)
    say(speaker, 16, prefix=WEB, SERIAL=2, **fleet.SOFT)
    say(speaker, 17, SERIAL=2, ADMIN=1, STANDING=2)
    speaker.unsay(18)
    harness.wait_for("them all at the node", lambda: sum(
        r["lost"] for r in node.daemon.status()["fleet"]) == 1)

    def same():
        there, here = rows(node.daemon.status()["fleet"]), rows(status(g)["fleet"]["nodes"])
        plain = lambda r: {k: v for k, v in r.items() if k not in AGES + ("state", "wrong")}
        return {k: plain(r) for k, r in there.items()} == {k: plain(r) for k, r in here.items()}
    harness.wait_for("the same rows", same)
    fleet_ = status(g)["fleet"]
    here = rows(fleet_["nodes"])
    assert here["s15-a", "dns"]["load"] == 7 and here["s15-a", "dns"]["state"] == "up"
    assert here["s16-a", "web"]["state"] == "down" and here["s16-a", "dns"]["state"] == "up"
    assert here["s17-a", "dns"]["state"] == "drained"
    assert here["s18-a", "dns"]["lost"] and here["s18-a", "dns"]["state"] == "unknown"
    assert here["s11-a", "dns"]["own"]
    assert here["s17-a", "dns"]["wrong"], "draining, and still announced in full"
    assert fleet_["wrong"] == 1 and fleet_["rows"] == 42
    sites = {s["site"]: s for s in fleet_["sites"]}
    assert len(sites) == 21 and sites["s16"]["state"] == "up" and sites["s18"]["lost"] == 1
    assert sites["s17"]["wrong"] == 1 and all(s["nodes"] == 1 for s in sites.values())
    for key, row in here.items():
        assert 0 <= row["since_seconds"] < 60 and 0 <= row["seen_seconds"] < 60, row


def test_a_change_within_a_second(world):
    speaker, node, g = followed(world, 20)
    wait_rows(g, 42)
    begin = time.monotonic()
    node.set_up(False)
    harness.wait_for("the change", lambda: rows(status(g)["fleet"]["nodes"])["s11-a", "web"]["health"]
                     == "down")
    took = time.monotonic() - begin
    assert took < 1.5, took  # the check's interval among it
    # a node that says no more and is forgotten; a service that goes with a reload
    node.service = "guard-wait: 200ms"
    assert node.reload()["ok"]
    harness.wait_for("one service", lambda: [s["service"] for s in status(g)["fleet"]["services"]]
                     == ["dns"])
    wait_rows(g, 21)
    node.daemon.process.kill()
    node.daemon.process.wait()
    harness.wait_for("its loss", lambda: not status(g)["daemon"]["connected"])
    assert status(g)["fleet"]["rows"] == 21, "as last known"
    speaker.session.sock.close()
    node.start()
    speaker.join()
    say(speaker, 30)
    speaker.end_of_rib()
    wait_rows(g, 2)  # nothing is left of those that the new one does not know


def memory_mb(process, key="VmRSS"):
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+)", text, re.M)[1]) / 1024


def test_large(world):
    speaker, node, g = followed(world, 1000)
    big = wait_rows(g, 2002)
    assert big["nodes"] == [] and len(big["sites"]) == 1001
    octets = len(g.fetch("/api/v1/status")[2])
    assert octets < 200_000, octets
    said = status(g)["daemon"]["status"]
    assert said["fleet_services"][0]["nodes"] == 1001
    assert "fleet" not in said  # its rows are those of /api/v1/fleet
    page = g.get("/api/v1/fleet?limit=1000&page=2")
    assert len(page["nodes"]) == 2 and page["meta"]["total_results"] == 2002
    assert {r["service"] for r in page["nodes"]} == {"web"}
    seen = [(r["service"], r["node"]) for p in range(3)
            for r in g.get(f"/api/v1/fleet?limit=1000&page={p}")["nodes"]]
    assert len(seen) == len(set(seen)) == 2002
    one = g.get("/api/v1/fleet?site=s500&service=web")
    assert [r["node"] for r in one["nodes"]] == ["s500-a"]
    say(speaker, 700, SERIAL=2, **fleet.SOFT)
    speaker.unsay(701)
    harness.wait_for("it", lambda: g.get("/api/v1/fleet?state=down")["meta"]["total_results"] == 1)
    assert g.get("/api/v1/fleet?state=down")["nodes"][0]["node"] == "s700-a"
    assert g.get("/api/v1/fleet?state=lost")["nodes"][0]["node"] == "s701-a"
    before = memory_mb(g.process)
    for k in range(30):  # news without end
        for n in range(12, 1012, 10):
            say(speaker, n, SERIAL=3 + k, LOAD=k)
        harness.wait_for("a round", lambda: g.get("/api/v1/fleet?site=s12&service=dns")["nodes"][0]
                         ["load"] is not None)
    harness.wait_for("the last", lambda: g.get("/api/v1/fleet?site=s1002&service=dns")["nodes"][0]
                     ["load"] == 29)
    more = memory_mb(g.process) - before
    assert more < 10 or harness.is_sanitized("nearglass/nearglass"), (before, more)
    for query in ("state=x", "limit=0", "limit=1001", "page=-1", "page=1e9", "servcie=dns"):
        assert g.fetch(f"/api/v1/fleet?{query}")[0] == 400, query


def test_page(world):
    """In Debian's Chromium."""
    harness.needs("chromium", "node")
    speaker, _, g = followed(world, 1000)
    say(speaker, 700, SERIAL=2, **fleet.SOFT)
    say(speaker, 701, SERIAL=2, MIN_SHARE=30)
    wait_rows(g, 2002)
    harness.wait_for("it", lambda: g.get("/api/v1/fleet?state=down")["meta"]["total_results"] == 1)
    out = harness.BUILD / "screenshots"
    out.mkdir(exist_ok=True)
    browser = world.start("node", HERE / "page_fleet.mjs", f"http://localhost:{glass.PORT}", out,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text, _ = browser.communicate(timeout=60)
    assert browser.returncode == 0, text.decode()
    print(text.decode(), end="")


def test_another_speaks_there(world):
    """What is no nearcastd, or says what this version does not know, harms nothing."""
    path = world.folder / "odd"
    listener = glass.listener(path)
    g = follow(world, path)
    events, _ = listener.accept()
    events.sendall(b'{"ok":true,"result":{}}\n')
    asks = []

    def answer(*lines):
        asks.append(listener.accept()[0])
        for line in lines:
            asks[-1].recv(4096)
            asks[-1].sendall(json.dumps(line).encode() + b"\n")
    ok = lambda r: {"ok": True, "result": r}
    services = {"site": "x", "fleet_services": [{"service": "dns", "generation": 5}]}
    part = {"services": [{"name": "dns", "generation": 5, "whole": True}], "fleet": [
        {"site": "a", "node": "a", "router_id": "192.0.2.1", "health": "splendid", "evidence": "none",
         "admin": "active", "announce": "announced", "standing": "able"},
        {"site": "b", "node": "b", "router_id": "nobody"}, "no row", 7,
        {"site": "c" * 100, "node": "c", "router_id": "192.0.2.3", "health": "up", "evidence": "none",
         "admin": "active", "announce": "announced", "standing": "able", "since_seconds": -1e300,
         "load": -5, "paths": 1e30}]}
    answer(ok(services), ok(part))
    fleet_ = wait_rows(g, 1)
    # What happens during a round is asked for right after it, and not with the next beat.
    events.sendall(b'{"time":"2029-01-01T00:00:00.000000Z","seq":1,"type":"w","site":"x"}\n')
    slow, _ = listener.accept()
    slow.recv(4096)
    events.sendall(b'{"time":"2029-01-01T00:00:00.000000Z","seq":2,"type":"w","site":"x"}\n')
    harness.wait_for("it", lambda: len(g.get("/api/v1/events")["events"]) >= 2)
    slow.sendall(json.dumps(ok(services)).encode() + b"\n")
    begin = time.monotonic()
    answer(ok(services))
    assert time.monotonic() - begin < 2, "it took until the next beat"
    assert fleet_["nodes"][0]["site"] == "c" * 32
    events.sendall(b'{"time":"2030-01-01T00:00:00.000000Z","seq":1,"type":"x","site":"x"}\n')
    services["fleet_services"] = [{"service": "dns", "generation": 6}, {"generation": 7}, 5]
    answer(ok(services), {"ok": False, "error": {"code": "not-found"}}, {"ok": True})
    events.sendall(b'{"time":"2030-01-01T00:00:00.000000Z","seq":2,"type":"y","site":"x"}\n')
    asks.append(listener.accept()[0])  # one that answers without end
    asks[-1].recv(4096)
    try:
        asks[-1].settimeout(harness.WAIT_S)
        for _ in range(64):
            asks[-1].sendall(b"x" * (1 << 20))
    except OSError:
        pass
    harness.wait_for("the error", lambda: status(g)["daemon"]["error"])
    assert "16 MiB" in status(g)["daemon"]["error"]
    assert [e["type"] for e in g.get("/api/v1/events")["events"]][-2:] == ["x", "y"]
    # A clock that is set back hides nothing; the same number at a time before is not new.
    events.sendall(b'{"time":"2026-01-01T00:00:00.000000Z","seq":3,"type":"z","site":"x"}\n'
                   b'{"time":"2025-01-01T00:00:00.000000Z","seq":3,"type":"old","site":"x"}\n'
                   b'{"time":"2026-01-01T00:00:01.000000Z","seq":4,"type":"zz","site":"x"}\n')
    harness.wait_for("both", lambda: [e["type"] for e in g.get("/api/v1/events")["events"]][-3:] ==
                     ["y", "z", "zz"])
    assert status(g)["fleet"]["rows"] == 1


def test_answers_before_it_is_asked(world):
    """Lines that come in one piece each wait for their question to be out."""
    path = world.folder / "odd"
    listener = glass.listener(path)
    g = follow(world, path)
    events, _ = listener.accept()
    events.sendall(b'{"ok":true,"result":{}}\n')
    asks, _ = listener.accept()
    asks.settimeout(harness.WAIT_S)
    names = [f"s{i}" for i in range(20)]
    services = [{"service": n, "generation": 5} for n in names]
    row = {"site": "a", "node": "a", "router_id": "192.0.2.1", "health": "up", "evidence": "none",
           "admin": "active", "announce": "announced", "standing": "able"}
    parts = [{"services": [{"name": n, "generation": 5, "whole": True}], "fleet": [row]} for n in names]
    asks.recv(4096)
    asks.sendall(b"".join(json.dumps({"ok": True, "result": r}).encode() + b"\n"
                          for r in ({"site": "x", "fleet_services": services}, *parts)))
    questions = b""
    while more := asks.recv(65536):  # until it has all and closes
        questions += more
    assert [json.loads(q)["service"] for q in questions.splitlines()] == names
    assert wait_rows(g, len(names))


if __name__ == "__main__":
    harness.main(globals())
