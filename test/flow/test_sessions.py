#!/usr/bin/python3
"""Sessions live on when their packets reach another node: routes that shift, flap and spray, nodes that
drain, restart and die; and without a keeper they do not."""

import datetime
import json
import random
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import harness  # noqa: E402
from keeperwatch import Watch  # noqa: E402
from keeperworld import SERVICE, Sites  # noqa: E402


def unbroken(result, least):
    assert result["sessions"] >= least, result
    assert result["broken"] == [], result


def shift(sites):
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


def flap(sites):
    client = sites.sessions(seconds=3)
    for i in range(30):
        sites.to((11, 12)[(i + 1) % 2])
        time.sleep(0.1)  # the rate of the flap is what is tried
    unbroken(sites.result(client), 60)
    sites.to(11)


def without_timestamps(sites):
    """By the prefix alone, of which the fleet has heard by now."""
    sites.clients.set(("ipv4/tcp_timestamps", 0))
    client = sites.sessions(seconds=2)
    sites.to(12)
    unbroken(sites.result(client), 60)
    sites.clients.set(("ipv4/tcp_timestamps", 1))
    assert sites.nodes[12].counters()["forward-prefix"] > 0
    assert sites.nodes[12].counters()["forward-flow"] > 100
    sites.to(11)


def syn_cookies(sites):
    """The kernel's SYN cookies carry options where the stamp would be."""
    for node in sites.nodes.values():
        node.ns.set(("ipv4/tcp_syncookies", 2))
    client = sites.sessions(seconds=2)
    sites.to(12)
    unbroken(sites.result(client), 60)
    assert sites.nodes[11].counters()["stamp-left"] > 0
    assert sites.nodes[11].counters()["syn-cookie"] > 0
    # Such a handshake must end at the node where it began: no spraying with these.
    for node in sites.nodes.values():
        node.ns.set(("ipv4/tcp_syncookies", 1))
    sites.to(11)


def spray(sites):
    sites.spray(11, 12)
    client = sites.sessions(seconds=2, downloads=0, uploads=1, megabytes=4)
    result = sites.result(client)
    unbroken(result, 60)
    assert result["servers"] == ["n11", "n12"], result


def test_routes_move(world):
    sites = Sites(world)
    for step in (shift, flap, without_timestamps, syn_cookies, port_used_again, spray):
        print(f"# {step.__name__}", flush=True)
        step(sites)


SAME_PORT = """
import socket, sys
def connect():
    s = socket.socket(); s.settimeout(8); s.bind(("10.0.9.2", 47000)); s.connect(("%s", 80))
    return s
def say(s, line):
    s.sendall(line); print(s.recv(100).decode(), end="", flush=True); sys.stdin.readline()
s = connect(); s.sendall(b"D 10\\n")
while s.recv(100): pass
s.close(); print("first", flush=True); sys.stdin.readline()
s = connect(); s.sendall(b"E\\n"); say(s, b"second\\n"); say(s, b"third\\n")
"""


def port_used_again(sites):
    """The server closes first, and waits in TIME-WAIT at one node; the client uses its port again, for a session with
    another, whose packets then come to the first."""
    client = sites.world.start(*sites.clients.command(sys.executable, "-c", SAME_PORT % SERVICE[4]),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def next_line(i):
        line = client.stdout.readline()
        sites.to(i)
        client.stdin.write("\n")
        client.stdin.flush()
        return line
    assert next_line(12) == "first\n"
    waits = sites.nodes[11].ns.run("ss", "-tanH", "( sport = :80 and dport = :47000 )").stdout
    assert waits.startswith("TIME-WAIT"), waits
    assert next_line(11) == "n12 second\n"
    assert next_line(11) == "n12 third\n"


def test_shift_without_keeper(world):
    """The control."""
    sites = Sites(world, keeper=False)
    client = sites.sessions(seconds=2, megabytes=400)
    sites.to(12)
    result = sites.result(client)
    assert len(result["broken"]) == result["sessions"], result


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
    harness.needs("bpftool")
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
    # Tables of another version's shape, which nobody will open again.
    pins = "/sys/fs/bpf/nearcast"
    sites.nodes[11].ns.run("bpftool", "map", "create", f"{pins}/config-1", "type", "array", "key", 4, "value", 4,
                           "entries", 1, "name", "config")
    sites.nodes[11].start_daemon(True, sites.ids)
    sites.nodes[11].wait()
    names = sites.nodes[11].ns.run("ls", pins).stdout.split()
    assert "config-1" not in names and any(n.startswith("config-") for n in names), names
    kept = [e for e in sites.nodes[12].ask("events", after=0)["events"] if e["type"] == "keeper_attached"]
    assert [e["reason"] for e in kept] == ["kept"], kept
    for node in sites.nodes.values():
        detach(node)


def test_silent_owner(world):
    """The owner's nearcastd is dead and its wire is cut for a while: once its programs can be heard again, it is asked, and
    sessions that said nothing meanwhile go on."""
    sites = Sites(world)
    node = sites.nodes[12]
    client = sites.sessions(seconds=10, idle=40, chatty=0, downloads=0, uploads=0)
    sites.to(12)
    sites.nodes[11].kill()
    harness.wait_for("the fleet misses it", lambda: node.ask("status")["fleet_sessions"][0]["state"] != "Established")
    assert node.knows((11,)) and not said(node, "keeper_dead")
    sites.router.script("""nft 'add table inet cut
        add chain inet cut pre { type filter hook prerouting priority raw; }
        add rule inet cut pre iifname v11 drop'""")
    harness.wait_for("it is dead", lambda: said(node, "keeper_dead"))
    sites.router.script("nft delete table inet cut")
    harness.wait_for("it is back", lambda: said(node, "keeper_alive"))
    assert client.poll() is None, "the sessions were over before"
    unbroken(sites.result(client), 40)


def test_no_path(world):
    """Two nodes without an address of one family: nothing can be sent, and that is said before a session breaks."""
    sites = Sites(world, only4=(11,), nodes='[{id: 99, address: "2001:db8:99::9"}]')
    apart, reached = sites.nodes[11], sites.nodes[12]

    def path(node):
        return {n["id"]: n["path"] for n in node.flows()["nodes"]}
    assert path(apart) == {12: "IPv4", 99: "none"}, path(apart)
    assert path(reached) == {11: "IPv4", 99: "IPv6"}, path(reached)
    assert [e["subject"] for e in said(apart, "keeper_apart")] == ["99"], said(apart, "keeper_apart")
    assert not said(reached, "keeper_apart")
    apart.reload(sites.ids)
    assert len(said(apart, "keeper_apart")) == 1, "said again"
    for node in (apart, reached):
        result = node.ns.run(harness.BUILD / "nearcast/nearcast", "-j", "-s", f"{node.control}.ro", "doctor",
                             node.path, check=False)
        found = {(f["verdict"], f["subject"]) for f in json.loads(result.stdout)["findings"]
                 if "cannot be forwarded" in f["detail"]}
        assert found == ({("bad", "node 99")} if node is apart else set()), found
    # A flood of packets that name it: counted as what they are.
    before = apart.counters()
    flood = sites.flood(1, 99)
    flood.wait()
    after = apart.counters()
    assert after["no-path"] > before["no-path"] and after["forward-stamp"] == before["forward-stamp"], after


def test_stop_and_reload(world):
    """An orderly stop and start, and a reload, of the owner and of the node that forwards, in mid-transfer."""
    sites = Sites(world)
    client = sites.sessions(seconds=8)
    sites.to(12)
    for node in sites.nodes.values():
        for budget in (40000, 50000):
            sites.settings["budget-new"] = budget
            node.reload(sites.ids)
        node.stop()
        # The others hear a goodbye in the fleet, and its programs go on.
        other = sites.nodes[23 - node.id]
        harness.wait_for("the fleet hears of it", lambda o=other: o.ask("status")["fleet_sessions"][0]["state"]
                         != "Established")
        assert other.knows((node.id,))
        node.start_daemon(True, sites.ids)
        node.wait()
        kept = [e["reason"] for e in node.ask("events", after=0)["events"] if e["type"] == "keeper_attached"]
        assert kept == ["kept"], kept
        harness.wait_for("it is back in the fleet", lambda n=node, o=other: n.knows((o.id,)) and
                         o.ask("status")["fleet_sessions"][0]["state"] == "Established")
    assert client.poll() is None, "the sessions were over before"
    result = sites.result(client)
    unbroken(result, 60)
    assert not any(e["type"] == "keeper_dead" for n in sites.nodes.values()
                   for e in n.ask("events", after=0)["events"])


def test_stop_takes_addresses_away(world):
    """An orderly stop removes the addresses that nearcastd manages: sessions pause until they are back."""
    sites = Sites(world, managed=True)
    for family in (4, 6):
        sites.to(11)
        client = sites.sessions(family, seconds=6, idle=10, chatty=20)
        sites.to(12)
        owner = sites.nodes[11]
        owner.stop()
        assert SERVICE[family] not in owner.ns.run("ip", "address", "show", "svc0").stdout
        owner.start_daemon(True, sites.ids)
        owner.wait()
        harness.wait_for("the address", lambda o=owner, f=family: SERVICE[f] in o.ns.run(
            "ip", "address", "show", "svc0").stdout)
        assert client.poll() is None, "the sessions were over before"
        unbroken(sites.result(client), 30)


def test_generic(world):
    """Interfaces whose drivers refuse native XDP: one does not know it, at the other frames may be too large."""
    sites = Sites(world, odd={11: "macvlan", 12: "frames"})
    for node in sites.nodes.values():
        said = node.ns.run("ip", "link", "set", "eth0", "xdpdrv", "obj",
                           harness.BUILD / "test/flow/pass.bpf.o", "sec", "xdp", check=False)
        assert said.returncode != 0, "native XDP works here"
        assert [i["mode"] for i in node.flows()["interfaces"]] == ["generic"], node.flows()
        assert "xdpgeneric" in node.ns.run("ip", "link", "show", "eth0").stdout
    for family in (4, 6):
        for owner, other in ((11, 12), (12, 11)):
            sites.to(owner)
            client = sites.sessions(family, seconds=2, idle=10, chatty=20)
            sites.to(other)
            result = sites.result(client)
            unbroken(result, 30)
            assert result["servers"] == [f"n{owner}"], result
    for node in sites.nodes.values():
        assert node.counters()["forward-stamp"] > 1000 and node.counters()["received-local"] > 1000, node.counters()
        detach(node)


def detach(node):
    """nearcastd --detach leaves nothing behind."""
    if node.daemon.poll() is None:
        node.kill()
    out = node.ns.run(harness.BUILD / "nearcastd/nearcastd", "--detach", "-c", node.path).stdout
    assert out.startswith("The keeper is off 1 interface"), out
    assert "xdp" not in node.ns.run("ip", "link", "show", "eth0").stdout
    assert "nearcast" not in node.ns.run("tc", "filter", "show", "dev", "eth0", "egress").stdout
    assert node.ns.run("ls", "/sys/fs/bpf").stdout.split() == ["maps.debug", "progs.debug", "xdp"] or \
        "nearcast" not in node.ns.run("ls", "/sys/fs/bpf").stdout


def test_another_xdp_program(world):
    """Whose program is on the interface already, native or generic, keeps it; the keeper says so, and comes when
    that one has gone."""
    sites = Sites(world, ids=(11,))
    node = sites.nodes[11]
    program = ("obj", harness.BUILD / "test/flow/pass.bpf.o", "sec", "xdp")
    detach(node)
    for mode in ("xdpdrv", "xdpgeneric"):
        if node.daemon.poll() is None:
            node.kill()
        node.ns.run("ip", "link", "set", "eth0", mode, *program)
        before = node.ns.run("ip", "link", "show", "eth0").stdout.split("prog/xdp")[1]
        node.start_daemon(True, sites.ids)
        node.wait()
        events = node.ask("events", after=0)["events"]
        said = [(e["subject"], e["detail"]) for e in events if e["type"] == "keeper_failed"]
        assert said == [("eth0", "keeper: another XDP program (pass) is on the interface, and not under libxdp's "
                         "dispatcher")], events
        assert not node.flows()["interfaces"][0]["attached"]
        found = node.ns.run(harness.BUILD / "nearcast/nearcast", "-s", f"{node.control}.ro", "doctor", node.path,
                            check=False)
        assert found.returncode == 1, found.stdout
        # It is neither replaced nor joined.
        assert node.ns.run("ip", "link", "show", "eth0").stdout.split("prog/xdp")[1] == before
        node.ns.run("ip", "link", "set", "eth0", mode, "off")
    harness.wait_for("the next try", lambda: node.flows()["interfaces"][0]["attached"], 20)


def said(node, kind):
    return [e for e in node.ask("events", after=0)["events"] if e["type"] == kind]


def test_pins_lost(world):
    """What is attached is over tables that nobody can fill any more: the programs are replaced."""
    sites = Sites(world)
    owner = sites.nodes[11]
    owner.kill()
    owner.ns.run("rm", "-r", "/sys/fs/bpf/nearcast")
    owner.start_daemon(True, sites.ids)
    owner.wait()
    harness.wait_for("it knows the other", lambda: owner.knows((12,)), 30)
    assert [e["reason"] for e in said(owner, "keeper_attached")] == ["replaced"], said(owner, "keeper_attached")
    client = sites.sessions(seconds=2, idle=5, chatty=10, downloads=0, uploads=0)
    sites.to(12)
    unbroken(sites.result(client), 15)
    assert owner.counters()["received-local"] > 10, owner.counters()


def test_old_moves_go(world):
    """nearcastd takes the time of old moves out of the table, and leaves those that matter."""
    harness.needs("bpftool")
    sites = Sites(world, ids=(11,))
    node = sites.nodes[11]
    pins = "/sys/fs/bpf/nearcast"
    table = next(f"{pins}/{name}" for name in node.ns.run("ls", pins).stdout.split() if name.startswith("prefixes4"))
    key = ["hex", *((0x010203 >> 1).to_bytes(4, "little").hex(" ").split())]  # 1.2.2.0/24 and 1.2.3.0/24

    def slots():
        value = json.loads(node.ns.run("bpftool", "-j", "map", "lookup", "pinned", table, "key", *key).stdout)["value"]
        raw = bytes(int(byte, 16) for byte in value)
        return int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:], "little")

    now = time.monotonic_ns() >> 34
    # Both came from node 12 to node 11: one a quarter of an hour ago, one lately.
    old, new = (((now - ago) & 0xff) << 24 | 12 << 12 | 11 for ago in (52, 3))
    value = old.to_bytes(4, "little") + new.to_bytes(4, "little")
    node.kill()
    node.ns.run("bpftool", "map", "update", "pinned", table, "key", *key, "value", "hex", *value.hex(" ").split())
    assert slots() == (old, new), slots()
    node.start_daemon(True, sites.ids)
    node.wait()
    harness.wait_for("the old one is gone", lambda: slots()[0] == 11)
    assert slots()[1] == new, slots()


def test_waits_for_its_fleet(world):
    """A node that comes up knows nobody yet, and would end the sessions of others."""
    sites = Sites(world)
    new, other = sites.nodes[12], sites.nodes[11]

    def reasons(fresh):
        new.kill()
        if fresh:
            new.ns.run(harness.BUILD / "nearcastd/nearcastd", "--detach", "-c", new.path)
        new.start_daemon(True, sites.ids)
        new.wait()
        harness.wait_for("the decision", lambda: [e for e in said(new, "decided") if e["reason"] == "healthy"], 30)
        return [e["reason"] for e in said(new, "decided")], said(new, "decided")

    assert reasons(True)[0] in (["keeper-waits", "healthy"], ["healthy"])
    # Programs that stayed know the fleet from before: no reason to wait.
    assert reasons(False)[0] == ["healthy"]
    # The other is away: not for ever.
    other.kill()
    names, events = reasons(True)
    assert names == ["keeper-waits", "healthy"], names
    began, ended = (datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00")) for e in events)
    assert 2 < (ended - began).total_seconds() < 10, events


def test_flood(world):
    """A flood with forged ids at one node: what reaches the other stays within the budget, and
    sessions live on at both, those too that are being forwarded on the same way."""
    seconds, budget = 5, 2000
    sites = Sites(world, budget_new=budget)
    sites.to(12)
    forwarded = sites.sessions(seconds=seconds + 2, idle=10, chatty=20, downloads=0, uploads=1, megabytes=4)
    sites.to(11)
    local = sites.sessions(seconds=seconds + 2, idle=10, chatty=20, downloads=0, uploads=1, megabytes=4)
    before = sites.nodes[11].counters()
    flood = sites.flood(seconds, 12)
    sent = int(flood.communicate(timeout=30)[0])
    after = sites.nodes[11].counters()
    stray = sites.flood(1, 0)
    stray.communicate(timeout=30)
    unbroken(sites.result(forwarded), 30)
    unbroken(sites.result(local), 30)
    through = after["forward-stamp"] - before["forward-stamp"]
    refused = after["over-new"] - before["over-new"]
    assert sent > 3 * seconds * budget, f"a flood of only {sent} packets"
    assert refused > sent // 2, (sent, refused)
    # The sessions' own packets are confirmed, and so beside the budget.
    own = 40 * 10 * 4 * seconds
    assert through <= (seconds + 1) * budget * 1.1 + own, (sent, through)
    assert after["over-known"] == before["over-known"]
    print(f"# flood: {sent} sent, {through} forwarded with those of sessions, {refused} refused")


def quic(world, sites):
    """A QUIC server at each site, a transfer from the first of them, and a shift in its midst. Returns the
    client's exit status and whether the bytes are right."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=test", "-keyout", world.folder / "key", "-out",
                    world.folder / "cert"], check=True, capture_output=True)
    pages, got = world.folder / "pages", world.folder / "got"
    pages.mkdir()
    got.mkdir()
    (pages / "file").write_bytes(random.Random(1).randbytes(30 << 20))
    for node in sites.nodes.values():
        world.start(*node.ns.command("gtlsserver", "-q", "-d", pages, SERVICE[4], 443, world.folder / "key",
                                     world.folder / "cert"), stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
    for node in sites.nodes.values():
        harness.wait_for("the QUIC server", lambda n=node: ":443 " in n.ns.run("ss", "-uln").stdout)
    client = world.start(*sites.clients.command(
        "gtlsclient", "-q", "--exit-on-all-streams-close", "--timeout", "10s", "--download", got, SERVICE[4], 443,
        f"https://{SERVICE[4]}/file"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    file = got / "file"
    harness.wait_for("a part of it", lambda: file.exists() and file.stat().st_size > 1 << 20)
    sites.to(12)
    assert file.stat().st_size < 30 << 20, "it was over before the shift"
    client.wait(60)
    return file.read_bytes() == (pages / "file").read_bytes()


MADE_UP = """
import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def send(source, flags, seq, ack):
    ends = socket.inet_aton(source) + socket.inet_aton("%s")
    tcp = struct.pack("!2H2I2BHHH", 4000, 80, seq, ack, 5 << 4, flags, 512, 0, 0)
    words = struct.unpack("!16H", ends + struct.pack("!2H", 6, len(tcp)) + tcp)
    total = sum(words)
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    tcp = tcp[:16] + struct.pack("!H", ~total & 0xffff) + tcp[18:]
    raw.sendto(struct.pack("!2B3H2BH", 0x45, 0, 0, 0, 0, 64, 6, 0) + ends + tcp, ("%s", 0))
for i in range(1, 200):
    source = f"203.0.{i}.7"
    send(source, 2, 1, 0)
    send(source, 16, 2, i)
""" % (SERVICE[4], SERVICE[4])


def test_made_up_clients(world):
    """A SYN and an ACK with a made-up source move no prefix, and no node hears of them; a client that answers does."""
    sites = Sites(world)
    node, other = sites.nodes[11], sites.nodes[12]
    before = other.counters()["notice"]
    sites.clients.run(sys.executable, "-c", MADE_UP)
    # Half-open requests do not count as sessions, but the socket answers for them: `local`, or `miss` where it was full.
    harness.wait_for("they have come", lambda: sum(node.counters()[c] for c in ("syn", "local", "miss", "syn-cookie"))
                     >= 2 * 199)
    assert node.counters()["moved"] == 0 and node.counters()["over-moves"] == 0, node.counters()
    client = sites.sessions(seconds=1, idle=1, chatty=0, downloads=0, uploads=0)
    unbroken(sites.result(client), 1)
    assert node.counters()["moved"] == 1, node.counters()
    harness.wait_for("the other hears of it", lambda: other.counters()["notice"] > before)


def test_quic(world):
    """Without any help of the server: by the 4-tuple and the prefix."""
    harness.needs("gtlsserver", "gtlsclient")
    sites = Sites(world, quic_ports="[443]")
    # The fleet has to know whose clients these are before they move.
    assert quic(world, sites)
    counters = sites.nodes[12].counters()
    assert counters["forward-prefix"] > 0 and counters["forward-flow"] > 100, counters


def test_quic_without_keeper(world):
    """The control."""
    harness.needs("gtlsserver", "gtlsclient")
    assert not quic(world, Sites(world, keeper=False))


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


def doctor(node, status):
    """What `nearcast doctor` finds at the node, as (verdict, detail)."""
    result = node.ns.run(harness.BUILD / "nearcast/nearcast", "-j", "-s", f"{node.control}.ro", "doctor", node.path,
                         check=False)
    assert result.returncode == status, result
    return {(f["verdict"], f["detail"]) for f in json.loads(result.stdout)["findings"]}


def test_doctor_vlan(world):
    """A VLAN, whose tags the driver takes off before XDP."""
    sites = Sites(world, ids=(11,))
    node = sites.nodes[11]
    if node.ns.run("ip", "link", "add", "link", "eth0", "name", "tagged", "type", "vlan", "id", 7,
                   check=False).returncode:
        raise harness.Skip("this kernel has no VLANs")
    bad = {detail for verdict, detail in doctor(node, 1) if verdict == "bad"}
    assert any("has VLANs (tagged)" in b for b in bad), bad
    node.ns.run("ethtool", "-K", "eth0", "rxvlan", "off")
    found = doctor(node, 0)
    assert any(verdict == "unsure" and "has VLANs (tagged)" in detail for verdict, detail in found), found


TOO_BIG = """
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
stamps = struct.pack("!4B2I", 1, 1, 8, 10, 1, 0x7000 + 12)
s.sendto(struct.pack("!2H2I2BHHH", 4000, 80, 1, 1, 8 << 4, 16, 512, 0, 0) + stamps + bytes(1440), ("%s", 0))
""" % SERVICE[4]


def test_doctor_sizes(world):
    """A packet that does not fit the tunnel is dropped, counted and told of."""
    sites = Sites(world)
    node = sites.nodes[11]
    assert not any("too big" in detail for _, detail in doctor(node, 0))
    sites.clients.run(sys.executable, "-c", TOO_BIG)
    harness.wait_for("it is counted", lambda: node.counters()["too-big"] == 1)
    assert any(v == "unsure" and d.startswith("1 were too big") for v, d in doctor(node, 0))


def test_doctor(world):
    """Says that all is well, and what is not."""
    sites = Sites(world)
    node, other = sites.nodes[11], sites.nodes[12]

    def ask(status):
        return doctor(node, status)

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
    # Another secret: the tunnels of that node are refused, by their tags.
    (world.folder / "secret").write_text("another secret of sixteen bytes and more\n")
    other.kill()
    before = node.counters()["refused-tag"]
    other.start_daemon(True, sites.ids)
    other.wait()
    harness.wait_for("refused", lambda: node.counters()["refused-tag"] > before, 30)


def test_stall_has_its_cause(world):
    """What the soak says about a slow answer is true: a wire that is cut for a while, and a server that does not run."""
    sites = Sites(world)
    watch = Watch(sites)
    watch.start()
    told = {}

    def cut():
        watch.note("the wire is cut")
        sites.router.script("""nft 'add table inet cut
            add chain inet cut pre { type filter hook prerouting priority raw; }
            add rule inet cut pre iifname v9 drop'""")
        time.sleep(1.4)  # how long it lasts is what is tried
        sites.router.script("nft delete table inet cut")

    def stop():
        watch.note("the server stops")
        for sig in (signal.SIGSTOP, signal.SIGCONT):
            sites.nodes[11].servers[0].send_signal(sig)
            time.sleep(1.4)

    for what in (stop, cut):
        client = sites.sessions(seconds=3, idle=0, chatty=10, downloads=0, uploads=0)
        what()
        result = sites.result(client)
        unbroken(result, 10)
        assert result["slow"], result
        for slow in result["slow"]:
            told.setdefault(what, []).append(list(watch.explain(slow)))
    watch.over.set()
    for what, cause in ((stop, "the machine"), (cut, "packets were lost")):
        # On a busy machine some may have had the other cause as well.
        assert any(cause in lines[-1] for lines in told[what]), told[what]
        assert all(any(event in line for event in ("the server stops", "the wire is cut") for line in lines)
                   for lines in told[what]), told[what]
    assert any("k: TcpRetransSegs" in line for line in told[cut][0]), told[cut][0]
    print(*("# " + line for line in told[cut][0]), sep="\n")


def test_dead(world):
    """The owner dies: as soon as the fleet knows, clients hear of it with the next packet, a round trip later."""
    client_ms, other_ms = 10, 20  # one way
    # The wires are processes, which a busy machine may let wait.
    half, all_ = 1.5, 10  # round trips within which half of the sessions and all of them have their RST
    rtt = 2 * (client_ms + other_ms) / 1e3
    sites = Sites(world, wires={9: (client_ms, 0), 11: (5, 0), 12: (other_ms, 0)})
    line = world.start(*sites.clients.command(sys.executable, HERE / "segments.py", "eth0", 80),
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert line.stdout.readline() == b"ready\n"
    client = sites.sessions(seconds=8, downloads=0, uploads=0)
    sites.to(12)
    sites.cut(11)
    begin = time.monotonic()
    dead = harness.wait_for("the fleet knows", lambda: next(
        (e for e in sites.nodes[12].ask("events", after=0)["events"] if e["type"] == "keeper_dead"), None), 20)
    print(f"# dead: known after {time.monotonic() - begin:.1f} s")
    result = sites.result(client)
    assert len(result["broken"]) == result["sessions"], result
    segments = json.loads(line.communicate()[0])
    # The tables were written a moment before the event; what is on its way then may find them so.
    known = datetime.datetime.fromisoformat(dead["time"]).timestamp()
    took = {}
    for port in {s[1] for s in segments}:
        resets = [at for at, p, out, rst, _ in segments if p == port and rst and not out]
        if not resets:
            continue
        arrive = [at for at, p, out, rst, n in segments
                  if p == port and out and not rst and n and at + rtt / 2 > known + 0.002]
        # Where one was sent shortly before, its answer would be taken for that of the next.
        close = [at for at, p, out, _, n in segments
                 if p == port and out and n and known - 0.5 < at + rtt / 2 <= known + 0.002]
        if arrive and not close:
            took[port] = resets[0] - arrive[0]
    assert len(took) > 20, (len(took), result)
    least, median, most = min(took.values()), statistics.median(took.values()), max(took.values())
    print(f"# dead: RST {least * 1e3:.0f} to {most * 1e3:.0f} ms after the first segment of each of {len(took)} "
          f"sessions, round trip {rtt * 1e3:.0f} ms")
    assert rtt * 0.95 <= least and median <= rtt * half and most <= rtt * all_, sorted(took.values())


if __name__ == "__main__":
    harness.main(globals())
