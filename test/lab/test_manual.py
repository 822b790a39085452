#!/usr/bin/python3
"""The manual's key list is the one of the tables. `--write` renews it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

PAGE = harness.ROOT / "doc/man/nearcast-lab.1"
BETWEEN = re.compile(r'(\.\\" keys: [^\n]*\n)(.*?)(\.\\" end of keys\n)', re.S)
harness.enter_namespace = lambda: None  # nothing here touches the network


def keys():
    return subprocess.run([harness.BUILD / "lab/nearcast-lab-gen"], capture_output=True, text=True,
                          check=True).stdout


def test_keys_are_up_to_date(world):
    assert BETWEEN.search(PAGE.read_text())[2] == keys()


def test_mandoc_has_nothing_to_say(world):
    if not shutil.which("mandoc"):
        raise harness.Skip("mandoc is not installed")
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", PAGE], capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout


if sys.argv[1:] == ["--write"]:
    PAGE.write_text(BETWEEN.sub(lambda m: m[1] + keys() + m[3], PAGE.read_text()))
else:
    harness.main(globals())
