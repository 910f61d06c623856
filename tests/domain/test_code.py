"""Promises of codes: derived the same way for ever, spent once, for what they were made for."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import LIFETIME, MASTER_KEY, NOW, a_code

from tgauth.domain.code import (
    Code,
    CodeKind,
    derive,
    derive_code,
    derive_form_token,
    derive_session_secret,
    hash_of,
    looks_like_a_code,
)
from tgauth.domain.errors import CodeAlreadySpent, CodeExpired, CodeMisused, TgauthError
from tgauth.domain.instants import SECOND

DEADLINE = NOW + LIFETIME
ANY = {CodeKind.CHAT, CodeKind.CALLBACK}

#: (code, welcome kinds, client, instant) → spent, or the error.
SPENDING: dict[str, tuple[Code, set[CodeKind], str, int, type[TgauthError] | None]] = {
    "good": (a_code(), ANY, "shop", NOW, None),
    "a second before the deadline": (a_code(), ANY, "shop", DEADLINE - SECOND, None),
    "a millisecond before": (a_code(), ANY, "shop", DEADLINE - 1, None),
    "at the deadline": (a_code(), ANY, "shop", DEADLINE, CodeExpired),
    "a millisecond after": (a_code(), ANY, "shop", DEADLINE + 1, CodeExpired),
    "a second after": (a_code(), ANY, "shop", DEADLINE + SECOND, CodeExpired),
    "spent before": (a_code(spent_at=NOW), ANY, "shop", NOW, CodeAlreadySpent),
    "spent, then expired": (a_code(spent_at=NOW), ANY, "shop", DEADLINE, CodeAlreadySpent),
    "another client's": (a_code(), ANY, "other", NOW, CodeMisused),
    "another client's, spent": (a_code(spent_at=NOW), ANY, "other", NOW, CodeMisused),
    "of another kind": (a_code(kind=CodeKind.OIDC), ANY, "shop", NOW, CodeMisused),
    "a callback code on the page": (
        a_code(kind=CodeKind.CALLBACK),
        {CodeKind.CHAT},
        "shop",
        NOW,
        CodeMisused,
    ),
    "nothing is welcome": (a_code(), set(), "shop", NOW, CodeMisused),
}


@pytest.mark.parametrize("case", SPENDING)
def test_a_code_is_spent_once_in_time_for_its_own_kind_and_client(case: str) -> None:
    """Spending succeeds exactly where the table says, and a spent code only changes in that."""
    code, kinds, client, now, error = SPENDING[case]
    if error is None:
        spent = code.spend(kinds=kinds, client_id=client, now=now)
        assert a_code(spent_at=now) == spent
    else:
        with pytest.raises(error):
            code.spend(kinds=kinds, client_id=client, now=now)


@pytest.mark.parametrize(
    ("purpose", "derived"),
    [
        (b"code/chat\0login-1", lambda key: derive_code(key, CodeKind.CHAT, "login-1")),
        (b"code/callback\0login-1", lambda key: derive_code(key, CodeKind.CALLBACK, "login-1")),
        (b"session\0session-1", lambda key: derive_session_secret(key, "session-1")),
        (b"form\0the cookie", lambda key: derive_form_token(key, "the cookie")),
    ],
    ids=["a chat code", "a callback code", "a session", "a form"],
)
def test_derivation_is_plain_hmac(purpose: bytes, derived: Callable[[bytes], str]) -> None:
    """Whoever knows the key can derive with any HMAC: the format is fixed and will stay so."""
    raw = hmac.digest(MASTER_KEY, purpose, "sha256")
    assert urlsafe_b64encode(raw).rstrip(b"=").decode() == derived(MASTER_KEY)


def test_what_needs_no_name_derives_from_an_empty_one() -> None:
    """A constant from outside: another default would lock every store out of its own keys."""
    expected = "34fa527b3d233f12f5dbe7b8f5864b956edbbd87a6166a998f22a8a0cba5d1ad"
    assert expected == derive(MASTER_KEY, "fingerprint").hex()
    assert expected == hmac.digest(MASTER_KEY, b"fingerprint\0", "sha256").hex()


def test_a_derived_code_stays_what_it_was_in_the_first_release() -> None:
    """A constant from outside: changing the derivation would void every link under way."""
    expected = hmac.new(MASTER_KEY, b"code/chat\x00login-1", hashlib.sha256).hexdigest()
    assert expected == derive(MASTER_KEY, "code/chat", "login-1").hex()
    assert "341d608097999041833fa113c98b4b79fab9949b7c46b29ae9b86120fa4da5a6" == expected


@given(
    first=st.tuples(st.sampled_from(["code/chat", "session", "form", "seal"]), st.text()),
    second=st.tuples(st.sampled_from(["code/chat", "session", "form", "seal"]), st.text()),
)
def test_two_purposes_never_share_an_outcome(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    """Two derivations agree only where purpose and name agree."""
    same = derive(MASTER_KEY, *first) == derive(MASTER_KEY, *second)
    assert (first == second) == same


def test_every_purpose_gives_another_secret_for_one_name() -> None:
    """One id used as login, session and cookie gives secrets that have nothing in common."""
    secrets = [derive_code(MASTER_KEY, kind, "x") for kind in CodeKind]
    secrets += [derive_session_secret(MASTER_KEY, "x"), derive_form_token(MASTER_KEY, "x")]
    assert len(secrets) == len(set(secrets))


def test_another_master_key_gives_other_codes() -> None:
    """The key decides: the login's public id alone tells nothing."""
    other = derive_code(bytes(32), CodeKind.CHAT, "login-1")
    assert other != derive_code(MASTER_KEY, CodeKind.CHAT, "login-1")


def test_a_hash_is_sha256_in_hexadecimal() -> None:
    """What is stored is the SHA-256 of the text, nothing more clever."""
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert expected == hash_of("abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A" * 43, True),
        ("-_0aZ" + "b" * 38, True),
        ("A" * 42, False),
        ("A" * 44, False),
        ("", False),
        ("A" * 42 + "=", False),
        ("A" * 42 + "+", False),
        ("A" * 42 + "/", False),
        ("A" * 42 + "\n", False),
        ("A" * 42 + "\0", False),
        ("A" * 42 + " ", False),
        ("A" * 42 + "é", False),
        ("A" * 42 + "٣", False),
    ],
)
def test_the_shape_of_a_code_is_told_before_anything_is_done(text: str, *, expected: bool) -> None:
    """Only 43 characters of base64url look like a code."""
    assert expected == looks_like_a_code(text)


@given(st.text(min_size=1))
def test_every_derived_code_looks_like_one(name: str) -> None:
    """No derivation ever leaves the shape that the door checks for."""
    assert looks_like_a_code(derive_code(MASTER_KEY, CodeKind.CHAT, name))


def test_nothing_prints_the_code_itself() -> None:
    """A code's row prints its hash, and its errors print neither."""
    text = derive_code(MASTER_KEY, CodeKind.CHAT, "login-1")
    row = a_code()
    printed = [repr(row), str(row), *map(str, _errors_of(row))]
    assert [] == [line for line in printed if text in line]
    assert [] == [str(error) for error in _errors_of(row) if row.hash in str(error)]


def _errors_of(code: Code) -> list[TgauthError]:
    return [
        CodeMisused(code.kind, code.client_id),
        CodeAlreadySpent(code.login_id),
        CodeExpired(code.expires_at),
    ]
