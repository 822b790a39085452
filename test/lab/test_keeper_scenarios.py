#!/usr/bin/python3
"""The keeper's scenarios against real routers: BGP moves the clients, sessions live on. Of each a control
that must fail: the same without keepers.

Fewer and smaller sessions than in the shipped files, so that it takes a few minutes; bench/keeper_lab.py
plays the files as they are.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import harness
from labworld import LAB, SCENARIOS, begin

DAEMON = str(harness.BUILD / "nearcastd/nearcastd")

FEWER = 5  # times fewer of those that are many
SMALLER = 10  # times less to transfer, as slowly


def smaller(text):
    text = re.sub(r"count: (\d+)", lambda m: f"count: {max(2, int(m[1]) // FEWER)}", text)
    return re.sub(r"(size: \d+)0M, rate: (\d+)M", lambda m: f"{m[1]}M, rate: {int(m[2]) * 1024 // SMALLER}K", text)


def play(world, name, *options, steps=None, brief=False, changes=()):
    begin(world, "knotd", "nginx", "gtlsserver", "gtlsclient", "nft", DAEMON)
    text = smaller((SCENARIOS / f"{name}.yaml").read_text())
    if brief:  # no transfers, which take their time also when they are cut
        text = re.sub(r"  - \{name: (download6?|upload|quic)[^}]*\}\n", "", text)
    if steps:
        head, timeline = text.split("timeline:\n")
        text = f"{head}timeline:\n" + "  - at:".join(timeline.split("  - at:")[:steps + 1])
    for old, new in changes:
        assert re.search(old, text), old
        text = re.sub(old, new, text)
    path = world.file(f"{name}.yaml", text)
    done = subprocess.run([LAB, "run", "-j", "--no-web", *options, path], capture_output=True, text=True, timeout=150)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode == 0) == report["ok"], done
    return report, done.stderr


def count(report, key):
    return sum(group[key] for group in report["sessions"])


def holds(world, name, least):
    """All of it; no session breaks but those that are to. Returns the report."""
    report, err = play(world, name)
    wrong = [event for event in report["events"] if not event["ok"]]
    groups = [group for group in report["sessions"] if group["verdict"] != "ok"]
    why = json.dumps({"events": wrong, "breaks": report["breaks"], "sessions": groups}, indent=1)
    assert report["ok"], f"{why}\n{err}"
    assert count(report, "sessions") >= least, report["sessions"]
    assert sum(k["forwarded"] or 0 for k in report["keepers"]) > 100, report["keepers"]
    longest = max(group["longest_wait_ms"] for group in report["sessions"])
    print(f"# {name}: {count(report, 'sessions')} sessions, {count(report, 'broken')} broken, longest wait "
          f"{longest:.0f} ms, lab late by {report['lab_late_ms']:.0f} ms", flush=True)
    return report


def breaks(world, name, steps=1, share=0.4):
    """Control: without keepers the first steps break sessions, and that is why they do not hold."""
    report, _ = play(world, name, "--no-keeper", steps=steps, brief=True)
    assert not report["ok"] and report["keepers"] == [], report
    assert any(not event["sessions_ok"] for event in report["events"]), report["events"]
    broken, total = count(report, "broken"), count(report, "sessions")
    assert broken >= share * total, f"{broken} of {total}"
    print(f"# {name} without keepers: {broken} of {total} broken", flush=True)


def test_shift(world):
    holds(world, "shift", 150)


def test_shift_without(world):
    breaks(world, "shift", share=0.95)


def test_drain(world):
    report = holds(world, "drain", 80)
    shown = [event["output"] for event in report["events"] if event["event"] == "run" and event["output"]]
    remain = [int(re.search(r"TCP sessions that remain: (\d+)", text)[1]) for text in shown]
    # Said when the drain begins, and again when nobody reaches the site any more; the other one has none.
    assert remain[0] >= 80 and remain[1] >= 80 and remain[2] == 0, shown


def test_drain_without(world):
    breaks(world, "drain", share=0.9)


def test_flap(world):
    holds(world, "flap", 150)


def test_flap_without(world):
    breaks(world, "flap")


def test_spray(world):
    report = holds(world, "spray", 150)
    ams1 = next(k for k in report["keepers"] if k["keeper"] == "ams1")
    assert ams1["forwarded"] > 1000, ams1


def test_spray_without(world):
    breaks(world, "spray")


def test_dead(world):
    """The owner's sessions end by RST within a round trip of the client's next word, once the fleet knows."""
    report = holds(world, "dead", 100)
    (resets,) = report["resets"]
    assert resets["ok"] and resets["reset"] >= 60 and not (resets["late"] or resets["alive"]), resets
    assert resets["longest_ms"] < 50, resets
    assert {b["node"] for b in report["breaks"]} == {"fra1"}, report["breaks"]
    print(f"# dead: {resets['reset']} resets, the slowest after {resets['longest_ms']:.1f} ms")


def test_dead_without(world):
    breaks(world, "dead", share=0.3)


def test_dead_and_nobody_knows(world):
    """Control: while the fleet does not know, packets go on to the dead, and no client is told."""
    report, _ = play(world, "dead", steps=2, brief=True, changes=(
        ("fleet-bfd: 200ms\n", ""), ("fleet-hold-time: 3s", "fleet-hold-time: 90s"),
        ("settle: 3s", "settle: 1s\n    within: 5s"), ("count: [0-9]+, interval: 1h", "count: 2, interval: 1s")))
    assert not report["ok"], report
    assert report["resets"][0]["reset"] == 0, report["resets"]


def test_ecmp_sessions(world):
    report = holds(world, "ecmp-sessions", 80)
    (resets,) = report["resets"]
    assert resets["ok"] and resets["reset"] > 5, resets
    assert {b["node"] for b in report["breaks"]} == {"ams1-c"}, report["breaks"]


def test_ecmp_sessions_without(world):
    breaks(world, "ecmp-sessions", share=0.2)


def test_chain(world):
    report = holds(world, "chain", 100)
    owners = {node for group in report["sessions"] for node in group["owners"]}
    assert owners == {"fra1", "ams1", "nyc1"}, report["sessions"]


def test_chain_without(world):
    breaks(world, "chain", steps=3, share=0.6)


harness.main(globals(), at_once=2)
