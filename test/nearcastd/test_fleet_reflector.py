#!/usr/bin/python3
"""Real reflectors between real nodes, with the configurations of doc/fleet.md."""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import harness
from fleet_site import PREFIX, Node, own_address, state

DOC = (harness.ROOT / "doc/fleet.md").read_text()


def example(name):
    """The block of the manual, with this test's addresses."""
    text = re.search(rf"<!-- test: {name} -->\n```\n(.*?)```", DOC, re.S)[1]
    return text.replace("192.0.2.", "10.9.0.")


def bird(world):
    harness.needs("bird", "birdc")
    control = world.folder / "bird.ctl"
    # Alone on the machine it would listen on all addresses; here nodes listen too.
    config = example("bird").replace("\trr client;", "\trr client;\n\tstrict bind;\n"
                                     "\tconnect delay time 1;")
    world.start("/usr/sbin/bird", "-f", "-c", world.file("bird.conf", config), "-s", control, "-P",
                world.folder / "bird.pid", stderr=subprocess.DEVNULL)
    return lambda: subprocess.run(
        ["/usr/sbin/birdc", "-s", control, "show", "route", PREFIX, "all"], capture_output=True,
        text=True, check=False).stdout.replace(", ", ":").replace("(", "").replace(")", "")


def frr(world):
    harness.needs("vtysh", "/usr/lib/frr/bgpd")
    os.chmod(world.folder, 0o777)  # bgpd drops its privileges where it can
    world.start("/usr/lib/frr/bgpd", "-Z", "-S", "-l", "10.9.0.250", "--vty_socket", world.folder,
                "-i", world.folder / "pid", "-z", world.folder / "zebra", "-f",
                world.file("frr.conf", example("frr")), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
    return lambda: subprocess.run(
        ["vtysh", "--vty_socket", world.folder, "-c", f"show bgp ipv4 unicast {PREFIX}"],
        capture_output=True, text=True, check=False).stdout


def reflects(world, start):
    own_address(250)
    show = start(world)
    one = Node(world, 11, [250], site="fra1", name="fra1-a")
    two = Node(world, 12, [250], site="ams1", name="ams1-a")
    for node, other in ((one, "ams1-a"), (two, "fra1-a")):
        node.wait("announced")
        harness.wait_for("the other", lambda n=node, o=other: n.fleet().get(o, {}).get(
            "standing") == "able", 30)
    assert all(n.daemon.status()["fleet_sessions"][0]["reflector"] for n in (one, two))
    # What a person reads there is what the manual says: the states of both, in communities.
    text = show()
    for number, site in ((11, "fra1"), (12, "ams1")):
        values = state(number, site, f"{site}-a")
        for key, value in values.items():
            assert key == 9012 or f"64500:{key}:{value}" in text, (key, value, text)
    # One fails: told, then gone; the other is held when it fails too.
    two.set_up(False)
    two.wait("withdrawn", "check-failed")
    harness.wait_for("the news", lambda: one.fleet()["ams1-a"]["announce"] == "withdrawn")
    text = show()
    assert "64500:9002:4" in text and "64500:9005:0" in text, text
    one.set_up(False)
    harness.wait_for("one of them held", lambda: {one.reason(), two.reason()} & {"guard-hold"})
    for node in (one, two):
        node.set_up(True)
        node.wait("announced", "healthy")
        assert node.daemon.status()["fleet_sessions"][0]["refused"] == {}


def test_bird(world):
    reflects(world, bird)


def test_frr(world):
    reflects(world, frr)


if __name__ == "__main__":
    harness.main(globals())
