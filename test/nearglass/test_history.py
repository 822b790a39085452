#!/usr/bin/python3
"""History on the disk: asked, paged, pruned, after a restart; with a damaged file, and a disk that is full."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent),
                str(Path(__file__).resolve().parent.parent / "nearcastd")]

import glass
import harness
import site_config as site

A = "127.0.0.2"


def start(world, file=None, extra="", more=""):
    file = file or world.folder / "history.db"
    return glass.Glass(world, glass.neighbour("a", A, 65001) +
                       f"history: {{file: {file}, keep: 30d{more}}}\n" + extra)


def history(g, **parameters):
    return g.get("/api/v1/history", **parameters)


def flap(g, times=1):
    before = len(history(g, limit=1000)["events"])
    for i in range(times):
        glass.connect(A, 65001).close()
        harness.wait_for("both events", lambda: len(
            history(g, limit=1000)["events"]) >= before + 2 * (i + 1))


def stop(g):
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0


def test_asked_and_paged(world):
    g = start(world)
    flap(g, 3)
    all_ = history(g)
    assert [e["type"] for e in all_["events"]] == ["neighbour-up", "neighbour-down"] * 3
    assert all_["meta"]["total_results"] == 6 and all_["meta"]["next"] is None
    assert all_["events"] == g.get("/api/v1/events")["events"]  # the journal's, octet by octet
    pages, query = [], "limit=2&subject=a"
    while query:
        page = g.get("/api/v1/history?" + query)
        assert page["meta"]["total_results"] == 6
        pages += page["events"]
        query = page["meta"]["next"]
    assert pages == all_["events"]
    third = all_["events"][2]["time"]
    assert history(g, **{"from": third})["events"] == all_["events"][2:]
    assert history(g, to=third)["events"] == all_["events"][:3]
    assert history(g, to=third, **{"from": third})["events"] == all_["events"][2:3]
    assert len(history(g, type="neighbour-up")["events"]) == 3
    assert len(history(g, type="sessions")["events"]) == 6
    for none in {"type": "health"}, {"subject": "b"}, {"to": "2001-01-01"}, {"from": "2999-01-01"}, \
            {"type": "x' OR 1=1 --"}, {"subject": "' OR ''='"}:
        answer = history(g, **none)
        assert answer["events"] == [] and answer["meta"]["total_results"] == 0, none
    for bad in {"from": "yesterday"}, {"to": "2026-02-30"}, {"from": "2026-01-01T25:00:00Z"}, \
            {"from": "2026-01-01T00:00:00"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "-1"}, \
            {"from": "2026-01-02", "to": "2026-01-01"}, {"after": "x"}, {"after": "1-"}, {"after": "1-2x"}:
        g.refused("/api/v1/history", 400, "bad-parameter", **bad)
    state = lambda: g.get("/api/v1/status")["history"]
    harness.wait_for("the count", lambda: state()["written"] == 6)
    assert (state()["configured"], state()["losing"], state()["lost"]) == (True, False, 0), state()
    assert 'nearglass_history_events_total{what="written"} 6\n' in g.fetch("/metrics")[2].decode()


def test_none(world):
    g = glass.Glass(world, glass.neighbour("a", A, 65001))
    g.refused("/api/v1/history", 404, "no-history")
    assert not g.get("/api/v1/status")["history"]["configured"]


def test_restart(world):
    """After an end in order and after a kill; another user than the one who opened the file."""
    world.folder.chmod(0o755)
    for end in stop, lambda g: (g.process.kill(), g.process.wait()):
        g = start(world, extra="user: nobody\n")
        before = len(history(g)["events"])
        flap(g)
        events = history(g)["events"]
        assert len(events) == before + 2
        end(g)
    g = start(world)
    assert history(g)["events"] == events
    assert g.get("/api/v1/events")["events"] == []  # the journal is of this run: the control
    flap(g)
    assert len(history(g)["events"]) == 6


def test_daemon_told_once(world):
    """nearcastd tells its events anew to a glass that starts again; causes come along."""
    config = site.config(world, site.upstream()).replace("listen: [127.0.0.1]", "listen: [127.0.0.9]")
    daemon = harness.Daemon(world, config)
    g = start(world, extra=f"daemon: {daemon.readonly}\n")
    daemon.ask("off", service=daemon.status()["services"][0]["name"])
    harness.wait_for("the order", lambda: history(g, type="admin_changed")["events"])
    harness.wait_for("a decision", lambda: history(g, type="decided")["events"])
    first = history(g, limit=1000)["events"]
    assert any(e.get("cause_seq") for e in first), first
    stop(g)
    g = start(world, extra=f"daemon: {daemon.readonly}\n")
    harness.wait_for("the events again", lambda: g.get("/api/v1/events")["events"])
    flap(g)
    events = history(g, limit=1000)["events"]
    assert len({json.dumps(e) for e in events}) == len(events), "nothing twice"
    assert all(e in events for e in first)


def test_pruned(world):
    g = start(world)
    flap(g)
    stop(g)
    now = time.time_ns() // 1000
    db = sqlite3.connect(world.folder / "history.db")
    for i in range(2000):  # more than one piece
        db.execute("INSERT INTO event(time_us, site, type, subject, seq, json) VALUES(?,?,?,?,?,?)",
                   (now - 31 * 86400 * 10**6 - i, "fra1", "old", "a", i, '{"type":"old"}'))
    db.execute("INSERT INTO event(time_us, site, type, subject, seq, json) VALUES(?,?,?,?,?,?)",
               (now - 29 * 86400 * 10**6, "fra1", "young", "a", 1, '{"type":"young"}'))
    db.commit()
    db.close()
    g = start(world)
    harness.wait_for("the end of the old", lambda: history(g, type="old")["meta"]["total_results"] == 0)
    harness.wait_for("the count", lambda: g.get("/api/v1/status")["history"]["removed"] == 2000)
    assert [e["type"] for e in history(g)["events"]] == ["young", "neighbour-up", "neighbour-down"]


def test_bounded(world):
    """No more events than max-events, however young; those that were written first go."""
    g = start(world)
    stop(g)
    now = time.time_ns() // 1000
    db = sqlite3.connect(world.folder / "history.db")
    for i in range(3000):
        db.execute("INSERT INTO event(time_us, site, type, subject, seq, json) VALUES(?,?,?,?,?,?)",
                   (now - 10**6 + i, "fra1", "many", "a", i, '{"n":%d}' % i))
    db.commit()
    db.close()
    g = start(world)
    assert history(g, type="many")["meta"]["total_results"] == 3000  # the control: a million unless given
    stop(g)
    g = start(world, more=", max-events: 1000")
    harness.wait_for("the count", lambda: g.get("/api/v1/status")["history"]["removed"] == 2000)
    answer = history(g, type="many", limit=1000)
    assert [e["n"] for e in answer["events"]] == list(range(2000, 3000))


def test_bounded_and_old(world):
    """What is too old goes first, and what is too many all the same."""
    g = start(world)
    stop(g)
    now = time.time_ns() // 1000
    db = sqlite3.connect(world.folder / "history.db")
    for i in range(3000):
        age = 31 * 86400 * 10**6 if i < 300 else 10**6
        db.execute("INSERT INTO event(time_us, site, type, subject, seq, json) VALUES(?,?,?,?,?,?)",
                   (now - age + i, "fra1", "many", "a", i, '{"n":%d}' % i))
    db.commit()
    db.close()
    g = start(world, more=", max-events: 1000")
    harness.wait_for("the count", lambda: g.get("/api/v1/status")["history"]["removed"] == 2000)
    assert [e["n"] for e in history(g, type="many", limit=1000)["events"]] == list(range(2000, 3000))


def test_damaged_is_set_aside(world):
    file = world.folder / "history.db"
    g = start(world)
    flap(g)
    stop(g)
    good = file.read_bytes()
    for damage in b"not a database at all\n" * 100, good[:100] + b"\xa5" * (len(good) - 100):
        (world.folder / "history.db-wal").unlink(missing_ok=True)
        file.write_bytes(damage)
        for old in world.folder.glob("*.damaged-*"):
            old.unlink()
        g = start(world)
        aside = list(world.folder.glob("history.db.damaged-*Z"))
        assert len(aside) == 1 and aside[0].read_bytes() == damage, aside
        assert f"{file} is damaged; it was set aside as {aside[0]} and a new one begun" in \
            g.log_path.read_text()
        flap(g)
        types = [e["type"] for e in history(g)["events"]]
        assert types[-2:] == ["neighbour-up", "neighbour-down"], types
        stop(g)


def test_of_somebody_else(world):
    """A database that is not ours is left as it is, and so is a file that has another ending."""
    file = world.folder / "history.db"
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE accounts(x)")
    db.commit()
    db.close()
    before = file.read_bytes()
    text = glass.CONFIG.format(asn=65000, http="port: 8480", neighbours=glass.neighbour("a", A, 65001))
    for name, why in [(file, "the database of another program"), ("/etc/passwd", "ends in .db"),
                      ("history.db", "absolute path"), (world.folder / "no/such.db", "unable to open")]:
        path = world.file("c.yaml", text + f"history: {{file: {name}}}\n")
        run = subprocess.run([harness.BUILD / "nearglass/nearglass", "-c", path], capture_output=True,
                             text=True, timeout=harness.WAIT_S)
        assert run.returncode == 1 and why in run.stderr, (name, run)
    assert file.read_bytes()[100:] == before[100:] and not list(world.folder.glob("*.damaged*"))


def test_full_disk(world):
    """What does not fit is lost, counted and told once; the sessions and the rest go on; then there is room."""
    if harness.LIBC.unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise harness.Skip("needs root: cannot make a mount namespace")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    disk = world.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], check=True)
    world.closers.append(lambda: subprocess.run(["umount", "-l", disk], check=False))
    g = start(world, disk / "history.db")
    flap(g)
    fill = disk / "fill"
    with open(fill, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    state = lambda: g.get("/api/v1/status")["history"]
    for _ in range(300):  # the log has some room of its own at first
        glass.connect(A, 65001).close()
        if state()["losing"]:
            break
    harness.wait_for("a loss", lambda: state()["lost"] > 0)
    harness.wait_for("the line", lambda: "history-lost" in g.log_path.read_text())
    session = glass.connect(A, 65001)
    glass.announce(session, ["10.0.0.0/8"], [65001])
    g.wait_routes(1)
    assert history(g)["events"], "what was written can still be read"
    fill.unlink()
    session.close()
    glass.connect(A, 65001).close()
    harness.wait_for("room again", lambda: not state()["losing"])
    told = [e["type"] for e in g.get("/api/v1/events")["events"] if e["type"].startswith("history-")]
    assert told[0] == "history-lost" and "history-kept" in told, told
    written = state()["written"]
    flap(g)
    harness.wait_for("the count", lambda: state()["written"] >= written + 2)


harness.main(globals())
