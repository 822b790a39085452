#!/usr/bin/python3
"""nearcast plan beside what an independent simulator computed on the graph of the whole Internet.
Skipped where the data are not there (NEARCAST_DATA)."""

import gzip
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
harness.enter_namespace = lambda: None  # nothing here touches the network
DATA = Path(os.environ.get("NEARCAST_DATA") or harness.ROOT.parent / "shared/data") / "catchment"
CLASS = {"CUSTOMERS": "customer", "PEERS": "peer", "PROVIDERS": "provider", "ORIGIN": "origin"}


def graph():
    found = sorted(DATA.glob("*.as-rel2.txt.bz2"))
    if not found:
        raise harness.Skip(f"no graph in {DATA}")
    return found[-1]


def origins_of(name):
    """a3_prep_1299_2914_pp2_6939_pp4 -> 1299,2914:2,6939:4"""
    return ",".join(asn + (":" + prepend if prepend else "")
                    for asn, prepend in re.findall(r"_(\d+)(?:_pp(\d+))?", name))


def predicted(origins):
    out = subprocess.run([NEARCAST, "plan", "catchment", "--graph", graph(), "--origin", origins,
                          "--tsv"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0] == "asn\tclass\tlength\tnext_hop\torigin\tpath"
    return {row.split("\t")[0]: row.split("\t") for row in out[1:]}


def compare(path):
    rows = predicted(origins_of(path.name.split(".")[0]))
    golden = [x.split("\t") for x in gzip.open(path, "rt").read().splitlines()[1:]]
    assert len(rows) == len(golden), (len(rows), len(golden))
    for asn, relation, as_path in golden:
        hops = as_path.split()
        want = [asn, CLASS[relation], str(len(hops)), hops[1] if len(hops) > 1 else asn, hops[-1],
                as_path]
        assert rows[asn] == want, (path.name, rows[asn], want)


def test_golden_files(_):
    graph()
    files = sorted((DATA / "golden").glob("*.tsv.gz"))
    assert files
    for path in files:
        compare(path)


def test_a_wrong_origin_is_seen(_):
    """The control: other origins do not give the golden answer."""
    graph()
    path = sorted((DATA / "golden").glob("u_*.tsv.gz"))[0]
    golden = {x.split("\t")[0]: x.split("\t")[2]
              for x in gzip.open(path, "rt").read().splitlines()[1:]}
    rows = predicted(origins_of(path.name.split(".")[0]) + ":1")
    assert sum(rows[asn][5] != want for asn, want in golden.items()) > 1000


EXAMPLES = harness.ROOT / "examples/plan"


class Clients:
    """What examples/plan/README.md calls $PLAN."""
    def __init__(self):
        found = sorted(DATA.glob("asn_v4space_country_*.tsv.xz"))
        if not found:
            raise harness.Skip(f"no weights in {DATA}")
        self.folder = tempfile.TemporaryDirectory()
        weights = Path(self.folder.name) / "weights.tsv"
        weights.write_bytes(lzma.open(found[-1]).read())
        self.options = ["--graph", graph(), "--weights", weights, "--places",
                        DATA / "country_popcentroid.tsv", "-j"]

    def plan(self, verb, *args):
        out = subprocess.run([NEARCAST, "plan", verb, *args, *self.options], capture_output=True,
                             text=True, check=True).stdout
        return json.loads(out)


def test_what_the_examples_say(_):
    clients = Clients()
    one = clients.plan("catchment", "--announce", EXAMPLES / "one-site.yaml")
    many = clients.plan("catchment", "--announce", EXAMPLES / "many-sites.yaml")
    assert one["latency"]["mean_ms"] < many["latency"]["mean_ms"]
    assert many["weight_reached"] > 0.99 and many["overload"] > 0
    drained = clients.plan("diff", EXAMPLES / "many-sites.yaml", EXAMPLES / "ams-drained.yaml")
    ams = next(s for s in drained["sites"] if s["site"] == "ams")
    assert ams["after"] < 0.1 * ams["before"] and drained["overload"] > many["overload"]
    failed = clients.plan("fail", "--announce", EXAMPLES / "many-sites.yaml", "--down", "1299")
    assert 0 < failed["moved"] < 0.2


def test_the_best_is_better_than_the_greedy_one(_):
    """All 512 sets of sites are tried, so that what can be gained is known; the search gets it."""
    clients = Clients()
    base = ("optimise", "--announce", EXAMPLES / "many-sites.yaml", "--change", "sites")
    every = clients.plan(*base, "--method", "exhaustive", "--time", "10m")
    assert every["proven"] and every["total"] == 512, every
    results = {r["what"]: r for r in every["results"]}
    key = lambda r: (round(r["overload"], 6), r["mean_ms"])
    assert key(results["best"]) < key(results["greedy"]) < key(results["start"]), results
    some = clients.plan(*base, "--method", "search", "--time", "4s")
    assert {r["what"]: r for r in some["results"]}["best"] == results["best"], some


if __name__ == "__main__":
    harness.main(globals())
