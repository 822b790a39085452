"""A real NSD that serves example.org at a service address, for tests and benches."""

import harness

CONFIG = """\
server:
  ip-address: {address}
  ip-freebind: yes
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  logfile: "{folder}/nsd.log"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  identity: "fra1-a"
  nsid: "ascii_fra1-a"
remote-control:
  control-enable: no
zone:
  name: example.org
  zonefile: example.org.zone
"""

ZONE = """\
$TTL 60
@ IN SOA ns.example.org. host.example.org. {serial} 60 60 60 60
@ IN NS ns.example.org.
ns IN A 198.51.100.53
"""


def command(world, address, serial=1):
    """Writes its files; returns the command that runs it in the foreground."""
    harness.needs("nsd")
    world.file("example.org.zone", ZONE.format(serial=serial))
    path = world.file("nsd.conf", CONFIG.format(address=address, folder=world.folder))
    return ["/usr/sbin/nsd", "-d", "-c", path]
