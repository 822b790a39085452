#!/usr/bin/python3
"""Drain: each step as a neighbour and the host see it, and the way back from each."""

import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
import site_config as site
from test_lifecycle import SERVICE, addresses, announced, withdrawn

GSHUT = b"\xff\xff\0\0"


def begin(world, soft="300ms", hard="300ms"):
    neighbour = bgp.Neighbour(world)
    config = site.config(world).replace(
        "    announce:\n", f"    drain: {{soft: {soft}, hard: {hard}}}\n    announce:\n")
    daemon = harness.Daemon(world, config)
    session = neighbour.accept()
    session.establish()
    announced(session)
    return daemon, session


def expect_demoted(session):
    """Both prefixes again, with GSHUT and two more prepends; the time of the last."""
    seen = []
    while len(seen) < 2:
        update = session.next_update()
        assert not update["withdraw"], update
        assert GSHUT in update["attributes"][8], update["attributes"][8].hex()
        assert update["attributes"][2][1] == 3, "AS_PATH " + update["attributes"][2].hex()
        seen += update["announce"]
    return session.times[-1]


def test_steps_in_order(world):
    daemon, session = begin(world)
    reply = daemon.ask("drain", service="dns", reason="disk swap")["result"]
    assert (reply["admin"], reply["announce"]) == ("draining", "demoted"), reply
    assert reply["drain"]["stage"] == "demoted" and reply["drain"]["reason"] == "disk swap"
    demoted = expect_demoted(session)
    withdrawn(session)
    soft = session.times[-1] - demoted
    assert 0.25 < soft < 0.6, f"withdrawn {soft} s after GSHUT"
    assert addresses() >= SERVICE, "it must go on serving"
    assert daemon.status()["services"][0]["drain"]["stage"] == "withdrawn"
    harness.wait_for("the addresses to go", lambda: not addresses() & SERVICE)
    hard = time.monotonic() - session.times[-1]
    assert 0.25 < hard < 0.8, f"released {hard} s after the withdrawal"
    assert daemon.status()["services"][0]["admin"] == "drained"
    steps = [e["reason"] for e in daemon.events() if e["type"] == "drain"]
    assert steps == ["demoted", "withdrawn", "drained"], steps
    why = daemon.ask("why", prefix="198.51.100.0/24")["result"]
    assert (why["announce"], why["reason"]) == ("withdrawn", "drained"), why
    assert daemon.ask("undrain", service="dns")["result"]["admin"] == "active"
    announced(session)
    assert addresses() >= SERVICE


def test_back_from_demoted(world):
    daemon, session = begin(world, soft="1m")
    daemon.ask("drain", service="dns")
    expect_demoted(session)
    daemon.ask("undrain", service="dns")
    update = session.next_update()
    assert GSHUT not in update["attributes"][8] and update["attributes"][2][1] == 1


def test_back_from_withdrawn(world):
    daemon, session = begin(world, soft="0s", hard="1m")
    reply = daemon.ask("drain", service="dns")["result"]
    assert str(reply["drain"]["next_seconds"])[0] != "-", reply
    expect_demoted(session)
    withdrawn(session)
    daemon.ask("undrain", service="dns")
    announced(session)
    assert daemon.ask("undrain", service="dns")["result"]["changed"] is False


def test_comes_back_by_itself(world):
    daemon, session = begin(world, soft="100ms", hard="100ms")
    daemon.ask("drain", service="dns", for_seconds=1)
    expect_demoted(session)
    withdrawn(session)
    announced(session)
    assert daemon.status()["services"][0]["admin"] == "active"
    assert daemon.status()["services"][0]["drain"] is None


def test_reload_goes_on(world):
    """A reload in the middle of a drain does not announce the service again."""
    daemon, session = begin(world, soft="0s", hard="1m")
    daemon.ask("drain", service="dns")
    expect_demoted(session)
    withdrawn(session)
    after = daemon.events()[-1]["seq"]
    assert daemon.ask("reload")["ok"]
    assert daemon.status()["services"][0]["drain"]["stage"] == "withdrawn"
    assert not [e for e in daemon.events(after) if e["type"] == "announced"]


def test_drained_twice_is_no_flapping(world):
    """A drained service has no address, and its check fails: that is nothing to be held down for."""
    neighbour = bgp.Neighbour(world)
    config = site.config(world).replace("hold-down: {first: 0}", "hold-down: {first: 1h, max: 2h}")
    config = config.replace("    announce:\n", "    drain: {soft: 0, hard: 0}\n    announce:\n").replace(
        "    checks:\n", "    checks:\n      - {kind: address, interval: 100ms, timeout: 100ms}\n")
    daemon = harness.Daemon(world, config)
    session = neighbour.accept()
    session.establish()
    announced(session)
    for _ in range(3):
        after = daemon.events()[-1]["seq"]
        daemon.ask("drain", service="dns")
        daemon.wait_event("health_changed", after=after, reason="down")
        after = daemon.events()[-1]["seq"]
        daemon.ask("undrain", service="dns")
        daemon.wait_event("health_changed", after=after, reason="up")
        assert daemon.status()["services"][0]["prefixes"][0]["reason"] == "healthy", daemon.log()


def test_refusals(world):
    daemon, _ = begin(world)
    assert daemon.ask("drain", service="nosuch")["error"]["code"] == "not-found"
    assert daemon.ask("drain", service="dns", for_seconds=-1)["error"]["code"] == "bad-request"
    for wrong in ("30m", True, [1], None):  # and not a drain without end
        reply = daemon.ask("drain", service="dns", for_seconds=wrong)
        assert reply["error"]["code"] == "bad-request", (wrong, reply)
    assert daemon.status()["services"][0]["drain"] is None
    assert daemon.ask("off", service="dns")["ok"]
    assert daemon.ask("drain", service="dns")["error"]["code"] == "refused"
    assert daemon.ask("on", service="dns")["ok"]


def test_off_ends_a_drain(world):
    daemon, session = begin(world, soft="1m")
    daemon.ask("drain", service="dns")
    expect_demoted(session)
    daemon.ask("off", service="dns")
    withdrawn(session)
    assert daemon.status()["services"][0]["admin"] == "off"
    assert daemon.status()["services"][0]["drain"] is None


def test_tool(world):
    daemon, session = begin(world, soft="1m", hard="10m")
    nearcast = [harness.BUILD / "nearcast/nearcast", "-s", daemon.control]
    run = lambda *words: subprocess.run([*nearcast, *words], capture_output=True, text=True)
    drained = run("drain", "dns", "--for", "1h", "--reason", "disk swap")
    assert drained.returncode == 0, drained.stderr
    assert "dns is draining and demoted. It will be withdrawn in" in drained.stdout, drained.stdout
    assert "comes back in" in drained.stdout
    expect_demoted(session)
    assert "draining" in run("status").stdout
    assert run("undrain", "--all").stdout == "dns is active and announced.\n"
    for words in (("drain",), ("drain", "dns", "--all"), ("drain", "dns", "--for", "soon"),
                  ("drain", "dns", "--for", "0"), ("undrain", "dns", "--for", "1h")):
        assert run(*words).returncode == 2, words
    assert run("drain", "nosuch").returncode == 1


def test_sigterm_drains_first(world):
    """SIGTERM is a drain in short: GSHUT, the withdrawal, Cease, and then the addresses."""
    neighbour = bgp.Neighbour(world)
    config = site.config(world, grace="200ms").replace("stop-drain: 0s", "stop-drain: 300ms")
    daemon = harness.Daemon(world, config)
    session = neighbour.accept()
    session.establish()
    announced(session)
    daemon.process.terminate()
    demoted = expect_demoted(session)
    withdrawn(session)
    assert 0.25 < session.times[-1] - demoted < 0.6
    assert addresses() >= SERVICE
    session.expect_notification(6, 2)
    session.close()
    assert daemon.process.wait(10) == 0
    assert not addresses() & SERVICE


if __name__ == "__main__":
    harness.main(globals())
