"""What is known of Telegram: whether it answers, takes our token, and gives updates to us alone."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from tgauth.bot.waking import Bell
from tgauth.domain.instants import SECOND, Instant
from tgauth.logs import Log
from tgauth.measures import NO_MEASURES, Measures
from tgauth.measures.catalogue import TELEGRAM_CONTACT

_log = Log("bot")

#: Another poller backs off for half a minute, so our own polls succeed meanwhile: only after so
#: long without a conflict there is none any more.
CONFLICT_OVER_AFTER: Final = 40 * SECOND
#: How often the last contact is told at most.
CONTACT_EVERY: Final = 5 * SECOND
#: Longer errors are cut in the status, which is one line.
_LONGEST_ERROR: Final = 80


class Trouble(StrEnum):
    """What keeps the bot from its work, the worst first."""

    UNREACHABLE = "unreachable"
    CONFLICT = "conflict"
    WEBHOOK = "webhook"


def _nobody(**_: str) -> None:
    """Tell nobody."""


def _wall_clock() -> Instant:
    return time.time_ns() // 1_000_000


class TelegramWatch:
    """Tells in the log and in the status what changes, once each time.

    Attributes:
        bell: Rung when the token was refused.
        refused: Whether it was.
        measures: Where contacts and errors are counted.
    """

    def __init__(
        self,
        tell: Callable[..., object] = _nobody,
        now: Callable[[], Instant] = _wall_clock,
        measures: Measures = NO_MEASURES,
    ) -> None:
        """Begin with nothing known.

        Args:
            tell: Called with fields of sd_notify(3): what the bot is doing (STATUS), and when
                Telegram answered last (X_TGAUTH_CONTACT, milliseconds since 1970).
            now: The clock.
            measures: Where contacts and errors are counted.
        """
        self.measures = measures
        self.bell = Bell()
        self.refused = False
        self._tell = tell
        self._now = now
        self._work = ""
        self._told = ""
        self._troubles: dict[Trouble, str] = {}
        self._contact_told_at: Instant | None = None
        self._conflicts: tuple[Instant, Instant] | None = None
        self._is_webhook_conflict = False

    def working(self, what: str) -> None:
        """Tell what the bot is doing, where nothing keeps it from that."""
        self._work = what
        self._report()

    def missed(self, error: str, **fields: object) -> None:
        """Tell that Telegram cannot be reached."""
        if self.refused:
            return  # it was reached well enough: the process ends with a line about the token
        _log.warning("telegram.unreachable", error=error, **fields)
        if Trouble.UNREACHABLE not in self._troubles:
            text = f"Telegram unreachable since {_shown(self._now())} ({error[:_LONGEST_ERROR]})"
            self._begin(Trouble.UNREACHABLE, text)

    def reached(self) -> None:
        """Note that Telegram answered; tell that it is back, where it was away."""
        if self._end(Trouble.UNREACHABLE):
            _log.info("telegram.reachable")
        now = self._now()
        self.measures.mark(TELEGRAM_CONTACT, now / SECOND)
        told_at = self._contact_told_at
        # Also where the clock was set back.
        if told_at is None or not 0 <= now - told_at < CONTACT_EVERY:
            self._contact_told_at = now
            self._tell(X_TGAUTH_CONTACT=str(now))

    def conflicted(self, error: str) -> None:
        """Note that somebody else takes the bot's updates; tell it once for each episode."""
        now = self._now()
        self._is_webhook_conflict = "webhook" in error.lower()
        if self._conflicts is not None:
            self._conflicts = self._conflicts[0], now
            return
        self._conflicts = now, now
        who = (
            "a webhook is set for this bot"
            if self._is_webhook_conflict
            else "another process polls"
        )
        advice = (
            "another program took over: stop it, or give tgauth a bot of its own"
            if self._is_webhook_conflict
            else "another process polls with the same token: stop it"
        )
        _log.error("telegram.conflict", error=error, advice=advice)
        self._begin(
            Trouble.CONFLICT,
            f"{who} and takes our updates since {_shown(now)}: stop whatever uses the same token",
        )

    def polled(self) -> None:
        """Note that updates could be asked for; tell that a conflict is over once it surely is."""
        if self._conflicts is None:
            return
        began_at, last_at = self._conflicts
        now = self._now()
        if self._is_webhook_conflict or not 0 <= now - last_at < CONFLICT_OVER_AFTER:
            self._conflicts = None
            self._is_webhook_conflict = False
            _log.info("telegram.conflict_over", seconds=(now - began_at) // SECOND)
            self._end(Trouble.CONFLICT)

    def webhook_conflict(self) -> int | None:
        """Return for how many milliseconds a webhook of somebody else has kept us from polling."""
        if self._conflicts is None or not self._is_webhook_conflict:
            return None
        return self._now() - self._conflicts[0]

    def webhook_troubled(self, text: str) -> None:
        """Tell what is wrong with our own webhook; nothing: all is well."""
        if not text:
            self._end(Trouble.WEBHOOK)
        elif self._troubles.get(Trouble.WEBHOOK) != text:
            self._begin(Trouble.WEBHOOK, text)

    def refuse(self) -> None:
        """Note that Telegram refused the token."""
        self.refused = True
        self.bell.ring()

    def _begin(self, trouble: Trouble, text: str) -> None:
        self._troubles[trouble] = text
        self._report()

    def _end(self, trouble: Trouble) -> bool:
        if self._troubles.pop(trouble, None) is None:
            return False
        self._report()
        return True

    def _report(self) -> None:
        troubles = [self._troubles[one] for one in Trouble if one in self._troubles]
        status = troubles[0] if troubles else self._work
        if status and status != self._told:
            self._told = status
            self._tell(STATUS=status)


def _shown(moment: Instant) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment / SECOND))
