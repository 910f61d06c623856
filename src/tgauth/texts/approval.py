"""What the bot says about logins that begin in a browser."""

from tgauth.texts.catalogue import Words


def question(  # noqa: PLR0913 - each is one line of the question
    words: Words,
    *,
    application: str,
    domain: str | None,
    device: str | None,
    place: str | None,
    age: int,
) -> str:
    """Ask whether somebody began this login, and say what is known of it.

    Args:
        words: The language.
        application: What it would log in to.
        domain: Where that is, where it is anywhere.
        device: The browser and system, where known.
        place: From where it asks: as exactly as it is known.
        age: Milliseconds since the login began.
    """
    unknown = words.gettext("unknown")
    where = f"{application} ({domain})" if domain else application
    facts = [
        words.gettext("Browser: {device}").format(device=device or unknown),
        words.gettext("From: {place}").format(place=place or unknown),
        words.gettext("Begun: {ago}").format(ago=words.ago(age)),
    ]
    parts = [
        words.gettext("A browser wants to log in to {application} as you.").format(
            application=where
        ),
        "\n".join(facts),
        words.gettext(
            "{application} will learn your name, username, language and Telegram id."
        ).format(application=application),
        words.gettext(
            "Decline unless you started this yourself just now. "
            "If you did, tap the number that the browser shows."
        ),
    ]
    return "\n\n".join(parts)


def approved(words: Words, *, application: str) -> str:
    """Say that the browser can go on."""
    return words.gettext(
        "Approved. Go back to the browser that shows the number: it now logs you in to "
        "{application}."
    ).format(application=application)


def declined(words: Words, *, application: str) -> str:
    """Say that a login was declined."""
    return words.gettext(
        "You declined this login to {application}. Nobody was logged in.\n\n"
        "If it was yours after all, begin again in the browser."
    ).format(application=application)


def wrong_number(words: Words, *, application: str) -> str:
    """Say that a wrong number ended a login, what that may mean and what to do."""
    return words.gettext(
        "That was not the number, so this login to {application} was declined. "
        "Nobody was logged in.\n\n"
        "If you began it yourself, begin again in the browser and tap the number that it shows "
        "then. If somebody sent you the link or told you a number, they may be trying to log in "
        "as you: do not help them, and tell the operator."
    ).format(application=application)


def withdrawn(words: Words, *, application: str) -> str:
    """Say that a login ended by what happened elsewhere."""
    return words.gettext(
        "This login to {application} was withdrawn, and did not log you in. Either the browser "
        "went on with another account, or you logged out everywhere or said that a login was not "
        "you, or the operator ended it.\n\n"
        "Begin again in the browser if you still want to log in."
    ).format(application=application)


def expired(words: Words, *, application: str) -> str:
    """Say that a login was not answered, or not finished, in time."""
    return words.gettext(
        "This login to {application} has expired: it was not finished in time, and nobody was "
        "logged in.\n\n"
        "Begin again in the browser if it was yours. If not, you need do nothing."
    ).format(application=application)


def unknown(words: Words) -> str:
    """Answer a link that leads to nothing."""
    return words.gettext(
        "I know no login by that link: it is not complete, or it was deleted long after its end. "
        "Begin again in the browser, and scan the code or copy the whole line that it shows."
    )


def over(words: Words) -> str:
    """Answer a link whose login is over."""
    return words.gettext(
        "This login is over: it was answered, or has expired. Each one can be answered once, and "
        "only for a short time. To log in, begin again in the browser."
    )


def taken(words: Words) -> str:
    """Answer whoever was not the first to open a link."""
    return words.gettext(
        "Somebody else opened this link before you, and only they are asked. Nothing has "
        "changed.\n\n"
        "If the browser is yours, close that page and begin again: whoever opened the link has "
        "seen it somewhere. If somebody sent you the link, you need do nothing."
    )


def paused(words: Words) -> str:
    """Say that somebody is asked nothing for a while, and why."""
    return words.gettext(
        "Too many login requests from browsers got a wrong number from you within an hour, or no "
        "answer. So I ask you nothing for up to an hour. /login works all the same.\n\n"
        "If you did not begin them, somebody may be trying to log in as you: then you can block "
        "such requests for a day."
    )


def blocked(words: Words) -> str:
    """Say that somebody wants to be asked nothing."""
    return words.gettext(
        "You blocked login requests from browsers for a day, so I do not ask you about this or any "
        "other. /login works all the same.\n\n"
        "To log in from a browser before that, allow requests again and open its link once more."
    )


def allowed(words: Words) -> str:
    """Say that somebody is asked again."""
    return words.gettext(
        "Login requests from browsers are allowed again. To answer one, open its link or scan its "
        "code once more."
    )


def decline_button(words: Words) -> str:
    """Return what stands on the button that declines."""
    return words.gettext("Decline")


def block_button(words: Words) -> str:
    """Return what stands on the button that blocks requests."""
    return words.gettext("Block requests for a day")


def allow_button(words: Words) -> str:
    """Return what stands on the button that allows requests again."""
    return words.gettext("Allow requests again")


def approved_toast(words: Words) -> str:
    """Return the short answer to the right number."""
    return words.gettext("Approved. Go back to your browser.")


def declined_toast(words: Words) -> str:
    """Return the short answer to declining."""
    return words.gettext("Declined. Nobody was logged in.")


def wrong_number_toast(words: Words) -> str:
    """Return the short answer to a wrong number."""
    return words.gettext("That is not the number: declined. Nobody was logged in.")


def too_late_toast(words: Words) -> str:
    """Return the short answer to a tap on a question that can no longer be answered by this one."""
    return words.gettext("Too late, or not yours to answer. Nothing has changed.")


def not_allowed_toast(words: Words) -> str:
    """Return the short answer to somebody who may not log in any more."""
    return words.gettext("You may not log in here. Nobody was logged in.")


def blocked_toast(words: Words) -> str:
    """Return the short answer to blocking requests."""
    return words.gettext("Blocked for a day.")


def allowed_toast(words: Words) -> str:
    """Return the short answer to allowing requests again."""
    return words.gettext("Allowed again.")
