"""Promises of the question about a browser's login: what it tells, and that it alone changes."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from telegram import Bot
from tests.bot.test_sender import buttons, promise, row, sending, until_sent
from tests.browser_logins import (
    MESSAGE,
    answered,
    begun,
    finished,
    kept,
    opened,
    received,
    right_number,
    the_browser,
    wrong_number,
)
from tests.builders import ALICE, NOW, Clock, a_client, an_outgoing
from tests.fakes import FakeTelegram, accepted, refused

from tgauth.bot.rendering import render
from tgauth.domain.instants import HOUR, SECOND
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.approve_in_chat import Answer, answer_approval
from tgauth.flows.begin_browser_login import Wish, begin_browser_login
from tgauth.flows.chat_sessions import end_from_chat, log_out_everywhere
from tgauth.flows.deliver_messages import DueMessage, Question
from tgauth.flows.deployment import Deployment
from tgauth.store import Store
from tgauth.texts import languages

pytestmark = pytest.mark.anyio

Pick = Callable[[Deployment, LoginRequest], int | None]
End = Callable[[Deployment, LoginRequest, Clock], Awaitable[None]]

LOGIN_ID = "0123456789abcdef" * 2
PLACES: dict[str, tuple[dict[str, Any], str]] = {
    "a place": ({"place": "Graz, Austria"}, "From: Graz, Austria"),
    "a network": ({}, "From: 203.0.113.7"),
    "a wide network": ({"network": "2001:db8::/64"}, "From: 2001:db8::/64"),
    "nowhere": ({"visitor": Visitor(), "network": "unknown"}, "From: unknown"),
}


def a_question(**fields: Any) -> Question:
    """Build a question."""
    chosen: dict[str, Any] = {
        "login_id": LOGIN_ID,
        "visitor": Visitor(device="Firefox, Linux", address="203.0.113.7"),
        "network": "203.0.113.7",
        "place": None,
        "age": 5 * SECOND,
        "numbers": (61, 17, 85),
    }
    return Question(**chosen | fields)


def rendered(question: Question, language: str = "en", **fields: Any) -> dict[str, Any]:
    """Put a question into words and buttons, as Telegram is told them."""
    outgoing = an_outgoing(notice=Notice.APPROVAL, language=language)
    due = DueMessage(outgoing=outgoing, notice=Notice.APPROVAL, content=question)
    made = render(due, a_client(**fields))
    assert made.keyboard is not None
    return {"text": made.text, "rows": made.keyboard.to_dict()["inline_keyboard"]}


async def asked_login(deployment: Deployment) -> LoginRequest:
    """Let a browser begin a login, and Alice open its link."""
    login = await begun(deployment)
    assert login == await opened(deployment, login)
    return login


@pytest.mark.parametrize("case", PLACES)
def test_a_question_says_from_where_as_exactly_as_is_known(case: str) -> None:
    """The place, or else the network."""
    fields, line = PLACES[case]
    assert line in rendered(a_question(**fields))["text"].splitlines()


def test_a_question_names_the_applications_own_host() -> None:
    """That of its callback, with a port that is not the usual one; none without a callback."""
    for address, named in (
        ("https://app.example.org/callback", "The Shop (app.example.org)"),
        ("http://127.0.0.1:3000/callback", "The Shop (127.0.0.1:3000)"),
        (None, "The Shop"),
    ):
        first, *_ = rendered(a_question(), callback_url=address)["text"].splitlines()
        assert f"A browser wants to log in to {named} as you." == first


@pytest.mark.parametrize("language", languages())
def test_declining_comes_first_and_alone(language: str) -> None:
    """Then the numbers, in one row and in their order."""
    decline, numbers = rendered(a_question(), language)["rows"]
    assert [f"no:{LOGIN_ID}"] == [button["callback_data"] for button in decline]
    assert [
        {"text": str(one), "callback_data": f"pick:{LOGIN_ID}:{one}"} for one in (61, 17, 85)
    ] == numbers


@pytest.mark.parametrize("language", languages())
def test_what_the_buttons_say_fits(language: str) -> None:
    """In 64 bytes (core.telegram.org/bots/api#inlinekeyboardbutton)."""
    rows = rendered(a_question(), language)["rows"]
    said = [button["callback_data"] for row in rows for button in row]
    assert 4 == len(said)
    assert [] == [one for one in said if not 1 <= len(one.encode()) <= 64]


@pytest.mark.parametrize("language", languages())
def test_the_text_tells_nothing_of_the_numbers(language: str) -> None:
    """Whatever they are, and however they are ordered, it is the same."""
    one, other = (
        rendered(a_question(numbers=numbers), language) for numbers in ((61, 17, 85), (42, 99, 10))
    )
    assert one["text"] == other["text"]
    assert not re.search(r"\b(61|17|85)\b", one["text"])


async def test_a_question_is_sent_once_and_cannot_be_forwarded(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """With what is known, and its own age."""
    login = await begun(deployment)
    clock.advance(7 * SECOND)
    await opened(deployment, login)
    telegram.script = [accepted(message_id=MESSAGE)]
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert (ALICE, True) == (sent["chat_id"], sent["protect_content"])
    assert {"is_disabled": True} == sent["link_preview_options"]
    for known in ("The Shop (app.example.org)", "Firefox, Linux", "Graz", "7 seconds ago"):
        assert known in sent["text"]
    assert "Decline unless you started this yourself just now." in sent["text"]
    assert 4 == len(buttons(sent))
    assert MESSAGE == (await row(store)).message_id


async def becoming(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, end: Callable[[], Awaitable[object]]
) -> dict[str, Any]:
    """Ask, let something happen, and return what the question was changed to last."""
    telegram.script = [accepted(message_id=MESSAGE)]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        await end()
        bell.ring()
        await until_sent(telegram, method="editMessageText")
    assert 1 == len(telegram.sent())
    edits = telegram.sent("editMessageText")
    assert {ALICE} == {edit["chat_id"] for edit in edits}
    return [edit for edit in edits if edit["message_id"] == MESSAGE][-1]


async def test_an_approved_question_sends_back_to_the_browser(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """And has no button any more."""
    login = await asked_login(deployment)
    right = right_number(deployment, login)
    edit = await becoming(deployment, bot, telegram, lambda: answered(deployment, login, right))
    assert edit["text"].startswith("Approved. Go back to the browser that shows the number")
    assert [] == buttons(edit)


async def finish(deployment: Deployment, login: LoginRequest) -> str:
    """Let Alice approve and her browser finish; return the session."""
    await answered(deployment, login, right_number(deployment, login))
    return (await finished(deployment, login)).session.id


async def test_the_notice_after_a_login_is_quiet_and_has_a_way_out(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """It is the question, changed: no message rings; and one button is for whom it was not."""
    login = await asked_login(deployment)
    edit = await becoming(deployment, bot, telegram, lambda: finish(deployment, login))
    assert "You are now logged in to The Shop.\nFirefox, Linux, from 203.0.113.7" in edit["text"]
    [button] = buttons(edit)
    assert "That wasn't me" == button["text"]
    assert re.fullmatch(r"undo:[0-9a-f]{32}", button["callback_data"])


async def test_who_says_it_was_not_them_reads_what_that_did(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """The session has ended, and its network is blocked for an hour."""
    login = await asked_login(deployment)

    async def disown() -> None:
        session_id = await finish(deployment, login)
        tapping = await received(deployment, 900)
        await end_from_chat(deployment, tapping, session_id, message_id=MESSAGE, in_list=False)

    edit = await becoming(deployment, bot, telegram, disown)
    assert "Your login to The Shop has been ended." in edit["text"]
    assert (
        "No login can begin in a browser from that network (203.0.113.7) for an hour."
        in (edit["text"])
    )
    assert [] == buttons(edit)


@pytest.mark.parametrize(
    ("in_list", "later"),
    [(True, 0), (False, HOUR), (False, -HOUR)],
    ids=["from the list", "an hour ago", "before the clock was set back"],
)
async def test_an_end_that_blocks_nothing_says_nothing_of_it(  # noqa: PLR0913 - two of them are the table
    deployment: Deployment,
    bot: Bot,
    telegram: FakeTelegram,
    clock: Clock,
    *,
    in_list: bool,
    later: int,
) -> None:
    """A session ended from the list was its person's; and a block ends after an hour."""
    login = await asked_login(deployment)

    async def leave() -> None:
        session_id = await finish(deployment, login)
        tapping = await received(deployment, 900)
        await end_from_chat(deployment, tapping, session_id, message_id=5, in_list=in_list)
        if later < 0:
            clock.step(later)
        else:
            clock.advance(later)

    edit = await becoming(deployment, bot, telegram, leave)
    assert "Your login to The Shop has been ended." in edit["text"]
    assert "network" not in edit["text"]


DENIALS: dict[str, tuple[Callable[[Deployment, LoginRequest], int | None], str]] = {
    "declined": (lambda _, __: None, "You declined this login to The Shop."),
    "a wrong number": (wrong_number, "That was not the number, so this login to The Shop"),
}


@pytest.mark.parametrize("case", DENIALS)
async def test_a_denied_question_says_why(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, case: str
) -> None:
    """And what to do, without a button that could undo it."""
    pick, text = DENIALS[case]
    login = await asked_login(deployment)
    number = pick(deployment, login)
    edit = await becoming(deployment, bot, telegram, lambda: answered(deployment, login, number))
    assert edit["text"].startswith(text)
    assert "Nobody was logged in." in edit["text"]
    assert [] == buttons(edit)


async def no_end(_: Deployment, __: LoginRequest, ___: Clock) -> None:
    """Let nothing more happen."""


async def finish_it(deployment: Deployment, login: LoginRequest, _: Clock) -> None:
    """Let the browser finish."""
    await finished(deployment, login)


async def leave_it(_: Deployment, login: LoginRequest, clock: Clock) -> None:
    """Let the browser never finish."""
    clock.advance(login.expires_at - clock.now)


#: How a login goes on after its answer, and how all of its questions begin then.
ENDS: dict[str, tuple[Pick, End, str]] = {
    "declined": (lambda _, __: None, no_end, "You declined"),
    "a wrong number": (wrong_number, no_end, "That was not the number"),
    "finished": (right_number, finish_it, "You are now logged in to"),
    "never finished": (right_number, leave_it, "This login to The Shop has expired"),
}


@pytest.mark.parametrize("case", ENDS)
@pytest.mark.parametrize("late", [False, True], ids=["in time", "in the last second"])
@pytest.mark.parametrize("pressed", [0, 1, 2, 3], ids=["first", "second", "third", "unknown"])
async def test_whoever_was_asked_more_than_once_sees_the_end_everywhere(  # noqa: PLR0913 - fixtures
    deployment: Deployment,
    bot: Bot,
    telegram: FakeTelegram,
    clock: Clock,
    *,
    case: str,
    late: bool,
    pressed: int,
) -> None:
    """No question keeps its buttons, nor says of a login that is over that it waits.

    The unknown one is a message that Telegram took, and whose receipt was lost.
    """
    pick, end, text = ENDS[case]
    login = await asked_login(deployment)
    messages = [MESSAGE + number for number in range(3)]
    telegram.script = [accepted(message_id=one) for one in messages]
    async with sending(deployment, bot) as bell:
        for number in range(3):
            if number:
                await opened(deployment, login, update_id=100 + number)
                bell.ring()
            await until_sent(telegram, number + 1)
        clock.advance((login.expires_at - 1 if late else NOW + SECOND) - clock.now)
        answering = await received(deployment, 900)
        target = MESSAGE + pressed
        answer = Answer(login_id=login.id, number=pick(deployment, login), message_id=target)
        await answer_approval(deployment, answering, answer)
        bell.ring()
        await until_sent(telegram, method="editMessageText")
        # In the last second: past the end that the login had without its answer.
        clock.advance(2 * SECOND)
        bell.ring()
        await anyio.sleep(0.1)
        decided, _ = await kept(deployment, login)
        assert decided is not None
        await end(deployment, decided, clock)
        bell.ring()
        asked = {*messages, target}
        for _ in range(200):
            if asked == ended(telegram, text).keys():
                break
            clock.advance(SECOND)  # a chat is told no more in a second than Telegram allows
            bell.ring()
            await anyio.sleep(0.05)
    assert asked == ended(telegram, text).keys()


def ended(telegram: FakeTelegram, text: str) -> dict[int, dict[str, Any]]:
    """Return the messages that by now say so, by their ids."""
    last = {edit["message_id"]: edit for edit in telegram.sent("editMessageText")}
    return {number: edit for number, edit in last.items() if edit["text"].startswith(text)}


async def test_an_ignored_question_says_that_it_expired(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, clock: Clock
) -> None:
    """At the moment itself, with nobody writing."""
    login = await asked_login(deployment)

    async def wait() -> None:
        clock.advance(login.expires_at - NOW - 1)
        await anyio.sleep(0.05)
        assert [] == telegram.sent("editMessageText")
        clock.advance(1)

    edit = await becoming(deployment, bot, telegram, wait)
    assert edit["text"].startswith("This login to The Shop has expired")
    assert [] == buttons(edit)


async def test_an_approved_login_that_no_browser_finished_says_that_it_expired(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, clock: Clock
) -> None:
    """The tab was closed: nobody is logged in, and the chat does not claim it."""
    login = await asked_login(deployment)

    async def wait() -> None:
        await answered(deployment, login, right_number(deployment, login))
        clock.advance(login.expires_at - NOW)

    edit = await becoming(deployment, bot, telegram, wait)
    assert edit["text"].startswith("This login to The Shop has expired")


async def test_an_approved_login_that_was_withdrawn_says_so(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """By logging out everywhere before the browser finished."""
    login = await asked_login(deployment)

    async def withdraw() -> None:
        await answered(deployment, login, right_number(deployment, login))
        tapping = await received(deployment, 900)
        await log_out_everywhere(deployment, tapping, message_id=5)

    edit = await becoming(deployment, bot, telegram, withdraw)
    assert edit["text"].startswith("This login to The Shop was withdrawn")


async def test_a_question_that_comes_too_late_says_so_instead(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, clock: Clock
) -> None:
    """Telegram was away until the login had expired: nobody is asked what no answer helps."""
    login = await asked_login(deployment)
    clock.advance(login.expires_at - NOW)
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert sent["text"].startswith("This login to The Shop has expired")
    assert [] == buttons(sent)


async def test_a_question_that_telegram_never_took_breaks_nothing(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """It is given up, with the change that was owed for its end; later messages are sent."""
    login = await asked_login(deployment)
    telegram.script = [refused(403, "Forbidden: bot was blocked by the user")]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        clock.advance(login.expires_at - NOW)
        bell.ring()
        await anyio.sleep(0.1)
        await promise(store, ALICE, notice=Notice.HELP)
        bell.ring()
        await until_sent(telegram, 2)
    assert [] == telegram.sent("editMessageText")
    assert telegram.sent()[1]["text"].startswith("I log you in")
    question, change = await row(store, 1), await row(store, 2)
    assert (None, NOW) == (question.sent_at, question.given_up_at)
    assert (None, clock()) == (change.sent_at, change.given_up_at)


async def test_a_login_that_ends_before_its_question_was_taken_is_told_in_its_place(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, clock: Clock
) -> None:
    """Telegram took it, the answer was lost: what comes again says how the login stands by now."""
    login = await asked_login(deployment)
    telegram.script = [refused(502, "Bad Gateway"), accepted(message_id=MESSAGE)]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        await finish(deployment, login)
        clock.advance(2 * SECOND)
        bell.ring()
        await until_sent(telegram, 2)
        clock.advance(2 * SECOND)
        bell.ring()
        await until_sent(telegram, method="editMessageText")
    again = telegram.sent()[1]
    assert again["text"].startswith("You are now logged in to The Shop.")
    assert 1 == len(buttons(again))


ANSWERS: dict[Notice, list[str]] = {
    Notice.APPROVAL_UNKNOWN: [],
    Notice.APPROVAL_OVER: [],
    Notice.APPROVAL_TAKEN: [],
    Notice.APPROVALS_PAUSED: ["block"],
    Notice.APPROVALS_BLOCKED: ["allow"],
    Notice.APPROVALS_ALLOWED: [],
}


@pytest.mark.parametrize("notice", ANSWERS)
async def test_each_answer_has_its_buttons(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, notice: Notice
) -> None:
    """Those that something can be done about."""
    await promise(store, ALICE, notice=notice)
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert ANSWERS[notice] == [button["callback_data"] for button in buttons(sent)]


async def test_nothing_that_is_sent_holds_the_right_number_alone(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """It stands among the three buttons, and in no word of any message of the login."""
    login = await asked_login(deployment)
    await becoming(deployment, bot, telegram, lambda: finish(deployment, login))
    right = right_number(deployment, login)
    texts = [sent["text"] for _, sent in telegram.calls if "text" in sent]
    assert not re.search(rf"\b{right}\b", json.dumps(texts))


async def test_a_browser_that_tells_nothing_of_itself_is_unknown(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """And it is said so, instead of leaving the line out."""
    login = await begin_browser_login(
        deployment, Wish(browser=the_browser().name, visitor=Visitor())
    )
    await opened(deployment, login)
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert "Browser: unknown\nFrom: unknown\n" in sent["text"]
