"""What is kept about a person, as a document that they can take with them."""

import json
from dataclasses import replace
from typing import Any

from tgauth.domain.approval import Approval
from tgauth.domain.audit import AuditEntry, AuditEvent
from tgauth.domain.failures import counted_as
from tgauth.domain.incoming import StoredUpdate
from tgauth.domain.instants import Instant, maybe_timestamp, timestamp
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Outgoing
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.account import PersonalData


def document_of(data: PersonalData, *, issuer: str, now: Instant) -> dict[str, Any]:
    """Return everything that is kept about a person, in a form that programs read as well.

    Hashes of secrets are left out: they say nothing about a person. So is what another browser's
    address is beyond its network: it may be somebody else's.
    """
    return {
        "issuer": issuer,
        "exported_at": timestamp(now),
        "account": account_document(data.person),
        "sessions": [session_document(one) for one in data.sessions],
        "logins": [login_document(one, now=now) for one in data.logins],
        "asked": [_question(one) for one in data.asked],
        "asked_nothing_until": maybe_timestamp(data.asked_nothing_until),
        "messages": [_message(one) for one in data.messages],
        "unhandled": [_update(one) for one in data.unhandled],
        "audit": [audit_document(_without_anothers_address(one)) for one in data.audit],
    }


def _without_anothers_address(entry: AuditEntry) -> AuditEntry:
    if entry.event is not AuditEvent.LOGIN_OPENED or entry.address is None:
        return entry
    return replace(entry, address=counted_as(entry.address))


def audit_document(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry of the audit log, in a form that programs read as well."""
    return {
        "id": entry.id,
        "at": timestamp(entry.at),
        "event": entry.event.value,
        "actor": entry.actor.value,
        "outcome": entry.event.outcome.value,
        "reason": entry.reason,
        "sub": entry.subject,
        "telegram_id": entry.telegram_id,
        "client_id": entry.client_id,
        "login_id": entry.login_id,
        "session_id": entry.session_id,
        "address": entry.address,
        "device": entry.device,
        "number": entry.number,
    }


def account_document(person: Person) -> dict[str, Any]:
    """Return what is kept about an account."""
    profile = person.profile
    return {
        "sub": person.subject,
        "telegram_id": profile.telegram_id,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "username": profile.username,
        "language_code": profile.language,
        "created_at": timestamp(person.created_at),
        "updated_at": timestamp(person.updated_at),
        "banned_at": maybe_timestamp(person.banned_at),
    }


def session_document(session: Session) -> dict[str, Any]:
    """Return what is kept about a session, without the hash of its secret."""
    return {
        "id": session.id,
        "client_id": session.client_id,
        "device": session.visitor.device,
        "address": session.visitor.address,
        "created_at": timestamp(session.created_at),
        "last_used_at": timestamp(session.seen_at),
        "expires_at": timestamp(min(session.expires_at, session.idle_expires_at)),
        "ended_at": maybe_timestamp(session.ended_at),
    }


def login_document(login: LoginRequest, *, now: Instant) -> dict[str, Any]:
    """Return what is kept about a login, and how it stands now."""
    return {
        "id": login.id,
        "client_id": login.client_id,
        "door": login.door.value,
        "state": login.standing_at(now).value,
        "created_at": timestamp(login.created_at),
        "expires_at": timestamp(login.expires_at),
        "decided_at": maybe_timestamp(login.decided_at),
        "redeemed_at": maybe_timestamp(login.redeemed_at),
        "session_id": login.session_id,
    }


def _question(approval: Approval) -> dict[str, Any]:
    return {
        "login_id": approval.login_id,
        "device": approval.visitor.device,
        "network": approval.network,
        "place": approval.place,
        "created_at": timestamp(approval.created_at),
        "opened_at": maybe_timestamp(approval.opened_at),
        "denial": approval.denial.value if approval.denial else None,
    }


def _message(message: Outgoing) -> dict[str, Any]:
    return {
        "id": message.id,
        "notice": message.notice.value,
        "login_id": message.login_id,
        "created_at": timestamp(message.created_at),
        "sent_at": maybe_timestamp(message.sent_at),
        "given_up_at": maybe_timestamp(message.given_up_at),
    }


def _update(update: StoredUpdate) -> dict[str, Any]:
    return {
        "received_at": timestamp(update.received_at),
        "content": json.loads(update.payload) if update.payload else None,
    }
