"""Promises of the client: where a secret is set, only who knows it is the client."""

import pytest
from tests.builders import a_client

from tgauth.domain.code import hash_of
from tgauth.domain.errors import ClientRefused

SECRET = "correct horse battery staple"


@pytest.mark.parametrize("secret", [None, "", "anything"])
def test_without_a_secret_nobody_proves_anything(secret: str | None) -> None:
    """Everybody is let through, and nobody has proved to be the client."""
    assert a_client().authenticate(secret) is False


def test_the_secret_proves_it() -> None:
    """Whoever knows it is the client."""
    assert a_client(secret_hash=hash_of(SECRET)).authenticate(SECRET) is True


@pytest.mark.parametrize(
    "wrong", [None, "", SECRET[:-1], SECRET + " ", SECRET.upper(), hash_of(SECRET), "ÿ", "\0"]
)
def test_a_missing_or_wrong_secret_is_refused(wrong: str | None) -> None:
    """The hash that is kept is no secret either."""
    with pytest.raises(ClientRefused) as refused:
        a_client(secret_hash=hash_of(SECRET)).authenticate(wrong)
    assert "client_refused" == refused.value.code
    assert SECRET not in str(refused.value)
