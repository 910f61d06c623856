"""`tgauth user`: who is here, and what an operator can do about it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from tgauth.cli.naming import account_meant, checked_id, id_meant
from tgauth.cli.operating import (
    NOTHING_DONE,
    confirm,
    settings_of_installation,
    with_deployment,
)
from tgauth.cli.printing import NOTHING, as_json, moment, plain, say, some, table
from tgauth.cli.running import fail
from tgauth.domain.instants import maybe_timestamp

if TYPE_CHECKING:
    from tgauth.domain.person import Person
    from tgauth.flows.account import PersonalData
    from tgauth.flows.deployment import Deployment
    from tgauth.flows.find_person import PersonRecord
    from tgauth.flows.list_persons import Listed

_HEADINGS: Final = ("telegram id", "username", "since", "banned", "name")


@click.group()
def user() -> None:
    """See who is here; ban, remove or export somebody."""


@user.command("list")
@click.option("--banned", is_flag=True, help="Only who is banned, with an account or without.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object a line.")
def list_users(*, banned: bool, wants_json: bool) -> None:
    """List everybody, by Telegram id."""
    from tgauth.flows.list_persons import list_persons

    async def show(deployment: "Deployment") -> int:
        number = 0
        async for page in list_persons(deployment, only_banned=banned):
            if wants_json:
                say(*(as_json(_listed_object(one)) for one in page))
            else:
                say(*table(map(_listed_row, page), () if number else _HEADINGS))
            number += len(page)
        return number

    number = with_deployment(settings_of_installation(), show)
    if not number and not wants_json:
        say("Nobody is banned." if banned else "Nobody has logged in yet.")


@user.command()
@click.argument("who", metavar="ID|@USERNAME|SUBJECT")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON array.")
def show(who: str, *, wants_json: bool) -> None:
    """Show an account, its sessions and its last logins.

    A username may have belonged to several people: all of them are shown.
    """
    from tgauth.flows.find_person import banned_since, find_persons, telegram_id_of

    async def look(deployment: "Deployment") -> tuple[list["PersonRecord"], int | None, int]:
        telegram_id = telegram_id_of(who)
        banned_at = await banned_since(deployment, telegram_id) if telegram_id else None
        return await find_persons(deployment, who), banned_at, deployment.now()

    found, banned_at, now = with_deployment(settings_of_installation(), look)
    if wants_json:
        say(as_json([_record_object(one, now) for one in found], indent=2))
    elif found:
        say("\n\n".join("\n".join(_record_lines(one, now)) for one in found))
    if not found:
        banned = f", but that id is banned since {moment(banned_at)}" if banned_at else ""
        fail(f"there is no account of {plain(who)}{banned}", NOTHING_DONE)


@user.command()
@click.argument("who", metavar="ID|SUBJECT", callback=checked_id)
def ban(who: str) -> None:
    """Ban a Telegram id, known here or not, and log it out everywhere at once."""
    from tgauth.flows.ban_person import ban_person
    from tgauth.flows.find_person import find_account

    async def do(deployment: "Deployment") -> tuple[int, bool, "Person | None"]:
        telegram_id = await id_meant(deployment, who, "ban")
        is_new = await ban_person(deployment, telegram_id)
        return telegram_id, is_new, await find_account(deployment, str(telegram_id))

    telegram_id, is_new, person = with_deployment(settings_of_installation(), do)
    name = _name_of(telegram_id, person)
    if not is_new:
        say(f"{name} was banned already.")
    elif person is None:
        say(f"Banned {name}, who has no account here.")
    else:
        say(f"Banned {name}: every session has ended, and no link or token works any more.")


@user.command()
@click.argument("who", metavar="ID|SUBJECT", callback=checked_id)
def unban(who: str) -> None:
    """Lift the ban of a Telegram id."""
    from tgauth.flows.ban_person import unban_person

    async def do(deployment: "Deployment") -> tuple[int, bool]:
        telegram_id = await id_meant(deployment, who, "unban")
        return telegram_id, await unban_person(deployment, telegram_id)

    telegram_id, was_banned = with_deployment(settings_of_installation(), do)
    if not was_banned:
        fail(f"{telegram_id} was not banned (`tgauth user list --banned`)", NOTHING_DONE)
    say(f"{telegram_id} may log in again.")


@user.command()
@click.argument("who", metavar="ID|SUBJECT")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(who: str, *, yes: bool) -> None:
    """Delete an account and all that belongs to it. A ban stays."""
    from tgauth.domain.audit import BY_OPERATOR
    from tgauth.flows.account import delete_account

    settings = settings_of_installation()
    data = with_deployment(settings, lambda deployment: _data_of(deployment, who, "remove"))
    person = data.person
    name = _name_of(person.profile.telegram_id, person)
    say(
        f"To be deleted: the account of {name}, subject {person.subject}, with "
        f"{some(len(data.sessions), 'session')}, {some(len(data.logins), 'login')} and "
        f"{some(len(data.messages), 'message')}. They are logged out everywhere.",
        "If they log in again, that is a new account, which applications do not know.",
    )
    if person.banned_at is not None:
        say(f"They are banned since {moment(person.banned_at)}; that stays.")
    confirm("Delete it?", yes=yes)
    with_deployment(settings, lambda deployment: delete_account(deployment, person, by=BY_OPERATOR))
    say(f"Deleted the account of {name}.")


@user.command()
@click.argument("who", metavar="ID|SUBJECT")
def export(who: str) -> None:
    """Print everything that is kept about somebody, as JSON."""
    from tgauth.domain.audit import BY_OPERATOR
    from tgauth.flows.account import note_export
    from tgauth.flows.personal_data import document_of

    async def gather(deployment: "Deployment") -> dict[str, Any]:
        data = await _data_of(deployment, who, "export")
        await note_export(deployment, data.person, by=BY_OPERATOR)
        return document_of(data, issuer=deployment.issuer.url, now=deployment.now())

    say(as_json(with_deployment(settings_of_installation(), gather), indent=2))


async def _data_of(deployment: "Deployment", who: str, command: str) -> "PersonalData":
    from tgauth.flows.account import export_data

    return await export_data(deployment, await account_meant(deployment, who, command))


def _name_of(telegram_id: int, person: "Person | None") -> str:
    return plain(f"{telegram_id} ({person.label})") if person else str(telegram_id)


def _username(person: "Person | None") -> str:
    return f"@{person.profile.username}" if person and person.profile.username else NOTHING


def _listed_row(one: "Listed") -> Sequence[str]:
    person = one.person
    return (
        str(one.telegram_id),
        _username(person),
        moment(person.created_at) if person else NOTHING,
        moment(one.banned_at),
        person.name if person else NOTHING,
    )


def _listed_object(one: "Listed") -> dict[str, Any]:
    from tgauth.flows.personal_data import account_document

    account = account_document(one.person) if one.person else {}
    banned_at = maybe_timestamp(one.banned_at)
    return {"telegram_id": one.telegram_id, **account, "banned_at": banned_at}


def _record_object(record: "PersonRecord", now: int) -> dict[str, Any]:
    from tgauth.flows.personal_data import account_document, login_document, session_document

    return {
        "account": account_document(record.person),
        "sessions": [session_document(one) for one in record.sessions],
        "logins": [login_document(one, now=now) for one in record.logins],
    }


def _record_lines(record: "PersonRecord", now: int) -> list[str]:
    person, profile = record.person, record.person.profile
    account = {
        "telegram id": profile.telegram_id,
        "username": _username(person),
        "name": person.name,
        "subject": person.subject,
        "language": profile.language or NOTHING,
        "since": moment(person.created_at),
        "last changed": moment(person.updated_at),
        "banned": f"since {moment(person.banned_at)}" if person.banned_at else "no",
    }
    sessions = [
        (
            one.client_id,
            one.visitor.device or NOTHING,
            one.visitor.address or NOTHING,
            moment(one.created_at),
            moment(one.seen_at),
        )
        for one in record.sessions
    ]
    logins = [
        (one.client_id, one.door.value, one.standing_at(now).value, moment(one.created_at))
        for one in record.logins
    ]
    return [
        *table(account.items()),
        *_section("logged in", sessions, ("application", "browser", "address", "since", "used")),
        *_section("last logins", logins, ("application", "door", "state", "begun")),
    ]


def _section(title: str, rows: Sequence[Sequence[str]], headings: Sequence[str]) -> list[str]:
    if not rows:
        return ["", f"{title}: none"]
    return ["", f"{title}: {len(rows)}", *(f"  {line}" for line in table(rows, headings))]
