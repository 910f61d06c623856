"""What the bot says."""

from typing import Final

_TEXTS: Final = {
    "login_link": (
        "Here is your link to log in to {application}. It works once, for {minutes}. "
        "Do not pass it on: whoever opens it can log in as you."
    ),
    "greeting": "Hello! I log you in to {application}. Send /login and I answer with a link.",
    "help": "I understand one thing: /login, which logs you in to {application}.",
    "not_allowed": (
        "Sorry, you are not on the list of people who may log in here. If you should be, "
        "give the operator your Telegram id: {chat_id}"
    ),
    "private_only": (
        "I only log people in in a private chat, where nobody else sees the link. "
        "Open a chat with me and send /login there."
    ),
    "too_late": (
        "Sorry, I was away when you asked, and a link would have expired by now. "
        "Send /login again for a new one."
    ),
    "failed": (
        "Sorry, something went wrong here and I could not handle your message. "
        "Please try again in a moment."
    ),
}


def message(
    notice: str, *, application: str, chat_id: int, lifetime: int = 0, link: str | None = None
) -> str:
    """Put a notice into words.

    Args:
        notice: The kind of message.
        application: What the person logs in to.
        chat_id: The chat; in a private one, the person's own Telegram id.
        lifetime: Milliseconds that a link still lives.
        link: The link, where it has to stand in the text.

    Raises:
        KeyError: There is no such notice.
    """
    text = _TEXTS[notice].format(
        application=application, chat_id=chat_id, minutes=_duration(lifetime)
    )
    return f"{text}\n\n{link}" if link else text


def button_label(application: str) -> str:
    """Return what stands on the login button."""
    return f"Log in to {application}"


def commands() -> tuple[tuple[str, str], ...]:
    """Return the command menu: names and what they do."""
    return (("login", "Get a link to log in"), ("start", "What this bot does"))


def _duration(milliseconds: int) -> str:
    seconds = max(1, round(milliseconds / 1000))
    if seconds < 2 * 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{seconds // 60} minutes"
