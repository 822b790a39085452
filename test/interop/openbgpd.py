"""OpenBGPD, asked by bgpctl."""

import json

import harness
import pair
from neighbour import Neighbour, Route
from pair import OTHER, ROUTER_ID, SITE, SITE_AS, Setup

CONFIG = """\
AS {asn}
router-id {router_id}
fib-update no
connect-retry 1
holdtime 9
listen on {other}
network 192.0.2.0/24
neighbor {site} {{
	remote-as {site_as}
	local-address {other}
	announce IPv4 unicast
	announce IPv6 unicast
	{options}
}}
allow from any
allow to any
"""

# As `bgpctl show neighbor` writes them.
CAPABILITY = {"refresh": "refresh", "enhanced-refresh": "enhanced_refresh",
              "graceful-restart": "graceful_restart", "add-path": "add-path",
              "roles": "open_policy_role", "extended-messages": "extended_message"}
ORIGIN = {"IGP": "igp", "EGP": "egp", "incomplete": "incomplete"}
WELL_KNOWN = {"GRACEFUL_SHUTDOWN": "65535:0", "NO_EXPORT": "65535:65281"}


class OpenBgpd(Neighbour):
    name = "OpenBGPD"
    programs = ("bgpd", "bgpctl")
    command = "bgpctl"
    lacks = {
        "md5-site-opens": "on Linux its listening socket has no keys",
        "extended-messages": "not built in",
        "bfd": "not built in",
    }

    def version(self):
        return self.place.run("/usr/sbin/bgpd", "-V").split()[-1]

    def config(self, setup):
        options = []
        if setup.opener == "nearcastd":
            options.append("passive")
        if setup.password:
            options.append(f'tcp md5sig password "{setup.password}"')
        if setup.ttl_security:
            options.append("ttl-security yes")
        if "roles" in setup.features:
            options.append("announce policy provider")
        if "add-path" in setup.features:
            options += ["announce add-path recv yes", "announce add-path send all"]
        if "enhanced-refresh" in setup.features:
            options.append("announce enhanced refresh yes")
        return CONFIG.format(asn=setup.asn, router_id=ROUTER_ID, other=OTHER[setup.family],
                             site=SITE[setup.family], site_as=SITE_AS,
                             options="\n\t".join(options))

    def start(self, setup):
        self.address = SITE[setup.family]
        self.place.run("install", "-d", "-m", "755", "/run/openbgpd")
        path = self.world.file("openbgpd.conf", self.config(setup))
        path.chmod(0o600)
        self.log = self.world.folder / "openbgpd.log"
        with open(self.log, "w") as log:
            self.process = self.place.start("/usr/sbin/bgpd", "-d", "-f", path,
                                            stdout=log, stderr=log)
        harness.wait_for("bgpd", lambda: self.address in self.ask("show", "neighbor"))

    def ask(self, *words):
        assert self.process.poll() is None, f"bgpd ended: {self.log.read_text()}"
        return self.place.run("bgpctl", *words, check=False)

    def neighbour(self):
        return json.loads(self.ask("-j", "show", "neighbor", self.address))["neighbors"][0]

    def established(self):
        return self.neighbour()["state"] == "Established"

    def routes(self):
        text = self.ask("-j", "show", "rib", "in", "detail", "neighbor", self.address)
        return {r["prefix"]: self.route(r) for r in json.loads(text).get("rib", [])}

    @staticmethod
    def route(r):
        out = Route(as_path=[int(n) for n in r["aspath"].split()], origin=ORIGIN[r["origin"]],
                    next_hop=r["exit_nexthop"], med=r.get("metric"), path_id=r.get("path_id"))
        out.communities = {WELL_KNOWN.get(c, c) for c in r.get("communities", [])}
        out.large = set(r.get("large_communities", []))
        return out

    def has(self, capability):
        said = self.neighbour()["session"].get("remote", {}).get("capabilities", {})
        return bool(said.get(CAPABILITY[capability]))

    def refresh(self, family):
        self.ask("neighbor", self.address, "refresh")

    def absent_md5_site_opens(self, case):
        case.begin(Setup(password=pair.PASSWORD, site_password=pair.PASSWORD))
        harness.wait_for("a signed SYN that is refused",
                         lambda: self.place.counter("TCPMD5Unexpected") > 0)
        assert not self.established()
        return "its kernel knows no key"

    def refresh_marks(self):
        received = self.neighbour()["stats"]["route-refresh"]["received"]
        return received["borr"] >= 1 and received["eorr"] >= 1

    def end_of_rib(self):
        return self.neighbour()["stats"]["update"]["received"]["eor"] >= 2

    def shutdown(self, text):
        self.ask("neighbor", self.address, "down", text)

    def heard(self):
        return self.ask("show", "neighbor", self.address) + self.log.read_text()
