"""The site that daemon tests run: one service with a file as its check, neighbours on loopback."""

CONFIG = """\
site: {{name: fra1}}
node: {{name: fra1-a, id: 11, address: [192.0.2.11, "2001:db8:1::11"]}}
as: 64500
router-id: 192.0.2.11
listen: [127.0.0.1]
stop-drain: 0s
stop-grace: {grace}
services:
  - name: dns
    prefixes: [198.51.100.0/24, "2001:db8:53::/48"]
    addresses: [198.51.100.53, "2001:db8:53::53"]
    hold-down: {{first: 0}}
    checks:
      - {{kind: file, path: {path}, interval: 100ms, timeout: 100ms, fall: 1, rise: 1}}
    announce:
      up: {{communities: [64500:100, "64500:1:2"], med: 10}}
upstreams:
{upstreams}"""

UPSTREAM = ("  - {{name: {name}, address: {address}, as: {asn}, hold-time: {hold}, "
            "connect-retry: {retry}{more}}}\n")


def upstream(name="a", address="127.0.0.2", asn=64496, hold="9s", retry="1s", more=""):
    return UPSTREAM.format(name=name, address=address, asn=asn, hold=hold, retry=retry, more=more)


def config(world, *upstreams, grace="0s"):
    """The configuration; the service is up while the file `up` of the world's folder exists."""
    path = world.folder / "up"
    path.touch()
    return CONFIG.format(path=path, upstreams="".join(upstreams or [upstream()]), grace=grace)


def set_up(world, up):
    path = world.folder / "up"
    path.touch() if up else path.unlink()
