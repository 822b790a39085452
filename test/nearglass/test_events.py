#!/usr/bin/python3
"""Events: of the glass, of nearcastd at its site, followed as a stream and resumed."""

import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent),
                str(Path(__file__).resolve().parent.parent / "nearcastd")]

import glass
import harness
import site_config as site

A = "127.0.0.2"


class Stream:
    """GET /events."""

    def __init__(self, query="", last_id=None):
        self.sock = socket.create_connection(("127.0.0.1", glass.PORT), timeout=harness.WAIT_S)
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.sock.sendall(f"GET /events{query} HTTP/1.1\r\nHost: a\r\n{more}\r\n".encode())
        self.lines = self.sock.makefile()
        assert " 200 " in self.lines.readline()
        while self.lines.readline().strip():
            pass

    def next(self):
        """(id, event); passes over comments and the sizes of chunks."""
        id_ = None
        for line in self.lines:
            line = line.strip()
            if line.startswith("id: "):
                id_ = line[4:]
            elif line.startswith("data: "):
                return id_, json.loads(line[6:])
        return None

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def start(world, extra=""):
    return glass.Glass(world, glass.neighbour("a", A, 65001) + extra)


def test_stream(world):
    g = start(world)
    stream = Stream()
    a = glass.connect(A, 65001)
    begin = time.monotonic()
    id_, event = stream.next()
    assert time.monotonic() - begin < 1
    assert (event["type"], event["subject"], event["site"], event["source"]) == \
        ("neighbour-up", "a", "fra1", "glass"), event
    a.close()
    second, event = stream.next()
    assert event["type"] == "neighbour-down" and second != id_
    answer = g.get("/api/v1/events")
    assert [e["type"] for e in answer["events"]] == ["neighbour-up", "neighbour-down"]
    assert answer["last_id"] == second
    assert g.get("/api/v1/events", after=id_)["events"] == answer["events"][1:]
    assert g.get("/api/v1/events", limit=1)["events"] == answer["events"][1:]
    assert g.get("/api/v1/events", after=second)["events"] == []
    g.refused("/api/v1/events", 400, "bad-parameter", limit=0)


def test_resumed(world):
    """From Last-Event-ID or `after`; an id of another glass gives everything."""
    g = start(world)
    stream = Stream()
    ids = []
    for _ in range(3):
        glass.connect(A, 65001).close()
        ids += [stream.next()[0], stream.next()[0]]
    stream.close()
    assert Stream(last_id=ids[2]).next()[0] == ids[3]
    assert Stream(query=f"?after={ids[4]}").next()[0] == ids[5]
    assert Stream(query=f"?after={ids[1]}", last_id=ids[3]).next()[0] == ids[4]  # of the two the header
    assert Stream(last_id="123-4").next()[0] == ids[0]
    assert Stream(last_id="<script>").next()[0] == ids[0]
    # An id that is yet to come: nothing until then, and what happens next.
    for ahead in "999999", "-1", str(2**64 - 1):
        made_up = ids[0].split("-")[0] + "-" + ahead
        answer = g.get("/api/v1/events", after=made_up, limit=2)
        assert (answer["events"], answer["last_id"]) == ([], ids[-1]), answer
    stream = Stream(query=f"?after={made_up}")
    glass.connect(A, 65001).close()
    assert stream.next()[0] == ids[0].split("-")[0] + "-7"


def test_ends_with_the_glass(world):
    g = start(world)
    streams = [Stream() for _ in range(20)]
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    assert all(s.next() is None for s in streams)


def test_followers_have_a_limit(world):
    g = glass.Glass(world, glass.neighbour("a", A, 65001),
                    http="port: 8480, connections-per-client: 600")
    streams = [Stream() for _ in range(256)]
    g.refused("/events", 503, "busy")
    for s in streams:
        s.close()
    harness.wait_for("room", room)


def room():
    """That a client has left shows when something is sent to it."""
    glass.connect(A, 65001).close()
    try:
        Stream().close()
    except AssertionError:
        return False
    return True


def test_metrics(world):
    """Each prefix at each upstream has its 0 or 1, also while nothing is announced."""
    config = site.config(world, site.upstream()).replace("listen: [127.0.0.1]", "listen: [127.0.0.9]")
    daemon = harness.Daemon(world, config)
    more = "rpki: [{address: 127.0.0.1, port: 8282}]\nbmp: {listen: 127.0.0.1, routers: [{name: r, address: 127.0.0.5}]}\n"
    g = start(world, f"daemon: {daemon.readonly}\nhistory: {{file: {world.folder}/history.db}}\n{more}")
    text = lambda: g.fetch("/metrics")[2].decode()
    harness.wait_for("the daemon", lambda: "nearglass_daemon_up 1\n" in text())
    harness.wait_for("its status", lambda: "nearcast_announced{" in text())
    service = daemon.status()["services"][0]
    for prefix in service["prefixes"]:
        for upstream in prefix["upstreams"]:
            sample = (f'nearcast_announced{{service="{service["name"]}",prefix="{prefix["prefix"]}",'
                      f'upstream="{upstream["name"]}"}} 0\n')
            assert sample in text(), (sample, text())
    daemon.ask("off", service=service["name"])
    assert 'nearcast_announced{' in text() and 'nearcast_service_health{' in text()
    said = glass.promtool(text())  # of the daemon and of everything that the glass may have
    assert said is None or said.returncode == 0, said


def test_daemon(world):
    """Status and events of nearcastd; killing either does nothing to the other."""
    config = site.config(world, site.upstream()).replace("listen: [127.0.0.1]", "listen: [127.0.0.9]")
    daemon = harness.Daemon(world, config)
    g = start(world, f"daemon: {daemon.readonly}\n")
    status = harness.wait_for("the daemon's status", lambda: connected(g))
    assert status["configured"] and status["status"]["site"] == daemon.status()["site"]
    stream = Stream()
    service = daemon.status()["services"][0]["name"]
    daemon.ask("off", service=service)
    begin = time.monotonic()
    while '"off"' not in json.dumps(event := stream.next()[1]):
        assert event["site"] == "fra1", event
    assert time.monotonic() - begin < 2
    harness.wait_for("the new status", lambda: connected(g)["status"]["services"][0]["admin"] == "off")
    daemon.process.kill()
    daemon.process.wait()
    harness.wait_for("its loss", lambda: not g.get("/api/v1/status")["daemon"]["connected"])
    # Nothing is announced by a nearcastd that is dead.
    text = g.fetch("/metrics")[2].decode()
    assert "nearglass_daemon_up 0\n" in text and "nearcast_announced{" not in text, text
    before = len(g.get("/api/v1/events")["events"])
    again = harness.Daemon(world, config)
    harness.wait_for("its return", lambda: connected(g))
    harness.wait_for("its events", lambda: len(g.get("/api/v1/events")["events"]) > before)
    g.process.kill()
    g.process.wait()
    assert again.alive() and again.status()["services"]


def test_daemon_hangs(world):
    """A nearcastd that is stopped keeps its connections: that it says nothing is what tells."""
    config = site.config(world, site.upstream()).replace("listen: [127.0.0.1]", "listen: [127.0.0.9]")
    daemon = harness.Daemon(world, config)
    g = start(world, f"daemon: {daemon.readonly}\n")
    harness.wait_for("the daemon's status", lambda: connected(g))
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        harness.wait_for("its loss", lambda: not g.get("/api/v1/status")["daemon"]["connected"], 30)
        assert g.get("/api/v1/status")["daemon"]["error"] == "it does not answer"
        assert g.get("/api/v1/events")["events"][-1]["type"] == "daemon-lost"
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    harness.wait_for("its return", lambda: (d := connected(g)) and d["error"] is None)


def test_daemon_refuses(world):
    """One with too many clients answers, and not us: it is not up and down every second."""
    path = world.folder / "busy"
    listener = glass.listener(path)
    g = start(world, f"daemon: {path}\n")
    for _ in range(3):
        sock, _ = listener.accept()
        sock.sendall(b'{"ok":false,"error":{"code":"busy","message":"too many clients are connected"}}\n')
        sock.close()
    listener.accept()  # it goes on asking
    daemon = g.get("/api/v1/status")["daemon"]
    assert (daemon["connected"], daemon["error"]) == (False, "it refuses to answer"), daemon
    assert [e["type"] for e in g.get("/api/v1/events")["events"]] == []


def test_hangup(world):
    """Who is used to nearcastd sends SIGHUP for a new configuration: it is told that there is none, and
    nobody's session ends for it."""
    g = start(world)
    session = glass.connect(A, 65001)
    is_up = lambda: g.neighbour("a")["state"] == "Established"
    harness.wait_for("the session", is_up)
    g.process.send_signal(signal.SIGHUP)
    harness.wait_for("the word on it", lambda: "SIGHUP changes nothing" in g.log_path.read_text())
    assert g.process.poll() is None and is_up()
    session.close()


def test_log_hangs(world):
    """Standard error that nobody reads: the glass goes on, says later how much is missing, and ends. The
    same where somebody else has made it one that does not block."""
    for flags in 0, os.O_NONBLOCK:
        log_hangs(world, flags)


def log_hangs(world, flags):
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    fcntl.fcntl(write, fcntl.F_SETFL, os.O_NONBLOCK)
    name = "a" * 40
    g = glass.Glass(world, glass.neighbour(name, A, 65001), stderr=write)
    try:
        while True:
            os.write(write, b"x\n")
    except BlockingIOError:
        fcntl.fcntl(write, fcntl.F_SETFL, flags)  # of the glass's as well: it is one open pipe
    for _ in range(500):
        glass.connect(A, 65001).close()
    assert g.get("/api/v1/status")
    os.close(write)
    os.set_blocking(read, False)
    text = bytearray()

    def lost():
        try:
            text.extend(os.read(read, 65536))
        except BlockingIOError:
            pass
        return b" lines more were lost here\n" in text

    harness.wait_for("the lost lines", lost)
    assert text.count(f"neighbour-up {name} session established\n".encode()) > 200
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    os.close(read)


def connected(g):
    daemon = g.get("/api/v1/status")["daemon"]
    return daemon if daemon["connected"] and daemon["status"] else None


harness.main(globals())
