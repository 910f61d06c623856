"""Access tokens: JWTs after RFC 9068."""

from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tgauth.domain.errors import TokenExpired, TokenRefused
from tgauth.domain.instants import SECOND, Instant
from tgauth.oidc.keys import ALGORITHM, SigningKey

#: Checked before anything is parsed: ours are under 1 kB.
LONGEST_TOKEN: Final = 4096

_TYPE: Final = "at+jwt"  # RFC 9068 §2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What an access token says.

    Attributes:
        issuer: `iss`.
        subject: `sub`.
        client_id: `client_id`; also the first audience, the issuer being the second, so that
            the token opens `/api/auth/me` as well.
        session_id: `sid`: the token is worth nothing here once that session has ended.
        token_id: `jti`.
        telegram_id: The person's Telegram id, for the applications that know people by it.
        issued_at: `iat`.
        lifetime: Seconds until `exp`.
    """

    issuer: str
    subject: str
    client_id: str
    session_id: str
    token_id: str
    telegram_id: int
    issued_at: Instant
    lifetime: int

    def claims(self) -> dict[str, Any]:
        """Return the claims (RFC 9068 §2.2)."""
        issued_at = self.issued_at // SECOND
        return {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": [self.client_id, self.issuer],
            "exp": issued_at + self.lifetime,
            "iat": issued_at,
            "jti": self.token_id,
            "sid": self.session_id,
            "client_id": self.client_id,
            "telegram_id": self.telegram_id,
        }


def sign(token: AccessToken, key: SigningKey) -> str:
    """Return the signed token."""
    header = {"alg": ALGORITHM, "typ": _TYPE, "kid": key.kid}
    return jwt.encode(header, token.claims(), key.key, algorithms=[ALGORITHM])


def verify(text: str, *, keys: tuple[SigningKey, ...], issuer: str, now: Instant) -> AccessToken:
    """Return what a token says, if it is one of ours, still good, and meant for the issuer.

    Raises:
        TokenRefused: It is not.
        TokenExpired: It was.
    """
    if len(text) > LONGEST_TOKEN:
        raise TokenRefused("the token is longer than any of ours")
    try:
        key_set = KeySet([key.key for key in keys if key.kid == _kid(text)])
        if not key_set.keys:
            raise TokenRefused("the token names no key of ours")
        # The list of algorithms is explicit: what the token asks for is not to be trusted.
        decoded = jwt.decode(text, key_set.keys[0], algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        # The library trusts the shape of a header more than a stranger's deserves.
        raise TokenRefused("the token is malformed or not signed by us") from error
    if decoded.header.get("typ") != _TYPE:
        raise TokenRefused("the token is no access token")
    return _judge(decoded.claims, issuer=issuer, now=now)


def _kid(text: str) -> Any:
    header: Any = jws.extract_compact(text.encode("ascii", errors="strict")).headers()
    # joserfc lets any JSON pass that "contains" alg, also a list or a text.
    return header.get("kid") if isinstance(header, dict) else None


def _judge(claims: dict[str, Any], *, issuer: str, now: Instant) -> AccessToken:
    try:
        token = AccessToken(
            issuer=_text(claims["iss"]),
            subject=_text(claims["sub"]),
            client_id=_text(claims["client_id"]),
            session_id=_text(claims["sid"]),
            token_id=_text(claims["jti"]),
            telegram_id=_whole(claims["telegram_id"]),
            issued_at=_whole(claims["iat"]) * SECOND,
            lifetime=_whole(claims["exp"]) - _whole(claims["iat"]),
        )
        audience = claims["aud"]
    except (KeyError, TypeError) as error:
        raise TokenRefused("the token lacks a claim") from error
    if token.issuer != issuer or not isinstance(audience, list) or issuer not in audience:
        raise TokenRefused("the token is meant for somebody else")
    if now >= token.issued_at + token.lifetime * SECOND:
        raise TokenExpired
    return token


def _text(claim: object) -> str:
    if not isinstance(claim, str):
        raise TypeError
    return claim


def _whole(claim: object) -> int:
    if not isinstance(claim, int) or isinstance(claim, bool):
        raise TypeError
    return claim
