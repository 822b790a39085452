#!/usr/bin/python3
"""ACKs of sessions that nobody has, from made-up clients, each with a timestamp that names a node.

    flood.py IFNAME ROUTER_MAC ADDRESS PORT SECONDS NODE      (NODE 0: a random echo each)

Prints how many it sent.
"""

import random
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(mac_to, mac_from, address, port, echo, rng):
    tcp = struct.pack("!HHIIBBHHH", rng.randrange(1024, 65536), port, rng.getrandbits(32), rng.getrandbits(32),
                      8 << 4, 0x10, 512, 0, 0) + struct.pack("!BBBBII", 1, 1, 8, 10, rng.getrandbits(32), echo)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                       bytes((203, 0, 113, rng.randrange(1, 255))), socket.inet_aton(address))
    head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    return mac_to + mac_from + b"\x08\x00" + head + tcp


def main():
    ifname, mac, address, port, seconds, node = sys.argv[1:7]
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((ifname, 0))
    rng = random.Random(1)
    to, own = bytes.fromhex(mac.replace(":", "")), s.getsockname()[4]
    frames = [frame(to, own, address, int(port),
                    rng.getrandbits(32) if node == "0" else rng.getrandbits(20) << 12 | int(node), rng)
              for _ in range(4096)]
    end, sent = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        for f in frames[:512]:
            try:
                s.send(f)
                sent += 1
            except OSError:
                pass
        frames = frames[512:] + frames[:512]
    print(sent)


if __name__ == "__main__":
    main()
