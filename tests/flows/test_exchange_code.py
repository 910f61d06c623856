"""Promises of the exchange: a code becomes one token, once, for whom it was meant."""

import asyncio
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    Clock,
    a_begun_login,
    a_browser,
    a_client,
    a_deployment,
    chat_code_of,
)

from tgauth.domain.clock import STEP_TOLERANCE
from tgauth.domain.code import CALLBACK_CODE_LIFETIME, CodeKind, derive_code, hash_of
from tgauth.domain.errors import (
    CodeAlreadySpent,
    CodeExpired,
    CodeMisused,
    CodeRevoked,
    CodeUnknown,
    LoginDenied,
    LoginReplaced,
    PersonBanned,
    PersonNotAllowed,
    TgauthError,
)
from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import AllowList
from tgauth.domain.session import Visitor
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.exchange_code import Grant, exchange_code
from tgauth.flows.keyring import Keyring
from tgauth.oidc.keys import SigningKey
from tgauth.store import Store, codes, logins, outbox, sessions

pytestmark = pytest.mark.anyio

VISITOR = Visitor(address="192.0.2.1")


async def a_chat_code(deployment: Deployment) -> str:
    """Return the code of a fresh login."""
    return chat_code_of(deployment, await a_begun_login(deployment))


async def a_callback_code(deployment: Deployment) -> tuple[str, str]:
    """Return a callback code and the secret of the session's cookie."""
    outcome = await continue_in_browser(
        deployment, await a_chat_code(deployment), browser=a_browser("b"), switch=False
    )
    assert outcome.callback_code is not None
    return outcome.callback_code, outcome.secret


async def test_a_chat_code_becomes_a_token(
    deployment: Deployment, keyring: Keyring, store: Store, clock: Clock
) -> None:
    """The token names the person, the client and a session that lives."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    grant = await exchange_code(deployment, keyring, code, visitor=VISITOR)
    claims = jwt.decode(grant.access_token, options={"verify_signature": False})
    assert (login.subject, "shop", ALICE, grant.session_id, 900) == (
        claims["sub"],
        claims["client_id"],
        claims["telegram_id"],
        claims["sid"],
        grant.lifetime,
    )
    async with store.reading() as connection:
        session = await sessions.get(connection, grant.session_id)
        kept = await logins.get(connection, login.id)
        row = await codes.get(connection, hash_of(code))
    assert session is not None
    assert session.lives_at(clock())
    assert (None, VISITOR) == (session.secret_hash, session.visitor)
    assert clock() + deployment.sessions.idle_lifetime == session.idle_expires_at
    assert kept is not None
    assert (LoginState.REDEEMED, session.id, clock()) == (
        kept.state,
        kept.session_id,
        kept.redeemed_at,
    )
    assert row is not None
    assert clock() == row.spent_at


async def test_a_callback_code_becomes_a_token_of_the_browsers_session(
    deployment: Deployment, keyring: Keyring
) -> None:
    """The token and the cookie hang on one session: logging out ends both."""
    code, secret = await a_callback_code(deployment)
    grant = await exchange_code(deployment, keyring, code, visitor=VISITOR)
    async with deployment.store.reading() as connection:
        session = await sessions.find(connection, hash_of(secret))
    assert session is not None
    assert session.id == grant.session_id


async def test_a_second_exchange_is_refused(deployment: Deployment, keyring: Keyring) -> None:
    """Neither kind of code works twice, and the first token goes on being good."""
    chat = await a_chat_code(deployment)
    await exchange_code(deployment, keyring, chat, visitor=VISITOR)
    with pytest.raises(CodeAlreadySpent):
        await exchange_code(deployment, keyring, chat, visitor=VISITOR)


async def test_a_second_exchange_of_a_callback_code_is_refused(
    deployment: Deployment, keyring: Keyring
) -> None:
    """The application's own code works once as well."""
    code, _ = await a_callback_code(deployment)
    await exchange_code(deployment, keyring, code, visitor=VISITOR)
    with pytest.raises(CodeAlreadySpent):
        await exchange_code(deployment, keyring, code, visitor=VISITOR)


async def test_a_code_spent_in_the_browser_is_spent_for_applications(
    deployment: Deployment, keyring: Keyring
) -> None:
    """Both ways spend the same row."""
    chat = await a_chat_code(deployment)
    await continue_in_browser(deployment, chat, browser=a_browser("b"), switch=False)
    with pytest.raises(CodeAlreadySpent):
        await exchange_code(deployment, keyring, chat, visitor=VISITOR)


async def test_a_code_spent_by_an_application_is_spent_for_the_browser(
    deployment: Deployment, keyring: Keyring
) -> None:
    """And the other way round."""
    chat = await a_chat_code(deployment)
    await exchange_code(deployment, keyring, chat, visitor=VISITOR)
    with pytest.raises(CodeAlreadySpent):
        await continue_in_browser(deployment, chat, browser=a_browser("b"), switch=False)


@pytest.mark.parametrize(
    ("wait", "good"),
    [
        (LIFETIME - SECOND, True),
        (LIFETIME - 1, True),
        (LIFETIME, False),
        (LIFETIME + 1, False),
        (LIFETIME + SECOND, False),
    ],
)
async def test_a_chat_code_lives_as_long_as_configured(
    deployment: Deployment, keyring: Keyring, clock: Clock, wait: int, *, good: bool
) -> None:
    """To the millisecond."""
    code = await a_chat_code(deployment)
    clock.advance(wait)
    await expect(deployment, keyring, code, None if good else CodeExpired)


@pytest.mark.parametrize(
    ("wait", "good"),
    [
        (CALLBACK_CODE_LIFETIME - SECOND, True),
        (CALLBACK_CODE_LIFETIME - 1, True),
        (CALLBACK_CODE_LIFETIME, False),
        (CALLBACK_CODE_LIFETIME + SECOND, False),
    ],
)
async def test_a_callback_code_lives_for_a_minute(
    deployment: Deployment, keyring: Keyring, clock: Clock, wait: int, *, good: bool
) -> None:
    """It only has to survive one redirect."""
    code, _ = await a_callback_code(deployment)
    clock.advance(wait)
    await expect(deployment, keyring, code, None if good else CodeExpired)


async def expect(
    deployment: Deployment, keyring: Keyring, code: str, error: type[TgauthError] | None
) -> None:
    """Exchange a code, and expect success or an error."""
    if error is None:
        assert isinstance(await exchange_code(deployment, keyring, code, visitor=VISITOR), Grant)
    else:
        with pytest.raises(error):
            await exchange_code(deployment, keyring, code, visitor=VISITOR)


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "A" * 43 + "\0", "'; DROP TABLE codes; --"])
async def test_what_is_no_code_of_ours_is_unknown(
    deployment: Deployment, keyring: Keyring, text: str
) -> None:
    """Whatever it is."""
    await a_chat_code(deployment)
    await expect(deployment, keyring, text, CodeUnknown)


async def test_another_clients_code_is_refused(deployment: Deployment, keyring: Keyring) -> None:
    """A code stays with the client that it was made for, also after a change of settings."""
    code = await a_chat_code(deployment)
    other = replace(deployment, client=a_client(id="another"))
    await expect(other, keyring, code, CodeMisused)
    await expect(deployment, keyring, code, None)


async def test_an_oidc_code_is_not_for_here(deployment: Deployment, keyring: Keyring) -> None:
    """A code of a kind for another endpoint is refused, and not spent."""
    login = await a_begun_login(deployment)
    code = derive_code(deployment.master_key, CodeKind.OIDC, login.id)
    async with deployment.store.writing() as connection:
        chat = await codes.get(connection, hash_of(chat_code_of(deployment, login)))
        assert chat is not None
        await codes.save(connection, replace(chat, kind=CodeKind.OIDC, hash=hash_of(code)))
    await expect(deployment, keyring, code, CodeMisused)


async def test_who_was_taken_off_the_list_gets_no_token(
    deployment: Deployment, keyring: Keyring
) -> None:
    """The list is asked at the moment of spending, for both kinds of code; nothing is spent."""
    banned = replace(deployment, allow=AllowList(everyone=False, telegram_ids=frozenset({BOB})))
    chat = await a_chat_code(deployment)
    await expect(banned, keyring, chat, PersonNotAllowed)
    outcome = await continue_in_browser(deployment, chat, browser=a_browser("b"), switch=False)
    assert outcome.callback_code is not None
    await expect(banned, keyring, outcome.callback_code, PersonNotAllowed)
    await expect(deployment, keyring, outcome.callback_code, None)


async def test_a_callback_code_of_an_ended_session_is_refused(
    deployment: Deployment, keyring: Keyring
) -> None:
    """Whoever logged out in between gives the application nothing."""
    code, secret = await a_callback_code(deployment)
    await end_session(deployment, secret)
    await expect(deployment, keyring, code, CodeRevoked)


async def test_fifty_at_once_over_two_stores_give_one_token(
    deployment: Deployment, keyring: Keyring, database: Path, clock: Clock
) -> None:
    """However many race for a code in however many processes, exactly one gets a token."""
    code = await a_chat_code(deployment)
    async with Store.open(database) as second:
        other = a_deployment(second, now=clock, new_id=deployment.new_id)
        outcomes = await asyncio.gather(
            *(
                exchange_code(one, keyring, code, visitor=VISITOR)
                for one in [deployment, other] * 25
            ),
            return_exceptions=True,
        )
    granted = [one for one in outcomes if isinstance(one, Grant)]
    refused = [one for one in outcomes if isinstance(one, CodeAlreadySpent)]
    assert (1, 49) == (len(granted), len(refused))


async def test_fifty_at_once_by_both_ways_spend_a_code_once(
    deployment: Deployment, keyring: Keyring, database: Path, clock: Clock
) -> None:
    """The button and the application race for the same row: one of them wins."""
    code = await a_chat_code(deployment)
    async with Store.open(database) as second:
        other = a_deployment(second, now=clock, new_id=deployment.new_id)
        outcomes = await asyncio.gather(
            *(exchange_code(deployment, keyring, code, visitor=VISITOR) for _ in range(25)),
            *(
                continue_in_browser(other, code, browser=a_browser(str(n)), switch=False)
                for n in range(25)
            ),
            return_exceptions=True,
        )
    refused = [one for one in outcomes if isinstance(one, CodeAlreadySpent)]
    assert 49 == len(refused)


async def test_a_grant_prints_no_token(deployment: Deployment, keyring: Keyring) -> None:
    """It never reaches a log by printing it."""
    grant = await exchange_code(deployment, keyring, await a_chat_code(deployment), visitor=VISITOR)
    assert grant.access_token not in f"{grant!r} {grant}"


async def test_a_replaced_code_is_refused_as_such(deployment: Deployment, keyring: Keyring) -> None:
    """And the newer one is good."""
    code = await a_chat_code(deployment)
    newer = await a_begun_login(deployment, update_id=2)
    await expect(deployment, keyring, code, LoginReplaced)
    await expect(deployment, keyring, chat_code_of(deployment, newer), None)


async def test_who_was_banned_gets_no_token(deployment: Deployment, keyring: Keyring) -> None:
    """For a chat code: the ban has withdrawn the link, and lifting it brings none back."""
    code = await a_chat_code(deployment)
    await ban_person(deployment, ALICE)
    await expect(deployment, keyring, code, PersonBanned)
    await unban_person(deployment, ALICE)
    await expect(deployment, keyring, code, LoginDenied)


async def test_a_callback_code_from_the_future_has_expired(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """The clock was set back: how old it is cannot be told any more."""
    code, _ = await a_callback_code(deployment)
    clock.step(-STEP_TOLERANCE - 1)
    await expect(deployment, keyring, code, CodeExpired)
    clock.step(STEP_TOLERANCE + 1)
    await expect(deployment, keyring, code, CodeExpired)


async def test_a_callback_code_outlives_a_small_correction_of_the_clock(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """Clocks are corrected all the time."""
    code, _ = await a_callback_code(deployment)
    clock.step(-STEP_TOLERANCE)
    await expect(deployment, keyring, code, None)


async def test_a_ban_ends_what_a_callback_code_stands_for(
    deployment: Deployment, keyring: Keyring
) -> None:
    """Banned in between, and still so after the ban was lifted: the session has ended."""
    code, _ = await a_callback_code(deployment)
    await ban_person(deployment, ALICE)
    await expect(deployment, keyring, code, PersonBanned)
    await unban_person(deployment, ALICE)
    await expect(deployment, keyring, code, CodeRevoked)


async def test_the_exchange_changes_the_links_message_now(
    deployment: Deployment, keyring: Keyring, clock: Clock, store: Store
) -> None:
    """The chat says at once that the link was used, and not only when it expires."""
    code = await a_chat_code(deployment)
    clock.advance(SECOND)
    await exchange_code(deployment, keyring, code, visitor=VISITOR)
    async with store.reading() as connection:
        closing = await outbox.get(connection, 2)
    assert closing is not None
    assert (Notice.LOGIN_CLOSED, clock()) == (closing.notice, closing.not_before)


async def test_the_signer_signs(deployment: Deployment, keyring: Keyring) -> None:
    """Whatever other keys are published beside it."""
    other, signer = SigningKey.generate(), keyring.signer
    for number, keys in enumerate(((other, signer), (signer, other)), start=1):
        login = await a_begun_login(deployment, update_id=number)
        ring = Keyring(signer=signer, keys=keys)
        code = chat_code_of(deployment, login)
        grant = await exchange_code(deployment, ring, code, visitor=VISITOR)
        assert signer.kid == jwt.get_unverified_header(grant.access_token)["kid"]
