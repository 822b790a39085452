#!/usr/bin/python3
"""Sessions as users have them, and a server that knows nothing of anycast.

    sessions.py server NAME ADDRESS PORT [NOTES]
    sessions.py client ADDRESS PORT SECONDS IDLE CHATTY DOWNLOADS UPLOADS MEGABYTES [NOTES]

A session says what it wants in its first line; the server's side of each:

    E            echoes lines
    D BYTES      sends so many bytes of a keystream, then closes
    U BYTES      takes so many, answers with their SHA-256
    Q            DNS over TCP as far as TCP sees it: two bytes of length, that many bytes, and back

The client checks every byte. It prints "open" when all sessions stand, and at the end one JSON object: how
many sessions there were of each kind, and what broke. A session that is silent for 15 s is broken.

An answer that takes more than a second is told with what the kernel knew of the socket when the second was
over, and with how late this process itself was meanwhile: a stall of packets and one of the machine look
different. The client's NOTES gets the session's port at once, so that others can look at it. The server's NOTES
gets JSON lines: sockets that had to send twice or more what nobody acknowledged, and its own lateness. Times are
of the monotonic clock.
"""

import asyncio
import contextlib
import hashlib
import json
import socket
import struct
import sys
import time

STALL_S = 15
SLOW_S = 1.0
LATE_S = 0.1
CHUNK = 64 * 1024
BLOCK = hashlib.shake_256(b"nearcast").digest(1 << 20)  # what downloads consist of


def stream_hash(size):
    h = hashlib.sha256()
    whole, rest = divmod(size, len(BLOCK))
    for _ in range(whole):
        h.update(BLOCK)
    h.update(BLOCK[:rest])
    return h.hexdigest()


# ---- What is seen of a stall ----

TCP_INFO_FIELDS = ("state", "ca_state", "retransmits", "probes", "backoff", "rto", "unacked", "sacked", "lost", "retrans",
                   "last_data_sent", "last_data_recv", "last_ack_recv", "snd_cwnd", "total_retrans")


def tcp_info(s):
    """The interesting part of struct tcp_info (linux/tcp.h); times in ms but for rto, in us."""
    try:
        raw = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:
        return {}
    if len(raw) < 104:
        return {}
    b, w = raw[:8], struct.unpack("24I", raw[8:])
    values = (b[0], b[1], b[2], b[3], b[4], w[0], w[4], w[5], w[6], w[7], w[9], w[11], w[12], w[18], w[23])
    return dict(zip(TCP_INFO_FIELDS, values))


class Lateness:
    """How late the loop wakes: (when, by how much) wherever that is worth a line."""

    def __init__(self, tell=None):
        self.times, self.tell = [], tell

    async def run(self):
        while True:
            due = time.monotonic() + 0.02
            await asyncio.sleep(0.02)
            late = time.monotonic() - due
            if late >= LATE_S:
                self.times.append((due, late))
                if self.tell:
                    self.tell({"late_ms": round(late * 1e3), "at": due})

    def within(self, begin, end):
        return max((late for at, late in self.times if begin - late <= at <= end), default=0)


# ---- The server ----

async def send_stream(writer, size):
    sent = 0
    while sent < size:
        at = sent % len(BLOCK)
        part = BLOCK[at:at + min(CHUNK, size - sent)]
        writer.write(part)
        sent += len(part)
        await writer.drain()


async def take_stream(reader, writer, size):
    h, left = hashlib.sha256(), size
    while left:
        part = await reader.read(min(CHUNK, left))
        if not part:
            return
        h.update(part)
        left -= len(part)
    writer.write(h.hexdigest().encode() + b"\n")
    await writer.drain()


async def watch_sockets(sockets, tell):
    while True:
        await asyncio.sleep(0.5)
        for s in list(sockets):
            info = tcp_info(s)
            if info.get("backoff", 0) >= 1 or info.get("retransmits", 0) >= 2:
                with contextlib.suppress(OSError):
                    tell({"port": s.getpeername()[1], "at": time.monotonic(), "tcp": info})


async def serve_one(name, reader, writer, sockets):
    s = writer.get_extra_info("socket")
    sockets.add(s)
    try:
        words = (await reader.readline()).split()
        if words[0] == b"E":
            while line := await reader.readline():
                writer.write(name.encode() + b" " + line)
                await writer.drain()
        elif words[0] == b"D":
            await send_stream(writer, int(words[1]))
        elif words[0] == b"U":
            await take_stream(reader, writer, int(words[1]))
        elif words[0] == b"Q":
            while True:
                head = await reader.readexactly(2)
                body = await reader.readexactly(int.from_bytes(head, "big"))
                writer.write(head + body)
                await writer.drain()
    except (OSError, asyncio.IncompleteReadError, IndexError):
        pass
    finally:
        sockets.discard(s)
        writer.close()


async def serve(name, address, port, notes):
    sockets, late = set(), Lateness()
    if notes:
        out = open(notes, "a")  # noqa: SIM115: as long as the server lives

        def tell(note):
            print(json.dumps(note), file=out, flush=True)
        late.tell = tell
        watchers = [asyncio.create_task(late.run()), asyncio.create_task(watch_sockets(sockets, tell))]
        assert watchers
    s = socket.create_server((address, port), backlog=1024,
                             family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    server = await asyncio.start_server(lambda r, w: serve_one(name, r, w, sockets), sock=s)
    print("ready", flush=True)
    await server.serve_forever()


# ---- The client ----

class Client:
    def __init__(self, address, port, seconds, notes):
        self.address, self.port, self.seconds, self.notes = address, port, seconds, notes
        self.start = asyncio.Event()
        self.opened, self.counts, self.broken, self.moves = 0, {}, [], set()
        self.slowest, self.slow, self.late = 0.0, [], Lateness()

    async def open(self, hello):
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(self.address, self.port), STALL_S)
        writer.write(hello)
        await writer.drain()
        return reader, writer

    async def within(self, work, writer, who):
        """The result of the work, if it comes in time; if it is slow, that is noted."""
        begin, info, s = time.monotonic(), None, writer.get_extra_info("socket")
        port = s.getsockname()[1] if s and s.fileno() >= 0 else 0
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=SLOW_S)
            if not done:
                info = tcp_info(s)
                if self.notes:
                    with open(self.notes, "a") as out:
                        print(port, file=out)
            return await asyncio.wait_for(task, STALL_S - SLOW_S)
        finally:
            end = time.monotonic()
            self.slowest = max(self.slowest, end - begin)
            if end - begin > SLOW_S:
                self.slow.append({
                    "who": who, "port": port, "begin": begin, "end": end, "tcp": info,
                    "retransmitted": tcp_info(s).get("total_retrans"),
                    "late_ms": round(self.late.within(begin, end) * 1e3)})

    async def idle(self, n):
        """Speaks when it opens and when it ends."""
        reader, writer = await self.open(b"E\n")
        await self.say(reader, writer, b"first\n", f"idle {n}")
        yield
        await asyncio.sleep(self.seconds)
        await self.say(reader, writer, b"last\n", f"idle {n}")
        writer.close()

    async def say(self, reader, writer, line, who):
        writer.write(line)
        answer = await self.within(reader.readline(), writer, who)
        if not answer.endswith(b" " + line):
            raise OSError(f"answer {answer[:40]!r}")
        self.moves.add(answer.split()[0].decode())

    async def chatty(self, n):
        reader, writer = await self.open(b"E\n")
        await self.say(reader, writer, b"first\n", f"chatty {n}")
        yield
        end, i = time.monotonic() + self.seconds, 0
        while time.monotonic() < end:
            await self.say(reader, writer, b"%d %d\n" % (n, i), f"chatty {n}")
            i += 1
            await asyncio.sleep(0.1)
        writer.close()

    async def query(self, n):
        reader, writer = await self.open(b"Q\n")
        yield
        end, i = time.monotonic() + self.seconds, 0
        while time.monotonic() < end:
            body = b"%d-%d" % (n, i) * 4
            writer.write(len(body).to_bytes(2, "big") + body)
            answer = await self.within(reader.readexactly(len(body) + 2), writer, f"query {n}")
            if answer != len(body).to_bytes(2, "big") + body:
                raise OSError("another answer")
            i += 1
            await asyncio.sleep(0.2)
        writer.close()

    async def download(self, n):
        reader, writer = await self.open(b"D %d\n" % self.bytes)
        yield
        h, left = hashlib.sha256(), self.bytes
        while left:
            part = await self.within(reader.read(CHUNK), writer, f"download {n}")
            if not part:
                raise OSError(f"ended {left} bytes early")
            h.update(part)
            left -= len(part)
        if h.hexdigest() != self.hash:
            raise OSError("other bytes")
        writer.close()

    async def upload(self, n):
        """Slow: spread over the whole time."""
        reader, writer = await self.open(b"U %d\n" % self.bytes)
        yield
        sent, begin = 0, time.monotonic()
        while sent < self.bytes:
            part = BLOCK[sent % len(BLOCK):][:min(CHUNK, self.bytes - sent)]
            writer.write(part)
            await self.within(writer.drain(), writer, f"upload {n}")
            sent += len(part)
            due = begin + self.seconds * sent / self.bytes
            await asyncio.sleep(max(0, due - time.monotonic()))
        answer = await self.within(reader.readline(), writer, f"upload {n}")
        if answer.strip().decode() != self.hash:
            raise OSError("other bytes arrived")
        writer.close()

    async def run_one(self, kind, n):
        steps = getattr(self, kind)(n)
        try:
            await steps.__anext__()
            self.opened += 1
            await self.start.wait()
            async for _ in steps:
                pass
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as e:
            self.broken.append(f"{kind} {n}: {type(e).__name__} {e}")

    async def run(self, kinds, size):
        self.bytes, self.hash = size, stream_hash(size)
        tasks, late = [], asyncio.create_task(self.late.run())
        for kind, count in kinds.items():
            self.counts[kind] = count
            tasks += [asyncio.create_task(self.run_one(kind, n)) for n in range(count)]
        while self.opened + len(self.broken) < len(tasks):
            await asyncio.sleep(0.01)
        print("open", flush=True)
        self.start.set()
        await asyncio.gather(*tasks)
        late.cancel()
        print(json.dumps({"sessions": len(tasks), "counts": self.counts, "broken": self.broken,
                          "servers": sorted(self.moves), "slowest_ms": round(self.slowest * 1e3),
                          "slow": self.slow}))


def main():
    if sys.argv[1] == "server":
        asyncio.run(serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5] if len(sys.argv) > 5 else None))
        return
    address, port, seconds = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    idle, chatty, downloads, uploads, megabytes = map(int, sys.argv[5:10])
    kinds = {"idle": idle, "chatty": chatty, "query": -(-chatty // 10), "download": downloads,
             "upload": uploads}
    notes = sys.argv[10] if len(sys.argv) > 10 else None
    asyncio.run(Client(address, port, seconds, notes).run(kinds, megabytes << 20))


if __name__ == "__main__":
    main()
