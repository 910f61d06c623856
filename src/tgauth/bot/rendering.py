"""Put what is owed into a message: text, and the buttons under it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from tgauth.domain.approval import Denial
from tgauth.domain.client import Client
from tgauth.domain.links import fits_a_button, host_of
from tgauth.domain.login import Door, Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Session
from tgauth.flows.deliver_messages import (
    DueMessage,
    LoginLink,
    LoginOutcome,
    Question,
    SessionList,
)
from tgauth.texts import Words, approval, chat, words_for

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a button of ours says to us: at most 64 bytes
#: (core.telegram.org/bots/api#inlinekeyboardbutton).
NEW_LINK: Final = "new"
END_ALL: Final = "all"
END_LISTED: Final = "end:"
END_LOGIN: Final = "undo:"
#: Both go on with a login's id, of 32 characters; the latter then with a colon and the number.
DECLINE: Final = "no:"
PICK: Final = "pick:"
BLOCK: Final = "block"
ALLOW: Final = "allow"

_Rows = list[list[InlineKeyboardButton]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message as Telegram takes it.

    Attributes:
        text: Plain text.
        keyboard: The buttons, where there are any.
        holds_link_in_button: Whether a button holds a login link.
        is_protected: Whether forwarding is forbidden: it is for nobody else's eyes.
    """

    text: str
    keyboard: InlineKeyboardMarkup | None = None
    holds_link_in_button: bool = False
    is_protected: bool = False


def render(due: DueMessage, client: Client, *, link_in_text: bool = False) -> Rendered:
    """Put a message into words and buttons.

    Args:
        due: The message.
        client: The application that it is about.
        link_in_text: Whether a login link has to stand in the text: Telegram refused the button.
    """
    words = words_for(due.outgoing.language)
    match due.content:
        case LoginLink():
            return _link(words, due.content, client, in_text=link_in_text)
        case LoginOutcome():
            if due.content.door is Door.BROWSER:
                return _answered(words, due.content, client)
            return _outcome(words, due.content, client)
        case Question():
            return _question(words, due.content, client)
        case SessionList():
            return _sessions(words, due.content.sessions, client)
        case None:
            return _plain(words, due, client)


def _link(words: Words, link: LoginLink, client: Client, *, in_text: bool) -> Rendered:
    in_button = not in_text and fits_a_button(link.url)
    text = chat.login_link(
        words,
        application=client.name,
        lifetime=link.lifetime,
        link=None if in_button else link.url,
    )
    if not in_button:
        return Rendered(text=text)
    label = chat.login_button(words, application=client.name)
    return Rendered(
        text=text,
        keyboard=InlineKeyboardMarkup([[InlineKeyboardButton(label, url=link.url)]]),
        holds_link_in_button=True,
        is_protected=True,
    )


def _question(words: Words, question: Question, client: Client) -> Rendered:
    text = approval.question(
        words,
        application=client.name,
        domain=host_of(client.callback_url) if client.callback_url else None,
        device=question.visitor.device,
        place=question.place or (question.network if question.visitor.address else None),
        age=question.age,
    )
    # Declining comes first, and alone: a thumb that wants to be done with it must not approve.
    decline = [(approval.decline_button(words), DECLINE + question.login_id)]
    numbers = [(str(one), f"{PICK}{question.login_id}:{one}") for one in question.numbers]
    return Rendered(text=text, keyboard=_keyboard([decline, numbers]), is_protected=True)


def _outcome(words: Words, outcome: LoginOutcome, client: Client) -> Rendered:
    """Say what became of a link."""
    application = client.name
    match outcome.standing:
        case Standing.REDEEMED:
            return _redeemed(words, outcome, client)
        case Standing.REPLACED:
            return Rendered(text=chat.login_replaced(words, application=application))
        case Standing.DENIED:
            return Rendered(text=chat.login_denied(words, application=application))
        case _:
            return Rendered(
                text=chat.login_expired(words, application=application),
                keyboard=_keyboard([[(chat.new_link_button(words), NEW_LINK)]]),
            )


def _answered(words: Words, outcome: LoginOutcome, client: Client) -> Rendered:
    """Say what became of a question."""
    match outcome.standing:
        case Standing.REDEEMED:
            return _redeemed(words, outcome, client)
        case Standing.APPROVED:
            say = approval.approved
        case Standing.DENIED if outcome.denial is Denial.DECLINED:
            say = approval.declined
        case Standing.DENIED if outcome.denial is Denial.WRONG_NUMBER:
            say = approval.wrong_number
        case Standing.DENIED | Standing.REPLACED:
            say = approval.withdrawn
        case _:
            say = approval.expired
    return Rendered(text=say(words, application=client.name))


def _redeemed(words: Words, outcome: LoginOutcome, client: Client) -> Rendered:
    session, application = outcome.session, client.name
    if session is None or session.ended_at is not None:
        network = outcome.blocked_network
        return Rendered(text=chat.login_ended(words, application=application, network=network))
    say = chat.login_finished if outcome.door is Door.BROWSER else chat.login_used
    return Rendered(
        text=say(
            words,
            application=application,
            device=session.visitor.device,
            address=session.visitor.address,
        ),
        keyboard=_keyboard([[(chat.not_me_button(words), END_LOGIN + session.id)]]),
    )


def _sessions(words: Words, sessions: tuple[Session, ...], client: Client) -> Rendered:
    listed = [
        chat.ListedSession(
            application=client.name if one.client_id == client.id else one.client_id,
            device=one.visitor.device,
            address=one.visitor.address,
            began_at=one.created_at,
            seen_at=one.seen_at,
        )
        for one in sessions
    ]
    text = chat.session_list(words, listed)
    if not sessions:
        return Rendered(text=text)
    rows = [
        [(chat.end_button(words, number), END_LISTED + one.id)]
        for number, one in enumerate(sessions[: chat.MOST_SESSIONS], start=1)
    ]
    return Rendered(text=text, keyboard=_keyboard([*rows, [(chat.end_all_button(words), END_ALL)]]))


def _plain(words: Words, due: DueMessage, client: Client) -> Rendered:
    application = client.name
    if due.notice is Notice.TOO_LATE:
        keyboard = _keyboard([[(chat.new_link_button(words), NEW_LINK)]])
        return Rendered(text=chat.too_late(words), keyboard=keyboard)
    if due.notice is Notice.APPROVALS_PAUSED:
        keyboard = _keyboard([[(approval.block_button(words), BLOCK)]])
        return Rendered(text=approval.paused(words), keyboard=keyboard)
    if due.notice is Notice.APPROVALS_BLOCKED:
        keyboard = _keyboard([[(approval.allow_button(words), ALLOW)]])
        return Rendered(text=approval.blocked(words), keyboard=keyboard)
    texts: dict[Notice, Callable[[], str]] = {
        Notice.GREETING: lambda: chat.greeting(words, application=application),
        Notice.HELP: lambda: chat.help_text(words, application=application),
        # Only ever said in a private chat, whose id is the person's.
        Notice.NOT_ALLOWED: lambda: chat.not_allowed(words, telegram_id=due.outgoing.chat_id),
        Notice.PRIVATE_ONLY: lambda: chat.private_only(words),
        Notice.FORWARDED: lambda: chat.forwarded(words),
        Notice.TOO_MANY: lambda: chat.too_many(words),
        Notice.LOGGED_OUT: lambda: chat.logged_out(words),
        Notice.NOT_LOGGED_IN: lambda: chat.not_logged_in(words),
        Notice.FAILED: lambda: chat.failed(words),
        Notice.APPROVAL_UNKNOWN: lambda: approval.unknown(words),
        Notice.APPROVAL_OVER: lambda: approval.over(words),
        Notice.APPROVAL_TAKEN: lambda: approval.taken(words),
        Notice.APPROVALS_ALLOWED: lambda: approval.allowed(words),
    }
    return Rendered(text=texts[due.notice]())


def _keyboard(rows: list[list[tuple[str, str]]]) -> InlineKeyboardMarkup:
    buttons: _Rows = [
        [InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows
    ]
    return InlineKeyboardMarkup(buttons)
