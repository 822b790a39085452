"""What scripted tests share: a private network namespace, processes that end with the test,
waiting for events instead of sleeping, and TAP on standard output.

A test file ends with `harness.main(globals())`: every function named test_* is a case.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

BUILD = Path(os.environ.get("NEARCAST_BUILD", "build")).resolve()
ROOT = Path(__file__).resolve().parent.parent
WAIT_S = 10.0
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """Raised with the reason why a case cannot run here."""


def enter_namespace():
    """Move this process into a network namespace of its own, with loopback up."""
    if LIBC.unshare(CLONE_NEWNET) != 0:
        raise Skip("needs root: cannot make a network namespace")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def wait_for(what, condition, seconds=WAIT_S):
    """Poll a condition that no event announces; returns its first true value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what}")


def is_sanitized(program):
    """Of such a build memory says nothing: what is freed waits aside."""
    return b"__asan_init" in (BUILD / program).read_bytes()


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise Skip(f"{program} is not installed")


class World:
    """One case's temporary folder and processes."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nearcast-test-"))
        self.processes = []
        self.closers = []

    def start(self, *command, **kwargs):
        def die_with_parent():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        process = subprocess.Popen([str(c) for c in command], preexec_fn=die_with_parent, **kwargs)
        self.processes.append(process)
        return process

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def close(self):
        for closer in reversed(self.closers):
            closer()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Daemon:
    """A running nearcastd with its control socket."""

    def __init__(self, world, config, name="nearcastd"):
        self.world = world
        self.control = world.folder / f"{name}.control"
        self.readonly = world.folder / f"{name}.readonly"
        self.path = world.file(f"{name}.yaml", self.complete(config))
        self.log_path = world.folder / f"{name}.log"
        with open(self.log_path, "w") as log:
            self.process = world.start(BUILD / "nearcastd/nearcastd", "-c", self.path, stderr=log)
        wait_for("the control socket", self.answers)

    def complete(self, config):
        return config + f"\ncontrol: {self.control}\nreadonly: {self.readonly}\n"

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"nearcastd ended: {self.log_path.read_text()}")
        try:
            return self.ask("status")
        except OSError:
            return None

    def ask(self, cmd, **fields):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT_S)
            s.connect(str(self.control))
            s.sendall(json.dumps({"cmd": cmd, **fields}).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def status(self):
        return self.ask("status")["result"]

    def events(self, after=0):
        return self.ask("events", after=after)["result"]["events"]

    def wait_event(self, type_, after=0, seconds=WAIT_S, **fields):
        """The first event of a type with those fields; waits on the subscription."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds)
            s.connect(str(self.control))
            s.sendall(json.dumps({"cmd": "subscribe", "after": after}).encode() + b"\n")
            lines = s.makefile()
            json.loads(lines.readline())
            try:
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == type_ and all(event.get(k) == v for k, v in fields.items()):
                        return event
            except TimeoutError:
                pass
        raise AssertionError(f"no event {type_} {fields} within {seconds} s:\n{self.log()}")

    def reload(self, config):
        self.path.write_text(self.complete(config))
        return self.ask("reload")

    def log(self):
        return self.log_path.read_text()

    def alive(self):
        return self.process.poll() is None


def script(play):
    """For one that prints its cases itself: play(world) returns the exit status."""
    world = World()
    try:
        status = play(world)
    except Skip as why:
        print(f"1..0 # SKIP {why}")
        status = 0
    finally:
        world.close()
    sys.exit(status)


def run_case(number, name, case, out):
    """In a child of its own: each case has its own namespace, environment and working folder."""
    if out:
        os.dup2(out.fileno(), 1)
    world = World()
    status = 1
    try:
        enter_namespace()
        case(world)
        status = 0
        print(f"ok {number} - {name}")
    except Skip as why:
        status = 0
        print(f"ok {number} - {name} # SKIP {why}")
    except BaseException:  # the case's process ends here whatever happened
        print(f"not ok {number} - {name}")
        print("\n".join("# " + l for l in traceback.format_exc().splitlines()))
    finally:
        world.close()
        sys.stdout.flush()
        os._exit(status)


def main(scope, at_once=1):
    """Runs the test_ functions of a scope, as many side by side as that: for cases that mostly wait. What they
    print comes in their order all the same, as TAP wants it."""
    cases = [(n, f) for n, f in scope.items() if n.startswith("test_") and callable(f)]
    chosen = sys.argv[1:]
    running = {}
    said = {}  # by the case's number, until it is its turn
    failed = 0

    def say(number, text):
        said[number] = text
        while (text := said.pop(say.next, None)) is not None:
            sys.stdout.write(text)
            say.next += 1
        sys.stdout.flush()

    def reap():
        pid, status = os.wait()
        number, out = running.pop(pid)
        if out:
            out.seek(0)
        say(number, out.read() if out else "")
        return status != 0

    say.next = 1
    print(f"1..{len(cases)}", flush=True)
    for number, (name, case) in enumerate(cases, 1):
        if chosen and name not in chosen:
            say(number, f"ok {number} - {name} # SKIP not asked for\n")
            continue
        if len(running) == at_once:
            failed += reap()
        out = tempfile.TemporaryFile("w+") if at_once > 1 else None  # lines of two cases must not mix
        if (pid := os.fork()) == 0:
            run_case(number, name, case, out)
        running[pid] = number, out
    while running:
        failed += reap()
    sys.exit(1 if failed else 0)
