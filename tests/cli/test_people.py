"""Promises of `tgauth user`: who is here, and what an operator can do about it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.builders import ALICE, BOB, NOW, a_begun_login, a_browser, a_key, a_profile, chat_code_of
from tests.cli.conftest import Run
from tests.cli.installation import SETTINGS, Installation
from tests.cli.test_printing import NASTY

from tgauth.domain.session import Visitor
from tgauth.flows.account import export_data
from tgauth.flows.ban_person import ban_person
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.personal_data import document_of
from tgauth.flows.receive_update import fail_update, receive_update
from tgauth.store import bans, persons


async def log_in(deployment: Deployment, profile: dict[str, Any] | None = None) -> None:
    """Log Alice in."""
    login = await a_begun_login(deployment, profile=a_profile(**(profile or {})))
    browser = a_browser("browser", visitor=Visitor(device="Firefox, Linux", address="192.0.2.1"))
    code = chat_code_of(deployment, login)
    await continue_in_browser(deployment, code, browser=browser, switch=False)


async def count_people(deployment: Deployment) -> int:
    """Return how many accounts there are."""
    async with deployment.store.reading() as connection:
        return len(await persons.page(connection, after=0, most=99))


async def is_banned(deployment: Deployment) -> bool:
    """Say whether Alice is."""
    async with deployment.store.reading() as connection:
        return await bans.get(connection, ALICE) is not None


def test_nobody_is_listed_where_nobody_is(tgauth: Installation) -> None:
    """In a sentence for people, in silence for machines."""
    assert "Nobody has logged in yet.\n" == tgauth("user", "list").stdout
    assert "Nobody is banned.\n" == tgauth("user", "list", "--banned").stdout
    assert "" == tgauth("user", "list", "--json").stdout


def test_everybody_is_listed(tgauth: Installation) -> None:
    """A line each, in columns."""
    tgauth.add("a", ALICE, first_name="東京", last_name=None, username="tokyo")
    tgauth.add("b", BOB, first_name="Bob", last_name="B", username=None)
    tgauth.do(lambda deployment: ban_person(deployment, BOB))
    assert [
        "telegram id  username  since                    banned                   name",
        f"{ALICE}         @tokyo    2027-01-15 08:00:00 UTC  -                        東京",
        f"{BOB}         -         2027-01-15 08:00:00 UTC  2027-01-15 08:00:00 UTC  Bob B",
    ] == tgauth("user", "list").stdout.splitlines()
    banned = tgauth("user", "list", "--banned").stdout.splitlines()
    assert [str(BOB)] == [line.split()[0] for line in banned[1:]]


def test_everybody_is_listed_for_machines(tgauth: Installation) -> None:
    """An object a line; who was banned without an account has only an id."""
    tgauth.add("a", ALICE)
    tgauth.do(lambda deployment: ban_person(deployment, BOB))
    [alice] = [json.loads(line) for line in tgauth("user", "list", "--json").stdout.splitlines()]
    assert {
        "telegram_id": ALICE,
        "sub": "a",
        "username": "alice",
        "first_name": "Alice",
        "last_name": "Archer",
        "language_code": "en",
        "created_at": "2027-01-15T08:00:00Z",
        "updated_at": "2027-01-15T08:00:00Z",
        "banned_at": None,
    } == alice
    [bob] = tgauth("user", "list", "--banned", "--json").stdout.splitlines()
    assert {"telegram_id": BOB, "banned_at": "2027-01-15T08:00:00Z"} == json.loads(bob)


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("list", "--json"),
        ("show", str(ALICE)),
        ("show", str(ALICE), "--json"),
        ("export", str(ALICE)),
        ("ban", str(ALICE)),
        ("remove", str(ALICE), "--yes"),
    ],
    ids=" ".join,
)
def test_no_name_reaches_the_terminal_as_it_is(
    tgauth: Installation, command: tuple[str, ...]
) -> None:
    """Whatever somebody is called, nothing that a terminal obeys is printed."""
    name = NASTY.replace("\ud800", "")
    tgauth.do(lambda deployment: log_in(deployment, {"first_name": name, "username": name}))
    printed = tgauth("user", *command).output
    assert all(one.isprintable() or one == "\n" for one in printed)


def test_an_account_is_shown_with_its_sessions_and_logins(tgauth: Installation) -> None:
    """For people."""
    tgauth.do(log_in)
    shown = tgauth("user", "show", "@ALICE").stdout
    assert f"telegram id   {ALICE}\nusername      @alice\nname          Alice Archer\n" in shown
    assert "banned        no" in shown
    assert "Firefox, Linux  192.0.2.1" in shown
    assert "last logins: 1" in shown
    assert re.search("chat +redeemed", shown)


def test_all_who_had_a_username_are_shown(tgauth: Installation) -> None:
    """One after the other."""
    tgauth.add("a", ALICE, username="shared")
    tgauth.add("b", BOB, username="Shared")
    shown = tgauth("user", "show", "@shared").stdout
    assert ["a", "b"] == [
        line.split()[1] for line in shown.splitlines() if line.startswith("subject ")
    ]
    found = json.loads(tgauth("user", "show", "shared", "--json").stdout)
    assert ["a", "b"] == [one["account"]["sub"] for one in found]
    assert {"account", "sessions", "logins"} == set(found[0])


def test_who_is_not_here_is_told(tgauth: Installation) -> None:
    """With 1; a ban that stands for the id is told as well."""
    assert "tgauth: there is no account of @x\n" == tgauth("user", "show", "@x", code=1).stderr
    tgauth("user", "ban", str(BOB))
    told = tgauth("user", "show", str(BOB), code=1).stderr
    assert f"tgauth: there is no account of {BOB}, but that id is banned since " in told
    assert "[]\n" == tgauth("user", "show", str(BOB), "--json", code=1).stdout
    for command in ("export", "remove"):
        assert "no account of 999" in tgauth("user", command, "999", code=1).stderr


def test_a_ban_holds_at_once_and_can_be_lifted(tgauth: Installation) -> None:
    """Each step says what it did."""
    tgauth.add("a", ALICE)
    told = tgauth("user", "ban", str(ALICE)).stdout
    assert f"Banned {ALICE} (@alice): every session has ended" in told
    assert tgauth.do(is_banned)
    assert f"{ALICE} (@alice) was banned already.\n" == tgauth("user", "ban", str(ALICE)).stdout
    assert f"{ALICE} may log in again.\n" == tgauth("user", "unban", str(ALICE)).stdout
    assert not tgauth.do(is_banned)
    told = tgauth("user", "unban", str(ALICE), code=1).stderr
    assert f"tgauth: {ALICE} was not banned (`tgauth user list --banned`)\n" == told


def test_an_id_that_was_never_seen_is_banned(tgauth: Installation) -> None:
    """Before it comes."""
    assert f"Banned {ALICE}, who has no account here.\n" == tgauth("user", "ban", str(ALICE)).stdout
    assert tgauth.do(is_banned)


@pytest.mark.parametrize("text", ["0", "00", "9" * 5000, str(2**52 + 1)], ids=len)
def test_a_number_that_is_no_telegram_id_is_told(tgauth: Installation, text: str) -> None:
    """With 2: it is no name either."""
    for command in ("ban", "unban"):
        assert "Invalid value for 'ID|SUBJECT'" in tgauth("user", command, text, code=2).stderr


@pytest.mark.parametrize("command", ["ban", "unban", "remove", "export"])
def test_a_username_is_answered_with_what_to_type(tgauth: Installation, command: str) -> None:
    """It changes hands: everybody who had it is named with the id, and nothing is done."""
    tgauth.add("a", ALICE, username="shared")
    tgauth.add("b", BOB, username="Shared", first_name="Bob", last_name=None)
    for text in ("@shared", "shared"):
        assert [
            f"tgauth: {text} is a username, and those change hands: say whom you mean by the id",
            f"tgauth:   tgauth user {command} {ALICE}  Alice Archer",
            f"tgauth:   tgauth user {command} {BOB}  Bob",
        ] == tgauth("user", command, text, code=1).stderr.splitlines()
    assert 2 == tgauth.do(count_people)
    assert not tgauth.do(is_banned)


@pytest.mark.parametrize("command", ["ban", "unban", "remove", "export"])
@pytest.mark.parametrize("text", ["bob", "@bob", "1.5"])
def test_an_unknown_name_is_told_with_what_to_do(
    tgauth: Installation, command: str, text: str
) -> None:
    """Where names are known from, and that an id can be banned before it ever comes."""
    told = tgauth("user", command, text, code=1).stderr
    assert f"tgauth: there is no account of {text}: a name is known once its owner" in told
    assert "`tgauth user list` has them all" in told
    assert (command == "ban") == ("an id can be banned before (`tgauth user ban 12345678`)" in told)


def test_a_subject_is_as_good_as_an_id(tgauth: Installation) -> None:
    """It belongs to one account for ever."""
    tgauth.add("a", ALICE)
    assert f"Banned {ALICE} (@alice)" in tgauth("user", "ban", "a").stdout
    assert f"{ALICE} may log in again.\n" == tgauth("user", "unban", "a").stdout


def test_removing_somebody_asks_first(tgauth: Installation) -> None:
    """It says what goes; without a yes nothing does, also where nobody can answer."""
    tgauth.do(log_in)
    for given in ("n\n", "\n", ""):
        done = tgauth("user", "remove", str(ALICE), given=given, code=1)
        assert "with 1 session, 1 login and 2 messages" in done.stdout
        assert "nothing was done" in done.stderr
    assert 1 == tgauth.do(count_people)
    done = tgauth("user", "remove", str(ALICE), given="y\n")
    assert f"Deleted the account of {ALICE} (@alice).\n" in done.stdout
    assert 0 == tgauth.do(count_people)


def test_a_ban_outlives_the_account(tgauth: Installation) -> None:
    """It is said so."""
    tgauth.add("a", ALICE)
    tgauth("user", "ban", str(ALICE))
    assert "that stays" in tgauth("user", "remove", "a", "--yes").stdout
    assert tgauth.do(is_banned)


def test_an_export_holds_all_that_is_kept(tgauth: Installation) -> None:
    """It is the document of the person's own download, and holds no secret."""

    async def live(deployment: Deployment) -> dict[str, object]:
        await log_in(deployment)
        key = a_key(9, f"message:{ALICE}:9:0")
        await receive_update(deployment, key, '{"text": "words"}')
        for _ in range(3):
            await fail_update(deployment, key, chat_id=ALICE)
        async with deployment.store.reading() as connection:
            person = await persons.find(connection, ALICE)
        assert person is not None
        data = await export_data(deployment, person)
        return document_of(data, issuer=SETTINGS["TGAUTH_ISSUER"], now=NOW)

    expected = tgauth.do(live)
    found = json.loads(tgauth("user", "export", str(ALICE)).stdout)
    # The command's clock runs.
    assert found.pop("exported_at") != expected.pop("exported_at")
    assert expected == found
    assert [{"text": "words"}] == [one["content"] for one in found["unhandled"]]
    assert ["login_link", "login_closed"] == [one["notice"] for one in found["messages"]][:2]
    assert 1 == len(found["sessions"]) == len(found["logins"])
    assert "hash" not in json.dumps(found)


@pytest.mark.parametrize(
    "command", ["user list", "user show 1", "keys list", "db status", "db check", "db migrate"]
)
def test_where_nothing_ever_ran_nothing_is_made(folder: Path, run: Run, command: str) -> None:
    """A mistyped path is told with 74, and leaves no empty store behind."""
    done = run(*command.split(), **SETTINGS)
    assert 74 == done.exit_code
    assert f"tgauth: there is no store at {folder / 'tgauth.db'}: " in done.stderr
    assert [] == list(folder.iterdir())


def test_wrong_settings_end_a_command_with_78(run: Run) -> None:
    """By their keys."""
    done = run("user", "list", **SETTINGS | {"TGAUTH_API__PORT": "x"})
    assert 78 == done.exit_code
    assert "TGAUTH_API__PORT" in done.stderr


@pytest.mark.parametrize(
    "given",
    [{}, {"TGAUTH_TELEGRAM__TOKEN_FILE": "/nowhere/token"}, {"TGAUTH_LOGIN__ALLOW": ""}],
    ids=["nothing", "a token that cannot be read", "half of it"],
)
def test_what_only_serve_needs_is_not_asked_for(
    tgauth: Installation, run: Run, given: dict[str, str]
) -> None:
    """Whoever looks after the store may not be able to read the token, and need not."""
    settings = {"TGAUTH_DATABASE__PATH": str(tgauth.database), **given}
    done = run("user", "list", **settings)
    assert (0, "Nobody has logged in yet.\n") == (done.exit_code, done.output)


def test_another_stores_key_ends_a_command_with_78(tgauth: Installation) -> None:
    """Nothing is done with it, and it is not shown."""
    tgauth.key.write_text("c" * 64)
    assert "belongs to another store" in tgauth("user", "list", code=78).stderr


def test_a_missing_key_is_never_made_by_a_command(tgauth: Installation) -> None:
    """It is asked for."""
    tgauth.key.unlink()
    assert "restore it from a backup" in tgauth("user", "list", code=78).stderr
    assert not tgauth.key.exists()
