#!/usr/bin/python3
"""TCP segments that pass an interface, with the kernel's time of each.

    segments.py IFNAME PORT

PORT is the service's. Prints "ready", and when its input ends one JSON array of [time in s since 1970, the client's
port, whether it went out, whether it is an RST, bytes of payload]. IPv4 only.
"""

import json
import select
import socket
import struct
import sys

SO_TIMESTAMPNS, OUTGOING = 35, 4


def segment(frame, port):
    """The client's port, RST, payload; None: not one of that service."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    tcp = 14 + (frame[14] & 15) * 4
    ports = struct.unpack("!HH", frame[tcp:tcp + 4])
    if port not in ports:
        return None
    payload = int.from_bytes(frame[16:18], "big") - (tcp - 14) - (frame[tcp + 12] >> 4) * 4
    return ports[ports[0] == port], bool(frame[tcp + 13] & 4), payload


def main():
    ifname, port, found = sys.argv[1], int(sys.argv[2]), []
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.bind((ifname, 0))
    print("ready", flush=True)
    while sys.stdin not in select.select([s, sys.stdin], [], [])[0]:
        frame, extra, _, address = s.recvmsg(2048, 64)
        seen = segment(frame, port)
        if seen:
            at = struct.unpack("qq", extra[0][2][:16])
            found.append((at[0] + at[1] / 1e9, seen[0], address[2] == OUTGOING, *seen[1:]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
