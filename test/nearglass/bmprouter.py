"""A router that speaks BMP, scripted: RFC 7854, 8671, 9069."""

import socket
import struct

import bgpspeaker as bgp
import glass
import harness

ROUTER, OTHER, PORT = "127.0.0.5", "127.0.0.6", 11019
BMP = glass.neighbour("x", "127.0.0.99", 65099).replace("{", "{{").replace("}", "}}") + \
    "bmp: {{listen: 127.0.0.1, routers: [{{name: r1, address: {}}}]}}\n"
ROUTES, DOWN, UP, START = 0, 2, 3, 4
POST, AS2, OUT = 0x40, 0x20, 0x10


def message(kind, body, version=3, length=None):
    return struct.pack("!BIB", version, 6 + len(body) if length is None else length, kind) + body


def peer(address="192.0.2.9", asn=65001, flags=0, kind=0, rd=0):
    six = ":" in address
    raw = socket.inet_pton(socket.AF_INET6, address) if six else \
        bytes(12) + socket.inet_pton(socket.AF_INET, address)
    return (bytes([kind, flags | (0x80 if six else 0)]) + struct.pack("!Q", rd) + raw +
            struct.pack("!I", asn) + socket.inet_aton("192.0.2.9") + struct.pack("!II", 1700000000, 5))


def open_of(asn, *caps):
    return bgp.open_message(asn=asn, capabilities=[bgp.capability(1, b"\0\1\0\1"), *caps,
                                                   bgp.capability(65, struct.pack("!I", asn))])


def up(sent=(), received=(), **keys):
    return message(UP, peer(**keys) + bytes(12) + socket.inet_aton(ROUTER) + b"\0\xb3\0\xb3" +
                   open_of(65000, *sent) + open_of(keys.get("asn", 65001), *received))


def routes(update, **keys):
    return message(ROUTES, peer(**keys) + update)


def announce(prefixes, path, **keys):
    return bgp.update(announce=prefixes, attributes=glass.attributes(path, **keys))


def connect(address=ROUTER):
    s = socket.socket()
    s.bind((address, 0))
    s.settimeout(harness.WAIT_S)
    s.connect(("127.0.0.1", PORT))
    s.sendall(message(START, struct.pack("!HH", 2, 2) + b"r1"))
    return s
