#!/usr/bin/python3
"""Which site clients reach: told over a socket and a file, asked over HTTP, followed, kept, and what
liars could send."""

import json
import os
import re
import socket
import sqlite3
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent),
                str(Path(__file__).resolve().parent.parent / "nearcastd")]

import glass
import harness
import site_config as site

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def start(world, keys="", extra="", wait=True):
    path = world.folder / "catchment"
    text = f"catchment: {{listen: {path}{', ' + keys if keys else ''}}}\n{extra}"
    g = glass.Glass(world, glass.neighbour("a", "127.0.0.2", 65001) + text)
    g.socket = path
    return g


def line(client, site, **keys):
    return json.dumps({"client": client, "site": site, **keys}).encode() + b"\n"


class Feeder:
    def __init__(self, world, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))
        world.closers.append(self.sock.close)

    def say(self, *lines):
        self.sock.sendall(b"".join(lines))


def clients(g, **parameters):
    return g.get("/api/v1/catchment", **parameters)["clients"]


def state(g):
    return g.get("/api/v1/status")["catchment"]


def wait_count(g, what, n):
    harness.wait_for(f"{n} {what}", lambda: state(g)[what] >= n)
    assert state(g)[what] == n, state(g)


def test_golden(world):
    """The whole answer, member by member and in this order."""
    g = start(world)
    feeder = Feeder(world, g.socket)
    feeder.say(line("london", "fra1", lat=51.51, lon=-0.13, rtt_ms=12.25),
               line("192.0.2.0/24", "nyc1"), line("2001:DB8:0::/48", None, lat=1, lon=2))
    wait_count(g, "taken", 3)
    feeder.say(line("london", "nyc1", lat=51.51, lon=-0.13, rtt_ms=80))
    wait_count(g, "taken", 4)
    text = TIME.sub("TIME", g.fetch("/api/v1/catchment")[2].decode())
    text = re.sub(r'_seconds":[0-9.]+', '_seconds":N', text)
    since = '"since":"TIME","since_seconds":N,"heard":"TIME","heard_seconds":N'
    assert text == (
        '{"clients":[{"client":"192.0.2.0/24","site":"nyc1","lat":null,"lon":null,"rtt_ms":null,'
        f'"before":null,{since}}},'
        '{"client":"2001:db8::/48","site":null,"lat":1.0000,"lon":2.0000,"rtt_ms":null,'
        f'"before":null,{since}}},'
        '{"client":"london","site":"nyc1","lat":51.5100,"lon":-0.1300,"rtt_ms":80.000,'
        f'"before":"fra1",{since}}}],'
        '"meta":{"page":0,"page_size":100,"total_results":3,"truncated":false,'
        '"generated_at":"TIME","next":null}}\n'), text
    assert [c["client"] for c in clients(g, site="nyc1")] == ["192.0.2.0/24", "london"]
    assert (state(g)["clients"], state(g)["nobody"]) == (3, 1), state(g)
    pages, query = [], "limit=1"
    while query:
        page = g.get("/api/v1/catchment?" + query)
        assert page["meta"]["total_results"] == 3
        pages += [c["client"] for c in page["clients"]]
        query = page["meta"]["next"]
    assert pages == ["192.0.2.0/24", "2001:db8::/48", "london"]
    for bad in {"limit": "0"}, {"limit": "10001"}, {"limit": "-1"}, {"limit": "x"}:
        g.refused("/api/v1/catchment", 400, "bad-parameter", **bad)
    metrics = g.fetch("/metrics")[2].decode()
    assert "nearglass_catchment_clients 3\n" in metrics
    assert 'nearglass_catchment_lines_total{what="taken"} 4\n' in metrics


def test_none(world):
    g = glass.Glass(world, glass.neighbour("a", "127.0.0.2", 65001))
    g.refused("/api/v1/catchment", 404, "no-catchment")
    assert not state(g)["configured"] and "catchment" not in g.fetch("/metrics")[2].decode()


def moves(g):
    return [e for e in g.get("/api/v1/events")["events"] if e["type"] == "catchment"]


def test_moves_are_told_together(world):
    g = start(world)
    feeder = Feeder(world, g.socket)
    names = [f"10.0.{i}.0/24" for i in range(50)]
    feeder.say(*(line(n, "fra1") for n in names))
    harness.wait_for("the first event", lambda: moves(g))
    begin = time.monotonic()
    feeder.say(*(line(n, "nyc1") for n in names[:30]), *(line(n, None) for n in names[30:32]))
    harness.wait_for("the moves", lambda: len(moves(g)) >= 3)
    assert time.monotonic() - begin < 1
    first, lost, moved = moves(g)
    assert (first["from"], first["to"], first["count"]) == (None, "fra1", 50)
    assert (lost["from"], lost["to"], lost["count"], lost["subject"]) == ("fra1", None, 2, "fra1")
    assert (moved["from"], moved["to"], moved["count"], moved["subject"]) == ("fra1", "nyc1", 30, "nyc1")
    assert len(moved["clients"]) == 20 and moved["clients"][0] == "10.0.0.0/24"
    assert moved["detail"].startswith("30 clients from fra1 to nyc1: 10.0.0.0/24, ")
    assert moved["detail"].endswith(" and 10 more"), moved["detail"]
    assert clients(g, limit=10000)[0]["before"] == "fra1"
    # The control: the same again is no move, and neither is who comes back within a tenth of a second.
    feeder.say(*(line(n, "nyc1") for n in names[:30]), line(names[0], "gru1"), line(names[0], "nyc1"),
               line("mark", "fra1"))
    harness.wait_for("the mark", lambda: any("mark" in e["clients"] for e in moves(g)))
    assert len(moves(g)) == 4, moves(g)


def test_bad_lines(world):
    """Each is counted, none does anything, and what comes behind it is taken."""
    g = start(world)
    feeder = Feeder(world, g.socket)
    place = {"lat": 1, "lon": 2}
    bad = [b"rubbish\n", b"[]\n", b"7\n", b"{}\n", b"{" * 2000 + b"\n", b"[" * 4000 + b"\n", b"\xff\xfe\n",
           line("", "fra1"), line("x" * 65, "fra1"), line(7, "fra1"), line(None, "fra1"),
           line("a\nb", "fra1"), line("a\0b", "fra1"), line("a\u202eb", "fra1"), line("a\x9bb", "fra1"),
           *(line(f"a{mark}b", "fra1") for mark in "\u200b\u200f\u2028\u2066\u2060\u061c\ufeff"),
           b'{"client":"a"}\n', line("a", ""), line("a", 7), line("a", "<b>"), line("a", "x" * 64),
           line("a", "fra 1"), line("a", "fra1", lat=91, lon=0), line("a", "fra1", lat=0, lon=181),
           line("a", "fra1", lat="1", lon=0), line("a", "fra1", lat=1), line("a", "fra1", lon=1),
           line("a", "fra1", rtt_ms=-1), line("a", "fra1", rtt_ms=1e7), line("a", "fra1", rtt_ms="1"),
           b'{"client":"a","site":"fra1","rtt_ms":NaN}\n', b'{"client":"a","site":"fra1","rtt_ms":1e999}\n',
           line("a", "fra1", time="yesterday"), line("a", "fra1", time=7),
           b'{"client":"a","client":"b","site":"fra1"}\n',
           b'{"client":"' + b"x" * 5000 + b'"}\n', b"y" * 1000000 + b"\n"]
    for i, b in enumerate(bad):
        feeder.say(b, line(f"good{i}", "fra1", **place))
    wait_count(g, "taken", len(bad))
    wait_count(g, "bad", len(bad))
    assert state(g)["last_bad"] == "a line is over 4096 octets"
    assert {c["client"] for c in clients(g, limit=1000)} == {f"good{i}" for i in range(len(bad))}
    # Without an end, in pieces, with CR LF, empty: all the same.
    feeder.say(b"\n\r\n", line("cr", "fra1")[:-1] + b"\r\n")
    for octet in line("slow", "fra1"):
        feeder.say(bytes([octet]))
    feeder.say(line("last", "fra1")[:-1])
    wait_count(g, "taken", len(bad) + 2)
    feeder.sock.close()
    wait_count(g, "taken", len(bad) + 3)
    wait_count(g, "bad", len(bad))


def test_text_is_text(world):
    """Names are free: markup is passed on as it came, as JSON, and never as anything else."""
    g = start(world)
    names = ["<img src=x onerror=alert(1)>", "</script>", "'; DROP TABLE client; --", "Zürich", "a\"b\\c", "東京", "القاهرة",
             "–’…€", "\ufe0f\uffee", "د"]
    Feeder(world, g.socket).say(*(line(n, "fra1") for n in names))
    wait_count(g, "taken", len(names))
    assert {c["client"] for c in clients(g)} == set(names)
    pages, query = [], "limit=1"
    while query:
        page = g.get("/api/v1/catchment?" + query)
        pages += [c["client"] for c in page["clients"]]
        query = page["meta"]["next"]
    assert sorted(pages) == sorted(names)
    headers = g.fetch("/api/v1/catchment")[1]
    assert headers["Content-Type"] == "application/json" and headers["X-Content-Type-Options"] == "nosniff"


def test_bounded(world):
    """More clients than may be, more connections, a flood: counted, and the glass goes on answering."""
    g = start(world, "max-clients: 100")
    feeder = Feeder(world, g.socket)
    for i in range(0, 20000, 1000):
        feeder.say(*(line(f"c{j}", f"s{j % 1000}") for j in range(i, i + 1000)))
    wait_count(g, "taken", 100)
    wait_count(g, "full", 19900)
    assert len(clients(g, limit=10000)) == 100
    harness.wait_for("all told", lambda: sum(e["count"] for e in moves(g)) == 100)
    # A hundred kinds of move in a moment, and one event for all beyond.
    feeder.say(*(line(f"c{j}", f"t{j}") for j in range(100)))
    harness.wait_for("all of them", lambda: sum(e["count"] for e in moves(g)) == 200)
    assert len({e["time"] for e in moves(g)}) == len(moves(g)), "each has a time of its own"
    many = [Feeder(world, g.socket) for _ in range(70)]
    harness.wait_for("those refused", lambda: state(g)["refused"] >= 7)
    assert state(g)["feeders"] == 64
    for f in many:
        f.sock.close()
    harness.wait_for("they left", lambda: state(g)["feeders"] == 1)
    feeder.say(line("c1", "fra1"))
    harness.wait_for("taken still", lambda: clients(g, site="fra1"))


def test_forgotten(world):
    g = start(world, "forget: 10s")
    feeder = Feeder(world, g.socket)
    old = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    feeder.say(line("old", "fra1", time=old), line("new", "fra1"), line("old", "nyc1"),
               line("old", "fra1", time=old), line("older", "fra1", time=old),
               line("tomorrow", "fra1", time="2999-01-01T00:00:00Z"))
    wait_count(g, "stale", 1)
    wait_count(g, "taken", 5)
    assert {c["client"]: c["site"] for c in clients(g)} == {
        "old": "nyc1", "new": "fra1", "older": "fra1", "tomorrow": "fra1"}
    assert clients(g, site="fra1")[1]["heard_seconds"] > 3000  # what is old says so
    assert all(c["heard_seconds"] >= 0 for c in clients(g))
    harness.wait_for("the old one gone", lambda: state(g)["forgotten"] >= 1)
    assert {c["client"] for c in clients(g)} >= {"old", "new"}
    assert "older" not in {c["client"] for c in clients(g)}
    assert state(g)["nobody"] == 0


def test_file(world):
    """Read at the start, followed as it grows, begun anew when it was cut; never too large to answer."""
    path = world.file("measured.jsonl", "")
    with open(path, "wb") as f:
        f.write(line("london", "fra1", lat=1, lon=2) + b"half a li")
        f.truncate(8 << 20)  # a hole: one line of NULs
        f.seek(0, os.SEEK_END)
        f.write(b"\n" + line("paris", "fra1"))
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    text = f"catchment: {{file: {path}}}\n"
    g = glass.Glass(world, glass.neighbour("a", "127.0.0.2", 65001) + text)
    wait_count(g, "taken", 2)
    wait_count(g, "bad", 1)
    assert clients(g)[0]["heard_seconds"] > 3500, "the time of the file"
    with open(path, "ab") as f:
        f.write(line("paris", "nyc1"))
    harness.wait_for("the new line", lambda: clients(g, site="nyc1"))
    assert clients(g, site="nyc1")[0]["heard_seconds"] < 60
    path.write_bytes(line("oslo", "fra1"))
    harness.wait_for("the new file", lambda: any(c["client"] == "oslo" for c in clients(g)))


def test_history(world):
    """Where clients were at a time, after moves, a loss, and an end of the glass."""
    g = start(world, extra=f"history: {{file: {world.folder}/history.db}}\n")
    feeder = Feeder(world, g.socket)
    past = lambda t=None, **keys: g.get("/api/v1/past", **({"at": t} if t else {}), **keys)
    at = lambda t=None, **keys: {c["client"]: c["site"] for c in past(t, **keys)["clients"]}
    times = []

    def say(*lines):
        written = g.get("/api/v1/status")["history"]["clients_written"]
        told = len(moves(g))
        feeder.say(*lines)
        harness.wait_for("it is kept", lambda: g.get("/api/v1/status")["history"]["clients_written"]
                         >= written + len(lines))
        harness.wait_for("it is told", lambda: len(moves(g)) > told)
        times.append(past()["at"])

    say(line("london", "fra1", lat=51.5, lon=-0.125, rtt_ms=12.5), line("oslo", "fra1"))
    say(line("london", "nyc1", lat=51.5, lon=-0.125))
    say(line("oslo", None))
    assert at(times[0]) == {"london": "fra1", "oslo": "fra1"}
    assert at(times[1]) == {"london": "nyc1", "oslo": "fra1"}
    assert at(times[2]) == at() == {"london": "nyc1", "oslo": None}
    assert at("2001-01-01") == {}
    first = past(times[0])
    client = first["clients"][0]
    assert (client["lat"], client["lon"], client["rtt_ms"]) == (51.5, -0.125, 12.5)
    assert past(times[1])["clients"][0]["rtt_ms"] is None
    page = past(times[0], limit=1)
    assert [c["client"] for c in page["clients"]] == ["london"]
    page = g.get("/api/v1/past?" + page["meta"]["next"])
    assert [c["client"] for c in page["clients"]] == ["oslo"]
    now = g.get("/api/v1/past", limit=1)  # its next page is of the same time, whenever it is asked for
    assert g.get("/api/v1/past?" + now["meta"]["next"])["at"] == now["at"]
    # The moves are events with a type of their own.
    answer = g.get("/api/v1/history", type="catchment")
    assert [(e["from"], e["to"]) for e in answer["events"]] == [
        (None, "fra1"), ("fra1", "nyc1"), ("fra1", None)], answer
    latest = g.get("/api/v1/history", type="catchment", order="latest")
    assert latest["events"] == answer["events"][::-1]
    pages, query = [], "type=catchment&order=latest&limit=1"
    while query:
        page = g.get("/api/v1/history?" + query)
        pages += page["events"]
        query = page["meta"]["next"]
    assert pages == latest["events"]
    for bad in {"at": "yesterday"}, {"at": ""}, {"limit": "10001"}:
        g.refused("/api/v1/past", 400, "bad-parameter", **bad)
    g.refused("/api/v1/history", 400, "bad-parameter", order="best")
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    g = start(world, extra=f"history: {{file: {world.folder}/history.db}}\n")
    assert at(times[0]) == {"london": "fra1", "oslo": "fra1"}
    assert at() == {}, "a glass that has heard nothing knows nothing"


def test_past_events(world):
    """Of each session the last event before the time."""
    g = start(world, extra=f"history: {{file: {world.folder}/history.db}}\n")
    sessions = lambda t=None: [(e["subject"], e["type"]) for e in
                               g.get("/api/v1/past", **({"at": t} if t else {}))["sessions"]]
    begin = g.get("/api/v1/past")["at"]
    session = glass.connect("127.0.0.2", 65001)
    harness.wait_for("it is up", lambda: sessions() == [("a", "neighbour-up")])
    up = g.get("/api/v1/past")["at"]
    session.close()
    harness.wait_for("it is down", lambda: sessions() == [("a", "neighbour-down")])
    assert sessions(up) == [("a", "neighbour-up")] and sessions(begin) == []


def test_past_of_a_site(world):
    """Health, decision, announcements and the daemon itself, each as one fact, of before and after."""
    config = site.config(world, site.upstream()).replace("listen: [127.0.0.1]", "listen: [127.0.0.9]")
    daemon = harness.Daemon(world, config)
    g = start(world, extra=f"history: {{file: {world.folder}/history.db}}\ndaemon: {daemon.readonly}\n")
    past = lambda t=None: g.get("/api/v1/past", **({"at": t} if t else {}))
    kinds = lambda p: {k: [e["type"] for e in p[k]] for k in ("sites", "decisions", "admin")}
    harness.wait_for("it decided", lambda: past()["decisions"])
    harness.wait_for("the daemon", lambda: kinds(past())["sites"] == ["daemon-up"])
    before = past()["at"]
    daemon.ask("off", service=daemon.status()["services"][0]["name"])
    harness.wait_for("the order", lambda: past()["admin"])
    daemon.process.kill()
    harness.wait_for("its end", lambda: kinds(past())["sites"] == ["daemon-lost"])
    assert kinds(past(before))["sites"] == ["daemon-up"] and past(before)["admin"] == []
    subjects = [(e["subject"], e.get("upstream")) for e in past()["decisions"]]
    assert len(set(subjects)) == len(subjects)


def test_kinds_are_apart(world):
    """Each event of a full set lands in its own list: two upstreams of a prefix are two facts."""
    db = world.folder / "history.db"
    g = start(world, extra=f"history: {{file: {db}}}\n")
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    rows = [("announced", "x" * 10000, None), ("announced", "198.51.100.0/24", "a"), ("announced", "198.51.100.0/24", "b"),
            ("withdrawn", "198.51.100.0/24", "b"), ("upstream_up", "192.0.2.1", None),
            ("health_changed", "dns", None), ("decided", "dns", None), ("started", "fra1", None),
            ("site-unreachable", "ams1", None)]
    file = sqlite3.connect(db)
    for i, (kind, subject, upstream) in enumerate(rows):
        at = f"2026-01-02T03:04:{i:02}.000000Z"
        event = {"time": at, "site": "fra1", "type": kind, "subject": subject, "upstream": upstream}
        file.execute("INSERT INTO event(time_us, site, type, subject, seq, json, upstream) VALUES(?,?,?,?,?,?,?)",
                     (1767323040000000 + i * 1000000, "fra1", kind, subject, i + 1, json.dumps(event),
                      upstream or ""))
    file.commit()
    file.close()
    g = start(world, extra=f"history: {{file: {db}, keep: 3650d}}\n")
    facts = lambda t: {k: sorted((e["type"], e["subject"], e["upstream"]) for e in v)
                       for k, v in g.get("/api/v1/past", at=t).items() if k not in ("at", "meta", "clients") and v}
    everything = facts("2026-01-02T03:04:30Z")
    assert everything == {
        "announcements": [("announced", "198.51.100.0/24", "a"), ("announced", "x" * 10000, None),
                          ("withdrawn", "198.51.100.0/24", "b")],
        "sessions": [("site-unreachable", "ams1", None), ("upstream_up", "192.0.2.1", None)],
        "health": [("health_changed", "dns", None)], "decisions": [("decided", "dns", None)],
        "sites": [("started", "fra1", None)]}, everything
    assert facts("2026-01-02T03:04:02Z") == {"announcements": [
        ("announced", "198.51.100.0/24", "a"), ("announced", "198.51.100.0/24", "b"),
        ("announced", "x" * 10000, None)]}
    assert facts("2026-01-02T03:03:59Z") == {}


def test_history_is_bounded(world):
    """No more words on clients than max-clients; the first go, also when an earlier version made the file."""
    file = world.folder / "history.db"
    old = sqlite3.connect(file)
    old.executescript(
        "CREATE TABLE event(id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, site TEXT NOT NULL,"
        " type TEXT NOT NULL, subject TEXT NOT NULL, seq INTEGER NOT NULL, json TEXT NOT NULL);"
        "CREATE UNIQUE INDEX event_once ON event(time_us, site, type, subject, seq);"
        "CREATE INDEX event_subject ON event(subject, time_us);"
        "CREATE INDEX event_type ON event(type, time_us);"
        "INSERT INTO event VALUES(1, strftime('%s') * 1000000, 'fra1', 'upstream_up', 'x', 1,"
        " '{\"type\":\"upstream_up\",\"subject\":\"x\",\"upstream\":\"a\"}');"
        "INSERT INTO event VALUES(2, strftime('%s') * 1000000, 'fra1', 'upstream_up', 'x', 2,"
        " '{\"type\":\"upstream_up\",\"subject\":\"x\",\"upstream\":\"b\"}');"
        "INSERT INTO event VALUES(3, strftime('%s') * 1000000, 'fra1', 'other', 'x', 3, 'no json');"
        "PRAGMA application_id = 1313032012; PRAGMA user_version = 1;")
    old.close()
    extra = f"history: {{file: {file}, max-clients: 1000}}\n"
    g = start(world, extra=extra)
    assert sorted(e["upstream"] for e in g.get("/api/v1/past")["sessions"]) == ["a", "b"]
    feeder = Feeder(world, g.socket)
    feeder.say(*(line(f"c{i}", "fra1") for i in range(1500)))
    harness.wait_for("all written", lambda: g.get("/api/v1/status")["history"]["clients_written"] >= 1501)
    assert g.get("/api/v1/past", limit=10000)["meta"]["total_results"] == 1500  # the control: not yet
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    g = start(world, extra=extra)
    harness.wait_for("the first gone", lambda: g.get("/api/v1/status")["history"]["clients_removed"] >= 502)
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    rows = sqlite3.connect(file)
    assert rows.execute("SELECT count(*) FROM client").fetchone()[0] <= 1002
    assert rows.execute("PRAGMA user_version").fetchone()[0] == 3


def test_refused_configurations(world):
    for text, what in (("{}", "`listen`, `file` or both"), ("{listen: c}", "absolute path"),
                       ("{file: c}", "absolute path"), ("{listen: /run/c, max-clients: 0}", "max-clients")):
        path = world.file("bad.yaml", f"site: fra1\nas: 65000\nrouter-id: 192.0.2.1\ncatchment: {text}\n")
        run = harness.subprocess.run([harness.BUILD / "nearglass/nearglass", "-n", "-c", path],
                                     capture_output=True, text=True, check=False)
        assert run.returncode == 1 and what in run.stderr, run.stderr
    # What is there and is no socket stays.
    kept = world.file("precious", "text")
    path = world.file("bad.yaml", f"site: fra1\nas: 65000\nrouter-id: 192.0.2.1\ncatchment: {{listen: {kept}}}\n")
    run = harness.subprocess.run([harness.BUILD / "nearglass/nearglass", "-c", path], capture_output=True,
                                 text=True, check=False, timeout=10)
    assert run.returncode == 1 and "is no socket" in run.stderr, run.stderr
    assert kept.read_text() == "text"


def test_after_a_kill(world):
    """The socket that a killed glass leaves is no obstacle; permissions are those of the user."""
    world.folder.chmod(0o755)
    g = start(world, extra="user: nobody\n")
    assert g.socket.stat().st_mode & 0o777 == 0o660 and g.socket.stat().st_uid == 65534
    g.process.kill()
    g.process.wait()
    assert g.socket.exists()
    g = start(world, extra="user: nobody\n")
    Feeder(world, g.socket).say(line("a", "fra1"))
    wait_count(g, "taken", 1)


def test_passed_socket_is_local(world):
    """Whoever reaches the port directly could name another client: refused as it is for a configured address."""
    harness.subprocess.run(["ip", "addr", "add", "192.0.2.77/32", "dev", "lo"], check=True)
    for address, wanted in (("192.0.2.77", 1), ("127.0.0.1", 0)):
        listener = socket.create_server((address, 0))
        path = world.file("passed.yaml", "site: fra1\nas: 65000\nrouter-id: 192.0.2.1\n"
                          "http: {port: 8480, forwarded: yes}\n")
        program = str(harness.BUILD / "nearglass/nearglass")
        pid = os.fork()
        if pid == 0:
            os.dup2(listener.fileno(), 3)
            os.set_inheritable(3, True)
            os.execve(program, [program, "-c", str(path)],
                      {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
        if wanted == 0:
            c = glass.http.client.HTTPConnection(*listener.getsockname(), timeout=harness.WAIT_S)
            c.request("GET", "/api/v1/status")
            assert c.getresponse().status == 200
            os.kill(pid, 15)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == wanted, address
        listener.close()


def test_passed_socket(world):
    """A listening socket that the starter hands over is served in place of the configured port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    path = world.file("passed.yaml", "site: fra1\nas: 65000\nrouter-id: 192.0.2.1\nhttp: {port: 8480}\n")
    program = str(harness.BUILD / "nearglass/nearglass")
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.execve(program, [program, "-c", str(path)],
                  {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
    try:
        listener.close()

        def ask(to):
            c = glass.http.client.HTTPConnection("127.0.0.1", to, timeout=1)
            try:
                c.request("GET", "/api/v1/status")
                return c.getresponse().status
            except OSError:
                return None
        harness.wait_for("an answer", lambda: ask(port) == 200)
        assert ask(8480) is None, "the configured port is not opened"
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)


harness.main(globals())
