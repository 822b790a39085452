"""A chain of routers in namespaces, to probe along.

    glass 20.0.1.1 --- 20.0.1.2 r1 20.0.2.1 --- 20.0.2.2 r2 20.0.3.1 --- 20.0.3.2 end
"""

import os
import subprocess

HERE = "20.0.1.1"
HERE6 = "2a00:1::1"


def run(*words):
    subprocess.run([str(w) for w in words], check=True, capture_output=True)


def chain(world):
    """The case's own namespace is the first of the chain; the others end with the case."""
    me, names = os.getpid(), []
    for i in 1, 2, 3:
        name = f"nct{me}-{i}"
        run("ip", "netns", "add", name)
        world.closers.append(lambda n=name: subprocess.run(["ip", "netns", "del", n], check=False))
        names.append(name)

    def ip(where, *words):
        run("ip", *(["-n", where] if where else []), *words)

    ends = [None, *names]
    for i in range(3):
        ip(ends[i], "link", "add", f"b{i}", "type", "veth", "peer", "name", f"a{i}", "netns", ends[i + 1])
        for where, device, host in (ends[i], f"b{i}", 1), (ends[i + 1], f"a{i}", 2):
            ip(where, "addr", "add", f"20.0.{i + 1}.{host}/24", "dev", device)
            ip(where, "addr", "add", f"2a00:{i + 1}::{host}/64", "dev", device, "nodad")
            ip(where, "link", "set", device, "up")
    for i, where in enumerate(ends):
        if where:
            ip(where, "link", "set", "lo", "up")
            run("ip", "netns", "exec", where, "sh", "-c",
                "echo 1 > /proc/sys/net/ipv4/ip_forward;"
                "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding;"
                "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit;"
                "echo 0 > /proc/sys/net/ipv6/icmp/ratelimit")
        if i < 3:
            ip(where, "route", "add", "default", "via", f"20.0.{i + 1}.2")
            ip(where, "-6", "route", "add", "default", "via", f"2a00:{i + 1}::2")
        if i > 0:
            for k in range(1, i):
                ip(where, "route", "add", f"20.0.{k}.0/24", "via", f"20.0.{i}.1")
                ip(where, "-6", "route", "add", f"2a00:{k}::/64", "via", f"2a00:{i}::1")
    return names
