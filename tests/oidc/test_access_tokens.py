"""Promises of access tokens: any library verifies ours, and we accept nothing else."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as jose
from tests.builders import ISSUER, NOW

from tgauth.domain.errors import TokenRefused
from tgauth.domain.instants import SECOND
from tgauth.oidc.access_tokens import AccessToken, sign, verify
from tgauth.oidc.keys import SigningKey, jwks

KEY = SigningKey.generate()
OTHER = SigningKey.generate()
ISSUED = NOW // SECOND
TOKEN = AccessToken(
    issuer=ISSUER,
    subject="subject-of-alice",
    client_id="shop",
    session_id="session-1",
    token_id="token-1",
    telegram_id=1001,
    issued_at=NOW,
    lifetime=900,
)
CLAIMS = {
    "iss": ISSUER,
    "sub": "subject-of-alice",
    "aud": ["shop", ISSUER],
    "exp": ISSUED + 900,
    "iat": ISSUED,
    "jti": "token-1",
    "sid": "session-1",
    "client_id": "shop",
    "telegram_id": 1001,
}


def test_an_independent_library_verifies_it() -> None:
    """PyJWT, given only the published keys, reads exactly the claims of RFC 9068."""
    text = sign(TOKEN, KEY)
    published = jwt.PyJWKSet.from_dict(jwks((OTHER, KEY)))
    header = jwt.get_unverified_header(text)
    assert {"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid} == header
    decoded = jwt.decode(
        text,
        published[header["kid"]].key,
        algorithms=["ES256"],
        audience="shop",
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert CLAIMS == decoded


def test_what_was_signed_is_read_again() -> None:
    """Signing and verifying are each other's inverse, also after a change of keys."""
    assert TOKEN == verify(sign(TOKEN, KEY), keys=(OTHER, KEY), issuer=ISSUER, now=NOW)


@pytest.mark.parametrize(
    ("offset", "good"),
    [
        (0, True),
        (899 * SECOND, True),
        (900 * SECOND - 1, True),
        (900 * SECOND, False),
        (900 * SECOND + 1, False),
        (901 * SECOND, False),
    ],
)
def test_a_token_expires_to_the_millisecond(offset: int, *, good: bool) -> None:
    """It is good up to the instant before its `exp`."""
    text = sign(TOKEN, KEY)
    if good:
        verify(text, keys=(KEY,), issuer=ISSUER, now=NOW + offset)
    else:
        with pytest.raises(TokenRefused, match="expired"):
            verify(text, keys=(KEY,), issuer=ISSUER, now=NOW + offset)


def encoded(part: object) -> str:
    """Encode a part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: dict[str, Any], **header: Any) -> str:
    """Sign any claims with our key."""
    return jose.encode({"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid} | header, claims, KEY.key)


def with_public_key_as_secret() -> str:
    """Sign with HS256 and our public key as the secret: the classic confusion."""
    import hashlib  # noqa: PLC0415 - only this forgery needs them
    import hmac  # noqa: PLC0415 - the same

    head = encoded({"alg": "HS256", "typ": "at+jwt", "kid": KEY.kid}) + "." + encoded(CLAIMS)
    secret = KEY.key.as_pem(private=False)
    return head + "." + encoded(hmac.digest(secret, head.encode(), hashlib.sha256))


def tampered() -> str:
    """Change a claim of a good token."""
    head, _, signature = sign(TOKEN, KEY).split(".")
    return ".".join([head, encoded(CLAIMS | {"sub": "somebody else"}), signature])


def header_only(header: object) -> str:
    """Build a token with this header and rubbish behind it."""
    return f"{encoded(header)}.{encoded(CLAIMS)}.{encoded(b'signature')}"


FORGED: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "rubbish": lambda: "rubbish",
    "dots": lambda: "..",
    "four parts": lambda: sign(TOKEN, KEY) + ".x",
    "no signature": lambda: sign(TOKEN, KEY).rpartition(".")[0] + ".",
    "cut short": lambda: sign(TOKEN, KEY)[:-2],
    "overlong": lambda: sign(TOKEN, KEY) + "A" * 4096,
    "outside ASCII": lambda: sign(TOKEN, KEY) + "é",
    "a surrogate": lambda: "\ud800",
    "alg none": lambda: (
        f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': KEY.kid})}.{encoded(CLAIMS)}."
    ),
    "HS256 with the public key": with_public_key_as_secret,
    "changed claims": tampered,
    "another key": lambda: sign(TOKEN, OTHER),
    "another key under our id": lambda: jose.encode(
        {"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid}, CLAIMS, OTHER.key
    ),
    "no kid": lambda: jose.encode({"alg": "ES256", "typ": "at+jwt"}, CLAIMS, KEY.key),
    "kid is a list": lambda: header_only({"alg": "ES256", "typ": "at+jwt", "kid": []}),
    "kid is an object": lambda: header_only({"alg": "ES256", "typ": "at+jwt", "kid": {}}),
    "header is a list": lambda: header_only(["alg"]),
    "header is an empty list": lambda: header_only([]),
    "header is a text": lambda: header_only("alg"),
    "header is a number": lambda: header_only(1),
    "header is null": lambda: header_only(None),
    "header is empty": lambda: header_only({}),
    "header is no JSON": lambda: header_only(b"{"),
    "header is no UTF-8": lambda: header_only(b"\xff\xff"),
    "alg is a list": lambda: header_only({"alg": ["ES256"], "kid": KEY.kid}),
    "alg is a number": lambda: header_only({"alg": 1, "kid": KEY.kid}),
    "crit": lambda: header_only({"alg": "ES256", "kid": KEY.kid, "crit": ["x"], "x": 1}),
    "deep JSON": lambda: header_only(b"[" * 2000),
    "an id token": lambda: signed(CLAIMS, typ="JWT"),
    "no type": lambda: jose.encode({"alg": "ES256", "kid": KEY.kid}, CLAIMS, KEY.key),
    "another issuer": lambda: signed(CLAIMS | {"iss": "https://other.example"}),
    "not for the issuer": lambda: signed(CLAIMS | {"aud": ["shop"]}),
    "audience as a text": lambda: signed(CLAIMS | {"aud": ISSUER}),
    "no audience": lambda: signed({k: v for k, v in CLAIMS.items() if k != "aud"}),
    "no session": lambda: signed({k: v for k, v in CLAIMS.items() if k != "sid"}),
    "no expiry": lambda: signed({k: v for k, v in CLAIMS.items() if k != "exp"}),
    "subject is a number": lambda: signed(CLAIMS | {"sub": 1}),
    "expiry is a text": lambda: signed(CLAIMS | {"exp": "tomorrow"}),
    "expiry is true": lambda: signed(CLAIMS | {"exp": True}),
}


@pytest.mark.parametrize("case", FORGED)
def test_whatever_is_not_ours_is_refused(case: str) -> None:
    """A refusal, never another error, and the refusal does not repeat the token."""
    text = FORGED[case]()
    with pytest.raises(TokenRefused) as caught:
        verify(text, keys=(KEY,), issuer=ISSUER, now=NOW)
    assert not text or text not in str(caught.value)


@given(st.one_of(st.text(), st.binary().map(encoded), st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*")))
def test_any_text_is_refused_without_a_fault(text: str) -> None:
    """Whatever a stranger sends as a token, the outcome is a refusal."""
    with pytest.raises(TokenRefused):
        verify(text, keys=(KEY,), issuer=ISSUER, now=NOW)


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
headers: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["alg", "typ", "kid", "crit", "b64", "zip", "jwk"]),
    st.sampled_from(["ES256", "none", "HS256", KEY.kid, [], {}, None, 1, "at+jwt"]),
)


@given(header=anything | headers)
def test_any_header_is_refused_without_a_fault(header: object) -> None:
    """However a header looks, a signature that is not ours is refused."""
    with pytest.raises(TokenRefused):
        verify(header_only(header), keys=(KEY,), issuer=ISSUER, now=NOW)


def test_without_keys_nothing_is_accepted() -> None:
    """An empty keyring verifies nothing."""
    with pytest.raises(TokenRefused):
        verify(sign(TOKEN, KEY), keys=(), issuer=ISSUER, now=NOW)
