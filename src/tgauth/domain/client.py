"""The built-in client: the one application that `TGAUTH_LOGIN__…` describes."""

import hmac
from dataclasses import dataclass

from tgauth.domain.code import hash_of
from tgauth.domain.errors import ClientRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An application that people log in to.

    Attributes:
        id: Its `client_id`.
        name: What people read.
        callback_url: Where a browser is sent with a callback code; none: to the account page.
        secret_hash: `hash_of` the secret by which it proves itself; none: it need not.
        code_lifetime: How long a chat code is good for, in milliseconds.
        token_lifetime: How long an access token is good for, in seconds.
    """

    id: str
    name: str
    callback_url: str | None
    secret_hash: str | None = None
    code_lifetime: int
    token_lifetime: int

    def authenticate(self, secret: str | None) -> bool:
        """Say whether this secret proves that the caller is this client (RFC 6749 §2.3.1).

        Raises:
            ClientRefused: A secret is required, and this is not it.
        """
        if self.secret_hash is None:
            return False
        if secret is None or not hmac.compare_digest(hash_of(secret), self.secret_hash):
            raise ClientRefused
        return True
