#!/usr/bin/python3
"""The glass on a Unix socket, behind a web server that says who asks."""

import http.client
import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import glass
import harness
from chain import HERE, chain

A = "127.0.0.2"

NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://unix:{folder}/glass/http;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("glass", timeout=harness.WAIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Glass(glass.Glass):
    """Asked at its socket."""

    def __init__(self, world, more="", probes=""):
        self.socket = world.folder / "glass/http"
        super().__init__(world, glass.neighbour("a", A, 65001) + probes,
                         http=f"socket: {self.socket}{more}")

    def fetch(self, path, method="GET", **headers):
        c = UnixConnection(self.socket)
        c.request(method, path, headers=headers)
        r = c.getresponse()
        body = r.read()
        c.close()
        return r.status, r.headers, body


def ping(g, forwarded=None):
    headers = {"X-Forwarded-For": forwarded} if forwarded is not None else {}
    return g.fetch("/api/v1/probe?kind=ping&target=20.0.1.2", **headers)[0]


def test_unix_socket(world):
    g = Glass(world)
    assert stat.S_IMODE(g.socket.stat().st_mode) == 0o666
    assert g.get("/api/v1/status")["site"] == "fra1"
    text = g.path.read_text().replace('listen: [127.0.0.1, "::1"]', "listen: []").replace("passive: yes", "passive: no")

    def refused(path):
        file = world.file("c.yaml", text.replace(str(g.socket), str(path)))
        run = subprocess.run([harness.BUILD / "nearglass/nearglass", "-c", file], capture_output=True, text=True,
                             timeout=harness.WAIT_S)
        assert run.returncode == 1, run
        return run.stderr

    assert f"another glass answers at {g.socket}" in refused(g.socket)
    g.process.kill()
    g.process.wait()
    Glass(world)  # the socket that was left is no obstacle
    g.socket.parent.joinpath("file").write_text("mine")
    for path, why in (g.socket.parent / "file", "is no socket"), ("relative", "absolute path"), \
            (g.socket.parent / ("x" * 98), "c.yaml:5"), ("/nowhere/at/all", "No such file"):
        assert why in refused(path), path
    assert g.socket.parent.joinpath("file").read_text() == "mine"


def test_forwarded(world):
    """Probes are counted for the client that the last hop saw."""
    chain(world)
    g = Glass(world, ", forwarded: yes",
              f"probes: {{source: {HERE}, per-client: 1, per-target: 100, in-all: 100}}\n")
    assert ping(g, "20.0.3.2") == 200
    assert ping(g, "20.0.3.2") == 429
    assert ping(g, "20.0.3.3, 20.0.3.2") == 429  # what a client wrote itself stands in front
    assert ping(g, "20.0.3.2,20.0.3.3") == 200
    assert ping(g, "2a00:3::2") == 200
    assert ping(g, "2a00:3::ffff:2") == 429  # the same /64
    assert ping(g, "2a00:3:0:1::2") == 200
    for odd in "", "unknown", "20.0.3.4:1234", "," * 500:  # then it is the web server that asks, once
        assert ping(g, odd) == (200 if odd == "" else 429), odd


def test_not_forwarded(world):
    """Without the key nobody is asked to believe the header."""
    chain(world)
    g = Glass(world, "",
              f"probes: {{source: {HERE}, per-client: 1, per-target: 100, in-all: 100}}\n")
    assert [ping(g, "20.0.3.2"), ping(g, "20.0.3.3")] == [200, 429]
    text = glass.CONFIG.format(asn=65000, http="address: 0.0.0.0, forwarded: yes", neighbours="  []\n")
    run = subprocess.run([harness.BUILD / "nearglass/nearglass", "-n", "-c", world.file("c.yaml", text)],
                         capture_output=True, text=True, timeout=harness.WAIT_S)
    assert run.returncode == 1 and "Unix socket or loopback" in run.stderr, run


def test_behind_nginx(world):
    harness.needs("nginx")
    chain(world)
    g = Glass(world, ", forwarded: yes, hosts: [localhost, glass]",
              f"probes: {{source: {HERE}, per-client: 1, per-target: 100, in-all: 100}}\n")
    nginx = world.start("nginx", "-p", world.folder, "-c",
                        world.file("nginx.conf", NGINX.format(folder=world.folder, port=glass.PORT)))
    front = glass.Glass.fetch

    def answers():
        assert nginx.poll() is None
        try:
            return front(g, "/")[0] == 200
        except OSError:
            return False

    harness.wait_for("nginx", answers)
    assert front(g, "/", host="elsewhere")[0] == 421
    # Events pass as they come.
    c = http.client.HTTPConnection("127.0.0.1", glass.PORT, timeout=harness.WAIT_S)
    c.request("GET", "/events", headers={"Host": "localhost"})
    r = c.getresponse()
    a = glass.connect(A, 65001)
    while True:
        line = r.readline()
        if line.startswith(b"data: ") and json.loads(line[6:])["type"] == "neighbour-up":
            break
    c.close()
    probe = "/api/v1/probe?kind=ping&target=20.0.1.2"
    assert [front(g, probe)[0], front(g, probe)[0]] == [200, 429]
    # A client cannot pass for another.
    assert front(g, probe, **{"X-Forwarded-For": "20.0.3.9"})[0] == 429
    a.close()


harness.main(globals())
