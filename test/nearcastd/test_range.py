#!/usr/bin/python3
"""Neighbours that are known by a range of addresses: they come, are upstreams like others, and are
forgotten some time after they left."""

import re
import socket
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
import site_config as site

RANGE = ("  - {{name: {name}, range: {range}, as: {asn}, hold-time: 9s, "
         "forget-after: {forget}{more}}}\n")
PREFIXES = {"198.51.100.0/24", "2001:db8:53::/48"}


def ranged(name="ix", range="127.0.0.0/24", asn=64496, forget="1m", more=""):
    return RANGE.format(name=name, range=range, asn=asn, forget=forget, more=more)


def begin(world, *upstreams):
    return harness.Daemon(world, site.config(world, *upstreams))


def connect(address):
    sock = socket.create_connection(("127.0.0.1", 179), harness.WAIT_S, (address, 0))
    return bgp.Session(sock)


def come(world, address, **fields):
    """A session from that address, with what it was told; it lasts as long as the case."""
    session = connect(address)
    world.closers.append(session.close)
    session.establish(**fields)
    told = set()
    while told != PREFIXES:
        told |= set(session.next_update()["announce"])
    return session


def upstreams(daemon):
    return {u["name"]: u for u in daemon.status()["upstreams"]}


def states(daemon):
    return {name: u["state"] for name, u in upstreams(daemon).items()}


def wait_names(daemon, *names):
    harness.wait_for(f"just {names}", lambda: set(upstreams(daemon)) == set(names))


def test_come_and_go(world):
    daemon = begin(world, ranged(forget="1s"))
    assert upstreams(daemon) == {}
    assert daemon.status()["ranges"] == [{"name": "ix", "range": "127.0.0.0/24", "as": 64496,
                                          "neighbours": 0, "max_neighbours": 64}]
    first, second = come(world, "127.0.0.2"), come(world, "127.0.0.3", router_id="192.0.2.97")
    assert states(daemon) == {"ix-127.0.0.2": "Established", "ix-127.0.0.3": "Established"}
    one = upstreams(daemon)["ix-127.0.0.2"]
    assert one["range"] == "127.0.0.0/24" and one["address"] == "127.0.0.2" and one["sent"] == 2, one
    daemon.wait_event("upstream_up", upstream="ix-127.0.0.3", subject="127.0.0.3")
    shown = subprocess.run([harness.BUILD / "nearcast/nearcast", "-s", daemon.control, "show", "upstreams"],
                           check=True, capture_output=True, text=True).stdout
    assert re.search(r"^ix-127\.0\.0\.2 +127\.0\.0\.2 +64496 +Established ", shown, re.M), shown
    assert re.search(r"^ix +127\.0\.0\.0/24 +64496 +2 +64$", shown, re.M), shown
    told = daemon.status()["services"][0]["prefixes"][0]["upstreams"]
    assert [(u["name"], u["announced"]) for u in told] == [("ix-127.0.0.2", True), ("ix-127.0.0.3", True)]
    first.close()
    down = daemon.wait_event("upstream_down", upstream="ix-127.0.0.2")
    assert "ix-127.0.0.2" in upstreams(daemon)  # it is shown for a while, with its last error
    gone = daemon.wait_event("upstream_forgotten", upstream="ix-127.0.0.2", reason="left")
    assert gone["seq"] > down["seq"]
    wait_names(daemon, "ix-127.0.0.3")
    site.set_up(world, False)
    assert set(second.next_update()["withdraw"]) <= PREFIXES


def test_comes_back(world):
    daemon = begin(world, ranged(forget="1s"))
    come(world, "127.0.0.2").close()
    daemon.wait_event("upstream_down")
    again = come(world, "127.0.0.2")
    assert upstreams(daemon)["ix-127.0.0.2"]["established"] == 2
    again.close()
    daemon.wait_event("upstream_forgotten")
    come(world, "127.0.0.2")
    assert upstreams(daemon)["ix-127.0.0.2"]["established"] == 1


def test_outside(world):
    daemon = begin(world, ranged(range="127.0.0.0/25"))
    connect("127.0.0.130").expect_closed()
    come(world, "127.0.0.127")
    assert set(upstreams(daemon)) == {"ix-127.0.0.127"}


def test_wrong_as(world):
    daemon = begin(world, ranged(forget="1s"))
    session = connect("127.0.0.2")
    session.expect(bgp.OPEN)
    session.send(bgp.open_message(asn=64497))
    session.expect_notification(2, 2)
    session.close()
    daemon.wait_event("upstream_forgotten", upstream="ix-127.0.0.2")
    wait_names(daemon)


def test_full(world):
    daemon = begin(world, ranged(more=", max-neighbours: 2"))
    first, second = come(world, "127.0.0.2"), come(world, "127.0.0.3", router_id="192.0.2.97")
    connect("127.0.0.4").expect_closed()
    refused = daemon.wait_event("upstream_refused", subject="127.0.0.4", upstream="ix")
    assert refused["reason"] == "max-neighbours", refused
    assert set(states(daemon).values()) == {"Established"}
    first.close()
    daemon.wait_event("upstream_down", upstream="ix-127.0.0.2")
    come(world, "127.0.0.5", router_id="192.0.2.98")
    daemon.wait_event("upstream_forgotten", upstream="ix-127.0.0.2", reason="room-for-another")
    wait_names(daemon, "ix-127.0.0.3", "ix-127.0.0.5")
    second.send(bgp.keepalive())


def test_which_one_counts(world):
    daemon = begin(world, ranged(), site.upstream("exact", "127.0.0.3", asn=64499, more=", passive: yes"),
                   ranged("inner", "127.0.0.128/25", asn=64498))
    come(world, "127.0.0.2")
    come(world, "127.0.0.3", asn=64499)
    come(world, "127.0.0.200", asn=64498)
    assert states(daemon) == dict.fromkeys(["exact", "ix-127.0.0.2", "inner-127.0.0.200"], "Established")


def test_reload_leaves_it(world):
    daemon = begin(world, ranged())
    session = come(world, "127.0.0.2")
    more = site.upstream("b", "127.0.1.2", more=", passive: yes")
    for upstream in ranged(range="127.0.0.0/16"), ranged(more=", max-neighbours: 5"):
        assert daemon.reload(site.config(world, more, upstream)).get("ok")
        assert states(daemon)["ix-127.0.0.2"] == "Established"
    assert upstreams(daemon)["ix-127.0.0.2"]["established"] == 1
    site.set_up(world, False)  # and it is the same session
    assert session.next_update()["withdraw"]


def test_reload_ends_it(world):
    """It is no longer in the range, the range is gone, or the address has an upstream of its own."""
    daemon = begin(world, ranged())
    for config, subcode in ((ranged(range="127.0.0.0/31"), 6), (site.upstream("x", "127.0.9.9"), 3),
                            (ranged() + site.upstream("exact", "127.0.0.2", more=", passive: yes"), 6),
                            (ranged(asn=64497), 6), (ranged() + ranged("inner", "127.0.0.0/29"), 6)):
        session = come(world, "127.0.0.2")
        refused = daemon.reload(site.config(world, config))
        assert not refused.get("ok") and "2 prefixes" in str(refused), refused
        assert daemon.ask("reload", yes=True).get("ok")
        session.expect_notification(6, subcode)
        session.close()
        assert "ix-127.0.0.2" not in upstreams(daemon)
        assert daemon.reload(site.config(world, ranged())).get("ok")


def test_stop(world):
    daemon = begin(world, ranged())
    session = come(world, "127.0.0.2")
    daemon.process.terminate()
    session.expect_notification(6, 2)
    session.close()
    assert daemon.process.wait(harness.WAIT_S) == 0


harness.main(globals())
