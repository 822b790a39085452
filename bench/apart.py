"""A measurement in a process and a network namespace of its own."""

import json
import os
import sys
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "test")]

import harness


def in_world(case, *args):
    """What case(world, *args) returns; None when it could not be measured, after saying why."""
    receiver, sender = os.pipe()
    pid = os.fork()
    if pid == 0:
        world = harness.World()
        try:
            harness.enter_namespace()
            os.write(sender, json.dumps(case(world, *args)).encode())
        except harness.Skip as why:
            print(f"{case.__name__}: skipped: {why}", file=sys.stderr)
        except BaseException:  # the process ends here whatever happened
            traceback.print_exc()
        finally:
            world.close()
            os._exit(0)
    os.close(sender)
    with open(receiver) as answers:
        text = answers.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else None
