#!/usr/bin/python3
"""BFD against BIRD, FRR's bfdd and a scripted neighbour, over a link that can be cut without
either end losing its carrier; and what it does to the BGP session."""

import os
import signal
import socket
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bfdworld as bw
import bgpspeaker as bgp
import harness

PR_CAPBSET_DROP, CAP_SYS_NICE = 24, 23


def upstream_of(daemon, name="peer"):
    return next(u for u in daemon.status()["upstreams"] if u["name"] == name)


def wait_upstream(daemon, seconds=10.0, name="peer", **fields):
    matches = lambda: all(upstream_of(daemon, name)[k] == v for k, v in fields.items())
    harness.wait_for(f"{name}: {fields}", matches, seconds)


def last_seq(daemon):
    return daemon.events()[-1]["seq"]


def of_type(daemon, type_, after=0):
    return [e for e in daemon.events() if e["type"] == type_ and e["seq"] > after]


def frr_timing(frr):
    s = frr.session()
    return {k: s[k] for k in ("remote-receive-interval", "remote-transmit-interval",
                              "remote-detect-multiplier", "transmit-interval")}


def played_bgp(world, link):
    """A BGP neighbour in the peer's namespace that says what the test wants."""
    return link.peer.inside(lambda: bgp.Neighbour(world, bw.PEER))


# ---- Coming up ----

def test_bird_both_families(world):
    link = bw.Link(world)
    bird = bw.Bird(world, link, ip6=True)
    daemon = harness.Daemon(world, bw.config(
        bw.upstream(), bw.upstream(name="peer6", address=bw.PEER6)))
    for name in ("peer", "peer6"):
        daemon.wait_event("bfd_up", upstream=name)
        wait_upstream(daemon, name=name, state="Established", bfd="Up", bfd_error=None,
                      bfd_interval_ms=50, bfd_detection_ms=150)
    settled = {"state": "Up", "interval_ms": 50, "detection_ms": 150}
    harness.wait_for("BIRD's timers", lambda: bird.sessions() == {
        bw.SITE: settled, bw.SITE6: settled})
    assert not of_type(daemon, "bfd_problem"), daemon.log()


def test_on_the_wire(world):
    """RFC 5881 sections 4 and 5, RFC 5880 sections 6.8.3 and 6.8.7."""
    link = bw.Link(world)
    bw.Bird(world, link, ip6=True)
    daemon = harness.Daemon(world, bw.config(
        bw.upstream(), bw.upstream(name="peer6", address=bw.PEER6)))
    packets = link.site_tap.collect(4)
    wait_upstream(daemon, bfd="Up")
    ports = {}
    for p in packets:
        assert p.ttl == 255 and p.dport == 3784 and p.version == 1, vars(p)
        assert 49152 <= p.sport <= 65535
        assert not (p.poll and p.final) and p.min_echo == 0 and p.mult == 3
        assert p.min_rx == 50000 and p.min_tx == (50000 if p.state == bw.UP else 1000000), vars(p)
        ports.setdefault(p.source, set()).add(p.sport)
    assert set(ports) == {bw.SITE, bw.SITE6}
    assert all(len(s) == 1 for s in ports.values()), ports  # one for all of a session
    assert len(set.union(*ports.values())) == 2, ports      # and for no other
    assert packets[0].state == bw.DOWN and packets[0].yours == 0
    one = [p for p in packets if p.source == bw.SITE]
    assert any(p.poll and p.state == bw.UP for p in one), "slow start ends with a Poll Sequence"
    assert not one[-1].poll, "which is answered"
    up = [p for p in one if p.state == bw.UP and not p.final]
    gaps = [(b.at - a.at) * 1000 for a, b in zip(up[2:], up[3:])]
    assert min(gaps) > 30 and len(gaps) > 20, gaps  # jitter takes a quarter at most


def test_bird_timers(world):
    link = bw.Link(world)
    bird = bw.Bird(world, link, tx=100, rx=80, mult=5)
    daemon = harness.Daemon(world, bw.config(bw.upstream("bfd: {interval: 50ms, multiplier: 4}")))
    wait_upstream(daemon, bfd="Up", bfd_interval_ms=80, bfd_detection_ms=500)
    harness.wait_for("BIRD's timers", lambda: bird.sessions().get(bw.SITE) == {
        "state": "Up", "interval_ms": 100, "detection_ms": 320})


def test_frr(world):
    link = bw.Link(world)
    frr = bw.Frr(world, link, tx=60, rx=120, mult=7)
    daemon = harness.Daemon(world, bw.config(bw.upstream("bfd: {interval: 100ms, multiplier: 4}")))
    wait_upstream(daemon, bfd="Up", bfd_interval_ms=120, bfd_detection_ms=700)
    harness.wait_for("FRR's view", lambda: frr.state() == "up" and frr_timing(frr) == {
        "remote-receive-interval": 100, "remote-transmit-interval": 100,
        "remote-detect-multiplier": 4, "transmit-interval": 60})


def test_frr_multihop(world):
    link = bw.Link(world)
    frr = bw.Frr(world, link, multihop=f"multihop local-address {bw.PEER}")
    daemon = harness.Daemon(world, bw.config(bw.upstream(more=", multihop: yes")))
    wait_upstream(daemon, bfd="Up", bfd_detection_ms=150)
    harness.wait_for("FRR's view", lambda: frr.state() == "up")
    assert frr.session()["multihop"]
    link.site_tap.drop_what_waits()
    packet = link.site_tap.wait_state(bw.UP)
    assert packet.dport == 4784 and packet.ttl == 255


def test_frr_ipv6(world):
    link = bw.Link(world)
    frr = bw.Frr(world, link, address=bw.SITE6, multihop=f"local-address {bw.PEER6}")
    daemon = harness.Daemon(world, bw.config(bw.upstream(address=bw.PEER6)))
    wait_upstream(daemon, bfd="Up", bfd_interval_ms=50, bfd_detection_ms=150)
    harness.wait_for("FRR's view", lambda: frr.state() == "up")


# ---- Going down ----

def cut_is_noticed(world, neighbour, link, daemon):
    wait_upstream(daemon, bfd="Up", bfd_interval_ms=50, bfd_detection_ms=150)
    harness.wait_for("the neighbour's Up", lambda: neighbour.state().lower() == "up")
    for tap in (link.site_tap, link.peer_tap):
        tap.drop_what_waits()
    at = link.cut()
    for tap in (link.site_tap, link.peer_tap):
        down = tap.wait_state(bw.DOWN)
        assert down.diag == bw.EXPIRED and down.at - at > 0.08, (down.diag, down.at - at)
    event = daemon.wait_event("bfd_down")
    assert event["reason"] == "nothing-heard", event
    link.mend()
    daemon.wait_event("bfd_up", after=event["seq"])
    return event


def test_cut_bird(world):
    link = bw.Link(world)
    bird = bw.Bird(world, link)
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    wait_upstream(daemon, state="Established")
    event = cut_is_noticed(world, bird, link, daemon)
    down = daemon.wait_event("upstream_down", after=event["seq"])
    assert down["cause_seq"] == event["seq"] and down["reason"] == "bfd", down
    assert down["detail"].startswith("sent Cease/BFD Down"), down
    daemon.wait_event("upstream_up", after=down["seq"])  # and BGP comes back by itself
    harness.wait_for("BIRD's BGP", lambda: bird.bgp_state() == "Established")


def test_cut_frr(world):
    link = bw.Link(world)
    frr = bw.Frr(world, link)
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    cut_is_noticed(world, frr, link, daemon)
    harness.wait_for("FRR's view", lambda: frr.state() == "up")


def begin_played(world, **fields):
    """FRR's BFD and a played BGP session, both up."""
    link = bw.Link(world)
    neighbour = played_bgp(world, link)
    frr = bw.Frr(world, link)
    daemon = harness.Daemon(world, bw.config(bw.upstream(**fields)))
    session = neighbour.accept()
    session.establish()
    wait_upstream(daemon, bfd="Up", bfd_detection_ms=150, state="Established")
    return link, frr, daemon, neighbour, session


def test_bfd_alone_is_cut(world):
    """TCP still passes: the neighbour is told Cease/BFD Down (RFC 9384) at once."""
    harness.needs("nft")
    link, frr, daemon, neighbour, session = begin_played(world)
    link.middle.run("nft", "add table bridge cut; add chain bridge cut f { type filter hook forward "
                    "priority 0; }; add rule bridge cut f udp dport 3784 drop")
    session.expect_notification(6, 10)
    session.expect_closed()
    event = daemon.wait_event("bfd_down")
    assert event["reason"] == "nothing-heard"
    assert daemon.wait_event("upstream_down")["cause_seq"] == event["seq"]
    # RFC 5882 section 4.3: without BFD there can be BGP all the same.
    again = neighbour.accept()
    again.establish()
    wait_upstream(daemon, state="Established", bfd="Down")
    link.middle.run("nft", "delete table bridge cut")
    daemon.wait_event("bfd_up", after=event["seq"])
    assert frr.state() and upstream_of(daemon)["state"] == "Established"


def test_neighbour_is_killed(world):
    link, frr, daemon, _, session = begin_played(world)
    frr.process.kill()
    session.expect_notification(6, 10)
    assert daemon.wait_event("bfd_down")["reason"] == "nothing-heard"
    wait_upstream(daemon, bfd="Down", bfd_interval_ms=1000)


def test_neighbour_hangs_and_comes_back(world):
    link, frr, daemon, _, session = begin_played(world)
    frr.process.send_signal(signal.SIGSTOP)
    session.expect_notification(6, 10)
    last = last_seq(daemon)
    frr.process.send_signal(signal.SIGCONT)
    daemon.wait_event("bfd_up", after=last)


def test_neighbour_admin_down_is_no_failure(world):
    """RFC 5882 section 3.2: its operator took BFD down, and the path is as good as before."""
    link, frr, daemon, _, session = begin_played(world)
    frr.configure("bfd", f"peer {frr.peer}", "shutdown")
    event = daemon.wait_event("bfd_down")
    assert event["reason"] == "neighbour-admin-down", event
    frr.configure("bfd", f"peer {frr.peer}", "no shutdown")
    daemon.wait_event("bfd_up", after=event["seq"])
    assert upstream_of(daemon)["state"] == "Established"
    assert not of_type(daemon, "upstream_down")
    session.send(bgp.keepalive())
    assert daemon.alive()


def test_stopping_is_admin_down(world):
    link, frr, daemon, _, session = begin_played(world)
    link.site_tap.drop_what_waits()
    daemon.process.send_signal(signal.SIGTERM)
    said = link.site_tap.wait_state(bw.ADMIN_DOWN)
    assert said.diag == bw.ADMIN
    session.expect_notification(6, 2)
    session.close()
    daemon.process.wait(timeout=10)
    assert daemon.process.returncode == 0
    harness.wait_for("FRR's view", lambda: frr.state() == "down")
    assert frr.session()["remote-diagnostic"] == "administratively down", frr.session()


# ---- Reload ----

def test_reload_changes_timing(world):
    link, frr, daemon, _, session = begin_played(world)
    before = last_seq(daemon)
    link.site_tap.drop_what_waits()
    assert daemon.reload(bw.config(bw.upstream("bfd: {interval: 90ms, multiplier: 6}")))["ok"]
    link.site_tap.wait("a Poll with the new values",
                       lambda p: p.poll and p.min_tx == 90000 and p.mult == 6)
    wait_upstream(daemon, bfd="Up", bfd_interval_ms=90, bfd_detection_ms=270)
    harness.wait_for("FRR's view", lambda: frr_timing(frr) == {
        "remote-receive-interval": 90, "remote-transmit-interval": 90,
        "remote-detect-multiplier": 6, "transmit-interval": 50})
    assert daemon.reload(bw.config(bw.upstream()))["ok"]
    wait_upstream(daemon, bfd="Up", bfd_interval_ms=50, bfd_detection_ms=150)
    assert not of_type(daemon, "bfd_down", before), daemon.log()
    assert not of_type(daemon, "upstream_down", before), daemon.log()


def test_reload_ends_and_begins(world):
    link, frr, daemon, _, session = begin_played(world)
    before = last_seq(daemon)
    link.site_tap.drop_what_waits()
    assert daemon.reload(bw.config(bw.upstream(bfd="")))["ok"]
    assert link.site_tap.wait_state(bw.ADMIN_DOWN).diag == bw.ADMIN
    wait_upstream(daemon, bfd=None, state="Established")
    harness.wait_for("FRR's view", lambda: frr.state() == "down")
    assert daemon.reload(bw.config(bw.upstream()))["ok"]
    wait_upstream(daemon, bfd="Up", state="Established")
    # The port goes with the last session that needs it.
    assert daemon.reload(bw.config(bw.upstream(bfd="")))["ok"]
    harness.wait_for("no UDP socket", lambda: not udp_ports(daemon), 20)
    assert not of_type(daemon, "upstream_down", before), daemon.log()


def test_many_reloads(world):
    """Sessions come and go faster than they can say good-bye."""
    link, frr, daemon, _, session = begin_played(world)
    variants = ["", "bfd: {interval: 50ms}", "bfd: {interval: 20ms, multiplier: 5}",
                "bfd: {interval: 50ms, multihop: yes}", "bfd: {interval: 30ms}"]
    for n in range(60):
        assert daemon.reload(bw.config(bw.upstream(variants[n * 7 % 5])))["ok"]
        upstream_of(daemon)
    assert daemon.reload(bw.config(bw.upstream()))["ok"]
    wait_upstream(daemon, bfd="Up", bfd_detection_ms=150, state="Established")
    assert not of_type(daemon, "upstream_down"), daemon.log()


# ---- What is refused ----

def begin_scripted(world):
    """A session brought up by hand, which stays up for a minute without a word."""
    link = bw.Link(world)
    speaker = bw.Speaker(world, link)
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    ours = link.site_tap.wait_state(bw.DOWN).mine
    speaker.send(bw.DOWN, mult=60)
    link.site_tap.wait_state(bw.INIT)
    speaker.send(bw.UP, yours=ours, mult=60)
    wait_upstream(daemon, bfd="Up")
    return link, speaker, daemon, ours


def is_up_after(link, speaker, ours):
    """A Poll sent behind what was refused is answered, in Up."""
    link.site_tap.drop_what_waits()
    speaker.send(bw.UP, yours=ours, mult=60, flags=0x20)
    return link.site_tap.wait("an answer to Poll", lambda p: p.final).state == bw.UP


def test_forged_from_afar(world):
    """GTSM, RFC 5881 section 5: what crossed a router is dropped, and only that."""
    link, speaker, daemon, ours = begin_scripted(world)
    for ttl in (254, 64, 1):
        afar = bw.Speaker(world, link, ttl=ttl)
        afar.send(bw.DOWN, yours=ours)
        afar.send(bw.ADMIN_DOWN)
    assert is_up_after(link, speaker, ours)
    bw.Speaker(world, link, ttl=255).send(bw.DOWN, yours=ours)  # the control
    assert daemon.wait_event("bfd_down")["reason"] == "neighbour-down"


def test_malformed(world):
    link, speaker, daemon, ours = begin_scripted(world)
    down = {"state": bw.DOWN, "yours": ours}
    for bad in ({"version": 0}, {"version": 2}, {"length": 23}, {"length": 25}, {"mult": 0},
                {"flags": 1}, {"mine": 0}, {"yours": ours ^ 1}, {"flags": 4},
                {"flags": 4, "length": 26, "tail": b"\1\2"}, {"port": 4784}):
        speaker.send(**{**down, **bad})
    speaker.send(bw.INIT)  # without Your Discriminator
    assert is_up_after(link, speaker, ours)
    assert not of_type(daemon, "bfd_down")
    speaker.send(**down)  # the control
    daemon.wait_event("bfd_down")


def test_authentication_is_refused_by_name(world):
    link = bw.Link(world)
    speaker = bw.Speaker(world, link)
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    link.site_tap.wait_state(bw.DOWN)
    speaker.send(bw.DOWN, flags=4, length=28, tail=b"\1\4\1x")
    wait_upstream(daemon, bfd="Down",
                  bfd_error="packet refused: authentication is not supported")


def test_strangers(world):
    """Only a configured neighbour's address has a session."""
    link, speaker, daemon, ours = begin_scripted(world)
    link.peer.run("ip", "address", "add", "10.0.0.9/24", "dev", "p0")

    def make():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        s.bind(("10.0.0.9", 0))
        return s
    stranger = bw.Speaker(world, link)
    stranger.sock = link.peer.inside(make)
    stranger.send(bw.DOWN, yours=ours)
    stranger.send(bw.DOWN)
    stranger.sock.close()
    assert is_up_after(link, speaker, ours)


# ---- The system around it ----

def udp_ports(daemon):
    """Local UDP ports of the daemon's namespace."""
    ports = set()
    for table in ("udp", "udp6"):
        lines = Path(f"/proc/{daemon.process.pid}/net/{table}").read_text().splitlines()[1:]
        ports |= {int(line.split()[1].split(":")[1], 16) for line in lines}
    return ports


def test_nothing_without_bfd(world):
    """No port is open and no thread runs where nobody asked for BFD."""
    bw.Link(world)
    daemon = harness.Daemon(world, bw.config(bw.upstream(bfd="")))
    assert not udp_ports(daemon)
    assert len(os.listdir(f"/proc/{daemon.process.pid}/task")) == 1
    assert upstream_of(daemon)["bfd"] is None


def test_port_is_taken(world):
    link = bw.Link(world)
    bw.Frr(world, link)
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.bind(("0.0.0.0", 3784))
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    problem = daemon.wait_event("bfd_problem", reason="port")
    assert "UDP port 3784 (IPv4): Address already in use" in problem["detail"], problem
    wait_upstream(daemon, bfd="Down",
                  bfd_error="cannot receive on UDP port 3784: Address already in use")
    holder.close()
    wait_upstream(daemon, bfd="Up", bfd_error=None)
    assert len(of_type(daemon, "bfd_problem")) == 1, daemon.log()  # once, not at each try


def test_without_real_time(world):
    """No privilege for real-time scheduling: it says so, and works."""
    link = bw.Link(world)
    bw.Frr(world, link)
    assert harness.LIBC.prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0) == 0
    daemon = harness.Daemon(world, bw.config(bw.upstream()))
    problem = daemon.wait_event("bfd_problem", reason="priority")
    assert "Operation not permitted" in problem["detail"], problem
    wait_upstream(daemon, bfd="Up", bfd_detection_ms=150)


def test_real_time_is_the_threads_alone(world):
    bw.Link(world)
    daemon = harness.Daemon(world, bw.config(bw.upstream()))

    def tasks():
        found = {}
        for task in os.listdir(f"/proc/{daemon.process.pid}/task"):
            name = Path(f"/proc/{daemon.process.pid}/task/{task}/comm").read_text().strip()
            found[name] = os.sched_getscheduler(int(task)) & ~os.SCHED_RESET_ON_FORK
        return found

    # The thread raises itself when it first runs, and the daemon may answer before that.
    harness.wait_for("real time for one thread alone", lambda: tasks() == {
        "nearcastd": os.SCHED_OTHER, "nearcastd-bfd": os.SCHED_RR})


def test_bfd_up_ends_the_wait_of_bgp(world):
    """A neighbour that refused is not tried for a minute; BFD says that it is back."""
    link = bw.Link(world)
    config = bw.config(bw.upstream()).replace("connect-retry: 500ms", "connect-retry: 60s")
    daemon = harness.Daemon(world, config)
    refused = daemon.wait_event("upstream_down", reason="connection")
    assert "refused" in refused["detail"], refused
    neighbour = played_bgp(world, link)
    bw.Frr(world, link)
    session = neighbour.accept()
    session.establish()
    wait_upstream(daemon, state="Established")


if __name__ == "__main__":
    harness.main(globals())
