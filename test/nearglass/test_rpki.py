#!/usr/bin/python3
"""Origin validity (RFC 6811) with stayrtr as the RPKI cache."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import glass
import harness

A = "127.0.0.2"
PAYLOADS = [("10.1.0.0/16", 20, 65020), ("10.2.0.0/16", 16, 65030), ("2001:db8::/32", 32, 65020),
            ("10.3.0.0/16", 16, 0), ("10.5.0.0/16", 16, 65001)]
# The network, the path, and the validity by those payloads.
ROUTES = [
    ("10.1.0.0/16", [65001, 65020], "valid"),
    ("10.1.16.0/20", [65001, 65020], "valid"),
    ("10.1.16.0/21", [65001, 65020], "invalid"),  # longer than may be
    ("10.2.0.0/16", [65001, 65020], "invalid"),  # another origin
    ("10.3.0.0/16", [65001, 65020], "invalid"),  # AS 0: nobody's (RFC 6483 section 4)
    ("10.4.0.0/16", [65001, 65020], "not-found"),
    ("10.5.0.0/16", [65001], "valid"),
    ("10.0.0.0/8", [65001, 65020], "not-found"),  # a payload for less than it
]
ROUTES6 = [("2001:db8::/32", [65001, 65020], "valid"), ("2001:db8:1::/48", [65001, 65020], "invalid"),
           ("2001:db9::/32", [65001, 65020], "not-found")]


class Cache:
    """A running stayrtr."""

    def __init__(self, world, port, payloads):
        self.file = world.folder / f"payloads-{port}.json"
        self.say(payloads)
        self.process = world.start("/usr/bin/stayrtr", "-bind", f"127.0.0.1:{port}", "-cache", self.file,
                                   "-checktime=false", "-metrics.addr", f"127.0.0.1:{port + 1000}",
                                   "-rtr.refresh", "1", "-rtr.retry", "1", "-rtr.expire", "600")

    def say(self, payloads):
        self.file.write_text(json.dumps({"metadata": {"buildtime": "2026-01-02T03:04:05Z"}, "roas": [
            {"prefix": p, "maxLength": m, "asn": f"AS{asn}", "ta": "test"} for p, m, asn in payloads]}))


def world_with(world, *ports):
    keys = ", ".join(f"{{address: 127.0.0.1, port: {p}}}" for p in ports)
    g = glass.Glass(world, glass.neighbour("a", A, 65001), f"rpki: [{keys}]\n" if ports else "")
    a = glass.connect(A, 65001)
    for network, path, _ in ROUTES:
        glass.announce(a, [network], path)
    for network, path, _ in ROUTES6:
        glass.announce6(a, [network], path)
    g.wait_routes(len(ROUTES + ROUTES6))
    return g, a


def validity(g):
    return {r["network"]: r["rpki"] for r in g.routes()}


WANT = {network: v for network, _, v in ROUTES + ROUTES6}


def wait_known(g):
    harness.wait_for("the cache", lambda: g.get("/api/v1/status")["rpki"]["known"], 40)


def events(g, kind):
    return [e for e in g.get("/api/v1/events")["events"] if e["type"] == kind]


def test_validity_and_filter(world):
    harness.needs("stayrtr")
    g, _ = world_with(world, 8282)
    assert set(validity(g).values()) == {"unknown"}, validity(g)  # no cache yet
    assert len(g.routes(rpki="unknown")) == len(WANT) and g.routes(rpki="valid") == []
    Cache(world, 8282, PAYLOADS)
    wait_known(g)
    assert validity(g) == WANT, validity(g)
    dump = [json.loads(line) for line in g.fetch("/api/v1/dump")[2].splitlines()]
    assert {r["network"]: r["rpki"] for r in dump} == WANT
    order = [r["network"] for r in g.routes()]
    for state in "valid", "invalid", "not-found", "unknown":
        want = [n for n in order if WANT[n] == state]
        got = g.get("/api/v1/routes", rpki=state)
        assert [r["network"] for r in got["routes"]] == want, (state, got)
        assert (got["meta"]["total_results"], got["meta"]["truncated"]) == (len(want), False)
        # page by page, both ways
        met, after = [], {}
        for number in range(len(want)):
            page = g.get("/api/v1/routes", rpki=state, limit=1, **after)
            met += [r["network"] for r in page["routes"]]
            assert page["meta"]["total_results"] == len(want)
            assert page["routes"] == g.routes(rpki=state, limit=1, page=number)
            after = {"after": met[-1]}
            assert (page["meta"]["next"] is None) == (number == len(want) - 1), page["meta"]
        assert met == want
        assert g.routes(rpki=state, limit=1, page=len(want)) == []
    assert [r["network"] for r in g.routes(rpki="invalid", prefix="10.1.0.0/16", match="covered")] == \
        ["10.1.16.0/21"]
    assert [r["network"] for r in g.routes(rpki="invalid", family="ipv6")] == ["2001:db8:1::/48"]
    assert g.routes(rpki="invalid", prefix="10.1.0.0/16") == []
    assert len(g.routes(rpki="valid", prefix="10.1.0.0/16")) == 1
    assert len(g.routes(rpki="valid", origin=65001)) == 1
    g.refused("/api/v1/routes", 400, "bad-parameter", rpki="maybe")
    metrics = g.fetch("/metrics")[2].decode()
    for line in ("nearglass_rpki_known 1", 'nearglass_rpki_payloads{family="ipv4"} 4',
                 'nearglass_rpki_payloads{family="ipv6"} 1',
                 'nearglass_rpki_cache_up{address="127.0.0.1",port="8282"} 1'):
        assert line + "\n" in metrics, (line, metrics)


def test_cache_changes_and_goes(world):
    """What it withdraws counts at once; what it said stays while it is away; stopping is orderly."""
    harness.needs("stayrtr")
    cache = Cache(world, 8282, PAYLOADS)
    g, _ = world_with(world, 8282)
    wait_known(g)
    cache.say([p for p in PAYLOADS if p[0] != "10.2.0.0/16"])
    cache.process.send_signal(signal.SIGHUP)
    harness.wait_for("the change", lambda: validity(g)["10.2.0.0/16"] == "not-found")
    assert len(events(g, "rpki-cache-up")) == 1
    cache.process.kill()
    harness.wait_for("the event", lambda: events(g, "rpki-cache-down"))
    assert events(g, "rpki-cache-down")[0]["subject"] == "127.0.0.1 port 8282"
    status = g.get("/api/v1/status")["rpki"]
    assert (status["known"], status["caches"][0]["up"]) == (True, False), status
    assert validity(g)["10.1.0.0/16"] == "valid"
    assert g.neighbour("a")["state"] == "Established"
    second = int(time.time())  # stayrtr makes its session's number of it
    harness.wait_for("another session", lambda: int(time.time()) != second)
    Cache(world, 8282, PAYLOADS)
    harness.wait_for("its return", lambda: len(events(g, "rpki-cache-up")) == 2, 40)
    wait_known(g)
    assert validity(g) == WANT
    status = g.get("/api/v1/status")["rpki"]
    assert (status["payloads_ipv4"], status["payloads_ipv6"]) == (4, 1), status
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0, g.log_path.read_text()


def test_second_cache(world):
    """The second is asked because the first does not answer."""
    harness.needs("stayrtr")
    g, _ = world_with(world, 8281, 8282)
    Cache(world, 8282, PAYLOADS)
    wait_known(g)
    assert validity(g) == WANT
    up = [c["up"] for c in g.get("/api/v1/status")["rpki"]["caches"]]
    assert up == [False, True], up


def test_none_configured(world):
    """Not validated is null, and not to be asked for."""
    g, _ = world_with(world)
    assert set(validity(g).values()) == {None}
    assert "configured" in g.refused("/api/v1/routes", 400, "bad-parameter", rpki="valid")
    assert "nearglass_rpki" not in g.fetch("/metrics")[2].decode()


def test_refused_configuration(world):
    head = "site: a\nas: 1\nrouter-id: 192.0.2.1\n"
    for text, place, words in (
            ("rpki: [{address: 0.0.0.0}]\n", "4:18", "not an address that a cache can have"),
            ("rpki: [{address: 192.0.2.9}, {address: 192.0.2.9}]\n", "4:40", "there already"),
            ("communities: [names.txt]\n", "4:14", "not an absolute path"),
            (f"communities: {world.folder}/absent\n", "4:14", "No such file")):
        file = world.file("bad.yaml", head + text)
        run = subprocess.run([harness.BUILD / "nearglass/nearglass", "-n", "-c", file],
                             capture_output=True, text=True, check=False)
        assert run.returncode == 1 and f"bad.yaml:{place}: " in run.stderr and words in run.stderr, run.stderr


def test_garbage(world):
    """A cache that talks nonsense is no cache, and nothing else suffers."""
    server = socket.create_server(("127.0.0.1", 8282))
    g, _ = world_with(world, 8282)
    peer, _ = server.accept()
    peer.sendall(b"\xff" * 4096)
    peer.close()
    harness.wait_for("a state", lambda: set(validity(g).values()) == {"unknown"})
    assert not events(g, "rpki-cache-up")
    assert g.neighbour("a")["state"] == "Established"


harness.main(globals())
