"""HTTP to the Bot API, watched."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.request import getproxies

from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, HTTPXRequest, RequestData

from tgauth.bot.connections import Connections, Patience
from tgauth.bot.intake import Intake
from tgauth.bot.watch import TelegramWatch
from tgauth.measures.catalogue import TELEGRAM_ERRORS

#: Seconds: the longest wait that is believed when somebody asks for one.
LONGEST_WAIT: Final = 15 * 60
#: The errors that the Bot API is known to answer with.
_KINDS: Final = frozenset({400, 401, 403, 404, 409, 413, 429})


class PlainRequest(BaseRequest):
    """Asks the Bot API directly; through httpx where a proxy is configured, and to upload files.

    Waits as long as python-telegram-bot's own request does by default.
    """

    __slots__ = ("_connections", "_httpx", "_most", "_patience", "_proxied")

    def __init__(
        self,
        *,
        connection_pool_size: int = 256,
        connect_timeout: float = 5.0,
        read_timeout: float = 5.0,
    ) -> None:
        """Take how many connections there may be, and how long to wait, in seconds."""
        self._patience = Patience(connect=connect_timeout, read=read_timeout, write=5.0, pool=1.0)
        self._most = connection_pool_size
        self._connections = Connections(self._most, self.USER_AGENT)
        self._proxied = not getproxies().keys().isdisjoint(("http", "https", "all"))
        self._httpx: HTTPXRequest | None = None

    @property
    def read_timeout(self) -> float | None:
        """How long an answer is waited for when nobody says how long."""
        return self._patience.read

    async def initialize(self) -> None:
        """Prepare nothing: connections are made when they are needed."""

    async def shutdown(self) -> None:
        """Hang up."""
        await self._connections.close()
        if self._httpx is not None:
            await self._httpx.shutdown()
            self._httpx = None

    async def do_request(  # noqa: PLR0913, PLR0917 - python-telegram-bot's signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Make one request.

        Raises:
            NetworkError: There was no answer.
        """
        given = {
            "read": read_timeout,
            "write": write_timeout,
            "connect": connect_timeout,
            "pool": pool_timeout,
        }
        told = {part: wait for part, wait in given.items() if wait is not self.DEFAULT_NONE}
        if self._proxied or (request_data is not None and request_data.contains_files):
            waits = {f"{part}_timeout": wait for part, wait in told.items()}
            return await self._through_httpx().do_request(url, method, request_data, **waits)
        form = request_data.url_encoded_parameters().encode() if request_data else None
        return await self._connections.ask(method, url, form, replace(self._patience, **told))

    def _through_httpx(self) -> HTTPXRequest:
        if self._httpx is None:
            self._httpx = HTTPXRequest(
                connection_pool_size=self._most,
                connect_timeout=self._patience.connect,
                read_timeout=self._patience.read,
            )
        return self._httpx


class WatchedRequest(PlainRequest):
    """Takes nothing for granted of what answers.

    - python-telegram-bot turns both 401 and 404 into InvalidToken, and on that its updater stops
      polling for good while it still says that it runs. Only 401 means the token; a 404 is a proxy
      or a wrong address, which may recover.
    - An answer that is no Bot API answer is one that never came: trying again is what helps.
    - A `retry_after` is believed up to a quarter of an hour.
    """

    def __init__(self, watch: TelegramWatch, **options: Any) -> None:
        super().__init__(**options)
        self._watch = watch

    async def do_request(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Make one request.

        Raises:
            NetworkError: There was no answer, or one that no Bot API gives.
        """
        try:
            status, payload = await super().do_request(*args, **options)
        except TelegramError as error:
            kind = "timed_out" if isinstance(error, TimedOut) else "unreachable"
            self._watch.measures.count(TELEGRAM_ERRORS, kind)
            raise
        if status >= HTTPStatus.BAD_REQUEST:
            self._watch.measures.count(TELEGRAM_ERRORS, kind_of(status))
        if status == HTTPStatus.UNAUTHORIZED:
            self._watch.refuse()
        if status == HTTPStatus.NOT_FOUND:
            raise NetworkError(
                "404 Not Found: either no Bot API is at TGAUTH_TELEGRAM__API_URL, "
                "or TGAUTH_TELEGRAM__TOKEN has not the form of a token"
            )
        return status, json.dumps(self.checked(status, _parsed(status, payload))).encode()

    def checked(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with nothing in it that would be taken for more than it is."""
        if status < HTTPStatus.BAD_REQUEST and "result" not in answer:
            raise NetworkError(f"HTTP {status} without a result: no Bot API answers like that")
        if not isinstance(answer.get("description", ""), str):
            answer["description"] = ""
        parameters = answer.get("parameters")
        if parameters is not None:
            answer["parameters"] = _parameters(parameters)
        if answer.get("ok") is True:
            self._watch.reached()
        return answer


class UpdatesRequest(WatchedRequest):
    """Fetches updates, and leaves what they say in the intake."""

    def __init__(self, watch: TelegramWatch, intake: Intake, **options: Any) -> None:
        super().__init__(watch, **options)
        self._intake = intake

    def checked(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with updates that have nothing but their number.

        Raises:
            NetworkError: They cannot even be counted.
        """
        answer = super().checked(status, answer)
        if answer.get("ok") is True:
            self._watch.polled()
        if isinstance(answer.get("result"), list):
            answer["result"] = self._intake.leave(answer["result"])
        return answer


def kind_of(status: int) -> str:
    """Return what kind of error an answer is: one of a few, whatever it says."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server_error"
    return HTTPStatus(status).name.lower() if status in _KINDS else "other"


def _parsed(status: int, payload: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise NetworkError(f"HTTP {status} without a Bot API answer")
    return answer


def _parameters(found: object) -> dict[str, Any]:
    parameters = dict(found) if isinstance(found, dict) else {}
    wait = parameters.pop("retry_after", None)
    if isinstance(wait, int) and wait > 0:
        parameters["retry_after"] = min(wait, LONGEST_WAIT)
    return parameters
