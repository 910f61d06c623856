"""What programs send and get: the bodies of the API, as msgspec reads and writes them.

The OpenAPI document is made from these.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

CODE_EXAMPLE: Final = '{"code": "…"}'


class CodeExchange(Struct, frozen=True, kw_only=True):
    """A code to exchange."""

    code: Annotated[
        str,
        Meta(
            description="The `code` parameter of the callback address, or of the bot's link.",
            examples=["3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        ),
    ]
    client_secret: Annotated[
        str | UnsetType,
        Meta(description="The client's secret, where it has one; or send it by HTTP Basic."),
    ] = UNSET

    def __repr__(self) -> str:
        return "CodeExchange(***)"


class User(Struct, frozen=True, kw_only=True):
    """Who logged in."""

    sub: Annotated[str, Meta(description="The account: stays the same, whatever else changes.")]
    telegram_id: Annotated[int, Meta(description="The person's Telegram id.")]
    name: Annotated[str, Meta(description="First and last name.")]
    first_name: str
    last_name: str | UnsetType = UNSET
    username: Annotated[str | UnsetType, Meta(description="Without the @; people change it.")] = (
        UNSET
    )
    language_code: Annotated[str | UnsetType, Meta(description="As Telegram tells it (IETF).")] = (
        UNSET
    )


class TokenAnswer(Struct, frozen=True, kw_only=True):
    """The answer to a code that was good (RFC 6749 §5.1)."""

    access_token: Annotated[
        str, Meta(description="A JWT (RFC 9068), verified with the keys of the JWKS.")
    ]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Meta(description="Seconds.", ge=1)]
    user: User

    def __repr__(self) -> str:
        return "TokenAnswer(***)"


class Me(Struct, frozen=True, kw_only=True):
    """Who a token belongs to."""

    user: User
    session_id: Annotated[str, Meta(description="The token's `sid`.")]
    client_id: str


class PublicKey(Struct, frozen=True, kw_only=True):
    """A key that verifies access tokens (RFC 7517 §4)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: Annotated[str, Meta(description="The `kid` in a token's header.")]
    use: Literal["sig"]
    alg: Literal["ES256"]


class KeySet(Struct, frozen=True, kw_only=True):
    """The keys that verify access tokens (RFC 7517 §5)."""

    keys: list[PublicKey]


class Alive(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"]


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether a login could be stored right now."""

    status: Literal["ready", "not ready"]
    store: Annotated[str, Meta(description="`ok`, or what is wrong with the store.")]


class Problem(Struct, frozen=True, kw_only=True):
    """What every refusal looks like (RFC 6749 §5.2)."""

    error: Annotated[str, Meta(description="A code that does not change.")]
    error_description: Annotated[
        str, Meta(description="What was wrong and what to do, for a developer.")
    ]
