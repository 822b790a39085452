"""One feature with one neighbour: nearcastd here, the neighbour across the link, and what the features
do with them."""

import subprocess
from dataclasses import replace

import harness
import pair
from pair import PREFIX

BOTH = set(PREFIX.values())


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
        return self.wait_routes(prefixes)

    def wait_routes(self, prefixes=BOTH):
        try:
            self.other.wait_established()
            routes = self.other.wait_routes(prefixes)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.upstream()}\n{self.other.heard()}") from None
        assert self.upstream()["state"] == "Established"
        return routes

    def end_site(self):
        """nearcastd dies without a word; the neighbour stays, and has noticed."""
        self.daemon.process.kill()
        self.daemon.process.wait()
        harness.wait_for("the end of the session", lambda: not self.other.established())

    def establish_with(self, capability, keys):
        """A session on which nearcastd offers a capability for these keys of its configuration. The
        control comes first: without them it says nothing of it."""
        self.establish(pair.Setup(features={capability}))
        assert not self.other.has(capability), f"{capability} is offered unasked"
        self.end_site()
        self.setup = replace(self.setup, more=", " + keys)
        self.start_site()
        self.wait_routes()
        assert self.other.has(capability), "nearcastd's capability is not seen"

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
        """Of the status; one in a range is not there before it came."""
        return next(iter(self.daemon.status()["upstreams"]), {"established": 0})

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
