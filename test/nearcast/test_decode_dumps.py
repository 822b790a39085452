#!/usr/bin/python3
"""`nearcast decode --bgpdump` beside `bgpdump -m`, line by line, on MRT that BIRD and GoBGP write here and
on records made here; and the tables through the store (rib/), out of which the same routes must come.
"""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TEST), str(TEST / "nearglass")]

import bgpspeaker as bgp  # noqa: E402
import glass  # noqa: E402
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
THROUGH = harness.BUILD / "test/rib/mrt_through"
ROUTER, PORT, PLAIN, PATHS = "127.0.0.5", 1790, "127.0.0.9", "127.0.0.10"
BOTH = [bgp.capability(1, b"\0\1\0\1"), bgp.capability(1, b"\0\2\0\1")]


def ours(path, status=0, said=""):
    result = subprocess.run([NEARCAST, "decode", "--bgpdump", path], capture_output=True, text=True,
                            timeout=harness.WAIT_S, check=False)
    assert result.returncode == status and said in result.stderr, result
    return result.stdout.splitlines()


def theirs(path):
    return subprocess.run(["bgpdump", "-m", path], capture_output=True, text=True,
                          timeout=harness.WAIT_S, check=True).stdout.splitlines()


def without_time(lines):
    """What the store keeps: the time is that of the dump."""
    return sorted((kind, rest) for kind, _, *rest in (line.split("|") for line in lines))


def through_store(world, path):
    again = world.folder / "again.mrt"
    with open(again, "wb") as out:
        subprocess.run([THROUGH, path], stdout=out, timeout=harness.WAIT_S, check=True)
    got, want = without_time(ours(again)), without_time(ours(path))
    assert got == want, f"{got}\ninstead of\n{want}"


def columns(lines, kind):
    """Prefix, identifier and path of those lines, to see that the files have what was sent."""
    return sorted(tuple(line.split("|")[5:(8 if "_AP|" in line else 7)]) for line in lines
                  if line.split("|")[2] == kind)


SENT = [("10.0.0.0/8", "1", "65010 65021"), ("10.0.0.0/8", "2", "65010 65022"),
        ("10.0.0.0/8", "65009 65020"), ("11.0.0.0/8", "65009 65020"),
        ("2001:db8:5::/48", "65009 4200000001")]


# ---- Two neighbours of a router ----

def session(neighbour, **keys):
    try:
        s = neighbour.connect(ROUTER, PORT)
        s.send(bgp.open_message(**keys))
        s.expect(bgp.OPEN)
        s.send(bgp.keepalive())
        s.expect(bgp.KEEPALIVE)
        return s
    except (OSError, AssertionError):  # it knows its neighbours only some time after it listens
        return None


def announce_all(world):
    """One neighbour with plain routes, one with path identifiers; both sessions."""
    plain, paths = bgp.Neighbour(world, PLAIN), bgp.Neighbour(world, PATHS)
    one = harness.wait_for("the plain session", lambda: session(plain, asn=65009))
    glass.announce(one, ["10.0.0.0/8", "11.0.0.0/8"], [65009, 65020], next_hop="192.0.2.9", med=5,
                   communities=[(65009, 7), (65535, 65281)], large=[(65009, 2, 3)])
    glass.announce6(one, ["2001:db8:5::/48"], [65009, 4200000001], next_hop="2001:db8::9")
    capabilities = [*BOTH, bgp.capability(65, struct.pack("!I", 65010)),
                    bgp.capability(69, b"\0\1\1\2\0\2\1\2")]
    two = harness.wait_for("the session with identifiers",
                           lambda: session(paths, asn=65010, capabilities=capabilities))
    for i in 1, 2:
        two.send(bgp.raw_update(glass.attributes([65010, 65020 + i], next_hop="192.0.2.10"),
                                bgp.path_nlri("10.0.0.0/8", i)))
    return one, two


def grown(path, kind):
    """Once everything that was sent is in the file."""
    def there():
        return path.exists() and path.stat().st_size > 0 and columns(theirs(path), kind) == SENT
    return there


# ---- BIRD ----

BIRD = """\
router id 192.0.2.5;
mrtdump "{folder}/updates.mrt";
protocol device {{}}
protocol mrt {{ table "*"; filename "{folder}/unused.mrt"; period 100000; }}
template bgp any {{
    local 127.0.0.5 port 1790 as 65000;
    multihop; passive; mrtdump all;
}}
protocol bgp one from any {{
    neighbor 127.0.0.9 as 65009;
    ipv4 {{ import all; export none; }};
    ipv6 {{ import all; export none; }};
}}
protocol bgp two from any {{
    neighbor 127.0.0.10 as 65010;
    ipv4 {{ import all; export none; add paths rx; }};
    ipv6 {{ import all; export none; add paths rx; }};
}}
"""


def test_bird(world):
    harness.needs("bird", "birdc", "bgpdump")
    control = world.folder / "bird.ctl"
    world.start("bird", "-f", "-c", world.file("bird.conf", BIRD.format(folder=world.folder)),
                "-s", control, "-P", world.folder / "bird.pid")

    def ask(*words):
        return subprocess.run(["birdc", "-s", control, *words], capture_output=True, text=True,
                              timeout=harness.WAIT_S, check=False).stdout

    harness.wait_for("bird", lambda: "is up and running" in ask("show", "status"))
    one, two = announce_all(world)
    updates, table = world.folder / "updates.mrt", world.folder / "table.mrt"
    harness.wait_for("the routes", grown(updates, "A"))
    ask("mrt", "dump", "table", '"*"', "to", f'"{table}"')
    harness.wait_for("the table", grown(table, "B"))
    assert ours(table) == theirs(table)
    through_store(world, table)
    # The control: what differs by one route is seen.
    assert without_time(ours(table)) != without_time(ours(table)[1:])
    one.send(bgp.update(withdraw=["11.0.0.0/8"]))
    harness.wait_for("the withdrawal", lambda: columns(theirs(updates), "W"))
    assert ours(updates) == theirs(updates)
    assert any("|STATE|" in line for line in ours(updates))
    two.close()


# ---- GoBGP ----

def gobgp_neighbour(address, asn, paths):
    families = [{"config": {"afi-safi-name": name}} for name in ("ipv4-unicast", "ipv6-unicast")]
    out = {"config": {"neighbor-address": address, "peer-as": asn}, "afi-safis": families,
           "transport": {"config": {"passive-mode": True}},
           "ebgp-multihop": {"config": {"enabled": True}}}
    for part in (out, *families) if paths else ():
        part["add-paths"] = {"config": {"receive": True}}
    return out


def gobgp(world, dump):
    # It takes digits in the file's name for a format of time: a name without folders has none.
    path = world.folder / f"{dump}.mrt"
    config = {
        "global": {"config": {"as": 65000, "router-id": "192.0.2.5", "port": PORT,
                              "local-address-list": [ROUTER]}},
        "mrt-dump": [{"config": {"dump-type": dump, "file-name": path.name, "dump-interval": 60}}],
        "neighbors": [gobgp_neighbour(PLAIN, 65009, False), gobgp_neighbour(PATHS, 65010, True)]}
    if dump == "updates":
        del config["mrt-dump"][0]["config"]["dump-interval"]
    with open(world.folder / "gobgp.log", "w") as log:
        world.start("gobgpd", "-t", "json", "-f", world.file("gobgp.json", json.dumps(config)),
                    "--api-hosts", f"{ROUTER}:50051", "--pprof-disable", cwd=world.folder,
                    stdout=log, stderr=log)
    return path


def test_gobgp_updates(world):
    harness.needs("gobgpd", "bgpdump")
    path = gobgp(world, "updates")
    sessions = announce_all(world)
    harness.wait_for("the routes", grown(path, "A"))
    sessions[0].send(bgp.update(withdraw=["11.0.0.0/8"]))
    harness.wait_for("the withdrawal", lambda: columns(theirs(path), "W"))
    assert ours(path) == theirs(path)


def test_gobgp_table(world):
    harness.needs("gobgpd", "bgpdump")
    if not os.environ.get("NEARCAST_SLOW"):
        raise harness.Skip("GoBGP writes its first table after a minute: NEARCAST_SLOW=1 waits for it")
    path = gobgp(world, "table")
    sessions = announce_all(world)
    harness.wait_for("the table", lambda: path.exists() and path.stat().st_size, 90)
    assert ours(path) and ours(path) == theirs(path)
    through_store(world, path)
    del sessions


# ---- Records made here ----

def record(subtype, body, kind=16):
    return struct.pack("!IHHI", 1700000000, kind, subtype, len(body)) + body


def peers(width="I"):
    return struct.pack(f"!{width}{width}HH", 65001, 65002, 0, 1) + bytes([10, 0, 0, 1, 10, 0, 0, 2])


def hops(kind, *numbers, width="I"):
    return bytes([kind, len(numbers)]) + struct.pack(f"!{len(numbers)}{width}", *numbers)


def reach(hop, safi=1):
    return bgp.attribute(14, struct.pack("!HBB", 2, safi, len(hop)) + hop + b"\0" +
                         bgp.nlri("2001:db8::/32"), 0x80)


HOP = bgp.attribute(3, bytes([10, 0, 0, 1]))
PATH = bgp.attribute(2, hops(2, 64500, 64501) + hops(3, 1, 2) + hops(4, 3, 4) + hops(1, 9, 8))
BASE = bgp.attribute(1, b"\0") + PATH + HOP
OLD = bgp.attribute(1, b"\2") + bgp.attribute(2, hops(2, 65001, 23456, 23456, width="H")) + HOP
WIDE = bgp.attribute(17, hops(2, 100000, 200000), 0xc0)
ROUTE = bgp.nlri("192.0.2.0/24")
GLOBAL, LOCAL = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("fe80" + "00" * 13 + "01")
SHOWN = "64500 64501 (1 2) [3,4] {9,8}|IGP"
FROM, TIME = "10.0.0.1|65001", "1700000000"

# What is in the record, the record, and its lines.
MADE = [
    ("every attribute that has a place", record(4, peers() + bgp.raw_update(
        BASE + bgp.attribute(4, b"\xff\xff\xff\xf0", 0x80) + bgp.attribute(5, b"\xf0\0\0\0") +
        bgp.attribute(6, b"") + bgp.attribute(7, struct.pack("!I", 65001) + bytes([1, 2, 3, 4]), 0xc0) +
        bgp.attribute(8, bytes.fromhex("ffffff01ffffff02ffffff03ffff029a00010002"), 0xc0) +
        bgp.large_communities([(1, 2, 3)]), ROUTE, bgp.nlri("11.0.0.0/8"))), [
            f"BGP4MP|{TIME}|W|{FROM}|11.0.0.0/8",
            f"BGP4MP|{TIME}|A|{FROM}|192.0.2.0/24|{SHOWN}|10.0.0.1|4026531840|4294967280|"
            "no-export no-advertise local-AS 65535:666 1:2|AG|65001 1.2.3.4|"]),
    ("none but a next hop", record(4, peers() + bgp.raw_update(HOP, ROUTE)), [
        f"BGP4MP|{TIME}|A|{FROM}|192.0.2.0/24||INCOMPLETE|10.0.0.1|0|0||NAG||"]),
    ("sent by the collector", record(7, peers() + bgp.raw_update(BASE, ROUTE)), [
        f"BGP4MP_LOCAL|{TIME}|A|{FROM}|192.0.2.0/24|{SHOWN}|10.0.0.1|0|0||NAG||"]),
    ("path identifiers", record(9, peers() + bgp.raw_update(
        BASE, bgp.path_nlri("192.0.2.0/24", 7), bgp.path_nlri("192.0.2.0/24", 8))), [
            f"BGP4MP_AP|{TIME}|W|{FROM}|192.0.2.0/24|8",
            f"BGP4MP_AP|{TIME}|A|{FROM}|192.0.2.0/24|7|{SHOWN}|10.0.0.1|0|0||NAG||"]),
    ("sent by the collector with them", record(11, peers() + bgp.raw_update(
        BASE, bgp.path_nlri("192.0.2.0/24", 7))), [
            f"BGP4MP_AP|{TIME}|A|10.0.0.2|65002|192.0.2.0/24|7|{SHOWN}|10.0.0.1|0|0||NAG||"]),
    ("both families", record(4, peers() + bgp.raw_update(BASE + reach(GLOBAL + LOCAL), ROUTE)), [
        f"BGP4MP|{TIME}|A|{FROM}|192.0.2.0/24|{SHOWN}|10.0.0.1|0|0||NAG||",
        f"BGP4MP|{TIME}|A|{FROM}|2001:db8::/32|{SHOWN}|2001:db8::1|0|0||NAG||"]),
    ("two octets, merged", record(1, peers("H") + bgp.raw_update(
        OLD + WIDE + bgp.attribute(7, struct.pack("!H", 23456) + bytes([1, 2, 3, 4]), 0xc0) +
        bgp.attribute(18, struct.pack("!I", 300000) + bytes([5, 6, 7, 8]), 0xc0), ROUTE)), [
            f"BGP4MP|{TIME}|A|{FROM}|192.0.2.0/24|65001 100000 200000|INCOMPLETE|10.0.0.1|0|0||NAG|"
            "300000 5.6.7.8|"]),
    ("microseconds", record(9, struct.pack("!I", 5) + peers() + bgp.raw_update(
        BASE, bgp.path_nlri("192.0.2.0/24", 7)), 17), [
            f"BGP4MP_ET_AP|{TIME}.000005|A|{FROM}|192.0.2.0/24|7|{SHOWN}|10.0.0.1|0|0||NAG||"]),
    ("a state", record(5, peers() + struct.pack("!HH", 3, 6)), [f"BGP4MP|{TIME}|STATE|{FROM}|3|6"]),
    ("a message without routes", record(4, peers() + bgp.keepalive()), []),
]


def made(world):
    path = world.folder / "made.mrt"
    path.write_bytes(b"".join(data for _, data, _ in MADE))
    return path


def test_made(world):
    for what, data, lines in MADE:
        path = world.folder / "one.mrt"
        path.write_bytes(data)
        assert ours(path) == lines, (what, ours(path))
    assert ours(made(world)) == [line for _, _, lines in MADE for line in lines]


def test_made_beside_bgpdump(world):
    harness.needs("bgpdump")
    assert ours(made(world)) == theirs(made(world))


def test_unreadable(world):
    """What can be read is printed, the first place that cannot is named, and the status says so."""
    whole, lines = MADE[2][1:]
    path = world.folder / "bad.mrt"
    path.write_bytes(record(4, b"\0") + whole + record(4, peers() + bgp.raw_update(BASE, b"\x18\xc0")) + whole)
    assert ours(path, 1, "bad.mrt: at 0: malformed BGP4MP header") == lines * 2
    path.write_bytes(whole + whole[:-1])
    assert ours(path, 1, f"at {len(whole)}: ends inside a record") == lines
    path.write_bytes(bgp.keepalive())
    assert ours(path, 1, "bad.mrt: not MRT; --bgpdump is for nothing else") == []
    result = subprocess.run([NEARCAST, "-j", "decode", "--bgpdump", path], capture_output=True,
                            text=True, check=False)
    assert (result.returncode, result.stdout) == (2, ""), result
    assert "--bgpdump does not go with -j" in result.stderr, result


if __name__ == "__main__":
    harness.main(globals())
