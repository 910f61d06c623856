"""Promises of identification: by a token or a cookie, as long as the session lives."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.builders import Clock, a_begun_login, an_issuer, chat_code_of

from tgauth.domain.errors import SessionEnded, TokenRefused
from tgauth.domain.instants import SECOND
from tgauth.domain.person import AllowList
from tgauth.domain.session import SESSION_LIFETIME
from tgauth.flows.continue_in_browser import Continuation, continue_in_browser
from tgauth.flows.deployment import Deployment, Keyring
from tgauth.flows.end_session import end_session
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.identify import identify_by_cookie, identify_by_token
from tgauth.oidc.keys import SigningKey
from tgauth.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def browser(deployment: Deployment) -> Continuation:
    """Return what a browser was given in which Alice has logged in."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    return await continue_in_browser(deployment, code, browser="b", secret=None, switch=False)


@pytest.fixture
async def token(deployment: Deployment, keyring: Keyring, browser: Continuation) -> str:
    """Return the application's token of that login."""
    return (await exchange_code(deployment, keyring, browser.callback_code or "")).access_token


async def test_a_token_names_its_person_and_session(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str
) -> None:
    """Token and cookie of one login name the same."""
    by_token = await identify_by_token(deployment, keyring, token)
    by_cookie = await identify_by_cookie(deployment, browser.secret)
    assert by_token == by_cookie
    assert ("@alice", browser.session.id) == (by_token.person.label, by_token.session.id)


async def test_logging_out_ends_the_token_as_well(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str
) -> None:
    """A token of an ended session is worth nothing, however long it is still valid."""
    await end_session(deployment, browser.secret)
    with pytest.raises(SessionEnded):
        await identify_by_token(deployment, keyring, token)
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, browser.secret)


@pytest.mark.parametrize(
    ("wait", "good"),
    [(899 * SECOND, True), (900 * SECOND - 1, True), (900 * SECOND, False), (901 * SECOND, False)],
)
async def test_a_token_lives_as_long_as_it_says(  # noqa: PLR0913 - fixtures
    deployment: Deployment, keyring: Keyring, token: str, clock: Clock, wait: int, *, good: bool
) -> None:
    """To the millisecond."""
    clock.advance(wait)
    if good:
        await identify_by_token(deployment, keyring, token)
    else:
        with pytest.raises(TokenRefused):
            await identify_by_token(deployment, keyring, token)


@pytest.mark.parametrize(
    ("wait", "good"), [(SESSION_LIFETIME - 1, True), (SESSION_LIFETIME, False)]
)
async def test_a_cookie_lives_as_long_as_its_session(
    deployment: Deployment, browser: Continuation, clock: Clock, wait: int, *, good: bool
) -> None:
    """Whatever the browser keeps."""
    clock.advance(wait)
    if good:
        await identify_by_cookie(deployment, browser.secret)
    else:
        with pytest.raises(SessionEnded):
            await identify_by_cookie(deployment, browser.secret)


def _another_issuer(deployment: Deployment, keyring: Keyring) -> tuple[Deployment, Keyring]:
    return replace(deployment, issuer=an_issuer("https://other.example")), keyring


def _another_key(deployment: Deployment, _: Keyring) -> tuple[Deployment, Keyring]:
    return deployment, Keyring(keys=(SigningKey.generate(),))


@pytest.mark.parametrize("change", [_another_issuer, _another_key])
async def test_a_token_for_somebody_else_is_refused(
    deployment: Deployment,
    keyring: Keyring,
    token: str,
    change: Callable[[Deployment, Keyring], tuple[Deployment, Keyring]],
) -> None:
    """Another issuer's token, or one that another key signed, opens nothing."""
    with pytest.raises(TokenRefused):
        await identify_by_token(*change(deployment, keyring), token)


async def test_a_rotated_key_still_verifies(
    deployment: Deployment, keyring: Keyring, token: str
) -> None:
    """Older keys verify as long as they are kept."""
    rotated = Keyring(keys=(*keyring.keys, SigningKey.generate()))
    await identify_by_token(deployment, rotated, token)


async def test_a_token_of_a_session_that_is_gone_is_refused(
    deployment: Deployment, keyring: Keyring, token: str, store: Store
) -> None:
    """A deleted account's token names nobody."""
    async with store.writing() as connection:
        await connection.run("DELETE FROM persons")
    with pytest.raises(TokenRefused):
        await identify_by_token(deployment, keyring, token)


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "ÿ", "\0"])
async def test_an_unknown_cookie_names_nobody(
    deployment: Deployment, browser: Continuation, secret: str
) -> None:
    """Whatever a stranger puts into it; the id and the hash of a session are no secrets of it."""
    for wrong in (secret, browser.session.id, browser.session.secret_hash or ""):
        with pytest.raises(SessionEnded):
            await identify_by_cookie(deployment, wrong)


@pytest.mark.parametrize("repeat", [1, 2])
async def test_ending_a_session_is_repeatable(
    deployment: Deployment, browser: Continuation, repeat: int
) -> None:
    """Twice is as good as once, and an unknown secret ends nothing."""
    await end_session(deployment, "unknown")
    await identify_by_cookie(deployment, browser.secret)
    ending: Callable[[Deployment, str], Awaitable[None]] = end_session
    for _ in range(repeat):
        await ending(deployment, browser.secret)
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, browser.secret)


async def test_who_was_taken_off_the_list_is_logged_out(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str
) -> None:
    """Neither the token nor the cookie of somebody who may not log in is worth anything."""
    changed = replace(deployment, allow=AllowList(everyone=False))
    with pytest.raises(SessionEnded):
        await identify_by_token(changed, keyring, token)
    with pytest.raises(SessionEnded):
        await identify_by_cookie(changed, browser.secret)


async def test_a_new_login_in_the_same_browser_ends_the_one_before(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str
) -> None:
    """One browser, one session: logging out leaves nothing behind that still works."""
    code = chat_code_of(deployment, await a_begun_login(deployment, update_id=2))
    again = await continue_in_browser(
        deployment, code, browser="c", secret=browser.secret, switch=False
    )
    assert again.session.id != browser.session.id
    with pytest.raises(SessionEnded):
        await identify_by_token(deployment, keyring, token)
