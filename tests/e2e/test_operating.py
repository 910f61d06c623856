"""What an operator does to a tgauth that serves: nobody notices, and backups are good."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.harness import Telegram, Tgauth, eventually, tgauth

ALICE, BOB, CY = 701, 702, 703
CROWD = range(800, 840)


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation whose links live long enough for what is done here."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as prepared:
        yield prepared


def log_in(installation: Tgauth, sandbox: Telegram, person: int) -> str:
    """Log somebody in; return their access token."""
    sandbox.send(person, "/login")
    answer = installation.exchange(sandbox.code(person))
    assert answer.status_code == 200
    return str(answer.json()["access_token"])


def test_a_backup_under_load_restores_what_was_pending(
    tmp_path: Path, sandbox: Telegram, installation: Tgauth
) -> None:
    """A login that was pending when the backup began redeems once after the restore."""
    served = installation.start("serve")
    before = log_in(installation, sandbox, ALICE)
    sandbox.send(BOB, "/login")
    pending = sandbox.code(BOB)
    crowd = threading.Thread(
        target=lambda: [log_in(installation, sandbox, person) for person in CROWD]
    )
    crowd.start()
    eventually(lambda: sandbox.codes(CROWD[2]))
    backups = [tmp_path / f"backup-{number}.db" for number in range(3)]
    for backup in backups:
        installation.run("db", "backup", str(backup))
    installation.run("db", "restore", str(backups[0]), "--yes", code=75)
    crowd.join(60)
    sandbox.send(CY, "/login")
    later = sandbox.code(CY)
    assert served.stop() == 0

    for backup in backups:
        installation.run("db", "restore", str(backup), "--yes")
        assert json.loads(installation.run("db", "check", "--json").stdout)["is_good"]

    served = installation.start("serve")
    assert installation.me(before).status_code == 200
    assert [200, 400] == [installation.exchange(pending).status_code for _ in range(2)]
    assert installation.exchange(later).status_code == 400
    assert served.stop() == 0


def test_another_machine_with_the_key_goes_on(
    tmp_path: Path, sandbox: Telegram, installation: Tgauth
) -> None:
    """As docs/backup.md says; without the key nothing is restored."""
    served = installation.start("serve")
    token = log_in(installation, sandbox, ALICE)
    sandbox.send(BOB, "/login")
    pending = sandbox.code(BOB)
    backup = tmp_path / "move.db"
    installation.run("db", "backup", str(backup))
    assert served.stop() == 0
    there = tmp_path / "there"
    there.mkdir()
    moved = {"TGAUTH_DATABASE__PATH": str(there / "tgauth.db")}
    key = installation.database.with_name("tgauth.db.key")
    other = Tgauth(there, installation.url, installation.environment | moved)
    other.run("db", "restore", str(backup), "--yes", code=78)
    shutil.copy2(key, there / "tgauth.db.key")
    other.run("db", "restore", str(backup), "--yes")
    try:
        other.start("serve")
        assert other.me(token).status_code == 200
        assert other.exchange(pending).status_code == 200
    finally:
        for process in other.running:
            process.end()


def test_a_ban_and_a_removal_hold_at_once(sandbox: Telegram, installation: Tgauth) -> None:
    """While it serves: the next request of a token is refused, and the bot says no."""
    served = installation.start("serve")
    tokens = {person: log_in(installation, sandbox, person) for person in (ALICE, BOB)}
    installation.run("user", "ban", str(ALICE))
    installation.run("user", "remove", str(BOB), "--yes")
    assert [401, 401] == [installation.me(token).status_code for token in tokens.values()]
    sandbox.send(ALICE, "/login")
    eventually(lambda: str(ALICE) in json.dumps(sandbox.answers(ALICE)[-1]))
    assert [] == sandbox.codes(ALICE)
    installation.run("user", "unban", str(ALICE))
    listed = installation.run("user", "list", "--json").stdout.splitlines()
    assert [ALICE] == [json.loads(line)["telegram_id"] for line in listed]
    assert served.stop() == 0


def test_a_rotation_is_noticed_by_nobody(sandbox: Telegram, installation: Tgauth) -> None:
    """Both keys are published, and tokens of before and after are good."""
    served = installation.start("serve")
    before = log_in(installation, sandbox, ALICE)
    installation.run("keys", "rotate")
    after = log_in(installation, sandbox, BOB)
    assert [200, 200] == [installation.me(token).status_code for token in (before, after)]
    kids = {key["kid"] for key in json.loads(installation.run("keys", "list", "--json").stdout)}
    published = eventually(
        lambda: kids == {key["kid"] for key in jwks(installation)}, within=40, every=0.5
    )
    assert published
    assert served.stop() == 0


def jwks(installation: Tgauth) -> list[dict[str, str]]:
    """Return the keys that are published."""
    answer = httpx.get(f"{installation.url}/.well-known/jwks.json")
    return list(answer.json()["keys"])


def test_accounts_outlive_a_lost_key(sandbox: Telegram, installation: Tgauth) -> None:
    """As docs/backup.md says: one command, and the same `sub` as before; open links end."""
    served = installation.start("serve")
    token = log_in(installation, sandbox, ALICE)
    before = installation.me(token).json()["user"]["sub"]
    eventually(lambda: not sandbox.codes(ALICE))  # a link that was used leaves the chat
    sandbox.send(BOB, "/login")
    pending = sandbox.code(BOB)
    installation.run("keys", "renew", "--master-key-lost", "--yes", code=75)
    assert served.stop() == 0
    installation.run("keys", "renew", "--master-key-lost", "--yes", code=1)
    installation.database.with_name("tgauth.db.key").unlink()
    told = installation.run("user", "list", code=78).stderr
    [advised] = re.findall("`tgauth (keys renew --master-key-lost)`", told)
    told = installation.run(*advised.split(), "--yes").stdout
    assert "Ended: 1 session and 1 login that waited." in told
    served = installation.start("serve")
    eventually(lambda: not sandbox.codes(BOB))
    assert installation.me(token).status_code == 401
    assert installation.exchange(pending).status_code == 400
    again = log_in(installation, sandbox, ALICE)
    assert before == installation.me(again).json()["user"]["sub"]
    installation.run("db", "check")
    assert served.stop() == 0
