#!/usr/bin/python3
"""The scenarios of the fleet against real routers and reflectors, and of each a variant that must fail.

A variant is the shipped file with one thing changed, cut down to the steps that show it.
"""

import json
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import harness
from labworld import LAB, SCENARIOS, begin

DAEMON = str(harness.BUILD / "nearcastd/nearcastd")


def play(path):
    done = subprocess.run([LAB, "run", "-j", "--no-web", path], capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def shipped(world, name):
    begin(world, "knotd", "/usr/lib/frr/bgpd", DAEMON)
    status, report, err = play(SCENARIOS / f"{name}.yaml")
    wrong = [event for event in report["events"] if not event["ok"]]
    assert status == 0 and report["ok"], f"{json.dumps(wrong, indent=1)}\n{err}"
    return report


def variant(world, name, *changes, steps):
    """The first steps of a scenario with each (old, new) changed; they must not hold."""
    begin(world, "knotd", "/usr/lib/frr/bgpd", DAEMON)
    text = (SCENARIOS / f"{name}.yaml").read_text()
    head, timeline = text.split("timeline:\n")
    timeline = "  - at:".join(timeline.split("  - at:")[:steps + 1])
    text = f"{head}timeline:\n{timeline}"
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    status, report, _ = play(world.file(f"{name}.yaml", "within: 8s\n" + text))
    assert status == 1 and not report["ok"], report
    return report


def step(report, event, target=None):
    return next(e for e in report["events"] if e["event"] == event and target in (None, e["target"]))


def lost(report):
    return sum(c["queries_lost"] for e in report["events"] for c in e["clients"])


def test_crash_beside_able(world):
    report = shipped(world, "crash-beside-able")
    assert (report["fewest_announced"], report["fewest_held"]) == (1, 1), report
    assert step(report, "kill")["announced"] == "sin1"


def test_hang_is_no_crash(world):
    """Control: servers that only hang are soft evidence, and then one of the two is held."""
    report = variant(world, "crash-beside-able", ("event: kill", "event: stop"), steps=2)
    assert step(report, "stop")["announced"] == "fra1, sin1", report
    assert not step(report, "stop")["announced_ok"]


def test_shared_fate(world):
    report = shipped(world, "shared-fate")
    assert lost(report) == 0, report
    assert (report["fewest_announced"], report["fewest_held"]) == (2, 2), report


def test_shared_fate_without_guard(world):
    """Control: with min-sites 0 all four sites withdraw, and nobody is answered."""
    report = variant(world, "shared-fate", ("min-sites: 50%", "min-sites: 0"), steps=2)
    assert (report["fewest_announced"], report["fewest_held"]) == (0, 0), report
    assert not report["fewest_ok"], report
    last = report["events"][-1]
    assert last["announced"] == "" and lost(report) > 0, last
    assert all(client["answered_after"] is None for client in last["clients"]), last


def test_partition(world):
    report = shipped(world, "partition")
    assert (report["fewest_announced"], report["fewest_held"]) == (2, 2), report


def test_partition_without_guard(world):
    """Control: without a guard New York does not hold on."""
    report = variant(world, "partition", ("min-sites: 50%", "min-sites: 0"), steps=5)
    hang = step(report, "stop")
    assert hang["announced"] == "lon1, sea1" and not hang["fewest_ok"], hang


def test_reflectors(world):
    report = shipped(world, "reflectors")
    table = step(report, "run", "rr1")["output"]
    for node in range(1, 9):  # each site's id and health, as doc/fleet.md explains them
        assert f"(64500, 9001, {node})" in table, table
    assert table.count("(64500, 9003, 1)") >= 8, table
    assert all(len(e["heard"]) == 7 for e in report["events"] if e["event"] == "kill" and "heard" in e)


def test_only_reflector_killed(world):
    """Control: with one reflector for all, who kills it has every site lose sight of the others."""
    report = variant(world, "reflectors", ("upstreams: [", "fleet: [rr1], upstreams: ["),
                     ("-qx 24", "-qx 8"), steps=6)
    view = report["events"][4]
    assert view["event"] == "run" and "status 1" in view["failure"], view
    crash = report["events"][5]
    assert not crash["heard_ok"] and all(h["took_ms"] is None for h in crash["heard"]), crash


def test_ecmp(world):
    report = shipped(world, "ecmp")
    assert step(report, "run", "polder")["output"].count("nexthop") == 3, report
    drain = step(report, "run", "ams1-b")
    assert sum(c["queries_lost"] for c in drain["clients"]) == 0, drain


def test_ecmp_without_drain(world):
    """Control: a node whose server hangs instead of being drained loses queries."""
    report = variant(world, "ecmp", (
        "event: run\n    target: ams1-b\n    command: [nearcast, -s, control, drain, dns, --reason, new kernel]",
        "event: stop\n    target: ams1-b/dns"), steps=1)
    assert [c["verdict"] for c in report["events"][0]["clients"]] == ["lost", "lost", "ok"], report


harness.main(globals(), at_once=2)
