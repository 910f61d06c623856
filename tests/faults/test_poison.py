"""An update that nobody can handle: tried three times, parked, and never in anybody's way."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.harness import Telegram, Tgauth, eventually, tgauth

POISONING = str(Path(__file__).parent / "poisoning")
POISON = 513
#: Seconds: far less than three attempts at the poison take.
SOON = 1.5


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation in which one person's /login fails each time."""
    with tgauth(tmp_path, sandbox.url) as prepared:
        prepared.environment |= {"PYTHONPATH": POISONING, "POISON": str(POISON)}
        yield prepared


def inbox(installation: Tgauth) -> list[tuple[str, int]]:
    """Return state and attempts of what was not handled."""
    with closing(sqlite3.connect(installation.database)) as store:
        return list(store.execute("SELECT state, attempts FROM inbox WHERE state <> 'done'"))


def test_poison_between_two_people_keeps_neither_waiting(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """They are answered at once; whoever sent it reads an apology when it is parked."""
    installation.start("serve")
    sandbox.send(500, "/start")
    eventually(lambda: sandbox.answers(500))

    for person in (501, POISON, 502):
        sandbox.send(person, "/login")

    sandbox.code(501, within=SOON)
    sandbox.code(502, within=SOON)
    assert [("waiting", 1)] == inbox(installation)
    [apology] = eventually(lambda: sandbox.answers(POISON))
    assert "wrong" in apology["text"]
    assert [("parked", 3)] == inbox(installation)
    sandbox.send(503, "/login")
    sandbox.code(503, within=SOON)


def test_poison_is_counted_across_restarts(sandbox: Telegram, installation: Tgauth) -> None:
    """Each start answers the others first thing, and no start begins to count anew."""
    served = installation.start("serve")
    sandbox.send(POISON, "/login")
    eventually(lambda: inbox(installation) == [("waiting", 1)])
    assert served.stop() == 0
    for person in (501, 502):
        sandbox.send(person, "/login")

    served = installation.start("serve")
    for person in (501, 502):
        sandbox.code(person)
    eventually(lambda: inbox(installation) == [("parked", 3)])
    assert served.stop() == 0
    installation.start("serve")
    sandbox.send(503, "/login")
    sandbox.code(503)

    assert 3 == installation.output.count("update.failed")
    assert 1 == installation.output.count("update.parked")
    assert 1 == len(sandbox.answers(POISON))
