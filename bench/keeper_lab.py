#!/usr/bin/python3
"""The keeper's scenarios in the lab, each played until it has had at least a thousand sessions, and once
without keepers: sessions, those that broke and were not to, the longest wait of the others.

    bench/keeper_lab.py [SESSIONS [SCENARIO...]]      (1000 of each)

Exit status 0 only if with keepers nothing broke that was not to, and without them every scenario failed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB = Path(os.environ.get("NEARCAST_BUILD", ROOT / "build")) / "lab/nearcast-lab"
SCENARIOS = ("shift", "drain", "flap", "spray", "dead", "ecmp-sessions", "chain")


class Row:
    def __init__(self):
        self.runs = self.held = self.sessions = self.ended = self.broken = 0
        self.longest = self.late = self.reset = self.forwarded = 0.0

    def add(self, report):
        events = report["events"]
        # Of nodes that died: their sessions were to end.
        ended = sum(group["excused"] for event in events for group in event.get("sessions", ()))
        self.runs += 1
        self.held += report["ok"]
        self.sessions += sum(group["sessions"] for group in report.get("sessions", ()))
        self.ended += ended
        self.broken += sum(group["broken"] for group in report.get("sessions", ())) - ended
        # Without those that wait for the dead.
        waits = [group["longest_wait_ms"] for event in events for group in event.get("sessions", ())]
        self.longest = max([self.longest, *waits])
        self.late = max(self.late, report.get("lab_late_ms", 0))
        self.reset = max([self.reset] + [r["longest_ms"] for r in report.get("resets", ())])
        self.forwarded += sum(k["forwarded"] or 0 for k in report["keepers"])

    def print(self, name):
        print(f"{name:24} {self.runs:4} {self.sessions:9} {self.ended:7} {self.broken:7} {self.longest:9.0f} "
              f"{self.reset:9.1f} {self.late:8.0f} {self.forwarded:10.0f}", flush=True)


def play(name, row, *options):
    done = subprocess.run([LAB, "run", "-j", *options, name], capture_output=True, text=True, timeout=600,
                          cwd=ROOT)
    if not done.stdout:
        sys.exit(f"{name}: {done.stderr}")
    report = json.loads(done.stdout)
    row.add(report)
    if not report["ok"] and not options:
        print(done.stderr[-4000:], file=sys.stderr)
        print(json.dumps([e for e in report["events"] if not e["ok"]], indent=1), file=sys.stderr)
        print(json.dumps(report.get("breaks"), indent=1), file=sys.stderr)


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if os.geteuid() != 0:
        print("skipped: needs root")
        return 0
    good = True
    print(f"{'scenario':24} {'runs':>4} {'sessions':>9} {'to end':>7} {'broken':>7} {'wait ms':>9} {'RST ms':>9} "
          f"{'late ms':>8} {'forwarded':>10}")
    for name in sys.argv[2:] or SCENARIOS:
        row, control = Row(), Row()
        while row.sessions < wanted and row.runs - row.held < 3:
            play(name, row)
        row.print(name)
        play(name, control, "--no-keeper")
        control.print("  without keepers")
        good &= row.broken == 0 and row.held == row.runs and control.held == 0 and control.broken > 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
