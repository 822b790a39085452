#!/usr/bin/python3
"""Routes of a lost session, kept as stale: RFC 4724 with scripted neighbours and BIRD, and BMP."""

import struct
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import bgpspeaker as bgp
import bmprouter as bmp
import glass
import harness

A, B = "127.0.0.2", "127.0.0.3"
END_OF_RIB = bgp.message(bgp.UPDATE, bytes(4))
END_OF_RIB6 = bgp.message(bgp.UPDATE, b"\0\0\0\6" + b"\x80\x0f\3\0\2\1")
ONE, TWO = "10.1.0.0/16", "10.2.0.0/16"
SIX = "2001:db8::/32"


def restarts(seconds=60, kept=(1, 2), lists=(1, 2)):
    """The capability of RFC 4724 section 3."""
    return [bgp.capability(64, struct.pack("!H", seconds) + b"".join(
        struct.pack("!HBB", afi, 1, 0x80 if afi in kept else 0) for afi in lists))]


def start(world, **keys):
    """A glass with a rival's worse route to ONE."""
    g = glass.Glass(world, glass.neighbour("a", A, 65001, **keys), glass.neighbour("b", B, 65002))
    b = glass.connect(B, 65002)
    glass.announce(b, [ONE], [65002, 65003, 65004])
    g.wait_routes(1)
    return g, b


def connect(**keys):
    return glass.connect(A, 65001, more=restarts(**keys))


def full(g, a):
    glass.announce(a, [ONE, TWO], [65001])
    glass.announce6(a, [SIX], [65001])
    g.wait_routes(3, neighbour="a")
    assert not stale(g) and not g.neighbour("a")["stale"]


def stale(g):
    return sorted(r["network"] for r in g.routes() if r.get("stale"))


def networks(g):
    return sorted(r["network"] for r in g.routes(neighbour="a"))


def lost(g, a):
    a.close()
    harness.wait_for("the loss", lambda: g.neighbour("a")["state"] != "Established")


def test_kept_until_end_of_rib(world):
    g, _ = start(world)
    a = connect()
    full(g, a)
    assert next(r for r in g.routes(prefix=ONE) if r["best"])["peer_id"] == "a"
    lost(g, a)
    assert stale(g) == [ONE, TWO, SIX] and g.neighbour("a")["stale"]
    by = {r["peer_id"]: r for r in g.routes(prefix=ONE)}
    assert by["b"]["best"] and by["b"]["best_reason"] == by["a"]["best_reason"] == "stale", by
    assert by["a"]["stale"] is True and "stale" not in by["b"]
    assert g.routes(prefix=TWO)[0]["best"], "a stale route is better than none"
    assert 'nearglass_neighbour_stale{neighbour="a"} 1\n' in g.fetch("/metrics")[2].decode()
    a = connect()
    assert stale(g) == [ONE, TWO, SIX]
    glass.announce(a, [ONE], [65001])
    harness.wait_for("one is told again", lambda: stale(g) == [TWO, SIX])
    a.send(END_OF_RIB)
    harness.wait_for("the other family", lambda: stale(g) == [SIX])
    assert networks(g) == [ONE, SIX] and g.neighbour("a")["stale"]
    a.send(END_OF_RIB6)
    harness.wait_for("the end", lambda: networks(g) == [ONE])
    assert not g.neighbour("a")["stale"]
    assert next(r for r in g.routes(prefix=ONE) if r["best"])["peer_id"] == "a"


def test_the_time_is_over(world):
    g, _ = start(world)
    a = connect(seconds=1)
    full(g, a)
    lost(g, a)
    assert stale(g) == [ONE, TWO, SIX]
    harness.wait_for("the end of its time", lambda: networks(g) == [])
    assert not g.neighbour("a")["stale"]


def test_end_of_rib_does_not_come(world):
    """The glass's own time counts then; and where it is the shorter one."""
    g, _ = start(world, stale_time="1s")
    a = connect()
    full(g, a)
    lost(g, a)
    a = connect()
    glass.announce(a, [ONE], [65001])
    harness.wait_for("what was not told again goes", lambda: networks(g) == [ONE])
    lost(g, a)
    assert stale(g) == [ONE]
    harness.wait_for("the end of its time", lambda: networks(g) == [])


def test_goes_at_once(world):
    """Without the capability; by a NOTIFICATION; for a family that was not kept; where it is off."""
    g, _ = start(world)
    a = glass.connect(A, 65001)
    full(g, a)
    lost(g, a)
    assert networks(g) == []
    a = connect()
    full(g, a)
    a.send(bgp.message(bgp.NOTIFICATION, b"\6\4"))
    harness.wait_for("the end", lambda: networks(g) == [])
    assert not g.neighbour("a")["stale"]
    a = connect(lists=(1,))
    full(g, a)
    lost(g, a)
    assert stale(g) == networks(g) == [ONE, TWO]
    a = connect(kept=())
    harness.wait_for("the end", lambda: networks(g) == [])
    full(g, a)
    lost(g, a)
    glass.connect(A, 65001)
    harness.wait_for("back without the capability", lambda: networks(g) == [])
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    g, _ = start(world, stale_time="0s")
    a = connect()
    full(g, a)
    lost(g, a)
    assert networks(g) == []


def test_lost_twice(world):
    """What was stale already at the second loss goes (RFC 4724 section 4.2)."""
    g, _ = start(world)
    a = connect()
    full(g, a)
    lost(g, a)
    a = connect()
    glass.announce(a, [TWO], [65001])
    harness.wait_for("one is told again", lambda: stale(g) == [ONE, SIX])
    lost(g, a)
    harness.wait_for("the older ones go", lambda: networks(g) == stale(g) == [TWO])


def test_connects_again(world):
    """The end of the old connection was not seen: RFC 4724 section 5."""
    g, _ = start(world)
    a = connect()
    full(g, a)
    again = connect()
    harness.wait_for("what was there is stale", lambda: stale(g) == [ONE, TWO, SIX])
    a.expect_closed()
    again.send(END_OF_RIB, END_OF_RIB6)
    harness.wait_for("the end", lambda: networks(g) == [])
    assert g.neighbour("a")["state"] == "Established"


def test_other_paths(world):
    """The next session has path identifiers: what is kept cannot be told again."""
    g, _ = start(world, add_path="yes")
    a = glass.connect(A, 65001, add_path=True, more=restarts())
    glass.with_ids(a, [(1, ONE), (2, ONE)], [65001])
    g.wait_routes(2, neighbour="a")
    lost(g, a)
    assert [r["path_id"] for r in g.routes(neighbour="a")] == [1, 2]
    assert stale(g) == [ONE, ONE]
    connect()
    harness.wait_for("the end", lambda: networks(g) == [])


def test_limit(world):
    """What is kept is no part of max-routes: a neighbour may say it again under other identifiers."""
    g = glass.Glass(world, glass.neighbour("a", A, 65001, add_path="yes", max_routes=3))
    a = glass.connect(A, 65001, add_path=True, more=restarts())
    glass.with_ids(a, [(1, ONE), (2, ONE), (3, TWO)], [65001])
    g.wait_routes(3)
    lost(g, a)
    a = glass.connect(A, 65001, add_path=True, more=restarts())
    glass.with_ids(a, [(11, ONE), (12, ONE), (13, TWO)], [65001])
    g.wait_routes(6)
    a.send(END_OF_RIB)
    g.wait_routes(3)
    assert sorted(r["path_id"] for r in g.routes()) == [11, 12, 13] and g.neighbour("a")["times_established"] == 2
    glass.with_ids(a, [(14, TWO)], [65001])  # the control
    a.expect_notification(6, 1)


def test_bmp(world):
    for time, kept in ("20s", True), ("0s", False):
        g = glass.Glass(world, bmp.BMP.format(bmp.ROUTER).replace("bmp: {", f"bmp: {{stale-time: {time}, "))
        r = bmp.connect()
        r.sendall(bmp.up() + bmp.routes(bmp.announce([ONE, TWO], [65001])))
        g.wait_routes(2)
        r.close()
        harness.wait_for("the loss", lambda: g.neighbour("r1/192.0.2.9")["state"] != "Established")
        assert stale(g) == ([ONE, TWO] if kept else []), g.routes()
        if kept:
            r = bmp.connect()
            r.sendall(bmp.up() + bmp.routes(bmp.announce([ONE], [65001])))
            harness.wait_for("one is told again", lambda: stale(g) == [TWO])
            r.sendall(bmp.routes(END_OF_RIB))
            g.wait_routes(1)
            r.sendall(bmp.message(bmp.DOWN, bmp.peer() + b"\4"))
            g.wait_routes(0)  # the router says that it is gone
        g.process.terminate()
        assert g.process.wait(harness.WAIT_S) == 0


BIRD = """\
router id 192.0.2.2;
protocol device {{ }}
protocol static {{ ipv4; {routes} }}
protocol bgp glass {{
    local 127.0.0.2 as 65001; neighbor 127.0.0.1 as 65000; multihop; strict bind;
    connect delay time 1; connect retry time 1; error wait time 1, 1;
    graceful restart yes; graceful restart time 30;
    ipv4 {{ import none; export all; next hop address 192.0.2.7; }};
}}
"""


def test_bird(world):
    """Killed and started again with -R: what it has not any more goes with its End-of-RIB."""
    harness.needs("bird")

    def run(*routes, more=()):
        text = BIRD.format(routes=" ".join(f"route {r} blackhole;" for r in routes))
        return world.start("/usr/sbin/bird", "-f", "-c", world.file("bird.conf", text), "-s",
                           world.folder / "bird.ctl", "-P", world.folder / "bird.pid", *more,
                           stderr=subprocess.DEVNULL)

    g, _ = start(world)
    bird = run(ONE, TWO)
    harness.wait_for("BIRD's routes", lambda: networks(g) == [ONE, TWO], 20)
    bird.kill()
    bird.wait()
    harness.wait_for("the loss", lambda: g.neighbour("a")["state"] != "Established")
    assert stale(g) == [ONE, TWO]
    run(TWO, "10.3.0.0/16", more=["-R"])
    harness.wait_for("its return", lambda: networks(g) == [TWO, "10.3.0.0/16"], 20)
    assert not stale(g) and not g.neighbour("a")["stale"]


harness.main(globals())
