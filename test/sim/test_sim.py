#!/usr/bin/python3
"""The fleet under virtual time: a small share of what `make sim` runs."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

SIM = harness.BUILD / "sim/nearcast-sim"
harness.enter_namespace = lambda: None  # no packet leaves the process


def run(*args, status):
    done = subprocess.run([SIM, *args], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_forty_fleets_of_twenty_sites(_world):
    out = run("--seeds", "1-40", status=0)
    assert "runs 40, broken 0" in out, out


def test_two_hundred_sites(_world):
    run("--seeds", "1", "--sites", "200", status=0)


def test_a_broken_rule_is_found_and_replayed(_world):
    """A mutant breaks an invariant; the line that it prints breaks it again, at the same time."""
    out = run("--seeds", "1-50", "--mutant", "counts-soft", "--stop", status=1)
    found = next(line for line in out.splitlines() if line.startswith("seed "))
    replay = next(line for line in out.splitlines() if "replay:" in line).split()[2:]
    again = run(*replay, status=1)
    assert found in again, f"{found}\n{again[-500:]}"
    assert "BROKEN: " in again


def test_a_seed_is_one_run(_world):
    runs = [run("--seeds", "7-9", "--digest", status=0) for _ in range(2)]
    assert runs[0] == runs[1]
    digests = [line for line in runs[0].splitlines() if line.startswith("seed ")]
    assert len(digests) == 3 and len({d.split()[-1] for d in digests}) == 3, digests


def test_what_is_printed_does_not_change_the_run(_world):
    quiet = run("--seeds", "7", "--digest", status=0)
    told = run("--seeds", "7", "--digest", "--trace", status=0)
    digest = next(line for line in quiet.splitlines() if line.startswith("seed 7: "))
    assert digest in told.splitlines()
    assert len(told.splitlines()) > len(quiet.splitlines()) + 50


def test_usage(_world):
    for wrong in (["--seeds", "x"], ["--seeds", "9-1"], ["--sites", "1"], ["--mutant", "x"], ["x"]):
        run(*wrong, status=2)


if __name__ == "__main__":
    harness.main(globals())
