"""What the bot says."""

from dataclasses import dataclass
from typing import Final

from tgauth.texts.catalogue import Words

#: More sessions than these are counted, not listed: a message has room for 4,096 characters.
MOST_SESSIONS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """One line of the list of sessions.

    Attributes:
        application: What one is logged in to.
        device: The browser and system, where known.
        address: The network address, where known.
        began_at: When it began, in milliseconds since 1970.
        seen_at: When it was last used.
    """

    application: str
    device: str | None
    address: str | None
    began_at: int
    seen_at: int


def login_link(words: Words, *, application: str, lifetime: int, link: str | None) -> str:
    """Say what the link is for, how long it lives (milliseconds), and to keep it.

    Args:
        words: The language.
        application: What it logs in to.
        lifetime: Milliseconds that it still lives.
        link: The link, where it has to stand in the text because no button can hold it.
    """
    text = words.gettext(
        "Here is your link to log in to {application}. It works once, for {duration}.\n\n"
        "Do not pass it on: whoever opens it can log in as you."
    ).format(application=application, duration=words.duration(lifetime))
    return f"{text}\n\n{link}" if link else text


def login_used(words: Words, *, application: str, device: str | None, address: str | None) -> str:
    """Say that a link was used, and from where."""
    text = words.gettext("You logged in to {application}.").format(application=application)
    place = _place(words, device, address)
    question = words.gettext("Was that not you? Then end this login with the button.")
    return "\n".join(filter(None, [text, place, "", question]))


def login_finished(
    words: Words, *, application: str, device: str | None, address: str | None
) -> str:
    """Say that the browser which asked is logged in now."""
    text = words.gettext("You are now logged in to {application}.").format(application=application)
    fact = "\n".join(filter(None, [text, _place(words, device, address)]))
    question = words.gettext("Was that not you? Then end this login with the button.")
    return f"{fact}\n\n{question}"


def login_ended(words: Words, *, application: str, network: str | None) -> str:
    """Say that the session of a login was ended.

    Args:
        words: The language.
        application: What it was logged in to.
        network: The network that is blocked because of it, if one is.
    """
    text = words.gettext(
        "Your login to {application} has been ended. "
        "The application may take some minutes to notice."
    ).format(application=application)
    if network is None:
        return text
    blocked = words.gettext(
        "No login can begin in a browser from that network ({network}) for an hour. "
        "If somebody made you tap a number or pass a link on, tell the operator."
    ).format(network=network)
    return f"{text}\n\n{blocked}"


def login_expired(words: Words, *, application: str) -> str:
    """Say that a link was not used in time."""
    return words.gettext(
        "This link to log in to {application} has expired. Nobody used it."
    ).format(application=application)


def login_replaced(words: Words, *, application: str) -> str:
    """Say that a newer link took this one's place."""
    return words.gettext(
        "This link to log in to {application} was replaced by a newer one and no longer works."
    ).format(application=application)


def login_denied(words: Words, *, application: str) -> str:
    """Say that a login was declined, or a link withdrawn by logging out everywhere."""
    return words.gettext(
        "This link to log in to {application} was withdrawn and no longer works."
    ).format(application=application)


def greeting(words: Words, *, application: str) -> str:
    """Say hello, and what to do."""
    return words.gettext(
        "Hello! I log you in to {application}. Send /login and I answer with a link.\n\n"
        "To log in from a browser on any device, begin there and scan the code that it shows. Or "
        "send me the line that begins with /start, from the bottom of its page. I ask you before "
        "anybody is logged in."
    ).format(application=application)


def help_text(words: Words, *, application: str) -> str:
    """Say everything that the bot understands."""
    listed = "\n".join(f"/{name}: {what}" for name, what in commands(words))
    heading = words.gettext("I log you in to {application}. This is what I understand:").format(
        application=application
    )
    return f"{heading}\n\n{listed}"


def not_allowed(words: Words, *, telegram_id: int) -> str:
    """Refuse somebody who may not log in."""
    return words.gettext(
        "Sorry, you are not on the list of people who may log in here. If you should be, "
        "give the operator your Telegram id: {telegram_id}"
    ).format(telegram_id=telegram_id)


def private_only(words: Words) -> str:
    """Refuse to send a link where others read it."""
    return words.gettext(
        "I only log people in in a private chat, where nobody else reads along. "
        "Open a chat with me and send that there."
    )


def forwarded(words: Words) -> str:
    """Refuse somebody else's words."""
    return words.gettext(
        "I only act on what you write yourself, not on forwarded messages. Send /login to log in."
    )


def too_late(words: Words) -> str:
    """Answer what was asked too long ago."""
    return words.gettext(
        "Sorry, I was away when you asked, and a link would have expired by now. "
        "Tap the button for a new one."
    )


def too_many(words: Words) -> str:
    """Slow somebody down."""
    return words.gettext(
        "Too many logins in a short time. The newest link still works until it expires. "
        "For another one, wait a minute and send /login again."
    )


def failed(words: Words) -> str:
    """Apologise."""
    return words.gettext(
        "Sorry, something went wrong here and I could not handle your message. "
        "Please try again in a moment."
    )


def logged_out(words: Words) -> str:
    """Say that every session ended."""
    return words.gettext(
        "You are logged out everywhere. An application may take some minutes to notice."
    )


def not_logged_in(words: Words) -> str:
    """Say that there was nothing to end."""
    return words.gettext("You are not logged in anywhere. Send /login to log in.")


def session_list(words: Words, sessions: list[ListedSession]) -> str:
    """List where somebody is logged in, by the numbers that the buttons bear."""
    if not sessions:
        return not_logged_in(words)
    parts = [words.gettext("You are logged in here:")]
    for number, one in enumerate(sessions[:MOST_SESSIONS], start=1):
        since = words.gettext("since {began}, last used {seen}").format(
            began=words.moment(one.began_at), seen=words.moment(one.seen_at)
        )
        place = _place(words, one.device, one.address)
        parts.append("\n".join(filter(None, [f"{number}. {one.application}", place, since])))
    more = len(sessions) - MOST_SESSIONS
    if more > 0:
        parts.append(
            words.ngettext("… and {number} more.", "… and {number} more.", more).format(number=more)
        )
    return "\n\n".join(parts)


def login_button(words: Words, *, application: str) -> str:
    """Return what stands on the button that holds a link."""
    return words.gettext("Log in to {application}").format(application=application)


def new_link_button(words: Words) -> str:
    """Return what stands on the button that asks for a new link."""
    return words.gettext("New link")


def not_me_button(words: Words) -> str:
    """Return what stands on the button that ends a login just made."""
    return words.gettext("That wasn't me")


def end_button(words: Words, number: int) -> str:
    """Return what stands on the button that ends a session of the list."""
    return words.gettext("Log out {number}").format(number=number)


def end_all_button(words: Words) -> str:
    """Return what stands on the button that ends all sessions."""
    return words.gettext("Log out everywhere")


def ended_toast(words: Words) -> str:
    """Return the short answer to a tap that ended something."""
    return words.gettext("Logged out.")


def ended_before_toast(words: Words) -> str:
    """Return the short answer to a tap on something that had ended already."""
    return words.gettext("That login had ended already.")


def useless_toast(words: Words) -> str:
    """Return the short answer to a tap on a button that means nothing any more."""
    return words.gettext("This button no longer does anything. Send /help.")


def commands(words: Words) -> tuple[tuple[str, str], ...]:
    """Return the command menu: names and what they do."""
    return (
        ("login", words.gettext("Get a link to log in")),
        ("sessions", words.gettext("See where you are logged in")),
        ("logout", words.gettext("Log out everywhere")),
        ("start", words.gettext("How to log in from a browser, on any device")),
        ("help", words.gettext("What I understand")),
    )


def _place(words: Words, device: str | None, address: str | None) -> str:
    if device and address:
        return words.gettext("{device}, from {address}").format(device=device, address=address)
    return device or address or ""
