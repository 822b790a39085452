#!/usr/bin/python3
"""Sessions live on when their packets reach another node: routes that shift, flap and spray, nodes that
drain, restart and die; and without a keeper they do not."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import keeperworld  # noqa: E402
import harness  # noqa: E402
from keeperworld import Sites  # noqa: E402


def unbroken(result, least):
    assert result["sessions"] >= least, result
    assert result["broken"] == [], result


def test_shift(world):
    sites = Sites(world)
    for family in (4, 6):
        client = sites.sessions(family)
        sites.to(12)
        result = sites.result(client)
        unbroken(result, 60)
        assert result["servers"] == ["n11"], result
        sites.to(11)
    assert sites.nodes[12].counters()["forward-stamp"] > 1000
    assert sites.nodes[11].counters()["received-local"] > 1000
    # The owner vouched for the flows.
    assert sites.nodes[12].counters()["notice"] > 50


def test_shift_without_keeper(world):
    """The control."""
    sites = Sites(world, keeper=False)
    client = sites.sessions(seconds=2, megabytes=400)
    sites.to(12)
    result = sites.result(client)
    assert len(result["broken"]) == result["sessions"], result


def test_flap(world):
    sites = Sites(world)
    client = sites.sessions(seconds=3)
    for i in range(30):
        sites.to((11, 12)[(i + 1) % 2])
        time.sleep(0.1)  # the rate of the flap is what is tried
    unbroken(sites.result(client), 60)


def test_spray(world):
    sites = Sites(world)
    sites.spray(11, 12)
    client = sites.sessions(seconds=2, downloads=0, uploads=1, megabytes=4)
    result = sites.result(client)
    unbroken(result, 60)
    assert result["servers"] == ["n11", "n12"], result


def test_without_timestamps(world):
    """By the prefix alone."""
    sites = Sites(world)
    sites.clients.set(("ipv4/tcp_timestamps", 0))
    client = sites.sessions(seconds=2)
    sites.to(12)
    unbroken(sites.result(client), 60)
    assert sites.nodes[12].counters()["forward-prefix"] > 0
    assert sites.nodes[12].counters()["forward-flow"] > 100


def test_syn_cookies(world):
    """The kernel's SYN cookies carry options where the stamp would be."""
    sites = Sites(world)
    for node in sites.nodes.values():
        node.ns.set(("ipv4/tcp_syncookies", 2))
    client = sites.sessions(seconds=2)
    sites.to(12)
    unbroken(sites.result(client), 60)
    assert sites.nodes[11].counters()["stamp-left"] > 0
    assert sites.nodes[11].counters()["syn-cookie"] > 0


def test_chain_of_three(world):
    """Sessions of three sites end up at the last of them."""
    sites = Sites(world, ids=(11, 12, 13))
    clients = []
    for i in (11, 12, 13):
        sites.to(i)
        clients.append(sites.sessions(seconds=3, idle=10, chatty=20))
    for client in clients:
        unbroken(sites.result(client), 30)
    counters = sites.nodes[13].counters()
    assert counters["forward-stamp"] > 1000 and counters["local"] > 100, counters


def test_delays(world):
    """The same over wires of 5 to 80 ms, from site to site to site and back."""
    sites = Sites(world, ids=(11, 12, 13), wires={9: (5, 0), 11: (5, 0), 12: (20, 0), 13: (40, 0)})
    for family in (4, 6):
        sites.to(11)
        client = sites.sessions(family, seconds=4, megabytes=4)
        for i in (13, 12, 13, 11, 12):
            sites.to(i)
            time.sleep(0.6)
        unbroken(sites.result(client), 60)
    assert all(n.counters()["received-local"] + n.counters()["forward-stamp"] > 100
               for n in sites.nodes.values())


def test_ecmp(world):
    """Nodes behind one router: the set of next hops changes under load."""
    sites = Sites(world, ids=(11, 12, 13, 14))
    sites.ecmp((11, 12, 13))
    client = sites.sessions(seconds=4, chatty=60)
    sites.ecmp((11, 12, 13, 14))
    time.sleep(1)
    sites.ecmp((12, 14))
    result = sites.result(client)
    unbroken(result, 60)
    assert len(result["servers"]) >= 3, result


def test_restart_and_kill(world):
    """The programs go on without nearcastd, are found by the next one, and go when told to."""
    sites = Sites(world)
    client = sites.sessions(seconds=6)
    sites.to(12)
    for node in sites.nodes.values():
        node.kill()
    time.sleep(1)
    for node in sites.nodes.values():
        node.start_daemon(True, sites.ids)
    for node in sites.nodes.values():
        node.wait()
    unbroken(sites.result(client), 60)
    # Only the owner's is away, and the others miss it in the fleet: its programs answer for it.
    sites.to(11)
    client = sites.sessions(seconds=5)
    sites.to(12)
    sites.nodes[11].kill()
    harness.wait_for("the fleet misses it", lambda: sites.nodes[12].ask("status")["fleet_sessions"][0]["state"]
                     != "Established")
    unbroken(sites.result(client), 60)
    assert sites.nodes[12].knows((11,))
    sites.nodes[11].start_daemon(True, sites.ids)
    sites.nodes[11].wait()
    kept = [e for e in sites.nodes[12].ask("events", after=0)["events"] if e["type"] == "keeper_attached"]
    assert [e["reason"] for e in kept] == ["kept"], kept
    for node in sites.nodes.values():
        node.kill()
        out = node.ns.run(harness.BUILD / "nearcastd/nearcastd", "--detach", "-c", node.path).stdout
        assert out.startswith("The keeper is off 1 interface"), out
        assert "xdp" not in node.ns.run("ip", "link", "show", "eth0").stdout
        assert "nearcast" not in node.ns.run("tc", "filter", "show", "dev", "eth0", "egress").stdout
        assert node.ns.run("ls", "/sys/fs/bpf").stdout.split() == ["maps.debug", "progs.debug", "xdp"] or \
            "nearcast" not in node.ns.run("ls", "/sys/fs/bpf").stdout


def test_drain_says_what_remains(world):
    sites = Sites(world)
    client = sites.sessions(seconds=4, idle=5, chatty=5, downloads=0, uploads=0)
    harness.wait_for("sessions counted",
                     lambda: sites.nodes[11].flows()["services"][0]["sessions"] == 11)
    sites.nodes[11].ask("drain", service="web")
    sites.to(12)
    drain = sites.nodes[11].ask("status")["services"][0]["drain"]
    assert drain["sessions"] == 11, drain
    unbroken(sites.result(client), 11)
    # None is left: it need not wait for its hard end, a minute away.
    harness.wait_for("drained", lambda: sites.nodes[11].ask("status")["services"][0]["drain"]["stage"]
                     == "drained", 30)


def test_doctor(world):
    """Says that all is well, and what is not."""
    sites = Sites(world)
    node, other = sites.nodes[11], sites.nodes[12]

    def ask(status):
        result = node.ns.run(harness.BUILD / "nearcast/nearcast", "-j", "-s", f"{node.control}.ro", "doctor",
                             node.path, check=False)
        assert result.returncode == status, result
        return {(f["verdict"], f["detail"]) for f in json.loads(result.stdout)["findings"]}

    harness.wait_for("a greeting", lambda: node.flows()["nodes"][0]["received"] > 0, 30)
    found = ask(0)
    assert ("ok", "its key and this node's agree") in found, found
    assert ("ok", "native XDP, alone on the interface") in found, found
    assert ("ok", "packets of 1500 bytes reach 10.0.12.2") in found, found
    # The path becomes narrower than `mtu` says, and checksums are left to the other end.
    sites.router.run("ip", "link", "set", "v12", "mtu", 1400)
    node.ns.run("ethtool", "-K", "eth0", "tx", "on")
    bad = {detail for verdict, detail in ask(1) if verdict == "bad"}
    assert any("1500 bytes do not reach 10.0.12.2" in b for b in bad), bad
    assert any("leaves checksums" in b for b in bad), bad


def test_another_secret(world):
    """Its tunnels are refused, by their tags; this node says so."""
    sites = Sites(world)
    node, other = sites.nodes[11], sites.nodes[12]
    (world.folder / "secret").write_text("another secret of sixteen bytes and more\n")
    other.kill()
    before = node.counters()["refused-tag"]
    other.start_daemon(True, sites.ids)
    other.wait()
    harness.wait_for("refused", lambda: node.counters()["refused-tag"] > before, 30)


def test_dead(world):
    """The owner dies: as soon as the fleet knows, clients hear of it with the next packet."""
    sites = Sites(world)
    client = sites.sessions(seconds=12, downloads=0, uploads=0)
    sites.to(12)
    sites.cut(11)
    begin = time.monotonic()
    harness.wait_for("the fleet knows", lambda: not sites.nodes[12].knows((11,)), 20)
    known = time.monotonic() - begin
    result = sites.result(client)
    took = time.monotonic() - begin
    assert len(result["broken"]) == result["sessions"], result
    print(f"# dead: known after {known:.1f} s, all sessions told after {took:.1f} s")
    resets = [b for b in result["broken"] if "ConnectionResetError" in b]
    assert len(resets) > 40, result


if __name__ == "__main__":
    harness.main(globals())
