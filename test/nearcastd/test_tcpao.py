#!/usr/bin/python3
"""TCP-AO (RFC 5925) on a kernel that does not have it: what wants it is refused, and never runs without."""

import errno
import socket
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
import site_config as site

TCP_AO_INFO = 40
WHY = "upstream `a` wants TCP-AO: this kernel does not have it"


def needs_kernel_without():
    with socket.socket() as s:
        try:
            s.getsockopt(socket.IPPROTO_TCP, TCP_AO_INFO, 48)
        except OSError as error:
            if error.errno == errno.ENOPROTOOPT:
                return
    raise harness.Skip("this kernel has TCP-AO")


def config(world, keys="[{{id: 1, key-file: {key}}}]"):
    key = world.file("a.key", "s3cret\n")
    key.chmod(0o600)
    return site.config(world, site.upstream(more=", tcp-ao: " + keys.format(key=key)))


def nearcastd(world, *options):
    path = world.file("nearcast.yaml", config(world) + f"control: {world.folder}/c\n"
                      f"readonly: {world.folder}/r\n")
    return subprocess.run([harness.BUILD / "nearcastd/nearcastd", *options, "-c", path],
                          capture_output=True, text=True, timeout=harness.WAIT_S)


def test_start_is_refused(world):
    needs_kernel_without()
    neighbour = bgp.Neighbour(world)
    done = nearcastd(world)
    assert done.returncode == 1 and WHY in done.stderr, done
    neighbour.listener.setblocking(False)
    try:
        neighbour.listener.accept()
        raise AssertionError("it connected without TCP-AO")
    except BlockingIOError:
        pass


def test_check_warns(world):
    needs_kernel_without()
    done = nearcastd(world, "-n")
    assert done.returncode == 0 and "valid" in done.stdout, done
    assert done.stderr.startswith("nearcastd: warning: ") and WHY in done.stderr, done


def test_reload_is_refused(world):
    needs_kernel_without()
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world))
    session = neighbour.accept()
    session.establish()
    session.next_update()
    refused = daemon.reload(config(world))
    assert not refused.get("ok") and WHY in str(refused), refused
    daemon.wait_event("reload_refused")
    (upstream,) = daemon.status()["upstreams"]
    assert upstream["state"] == "Established" and upstream["protection"] is None, upstream


def test_status_says_md5(world):
    """The control: what the kernel has is taken, and shown."""
    key = world.file("a.key", "s3cret\n")
    key.chmod(0o600)
    daemon = harness.Daemon(world, site.config(world, site.upstream(more=f", password-file: {key}")))
    assert daemon.status()["upstreams"][0]["protection"] == "tcp-md5"


harness.main(globals())
