#!/usr/bin/python3
"""nearcast plan score on the two-site experiments of the PEERING testbed (2019), few random beginnings.
Skipped where the data are not there (NEARCAST_DATA). doc/plan-accuracy.md has the figures."""

import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
harness.enter_namespace = lambda: None  # nothing here touches the network
DATA = Path(os.environ.get("NEARCAST_DATA") or harness.ROOT.parent / "shared/data") / "catchment"
WAIT_S = 240  # not a claim: some ten seconds of one core, which may be shared


def score(folder, *options):
    """The experiments without their paths, and countries of ASes, unpacked there."""
    archive = DATA / "peering2019.tar.xz"
    countries = sorted(DATA.glob("asn_v4space_country_*.tsv.xz"))
    if not archive.exists() or not countries:
        raise harness.Skip(f"no experiments in {DATA}")
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if member.name.endswith("_catchment.json"):
                file = folder / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(tar.extractfile(member).read())  # extract() has its filter since 3.11.4
    (folder / "asn.tsv").write_bytes(lzma.open(countries[-1]).read())
    got = subprocess.run([NEARCAST, "plan", "score", folder / "peering2019", "--countries",
                          folder / "asn.tsv", "--starts", "1", "--kinds", "16", "-j", *options],
                         capture_output=True, text=True, timeout=WAIT_S, check=True)
    return json.loads(got.stdout)


def test_scored_without_the_scored_pair(_):
    with tempfile.TemporaryDirectory() as folder:
        told = score(Path(folder))
    mean = told["mean"]
    assert told["trials_given"] == 23 and told["usable"] == mean["trials"] == 10
    assert abs(mean["majority"] - 0.832) < 0.001  # what is known of the data, not of the model
    assert abs(mean["chain_accuracy"] - 0.843) < 0.01 and abs(mean["covered"] - 0.255) < 0.01
    assert mean["accuracy"] > 0.78 and mean["balanced"] > 0.57, mean


def test_shuffled_results_teach_nothing(_):
    with tempfile.TemporaryDirectory() as folder:
        told = score(Path(folder), "--shuffle")
    for x in told["trials"]:
        assert x["accuracy"] < x["majority"] + 0.01 and 0.45 < x["balanced"] < 0.55, x


if __name__ == "__main__":
    harness.main(globals())
