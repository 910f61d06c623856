"""The refusals of the Bot API: its codes and its wording."""

from collections.abc import Mapping
from typing import Any, Final

PREFIXES: Final = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}


class ApiError(Exception):
    """A call that Telegram refuses.

    The wording follows `fail_query_with_error` of telegram-bot-api/Client.cpp: the prefix of
    the code, then the message.
    """

    def __init__(
        self, code: int, message: str, *, parameters: Mapping[str, Any] | None = None
    ) -> None:
        prefix = PREFIXES.get(code)
        self.code = code
        self.description = f"{prefix}: {message}" if prefix else message
        self.parameters = dict(parameters or {})
        super().__init__(self.description)


class BadRequest(ApiError):
    """A call that is wrong in itself: 400."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


class Forbidden(ApiError):
    """A call to somebody who cannot be written to: 403."""

    def __init__(self, message: str) -> None:
        super().__init__(403, message)


class Conflict(ApiError):
    """Two ways of receiving updates at once: 409."""

    def __init__(self, message: str) -> None:
        super().__init__(409, message)


class TooManyRequests(ApiError):
    """A flood limit: 429, with the whole seconds to wait."""

    def __init__(self, retry_after: int) -> None:
        message = f"Too Many Requests: retry after {retry_after}"
        self.retry_after = retry_after
        super().__init__(429, message, parameters={"retry_after": retry_after})


class Migrated(ApiError):
    """A call to a group that became a supergroup: 400, with the new id.

    core.telegram.org/bots/api#responseparameters `migrate_to_chat_id`.
    """

    def __init__(self, chat_id: int) -> None:
        message = "group chat was upgraded to a supergroup chat"
        super().__init__(400, message, parameters={"migrate_to_chat_id": chat_id})


class CantParseEntities(BadRequest):
    """A text whose markup does not parse."""

    def __init__(self, message: str) -> None:
        super().__init__(f"can't parse entities: {message}")


class LoggedOut(BadRequest):
    """A call after logOut."""

    def __init__(self) -> None:
        super().__init__("")
        self.description = "Bad Request: Logged out"


class HungUp(Exception):
    """The connection is to be closed without an answer."""
