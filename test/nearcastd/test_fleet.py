#!/usr/bin/python3
"""The fleet as its nodes live it: they see each other, and the guard holds the last of them."""

import socket
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bfdworld
import harness
from fleet_site import Node, mesh, own_address, peer

GSHUT = b"\xff\xff\0\0"


def tool(node, *words):
    return subprocess.run([harness.BUILD / "nearcast/nearcast", "-s", node.daemon.control, *words],
                          capture_output=True, text=True)


def chain(node, event):
    """The types of an event and its causes, the first cause first."""
    events = {e["seq"]: e for e in node.daemon.events()}
    types = []
    while event:
        types.insert(0, event["type"])
        event = events.get(event["cause_seq"])
    return types


def last_of(node, type_):
    return [e for e in node.daemon.events() if e["type"] == type_][-1]


def test_two_see_each_other(world):
    one, two = mesh(world, 11, 12)
    row = one.fleet()["s12-a"]
    assert (row["site"], row["address"], row["service"]) == ("s12", "10.9.0.12", "dns"), row
    assert (row["health"], row["admin"], row["announce"]) == ("up", "active", "announced"), row
    assert (row["standing"], row["id"], row["lost"], row["own"]) == ("able", 12, False, False), row
    assert one.fleet()["s11-a"]["own"] is True
    seen = one.daemon.wait_event("site_seen")
    assert seen["subject"] == "s12", seen
    assert one.service_status()["guard"] == {
        "min_sites": "50%", "known": 2, "required": 1, "able": 1, "rank": None, "verdict": "free",
        "standing": "able"}
    status = one.daemon.status()
    assert status["fleet_sessions"][0]["state"] == "Established", status["fleet_sessions"]
    assert status["fleet_conflicts"] == []
    shown = tool(one, "show", "fleet")
    assert shown.returncode == 0 and "dns: min-sites 50% of 2 known is 1; 1 able" in shown.stdout
    assert "s12-a" in shown.stdout and "10.9.0.12" in shown.stdout, shown.stdout
    assert tool(one, "-j", "show", "fleet").stdout.count('"standing":"able"') == 3


def test_shared_fate(world):
    """A check that fails everywhere at once: as many as min-sites stay, demoted; then all return."""
    nodes = mesh(world, 11, 12, 13)
    for node in nodes:
        node.set_up(False)
    nodes[0].wait("demoted", "guard-hold")
    nodes[1].wait("demoted", "guard-hold")
    nodes[2].wait("withdrawn", "check-failed")
    held = last_of(nodes[0], "guard_hold")
    assert "2 of 3 known sites must announce" in held["detail"], held
    causes = chain(nodes[0], held)  # told first, unless it heard of the others before
    assert [c for c in causes if c != "decided"] == ["check_failed", "health_changed", "guard_hold"]
    assert chain(nodes[0], last_of(nodes[0], "announced"))[-2:] == ["decided", "announced"]
    update = nodes[0].session.next_update()
    while GSHUT not in update["attributes"].get(8, b""):
        assert not update["withdraw"], update
        update = nodes[0].session.next_update()
    assert "s11: dns is down and demoted at 1 of 1 upstream (guard-hold)." in tool(
        nodes[0], "status").stdout
    why = tool(nodes[0], "why", "198.51.100.0/24").stdout
    assert "guard dns: hold (2 of 3 known sites must announce; able besides this node: none; " \
           "held: s12 (soft))" in why, why
    # Never fewer than two, as the routers heard it: only the third was ever withdrawn.
    for node, times in zip(nodes, (0, 0, 1)):
        gone = [e for e in node.daemon.events() if e["type"] == "withdrawn"]
        assert len(gone) == times, (node.name, gone)
    for node in nodes:
        node.set_up(True)
    for node in nodes:
        node.wait("announced", "healthy")
    released = last_of(nodes[0], "guard_release")
    assert released["seq"] > held["seq"], released  # healthy first, or enough others were


def test_without_a_fleet_all_go(world):
    """Control: the same failure where nothing holds."""
    nodes = [Node(world, n, [], service="announce-after: 0s") for n in (11, 12)]
    for node in nodes:
        node.set_up(False)
    for node in nodes:
        node.wait("withdrawn", "check-failed")
        assert node.daemon.status()["fleet"] == [] and node.service_status()["guard"] is None


def test_no_guard_if_told_so(world):
    """Control: min-sites: 0."""
    nodes = mesh(world, 11, 12, service="guard-wait: 100ms\n    min-sites: 0")
    for node in nodes:
        node.set_up(False)
    for node in nodes:
        node.wait("withdrawn", "check-failed")


def test_one_of_two(world):
    """The other is able: told first, announced as draining meanwhile, and then gone."""
    one, two = mesh(world, 11, 12, service="guard-wait: 300ms")
    one.set_up(False)
    one.wait("demoted", "guard-tells")
    one.wait("withdrawn", "check-failed")
    times = {e["reason"]: e["time"] for e in one.daemon.events() if e["type"] == "decided"}
    waited = float(times["check-failed"][-10:-1]) - float(times["guard-tells"][-10:-1])
    assert 0.29 < waited % 60 < 0.6, waited
    assert chain(one, last_of(one, "withdrawn"))[:3] == [
        "check_failed", "health_changed", "decided"]
    assert two.announce() == "announced"
    # The second fails while the first is down: held, although it has said so too.
    two.set_up(False)
    harness.wait_for("one of them to hold", lambda: {one.reason(), two.reason()} & {"guard-hold"})
    assert {one.announce(), two.announce()} & {"demoted"}


def test_nobody_hears(world):
    """An able node that lost its upstream stands in for nobody: the other one is held."""
    one, two = mesh(world, 11, 12, service="guard-wait: 300ms")
    harness.wait_for("one to be seen", lambda: two.fleet()["s11-a"]["standing"] == "able")
    one.session.close()
    harness.wait_for("one to stand out", lambda: two.fleet()["s11-a"]["standing"] == "out")
    assert two.fleet()["s11-a"]["announce"] == "withdrawn"
    two.set_up(False)
    two.wait("demoted", "guard-hold")
    one.session = one.router.accept()
    one.session.establish()
    two.wait("withdrawn", "check-failed")
    assert two.fleet()["s11-a"]["standing"] == "able"


def test_hard_evidence(world):
    """A process that is gone: withdrawn at once beside an able site, held only as the last one."""
    servers = [socket.create_server((own_address(n), 5353)) for n in (11, 12)]
    one, two = mesh(world, 11, 12, check="kind: tcp, server: {address}, port: 5353, "
                                         "interval: 100ms, timeout: 100ms, fall: 1, rise: 1")
    servers[0].close()
    one.wait("withdrawn", "check-failed")
    reasons = [e["reason"] for e in one.daemon.events() if e["type"] == "decided"]
    assert "guard-tells" not in reasons and "guard-hold" not in reasons, reasons
    harness.wait_for("the other to hear", lambda: two.fleet()["s11-a"]["standing"] == "hard")
    assert two.fleet()["s11-a"]["evidence"] == "hard"
    servers[1].close()
    one.wait("demoted", "guard-hold")  # the first by name, as they are alike
    two.wait("withdrawn", "check-failed")
    assert "guard-waits" in [e["reason"] for e in two.daemon.events() if e["type"] == "decided"]


def test_isolated(world):
    """It hears nobody: soft evidence holds, or withdraws where the operator wants that."""
    hold = Node(world, 11, [99])
    go = Node(world, 12, [99], service="guard-wait: 100ms\n    isolated: withdraw")
    for node in (hold, go):
        node.wait("announced")
        node.set_up(False)
    hold.wait("demoted", "isolated")
    go.wait("withdrawn", "check-failed")
    event = hold.daemon.wait_event("guard_hold")
    assert event["reason"] == "isolated", event
    refused = tool(hold, "drain", "dns")
    assert refused.returncode == 1 and "no other node of the fleet is heard" in refused.stderr
    assert hold.service_status()["guard"]["verdict"] == "isolated"
    # A reload takes the fleet away while the guard holds: this node decides alone.
    hold.peers, hold.service = [], "announce-after: 0s"
    assert hold.reload()["ok"]
    hold.wait("withdrawn", "check-failed")
    assert last_of(hold, "guard_release")["detail"] == "there is no fleet"


def test_nothing_is_begun_alone(world):
    """A node that starts with a failing check does not announce before it has listened."""
    node = Node(world, 11, [99], up=False)
    node.wait("withdrawn", "check-failed")
    assert node.service_status()["guard"]["verdict"] == "free"
    assert not [e for e in node.daemon.events() if e["type"] == "announced"]


def test_partition(world):
    """Sessions cut: each side keeps what it has. The one that fails then is held."""
    one, two = mesh(world, 11, 12)
    two.peers = [99]
    assert two.reload()["ok"]
    one.sees()
    lost = one.daemon.wait_event("site_lost")
    assert chain(one, lost) == ["fleet_down", "site_lost"], lost
    one.set_up(False)
    one.wait("demoted", "isolated")
    two.wait("announced")
    assert one.fleet()["s12-a"]["lost"] is True and one.fleet()["s12-a"]["seen_seconds"] > 0
    two.peers = [11]
    assert two.reload()["ok"]
    one.sees("s12-a")
    one.wait("withdrawn", "check-failed")
    assert last_of(one, "guard_release")["seq"] > last_of(one, "guard_hold")["seq"]


class Beyond:
    """The world as seen by processes of another namespace."""

    def __init__(self, world, namespace):
        self.folder, self.file = world.folder, world.file
        self.start = lambda *command, **kwargs: world.start(*namespace.command(*command), **kwargs)


def test_bfd(world):
    """A path that breaks without a word: BFD ends the session, and the site is lost at once."""
    link = bfdworld.Link(world)
    daemons = []
    for number, there in ((11, world), (12, Beyond(world, link.peer))):
        other = peer(23 - number, number, more=", bfd: {interval: 50ms}")
        config = Node(world, number, [other], start=False).config()
        config = config.replace("10.9.0.11", bfdworld.SITE).replace("10.9.0.12", bfdworld.PEER)
        daemons.append(harness.Daemon(there, config, f"nearcastd{number}"))
    one, two = daemons
    for daemon, site in ((one, "s12"), (two, "s11")):
        assert daemon.wait_event("bfd_up") and daemon.wait_event("site_seen", subject=site)
    session = one.status()["fleet_sessions"][0]
    assert session["bfd"] == "Up" and session["hold_time_seconds"] == 90, session
    last = one.events()[-1]["seq"]
    link.cut()
    lost = one.wait_event("site_lost", after=last)
    events = {e["seq"]: e for e in one.events()}
    down = events[lost["cause_seq"]]
    assert (down["type"], down["reason"]) == ("fleet_down", "bfd"), down
    assert events[down["cause_seq"]]["type"] == "bfd_down"
    link.mend()
    assert one.wait_event("site_seen", after=lost["seq"], seconds=20)


def test_restart(world):
    """A node that is killed and comes back is taken for what it says then."""
    one, two = mesh(world, 11, 12)
    before = one.fleet()["s12-a"]["since_seconds"]
    two.daemon.process.kill()
    two.daemon.process.wait()
    one.sees()
    two.set_up(False)
    two.start()
    one.sees("s12-a")
    harness.wait_for("its new state", lambda: one.fleet()["s12-a"]["health"] == "down")
    two.set_up(True)
    harness.wait_for("its next state", lambda: one.fleet()["s12-a"]["standing"] == "able")
    assert before >= 0 and one.announce() == "announced"


def test_two_nodes_of_a_site(world):
    """A site is able while any of its nodes is: the other may go at once, and may be drained."""
    nodes = [Node(world, n, [m for m in (11, 12) if m != n], site="fra", name=f"fra-{n}")
             for n in (11, 12)]
    for node in nodes:
        node.wait("announced")
    nodes[0].sees("fra-12")
    nodes[1].sees("fra-11")
    assert nodes[0].service_status()["guard"]["known"] == 1
    assert tool(nodes[0], "drain", "dns").returncode == 0
    refused = tool(nodes[1], "drain", "dns")
    assert refused.returncode == 1, refused.stdout
    assert tool(nodes[0], "undrain", "dns").returncode == 0
    harness.wait_for("it to be able again",
                     lambda: nodes[1].fleet()["fra-11"]["standing"] == "able")
    assert tool(nodes[1], "drain", "dns").returncode == 0


def test_drain_and_off_are_refused(world):
    one, two, three = mesh(world, 11, 12, 13)
    assert tool(one, "drain", "dns").returncode == 0  # two others are able, two are wanted
    harness.wait_for("the others to hear", lambda: all(
        n.fleet()["s11-a"]["standing"] == "draining" for n in (two, three)))
    for verb in ("drain", "off"):
        refused = tool(two, verb, "dns")
        assert refused.returncode == 1, refused.stdout
        assert "the guard refuses: 2 of 3 known sites must announce; able besides this node: " \
               "s13; not able: s11 (draining); missing: none" in refused.stderr, refused.stderr
        assert "--force" in refused.stderr
    assert two.announce() == "announced" and two.service_status()["admin"] == "active"
    reply = two.daemon.ask("off", service="dns")
    assert reply["error"]["code"] == "refused", reply
    forced = tool(two, "off", "dns", "--force")
    assert forced.returncode == 0 and two.announce() == "withdrawn", forced.stderr
    assert tool(two, "off", "dns").returncode == 0  # as it is already
    assert tool(two, "on", "dns").returncode == 0
    two.wait("announced", "healthy")
    assert tool(two, "status", "--force").returncode == 2


def test_drain_goes_through(world):
    """With enough others a drain takes its course; the guard is asked at the withdrawal too."""
    soft = "drain: {soft: 300ms, hard: 1m}\n    guard-wait: 100ms"
    one, two, three = mesh(world, 11, 12, 13, service=soft)
    assert tool(one, "drain", "dns").returncode == 0
    one.wait("demoted", "draining")
    one.wait("withdrawn", "draining")
    assert tool(one, "undrain", "dns").returncode == 0
    one.wait("announced", "healthy")
    harness.wait_for("the others to see it", lambda: two.fleet()["s11-a"]["standing"] == "able")
    # While it drains, another site fails: the first of the ranking, which it is, is held.
    assert tool(one, "drain", "dns").returncode == 0
    two.set_up(False)
    one.wait("demoted", "guard-hold")
    two.set_up(True)
    one.wait("withdrawn", "draining")
    # And --force is not asked again.
    assert tool(one, "undrain", "dns").returncode == 0
    one.wait("announced", "healthy")
    two.set_up(False)
    harness.wait_for("it to hear", lambda: one.fleet()["s12-a"]["standing"] == "soft")
    assert tool(one, "drain", "dns").returncode == 1
    assert tool(one, "drain", "dns", "--force").returncode == 0
    one.wait("withdrawn", "draining")


def test_held_drain(world):
    """A drain that the guard holds ends when it lets go, and not by its own time."""
    quick = "drain: {soft: 1s, hard: 0}\n    guard-wait: 100ms"
    one, two = mesh(world, 11, 12, service=quick)
    two.set_up(False)
    two.wait("withdrawn")
    assert tool(one, "drain", "dns").returncode == 1, "nobody else is able"
    two.set_up(True)
    two.wait("announced")
    harness.wait_for("it to be able", lambda: one.fleet()["s12-a"]["standing"] == "able")
    assert tool(one, "drain", "dns").returncode == 0
    two.set_up(False)
    one.wait("demoted", "guard-hold")
    assert tool(one, "drain", "dns").stdout.endswith(
        "It will be withdrawn as soon as the guard lets it.\n")
    chain = one.daemon.ask("why", prefix="198.51.100.0/24")["result"]["chain"]
    assert "withdrawn as soon as the guard lets it" in [s["detail"] for s in chain], chain
    drain = one.service_status()["drain"]
    assert drain["stage"] == "withdrawn" and drain["next_seconds"] is None, drain
    assert one.reload()["ok"]
    assert one.reason() == "guard-hold"
    two.set_up(True)
    one.wait("withdrawn", "drained")


def test_reload(world):
    """Sessions go on over what is not theirs; min-sites that differ are an error on both sides."""
    one, two = mesh(world, 11, 12)
    sessions = lambda: [n.daemon.status()["fleet_sessions"][0]["established"] for n in (one, two)]
    before = sessions()  # more than one each where both opened at once
    one.service = "guard-wait: 200ms\n    min-sites: 2"
    assert one.reload()["ok"]
    for node in (one, two):
        event = node.daemon.wait_event("fleet_conflict")
        assert "min-sites of 1 node differs" in event["detail"], event
    assert one.daemon.status()["fleet_conflicts"][0]["subject"] == "198.51.100.0/24"
    assert "Conflict: min-sites" in tool(two, "show", "fleet").stdout
    assert "Conflict in the fleet: min-sites" in tool(two, "status").stdout
    assert one.service_status()["guard"]["required"] == 2
    two.service = one.service
    assert two.reload()["ok"]
    for node in (one, two):
        node.daemon.wait_event("fleet_agreed")
        assert node.daemon.status()["fleet_conflicts"] == []
    assert sessions() == before
    bad = one.config().replace("id: 11,", "")
    refused = one.daemon.reload(bad)
    assert "a node of a fleet needs a number" in refused["error"]["message"], refused
    assert one.reload()["ok"]
    # Without a fleet, and with one again.
    one.peers, one.service = [], "announce-after: 0s"
    assert one.reload()["ok"]
    two.sees()
    assert one.daemon.status()["fleet"] == []
    one.peers, one.service = [12], two.service
    assert one.reload()["ok"]
    two.sees("s11-a")
    one.sees("s12-a")
    # As another node: the others see the new one, the old one is lost.
    one.name = "renamed"
    assert one.reload()["ok"]
    two.sees("renamed")


def test_conflicts(world):
    """Two nodes with one name and one id: an error for everybody, and over when one is gone."""
    one, two, three = (Node(world, n, [m for m in (11, 12, 13) if m != n], name="same" if n > 11
                            else None) for n in (11, 12, 13))
    for node in (one, two, three):
        node.wait("announced")
    event = one.daemon.wait_event("fleet_conflict", subject="same")
    assert "two nodes are called same: id 12 (10.9.0.12) and id 13 (10.9.0.13)" == event["detail"]
    assert two.daemon.wait_event("fleet_conflict", subject="same")
    assert one.daemon.status()["fleet_conflicts"][0]["subject"] == "same"
    three.daemon.process.terminate()
    over = one.daemon.wait_event("fleet_agreed", subject="same")
    assert over["seq"] > event["seq"]
    assert one.daemon.status()["fleet_conflicts"] == []


if __name__ == "__main__":
    harness.main(globals())
