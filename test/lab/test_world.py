#!/usr/bin/python3
"""Whole worlds: what a run reports, what makes it fail, and that nothing is left behind.

Two networks 20 ms apart; the site is at the far one, the client at the near one:

	client -- near ==20 ms== far -- site
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import harness
import labworld
from labworld import LAB

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
TINY = """
title: Tiny
settle: 300ms
within: 15s
networks:
  - {name: near, as: 64496, city: Oslo, lat: 59.91, lon: 10.75}
  - {name: far, as: 64497, city: Rome, lat: 41.90, lon: 12.50}
links:
  - {a: near, b: far, relation: peer, delay: 20ms}
sites:
  - {name: rom1, city: Rome, lat: 41.90, lon: 12.50, announcer: bird, upstreams: [{network: far}]}
clients:
  - {name: oslo, network: near, family: both, timeout: 300ms}
start:
  - {clients: oslo, site: rom1}
"""
KILL = """
timeline:
  - {at: 0s, event: kill, target: rom1/dns, expect: [{clients: oslo, site: %s}]}
"""
CUT = """
timeline:
  - {at: 0s, event: link-down, target: near/far, expect: [{clients: oslo, site: none}]}
  - {at: 0s, event: link-up, target: near/far, expect: [{clients: oslo, site: rom1}]}
  - {at: 0s, event: kill, target: rom1/bird, expect: [{clients: oslo, site: none}]}
  - {at: 0s, event: start, target: rom1/bird, expect: [{clients: oslo, site: rom1}]}
"""
# A second site, and daemons that watch both.
TWO = TINY.replace("announcer: bird, ", "").replace("clients:\n  - {name", """  - name: osl1
    city: Oslo
    lat: 59.91
    lon: 10.75
    dns: knot
    upstreams: [{network: near}]
nearcast: |
  services:
    - name: dns
      prefixes: [198.51.100.0/24, "2001:db8:53::/48"]
      addresses: [198.51.100.53, "2001:db8:53::53"]
      checks:
        - {kind: dns, server: 198.51.100.53, query: example.org, interval: 1s, fast-interval: 50ms}
clients:
  - {name""").replace("site: rom1}", "site: osl1}") + """
timeline:
  - {at: 0s, event: run, target: rom1, command: ["true"], announced: [osl1, rom1]}  # who is to take over stands ready
  - {at: 0s, event: kill, target: osl1/dns,
     expect: [{clients: oslo, site: rom1, max-outage: 2s}]}
  - {at: 0s, event: term, target: rom1/nearcastd, expect: [{clients: oslo, site: none}]}
"""


def begin(world):
    labworld.begin(world, "knotd")


def run(world, text, *options):
    path = world.file("tiny.yaml", text)
    done = subprocess.run([LAB, "run", "--no-web", *options, path], capture_output=True, text=True, timeout=90)
    return done.returncode, done.stdout, done.stderr


def processes(world):
    """Command lines that name this test's folder, of whatever belongs to its worlds."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            continue
        if str(world.folder) in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def assert_nothing_left(world):
    harness.wait_for("the processes of the world to be gone", lambda: not processes(world))
    assert not (world.folder / "worlds").exists(), list((world.folder / "worlds").rglob("*"))


def test_run(world):
    """A crash of the only site: the report says what happened, to the number."""
    begin(world)
    status, out, err = run(world, TINY + KILL % "none", "-j")
    assert status == 0, out + err
    report = json.loads(out)
    assert report["ok"] and report["scenario"] == "tiny", report
    assert report["link_delay"] in ("netem", "delay line"), report
    start = report["start"]["clients"][0]
    assert start["answered_after"] == "rom1", start
    assert 40 <= start["rtt_after_ms"] < 45, start
    event, = report["events"]
    assert (event["event"], event["target"]) == ("kill", "rom1/dns"), event
    client, = event["clients"]
    assert client["answered_before"] == "rom1" and client["answered_after"] is None, client
    assert client["outage_open"] and client["outage_ms"] >= 300, client
    # Answers on their way at the crash still arrive; all that was asked later is lost.
    assert client["queries_sent"] > client["queries_lost"] >= 60, client
    assert_nothing_left(world)


def test_wrong_expectation(world):
    """The same crash, expected to go unnoticed: exit status 1, and the reason beside the client."""
    begin(world)
    text = TINY.replace("within: 15s", "within: 5s") + KILL % "rom1"
    status, out, err = run(world, text)
    assert status == 1, out + err
    assert "FAILED (wrong-site)" in out, out
    assert "FAILED: 1 of 2 steps" in out, out
    assert_nothing_left(world)


def test_broken_promise(world):
    """Who answers is right in the end, but not soon enough."""
    begin(world)
    text = TINY + CUT.replace("up, target: near/far, expect: [{clients: oslo, site: rom1}",
                              "up, target: near/far, expect: [{clients: oslo, site: rom1, max-lost: 0}")
    status, out, err = run(world, text, "-j")
    assert status == 1, out + err
    report = json.loads(out)
    assert [e["ok"] for e in report["events"]] == [True, False, True, True], report
    assert report["events"][1]["clients"][0]["verdict"] == "lost", report
    assert report["events"][3]["clients"][0]["answered_after"] == "rom1", report


def test_daemons(world):
    """Daemons find out about a crash by themselves, and clients go to the other site."""
    begin(world)
    harness.needs(str(harness.BUILD / "nearcastd/nearcastd"))
    status, out, err = run(world, TWO, "-j")
    assert status == 0, out + err
    _, kill, term = json.loads(out)["events"]
    assert kill["reaction"] == "withdrawn" and kill["reaction_ms"] < 2000, kill
    client = kill["clients"][0]
    assert (client["answered_before"], client["answered_after"]) == ("osl1", "rom1"), kill
    assert term["reaction"] == "announced", term  # as draining
    assert "socket_closed dns" in err, err
    assert_nothing_left(world)


def started(world, *command):
    """A lab in its own process, once its client was answered for the first time."""
    path = world.file("tiny.yaml", TINY.replace("300ms\nwithin", "60s\nwithin"))
    lab = world.start(LAB, *command, path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                      text=True)
    for line in lab.stderr:
        if "answered by rom1" in line:
            return lab
    raise AssertionError("ended before its client was answered")


def test_interrupted(world):
    """Also by who is impatient, and by a terminal that goes."""
    begin(world)
    for numbers in ((signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,), 5 * (signal.SIGINT, signal.SIGTERM)):
        lab = started(world, "run", "--no-web")
        assert processes(world)
        for number in numbers:
            lab.send_signal(number)
        assert lab.wait(timeout=20) == 1
        assert_nothing_left(world)


def test_nohup(world):
    """A lab that was started to outlive its terminal does."""
    begin(world)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lab = started(world, "run", "--no-web")
    signal.signal(signal.SIGHUP, before)
    ignored = re.search(r"SigIgn:\s*(\w+)", Path(f"/proc/{lab.pid}/status").read_text())[1]
    assert int(ignored, 16) & 1 << signal.SIGHUP - 1, ignored


def test_reader_gone(world):
    """Nobody reads the report any more, as with `| head`: the run ends, and in order."""
    begin(world)
    text = TINY + CUT.replace("at: 0s, event: link-down", "at: 1h, event: link-down").replace("at: 0s", "at: 2h")
    lab = world.start(LAB, "run", "--no-web", world.file("tiny.yaml", text), stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    assert lab.stdout.readline() == "Tiny\n"
    lab.stdout.close()
    _, err = lab.communicate(timeout=60)
    assert lab.returncode == 1 and "cannot write to standard output" in err, err
    assert_nothing_left(world)


def without(world, *programs):
    """A command that runs another one where those programs are no programs."""
    empty = world.file("no-program", "")
    covered = " && ".join(f"mount --bind {empty} {os.path.realpath(shutil.which(p, path=PATH))}" for p in programs)
    return ["unshare", "--mount", "sh", "-c", f'{covered} && exec "$@"', "sh"]


def test_missing_programs(world):
    """All of them are named at once, with their packages, before anything is made."""
    begin(world)
    harness.needs("nginx", "gtlsserver", "gtlsclient", "unshare", "mount")
    text = TINY.replace("announcer: bird,", "announcer: bird, web: nginx, quic: ngtcp2,") + """
sessions:
  - {name: quic, clients: oslo, kind: quic, size: 1M}
"""
    hide = without(world, "bird", "nsd", "nginx", "gtlsserver", "gtlsclient")
    done = subprocess.run([*hide, LAB, "run", "--no-web", world.file("tiny.yaml", text)], capture_output=True, text=True,
                          timeout=60)
    wanted = {f"{name} is not installed (Debian package {package})" for name, package in (
        ("bird", "bird2"), ("nsd", "nsd"), ("nginx", "nginx"), ("gtlsserver", "ngtcp2-server"),
        ("gtlsclient", "ngtcp2-client"))}
    assert done.returncode == 1, done
    assert {line.removeprefix("nearcast-lab: ") for line in done.stderr.splitlines()} == wanted, done.stderr
    assert_nothing_left(world)


def test_no_room(world):
    """More to transfer than the disk takes is said at once, not by sessions that break."""
    begin(world)
    harness.needs("nginx")
    text = TINY.replace("announcer: bird,", "announcer: bird, web: nginx,") + """
sessions:
  - {name: fetch, clients: oslo, kind: download, size: 8M}
  - {name: store, clients: oslo, kind: upload, size: 8M, duration: 1s}
"""
    small = world.folder / "small"
    small.mkdir()
    os.environ["NEARCAST_LAB_DIR"] = str(small / "worlds")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=20m none "$0" && "$@"; ls -A "$0"',
                           small, LAB, "run", "--no-web", world.file("tiny.yaml", text)],
                          capture_output=True, text=True, timeout=60)
    # One file to fetch, and one that each of two uploads leaves.
    assert f"takes 26 MB in {small}/worlds/tiny, where 20 MB are free" in done.stderr, done
    assert done.stdout == "Tiny\n", done.stdout


def test_killed(world):
    """SIGKILL leaves no process, and the next run removes the directory."""
    begin(world)
    lab = started(world, "run", "--no-web")
    lab.kill()
    lab.wait()
    harness.wait_for("no processes", lambda: not processes(world))
    assert (world.folder / "worlds/tiny").exists()
    status, out, err = run(world, TINY)
    assert status == 0, out + err
    assert_nothing_left(world)


def test_init_killed(world):
    """The process that holds the world together takes everything along; the lab cleans up."""
    begin(world)
    lab = started(world, "run", "--no-web")
    init = int((world.folder / "worlds/tiny/world").read_text())
    os.kill(init, signal.SIGKILL)
    assert lab.wait(timeout=20) == 1
    assert lab.stderr.read().endswith("nearcast-lab: world tiny was ended by somebody else\n")
    assert_nothing_left(world)


def lab(*arguments):
    return subprocess.run([LAB, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_kept(world):
    """A world that is kept ends by `down` as well as by Ctrl-C, and the verdict stays what it was."""
    begin(world)
    for text, verdict in ((TINY, 0), (TINY.replace("15s", "5s") + KILL % "rom1", 1)):
        kept = world.start(LAB, "run", "-k", "--no-web", world.file("tiny.yaml", text), stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True)
        assert any("Ctrl-C ends it" in line for line in kept.stderr)
        assert lab("exec", "oslo", "true").returncode == 0
        assert lab("down", "tiny").returncode == 0
        assert (kept.wait(timeout=20), kept.stderr.read()) == (verdict, "The world was ended.\n"), (verdict, kept.returncode)
        assert_nothing_left(world)


def test_page(world):
    """The page of a world on loopback: clients and sites, live; nothing of it is left behind."""
    begin(world)
    harness.needs(str(harness.BUILD / "nearglass/nearglass"))
    world.folder.chmod(0o755)
    taken = socket.create_server(("127.0.0.1", 8480))  # a page of another world
    path = world.file("tiny.yaml", TWO.replace("{at: 0s, event: kill", "{at: 3s, event: kill").replace(
        "{at: 0s, event: term", "{at: 5s, event: term"))
    lab = subprocess.Popen([LAB, "run", "-k", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    world.processes.append(lab)
    url = next(line.split()[-1] for line in lab.stderr if line.startswith("The page of this world: "))
    assert url.startswith("http://127.0.0.1:") and ":8480/" not in url, url
    taken.close()
    said = []
    threading.Thread(target=lambda: said.extend(lab.stderr), daemon=True).start()

    def get(what):
        try:
            with urllib.request.urlopen(url + "api/v1/" + what, timeout=5) as reply:
                return json.load(reply)
        except OSError:
            return {}

    at = lambda: {(c["client"], c["site"]) for c in get("catchment").get("clients", ())}
    both = lambda site: {("oslo IPv4", site), ("oslo IPv6", site)}
    harness.wait_for("the clients", lambda: at() == both("osl1"))
    harness.wait_for("nobody answers at the end", lambda: at() == both(None), 40)
    harness.wait_for("the last word", lambda: any("Ctrl-C" in line for line in said))
    moves = [(e["from"], e["to"]) for e in get("history?type=catchment&limit=1000")["events"]]
    assert {("osl1", "rom1"), ("rom1", None)} <= set(moves), moves
    status = get("status")
    assert [n["name"] for n in status["neighbours"] if n["state"] == "Established"] == ["far"], status["neighbours"]
    other = status["sites"][0]
    assert other["name"] == "osl1" and other["reachable"], other
    assert status["routes_ipv4"] > 0 and status["routes_ipv6"] > 0
    chain = {e["type"] for e in get("events")["events"] if e["site"] == "osl1"}  # of the followed site
    assert {"socket_closed", "health_changed", "decided", "withdrawn"} <= chain, chain
    assert any(line.startswith(f"The page: {url}") for line in said), said
    lab.send_signal(signal.SIGINT)
    assert lab.wait(timeout=20) == 0
    assert_nothing_left(world)
    assert get("status") == {}


def test_no_page(world):
    """The control: with --no-web there is neither a glass nor a port."""
    begin(world)
    status, out, err = run(world, TINY)
    assert status == 0 and "page" not in err, err
    status, out, err = run(world, TWO)
    assert status == 0 and "page" not in err and "glass" not in err, err


def test_up(world):
    """A world that stays: commands in its nodes, one world a name, and its end."""
    begin(world)
    path = world.file("tiny.yaml", TINY)
    up = lab("up", "--no-web", path)
    assert up.returncode == 0, up
    assert lab("exec", "near", "sh", "-c", "exit 7").returncode == 7
    routes = lab("exec", "near", "birdc", "-s", "bird.ctl", "show", "route", "all")
    assert "64497 64500" in routes.stdout, routes
    assert "far" in lab("exec", "oslo", "ip", "netns", "list").stdout
    missing = lab("exec", "nowhere", "true")
    assert missing.returncode == 1 and "no node `nowhere`" in missing.stderr, missing
    again = lab("run", path)
    assert again.returncode == 1 and "is up already" in again.stderr, again
    assert lab("down").returncode == 0
    assert_nothing_left(world)
    assert lab("down").returncode == 1


def test_usage(world):
    assert lab().returncode == 2
    assert lab("fly").returncode == 2
    assert lab("run").returncode == 2
    assert lab("run", "-x", "tiny").returncode == 2
    assert lab("run", "no-such-scenario").returncode == 1
    bad = lab("run", world.file("bad.yaml", TINY + "timline: []\n"))
    assert bad.returncode == 1 and "did you mean `timeline`?" in bad.stderr, bad


def test_shipped_scenarios(world):
    """Those in the source tree load, and can be drawn."""
    for path in sorted((harness.ROOT / "lab/scenarios").glob("*.yaml")):
        drawn = lab("graph", path)
        assert drawn.returncode == 0 and drawn.stdout.endswith("</svg>\n"), drawn.stderr


harness.main(globals(), at_once=4)
