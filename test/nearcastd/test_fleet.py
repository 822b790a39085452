#!/usr/bin/python3
"""The fleet as its nodes live it: they see each other, and the guard holds the last of them."""

import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import harness
from fleet_site import Node, mesh


def test_two_see_each_other(world):
    one, two = mesh(world, 11, 12)
    row = one.fleet()["s12-a"]
    assert (row["site"], row["address"], row["service"]) == ("s12", "10.9.0.12", "dns"), row
    assert (row["health"], row["admin"], row["announce"]) == ("up", "active", "announced"), row
    assert (row["standing"], row["id"], row["lost"], row["own"]) == ("able", 12, False, False), row
    assert one.fleet()["s11-a"]["own"] is True
    seen = one.daemon.wait_event("site_seen")
    assert seen["subject"] == "s12", seen
    assert one.service_status()["guard"] == {
        "min_sites": "50%", "known": 2, "required": 1, "able": 1, "rank": None, "verdict": "free",
        "standing": "able"}


if __name__ == "__main__":
    harness.main(globals())
