"""Promises of signing keys: published without their private part, and sealed while they rest."""

import json

import pytest
from tests.builders import MASTER_KEY

from tgauth.oidc.keys import SigningKey, SigningKeyUnreadable, jwks

KEY = SigningKey.generate()


def test_the_published_set_has_this_shape() -> None:
    """A snapshot: exactly these members, and none of them is private."""
    published = jwks((KEY,))
    [key] = published["keys"]
    assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(key)
    assert ("EC", "P-256", "sig", "ES256", KEY.kid) == (
        key["kty"],
        key["crv"],
        key["use"],
        key["alg"],
        key["kid"],
    )
    private = str(KEY.key.as_dict(private=True)["d"])
    assert private not in json.dumps(published)


def test_every_key_is_published() -> None:
    """Older ones too: their tokens are still around."""
    other = SigningKey.generate()
    assert [KEY.kid, other.kid] == [key["kid"] for key in jwks((KEY, other))["keys"]]


def test_a_sealed_key_opens_with_its_master_key() -> None:
    """What was sealed comes back, private part and all."""
    opened = SigningKey.unseal(MASTER_KEY, KEY.kid, KEY.seal(MASTER_KEY))
    assert KEY.kid == opened.kid
    assert KEY.key.as_dict(private=True) == opened.key.as_dict(private=True)


def test_sealing_twice_differs() -> None:
    """The seal is randomised: equal keys are not recognised by their seals."""
    assert KEY.seal(MASTER_KEY) != KEY.seal(MASTER_KEY)


def _flipped(sealed: str) -> str:
    head, key, nonce, text, tag = sealed.split(".")
    return ".".join([head, key, nonce, ("A" if text[0] != "A" else "B") + text[1:], tag])


@pytest.mark.parametrize(
    ("master_key", "sealed"),
    [
        (bytes(32), KEY.seal(MASTER_KEY)),
        (MASTER_KEY, _flipped(KEY.seal(MASTER_KEY))),
        (MASTER_KEY, ""),
        (MASTER_KEY, "rubbish"),
        (MASTER_KEY, "...."),
        (MASTER_KEY, json.dumps(KEY.key.as_dict(private=True))),
    ],
    ids=["another master key", "damaged", "empty", "rubbish", "dots", "in plain"],
)
def test_what_does_not_open_is_told(master_key: bytes, sealed: str) -> None:
    """The error names the key by its id and shows nothing of it."""
    with pytest.raises(SigningKeyUnreadable, match=KEY.kid) as caught:
        SigningKey.unseal(master_key, KEY.kid, sealed)
    assert not sealed or sealed not in str(caught.value)


def test_printing_a_key_shows_no_secret() -> None:
    """It never reaches a log by printing it."""
    private = str(KEY.key.as_dict(private=True)["d"])
    assert private not in f"{KEY!r} {KEY} {KEY.key!r} {KEY.key}"
