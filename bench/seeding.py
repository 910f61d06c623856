"""Years of old rows, in the real schema, in one transaction."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tgauth.store import Store

#: Each past login leaves a login, its two codes, a session, a message and an update.
ROWS_OF_A_LOGIN = 6

#: Telegram ids of the people who are known: from here on, one after the other.
FIRST_KNOWN_PERSON = 10_000_000

_DAY = 86_400_000
_YEAR = 365 * _DAY
#: Rows made at once.
_SLICE = 50_000
_PRAGMAS = (
    # If this process dies the file is thrown away: nothing has to be safe here.
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA cache_size = -2000000",
    "PRAGMA locking_mode = EXCLUSIVE",
)
_PERSONS = "INSERT INTO persons VALUES (?, ?, 'Person', NULL, ?, 'en', ?, ?)"
_SESSIONS = """
    INSERT INTO sessions
    VALUES (?, ?, 'default', ?, 'Firefox, Linux', '192.0.2.1', ?, ?, ?, ?, NULL)
"""
_LOGINS = "INSERT INTO logins VALUES (?, 'chat', 'default', ?, 'redeemed', ?, ?, ?, ?, ?, ?)"
_CODES = "INSERT INTO codes VALUES (?, ?, 'default', ?, ?, ?)"
_INBOX = """
    INSERT INTO inbox (update_id, identity, payload, state, received_at, attempts, not_before)
    VALUES (?, ?, NULL, 'done', ?, 0, ?)
"""
_OUTBOX = """
    INSERT INTO outbox
        (chat_id, notice, login_id, created_at, attempts, not_before, sent_at, message_id)
    VALUES (?, 'login_link', ?, ?, 0, ?, ?, ?)
"""


def seed(path: Path, *, people: int, logins: int) -> None:
    """Fill a store with people and what their logins of the last year have left.

    Args:
        path: The store's file; made when missing.
        people: How many, with the ids from `FIRST_KNOWN_PERSON` on.
        logins: How many, shared among the people in turn.
    """
    asyncio.run(_make(path))
    store = sqlite3.connect(path, isolation_level=None)
    for pragma in _PRAGMAS:
        store.execute(pragma)
    now = time.time_ns() // 1_000_000
    store.execute("BEGIN")
    for numbers in _slices(people):
        store.executemany(_PERSONS, (_person(number, now) for number in numbers))
    # Table by table within a slice: the pages of one tree stay in the processor's cache.
    for numbers in _slices(logins):
        _seed_logins(store, numbers, now=now, people=people, logins=logins)
    store.execute("COMMIT")
    store.execute("ANALYZE")
    store.execute("PRAGMA journal_mode = WAL")
    store.close()
    # Or the disk is busy with these pages while the commits of the logins are measured.
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _seed_logins(
    store: sqlite3.Connection, numbers: range, *, now: int, people: int, logins: int
) -> None:
    made = [
        (
            number,
            _name("login", number),
            _name("session", number),
            _name("person", number % people),
            now - _YEAR + _YEAR * number // (logins + 1) - _DAY,
        )
        for number in numbers
    ]
    store.executemany(
        _SESSIONS,
        (
            (session, subject, _hash("cookie", number), at, at + 30 * _DAY, at, at + 7 * _DAY)
            for number, _, session, subject, at in made
        ),
    )
    store.executemany(
        _LOGINS,
        (
            (login, subject, at, at + 120_000, at, at + 5_000, session, _hash("browser", number))
            for number, login, session, subject, at in made
        ),
    )
    for kind in ("chat", "callback"):
        store.executemany(
            _CODES,
            ((_hash(kind, number), kind, login, at, at) for number, login, _, _, at in made),
        )
    # What is older than two days has been swept: these are the updates of yesterday.
    store.executemany(
        _INBOX,
        (
            (number, f"message:{number}:{number}:{number}", now - _DAY, now - _DAY)
            for number in numbers
        ),
    )
    store.executemany(
        _OUTBOX,
        (
            (FIRST_KNOWN_PERSON + number % people, login, at, at, at, number)
            for number, login, _, _, at in made
        ),
    )


async def _make(path: Path) -> None:
    async with Store.open(path):
        pass  # opening makes the schema


def _person(number: int, now: int) -> tuple[str | int, ...]:
    telegram_id = FIRST_KNOWN_PERSON + number
    # Another username than the bot will see: a profile that changed has to be written as well.
    return _name("person", number), telegram_id, f"old_{number}", now - _YEAR, now - _YEAR


def _slices(count: int) -> Iterable[range]:
    return (range(first, min(first + _SLICE, count)) for first in range(0, count, _SLICE))


def _name(kind: str, number: int) -> str:
    """Return 32 hexadecimal digits that look as random as the real ones."""
    return _hash(kind, number)[:32]


def _hash(kind: str, number: int) -> str:
    return sha256(f"{kind}{number}".encode()).hexdigest()
