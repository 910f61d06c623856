"""Promises of identification: by a token or a cookie, as long as the session lives."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import ALICE, Clock, a_begun_login, a_browser, an_issuer, chat_code_of

from tgauth.domain.errors import SessionEnded, TokenRefused
from tgauth.domain.instants import DAY, MINUTE, SECOND
from tgauth.domain.person import AllowList
from tgauth.domain.session import SessionRules, Visitor
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.identify import identify_by_cookie, identify_by_token
from tgauth.flows.keyring import Keyring
from tgauth.oidc.keys import SigningKey
from tgauth.store import Store, bans, persons, sessions

pytestmark = pytest.mark.anyio


@pytest.fixture
async def browser(deployment: Deployment) -> Continuation:
    """Return what a browser was given in which Alice has logged in."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    return await continue_in_browser(deployment, code, browser=a_browser(), switch=False)


@pytest.fixture
async def token(deployment: Deployment, keyring: Keyring, browser: Continuation) -> str:
    """Return the application's token of that login."""
    return (
        await exchange_code(deployment, keyring, browser.callback_code or "", visitor=Visitor())
    ).access_token


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


IDLE = 7 * DAY
END = 30 * DAY


@pytest.mark.parametrize(("wait", "good"), [(IDLE - 1, True), (IDLE, False)])
async def test_an_unused_cookie_lives_for_the_idle_lifetime(
    deployment: Deployment, browser: Continuation, clock: Clock, wait: int, *, good: bool
) -> None:
    """Whatever the browser keeps."""
    clock.advance(wait)
    await expect_cookie(deployment, browser, good=good)


@pytest.mark.parametrize(("wait", "good"), [(DAY - 1, True), (DAY, False)])
async def test_a_used_cookie_lives_as_long_as_its_session(
    deployment: Deployment, browser: Continuation, clock: Clock, wait: int, *, good: bool
) -> None:
    """Used every day it lives up to its absolute end, and not a millisecond longer."""
    for _ in range(29):
        clock.advance(DAY)
        await expect_cookie(deployment, browser, good=True)
    clock.advance(wait)
    await expect_cookie(deployment, browser, good=good)


async def expect_cookie(deployment: Deployment, browser: Continuation, *, good: bool) -> None:
    """Show the cookie, and expect to be known or not."""
    if good:
        await identify_by_cookie(deployment, browser.secret)
    else:
        with pytest.raises(SessionEnded):
            await identify_by_cookie(deployment, browser.secret)


async def number_of_writes(deployment: Deployment) -> int:
    """Return a number that changes with each commit."""
    async with deployment.store.reading() as connection:
        [row] = await connection.run("PRAGMA data_version")
    return int(row[0])


async def seen_at(deployment: Deployment, browser: Continuation) -> int:
    """Return when the session was last used, as the store knows it."""
    async with deployment.store.reading() as connection:
        session = await sessions.get(connection, browser.session.id)
    assert session is not None
    return session.seen_at


@pytest.mark.parametrize(
    ("wait", "noted"), [(5 * MINUTE - 1, False), (5 * MINUTE, True), (DAY, True)]
)
async def test_a_use_is_noted_once_in_a_few_minutes(
    deployment: Deployment, browser: Continuation, clock: Clock, wait: int, *, noted: bool
) -> None:
    """So that most requests write nothing."""
    began = clock()
    clock.advance(wait)
    before = await number_of_writes(deployment)
    await identify_by_cookie(deployment, browser.secret)
    assert noted == (await number_of_writes(deployment) != before)
    assert (clock() if noted else began) == await seen_at(deployment, browser)


async def test_a_use_that_was_noted_a_moment_ago_waits_for_no_writer(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str, clock: Clock
) -> None:
    """It takes no turn of writing: here that would be refused, as it is taken."""
    clock.advance(5 * MINUTE - 1)
    async with deployment.store.writing():
        await identify_by_cookie(deployment, browser.secret)
        await identify_by_token(deployment, keyring, token)


async def test_the_use_of_a_token_is_noted_as_well(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str, clock: Clock
) -> None:
    """Whoever is active in the application is not idle."""
    clock.advance(6 * MINUTE)
    await identify_by_token(deployment, keyring, token)
    assert clock() == await seen_at(deployment, browser)


async def test_a_refused_use_is_not_noted(
    deployment: Deployment, browser: Continuation, clock: Clock
) -> None:
    """Who may not log in any more keeps no session alive by trying."""
    began = clock()
    clock.advance(6 * MINUTE)
    changed = replace(deployment, allow=AllowList(everyone=False))
    with pytest.raises(SessionEnded):
        await identify_by_cookie(changed, browser.secret)
    assert began == await seen_at(deployment, browser)


async def test_a_session_that_ends_meanwhile_is_not_revived(
    deployment: Deployment, browser: Continuation, clock: Clock
) -> None:
    """Somebody logs out between the look and the note: the session stays ended."""
    clock.advance(6 * MINUTE)
    async with deployment.store.writing() as connection:
        known = asyncio.create_task(identify_by_cookie(deployment, browser.secret))
        await asyncio.sleep(0.05)
        await sessions.save(connection, browser.session.end(now=clock()))
    await known
    await expect_cookie(deployment, browser, good=False)


async def test_an_account_that_is_deleted_meanwhile_is_not_noted(
    deployment: Deployment, browser: Continuation, clock: Clock
) -> None:
    """The session is gone, and no note brings it back."""
    clock.advance(6 * MINUTE)
    async with deployment.store.writing() as connection:
        known = asyncio.create_task(identify_by_cookie(deployment, browser.secret))
        await asyncio.sleep(0.05)
        await persons.remove(connection, browser.session.subject)
    await known
    async with deployment.store.reading() as connection:
        assert await sessions.get(connection, browser.session.id) is None


async def test_a_store_that_cannot_write_keeps_nobody_out(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str, clock: Clock
) -> None:
    """On a full disk whoever only asks who they are is still answered."""
    began = clock()
    clock.advance(6 * MINUTE)
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    await identify_by_cookie(deployment, browser.secret)
    await identify_by_token(deployment, keyring, token)
    assert began == await seen_at(deployment, browser)


async def test_a_store_that_is_taken_keeps_nobody_out(  # noqa: PLR0913, PLR0917 - fixtures
    deployment: Deployment,
    keyring: Keyring,
    browser: Continuation,
    token: str,
    clock: Clock,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where another process holds the turn of writing the use is not noted."""
    began = clock()
    clock.advance(6 * MINUTE)
    monkeypatch.setattr(deployment.store._turns, "_patience", 0.05)
    async with Store.open(database) as other, other.writing():
        await identify_by_cookie(deployment, browser.secret)
        await identify_by_token(deployment, keyring, token)
    assert began == await seen_at(deployment, browser)


async def test_who_was_banned_is_logged_out_for_good(
    deployment: Deployment, keyring: Keyring, browser: Continuation, token: str
) -> None:
    """Neither token nor cookie is worth anything, also after the ban was lifted."""
    await ban_person(deployment, ALICE)
    for _ in range(2):
        await expect_cookie(deployment, browser, good=False)
        with pytest.raises(SessionEnded):
            await identify_by_token(deployment, keyring, token)
        await unban_person(deployment, ALICE)


async def test_a_ban_alone_keeps_out(deployment: Deployment, browser: Continuation) -> None:
    """Also where a session began at the very moment of the ban, and was not ended by it."""
    async with deployment.store.writing() as connection:
        await bans.add(connection, ALICE, now=deployment.now())
    await expect_cookie(deployment, browser, good=False)


async def test_short_idle_times_are_honoured(deployment: Deployment, clock: Clock) -> None:
    """An operator who logs people out after a minute does so, unless they are active."""
    strict = replace(deployment, sessions=SessionRules(lifetime=DAY, idle_lifetime=MINUTE))
    code = chat_code_of(strict, await a_begun_login(strict))
    browser = await continue_in_browser(strict, code, browser=a_browser(), switch=False)
    for _ in range(5):
        clock.advance(MINUTE - 1)
        await expect_cookie(strict, browser, good=True)
    clock.advance(MINUTE)
    await expect_cookie(strict, browser, good=False)


def a_ring(*keys: SigningKey) -> Keyring:
    """Build a keyring whose last key signs."""
    return Keyring(signer=keys[-1], keys=keys)


def _another_issuer(deployment: Deployment, keyring: Keyring) -> tuple[Deployment, Keyring]:
    return replace(deployment, issuer=an_issuer("https://other.example")), keyring


def _another_key(deployment: Deployment, _: Keyring) -> tuple[Deployment, Keyring]:
    return deployment, a_ring(SigningKey.generate())


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
    rotated = a_ring(*keyring.keys, SigningKey.generate())
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
        deployment, code, browser=a_browser("c", session_secret=browser.secret), switch=False
    )
    assert again.session.id != browser.session.id
    with pytest.raises(SessionEnded):
        await identify_by_token(deployment, keyring, token)
