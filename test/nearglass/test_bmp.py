#!/usr/bin/python3
"""Routers that tell of their neighbours by BMP: RFC 7854, 8671, 9069; scripted, and GoBGP."""

import json
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import bgpspeaker as bgp
import glass
import harness
from bmprouter import *  # what the router says


def told(g):
    """Names of the neighbours that came by BMP."""
    return [n["name"] for n in g.get("/api/v1/status")["neighbours"] if n["kind"] == "bmp"]


def begin(world):
    g = glass.Glass(world, BMP.format(ROUTER))
    return g, connect()


def test_tables(world):
    """One peer's routes before and after policy, what is sent to it, and Loc-RIB."""
    g, s = begin(world)
    for flags, kind in (0, 0), (POST, 0), (OUT, 0), (OUT | POST, 0), (0, 3):
        address = "0.0.0.0" if kind == 3 else "192.0.2.9"
        s.sendall(up(address=address, flags=flags, kind=kind) + routes(
            announce(["10.0.0.0/8"], [65001, flags + 1], local_pref=flags + 1 if flags else None),
            address=address, flags=flags, kind=kind))
    g.wait_routes(5)
    got = {r["peer_id"]: (r["bgp"]["as_path"][-1], r["bgp"]["local_pref"]) for r in g.routes()}
    assert got == {"r1/192.0.2.9": (1, None), "r1/192.0.2.9/post": (0x41, 0x41),
                   "r1/192.0.2.9/out": (0x11, 0x11), "r1/192.0.2.9/out-post": (0x51, 0x51),
                   "r1/loc": (1, None)}, got
    one = g.neighbour("r1/192.0.2.9")
    assert (one["kind"], one["state"], one["as"], one["address"]) == \
        ("bmp", "Established", 65001, "192.0.2.9"), one
    assert g.routes()[0]["last_update"].startswith("2023-11-14T22:13:20"), g.routes()[0]


def test_changes(world):
    g, s = begin(world)
    s.sendall(up() + routes(announce(["10.0.0.0/8", "11.0.0.0/8"], [65001])) +
              up(address="2001:db8::9", asn=65002) +
              routes(announce(["10.0.0.0/8"], [65002]), address="2001:db8::9", asn=65002))
    g.wait_routes(3)
    s.sendall(routes(bgp.update(withdraw=["11.0.0.0/8"])))
    g.wait_routes(2)
    s.sendall(message(DOWN, peer() + b"\4"))
    g.wait_routes(1)
    assert g.neighbour("r1/192.0.2.9")["last_error"] == "the neighbour closed the session"
    s.sendall(up() + routes(announce(["12.0.0.0/8"], [65001])))
    g.wait_routes(2)
    s.close()
    g.wait_routes(0)
    types = [(e["type"], e["subject"]) for e in g.get("/api/v1/events")["events"]]
    assert types[:2] == [("bmp-up", "r1"), ("neighbour-up", "r1/192.0.2.9")], types
    assert types[-1] == ("bmp-down", "r1"), types
    s = connect()  # the same neighbours, not new ones
    s.sendall(up() + routes(announce(["12.0.0.0/8"], [65001])))
    g.wait_routes(1)
    assert len(told(g)) == 2


def test_one_peer_up(world):
    """RFC 8671 section 6: what table the header of a PEER UP or PEER DOWN names says nothing. One of each
    is for all tables of the peer."""
    g, s = begin(world)
    told_routes = b"".join(routes(announce(["10.0.0.0/8"], [65001, flags + 1]), flags=flags)
                           for flags in (0, POST, OUT, OUT | POST))
    s.sendall(up(flags=OUT) + told_routes)
    g.wait_routes(4)
    assert sorted(told(g)) == ["r1/192.0.2.9", "r1/192.0.2.9/out", "r1/192.0.2.9/out-post",
                               "r1/192.0.2.9/post"], told(g)
    s.sendall(up(address="192.0.2.8") + routes(announce(["11.0.0.0/8"], [65001]), address="192.0.2.8"))
    g.wait_routes(5)
    s.sendall(message(DOWN, peer(flags=POST) + b"\4"))  # the one peer, all its tables
    g.wait_routes(1)
    states = {n["name"]: n["state"] for n in g.get("/api/v1/status")["neighbours"] if n["kind"] == "bmp"}
    assert states.pop("r1/192.0.2.8") == "Established" and set(states.values()) == {"Idle"}, states
    s.sendall(told_routes + up() + routes(announce(["12.0.0.0/8"], [65001]), flags=POST))  # before it: nothing
    g.wait_routes(2)
    s.sendall(up() + routes(announce(["13.0.0.0/8"], [65001]), flags=POST))  # anew: those before are gone
    harness.wait_for("the new session", lambda: [r["network"] for r in g.routes(
        neighbour="r1/192.0.2.9/post")] == ["13.0.0.0/8"])


def test_peer_up_for_each_table(world):
    """Routers that say so of each table: the second is no new session, and one table may end alone."""
    g, s = begin(world)
    for flags in 0, POST:
        s.sendall(up(flags=flags) + routes(announce(["10.0.0.0/8"], [65001]), flags=flags))
    g.wait_routes(2)
    s.sendall(message(DOWN, peer(flags=POST) + b"\5"))  # no longer told of
    g.wait_routes(1)
    assert g.neighbour("r1/192.0.2.9")["state"] == "Established"
    s.sendall(up(flags=POST) + routes(announce(["10.0.0.0/8"], [65001]), flags=POST))
    g.wait_routes(2)
    s.sendall(message(DOWN, peer() + b"\2\0\2"))  # the session
    g.wait_routes(0)
    for flags in 0, POST:
        s.sendall(up(flags=flags) + routes(announce(["10.0.0.0/8"], [65001]), flags=flags))
    g.wait_routes(2)
    events = [e["type"] for e in g.get("/api/v1/events")["events"] if e["subject"] == "r1/192.0.2.9/post"]
    assert events == ["neighbour-up", "neighbour-down"] * 2 + ["neighbour-up"], events
    assert g.neighbour("r1/192.0.2.9/post")["times_established"] == 3


def test_another_as(world):
    """The AS of the session that there is, not of the first one."""
    g, s = begin(world)
    s.sendall(up(asn=65001))
    harness.wait_for("the neighbour", lambda: told(g))
    s.sendall(message(DOWN, peer() + b"\4") + up(asn=65044) +
              routes(announce(["10.0.0.0/8"], [65044]), asn=65044))
    g.wait_routes(1)
    assert (g.neighbour("r1/192.0.2.9")["as"], g.routes()[0]["peer_as"]) == (65044, 65044)


def test_too_many(world):
    """The table after the last that there is room for is told of once, and costs the others nothing."""
    g, s = begin(world)
    for i in range(4096 + 3):
        s.sendall(up(address=f"10.0.{i >> 8}.{i & 255}"))
    s.sendall(routes(announce(["10.0.0.0/8"], [65001]), address="10.0.0.7"))
    g.wait_routes(1)
    events = [e for e in g.get("/api/v1/events")["events"] if e["type"] == "bmp-full"]
    assert [e["subject"] for e in events] == ["r1"] and "4096" in events[0]["detail"], events
    assert len(told(g)) == 4096


def test_router_that_is_gone(world):
    """BMP has no keepalive, and a router that was switched off says nothing: TCP asks."""
    harness.needs("ss")
    g, s = begin(world)
    harness.wait_for("the session", lambda: g.get("/api/v1/events")["events"])
    sockets = subprocess.run(["ss", "-Htno", "state", "established", f"( sport = :{PORT} )"],
                             capture_output=True, text=True, check=True).stdout
    assert re.search(r"timer:\(keepalive,(29|30)", sockets), sockets


def test_several_connections(world):
    """Of one router: its VRFs have one each. Who came back while the one before is not known to be dead tells
    of its peers from then on, and the end of that one takes none of them along."""
    g, s = begin(world)
    s.sendall(up() + routes(announce(["10.0.0.0/8"], [65001])))
    vrf = connect()
    vrf.sendall(up(rd=7) + routes(announce(["11.0.0.0/8"], [65001]), rd=7))
    g.wait_routes(2)
    s.sendall(routes(announce(["12.0.0.0/8"], [65001])))  # the first goes on
    g.wait_routes(3)
    back = connect()
    back.sendall(up() + routes(announce(["13.0.0.0/8"], [65001])))
    harness.wait_for("its table", lambda: [r["network"] for r in g.routes(neighbour="r1/192.0.2.9")] == ["13.0.0.0/8"])
    s.sendall(routes(announce(["14.0.0.0/8"], [65001])) + message(DOWN, peer() + b"\4"))
    s.close()
    downs = lambda: [e for e in g.get("/api/v1/events")["events"] if e["type"] == "bmp-down"]
    harness.wait_for("the end of the first", downs)
    assert sorted(r["network"] for r in g.routes()) == ["11.0.0.0/8", "13.0.0.0/8"]
    vrf.close()
    g.wait_routes(1)
    many = [connect() for _ in range(16)]  # one more than there may be: the oldest of them ends
    assert back.recv(1) == b""
    g.wait_routes(0)
    many[-1].sendall(up() + routes(announce(["10.0.0.0/8"], [65001])))
    g.wait_routes(1)
    assert len(told(g)) == 2


def test_add_path_and_as2(world):
    """How UPDATEs are to be read is said by the OPENs and the flags."""
    g, s = begin(world)
    receives, sends = bgp.capability(69, b"\0\1\1\1"), bgp.capability(69, b"\0\1\1\2")
    attrs = glass.attributes([65001])
    nlri = b"".join(struct.pack("!I", i) + bgp.nlri("10.0.0.0/8") for i in (1, 2))
    update = bgp.message(bgp.UPDATE, struct.pack("!HH", 0, len(attrs)) + attrs + nlri)
    s.sendall(up(sent=[receives], received=[sends]) + routes(update))
    g.wait_routes(2)
    assert [r["path_id"] for r in g.routes()] == [1, 2]
    old = bgp.attribute(1, b"\0") + bgp.attribute(2, b"\2\2" + struct.pack("!HH", 65002, 23456)) + \
        bgp.attribute(3, bytes([192, 0, 2, 2])) + \
        bgp.attribute(17, b"\2\1" + struct.pack("!I", 4200000000), 0xc0)
    s.sendall(up(address="192.0.2.8", asn=65002, flags=AS2) + routes(
        bgp.update(announce=["11.0.0.0/8"], attributes=old), address="192.0.2.8", asn=65002, flags=AS2))
    g.wait_routes(3)
    assert g.routes(prefix="11.0.0.0/8")[0]["bgp"]["as_path"] == [65002, 4200000000]
    # The flag is of each message (RFC 7854 section 4.2), whatever that of the PEER UP was.
    s.sendall(up(address="192.0.2.7", asn=65002) + routes(
        bgp.update(announce=["12.0.0.0/8"], attributes=old), address="192.0.2.7", asn=65002, flags=AS2) +
        routes(announce(["13.0.0.0/8"], [65002, 4200000001]), address="192.0.2.7", asn=65002))
    g.wait_routes(5)
    assert [g.routes(prefix=f"{n}.0.0.0/8")[0]["bgp"]["as_path"][-1] for n in (12, 13)] == \
        [4200000000, 4200000001]


def test_wrong(world):
    """What is no BMP ends that router's session; strangers are refused; routes need their peer."""
    g, s = begin(world)
    s.sendall(routes(announce(["10.0.0.0/8"], [65001])))  # nobody said that the peer is up
    s.sendall(up() + message(1, peer() + b"\0\0\0\0") + message(99, b"x") + message(6, peer()) +
              message(UP, peer(address="192.0.2.7") + b"short") +
              routes(announce(["11.0.0.0/8"], [65001])))
    g.wait_routes(1)
    assert told(g) == ["r1/192.0.2.9"]
    stranger = connect(OTHER)
    try:
        assert stranger.recv(1) == b""
    except ConnectionResetError:
        pass
    for wrong in message(ROUTES, b"", version=2), message(ROUTES, b"x"), message(START, b"", length=3), \
            message(START, b"", length=1 << 30):
        s.sendall(wrong)
        assert s.recv(1) == b"", wrong
        g.wait_routes(0)
        s = connect()
        s.sendall(up() + routes(announce(["11.0.0.0/8"], [65001])))
        g.wait_routes(1)


GOBGP = """\
[global.config]
as = 65000
router-id = "192.0.2.5"
port = 1790
local-address-list = ["127.0.0.5"]
[[bmp-servers]]
[bmp-servers.config]
address = "127.0.0.1"
port = 11019
route-monitoring-policy = "all"
[[neighbors]]
[neighbors.config]
neighbor-address = "127.0.0.9"
peer-as = 65009
[neighbors.transport.config]
passive-mode = true
[neighbors.ebgp-multihop.config]
enabled = true
"""


def session_with(router, neighbour):
    """Once the router that was started takes it."""
    def attempt():
        try:
            s = neighbour.connect(ROUTER, 1790)
            s.send(bgp.open_message(asn=65009))
            s.expect(bgp.OPEN)
            s.send(bgp.keepalive())
            s.expect(bgp.KEEPALIVE)
            return s
        except (OSError, AssertionError):  # it knows its neighbours only some time after it listens
            return None

    return harness.wait_for(router, attempt)


def test_gobgp(world):
    """A real router: its neighbour's routes come through, and go with the neighbour."""
    harness.needs("gobgpd")
    g = glass.Glass(world, BMP.format("127.0.0.1"))  # GoBGP lets the kernel choose
    with open(world.folder / "gobgp.log", "w") as log:
        world.start("gobgpd", "-f", world.file("gobgp.toml", GOBGP), "--api-hosts", "127.0.0.5:50051",
                    stdout=log, stderr=log)
    neighbour = bgp.Neighbour(world, "127.0.0.9")

    s = session_with("gobgpd", neighbour)
    glass.announce(s, ["10.0.0.0/8", "11.0.0.0/8"], [65009, 65020], communities=[(65009, 7)])
    harness.wait_for("the routes", lambda: {r["network"] for r in g.routes(community="65009:7")} ==
                     {"10.0.0.0/8", "11.0.0.0/8"})
    assert "r1/127.0.0.9" in told(g), told(g)
    s.close()
    harness.wait_for("their end", lambda: not g.routes(neighbour="r1/127.0.0.9"))


FRR = """\
router bgp 65000
 bgp router-id 192.0.2.5
 no bgp ebgp-requires-policy
 neighbor 127.0.0.9 remote-as 65009
 neighbor 127.0.0.9 passive
 neighbor 127.0.0.9 ebgp-multihop 5
 bmp targets glass
  bmp monitor ipv4 unicast post-policy
  bmp connect 127.0.0.1 port 11019 min-retry 100 max-retry 500
"""


def test_frr(world):
    """It says once that a neighbour is up, as if before policy, and then sends what is behind it."""
    bgpd = Path("/usr/lib/frr/bgpd")
    if not bgpd.exists():
        raise harness.Skip("FRR's bgpd is not installed")
    g = glass.Glass(world, BMP.format("127.0.0.1"))
    with open(world.folder / "bgpd.log", "w") as log:
        world.start(bgpd, "-f", world.file("frr.conf", FRR), "-M", "bmp", "-S", "-Z", "-p", "1790", "-P", "0",
                    "-l", "127.0.0.5", "-i", world.folder / "bgpd.pid", "--vty_socket", world.folder,
                    "--log", "stdout", stdout=log, stderr=log)
    neighbour = bgp.Neighbour(world, "127.0.0.9")

    s = session_with("bgpd", neighbour)
    glass.announce(s, ["10.0.0.0/8", "11.0.0.0/8"], [65009, 65020], communities=[(65009, 7)])
    harness.wait_for("the routes", lambda: {r["network"] for r in g.routes(
        neighbour="r1/127.0.0.9/post", community="65009:7")} == {"10.0.0.0/8", "11.0.0.0/8"}
        if "r1/127.0.0.9/post" in told(g) else None)
    s.close()
    harness.wait_for("their end", lambda: not g.routes())


harness.main(globals())
