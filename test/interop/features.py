"""The features: what each one asks of both sides, and how it is measured.

A feature's function gets a Case, brings a session up and looks at it from both ends. It returns what
was seen, in a few words, for the table; it raises AssertionError when that is not what should be seen.
Beside a claim stands its control: the same thing without the feature, or with a wrong key.
"""

import re
import subprocess
from dataclasses import dataclass, replace

import bgpspeaker
import harness
import pair
from pair import OTHER, PREFIX, SITE, Setup

BOTH = set(PREFIX.values())
CODES = {"refresh": 2, "extended-messages": 6, "roles": 9, "graceful-restart": 64, "add-path": 69,
         "enhanced-refresh": 70}
FEATURES = {}  # name: Feature, in the order of the table


class NotBuilt(Exception):
    """nearcastd does not have this yet."""


@dataclass
class Feature:
    name: str        # for machines: add-path
    title: str       # for the table: ADD-PATH
    rfc: str
    measure: object  # function of a Case
    keys: str        # of nearcast.yaml's upstream, which nearcastd may not know yet
    capability: int  # code; 0: none


def feature(name, title, rfc="", keys="", capability=0):
    def keep(function):
        FEATURES[name] = Feature(name, title, rfc, function, keys, capability)
        return function
    return keep


class Case:
    """One feature with one neighbour."""

    def __init__(self, world, neighbour_class):
        self.world = world
        self.place = pair.Place(world)
        self.other = neighbour_class(world, self.place)
        self.daemon = None

    def begin(self, setup):
        """Both sides, not yet waited for: the side that is connected to starts first."""
        self.setup = setup
        if setup.opener == "neighbour":
            self.start_site()
            self.other.start(setup)
        else:
            self.other.start(setup)
            self.start_site()

    def start_site(self):
        self.daemon = harness.Daemon(self.world, pair.site_config(self.world, self.setup))

    def establish(self, setup, prefixes=BOTH):
        """A session with its routes: {prefix: Route} at the neighbour."""
        self.begin(setup)
        try:
            self.other.wait_established()
            routes = self.other.wait_routes(prefixes)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.upstream()}\n{self.other.heard()}") from None
        assert self.upstream()["state"] == "Established"
        return routes

    def announce(self, up):
        """Change what the routes carry, on the living session."""
        self.setup = replace(self.setup, up=up)
        answer = self.daemon.reload(pair.site_config(self.world, self.setup))
        assert answer.get("ok"), answer

    def see(self, what, condition):
        """Wait until the neighbour shows both routes so; the IPv4 one is returned."""
        last = {}

        def all_so():
            nonlocal last
            last = self.other.routes()
            return set(last) == BOTH and all(condition(r) for r in last.values())

        try:
            harness.wait_for(what, all_so)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None
        return last[PREFIX[4]]

    def upstream(self):
        return self.daemon.status()["upstreams"][0]

    def connection(self):
        """(local port, remote port) of the session's TCP connection, at nearcastd's end."""
        out = subprocess.run(["ss", "-Htn", "state", "established"], check=True,
                             capture_output=True, text=True).stdout
        ends = [tuple(int(e.rsplit(":", 1)[1]) for e in line.split()[2:4])
                for line in out.splitlines()]
        ends = [e for e in ends if 179 in e]
        assert len(ends) == 1, out
        return ends[0]

    def never_established(self, counter, drops=2):
        """The control of a protected session: the kernel refuses packets, and so nothing comes up.
        More than one is waited for, so that it was tried again."""
        before = pair.site_counter(counter)
        harness.wait_for(f"refused packets ({counter})",
                         lambda: pair.site_counter(counter) >= before + drops, 20)
        assert not self.other.established() and self.upstream()["established"] == 0, \
            "a session came up that must not"


# ---- Sessions ----

def plain_session(case, setup):
    """Exactly the two prefixes, with the path and next hops that such a session has."""
    routes = case.establish(setup)
    path = [] if setup.internal else [pair.SITE_AS]
    for family, prefix in PREFIX.items():
        route = routes[prefix]
        assert route.as_path == path and route.origin == "igp", (prefix, route)
        assert route.next_hop == SITE[family], (prefix, route)
    (case.world.folder / "up").unlink()
    case.other.wait_routes(set())  # and they go when the service does
    return "announced, withdrawn"


@feature("ebgp-4", "eBGP over IPv4, both families", "RFC 4271, 4760")
def ebgp_4(case):
    return plain_session(case, Setup())


@feature("ebgp-6", "eBGP over IPv6, both families", "RFC 4760")
def ebgp_6(case):
    return plain_session(case, Setup(family=6))


@feature("ibgp-4", "iBGP over IPv4", "RFC 4271")
def ibgp_4(case):
    return plain_session(case, Setup(internal=True))


@feature("ibgp-6", "iBGP over IPv6", "RFC 4760")
def ibgp_6(case):
    return plain_session(case, Setup(internal=True, family=6))


@feature("site-opens", "nearcastd opens")
def site_opens(case):
    case.establish(Setup(opener="nearcastd"))
    local, remote = case.connection()
    assert remote == 179 and local != 179, (local, remote)
    return "to port 179 there"


@feature("neighbour-opens", "neighbour opens")
def neighbour_opens(case):
    case.establish(Setup(opener="neighbour"))
    local, remote = case.connection()
    assert local == 179 and remote != 179, (local, remote)
    return "to port 179 here"


@feature("both-open", "both open", "RFC 4271 6.8")
def both_open(case):
    case.establish(Setup(opener="both"))
    case.connection()  # one connection is left, whoever opened it
    return "one session"


# ---- Protection ----

def with_password(case, opener):
    case.establish(Setup(password=pair.PASSWORD, site_password=pair.PASSWORD, opener=opener))
    return "established"


@feature("md5-site-opens", "TCP MD5, nearcastd opens", "RFC 2385")
def md5_site_opens(case):
    return with_password(case, "nearcastd")


@feature("md5-neighbour-opens", "TCP MD5, neighbour opens", "RFC 2385")
def md5_neighbour_opens(case):
    return with_password(case, "neighbour")


@feature("md5-wrong", "TCP MD5, wrong password", "RFC 2385")
def md5_wrong(case):
    case.begin(Setup(password=pair.PASSWORD, site_password="wrong", opener="neighbour"))
    case.never_established("TCPMD5Failure")
    return "refused"


@feature("md5-none", "TCP MD5, neighbour has none", "RFC 2385")
def md5_none(case):
    case.begin(Setup(site_password=pair.PASSWORD, opener="neighbour"))
    case.never_established("TCPMD5NotFound")
    return "refused"


def with_ttl_security(case, opener):
    case.establish(Setup(ttl_security=True, site_ttl_security=True, opener=opener))
    return "established"


@feature("gtsm-site-opens", "GTSM, nearcastd opens", "RFC 5082")
def gtsm_site_opens(case):
    return with_ttl_security(case, "nearcastd")


@feature("gtsm-neighbour-opens", "GTSM, neighbour opens", "RFC 5082")
def gtsm_neighbour_opens(case):
    return with_ttl_security(case, "neighbour")


@feature("gtsm-far", "GTSM, from too far away", "RFC 5082")
def gtsm_far(case):
    case.begin(Setup(site_ttl_security=True, opener="both"))
    case.never_established("TCPMinTTLDrop")
    return "refused"


# ---- Attributes, changed on a living session and taken back ----

def attribute(case, up, condition):
    routes = case.establish(Setup())
    assert not any(condition(r) for r in routes.values()), f"there already: {routes}"
    case.announce(up)
    case.see(up, condition)
    case.announce("communities: []")
    case.see(f"{up} taken back", lambda r: not condition(r))
    return "set, taken back"


@feature("communities", "communities", "RFC 1997")
def communities(case):
    return attribute(case, "communities: [64500:100, no-export]",
                     lambda r: r.communities == {"64500:100", "65535:65281"})


@feature("large-communities", "large communities", "RFC 8092")
def large_communities(case):
    return attribute(case, 'communities: ["64500:4294967295:1", "64500:2:3"]',
                     lambda r: r.large == {"64500:4294967295:1", "64500:2:3"})


@feature("gshut", "GSHUT", "RFC 8326")
def gshut(case):
    return attribute(case, "communities: [graceful-shutdown]",
                     lambda r: r.communities == {"65535:0"})


@feature("prepend", "prepend", "RFC 4271")
def prepend(case):
    return attribute(case, "prepend: 3", lambda r: r.as_path == [pair.SITE_AS] * 4)


@feature("med", "MED", "RFC 4271")
def med(case):
    return attribute(case, "med: 4294967295", lambda r: r.med == 4294967295)


# ---- What is said on a session ----

@feature("refresh", "route refresh asked by the neighbour", "RFC 2918", capability=2)
def refresh(case):
    case.establish(Setup())
    assert case.other.has("refresh"), "nearcastd's capability is not seen"
    for family in PREFIX:
        before = case.upstream()["updates_out"]
        case.other.refresh(family)
        harness.wait_for(f"the IPv{family} routes said again",
                         lambda: case.upstream()["updates_out"] > before)
    case.other.wait_routes(BOTH)
    return "routes said again"


@feature("shutdown-in", "shutdown text from the neighbour", "RFC 9003")
def shutdown_in(case):
    text = "spare part, déjà vu"
    case.establish(Setup())
    case.other.shutdown(text)
    event = case.daemon.wait_event("upstream_down")
    for said in (event["detail"], case.upstream()["last_error"]):
        assert "Administrative Shutdown" in said and text in said, said
    return "shown in events and status"


@feature("shutdown-out", "shutdown text to the neighbour", "RFC 9003")
def shutdown_out(case):
    case.establish(Setup())
    case.daemon.process.terminate()
    text = "stopped by the operator"
    try:
        harness.wait_for("the text at the neighbour", lambda: text in case.other.heard())
    except AssertionError as error:
        raise AssertionError(f"{error}\n{case.other.heard()}") from None
    return "shown"


@feature("enhanced-refresh", "enhanced route refresh", "RFC 7313", capability=70)
def enhanced_refresh(case):
    case.establish(Setup(features={"enhanced-refresh"}))
    assert case.other.has("enhanced-refresh"), "nearcastd's capability is not seen"
    before = case.upstream()["updates_out"]
    case.other.refresh(4)
    harness.wait_for("the routes said again", lambda: case.upstream()["updates_out"] > before)
    case.other.wait_routes(BOTH)
    if case.other.refresh_marks() is None:
        return "routes said again"
    harness.wait_for("the begin and the end of the refresh", case.other.refresh_marks)
    return "between begin and end"


@feature("add-path", "ADD-PATH", "RFC 7911", keys="add-path: send", capability=69)
def add_path(case):
    # Were one side alone to put identifiers into the routes, the other would read other prefixes.
    case.establish(Setup(features={"add-path"}, more=", " + FEATURES["add-path"].keys))
    assert case.other.has("add-path"), "nearcastd's capability is not seen"
    ids = case.other.path_ids()
    assert ids is None or not ids & {None, 0, "0.0.0.0"}, ids
    return "agreed on" if ids is None else "path identifiers"


@feature("extended-messages", "extended messages", "RFC 8654", keys="extended-messages: yes",
         capability=6)
def extended_messages(case):
    """10,000 prefixes of 4 octets come in ten messages or more, and in one when that may be long.
    A neighbour that sends in small portions has attributes that alone are too long otherwise."""
    many = case.other.many_routes

    def session(keys, until):
        case.setup = replace(case.setup, more=", " + keys)
        case.start_site()
        harness.wait_for("the neighbour's routes", until)
        seen = case.upstream(), case.other.has("extended-messages")
        case.daemon.process.kill()
        case.daemon.process.wait()
        harness.wait_for("the end of the session", lambda: not case.other.established())
        return seen

    def all_here():
        return case.upstream()["received"] >= many

    case.setup = Setup(features={"extended-messages"}, routes=many)
    case.other.start(case.setup)
    too_long = case.other.leaves_out_long_routes
    short, offered = session("extended-messages: no", too_long or all_here)
    assert not offered and (short["received"] < many if too_long else short["updates_in"] >= 10), short
    long, offered = session(FEATURES["extended-messages"].keys, all_here)
    # Beside the one there may be one of IPv6, the site's own routes and the Ends-of-RIB.
    assert offered and (too_long or long["updates_in"] <= 6), long
    return "messages of over 4,096 octets come"


@feature("roles", "roles", "RFC 9234", keys="role: customer", capability=9)
def roles(case):
    case.establish(Setup(features={"roles"}, more=", role: customer"))
    assert case.other.has("roles"), "nearcastd's capability is not seen"
    return "customer of a provider"


@feature("roles-wrong", "roles that do not fit", "RFC 9234", keys="role: provider", capability=9)
def roles_wrong(case):
    case.begin(Setup(features={"roles"}, more=", role: provider"))
    harness.wait_for("an OPEN that is refused",
                     lambda: "Role Mismatch" in (case.upstream()["last_error"] or ""))
    assert case.upstream()["established"] == 0
    return "refused: Role Mismatch"


@feature("graceful-restart", "graceful restart helper", "RFC 4724", capability=64)
def graceful_restart(case):
    case.establish(Setup(features={"graceful-restart"}))
    assert case.other.has("graceful-restart"), "nearcastd's capability is not seen"
    last = case.daemon.events()[-1]["seq"]
    case.other.crash()
    case.daemon.wait_event("upstream_down", after=last)
    case.other.start(case.setup)
    case.other.wait_established()
    case.other.wait_routes(BOTH)
    if case.other.end_of_rib() is None:
        return "routes back after a crash"
    harness.wait_for("the End-of-RIB of both families", case.other.end_of_rib)
    return "routes and End-of-RIB after a crash"


@feature("bfd", "BFD", "RFC 5880, 5881", keys="bfd: {interval: 100ms, multiplier: 3}")
def bfd(case):
    case.establish(Setup(features={"bfd"}, more=", " + FEATURES["bfd"].keys))
    harness.wait_for("BFD up at the neighbour", case.other.bfd_up)
    harness.wait_for("BFD up at nearcastd", lambda: "up" in str(case.upstream()["bfd"]).lower())
    last = case.daemon.events()[-1]["seq"]
    for process in case.other.bfd_processes():
        case.place.stop(process)
    down = case.daemon.wait_event("upstream_down", after=last, seconds=5)  # the hold time is 9 s
    assert "BFD" in down["detail"], down
    return "silence ends the session"


# ---- What is not there ----

def capabilities_of(session):
    """The codes in the OPEN that a scripted speaker hears."""
    body = session.expect(bgpspeaker.OPEN)
    codes, rest = set(), body[10:]
    while rest:
        kind, size, value, rest = rest[0], rest[1], rest[2:2 + rest[1]], rest[2 + rest[1]:]
        while kind == 2 and value:
            codes.add(value[0])
            value = value[2 + value[1]:]
    return codes


def not_built(case, wanted):
    """Why nearcastd cannot be asked for this feature; None when it can. Its configuration and its
    OPEN say so themselves."""
    setup = Setup(more=", " + wanted.keys if wanted.keys else "")
    config = pair.site_config(case.world, setup).replace(OTHER[4], "127.0.0.2")
    config += "listen: 127.0.0.1\n"
    path = case.world.file("probe.yaml", config)
    check = subprocess.run([harness.BUILD / "nearcastd/nearcastd", "-n", "-c", path], text=True,
                           capture_output=True, check=False)
    if check.returncode:
        why = check.stderr.splitlines()[0].partition(": ")[2]
        if "unknown key" in why or "not in this version" in why:
            return why
        raise AssertionError(check.stderr)
    if not wanted.capability:
        return None
    speaker = bgpspeaker.Neighbour(case.world)
    daemon = harness.Daemon(case.world, config, name="probe")
    offered = capabilities_of(speaker.accept())
    daemon.process.kill()
    daemon.process.wait()
    speaker.listener.close()
    return None if wanted.capability in offered else "no such capability in its OPEN"


def absent(case, wanted):
    """The neighbour is said to lack a feature: see that it does. What was seen is returned."""
    probe = getattr(case.other, "absent_" + wanted.name.replace("-", "_"), None)
    if probe:
        return probe(case)
    if wanted.name == "bfd":
        case.other.start(Setup(features={"bfd"}))
        sockets = case.place.run("ss", "-Huln")
        assert ":3784" not in sockets, sockets
        return "nothing listens on UDP port 3784"
    assert wanted.capability, f"no way to see that {case.other.name} lacks {wanted.name}"
    case.other.start(Setup(features={wanted.name}))
    speaker = bgpspeaker.Neighbour(case.world, SITE[4])
    session = speaker.connect(OTHER[4])
    session.send(bgpspeaker.open_message(asn=pair.SITE_AS, router_id=SITE[4]))
    offered = capabilities_of(session)
    assert wanted.capability not in offered, f"{case.other.name} offers {wanted.name} after all"
    return f"no capability {wanted.capability} in its OPEN"
