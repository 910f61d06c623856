"""Promises of `tgauth keys`: what signs, and rotations that nobody or everybody notices."""

import json
import re

import pytest
from tests.cli.installation import Installation

from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys, list_keys


async def first(deployment: Deployment) -> str:
    """Make the first key, as the API does at its start."""
    return (await Keys(deployment).current()).signer.kid


async def kids(deployment: Deployment) -> list[str]:
    """Return the ids of all keys, oldest first."""
    return [key.kid for key in await list_keys(deployment)]


def test_before_the_first_start_there_is_no_key(tgauth: Installation) -> None:
    """It is said what makes one."""
    assert "There is no signing key yet" in tgauth("keys", "list").stdout
    assert [] == json.loads(tgauth("keys", "list", "--json").stdout)


def test_keys_are_listed_with_what_they_are_for(tgauth: Installation) -> None:
    """For people and for machines; nothing of a private part."""
    tgauth("keys", "rotate")
    assert "signs now" in tgauth("keys", "list").stdout
    [key] = json.loads(tgauth("keys", "list", "--json").stdout)
    assert {"kid", "algorithm", "use", "created_at", "signs_from", "expires_at"} == set(key)
    assert "signs" == key["use"]
    [kid] = tgauth.do(kids)
    assert kid == key["kid"]


def test_a_second_rotation_has_to_wait(tgauth: Installation) -> None:
    """It says until when."""
    tgauth("keys", "rotate")
    told = tgauth("keys", "rotate", code=1).stderr
    assert re.search(
        r"is new already and signs from 2\d{3}-\S+Z on: wait until then$", told.strip()
    )


def test_the_old_key_signs_until_the_new_one_does(tgauth: Installation) -> None:
    """Both are listed."""
    old = tgauth.do(first, is_real_time=True)
    told = tgauth("keys", "rotate").stdout
    assert f"Key {old} goes on verifying until" in told
    [new] = set(tgauth.do(kids)) - {old}
    assert f"Key {new} is published now, and signs from" in told
    listed = {line.split()[0]: line for line in tgauth("keys", "list").stdout.splitlines()}
    assert "signs now, verifies until" in listed[old]
    assert "will sign from" in listed[new]


def test_a_rotation_at_once_asks_first(tgauth: Installation) -> None:
    """It says what becomes of every token; without a yes nothing happens."""
    tgauth("keys", "rotate")
    [old] = tgauth.do(kids)
    done = tgauth("keys", "rotate", "--at-once", given="n\n", code=1)
    assert "becomes invalid at once" in done.stdout
    assert [old] == tgauth.do(kids)
    told = tgauth("keys", "rotate", "--at-once", "--yes").stdout
    assert "signs now" in told
    uses = {key["kid"]: key["use"] for key in json.loads(tgauth("keys", "list", "--json").stdout)}
    assert "over" == uses.pop(old)
    assert ["signs"] == list(uses.values())


def test_renewing_asks_first(tgauth: Installation) -> None:
    """It says what it means; without a yes nothing happens."""
    before = tgauth.key.read_text()
    for given in ("n\n", ""):
        done = tgauth("keys", "renew", "--master-key-stolen", given=given, code=1)
        assert "Everybody is logged out" in done.stdout
        assert f"what is there now becomes {tgauth.key.name}.old." in done.stdout
        assert "nothing was done" in done.stderr
    assert before == tgauth.key.read_text()
    done = tgauth("keys", "renew", "--master-key-stolen", given="y\n")
    assert "tgauth.db.key is the master key now. Copy it to a safe place" in done.stdout
    assert "Ended: 0 sessions and 0 logins that waited. Signing key " in done.stdout
    assert "What was there before is tgauth.db.key.old now" in done.stdout
    assert before == tgauth.key.with_name("tgauth.db.key.old").read_text()


def test_a_lost_key_is_made_anew(tgauth: Installation) -> None:
    """The refusal names the command, and every command works again."""
    tgauth.key.unlink()
    assert "`tgauth keys renew --master-key-lost`" in tgauth("keys", "list", code=78).stderr
    assert "was there before" not in tgauth("keys", "renew", "--master-key-lost", "--yes").stdout
    assert "signs now" in tgauth("keys", "list").stdout
    told = tgauth("keys", "renew", "--master-key-lost", "--yes", code=1).stderr
    assert "is here and is this store's: nothing is lost" in told


@pytest.mark.parametrize("options", [(), ("--master-key-lost", "--master-key-stolen")])
def test_renewing_wants_to_know_why(tgauth: Installation, options: tuple[str, ...]) -> None:
    """One of both, or the command line makes no sense."""
    told = tgauth("keys", "renew", "--yes", *options, code=2).stderr
    assert "say which it is: --master-key-lost or --master-key-stolen" in told
