"""The clock, the port, and whether the issuer leads here."""

import errno
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from tgauth.domain.links import Issuer
from tgauth.inspection.answers import Answer, Unreachable, ask
from tgauth.inspection.findings import Finding, ok, warning, wrong
from tgauth.settings import Settings
from tgauth.supervisor import ListenError, listen

_PORT: Final = "port"
_PROXIES: Final = "proxies"
_ISSUER: Final = "issuer"
_CLOCK: Final = "clock"

#: Seconds: applications that verify tokens usually allow a minute.
_NOTICEABLE: Final = 10.0
_TOO_FAR: Final = 60.0
#: What to connect to where somebody listens on every address.
_LOOPBACKS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Whether tgauth answers at an address.

    Attributes:
        is_tgauth: Whether something that behaves like tgauth does.
        is_ours: Whether it signs with this store's keys.
    """

    is_tgauth: bool
    is_ours: bool


async def clock_finding(api_url: str, *, now: datetime | None = None) -> Finding:
    """Compare this machine's clock with the Bot API server's."""
    try:
        answer = await ask(api_url)
    except Unreachable as error:
        return warning(_CLOCK, f"not compared: {api_url} gave no answer ({error})", "see `token`")
    return judged_clock(answer, now=now or datetime.now(UTC))


def judged_clock(answer: Answer, *, now: datetime) -> Finding:
    """Say how far a clock is from an answer's Date header, which counts whole seconds."""
    if answer.date is None:
        return warning(_CLOCK, "not compared: the answer has no date", "look at it yourself")
    ahead = (now - answer.date.replace(tzinfo=UTC)).total_seconds()
    text = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the Bot API server's"
    advice = "let NTP set it: applications refuse tokens from the future or the past"
    if abs(ahead) > _TOO_FAR:
        return wrong(_CLOCK, text, advice)
    if abs(ahead) > _NOTICEABLE:
        return warning(_CLOCK, text, advice)
    return ok(_CLOCK, "agrees with the Bot API server's")


async def port_finding(settings: Settings, kids: frozenset[str]) -> tuple[Finding, bool]:
    """Say whether the port is free or ours; return also whether this tgauth serves there."""
    host, port = settings.api.host, settings.api.port
    if host.path is not None:
        return _socket_finding(host.path)
    if port == 0:
        return ok(_PORT, "0: any free one"), False
    spelled = _spelled(host, port)
    try:
        listen(host, port).close()
    except ListenError as error:
        if getattr(error.__cause__, "errno", None) != errno.EADDRINUSE:
            advice = "TGAUTH_API__HOST and TGAUTH_API__PORT choose it"
            return wrong(_PORT, str(error), advice, is_configuration=True), False
    else:
        return ok(_PORT, f"{spelled} is free"), False
    there = _LOOPBACKS.get(host, host)
    served = await served_at(f"http://{_spelled(there, port)}", kids)
    if served.is_ours:
        return ok(_PORT, f"{spelled} is served by this tgauth"), True
    who = "another tgauth" if served.is_tgauth else "another process"
    advice = f"stop it (`ss -ltnp 'sport = :{port}'` names it), or choose another port"
    return wrong(_PORT, f"{who} listens on {spelled}", advice, is_configuration=True), False


def proxies_finding(settings: Settings) -> Finding:
    """Say whether the proxy that has to be there is known: tgauth itself speaks no TLS."""
    trusted = settings.api.trusted_proxies
    if trusted:
        return ok(_PROXIES, f"{trusted} may say whom they forward for")
    if not settings.issuer.startswith("https:"):
        return ok(_PROXIES, "none trusted, and none needed for an issuer without TLS")
    text = (
        f"none trusted, but {settings.issuer} needs one in front of tgauth, which speaks no TLS: "
        "all visitors count as that one address, for limits and in lists of sessions, and one "
        "\"that wasn't me\" blocks everybody's logins in browsers"
    )
    where = "the address from which it connects"
    if _is_loopback(settings.api.host):  # so it has to be on this machine
        where = "::1" if ":" in settings.api.host else "127.0.0.1"
    return warning(_PROXIES, text, f"set TGAUTH_API__TRUSTED_PROXIES to {where}")


def _socket_finding(path: Path) -> tuple[Finding, bool]:
    """Say whether a unix socket can be made, or somebody listens on it."""
    if not path.parent.is_dir():
        text = f"the folder {path.parent} does not exist"
        return wrong(_PORT, text, "make it, or let systemd (RuntimeDirectory=)"), False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return ok(_PORT, f"unix:{path} is free"), False
        except OSError as error:
            text = f"unix:{path} cannot be connected to: {error.strerror}"
            return warning(_PORT, text, "see who listens there, and the file's mode"), False
    return ok(_PORT, f"unix:{path} is listened on"), True


async def issuer_finding(issuer: Issuer, kids: frozenset[str], *, is_running: bool) -> Finding:
    """Say whether the issuer's address leads to this tgauth.

    Args:
        issuer: The address.
        kids: The ids of this store's signing keys.
        is_running: Whether this tgauth serves at the moment.
    """
    try:
        answer = await ask(f"{issuer.url}/healthz")
    except Unreachable as error:
        if error.is_certificate:
            advice = "give the proxy in front of tgauth a certificate that browsers accept"
            return wrong(_ISSUER, f"{issuer.url}: bad certificate ({error})", advice)
        text = f"{issuer.url} is not reached from here ({error})"
        advice = "see that name, proxy and firewall lead to the port"
        return _missed(text, advice, is_running=is_running)
    if not _is_alive(answer):
        text = f"{issuer.url}/healthz answers {answer.status}, and not as tgauth does"
        return _missed(text, "let the proxy pass every path to the port", is_running=is_running)
    if (await served_at(issuer.url, kids)).is_ours:
        return ok(_ISSUER, f"{issuer.url} leads to this tgauth")
    advice = "see where name and proxy lead, or which TGAUTH_ISSUER belongs to this installation"
    return wrong(_ISSUER, f"{issuer.url} leads to another tgauth", advice)


def _missed(text: str, advice: str, *, is_running: bool) -> Finding:
    """Say that the issuer leads nowhere, which is what it does before the first start."""
    if is_running:
        return wrong(_ISSUER, text, advice)
    return warning(_ISSUER, text, "start tgauth, then check again")


async def served_at(origin: str, kids: frozenset[str]) -> Served:
    """Say who answers at an address: the keys that it publishes tell."""
    try:
        is_tgauth = _is_alive(await ask(f"{origin}/healthz"))
        published = (await ask(f"{origin}/.well-known/jwks.json")).json().get("keys")
    except Unreachable:
        return Served(is_tgauth=False, is_ours=False)
    theirs = {
        str(key.get("kid"))
        for key in (published if isinstance(published, list) else [])
        if isinstance(key, dict)
    }
    return Served(is_tgauth=is_tgauth, is_ours=is_tgauth and not kids.isdisjoint(theirs))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_alive(answer: Answer) -> bool:
    return answer.json().get("status") == "alive"
