"""What the five neighbours have in common: a Neighbour is started with a Setup and afterwards asked
through its own command line. Every answer is what that program says at that moment."""

from dataclasses import dataclass, field

import harness


@dataclass
class Route:
    """One path of one prefix, as the neighbour holds it."""

    as_path: list = field(default_factory=list)
    origin: str = ""  # igp, egp, incomplete
    med: int = None
    communities: set = field(default_factory=set)  # "64500:100"
    large: set = field(default_factory=set)        # "64500:1:2"
    next_hop: str = ""
    path_id: int = None  # ADD-PATH


class Neighbour:
    """Subclasses say how one program is run and asked."""

    name = ""       # as the table has it
    programs = ()   # what must be installed
    command = ""    # by which it is asked, for the table
    # {feature: why not}: what this program cannot do, or cannot show. Each is measured as well
    # (features.py), so that the table does not say "no" for longer than it is true.
    lacks = {}
    many_routes = 10000  # that it announces where a case wants many
    # A method: whether it said that it left routes out since they fit into no message. None: its
    # many routes are short, and share messages.
    leaves_out_long_routes = None

    def __init__(self, world, place):
        harness.needs(*self.programs)
        self.world, self.place = world, place

    def version(self):
        raise NotImplementedError

    def start(self, setup):
        """Run it; returns when it answers. Raises AssertionError when it refuses its file."""
        raise NotImplementedError

    def established(self):
        raise NotImplementedError

    def routes(self):
        """{prefix: Route} of what nearcastd announced and the neighbour accepted."""
        raise NotImplementedError

    def path_ids(self):
        """The path identifiers of the routes (RFC 7911); None: it does not show them."""
        return {r.path_id for r in self.routes().values()}

    def has(self, capability):
        """Whether it says that nearcastd sent this capability in its OPEN."""
        raise NotImplementedError

    def refresh(self, family):
        """Ask nearcastd for its routes of that family again."""
        raise NotImplementedError

    def refresh_marks(self):
        """Whether it has had the begin and the end of a refresh (RFC 7313); None: does not show."""
        return None

    def shutdown(self, text):
        """End the session with Cease/Administrative Shutdown and that text."""
        raise NotImplementedError

    def heard(self):
        """What it says about how the session ended, text of a shutdown included."""
        raise NotImplementedError

    def crash(self):
        """Its BGP daemon dies without a word, and its connections with it."""
        self.place.kill(self.process)

    def end_of_rib(self):
        """Whether it has had the End-of-RIB of both families (RFC 4724); None: it does not show."""
        return None

    # ---- waiting ----

    def wait_established(self, seconds=20):
        harness.wait_for(f"the session at {self.name}", self.established, seconds)

    def wait_routes(self, prefixes, seconds=20):
        """The routes, once there are exactly those prefixes."""
        seen = {}

        def there():
            nonlocal seen
            seen = self.routes()
            return set(seen) == set(prefixes)

        try:
            harness.wait_for(f"routes at {self.name}", there, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: has {seen}") from None
        return seen
