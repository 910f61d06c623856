"""Promises of finding people: by what an operator knows of them, all who may be meant."""

import pytest
from tests.builders import ALICE, BOB, Clock, a_person, a_profile
from tests.flows.test_account import log_in

from tgauth.domain.instants import MINUTE
from tgauth.flows import list_persons as listing
from tgauth.flows.ban_person import ban_person
from tgauth.flows.deployment import Deployment
from tgauth.flows.find_person import banned_since, find_account, find_persons, telegram_id_of
from tgauth.flows.list_persons import Listed, list_persons
from tgauth.store import persons

pytestmark = pytest.mark.anyio


async def add(deployment: Deployment, *people: tuple[str, int, str | None]) -> None:
    """Add accounts: subject, Telegram id, username."""
    async with deployment.store.writing() as connection:
        for subject, telegram_id, username in people:
            profile = a_profile(telegram_id, username=username)
            await persons.save(connection, a_person(subject, profile=profile))


async def subjects(deployment: Deployment, text: str) -> list[str]:
    """Return who is found."""
    return [one.person.subject for one in await find_persons(deployment, text)]


async def test_somebody_is_found_by_each_of_their_names(deployment: Deployment) -> None:
    """The Telegram id, the subject, and the username with and without @, in any case."""
    await add(deployment, ("a", ALICE, "Alice_A"), ("b", BOB, "bob"))
    for text in (str(ALICE), "a", "@alice_a", "ALICE_A"):
        assert ["a"] == await subjects(deployment, text)
    for text in ("@al%", "_", "", "@", "c", "999", "9" * 30, "-1", "１００１"):  # noqa: RUF001
        assert [] == await subjects(deployment, text)


async def test_all_who_had_a_username_are_found(deployment: Deployment) -> None:
    """It went from one to the other, and the first was not here since."""
    await add(deployment, ("b", BOB, "shared"), ("a", ALICE, "shared"), ("c", 3003, "other"))
    assert ["a", "b"] == await subjects(deployment, "@shared")


async def test_only_what_is_one_persons_finds_an_account(deployment: Deployment) -> None:
    """A username is not."""
    await add(deployment, ("a", ALICE, "alice"))
    assert None is await find_account(deployment, "@alice")
    assert None is await find_account(deployment, "alice")
    for text in ("a", str(ALICE)):
        found = await find_account(deployment, text)
        assert found is not None
        assert "a" == found.subject


async def test_a_subject_of_digits_is_found(deployment: Deployment) -> None:
    """Unless it is somebody's Telegram id."""
    await add(deployment, ("77", ALICE, None), (str(ALICE), BOB, None))
    assert ["77"] == await subjects(deployment, "77")
    assert ["77"] == await subjects(deployment, str(ALICE))


async def test_sessions_and_the_last_logins_are_shown(deployment: Deployment, clock: Clock) -> None:
    """Ten at most, newest first; only sessions that live."""
    for number in range(1, 13):
        await log_in(deployment, number)
        clock.advance(MINUTE)
    [record] = await find_persons(deployment, str(ALICE))
    assert 12 == len(record.sessions)
    begun = [one.created_at for one in record.logins]
    assert 10 == len(begun)
    assert sorted(begun, reverse=True) == begun
    assert clock() - MINUTE == begun[0]
    await ban_person(deployment, ALICE)
    [record] = await find_persons(deployment, str(ALICE))
    assert [] == record.sessions
    assert clock() == record.person.banned_at


async def test_a_ban_without_an_account_is_found(deployment: Deployment) -> None:
    """By its id."""
    await ban_person(deployment, BOB)
    assert deployment.now() == await banned_since(deployment, BOB)
    assert None is await banned_since(deployment, ALICE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("0", None), ("", None), ("+1", None), ("²", None), ("1.0", None), ("7" * 40, None)],
)
def test_a_telegram_id_is_a_small_number(text: str, expected: int | None) -> None:
    """Nothing else, and nothing that SQLite cannot compare."""
    assert expected == telegram_id_of(text)


async def everybody(deployment: Deployment, *, only_banned: bool = False) -> list[list[Listed]]:
    """Return all pages."""
    return [page async for page in list_persons(deployment, only_banned=only_banned)]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5])
async def test_everybody_is_listed_once_in_pages(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """However the pages divide, nobody is listed twice or left out."""
    monkeypatch.setattr(listing, "PAGE", 2)
    ids = [10, 11, 12, 13, 20][:number]
    await add(deployment, *((f"s{one}", one, None) for one in reversed(ids)))
    pages = await everybody(deployment)
    assert ids == [one.telegram_id for page in pages for one in page]
    assert all(len(page) <= 2 for page in pages)
    for one in ids:
        await ban_person(deployment, one)
    pages = await everybody(deployment, only_banned=True)
    assert ids == [one.telegram_id for page in pages for one in page]


async def test_who_is_banned_is_listed_with_an_account_or_without(deployment: Deployment) -> None:
    """And nobody else."""
    await add(deployment, ("a", ALICE, None), ("b", BOB, None))
    await ban_person(deployment, BOB)
    await ban_person(deployment, 9999)
    [page] = await everybody(deployment, only_banned=True)
    assert [(BOB, "b"), (9999, None)] == [
        (one.telegram_id, one.person.subject if one.person else None) for one in page
    ]
    [page] = await everybody(deployment)
    assert [(ALICE, None), (BOB, deployment.now())] == [
        (one.telegram_id, one.banned_at) for one in page
    ]
