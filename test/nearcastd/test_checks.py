#!/usr/bin/python3
"""Kinds of checks against real servers, through the daemon: each expectation once met, and once
not, with the reason that operators read."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import harness
import nsd
import site_config as site

SERVICE = "198.51.100.53"
CLONE_NEWNS = 0x20000

KNOT = """\
server:
    listen: {address}@53
    identity: fra1-a
    nsid: fra1-a
    rundir: {folder}
database:
    storage: {folder}
log:
  - target: {folder}/knot.log
    any: info
zone:
  - domain: example.org
    storage: {folder}
    file: example.org.zone
"""


def start_nsd(world, serial):
    world.start(*nsd.command(world, SERVICE, serial), stderr=subprocess.DEVNULL)


def start_knot(world, serial):
    harness.needs("knotd")
    world.file("example.org.zone", nsd.ZONE.format(serial=serial))
    path = world.file("knot.conf", KNOT.format(address=SERVICE, folder=world.folder))
    world.start("/usr/sbin/knotd", "-c", path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start(world, *checks):
    timing = "interval: 100ms, timeout: 90ms, fall: 1, rise: 1"
    config = site.config(world).split("\n")
    at = next(i for i, line in enumerate(config) if "kind: file" in line)
    config[at:at + 1] = [f"      - {{name: c{n}, {check}, {timing}}}"
                         for n, check in enumerate(checks)]
    return harness.Daemon(world, "\n".join(config))


def results(daemon):
    return [(c["result"], c["reason"]) for c in daemon.status()["services"][0]["checks"]]


def expect(daemon, *wanted):
    wanted = list(wanted)
    try:
        harness.wait_for("the verdicts", lambda: results(daemon) == wanted)
    except AssertionError:
        checks = daemon.status()["services"][0]["checks"]
        raise AssertionError([(c["name"], c["result"], c["reason"], c["detail"]) for c in checks])


UP = ("up", "ok")


def identity_and_age(world, start_server):
    start_server(world, int(time.time()) - 600)
    ask = f"kind: dns, server: {SERVICE}"
    daemon = start(world, f"{ask}, expect-id: fra1-a", f"{ask}, expect-id: ams1-a",
                   f"{ask}, query: example.org, expect-nsid: fra1-a",
                   f"{ask}, query: example.org, expect-nsid: ams1-a",
                   f"{ask}, query: example.org, max-serial-age: 1h",
                   f"{ask}, query: example.org, max-serial-age: 5m",
                   f"{ask}, query: example.org, expect-ad: yes",
                   f"{ask}, query: example.org, tcp: yes, expect-nsid: fra1-a")
    expect(daemon, UP, ("down", "wrong-node"), UP, ("down", "wrong-node"), UP, ("down", "stale"),
           ("down", "not-validated"), UP)


def test_nsd(world):
    identity_and_age(world, start_nsd)


def test_knot(world):
    identity_and_age(world, start_knot)


def certificate(world, days):
    key, crt = world.folder / f"{days}.key", world.folder / f"{days}.crt"
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", key,
                    "-out", crt, "-days", str(days), "-subj", "/CN=www.example.org", "-addext",
                    "subjectAltName=DNS:www.example.org"], check=True, stderr=subprocess.DEVNULL)
    return key, crt


def serve_tls(world, address, days):
    key, crt = certificate(world, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    listener = socket.create_server((address, 0))
    world.closers.append(listener.close)

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # the case is over
                return
            try:
                with context.wrap_socket(client, server_side=True) as tls:
                    if tls.recv(1000):
                        tls.sendall(b"HTTP/1.0 200 OK\r\n\r\nready\n")
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    return crt, listener.getsockname()[1]


def test_tls_and_https(world):
    harness.needs("openssl")
    crt, port = serve_tls(world, "127.0.0.1", 30)
    tls = f"kind: tls, server: 127.0.0.1, port: {port}, host: www.example.org"
    http = "kind: http, server: 127.0.0.1"
    daemon = start(
        world, f"{tls}, ca-file: {crt}", f"{tls}, ca-file: {crt}, min-days: 60", tls,
        f"{http}, url: 'https://www.example.org:{port}/', ca-file: {crt}, expect-body: ready",
        f"{http}, url: 'https://www.example.net:{port}/', ca-file: {crt}",
        f"{http}, url: 'https://www.example.org:{port}/'")
    bad = ("down", "bad-certificate")
    expect(daemon, UP, ("down", "expires"), bad, UP, bad, bad)


def trust(crt):
    """Make this process's view of the system trust that certificate, and no other."""
    if harness.LIBC.unshare(CLONE_NEWNS) != 0:
        raise harness.Skip("cannot make a mount namespace")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    named = subprocess.run(["openssl", "x509", "-in", crt, "-hash", "-noout"], check=True,
                           capture_output=True, text=True).stdout.strip()
    text = crt.read_text()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/etc/ssl/certs"], check=True)
    Path(f"/etc/ssl/certs/{named}.0").write_text(text)


def test_trust_of_the_system(world):
    harness.needs("openssl")
    crt, port = serve_tls(world, "127.0.0.1", 30)
    other, other_port = serve_tls(world, "127.0.0.1", 31)
    trust(crt)
    url = "kind: http, server: 127.0.0.1, url: 'https://www.example.org"
    tls = "kind: tls, server: 127.0.0.1, host: www.example.org, port:"
    daemon = start(world, f"{url}:{port}/'", f"{url}:{other_port}/'", f"{tls} {port}",
                   f"{tls} {other_port}",
                   # ca-file stands in place of what the system trusts
                   f"{url}:{port}/', ca-file: {other}", f"{tls} {port}, ca-file: {other}")
    bad = ("down", "bad-certificate")
    expect(daemon, UP, bad, UP, bad, bad, bad)


def test_icmp(world):
    subprocess.run(["ip", "route", "add", "unreachable", "203.0.113.0/24"], check=True)
    daemon = start(world, "kind: icmp, server: 127.0.0.1", "kind: icmp, server: '::1'",
                   "kind: icmp, server: 203.0.113.1, scope: dependency")
    expect(daemon, UP, UP, ("down", "unreachable"))
    service = daemon.status()["services"][0]
    assert service["health"] == "degraded", service
    assert service["prefixes"][0]["announce"] == "demoted", "a dependency can only degrade"


harness.main(globals())
