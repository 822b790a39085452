#!/usr/bin/python3
"""Sessions against a neighbour that misbehaves: the daemon never dies, and says the NOTIFICATION
that RFC 4271 section 6 names."""

import os
import resource
import socket
import struct
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
import site_config as site


def begin(world, **fields):
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world, site.upstream(**fields)))
    return neighbour, daemon


def upstream_of(daemon):
    return daemon.status()["upstreams"][0]


def in_state(neighbour, state):
    """A session that the daemon has brought to a state."""
    session = neighbour.accept()
    session.expect(bgp.OPEN)
    if state == "OpenSent":
        return session
    session.send(bgp.open_message())
    session.expect(bgp.KEEPALIVE)
    if state == "OpenConfirm":
        return session
    session.send(bgp.keepalive())
    session.next_update()
    return session


STATES = ("OpenSent", "OpenConfirm", "Established")


def each_fault(world, rows):
    """For each row (state, bytes, code, subcode, data or None) a daemon of its own, as a neighbour
    with many faults is retried with growing delay."""
    neighbour = bgp.Neighbour(world)
    for state, fault, code, subcode, data in rows:
        daemon = harness.Daemon(world, site.config(world))
        session = in_state(neighbour, state)
        session.send(fault)
        try:
            got = session.expect_notification(code, subcode)
        except AssertionError as error:
            raise AssertionError(f"in {state} after {fault[:40].hex()}") from error
        assert data is None or got == data, f"{state} {fault.hex()}: data {got.hex()}"
        session.expect_closed()
        session.close()
        assert upstream_of(daemon)["last_error"].startswith("sent "), upstream_of(daemon)
        daemon.process.kill()
        daemon.process.wait()


def test_bad_header(world):
    rows = []
    for state in STATES:
        rows += [
            (state, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 1, 1, None),
            (state, bgp.message(bgp.KEEPALIVE, length=18), 1, 2, b"\0\x12"),
            (state, bgp.message(bgp.KEEPALIVE, length=5000), 1, 2, b"\x13\x88"),
            (state, bgp.message(bgp.KEEPALIVE, b"x"), 1, 2, b"\0\x14"),
            (state, bgp.message(9), 1, 3, b"\x09"),
        ]
    each_fault(world, rows)


def test_bad_open(world):
    each_fault(world, [
        ("OpenSent", bgp.open_message(version=3), 2, 1, b"\0\x04"),
        ("OpenSent", bgp.open_message(asn=64497), 2, 2, None),
        ("OpenSent", bgp.open_message(asn=0), 2, 2, None),
        ("OpenSent", bgp.open_message(router_id="0.0.0.0"), 2, 3, None),
        ("OpenSent", bgp.open_message(hold=1), 2, 6, None),
        ("OpenSent", bgp.open_message(hold=2), 2, 6, None),
        ("OpenSent", bgp.open_message(parameters=b"\x09\x00"), 2, 4, None),
        ("OpenSent", bgp.open_message(parameters=b"\x02\x09\x41"), 2, 0, None),
    ])


def test_wrong_message_for_the_state(world):
    """RFC 4271 section 6.6 with the subcodes of RFC 6608."""
    each_fault(world, [
        ("OpenSent", bgp.keepalive(), 5, 1, None),
        ("OpenSent", bgp.update(), 5, 1, None),
        ("OpenConfirm", bgp.update(), 5, 2, None),
        ("Established", bgp.open_message(), 5, 3, None),
    ])


def test_bad_update_that_resets(world):
    each_fault(world, [
        # The withdrawn routes' length reaches past the message.
        ("Established", bgp.message(bgp.UPDATE, b"\0\xff\0\0"), 3, 1, None),
        # An attribute that claims to be well-known, and is not: RFC 7606 leaves this to RFC 4271.
        ("Established", bgp.update(["192.0.2.0/24"], attributes=bgp.attribute(99, b"", 0x40)),
         3, 2, None),
        # A prefix of 33 bits in the withdrawn routes.
        ("Established", bgp.message(bgp.UPDATE, b"\0\x06\x21\x01\x02\x03\x04\x05\0\0"), 3, 10, None),
    ])


def test_bad_update_that_does_not(world):
    """RFC 7606: these are treated as withdrawals, and the session lives."""
    neighbour, daemon = begin(world)
    session = in_state(neighbour, "Established")
    session.send(
        bgp.update(["192.0.2.0/24"], attributes=b""),  # no attributes at all
        bgp.update(["192.0.2.0/24"], attributes=bgp.attribute(1, b"\x09")),  # ORIGIN 9
        bgp.update(["192.0.2.0/24"], attributes=bgp.attribute(1, b"\0", 0x80)),  # wrong flags
        bgp.update(["192.0.2.0/24"]))
    harness.wait_for("four UPDATEs", lambda: upstream_of(daemon)["updates_in"] == 4)
    assert upstream_of(daemon)["state"] == "Established"


def test_closes_in_each_state(world):
    neighbour = bgp.Neighbour(world)
    for close in ("close", "reset"):
        for state in STATES:
            daemon = harness.Daemon(world, site.config(world))
            getattr(neighbour.accept(), close)()  # before the OPEN was read
            getattr(in_state(neighbour, state), close)()
            in_state(neighbour, "Established").close()  # and it came back
            assert daemon.alive()
            daemon.process.kill()
            daemon.process.wait()


def test_notification_in_each_state(world):
    neighbour, daemon = begin(world, retry="100ms")
    for state in STATES:
        session = in_state(neighbour, state)
        session.send(bgp.message(bgp.NOTIFICATION, b"\x06\x02\x05spare"))
        session.expect_closed()  # and says nothing back
        session.close()
        event = daemon.wait_event("upstream_down")
        assert "Administrative Shutdown" in upstream_of(daemon)["last_error"]
        assert "spare" in upstream_of(daemon)["last_error"], event
    in_state(neighbour, "Established")


def test_reset_after_notification(world):
    """What stood before a reset of the connection is read; a reset alone is called by its name."""
    neighbour, daemon = begin(world, retry="100ms")
    session = in_state(neighbour, "Established")
    session.send(bgp.message(bgp.NOTIFICATION, b"\x06\x02\x05spare"))
    session.reset()
    down = daemon.wait_event("upstream_down")
    assert down["reason"] == "notification" and "spare" in down["detail"], down
    in_state(neighbour, "Established").reset()
    down = daemon.wait_event("upstream_down", after=down["seq"])
    assert down["detail"] == "Connection reset by peer", down
    in_state(neighbour, "Established")


def test_no_descriptor_left(world):
    """Connections wait, and the daemon does not spin; then they are taken."""
    neighbour, daemon = begin(world, more=", passive: yes")
    proc = Path(f"/proc/{daemon.process.pid}")
    limit = resource.RLIMIT_NOFILE
    used = harness.wait_for("our own questions to be over", lambda: settled_descriptors(proc))
    soft, hard = resource.prlimit(daemon.process.pid, limit)
    resource.prlimit(daemon.process.pid, limit, (used, hard))
    before = cpu_s(proc)
    waiting = neighbour.connect()
    waiting.seconds = 1.5
    try:
        assert not waiting.receive(), "the limit was not met"
    except TimeoutError:
        pass
    assert cpu_s(proc) - before < 0.5, "it spins"
    resource.prlimit(daemon.process.pid, limit, (soft, hard))
    waiting.seconds = 10
    waiting.expect(bgp.OPEN)


def settled_descriptors(proc):
    """How many there are, once that number stands still."""
    before = len(list((proc / "fd").iterdir()))
    time.sleep(0.2)
    return before if len(list((proc / "fd").iterdir())) == before else None


def cpu_s(proc):
    fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_hold_timer(world):
    """A neighbour that goes silent without closing: half-open TCP."""
    neighbour, daemon = begin(world, hold="3s")
    session = in_state(neighbour, "Established")
    silent_since = time.monotonic()
    session.expect_notification(4, 0)
    waited = time.monotonic() - silent_since
    assert 2.5 < waited < 4.5, waited
    keepalives = len(session.times)
    assert keepalives >= 3, "no keepalives while it waited"
    assert "hold" in daemon.wait_event("upstream_down")["detail"].lower()


def test_half_open_neighbour_restarts(world):
    """The neighbour lost the connection without a word and opens a new one: the established one
    wins until its hold timer ends it (RFC 4271 section 6.8), then the session comes back."""
    neighbour, daemon = begin(world, hold="3s")
    old = in_state(neighbour, "Established")
    new = neighbour.connect()
    new.send(bgp.open_message())
    new.expect_notification(6, 7)
    old.expect_notification(4, 0)
    in_state(neighbour, "Established")
    assert daemon.alive()


def collision(world, router_id, survivor_is_theirs):
    neighbour, daemon = begin(world)
    ours = neighbour.accept()  # the daemon opened this one
    ours.expect(bgp.OPEN)
    theirs = neighbour.connect()
    theirs.expect(bgp.OPEN)
    ours.send(bgp.open_message(router_id=router_id))
    ours.expect(bgp.KEEPALIVE)
    theirs.send(bgp.open_message(router_id=router_id))
    keep, dump = (theirs, ours) if survivor_is_theirs else (ours, theirs)
    dump.expect_notification(6, 7)
    dump.expect_closed()
    if survivor_is_theirs:
        keep.expect(bgp.KEEPALIVE)
    keep.send(bgp.keepalive())
    assert "198.51.100.0/24" in keep.next_update()["announce"] + keep.next_update()["announce"]
    assert upstream_of(daemon)["established"] == 1


def test_collision_neighbour_is_higher(world):
    collision(world, "192.0.2.200", True)


def test_collision_neighbour_is_lower(world):
    collision(world, "192.0.2.1", False)


def test_opens_twice(world):
    """Two connections from the neighbour: never two sessions, and the daemon lives."""
    neighbour, daemon = begin(world, more=", passive: yes")
    harness.wait_for("the listener", lambda: upstream_of(daemon)["state"] == "Active")
    one, two = neighbour.connect(), neighbour.connect()
    for session in (one, two):
        try:
            session.send(bgp.open_message(), bgp.keepalive())
        except OSError:
            pass  # refused already
    established = harness.wait_for(
        "a session", lambda: upstream_of(daemon)["state"] == "Established" or retry(neighbour))
    assert established and upstream_of(daemon)["established"] == 1
    assert daemon.alive()


def retry(neighbour):
    session = neighbour.connect()
    session.send(bgp.open_message(), bgp.keepalive())
    return False


def test_flapping_neighbour(world):
    """Comes up and goes again at once: each wait is longer than the one before the last, and the
    routes are announced each time."""
    neighbour, daemon = begin(world, retry="200ms")
    gone, waits = None, []
    for _ in range(6):
        session = neighbour.accept(30)
        if gone is not None:
            waits.append(time.monotonic() - gone)
        session.establish()
        first, second = session.next_update(), session.next_update()
        assert sorted(first["announce"] + second["announce"]) == ["198.51.100.0/24",
                                                                  "2001:db8:53::/48"]
        session.close()
        gone = time.monotonic()
    assert all(later > earlier for earlier, later in zip(waits, waits[2:])), waits
    assert waits[-1] > 2 * waits[0], waits
    assert daemon.alive()


def test_stranger_is_refused(world):
    neighbour, daemon = begin(world)
    session = in_state(neighbour, "Established")
    stranger = socket.create_connection(("127.0.0.1", 179), 5, source_address=("127.0.0.66", 0))
    assert stranger.recv(100) == b"", "a stranger was told something"
    session.send(bgp.keepalive())
    assert upstream_of(daemon)["state"] == "Established"


def test_byte_by_byte(world):
    neighbour, daemon = begin(world)
    session = neighbour.accept()
    session.expect(bgp.OPEN)
    session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in bgp.open_message() + bgp.keepalive() + bgp.update(["192.0.2.0/24"]):
        session.send(bytes([byte]))
    harness.wait_for("the UPDATE", lambda: upstream_of(daemon)["updates_in"] == 1)


def test_neighbour_that_does_not_read(world):
    """Refreshes asked for without end, and none of the answers read: memory stays bounded."""
    neighbour, daemon = begin(world)
    session = in_state(neighbour, "Established")
    request = bgp.message(bgp.REFRESH, struct.pack("!HBB", 1, 0, 1)) * 1000
    session.sock.setblocking(False)
    sent = 0
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and sent < 40_000_000:
        try:
            sent += session.sock.send(request)
        except BlockingIOError:
            time.sleep(0.01)
    memory = daemon.ask("show", what="memory")["result"]["memory"]
    assert memory["resident_bytes"] < 32 << 20, memory
    assert daemon.alive()


harness.main(globals())
