"""Rows of `persons`."""

from typing import Final

from tgauth.domain.person import Person, TelegramProfile
from tgauth.store.connection import Connection, Row

COLUMNS: Final = (
    "subject, telegram_id, first_name, last_name, username, language, created_at, updated_at"
)
_WITH_BAN: Final = """
    SELECT persons.*, bans.banned_at FROM persons
    LEFT JOIN bans ON bans.telegram_id = persons.telegram_id
"""
SELECT: Final = f"{_WITH_BAN} WHERE persons.subject = :subject"
SELECT_BY_TELEGRAM_ID: Final = f"{_WITH_BAN} WHERE persons.telegram_id = :telegram_id"
SELECT_PAGE: Final = f"""
    {_WITH_BAN} WHERE persons.telegram_id > :after ORDER BY persons.telegram_id LIMIT :most
"""
# Two accounts can have the same one: Telegram gave it to somebody else, and its former owner has
# not been here since. No index: only an operator asks.
SELECT_BY_USERNAME: Final = f"""
    {_WITH_BAN} WHERE persons.username = :username COLLATE NOCASE ORDER BY persons.telegram_id
"""
UPSERT: Final = f"""
    INSERT INTO persons ({COLUMNS}) VALUES (
        :subject, :telegram_id, :first_name, :last_name, :username, :language,
        :created_at, :updated_at
    )
    ON CONFLICT (subject) DO UPDATE SET
        first_name = excluded.first_name,
        last_name = excluded.last_name,
        username = excluded.username,
        language = excluded.language,
        updated_at = excluded.updated_at
"""
DELETE: Final = "DELETE FROM persons WHERE subject = :subject RETURNING subject"


async def get(connection: Connection, subject: str) -> Person | None:
    """Return the person with this subject."""
    row = await connection.one(SELECT, {"subject": subject})
    return _person(row) if row else None


async def find(connection: Connection, telegram_id: int) -> Person | None:
    """Return the person with this Telegram id."""
    row = await connection.one(SELECT_BY_TELEGRAM_ID, {"telegram_id": telegram_id})
    return _person(row) if row else None


async def named(connection: Connection, username: str) -> list[Person]:
    """Return everybody who last came with this username, in any case of its letters."""
    rows = await connection.run(SELECT_BY_USERNAME, {"username": username})
    return [_person(row) for row in rows]


async def save(connection: Connection, person: Person) -> None:
    """Add a person, or keep their newest profile."""
    profile = person.profile
    await connection.run(
        UPSERT,
        {
            "subject": person.subject,
            "telegram_id": profile.telegram_id,
            "first_name": profile.first_name,
            "last_name": profile.last_name,
            "username": profile.username,
            "language": profile.language,
            "created_at": person.created_at,
            "updated_at": person.updated_at,
        },
    )


async def page(connection: Connection, *, after: int, most: int) -> list[Person]:
    """Return the next persons by Telegram id; to list all of them without holding all of them."""
    rows = await connection.run(SELECT_PAGE, {"after": after, "most": most})
    return [_person(row) for row in rows]


async def remove(connection: Connection, subject: str) -> bool:
    """Delete a person with their logins, codes and sessions; say whether they were here."""
    return await connection.one(DELETE, {"subject": subject}) is not None


def _person(row: Row) -> Person:
    return Person(
        subject=row["subject"],
        profile=TelegramProfile(
            telegram_id=row["telegram_id"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            username=row["username"],
            language=row["language"],
        ),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        banned_at=row["banned_at"],
    )
