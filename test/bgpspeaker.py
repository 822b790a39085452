"""A scripted BGP neighbour: says exactly what a test wants, right or wrong."""

import socket
import struct
import time

OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = range(1, 6)
MARKER = b"\xff" * 16


def message(kind, body=b"", marker=MARKER, length=None):
    return marker + struct.pack("!HB", 19 + len(body) if length is None else length, kind) + body


def capability(code, value=b""):
    return bytes([code, len(value)]) + value


def open_message(asn=64496, hold=90, router_id="192.0.2.96", version=4, capabilities=None,
                 parameters=None):
    if capabilities is None:
        capabilities = [capability(1, b"\0\1\0\1"), capability(1, b"\0\2\0\1"), capability(2),
                        capability(65, struct.pack("!I", asn))]
    if parameters is None:
        value = b"".join(capabilities)
        parameters = bytes([2, len(value)]) + value if value else b""
    short = asn if asn < 65536 else 23456
    return message(OPEN, struct.pack("!BHH4sB", version, short, hold, socket.inet_aton(router_id),
                                     len(parameters)) + parameters)


def keepalive():
    return message(KEEPALIVE)


def nlri(prefix):
    host, length = prefix.split("/")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return bytes([int(length)]) + socket.inet_pton(family, host)[: (int(length) + 7) // 8]


def attribute(code, value, flags=0x40):
    if len(value) > 255:
        return struct.pack("!BBH", flags | 0x10, code, len(value)) + value
    return struct.pack("!BBB", flags, code, len(value)) + value


def large_communities(values):
    """LARGE_COMMUNITIES (RFC 8092) of (global, local 1, local 2)."""
    return attribute(32, b"".join(struct.pack("!III", *v) for v in values), 0xc0)


def read_large(value):
    """The triples of a LARGE_COMMUNITIES attribute's value."""
    return list(struct.iter_unpack("!III", value))


def reflected(originator, *clusters):
    """ORIGINATOR_ID and CLUSTER_LIST, as a route reflector adds them (RFC 4456)."""
    return (attribute(9, socket.inet_aton(originator), 0x80) +
            attribute(10, b"".join(map(socket.inet_aton, clusters)), 0x80))


def path_nlri(prefix, path):
    """A prefix with its path identifier (RFC 7911)."""
    return struct.pack("!I", path) + nlri(prefix)


def raw_update(attributes=b"", announce=b"", withdraw=b""):
    """An UPDATE of lists and attributes as they are."""
    return message(UPDATE, struct.pack("!H", len(withdraw)) + withdraw +
                   struct.pack("!H", len(attributes)) + attributes + announce)


def update(announce=(), withdraw=(), asn=64496, next_hop="127.0.0.2", attributes=None):
    gone = b"".join(map(nlri, withdraw))
    if attributes is None:
        attributes = b"" if not announce else (
            attribute(1, b"\0") + attribute(2, b"\2\1" + struct.pack("!I", asn)) +
            attribute(3, socket.inet_aton(next_hop)))
    body = struct.pack("!H", len(gone)) + gone + struct.pack("!H", len(attributes)) + attributes
    return message(UPDATE, body + b"".join(map(nlri, announce)))


def read_prefixes(data, family):
    out = []
    while data:
        length, size = data[0], (data[0] + 7) // 8
        width = 16 if family == socket.AF_INET6 else 4
        raw = data[1:1 + size].ljust(width, b"\0")
        out.append(f"{socket.inet_ntop(family, raw)}/{length}")
        data = data[1 + size:]
    return out


def decode_update(body):
    """{"announce": [...], "withdraw": [...], "attributes": {code: value}}; IPv6 from MP attributes."""
    (n,) = struct.unpack_from("!H", body)
    withdraw = read_prefixes(body[2:2 + n], socket.AF_INET)
    (m,) = struct.unpack_from("!H", body, 2 + n)
    raw, rest = body[4 + n:4 + n + m], body[4 + n + m:]
    attributes = {}
    while raw:
        flags, code = raw[0], raw[1]
        size, head = (struct.unpack_from("!H", raw, 2)[0], 4) if flags & 0x10 else (raw[2], 3)
        attributes[code] = raw[head:head + size]
        raw = raw[head + size:]
    announce = read_prefixes(rest, socket.AF_INET)
    if reach := attributes.get(14):
        hop = reach[3]
        announce += read_prefixes(reach[5 + hop:], socket.AF_INET6)
    if unreach := attributes.get(15):
        withdraw += read_prefixes(unreach[3:], socket.AF_INET6)
    return {"announce": announce, "withdraw": withdraw, "attributes": attributes}


class Session:
    """One TCP connection to the daemon, from either side."""

    def __init__(self, sock, seconds=10.0):
        self.sock = sock
        self.seconds = seconds
        self.buffer = b""
        self.times = []  # of each message received, monotonic

    def send(self, *messages):
        self.sock.sendall(b"".join(messages))

    def fill(self, size):
        deadline = time.monotonic() + self.seconds
        while len(self.buffer) < size:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.sock.recv(65536)
            if not data:
                return False
            self.buffer += data
        return True

    def receive(self):
        """(type, body); None when the daemon closed. A reset counts as closing."""
        try:
            if not self.fill(19):
                return None
            length, kind = struct.unpack_from("!HB", self.buffer, 16)
            assert self.buffer[:16] == MARKER and 19 <= length <= 4096, self.buffer[:19]
            if not self.fill(length):
                return None
        except ConnectionResetError:
            return None
        body, self.buffer = self.buffer[19:length], self.buffer[length:]
        self.times.append(time.monotonic())
        return kind, body

    def expect(self, kind, skip=()):
        while True:
            got = self.receive()
            assert got is not None, f"closed while waiting for message type {kind}"
            if got[0] == kind:
                return got[1]
            assert got[0] in skip, f"message type {got[0]} ({got[1].hex()}) instead of {kind}"

    def expect_notification(self, code, subcode, skip=(OPEN, UPDATE, KEEPALIVE)):
        body = self.expect(NOTIFICATION, skip)
        assert (body[0], body[1]) == (code, subcode), f"NOTIFICATION {body[0]}/{body[1]}"
        return body[2:]

    def expect_closed(self):
        while (got := self.receive()) is not None:
            assert got[0] in (KEEPALIVE, UPDATE), f"message type {got[0]} instead of the end"

    def establish(self, **open_fields):
        """From TCP to Established; the daemon's OPEN body is returned."""
        theirs = self.expect(OPEN)
        self.send(open_message(**open_fields), keepalive())
        self.expect(KEEPALIVE)
        return theirs

    def next_update(self):
        return decode_update(self.expect(UPDATE, skip=(KEEPALIVE,)))

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Neighbour:
    """Listens where the daemon connects to, and connects to it."""

    def __init__(self, world, address="127.0.0.2", port=179):
        self.address = address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(16)
        world.closers.append(self.listener.close)

    def accept(self, seconds=10.0):
        self.listener.settimeout(seconds)
        sock, _ = self.listener.accept()
        return Session(sock)

    def connect(self, to="127.0.0.1", port=179):
        sock = socket.socket(self.listener.family)
        sock.bind((self.address, 0))
        sock.settimeout(10.0)
        sock.connect((to, port))
        return Session(sock)
