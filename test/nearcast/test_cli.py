#!/usr/bin/python3
"""The tool against a scripted control socket: what it asks, prints and exits with."""

import json
import os
import pty
import shutil
import socket
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
import harness  # noqa: E402
from fake_daemon import EVENTS, STATUS, WHY, FakeDaemon, ok, refused  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
# Unix sockets in a folder of its own are all that a case here touches; no rights are needed.
harness.enter_namespace = lambda: None

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


def run(*args, **kwargs):
    return subprocess.run([str(NEARCAST), *map(str, args)], capture_output=True, text=True,
                          timeout=harness.WAIT_S, check=False, **kwargs)


def expect(result, status, out=None, err=None):
    assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
    if out is not None:
        assert result.stdout == out, f"\n{result.stdout}\ninstead of\n{out}"
    if err is not None:
        assert result.stderr == err, f"\n{result.stderr}\ninstead of\n{err}"
    return result


def changed(base, **members):
    return json.loads(json.dumps(base)) | members


# ---- Usage ----

def test_usage(world):
    rows = [
        ((), "usage: nearcast"),
        (("statsu",), "nearcast: no verb `statsu`; did you mean `status`?\n"),
        (("s",), "nearcast: verb `s` could be: status, show\n"),
        (("zebra", "x"), "nearcast: no verb `zebra`; there are: status, why, show, watch, check, "
                         "doctor, decode, off, on, drain, undrain, reload, plan, lab, help\n"),
        (("drain",), "nearcast: drain wants either a service or --all\n"),
        (("", "x"), "nearcast: no verb ``"),
        (("show",), "usage: nearcast [-j] [-s SOCKET] show upstreams |"),
        (("show", "x"), "nearcast: no list `x`; there are: upstreams, fleet, services, checks, "
                        "flows, events, memory, version\n"),
        (("show", "chekcs"), "nearcast: no list `chekcs`; did you mean `checks`?\n"),
        (("status", "x"), "usage: nearcast [-j] [-s SOCKET] status\n"),
        (("why",), "usage: nearcast [-j] [-s SOCKET] why PREFIX\n"),
        (("why", "198.51.100.53/24"),
         "nearcast: 198.51.100.53/24 has host bits; did you mean 198.51.100.0/24?\n"),
        (("why", "dns"), "nearcast: `dns` is no prefix or address, as 198.51.100.0/24 or 2001:db8:53::53\n"),
        (("off",), "usage: nearcast [-j] [-s SOCKET] off SERVICE [--reason TEXT] [--force]\n"),
        (("-x",), "nearcast: no option -x\n"),
        (("-s", "", "status"), "nearcast: -s wants the path of a socket\n"),
        (("drain", "dns", "--for", "9999d"), "nearcast: --for: it is longer than 366 days\n"),
        (("status", "--frob"), "nearcast: no option --frob\n"),
        (("-s",), "nearcast: -s wants a value\n"),
        (("status", "--reason", "x"), "nearcast: --reason does not go with `status`\n"),
        (("show", "checks", "--service", "x"), "nearcast: --service goes with `show fleet` only\n"),
        (("on", "dns", "--after", "1"), "nearcast: --after does not go with `on`\n"),
        (("watch", "--after", "x"), "nearcast: --after wants the number of an event\n"),
        (("show", "checks", "--after", "1"),
         "nearcast: --after goes with `show events` only\n"),
        (("help", "x"), "nearcast: no verb `x`"),
    ]
    for args, message in rows:
        result = expect(run(*args), USAGE, "")
        assert result.stderr.startswith(message), (args, result.stderr)


def test_help_and_version(world):
    whole = expect(run("help"), DONE, err="").stdout
    assert whole == run("-h").stdout
    for verb in ("status", "why", "show", "watch", "check", "decode", "off", "on", "lab", "help"):
        assert f"\n  {verb} " in whole
        one = expect(run("help", verb), DONE, err="").stdout
        assert f"nearcast [-j] [-s SOCKET] {verb}" in one
        if verb != "lab":  # which has options of its own
            assert one == run(verb, "--help").stdout
    assert run("-V").stdout.startswith("nearcast 0.")


# ---- Reaching the daemon ----

def test_unreachable(world):
    path = world.folder / "nobody"
    message = f"nearcastd does not answer at {path}: No such file or directory"
    for args in (("status",), ("why", "192.0.2.0/24"), ("show", "checks"), ("show", "version"),
                 ("watch",), ("off", "dns"), ("on", "dns")):
        expect(run("-s", path, *args), UNREACHABLE, "", f"nearcast: {message}\n")
        result = expect(run("-j", "-s", path, *args), UNREACHABLE, err="")
        assert json.loads(result.stdout) == {
            "error": {"code": "not-reachable", "message": message}}
    long = "/" + "x" * 200
    expect(run("-s", long, "status"), UNREACHABLE, "",
           f"nearcast: nearcastd does not answer at {long}: File name too long\n")


def test_bad_replies(world):
    rows = [
        (b"", "it closed the connection"),
        (b"{\"ok\":true", "it closed the connection"),
        (b"hello\n", "what it says is no reply"),
        (b"{}\n", "what it says is no reply"),
        (b"[]\n", "what it says is no reply"),
        (b"{\"ok\":true}\n", "what it says is no reply"),
        (b"{\"ok\":false}\n", "what it says is no reply"),
    ]
    for number, (reply, why) in enumerate(rows):
        daemon = FakeDaemon(world, {"status": reply}, f"control{number}")
        expect(run("-s", daemon.path, "status"), UNREACHABLE, "",
               f"nearcast: nearcastd does not answer at {daemon.path}: {why}\n")


def test_odd_results_do_not_crash(world):
    for number, result in enumerate(({}, [], "x", 1, {"services": 5, "upstreams": {}},
                                     {"services": [1, {}, {"prefixes": [{}]}]},
                                     {"upstreams": [{"uptime_seconds": 1e300, "since_seconds": -1e300}],
                                      "drain": {"stage": "demoted", "next_seconds": 1e300, "until_seconds": -1e30}})):
        replies = {c: ok(result) for c in ("status", "why", "show", "events", "off", "drain")}
        daemon = FakeDaemon(world, replies, f"control{number}")
        for args in (("status",), ("why", "192.0.2.0/24"), ("show", "checks"), ("show", "events"),
                     ("show", "memory"), ("show", "services"), ("show", "upstreams"), ("off", "dns"), ("drain", "dns")):
            expect(run("-s", daemon.path, *args), DONE, err="")


def test_refusals(world):
    daemon = FakeDaemon(world, {"why": refused("not-found", "no service has this prefix"),
                                "off": refused("not-permitted", "this is the read-only socket"),
                                "reload": refused("refused", "c.yaml:1:2: bad \x1b[31m\n  x\x07\n  ^\n")})
    expect(run("-s", daemon.path, "why", "192.0.2.0/24"), REFUSED, "",
           "nearcast: no service has this prefix\n")
    expect(run("-s", daemon.path, "reload"), REFUSED, "", "nearcast: c.yaml:1:2: bad ?[31m\n  x?\n  ^\n\n")
    result = expect(run("-j", "-s", daemon.path, "off", "dns"), REFUSED, err="")
    assert json.loads(result.stdout)["error"]["code"] == "not-permitted"


def test_not_utf8(world):
    result = subprocess.run([NEARCAST, "off", b"\xff"], capture_output=True, check=False)
    assert result.returncode == USAGE
    assert result.stderr == b"nearcast: the argument is not UTF-8\n"


# ---- Requests ----

def test_requests(world):
    admin = {"service": "dns", "admin": "off", "announce": "withdrawn", "changed": True}
    daemon = FakeDaemon(world, {
        "status": ok(STATUS), "why": ok(WHY), "events": ok({"events": EVENTS}), "off": ok(admin),
        "on": ok(admin), "show": ok({"checks": []})})
    rows = [
        (("status",), {"cmd": "status", "rows": False}),
        (("st",), {"cmd": "status", "rows": False}),
        (("-j", "status"), {"cmd": "status"}),
        (("why", "2001:DB8::/32"), {"cmd": "why", "prefix": "2001:db8::/32"}),
        (("show", "checks"), {"cmd": "show", "what": "checks"}),
        (("sh", "ch"), {"cmd": "show", "what": "checks"}),
        (("show", "events"), {"cmd": "events", "after": 0}),
        (("show", "events", "--after", "12"), {"cmd": "events", "after": 12}),
        (("off", "dns"), {"cmd": "off", "service": "dns"}),
        (("off", "dns", "--force"), {"cmd": "off", "service": "dns", "force": True}),
        (("show", "fleet"), {"cmd": "show", "what": "fleet"}),
        (("show", "fleet", "--service", "dns"), {"cmd": "show", "what": "fleet", "service": "dns"}),
        (("off", "--reason", "Z\u00fcrich \"x\"", "dns"),
         {"cmd": "off", "service": "dns", "reason": "Z\u00fcrich \"x\""}),
        (("on", "dns"), {"cmd": "on", "service": "dns"}),
    ]
    for args, request in rows:
        expect(run("-s", daemon.path, *args), DONE, err="")
        assert daemon.requests[-1] == request, (args, daemon.requests[-1])
        expect(run(*args, "-s", daemon.path), DONE, err="")  # options after the verb


# ---- What is printed ----

def pairs(text):
    """Parsed, with the order of members and the spelling of numbers kept."""
    return json.loads(text, object_pairs_hook=list, parse_float=str)


def test_json_passes_through(world):
    daemon = FakeDaemon(world, {"status": ok(STATUS), "why": ok(WHY),
                                "show": ok({"upstreams": STATUS["upstreams"]}),
                                "events": ok({"events": EVENTS})})
    for args, want in ((("status",), STATUS), (("why", "198.51.100.0/24"), WHY),
                       (("show", "upstreams"), {"upstreams": STATUS["upstreams"]}),
                       (("show", "events"), {"events": EVENTS})):
        for place in (("-j", *args), (*args, "-j"), (*args, "--json")):
            out = expect(run("-s", daemon.path, *place), DONE, err="").stdout
            assert out.endswith("\n") and out.count("\n") == 1, out
            assert pairs(out) == pairs(json.dumps(want)), out


def test_status_text(world):
    daemon = FakeDaemon(world, {"status": ok(STATUS)})
    expect(run("-s", daemon.path, "status"), DONE, """\
fra1: dns is up and announced at 2 of 2 upstreams.

service  health  admin   prefix           announce   reason   since  upstreams
dns      up      active  198.51.100.0/24  announced  healthy  5m05s  2 of 2

service  check  kind  scope    result  since  detail
dns      dns-1  dns   service  up      5m12s  NOERROR

upstream   address              as  state        uptime  sent  received  bfd   last error
transit-a  203.0.113.1       64496  Established  6m40s      1         0  Up    -
transit-b  2001:db8:ffff::1  64497  Active       -          1        12  Down  hold timer expired
""", "")


def test_status_says_what_is_not_watched(world):
    error = "no socket events from the kernel: Too many open files"
    daemon = FakeDaemon(world, {"status": ok(changed(STATUS, watch_error=error))})
    lines = expect(run("-s", daemon.path, "status"), DONE).stdout.splitlines()
    assert lines[1:3] == [f"A crash is noticed by the next check only: {error}.", ""], lines


def headline(world, name, **members):
    daemon = FakeDaemon(world, {"status": ok(changed(STATUS, **members))}, name)
    return expect(run("-s", daemon.path, "status"), DONE).stdout.splitlines()[0]


def test_status_headlines(world):
    def service(name, health, announce, reason, told):
        return {"name": name, "health": health, "admin": "active", "checks": [], "prefixes": [
            {"prefix": "192.0.2.0/24", "announce": announce, "reason": reason,
             "upstreams": [{"name": n, "announced": a} for n, a in told.items()]}]}

    both, one, none = [{"transit-a": a, "transit-b": b} for a, b in
                       ((True, True), (True, False), (False, False))]
    rows = [
        ([service("dns", "degraded", "announced", "degraded", both)],
         "fra1: dns is degraded and announced at 2 of 2 upstreams."),
        ([service("dns", "up", "announced", "healthy", one)],
         "fra1: dns is up but announced at only 1 of 2 upstreams."),
        ([service("dns", "up", "announced", "healthy", none)],
         "fra1: dns is up but announced at none of 2 upstreams."),
        ([service("dns", "down", "withdrawn", "check-failed", none)],
         "fra1: dns is down and withdrawn (check-failed)."),
        ([service("dns", "up", "demoted", "draining", both),
          service("web", "starting", "withdrawn", "starting", none)],
         "fra1: dns is up and demoted at 2 of 2 upstreams (draining); web is starting and withdrawn "
         "(starting)."),
        ([], "fra1: no service is configured."),
    ]
    for number, (services, want) in enumerate(rows):
        got = headline(world, f"control{number}", services=services)
        assert got == want, (got, want)
    got = headline(world, "alone", upstreams=[])
    assert got == "fra1: dns is up but announced at no upstream, as none is configured.", got


def test_why_text(world):
    daemon = FakeDaemon(world, {"why": ok(WHY)})
    expect(run("-s", daemon.path, "why", "198.51.100.0/24"), DONE, """\
198.51.100.0/24 of dns is withdrawn (check-failed), for 12.5s.

   check dns-1: down (refused), for 12.5s
   check web: up, for 1m10s
   -> health dns: down (hard), for 12.5s
      -> admin dns: active

upstream   announced  prepend  med  communities           state
transit-a  no               0    5  64500:100, no-export  Established
""", "")


EVENTS_TEXT = """\
03:04:05.678901 #11 socket_closed dns udp
03:04:05.679002 #12 check_failed dns/dns-1 refused (caused by #11)
03:04:05.679100 #13 withdrawn 198.51.100.0/24 at transit-a check-failed (caused by #12): said ?[31mno
"""


def test_events_text(world):
    daemon = FakeDaemon(world, {"events": ok({"events": EVENTS})})
    expect(run("-s", daemon.path, "show", "events"), DONE, EVENTS_TEXT, "")


def test_watch(world):
    daemon = FakeDaemon(world, {"subscribe": [ok({}), *EVENTS]})
    closed = "nearcast: nearcastd closed the connection\n"
    expect(run("-s", daemon.path, "watch"), UNREACHABLE, EVENTS_TEXT, closed)
    assert daemon.requests[-1] == {"cmd": "subscribe"}
    result = expect(run("-j", "-s", daemon.path, "watch", "--after", "0"), UNREACHABLE)
    assert daemon.requests[-1] == {"cmd": "subscribe", "after": 0}
    assert [json.loads(line) for line in result.stdout.splitlines()] == EVENTS


def test_watch_prints_at_once(world):
    """Each event is there when it happens, also through a pipe."""
    path = world.folder / "control"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    process = world.start(NEARCAST, "-s", path, "watch", stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    connection, _ = listener.accept()
    connection.makefile().readline()
    connection.sendall(json.dumps(ok({})).encode() + b"\n")
    for event, line in zip(EVENTS, EVENTS_TEXT.splitlines(keepends=True)):
        data = json.dumps(event).encode() + b"\n"
        connection.sendall(data[:7])  # a line may come in pieces
        connection.sendall(data[7:])
        assert process.stdout.readline() == line
    connection.close()
    assert process.wait(harness.WAIT_S) == UNREACHABLE


def test_show_texts(world):
    checks = [{"service": "dns", "name": "dns-1", "kind": "dns", "scope": "service",
               "result": "down", "reason": "refused", "evidence": "hard",
               "last_change_seconds": 0.25, "took_ms": 0.125, "detail": "198.51.100.53 port 53"}]
    daemon = FakeDaemon(world, {"show": ok({"checks": checks, "memory": {
        "resident_bytes": 5 * 1024 * 1024 + 100 * 1024, "events_bytes": 300, "peers": 2}}),
        "status": ok(STATUS)})
    expect(run("-s", daemon.path, "show", "checks"), DONE, """\
service  check  kind  scope    result  reason   evidence  since  took ms  detail
dns      dns-1  dns   service  down    refused  hard      250ms    0.125  198.51.100.53 port 53
""", "")
    expect(run("-s", daemon.path, "show", "memory"), DONE, """\
what      size
resident  5.1 MiB
events    300 bytes
peers     2
""", "")
    version = expect(run("-s", daemon.path, "show", "version"), DONE, err="").stdout
    assert version.splitlines()[1] == "nearcastd 0.1.0"
    result = expect(run("-j", "-s", daemon.path, "show", "version"), DONE, err="")
    assert set(json.loads(result.stdout)) == {"nearcast", "nearcastd"}


def test_off_and_on_text(world):
    daemon = FakeDaemon(world, {
        "off": ok({"service": "dns", "admin": "off", "announce": "withdrawn", "changed": True}),
        "on": ok({"service": "dns", "admin": "active", "announce": "announced",
                  "changed": False})})
    expect(run("-s", daemon.path, "off", "dns"), DONE, "dns is off, and withdrawn.\n", "")
    expect(run("-s", daemon.path, "on", "dns"), DONE,
           "dns is active, as it was before, and announced.\n", "")


def on_a_terminal(path, environment):
    terminal, inside = pty.openpty()
    process = subprocess.Popen([NEARCAST, "-s", str(path), "status"], stdout=inside,
                               env=os.environ | environment)
    os.close(inside)
    out = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux says EIO when the other side has closed
            break
        if not data:
            break
        out += data
    os.close(terminal)
    assert process.wait(harness.WAIT_S) == DONE
    return out.replace(b"\r\n", b"\n").decode()


def test_colour_only_on_a_terminal(world):
    daemon = FakeDaemon(world, {"status": ok(STATUS)})
    plain = run("-s", daemon.path, "status").stdout
    coloured = on_a_terminal(daemon.path, {"TERM": "xterm", "NO_COLOR": ""})
    assert "\x1b" not in plain
    assert "dns is \x1b[32mup\x1b[0m and" in coloured
    assert coloured.replace("\x1b[32m", "").replace("\x1b[0m", "") == plain
    assert on_a_terminal(daemon.path, {"TERM": "xterm", "NO_COLOR": "1"}) == plain
    assert on_a_terminal(daemon.path, {"TERM": "dumb"}) == plain


def test_output_that_cannot_be_written(world):
    daemon = FakeDaemon(world, {"status": ok(STATUS)})
    for args in (("status",), ("-j", "status")):
        with open("/dev/full", "w") as full:
            result = subprocess.run([NEARCAST, "-s", str(daemon.path), *args], stdout=full,
                                    stderr=subprocess.PIPE, text=True, check=False)
        assert result.returncode == REFUSED
        assert result.stderr == "nearcast: cannot write: No space left on device\n"


# ---- check ----

GOOD = """\
site: {name: fra1}
as: 64500
router-id: 192.0.2.11
services:
- {name: dns, prefixes: 198.51.100.0/24, addresses: 198.51.100.53}
"""


def test_check_valid(world):
    path = world.file("good.yaml", GOOD)
    expect(run("check", path), DONE,
           f"{path} is valid: site fra1, 1 service, 1 prefix, 0 checks, 0 upstreams.\n", "")
    result = expect(run("-j", "check", path), DONE, '{"valid":true,"faults":[],"difference":null}\n', "")
    printed = expect(run("check", "--print", path), DONE, err="").stdout
    again = world.file("printed.yaml", printed)
    expect(run("check", "--print", again), DONE, printed, "")
    assert result


def test_check_refused(world):
    path = world.file("bad.yaml", GOOD.replace("as: ", "az: "))
    expect(run("check", path), REFUSED, f"""\
{path}:2:1: unknown key `az` in the configuration
  az: 64500
  ^
  did you mean `as`?
{path}:1:1: `as` is missing in the configuration
  site: {{name: fra1}}
  ^
  expected `as:` with an AS number from 1 to 4294967295
""", "")
    result = expect(run("-j", "check", path), REFUSED, err="")
    report = json.loads(result.stdout)
    assert report["valid"] is False
    assert report["faults"][0] == {
        "file": str(path), "line": 2, "column": 1,
        "message": "unknown key `az` in the configuration", "expected": "did you mean `as`?"}
    assert len(report["faults"]) == 2


def test_check_missing_file(world):
    path = world.folder / "none.yaml"
    expect(run("check", path), REFUSED,
           f"{path}: cannot be read: No such file or directory\n", "")
    report = json.loads(expect(run("-j", "check", path), REFUSED, err="").stdout)
    assert report["faults"][0]["line"] is None


# ---- lab ----

def test_lab_gets_its_arguments(world):
    """A copy of the tool runs the nearcast-lab that stands beside it."""
    tool = world.folder / "nearcast"
    shutil.copy(NEARCAST, tool)
    lab = world.file("nearcast-lab", "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 7\n")
    lab.chmod(0o755)
    for args, out in ((("lab", "run", "x", "-j", "--keep"), "<run><x><-j><--keep>"),
                      (("-j", "lab", "run", "x"), "<run><x><-j>")):
        result = subprocess.run([tool, *args], capture_output=True, text=True, check=False)
        expect(result, 7, out, "")
    lab.unlink()
    result = subprocess.run([tool, "lab"], capture_output=True, text=True, check=False)
    if not any(Path(p).exists() for p in ("/usr/local/libexec/nearcast/nearcast-lab",
                                          "/usr/libexec/nearcast/nearcast-lab")):
        expect(result, REFUSED, "", "nearcast: nearcast-lab is not installed\n")


if __name__ == "__main__":
    harness.main(globals())
