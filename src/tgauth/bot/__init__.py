"""The Telegram face: parse an update, call a flow, put the outcome into words.

The only door to python-telegram-bot. Owns polling, the queue that commits before it confirms, and
the sender that works off the outbox. Refuses rules and SQL, and never imports `tgauth.api`.
"""

import sys

# httpx loads a terminal client of its own where the libraries for that happen to be there, and a
# quarter of a bot's start goes into it. It goes on without when that import fails.
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # makes its import fail
    import httpx  # noqa: F401 - loaded here, so that nobody loads it with its client

    del sys.modules["httpx._main"]
