"""A SIGKILL at each point at which a login could be lost or doubled."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.harness import Telegram, Tgauth, eventually, tgauth

CRASHING = str(Path(__file__).parent / "crashing")
INBOX = "tgauth.flows.receive_update receive_update"
POINTS = {
    "update fetched and not stored": f"before {INBOX}",
    "stored and not handled": f"after {INBOX}",
    "committed and not sent": "after tgauth.flows.begin_chat_login begin_chat_login",
    "sent and not marked": "before tgauth.flows.deliver_messages settle_messages",
}
PEOPLE = (501, 502, 503)


def crash_at(point: str, folder: Path) -> dict[str, str]:
    """Return the environment of a process that is killed once at this point."""
    return {"PYTHONPATH": CRASHING, "CRASHES": f"{point} 0 {folder / 'crashed'}"}


def codes_of(sandbox: Telegram, person: int) -> set[str]:
    """Return the different codes that a person was sent."""
    return set(sandbox.codes(person))


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
def test_each_login_ends_with_one_code_that_redeems_once(
    point: str, tmp_path: Path, sandbox: Telegram, installation: Tgauth
) -> None:
    """Whatever the bot is killed between, every /login is answered by one code, once good."""
    served = installation.start("serve", environment=crash_at(point, tmp_path))

    for person in PEOPLE:
        sandbox.send(person, "/login")
    for person in PEOPLE:
        sandbox.code(person)

    assert (tmp_path / "crashed").exists(), "the crash point was never reached"
    # A second delivery of anything would come within this: the sender looks when it has marked.
    eventually(lambda: owed(installation) == 0)
    for person in PEOPLE:
        [code] = codes_of(sandbox, person)
        answers = [installation.exchange(code).status_code for _ in range(2)]
        assert answers == [200, 400]
    assert served.stop() == 0


def owed(installation: Tgauth) -> int:
    """Count the updates and messages that are not settled."""
    with sqlite3.connect(installation.database) as store:
        [[inbox]] = store.execute("SELECT count(*) FROM inbox WHERE state = 'waiting'")
        # What changes a message when its link expires is owed much later.
        [[outbox]] = store.execute(
            "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND notice <> 'login_closed'"
        )
    store.close()
    return int(inbox) + int(outbox)


def test_a_code_redeemed_and_not_answered_is_spent_once(
    tmp_path: Path, sandbox: Telegram, installation: Tgauth
) -> None:
    """An API process killed between commit and answer has spent the code, and spends no other."""
    point = "after tgauth.flows.exchange_code exchange_code"
    installation.start("serve", environment=crash_at(point, tmp_path))
    sandbox.send(501, "/login")
    code = sandbox.code(501)

    with pytest.raises(httpx.HTTPError):
        installation.exchange(code)
    again = installation.exchange(code)

    assert (tmp_path / "crashed").exists()
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    sandbox.send(501, "/login")
    [_, fresh] = eventually(lambda: two_or_more(sandbox.sent_codes()[501]))
    assert installation.exchange(fresh).status_code == 200
    assert installation.exchange(fresh).status_code == 400


def two_or_more(codes: list[str]) -> list[str]:
    """Return the codes once there are two."""
    return codes if len(codes) > 1 else []


def test_a_press_that_was_redeemed_and_not_answered_can_be_repeated(
    tmp_path: Path, sandbox: Telegram
) -> None:
    """A browser whose press got no answer presses again and reaches the application."""
    point = "after tgauth.flows.continue_in_browser continue_in_browser"
    callback = "http://127.0.0.1:9/callback"
    settings = {"TGAUTH_LOGIN__CALLBACK_URL": callback}
    with tgauth(tmp_path, sandbox.url, **settings) as installation:
        installation.start("serve", environment=crash_at(point, tmp_path))
        sandbox.send(501, "/login")
        code = sandbox.code(501)
        with httpx.Client(base_url=installation.url, timeout=20) as browser:
            page = browser.get("/auth/callback", params={"code": code}, follow_redirects=True)
            token = page.text.partition('name="token" value="')[2].partition('"')[0]
            press = {"data": {"token": token}, "headers": {"Origin": installation.url}}
            with pytest.raises(httpx.HTTPError):
                browser.post("/auth/callback", **press)  # type: ignore[arg-type]  # two kinds
            repeated = browser.post("/auth/callback", **press)  # type: ignore[arg-type]  # the same

        assert (tmp_path / "crashed").exists()
        assert repeated.status_code == 303
        callback_code = repeated.headers["location"].removeprefix(f"{callback}?code=")
        assert installation.exchange(callback_code).status_code == 200
        assert installation.exchange(callback_code).status_code == 400
        assert installation.exchange(code).status_code == 400


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
def test_a_bot_run_alone_loses_nothing_either(
    point: str, tmp_path: Path, sandbox: Telegram, installation: Tgauth
) -> None:
    """`run bot` under another service manager keeps the same promise."""
    crashed = installation.start("run", "bot", wait=False, environment=crash_at(point, tmp_path))
    sandbox.send(501, "/login")
    assert crashed.popen.wait(20) == -9
    installation.start("run", "bot", wait=False)
    installation.start("run", "api")

    [code] = {sandbox.code(501)}

    eventually(lambda: owed(installation) == 0)
    assert codes_of(sandbox, 501) == {code}
    assert installation.exchange(code).status_code == 200
    assert installation.exchange(code).status_code == 400


def test_the_crash_tool_crashes(tmp_path: Path) -> None:
    """The tool that these tests stand on does kill: without that they would prove nothing."""
    program = "import asyncio, tgauth.flows.check_store as m; asyncio.run(m.check_store(None))"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=crash_at("before tgauth.flows.check_store check_store", tmp_path),
        check=False,
    )
    assert ended.returncode == -9
