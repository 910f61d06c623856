"""What is kept about a person, as a document that they can take with them."""

from datetime import UTC, datetime
from typing import Any

from tgauth.domain.instants import SECOND, Instant
from tgauth.flows.account import PersonalData


def document_of(data: PersonalData, *, issuer: str, now: Instant) -> dict[str, Any]:
    """Return everything that is kept about a person, in a form that programs read as well.

    Hashes of secrets are left out: they say nothing about a person.
    """
    person, profile = data.person, data.person.profile
    return {
        "issuer": issuer,
        "exported_at": timestamp(now),
        "account": {
            "sub": person.subject,
            "telegram_id": profile.telegram_id,
            "first_name": profile.first_name,
            "last_name": profile.last_name,
            "username": profile.username,
            "language_code": profile.language,
            "created_at": timestamp(person.created_at),
            "updated_at": timestamp(person.updated_at),
            "banned_at": _maybe(person.banned_at),
        },
        "sessions": [
            {
                "id": one.id,
                "client_id": one.client_id,
                "device": one.visitor.device,
                "address": one.visitor.address,
                "created_at": timestamp(one.created_at),
                "last_used_at": timestamp(one.seen_at),
                "expires_at": timestamp(min(one.expires_at, one.idle_expires_at)),
                "ended_at": _maybe(one.ended_at),
            }
            for one in data.sessions
        ],
        "logins": [
            {
                "id": one.id,
                "client_id": one.client_id,
                "door": one.door.value,
                "state": one.standing_at(now).value,
                "created_at": timestamp(one.created_at),
                "expires_at": timestamp(one.expires_at),
                "decided_at": _maybe(one.decided_at),
                "redeemed_at": _maybe(one.redeemed_at),
                "session_id": one.session_id,
            }
            for one in data.logins
        ],
    }


def timestamp(instant: Instant) -> str:
    """Return an instant as RFC 3339 has it, in UTC and to the second."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _maybe(instant: Instant | None) -> str | None:
    return None if instant is None else timestamp(instant)
