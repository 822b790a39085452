#!/usr/bin/python3
"""The HTTP side against clients that are wrong, slow, many, or hostile; the sessions stay."""

import gzip
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import glass
import harness

A = "127.0.0.2"


def one(world, **keys):
    g = glass.Glass(world, glass.neighbour("a", A, 65001), **keys)
    a = glass.connect(A, 65001)
    glass.announce(a, ["10.0.0.0/8"], [65001, 65020], communities=[(65001, 1)])
    g.wait_routes(1)
    return g, a


def assert_undisturbed(g):
    n = g.neighbour("a")
    assert (n["state"], n["times_established"], n["routes_ipv4"]) == ("Established", 1, 1), n


def raw(data, read=True):
    s = socket.create_connection(("127.0.0.1", glass.PORT), timeout=harness.WAIT_S)
    s.sendall(data)
    return s.makefile("rb").read() if read else s


def test_errors(world):
    g, a = one(world)
    rows = [
        ("/nothing.txt", 404, "unknown-path", {}),
        ("/api/v1/routes/", 404, "unknown-path", {}),
        ("/birdwatcher/nothing", 404, "unknown-path", {}),
        ("/events/x", 404, "unknown-path", {}),
        ("/api/v1/routes", 400, "unknown-parameter", {"prefixes": "10.0.0.0/8"}),
        ("/api/v1/routes", 400, "bad-parameter", {"prefix": "10.0.0.1/8"}),
        ("/api/v1/routes", 400, "bad-parameter", {"prefix": "10.0.0.0/33"}),
        ("/api/v1/routes", 400, "bad-parameter", {"address": "10.0.0"}),
        ("/api/v1/routes", 400, "bad-parameter", {"match": "covered"}),
        ("/api/v1/routes", 400, "bad-parameter", {"origin": "4294967296"}),
        ("/api/v1/routes", 400, "bad-parameter", {"origin": "-1"}),
        ("/api/v1/routes", 400, "bad-parameter", {"community": "65001"}),
        ("/api/v1/routes", 400, "bad-parameter", {"community": "65001:65536"}),
        ("/api/v1/routes", 400, "bad-parameter", {"community": "1:1:1"}),
        ("/api/v1/routes", 400, "bad-parameter", {"large_community": "1:1"}),
        ("/api/v1/routes", 400, "bad-parameter", {"ext_community": "1:1"}),
        ("/api/v1/routes", 400, "bad-parameter", {"neighbour": "nobody"}),
        ("/api/v1/routes", 400, "bad-parameter", {"limit": "0"}),
        ("/api/v1/routes", 400, "bad-parameter", {"limit": "1001"}),
        ("/api/v1/routes", 400, "bad-parameter", {"prefix": "10.0.0.0/8", "family": "ipv6"}),
        ("/api/v1/routes", 400, "bad-parameter", {"after": "x"}),
        ("/api/v1/routes", 400, "bad-path", {"path": "65001("}),
        ("/api/v1/routes", 400, "bad-path", {"path": "x"}),
        ("/api/v1/routes", 400, "bad-path", {"path": "1" * 257}),
        ("/api/v1/routes?as=1&as=2", 400, "bad-parameter", {}),
        ("/api/v1/routes?as=1%00", 400, "bad-parameter", {}),
    ]
    for path, status, tag, parameters in rows:
        g.refused(path, status, tag, **parameters)
    assert_undisturbed(g)


def test_methods(world):
    g, a = one(world)
    for method in "POST", "PUT", "DELETE", "OPTIONS", "PATCH":
        status, headers, _ = g.fetch("/api/v1/status", method=method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD"), (method, status)
    status, headers, body = g.fetch("/api/v1/status", method="HEAD")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 100
    assert_undisturbed(g)


def test_headers(world):
    g, a = one(world)
    for path in "/api/v1/status", "/nothing.txt", "/metrics", "/":
        _, headers, _ = g.fetch(path)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_page(world):
    """The files of the page, plain and compressed; its views have paths of their own."""
    g, a = one(world)
    status, headers, index = g.fetch("/")
    assert status == 200 and headers["Content-Type"].startswith("text/html"), headers
    assert g.fetch("/routes?q=AS65020")[2] == index and g.fetch("/fleet")[2] == index
    total = 0
    for name in re.findall(rb'(?:src|href)="(/[^"]+[.][a-z]+)"', index):
        status, headers, plain = g.fetch(name.decode())
        assert status == 200, name
        _, headers, packed = g.fetch(name.decode(), **{"Accept-Encoding": "gzip"})
        assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == plain
        total += len(packed)
    assert 1000 < total < 150_000, total
    assert g.fetch("/app.jsx")[0] == 404 and g.fetch("/api/v2/")[0] == 404


def test_host(world):
    g, a = one(world, http="port: 8480, hosts: [glass.example, localhost]")
    for host in "glass.example", "GLASS.example:8480", "localhost":
        assert g.fetch("/api/v1/status", host=host)[0] == 200, host
    for host in "evil.example", "glass.example.evil", "", "a b", "glass.example@evil":
        assert g.fetch("/api/v1/status", host=host)[0] in (400, 421), host
    assert b" 400 " in raw(b"GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert_undisturbed(g)


def test_text_is_escaped(world):
    """What a client or a neighbour says comes back as JSON, never as markup."""
    g, a = one(world)
    script = "<script>alert(1)</script>\"\n"
    message = g.refused("/api/v1/routes", 400, "bad-parameter", neighbour=script)
    assert script in message
    text = script.encode()
    a.send(glass.bgp.message(glass.bgp.NOTIFICATION, b"\6\2" + bytes([len(text)]) + text))
    error = harness.wait_for("the shutdown text", lambda: g.neighbour("a")["last_error"])
    assert "<script>" in error and "\n" not in error, error
    _, headers, _ = g.fetch("/api/v1/status")
    assert headers["Content-Type"] == "application/json"


def test_injection(world):
    """Nothing of a request is run, opened or matched as anything but what it is."""
    g, a = one(world)
    for text in "$(touch /tmp/x)", "`id`", "; id", "| id", "../../etc/passwd", "%2e%2e/x", "\\0":
        for name in "prefix", "address", "neighbour", "path", "community", "next_hop", "after":
            g.refused("/api/v1/routes", 400, "bad-path" if name == "path" else "bad-parameter",
                      **{name: text})
    for path in "/../etc/passwd", "/etc/passwd.", "/api/v1/../../x", "/%2e%2e/etc/passwd":
        assert g.fetch(path)[0] == 404, path
    assert_undisturbed(g)


def test_costly_patterns(world):
    g, a = one(world)
    glass.announce(a, ["11.0.0.0/8"], [65001] * 50)
    g.wait_routes(2)
    for text in "(.*.*.*.*.*.*.*.*)_1$", "((1|1)*)*_2$", "(([0-9]*)*)*_3$", "(1+)+(1+)+(1+)+_9$":
        begin = time.monotonic()
        answer = g.get("/api/v1/routes", path=text)
        assert time.monotonic() - begin < 1 and not answer["meta"]["truncated"], text
    for text in "(((1{50}){50}){50}){50}", "((((){255}){255}){255}){255}", "(" * 100 + ")" * 100:
        assert "it is too large" in g.refused("/api/v1/routes", 400, "bad-path", path=text) or "(" * 100 in text
    g.refused("/api/v1/routes", 400, "bad-path", path="(?:(?R))")
    g.refused("/api/v1/routes", 400, "bad-path", path="(*LIMIT_MATCH=1)1")


def test_oversized(world):
    g, a = one(world)
    long_header = b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200000 + b"\r\n\r\n"
    answer = b""
    try:
        answer = raw(long_header)
    except ConnectionResetError:
        pass
    assert b" 200 " not in answer[:20]
    assert g.fetch("/" + "x" * 5000)[0] in (414, 404)
    assert g.fetch("/" + "x" * 1100)[0] == 414
    assert b" 200 " not in raw(b"GET \x00\xff / HTTP/9.9\r\n\r\n")[:20]
    assert_undisturbed(g)


def test_many_and_slow(world):
    """Half-open requests up to the limit: others are turned away or wait, and nothing breaks."""
    g, a = one(world, http="port: 8480, connections: 64, connections-per-client: 32")
    slow = []
    for _ in range(200):
        try:
            slow.append(raw(b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nX-", read=False))
        except OSError:
            break
    glass.announce(a, ["11.0.0.0/8"], [65001])  # the session goes on meanwhile
    for s in slow:
        s.close()
    harness.wait_for("their places", g.answers)
    g.wait_routes(2)
    assert g.neighbour("a")["times_established"] == 1


def test_two_thousand_connections(world):
    g, a = one(world, http="port: 8480, connections: 500, connections-per-client: 500")
    open_ones = []
    for _ in range(2000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", glass.PORT))
        open_ones.append(s)
    for s in open_ones:
        s.close()
    harness.wait_for("an answer", g.answers)
    assert_undisturbed(g)


def test_client_leaves_during_a_dump(world):
    g, a = one(world)
    for k in range(40):
        glass.announce(a, [f"20.{k}.{i}.0/24" for i in range(250)], [65001, 65002 + k])
    g.wait_routes(1000, limit=1000, prefix="20.0.0.0/6", match="covered")
    for _ in range(20):
        s = raw(b"GET /api/v1/dump HTTP/1.1\r\nHost: a\r\n\r\n", read=False)
        s.recv(1000)
        s.close()
    assert len(g.fetch("/api/v1/dump")[2].splitlines()) == 10001
    assert g.neighbour("a")["times_established"] == 1


def test_whole_tables_at_a_time(world):
    """Whoever reads slowly keeps a view as it was: few may."""
    g = glass.Glass(world, glass.neighbour("a", A, 65001), http="port: 8480, connections-per-client: 600")
    a = glass.connect(A, 65001)
    for k in range(40):
        glass.announce(a, [f"20.{k}.{i}.0/24" for i in range(250)], [65001, 65002 + k])
    g.wait_routes(1000, limit=1000, prefix="20.0.0.0/6", match="covered")
    slow = []
    for _ in range(16):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", glass.PORT))
        s.sendall(b"GET /api/v1/dump HTTP/1.1\r\nHost: a\r\n\r\n")
        assert s.recv(12) == b"HTTP/1.1 200"
        slow.append(s)
    for path in "/api/v1/dump", "/api/v1/mrt", "/birdwatcher/routes/table/master", \
            "/birdwatcher/routes/protocol/a":
        assert "read all routes already" in g.refused(path, 503, "busy")
    assert g.routes(limit=1, prefix="20.0.0.0/24")  # others are not kept waiting
    for s in slow:
        s.close()
    harness.wait_for("room", lambda: g.fetch("/api/v1/dump")[0] == 200)


def test_metrics(world):
    g, a = one(world)
    _, headers, body = g.fetch("/metrics")
    text = body.decode()
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    assert 'nearglass_neighbour_up{neighbour="a"} 1' in text
    assert 'nearglass_neighbour_routes{neighbour="a",family="ipv4"} 1' in text
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    for line in text.splitlines():
        if not line.startswith("#"):
            name = re.match(r"[a-z_0-9]+", line)[0]
            family = re.sub(r"_(total|info)$", "", name)
            assert family in types, line
            assert name.endswith("_total") == (types[family] == "counter"), line


def test_metrics_by_promtool(world):
    g, _ = one(world)
    body = g.fetch("/metrics")[2].decode()
    if (run := glass.promtool(body)) is None:
        raise harness.Skip("promtool is not there: see tools/deps")
    assert run.returncode == 0, run
    assert glass.promtool(body + "9nearglass 1\n").returncode != 0  # the control


def test_check_only(world):
    """nearglass -n says what is wrong and where."""
    program = harness.BUILD / "nearglass/nearglass"

    def check(text):
        path = world.file("c.yaml", text)
        return subprocess.run([program, "-n", "-c", path], capture_output=True, text=True)

    good = glass.CONFIG.format(asn=65000, http="port: 8480", neighbours=glass.neighbour("a", A, 1))
    assert check(good).returncode == 0
    for old, new, want in [
        ("as: 65000", "as: 0", "c.yaml:2:5"),
        ("router-id: 192.0.2.1", "router-id: 0.0.0.0", "c.yaml:3:12"),
        ('[127.0.0.1, "::1"]', "[127.0.0.1, 127.0.0.1]", "c.yaml:4:9: port 179 of 127.0.0.1 is listened"),
        ("port: 8480", "port: 179", "c.yaml:5:7: port 179 of 127.0.0.1 is listened"),
        ("http:", "bmp: {listen: '::1', port: 179, routers: [{name: r, address: 192.0.2.9}]}\nhttp:",
         "c.yaml:5:15: port 179 of ::1 is listened"),
        ("http:", "bmp: {listen: '::1', routers: [{name: r, address: 0.0.0.0}]}\nhttp:",
         "c.yaml:5:51: not an address that a router"),
        ("http:", "htpp:", "did you mean `http`"),
        ("port: 8480", "port: 0", "c.yaml:5"),
        ("name: a", "name: a/b", "neighbour's name"),
        ("127.0.0.2", "0.0.0.0", "not an address"),
        ("passive: yes", "passive: maybe", "c.yaml:7"),
        ("passive: yes", "hold-time: 1s", "hold-time"),
        ("passive: yes", "source: '::1'", "source is of the family"),
        ('listen: [127.0.0.1, "::1"]\n', "", "there is no `listen`"),
        ("port: 8480", "hosts: 'https://glass.example'", "is no host"),
        ("port: 8480", "hosts: [glass.example, 'glass.example:443']", "`glass.example:443` is no host"),
        ("port: 8480", "hosts: '2001:db8::1'", "is no host"),
        ("port: 8480", "hosts: '[2001:db8::1]:80'", "is no host"),
        ("port: 8480", "hosts: '[glass]'", "is no host"),
        ("port: 8480", "hosts: ''", "is no host"),
        ("http: {port: 8480}", "http: {socket: /run/x}\ncatchment: {listen: /run/x}",
         "the HTTP server has this socket"),
        ("http:", "bmp: {listen: 127.0.0.1, routers: [{name: r, address: 127.0.0.3}, "
         "{name: s, address: 127.0.0.3}]}\nhttp:", "router `r` has this address"),
        ("http:", "bmp: {listen: 127.0.0.1, routers: [{name: r, address: 127.0.0.3}, "
         "{name: r, address: 127.0.0.4}]}\nhttp:", "another router `r`"),
    ]:
        run = check(good.replace(old, new, 1))
        assert run.returncode == 1 and want in run.stderr, (new, run.stderr)
    for hosts in "glass.example", "[glass.example, 192.0.2.1, '[2001:db8::1]']":
        assert check(good.replace("port: 8480", f"hosts: {hosts}", 1)).returncode == 0, hosts
    twice = glass.neighbour("a", A, 1) + glass.neighbour("a", A, 2)
    run = check(glass.CONFIG.format(asn=65000, http="port: 8480", neighbours=twice))
    assert "another neighbour `a`" in run.stderr and "has this address" in run.stderr


harness.main(globals())
