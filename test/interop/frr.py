"""FRR's bgpd with its zebra (which resolves next hops) and bfdd, asked by vtysh."""

import json
import re
import subprocess

import harness
from neighbour import Neighbour, Route
from pair import OTHER, ROUTER_ID, SITE, SITE_AS

CONFIG = """\
log file /run/frr/log
debug bgp neighbor-events
router bgp {asn}
 bgp router-id {router_id}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 {router_options}
 neighbor {site} remote-as {site_as}
 neighbor {site} timers 3 9
 neighbor {site} timers connect 1
 {options}
 address-family ipv4 unicast
  neighbor {site} activate
  network 192.0.2.0/24
  {routes}
  {channel}
 exit-address-family
 address-family ipv6 unicast
  neighbor {site} activate
  {channel}
 exit-address-family
"""

# As `show bgp neighbors json` names them.
CAPABILITY = {
    "refresh": "routeRefresh",
    "enhanced-refresh": "enhancedRouteRefresh",
    "extended-messages": "extendedMessage",
    "add-path": "addPath",
    "graceful-restart": "gracefulRestart",
    "roles": "role",
}


class Frr(Neighbour):
    name = "FRR"
    programs = ("vtysh", "/usr/lib/frr/bgpd", "/usr/lib/frr/zebra", "/usr/lib/frr/bfdd")
    command = "vtysh"

    def __init__(self, world, place):
        super().__init__(world, place)
        self.processes = {}

    def version(self):
        return re.search(r"version (\S+)", self.place.run("/usr/lib/frr/bgpd", "-v")).group(1)

    def config(self, setup):
        site = SITE[setup.family]
        options, channel, router = [], [], []
        if setup.opener == "nearcastd":
            options.append("passive")
        if setup.password:
            options.append(f"password {setup.password}")
        if setup.ttl_security:
            options.append("ttl-security hops 1")
        if "roles" in setup.features:
            options.append("local-role provider")
        if "graceful-restart" in setup.features:
            router.append("bgp graceful-restart")
        if "bfd" in setup.features:
            options += ["bfd", "bfd 3 100 100"]
        if "add-path" in setup.features:
            channel.append("addpath-tx-all-paths")
        lines = lambda words: "\n ".join(f"neighbor {site} {w}" for w in words)
        routes = "\n  ".join(f"network {prefix}" for prefix in setup.prefixes)
        return CONFIG.format(routes=routes, router_id=ROUTER_ID, asn=setup.asn, site=site, site_as=SITE_AS,
                             options=lines(options), channel=lines(channel),
                             router_options="\n ".join(router))

    def start(self, setup):
        self.address, self.asn = SITE[setup.family], setup.asn
        self.place.run("install", "-d", "-o", "frr", "-g", "frr", "/run/frr")
        path = self.world.file("frr.conf", self.config(setup))
        self.world.folder.chmod(0o755)
        path.chmod(0o644)
        for name in ["zebra"] + ["bfdd"] * ("bfd" in setup.features) + ["bgpd"]:
            if name not in self.processes:
                self.start_one(name, path if name == "bgpd" else "/dev/null")

    def start_one(self, name, path):
        self.processes[name] = self.place.start(
            f"/usr/lib/frr/{name}", "-f", path, "-A", "127.0.0.1", stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        harness.wait_for(name, lambda: self.answers(name))

    def crash(self):
        self.place.kill(self.processes.pop("bgpd"))

    def answers(self, name):
        return "FRRouting" in self.place.run("vtysh", "-d", name, "-c", "show version", check=False)

    def ask(self, *lines):
        words = [word for line in lines for word in ("-c", line)]
        return self.place.run("vtysh", "-d", "bgpd", *words, check=False)

    def neighbour(self):
        return json.loads(self.ask(f"show bgp neighbors {self.address} json"))[self.address]

    def established(self):
        return self.neighbour()["bgpState"] == "Established"

    def routes(self):
        out = {}
        for family in ("ipv4", "ipv6"):
            table = self.ask(f"show bgp {family} unicast neighbors {self.address} routes json")
            for prefix in json.loads(table)["routes"]:
                whole = json.loads(self.ask(f"show bgp {family} unicast {prefix} json"))
                for path in [p for p in whole.get("paths", []) if p["valid"]]:
                    out[prefix] = self.route(path)
        return out

    @staticmethod
    def route(path):
        segments = path["aspath"]["segments"]
        well_known = {"gracefulShutdown": "65535:0", "noExport": "65535:65281"}
        plain = path.get("community", {}).get("list", [])
        return Route(
            as_path=[n for segment in segments for n in segment["list"]],
            origin=path["origin"].lower(), med=path.get("metric"),
            communities={well_known.get(c, c) for c in plain},
            large=set(path.get("largeCommunity", {}).get("list", [])),
            next_hop=path["nexthops"][0]["ip"], path_id=path.get("addpathRxId"))

    def has(self, capability):
        said = self.neighbour()["neighborCapabilities"].get(CAPABILITY[capability], "")
        return "eceived" in json.dumps(said)

    def bfd_up(self):
        peers = json.loads(self.place.run("vtysh", "-d", "bfdd", "-c", "show bfd peers json"))
        return [p["status"] for p in peers] == ["up"]

    def bfd_processes(self):
        return [self.processes["bfdd"]]

    def refresh(self, family):
        self.ask(f"clear bgp ipv{family} unicast {self.address} in")

    def refresh_marks(self):
        return self.neighbour()["messageStats"]["routeRefreshRecv"] >= 2

    def end_of_rib(self):
        received = self.neighbour()["gracefulRestartInfo"]["endOfRibRecv"]
        return received.get("ipv4Unicast") and received.get("ipv6Unicast")

    def shutdown(self, text):
        self.ask("configure terminal", f"router bgp {self.asn}",
                 f"neighbor {self.address} shutdown message {text}")

    def heard(self):
        return self.ask(f"show bgp neighbors {self.address} json") + \
            self.place.run("cat", "/run/frr/log")
