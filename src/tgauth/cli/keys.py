"""`tgauth keys`: what tokens are signed with."""

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tgauth.cli.operating import (
    confirm,
    settings_of_installation,
    to_the_end,
    with_deployment,
)
from tgauth.cli.printing import as_json, moment, say, some, table
from tgauth.domain.instants import maybe_timestamp, timestamp

if TYPE_CHECKING:
    from tgauth.flows.deployment import Deployment
    from tgauth.flows.keyring import KeyUse
    from tgauth.flows.renew_master_key import Renewed
    from tgauth.store.key_renewal import KeyChange
    from tgauth.store.signing_keys import SealedKey


@click.group()
def keys() -> None:
    """See and change what tokens are signed with."""


@keys.command("list")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON array.")
def list_all(*, wants_json: bool) -> None:
    """List the signing keys, oldest first, and what each is for."""
    from tgauth.flows.keyring import list_keys, uses_of

    async def look(deployment: "Deployment") -> "list[tuple[SealedKey, KeyUse]]":
        found = await list_keys(deployment)
        return list(zip(found, uses_of(found, now=deployment.now()), strict=True))

    found = with_deployment(settings_of_installation(), look)
    if wants_json:
        say(as_json([_object(*one) for one in found], indent=2))
    elif found:
        rows = [(key.kid, moment(key.created_at), _use(key, use)) for key, use in found]
        say(*table(rows, ("kid", "made", "use"), widest=72))
    else:
        say("There is no signing key yet: the API makes one when it starts.")


@keys.command()
@click.option(
    "--at-once",
    is_flag=True,
    help="For a key that leaked: every token that was ever issued is void at once.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def rotate(*, at_once: bool, yes: bool) -> None:
    """Make a new signing key. Tokens of the old one stay good until they expire."""
    from tgauth.flows.keyring import list_keys, rotate_keys

    settings = settings_of_installation()
    if at_once:
        say(
            "Every access token that was issued so far becomes invalid at once, and applications "
            "see errors until they fetched the new key and a new token.",
            "Sessions stay. Without --at-once nobody notices anything.",
        )
        confirm("Rotate at once?", yes=yes)

    async def do(deployment: "Deployment") -> "tuple[SealedKey, list[SealedKey]]":
        new = await rotate_keys(deployment, at_once=at_once)
        return new, await list_keys(deployment)

    new, found = with_deployment(settings, do)
    if at_once:
        say(f"Key {new.kid} signs now; running processes take it up within half a minute.")
        return
    say(
        f"Key {new.kid} is published now, and signs from {moment(new.signs_from)} on,",
        "when every application that caches the keys has seen it.",
    )
    say(
        *(
            f"Key {key.kid} goes on verifying until {moment(key.expires_at)}."
            for key in found
            if key.expires_at is not None
        )
    )


@keys.command()
@click.option("--master-key-lost", "is_lost", is_flag=True, help="The key file is gone for good.")
@click.option("--master-key-stolen", "is_stolen", is_flag=True, help="Others may have it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def renew(*, is_lost: bool, is_stolen: bool, yes: bool) -> None:
    """Make a new master key, while no tgauth runs. Accounts and bans stay; nobody stays logged in.

    For a master key that was lost or stolen. For a signing key there is `rotate`.
    """
    from tgauth.flows.renew_master_key import Renewed, master_key_renewal
    from tgauth.store.key_renewal import KeyChange, Misfortune

    if is_lost == is_stolen:
        raise click.UsageError("say which it is: --master-key-lost or --master-key-stolen")
    settings = settings_of_installation()
    plan = partial(
        master_key_renewal,
        settings.database.path,
        settings.master_key_path,
        Misfortune.LOST if is_lost else Misfortune.STOLEN,
        may_make=settings.secret_file is None,
    )

    async def look() -> KeyChange:
        async with plan() as renewal:
            return renewal.change

    async def do() -> tuple[KeyChange, Renewed]:
        # Looked at again: somebody may have found the key meanwhile.
        async with plan() as renewal:
            return renewal.change, await renewal.carry_out(now=time.time_ns() // 1_000_000)

    if not yes:
        say(*_renewal(to_the_end(look)))
        confirm("Renew the master key?", yes=yes)
    change, done = to_the_end(do)
    say(*_renewed(change, done))


def _renewal(change: "KeyChange") -> list[str]:
    if not change.is_made:
        file = f"{change.path}, which is there and not this store's, becomes its master key."
    elif change.set_aside is not None:
        file = f"{change.path} gets a new master key; what is there now becomes {change.set_aside}."
    else:
        file = f"{change.path} gets a new master key."
    return [
        file,
        "Everybody is logged out, and every link that waits and every token is void.",
        "Accounts, the subjects by which applications know them, and bans stay.",
        "There is no way back: look for a copy of the key first.",
    ]


def _renewed(change: "KeyChange", done: "Renewed") -> list[str]:
    ended = f"{some(done.sessions, 'session')} and {some(done.logins, 'login')} that waited"
    lines = [
        f"{change.path} is the master key now. Copy it to a safe place, not to the backups'.",
        f"Ended: {ended}. Signing key {done.key.kid} signs from now on.",
        "Start tgauth again. People send /login anew. Applications take up the new signing key by",
        "themselves, within five minutes.",
        "Make a backup: those from before do not open with this key.",
    ]
    if change.set_aside is not None:
        lines.append(f"What was there before is {change.set_aside} now; only they need it.")
    return lines


def _use(key: "SealedKey", use: "KeyUse") -> str:
    from tgauth.flows.keyring import KeyUse

    until = f", verifies until {moment(key.expires_at)}" if key.expires_at is not None else ""
    match use:
        case KeyUse.SIGNS:
            return f"signs now{until}"
        case KeyUse.WILL_SIGN:
            return f"will sign from {moment(key.signs_from)}"
        case KeyUse.VERIFIES:
            return f"verifies until {moment(key.expires_at)}"
        case KeyUse.OVER:
            return f"over since {moment(key.expires_at)}"


def _object(key: "SealedKey", use: "KeyUse") -> dict[str, Any]:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "use": use.value,
        "created_at": timestamp(key.created_at),
        "signs_from": timestamp(key.signs_from),
        "expires_at": maybe_timestamp(key.expires_at),
    }
