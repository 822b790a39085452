#!/usr/bin/python3
"""nearcast plan learn and plan score on small measurements made here: forms, answers, refusals."""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
harness.enter_namespace = lambda: None  # nothing here touches the network
DONE, REFUSED, USAGE = 0, 1, 2
SITES = ["ams", "fra", "lon", "nyc"]


class Folder:
    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)


def write(world, name, content):
    path = world.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def run(*args, **kwargs):
    return subprocess.run([str(NEARCAST), "plan", *map(str, args)], capture_output=True, text=True,
                          timeout=harness.WAIT_S, check=False, **kwargs)


def good(*args, **kwargs):
    got = run(*args, **kwargs)
    assert got.returncode == DONE, (got.stdout, got.stderr)
    return got.stdout


def refused(status, words, *args, **kwargs):
    got = run(*args, **kwargs)
    assert got.returncode == status and words in got.stderr, (got.returncode, got.stderr, words)
    assert got.stdout == ""


def pairs():
    return [(a, b) for i, a in enumerate(SITES) for b in SITES[i + 1:]]


def choice(asn, a, b):
    """Two of three ASes like the sites in their order, the others in the reverse one."""
    return a if asn % 3 else b


def table():
    return "asn\tsite\tannounced\n" + "".join(
        f"{asn}\t{choice(asn, a, b)}\t{a},{b}\n" for a, b in pairs() for asn in range(1, 301))


def peering(world):
    for number, (a, b) in enumerate(pairs()):
        folder = f"data/experiments/{number}_{a}_{b}/"
        write(world, folder + "dp_pings_est_as_to_mux_catchment.json",
              json.dumps({str(asn): [choice(asn, a, b)] for asn in range(1, 301)}))
        # Contradicts the pings, which hold; AS 999 was reached by both and says nothing.
        write(world, folder + "dp_trace_est_ra_as_to_mux_catchment.json",
              json.dumps({"1": [b], "999": [a, b]}))
    return world.folder / "data"


def test_score_of_a_table(_):
    world = Folder()
    told = json.loads(good("score", write(world, "t", table()), "-j"))
    assert told["trials_given"] == told["usable"] == 6 and told["complete"] is True
    by = {x["sites"]: x for x in told["trials"]}
    assert set(by) == {"ams,fra", "ams,lon", "ams,nyc", "fra,lon", "fra,nyc", "lon,nyc"}
    for x in by.values():
        assert abs(x["majority"] - 2 / 3) < 1e-6 and x["ases"] == 300
    # Sites with another one between them follow from the rest, neighbours do not.
    for name in "ams,lon", "ams,nyc", "fra,nyc":
        assert by[name]["accuracy"] == by[name]["balanced"] == 1, by[name]
        assert by[name]["covered"] == by[name]["chain_accuracy"] == 1
    assert by["ams,fra"]["covered"] == 0 and by["ams,fra"]["chain_accuracy"] is None
    curve = told["reliability"]
    assert sum(x["ases"] for x in curve) == 1800
    assert told["mean"]["trials"] == 6


def test_the_same_of_the_peering_form(_):
    world = Folder()
    of_table = json.loads(good("score", write(world, "t", table()), "-j"))
    data = peering(world)
    for path in data, data / "experiments":
        assert json.loads(good("score", path, "-j"))["trials"] == of_table["trials"]
    one = json.loads(good("learn", data / "experiments/0_ams_fra", "-j"))
    assert one == {"ases_seen": 300,
                   "trials": [{"sites": "ams,fra", "ases": 300, "majority": 0.666667}]}


def test_shuffled_is_no_better_than_chance(_):
    world = Folder()
    told = json.loads(good("score", write(world, "t", table()), "--shuffle", "-j"))
    assert told["shuffled"] is True
    for x in told["trials"]:
        assert x["accuracy"] < x["majority"] + 0.05 and 0.35 < x["balanced"] < 0.65, x


def test_text_has_the_measures(_):
    world = Folder()
    out = good("score", write(world, "t", table()))
    for word in "majority", "accuracy", "balanced", "reliability", "came_true", "covered":
        assert word in out, out
    assert out.startswith("6 of 6 trials are usable"), out


def test_learn_fills_what_was_not_measured(_):
    world = Folder()
    rows = [x for x in table().splitlines() if not x.endswith("ams,nyc") or x.startswith("7\t")]
    out = good("learn", write(world, "t", "\n".join(rows)), "--predict", "ams,nyc", "--tsv")
    lines = out.splitlines()
    assert lines[0] == "asn\tsite\tprobability\tevidence" and len(lines) == 301
    for line in lines[1:]:
        asn, site, probability, evidence = line.split("\t")
        assert site == choice(int(asn), "ams", "nyc"), line
        assert evidence == ("measured" if asn == "7" else "chain")
        assert 0.5 < float(probability) <= 1
    told = json.loads(good("learn", world.folder / "t", "--predict", "ams,nyc", "-j"))
    assert [x["ases"] for x in told["sites"]] == [200, 100]
    assert told["sites"][0]["measured"] == 1


def test_three_sites_and_prefixes(_):
    world = Folder()
    # Two prefixes of three say ams; without a third column all sites of the file were announced.
    path = write(world, "m", "# run 1\nprefix\tasn\tsite\n192.0.2.0/24\t1\tams\n"
                 "198.51.100.0/24\t1\tfra\n203.0.113.0/24\t1\tams\n10.0.0.0/8\t2\tlon\n"
                 "10.0.0.0/8\t3\tfra\n")
    # A heading that begins with another column is not taken for a row.
    out = good("learn", path, "--predict", "ams,fra,lon", "--tsv")
    assert [x.split("\t")[:2] for x in out.splitlines()[1:]] == [["1", "ams"], ["2", "lon"],
                                                                 ["3", "fra"]]
    assert all(x.endswith("measured") for x in out.splitlines()[1:])


def test_countries_speak_for_their_ases(_):
    world = Folder()
    text = "asn\tsite\tannounced\n" + "".join(
        f"{asn}\t{'ams' if asn % 2 else 'fra'}\tams,fra\n" for asn in range(1, 301)) + \
        "1001\tfra\tfra,lon\n1002\tfra\tfra,lon\n"
    where = write(world, "c", "asn\tv4\ttop_country\n" + "".join(
        f"{asn}\t0\t{'NL' if asn % 2 else 'DE'}\n" for asn in [*range(1, 301), 1001, 1002]))
    trials = write(world, "t", text)
    out = good("learn", trials, "--countries", where, "--predict", "ams,fra", "--tsv")
    assert "\n1001\tams\t" in out and "\n1002\tfra\t" in out, out[-200:]
    # The control: without countries the two have the same answer.
    told = good("learn", trials, "--predict", "ams,fra", "--tsv").splitlines()
    assert told[-2].split("\t")[1:] == told[-1].split("\t")[1:]


def test_the_graph_fills_the_rest(_):
    world = Folder()
    # 1 and 2 at the top; 101 to 140 below 1 go to ams, 201 to 240 below 2 to fra; 150 and 250 unseen.
    graph = write(world, "g", "1|2|0\n" + "".join(f"{top}|{top * 100 + i}|-1\n" for top in (1, 2)
                                                  for i in [*range(1, 41), 50]))
    trials = write(world, "t", "asn\tsite\n" + "".join(
        f"{100 + i}\tams\n{200 + i}\tfra\n" for i in range(1, 41)))
    out = good("learn", trials, "--graph", graph, "--predict", "ams,fra", "--tsv")
    rows = {x.split("\t")[0]: x.split("\t") for x in out.splitlines()[1:]}
    assert len(rows) == 84
    assert rows["150"][1] == rows["1"][1] == "ams" and rows["250"][1] == rows["2"][1] == "fra"
    assert rows["150"][3] == "filled" and rows["101"][3] == "measured"
    # With the announcement, where paths are short counts as well.
    announce = write(world, "a", "as: 64500\nsites:\n  - {name: ams, neighbours: [{as: 1}]}\n"
                     "  - {name: fra, neighbours: [{as: 2}]}\n")
    more = good("learn", trials, "--graph", graph, "--announce", announce, "--predict", "ams,fra",
                "--tsv")
    surer = [float(x.split("\t")[2]) for y in (out, more) for x in y.splitlines()
             if x.startswith("150\t")]
    assert surer[1] > surer[0], surer
    refused(USAGE, "--announce goes with --graph", "learn", trials, "--announce", announce,
            "--predict", "ams,fra")
    refused(USAGE, "--graph goes with --predict", "learn", trials, "--graph", graph)


def mrt():
    """TABLE_DUMP_V2: one prefix, three paths."""
    def record(subtype, body):
        return struct.pack("!IHHI", 0, 13, subtype, len(body)) + body

    def entry(path):
        attrs = b"\x40\x01\x01\x00" + b"\x40\x02" + bytes([2 + 4 * len(path), 2, len(path)]) + \
            b"".join(struct.pack("!I", x) for x in path) + b"\x40\x03\x04\x0a\x00\x00\x01"
        return struct.pack("!HIH", 0, 0, len(attrs)) + attrs

    peer = struct.pack("!IHH", 0, 0, 1) + b"\x02" + bytes(4) + bytes([10, 0, 0, 1]) + \
        struct.pack("!I", 30)
    rib = struct.pack("!IB", 0, 24) + bytes([192, 0, 2]) + struct.pack("!H", 3) + \
        entry([30, 31, 31, 10, 64500]) + entry([32, 20, 64500]) + entry([33, 34])
    return record(1, peer) + record(2, rib)


def test_paths_of_collectors(_):
    world = Folder()
    text = write(world, "p", "rrc00\t30\t30,31,31,10,64500\nrrc00\t32\t32,20,64500\nx\t33\t33,34\n")
    plain = write(world, "q", "30 31 31 10 64500\n32 20 64500\n33 34\n")
    dump = write(world, "m.mrt", mrt())
    want = "asn\tsite\n10\tams\n20\tfra\n30\tams\n31\tams\n32\tfra\n"
    for path in text, plain, dump:
        out = good("learn", "--paths", path, "--via", "10=ams", "--via", "20=fra", "--predict",
                   "ams,fra", "--tsv")
        assert "".join("\t".join(x.split("\t")[:2]) + "\n" for x in out.splitlines()) == want, out
    refused(REFUSED, "no path goes by", "learn", "--paths", text, "--via", "77=ams", "--via",
            "78=fra")
    refused(USAGE, "--via wants AS=SITE", "learn", "--paths", text, "--via", "ams")
    refused(REFUSED, "inside a record", "learn", "--paths", write(world, "cut.mrt", mrt()[:-5]),
            "--via", "10=ams", "--via", "20=fra")


def test_refusals_name_the_place(_):
    world = Folder()
    bad = [("asn\tsite\n1\n", ":2: a row wants a site"),
           ("asn\tsite\nx\tams\n", ":2: asn wants an AS number"),
           ("asn\tsite\tannounced\n1\tams\tfra,lon\n", ":2: its site was not announced"),
           ("asn\tsite\tannounced\n1\tams\tams\n", "two sites or more"),
           ("asn\tsite\tannounced\n1\tams\tams,ams\n", "two sites or more"),
           ("asn\tsite\n1\ta m\ts\n", ":2: `a m` is no name of a site"),
           ("site\tweight\nams\t1\n", ":1: a heading wants asn and site"),
           ("asn\tsite\n1\tams\n", "only one site"), ("", "there is no result")]
    for text, words in bad:
        refused(REFUSED, words, "score", write(world, "bad", text))
    refused(REFUSED, "over 64 sites", "score",
            write(world, "many", "asn\tsite\n" + "".join(f"{i}\ts{i}\n" for i in range(1, 70))))
    (world.folder / "empty").mkdir()
    refused(REFUSED, "no folder like 3_ufmg01_uw01", "score", world.folder / "empty")
    folder = "1_ams_fra/cp_bgpstream_est_mon_as_to_mux_catchment.json"
    for text, words in ('{"1": ["lon"]}', "not announced"), ("[1]", "an object is wanted"), \
            ('{"1": 5}', "wants an AS number"), ('{"1": ["ams"]', "expected"):
        refused(REFUSED, words, "score", write(world, folder, text).parent)
    refused(REFUSED, "No such file", "score", world.folder / "none")
    fine = write(world, "t", table())
    refused(REFUSED, "no trial has a site", "learn", fine, "--predict", "ams,rio")
    refused(USAGE, "twice", "learn", fine, "--predict", "ams,ams")
    refused(USAGE, "--tsv goes with --predict", "learn", fine, "--tsv")
    refused(USAGE, "--kinds wants a number", "score", fine, "--kinds", "0")
    refused(USAGE, "wants measured catchments", "score")
    refused(REFUSED, "no trial whose smallest site", "score", fine, "--min-share", "40")


if __name__ == "__main__":
    harness.main(globals())
