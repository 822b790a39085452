#!/usr/bin/python3
"""Ping and traceroute over a chain of routers (chain.py), and whom and what the glass refuses."""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent),
                str(Path(__file__).resolve().parent.parent / "nearcastd")]

import glass
import harness
import site_config as site
from chain import HERE, HERE6, chain, run

A = "127.0.0.2"


def start(world, limits="per-client: 100, per-target: 100, in-all: 100", extra=""):
    return glass.Glass(world, glass.neighbour("a", A, 65001) +
                       f"probes: {{source: [{HERE}, \"{HERE6}\"], {limits}}}\n" + extra)


def probe(g, kind, target, more=""):
    status, headers, body = g.fetch(f"/api/v1/probe?kind={kind}&target={target}{more}")
    assert status == 200 and headers["Content-Type"] == "text/event-stream", (status, body)
    return [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]


def test_ping(world):
    chain(world)
    g = start(world)
    for target in "20.0.3.2", "2a00:3::2":
        results = probe(g, "ping", target)
        assert [r["sequence"] for r in results[:-1]] == [1, 2, 3, 4, 5], results
        for r in results[:-1]:
            assert (r["kind"], r["result"], r["from"]) == ("ping", "reply", target), r
            assert 0 < r["rtt_ms"][0] < 1500, r
        end = results[-1]
        assert (end["kind"], end["reason"], end["sent"], end["received"]) == ("end", "done", 5, 5), end
        assert 0 < end["min_ms"] <= end["avg_ms"] <= end["max_ms"], end


def test_traceroute(world):
    chain(world)
    world.folder.chmod(0o755)
    g = start(world, extra="user: nobody\n")  # the sockets were opened before
    for form, target in (("20.0.{}.2", "20.0.3.2"), ("2a00:{}::2", "2a00:3::2")):
        for method in "icmp", "udp":
            results = probe(g, "traceroute", target, f"&method={method}")
            check_hops(results, form, target)
    # Both at a time, by UDP: each hears what is about it.
    parts = [threading.Thread(target=lambda t=t: got.append((t, probe(g, "traceroute", t, "&method=udp"))))
             for t in ("20.0.3.2", "20.0.2.2")]
    got = []
    for p in parts:
        p.start()
    for p in parts:
        p.join()
    for target, results in got:
        assert results[-2]["from"] == target and results[-2]["hop"] == int(target[5]), results


def check_hops(results, form, target):
    hops = [(r["hop"], r["from"], r["result"]) for r in results[:-1]]
    assert hops == [(1, form.format(1), "hop"), (2, form.format(2), "hop"),
                    (3, target, "reply")], results
    assert all(len(r["rtt_ms"]) == 3 and None not in r["rtt_ms"] for r in results[:-1]), results
    assert results[-1] == {"kind": "end", "reason": "reply"}, results


def test_results_come_as_they_are(world):
    chain(world)
    g = start(world)
    c = http.client.HTTPConnection("127.0.0.1", glass.PORT, timeout=harness.WAIT_S)
    c.request("GET", "/api/v1/probe?kind=ping&target=20.0.3.2")
    r, begin = c.getresponse(), time.monotonic()
    line = b""
    while not line.startswith(b"data: "):
        line = r.fp.readline()
    first = time.monotonic() - begin
    while b'"end"' not in line:
        line = r.fp.readline()
    assert first < 1 < 1.5 < time.monotonic() - begin, "the first long before the last"
    c.close()


def test_silent_and_unreachable(world):
    names = chain(world)
    g = start(world)
    run("ip", "-n", names[1], "route", "add", "unreachable", "20.9.0.0/16")
    results = probe(g, "traceroute", "20.9.0.1", "&method=udp")
    assert results[-2]["result"] == "unreachable" and results[-2]["from"] == "20.0.2.2", results
    results = probe(g, "traceroute", "20.9.0.1")
    assert results[-2]["result"] == "unreachable" and results[-2]["from"] == "20.0.2.2", results
    run("ip", "-n", names[0], "route", "add", "blackhole", "20.8.0.0/16")
    results = probe(g, "traceroute", "20.8.0.1")
    assert results[-1]["reason"] == "nothing answers any more", results
    assert [r["from"] for r in results[:-1]] == [None] * 5, results


def test_denied(world):
    """Special-purpose ranges, what the configuration denies, and the services' own prefixes."""
    config = site.config(world, site.upstream()).replace("listen: [127.0.0.1]", "listen: [127.0.0.9]")
    prefix = "198.51.100.0/24"
    assert prefix in config
    daemon = harness.Daemon(world, config.replace("198.51.100.", "20.7.0."))
    chain(world)
    g = start(world, "deny: 20.6.0.0/16, per-client: 100, per-target: 100, in-all: 100",
              f"daemon: {daemon.readonly}\n")
    harness.wait_for("the services", lambda: g.get("/api/v1/status")["daemon"]["status"])
    for target in ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
                   "224.0.0.1", "255.255.255.255", "198.51.100.53", "::1", "::ffff:20.0.3.2", "fe80::1",
                   "fc00::1", "ff02::1", "2001:db8::1", "2002:1400:1::1", "64:ff9b::1400:1",
                   "20.6.1.1", "20.7.0.53"]:
        g.refused("/api/v1/probe", 403, "denied", kind="ping", target=target)
    for target in "", "example.org", "20.0.3", "20.0.3.2;id", "20.0.3.2/24", "fe80::1%lo", "1" * 500:
        g.refused("/api/v1/probe", 400, "bad-parameter", kind="ping", target=target)
    for kind in "", "exec", "Ping":
        g.refused("/api/v1/probe", 400, "bad-parameter", kind=kind, target="20.0.3.2")
    for method in "tcp", "", "UDP":
        g.refused("/api/v1/probe", 400, "bad-parameter", kind="traceroute", method=method, target="20.0.3.2")
    g.refused("/api/v1/probe", 400, "bad-parameter", kind="ping", method="udp", target="20.0.3.2")
    g.refused("/api/v1/probe", 403, "denied", kind="traceroute", method="udp", target="10.1.2.3")
    assert probe(g, "ping", "20.0.3.2")[-1]["received"] == 5  # the control


def test_limits(world):
    chain(world)
    path = "/api/v1/probe"
    g = start(world, "at-once: 2")
    holders = []
    for target in "20.0.3.2", "20.0.2.2":
        c = http.client.HTTPConnection("127.0.0.1", glass.PORT, timeout=harness.WAIT_S)
        c.request("GET", f"{path}?kind=ping&target={target}")
        assert c.getresponse().status == 200
        holders.append(c)
    assert "at once" in g.refused(path, 429, "too-many", kind="ping", target="20.0.1.2")
    for c in holders:
        c.close()
    # A client that left ends its probe.
    harness.wait_for("room", lambda: g.fetch(f"{path}?kind=ping&target=20.0.1.2")[0] == 200)
    g.process.kill()
    g.process.wait()
    for limit, why in ("per-client: 1", "you have had"), ("per-target: 1", "that network"), \
            ("in-all: 1", "this glass has done"):
        g = start(world, limit)
        assert probe(g, "traceroute", "20.0.1.2")[-1]["reason"] == "reply"
        assert why in g.refused(path, 429, "too-many", kind="traceroute", target="20.0.1.2")
        g.process.kill()
        g.process.wait()


def test_rfc8522(world):
    chain(world)
    g = start(world)
    base = "/.well-known/looking-glass/v1"

    def ask(path, want=200):
        status, _, body = g.fetch(base + path)
        answer = json.loads(body)
        assert (status, answer["status"]) == (want, "success" if want == 200 else "fail"), answer
        assert {"router", "performed_at", "runtime", "format", "output"} <= set(answer["data"]), answer
        return answer["data"]

    data = ask("/ping/20.0.3.2?protocol=1,1&runtime=20")
    assert len(data["output"]) == 6 and data["runtime"] > 1.5, data
    assert re.fullmatch(r" 1  20\.0\.3\.2  \d+\.\d{3} ms", data["output"][0]), data
    assert data["output"][5].startswith("5 sent, 5 received, min/avg/max "), data
    data = ask("/traceroute/2a00:3::2")
    assert [l.split()[1] for l in data["output"][:3]] == ["2a00:1::2", "2a00:2::2", "2a00:3::2"], data
    assert data["output"][3:] == ["end: reply"], data
    data = ask("/ping/20.0.3.2?runtime=1")
    assert data["output"][-1] == "end: its runtime is over" and 2 <= len(data["output"]) < 6, data
    for path, code in [("/ping/10.0.0.1", 403), ("/ping/x", 400), ("/ping/20.0.3.2?protocol=2,1", 400),
                       ("/ping/20.0.3.2?runtime=x", 400), ("/ping/20.0.3.2?router=x", 404)]:
        ask(path, code)
    commands = json.loads(g.fetch(base + "/cmd")[2])["data"]["commands"]
    assert {"ping", "traceroute"} < {c["command"] for c in commands}, commands


def test_head_and_end(world):
    chain(world)
    g = start(world)
    assert g.fetch("/api/v1/probe?kind=ping&target=20.0.3.2", method="HEAD")[0] == 400
    c = http.client.HTTPConnection("127.0.0.1", glass.PORT, timeout=harness.WAIT_S)
    c.request("GET", "/api/v1/probe?kind=ping&target=20.0.3.2")
    r = c.getresponse()
    g.process.terminate()
    assert b"stopping" in r.read()
    assert g.process.wait(harness.WAIT_S) == 0


def test_none_and_configuration(world):
    g = glass.Glass(world, glass.neighbour("a", A, 65001))
    g.refused("/api/v1/probe", 404, "no-probes", kind="ping", target="20.0.3.2")
    text = glass.CONFIG.format(asn=65000, http="port: 8481", neighbours=glass.neighbour("a", A, 65001))
    for probes, why in ("{source: 20.0.1.1}", "cannot probe from 20.0.1.1"), \
            ("{source: [20.0.1.1, 20.0.1.2]}", "one address a family"), \
            ("{source: fe80::1}", "unicast address of this host"), ("{source: []}", ":"):
        silent = text.replace('listen: [127.0.0.1, "::1"]\n', "").replace("passive: yes", "passive: no")
        process = subprocess.run([harness.BUILD / "nearglass/nearglass", "-c",
                                  world.file("c.yaml", silent + f"probes: {probes}\n")],
            capture_output=True, text=True, timeout=harness.WAIT_S)
        assert process.returncode == 1 and why in process.stderr, (probes, process)


harness.main(globals())
