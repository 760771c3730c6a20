"""How often a phone, and all phones together, may ask. Kept in memory only, never stored or logged. Pure.

Every address has an allowance that refills steadily (a leaky bucket, kept as the one moment when it will
be full again). An IPv6 household is its /64. What is full again is forgotten; when more addresses ask than
there are places, so is the one that asked longest ago, and the common allowance still holds.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

PLACES = 4096
_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests at once, and so many a second in the long run."""

    at_once: int
    per_s: float


class Rates:
    """Who asks too often. Lives on one thread."""

    def __init__(self, *, each: Allowance, together: Allowance, places: int = PLACES) -> None:
        """*each* for one asker, *together* for all; *places*: how many askers are remembered."""
        self._each, self._together, self._places = each, together, places
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._all_full_at = float("-inf")

    def admit(self, address: str, now_s: float) -> bool:
        """Whether *address* may ask at *now_s* (monotonic seconds); asking in vain costs nothing."""
        return self.admit_asker(household(address), now_s)

    def admit_asker(self, who: str, now_s: float) -> bool:
        """The same for an asker that is no address."""
        own = _drawn(self._each, self._full_at.get(who, now_s), now_s)
        common = _drawn(self._together, self._all_full_at, now_s)
        if own is None or common is None:
            return False
        self._all_full_at = common
        self._full_at[who] = own
        self._full_at.move_to_end(who)
        while self._full_at and (len(self._full_at) > self._places or next(iter(self._full_at.values())) <= now_s):
            self._full_at.popitem(last=False)
        return True

    @property
    def remembered(self) -> int:
        """How many addresses are in memory."""
        return len(self._full_at)


def _drawn(allowance: Allowance, full_at: float, now_s: float) -> float | None:
    """When *allowance* is full again after one more request; None when it is used up."""
    after = max(full_at, now_s) + 1 / allowance.per_s
    return after if after - now_s <= allowance.at_once / allowance.per_s + _ROUNDING_S else None


def household(address: str) -> str:
    """What counts as one asker: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, 64), strict=False))
    return str(found)
