#!/usr/bin/python3
"""Start, stop, crash and reload of the daemon, as a neighbour and the host see them."""

import fcntl
import json
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import bgpspeaker as bgp
import harness
import site_config as site

PREFIXES = ["198.51.100.0/24", "2001:db8:53::/48"]


def addresses():
    out = subprocess.run(["ip", "-j", "addr", "show"], capture_output=True, text=True, check=True)
    return {a["local"] for link in json.loads(out.stdout) if link["ifname"] != "lo"
            for a in link["addr_info"] if a.get("scope") != "link" or ":" not in a["local"]}


SERVICE = {"198.51.100.53", "2001:db8:53::53"}


def announced(session):
    heard = []
    while len(heard) < 2:
        heard += session.next_update()["announce"]
    assert sorted(heard) == PREFIXES, heard


def begin(world, **kwargs):
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world, **kwargs))
    session = neighbour.accept()
    session.establish()
    announced(session)
    return neighbour, daemon, session


def withdrawn(session):
    gone = []
    while len(gone) < 2:
        update = session.next_update()
        assert not update["announce"], update
        gone += update["withdraw"]
    assert sorted(gone) == PREFIXES, gone


def test_sigterm_in_order(world):
    """Withdraw, serve on for the grace, Cease with the reason, and only then remove the address."""
    _, daemon, session = begin(world, grace="300ms")
    assert addresses() >= SERVICE
    daemon.process.terminate()
    withdrawn(session)
    assert addresses() >= SERVICE, "address removed before the grace was over"
    text = session.expect_notification(6, 2)
    assert text[1:1 + text[0]] == b"stopped by the operator", text
    assert addresses() >= SERVICE, "address removed before the session was closed"
    session.expect_closed()
    session.close()
    assert daemon.process.wait(10) == 0
    assert not addresses() & SERVICE
    assert not daemon.control.exists() and not daemon.readonly.exists()
    types = [line.split()[2] for line in daemon.log().splitlines()]
    assert types[-1] == "stopped" and types.count("withdrawn") == 2, types


def test_sigterm_twice_does_not_wait(world):
    _, daemon, session = begin(world, grace="60s")
    daemon.process.terminate()
    withdrawn(session)
    daemon.process.terminate()
    session.expect_notification(6, 2)
    session.close()
    assert daemon.process.wait(10) == 0


def test_reload_while_stopping(world):
    """It would open sessions anew after their Cease."""
    _, daemon, session = begin(world, grace="60s")
    daemon.process.terminate()
    withdrawn(session)
    reply = daemon.reload(site.config(world, site.upstream(hold="30s"), grace="60s"))
    assert reply["error"]["message"] == "nearcastd is stopping", reply
    daemon.process.terminate()
    session.expect_notification(6, 2)
    assert daemon.process.wait(10) == 0


def test_neighbour_that_comes_back_again_and_again(world):
    """Each time that it is turned away it comes once more: the daemon ends all the same."""
    neighbour, daemon, session = begin(world)
    daemon.process.terminate()
    session.expect_notification(6, 2)
    deadline = time.monotonic() + 6
    again = []
    while daemon.alive() and time.monotonic() < deadline:
        try:
            again.append(neighbour.connect())
        except OSError:
            pass
        select.select([], [], [], 0.2)
    assert not daemon.alive() and daemon.process.returncode == 0, f"after {len(again)} more"


def test_neighbour_that_does_not_close(world):
    """Stopping does not wait for ever for the other side."""
    _, daemon, session = begin(world)
    daemon.process.terminate()
    session.expect_notification(6, 2)
    assert daemon.process.wait(10) == 0


def test_address_that_others_remove(world):
    """It is put back before anybody misses it; where it cannot be, its service alone is withdrawn,
    and it is tried again."""
    _, daemon, session = begin(world)
    after = daemon.events()[-1]["seq"]
    subprocess.run(["ip", "link", "del", "nearcast0"], check=True)
    daemon.wait_event("address_added", after=after, reason="put-back")
    assert addresses() >= SERVICE
    assert not [e for e in daemon.events(after) if e["type"] == "withdrawn"]
    after = daemon.events()[-1]["seq"]
    sysctl = Path("/proc/sys/net/ipv6/conf/nearcast0/disable_ipv6")
    sysctl.write_text("1")
    removed = daemon.wait_event("address_removed", after=after)["seq"]
    failed = daemon.wait_event("address_failed", after=after)
    assert "IPv6 is switched off" in failed["detail"], failed
    assert daemon.wait_event("decided", after=after)["cause_seq"] == removed
    withdrawn(session)
    sysctl.write_text("0")
    announced(session)
    assert addresses() >= SERVICE
    assert [e["type"] for e in daemon.events(after)].count("address_failed") == 1


def test_short_of_descriptors(world):
    """What an address is cannot be asked for lack of a descriptor: that is no reason to withdraw it."""
    slow = site.config(world).replace("interval: 100ms, timeout: 100ms", "interval: 1h, timeout: 1s")
    head, tail = slow.split("upstreams:\n")
    drained = head[head.index("  - name: dns"):].replace("name: dns", "name: web\n    drain: {soft: 0, hard: 1s}")
    for old, new in (("198.51.100.", "203.0.113."), (":53:", ":54:")):
        drained = drained.replace(old, new)
    daemon = harness.Daemon(world, f"{head.replace('  - name: dns', drained + '  - name: dns')}upstreams:\n{tail}")

    def announces():
        return [s["prefixes"][0]["announce"] for s in daemon.status()["services"]]

    def descriptors(limit):
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (limit, 4096))

    harness.wait_for("both", lambda: announces() == ["announced"] * 2)
    assert daemon.ask("drain", service="web")["ok"]
    seq = daemon.events()[-1]["seq"]
    time.sleep(0.1)  # for the connection of that question to be gone
    descriptors(3)
    time.sleep(1.5)  # nobody can be asked meanwhile
    descriptors(1024)
    events = daemon.events(seq)
    assert [e for e in events if e["type"] == "address_failed"], events  # else this test shows nothing
    assert not [e for e in events if e["type"] == "decided" and e["subject"] == "dns"], events
    harness.wait_for("the address to go", lambda: "203.0.113.53" not in addresses())
    assert announces() == ["withdrawn", "announced"] and addresses() >= SERVICE


def test_crash_right_before_a_reload(world):
    """The kernel's news wait while the file is read: they are not lost with the checks of before."""
    server = world.start(sys.executable, "-c", "import socket; s = socket.create_server(('127.0.0.1', 5300)); "
                         "print(flush=True); [s.accept() for _ in iter(int, 1)]", stdout=subprocess.PIPE)
    server.stdout.readline()
    config = site.config(world).replace(f"kind: file, path: {world.folder}/up, interval: 100ms, timeout: 100ms",
                                        "kind: tcp, server: 127.0.0.1, port: 5300, interval: 1h, timeout: 1s")
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, config)
    session = neighbour.accept()
    session.establish()
    announced(session)
    asked = socket.socket(socket.AF_UNIX)
    asked.connect(str(daemon.control))
    asked.sendall(b'{"cmd":"config"}\n')
    lines = asked.makefile()
    assert json.loads(lines.readline())["ok"]
    daemon.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED)
    asked.sendall(b'{"cmd":"reload"}\n')  # comes before the news
    server.kill()
    server.wait()
    daemon.process.send_signal(signal.SIGCONT)
    assert json.loads(lines.readline())["ok"]
    withdrawn(session)
    types = [e["type"] for e in daemon.events()]
    assert types.index("socket_closed") < types.index("reloaded"), types


def test_kernel_news_after_an_overrun(world):
    """News that came too fast are lost; those that come after are heard."""
    server = socket.create_server(("127.0.0.9", 80))
    check = "      - {kind: tcp, server: 127.0.0.9, port: 80, interval: 60s, rise: 1}\n"
    daemon = harness.Daemon(world, site.config(world).replace("checks:\n", "checks:\n" + check))
    last = daemon.wait_event("check_passed", subject="dns/tcp")["seq"]
    daemon.process.send_signal(signal.SIGSTOP)
    for n in range(20000):
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.9", 1000 + n))
    daemon.process.send_signal(signal.SIGCONT)
    assert daemon.status()  # it goes on
    server.close()
    failed = daemon.wait_event("check_failed", after=last, subject="dns/tcp")
    assert failed["reason"] == "no-socket", failed


def start(world, stderr, prefix=(), **kwargs):
    """A daemon with its control socket, of which the caller has standard error."""
    daemon = harness.Daemon.__new__(harness.Daemon)
    daemon.control, daemon.readonly = world.folder / "c", world.folder / "r"
    daemon.path = world.file("a.yaml", daemon.complete(site.config(world)))
    daemon.process = world.start(*prefix, harness.BUILD / "nearcastd/nearcastd", "-c", daemon.path,
                                 stderr=stderr, **kwargs)
    daemon.log_path = world.file("log", "")
    harness.wait_for("the control socket", daemon.answers)
    return daemon


def test_log_that_nobody_reads(world):
    """A full pipe costs log lines, never the daemon's time."""
    reader, writer = os.pipe()
    daemon = start(world, writer)
    for n in range(400):
        assert daemon.ask("off" if n % 2 else "on", service="dns", reason="x" * 1000)["ok"]
    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK, "it is the shell's too"
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    os.close(writer)
    with open(reader, encoding="utf-8") as log:
        assert "started fra1" in log.readline()


def test_journal_is_known_by_its_inode(world):
    for stream, expected in (("1:1", r"20\d\d-"), ("{0.st_dev}:{0.st_ino}", r"<5>#1 started")):
        reader, writer = os.pipe()
        stream = stream.format(os.fstat(writer))
        daemon = start(world, writer, env={**os.environ, "JOURNAL_STREAM": stream})
        daemon.process.terminate()
        daemon.process.wait(10)
        os.close(writer)
        with open(reader, encoding="utf-8") as log:
            line = log.readline()
        assert re.match(expected, line), line


def test_without_standard_descriptors(world):
    """Their numbers are not given to sockets, where the log would go."""
    daemon = start(world, None, ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"))
    fds = Path(f"/proc/{daemon.process.pid}/fd")
    assert {str((fds / n).readlink()) for n in "012"} == {"/dev/null"}
    assert daemon.ask("off", service="dns")["ok"] and daemon.status()


def test_crash_and_restart(world):
    """A killed daemon takes its sessions with it; the next one adopts the addresses."""
    neighbour, daemon, session = begin(world)
    daemon.process.kill()
    session.expect_closed()
    assert addresses() >= SERVICE
    again = harness.Daemon(world, site.config(world))
    session = neighbour.accept()
    session.establish()
    announced(session)
    again.process.terminate()
    session.expect_notification(6, 2)
    session.close()
    again.process.wait(10)
    assert not addresses() & SERVICE


def test_second_daemon_is_refused(world):
    _, daemon, _ = begin(world)
    second = subprocess.run([harness.BUILD / "nearcastd/nearcastd", "-c", daemon.path],
                            capture_output=True, text=True, timeout=10)
    assert second.returncode == 1
    assert "another nearcastd answers" in second.stderr, second.stderr
    assert daemon.status()["site"] == "fra1"


def test_port_in_use(world):
    taken = socket.create_server(("127.0.0.1", 179))
    path = world.file("a.yaml", site.config(world) + f"control: {world.folder}/c\n"
                      f"readonly: {world.folder}/r\n")
    run = subprocess.run([harness.BUILD / "nearcastd/nearcastd", "-c", path],
                         capture_output=True, text=True, timeout=10)
    assert run.returncode == 1 and "port 179: Address already in use" in run.stderr, run.stderr
    assert not addresses() & SERVICE
    taken.close()


def test_address_that_does_not_exist(world):
    path = world.file("a.yaml", site.config(world).replace("[127.0.0.1]", "203.0.113.9") +
                      f"control: {world.folder}/c\nreadonly: {world.folder}/r\n")
    run = subprocess.run([harness.BUILD / "nearcastd/nearcastd", "-c", path],
                         capture_output=True, text=True, timeout=10)
    assert run.returncode == 1 and run.stderr == ("nearcastd: cannot listen on 203.0.113.9 port "
                                                  "179: this host does not have the address (yet)\n")


def test_why_an_address(world):
    """Of nested prefixes the longest, as routers choose."""
    more = "  - {name: web, prefixes: 198.51.100.0/25, addresses: 198.51.100.80}\nupstreams:\n"
    daemon = harness.Daemon(world, site.config(world).replace("upstreams:\n", more))
    for address, expected in (("198.51.100.53", ("web", "198.51.100.0/25")),
                              ("198.51.100.200", ("dns", "198.51.100.0/24"))):
        why = daemon.ask("why", prefix=address)["result"]
        assert (why["service"], why["prefix"]) == expected, why
    for asked, message in (("192.0.2.1", "no service has 192.0.2.1/32"),
                           ("192.0.2.0/24", "no service has 192.0.2.0/24"),
                           ("198.51.100.0/26", "no service has 198.51.100.0/26; web has 198.51.100.0/25 "
                            "around it"), ("0.0.0.0/0", "no service has 0.0.0.0/0")):
        error = daemon.ask("why", prefix=asked)["error"]
        assert error == {"code": "not-found", "message": message}, error


def test_service_that_is_not_there(world):
    more = "  - {name: web, prefixes: 203.0.113.0/24, addresses: 203.0.113.80}\nupstreams:\n"
    daemon = harness.Daemon(world, site.config(world).replace("upstreams:\n", more))
    for asked, message in (("dnss", "no service `dnss`; did you mean `dns`?"),
                           ("WEB", "no service `WEB`; did you mean `web`?"),
                           ("resolver", "no service `resolver`; there are: dns, web"),
                           ("", "no service ``; there are: dns, web")):
        for cmd in ("off", "on", "drain", "undrain"):
            assert daemon.ask(cmd, service=asked)["error"]["message"] == message
        reply = daemon.ask("show", what="fleet", service=asked)
        assert reply["error"]["message"] == message, reply


def test_arguments_too_many(world):
    for program in "nearcastd", "nearglass":
        run = subprocess.run([harness.BUILD / program / program, "-n", "some.yaml"], capture_output=True, text=True)
        assert run.returncode == 2 and not run.stdout
        assert run.stderr.startswith(f"{program}: `some.yaml` is too much: a file is named with -c\nusage: "), run


def test_without_permission(world):
    daemon = harness.Daemon(world, site.config(world))
    world.folder.chmod(0o755)
    run = lambda *words: subprocess.run([harness.BUILD / "nearcast/nearcast", "-s", *words], user=65534,
                                        group=65534, extra_groups=[], capture_output=True, text=True)
    assert run(daemon.readonly, "status").returncode == 0
    refused = run(daemon.control, "off", "dns")
    assert refused.returncode == 3, refused
    assert refused.stderr == (f"nearcast: {daemon.control}: Permission denied: it is for its owner and its "
                              "group\n"), refused
    assert run(daemon.readonly, "off", "dns").stderr == "nearcast: this is the read-only socket\n"


def test_user_is_looked_up_with_the_configuration(world):
    """And not at each run: a directory in the network may be slow, or gone."""
    assert harness.LIBC.unshare(0x20000) == 0  # CLONE_NEWNS
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    users = world.file("passwd", Path("/etc/passwd").read_text() + "checker:x:4711:4712::/:/bin/sh\n")
    subprocess.run(["mount", "--bind", users, "/etc/passwd"], check=True)
    out = world.file("out", "")
    world.folder.chmod(0o755)
    out.chmod(0o666)
    check = (f"      - {{kind: exec, user: checker, command: [/bin/sh, -c, 'id -u >> {out}'], "
             "interval: 100ms, timeout: 100ms, fall: 1}\n")
    daemon = harness.Daemon(world, site.config(world).replace("checks:\n", "checks:\n" + check))
    daemon.wait_event("check_passed", subject="dns/exec")
    users.write_text(users.read_text().replace("checker", "gone"))
    runs = len(out.read_text().split())
    harness.wait_for("three more runs", lambda: len(out.read_text().split()) > runs + 2)
    assert set(out.read_text().split()) == {"4711"}
    failed = [e for e in daemon.events() if e["type"] == "check_failed"]
    assert not [e for e in failed if e["reason"] != "timeout"], failed  # of a busy machine


def test_program_has_no_capabilities(world):
    """Of a daemon that has some without being root, as by AmbientCapabilities= of systemd."""
    harness.needs("setpriv")
    config = site.config(world, site.upstream(more=", passive: yes"))
    world.folder.chmod(0o777)
    check = ("      - {kind: exec, command: [/bin/sh, -c, 'grep ^CapEff: /proc/self/status'], "
             "interval: 100ms, timeout: 100ms}\n")
    path = world.file("nobody.yaml", config.replace("checks:\n", "checks:\n" + check) +
                      f"\ncontrol: {world.folder}/control\nreadonly: {world.folder}/readonly\n")
    caps = "+net_admin,+net_bind_service"
    daemon = harness.Daemon.__new__(harness.Daemon)
    daemon.control, daemon.log_path = world.folder / "control", world.folder / "log"
    with open(daemon.log_path, "w") as log:
        daemon.process = world.start(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={caps}",
            f"--ambient-caps={caps}", harness.BUILD / "nearcastd/nearcastd", "-c", path, stderr=log)
    harness.wait_for("the control socket", lambda: daemon.control.exists() and daemon.answers())
    passed = daemon.wait_event("check_passed", subject="dns/exec")
    assert passed["detail"].endswith("0" * 16), passed
    assert daemon.status()["services"][0]["prefixes"][0]["reason"] != "no-address", "the daemon has them"


def own_mounts():
    assert harness.LIBC.unshare(0x20000) == 0  # CLONE_NEWNS
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def dead_folder(world):
    """A mounted file system of which nobody answers; the descriptor that it hangs on. After own_mounts()."""
    try:
        fuse = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise harness.Skip(f"no FUSE: {error}") from error
    dead = world.folder / "dead"
    dead.mkdir(exist_ok=True)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if harness.LIBC.mount(b"fuse", str(dead).encode(), b"fuse", 0, options) != 0:
        raise harness.Skip("cannot mount FUSE")
    world.closers.append(lambda: harness.LIBC.umount2(str(dead).encode(), 1))  # MNT_FORCE: who waits is let go
    world.folder.chmod(0o755)
    return dead, fuse


def serve_nothing(fuse):
    """Answer INIT, and take what else is asked for, so that who asked cannot be killed any more
    (linux/fuse.h: struct fuse_in_header, fuse_out_header, fuse_init_out)."""
    init = os.read(fuse, 1 << 20)
    unique = struct.unpack_from("=IIQ", init)[2]
    os.write(fuse, struct.pack("=IiQIIIIHHIIHH8I", 80, 0, unique, 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0,
                               *[0] * 8))
    while True:
        try:
            os.read(fuse, 1 << 20)
        except OSError:
            return


def test_program_that_cannot_be_killed(world):
    """Runs of a check that hang in the kernel do not pile up."""
    own_mounts()
    dead, fuse = dead_folder(world)
    threading.Thread(target=serve_nothing, args=(fuse,), daemon=True).start()
    check = (f"      - {{kind: exec, command: [/usr/bin/stat, {dead}/x], interval: 100ms, "
             "timeout: 100ms}\n")
    config = site.config(world).replace("checks:\n", "checks:\n" + check)
    daemon = harness.Daemon(world, config)
    harness.wait_for("the refusal", lambda: "3 earlier runs cannot be killed" in next(
        c["detail"] for c in daemon.ask("show", what="checks")["result"]["checks"]
        if c["kind"] == "exec"))
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
    assert len(children.read_text().split()) == 3
    daemon.process.terminate()
    assert daemon.process.wait(5) == 0, "it is not waited for at the end"
    daemon = harness.Daemon(world, config)
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
    harness.wait_for("three of the next daemon", lambda: len(children.read_text().split()) == 3)
    harness.LIBC.umount2(str(dead).encode(), 1)  # MNT_FORCE: all that is asked for fails
    harness.wait_for("the end of the runs", lambda: len(children.read_text().split()) < 3)


def test_program_of_a_dead_file_system(world):
    """A program that cannot be read hangs by itself, and the daemon goes on: its sessions too."""
    own_mounts()
    program = world.folder / "dead/program"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    world.folder.chmod(0o755)
    check = (f"      - {{kind: exec, command: [{program}], interval: 100ms, timeout: 100ms, fall: 1, rise: 1, "
             "scope: dependency}\n")
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world, site.upstream(hold="3s")).replace(
        "checks:\n", "checks:\n" + check))
    session = neighbour.accept()
    session.establish()
    daemon.wait_event("check_passed", subject="dns/exec")
    _, fuse = dead_folder(world)
    threading.Thread(target=serve_nothing, args=(fuse,), daemon=True).start()
    daemon.wait_event("check_failed", subject="dns/exec", reason="timeout")
    last = lambda: next(c["detail"] for c in daemon.ask("show", what="checks")["result"]["checks"]
                        if c["kind"] == "exec")
    harness.wait_for("the refusal", lambda: "3 earlier runs cannot be killed" in last())
    assert daemon.status()["services"][0]["prefixes"][0]["reason"] == "degraded"
    session.send(bgp.keepalive())
    # And what hangs holds nothing of the daemon: no session outlives it.
    daemon.process.kill()
    session.sock.settimeout(2)
    session.expect_closed()


def test_file_system_that_does_not_answer(world):
    """A look at a file that hangs is a failed check, and nobody else waits for it."""
    own_mounts()
    dead, fuse = dead_folder(world)
    check = f"      - {{kind: file, name: dead, path: {dead}/x, interval: 100ms, timeout: 50ms}}\n"
    daemon = harness.Daemon(world, site.config(world).replace("checks:\n", "checks:\n" + check))
    daemon.wait_event("check_failed", subject="dns/dead")
    daemon.wait_event("check_passed", subject="dns/file")
    check = harness.wait_for("a second try", lambda: next(
        (c for c in daemon.ask("show", what="checks")["result"]["checks"]
         if c["name"] == "dead" and "does not answer" in c["detail"]), None))
    assert check["result"] == "down" and check["reason"] == "could-not-run", check
    os.close(fuse)  # it answers: with an error
    harness.wait_for("the error", lambda: "Transport" in next(
        c["detail"] for c in daemon.ask("show", what="checks")["result"]["checks"]
        if c["name"] == "dead"))
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    harness.LIBC.umount2(str(dead).encode(), 2)  # MNT_DETACH


def test_details_of_several_lines(world):
    """A refused reload stands in the log with its carets; nobody's reason looks like an event."""
    daemon = harness.Daemon(world, site.config(world))
    daemon.path.write_text(daemon.path.read_text().replace("as: 64500", "as: many"))
    daemon.ask("reload")
    shown = (f"{daemon.path}:3:5: `as` cannot be `many`\n      as: many\n          ^\n"
             "      expected an AS number from 1 to 4294967295\n")
    harness.wait_for("it in the log", lambda: shown in daemon.log())  # written after the reply
    assert shown in tool(daemon, "show", "events").stdout
    daemon.ask("off", service="dns", reason="x\n2026-01-01T00:00:00.000000Z #99 started\x1b[2J")
    forged = "x\n    2026-01-01T00:00:00.000000Z #99 started?[2J\n"
    harness.wait_for("it in the log", lambda: forged in daemon.log())
    assert forged in tool(daemon, "show", "events").stdout


def test_readonly_socket(world):
    _, daemon, _ = begin(world)
    daemon.control = daemon.readonly
    assert daemon.status()["site"] == "fra1"
    for cmd in ("off", "on", "reload"):
        assert daemon.ask(cmd, service="dns")["error"]["code"] == "not-permitted"


def test_control_bad_requests(world):
    _, daemon, _ = begin(world)
    for line in (b"\n", b"{}\n", b"[]\n", b'{"cmd":5}\n', b"\xff\xfe\n", b'{"cmd":"nosuch"}\n',
                 b'{"cmd":"why"}\n', b'{"cmd":"why","prefix":"x"}\n', b'{"cmd":"show"}\n',
                 b'{"cmd":"off"}\n', b'{"cmd":"why","prefix":"10.0.0.0/8"}\n', b"{" * 1000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(str(daemon.control))
            s.sendall(line)
            reply = json.loads(s.makefile().readline())
            assert reply["ok"] is False and reply["error"]["message"], (line, reply)
    with socket.socket(socket.AF_UNIX) as s:  # a line without end is cut off
        s.settimeout(5)
        s.connect(str(daemon.control))
        try:
            while True:
                s.sendall(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert daemon.status()["site"] == "fra1"


def tool(daemon, *words):
    return subprocess.run([harness.BUILD / "nearcast/nearcast", "-s", daemon.control, *words],
                          capture_output=True, text=True, timeout=30)


def test_every_question(world):
    """Of a site without a fleet, and without neighbours at all: each is answered."""
    full = site.config(world)
    alone = full.split("upstreams:\n")[0]
    other = alone.replace("- name: dns", "- name: web")
    daemon = harness.Daemon(world, full)
    asked = [{"what": w, **more} for w in ("upstreams", "services", "checks", "memory", "fleet", "flows")
             for more in ({}, {"since": 1}, {"since": 1 << 60}, {"service": "dns"})]
    for config in (full, alone, other, full):
        daemon.path.write_text(daemon.complete(config))
        reply = daemon.ask("reload", yes=True)
        assert reply["ok"], reply
        for cmd in ("status", "events", "config"):
            assert daemon.ask(cmd)["ok"], cmd
        assert daemon.ask("status", rows=False)["ok"]
        for question in asked:
            reply = daemon.ask("show", **question)
            there = "service" not in question or config is not other
            assert reply["ok"] is there, (question, reply)
        assert daemon.ask("why", prefix="198.51.100.53")["ok"]
    for words in (["status"], ["why", "198.51.100.0/24"], *(["show", w] for w in (
            "upstreams", "fleet", "services", "checks", "flows", "events", "memory", "version"))):
        for json_too in ([], ["-j"]):
            run = tool(daemon, *json_too, *words)
            assert run.returncode == 0 and run.stdout, (words, run)
    assert daemon.alive()


def test_many_clients(world):
    """Those who may only look keep nobody out who may change; who is turned away is told."""
    daemon = harness.Daemon(world, site.config(world))
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(70)]
    for client in crowd:
        client.connect(str(daemon.readonly))
        client.settimeout(5)
    refused = json.loads(crowd[-1].makefile().readline())
    assert refused["error"]["code"] == "busy", refused
    run = tool(daemon, "off", "dns")
    assert run.returncode == 0, run
    daemon.control = daemon.readonly
    run = tool(daemon, "status")
    assert run.returncode == 1 and "too many clients" in run.stderr, run


def test_large_status(world):
    """It comes whole, however long it takes to send."""
    services = "".join(f"  - {{name: s{n}, prefixes: 10.0.{n}.0/24, addresses: 10.0.{n}.1, "
                       "manage-addresses: no}\n" for n in range(250))
    upstreams = [site.upstream(f"u{n}", f"127.0.1.{n + 1}", more=", passive: yes")
                 for n in range(250)]
    daemon = harness.Daemon(world, site.config(world, *upstreams).replace(
        "upstreams:\n", services + "upstreams:\n"))
    run = tool(daemon, "-j", "status")
    assert run.returncode == 0, run.stderr
    assert len(run.stdout) > 4 << 20 and len(json.loads(run.stdout)["services"]) == 251


def test_control_is_something_else(world):
    """Only a socket is ever removed to make room."""
    for make in (lambda p: p.write_text("precious"), Path.mkdir,
                 lambda p: p.symlink_to(world.file("precious", ""))):
        control = world.folder / "c"
        make(control)
        path = world.file("a.yaml", site.config(world) + f"control: {control}\n"
                          f"readonly: {world.folder}/r\n")
        run = subprocess.run([harness.BUILD / "nearcastd/nearcastd", "-c", path],
                             capture_output=True, text=True, timeout=10)
        assert run.returncode == 1 and f"{control} is there and is no socket" in run.stderr, run
        assert control.is_symlink() or control.exists()
        control.rmdir() if control.is_dir() else control.unlink()


def test_reload_keeps_sessions(world):
    _, daemon, session = begin(world)
    before = daemon.status()["upstreams"][0]["established"]
    config = site.config(world)
    assert daemon.reload(config.replace("med: 10", "med: 20"))["ok"]
    update = session.next_update()
    assert update["attributes"][4] == b"\0\0\0\x14" and not update["withdraw"]
    session.next_update()  # the other family
    assert daemon.reload(config.replace('"2001:db8:53::/48"', '"2001:db8:52::/47"')
                         .replace("2001:db8:53::53", "2001:db8:52::53"))["ok"]
    seen = {"+": set(), "-": set()}
    while "2001:db8:53::/48" not in seen["-"] or "2001:db8:52::/47" not in seen["+"]:
        update = session.next_update()
        seen["+"] |= set(update["announce"])
        seen["-"] |= set(update["withdraw"])
    assert "198.51.100.0/24" not in seen["-"]
    assert daemon.status()["upstreams"][0]["established"] == before
    harness.wait_for("the new address", lambda: "2001:db8:52::53" in addresses())
    assert "2001:db8:53::53" not in addresses()


def test_reload_that_decides_and_ends_sessions(world):
    """A new configuration by which the service is decided otherwise, at the very reload that ends the
    last session: what is decided is told to the sessions that come, and only when all is in place."""
    neighbour = bgp.Neighbour(world)
    after = lambda text, wait: text.replace("    announce:\n", f"    announce-after: {wait}\n    announce:\n")
    slow = after(site.config(world, *[site.upstream(f"q{i}", f"127.0.0.{10 + i}") for i in range(3)],
                             site.upstream()), "60s")
    daemon = harness.Daemon(world, slow)
    session = neighbour.accept()
    session.establish()
    announced(session)
    site.set_up(world, False)
    withdrawn(session)
    site.set_up(world, True)
    prefix = lambda: daemon.status()["services"][0]["prefixes"][0]
    harness.wait_for("recovering", lambda: prefix()["reason"] == "recovering")
    last = daemon.events()[-1]["seq"]
    assert daemon.reload(after(site.config(world, site.upstream(hold="30s")), "0s"))["ok"]
    assert daemon.alive() and prefix()["announce"] == "announced"
    session.expect_notification(6, 6)
    session = neighbour.accept()
    session.establish()
    announced(session)
    events = daemon.events(last)
    reload = next(e for e in events if e["type"] == "reloaded")
    decided = next(e for e in events if e["type"] == "decided")
    assert decided["cause_seq"] == reload["seq"], events


def test_reload_that_adds_a_check(world):
    """A new check has no verdict yet: that withdraws nothing."""
    _, daemon, session = begin(world)
    new = site.config(world).replace(
        "    announce:\n", "      - {kind: address, interval: 1s, timeout: 500ms}\n    announce:\n")
    after = daemon.events()[-1]["seq"]
    assert daemon.reload(new)["ok"]
    daemon.wait_event("check_passed", after=after)
    assert daemon.status()["services"][0]["prefixes"][0]["announce"] == "announced"
    assert not [e for e in daemon.events(after) if e["type"] == "withdrawn"]


def test_reload_that_adds_a_slow_check(world):
    """A service that failed and is back is not withheld by a check that a reload added and that has said nothing."""
    _, daemon, session = begin(world)
    slow = f"      - {{kind: file, name: slow, path: {world.folder}/up, interval: 1h, timeout: 1s, rise: 2}}\n"
    assert daemon.reload(site.config(world).replace("checks:\n", "checks:\n" + slow))["ok"]
    site.set_up(world, False)
    withdrawn(session)
    seq = daemon.events()[-1]["seq"]
    site.set_up(world, True)
    announced(session)
    changed = [e["reason"] for e in daemon.events(seq) if e["type"] == "health_changed"]
    assert changed == ["up"], changed
    checks = {c["name"]: c["result"] for c in daemon.ask("show", what="checks")["result"]["checks"]}
    assert checks["slow"] == "starting", checks  # else this test shows nothing


def test_reload_that_would_withdraw(world):
    """Losing more than one prefix wants a yes; the session's restart counts as losing them."""
    _, daemon, session = begin(world)
    good = site.config(world)
    fewer = good.replace('prefixes: [198.51.100.0/24, "2001:db8:53::/48"]',
                         'prefixes: [203.0.113.0/24]').replace(
                             'addresses: [198.51.100.53, "2001:db8:53::53"]',
                             "addresses: [203.0.113.53]")
    restart = site.config(world, site.upstream(hold="30s"))
    for config in (fewer, restart):
        reply = daemon.reload(config)
        message = reply["error"]["message"]
        assert "withdraw 2 prefixes (198.51.100.0/24, 2001:db8:53::/48)" in message, message
        assert "--yes" in message
    session.send(bgp.keepalive())
    assert daemon.status()["upstreams"][0]["sent"] == 2
    one = good.replace('198.51.100.0/24, "2001:db8:53::/48"', "198.51.100.0/24").replace(
        '198.51.100.53, "2001:db8:53::53"', "198.51.100.53")
    assert daemon.reload(one)["ok"]
    assert session.next_update()["withdraw"] == ["2001:db8:53::/48"]
    daemon.path.write_text(daemon.complete(fewer))
    assert daemon.ask("reload", yes=True)["ok"]
    seen = session.next_update(), session.next_update()
    assert {p for u in seen for p in u["withdraw"]} == {"198.51.100.0/24"}, seen
    assert {p for u in seen for p in u["announce"]} == {"203.0.113.0/24"}, seen


def test_reload_that_renames(world):
    """A service of another name begins anew, and what it takes over is withdrawn up to its first verdict."""
    _, daemon, session = begin(world)
    good = site.config(world)
    renamed = good.replace("- name: dns", "- name: dns1")
    message = daemon.reload(renamed)["error"]["message"]
    assert "withdraw 2 prefixes (198.51.100.0/24, 2001:db8:53::/48)" in message, message
    v4 = '[198.51.100.0/24, "2001:db8:53::/48"]', '[198.51.100.53, "2001:db8:53::53"]'
    head, rest = good.replace(v4[0], "[203.0.113.0/24]").replace(v4[1], "[203.0.113.53]").split("upstreams:\n")
    other = good[good.index("  - name: dns"):good.index("upstreams:\n")].replace("dns", "web")
    message = daemon.reload(f"{head}{other}upstreams:\n{rest}")["error"]["message"]
    assert "withdraw 2 prefixes" in message, message
    daemon.path.write_text(daemon.complete(renamed))
    assert daemon.ask("reload", yes=True)["ok"]
    withdrawn(session)
    announced(session)
    events = {e["seq"]: e for e in daemon.events()}
    lost = next(e for e in events.values() if e["type"] == "withdrawn")
    assert events[lost["cause_seq"]]["type"] == "reloaded", lost


def test_reload_that_would_withdraw_many(world):
    """The refusal of much says what to do, and all that is wrong with the file."""
    many = [f"10.0.{i}.0/24" for i in range(200)]
    neighbour = bgp.Neighbour(world)
    full = site.config(world).replace("198.51.100.0/24, ", f"198.51.100.0/24, {', '.join(many)}, ", 1)
    daemon = harness.Daemon(world, full)
    session = neighbour.accept()
    session.establish()
    harness.wait_for("them all", lambda: daemon.status()["upstreams"][0]["sent"] == 202)
    message = daemon.reload(site.config(world))["error"]["message"]
    assert "withdraw 200 prefixes (10.0.0.0/24, " in message and "10.0.7.0/24 and 192 more)" in message
    assert message.endswith("`nearcast reload --yes` does it"), message
    wrong = "".join(f"no-such-key-{i}: 1\n" for i in range(40))
    message = daemon.reload(site.config(world) + wrong)["error"]["message"]
    assert all(f"`no-such-key-{i}`" in message for i in range(40)), message
    assert daemon.status()["upstreams"][0]["sent"] == 202


def test_check_prints_the_difference(world):
    _, daemon, _ = begin(world)
    tool = [harness.BUILD / "nearcast/nearcast", "-s", daemon.readonly, "check"]
    new = world.file("new.yaml", daemon.path.read_text().replace("med: 10", "med: 20"))

    def check(path, *words):
        run = subprocess.run([*tool, path, *words], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    assert "It is what nearcastd runs." in check(daemon.path)
    text = check(new)
    assert "differs" in text and "-         med: 10" in text and "+         med: 20" in text, text
    difference = json.loads(check(new, "-j"))["difference"]
    assert sorted((d["op"], d["line"].strip()) for d in difference) == [
        ("+", "med: 20"), ("+", "med: 20"), ("+", "med: 20"),
        ("-", "med: 10"), ("-", "med: 10"), ("-", "med: 10")], difference
    daemon.process.kill()
    daemon.process.wait()
    assert "runs" not in check(new)  # nobody to ask: just the verdict


def test_reload_of_upstreams(world):
    neighbour, daemon, session = begin(world)
    other = bgp.Neighbour(world, "127.0.0.4")
    both = site.config(world, site.upstream(), site.upstream("b", "127.0.0.4", 64499))
    assert daemon.reload(both)["ok"]
    second = other.accept()
    second.establish(asn=64499, router_id="192.0.2.99")
    announced(second)
    changed = site.config(world, site.upstream(), site.upstream("b", "127.0.0.4", 64499, hold="30s"))
    assert daemon.reload(changed)["ok"]
    second.expect_notification(6, 6)
    second.close()
    second = other.accept()
    second.establish(asn=64499, router_id="192.0.2.99")
    announced(second)
    assert daemon.reload(site.config(world))["ok"]
    second.expect_notification(6, 3)
    assert [u["name"] for u in daemon.status()["upstreams"]] == ["a"]
    assert daemon.status()["upstreams"][0]["established"] == 1
    session.send(bgp.keepalive())  # the first session lives


def test_reload_that_is_refused(world):
    _, daemon, session = begin(world)
    good = site.config(world)
    before = daemon.status()
    for bad, expected in (
            (good.replace("198.51.100.0/24", "198.51.100.1/24"), "198.51.100.0/24"),
            (good.replace("upstreams:", "upstrems:"), "upstreams"),
            (good.replace("as: 64500", "as: many"), "as"),
            (good + "listen-port: 1790\n", "listen-port"),
            ("site: [", "")):
        reply = daemon.reload(bad)
        assert not reply["ok"] and expected in reply["error"]["message"], reply
        daemon.path.write_text(daemon.complete(bad))
        after = daemon.events()[-1]["seq"]
        daemon.process.send_signal(signal.SIGHUP)  # the other way to ask
        daemon.wait_event("reload_refused", after=after)
    now = daemon.status()
    assert now["upstreams"][0]["established"] == 1
    assert now["services"][0]["prefixes"] and [p["since"] for p in now["services"][0]["prefixes"]
                                               ] == [p["since"] for p in before["services"][0]["prefixes"]]
    daemon.path.unlink()
    assert not daemon.ask("reload")["ok"]
    assert daemon.alive()


def test_md5(world):
    """RFC 2385 towards a real BIRD with the same and with another password."""
    harness.needs("bird", "birdc")
    key = world.file("key", "correct horse\n")
    key.chmod(0o600)
    bird = world.file("bird.conf", f"""
router id 192.0.2.96;
protocol device {{ }}
protocol bgp good {{ local 127.0.0.3 as 64497; neighbor 127.0.0.1 as 64500; multihop; strict bind;
    password "correct horse"; ipv4 {{ import all; export none; }}; }}
protocol bgp bad {{ local 127.0.0.5 as 64498; neighbor 127.0.0.1 as 64500; multihop; strict bind;
    password "battery staple"; ipv4 {{ import all; export none; }}; }}
""")
    control = world.folder / "bird.ctl"
    world.start("/usr/sbin/bird", "-f", "-c", bird, "-s", control, "-P", world.folder / "pid")
    more = f", multihop: yes, password-file: {key}"
    daemon = harness.Daemon(world, site.config(
        world, site.upstream("good", "127.0.0.3", 64497, more=more),
        site.upstream("bad", "127.0.0.5", 64498, more=more)))
    daemon.wait_event("upstream_up", upstream="good")
    states = {u["name"]: u["state"] for u in daemon.status()["upstreams"]}
    assert states["good"] == "Established" and states["bad"] != "Established", states
    assert "correct horse" not in json.dumps(daemon.status()) + daemon.log()


def test_gtsm(world):
    """RFC 5082: with ttl-security, what arrives with a lower TTL never gets an answer."""
    neighbour = bgp.Neighbour(world)
    daemon = harness.Daemon(world, site.config(world, site.upstream(
        more=", ttl-security: 1, passive: yes")))
    harness.wait_for("Active", lambda: daemon.status()["upstreams"][0]["state"] == "Active")
    far = neighbour.connect()  # loopback sends with TTL 64
    far.seconds = 0.5
    try:
        got = far.receive()
    except TimeoutError:
        got = None
    assert got is None or got[0] == bgp.OPEN
    far.send(bgp.open_message(), bgp.keepalive())
    assert daemon.status()["upstreams"][0]["state"] != "Established"
    far.close()
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
    sock.bind(("127.0.0.2", 0))
    sock.connect(("127.0.0.1", 179))
    near = bgp.Session(sock)
    near.establish()
    announced(near)


if __name__ == "__main__":
    harness.main(globals())
