#!/usr/bin/python3
"""The fleet's sessions as a scripted neighbour sees them: what is said, what is taken, what is
refused, and that nothing of it meets what upstreams are told."""

import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import fleet_site as fleet
import harness
from fleet_site import AS, PREFIX, Node, Speaker, address, name_values, peer, state

NO_EXPORT = b"\xff\xff\xff\1"
KEYS = range(9000, 9100)


def begin(world, more="", number=250, **kwargs):
    """A node with one scripted peer, in session, which has told all it knows."""
    speaker = Speaker(world, number)
    node = Node(world, 11, [peer(number, 11, name="rr", more=more)], **kwargs)
    speaker.join()
    speaker.end_of_rib()
    node.wait("announced")
    return node, speaker


def said(session, prefix=PREFIX, **want):
    """The next thing said of the prefix that has these values, as (update, {key: value})."""
    while True:
        update = session.next_update()
        if prefix not in update["announce"]:
            continue
        values = {k: v for g, k, v in bgp.read_large(update["attributes"][32]) if g == AS}
        if all(values.get(getattr(fleet, k)) == v for k, v in want.items()):
            return update, values


def refused(node):
    return node.daemon.status()["fleet_sessions"][0]["refused"]


def wait_refused(node, reason, count=1):
    harness.wait_for(f"{count} x {reason}: {refused(node)}",
                     lambda: refused(node).get(reason, 0) >= count)


def test_what_is_said(world):
    speaker = Speaker(world)
    node = Node(world, 11, [peer(250, 11)], prefixes=f'{PREFIX}, "2001:db8:53::/48"',
                service="min-sites: 34%\n    priority: 7\n    capacity: 5000\n    guard-wait: 300ms")
    speaker.join()
    update, values = said(speaker.session, HEALTH=1)
    a = update["attributes"]
    assert a[3] == socket.inet_aton(node.address), "NEXT_HOP is the node's address"
    assert a[2] == b"" and a[5] == struct.pack("!I", 100)
    assert NO_EXPORT in a[8], a[8].hex()
    serial = values.pop(fleet.SERIAL)
    assert abs(serial - time.time()) < 60, serial
    assert values == {
        fleet.VERSION: 1, fleet.NODE: 11, fleet.STANDING: 0, fleet.HEALTH: 1, fleet.ADMIN: 0,
        fleet.ANNOUNCE: 2, fleet.EVIDENCE: 0, fleet.PRIORITY: 7, fleet.CAPACITY: 5000,
        fleet.MIN_SHARE: 34, **name_values(fleet.SITE_NAME, "s11"),
        **name_values(fleet.NODE_NAME, "s11-a")}, values
    # IPv6 over the session over IPv4, with the node's IPv6 address.
    update = speaker.session.next_update()
    while "2001:db8:53::/48" not in update["announce"]:
        update = speaker.session.next_update()
    assert update["attributes"][14][4:20] == socket.inet_pton(socket.AF_INET6, "2001:db8::11")
    # Another node is able, for one of the prefixes alone: held. For both: told first, demoted,
    # and then gone. Each word with a later serial.
    speaker.say(12)
    node.sees("s12-a")
    node.set_up(False)
    _, first = said(speaker.session, STANDING=4, ANNOUNCE=1, EVIDENCE=1)
    node.wait("demoted", "guard-hold")
    held = [e for e in node.daemon.events() if e["type"] == "guard_hold"][-1]
    assert "1 of 1 known site must announce 2001:db8:53::/48; able besides this node: none" in \
        held["detail"], held
    speaker.say6(12, "2001:db8:53::/48")
    _, then = said(speaker.session, STANDING=4, ANNOUNCE=0)
    assert serial < first[fleet.SERIAL] < then[fleet.SERIAL]
    # The operator's word, and the end.
    node.set_up(True)
    said(speaker.session, STANDING=0, ANNOUNCE=2)
    assert node.daemon.ask("off", service="dns", force=True)["ok"]
    said(speaker.session, STANDING=6, ADMIN=3, ANNOUNCE=0)
    node.daemon.process.terminate()
    speaker.session.expect_notification(6, 2)


def test_order(world):
    """A node that comes back announces first and says so then; one that goes says it first."""
    node, speaker = begin(world, service="guard-wait: 0s\n    min-sites: 0")
    said(speaker.session, ANNOUNCE=2)
    told_up = speaker.session.times[-1]
    assert PREFIX in node.session.next_update()["announce"]
    node.set_up(False)
    said(speaker.session, ANNOUNCE=0)
    assert node.session.next_update()["withdraw"] == [PREFIX]
    events = [e["type"] for e in node.daemon.events() if e["type"] in ("announced", "withdrawn")]
    assert events == ["announced", "withdrawn"] and told_up


def test_never_to_an_upstream(world):
    """What the fleet says stays in the fleet; what upstreams send never enters it."""
    node, speaker = begin(world)
    speaker.say(12)
    node.sees("s12-a")
    node.set_up(False)
    node.wait("withdrawn")
    node.set_up(True)
    node.wait("announced")
    # The router plays the fleet's part: nothing of it is heard.
    router = node.session
    values = [(AS, k, v) for k, v in state(13).items()]
    router.send(bgp.raw_update(
        bgp.attribute(1, b"\0") + bgp.attribute(2, b"\2\1" + struct.pack("!I", 64496)) +
        bgp.attribute(3, socket.inet_aton("192.0.2.1")) + bgp.large_communities(values),
        bgp.nlri(PREFIX)))
    harness.wait_for("the router's route", lambda: node.daemon.status()["upstreams"][0]["received"])
    node.sees("s12-a")
    # All that the router ever got: the service's own announcements.
    speaker.unsay(12)
    node.sees()
    node.daemon.process.terminate()
    count = 0
    while (got := router.receive()) and got[0] != bgp.NOTIFICATION:
        if got[0] != bgp.UPDATE:
            continue
        update = bgp.decode_update(got[1])
        count += len(update["announce"])
        assert 32 not in update["attributes"], update
        for hop in filter(None, [update["attributes"].get(3)]):
            assert hop == socket.inet_aton(node.address), "the session's address"
    assert count >= 2
    # And the fleet got nothing but states: each with its communities and NO_EXPORT.
    count = 0
    while (got := speaker.session.receive()) and got[0] != bgp.NOTIFICATION:
        if got[0] == bgp.UPDATE and (update := bgp.decode_update(got[1]))["announce"]:
            keys = [k for g, k, _ in bgp.read_large(update["attributes"][32])]
            assert fleet.VERSION in keys and all(k in KEYS for k in keys)
            assert NO_EXPORT in update["attributes"][8]
            count += 1
    assert count >= 3


def test_a_neighbour_changes_sides(world):
    """An upstream that a reload makes a peer of the fleet begins anew, and the other way round."""
    node, speaker = begin(world)
    said(speaker.session)
    text = node.config()
    entry = "name: rr, address: 10.9.0.250, source: 10.9.0.11, hold-time: 90s, connect-retry: 100ms"
    swapped = text[:text.index("fleet:")] + f"  - {{{entry}, as: 64500}}\n" + \
        "fleet:\n" + peer(99, 11)
    assert node.daemon.reload(swapped)["ok"]
    speaker.session.expect_notification(6, 3)
    session = speaker.join()
    update = session.next_update()
    assert PREFIX in update["announce"] and 32 not in update["attributes"], update
    assert node.daemon.reload(text)["ok"]
    session.expect_notification(6, 3)
    update, _ = said(speaker.join())
    assert NO_EXPORT in update["attributes"][8]


def test_reflectors(world):
    """The same nodes by two reflectors: one may go, and the later word counts."""
    first, second = Speaker(world, 250), Speaker(world, 251)
    node = Node(world, 11, [250, 251])
    for speaker in (first, second):
        speaker.join()
        for number in (12, 13):
            speaker.say(number)
        speaker.end_of_rib()
    node.sees("s12-a", "s13-a")
    harness.wait_for("both ways", lambda: node.fleet()["s12-a"]["paths"] == 2)
    assert all(s["reflector"] for s in node.daemon.status()["fleet_sessions"])
    # A reflector that is behind does not undo what the other one said.
    first.say(12, state(12, SERIAL=5, **fleet.SOFT))
    harness.wait_for("the news", lambda: node.fleet()["s12-a"]["standing"] == "soft")
    second.say(12, state(12, SERIAL=4))
    second.say(13, state(13, SERIAL=2, LOAD=7))  # behind it in the same stream
    harness.wait_for("its word", lambda: node.fleet()["s13-a"]["load"] == 7)
    assert node.fleet()["s12-a"]["standing"] == "soft"
    second.say(12, state(12, SERIAL=6))
    harness.wait_for("the later word", lambda: node.fleet()["s12-a"]["standing"] == "able")
    second.session.reset()
    harness.wait_for("one way", lambda: node.fleet()["s12-a"]["paths"] == 1)
    node.sees("s12-a", "s13-a")
    assert not [e for e in node.daemon.events() if e["type"] == "site_lost"]
    first.unsay(13)
    node.sees("s12-a")
    assert node.daemon.wait_event("site_lost", subject="s13")
    first.session.reset()
    node.sees()
    lost = node.daemon.wait_event("site_lost", subject="s12")
    down = [e for e in node.daemon.events() if e["seq"] == lost["cause_seq"]][0]
    assert (down["type"], down["upstream"]) == ("fleet_down", "n250"), down
    # And it is back as soon as the session is.
    first.join()
    first.say(12)
    node.sees("s12-a")


def test_guard_by_reflector(world):
    """States from elsewhere decide: the others fail, and this one is held; they return, and it may go."""
    node, speaker = begin(world)
    speaker.say(12)
    speaker.say(13)
    node.sees("s12-a", "s13-a")
    for number in (12, 13):
        speaker.say(number, state(number, SERIAL=2, **fleet.SOFT))
    node.set_up(False)
    node.wait("demoted", "guard-hold")
    before = time.monotonic()
    for number in (12, 13):
        speaker.say(number, state(number, SERIAL=3))
    node.wait("withdrawn", "check-failed")
    assert time.monotonic() - before < 5
    # Without ADD-PATH too: one path a prefix.
    speaker.session.reset()
    speaker.join(add_path=False)
    speaker.say(12)
    node.sees("s12-a")


def test_own_state_comes_back(world):
    """A reflector that sends a node its own state: neither news nor a fault."""
    node, speaker = begin(world)
    speaker.say(11, state(11, name="s11-a", SERIAL=0xfffffff0, **fleet.SOFT))
    speaker.say(12)
    node.sees("s12-a")
    assert refused(node) == {}
    assert node.fleet()["s11-a"]["own"] and node.fleet()["s11-a"]["standing"] == "able"


BAD = [
    ("no-state", [], {}),
    ("no-state", [(64501, 9000, 1)], {}),
    ("missing", state(21, VERSION=None), {}),
    ("missing", state(21, SERIAL=None), {}),
    ("missing", state(21, MIN_SHARE=None), {}),
    ("bad-version", state(21, VERSION=2), {}),
    ("bad-value", state(21, NODE=4096), {}),
    ("bad-value", state(21, NODE=0), {}),
    ("bad-value", state(21, STANDING=7), {}),
    ("bad-value", state(21, HEALTH=4), {}),
    ("bad-value", state(21, MIN_SHARE=101), {}),
    ("bad-value", state(21, PRIORITY=65536), {}),
    ("bad-value", state(21, CAPACITY=0), {}),
    ("twice", [(AS, k, v) for k, v in state(21).items()] + [(AS, fleet.HEALTH, 2)], {}),
    ("twice", state(21, MIN_SITES=1), {}),
    ("bad-name", state(21, site="a b"), {}),
    ("bad-name", state(21, name="a\tb"), {}),
    ("bad-name", {**state(21), 9025: 0x61616161}, {}),
    ("bad-next-hop", state(21), {"next_hop": "198.51.100.1"}),
    ("other-service", state(21), {"prefix": "203.0.113.0/24"}),
    ("malformed", state(21), {"more": bgp.attribute(4, b"\0", 0x80)}),
    ("malformed", state(21), {"next_hop": "127.0.0.1"}),
    ("malformed", state(21), {"next_hop": "224.0.0.1"}),
]


def test_bad_input(world):
    """Each refused for its reason and counted; the session and what was good stay."""
    node, speaker = begin(world)
    speaker.say(12)
    node.sees("s12-a")
    want = {}
    for reason, values, how in BAD:
        speaker.say(21, values, **how)
        want[reason] = want.get(reason, 0) + 1
        wait_refused(node, reason, want[reason])
        assert refused(node) == want, (reason, values, refused(node))
    speaker.say(12, state(12, SERIAL=2, LOAD=5))
    harness.wait_for("good news after bad", lambda: node.fleet()["s12-a"]["load"] == 5)
    node.sees("s12-a")
    events = [e for e in node.daemon.events() if e["type"] == "fleet_refused"]
    assert sorted(e["reason"] for e in events) == sorted(want), "said once each"
    assert all(e["upstream"] == "rr" for e in events)
    assert node.daemon.status()["fleet_sessions"][0]["established"] == 1
    shown = subprocess.run([harness.BUILD / "nearcast/nearcast", "-s", node.daemon.control, "show",
                            "fleet"], capture_output=True, text=True).stdout
    assert "bad-value 7" in shown, shown


def test_bad_state_takes_a_good_ones_place(world):
    """The neighbour does not say it any more: the node is lost, not stale."""
    node, speaker = begin(world)
    speaker.say(12)
    node.sees("s12-a")
    speaker.say(12, state(12, STANDING=7))
    node.sees()
    speaker.say(12)
    node.sees("s12-a")


def test_not_its_own(world):
    """A peer that is no reflector speaks for itself alone."""
    node, speaker = begin(world, more=", reflector: no", number=12)
    speaker.say(12, reflect=False)
    node.sees("s12-a")
    speaker.say(13)  # with ORIGINATOR_ID
    wait_refused(node, "not-its-own")
    speaker.say(14, reflect=False, path=99)  # as its own, but of another id
    wait_refused(node, "not-its-own", 2)
    node.sees("s12-a")
    assert node.daemon.status()["fleet_sessions"][0]["established"] == 1


def test_learned_node(world):
    """Unless configured: who speaks for itself first is a node."""
    node, speaker = begin(world, number=12)
    speaker.say(12, reflect=False)
    node.sees("s12-a")
    speaker.say(13)
    wait_refused(node, "not-its-own")
    node.sees("s12-a")
    # Control: as a reflector it may.
    other, rr = Node(world, 14, [peer(12, 14, more=", reflector: yes")]), speaker
    rr.join()
    rr.say(12, reflect=False)
    rr.say(13)
    other.sees("s12-a", "s13-a")


def test_ten_thousand_sites(world):
    """More nodes than there can be: as many as fit are taken, the rest is counted, nothing is lost."""
    node, speaker = begin(world)
    speaker.say(12)
    node.sees("s12-a")
    messages = []
    for i in range(10000):
        originator = f"10.{100 + i // 60000}.{i // 250}.{i % 250 + 1}"
        attributes = speaker.attributes(state(i % 4095 + 1, f"x{i}", f"x{i}-a"), "10.9.0.99",
                                        originator)
        messages.append(bgp.raw_update(attributes, bgp.path_nlri(PREFIX, 1000 + i)))
    speaker.session.send(*messages)
    speaker.say(13, path=20000)
    wait_refused(node, "too-many", 10000 - 4094 + 1)
    status = node.daemon.status()
    assert len([r for r in status["fleet"] if not r["own"]]) == 4095
    assert "s12-a" in {r["node"] for r in status["fleet"]}
    assert status["fleet_sessions"][0]["established"] == 1
    assert node.announce() == "announced"
    memory = node.daemon.ask("show", what="memory")["result"]["memory"]
    assert memory["fleet_bytes"] < 8 << 20, memory
    # Room is made when they go.
    for i in range(0, 10000, 500):
        speaker.session.send(bgp.raw_update(withdraw=b"".join(
            struct.pack("!I", 1000 + k) + bgp.nlri(PREFIX) for k in range(i, i + 500))))
    node.sees("s12-a")
    speaker.say(13, path=20000)
    node.sees("s12-a", "s13-a")


def test_garbage_ends_only_the_session(world):
    """A broken message: the session ends as RFC 4271 has it, the daemon and its routes stay."""
    node, speaker = begin(world)
    speaker.say(12)
    node.sees("s12-a")
    speaker.session.send(bgp.message(bgp.UPDATE, b"\xff\xff\0\0"))
    speaker.session.expect_notification(3, 1)
    node.sees()
    assert node.announce() == "announced" and node.daemon.alive()
    speaker.join()
    speaker.say(12)
    node.sees("s12-a")


def test_prefix_added_by_reload(world):
    """What was refused before as nobody's is asked for again (RFC 2918)."""
    node, speaker = begin(world)
    speaker.say(12, prefix="203.0.113.0/24")
    wait_refused(node, "other-service")
    node.prefixes = f"{PREFIX}, 203.0.113.0/24"
    assert node.reload()["ok"]
    for family in (b"\0\1\0\1", b"\0\2\0\1"):
        body = speaker.session.expect(bgp.REFRESH, skip=(bgp.UPDATE, bgp.KEEPALIVE))
        assert body == family, body.hex()
    speaker.say(12, prefix="203.0.113.0/24")
    node.sees("s12-a")
    # And taken away: withdrawn from the fleet, not heard of any more.
    node.prefixes = PREFIX
    assert node.daemon.ask("reload")["ok"] and node.reload()["ok"]
    while "203.0.113.0/24" not in speaker.session.next_update()["withdraw"]:
        pass
    node.sees()
    assert node.daemon.status()["fleet_sessions"][0]["established"] == 1


def test_load(world):
    """Read from a file, told to the fleet, and weighed when the node would leave."""
    path = world.folder / "load"
    path.write_text("1000\nanything\n")
    service = f"capacity: 2000\n    load-file: {path}\n    guard-wait: 100ms"
    node, speaker = begin(world, service=service)
    said(speaker.session, LOAD=1000, CAPACITY=2000)
    nearcast = [harness.BUILD / "nearcast/nearcast", "-s", node.daemon.control]
    run = lambda *words: subprocess.run([*nearcast, *words], capture_output=True, text=True)

    speaker.say(12, state(12, LOAD=1500, CAPACITY=2000))
    node.sees("s12-a")
    full = run("drain", "dns")
    assert full.returncode == 1, full.stdout
    assert "no room: this node carries 1000, and 1 able node has room for 500" in full.stderr, \
        full.stderr
    speaker.say(13)  # does not tell
    node.sees("s12-a", "s13-a")
    warned = run("drain", "dns")
    assert warned.returncode == 0 and "Warning: this node carries 1000, and 1 able node has room " \
        "for 500; of 1 it is not known." in warned.stdout, warned.stdout
    assert run("undrain", "dns").returncode == 0
    speaker.say(13, state(13, SERIAL=2, LOAD=1900, CAPACITY=2000))
    harness.wait_for("its word", lambda: node.fleet()["s13-a"]["load"] == 1900)
    full = run("off", "dns")
    assert full.returncode == 1 and "2 able nodes have room for 600" in full.stderr, full.stderr
    assert run("drain", "dns", "--force").returncode == 0
    assert run("undrain", "dns").returncode == 0
    speaker.say(12, state(12, SERIAL=2, LOAD=1100, CAPACITY=2000))
    harness.wait_for("more room", lambda: node.fleet()["s12-a"]["load"] == 1100)
    enough = run("drain", "dns")
    assert enough.returncode == 0 and "Warning" not in enough.stdout, enough.stderr
    # A file that breaks: unknown, and said once.
    path.write_text("many\n")
    event = node.daemon.wait_event("load_unknown")
    assert (event["reason"], event["subject"]) == ("no-number", "dns"), event
    path.unlink()
    event = node.daemon.wait_event("load_unknown", after=event["seq"])
    assert event["reason"] == "unreadable", event
    path.write_text("12.75\n")
    assert node.daemon.wait_event("load_known", after=event["seq"])


if __name__ == "__main__":
    harness.main(globals())
