"""GoBGP, asked by gobgp."""

import json
import re
import subprocess

import harness
from neighbour import Neighbour, Route
from pair import OTHER, ROUTER_ID, SITE, SITE_AS, Setup

FAMILIES = ("ipv4-unicast", "ipv6-unicast")

# As `gobgp neighbor` names the capabilities.
CAPABILITY = {"refresh": "route-refresh", "graceful-restart": "graceful-restart",
              "add-path": "add-path", "enhanced-refresh": "enhanced-route-refresh",
              "extended-messages": "extended-message", "roles": "role"}


class GoBgp(Neighbour):
    name = "GoBGP"
    programs = ("gobgpd", "gobgp")
    command = "gobgp"
    lacks = {
        "refresh": "its softresetin asks nobody",
        "enhanced-refresh": "not built in",
        "extended-messages": "not built in",
        "roles": "not built in",
        "roles-wrong": "not built in",
        "bfd": "not built in",
    }

    def version(self):
        return self.place.run("gobgpd", "--version").split()[-1]

    def config(self, setup):
        neighbour = {
            "config": {"neighbor-address": SITE[setup.family], "peer-as": SITE_AS},
            "timers": {"config": {"connect-retry": 1, "hold-time": 9, "keepalive-interval": 3,
                                  "idle-hold-time-after-reset": 1}},
            "transport": {"config": {"passive-mode": setup.opener == "nearcastd",
                                     "local-address": OTHER[setup.family]}},
            "afi-safis": [{"config": {"afi-safi-name": name}} for name in FAMILIES],
        }
        if setup.password:
            neighbour["config"]["auth-password"] = setup.password
        if setup.ttl_security:
            neighbour["ttl-security"] = {"config": {"enabled": True, "ttl-min": 255}}
        if "add-path" in setup.features:
            neighbour["add-paths"] = {"config": {"receive": True, "send-max": 8}}
            for family in neighbour["afi-safis"]:
                family["add-paths"] = neighbour["add-paths"]
        if "graceful-restart" in setup.features:
            neighbour["graceful-restart"] = {"config": {"enabled": True, "restart-time": 20}}
            for family in neighbour["afi-safis"]:
                family["mp-graceful-restart"] = {"config": {"enabled": True}}
        return {"global": {"config": {"as": setup.asn, "router-id": ROUTER_ID}},
                "neighbors": [neighbour]}

    def start(self, setup):
        self.address = SITE[setup.family]
        path = self.world.file("gobgp.json", json.dumps(self.config(setup), indent=1))
        self.log = self.world.folder / "gobgp.log"
        with open(self.log, "w") as log:
            self.process = self.place.start(
                "gobgpd", "-f", path, "-t", "json", "-p", "--api-hosts", "127.0.0.1:50051",
                "--pprof-disable", stdout=log, stderr=log)
        harness.wait_for("gobgpd", lambda: self.address in self.ask("neighbor"))

    def ask(self, *words):
        assert self.process.poll() is None, f"gobgpd ended: {self.log.read_text()}"
        return self.place.run("gobgp", *words, check=False)

    def neighbour(self):
        return json.loads(self.ask("-j", "neighbor", self.address))

    def established(self):
        return "ESTABLISHED" in self.ask("neighbor", self.address).upper()

    def routes(self):
        out = {}
        for family in ("ipv4", "ipv6"):
            text = self.ask("-j", "neighbor", self.address, "adj-in", "-a", family)
            for prefix, paths in json.loads(text or "{}").items():
                for path in paths:
                    out[prefix] = self.route(path)
        return out

    @staticmethod
    def route(path):
        route = Route()
        for attribute in path["attrs"]:
            match attribute["type"]:
                case 1:
                    route.origin = ("igp", "egp", "incomplete")[attribute["value"]]
                case 2:
                    route.as_path = [n for s in attribute["as_paths"] for n in s["asns"]]
                case 3:
                    route.next_hop = attribute["nexthop"]
                case 4:
                    route.med = attribute["metric"]
                case 8:
                    route.communities = {f"{c >> 16}:{c & 0xffff}"
                                         for c in attribute["communities"]}
                case 14:
                    route.next_hop = attribute["nexthop"]
                case 32:
                    route.large = {f'{c["ASN"]}:{c["LocalData1"]}:{c["LocalData2"]}'
                                   for c in attribute["value"]}
        return route

    def path_ids(self):
        table = self.ask("neighbor", self.address, "adj-in")
        return {int(n) for n in re.findall(r"^ +(\d+) +[0-9a-f.:]+/\d+ ", table, re.MULTILINE)}

    def has(self, capability):
        said = re.search(rf"^ +{CAPABILITY[capability]}:(.*)$", self.ask("neighbor", self.address),
                         re.MULTILINE)
        return bool(said) and "received" in said.group(1)

    def refresh(self, family):
        self.ask("neighbor", self.address, "softresetin", "-a", f"ipv{family}")

    def absent_refresh(self, case):
        case.establish(Setup())
        self.refresh(4)
        sent = re.search(r"Route Refresh: +(\d+)", self.ask("neighbor", self.address)).group(1)
        assert sent == "0", f"sent {sent} after all"
        return "none sent after softresetin"

    def end_of_rib(self):
        states = [f["mp_graceful_restart"]["state"] for f in self.neighbour()["afi_safis"]]
        return all(s.get("end_of_rib_received") for s in states)

    def shutdown(self, text):
        self.ask("neighbor", self.address, "shutdown", "--reason", text)

    def heard(self):
        return self.log.read_text()
