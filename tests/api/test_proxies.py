"""Promises of proxies: nobody is believed by default, and a trusted one only for its own hop."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tgauth.api.proxies import Proxies, parse_hop

pytestmark = pytest.mark.anyio

TRUSTED = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8", "::1/128")))
VISITOR = "203.0.113.9"


async def client_of(
    *values: bytes, peer: str | None = "10.0.0.1", trusted: Any = TRUSTED
) -> tuple[Any, dict[str, Any]]:
    """Send a request through the proxies; return the client behind, and the scope as it came."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    scope: dict[str, Any] = {
        "type": "http",
        "client": (peer, 4711) if peer else None,
        "headers": [(b"host", b"x"), *((b"x-forwarded-for", value) for value in values)],
        "state": {"kept": object()},
    }
    await Proxies(app, trusted)(scope, None, None)  # type: ignore[arg-type]  # a request that is never read
    [inner] = seen
    assert inner["state"] is scope["state"]
    return inner["client"], scope


@pytest.mark.parametrize(
    ("values", "visitor"),
    [
        ([], "10.0.0.1"),
        ([b""], "10.0.0.1"),
        ([b"203.0.113.9"], VISITOR),
        ([b"203.0.113.9, 10.0.0.2"], VISITOR),
        ([b"198.51.100.1, 203.0.113.9, 10.0.0.2"], VISITOR),
        ([b"198.51.100.1", b"203.0.113.9", b"10.0.0.2"], VISITOR),
        ([b"198.51.100.1, 203.0.113.9", b"10.0.0.3,10.0.0.2"], VISITOR),
        ([b" 203.0.113.9 ,, "], VISITOR),
        ([b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ([b"203.0.113.9, junk, 10.0.0.2"], "10.0.0.2"),
        ([b"203.0.113.9, unknown"], "10.0.0.1"),
        ([b"\xff, 203.0.113.9"], VISITOR),
        ([b"203.0.113.9:51234"], VISITOR),
        ([b"::ffff:203.0.113.9"], VISITOR),
        ([b"[::ffff:203.0.113.9]:443, ::ffff:10.0.0.9"], VISITOR),
        ([b"2001:db8::7, fd00::1"], "2001:db8::7"),
        ([b"[2001:db8::7]:443"], "2001:db8::7"),
        ([b'for="203.0.113.9"'], "10.0.0.1"),
    ],
)
async def test_the_rightmost_hop_that_is_no_proxy_counts(values: list[bytes], visitor: str) -> None:
    """All lines are one list; junk ends the walk at the last hop that was good."""
    client, _ = await client_of(*values)
    assert visitor == client[0]


@pytest.mark.parametrize(
    "peer", ["203.0.113.1", "::ffff:203.0.113.1", "2001:db8::1", "not an address"]
)
async def test_a_stranger_is_not_believed(peer: str) -> None:
    """Whatever it says."""
    client, _ = await client_of(b"198.51.100.1", peer=peer)
    assert (peer, 4711) == client


async def test_nobody_is_believed_by_default() -> None:
    """Not even this machine itself."""
    client, _ = await client_of(b"198.51.100.1", peer="127.0.0.1", trusted=())
    assert ("127.0.0.1", 4711) == client


@pytest.mark.parametrize("peer", ["10.9.9.9", "::ffff:10.9.9.9", "::1", "fd00::7%eth0"])
async def test_a_trusted_peer_is_known_however_it_is_written(peer: str) -> None:
    """A dual-stack socket writes IPv4 as IPv6, a link-local peer has a zone."""
    client, _ = await client_of(b"203.0.113.9", peer=peer)
    assert VISITOR == client[0]


@pytest.mark.parametrize(
    ("values", "visitor"),
    [
        ([b"203.0.113.9"], VISITOR),
        ([b"198.51.100.1, 203.0.113.9"], VISITOR),
        ([b"203.0.113.9, 10.0.0.2"], VISITOR),
        ([b"junk"], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
async def test_who_comes_over_a_unix_socket_is_a_proxy(values: list[bytes], visitor: str) -> None:
    """Its file's mode says who may; what says nothing of where it is from is from here."""
    client, scope = await client_of(*values, peer=None)
    assert visitor == client[0]
    assert scope["client"] is None


async def test_the_server_keeps_its_own_scope() -> None:
    """What is replaced is replaced in a copy of the outermost level."""
    client, scope = await client_of(b"203.0.113.9")
    assert (VISITOR, ("10.0.0.1", 4711)) == (client[0], scope["client"])


async def test_no_other_header_is_read() -> None:
    """`Forwarded` and its kin are a stranger's to write: a proxy may let them through."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    headers = [
        (name, b"198.51.100.1")
        for name in (b"forwarded", b"x-real-ip", b"x-forwarded-host", b"x-forwarded-proto")
    ]
    scope = {"type": "http", "client": ("10.0.0.1", 1), "headers": headers, "scheme": "http"}
    await Proxies(app, TRUSTED)(scope, None, None)  # type: ignore[arg-type]  # a request that is never read
    assert [scope] == seen


async def test_an_operator_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A private peer that forwards is a proxy whose address nobody wrote down."""

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        pass

    proxies = Proxies(app, ())
    scope = {
        "type": "http",
        "client": ("172.17.0.1", 1),
        "headers": [(b"x-forwarded-for", b"203.0.113.9")],
    }
    for _ in range(3):
        await proxies(scope, None, None)  # type: ignore[arg-type]  # a request that is never read
    assert ["proxy.untrusted"] == [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "_hidden",
        "1",
        "256.1.1.1",
        "1.2.3.4:",
        "1.2.3.4:x",
        "[::1",
        "[::1]x",
        ":1",
        "1.2.3.4:٣",
        "01.2.3.4",
        "1.2.3.4/8",
        "203.0.113.9 10.0.0.1",
        "a" * 9000,
    ],
)
def test_what_is_no_hop_is_none(text: str) -> None:
    """Rather none than a wrong one."""
    assert parse_hop(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("[2001:db8::1]:8080", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_a_hop_is_read_in_all_its_forms(text: str, address: str) -> None:
    """With and without port and brackets."""
    assert ip_address(address) == parse_hop(text)
