"""One plain HTTP request, and what went wrong with it in words.

The standard library's client in a thread: it needs no door of its own, and it tells certificate
trouble apart by its reason.
"""

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import anyio

_PATIENCE: Final = 5.0
_LARGEST: Final = 256 * 1024


class Unreachable(Exception):
    """There was no answer; the message says why.

    Attributes:
        is_certificate: Whether the connection was there and the certificate was not good.
    """

    def __init__(self, why: str, *, is_certificate: bool = False) -> None:
        super().__init__(why)
        self.is_certificate = is_certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status.
        date: The server's clock, to the second.
        body: The first 256 KiB.
    """

    status: int
    date: datetime | None
    body: bytes

    def json(self) -> dict[str, object]:
        """Return the body, or nothing where it is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}


async def ask(url: str) -> Answer:
    """GET an address; no redirect is followed.

    Raises:
        Unreachable: There was no answer.
    """
    try:
        with anyio.fail_after(_PATIENCE * 2):
            return await anyio.to_thread.run_sync(_ask, url, abandon_on_cancel=True)
    except TimeoutError:
        raise Unreachable(f"no answer within {_PATIENCE:g} s") from None


def _ask(url: str) -> Answer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=_PATIENCE, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=_PATIENCE)
    )
    try:
        connection.request("GET", parts.path or "/", headers={"User-Agent": "tgauth-check"})
        answer = connection.getresponse()
        return Answer(
            status=answer.status, date=_date(answer.headers["Date"]), body=answer.read(_LARGEST)
        )
    except (OSError, http.client.HTTPException) as error:
        raise _explained(error) from error
    finally:
        connection.close()


def _explained(error: OSError | http.client.HTTPException) -> Unreachable:
    match error:
        case ssl.SSLCertVerificationError():
            return Unreachable(error.verify_message, is_certificate=True)
        case ssl.SSLError():
            return Unreachable(f"it does not speak TLS as it should ({error.reason})")
        case socket.gaierror():
            return Unreachable("the name is not known")
        case TimeoutError():
            return Unreachable(f"no answer within {_PATIENCE:g} s")
        case OSError() if error.strerror:
            return Unreachable(error.strerror.lower())
        case _:
            return Unreachable("what answers there speaks no HTTP")


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
