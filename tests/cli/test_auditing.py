"""Promises of `tgauth audit`: to read, to filter, to follow."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from tests.builders import ALICE, BOB, NOW, a_begun_login, a_browser, a_profile, chat_code_of
from tests.cli.installation import SETTINGS, Installation
from tests.cli.test_printing import NASTY
from tests.house.sources import ROOT

from tgauth.domain.audit import Actor, AuditEntry, AuditEvent
from tgauth.domain.instants import DAY, HOUR
from tgauth.domain.session import Visitor
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.store import audit, persons


async def log_in(deployment: Deployment, telegram_id: int = ALICE) -> None:
    """Log somebody in."""
    profile = a_profile(telegram_id)
    login = await a_begun_login(deployment, update_id=telegram_id, profile=profile)
    visitor = Visitor(device="Firefox, Linux", address="192.0.2.1")
    browser = a_browser("b", visitor=visitor)
    code = chat_code_of(deployment, login)
    await continue_in_browser(deployment, code, browser=browser, switch=False)


async def both_log_in(deployment: Deployment) -> None:
    """Log Alice in, then Bob."""
    await log_in(deployment)
    await log_in(deployment, BOB)


def written(*entries: dict[str, Any]) -> Any:
    """Return what writes entries into the log."""

    async def write(deployment: Deployment) -> None:
        blank = AuditEntry(at=NOW, event=AuditEvent.LOGIN_BEGUN, actor=Actor.PERSON)
        async with deployment.store.writing() as connection:
            for fields in entries:
                await audit.add(connection, replace(blank, **fields))

    return write


def events(tgauth: Installation, *options: str) -> list[str]:
    """Return what `tgauth audit` shows, by its events."""
    lines = tgauth("audit", "--json", *options).stdout.splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_the_log_is_printed_for_people(tgauth: Installation) -> None:
    """A line for each entry, newest last: when, what, who and from where."""
    tgauth.do(log_in)
    *_, begun, redeemed = tgauth("audit").stdout.splitlines()
    assert re.fullmatch(
        r"2027-01-15 08:00:00 UTC  login\.begun      person       telegram_id=1001 "
        r"sub=\w+ client_id=shop login_id=\w+",
        begun,
    )
    assert "login.redeemed" in redeemed
    assert 'address=192.0.2.1 device="Firefox, Linux"' in redeemed


def test_the_log_is_printed_for_machines(tgauth: Installation) -> None:
    """One object a line, with the names of the documentation."""
    tgauth.do(log_in)
    lines = tgauth("audit", "--json").stdout.splitlines()
    assert [1, 2, 3] == [json.loads(line)["id"] for line in lines]
    last = json.loads(lines[-1])
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    assert [] == [name for name in last.keys() - {"id"} if f"`{name}`" not in text]
    assert ("login.redeemed", "person", "done") == (last["event"], last["actor"], last["outcome"])
    assert "2027-01-15T08:00:00Z" == last["at"]


def test_an_empty_log_is_told(tgauth: Installation) -> None:
    """For people in words, for machines by no line."""
    assert "Nothing of that kind" in tgauth("audit").stdout
    assert not tgauth("audit", "--json").stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--event", "person.joined"), ["person.joined"] * 2),
        (
            ("--event", "person.joined", "--event", "login.redeemed", "--limit", "3"),
            ["login.redeemed", "person.joined", "login.redeemed"],
        ),
        (("--limit", "2"), ["login.begun", "login.redeemed"]),
        (("--person", str(BOB)), ["person.joined", "login.begun", "login.redeemed"]),
        (("--person", "nobody"), []),
        (("--person", "77"), []),
        (
            ("--since", "2027-01-15T08:00:00Z"),
            ["person.joined", "login.begun", "login.redeemed"] * 2,
        ),
        (("--since", "2027-01-15T08:00:01"), []),
        (("--until", "2027-01-15T08:00"), []),
        (("--until", "2027-01-16", "--limit", "1"), ["login.redeemed"]),
        (("--since", "2027-01-15T09:00:01+01:00"), []),
    ],
)
def test_what_is_wanted_is_shown_and_nothing_else(
    tgauth: Installation, options: tuple[str, ...], expected: list[str]
) -> None:
    """By person, event and time; of too much the newest."""
    tgauth.do(both_log_in)
    assert expected == events(tgauth, *options)


def test_a_subject_means_its_person(tgauth: Installation) -> None:
    """As a Telegram id does, and so it does once the account is gone."""
    tgauth.do(both_log_in)

    async def subject_of_bob(deployment: Deployment) -> str:
        async with deployment.store.reading() as connection:
            person = await persons.find(connection, BOB)
        assert person is not None
        return person.subject

    subject = tgauth.do(subject_of_bob)
    assert 3 == len(events(tgauth, "--person", subject))
    tgauth("user", "remove", str(BOB), "--yes")
    assert ["person.removed"] == events(tgauth, "--person", subject)
    assert [] == events(tgauth, "--person", str(BOB))


def test_times_ago_are_counted_from_now(tgauth: Installation) -> None:
    """In seconds, minutes, hours and days."""
    now = time.time_ns() // 1_000_000
    tgauth.do(written({"at": now - 3 * DAY}, {"at": now - 3 * HOUR}, {"at": now - 1000}))
    for ago, number in (("30s", 1), ("10m", 1), ("4h", 2), ("1d", 2), ("4d", 3)):
        assert (ago, number) == (ago, len(events(tgauth, "--since", ago)))
    assert 2 == len(events(tgauth, "--until", "1h"))


@pytest.mark.parametrize(
    "options",
    [
        ("--since", "yesterday"),
        ("--since", "2x"),
        ("--event", "login.won"),
        ("--limit", "0"),
        ("--follow", "--until", "1h"),
    ],
)
def test_what_makes_no_sense_is_told(tgauth: Installation, options: tuple[str, ...]) -> None:
    """With exit code 2, as of any command."""
    assert "Error" in tgauth("audit", *options, code=2).stderr


def test_nothing_in_the_log_can_drive_a_terminal(tgauth: Installation) -> None:
    """Whatever somebody got into it."""
    nasty = NASTY.replace("\ud800", "")
    tgauth.do(written({"device": nasty, "address": nasty, "reason": nasty, "client_id": nasty}))
    for form in ((), ("--json",)):
        [line] = tgauth("audit", *form).stdout.splitlines()
        assert line.isprintable()


def test_what_an_operator_does_is_in_the_log(tgauth: Installation) -> None:
    """Each command that changes or hands out something."""
    tgauth.add("a", ALICE)
    tgauth("user", "export", "a")
    tgauth("user", "ban", str(ALICE))
    tgauth("user", "unban", str(ALICE))
    tgauth("user", "remove", "a", "--yes")
    tgauth("keys", "rotate")
    tgauth("keys", "renew", "--master-key-stolen", "--yes")
    found = [json.loads(line) for line in tgauth("audit", "--json").stdout.splitlines()]
    assert [
        "person.exported",
        "person.banned",
        "person.unbanned",
        "person.removed",
        "keys.rotated",
        "master_key.renewed",
    ] == [one["event"] for one in found]
    assert {"operator"} == {one["actor"] for one in found}


@contextmanager
def following(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `tgauth audit --follow`."""
    with subprocess.Popen(
        (sys.executable, "-m", "tgauth", "audit", "--follow", *options),
        cwd=folder,
        env=os.environ | SETTINGS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read(stream: IO[str] | None) -> dict[str, Any]:
    """Return the next object of a stream."""
    assert stream is not None
    found: dict[str, Any] = json.loads(stream.readline())
    return found


@pytest.mark.timeout(60)
def test_following_shows_what_is_wanted_as_it_happens(tgauth: Installation) -> None:
    """What was there, then what comes, each once; Ctrl-C ends it cleanly."""
    tgauth.do(log_in)
    with following(tgauth.folder, "--json", "--event", "login.redeemed") as process:
        assert 3 == read(process.stdout)["id"]
        tgauth.do(lambda deployment: log_in(deployment, BOB))
        assert 6 == read(process.stdout)["id"]
        # More of them in one commit than are read at once.
        many = [{"event": AuditEvent.LOGIN_REDEEMED}] * 1200
        tgauth.do(written(*many))
        assert [*range(7, 1207)] == [read(process.stdout)["id"] for _ in many]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (0, "", "") == (process.returncode, out, err)
