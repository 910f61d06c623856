"""A thousand people at once after an outage, against a Telegram that holds to its limits."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.harness import LINK, Telegram, eventually, telegram, tgauth

from tgauth.domain.instants import SECOND

#: Who asked before the outage began and waits no more, and who asked during it.
LONG_AGO: Final = range(3_000, 3_100)
JUST_NOW: Final = range(5_000, 5_900)
#: Seconds that a link lives: shorter than the drain takes.
LIFETIME: Final = 20
#: What Telegram allows, and what the way there and the looking cost of it at most.
ALLOWED: Final = 30
LEAST: Final = 24
#: Seconds between the last look at whether a link is over and when Telegram has it.
ON_THE_WAY: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that Telegram took."""

    person: int
    at: float
    has_link: bool
    is_honest: bool


def answered(sandbox: Telegram) -> list[Answered]:
    """Return the answers in the order in which Telegram took them."""
    return [
        Answered(
            person=int(call["parameters"]["chat_id"]),
            at=call["time"],
            has_link=LINK.search(json.dumps(call["parameters"])) is not None,
            is_honest="I was away" in call["parameters"]["text"],
        )
        for call in sandbox.calls()
        if call["method"] == "sendMessage" and call["outcome"] == "ok"
    ]


def ends_of_links(database: Path) -> dict[int, float]:
    """Return when each person's login expires."""
    with closing(sqlite3.connect(database)) as store:
        rows = store.execute(
            "SELECT telegram_id, expires_at FROM logins JOIN persons USING (subject)"
        )
        return {person: end / SECOND for person, end in rows}


def flooded(sandbox: Telegram) -> list[dict[str, Any]]:
    """Return the calls that Telegram refused because of its limits."""
    return [call for call in sandbox.calls() if call["outcome"].startswith("429")]


def most_within_a_second(answers: list[Answered]) -> int:
    """Return how many answers there were in the fullest second."""
    moments = [one.at for one in answers]
    return max(
        sum(begin <= moment < begin + 1 for moment in moments[number : number + 2 * ALLOWED])
        for number, begin in enumerate(moments)
    )


@pytest.mark.timeout(180)
def test_a_thousand_logins_after_an_outage_are_all_answered(tmp_path: Path) -> None:
    """At the limit, oldest first, with no refusal; who waited too long is told so.

    Nobody gets a link that is over, although each of them asked in time; whose link is not gets it.
    """
    with (
        telegram(tmp_path, limits=True) as sandbox,
        tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL=str(LIFETIME)) as installation,
    ):
        installation.start("serve")
        sandbox.send(42, "/login")
        sandbox.code(42)
        sandbox.outage(on=True)
        for person in LONG_AGO:
            sandbox.send(person, "/login", date=int(time.time()) - 10 * LIFETIME)
        sent = {}
        for person in JUST_NOW:
            # Telegram's dates are whole seconds.
            sent[person] = int(time.time())
            sandbox.send(person, "/login")
        sandbox.outage(on=False)
        everybody = [*LONG_AGO, *JUST_NOW]
        eventually(lambda: len(answered(sandbox)) > len(everybody), within=90, every=0.5)
        answers = answered(sandbox)[1:]

        assert sorted(everybody) == sorted(one.person for one in answers)
        assert [] == flooded(sandbox)
        assert most_within_a_second(answers) <= ALLOWED
        assert len(answers) / (answers[-1].at - answers[0].at) > LEAST
        asked = {person: number for number, person in enumerate(everybody)}
        assert max(abs(asked[one.person] - place) for place, one in enumerate(answers)) <= ALLOWED
        assert all(one.has_link != one.is_honest for one in answers)
        assert all(one.is_honest for one in answers if one.person in LONG_AGO)
        ends = ends_of_links(installation.database)
        # How many of them are too late is the machine's to say: a link lives from when it is made,
        # and none is made for who asked longer ago than one lives.
        for one in answers:
            if one.has_link:
                assert one.at < ends[one.person] + ON_THE_WAY
            elif one.person in sent:
                assert one.at >= ends.get(one.person, sent[one.person] + LIFETIME)
        # Whoever asks now is not told what the burst's links have become of first.
        sandbox.send(43, "/login")
        sandbox.code(43, within=60)
        assert "message.given_up" not in installation.output
