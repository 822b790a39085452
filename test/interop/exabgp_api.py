#!/usr/bin/python3
"""The process that ExaBGP runs: what ExaBGP reports goes to one file, and what is written into the
other, a FIFO, is a command to it.

usage: exabgp_api.py EVENTS COMMANDS
"""

import sys
import threading


def pass_commands(path):
    while True:
        with open(path) as commands:  # ends when the writer closes it
            for line in commands:
                sys.stdout.write(line)
                sys.stdout.flush()


threading.Thread(target=pass_commands, args=(sys.argv[2],), daemon=True).start()
with open(sys.argv[1], "a", buffering=1) as events:
    for line in sys.stdin:
        events.write(line)
