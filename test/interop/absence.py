"""What is not there: features that nearcastd does not have yet, and those that a neighbour lacks. Both
are looked at in each run, so that the table does not say "no" for longer than it is true."""

import subprocess

import bgpspeaker
import harness
import pair
from pair import OTHER, SITE, Setup


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
