#!/usr/bin/python3
"""The manual's key list is the one of the table; the shipped example is valid. `--write` renews."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

PAGE = harness.ROOT / "doc/man/nearglass.yaml.5"
BETWEEN = re.compile(r'(\.\\" keys: [^\n]*\n)(.*?)(\.\\" end of keys\n)', re.S)
harness.enter_namespace = lambda: None  # nothing here touches the network


def keys():
    return subprocess.run([harness.BUILD / "nearglass/nearglass-gen"], capture_output=True,
                          text=True, check=True).stdout


def check(path):
    return subprocess.run([harness.BUILD / "nearglass/nearglass", "-n", "-c", path],
                          capture_output=True, text=True, check=False)


def test_keys_are_up_to_date(world):
    assert BETWEEN.search(PAGE.read_text())[2] == keys()


def test_examples_are_valid(world):
    run = check(harness.ROOT / "etc/nearglass.yaml")
    assert run.returncode == 0, run.stderr
    text = re.search(r"^\.Bd -literal\n(site:.*?)^\.Ed$", PAGE.read_text(), re.S | re.M)[1]
    run = check(world.file("manual.yaml", text))
    assert run.returncode == 0, run.stderr


if sys.argv[1:] == ["--write"]:
    PAGE.write_text(BETWEEN.sub(lambda m: m[1] + keys() + m[3], PAGE.read_text()))
else:
    harness.main(globals())
