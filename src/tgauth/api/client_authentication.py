"""How an application proves itself: a secret in the body, or HTTP Basic (RFC 6749 §2.3.1)."""

import binascii
import hmac
from base64 import b64decode
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_plus

from tgauth.api.errors import WrongRequest
from tgauth.domain.client import Client
from tgauth.domain.errors import ClientRefused

_BASIC: Final = "basic "


def authenticate(client: Client, *, authorization: str | None, in_body: str | None) -> bool:
    """Say whether the caller proved to be this client; false where it need not.

    Args:
        client: The client.
        authorization: The `Authorization` header.
        in_body: `client_secret` of the body.

    Raises:
        ClientRefused: The client has a secret, and this is not it.
        WrongRequest: A secret was sent in both ways: "MUST NOT use more than one" (RFC 6749 §2.3).
    """
    if in_body is not None and authorization is not None:
        raise WrongRequest(
            HTTPStatus.BAD_REQUEST,
            "there are two proofs: send an Authorization header or a client_secret, not both",
        )
    secret = in_body
    if authorization is not None and client.secret_hash is not None:
        secret = _from_basic(client, authorization)
    return client.authenticate(secret)


def _from_basic(client: Client, authorization: str) -> str:
    scheme, credentials = authorization[: len(_BASIC)], authorization[len(_BASIC) :]
    if scheme.lower() != _BASIC:
        raise ClientRefused
    try:
        text = b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ClientRefused from None
    name, _, secret = text.partition(":")
    # Both are form-urlencoded before they are joined: a colon may be part of either.
    if not hmac.compare_digest(unquote_plus(name).encode(), client.id.encode()):
        raise ClientRefused
    return unquote_plus(secret)
