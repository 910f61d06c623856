"""The built-in client: the one application that `TGAUTH_LOGIN__…` describes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An application that people log in to.

    Attributes:
        id: Its `client_id`.
        callback_url: Where a browser is sent with a callback code; none: to the account page.
        code_lifetime: How long a chat code is good for, in milliseconds.
        token_lifetime: How long an access token is good for, in seconds.
    """

    id: str
    callback_url: str | None
    code_lifetime: int
    token_lifetime: int
