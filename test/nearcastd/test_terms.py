#!/usr/bin/python3
"""What an upstream's keys make both sides agree on: roles, path identifiers, extended messages,
graceful restart, NO_LLGR, the first AS and the maximum of prefixes, against BIRD and a scripted
neighbour."""

import struct
import subprocess
import sys
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
    {more}
    ipv4 {{ {channel} next hop address 192.0.2.96; import all; export all; }};
    ipv6 {{ {channel} import all; export all; }};
}}
protocol static two {{ ipv4; route 203.0.113.0/24 blackhole; route 192.0.2.0/24 blackhole; }}
"""


class Bird:
    def __init__(self, world, more="", channel=""):
        harness.needs("bird", "birdc")
        self.socket = world.folder / "bird.ctl"
        text = BIRD.format(folder=world.folder, more=more, channel=channel)
        world.start("/usr/sbin/bird", "-f", "-c", world.file("bird.conf", text), "-s", self.socket,
                    "-P", world.folder / "bird.pid")
        harness.wait_for("bird", self.socket.exists)

    def ask(self, *words):
        return subprocess.run(["/usr/sbin/birdc", "-s", str(self.socket), *words],
                              capture_output=True, text=True, check=True).stdout

    def heard(self):
        return self.ask("show", "route", "protocol", "site", "all")


def with_bird(world, keys, **bird):
    """The site with BIRD as its only upstream."""
    bird = Bird(world, **bird)
    keys = ", multihop: yes" + "".join(f", {key}" for key in keys)
    config = site.config(world, site.upstream("bird", "127.0.0.3", 64497, more=keys))
    return bird, harness.Daemon(world, config)


def upstream(daemon):
    return daemon.status()["upstreams"][0]


def wait_state(daemon, state):
    harness.wait_for(state, lambda: upstream(daemon)["state"] == state)


def test_all_terms_with_bird(world):
    bird, daemon = with_bird(
        world, ["role: customer", "strict-role: yes", "add-path: both", "no-llgr: yes",
                "graceful-restart: 30s"],
        more="local role provider; enable extended messages on;", channel="add paths on;")
    harness.wait_for("routes at BIRD", lambda: "2001:db8:53::/48" in bird.heard())
    agreed = set(upstream(daemon)["negotiated"])
    assert agreed == {"ipv4", "ipv6", "as4", "route-refresh", "enhanced-refresh",
                      "extended-message", "add-path-receive", "add-path-send", "graceful-restart",
                      "role-provider"}, agreed
    # BIRD shows the well-known community by number beside the configured ones.
    assert "BGP.community: (64500,100) (65535,7)" in bird.heard(), bird.heard()
    assert "BGP.otc" not in bird.heard()
    known = bird.ask("show", "protocols", "all", "site")
    for term in ("Restart time: 30", "Role: customer", "Extended message", "Enhanced refresh"):
        assert term in known, (term, known)
    told = daemon.status()["services"][0]["prefixes"][0]["upstreams"][0]["communities"]
    assert told == ["64500:100", "no-llgr", "64500:1:2"], told
    harness.wait_for("BIRD's two routes", lambda: upstream(daemon)["received"] == 2)
    bird.ask("reload", "in", "site")  # a refresh with a begin and an end
    harness.wait_for("routes again", lambda: bird.heard().count("BGP.med: 10") == 2)


def test_nothing_but_the_defaults(world):
    bird, daemon = with_bird(world, [], more="enable extended messages on;",
                             channel="add paths on;")
    harness.wait_for("routes at BIRD", lambda: "2001:db8:53::/48" in bird.heard())
    agreed = set(upstream(daemon)["negotiated"])
    assert agreed == {"ipv4", "ipv6", "as4", "route-refresh", "enhanced-refresh",
                      "extended-message", "graceful-restart"}, agreed
    assert "(65535,7)" not in bird.heard()


def test_routes_for_customers_only(world):
    bird, _ = with_bird(world, ["role: provider"], more="local role customer;")
    harness.wait_for("OTC at BIRD", lambda: bird.heard().count("BGP.otc: 64500") == 2)


def test_roles_that_do_not_match(world):
    _, daemon = with_bird(world, ["role: customer"], more="local role peer;")
    mismatch = lambda: "Role Mismatch" in (upstream(daemon)["last_error"] or "")
    harness.wait_for("the mismatch", mismatch)
    assert upstream(daemon)["established"] == 0


def test_too_many_prefixes(world):
    bird, daemon = with_bird(world, ["max-prefixes: 1", "max-prefixes-restart: 1s"])
    harness.wait_for("the end of the session",
                     lambda: "more than 1 prefixes" in (upstream(daemon)["last_error"] or ""))
    harness.wait_for("Cease at BIRD", lambda: "Maximum number of prefixes reached" in
                     bird.ask("show", "protocols", "all", "site"))
    harness.wait_for("the next session", lambda: upstream(daemon)["established"] >= 2)


def test_first_as(world):
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world, site.upstream(more=", max-prefixes: 10")))
    session = neighbour.accept()
    session.establish()
    session.send(bgp.update(["203.0.113.0/24"], asn=64511, next_hop="192.0.2.96"))
    session.send(bgp.update(["192.0.2.0/24"], next_hop="192.0.2.96"))
    harness.wait_for("both", lambda: upstream(daemon)["updates_in"] >= 2)
    assert upstream(daemon)["received"] == 1


def test_restarted_bit(world):
    """The capability asks for the time, says that this side was gone, and that routes go on."""
    neighbour = bgp.Neighbour(world)
    harness.Daemon(world, site.config(world, site.upstream(more=", graceful-restart: 90s")))
    session = neighbour.accept()
    kind, body = session.receive()
    assert kind == bgp.OPEN
    both = struct.pack("!HHBBHBB", 0x8000 | 90, 1, 1, 0x80, 2, 1, 0x80)
    assert bytes([64, len(both)]) + both in body, body.hex()


def test_neighbour_without_capabilities(world):
    """It refuses the OPEN that has them; the next one has none, and IPv4 goes out with short AS numbers."""
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world))
    session = neighbour.accept()
    assert session.expect(bgp.OPEN)[9] > 0
    session.send(bgp.message(bgp.NOTIFICATION, b"\2\4"))
    session.close()
    again = neighbour.accept()
    assert again.expect(bgp.OPEN)[9:] == b"\0"
    again.send(bgp.open_message(parameters=b""), bgp.keepalive())
    told = again.next_update()
    assert told["announce"] == ["198.51.100.0/24"], told
    assert told["attributes"][2] == struct.pack("!BBH", 2, 1, 64500), told  # AS_PATH
    shown = upstream(daemon)
    assert shown["state"] == "Established" and shown["negotiated"] == ["ipv4"], shown
    down = daemon.wait_event("upstream_down")
    assert "tried again without capabilities" in down["detail"], down


def test_reload_that_changes_the_terms(world):
    bird, daemon = with_bird(world, [], more="local role provider;")
    wait_state(daemon, "Established")
    assert upstream(daemon)["negotiated"].count("role-provider") == 1  # it says so unasked
    keys = ", multihop: yes, role: customer"
    daemon.path.write_text(daemon.complete(
        site.config(world, site.upstream("bird", "127.0.0.3", 64497, more=keys))))
    assert daemon.ask("reload", yes=True)["ok"]  # its only session ends for a moment
    harness.wait_for("a new session", lambda: "Role: customer" in
                     bird.ask("show", "protocols", "all", "site"))


harness.main(globals())
