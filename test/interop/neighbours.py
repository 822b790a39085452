"""The neighbours, by the word that chooses one."""

from bird import Bird
from exabgp import ExaBgp
from frr import Frr
from gobgp import GoBgp
from openbgpd import OpenBgpd

NEIGHBOURS = {"bird": Bird, "frr": Frr, "gobgp": GoBgp, "openbgpd": OpenBgpd, "exabgp": ExaBgp}
