"""Whom an operator means, and what to type instead where that is not clear."""

from typing import TYPE_CHECKING, Final

import click

from tgauth.cli.operating import NOTHING_DONE
from tgauth.cli.printing import plain, table
from tgauth.cli.running import fail

if TYPE_CHECKING:
    from tgauth.domain.person import Person
    from tgauth.flows.deployment import Deployment

#: Telegram's ids have at most 52 significant bits (core.telegram.org/bots/api#user).
_LARGEST_ID: Final = 2**52


def checked_id(_context: click.Context, _parameter: click.Parameter, who: str) -> str:
    """Refuse a number that is no Telegram id: it is no name either."""
    is_id = len(who) <= len(str(_LARGEST_ID)) and who.isdecimal() and 1 <= int(who) <= _LARGEST_ID
    if who.isdecimal() and not is_id:
        raise click.BadParameter(f"{who} is not in the range 1 to {_LARGEST_ID}.")
    return who


async def id_meant(deployment: "Deployment", who: str, command: str) -> int:
    """Return the Telegram id that is meant, known here or not, or end. See `account_meant`."""
    from tgauth.flows.find_person import telegram_id_of

    telegram_id = telegram_id_of(who)
    if telegram_id is not None:
        return telegram_id
    return (await account_meant(deployment, who, command)).profile.telegram_id


async def account_meant(deployment: "Deployment", who: str, command: str) -> "Person":
    """Return the one account that is meant, or end with what to type instead.

    Args:
        deployment: The installation.
        who: An id or a subject. A username will not do, because it changes hands.
        command: What was asked for.
    """
    from tgauth.flows.find_person import find_account

    person = await find_account(deployment, who)
    if person is None:
        fail(await _what_instead(deployment, who, command), NOTHING_DONE)
    return person


async def _what_instead(deployment: "Deployment", who: str, command: str) -> str:
    from tgauth.flows.find_person import find_persons, telegram_id_of

    named = [one.person for one in await find_persons(deployment, who)]
    if named:
        rows = [(f"tgauth user {command} {one.profile.telegram_id}", one.name) for one in named]
        told = f"{plain(who)} is a username, and those change hands: say whom you mean by the id"
        return "\n".join([told, *(f"  {line}" for line in table(rows))])
    if telegram_id_of(who) is not None:
        return f"there is no account of {who}: nobody with that id has logged in"
    advice = "a name is known once its owner has logged in, and `tgauth user list` has them all"
    if command == "ban":
        advice += "; an id can be banned before (`tgauth user ban 12345678`)"
    return f"there is no account of {plain(who)}: {advice}"
