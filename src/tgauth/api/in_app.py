"""The browser inside Telegram: it has cookies of its own, so a login there helps nowhere else."""

import re
from typing import Final
from urllib.parse import urlsplit

from tgauth.api.views import WayOut

#: What Android calls a WebView, and how Telegram's own names itself.
_IN_APP: Final = re.compile(r"Telegram|; wv\)")
_ANDROID: Final = re.compile(r"Android")
_APPLE_TOUCH: Final = re.compile(r"iPhone|iPad|iPod")
#: What stands in Safari's name and in those of the browsers beside it, and in no WebView's.
_APPLE_BROWSER: Final = re.compile(r"Safari/")


def way_out(link: str, user_agent: str) -> WayOut:
    """Return how a login link gets from this browser into the person's usual one.

    Args:
        link: The bot's link. It is a secret.
        user_agent: The `User-Agent` header: a hint, and nothing more depends on it.
    """
    opening = None
    likely = _IN_APP.search(user_agent) is not None
    if _ANDROID.search(user_agent):
        opening = _intent(link)
    elif _APPLE_TOUCH.search(user_agent):
        opening = f"x-safari-{link}"
        likely = likely or not _APPLE_BROWSER.search(user_agent)
    return WayOut(link=link, opening=opening, likely=likely)


def _intent(link: str) -> str:
    """Return the address by which an Android application opens the standard browser.

    Chrome for Developers, "Android Intents with Chrome".
    """
    parts = urlsplit(link)
    rest = link.removeprefix(f"{parts.scheme}:")
    return (
        f"intent:{rest}#Intent;scheme={parts.scheme};action=android.intent.action.VIEW;"
        "category=android.intent.category.BROWSABLE;end"
    )
