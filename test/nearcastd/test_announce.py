#!/usr/bin/python3
"""What upstreams hear, read from a real BIRD and from a scripted neighbour: exactly the configured
prefixes with the configured attributes, while the service can serve, and nothing else ever."""

import re
import struct
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
import site_config as site

BIRD = """\
router id 192.0.2.96;
log "{folder}/bird.log" all;
protocol device {{ }}
protocol bgp site {{
    local 127.0.0.3 as 64497;
    neighbor 127.0.0.1 as 64500;
    multihop;
    strict bind;
    ipv4 {{ import all; export all; }};
    ipv6 {{ import all; export all; }};
}}
protocol static leaks {{ ipv4; route 203.0.113.0/24 blackhole; route 0.0.0.0/0 blackhole; }}
"""


class Bird:
    def __init__(self, world):
        harness.needs("bird", "birdc")
        self.socket = world.folder / "bird.ctl"
        path = world.file("bird.conf", BIRD.format(folder=world.folder))
        world.start("/usr/sbin/bird", "-f", "-c", path, "-s", self.socket, "-P",
                    world.folder / "bird.pid")
        harness.wait_for("bird", self.socket.exists)

    def ask(self, *words):
        return subprocess.run(["/usr/sbin/birdc", "-s", str(self.socket), *words],
                              capture_output=True, text=True, check=True).stdout

    def routes(self):
        """{prefix: {attribute: text}} of what the site announced."""
        out, prefix = {}, None
        for line in self.ask("show", "route", "protocol", "site", "all").splitlines():
            if m := re.match(r"([0-9a-f:.]+/\d+)\s+(unicast|unreachable|blackhole) \[", line):
                prefix = m.group(1)
                out[prefix] = {}
            elif m := re.match(r"\s+BGP\.(\w+): ?(.*)", line):
                out[prefix][m.group(1)] = m.group(2)
        return out

    def wait_routes(self, count):
        harness.wait_for(f"{count} routes at BIRD", lambda: len(self.routes()) == count)
        return self.routes()


def begin(world, **kwargs):
    """A site with BIRD and a scripted neighbour as upstreams."""
    bird = Bird(world)
    neighbour = bgp.Neighbour(world)
    config = site.config(world, site.upstream(),
                         site.upstream("bird", "127.0.0.3", 64497, more=", multihop: yes"), **kwargs)
    return bird, neighbour, config


PREFIXES = {"198.51.100.0/24", "2001:db8:53::/48"}


def test_exactly_what_is_configured(world):
    bird, _, config = begin(world)
    harness.Daemon(world, config)
    routes = bird.wait_routes(2)
    assert set(routes) == PREFIXES, routes
    for prefix, attributes in routes.items():
        assert attributes["as_path"] == "64500", (prefix, attributes)
        assert attributes["origin"] == "IGP"
        assert attributes["community"] == "(64500,100)"
        assert attributes["large_community"] == "(64500, 1, 2)"
        assert attributes["med"] == "10"
    assert routes["2001:db8:53::/48"]["next_hop"].split()[0] == "2001:db8:1::11"
    assert routes["198.51.100.0/24"]["next_hop"] == "127.0.0.1"


def test_prepend_and_communities(world):
    bird, _, config = begin(world)
    config = config.replace(
        'up: {communities: [64500:100, "64500:1:2"], med: 10}',
        "up: {prepend: 3, communities: [no-export, graceful-shutdown, 64500:7]}")
    harness.Daemon(world, config)
    for attributes in bird.wait_routes(2).values():
        assert attributes["as_path"] == "64500 64500 64500 64500"
        assert set(attributes["community"].split()) == {"(64500,7)", "(65535,65281)", "(65535,0)"}
        assert "med" not in attributes and "large_community" not in attributes


def test_nothing_else_leaves(world):
    """Both neighbours try to use the site as transit, and one claims the service's prefix."""
    bird, neighbour, config = begin(world)
    daemon = harness.Daemon(world, config)
    session = neighbour.accept()
    session.establish()
    heard = set()
    while heard != PREFIXES:
        heard |= set(session.next_update()["announce"])
    leaks = ["0.0.0.0/0", "192.0.2.0/24", "198.51.100.0/24", "198.51.100.0/25"]
    session.send(bgp.update(leaks))
    count = lambda: [u["updates_in"] for u in daemon.status()["upstreams"]]
    harness.wait_for("both neighbours' routes", lambda: all(n >= 1 for n in count()))
    # A refresh makes each side say again all that it has to say.
    session.send(bgp.message(bgp.REFRESH, struct.pack("!HBB", 1, 0, 1)))
    assert session.next_update()["announce"] == ["198.51.100.0/24"]
    bird.ask("reload", "in", "site")
    assert set(bird.routes()) == PREFIXES
    site.set_up(world, False)
    bird.wait_routes(0)
    site.set_up(world, True)
    assert set(bird.wait_routes(2)) == PREFIXES
    said = []
    while len(said) < 4:
        update = session.next_update()
        said += [("-", p) for p in update["withdraw"]] + [("+", p) for p in update["announce"]]
    assert {p for _, p in said} == PREFIXES, said


def test_follows_health(world):
    bird, _, config = begin(world)
    daemon = harness.Daemon(world, config)
    bird.wait_routes(2)
    for _ in range(3):
        site.set_up(world, False)
        bird.wait_routes(0)
        assert daemon.status()["services"][0]["prefixes"][0]["announce"] == "withdrawn"
        site.set_up(world, True)
        bird.wait_routes(2)
    chain = daemon.ask("why", prefix="198.51.100.0/24")["result"]
    assert chain["announce"] == "announced" and chain["reason"] == "healthy"
    assert [s["step"] for s in chain["chain"]] == ["check", "health", "admin", "decision"]


def test_cause_and_effect(world):
    """Each withdrawal leads back, cause by cause, to the check that failed."""
    bird, _, config = begin(world)
    daemon = harness.Daemon(world, config)
    bird.wait_routes(2)
    last = daemon.events()[-1]["seq"]
    site.set_up(world, False)
    withdrawn = daemon.wait_event("withdrawn", after=last, upstream="bird")
    events = {e["seq"]: e for e in daemon.events()}
    types, event = [], withdrawn
    while event:
        types.append(event["type"])
        event = events.get(event["cause_seq"])
    assert types == ["withdrawn", "decided", "health_changed", "check_failed"], types
    assert withdrawn["reason"] == "check-failed" and withdrawn["subject"] in PREFIXES


def test_degraded_is_demoted(world):
    bird, _, config = begin(world)
    backbone = world.folder / "backbone"
    backbone.touch()
    config = config.replace(
        "    announce:\n",
        f"      - {{kind: file, path: {backbone}, scope: dependency, interval: 100ms, "
        "timeout: 50ms, fall: 1, rise: 1}\n"
        "    announce:\n      degraded: {prepend: 2, communities: [graceful-shutdown]}\n")
    daemon = harness.Daemon(world, config)
    bird.wait_routes(2)
    backbone.unlink()
    demoted = lambda: {r["as_path"] for r in bird.routes().values()} == {"64500 64500 64500"}
    harness.wait_for("the demoted routes", demoted)
    prefix = daemon.status()["services"][0]["prefixes"][0]
    assert (prefix["announce"], prefix["reason"]) == ("demoted", "degraded"), prefix
    assert prefix["upstreams"][1]["prepend"] == 2
    site.set_up(world, False)  # the service's own check takes it down whatever the dependency says
    bird.wait_routes(0)


def test_each_upstream_hears_its_own(world):
    """One upstream wants a tag, a MED of its own and a longer path; the other hears the service's."""
    bird, neighbour, config = begin(world)
    tags = ", announce: {up: {prepend: 1, med: 77, communities: [64497:9]}, degraded: {prepend: 4}}"
    head, tail = config.rsplit(", multihop: yes", 1)
    harness.Daemon(world, head + ", multihop: yes" + tags + tail)
    session = neighbour.accept()
    session.establish()
    update = session.next_update()
    assert update["attributes"][4] == b"\0\0\0\x0a" and update["attributes"][2][1] == 1
    for attributes in bird.wait_routes(2).values():
        assert attributes["as_path"] == "64500 64500", attributes
        assert attributes["med"] == "77"
        assert attributes["community"] == "(64497,9) (64500,100)"
        assert attributes["large_community"] == "(64500, 1, 2)"


def test_still_visible(world):
    """A neighbour that sends our route back after we withdrew it everywhere is told of; the route
    of another site, or one that went in time, is not."""
    tag, other = struct.pack("!III", 64500, 1, 11), struct.pack("!III", 64500, 1, 12)
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, "site-tag: 64500:1:11\nvisible-after: 300ms\n" +
                            site.config(world))
    session = neighbour.accept()
    session.establish()
    update = session.next_update()
    assert tag in update["attributes"][32]
    back = lambda large: bgp.update(["198.51.100.0/24"], attributes=(
        bgp.attribute(1, b"\0") + bgp.attribute(2, b"\2\2" + struct.pack("!II", 64496, 64500)) +
        bgp.attribute(3, bytes([192, 0, 2, 96])) + bgp.attribute(32, large, 0xc0)))
    hears = lambda: daemon.ask("why", prefix="198.51.100.0/24")["result"]["upstreams"][0]["comes_back"]
    session.send(back(tag))
    harness.wait_for("it to be heard", hears)
    site.set_up(world, False)
    warning = daemon.wait_event("still_visible")
    assert (warning["subject"], warning["upstream"]) == ("198.51.100.0/24", "a"), warning
    cause = [e for e in daemon.events() if e["seq"] == warning["cause_seq"]][0]
    assert cause["type"] == "decided" and cause["reason"] == "check-failed"
    for gone in (back(other), bgp.update(withdraw=["198.51.100.0/24"])):
        session.send(back(tag))
        harness.wait_for("it to be heard", hears)
        session.send(gone)
        harness.wait_for("it to be gone", lambda: not hears())
    site.set_up(world, True)
    after = daemon.wait_event("decided", after=warning["seq"], reason="healthy")["seq"]
    site.set_up(world, False)
    daemon.wait_event("decided", after=after, reason="check-failed")
    session.send(bgp.keepalive())

    time.sleep(0.5)  # nothing announces that nothing happens
    assert not [e for e in daemon.events(after) if e["type"] == "still_visible"]


def test_hold_down(world):
    """The first failure is forgiven, the second is not."""
    bird, _, config = begin(world)
    config = config.replace("{first: 0}", "{first: 500ms, max: 1m}")
    daemon = harness.Daemon(world, config)
    bird.wait_routes(2)
    for reasons in (["healthy"], ["hold-down", "healthy"]):
        site.set_up(world, False)
        bird.wait_routes(0)
        seq = daemon.events()[-1]["seq"]
        site.set_up(world, True)
        for reason in reasons:
            event = daemon.wait_event("decided", after=seq)
            assert event["reason"] == reason, (reasons, event)
            seq = event["seq"]
            if reason == "hold-down":
                chain = daemon.ask("why", prefix="198.51.100.0/24")["result"]["chain"]
                assert "hold-down" in [s["step"] for s in chain], chain
        bird.wait_routes(2)


def test_announce_after(world):
    bird, _, config = begin(world)
    config = config.replace("    announce:\n", "    announce-after: 700ms\n    announce:\n")
    daemon = harness.Daemon(world, config)
    first = daemon.wait_event("decided")
    assert first["reason"] == "healthy", "a service that was never down need not prove itself"
    bird.wait_routes(2)
    site.set_up(world, False)
    bird.wait_routes(0)
    before = daemon.events()[-1]["seq"]
    site.set_up(world, True)
    waits = daemon.wait_event("decided", after=before)
    assert waits["reason"] == "recovering", waits
    chain = daemon.ask("why", prefix="198.51.100.0/24")["result"]["chain"]
    assert "announce-after" in [s["step"] for s in chain], chain
    again = daemon.wait_event("decided", after=waits["seq"])
    assert again["reason"] == "healthy" and again["cause_seq"] == waits["seq"], again
    bird.wait_routes(2)


def test_no_service_waits_for_ever(world):
    """Waits of many services that end at about the same moment: each is begun, is as long as it says, and
    ends by itself."""
    config = site.config(world, site.upstream(more=", passive: yes"))
    head, rest = config.split("services:\n")
    service, tail = rest.split("upstreams:\n")
    more = "".join(
        f"  - {{name: s{n}, prefixes: 10.{n}.0.0/16, addresses: 10.{n}.0.1, manage-addresses: no,\n"
        f"     hold-down: {{first: 0}}, announce-after: 100ms,\n"
        f"     checks: [{{kind: file, path: {world.folder}/up, fall: 1,\n"
        f"     rise: 1, interval: 100ms, timeout: 100ms}}]}}\n" for n in range(200))
    daemon = harness.Daemon(world, f"{head}services:\n{more}upstreams:\n{tail}")

    def decisions(after):
        """{service: its decisions since an event}"""
        seen = {}
        for e in daemon.events(after):
            if e["type"] == "decided":
                seen.setdefault(e["subject"], []).append(e)
        return seen

    def wait_decided(after, *reasons):
        """Just these, by each service, and no other."""
        wanted = {f"s{n}": reasons for n in range(200)}
        harness.wait_for(reasons, lambda: wanted == {
            service: tuple(e["reason"] for e in made) for service, made in decisions(after).items()})
        return decisions(after)

    harness.wait_for("all announced", lambda: {
        s["prefixes"][0]["reason"] for s in daemon.status()["services"]} == {"healthy"})
    for _ in range(10):
        last = daemon.events()[-1]["seq"]
        site.set_up(world, False)
        wait_decided(last, "check-failed")
        last = daemon.events()[-1]["seq"]
        site.set_up(world, True)
        for begin, end in wait_decided(last, "recovering", "healthy").values():
            waited = datetime.fromisoformat(end["time"]) - datetime.fromisoformat(begin["time"])
            assert waited.total_seconds() > 0.099, waited  # the wall clock may be slewed by as much
            assert end["cause_seq"] == begin["seq"], (begin, end)  # the wait's end, not another check


def flap(daemon, world, times):
    """Down and up again, each seen by the daemon before the next."""
    seq = daemon.events()[-1]["seq"]
    for up in (False, True) * times:
        site.set_up(world, up)
        seq = daemon.wait_event("health_changed", after=seq, reason="up" if up else "down")["seq"]


def withdrawals(daemon):
    return sum(e["type"] == "withdrawn" and e["subject"] == "198.51.100.0/24"
               for e in daemon.events())


def test_flapping_reaches_upstreams_seldom(world):
    """Fifteen failures in a row: three withdrawals at most with the default hold-down, and without
    hold-down all of them."""
    for hold_down, expected in (("{}", range(1, 4)), ("{first: 0}", range(15, 16))):
        neighbour = bgp.Neighbour(world)
        daemon = harness.Daemon(world, site.config(world).replace("{first: 0}", hold_down))
        session = neighbour.accept()
        session.establish()
        daemon.wait_event("announced")
        flap(daemon, world, 15)
        heard = withdrawals(daemon)
        assert heard in expected, (hold_down, heard)
        on_the_wire = 0
        while on_the_wire < heard:
            on_the_wire += "198.51.100.0/24" in session.next_update()["withdraw"]
        session.close()
        daemon.process.kill()
        daemon.process.wait()
        for closer in reversed(world.closers):
            closer()
        world.closers.clear()


def test_off_and_on(world):
    bird, _, config = begin(world)
    daemon = harness.Daemon(world, config)
    bird.wait_routes(2)
    assert daemon.ask("off", service="dns", reason="disk swap")["ok"]
    bird.wait_routes(0)
    assert daemon.status()["services"][0]["admin"] == "off"
    assert daemon.ask("off", service="nosuch")["error"]["code"] == "not-found"
    assert daemon.ask("on", service="dns")["ok"]
    bird.wait_routes(2)


harness.main(globals())
