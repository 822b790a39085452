#!/usr/bin/python3
"""Neighbours' sessions in any pieces and any order, and what is shown of them."""

import random
import socket
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import bgpspeaker as bgp
import cutsessions as cut
import glass
import harness

NEIGHBOURS = {"plain": ("127.0.0.2", 65001, {}),
              "paths": ("127.0.0.3", 65002, {"add_path": "yes"}),
              "few": ("127.0.0.4", 65003, {"max_routes": 1}),
              "kept": ("127.0.0.5", 65004, {"stale_time": "1h"})}
RESTARTS = bgp.capability(64, b"\x00\x3c\0\1\1\x80")


def start(world):
    return glass.Glass(world, *(glass.neighbour(n, a, asn, **keys) for n, (a, asn, keys) in NEIGHBOURS.items()))


def dial(address):
    sock = socket.socket()
    sock.bind((address, 0))
    sock.settimeout(harness.WAIT_S)
    sock.connect(("127.0.0.1", 179))
    return sock


def check(g):
    """A sound session of each shows what it says, in one piece with what establishes it, and nothing else."""
    for name, (address, asn, _) in NEIGHBOURS.items():
        session = glass.opened(address, asn)
        session.send(bgp.keepalive(), bgp.raw_update(glass.attributes([asn]), bgp.nlri("10.1.0.0/16")),
                     bgp.raw_update())
        harness.wait_for(f"what {name} says", lambda: [r["network"] for r in g.routes(neighbour=name)] ==
                         ["10.1.0.0/16"])
        session.send(bgp.message(bgp.NOTIFICATION, b"\6\2"))
        session.close()
        harness.wait_for(f"the end of {name}", lambda: not g.routes(neighbour=name))


def test_every_cut_and_end(world):
    g = start(world)
    for address, asn, _ in NEIGHBOURS.values():
        more = [RESTARTS] if asn == 65004 else []
        messages = [
            bgp.open_message(asn=asn, capabilities=[bgp.capability(1, b"\0\1\0\1"), *more]),
            bgp.keepalive(),
            bgp.raw_update(glass.attributes([asn]), bgp.nlri("10.1.0.0/16") + bgp.nlri("10.2.0.0/16")),
            bgp.raw_update()]
        for end, segments in cut.ways(messages):
            cut.play(dial(address), end, segments, time.sleep)
            assert g.process.poll() is None, (end, segments, g.log_path.read_text())
    check(g)


def test_soup(world):
    g = start(world)
    rng = random.Random(4271)
    for number in range(300):
        address, asn, _ = rng.choice(list(NEIGHBOURS.values()))
        end, segments = cut.soup(rng, asn)
        others = [dial(address) for _ in range(rng.choice([0, 0, 1]))]  # beside it
        cut.play(dial(address), end, segments, time.sleep)
        for other in others:
            cut.play(other, *cut.soup(rng, asn), time.sleep)
        assert g.process.poll() is None, (number, segments, g.log_path.read_text())
        if number % 100 == 99:
            check(g)


if __name__ == "__main__":
    harness.main(globals())
