#!/usr/bin/python3
"""The glasses of other sites: followed, gone, hanging, sending what is no answer; and what they could
lead this glass to."""

import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import glass
import harness

A = "127.0.0.2"


class Site:
    """A site that answers with the bytes it is given, on a port of its own."""

    def __init__(self, world, port, answer, address="127.0.0.9"):
        self.asked = []
        self.now = threading.local()  # .path: what this thread answers
        self.answer = answer
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.held = []
        threading.Thread(target=self.run, daemon=True).start()
        world.closers.append(self.listener.close)

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        self.held.append(sock)
        try:
            self.now.path = sock.recv(65536).split(b" ")[1].decode()
            self.asked.append(self.now.path)
            self.answer(sock)
        except OSError:
            pass


def reply(body, status="200 OK", headers=b""):
    def answer(sock):
        sock.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s" %
                     (status.encode(), len(body), headers, body))
        sock.close()
    return answer


def start(world, sites, site="fra1", port=glass.PORT, listen="127.0.0.1", extra=""):
    """A glass; sites: name -> url."""
    text = glass.CONFIG.format(asn=65000, http=f"address: 127.0.0.1, port: {port}",
                               neighbours=glass.neighbour("a", A, 65001))
    text = text.replace("site: fra1", f"site: {site}").replace('[127.0.0.1, "::1"]', listen)
    text += "sites:\n" + "".join(f"  - {{name: {n}, url: \"{u}\"{extra}}}\n"
                                 for n, u in sites.items()) if sites else ""
    process = world.start(harness.BUILD / "nearglass/nearglass", "-c",
                          world.file(f"{site}.yaml", text), stderr=subprocess.DEVNULL)
    g = glass.Glass.__new__(glass.Glass)
    g.world, g.process, g.log_path, g.port = world, process, Path("/dev/null"), port
    harness.wait_for("HTTP", lambda: get(port))
    return g


def get(port, path="/api/v1/status"):
    c = glass.http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WAIT_S)
    try:
        c.request("GET", path)
        return json.loads(c.getresponse().read())
    except OSError:
        return None
    finally:
        c.close()


def site_of(port, name):
    return next(s for s in get(port)["sites"] if s["name"] == name)


def wait_site(port, name, **fields):
    harness.wait_for(f"{name} {fields}", lambda: all(
        site_of(port, name)[k] == v for k, v in fields.items()), 15)
    return site_of(port, name)


def test_two_follow_each_other(world):
    """Each shows the other's status without what that one follows; a change shows within a second."""
    start(world, {"ams1": "http://127.0.0.1:8481"})
    assert site_of(8480, "ams1")["status"] is None
    start(world, {"fra1": "http://localhost:8480/"}, site="ams1", port=8481, listen="127.0.0.8")
    ams = wait_site(8480, "ams1", reachable=True, error=None)
    wait_site(8481, "fra1", reachable=True)
    assert ams["url"] == "http://127.0.0.1:8481" and ams["heard"]
    assert ams["status"]["site"] == "ams1" and "sites" not in ams["status"], ams["status"].keys()
    assert ams["status"]["neighbours"][0]["state"] != "Established"
    session = glass.connect(A, 65001, to="127.0.0.8")  # at ams1
    begin = time.monotonic()
    harness.wait_for("its session", lambda: site_of(8480, "ams1")["status"]["neighbours"][0]["state"]
                     == "Established")
    assert time.monotonic() - begin < 2, "by its events, not by the next round"
    session.close()
    events = get(8480, "/api/v1/events")["events"]
    reachable = [(e["site"], e["subject"]) for e in events if e["type"] == "site-reachable"]
    assert ("fra1", "ams1") in reachable and reachable.count(("fra1", "ams1")) == 1, events
    # What happens there is told here, each event once and with the site it is of.
    up = lambda: [e for e in get(8480, "/api/v1/events")["events"] if e["type"] == "neighbour-up"]
    harness.wait_for("the event of the other site", up)
    assert [(e["site"], e["subject"]) for e in up()] == [("ams1", "a")], up()


def test_events_of_others(world):
    """Only what a site tells of itself is taken; long lines and rubbish are passed over, the rest goes on."""
    def event(site, **more):
        return json.dumps({"time": "2026-01-02T03:04:05.000001Z", "site": site, "type": "decided",
                           "subject": "dns", **more}).encode()

    stream = (b"retry: 1000\n\n" +
              b"id: 1-1\ndata: " + event("ams1", detail="first") + b"\n\n" +
              b"id: 1-2\ndata: " + event("fra1", detail="of another") + b"\n\n" +
              b"data: " + b"[" * 5000 + b"\n\ndata: no json\n\ndata: 7\n\n" +
              b"data: {\"site\": \"ams1\", \"type\": \"decided\", \"time\": \"now\"}\n\n" +
              b"data: " + b"x" * 40000 + b"\n\n" +
              b"id: 1-3\ndata: " + event("ams1", detail="last") + b"\n\n")
    status = json.dumps({"site": "ams1"}).encode()
    asked = []

    def answer(sock):
        asked.append(site.now.path)
        if "/events" in asked[-1]:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            for i in range(0, len(stream), 1000):
                sock.sendall(stream[i:i + 1000])
            sock.close()
        else:
            reply(status)(sock)

    site = Site(world, 8000, answer)
    start(world, {"ams1": "http://127.0.0.9:8000"})
    told = lambda: [e["detail"] for e in get(8480, "/api/v1/events")["events"] if e["type"] == "decided"]
    harness.wait_for("the last one", lambda: "last" in told())
    assert told()[:2] == ["first", "last"], told()
    harness.wait_for("the stream again, from where it was",
                     lambda: any(a == "/events?after=1-3" for a in asked))


def test_glass_of_a_site_starts_again(world):
    """It then hears all that its nearcastd remembers once more, and tells it under other numbers."""
    def event(us, type_="decided", **more):
        return json.dumps({"time": f"2026-01-02T03:04:05.{us:06}Z", "site": "ams1", "type": type_,
                           "subject": "dns", "detail": f"{type_} {us}", **more}).encode()

    rows = [event(1, seq=1), event(2, "neighbour-up"), event(3, seq=2)]
    again = [event(1, seq=1), event(3, seq=2), event(9, "neighbour-up"), event(4, seq=3)]

    def answer(sock):
        if "/events" not in site.now.path:
            return reply(json.dumps({"site": "ams1"}).encode())(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        streams.append(site.now.path)
        if len(streams) <= 2:
            for i, text in enumerate((rows, again)[len(streams) - 1]):
                sock.sendall(b"id: %d-%d\ndata: %s\n\n" % (len(streams), i + 1, text))
            sock.close()

    streams = []
    site = Site(world, 8000, answer)
    start(world, {"ams1": "http://127.0.0.9:8000"})
    told = lambda: [e["detail"] for e in get(8480, "/api/v1/events")["events"] if e["site"] == "ams1"]
    harness.wait_for("what is new", lambda: "decided 4" in told(), 20)
    harness.wait_for("the stream after that", lambda: streams[2:] == ["/events?after=2-4"], 20)
    assert told() == ["decided 1", "neighbour-up 2", "decided 3", "neighbour-up 9", "decided 4"], told()


def test_addresses_in_urls(world):
    """An address needs no resolver, one of IPv6 neither."""
    site = Site(world, 8000, reply(json.dumps({"site": "ams1"}).encode()))
    six = Site(world, 8001, reply(json.dumps({"site": "lon1"}).encode()), "::1")
    start(world, {"ams1": "http://127.0.0.9:8000/x", "lon1": "http://[::1]:8001"})
    for name in "ams1", "lon1":
        wait_site(8480, name, reachable=True, error=None)
    assert "/x/api/v1/status" in site.asked and "/api/v1/status" in six.asked


def test_comes_and_goes(world):
    start(world, {"ams1": "http://127.0.0.1:8481"})
    harness.wait_for("asked", lambda: site_of(8480, "ams1")["error"] != "not asked yet")
    assert not site_of(8480, "ams1")["reachable"] and site_of(8480, "ams1")["status"] is None
    other = start(world, {}, site="ams1", port=8481, listen="127.0.0.8")
    wait_site(8480, "ams1", reachable=True)
    other.process.kill()
    other.process.wait()
    gone = wait_site(8480, "ams1", reachable=False)
    assert gone["error"] and gone["status"]["site"] == "ams1", gone  # the last there was, with its age


def test_bad_answers(world):
    """Each has its reason, holds up neither the others nor the glass, and none leads anywhere else."""
    elsewhere = Site(world, 9000, reply(b'{"site":"redirected"}'))
    redirect = reply(b"", "302 Found", b"Location: http://127.0.0.9:9000/api/v1/status\r\n")

    def flood(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n{\"site\":\"flood\",\"x\":\"")
        while True:
            sock.sendall(b"x" * 65536)

    def headers(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            sock.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")

    rows = {
        "good": (reply(b'{"site":"good"}'), None),
        "redirect": (redirect, "status 302: redirects are not followed"),
        "garbage": (lambda s: (s.sendall(b"\0\xff garbage\r\n\r\n"), s.close()), "HTTP/0.9"),
        "nojson": (reply(b"<html>"), "not the status of a glass"),
        "list": (reply(b"[1]"), "not the status of a glass"),
        "deep": (reply(b"[" * 100000), "not the status of a glass"),
        "other": (reply(b'{"site":"fra9"}'), "the glass of another site"),
        "nodaemon": (reply(b'{"site":"nodaemon","daemon":{"status":null}}'), None),
        "sound": (reply(b'{"site":"sound","daemon":{"status":{"site":"sound","services":[{"name":"dns",'
                        b'"prefixes":[{"prefix":"192.0.2.0/24","upstreams":[{"name":"a"}]},{}]},{}]}}}'), None),
        "posing": (reply(b'{"site":"posing","daemon":{"status":{"site":"fra1","services":[]}}}'), "nearcastd"),
        "text": (reply(b'{"site":"text","daemon":"x"}'), "nearcastd"),
        "odd1": (reply(b'{"site":"odd1","daemon":{"status":{"site":"odd1","services":"x"}}}'), "nearcastd"),
        "odd2": (reply(b'{"site":"odd2","daemon":{"status":{"site":"odd2","services":[null]}}}'), "nearcastd"),
        "odd3": (reply(b'{"site":"odd3","daemon":{"status":{"site":"odd3","services":[{"prefixes":{}}]}}}'),
                 "nearcastd"),
        "odd4": (reply(b'{"site":"odd4","daemon":{"status":{"site":"odd4","services":[{"prefixes":'
                       b'[{"upstreams":[1]}]}]}}}'), "nearcastd"),
        "error": (reply(b'{"site":"error"}', "500 Oops"), "status 500"),
        "flood": (flood, "too large"),
        "headers": (headers, "too large"),
        "closes": (lambda s: s.close(), "."),
        "hangs": (lambda s: None, "timed out"),
    }
    fakes = {n: Site(world, 9001 + i, rows[n][0]) for i, n in enumerate(rows)}
    urls = {n: f"http://127.0.0.9:{9001 + i}" for i, n in enumerate(rows)}
    urls["gone"] = "http://127.0.0.9:8999"
    urls["nameless"] = "http://no-such-name.invalid"
    begin = time.monotonic()
    start(world, urls)
    for name in "good", "nodaemon", "sound":
        wait_site(8480, name, reachable=True)
    assert time.monotonic() - begin < 4, "one that hangs holds up the others"
    for name, (_, why) in rows.items():
        if why:
            harness.wait_for(name, lambda: site_of(8480, name)["error"] != "not asked yet", 15)
            s = site_of(8480, name)
            assert not s["reachable"] and s["status"] is None and re.search(why, s["error"]), s
    assert "name was not found" in site_of(8480, "nameless")["error"]
    assert "refused" in site_of(8480, "gone")["error"].lower() or \
        "connect" in site_of(8480, "gone")["error"].lower()
    assert elsewhere.asked == []
    assert set(fakes["garbage"].asked) == {"/api/v1/status"}
    session = glass.connect(A, 65001)  # and the glass does its work
    glass.announce(session, ["10.0.0.0/8"], [65001])
    harness.wait_for("its route", lambda: get(8480)["routes_ipv4"] == 1)


def test_tls(world):
    """Checked against the certificates named, which are read before the sandbox."""
    key, cert = world.folder / "key.pem", world.folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"site":"ams1"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 9443), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    start(world, {"ams1": "https://localhost:9443"}, extra=f", ca-file: {cert}")
    wait_site(8480, "ams1", reachable=True)
    start(world, {"ams1": "https://localhost:9443"}, site="fra2", port=8482, listen="127.0.0.7")
    harness.wait_for("asked", lambda: site_of(8482, "ams1")["error"] != "not asked yet")
    assert "certificate" in site_of(8482, "ams1")["error"].lower(), site_of(8482, "ams1")


def test_ends(world):
    """With transfers on their way."""
    Site(world, 9001, lambda s: None)
    g = start(world, {"hangs": "http://127.0.0.9:9001", "gone": "http://127.0.0.9:8999"})
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0


def test_configuration(world):
    text = glass.CONFIG.format(asn=65000, http="port: 8480",
                               neighbours=glass.neighbour("a", A, 65001))
    for sites, why in [
            ('{name: a, url: "ftp://a"}', "begins with http"),
            ('{name: a, url: "http://"}', "has a host"),
            ('{name: a, url: "http://user:secret@a/"}', "port|host"),
            ('{name: a, url: "http://a/?q=1"}', "plain path"),
            ('{name: a, url: "http://a/../b"}', "plain path"),
            ('{name: a, url: "http://a:0"}', "from 1 to 65535"),
            ('{name: a, url: "http://[::1"}', "IPv6"),
            ('{name: a, url: "http://[x]"}', "IPv6"),
            ('{name: a, url: "http://a b"}', "letters"),
            ('{name: fra1, url: "http://a"}', "is this site"),
            ('{name: a, url: "http://a"}, {name: a, url: "http://b"}', "another site"),
            ('{name: a, url: "http://a", ca-file: /x}', "https"),
            ('{name: a, url: "https://[2001:db8::1]:8443/glass/"}', None)]:
        path = world.file("c.yaml", text + f"sites: [{sites}]\n")
        run = subprocess.run([harness.BUILD / "nearglass/nearglass", "-n", "-c", path],
                             capture_output=True, text=True)
        assert run.returncode == (1 if why else 0), (sites, run)
        assert not why or re.search(rf"c\.yaml:\d+:\d+: .*({why})", run.stderr), (sites, run.stderr)


harness.main(globals())
