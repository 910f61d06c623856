"""Promises of a browser's login in the chat: who is asked, who answers, what changes nothing."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from telegram import Update
from tests.bot.test_handlers import GROUP, handled, owed
from tests.browser_logins import (
    MESSAGE,
    begun,
    finished,
    handle_of,
    kept,
    opened,
    right_number,
    wrong_number,
)
from tests.builders import ALICE, BOB, CALLBACK_URL, Clock, a_tap, an_update

from tgauth.domain.instants import MINUTE
from tgauth.domain.login import LoginRequest, LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import AllowList
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import next_update
from tgauth.store import Store, approvals

pytestmark = pytest.mark.anyio

FORWARDED: dict[str, Any] = {
    "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "X"}
}
THROUGH_A_BOT: dict[str, Any] = {"via_bot": {"id": 5, "is_bot": True, "first_name": "B"}}
AS_A_CHANNEL: dict[str, Any] = {"sender_chat": {"id": -9, "type": "channel", "title": "C"}}
BOBS: dict[str, Any] = {
    "chat": {"id": BOB, "type": "private", "first_name": "Bob"},
    "from": {"id": BOB, "is_bot": False, "first_name": "Bob", "language_code": "en"},
}


async def standing(deployment: Deployment, login: LoginRequest) -> tuple[LoginState, int | None]:
    """Return what was decided of a login, and who is asked."""
    found, approval = await kept(deployment, login)
    assert found is not None
    assert approval is not None
    return found.state, approval.opened_by


async def asked_login(deployment: Deployment) -> LoginRequest:
    """Let a browser begin a login, and Alice open its link."""
    login = await begun(deployment)
    assert login == await opened(deployment, login)
    return login


def a_tap_of_bob(data: str) -> Update:
    """Build the update of Bob's tap in his own chat."""
    raw = a_tap(data, chat=BOBS["chat"]).to_dict()
    raw["callback_query"]["from"] = BOBS["from"]
    return Update.de_json(raw, None)


#: What is sent, and what is owed for it; all but the first three lead to no question.
SAYINGS: dict[str, tuple[Callable[[str], Update], list[tuple[int, Notice]]]] = {
    "/start HANDLE": (lambda it: an_update(f"/start {it}"), [(ALICE, Notice.APPROVAL)]),
    "/start@bot HANDLE": (
        lambda it: an_update(f"/START@Tgauth_Bot  {it} "),
        [(ALICE, Notice.APPROVAL)],
    ),
    "HANDLE": (lambda it: an_update(f"{it}\n"), [(ALICE, Notice.APPROVAL)]),
    "/start": (lambda _: an_update("/start"), [(ALICE, Notice.GREETING)]),
    "/start and spaces": (lambda _: an_update("/start  "), [(ALICE, Notice.GREETING)]),
    "/start for another bot": (
        lambda it: an_update(f"/start@other_bot {it}"),
        [(ALICE, Notice.HELP)],
    ),
    "another command": (lambda it: an_update(f"/help {it}"), [(ALICE, Notice.HELP)]),
    "a sentence": (lambda it: an_update(f"It is {it}"), [(ALICE, Notice.HELP)]),
    "half a handle": (
        lambda it: an_update(f"/start {it[:-1]}"),
        [(ALICE, Notice.APPROVAL_UNKNOWN)],
    ),
    "more than a handle": (
        lambda it: an_update(f"/start {it} {it}"),
        [(ALICE, Notice.APPROVAL_UNKNOWN)],
    ),
    "nobody's handle": (
        lambda it: an_update(f"/start {it.swapcase()}"),
        [(ALICE, Notice.APPROVAL_UNKNOWN)],
    ),
    "forwarded": (lambda it: an_update(f"/start {it}", **FORWARDED), [(ALICE, Notice.FORWARDED)]),
    "HANDLE forwarded": (lambda it: an_update(it, **FORWARDED), [(ALICE, Notice.FORWARDED)]),
    "through another bot": (
        lambda it: an_update(f"/start {it}", **THROUGH_A_BOT),
        [(ALICE, Notice.FORWARDED)],
    ),
    "in the name of a channel": (
        lambda it: an_update(f"/start {it}", **AS_A_CHANNEL),
        [(ALICE, Notice.FORWARDED)],
    ),
    "in a group": (
        lambda it: an_update(f"/start {it}", **GROUP),
        [(-5, Notice.PRIVATE_ONLY)],
    ),
    "in a group, for this bot": (
        lambda it: an_update(f"/start@tgauth_bot {it}", **GROUP),
        [(-5, Notice.PRIVATE_ONLY)],
    ),
    "in a group, for another bot": (lambda it: an_update(f"/start@other {it}", **GROUP), []),
    "HANDLE in a group": (lambda it: an_update(it, **GROUP), []),
}


@pytest.mark.parametrize("case", SAYINGS)
async def test_each_way_to_open_a_link_has_its_answer_and_approves_nothing(
    deployment: Deployment, store: Store, clock: Clock, case: str
) -> None:
    """Own words in a private chat lead to a question; whatever it was, the login still waits."""
    say, expected = SAYINGS[case]
    login = await begun(deployment)
    await handled(deployment, say(handle_of(deployment, login)), times=2)
    asked = ALICE if Notice.APPROVAL in {notice for _, notice in expected} else None
    assert expected == await owed(store, clock)
    assert (LoginState.PENDING, asked) == await standing(deployment, login)
    assert (None, None) == await next_update(deployment)


async def test_a_second_person_is_told_so_and_changes_nothing(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Who opened the link first stays the one who is asked."""
    login = await asked_login(deployment)
    await handled(deployment, an_update(f"/start {handle_of(deployment, login)}", **BOBS))
    assert [(ALICE, Notice.APPROVAL), (BOB, Notice.APPROVAL_TAKEN)] == await owed(store, clock)
    assert (LoginState.PENDING, ALICE) == await standing(deployment, login)


async def test_opening_a_link_logs_neither_handle_nor_number(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Only that somebody did, by ids that permit nothing."""
    caplog.set_level(logging.DEBUG)
    login = await begun(deployment)
    handle, number = handle_of(deployment, login), right_number(deployment, login)
    await handled(deployment, an_update(f"/start {handle}"))
    await handled(deployment, a_tap(f"pick:{login.id}:{number}", update_id=2))
    await handled(deployment, an_update(f"/start {handle}", update_id=3))
    logged = [(record.getMessage(), dict(vars(record))) for record in caplog.records]
    assert ["login.opened", "login.answered", "login.refused"] == [
        message.split()[0] for message, _ in logged if message.startswith("login.")
    ]
    assert handle not in str(logged)
    ours = [(message, its["fields"]) for message, its in logged if "fields" in its]
    assert not re.search(rf"\b{number}\b", str(ours))


#: What is pressed, what the tap is answered, and what becomes of the login.
PRESSES: dict[str, tuple[str, LoginState]] = {
    "right": ("Approved. Go back to your browser.", LoginState.APPROVED),
    "wrong": ("That is not the number: declined. Nobody was logged in.", LoginState.DENIED),
    "no": ("Declined. Nobody was logged in.", LoginState.DENIED),
}


def pressed(deployment: Deployment, login: LoginRequest, case: str) -> str:
    """Return what a button says."""
    if case == "no":
        return f"no:{login.id}"
    number = right_number if case == "right" else wrong_number
    return f"pick:{login.id}:{number(deployment, login)}"


@pytest.mark.parametrize("case", PRESSES)
async def test_a_press_is_answered_and_decides(deployment: Deployment, case: str) -> None:
    """Once: the same tap handed over again says nothing more, and a later one is too late."""
    toast, state = PRESSES[case]
    login = await asked_login(deployment)
    chat = await handled(deployment, a_tap(pressed(deployment, login, case)), times=2)
    assert [("query-1", toast), ("query-1", None)] == chat.toasts
    assert (state, ALICE) == await standing(deployment, login)
    for later, update_id in (("right", 2), ("no", 3)):
        chat = await handled(
            deployment, a_tap(pressed(deployment, login, later), update_id=update_id)
        )
        [(_, told)] = chat.toasts
        assert "Too late, or not yours to answer. Nothing has changed." == told
    assert (state, ALICE) == await standing(deployment, login)


@pytest.mark.parametrize("case", PRESSES)
async def test_a_press_by_somebody_else_changes_nothing(deployment: Deployment, case: str) -> None:
    """Bob saw the data of Alice's button, and sends it from his own chat."""
    login = await asked_login(deployment)
    chat = await handled(deployment, a_tap_of_bob(pressed(deployment, login, case)))
    assert [("query-1", "Too late, or not yours to answer. Nothing has changed.")] == chat.toasts
    assert (LoginState.PENDING, ALICE) == await standing(deployment, login)


@pytest.mark.parametrize(
    "where",
    [GROUP["chat"], GROUP["chat"] | {"id": ALICE}, BOBS["chat"]],
    ids=["a group", "a group of her number", "another's chat"],
)
@pytest.mark.parametrize("case", PRESSES)
async def test_a_press_elsewhere_changes_nothing(
    deployment: Deployment, case: str, where: dict[str, Any]
) -> None:
    """Even by the one who is asked: only their private chat counts."""
    login = await asked_login(deployment)
    chat = await handled(deployment, a_tap(pressed(deployment, login, case), chat=where))
    assert [("query-1", "This button no longer does anything. Send /help.")] == chat.toasts
    assert (LoginState.PENDING, ALICE) == await standing(deployment, login)


@pytest.mark.parametrize(
    "twist",
    [
        lambda data: data[:-1],
        lambda data: f"{data}0",
        lambda data: f"{data}\n",
        lambda data: f" {data}",
        lambda data: data.replace("pick", "PICK"),
        lambda data: data.replace("pick", "no"),
        lambda data: data.rpartition(":")[0],
        lambda data: data.replace("0" * 20, "0" * 19),
        lambda data: data[:-2] + "".join(chr(0x660 + int(digit)) for digit in data[-2:]),
    ],
)
async def test_what_no_button_of_ours_says_changes_nothing(
    deployment: Deployment, twist: Callable[[str], str]
) -> None:
    """The right number in another form is no number."""
    login = await asked_login(deployment)
    chat = await handled(deployment, a_tap(twist(pressed(deployment, login, "right"))))
    assert [("query-1", "This button no longer does anything. Send /help.")] == chat.toasts
    assert (LoginState.PENDING, ALICE) == await standing(deployment, login)


@pytest.mark.parametrize(
    ("wait", "state"),
    [(-1, LoginState.APPROVED), (0, LoginState.PENDING)],
    ids=["the last moment", "too late"],
)
async def test_the_last_moment_counts_and_the_next_one_does_not(
    deployment: Deployment, clock: Clock, wait: int, state: LoginState
) -> None:
    """By our own clock, at the moment of the decision."""
    login = await asked_login(deployment)
    clock.advance(login.expires_at - clock() + wait)
    await handled(deployment, a_tap(pressed(deployment, login, "right")))
    assert (state, ALICE) == await standing(deployment, login)


async def test_who_was_taken_off_the_list_meanwhile_approves_nothing(
    deployment: Deployment,
) -> None:
    """The list is asked again at the press."""
    login = await asked_login(deployment)
    narrowed = replace(deployment, allow=AllowList(everyone=False, telegram_ids=frozenset({BOB})))
    chat = await handled(narrowed, a_tap(pressed(deployment, login, "right")))
    assert [("query-1", "You may not log in here. Nobody was logged in.")] == chat.toasts
    assert (LoginState.PENDING, ALICE) == await standing(deployment, login)


async def test_the_question_is_what_changes(deployment: Deployment, store: Store) -> None:
    """An approval owes a change of the message whose button was pressed, and no new message."""
    login = await asked_login(deployment)
    async with store.reading() as connection:
        before = await connection.run("SELECT id FROM outbox")
    await handled(deployment, a_tap(pressed(deployment, login, "right"), message_id=MESSAGE))
    async with store.reading() as connection:
        rows = await connection.run(
            "SELECT DISTINCT notice, edits FROM outbox WHERE id > :last", {"last": len(before)}
        )
    assert [(Notice.LOGIN_CLOSED, MESSAGE)] == [tuple(row) for row in rows]


async def test_requests_are_blocked_and_allowed_again_by_buttons(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Each changes the message that it is under, and what the next link leads to."""
    login = await begun(deployment)
    opening = f"/start {handle_of(deployment, login)}"
    chat = await handled(deployment, a_tap("block", update_id=1, message_id=MESSAGE))
    assert [("query-1", "Blocked for a day.")] == chat.toasts
    await handled(deployment, an_update(opening, update_id=2))
    assert [(ALICE, Notice.APPROVALS_BLOCKED)] * 2 == await owed(store, clock)
    assert (LoginState.PENDING, None) == await standing(deployment, login)
    chat = await handled(deployment, a_tap("allow", update_id=3, message_id=MESSAGE))
    assert [("query-3", "Allowed again.")] == chat.toasts
    await handled(deployment, an_update(opening, update_id=4))
    assert (LoginState.PENDING, ALICE) == await standing(deployment, login)
    async with store.reading() as connection:
        rows = await connection.run("SELECT notice, edits FROM outbox WHERE edits IS NOT NULL")
    assert [(Notice.APPROVALS_BLOCKED, MESSAGE), (Notice.APPROVALS_ALLOWED, MESSAGE)] == [
        tuple(row) for row in rows
    ]


@pytest.mark.parametrize("data", ["block", "allow"])
async def test_requests_are_blocked_by_nobody_in_a_group(
    deployment: Deployment, store: Store, data: str
) -> None:
    """A button under a message that somebody else sees is none of ours."""
    await handled(deployment, a_tap(data, chat=GROUP["chat"]))
    async with store.reading() as connection:
        assert await approvals.blocked_until(connection, ALICE) is None


async def test_after_three_wrong_answers_nobody_is_asked_for_a_while(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """The fourth link leads to the cool-down, and its question is never asked."""
    for number in range(3):
        login = await begun(deployment)
        opening = an_update(f"/start {handle_of(deployment, login)}", update_id=10 + number)
        await handled(deployment, opening)
        await handled(deployment, a_tap(pressed(deployment, login, "wrong"), update_id=20 + number))
    clock.advance(MINUTE)
    login = await begun(deployment)
    await handled(deployment, an_update(f"/start {handle_of(deployment, login)}", update_id=30))
    async with store.reading() as connection:
        [row] = await connection.run("SELECT notice FROM outbox ORDER BY id DESC LIMIT 1")
    assert Notice.APPROVALS_PAUSED == row["notice"]
    assert (LoginState.PENDING, None) == await standing(deployment, login)


async def test_toasts_are_in_the_language_of_who_taps(deployment: Deployment) -> None:
    """As everything else."""
    login = await asked_login(deployment)
    raw = a_tap(pressed(deployment, login, "right")).to_dict()
    raw["callback_query"]["from"]["language_code"] = "ru"
    chat = await handled(deployment, Update.de_json(raw, None))
    assert [("query-1", "Подтверждено. Вернитесь в браузер.")] == chat.toasts


async def test_two_taps_and_a_number_log_a_person_in(deployment: Deployment) -> None:
    """From the link to the browser's session; and the application gets its code."""
    login = await begun(deployment)
    await handled(deployment, an_update(f"/start {handle_of(deployment, login)}"))
    await handled(deployment, a_tap(pressed(deployment, login, "right"), update_id=2))
    done = await finished(deployment, login)
    assert deployment.client.callback_url == CALLBACK_URL
    assert done.callback_code is not None
    found, _ = await kept(deployment, login)
    assert found is not None
    assert (LoginState.REDEEMED, done.session.id) == (found.state, found.session_id)
