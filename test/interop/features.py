"""The features: what each one asks of both sides, and how it is measured.

A feature's function gets a Case, brings a session up and looks at it from both ends. It returns what
was seen, in a few words, for the table; it raises AssertionError when that is not what should be seen.
Beside a claim stands its control: the same thing without the feature, or with a wrong key.
"""

import json
import subprocess
from dataclasses import dataclass, replace

import harness
import pair
from case import BOTH
from pair import PREFIX, SITE, Setup

FEATURES = {}  # name: Feature, in the order of the table


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


@feature("ibgp-4", "iBGP over IPv4, both families", "RFC 4271")
def ibgp_4(case):
    return plain_session(case, Setup(internal=True))


@feature("ibgp-6", "iBGP over IPv6, both families", "RFC 4760")
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


def in_range(case, **fields):
    case.establish(Setup(opener="neighbour", ranged=True, **fields))
    assert case.upstream()["name"] == f"other-{pair.OTHER[4]}", case.upstream()
    return "established"


@feature("range", "known by a range of addresses")
def known_by_range(case):
    return in_range(case)


@feature("range-md5", "known by a range, TCP MD5", "RFC 2385")
def range_md5(case):
    return in_range(case, password=pair.PASSWORD, site_password=pair.PASSWORD)


@feature("range-md5-wrong", "known by a range, wrong password", "RFC 2385")
def range_md5_wrong(case):
    case.begin(Setup(password=pair.PASSWORD, site_password="wrong", opener="neighbour", ranged=True))
    case.never_established("TCPMD5Failure")
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
    tool = subprocess.run([harness.BUILD / "nearcast/nearcast", "-s", case.daemon.control, "-j",
                           "show", "upstreams"], check=True, capture_output=True, text=True)
    (upstream,) = json.loads(tool.stdout)["upstreams"]
    for said in (event["detail"], upstream["last_error"]):
        assert "Administrative Shutdown" in said and text in said, said
    return "in events and show upstreams"


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
    case.establish_with("add-path", FEATURES["add-path"].keys)
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
        case.end_site()
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
    case.establish_with("roles", FEATURES["roles"].keys)
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
