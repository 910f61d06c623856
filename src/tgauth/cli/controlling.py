"""`tgauth status`, `reload` and `stop`: what the running `tgauth serve` is asked for."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from tgauth.cli.operating import NOTHING_DONE, settings_of_installation, to_the_end
from tgauth.cli.printing import NOTHING, as_json, moment, plain, say, size, some, table
from tgauth.cli.running import fail

if TYPE_CHECKING:
    from tgauth.store.status import StoreStatus
    from tgauth.supervisor import NotAnswered

#: Seconds for an answer to a question.
_ANSWER: Final = 15.0
#: Seconds for a stop beyond those that the supervisor gives itself.
_TO_SPARE: Final = 5.0
#: What the bot tells beside its status: when Telegram answered last, in milliseconds since 1970.
_CONTACT: Final = "X_TGAUTH_CONTACT"
_SECOND: Final = 1000
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@click.command()
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def status(*, wants_json: bool) -> None:
    """Show how the running tgauth is: its processes, the bot, what waits.

    Ends with 69 when none runs here.
    """
    database = settings_of_installation().database.path
    served = _served(database)
    store = _store(database)
    if wants_json:
        say(as_json({"serve": served, "store": store}, indent=2))
    else:
        if served is not None:
            say(*_lines(served), "")
        if store is not None:
            say(*table(_store_lines(store).items(), widest=100))
    if served is None:
        _nobody(database)


@click.command()
def reload() -> None:
    """Let the running tgauth read its settings anew; wait, and say what came of it.

    Every process is replaced, new before old. Ends with 1 when something is wrong; then what ran
    goes on.
    """
    database = settings_of_installation().database.path
    done = _asked(database, "reload", within=None)
    for note in done["notes"]:
        click.echo(f"tgauth: warning: {plain(note)}", err=True)
    replaced = ", ".join(done["replaced"]) or "nothing"
    if done["failure"] is not None:
        fail(f"the reload failed: {plain(done['failure'])}; replaced: {replaced}", NOTHING_DONE)
    say(f"Reloaded: {replaced}.")


@click.command()
def stop() -> None:
    """Stop the running tgauth in order, and wait until it has ended."""
    from tgauth.supervisor import wait_for_end

    database = settings_of_installation().database.path
    asked = _asked(database, "stop", within=_ANSWER)
    if not wait_for_end(int(asked["pid"]), within=float(asked["within"]) + _TO_SPARE):
        fail(f"process {asked['pid']} has been told to stop, and still runs", os.EX_TEMPFAIL)
    say("Stopped.")


def _served(database: Path) -> dict[str, Any] | None:
    """Ask the running one; None where none runs."""
    from tgauth.premises import control_places
    from tgauth.supervisor import NobodySupervises, NotAnswered, ask

    try:
        return ask(control_places(database, os.environ), "status", within=_ANSWER)
    except NobodySupervises:
        return None
    except NotAnswered as error:
        _unanswered(error)


def _asked(database: Path, command: str, *, within: float | None) -> dict[str, Any]:
    """Have the running one do something, or end."""
    from tgauth.premises import control_places
    from tgauth.supervisor import NobodySupervises, NotAnswered, ask

    try:
        return ask(control_places(database, os.environ), command, within=within)
    except NobodySupervises:
        _nobody(database)
    except NotAnswered as error:
        _unanswered(error)


def _unanswered(error: "NotAnswered") -> NoReturn:
    if error.is_forbidden:
        fail(f"{error}: run this as the account that `tgauth serve` runs as", os.EX_NOPERM)
    fail(str(error), os.EX_TEMPFAIL)


def _nobody(database: Path) -> NoReturn:
    fail(f"no `tgauth serve` runs on {database.absolute()}", os.EX_UNAVAILABLE)


def _store(database: Path) -> dict[str, Any] | None:
    """Look at the store, which may not be there yet."""
    from tgauth.store.status import open_logins, status_of

    async def look() -> "tuple[StoreStatus, int]":
        now = time.time_ns() // 1_000_000
        return await status_of(database), await open_logins(database, now=now)

    if not database.exists():
        return None
    found, logins = to_the_end(look)
    return {
        "path": str(found.path.absolute()),
        "size": found.size,
        "wal_size": found.wal_size,
        "schema": found.schema,
        "newest_schema": found.newest_schema,
        "inbox": found.waiting,
        "oldest_in_inbox": found.oldest_waiting,
        "inbox_parked": found.parked,
        "outbox": found.owed,
        "oldest_in_outbox": found.oldest_owed,
        "open_logins": logins,
    }


def _lines(served: dict[str, Any]) -> list[str]:
    heading = "stopping" if served["is_stopping"] else plain(served["status"])
    lines = [f"tgauth serve, process {served['pid']}, for {_span(served['uptime'])}: {heading}"]
    if (last := served["last_reload"]) is not None:
        became = last["failure"] or f"replaced {', '.join(last['replaced'])}"
        lines.append(f"last reload, {moment(int(last['at'] * _SECOND))}: {plain(became)}")
    rows = [_row(child) for child in served["children"]]
    headings = ("process", "pid", "state", "for", "memory", "restarts", "last end")
    lines += ["", *table(rows, headings, widest=60)]
    for child in served["children"]:
        if child["status"] or _CONTACT in child["told"]:
            lines += ["", f"{child['name']}: {plain(child['status'])}{_contact(child['told'])}"]
    return lines


def _row(child: dict[str, Any]) -> tuple[object, ...]:
    end, leaving = child["last_end"], child["leaving"]
    state = child["state"] + (f", {some(len(leaving), 'older one')} leaving" if leaving else "")
    return (
        child["name"],
        child["pid"] or NOTHING,
        state,
        NOTHING if child["uptime"] is None else _span(child["uptime"]),
        NOTHING if child["memory"] is None else size(child["memory"]),
        child["restarts"],
        NOTHING if end is None else f"{_how(end)}, {moment(int(end['at'] * _SECOND))}",
    )


def _how(end: dict[str, Any]) -> str:
    return str(end["how"]) if end["why"] == "exited" else f"{end['how']} ({end['why']})"


def _contact(told: dict[str, str]) -> str:
    contact = told.get(_CONTACT, "")
    if not contact.isdigit():
        return ""
    ago = max(0.0, time.time() - int(contact) / _SECOND)
    return f"; Telegram answered {_span(ago)} ago"


def _span(seconds: float) -> str:
    """Return a length of time for people, in its two largest units."""
    rest, parts = int(seconds), []
    for length, unit in _UNITS:
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _store_lines(store: dict[str, Any]) -> dict[str, str]:
    schema = f"version {store['schema']}"
    if store["schema"] != store["newest_schema"]:
        schema += f", and this tgauth works with {store['newest_schema']}"
    inbox, outbox = store["oldest_in_inbox"], store["oldest_in_outbox"]
    return {
        "store": store["path"],
        "size": f"{size(store['size'])}, and {size(store['wal_size'])} not written back yet",
        "schema": schema,
        "updates that wait": _depth(store["inbox"], inbox),
        "updates that failed": str(store["inbox_parked"]),
        "messages to be sent": _depth(store["outbox"], outbox),
        "logins that can be redeemed": str(store["open_logins"]),
    }


def _depth(number: int, oldest: int | None) -> str:
    return f"{number}, the oldest since {moment(oldest)}" if number else "0"
