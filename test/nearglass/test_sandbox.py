#!/usr/bin/python3
"""What a nearglass that was taken over could still do: nothing with files, processes or privileges."""

import re
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import glass
import harness

A = "127.0.0.2"


def status_of(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if ":\t" in line)


def needs_sandbox():
    if harness.is_sanitized("nearglass/nearglass"):
        raise harness.Skip("a build with sanitizers shuts nothing in: they open files when they report")


def test_every_thread_is_shut_in(world):
    """As root it becomes another user; no thread is left with a capability or without a filter."""
    needs_sandbox()
    world.folder.chmod(0o755)
    g = glass.Glass(world, glass.neighbour("a", A, 65001) + "user: nobody\n")
    a = glass.connect(A, 65001)
    glass.announce(a, ["10.0.0.0/8"], [65001])
    g.wait_routes(1)
    threads = list(Path(f"/proc/{g.process.pid}/task").iterdir())
    assert len(threads) >= 3, threads
    assert "runs as root" not in g.log_path.read_text()
    for thread in threads:
        s = status_of(f"{g.process.pid}/task/{thread.name}")
        assert s["Seccomp"] == "2" and s["NoNewPrivs"] == "1", s
        assert s["CapEff"] == s["CapPrm"] == "0" * 16, s
        assert s["Uid"].split() == ["65534"] * 4 and s["Groups"].split() in ([], ["65534"]), s


def test_capabilities_of_the_unit(world):
    """What etc/nearglass.service leaves to root is enough for all that is opened before the user changes."""
    harness.needs("setpriv")
    needs_sandbox()
    unit = (harness.ROOT / "etc/nearglass.service.in").read_text()
    kept = [c[4:].lower() for c in re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()]
    folder = world.folder
    folder.chmod(0o755)
    text = glass.CONFIG.format(asn=65000, http=f"socket: {folder}/http",
                               neighbours=glass.neighbour("a", A, 65001)) + (
        f"user: nobody\ncatchment: {{listen: {folder}/clients}}\nhistory: {{file: {folder}/h.db}}\n"
        "probes: {source: 127.0.0.1}\n")
    path = world.file("c.yaml", text)

    def start(capabilities):
        bounds = ",".join(["-all"] + ["+" + c for c in capabilities])
        return world.start("setpriv", "--bounding-set", bounds, harness.BUILD / "nearglass/nearglass",
                           "-c", path, stderr=-1)

    # The control: one less.
    _, error = start([c for c in kept if c != "chown"]).communicate(timeout=harness.WAIT_S)
    assert b"cannot give" in error, error
    process = start(kept)

    def is_in():
        assert process.poll() is None, process.stderr.read()
        return status_of(process.pid)["Uid"].split()[0] == "65534" and \
            status_of(process.pid)["Seccomp"] == "2"
    harness.wait_for("it to be inside", is_in)
    assert (folder / "clients").stat().st_uid == 65534
    process.terminate()
    assert process.wait(harness.WAIT_S) == 0


def test_stopped_while_it_starts(world):
    """A SIGTERM that comes between what is opened first and the loop is an orderly end, too."""
    socket = world.folder / "http"
    path = world.file("c.yaml", glass.CONFIG.format(asn=65000, http=f"socket: {socket}",
                                                    neighbours=glass.neighbour("a", A, 65001)))
    for _ in range(10):
        process = world.start(harness.BUILD / "nearglass/nearglass", "-c", path, stderr=-3)
        while not socket.exists():
            assert process.poll() is None
        process.terminate()
        assert process.wait(harness.WAIT_S) == 0
        socket.unlink(missing_ok=True)


def test_unknown_user(world):
    text = glass.CONFIG.format(asn=65000, http="port: 8480",
                               neighbours=glass.neighbour("a", A, 65001) + "user: nobody-at-all\n")
    process = world.start(harness.BUILD / "nearglass/nearglass", "-c", world.file("c.yaml", text),
                          stderr=-1)
    _, error = process.communicate(timeout=harness.WAIT_S)
    assert process.returncode == 1 and b"there is no user `nobody-at-all`" in error, error


def test_works_inside(world):
    """What the sandbox must not break: opening sessions, patterns, many clients, a clean end."""
    listener = glass.bgp.Neighbour(world, A)
    g = glass.Glass(world, glass.neighbour("a", A, 65001).replace("passive: yes", "passive: no"))
    session = listener.accept()
    session.establish(asn=65001)
    glass.announce(session, ["10.0.0.0/8"], [65001, 65020])
    g.wait_routes(1, path="_65020$")
    assert "runs as root; `user` names" in g.log_path.read_text()
    for _ in range(300):
        assert g.routes(origin=65020)
    g.process.terminate()
    assert g.process.wait(harness.WAIT_S) == 0
    assert re.search(r"neighbour-up a", g.log_path.read_text())


harness.main(globals())
