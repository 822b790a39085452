#!/usr/bin/python3
"""`nearcast decode` beside what `bgpdump -m` printed for the same files, route by route: prefixes, AS
paths, origins, next hops, preferences, communities, aggregators. And every capture of the collection:
it ends in order, whatever is in it.

The files are found by NEARCAST_DATA (default ../shared/data) below bgp/, and are no part of the
project.
"""

import gzip
import ipaddress
import itertools
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
DATA = Path(os.environ.get("NEARCAST_DATA", harness.ROOT.parent / "shared/data")) / "bgp"
harness.enter_namespace = lambda: None  # files are all that a case here touches
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
WRONG = object()  # equal to nothing: a value that the daemon refuses to read
KINDS = {"TABLE_DUMP": "TABLE_DUMP", "TABLE_DUMP_V2": "TABLE_DUMP2", "BGP4MP": "BGP4MP"}


def data(*parts):
    path = DATA.joinpath(*parts)
    if not path.exists():
        raise harness.Skip(f"no {path} (NEARCAST_DATA)")
    return path


def decode(path):
    """The objects that decode prints; at the end its exit status."""
    with subprocess.Popen([NEARCAST, "-j", "decode", path], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            yield json.loads(line)
    yield process.returncode


# ---- One route as a tuple, of either side ----

def seconds(text):
    t = datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH
    return t.days * 86400 + t.seconds + t.microseconds / 1e6


def address(text):
    return ipaddress.ip_address(text)


def their_route(fields, add_path):
    """bgpdump: type|time|flag|peer|as|prefix|[path id]|path|origin|hop|pref|med|communities|AG|aggregator"""
    _, time, flag, peer, peer_as, prefix, *rest = fields
    route = {"time": float(time), "flag": flag, "peer": address(peer), "as": int(peer_as)}
    if flag == "STATE":
        return route | {"from": int(prefix), "to": int(rest[0])}
    route["prefix"] = prefix
    if flag == "W":
        return route
    if add_path:
        route["path_id"] = int(rest.pop(0))
    path, origin, hop, pref, med, communities, atomic, aggregator, *_ = rest
    return route | {
        "path": path, "origin": origin.lower(), "hop": address(hop), "pref": int(pref),
        "med": int(med), "communities": sorted(communities.split()), "atomic": atomic == "AG",
        "aggregator": aggregator}


def merged(path, as4_path):
    """RFC 6793 section 4.2.3: the end of the path with the true numbers."""
    if not as4_path:
        return path
    old, new = path.split(), as4_path.split()
    return " ".join(old[:len(old) - len(new)] + new)


def attributes(message):
    found = {a["name"]: a["value"] if "fault" not in a else WRONG for a in message["attributes"]}
    reach = found.get("MP_REACH_NLRI")
    hop = reach["next_hop"] if isinstance(reach, dict) else found.get("NEXT_HOP")
    path, aggregator = found.get("AS_PATH", ""), found.get("AGGREGATOR")
    if path is not WRONG:
        path = merged(path, found.get("AS4_PATH"))
    if isinstance(aggregator, dict):
        aggregator = f"{aggregator['as']} {aggregator['address']}"
    return {
        "path": path, "origin": found.get("ORIGIN", "incomplete"),
        # Without any, bgpdump prints an address that is not in the file.
        "hop": WRONG if hop is None else address(hop),
        "pref": found.get("LOCAL_PREF", 0), "med": found.get("MULTI_EXIT_DISC", 0),
        "communities": sorted(found.get("COMMUNITIES", [])), "atomic": "ATOMIC_AGGREGATE" in found,
        "aggregator": aggregator or ""}


def our_routes(message):
    kind = message["type"]
    if kind not in ("UPDATE", "RIB", "STATE-CHANGE"):
        return
    route = {"time": seconds(message["time"]), "flag": "STATE", "peer": address(message["peer"]),
             "as": message.get("peer_as", 0)}
    if kind == "STATE-CHANGE":
        yield route | {"from": message["from"], "to": message["to"]}
        return
    for r in message["withdrawn"]:
        yield route | {"flag": "W", "prefix": r["prefix"]}
    common = route | {"flag": "B" if kind == "RIB" else "A"} | attributes(message)
    for r in message["nlri"]:
        yield common | r


def agree(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        ours[k] is WRONG or ours[k] == theirs[k] for k in theirs)


# ---- The comparison ----

def compare(name, routes, status, refused=0):
    """Both sides in step. Known beforehand: the number of routes, of those with a value that is
    refused here and shown there, and the exit status."""
    expected = gzip.open(data("expect", f"{name}.bgp.gz"), "rt")
    count, wrong, ended = 0, 0, None

    def ours():
        nonlocal ended
        for message in decode(data("mrt", name)):
            if isinstance(message, int):
                ended = message
            else:
                yield from our_routes(message)

    for our, line in itertools.zip_longest(ours(), expected):
        fields = line.rstrip("\n").split("|") if line else []
        their = their_route(fields, fields[0].endswith("_AP")) if line else None
        assert our and their and agree(our, their), f"route {count}:\n{our}\ninstead of\n{their}"
        count += 1
        wrong += WRONG in our.values()
    assert count == routes, count
    assert wrong == refused, wrong
    assert ended == status, ended


def test_table_of_2002(world):
    # Eight aggregators are AS 0, which RFC 7607 does not allow.
    compare("bview.20020722.2337.gz", 115521, 1, 8)


def test_table_of_long_entries(world):
    compare("bview.64k_stream_overflow.gz", 23, 0)


def test_table_with_path_identifiers(world):
    compare("bview.ipv4_unicast_add_path.gz", 62, 1, 2)  # two entries have no attributes at all


def test_table_with_path_identifiers_ipv6(world):
    compare("bview.ipv6_unicast_add_path.gz", 62, 1, 62)  # without next hops


def test_updates_of_2016(world):
    compare("updates.20160811.1600.gz", 41234, 0)


def test_session_that_comes_up(world):
    # An AS_PATH with AS 0, and three such aggregators: RFC 7607. 22 routes have one.
    compare("updates.et-header.2015.gz", 577744, 1, 22)


def test_long_withdrawal(world):
    compare("updates.long_withdrawal.gz", 4096, 0)  # one message of 36,894 octets: RFC 8654


def test_trailing_bits(world):
    compare("updates.nlri_mask_trailing_bits.gz", 1, 1)  # half a route behind the first


def test_lines(world):
    """Octet by octet what `bgpdump -m` prints, of every file there is."""
    paths = sorted(data("mrt").glob("*.gz"))
    assert len(paths) >= 8, paths
    for path in paths:
        with open(world.folder / "lines", "wb") as out:
            result = subprocess.run([NEARCAST, "decode", "--bgpdump", path], stdout=out,
                                    stderr=subprocess.PIPE, check=False)
        expected = gzip.open(data("expect", f"{path.name}.bgp.gz"))
        with open(world.folder / "lines", "rb") as lines:
            for count, (ours, theirs) in enumerate(itertools.zip_longest(lines, expected), 1):
                assert ours == theirs, f"{path.name}, line {count}: {ours}\ninstead of\n{theirs}"
        # Half a route behind the first; everything else is whole.
        half = "trailing_bits" in path.name
        assert result.returncode == half, (path, result)
        assert (b"at 0: an UPDATE that cannot be read to its end" in result.stderr) == half, result


# ---- Captures ----

def test_captures(world):
    """39 of them, many made to lead a decoder astray."""
    paths = sorted(data("pcap").iterdir())
    assert paths
    found = 0
    for path in paths:
        for arguments in (["-j"], []):
            result = subprocess.run([NEARCAST, *arguments, "decode", path], capture_output=True,
                                    timeout=harness.WAIT_S, check=False)
            assert result.returncode in (0, 1), (path, result.returncode, result.stderr)
            if arguments:
                messages = [json.loads(line) for line in result.stdout.splitlines()]
                found += sum(m.get("type") in ("OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE",
                                           "ROUTE-REFRESH") for m in messages)
    assert found > 100, found


# What a decoder that was not made here finds in them. Left out are the captures made to be malformed,
# where each reads on in its own way, and what tshark takes for prefixes of other kinds: with labels,
# with route distinguishers, or with path identifiers that no OPEN in the capture announced.
MALFORMED = ("oobr", "infinite-loop", "aigp", "bgp-ub", "shutdown-msg-variations")
OTHER_PREFIXES = ("bgp-addpath", "bgp-lu-multiple-labels", "bgp_vpn_attrset")
TSHARK_PREFIXES = ("bgp.nlri_prefix", "bgp.withdrawn_prefix", "bgp.mp_reach_nlri_ipv4_prefix",
                   "bgp.mp_reach_nlri_ipv6_prefix", "bgp.mp_unreach_nlri_ipv6_prefix")
TYPES = ("OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH")


def seen_by_tshark(path):
    """The types of the messages and the prefixes, each of them sorted."""
    fields = ["bgp.type", *TSHARK_PREFIXES]
    out = subprocess.run(
        ["tshark", "-n", "-r", path, "-Y", "bgp", "-T", "fields", *(x for f in fields for x in ("-e", f))],
        capture_output=True, text=True, timeout=harness.WAIT_S, check=True).stdout
    types, prefixes = [], []
    for line in out.splitlines():
        first, *rest = line.split("\t")
        types += [TYPES[int(t) - 1] for t in first.split(",") if t]
        prefixes += [address(p) for text in rest for p in text.split(",") if p]
    return sorted(types), sorted(prefixes, key=str)


def test_captures_beside_tshark(world):
    harness.needs("tshark")
    compared = 0
    for path in sorted(data("pcap").iterdir()):
        if any(word in path.name for word in MALFORMED):
            continue
        ours = [m for m in messages_of(path.name) if m["type"] in TYPES]
        types, prefixes = seen_by_tshark(path)
        # At a gap decode waits for the octets that may still come, and so has another order.
        assert sorted(m["type"] for m in ours) == types, (path.name, types)
        if path.name.startswith(OTHER_PREFIXES):
            continue
        found = [address(r["prefix"].split("/")[0]) for m in ours if m["type"] == "UPDATE"
                 for r in m["nlri"] + m["withdrawn"]]
        assert sorted(found, key=str) == prefixes, (path.name, found, prefixes)
        compared += 1
    assert compared >= 20, compared


def messages_of(name):
    return [m for m in decode(data("pcap", name)) if not isinstance(m, int)]


def test_captured_open(world):
    opens = [m for m in messages_of("bgp-role.pcapng") if m["type"] == "OPEN"]
    assert opens[0]["as"] == 65002 and opens[0]["verdict"]["action"] == "accept"
    values = {c["name"]: c["value"] for c in opens[0]["capabilities"]}
    assert values["role"] == "customer" and values["multiprotocol"] == "IPv4 unicast", values


def test_captured_shutdown(world):
    (m,) = messages_of("bgp-shutdown-communication.pcapng")
    assert (m["code"], m["subcode"], m["subcode_name"]) == (6, 2, "Administrative Shutdown"), m
    assert m["text"], m


def test_captured_widths(world):
    """Both sides said four octets in one session, and one side did not in the other."""
    updates = [m for m in messages_of("bgp-4byte-asn.pcap") if m["type"] == "UPDATE"]
    assert updates and all(m["verdict"]["action"] == "accept" for m in updates)


if __name__ == "__main__":
    harness.main(globals())
