"""ExaBGP, asked by its API: it reports what it hears as JSON lines and takes commands."""

import json
import os
from pathlib import Path

import harness
from neighbour import Neighbour, Route
from pair import OTHER, ROUTER_ID, SITE, SITE_AS, Setup

CONFIG = """\
process api {{
    run {python} {api} {events} {commands};
    encoder json;
}}
neighbor {site} {{
    router-id {router_id};
    local-address {other};
    local-as {asn};
    peer-as {site_as};
    hold-time 9;
    {options}
    capability {{
        route-refresh enable;
        {capabilities}
    }}
    family {{
        ipv4 unicast;
        ipv6 unicast;
    }}
    api {{
        processes [ api ];
        neighbor-changes;
        receive {{ parsed; update; open; }}
    }}
    static {{
        route 192.0.2.0/24 next-hop {next_hop};
        {routes}
    }}
}}
"""

PYTHON = "/usr/bin/python3"

# Its own log and paths; no other user, no pipes of its own, listening as the neighbour.
ENVIRONMENT = {
    "exabgp.daemon.user": "root",
    "exabgp.daemon.drop": "false",
    "exabgp.api.cli": "false",
    "exabgp.api.ack": "false",
    "exabgp.log.level": "DEBUG",
    "exabgp.log.message": "true",
}

# The codes by which reports of OPENs list the capabilities.
CAPABILITY = {"refresh": 2, "extended-messages": 6, "roles": 9, "graceful-restart": 64,
              "add-path": 69, "enhanced-refresh": 70}


class ExaBgp(Neighbour):
    name = "ExaBGP"
    programs = ("exabgp",)
    command = "its API"
    lacks = {
        "gtsm-site-opens": "does not set the TTL of what it accepts",
        "roles": "not built in",
        "roles-wrong": "not built in",
        "shutdown-in": "teardown takes no text",
        "shutdown-out": "fails to decode any text, and answers 1/0",
        "bfd": "not built in",
    }

    def version(self):
        return self.place.run("exabgp", "--version").split()[2]

    def config(self, setup):
        options, capabilities = [], ["graceful-restart disable;"]
        if setup.opener == "nearcastd":
            options.append("passive true;")
        if setup.password:
            options.append(f"md5-password '{setup.password}';")
        if setup.ttl_security:
            options += ["outgoing-ttl 255;", "incoming-ttl 255;"]
        if "extended-messages" in setup.features:
            capabilities.append("extended-message enable;")
        if "add-path" in setup.features:
            capabilities.append("add-path send/receive;")
        if "graceful-restart" in setup.features:
            capabilities[0] = "graceful-restart 20;"
        routes = "\n".join(f"route {prefix} next-hop {OTHER[4]};" for prefix in setup.prefixes)
        return CONFIG.format(
            routes=routes,
            python=PYTHON, api=Path(__file__).with_name("exabgp_api.py"),
            events=self.events_path, commands=self.commands_path, site=SITE[setup.family],
            other=OTHER[setup.family], router_id=ROUTER_ID, asn=setup.asn, site_as=SITE_AS,
            options=" ".join(options), capabilities=" ".join(capabilities), next_hop=OTHER[4])

    def start(self, setup):
        self.address = SITE[setup.family]
        self.events_path = self.world.folder / "exabgp.events"
        self.commands_path = self.world.folder / "exabgp.commands"
        self.log = self.world.folder / "exabgp.log"
        self.events_path.touch()
        if not self.commands_path.exists():
            os.mkfifo(self.commands_path)
        path = self.world.file("exabgp.conf", self.config(setup))
        settings = dict(ENVIRONMENT)
        if setup.opener == "nearcastd":
            settings["exabgp.tcp.bind"] = OTHER[setup.family]
        with open(self.log, "w") as log:
            self.process = self.place.start(
                "env", *(f"{k}={v}" for k, v in settings.items()), "exabgp", path,
                stdout=log, stderr=log)
        harness.wait_for("exabgp", self.answers)

    def answers(self):
        assert self.process.poll() is None, f"exabgp ended: {self.log.read_text()}"
        return "forked process" in self.log.read_text()

    def events(self):
        # A line that is still being written comes with the next call.
        lines = self.events_path.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def tell(self, command):
        with open(self.commands_path, "w") as commands:
            commands.write(command + "\n")

    def session(self):
        """The reports since the session came up last."""
        events = self.events()
        ups = [i for i, e in enumerate(events)
               if e["type"] == "state" and e["neighbor"]["state"] == "up"]
        return events[ups[-1]:] if ups else []

    def established(self):
        session = self.session()
        return bool(session) and all(e["neighbor"].get("state") != "down" for e in session)

    def routes(self):
        out = {}
        for event in self.session():
            if event["type"] == "update":
                self.apply(event["neighbor"]["message"].get("update", {}), out)
        return out

    def apply(self, update, out):
        for prefixes in update.get("withdraw", {}).values():
            for entry in prefixes:
                out.pop(entry["nlri"], None)
        for family in update.get("announce", {}).values():
            for next_hop, prefixes in family.items():
                for entry in prefixes:
                    if "nlri" in entry:
                        out[entry["nlri"]] = self.route(update["attribute"], next_hop, entry)

    @staticmethod
    def route(attribute, next_hop, entry):
        joined = lambda parts: ":".join(map(str, parts))
        path = attribute.get("as-path", [])
        return Route(
            as_path=path, origin=attribute["origin"], med=attribute.get("med"),
            communities=set(map(joined, attribute.get("community", []))),
            large=set(map(joined, attribute.get("large-community", []))),
            next_hop=next_hop, path_id=entry.get("path-information"))

    def has(self, capability):
        for event in reversed(self.events()):
            if event["type"] == "open" and event["neighbor"]["direction"] == "receive":
                return str(CAPABILITY[capability]) in event["neighbor"]["open"]["capabilities"]
        return False

    def refresh(self, family):
        self.tell(f"neighbor {self.address} announce route-refresh ipv{family} unicast")

    def absent_gtsm_site_opens(self, case):
        case.begin(Setup(ttl_security=True, site_ttl_security=True))
        case.never_established("TCPMinTTLDrop")
        return "its packets come with less than TTL 255"

    def absent_shutdown_in(self, case):
        case.establish(Setup())
        self.shutdown("spare part")
        said = case.daemon.wait_event("upstream_down")["detail"]
        assert "spare part" not in said, said
        return said

    def absent_shutdown_out(self, case):
        case.establish(Setup())
        case.daemon.process.terminate()
        harness.wait_for("the end of the session", lambda: not self.established())
        assert "stopped by the operator" not in self.heard()
        return next(e["neighbor"]["reason"] for e in reversed(self.events())
                    if e["neighbor"].get("state") == "down")

    def shutdown(self, text):
        self.tell(f"neighbor {self.address} teardown 2")

    def heard(self):
        return self.events_path.read_text() + self.log.read_text()
