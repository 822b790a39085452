#!/usr/bin/python3
"""What is generated from the tables of verbs and keys, and kept in the tree, is up to date; the
manual pages are clean; the completion completes. `--write` renews the generated parts."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

GEN = harness.BUILD / "nearcast/nearcast-gen"
NEARCAST = harness.BUILD / "nearcast/nearcast"
MANUAL = harness.ROOT / "doc/man"
KEYS = MANUAL / "nearcast.yaml.5"
BASH = harness.ROOT / "etc/completion/nearcast.bash"
ZSH = harness.ROOT / "etc/completion/_nearcast"
BETWEEN = re.compile(r'(\.\\" keys: [^\n]*\n)(.*?)(\.\\" end of keys\n)', re.S)
harness.enter_namespace = lambda: None  # nothing here touches the network


def generated(what):
    return subprocess.run([GEN, what], capture_output=True, text=True, check=True).stdout


def write():
    BASH.write_text(generated("bash"))
    ZSH.write_text(generated("zsh"))
    page, keys = KEYS.read_text(), generated("keys")
    KEYS.write_text(BETWEEN.sub(lambda m: m[1] + keys + m[3], page))


def test_key_list_of_the_manual(world):
    assert BETWEEN.search(KEYS.read_text())[2] == generated("keys")


def test_completions_are_up_to_date(world):
    assert BASH.read_text() == generated("bash")
    assert ZSH.read_text() == generated("zsh")


def complete(*words):
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nearcast; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    out = subprocess.run(["bash", "-c", script, "bash", BASH, *words], capture_output=True,
                         text=True, check=True)
    assert out.stderr == "", out.stderr
    return out.stdout.split()


def test_bash_completes(world):
    harness.needs("bash")
    assert complete("nearcast", "st") == ["status"]
    assert complete("nearcast", "-j", "o") == ["off", "on"]
    assert complete("nearcast", "show", "e") == ["events"]
    assert complete("nearcast", "-s", "/run/x", "show", "up") == ["upstreams"]
    assert complete("nearcast", "help", "wa") == ["watch"]
    assert complete("nearcast", "off", "--r") == ["--reason"]
    assert complete("nearcast", "status", "e") == []
    assert complete("nearcast", "plan", "op") == ["optimise"]
    assert complete("nearcast", "plan", "catchment", "--gr") == ["--graph"]


def test_zsh_parses(world):
    harness.needs("zsh")
    subprocess.run(["zsh", "-n", ZSH], check=True)


def test_manual_pages_are_clean(world):
    harness.needs("mandoc")
    pages = sorted(MANUAL.glob("*.[1-9]"))
    assert pages
    # Whether other pages are installed here says nothing about ours.
    result = subprocess.run(["mandoc", "-Tlint", "-W", "style", *pages], capture_output=True,
                            text=True, check=False)
    findings = [f for f in result.stdout.splitlines() if "referenced manual not found" not in f]
    assert not findings, "\n".join(findings)


def test_every_verb_is_in_the_manual(world):
    usage = subprocess.run([NEARCAST, "help"], capture_output=True, text=True, check=True).stdout
    verbs = re.findall(r"^  ([a-z]+) ", usage, re.M)
    assert "status" in verbs
    page = (MANUAL / "nearcast.1").read_text()
    for verb in verbs:
        assert re.search(rf"^\.It Cm {verb}\b", page, re.M), verb


def test_example_of_the_manual(world):
    example = re.search(r"^\.Sh EXAMPLES\n\.Bd -literal\n(.*?)^\.Ed", KEYS.read_text(), re.M | re.S)
    path = world.file("example.yaml", example[1])
    result = subprocess.run([NEARCAST, "check", path], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_systemd_unit(world):
    harness.needs("systemd-analyze")
    unit = (harness.ROOT / "etc/nearcastd.service.in").read_text()
    # The unit names paths of an installation; here stand-ins are enough.
    copy = world.file("nearcastd.service",
                      re.sub(r"^(ExecStart\w*=)\S+", r"\1/bin/true", unit, flags=re.M))
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True,
                            text=True, check=False)
    assert result.returncode == 0 and "nearcastd.service" not in result.stderr, result.stderr


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        harness.main(globals())
