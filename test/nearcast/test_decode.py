#!/usr/bin/python3
"""`nearcast decode` with messages made by hand: what is printed, in which formats they may come, and
what it says of those that are wrong."""

import bz2
import gzip
import ipaddress
import json
import resource
import struct
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
harness.enter_namespace = lambda: None  # files are all that a case here touches
DONE, REFUSED, USAGE = 0, 1, 2
MARKER = b"\xff" * 16


# ---- Messages ----

def message(kind, body=b""):
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


def attribute(flags, code, value):
    if len(value) > 255:
        return struct.pack(">BBH", flags | 0x10, code, len(value)) + value
    return struct.pack(">BBB", flags, code, len(value)) + value


def nlri(text, path_id=None):
    net = ipaddress.ip_network(text)
    octets = net.network_address.packed[:(net.prefixlen + 7) // 8]
    lead = b"" if path_id is None else struct.pack(">I", path_id)
    return lead + bytes([net.prefixlen]) + octets


def update(attributes=b"", routes=b"", withdrawn=b""):
    return message(2, struct.pack(">H", len(withdrawn)) + withdrawn
                   + struct.pack(">H", len(attributes)) + attributes + routes)


def as_path(*numbers, octets=4):
    pack = ">BB" + ("I" if octets == 4 else "H") * len(numbers)
    return attribute(0x40, 2, struct.pack(pack, 2, len(numbers), *numbers))


def open_(as_, *caps, hold=90):
    body = b"".join(struct.pack(">BB", c, len(v)) + v for c, v in caps)
    params = struct.pack(">BB", 2, len(body)) + body if caps else b""
    return message(1, struct.pack(">BHHIB", 4, min(as_, 23456), hold, 0xc0000201, len(params))
                   + params)


def as4(number):
    return 65, struct.pack(">I", number)


ORIGIN = attribute(0x40, 1, b"\0")
HOP = attribute(0x40, 3, ipaddress.ip_address("192.0.2.1").packed)
GOOD = ORIGIN + as_path(64500, 64501) + HOP
ROUTE = nlri("198.51.100.0/24")
KEEPALIVE = message(4)
UPDATE = update(GOOD, ROUTE)


# ---- Running ----

def run(*args, data=b"", status=DONE, err=""):
    result = subprocess.run([NEARCAST, *map(str, args)], input=data, capture_output=True,
                            timeout=harness.WAIT_S, check=False)
    said = result.stderr.decode()
    assert result.returncode == status, (args, result.returncode, result.stdout, said)
    assert said == err or (err and said.startswith(err)), (args, said)
    return result.stdout.decode()


def decode(data, *options, status=DONE, broken=None):
    """The objects that are printed. broken: why reading ended, which is the last of them."""
    got = [json.loads(line) for line in
           run("-j", "decode", *options, data=data, status=status).splitlines()]
    if broken:
        error = got.pop()["error"]
        assert error == {"code": "broken", "message": f"standard input: {broken}"}, error
    assert not any("error" in m for m in got), got
    return got


def one(data, *options, status=DONE):
    (m,) = decode(data, *options, status=status)
    return m


def hexed(data):
    return data.hex().encode()


# ---- What is printed ----

def test_keepalive(world):
    out = run("-j", "decode", data=KEEPALIVE)
    assert out == ('{"offset":0,"time":null,"peer":null,"type":"KEEPALIVE","length":19,'
                   '"verdict":{"action":"accept","reason":null,"notification":null}}\n'), out


def test_open(world):
    m = one(open_(4200000000, (1, b"\0\x02\0\x01"), as4(4200000000), (9, b"\x03"), (77, b"xy")))
    assert (m["type"], m["version"], m["as"], m["hold_time"], m["id"]) == (
        "OPEN", 4, 4200000000, 90, "192.0.2.1")
    assert m["capabilities"] == [
        {"code": 1, "name": "multiprotocol", "value": "IPv6 unicast", "hex": "00020001"},
        {"code": 65, "name": "as4", "value": "4200000000", "hex": "fa56ea00"},
        {"code": 9, "name": "role", "value": "customer", "hex": "03"},
        {"code": 77, "name": "unknown", "value": None, "hex": "7879"}], m["capabilities"]


def test_update(world):
    communities = struct.pack(">II", 0xffffff01, 64500 << 16 | 100)
    reach = (b"\0\x02\x01\x10" + ipaddress.ip_address("2001:db8::1").packed + b"\0"
             + nlri("2001:db8:53::/48"))
    m = one(update(GOOD + attribute(0x80, 4, struct.pack(">I", 5))
                   + attribute(0xc0, 7, struct.pack(">I4s", 64500, b"\xc0\0\x02\x09"))
                   + attribute(0xc0, 8, communities) + attribute(0x80, 14, reach)
                   + attribute(0xc0, 32, struct.pack(">III", 64500, 1, 2))
                   + attribute(0xe0, 200, b"\x01\x02"),
                   ROUTE, nlri("203.0.113.0/24")))
    assert m["withdrawn"] == [{"prefix": "203.0.113.0/24"}]
    assert m["nlri"] == [{"prefix": "198.51.100.0/24"}, {"prefix": "2001:db8:53::/48"}]
    values = {a["name"]: a["value"] for a in m["attributes"]}
    assert values == {
        "ORIGIN": "igp", "AS_PATH": "64500 64501", "NEXT_HOP": "192.0.2.1", "MULTI_EXIT_DISC": 5,
        "AGGREGATOR": {"as": 64500, "address": "192.0.2.9"},
        "COMMUNITIES": ["no-export", "64500:100"],
        "MP_REACH_NLRI": {"afi": 2, "safi": 1, "family": "IPv6 unicast",
                          "next_hop": "2001:db8::1"},
        "LARGE_COMMUNITY": ["64500:1:2"], "unknown": None}, values
    assert m["attributes"][-1] == {
        "code": 200, "name": "unknown", "flags": ["optional", "transitive", "partial"],
        "length": 2, "value": None, "hex": "0102"}


def test_notification(world):
    m = one(message(3, b"\x06\x02\x05hello"))
    assert m["code_name"] == "Cease" and m["subcode_name"] == "Administrative Shutdown"
    assert m["text"] == "hello" and m["verdict"]["action"] == "accept"
    m = one(message(3, b"\x63\x01\xff"))
    assert (m["code"], m["code_name"], m["data"]) == (99, "unknown", "ff")


def test_refresh(world):
    m = one(message(5, b"\0\x02\x01\x01"))
    assert (m["afi"], m["safi"], m["family"], m["subtype_name"]) == (2, 1, "IPv6 unicast", "begin")


def test_text(world):
    out = run("decode", data=UPDATE + update(ORIGIN, ROUTE), status=REFUSED,
              err="nearcast: standard input: faults: 1 in 2 messages\n")
    assert out == """\
UPDATE, 51 octets at 0
attributes:
  code  name      flags       value
     1  ORIGIN    transitive  igp
     2  AS_PATH   transitive  64500 64501
     3  NEXT_HOP  transitive  192.0.2.1
nlri:
  - 198.51.100.0/24
verdict: accept

UPDATE, 31 octets at 51
attributes:
  code  name    flags       value
     1  ORIGIN  transitive  igp
nlri:
  - 198.51.100.0/24
verdict: treat-as-withdraw: mandatory attribute missing (AS_PATH); error 3/3 Missing Well-known \
Attribute
""", out


def test_verdicts(world):
    lacking = attribute(0x40, 5, b"\0\0\0\x64")
    rows = [
        (UPDATE, "accept", None, None),
        (update(GOOD + attribute(0xc0, 7, b"\0" * 8), ROUTE), "discard-attribute", "AGGREGATOR",
         (3, 9)),
        (update(GOOD + lacking, ROUTE), "discard-attribute", "LOCAL_PREF", (3, 1)),
        (update(ORIGIN + HOP, ROUTE), "treat-as-withdraw", "AS_PATH", (3, 3)),
        (update(attribute(0x40, 1, b"\x07") + as_path(1) + HOP, ROUTE), "treat-as-withdraw",
         "ORIGIN", (3, 6)),
        (update(GOOD, b"\x21\0\0\0\0\0"), "reset-session", None, (3, 10)),
        (update(GOOD + attribute(0x40, 99, b""), ROUTE), "reset-session", "unknown", (3, 2)),
        (message(2, b"\0\xff\0\0"), "reset-session", None, (3, 1)),
        (open_(0), "reset-session", None, (2, 2)),
        (open_(64500, hold=1), "reset-session", None, (2, 6)),
        (message(5, b"\0\x01\x01\x01\0"), "reset-session", None, (7, 1)),
        (message(4, b"\0"), "reset-session", None, (1, 2)),
        (message(9), "reset-session", None, (1, 3)),
        (MARKER + b"\0\x05\x04", "reset-session", None, (1, 2)),
    ]
    for data, action, name, numbers in rows:
        verdict = decode(data, status=DONE if action == "accept" else REFUSED)[0]["verdict"]
        assert verdict["action"] == action, (data.hex(), verdict)
        assert verdict.get("attribute") == name, (data.hex(), verdict)
        sent = verdict["notification"]
        assert (sent and (sent["code"], sent["subcode"])) == numbers, (data.hex(), verdict)


def test_faults_stand_beside_their_attributes(world):
    m = one(update(GOOD + attribute(0x40, 4, b"\0\0\0\x05") + ORIGIN, ROUTE), status=REFUSED)
    assert [a.get("fault") for a in m["attributes"]] == [
        None, None, None, "wrong attribute flags", "attribute given twice"], m


def test_unexpected_attributes_are_shown(world):
    m = one(update(GOOD + attribute(0x40, 5, b"\0\0\0\x64")
                   + attribute(0xc0, 17, struct.pack(">BBI", 2, 1, 64500)), ROUTE), status=REFUSED)
    assert [(a["value"], a["fault"]) for a in m["attributes"][3:]] == [
        (100, "attribute not expected from this neighbour"),
        ("64500", "attribute not expected from this neighbour")], m


def test_extended_communities(world):
    values = (b"\x00\x02\xfb\xf4\0\0\0\x07", b"\x01\x03\xc0\0\x02\x01\0\x08",
              b"\x02\x02\0\x01\0\0\0\x09", b"\x03\x0c\0\0\0\0\0\x08")
    m = one(update(GOOD + attribute(0xc0, 16, b"".join(values)), ROUTE))
    assert m["attributes"][-1]["value"] == [
        "rt:64500:7", "ro:192.0.2.1:8", "rt:65536:9", "0x030c000000000008"], m


# ---- Options ----

def test_widths(world):
    narrow = update(ORIGIN + as_path(64500, octets=2) + HOP, ROUTE)
    assert one(narrow)["as4"] is False  # four octets do not fit
    assert one(UPDATE)["as4"] is True
    assert one(narrow, "--as2")["verdict"]["action"] == "accept"
    m = one(narrow, "--as4", status=REFUSED)
    assert m["verdict"]["reason"] == "malformed AS_PATH", m
    assert one(UPDATE, "--as2", status=REFUSED)["verdict"]["action"] == "treat-as-withdraw"


def test_ibgp(world):
    m = update(GOOD + attribute(0x40, 5, b"\0\0\0\x64"), ROUTE)
    assert one(m, status=REFUSED)["verdict"]["attribute"] == "LOCAL_PREF"
    values = {a["name"]: a["value"] for a in one(m, "--ibgp")["attributes"]}
    assert values["LOCAL_PREF"] == 100
    assert one(UPDATE, "--ibgp", status=REFUSED)["verdict"]["reason"] == (
        "mandatory attribute missing")


def test_path_identifiers(world):
    """RFC 7911: said by an option, by the kind of a record, or by both OPENs of a capture."""
    data = update(GOOD, nlri("198.51.100.0/24", 7), nlri("203.0.113.0/24", 8))
    m = one(data, "--add-path")
    assert m["nlri"] == [{"prefix": "198.51.100.0/24", "path_id": 7}], m
    assert m["withdrawn"] == [{"prefix": "203.0.113.0/24", "path_id": 8}], m
    assert one(record(16, 9, bgp4mp(data)))["nlri"] == m["nlri"]
    sends, takes = (69, b"\0\x01\x01\x02"), (69, b"\0\x01\x01\x01")
    first = open_(64500, as4(64500), sends)
    for answer, agreed in ((takes, True), (sends, False)):
        got = decode(capture(segment(first, 100),
                             segment(open_(64501, as4(64501), answer), 200, out=False),
                             segment(data if agreed else UPDATE, 100 + len(first))))
        assert got[-1]["nlri"][0] == {"prefix": "198.51.100.0/24"} | (
            {"path_id": 7} if agreed else {}), got[-1]


def test_usage(world):
    run("decode", "--format", "json", status=USAGE,
        err="nearcast: no format `json`; there are: hex, raw, mrt, pcap\n")
    run("decode", "a", "b", status=USAGE, err="usage: nearcast [-j] [-s SOCKET] decode [FILE] [--format")
    run("status", "--as2", status=USAGE, err="nearcast: --as2 does not go with `status`\n")
    missing = world.folder / "none"
    run("decode", missing, status=REFUSED,
        err=f"nearcast: {missing}: No such file or directory\n")
    assert json.loads(run("-j", "decode", missing, status=REFUSED)) == {"error": {
        "code": "unreadable", "message": f"{missing}: No such file or directory"}}
    assert json.loads(run("-j", "decode", data=b"hello", status=REFUSED))["error"]["code"] == (
        "unknown-format")
    run("decode", world.folder, status=REFUSED, err=f"nearcast: {world.folder}: Is a directory\n")
    run("decode", data=b"hello world", status=REFUSED, err="nearcast: standard input: neither a capture nor MRT")
    run("decode", data=b"", status=REFUSED, err="nearcast: standard input: neither")


# ---- Formats ----

def test_hex(world):
    text = hexed(KEEPALIVE)
    pairs = [KEEPALIVE.hex()[i:i + 2] for i in range(0, 38, 2)]
    spellings = [
        text, text.upper(), b"0x" + text, b"# a comment\n" + text + b" // and one\n",
        " ".join(pairs).encode(), ":".join(pairs).encode(), "\n".join(pairs).encode(),
        ", ".join("0x" + p for p in pairs).encode()]
    for data in spellings:
        assert one(data)["type"] == "KEEPALIVE", data
    assert len(decode(hexed(KEEPALIVE + UPDATE + KEEPALIVE))) == 3
    many = decode(b"\n".join([hexed(UPDATE)] * 5000))
    assert [m["offset"] for m in many] == list(range(0, 5000 * 51, 51))


def test_broken_hex(world):
    decode(hexed(KEEPALIVE) + b"\n zz", status=REFUSED,
           broken="at 40: line 2, column 2: no hexadecimal octet")
    decode(hexed(KEEPALIVE) + b"f", status=REFUSED,
           broken="at 39: ends with half an octet")
    decode(hexed(KEEPALIVE + UPDATE[:30]), status=REFUSED,
           broken="at 19: ends inside a message")


def test_files(world):
    data = KEEPALIVE + UPDATE
    for name, content in (("raw", data), ("raw.gz", gzip.compress(data)),
                          ("raw.bz2", bz2.compress(data)), ("hex", hexed(data)),
                          ("hex.gz", gzip.compress(hexed(data)))):
        path = world.folder / name
        path.write_bytes(content)
        out = run("-j", "decode", path)
        assert [json.loads(line)["type"] for line in out.splitlines()] == ["KEEPALIVE", "UPDATE"]
        assert run("-j", "decode", "-", data=content) == out
        assert run("-j", "decode", data=content) == out


def test_cut_and_corrupt_files(world):
    decode(gzip.compress(KEEPALIVE)[:-3], status=REFUSED,
           broken="at 19: compressed data end early")
    bad = bytearray(gzip.compress(KEEPALIVE))
    bad[-6] ^= 1
    decode(bytes(bad), status=REFUSED,
           broken="at 19: compressed data are corrupt")
    decode(UPDATE[:-1], status=REFUSED, broken="at 0: ends inside a message")


def test_goes_on_behind_what_is_wrong(world):
    bad = MARKER + b"\0\x05\x04"  # a length of 5
    got = decode(KEEPALIVE + bad + b"garbage" + UPDATE, status=REFUSED)
    assert [m["type"] for m in got] == ["KEEPALIVE", "UNKNOWN", "SKIPPED", "UPDATE"], got
    assert [m["offset"] for m in got] == [0, 19, 35, 45], got
    got = decode(message(9) + KEEPALIVE, status=REFUSED)  # an unknown type, of a known length
    assert [m["type"] for m in got] == ["UNKNOWN", "KEEPALIVE"]


def test_extended_message(world):
    """RFC 8654: more than 4096 octets."""
    routes = b"".join(nlri(f"10.{i >> 8}.{i & 255}.0/24") for i in range(5000))
    assert len(one(update(GOOD, routes))["nlri"]) == 5000


def record(kind, subtype, body, time=1000):
    return struct.pack(">IHHI", time, kind, subtype, len(body)) + body


def bgp4mp(body, peer_as=64500, local_as=64501):
    return struct.pack(">IIHH", peer_as, local_as, 0, 1) + b"\xc0\0\x02\x01\xc0\0\x02\x02" + body


def test_mrt(world):
    m = one(record(16, 4, bgp4mp(UPDATE)))
    assert (m["time"], m["peer"], m["peer_as"], m["record"]) == (
        "1970-01-01T00:16:40.000000Z", "192.0.2.1", 64500, "BGP4MP MESSAGE_AS4")
    m = one(record(17, 4, struct.pack(">I", 7) + bgp4mp(UPDATE)))
    assert m["time"] == "1970-01-01T00:16:40.000007Z"
    internal = update(GOOD + attribute(0x40, 5, b"\0\0\0\x64"), ROUTE)
    assert one(record(16, 4, bgp4mp(internal, local_as=64500)))["verdict"]["action"] == "accept"
    m = one(record(16, 5, bgp4mp(b"\0\x06\0\x01")))
    assert (m["type"], m["from_name"], m["to_name"]) == ("STATE-CHANGE", "Established", "Idle")


def test_mrt_that_is_odd(world):
    good = record(16, 4, bgp4mp(KEEPALIVE))
    got = decode(record(11, 3, b"ospf") + good)  # not read here: said, and passed over
    assert [m["type"] for m in got] == ["SKIPPED", "KEEPALIVE"], got
    for body in (b"", bgp4mp(KEEPALIVE[:-1]), bgp4mp(KEEPALIVE + b"x")):
        got = decode(record(16, 4, body) + good, status=REFUSED)
        assert "UNREADABLE" in [m["type"] for m in got] and got[-1]["type"] == "KEEPALIVE", got
    got = decode(good + struct.pack(">IHHI", 0, 16, 4, 5 << 20) + bytes(5 << 20) + good,
                 status=REFUSED)  # a record of 5 MiB
    assert [m["type"] for m in got] == ["KEEPALIVE", "UNREADABLE", "KEEPALIVE"]
    decode(good + good[:20], status=REFUSED,
           broken=f"at {len(good)}: ends inside a record")
    decode(good[:-1], "--format", "mrt", status=REFUSED, broken="at 0: ends inside a record")


def test_mrt_table(world):
    peers = b"\xc0\0\x02\xfe\0\0\0\x01" + b"\x02\xc0\0\x02\x09\xc0\0\x02\x01" + struct.pack(">I", 64500)
    entry = struct.pack(">HIH", 0, 5, len(GOOD)) + GOOD
    stray = struct.pack(">HIH", 7, 5, len(GOOD)) + GOOD
    rib = record(13, 2, struct.pack(">I", 3) + ROUTE + b"\0\x02" + entry + stray)
    table, first, second = decode(record(13, 1, peers) + rib, status=REFUSED)
    assert table["peers"] == [{"index": 0, "address": "192.0.2.1", "as": 64500, "id": "192.0.2.9"}]
    assert (first["peer"], first["peer_as"], first["nlri"]) == (
        "192.0.2.1", 64500, [{"prefix": "198.51.100.0/24"}])
    assert first["verdict"]["action"] == "accept" and "fault" not in first
    assert second["peer"] is None and second["fault"], second


# ---- Captures ----

def segment(payload, seq, out=True, flags=0x18):
    a, b, ports = b"\xc0\0\x02\x01", b"\xc0\0\x02\x02", (50000, 179)
    if not out:
        a, b, ports = b, a, ports[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, 0, 0x50, flags, 0, 0, 0) + payload
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + a + b + tcp
    return struct.pack("<IIII", 1000, 5, len(ip), len(ip)) + ip


def capture(*segments):
    return struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) + b"".join(segments)


def test_pcap(world):
    """Both OPENs say that AS numbers have two octets; the UPDATE comes in pieces, and backwards."""
    narrow = update(ORIGIN + as_path(64500, octets=2) + HOP, ROUTE)
    first = open_(64500)
    cut = 100 + len(first) + 20
    got = decode(capture(
        segment(b"", 99, flags=2), segment(b"", 199, out=False, flags=2), segment(first, 100),
        segment(open_(64501, as4(64501)), 200, out=False), segment(narrow[20:], cut),
        segment(narrow[:20], 100 + len(first))))
    assert [m["type"] for m in got] == ["OPEN", "OPEN", "UPDATE"], got
    assert (got[2]["peer"], got[2]["to"], got[2]["as4"]) == ("192.0.2.1", "192.0.2.2", False)
    assert got[2]["time"] == "1970-01-01T00:16:40.000005Z"


def test_pcap_of_an_internal_session(world):
    m = update(GOOD + attribute(0x40, 5, b"\0\0\0\x64"), ROUTE)
    opened = open_(64500, as4(64500))
    got = decode(capture(segment(opened, 100), segment(opened, 200, out=False),
                         segment(m, 100 + len(opened))))
    assert got[-1]["verdict"]["action"] == "accept", got


def test_pcap_with_gaps(world):
    got = decode(capture(segment(UPDATE[30:] + KEEPALIVE, 100), segment(KEEPALIVE, 500)))
    assert [m["type"] for m in got] == ["SKIPPED", "KEEPALIVE", "SKIPPED", "KEEPALIVE"], got
    got = decode(capture(segment(KEEPALIVE + UPDATE[:30], 100)))
    assert [m["type"] for m in got] == ["KEEPALIVE", "SKIPPED"], got
    decode(capture(segment(KEEPALIVE, 100))[:-1], status=REFUSED,
           broken="at 24: ends inside a packet")
    run("decode", data=capture(), err="nearcast: standard input: no BGP message in it\n")


# ---- Bounds ----

def test_memory_is_bounded(world):
    """A hundred megabytes, in an address space that could not hold them."""
    harness.needs("prlimit")
    limited = ["prlimit", f"--as={64 << 20}", NEARCAST]
    control = subprocess.run([*limited, "-V"], capture_output=True, check=False)
    if control.returncode != 0:
        raise harness.Skip("this build does not start within 64 MiB (sanitizers)")
    piece = update(GOOD + attribute(0xc0, 200, bytes(3900)), ROUTE) * 256
    pieces = (100 << 20) // len(piece) + 1
    process = world.start(*limited, "decode", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lines = world.start("grep", "-c", "^verdict: accept", stdin=process.stdout,
                        stdout=subprocess.PIPE)
    process.stdout.close()
    for _ in range(pieces):
        process.stdin.write(piece)
    process.stdin.close()
    assert int(lines.stdout.read()) == pieces * 256
    assert process.wait(harness.WAIT_S) == DONE


if __name__ == "__main__":
    harness.main(globals())
