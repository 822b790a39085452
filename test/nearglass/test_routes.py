#!/usr/bin/python3
"""What nearglass learns from its neighbours, and every way to ask for it."""

import json
import socket
import struct
import subprocess
import sys
import urllib.parse
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import bgpspeaker as bgp
import glass
import harness

A, B, C = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def two(world):
    """A glass with neighbours a (AS 65001) and b (65002), and their sessions."""
    g = glass.Glass(world, glass.neighbour("a", A, 65001), glass.neighbour("b", B, 65002))
    return g, glass.connect(A, 65001), glass.connect(B, 65002)


def networks(routes):
    return [(r["peer_id"], r["network"]) for r in routes]


def test_route_object(world):
    g, a, b = two(world)
    glass.announce(a, ["10.1.0.0/16"], [65001, 65010, 65020], origin=2, med=7,
                   communities=[(65001, 100), (65535, 65281)], large=[(4200000000, 1, 2)],
                   extended=[bytes([0, 2]) + struct.pack("!HI", 65001, 5)])
    glass.announce(b, ["10.1.0.0/16"], [65002, 65020])
    g.wait_routes(2)
    first, second = g.routes(prefix="10.1.0.0/16")
    assert set(first) == {"site", "peer_id", "peer_address", "peer_as", "network",
                          "path_id", "best", "best_reason", "rpki", "last_update", "bgp"}, first
    assert (first["site"], first["peer_id"], first["peer_address"], first["peer_as"]) == \
        ("fra1", "a", A, 65001), first
    assert first["bgp"] == {
        "origin": "incomplete", "as_path": [65001, 65010, 65020],
        "as_path_str": "65001 65010 65020", "next_hop": "192.0.2.2", "local_pref": None, "med": 7,
        "otc": None, "communities": ["65001:100", "65535:65281"],
        "large_communities": ["4200000000:1:2"], "ext_communities": ["rt:65001:5"]}, first
    assert (first["best"], first["best_reason"]) == (False, "path")
    assert (second["best"], second["best_reason"]) == (True, "path")
    assert first["path_id"] is None


def test_community_names(world):
    names = world.file("names.txt", "# source\n65001:100,customer\n65001:nnn:nnn,$1 of $0 <b>\nrt 65001:nnn,target $0\nbad\n")
    g = glass.Glass(world, glass.neighbour("a", A, 65001), f"communities: [{names}]\n")
    a = glass.connect(A, 65001)
    glass.announce(a, ["10.1.0.0/16"], [65001], communities=[(65001, 100), (65001, 101)],
                   large=[(65001, 1, 2)], extended=[bytes([0, 2]) + struct.pack("!HI", 65001, 5)])
    glass.announce(a, ["10.2.0.0/16"], [65001])
    g.wait_routes(2)
    got = [r["bgp"]["community_names"] for r in g.routes()]
    assert got == [{"65001:100": "customer", "65001:1:2": "2 of 1 <b>", "rt:65001:5": "target 5"}, {}], got
    assert f"{names}:5: no community" in g.log_path.read_text()


def test_each_question(world):
    g, a, b = two(world)
    glass.announce(a, ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"], [65001, 65020],
                   communities=[(65001, 1)])
    glass.announce(b, ["10.1.0.0/16"], [65002, 4200000001, 65020], large=[(65002, 1, 2)],
                   extended=[bytes([2, 3]) + struct.pack("!IH", 4200000001, 5)])
    glass.announce6(b, ["2001:db8::/32", "2001:db8:1::/48"], [65002, 65030], med=1)
    g.wait_routes(6)
    rows = [
        ({"prefix": "10.1.0.0/16"}, [("a", "10.1.0.0/16"), ("b", "10.1.0.0/16")]),
        ({"prefix": "10.1.0.0/17"}, []),
        ({"prefix": "10.1.0.0/17", "match": "longest"},
         [("a", "10.1.0.0/16"), ("b", "10.1.0.0/16")]),
        ({"prefix": "10.1.0.0/17", "match": "covering", "neighbour": "a"},
         [("a", "10.0.0.0/8"), ("a", "10.1.0.0/16")]),
        ({"prefix": "10.0.0.0/9", "match": "covered"},
         [("a", "10.1.0.0/16"), ("b", "10.1.0.0/16"), ("a", "10.1.2.0/24")]),
        ({"address": "10.1.2.3"}, [("a", "10.1.2.0/24")]),
        ({"address": "10.1.2.3", "neighbour": "b"}, [("b", "10.1.0.0/16")]),
        ({"address": "10.1.2.3", "match": "covering", "origin": "65020", "neighbour": "b"},
         [("b", "10.1.0.0/16")]),
        ({"address": "11.0.0.1"}, []),
        ({"address": "2001:db8:1::5"}, [("b", "2001:db8:1::/48")]),
        ({"origin": "AS65030"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"origin": "65030", "family": "ipv4"}, []),
        ({"as": "4200000001"}, [("b", "10.1.0.0/16")]),
        ({"path": "_4200000001_"}, [("b", "10.1.0.0/16")]),
        ({"path": "^65002_65030$"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"path": "_5001_"}, []),
        ({"path": "^65001 (65020|7)$", "prefix": "10.1.0.0/16"}, [("a", "10.1.0.0/16")]),
        ({"community": "65001:1", "prefix": "10.1.0.0/16"}, [("a", "10.1.0.0/16")]),
        ({"community": "65001:1,65001:2"}, []),
        ({"large_community": "65002:1:2"}, [("b", "10.1.0.0/16")]),
        ({"ext_community": "ro:4200000001:5"}, [("b", "10.1.0.0/16")]),
        ({"next_hop": "2001:db8::2"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"q": "10.1.2.3"}, [("a", "10.1.2.0/24")]),
        ({"q": "10.1.2.0/25"}, [("a", "10.1.2.0/24")]),
        ({"q": "10.1.0.0/16", "match": "covered"},
         [("a", "10.1.0.0/16"), ("b", "10.1.0.0/16"), ("a", "10.1.2.0/24")]),
        ({"q": "AS65030"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"q": "65001:1", "match": "exact", "prefix": "10.1.0.0/16"}, [("a", "10.1.0.0/16")]),
        ({"q": "65002:1:2"}, [("b", "10.1.0.0/16")]),
        ({"q": "ro:4200000001:5"}, [("b", "10.1.0.0/16")]),
        ({"q": "^65002 65030$"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"q": "/65030/"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"q": "b", "family": "ipv6"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
        ({"neighbour": "b", "family": "ipv6"}, [("b", "2001:db8::/32"), ("b", "2001:db8:1::/48")]),
    ]
    for question, want in rows:
        got = g.get("/api/v1/routes", **question)
        assert networks(got["routes"]) == want, (question, networks(got["routes"]))
        assert got["meta"]["total_results"] == len(want), (question, got["meta"])
        assert got["meta"]["truncated"] is False


def test_pages(world):
    g, a, b = two(world)
    prefixes = [f"10.{i}.0.0/16" for i in range(200)]
    glass.announce(a, prefixes, [65001])
    glass.announce(b, prefixes[::2], [65002])
    for k in range(3):
        glass.announce6(b, [f"2001:db8:{k}{i:02x}::/48" for i in range(20)], [65002])
    g.wait_routes(360)
    everything = g.routes(limit=1000)
    for size in 1000, 50, 7:
        met, after, pages = [], {}, 0
        while True:
            page = g.get("/api/v1/routes", limit=size, **after)
            assert page["routes"] == g.routes(limit=size, page=pages), (size, pages)
            met += page["routes"]
            pages += 1
            assert page["meta"]["total_results"] == 360
            if page["meta"]["next"] is None:
                break
            after = dict(urllib.parse.parse_qsl(page["meta"]["next"]))
            assert after.pop("limit") == str(size)
        assert met == everything, size
        assert g.routes(limit=size, page=pages) == []


def test_small_pages(world):
    """Pages that are smaller than what one prefix has, and those where one family ends and the other
    begins: whoever follows `next` meets each route once."""
    g = glass.Glass(world, *[glass.neighbour(f"n{i}", f"127.0.0.{i}", 65000 + i) for i in range(2, 6)])
    sessions = [glass.connect(f"127.0.0.{i}", 65000 + i, router_id=f"192.0.2.{i}") for i in range(2, 6)]
    for i, s in enumerate(sessions, 2):
        glass.announce(s, ["10.0.0.0/8", "10.0.0.0/9"], [65000 + i])
        glass.announce6(s, ["2001:db8::/32", "2001:db9::/32"], [65000 + i])
    g.wait_routes(16)
    questions = ({}, 16), ({"as": 65002}, 4), ({"path": "6500"}, 16), ({"prefix": "10.0.0.0/8"}, 4), \
        ({"address": "10.0.0.1"}, 4), ({"prefix": "10.0.0.0/10", "match": "covering"}, 8), \
        ({"prefix": "2001:db8::/31", "match": "covered"}, 8), ({"q": "10.0.0.1", "neighbour": "n3"}, 1)
    for question, total in questions:
        everything = g.routes(limit=1000, **question)
        assert len(everything) == total, question
        for size in range(1, 9):
            answer = g.get("/api/v1/routes", limit=size, **question)
            met, pages = answer["routes"], 1
            while answer["meta"]["next"]:
                assert answer["meta"]["total_results"] == total and pages <= total, (question, size)
                answer = g.get("/api/v1/routes?" + answer["meta"]["next"])
                assert answer["routes"] == g.routes(limit=size, page=pages, **question)
                met, pages = met + answer["routes"], pages + 1
            assert met == everything, (question, size, len(met))
            assert g.routes(limit=size, page=pages, **question) == []


def test_said_once(world):
    """Of two that exclude each other none is forgotten in silence."""
    g, _, _ = two(world)
    for wrong in ({"address": "10.0.0.1", "prefix": "10.0.0.0/8"}, {"q": "10.0.0.1", "prefix": "10.0.0.0/8"},
                  {"q": "AS65001", "as": 65002}, {"q": "a", "neighbour": "b"}, {"q": "^1", "path": "2"},
                  {"after": "10.0.0.0/8~"}, {"after": "10.0.0.0/8~0"}, {"after": "10.0.0.0/8~x"}, {"after": "~1"}):
        g.refused("/api/v1/routes", 400, "bad-parameter", **wrong)
    for right in ({"q": "64500:1", "community": "64500:2"}, {"q": "AS65001", "origin": 65002},
                  {"q": "10.0.0.1", "as": 65001, "after": "10.0.0.0/8~7"}):
        assert g.routes(**right) == []


def test_dump_is_the_same(world):
    g, a, b = two(world)
    glass.announce(a, [f"10.{i}.0.0/16" for i in range(100)], [65001], med=5)
    glass.announce6(b, ["2001:db8::/32"], [65002])
    g.wait_routes(101)
    for parameters in {}, {"family": "ipv6"}, {"neighbour": "a"}:
        query = "&".join(f"{k}={v}" for k, v in parameters.items())
        _, headers, body = g.fetch(f"/api/v1/dump?{query}" if query else "/api/v1/dump")
        assert headers["Content-Type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in body.splitlines()]
        assert lines == g.routes(limit=1000, **parameters), parameters


def decoded(line):
    """The routes of one line of `nearcast decode`."""
    paths = [a["value"] for a in line.get("attributes", []) if a["name"] == "AS_PATH"]
    for route in line.get("nlri", []):
        yield (route["prefix"], line["peer_as"], route.get("path_id"),
               tuple(int(n) for n in paths[0].split()))


def test_mrt(world):
    """The table as MRT, read by `nearcast decode`, has the routes of the dump."""
    g = glass.Glass(world, glass.neighbour("a", A, 65001),
                    glass.neighbour("b", B, 65002, add_path="yes"))
    a, b = glass.connect(A, 65001), glass.connect(B, 65002, add_path=True)
    for k in range(8):
        glass.announce(a, [f"10.{k}.{i}.0/24" for i in range(250)], [65001, 65010 + k], med=k,
                       communities=[(65001, k)])
    glass.with_ids(b, [(1, "10.0.0.0/24"), (9, "10.0.0.0/24")], [65002, 4200000000])
    glass.announce6(a, ["2001:db8::/32"], [65001])
    harness.wait_for("the routes", lambda: g.get("/api/v1/routes")["meta"]["total_results"] == 2003)
    file = world.folder / "table.mrt"
    _, headers, body = g.fetch("/api/v1/mrt")
    assert headers["Content-Type"] == "application/octet-stream"
    file.write_bytes(body)
    text = subprocess.run([harness.BUILD / "nearcast/nearcast", "-j", "decode", file],
                          capture_output=True, text=True, check=True).stdout
    got = {(prefix, peer, id_, path) for line in text.splitlines()
           for prefix, peer, id_, path in decoded(json.loads(line))}
    dump = [json.loads(line) for line in g.fetch("/api/v1/dump")[2].splitlines()]
    want = {(r["network"], r["peer_as"], r["path_id"], tuple(r["bgp"]["as_path"])) for r in dump}
    assert len(want) == 2003 and got == want, (len(got), list(got)[:3], list(want)[:3])


def test_add_path(world):
    g = glass.Glass(world, glass.neighbour("a", A, 65001, add_path="yes"))
    a = glass.connect(A, 65001, add_path=True)
    glass.with_ids(a, [(1, "10.0.0.0/8"), (2, "10.0.0.0/8")], [65001, 65010])
    glass.with_ids(a, [(2, "10.0.0.0/8"), (7, "10.0.0.0/8")], [65001])
    g.wait_routes(3)
    routes = g.routes()
    assert sorted((r["path_id"], r["bgp"]["as_path_str"], r["best"]) for r in routes) == [
        (1, "65001 65010", False), (2, "65001", True), (7, "65001", False)], routes
    assert [r["best_reason"] for r in routes if r["path_id"] == 7] == ["path-id"]
    gone = struct.pack("!I", 2) + bgp.nlri("10.0.0.0/8")
    a.send(bgp.message(bgp.UPDATE, struct.pack("!H", len(gone)) + gone + b"\0\0"))
    g.wait_routes(2)


def test_in_one_segment(world):
    """With the KEEPALIVE that establishes the session: its first routes, of a neighbour that was to send
    several paths and sends one; and its end."""
    g = glass.Glass(world, glass.neighbour("a", A, 65001, add_path="yes"))
    update = bgp.update(announce=[f"10.{i}.0.0/16" for i in range(200)], attributes=glass.attributes([65001]))
    a = glass.opened(A, 65001)
    a.send(bgp.keepalive(), update)
    g.wait_routes(200)
    a.send(bgp.update(withdraw=[f"10.{i}.0.0/16" for i in range(199)]))
    g.wait_routes(1)
    assert g.neighbour("a")["routes_ipv4"] == 1, (g.routes(), g.neighbour("a"))
    a.close()
    g.wait_routes(0)
    cease = bgp.message(bgp.NOTIFICATION, b"\6\2\3bye")
    glass.opened(A, 65001).send(bgp.keepalive(), update, cease)
    harness.wait_for("its end", lambda: g.neighbour("a")["last_error"] == "bye" and
                     g.neighbour("a")["state"] != "Established")
    g.wait_routes(0)


def test_many_paths(world):
    """Of one prefix, as from a large route server: none is left out, whichever way it is asked."""
    g = glass.Glass(world, glass.neighbour("a", "127.0.0.2", 65001, add_path="yes"))
    a = glass.connect("127.0.0.2", 65001, add_path=True)
    for i in range(150):
        glass.with_ids(a, [(i, "10.0.0.0/8")], [65001, 65002 + i])
    g.wait_routes(150, prefix="10.0.0.0/8")
    for question in {"address": "10.1.1.1"}, {"prefix": "10.0.0.0/8", "neighbour": "a"}, \
            {"prefix": "10.0.0.0/16", "match": "covering"}, {"prefix": "10.0.0.0/7", "match": "covered"}:
        answer = g.get("/api/v1/routes", limit=1000, **question)
        assert len(answer["routes"]) == answer["meta"]["total_results"] == 150, question
    assert g.get("/api/v1/routes", address="10.1.1.1", origin=65140)["meta"]["total_results"] == 1


def test_withdraw_and_loss(world):
    g, a, b = two(world)
    glass.announce(a, ["10.0.0.0/8", "10.1.0.0/16"], [65001])
    glass.announce(b, ["10.0.0.0/8"], [65002])
    g.wait_routes(3)
    a.send(bgp.update(withdraw=["10.1.0.0/16"]))
    g.wait_routes(2)
    b.close()
    g.wait_routes(1)
    assert g.neighbour("b")["state"] != "Established"
    assert g.neighbour("a")["routes_ipv4"] == 1
    b = glass.connect(B, 65002)  # and it comes back
    glass.announce(b, ["10.0.0.0/8"], [65002])
    g.wait_routes(2)


def test_treat_as_withdraw(world):
    """RFC 7606: routes with a malformed ORIGIN are gone, the session stays."""
    g, a, b = two(world)
    glass.announce(a, ["10.0.0.0/8", "10.1.0.0/16"], [65001])
    g.wait_routes(2)
    bad = glass.attributes([65001]).replace(bgp.attribute(1, b"\0"), bgp.attribute(1, b"\7"))
    a.send(bgp.update(announce=["10.1.0.0/16"], attributes=bad))
    g.wait_routes(1)
    assert g.neighbour("a")["state"] == "Established"


BIRD = """\
router id 192.0.2.7;
protocol device {{ }}
protocol static {{ ipv4; route 10.0.0.0/8 blackhole; route 10.1.0.0/16 blackhole; }}
protocol static {{ ipv6; route 2001:db8::/32 blackhole; }}
filter told {{ bgp_path.prepend(65020); bgp_community.add((65000,7)); bgp_large_community.add((65000,1,2));
  bgp_med = 5; accept; }}
protocol bgp glass {{
  local 127.0.0.7 as 65000; neighbor 127.0.0.1 as 65000; multihop; strict bind;
  ipv4 {{ import all; export filter told; next hop address 192.0.2.7; add paths tx; }};
  ipv6 {{ import all; export filter told; next hop address 2001:db8:7::7; add paths tx; }};
}}
"""


def test_bird(world):
    """A real router, with path identifiers; it hears nothing back."""
    harness.needs("bird", "birdc")
    g = glass.Glass(world, glass.neighbour("bird", "127.0.0.7", 65000, add_path="yes"))
    control = world.folder / "bird.ctl"
    world.start("/usr/sbin/bird", "-f", "-c", world.file("bird.conf", BIRD.format()), "-s", control,
                "-P", world.folder / "bird.pid")
    g.wait_routes(3)
    routes = g.routes(large_community="65000:1:2", community="65000:7", origin=65020)
    assert [r["network"] for r in routes] == ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]
    first = routes[0]
    assert isinstance(first["path_id"], int) and first["best"] and first["bgp"]["med"] == 5
    assert (first["bgp"]["next_hop"], first["bgp"]["local_pref"]) == ("192.0.2.7", 100), first
    assert routes[2]["bgp"]["next_hop"] == "2001:db8:7::7"

    def birdc(command):
        return subprocess.run(["/usr/sbin/birdc", "-s", str(control), command],
                              capture_output=True, text=True, check=True).stdout

    assert "0 imported, 2 exported" in birdc("show protocols all glass").replace("  ", " ")
    birdc("disable static1")
    g.wait_routes(1)
    birdc("disable glass")
    g.wait_routes(0)


def test_opens_sessions(world):
    """Not passive: the glass connects."""
    listener = bgp.Neighbour(world, A)
    line = glass.neighbour("a", A, 65001).replace("passive: yes", "passive: no")
    g = glass.Glass(world, line)
    session = listener.accept()
    session.establish(asn=65001)
    glass.announce(session, ["10.0.0.0/8"], [65001])
    g.wait_routes(1)


def test_ipv6_session(world):
    g = glass.Glass(world, glass.neighbour("a", "::1", 65001))
    session = glass.connect("::1", 65001, to="::1")
    glass.announce6(session, ["2001:db8::/32"], [65001])
    g.wait_routes(1)
    assert g.routes()[0]["peer_address"] == "::1"


def test_strangers_are_refused(world):
    g, a, b = two(world)
    stranger = bgp.Neighbour(world, C)
    session = stranger.connect()
    assert session.receive() is None
    harness.wait_for("the sessions", lambda: all(
        g.neighbour(n)["state"] == "Established" for n in "ab"))


def test_max_routes(world):
    g = glass.Glass(world, glass.neighbour("a", A, 65001, max_routes=3))
    a = glass.connect(A, 65001)
    glass.announce(a, [f"10.{i}.0.0/16" for i in range(3)], [65001])
    g.wait_routes(3)
    glass.announce(a, ["10.9.0.0/16"], [65001])
    a.expect_notification(6, 1)
    g.wait_routes(0)


def test_since(world):
    """Since when a neighbour is down: attempts that fail are nothing new."""
    listener = socket.create_server((A, 1790))
    listener.settimeout(harness.WAIT_S)
    g = glass.Glass(world, glass.neighbour("a", A, 65001, port=1790).replace("passive: yes", "passive: no"))
    since = g.neighbour("a")["since"]
    for _ in range(2):
        listener.accept()[0].close()
    listener.accept()
    assert g.neighbour("a")["since"] == since
    listener.close()
    a = glass.connect(A, 65001)
    harness.wait_for("the session", lambda: g.neighbour("a")["state"] == "Established")
    up = g.neighbour("a")["since"]
    assert up > since
    a.close()
    harness.wait_for("its end", lambda: g.neighbour("a")["state"] != "Established")
    assert g.neighbour("a")["since"] > up


def test_nothing_is_announced(world):
    """Whatever one neighbour says, the other hears nothing but KEEPALIVE."""
    g, a, b = two(world)
    glass.announce(a, ["10.0.0.0/8"], [65001])
    g.wait_routes(1)
    g.process.terminate()
    while (got := b.receive()) and got[0] != bgp.NOTIFICATION:
        assert got[0] in (bgp.KEEPALIVE, bgp.UPDATE) and (got[0] == bgp.KEEPALIVE or got[1] in (
            b"\0\0\0\0", b"\0\0\0\6\x80\x0f\3\0\2\1")), got  # End-of-RIB
    assert got[1][:2] == b"\6\2", got  # Cease, Administrative Shutdown
    assert g.process.wait(harness.WAIT_S) == 0


def test_cut_off(world):
    """A search that takes longer than it may says so, and what it found is no more than there is."""
    count = 50_000

    def ask(limit):
        g = glass.Glass(world, glass.neighbour("a", A, 65001), http=f"port: 8480, request-time: {limit}")
        a = glass.connect(A, 65001)
        messages = (glass.bgp.update(announce=[f"10.{i >> 8}.{i & 255}.0/24"],
                                     attributes=glass.attributes([65001, 100_000 + i, 9])) for i in range(count))
        a.sock.sendall(b"".join(messages))
        harness.wait_for("the table", lambda: g.neighbour("a")["routes_ipv4"] == count)
        answer = g.get("/api/v1/routes", path="_1[0-9]+_(8|9)$", limit=1)
        g.process.terminate()
        g.process.wait()
        return answer["meta"]

    meta = ask("1ms")
    assert meta["truncated"] is True and meta["total_results"] < count, meta
    meta = ask("10s")  # the control
    assert meta["truncated"] is False and meta["total_results"] == count, meta


harness.main(globals())
