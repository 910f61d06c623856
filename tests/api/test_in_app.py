"""Promises of the way out of Telegram's browser: the right address for each system."""

import pytest
from tests.gallery import ANDROID_IN_APP, DESKTOP, IPHONE_IN_APP, LINK

from tgauth.api.in_app import way_out

REST = LINK.removeprefix("https:")
INTENT = (
    f"intent:{REST}#Intent;scheme=https;action=android.intent.action.VIEW;"
    "category=android.intent.category.BROWSABLE;end"
)
IPHONE_SAFARI = f"{IPHONE_IN_APP.replace('Mobile', 'Version/18.6 Mobile')} Safari/604.1"


@pytest.mark.parametrize(
    ("user_agent", "likely", "opening"),
    [
        (ANDROID_IN_APP, True, INTENT),
        (ANDROID_IN_APP.partition(" Telegram")[0], True, INTENT),
        (ANDROID_IN_APP.partition(" Telegram")[0].replace("; wv", ""), False, INTENT),
        (IPHONE_IN_APP, True, f"x-safari-{LINK}"),
        (f"{IPHONE_SAFARI} Telegram-iOS/12.1", True, f"x-safari-{LINK}"),
        (IPHONE_SAFARI, False, f"x-safari-{LINK}"),
        (IPHONE_SAFARI.replace("iPhone;", "iPad;"), False, f"x-safari-{LINK}"),
        (DESKTOP, False, None),
        ("", False, None),
        ("TelegramBot (like TwitterBot)", True, None),
    ],
)
def test_each_system_has_its_way_out(user_agent: str, likely: bool, opening: str | None) -> None:  # noqa: FBT001 - an expectation
    """An intent on Android, Safari on Apple's, and otherwise only the link to copy."""
    found = way_out(LINK, user_agent)
    assert (LINK, likely, opening) == (found.link, found.likely, found.opening)


def test_a_link_to_this_machine_keeps_its_scheme() -> None:
    """The demo runs under plain http."""
    found = way_out("http://127.0.0.1:8000/auth/callback?code=x", ANDROID_IN_APP)
    assert "intent://127.0.0.1:8000/auth/callback?code=x#Intent;scheme=http;" in str(found.opening)


def test_the_link_is_never_printed() -> None:
    """It is a secret."""
    assert LINK not in repr(way_out(LINK, ANDROID_IN_APP))
