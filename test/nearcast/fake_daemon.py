"""A control socket that answers as a script says, and remembers what it was asked."""

import json
import socket
import threading

STATUS = {
    "site": "fra1", "node": "fra1-a", "version": "0.1.0",
    "services": [{
        "name": "dns", "health": "up", "admin": "active",
        "checks": [{"name": "dns-1", "kind": "dns", "scope": "service", "result": "up",
                    "last_change": "2026-01-02T03:04:05.678901Z", "detail": "NOERROR",
                    "last_change_seconds": 312.25}],
        "prefixes": [{"prefix": "198.51.100.0/24", "announce": "announced", "reason": "healthy",
                      "since": "2026-01-02T03:04:05.678901Z", "since_seconds": 305.125,
                      "upstreams": [
                          {"name": "transit-a", "announced": True, "prepend": 0,
                           "communities": ["64500:100"]},
                          {"name": "transit-b", "announced": True, "prepend": 0,
                           "communities": []}]}],
    }],
    "upstreams": [
        {"name": "transit-a", "address": "203.0.113.1", "as": 64496, "state": "Established",
         "uptime_seconds": 400.5, "sent": 1, "received": 0, "bfd": "Up", "last_error": None},
        {"name": "transit-b", "address": "2001:db8:ffff::1", "as": 64497, "state": "Active",
         "uptime_seconds": 0.0, "sent": 1, "received": 12, "bfd": "Down",
         "last_error": "hold timer expired"}],
    "fleet": [],
}

WHY = {
    "prefix": "198.51.100.0/24", "service": "dns", "announce": "withdrawn",
    "reason": "check-failed", "since": "2026-01-02T03:04:05.678901Z", "since_seconds": 12.5,
    "chain": [
        {"step": "check", "subject": "dns-1", "value": "down", "detail": "refused",
         "since_seconds": 12.501},
        {"step": "check", "subject": "web", "value": "up", "detail": "", "since_seconds": 70},
        {"step": "health", "subject": "dns", "value": "down", "detail": "hard",
         "since_seconds": 12.5},
        {"step": "admin", "subject": "dns", "value": "active", "detail": ""}],
    "upstreams": [{"name": "transit-a", "announced": False, "prepend": 0, "med": 5,
                   "communities": ["64500:100", "no-export"], "state": "Established"}],
}

EVENTS = [
    {"seq": 11, "time": "2026-01-02T03:04:05.678901Z", "site": "fra1", "type": "socket_closed",
     "subject": "dns", "reason": "udp", "cause_seq": None},
    {"seq": 12, "time": "2026-01-02T03:04:05.679002Z", "site": "fra1", "type": "check_failed",
     "subject": "dns/dns-1", "reason": "refused", "cause_seq": 11},
    {"seq": 13, "time": "2026-01-02T03:04:05.679100Z", "site": "fra1", "type": "withdrawn",
     "subject": "198.51.100.0/24", "upstream": "transit-a", "reason": "check-failed",
     "detail": "said \x1b[31mno\n", "cause_seq": 12},
]


def ok(result):
    return {"ok": True, "result": result}


def refused(code, message):
    return {"ok": False, "error": {"code": code, "message": message}}


class FakeDaemon:
    """replies: what to send for each `cmd`: a reply, bytes as they are, or a list of lines."""

    def __init__(self, world, replies, name="control"):
        self.path = world.folder / name
        self.replies = replies
        self.requests = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        world.closers.append(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.answer(connection)

    def answer(self, connection):
        request = json.loads(connection.makefile().readline())
        self.requests.append(request)
        reply = self.replies[request["cmd"]]
        lines = reply if isinstance(reply, list) else [reply]
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            connection.sendall(data)
