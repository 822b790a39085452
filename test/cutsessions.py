"""Sessions of a scripted neighbour in pieces: the same messages in one segment, in one each, cut in the
middle of each, and nonsense at any place among them; ended in every way a connection can."""

import socket
import struct

import bgpspeaker as bgp

ENDS = ("notification", "close", "reset", "half", "nonsense")
PAUSE_S = 0.002  # so that two pieces are two segments; nothing depends on it


def pieces(messages):
    """Every way to send them that is looked at here: each a list of segments."""
    yield [b"".join(messages)]
    yield messages
    whole = b"".join(messages)
    for i in range(1, len(messages)):  # glued up to there, and behind it
        at = sum(map(len, messages[:i]))
        yield [whole[:at], whole[at:]]
        yield [whole[:at - 1], whole[at - 1:]]
        yield [whole[:at + 7], whole[at + 7:]]


def ways(messages):
    """(end, segments) for each end and each number of messages before it."""
    for end in ENDS:
        last = {"notification": [bgp.message(bgp.NOTIFICATION, b"\6\2\4bye!")],
                "nonsense": [bgp.message(9, b"x")]}.get(end, [])
        for n in range(len(messages) + 1):
            for segments in pieces(messages[:n] + last):
                yield end, segments


def soup(rng, asn):
    """Messages in an order that no neighbour should send, most of them sound."""
    attributes = (bgp.attribute(1, b"\0") + bgp.attribute(2, b"\2\1" + struct.pack("!I", asn)) +
                  bgp.attribute(3, socket.inet_aton("192.0.2.2")))
    path = struct.pack("!I", 7)
    some = [bgp.open_message(asn=asn), bgp.open_message(asn=asn, capabilities=[]), bgp.keepalive(),
            bgp.raw_update(attributes, bgp.nlri("10.8.0.0/16")),
            bgp.raw_update(attributes, path + bgp.nlri("10.9.0.0/16")),
            bgp.raw_update(withdraw=bgp.nlri("10.8.0.0/16")), bgp.raw_update(),
            bgp.message(bgp.UPDATE, rng.randbytes(rng.randrange(40))),
            bgp.message(bgp.REFRESH, rng.choice([b"\0\1\0\1", b"\0\2\1\1", b"\0"])),
            bgp.message(bgp.NOTIFICATION, b"\6\4"),
            bgp.message(bgp.UPDATE, bytes(4), length=rng.choice([18, 22, 4097, 65535])),
            bgp.raw_update(attributes + bgp.attribute(32, bytes(12) * 400, 0xc0), bgp.nlri("10.8.0.0/16"))]
    begin = [bgp.open_message(asn=asn), bgp.keepalive()][:rng.choice([0, 1, 2, 2, 2])]
    messages = begin + rng.choices(some, k=rng.randrange(8))
    whole = b"".join(messages)
    at = rng.randrange(len(whole) + 1)
    return rng.choice(ENDS), [[whole], [whole[:at], whole[at:]], messages][rng.randrange(3)]


def play(sock, end, segments, sleep):
    """The daemon may end the connection at any of it."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for i, segment in enumerate(segments):
            if i:
                sleep(PAUSE_S)
            sock.sendall(segment)
        if end == "half":
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
    except OSError:
        pass
    if end == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
