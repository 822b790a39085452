"""What the lab's scripted tests begin with."""

import os
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

import harness

LAB = harness.BUILD / "lab/nearcast-lab"
SCENARIOS = harness.ROOT / "lab/scenarios"


def begin(world, *programs):
    """A case whose worlds live in its own folder and end with it; skipped where a program is missing."""
    harness.needs("bird", "nsd", "ip", *programs)
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise harness.Skip("needs TAP interfaces: no /dev/net/tun")
    world.folder.chmod(0o755)  # daemons that run as a user of their own
    os.environ["NEARCAST_LAB_DIR"] = str(world.folder / "worlds")
    world.closers.append(lambda: subprocess.run([LAB, "down"], capture_output=True))
