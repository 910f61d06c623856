"""Promises of `tgauth keys`: what signs, and rotations that nobody or everybody notices."""

import json

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
    assert "is new already and signs from" in told
    assert "UTC" in told


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
