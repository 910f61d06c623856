"""People: who they are to applications, and what Telegram last said of them."""

import unicodedata
from dataclasses import dataclass, replace
from typing import Final

from tgauth.domain.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramProfile:
    """What an update says of its sender. Everything but the id changes at the person's whim."""

    telegram_id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account.

    Attributes:
        subject: The OpenID Connect `sub`: random, stable, tells nothing about the person.
        profile: The newest profile that Telegram told; the account follows the Telegram id.
        created_at: When this person first logged in.
        updated_at: When the profile last changed.
        banned_at: When the operator banned this Telegram id, if that is so.
    """

    subject: str
    profile: TelegramProfile
    created_at: Instant
    updated_at: Instant
    banned_at: Instant | None = None

    @property
    def name(self) -> str:
        """The full name, without what only serves to look like something else."""
        words = (self.profile.first_name, self.profile.last_name or "")
        return " ".join(filter(None, map(_plain, words)))

    @property
    def label(self) -> str:
        """How a page names this account: the username where there is one.

        A name cannot pass for a username: names are free, and "@ann" may be anybody's.
        """
        username = self.profile.username
        name = self.name
        while name and unicodedata.normalize("NFKC", name[0]) in {"@", " "}:
            name = name[1:]
        return f"@{username}" if username else name or str(self.profile.telegram_id)

    def seen_as(self, profile: TelegramProfile, *, now: Instant) -> "Person":
        """Return this person with the newest profile; unchanged where nothing changed."""
        return self if profile == self.profile else replace(self, profile=profile, updated_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """Who may log in: everyone, or these Telegram ids."""

    everyone: bool
    telegram_ids: frozenset[int] = frozenset()

    def permits(self, telegram_id: int) -> bool:
        """Say whether this person may log in."""
        return self.everyone or telegram_id in self.telegram_ids


#: Characters that are shown as nothing, beside the categories of controls: Unicode's
#: Default_Ignorable_Code_Point, and the blank of braille.
_INVISIBLE: Final = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0))
) | frozenset(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


def _plain(text: str) -> str:
    """Drop what cannot be seen, and what turns the writing around."""
    return "".join(
        one
        for one in text
        if unicodedata.category(one) not in {"Cc", "Cf"} and one not in _INVISIBLE
    ).strip()
