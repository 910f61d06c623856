"""The clock jumps an hour forward and back, under the real processes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.harness import (
    NEVER_PRINTED,
    Process,
    Telegram,
    Tgauth,
    answers,
    eventually,
    telegram,
    tgauth,
)

#: Debian's libfaketime, for programs with threads: a file sets the wall clock of whoever loads it.
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
HOUR = 3600
PERSON, OTHER = 901, 902


class FakeTime:
    """The wall clock of an installation."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faketime"
        self.set(0)

    def set(self, seconds: float) -> None:
        """Set it to so much after the real one."""
        # In one step: the library may read at any moment.
        written = self._file.with_suffix(".new")
        written.write_text(f"{seconds:+}\n")
        written.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process see it; what nobody can set stays as it is."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Telegram]:
    """A Telegram, whose clock is right."""
    with telegram(tmp_path) as running:
        yield running


@pytest.fixture
def faked(tmp_path: Path) -> FakeTime:
    """The wall clock of the installation."""
    if not LIBRARY.exists():
        pytest.skip("needs Debian's libfaketime")
    return FakeTime(tmp_path)


def serving(installation: Tgauth, faked: FakeTime) -> Process:
    """Serve; a process that asks a library for the time takes longer to start."""
    served = installation.start("serve", wait=False, environment=faked.environment)
    eventually(lambda: answers(f"{installation.url}/readyz"), within=60)
    return served


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram, faked: FakeTime) -> Iterator[Tgauth]:
    """An installation whose clock can be set; it serves."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as prepared:
        served = serving(prepared, faked)
        yield prepared
        assert 0 == served.stop()
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in prepared.output]


def refusal(installation: Tgauth, code: str) -> tuple[int, str]:
    """Try a code; return what is said."""
    answer = installation.exchange(code)
    return answer.status_code, str(answer.json().get("error"))


REFUSED = (400, "invalid_grant")


def says_expired(sandbox: Telegram, person: int) -> bool:
    """Say whether the message with somebody's link says by now that it is over."""
    return any("expired" in message["text"] for message in sandbox.answers(person))


def has_stepped(installation: Tgauth, times: int) -> bool:
    """Say whether the clock was seen to step so many times."""
    return installation.output.count("clock.stepped_") == times


# One after the other on one installation: where a jump lets the next one in is part of the promise.
@pytest.mark.parametrize(
    "jumps",
    [(-HOUR, 0), (HOUR, 0), (HOUR, -HOUR, 0), (-HOUR, HOUR, 0), (-2, 0)],
    ids=str,
)
def test_no_code_outlives_a_jump_and_none_comes_back_to_life(
    sandbox: Telegram, installation: Tgauth, faked: FakeTime, jumps: tuple[int, ...]
) -> None:
    """Asked for at each stage; a link that is asked for afterwards is good."""
    sandbox.send(PERSON, "/login")
    code = sandbox.code(PERSON)
    for jump in jumps:
        faked.set(jump)
        assert REFUSED == refusal(installation, code)
        assert installation.exchange("x" * 43).status_code == 400
    assert "clock.stepped_back" in installation.output
    eventually(lambda: says_expired(sandbox, PERSON))
    sandbox.send(OTHER, "/login")
    assert 200 == installation.exchange(sandbox.code(OTHER)).status_code
    assert REFUSED == refusal(installation, code)


@pytest.mark.parametrize("jumps", [(-HOUR,), (-HOUR, 0), (HOUR, 0)], ids=str)
def test_a_jump_is_noticed_while_nobody_asks(
    sandbox: Telegram, installation: Tgauth, faked: FakeTime, jumps: tuple[int, ...]
) -> None:
    """The message in the chat changes by itself, and the code is over for whoever comes later."""
    sandbox.send(PERSON, "/login")
    code = sandbox.code(PERSON)
    for number, jump in enumerate(jumps, start=1):
        faked.set(jump)
        eventually(partial(has_stepped, installation, number))
    eventually(lambda: says_expired(sandbox, PERSON))
    assert REFUSED == refusal(installation, code)


def test_a_jump_while_nothing_runs_is_noticed_at_the_start(
    tmp_path: Path, sandbox: Telegram, faked: FakeTime
) -> None:
    """Before anybody is let in."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as installation:
        served = serving(installation, faked)
        sandbox.send(PERSON, "/login")
        code = sandbox.code(PERSON)
        assert 0 == served.stop()
        faked.set(-HOUR)
        served = serving(installation, faked)
        assert REFUSED == refusal(installation, code)
        faked.set(0)
        assert REFUSED == refusal(installation, code)
        assert 0 == served.stop()


def test_nothing_is_noticed_where_nothing_jumps(
    sandbox: Telegram, installation: Tgauth, faked: FakeTime
) -> None:
    """A clock that is corrected by less than a second is one that goes."""
    sandbox.send(PERSON, "/login")
    code = sandbox.code(PERSON)
    faked.set(0.7)
    sandbox.send(OTHER, "/login")
    sandbox.code(OTHER)
    faked.set(0)
    assert 200 == installation.exchange(code).status_code
    assert "clock.stepped" not in installation.output
