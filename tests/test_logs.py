"""Promises of the logs: one line an event, and never a secret in it."""

import json
import logging
import sys
from collections.abc import Callable, Iterator

import pytest
from tests.builders import TOKEN

from tgauth.logs import Log, configure

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def configured(**options: bool | str) -> None:
    """Log to stderr with the token as a secret."""
    as_json = bool(options.pop("as_json", False))
    configure("api", as_json=as_json, secrets=[TOKEN], level=str(options.pop("level", "info")))


def foreign(message: str) -> None:
    """Log as another library does, with an exception whose text holds the token."""
    try:
        raise OSError(  # noqa: TRY301 - as a library does
            f"POST https://api.telegram.org/bot{TOKEN}/getMe\nfailed"
        )
    except OSError:
        logging.getLogger("httpx").exception(message)


def test_an_event_is_one_line_with_its_fields(capsys: Captured) -> None:
    """Process, level, event and fields, in this order, on stderr."""
    configured()
    Log("bot").info("login.begun", login_id="abc", chat_id=5)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(" info    [api] login.begun login_id=abc chat_id=5\n")


def test_an_event_is_one_json_object(capsys: Captured) -> None:
    """The same as JSON, with a moment in UTC."""
    configured(as_json=True)
    Log("bot").warning("login.refused", reason="not_allowed", error=ValueError("x"), name="Ünal")
    entry = json.loads(capsys.readouterr().err)
    assert entry.pop("time").endswith("Z")
    expected = {
        "level": "warning",
        "process": "api",
        "event": "login.refused",
        "reason": "not_allowed",
        "error": "x",
        "name": "Ünal",
    }
    assert expected == entry


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "write",
    [
        lambda: Log("bot").info("event", address=f"https://x/bot{TOKEN}/y"),
        lambda: Log("bot").exception("event", ValueError(f"at {TOKEN}"), what=TOKEN),
        lambda: Log("bot").error(f"event {TOKEN}"),
        lambda: foreign(f"at {TOKEN}"),
        lambda: logging.getLogger("telegram.ext").error("%s", f"at {TOKEN}"),
    ],
    ids=["field", "exception", "event", "foreign exception", "foreign argument"],
)
def test_the_token_is_masked_wherever_it_turns_up(
    capsys: Captured, write: Callable[[], None], *, as_json: bool
) -> None:
    """In fields, texts and exceptions, ours or another library's."""
    configured(as_json=as_json)
    write()
    err = capsys.readouterr().err
    assert "***" in err
    assert TOKEN not in err


@pytest.mark.parametrize("as_json", [False, True])
def test_another_librarys_exception_is_one_line(capsys: Captured, *, as_json: bool) -> None:
    """No traceback: theirs print addresses that hold tokens. The error itself is told."""
    configured(as_json=as_json)
    foreign("could\nnot   send")
    err = capsys.readouterr().err
    assert 1 == len(err.splitlines())
    assert "OSError: POST" in err
    assert "Traceback" not in err
    assert "test_logs.py" not in err
    assert ("httpx" in err, "could not send" in err or "could\\nnot   send" in err) == (True, True)


def test_a_fault_of_our_own_says_where_it_came_from(capsys: Captured) -> None:
    """The frames of our own code, and the error."""
    configured()
    try:
        raise ZeroDivisionError("oh")  # noqa: TRY301 - as a fault does
    except ZeroDivisionError as error:
        Log("api").exception("request.failed", error, path="/x")
    err = capsys.readouterr().err
    assert "request.failed path=/x" in err
    assert 'error="ZeroDivisionError: oh"' in err
    assert "test_logs.py" in err


def test_a_fault_of_our_own_is_one_json_line(capsys: Captured) -> None:
    """The frames stand in a field."""
    configured(as_json=True)
    try:
        raise ZeroDivisionError("oh")  # noqa: TRY301 - as a fault does
    except ZeroDivisionError as error:
        Log("api").exception("request.failed", error)
    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert "ZeroDivisionError: oh" == entry["error"]
    assert "test_logs.py" in entry["trace"]


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\rb", "a b", "", 'a"b', "a=b", "\x1b[31m", "a\u2028b", "a\x85b", "a\x9bb", "\x7f"],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_strangers_text_stays_within_its_field(
    capsys: Captured, text: str, *, as_json: bool
) -> None:
    """Nobody forges a line, a field or a terminal's escape by what they send."""
    configured(as_json=as_json)
    Log("api").info("request.failed", path=text, last="end")
    err = capsys.readouterr().err
    assert err.endswith("\n")
    line = err.removesuffix("\n")
    assert line.isprintable()
    if as_json:
        assert text == json.loads(line)["path"]
    else:
        assert line.endswith(" last=end")
        shown = line.partition("path=")[2].removesuffix(" last=end")
        assert text == (json.loads(shown) if shown.startswith('"') else shown)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_decides_what_is_written(
    capsys: Captured, level: str, expected: list[str]
) -> None:
    """Everything from the level on, nothing below."""
    configured(as_json=True, level=level)
    log = Log("api")
    for write in (log.debug, log.info, log.warning, log.error):
        write("event")
    lines = capsys.readouterr().err.splitlines()
    assert expected == [json.loads(line)["level"] for line in lines]


@pytest.mark.parametrize("name", ["httpx", "telegram.ext.Updater", "hypercorn.error", "aiosqlite"])
def test_libraries_are_quiet_below_warning(capsys: Captured, name: str) -> None:
    """At debug as well: httpx logs every address at info, and those hold the token."""
    configured(level="debug")
    logging.getLogger(name).info("address")
    logging.getLogger(name).debug("address")
    assert capsys.readouterr().err == ""


def test_configuring_again_does_not_write_twice(capsys: Captured) -> None:
    """One handler, however often."""
    configured()
    configured()
    Log("api").info("event")
    assert 1 == len(capsys.readouterr().err.splitlines())
    assert sys.stderr is not None


def test_no_event_of_a_library_reaches_the_terminal_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its controls are escaped as those of fields are."""
    configure("api")
    logging.getLogger("asyncio").warning("odd \x1b]0;owned\x07 \u202e")
    printed = capsys.readouterr().err
    assert printed.rstrip("\n").isprintable()
    assert "odd" in printed
