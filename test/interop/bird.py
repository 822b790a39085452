"""BIRD 2, asked by birdc."""

import re

import harness
from neighbour import Neighbour, Route
from pair import OTHER, ROUTER_ID, SITE, SITE_AS

CONFIG = """\
router id {router_id};
log "/run/bird.log" all;
{bfd}
protocol device {{ }}
protocol static {{ ipv4; route 192.0.2.0/24 blackhole; {routes} }}
protocol static {{ ipv6; route 2001:db8:2::/48 blackhole; }}
protocol bgp site {{
    debug {{ states, events }};
    local {other} as {asn};
    neighbor {site} as {site_as};
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    hold time 9;
    {options}
    ipv4 {{ import all; export filter {{ {long} accept; }}; {channel} }};
    ipv6 {{ import all; export all; {channel} }};
}}
"""

CAPABILITY = {
    "refresh": "Route refresh",
    "enhanced-refresh": "Enhanced refresh",
    "extended-messages": "Extended message",
    "add-path": "ADD-PATH",
    "graceful-restart": "Graceful restart",
    "roles": "Role",
}


class Bird(Neighbour):
    name = "BIRD"
    programs = ("bird", "birdc")
    command = "birdc"
    many_routes = 300  # with communities that make each message long

    def version(self):
        return self.place.run("bird", "--version").split()[-1]

    def config(self, setup):
        options, channel, bfd = [], "", ""
        if setup.opener == "nearcastd":
            options.append("passive;")
        if setup.password:
            options.append(f'password "{setup.password}";')
        options.append("ttl security on;" if setup.ttl_security else "")
        if "extended-messages" in setup.features:
            options.append("enable extended messages on;")
        if "roles" in setup.features:
            options.append("local role provider;")
        if "graceful-restart" in setup.features:
            options.append("graceful restart on; graceful restart time 20;")
        if "bfd" in setup.features:
            options.append("bfd on;")
            bfd = 'protocol bfd { interface "*" { interval 100 ms; multiplier 3; }; }'
        if "add-path" in setup.features:
            channel = "add paths on;"
        # It never sends more than 256 routes in a message.
        long = "" if not setup.routes else \
            " ".join(f"bgp_community.add((64496,{i}));" for i in range(1300))
        routes = " ".join(f"route {prefix} blackhole;" for prefix in setup.prefixes)
        return CONFIG.format(routes=routes, long=long, router_id=ROUTER_ID, bfd=bfd, other=OTHER[setup.family],
                             site=SITE[setup.family], asn=setup.asn, site_as=SITE_AS,
                             options=" ".join(options), channel=channel)

    def start(self, setup):
        path = self.world.file("bird.conf", self.config(setup))
        self.process = self.place.start("bird", "-f", "-c", path, "-s", "/run/bird.ctl",
                                        "-P", "/run/bird.pid")
        harness.wait_for("bird", lambda: "is up and running" in self.ask("show", "status"))

    def ask(self, *words):
        assert self.process.poll() is None, "bird ended"
        return self.place.run("birdc", "-s", "/run/bird.ctl", *words, check=False)

    def established(self):
        return "Established" in self.ask("show", "protocols", "all", "site")

    def routes(self):
        out, prefix = {}, None
        for line in self.ask("show", "route", "protocol", "site", "all").splitlines():
            if m := re.match(r"([0-9a-f:.]+/\d+)?\s+(unicast|unreachable|blackhole) \[", line):
                prefix = m.group(1) or prefix
                out[prefix] = Route()
            elif m := re.match(r"\s+BGP\.(\w+): ?(.*)", line):
                self.attribute(out[prefix], m.group(1), m.group(2))
        return out

    @staticmethod
    def attribute(route, key, text):
        numbers = [":".join(re.findall(r"\d+", group)) for group in re.findall(r"\(.*?\)", text)]
        match key:
            case "as_path":
                route.as_path = [int(n) for n in text.split()]
            case "origin":
                route.origin = text.lower()
            case "med":
                route.med = int(text)
            case "next_hop":
                route.next_hop = text.split()[0]
            case "community":
                route.communities = set(numbers)
            case "large_community":
                route.large = set(numbers)

    def path_ids(self):
        return None  # uses them, and prints them nowhere

    def has(self, capability):
        text = self.ask("show", "protocols", "all", "site")
        theirs = text.partition("Neighbor capabilities")[2].partition("Session:")[0]
        return CAPABILITY[capability].lower() in theirs.lower()

    def bfd_up(self):
        return re.search(r"\bUp\b", self.ask("show", "bfd", "sessions"))

    def bfd_processes(self):
        return [self.process]

    def leaves_out_long_routes(self):
        return "Attribute list too long" in self.heard()

    def refresh(self, family):
        self.ask("reload", "in", "site")

    def shutdown(self, text):
        self.ask("disable", "site", f'"{text}"')

    def heard(self):
        # The protocol's line ends with the last error; the log has the text as well.
        return self.ask("show", "protocols", "all", "site") + self.place.run("cat", "/run/bird.log")
