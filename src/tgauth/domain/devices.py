"""Name a browser and its system, so that people recognise their own.

Twenty lines of our own, because the libraries for it load thousands of patterns to tell apart what
nobody asks here. What is not known is left out; nothing is decided by it.
"""

import re
from typing import Final

#: The first that matches counts: most browsers also claim to be those below them.
_BROWSERS: Final = (
    ("Telegram-Android", "Telegram"),
    ("Edg(e|A|iOS)?/", "Edge"),
    ("OPR/|Opera", "Opera"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|CriOS/|Chromium/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux|X11", "Linux"),
)


def describe(user_agent: str) -> str | None:
    """Return a name such as `Firefox, Linux`; none where neither part is known.

    Args:
        user_agent: The `User-Agent` header (RFC 9110 §10.1.5): whatever a client claims.
    """
    parts = [
        next((name for pattern, name in table if re.search(pattern, user_agent)), None)
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(part for part in parts if part) or None
