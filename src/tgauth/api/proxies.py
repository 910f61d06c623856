"""From whom a request really comes, when the operator's own proxies stand in front.

Whoever connects over a unix socket is one of them: the file's mode says who may. Without the header
such a request is this machine's own.

Only `X-Forwarded-For` is read, which every common proxy writes. `Forwarded` (RFC 7239) is not: a
proxy that knows one of the two lets the other through as a stranger sent it. Scheme and host are
never taken from a header: the issuer, cookies and redirects come from the settings alone.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from litestar.types import ASGIApp, Receive, Scope, Send

from tgauth.logs import Log

_log = Log("api")
_HEADER: Final = b"x-forwarded-for"

Address = IPv4Address | IPv6Address
_THIS_MACHINE: Final = IPv4Address("127.0.0.1")


class Proxies:
    """Replaces the peer of a request by the rightmost hop that is no proxy of the operator's."""

    def __init__(self, app: ASGIApp, trusted: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self._app = app
        self._trusted = trusted
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        values = [value for name, value in scope["headers"] if name == _HEADER]
        if scope["client"] is None:  # as Hypercorn says of a unix socket, which has no address
            scope = {**scope, "client": (str(self._visitor(_THIS_MACHINE, values)), 0)}  # type: ignore[assignment]  # one key of a TypedDict
        elif values:
            peer = parse_hop(scope["client"][0])
            if peer is not None and self._trusts(peer):
                # A copy of the outermost level: Hypercorn goes on using its own.
                scope = {**scope, "client": (str(self._visitor(peer, values)), 0)}  # type: ignore[assignment]  # one key of a TypedDict
            elif peer is not None and peer.is_private:
                self._warn(peer)
        await self._app(scope, receive, send)

    def _visitor(self, peer: Address, values: list[bytes]) -> Address:
        """Walk from the nearest hop to the farthest; stop at the first that is not ours."""
        visitor = peer
        for hop in _hops(values):
            if hop is None:
                break  # whatever stands left of it may be made up
            visitor = hop
            if not self._trusts(hop):
                break
        return visitor

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _warn(self, peer: Address) -> None:
        """Tell an operator whose proxy is not trusted: all visitors count as one address then."""
        if not self._warned:
            self._warned = True
            _log.warning(
                "proxy.untrusted", peer=peer, advice="see TGAUTH_API__TRUSTED_PROXIES in the docs"
            )


def parse_hop(text: str) -> Address | None:
    """Read one hop: an address, or one with a port; IPv6 in brackets or bare.

    An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
    """
    bare = text.strip().partition("%")[0]
    if bare.startswith("["):
        bare, bracket, port = bare[1:].partition("]")
        if not bracket:
            return None
    elif bare.count(":") == 1:
        bare, port = bare.split(":")
        port = f":{port}"
    else:
        port = ""
    if port and not (port[0] == ":" and port[1:].isascii() and port[1:].isdigit()):
        return None
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _hops(values: list[bytes]) -> Iterator[Address | None]:
    """Yield the hops of all lines, which are one list (RFC 9110 §5.3), from the right."""
    for value in reversed(values):
        for text in reversed(value.decode("latin-1").split(",")):
            if text.strip():  # empty elements mean nothing (RFC 9110 §5.6.1)
                yield parse_hop(text)
