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
    eventually,
    tgauth,
)

#: Makes a process see the wall clock of a file.
CLOCKS = Path(__file__).with_name("clocks")
HOUR = 3600
PERSON, OTHER = 901, 902


class WallClock:
    """The wall clock of an installation."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall-clock"
        self.set(0)

    def set(self, seconds: float) -> None:
        """Set it to so much after the real one."""
        # In one step: somebody may read at any moment.
        written = self._file.with_suffix(".new")
        written.write_text(f"{seconds:+}\n")
        written.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process see it; what nobody can set stays as it is."""
        return {"PYTHONPATH": str(CLOCKS), "WALL_CLOCK": str(self._file)}


@pytest.fixture
def wall(tmp_path: Path) -> WallClock:
    """The wall clock of the installation."""
    return WallClock(tmp_path)


def serving(installation: Tgauth, wall: WallClock) -> Process:
    """Serve by that clock."""
    return installation.start("serve", environment=wall.environment)


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram, wall: WallClock) -> Iterator[Tgauth]:
    """An installation whose clock can be set; it serves."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as prepared:
        served = serving(prepared, wall)
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
    sandbox: Telegram, installation: Tgauth, wall: WallClock, jumps: tuple[int, ...]
) -> None:
    """Asked for at each stage; a link that is asked for afterwards is good."""
    sandbox.send(PERSON, "/login")
    code = sandbox.code(PERSON)
    for jump in jumps:
        wall.set(jump)
        assert REFUSED == refusal(installation, code)
        assert installation.exchange("x" * 43).status_code == 400
    assert "clock.stepped_back" in installation.output
    eventually(lambda: says_expired(sandbox, PERSON))
    sandbox.send(OTHER, "/login")
    assert 200 == installation.exchange(sandbox.code(OTHER)).status_code
    assert REFUSED == refusal(installation, code)


@pytest.mark.parametrize("jumps", [(-HOUR,), (-HOUR, 0), (HOUR, 0)], ids=str)
def test_a_jump_is_noticed_while_nobody_asks(
    sandbox: Telegram, installation: Tgauth, wall: WallClock, jumps: tuple[int, ...]
) -> None:
    """The message in the chat changes by itself, and the code is over for whoever comes later."""
    sandbox.send(PERSON, "/login")
    code = sandbox.code(PERSON)
    for number, jump in enumerate(jumps, start=1):
        wall.set(jump)
        eventually(partial(has_stepped, installation, number))
    eventually(lambda: says_expired(sandbox, PERSON))
    assert REFUSED == refusal(installation, code)


def test_a_jump_while_nothing_runs_is_noticed_at_the_start(
    tmp_path: Path, sandbox: Telegram, wall: WallClock
) -> None:
    """Before anybody is let in."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as installation:
        served = serving(installation, wall)
        sandbox.send(PERSON, "/login")
        code = sandbox.code(PERSON)
        assert 0 == served.stop()
        wall.set(-HOUR)
        served = serving(installation, wall)
        assert REFUSED == refusal(installation, code)
        wall.set(0)
        assert REFUSED == refusal(installation, code)
        assert 0 == served.stop()


def test_nothing_is_noticed_where_nothing_jumps(
    sandbox: Telegram, installation: Tgauth, wall: WallClock
) -> None:
    """A clock that is corrected by less than a second is one that goes."""
    sandbox.send(PERSON, "/login")
    code = sandbox.code(PERSON)
    wall.set(0.7)
    sandbox.send(OTHER, "/login")
    sandbox.code(OTHER)
    wall.set(0)
    assert 200 == installation.exchange(code).status_code
    assert "clock.stepped" not in installation.output
