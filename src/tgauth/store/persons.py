"""Rows of `persons`."""

from typing import Final

from tgauth.domain.person import Person, TelegramProfile
from tgauth.store.database import Connection, Row

COLUMNS: Final = (
    "subject, telegram_id, first_name, last_name, username, language, created_at, updated_at"
)
SELECT: Final = f"SELECT {COLUMNS} FROM persons WHERE subject = :subject"
SELECT_BY_TELEGRAM_ID: Final = f"SELECT {COLUMNS} FROM persons WHERE telegram_id = :telegram_id"
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


async def get(connection: Connection, subject: str) -> Person | None:
    """Return the person with this subject."""
    row = await connection.one(SELECT, {"subject": subject})
    return _person(row) if row else None


async def find(connection: Connection, telegram_id: int) -> Person | None:
    """Return the person with this Telegram id."""
    row = await connection.one(SELECT_BY_TELEGRAM_ID, {"telegram_id": telegram_id})
    return _person(row) if row else None


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
    )
