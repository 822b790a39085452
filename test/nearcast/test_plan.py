#!/usr/bin/python3
"""nearcast plan on small graphs made here: what it prints, refuses and exits with."""

import bz2
import gzip
import html.parser
import json
import lzma
import os
import pty
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

NEARCAST = harness.BUILD / "nearcast/nearcast"
harness.enter_namespace = lambda: None  # nothing here touches the network

DONE, REFUSED, USAGE = 0, 1, 2

#   1 --- 2        two at the top, peers
#  / \   / \
# 3   4 5   6      their customers; 4 and 5 are peers
#  \ /   \ /
#   7     8        7 has two providers, so has 8
GRAPH = "# made for this test\n1|2|0|x\n1|3|-1|x\n1|4|-1|x\n2|5|-1|x\n2|6|-1|x\n4|5|0|x\n" \
        "3|7|-1|x\n4|7|-1|x\n5|8|-1|x\n6|8|-1|x\n"
HEADER = "asn\tclass\tlength\tnext_hop\torigin\tpath\n"
ANNOUNCE = """as: 64500
sites:
  - name: west
    lat: 50
    lon: 0
    capacity: 40
    neighbours:
      - {as: 3, prepend: 1}
      - {as: 4, relation: peer}
  - name: east
    lat: 50
    lon: 90
    neighbours:
      - {as: 6}
"""


def write(world, name, content):
    path = world.folder / name
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return path


class Folder:
    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)


def run(*args, **kwargs):
    return subprocess.run([str(NEARCAST), "plan", *map(str, args)], capture_output=True, text=True,
                          timeout=harness.WAIT_S, check=False, **kwargs)


def expect(result, status, out=None, err=None):
    assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
    if out is not None:
        assert result.stdout == out, f"\n{result.stdout}\ninstead of\n{out}"
    if err is not None:
        assert err in result.stderr, f"\n{result.stderr}\nlacks\n{err}"
    assert "Sanitizer" not in result.stderr, result.stderr
    return result


def catchment(world, graph, *args, **kwargs):
    path = write(world, "graph", graph)
    return run("catchment", "--graph", path, *args, **kwargs)


def test_one_origin(_):
    world = Folder()
    rows = ["1\tcustomer\t3\t3\t7\t1 3 7", "2\tpeer\t4\t1\t7\t2 1 3 7", "3\tcustomer\t2\t7\t7\t3 7",
            "4\tcustomer\t2\t7\t7\t4 7", "5\tpeer\t3\t4\t7\t5 4 7", "6\tprovider\t5\t2\t7\t6 2 1 3 7",
            "7\torigin\t1\t7\t7\t7", "8\tprovider\t4\t5\t7\t8 5 4 7"]
    want = HEADER + "\n".join(rows) + "\n"
    for graph in (GRAPH, bz2.compress(GRAPH.encode()), gzip.compress(GRAPH.encode())):
        expect(catchment(world, graph, "--origin", "7", "--tsv"), DONE, want)
    # The same from serial 1, which has no source.
    expect(catchment(world, GRAPH.replace("|x", ""), "--origin", "7", "--tsv"), DONE, want)
    expect(run("catchment", "--graph", "-", "--origin=7", "--tsv", input=GRAPH), DONE, want)


def test_two_origins_and_prepends(_):
    world = Folder()
    out = expect(catchment(world, GRAPH, "--origin", "7,8:2", "--tsv"), DONE).stdout
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in out.splitlines()[1:]}
    assert rows["8"] == ["origin", "3", "8", "8", "8 8 8"]
    assert rows["5"] == ["customer", "4", "8", "8", "5 8 8 8"]
    assert rows["2"] == ["customer", "5", "5", "8", "2 5 8 8 8"]  # a customer's, though longer
    assert rows["1"][3] == "7"


def test_unreached_ases_have_no_row(_):
    world = Folder()
    graph = GRAPH + "90|91|-1\n"
    out = expect(catchment(world, graph, "--origin", "7", "--tsv"), DONE).stdout
    assert len(out.splitlines()) == 9
    document = json.loads(expect(catchment(world, graph, "--origin", "7", "-j"), DONE).stdout)
    assert (document["ases"], document["reached"]) == (10, 8)
    assert [r["asn"] for r in document["routes"] if r["site"] is None] == [90, 91]


def test_announcement_file(_):
    world = Folder()
    file = write(world, "sites.yaml", ANNOUNCE)
    out = expect(catchment(world, GRAPH, "--announce", file, "--tsv"), DONE).stdout
    assert out.startswith(HEADER.rstrip("\n") + "\tsite\n")
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in out.splitlines()[1:]}
    assert rows["3"] == ["customer", "3", "64500", "64500", "3 64500 64500", "west"]
    assert rows["4"] == ["peer", "2", "64500", "64500", "4 64500", "west"]
    assert rows["7"] == ["provider", "3", "4", "64500", "7 4 64500", "west"]
    assert rows["5"][5] == "east" and rows["8"][5] == "east"


def test_learned_sites_win(_):
    world = Folder()
    file = write(world, "sites.yaml", ANNOUNCE)
    learned = write(world, "learned", "asn\tsite\tprobability\tevidence\n7\teast\t0.9\tmeasured\n"
                                      "8\teast\t0.6\tmodel\n99\teast\t1\tmodel\n3\twest\n")
    base = ("--announce", file, "--learned", learned)
    out = expect(catchment(world, GRAPH, *base, "--tsv"), DONE).stdout
    assert out.splitlines()[0].endswith("\tsite\tlearned_site\tprobability\tevidence")
    rows = {line.split("\t")[0]: line.split("\t")[6:] for line in out.splitlines()[1:]}
    assert rows["7"] == ["west", "east", "0.9000", "measured"]
    assert rows["3"] == ["west", "west", "-", "learned"] and rows["1"] == ["west", "west", "-", "routes"]
    document = json.loads(expect(catchment(world, GRAPH, *base, "-j"), DONE).stdout)
    assert document["learned"] == 3
    assert {s["site"]: s["ases"] for s in document["sites"]} == {"west": 3, "east": 5}
    seven = next(r for r in document["routes"] if r["asn"] == 7)
    assert (seven["site"], seven["site_by_routes"], seven["probability"]) == ("east", "west", 0.9)
    # A site that is off gets nobody, whatever was learnt when it was on.
    out = expect(catchment(world, GRAPH, *base, "--off", "east", "--tsv"), DONE).stdout
    assert all(line.split("\t")[7] == "west" for line in out.splitlines()[1:])
    expect(catchment(world, GRAPH, "--announce", file, "--learned", write(world, "l", "7 north\n")),
           REFUSED, "", "l:1: there is no site `north` in the announcement")
    expect(catchment(world, GRAPH, "--announce", file, "--learned", write(world, "l", "7 east 2\n")),
           REFUSED, "", "l:1: a row wants an AS number, a site and a probability")


def test_failures(_):
    world = Folder()
    file = write(world, "sites.yaml", ANNOUNCE)
    base = ("--announce", file, "--tsv")
    sites = lambda out: {x.split("\t")[0]: x.split("\t")[6] for x in out.splitlines()[1:]}
    rows = [
        (("--off", "west"), {"1": "east", "7": "east", "4": "east"}),
        (("--off", "west/3"), {"1": "east", "3": "east", "7": "west"}),
        (("--off", "east"), {"2": "west", "8": "west"}),
        (("--down", "3"), {"1": "east", "3": None, "7": "west"}),
        (("--cut", "2-1", "--off", "east"), {"2": None, "8": None, "3": "west"}),
        (("--cut", "64500-6"), {"2": "west"}),
    ]
    for args, want in rows:
        got = sites(expect(catchment(world, GRAPH, *base, *args), DONE).stdout)
        for asn, site in want.items():
            assert got.get(asn) == site, (args, asn, got)


def test_policies(_):
    world = Folder()
    rows = [
        ("announce: no-export", {"3"}),
        ("announce: customers-only", {"3", "7"}),
        ("announce: peers-only", {"3"}),
        ("announce: 'off'", set()),
        ("poison: 1", {"3", "7"}),
        ("poison: [7, 1]", {"3"}),
        ("prepend: 5", {"1", "2", "3", "4", "5", "6", "7", "8"}),
    ]
    for policy, reached in rows:
        file = write(world, "sites.yaml", "as: 64500\nsites:\n  - name: a\n    neighbours:\n"
                                          f"      - {{as: 3, {policy}}}\n")
        out = expect(catchment(world, GRAPH, "--announce", file, "--tsv"), DONE).stdout
        assert {line.split("\t")[0] for line in out.splitlines()[1:]} == reached, (policy, out)
    assert "3 64500 7 1 64500" in expect(catchment(
        world, GRAPH, "--tsv", "--announce", write(world, "p.yaml",
        "as: 64500\nsites: [{name: a, neighbours: [{as: 3, poison: [7, 1]}]}]\n")), DONE).stdout


def test_weights_places_and_load(_):
    world = Folder()
    args = ["--announce", write(world, "sites.yaml", ANNOUNCE),
            "--places", write(world, "places", "country\tlat\tlon\nXX\t50\t0\nYY\t50\t90\n"),
            "--weights", write(world, "weights", "asn\tweight\tcountry\n7\t60\tXX\n8\t40\tYY\n"
                                                 "99\t5\tXX\n")]
    document = json.loads(expect(catchment(world, GRAPH, *args, "-j"), DONE).stdout)
    west, east = document["sites"]
    assert (west["share"], east["share"]) == (0.6, 0.4)
    assert west["over"] and not east["over"] and abs(document["overload"] - 0.2) < 1e-6
    assert document["latency"]["mean_ms"] == 0  # both are where their clients are
    text = expect(catchment(world, GRAPH, *args), DONE).stdout
    assert "overload: 20.0 %\n" in text and "60.0 %" in text, text
    rtt = write(world, "rtt", "asn\tsite\tms\n7\twest\t1\n7\teast\t151\n8\twest\t151\n8\teast\t1\n")
    document = json.loads(expect(catchment(world, GRAPH, *args, "--rtt", rtt, "-j"), DONE).stdout)
    km = 6011  # 90 degrees along the 50th parallel, by great circle
    assert abs(document["latency"]["factor"] - 15000 / km) < 0.03, document["latency"]
    assert abs(document["latency"]["base_ms"] - 1) < 0.01


def test_ties_and_the_runner_up(_):
    world = Folder()
    out = expect(catchment(world, GRAPH, "--origin", "3,4", "--tsv", "--choices"), DONE).stdout
    rows = {line.split("\t")[0]: line.split("\t")[6:] for line in out.splitlines()[1:]}
    assert rows["7"] == ["2", "2", "4", "provider", "2"]  # 3 is the lower number
    assert rows["5"] == ["1", "1", "3", "provider", "4"]
    assert rows["3"] == ["1", "1", "-", "-", "-"]  # what 1 has is its own


class Page(html.parser.HTMLParser):
    """What a reader of the report sees, and what it would fetch."""
    def __init__(self, text):
        super().__init__()
        self.fetched, self.text, self.open, self.scripts = [], "", [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.fetched += [v for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
        if tag not in ("meta", "input", "path", "circle"):
            self.open.append((tag, attrs.get("id")))

    def handle_endtag(self, tag):
        if tag not in ("path", "circle"):
            assert self.open.pop()[0] == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script":
            self.scripts[self.open[-1][1]] = self.scripts.get(self.open[-1][1], "") + data
        else:
            self.text += data


def test_html_report(_):
    world = Folder()
    name = "</script><b>\"x\"&"
    file = write(world, "sites.yaml", ANNOUNCE.replace("name: west", f"name: '{name}'"))
    report = world.folder / "report.html"
    args = ["--announce", file, "--html", report,
            "--places", write(world, "places", "country\tlat\tlon\nXX\t50\t0\nYY\t50\t90\n"),
            "--weights", write(world, "weights", "asn\tweight\tcountry\n7\t60\tXX\n8\t40\tYY\n")]
    expect(catchment(world, GRAPH, *args), DONE)
    text = report.read_text()
    page = Page(text)
    assert page.fetched == [] and "http:" not in text and "https:" not in text
    assert page.open == [] and "<b>" not in text
    assert json.loads(page.scripts["sites"]) == [name, "east"]
    assert "8 of 8 ASes have a route to 2 sites, with 100.0 % of the weight." in page.text
    assert "XX60.00 %" + name + " 100.0 %" in page.text, page.text
    routes = page.scripts["routes"].split()
    assert len(routes) == 8 and routes[2] == "1.-.0" and routes[7] == "1.5.1", routes
    graph = write(world, "graph", GRAPH)
    for verb in (("diff", file, file), ("fail", "--announce", file, "--off", "east")):
        expect(run(*verb, "--graph", graph, "--html", report, *args[4:]), DONE)
        page = Page(report.read_text())
        moved = "0.0" if verb[0] == "diff" else "40.0"
        assert f"{moved} % of the weight moves." in page.text and page.open == []
        assert report.read_text().count("<svg") == 2 and page.fetched == []
    expect(run("fail", "--graph", graph, "--announce", file, "--html", report), USAGE, "",
           "--html wants one failure")
    expect(catchment(world, GRAPH, "--origin", "7", "--html", report), DONE)
    assert "<svg" not in report.read_text()  # there is nothing to put on a map
    expect(catchment(world, GRAPH, "--origin", "7", "--html", "/nonexistent/x"), REFUSED, "",
           "/nonexistent/x: No such file")


def test_path(_):
    world = Folder()
    graph = write(world, "graph", GRAPH)
    out = expect(run("path", "7", "AS5", "--graph", graph, "--origin", "3,4", "-j"), DONE).stdout
    seven, five = json.loads(out)
    assert (seven["site"], seven["tied"], seven["tied_sites"]) == ("3", 2, 2)
    assert [o["path"] for o in seven["offers"]] == ["7 3", "7 4"]
    assert [(o["from"], o["class"], o["site"]) for o in five["offers"]] == [(4, "peer", "4"),
                                                                         (2, "provider", "3")]
    file = write(world, "sites.yaml", ANNOUNCE)
    text = expect(run("path", "3", "--graph", graph, "--announce", file), DONE).stdout
    assert "1  64500  customer       3  west  3 64500 64500\n" in text, text
    expect(run("path", "x", "--graph", graph, "--origin", "3"), REFUSED, "", "not an AS number")
    expect(run("path", "99", "--graph", graph, "--origin", "3"), REFUSED, "", "AS 99 is not in")


def test_diff(_):
    world = Folder()
    graph = write(world, "graph", GRAPH)
    a = write(world, "a.yaml", ANNOUNCE)
    b = write(world, "b.yaml", ANNOUNCE.replace("name: west", "name: west\n    off: yes"))
    document = json.loads(expect(run("diff", a, b, "--graph", graph, "-j"), DONE).stdout)
    assert {s["site"]: s["after"] for s in document["sites"]} == {"west": 0, "east": 1}
    (move,) = document["moves"]
    assert (move["from"], move["to"], move["ases"]) == ("west", "east", 4)
    assert abs(document["moved"] - 0.5) < 1e-6
    out = expect(run("diff", a, b, "--graph", graph, "--tsv"), DONE).stdout
    assert out.splitlines()[1:] == [f"{asn}\twest\teast\t0.125000000" for asn in (1, 3, 4, 7)]
    out = expect(run("diff", "7", "8", "--graph", graph, "--tsv"), DONE).stdout
    assert len(out.splitlines()) == 9
    assert "0.0 % of the weight moves." in expect(run("diff", a, a, "--graph", graph), DONE).stdout
    expect(run("diff", a, "--graph", graph), USAGE, "", "plan diff wants A B")


def test_fail(_):
    world = Folder()
    base = ["fail", "--graph", write(world, "graph", GRAPH), "--announce",
            write(world, "sites.yaml", ANNOUNCE)]
    document = json.loads(expect(run(*base, "-j", "--top", "3"), DONE).stdout)
    rows = {(f["kind"], f["failure"]): f for f in document["failures"]}
    assert document["complete"] and document["tried"] == len(rows) == 2 + 3 + 3 + 3
    assert rows["site", "west"]["moved"] == 0.5 and rows["site", "west"]["lost"] == 0
    assert rows["session", "west/3"]["moved"] == 0.25, rows["session", "west/3"]
    # The same failures one by one, which goes another way through the engine.
    for (kind, what), row in rows.items():
        option = {"site": "--off", "session": "--off", "as": "--down", "link": "--cut"}[kind]
        one = json.loads(expect(run(*base, option, what, "-j"), DONE).stdout)
        assert abs(one["moved"] - row["moved"] - row["lost"]) < 1e-6, (kind, what, one, row)
    assert document["failures"] == sorted(
        document["failures"], key=lambda f: (-f["lost"], -f["overload"], -f["moved"]))
    expect(run(*base, "--top", "x"), USAGE, "", "--top wants")
    assert "11 failures tried" in expect(run(*base, "--top", "3"), DONE).stdout


def test_optimise(_):
    world = Folder()
    file = write(world, "sites.yaml", ANNOUNCE)
    best = world.folder / "best.yaml"
    base = ["optimise", "--graph", write(world, "graph", GRAPH), "--announce", file,
            "--places", write(world, "places", "country\tlat\tlon\nXX\t50\t0\nYY\t50\t90\n"),
            "--weights", write(world, "weights", "asn\tweight\tcountry\n7\t30\tXX\n8\t50\tYY\n"
                                                 "1\t20\tYY\n")]
    every = json.loads(expect(run(*base, "-j", "--best", best), DONE).stdout)
    assert every["method"] == "exhaustive" and every["proven"], every
    assert every["evaluated"] >= every["total"] == (5 * 5 + 1) * (5 + 1)
    results = {r["what"]: r for r in every["results"]}
    assert results["best"]["overload"] == 0
    assert results["best"]["mean_ms"] <= results["greedy"]["mean_ms"]
    assert every["frontier"][0]["changes"] == 0
    # AS 1 is far from where it goes; a prepend or two, and it is not.
    assert results["best"]["mean_ms"] < 1, results
    some = json.loads(expect(run(*base, "-j", "--method", "search", "--time", "300ms"), DONE).stdout)
    assert not some["proven"]
    assert {r["what"]: r for r in some["results"]}["best"] == results["best"]
    # The file that is written says what was promised.
    document = json.loads(expect(run("catchment", "--graph", world.folder / "graph", "--announce", best,
                                     *base[5:], "-j"), DONE).stdout)
    assert document["overload"] == 0 and document["latency"]["mean_ms"] < 1
    changed = {(c["site"], c["neighbour"]): c["to"] for c in every["changes"]}
    assert changed, every
    # The page draws before and after, as diff does with the best one.
    page, compared = world.folder / "best.html", world.folder / "diff.html"
    expect(run(*base, "--html", page), DONE)
    expect(run("diff", file, best, "--graph", world.folder / "graph", *base[5:], "--html", compared),
           DONE)
    assert page.read_text().count("<svg") == compared.read_text().count("<svg") == 2
    expect(run("optimise", "--graph", world.folder / "graph", "--origin", "7,8", "--html", page),
           USAGE, "", "--html wants --announce")
    rows = [
        (("--objective", "speed"), "no objective `speed`"),
        (("--change", "colours"), "no kind of change `colours`"),
        (("--prepend", "6"), "--prepend wants a whole number up to 5"),
        (("--prepend", "-1"), "--prepend wants a whole number up to 5"),
        (("--time", "soon"), "--time:"),
    ]
    for args, why in rows:
        expect(run(*base, *args), USAGE, "", why)
    expect(run(*base[:5]), REFUSED, "", "no distances")


def test_interrupt_keeps_what_was_found(_):
    world = Folder()
    args = ["optimise", "--graph", write(world, "graph", GRAPH), "--announce",
            write(world, "sites.yaml", ANNOUNCE), "--objective", "balance", "--method", "search",
            "--time", "10m", "-j"]
    process = subprocess.Popen([str(NEARCAST), "plan", *map(str, args)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    status = Path(f"/proc/{process.pid}/status")
    # Interrupts are caught from the moment that the search begins: bit 1 of the caught signals.
    harness.wait_for("the search", lambda: int(status.read_text().split("SigCgt:")[1].split()[0], 16) & 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=harness.WAIT_S)
    assert process.returncode == REFUSED, (process.returncode, err)
    document = json.loads(out)
    assert document["evaluated"] > 0 and not document["proven"]
    assert {"start", "best"} <= {r["what"] for r in document["results"]}


def test_bars_only_on_a_terminal(_):
    world = Folder()
    graph = write(world, "graph", GRAPH)
    quiet = expect(run("catchment", "--graph", graph, "--origin", "7"), DONE)
    assert quiet.stderr == ""
    mine, theirs = pty.openpty()
    result = subprocess.run([str(NEARCAST), "plan", "catchment", "--graph", str(graph), "--origin",
                             "7"], stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    drawn = os.read(mine, 4096).decode()
    os.close(mine)
    assert result.stdout == quiet.stdout
    assert "100 % reading the graph" in drawn and drawn.endswith("\r\x1b[K"), repr(drawn)


def test_bad_input(_):
    world = Folder()
    packed = bz2.compress((GRAPH * 3000).encode())
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 255
    rows = [
        (b"", ("--origin", "7"), "graph: no link between ASes in it"),
        ("# nothing\n", ("--origin", "7"), "graph: no link between ASes in it"),
        (packed[:len(packed) // 2], ("--origin", "7"), "graph: compressed data end early"),
        (bytes(broken), ("--origin", "7"), "graph:"),
        (lzma.compress(GRAPH.encode()), ("--origin", "7"), "graph: it is compressed by xz"),
        (GRAPH + "1|x|0\n", ("--origin", "7"), "graph:12: not <AS>|<AS>|-1, 0 or 1"),
        (GRAPH + "1|2|-1\n", ("--origin", "7"), "graph:12: AS 1 and AS 2 are customer and provider "
                                                "here, and peers in line 2"),
        (bytes(range(256)) * 40, ("--origin", "7"), "graph:1: not <AS>"),
        (GRAPH, ("--origin", "7,99"), "origin: AS 99 is not in the graph"),
        (GRAPH, ("--origin", "7,7"), "origin: AS 7 stands there twice"),
        (GRAPH, ("--origin", "7:-1"), "origin: `7:-1` is not AS[:PREPEND]"),
        (GRAPH, ("--origin", "7:33"), "origin: `7:33` is not AS[:PREPEND]"),
        (GRAPH, ("--origin", "-7"), "origin: `-7` is not AS[:PREPEND]"),
        (GRAPH, ("--origin", "4294967296"), "is not AS[:PREPEND]"),
        (GRAPH, ("--origin", ""), "is not AS[:PREPEND]"),
        (GRAPH, ("--origin", "7", "--down", "99"), "--down: AS 99 is not in the graph"),
        (GRAPH, ("--origin", "7", "--cut", "1-8"), "AS 1 and AS 8 are not neighbours"),
        (GRAPH, ("--origin", "7", "--off", "x"), "there is no `x` in the announcement"),
        (GRAPH, ("--origin", "7", "--weights", "/nonexistent"), "/nonexistent: No such file"),
        (GRAPH, ("--origin", "7", "--weights", write(world, "w", "1 -5\n")),
         "w:1: a weight is a number that is not negative"),
        (GRAPH, ("--origin", "7", "--weights", write(world, "w2", "asn\tx\n")),
         "w2:1: the heading wants asn"),
        (GRAPH, ("--origin", "7", "--weights", write(world, "w3", "99 5\n")),
         "w3: no AS of the graph has a weight"),
        (GRAPH, ("--origin", "7", "--places", write(world, "p", "1 91 0\n")), "p:1: lat wants"),
    ]
    for graph, args, why in rows:
        result = expect(catchment(world, graph, *args, "--tsv"), REFUSED, "", why)
        assert result.stderr.count("\n") == 1, result.stderr
    expect(run("catchment", "--graph", world.folder, "--origin", "7"), REFUSED, "", "Is a directory")


def test_a_million_lines(_):
    """A correct answer in bounded memory, also where most lines say the same."""
    world = Folder()
    graph = write(world, "graph", GRAPH + "3|7|-1\n" * 1_000_000)
    limited = ["prlimit", "--as=400000000", str(NEARCAST), "plan", "catchment", "--graph", str(graph),
               "--origin", "7", "-j"]
    harness.needs("prlimit")
    if b"__asan_init" in NEARCAST.read_bytes():
        limited = limited[2:]  # the sanitizer reserves more than there is
    out = subprocess.run(limited, capture_output=True, text=True, timeout=harness.WAIT_S, check=True)
    document = json.loads(out.stdout)
    assert (document["ases"], document["reached"]) == (8, 8)


def test_bad_announcements(_):
    world = Folder()
    rows = [
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 3, prepend: -1}]}]\n", "prepend"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 3, prepend: 6}]}]\n", "prepend"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 99}]}]\n", "AS 99 is not in the graph"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 3, poison: 99}]}]\n",
         "poison: AS 99 is not in the graph"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 3}, {as: 3}]}]\n", "already (line 2)"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 64500}]}]\n", "its own neighbour"),
        ("as: 64500\nsites: [{name: a, lat: 1, neighbours: [{as: 3}]}]\n", "half of a place"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 3}]}, {name: a, neighbours: [{as: 4}]}]\n",
         "two sites are named `a`"),
        ("as: 64500\nsites: [{name: a, neighbors: [{as: 3}]}]\n", "did you mean `neighbours`?"),
        ("as: 64500\nsites: [{name: a, neighbours: [{as: 3, announce: sometimes}]}]\n", "announce"),
        ("as: 64500\n", "sites"),
        ("\0", ""),
    ]
    for text, why in rows:
        file = write(world, "sites.yaml", text)
        result = expect(catchment(world, GRAPH, "--announce", file), REFUSED, "", why)
        assert "sites.yaml:" in result.stderr, result.stderr


def test_usage(_):
    world = Folder()
    graph = write(world, "graph", GRAPH)
    rows = [
        ((), "usage: nearcast plan VERB"),
        (("catchmant",), "did you mean `catchment`?"),
        (("catchment",), "plan catchment wants --graph FILE"),
        (("catchment", "--graph"), "--graph wants a value: FILE"),
        (("catchment", "--graph", graph), "wants either --announce FILE or --origin AS,..."),
        (("catchment", "--graph", graph, "--origin", "1", "--announce", "x"), "wants either"),
        (("catchment", "--graph", graph, "--origin", "1", "--origin", "2"), "stands there twice"),
        (("catchment", "--graph", graph, "--origin", "1", "--tsv=1"), "--tsv has no value"),
        (("catchment", "--graph", graph, "--origin", "1", "--tsv", "-j"), "either -j or --tsv"),
        (("catchment", "--graph", graph, "--origin", "1", "x"), "wants no argument"),
        (("catchment", "--nonsense"), "has no option --nonsense"),
    ]
    for args, why in rows:
        expect(run(*args), USAGE, "", why)
    assert "catchment" in expect(run("--help"), DONE).stdout
    assert "--origin" in expect(run("catchment", "-h"), DONE).stdout


if __name__ == "__main__":
    harness.main(globals())
