"""HTTP to the Bot API, watched."""

from http import HTTPStatus
from typing import Any

from telegram.error import NetworkError
from telegram.request import HTTPXRequest

from tgauth.bot.waking import Bell


class TokenWatch:
    """Remembers that Telegram refused the token."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.refused = False

    def refuse(self) -> None:
        """Note the refusal."""
        self.refused = True
        self.bell.ring()


class WatchedRequest(HTTPXRequest):
    """Tells a refused token from a wrong address.

    python-telegram-bot turns both 401 and 404 into InvalidToken, and on that its updater stops
    polling for good while it still says that it runs. Only 401 means the token; a 404 is a proxy
    or a wrong address, which may recover.
    """

    def __init__(self, watch: TokenWatch, **options: Any) -> None:
        super().__init__(**options)
        self._watch = watch

    async def do_request(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Make one request.

        Raises:
            NetworkError: There was no answer, or one that no Bot API gives.
        """
        status, payload = await super().do_request(*args, **options)
        if status == HTTPStatus.UNAUTHORIZED:
            self._watch.refuse()
        if status == HTTPStatus.NOT_FOUND:
            raise NetworkError("404 Not Found: no Bot API answers at TGAUTH_TELEGRAM__API_URL")
        return status, payload
