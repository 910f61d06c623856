"""Failed attempts: how many of them one network address has left."""

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from tgauth.domain.errors import TooManyFailures
from tgauth.domain.instants import MINUTE, Instant

WINDOW: Final = 1 * MINUTE
#: One household or server is given at least so much of IPv6, so its addresses are free to it.
_IPV6_SITE: Final = 64
#: What everybody is counted under whose address nobody knows.
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The failed attempts of one address within one window.

    Attributes:
        address: What `counted_as` makes of the network address.
        began_at: When the window began.
        number: How many there were.
    """

    address: str
    began_at: Instant
    number: int = 0

    def one_more(self, *, now: Instant) -> "Failures":
        """Return these with another failure, in a new window where the old one is over."""
        if self._is_over(now):
            return Failures(address=self.address, began_at=now, number=1)
        return replace(self, number=self.number + 1)

    def require_below(self, limit: int, *, now: Instant) -> None:
        """Let the address try again.

        Raises:
            TooManyFailures: There were `limit` failures or more in this window.
        """
        if not self._is_over(now) and self.number >= limit:
            raise TooManyFailures(self.began_at + WINDOW - now)

    def _is_over(self, now: Instant) -> bool:
        # A window from the future: the clock was set back, and its end may be far away.
        return not self.began_at <= now < self.began_at + WINDOW


def counted_as(address: str) -> str:
    """Return what an address is counted under: itself, or its /64 for IPv6."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, _IPV6_SITE), strict=False))
    return str(parsed)
