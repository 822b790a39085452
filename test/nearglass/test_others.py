#!/usr/bin/python3
"""The answers that other programs read: birdwatcher's, with every member that Alice-LG takes, and
those of RFC 8522."""

import json
import re
import struct
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import glass
import harness

A, B = "127.0.0.2", "127.0.0.3"
SHORT = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"
LONG = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$"


def two(world):
    g = glass.Glass(world, glass.neighbour("a", A, 65001, description="Router_A"),
                    glass.neighbour("b", B, 65002))
    a, b = glass.connect(A, 65001), glass.connect(B, 65002)
    glass.announce(a, ["10.0.0.0/8"], [65001, 65020], med=7, communities=[(65001, 1)],
                   large=[(4200000000, 1, 2)],
                   extended=[bytes([0, 2]) + struct.pack("!HI", 65001, 5), b"\x43\x00" + b"\1" * 6])
    glass.announce(b, ["10.0.0.0/8"], [65002])
    glass.announce6(b, ["2001:db8::/32"], [65002])
    g.wait_routes(3)
    return g, a, b


def masked(value):
    """With moments as their form."""
    if isinstance(value, dict):
        return {k: masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v) for v in value]
    if isinstance(value, str):
        return "SHORT" if re.match(SHORT, value) else "LONG" if re.match(LONG, value) else value
    return value


ENVELOPE = {"api": {"Version": "0.1.0", "result_from_cache": False,
                    "cache_status": {"cached_at": {"date": "LONG"}}}, "ttl": "LONG"}
ROUTE_A = {
    "network": "10.0.0.0/8", "gateway": "192.0.2.2", "interface": "", "metric": 100,
    "primary": False, "from_protocol": "a", "learnt_from": A, "age": "SHORT",
    "type": ["BGP", "univ"],
    "bgp": {"origin": "igp", "as_path": ["65001", "65020"], "next_hop": "192.0.2.2", "med": "7",
            "communities": [[65001, 1]], "large_communities": [[4200000000, 1, 2]],
            "ext_communities": [["rt", "65001", "5"], ["generic", "0x4300", "0x010101010101"]]}}


def test_birdwatcher(world):
    g, a, b = two(world)

    def get(path):
        return masked(g.get("/birdwatcher" + path))

    assert get("/status") == {**ENVELOPE, "status": {
        "router_id": "192.0.2.1", "version": "0.1.0", "message": "nearglass is up and running",
        "current_server": "SHORT", "server_time": "SHORT", "last_reboot": "SHORT",
        "last_reconfig": "SHORT"}}
    protocols = get("/protocols/bgp")["protocols"]
    assert set(protocols) == {"a", "b"}
    assert protocols["a"] == {
        "protocol": "a", "bird_protocol": "BGP", "state": "up", "bgp_state": "Established",
        "connection": "Established", "state_changed": "SHORT", "since": "SHORT", "table": "master",
        "description": "Router_A", "neighbor_address": A, "neighbor_as": 65001,
        "neighbor_id": "192.0.2.96", "last_error": "",
        "routes": {"imported": 1, "filtered": 0, "exported": 0, "preferred": None}}, protocols["a"]
    assert get("/protocols/short")["protocols"]["b"] == {
        "proto": "BGP", "table": "master", "state": "up", "since": "SHORT", "info": "Established"}
    assert get("/routes/protocol/a") == {**ENVELOPE, "routes": [ROUTE_A]}
    networks = [(r["from_protocol"], r["network"], r["primary"])
                for r in get("/routes/table/master")["routes"]]
    assert networks == [("a", "10.0.0.0/8", False), ("b", "10.0.0.0/8", True),
                        ("b", "2001:db8::/32", True)], networks
    for path in "/routes/filtered/a", "/routes/noexport/b", "/routes/table/master/filtered":
        assert get(path) == {**ENVELOPE, "routes": []}
    assert len(get("/route/net/10.1.2.3")["routes"]) == 2
    assert get("/route/net/10.0.0.0/8")["routes"][0] == ROUTE_A
    assert get("/route/net/10.0.0.0/9")["routes"] == []
    assert get("/symbols")["symbols"] == {"routing table": ["master"], "protocol": ["a", "b"]}
    g.refused("/birdwatcher/routes/protocol/x", 404, "unknown-neighbour")
    g.refused("/birdwatcher/route/net/x", 400, "bad-prefix")
    b.close()
    harness.wait_for("its loss", lambda: get("/protocols/bgp")["protocols"]["b"]["state"] == "start")
    assert get("/routes/protocol/b")["routes"] == []


def test_rfc8522(world):
    g, a, b = two(world)
    base = "/.well-known/looking-glass/v1"

    def ask(path, want=200):
        status, headers, body = g.fetch(base + path)
        assert (status, headers["Content-Type"]) == (want, "application/json"), (path, status)
        answer = json.loads(body)
        assert answer["status"] == ("success" if want == 200 else "fail"), answer
        return answer["data"]

    for path in "/show/route/10.1.2.3", "/show/bgp/10.0.0.0/8", "/show/route/10.0.0.1?protocol=1,1":
        data = ask(path)
        assert set(data) == {"router", "performed_at", "runtime", "format", "output"}
        assert (data["router"], data["format"]) == ("fra1", "text/plain")
        assert re.match(LONG, data["performed_at"])
        assert data["output"] == [
            "  10.0.0.0/8 via 192.0.2.2 from a AS65001 path 65001 65020 origin igp",
            "* 10.0.0.0/8 via 192.0.2.2 from b AS65002 path 65002 origin igp"], data
    assert ask("/show/route/11.0.0.1")["output"] == []
    assert ask("/show/bgp/summary")["output"] == [
        f"a {A} AS65001 Established IPv4 1 IPv6 0", f"b {B} AS65002 Established IPv4 1 IPv6 1"]
    assert ask(f"/show/bgp/neighbors/{B}?router=fra1")["output"][0].startswith("b ")
    assert ask("/routers")["routers"] == ["fra1"]
    assert ask("/routers/1")["router"] == "fra1"
    commands = ask("/cmd")["commands"]
    assert [c["command"] for c in commands] == ["show route", "show bgp summary", "show bgp neighbors",
                                                "show bgp", "routers", "routers", "cmd"], commands
    assert {"href", "arguments", "description", "command"} == set(commands[0])
    assert commands[0]["href"] == f"https://localhost{base}/show/route/"
    for path, code in [("/show/route/x", 400), ("/show/route/10.0.0.1?protocol=2,1", 400),
                       ("/show/route/10.0.0.1?protocol=9,9", 400), ("/ping/10.0.0.1", 404),
                       ("/show/bgp/neighbors/10.9.9.9", 404), ("/show/bgp/summary?router=x", 404),
                       ("/traceroute/10.0.0.1", 404), ("/routers/2", 404),
                       ("/show/bgp/summary?routerindex=2", 404),
                       ("/show/bgp/summary?format=application/xml", 400)]:
        data = ask(path, code)
        assert {"router", "performed_at", "runtime", "format", "output"} <= set(data), data
        assert len(data["output"]) == 1 and (data["router"], data["format"]) == ("fra1", "text/plain"), data


harness.main(globals())
