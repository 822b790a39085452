#!/usr/bin/python3
"""Neighbours' sessions in any pieces and any order: the daemon goes on, and tells the next one what it is to
hear."""

import random
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import cutsessions as cut
import harness
import site_config as site

PASSIVE = ", passive: yes"
UPSTREAMS = {"plain": ("127.0.0.2", 64496, ""), "paths": ("127.0.0.3", 64497, ", add-path: both"),
             "few": ("127.0.0.4", 64498, ", max-prefixes: 1, max-prefixes-restart: 1s")}
RANGED = ("127.0.1.2", 64499)
RANGE = "  - {name: ix, range: 127.0.1.0/24, as: 64499, hold-time: 9s, forget-after: 1s}\n"
PREFIXES = {"198.51.100.0/24", "2001:db8:53::/48"}


def start(world):
    neighbours = {n: bgp.Neighbour(world, a, 1179) for n, (a, _, _) in UPSTREAMS.items()}
    neighbours["ix"] = bgp.Neighbour(world, RANGED[0], 1179)
    daemon = harness.Daemon(world, site.config(world, *(
        site.upstream(n, a, asn, more=PASSIVE + more) for n, (a, asn, more) in UPSTREAMS.items()), RANGE))
    return daemon, [(n, neighbours[n], asn) for n, asn in
                    [*((n, asn) for n, (_, asn, _) in UPSTREAMS.items()), ("ix", RANGED[1])]]


def messages_of(asn):
    attributes = (bgp.attribute(1, b"\0") + bgp.attribute(2, b"\2\1" + asn.to_bytes(4, "big")) +
                  bgp.attribute(3, b"\xc0\0\2\2"))
    return [bgp.open_message(asn=asn), bgp.keepalive(),
            bgp.raw_update(attributes, bgp.nlri("10.1.0.0/16") + bgp.nlri("10.2.0.0/16")), bgp.raw_update()]


def check(neighbours):
    """A sound session of each, established and with routes in one piece, hears all there is to hear."""
    for name, neighbour, asn in neighbours:
        def hears():
            session = neighbour.connect()
            try:
                session.send(bgp.open_message(asn=asn) + bgp.keepalive() + bgp.raw_update())
                told = set()
                while told != PREFIXES and (got := session.receive()):
                    if got[0] == bgp.UPDATE:
                        told |= set(bgp.decode_update(got[1])["announce"])
                return told == PREFIXES
            except ConnectionError:
                return False
            finally:
                session.close()
        harness.wait_for(f"{name} to hear it", hears)  # one that sent too much rests for a second


def test_every_cut_and_end(world):
    daemon, neighbours = start(world)
    for _, neighbour, asn in neighbours:
        for end, segments in cut.ways(messages_of(asn)):
            cut.play(neighbour.connect().sock, end, segments, time.sleep)
            assert daemon.alive(), (end, segments, daemon.log())
    check(neighbours)
    assert daemon.status()["services"][0]["prefixes"][0]["announce"] == "announced"


def test_soup(world):
    daemon, neighbours = start(world)
    rng = random.Random(4271)
    for number in range(300):
        _, neighbour, asn = rng.choice(neighbours)
        end, segments = cut.soup(rng, asn)
        others = [neighbour.connect() for _ in range(rng.choice([0, 0, 1]))]  # beside it
        cut.play(neighbour.connect().sock, end, segments, time.sleep)
        for other in others:
            cut.play(other.sock, *cut.soup(rng, asn), time.sleep)
        assert daemon.alive(), (number, segments, daemon.log())
        if number % 50 == 49:
            daemon.ask("reload", yes=True)
        if number % 100 == 99:
            check(neighbours)


if __name__ == "__main__":
    harness.main(globals())
