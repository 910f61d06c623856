"""`tgauth db`: the store as a whole."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tgauth.cli.operating import (
    NOTHING_DONE,
    confirm,
    settings_of_installation,
    to_the_end,
)
from tgauth.cli.printing import as_json, moment, plain, say, size, table
from tgauth.cli.running import attach
from tgauth.domain.instants import maybe_timestamp

if TYPE_CHECKING:
    from tgauth.flows.check_consistency import Checked
    from tgauth.settings import Settings
    from tgauth.store.backup import Backup
    from tgauth.store.migrating import MigrationPlan
    from tgauth.store.plain import Identity
    from tgauth.store.restoring import Restored
    from tgauth.store.status import StoreStatus

_FILE: Final = click.Path(path_type=Path)
_COLOURS: Final = {"ok": "green", "wrong": "red"}


@click.group("db")
def database() -> None:
    """Look after the store: its size, its health, its backups."""


@database.command()
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def status(*, wants_json: bool) -> None:
    """Show how big the store is, what is in it, and what waits."""
    from tgauth.store.status import status_of

    path = settings_of_installation().database.path
    found = to_the_end(lambda: status_of(path))
    if wants_json:
        say(as_json(_status_object(found), indent=2))
    else:
        say(*table(_status_lines(found).items(), widest=100), "", "rows:")
        say(*(f"  {line}" for line in table(found.rows.items())))


@database.command()
def migrate() -> None:
    """Bring the store to this version's schema, as the next start would."""
    from tgauth.store import Store
    from tgauth.store.migrating import plan_migration

    attach()
    path = settings_of_installation().database.path

    async def do() -> "MigrationPlan":
        plan = await plan_migration(path)
        if plan.copy is not None:
            say(
                f"Migrating {path} from version {plan.current} to {plan.newest}. First it is "
                f"copied to {plan.copy}: the way back to the earlier tgauth."
            )
            await Store.migrate(path)
        return plan

    plan = to_the_end(do)
    if plan.copy is None:
        say(f"Nothing to do: the schema is version {plan.current} already.")
    else:
        say(f"Done: the schema is version {plan.newest}.")


@database.command()
@click.argument("target", type=_FILE)
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
def backup(target: Path, *, force: bool) -> None:
    """Copy the store to a file, whole and consistent, also while it is in use."""
    from tgauth.store.backup import back_up

    settings = settings_of_installation()
    key, began = settings.master_key_path, time.monotonic()

    async def do() -> "Backup":
        return await back_up(settings.database.path, target, master_key=key, may_replace=force)

    made = to_the_end(do)
    say(
        f"Backed up {settings.database.path} to {made.path}: {size(made.size)}, "
        f"schema version {made.identity.schema}, checked, in {time.monotonic() - began:.1f} s.",
        f"It is useless without the master key, {key.absolute()}, which is not in it and never "
        "changes: keep a copy of that file, too, in another place than this one.",
    )
    warning = _key_warning(key, made.identity.fingerprint)
    if warning:
        click.echo(f"tgauth: warning: {warning}", err=True)


@database.command()
@click.argument("source", type=_FILE)
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(source: Path, *, yes: bool) -> None:
    """Put a backup in the store's place, while no tgauth runs. What was there is kept."""
    from tgauth.store.restoring import prepared

    settings = settings_of_installation()
    path = settings.database.path

    async def look() -> "Identity":
        async with prepared(path, source, master_key=settings.master_key_path) as restoring:
            return restoring.identity

    async def do() -> "Restored":
        # Checked again: what was looked at is not what would be restored by now.
        async with prepared(path, source, master_key=settings.master_key_path) as restoring:
            return await restoring.carry_out()

    if not yes:
        say(
            f"{source} is whole, has schema version {to_the_end(look).schema}, and belongs to the "
            f"master key {settings.master_key_path}.",
            f"It takes the place of {path}. What happened since it was made is forgotten: new "
            "accounts and logins are gone; bans, and sessions that were ended, are as they were.",
        )
        confirm("Restore it?", yes=yes)
    done = to_the_end(do)
    if done.set_aside is not None:
        say(f"What was there before is {done.set_aside} now.")
    say(f"Restored {path}. Start tgauth again.")


@database.command()
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def check(*, wants_json: bool) -> None:
    """Look through the whole store: damage, keys that do not open, rows that cannot be."""
    settings = settings_of_installation()
    found = to_the_end(lambda: _checked(settings, is_quiet=wants_json))
    is_good = all(one.is_good for one in found)
    if wants_json:
        looks = [asdict(one) for one in found]
        say(as_json({"is_good": is_good, "looks": looks}, indent=2))
    sys.exit(0 if is_good else NOTHING_DONE)


async def _checked(settings: "Settings", *, is_quiet: bool) -> "list[Checked]":
    from tgauth.flows.check_consistency import check_consistency

    found = []
    now = time.time_ns() // 1_000_000
    async for one in check_consistency(settings.database.path, settings.master_key_path, now=now):
        found.append(one)
        if not is_quiet:
            verdict = "ok" if one.is_good else "wrong"
            colour = click.style(f"{verdict:<6}", fg=_COLOURS[verdict])
            say(f"{colour} {one.name:<13} {plain(one.text)}")
    return found


def _key_warning(path: Path, fingerprint: str | None) -> str | None:
    from tgauth.store.master_key import MasterKeyUnusable, fingerprint_of, read_master_key

    try:
        key = read_master_key(path)
    except MasterKeyUnusable as error:
        return str(error)
    if fingerprint not in {None, fingerprint_of(key)}:
        return f"{path} is not the key of this store: nothing in it opens with that"
    return None


def _status_lines(status: "StoreStatus") -> dict[str, str]:
    if status.schema == status.newest_schema:
        schema = "the one that this tgauth works with"
    elif status.schema > status.newest_schema:
        schema = f"newer than this tgauth knows ({status.newest_schema})"
    else:
        schema = f"to be migrated to {status.newest_schema}: `tgauth db migrate`, or the next start"
    waiting = f", the oldest since {moment(status.oldest_waiting)}" if status.waiting else ""
    owed = f", the oldest since {moment(status.oldest_owed)}" if status.owed else ""
    return {
        "path": str(status.path.absolute()),
        "size": size(status.size),
        "not written back yet": size(status.wal_size),
        "schema": f"version {status.schema}, {schema}",
        "sqlite": status.sqlite,
        "updates that wait": f"{status.waiting}{waiting}",
        "updates that failed": str(status.parked),
        "messages to be sent": f"{status.owed}{owed}",
        "messages given up on": str(status.given_up),
    }


def _status_object(status: "StoreStatus") -> dict[str, Any]:
    return {
        **asdict(status),
        "oldest_waiting": maybe_timestamp(status.oldest_waiting),
        "oldest_owed": maybe_timestamp(status.oldest_owed),
        "path": str(status.path.absolute()),
        "is_known": status.schema <= status.newest_schema,
    }
