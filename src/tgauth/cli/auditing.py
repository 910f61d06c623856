"""`tgauth audit`: who did what, when and from where."""

import re
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import anyio
import click

from tgauth.cli.operating import settings_of_installation, with_deployment
from tgauth.cli.printing import as_json, moment, plain, say
from tgauth.domain.audit import AuditEvent
from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND, Instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tgauth.domain.audit import AuditEntry
    from tgauth.flows.deployment import Deployment
    from tgauth.store.audit import Wanted

_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_AGO: Final = re.compile(r"([0-9]{1,9})([smhd])")
#: Seconds between two looks for news.
_LOOK_EVERY: Final = 0.5
_AT_ONCE: Final = 500


class Moment(click.ParamType["Instant"]):
    """A moment: so long ago (`2h`), or a date with or without a time of day, in UTC."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Instant:
        """Read it."""
        ago = _AGO.fullmatch(value)
        if ago:
            return time.time_ns() // 1_000_000 - int(ago[1]) * _UNITS[ago[2]]
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is neither like 30m, 2h or 7d nor like 2026-01-31T08:00", param, ctx
            )
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return int(found.timestamp() * SECOND)


@click.command()
@click.option("--person", metavar="ID|SUBJECT", help="Only what is about this person.")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([event.value for event in AuditEvent]),
    help="Only this kind of event; may be repeated.",
)
@click.option("--since", type=Moment(), help="Only from then on: 30m, 2h, 7d ago, or a date.")
@click.option("--until", type=Moment(), help="Only before then.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="At most so many, the newest ones.",
)
@click.option("--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object a line.")
def audit(  # noqa: PLR0913 - each is one option
    *,
    person: str | None,
    events: tuple[str, ...],
    since: Instant | None,
    until: Instant | None,
    limit: int,
    follow: bool,
    wants_json: bool,
) -> None:
    """Read the audit log: who did what, when and from where, newest last."""
    if follow and until is not None:
        raise click.UsageError("--follow has no end: leave out --until")
    kinds = tuple(AuditEvent(event) for event in events)

    async def read(deployment: "Deployment") -> int:
        from tgauth.flows.read_audit import about, end_of_log, newest_entries
        from tgauth.store.audit import Wanted

        whose = Wanted() if person is None else await about(deployment, person)
        wanted = replace(whose, events=kinds, since=since, until=until)
        end = await end_of_log(deployment)
        found = await newest_entries(deployment, wanted, most=limit)
        _show(found, wants_json=wants_json)
        if follow:
            after = found[-1].id if found else None
            await _follow(deployment, replace(wanted, after=after or end), wants_json=wants_json)
        return len(found)

    number = with_deployment(settings_of_installation(), read)
    if not number and not wants_json and not follow:
        say("Nothing of that kind is in the audit log.")


async def _follow(deployment: "Deployment", wanted: "Wanted", *, wants_json: bool) -> None:
    from tgauth.flows.read_audit import changes, next_entries

    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:

            async def end() -> None:
                async for _ in signals:
                    tasks.cancel_scope.cancel()

            tasks.start_soon(end)
            seen = None
            while True:
                version = await changes(deployment)
                while version != seen:
                    found = await next_entries(deployment, wanted, most=_AT_ONCE)
                    _show(found, wants_json=wants_json)
                    if not found:
                        seen = version
                        break
                    wanted = replace(wanted, after=found[-1].id or wanted.after)
                await anyio.sleep(_LOOK_EVERY)


def _show(entries: "Sequence[AuditEntry]", *, wants_json: bool) -> None:
    if wants_json:
        from tgauth.flows.personal_data import audit_document

        say(*(as_json(audit_document(one)) for one in entries))
    else:
        say(*map(_line, entries))


def _line(entry: "AuditEntry") -> str:
    """Return an entry as one line: when, what, who, and the rest by its names."""
    fields = {
        "reason": entry.reason,
        "number": entry.number if entry.number != 1 else None,
        "telegram_id": entry.telegram_id,
        "sub": entry.subject,
        "address": entry.address,
        "device": entry.device,
        "client_id": entry.client_id,
        "login_id": entry.login_id,
        "session_id": entry.session_id,
    }
    told = " ".join(f"{name}={_word(value)}" for name, value in fields.items() if value is not None)
    return f"{moment(entry.at)}  {entry.event.value:<15}  {entry.actor.value:<11}  {told}".rstrip()


def _word(value: object) -> str:
    text = plain(value)
    return as_json(text) if not text or set(text) & set(' "=') else text
