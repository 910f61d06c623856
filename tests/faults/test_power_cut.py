"""A power cut at any moment: what was acknowledged to a client is there afterwards."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import anyio
import httpx
import pytest
from tests.faults.power import Change, Disk, Loss, What, read_record
from tests.faults.storm.killing import descendants
from tests.harness import Process, Telegram, Tgauth, answers, eventually, telegram, tgauth
from tests.strace import recording

from tgauth.domain.errors import TgauthError
from tgauth.flows.check_consistency import check_consistency
from tgauth.flows.deployment import Deployment
from tgauth.flows.identify import identify_by_token
from tgauth.flows.keyring import Keyring, Keys
from tgauth.flows.spending import look_up
from tgauth.processes import open_deployment
from tgauth.settings import load_settings

SEED: Final = int(os.environ.get("FAULTS_SEED", "1"))
#: States that are looked at, of the thousands that there can be.
STATES: Final = int(os.environ.get("FAULTS_STATES", "60"))
PEOPLE: Final = range(7001, 7025)
COUNT_UPDATE: Final = "SELECT count(*) AS number FROM inbox WHERE update_id = :update_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """What a client was told, and so has to be true from then on.

    Attributes:
        at: When, in unix seconds.
        what: `update` was confirmed to Telegram; `link` was shown; the rest was answered.
        value: The update's id, the code, or the token.
    """

    at: float
    what: str
    value: str


@dataclass(slots=True)
class Witness:
    """Writes down what clients were told."""

    told: list[Acknowledged] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, value: str, *, at: float | None = None) -> None:
        """Write down that a client was told something, now unless said otherwise."""
        with self._lock:
            self.told.append(
                Acknowledged(at=time.time() if at is None else at, what=what, value=value)
            )


def log_in(sandbox: Telegram, installation: Tgauth, witness: Witness, person: int) -> None:
    """Log a person in, through the application or through a browser."""
    said = httpx.post(f"{sandbox.url}/chat/messages", json={"user_id": person, "text": "/login"})
    witness.updates.append(int(said.json()["update_id"]))
    code = sandbox.code(person, within=60)
    witness.note("link", code)
    if person % 2:
        press(installation, code)
        witness.note("spent", code)
        return
    token = installation.exchange(code).json()["access_token"]
    witness.note("spent", code)
    witness.note("token", token)


def press(installation: Tgauth, code: str) -> None:
    """Open the link in a browser and press the button."""
    with httpx.Client(base_url=installation.url, timeout=60) as browser:
        page = browser.get("/auth/callback", params={"code": code}, follow_redirects=True)
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        headers = {"Origin": installation.url}
        pressed = browser.post("/auth/callback", data={"token": token}, headers=headers)
        assert pressed.status_code == 303


def note_confirmed(sandbox: Telegram, witness: Witness) -> None:
    """Write down when the bot told Telegram that it has an update: it never comes again then."""
    for call in sandbox.calls():
        if call["method"].lower() == "getupdates":
            offset = int(call["parameters"].get("offset", 0))
            for update_id in [one for one in witness.updates if one < offset]:
                witness.updates.remove(update_id)
                witness.note("update", str(update_id), at=float(call["time"]))
    assert [] == witness.updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run: what was written, what was told, and the settings of it."""

    changes: list[Change]
    told: list[Acknowledged]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Record some logins, from the very first start to the stop."""
    folder = tmp_path_factory.mktemp("power")
    store = folder / "store"
    store.mkdir()
    database = {"TGAUTH_DATABASE__PATH": str(store / "tgauth.db")}
    witness = Witness()
    with (
        telegram(folder) as sandbox,
        tgauth(folder, sandbox.url, TGAUTH_LOGIN__CODE_TTL="3600", **database) as installation,
    ):
        command = [*recording(folder / "record"), sys.executable, "-m", "tgauth", "serve"]
        process = Process.start(
            command, log=folder / "tgauth.log", environment=installation.environment
        )
        installation.running.append(process)
        eventually(lambda: answers(f"{installation.url}/readyz"), within=60)
        with ThreadPoolExecutor(4) as clients:
            for _ in clients.map(
                lambda person: log_in(sandbox, installation, witness, person), PEOPLE
            ):
                pass
        note_confirmed(sandbox, witness)
        [(_, served), *_] = descendants(process.popen.pid)
        os.kill(served, signal.SIGTERM)
        assert 0 == process.popen.wait(30)
    return Record(
        changes=read_record(folder / "record", store),
        told=sorted(witness.told, key=lambda one: one.at),
        environment=installation.environment,
    )


async def missing(database: Path, told: Sequence[Acknowledged], record: Record) -> list[str]:
    """Open what a power cut left as the next start does; say what should be there and is not."""
    settings = load_settings({**record.environment, "TGAUTH_DATABASE__PATH": str(database)})
    async with open_deployment(settings) as deployment:
        keyring = await Keys(deployment).current()
        found = [
            f"{one.what} {one.value}" for one in told if not await is_true(deployment, keyring, one)
        ]
    now = time.time_ns() // 1_000_000
    looks: AsyncIterator[object] = check_consistency(database, settings.master_key_path, now=now)
    return found + [str(one) async for one in looks if not getattr(one, "is_good", False)]


async def is_true(deployment: Deployment, keyring: Keyring, told: Acknowledged) -> bool:
    """Say whether what a client was told is so."""
    try:
        if told.what == "token":
            await identify_by_token(deployment, keyring, told.value)
            return True
        async with deployment.store.reading() as connection:
            if told.what == "update":
                row = await connection.one(COUNT_UPDATE, {"update_id": int(told.value)})
                return row is not None and row["number"] == 1
            presented = await look_up(connection, told.value)
            return told.what == "link" or presented.code.spent_at is not None
    except TgauthError:
        return False


def cut_after(changes: Sequence[Change], folder: Path, loss: Loss, chance: random.Random) -> Path:
    """Let the power fail after these changes; return the store that is left."""
    disk = Disk()
    for change in changes:
        disk.take(change)
    folder.mkdir()
    disk.cut(folder, loss, chance)
    return folder / "tgauth.db"


@pytest.mark.timeout(1800)
def test_what_was_acknowledged_outlives_a_power_cut(record: Record, tmp_path: Path) -> None:
    """After any change of any file, whatever of what was not synced is lost, torn or kept."""
    chance = random.Random(SEED)  # noqa: S311 - the same cuts each time
    moments = sorted(chance.sample(range(len(record.changes)), STATES))
    for number, moment in enumerate(moments):
        loss = list(Loss)[number % len(Loss)]
        # What was told before the next change began: everything until then has to be kept.
        told = [one for one in record.told if one.at < record.changes[moment].at]
        database = cut_after(record.changes[:moment], tmp_path / str(number), loss, chance)
        assert [] == anyio.run(missing, database, told, record), (SEED, moment, loss)


def test_the_record_is_whole(record: Record, tmp_path: Path) -> None:
    """Played to its end with nothing lost, it is the store in which everything is."""
    chance = random.Random(SEED)  # noqa: S311 - not needed here
    database = cut_after(record.changes, tmp_path / "whole", Loss.NONE, chance)
    assert {"update": 24, "link": 24, "spent": 24, "token": 12} == {
        what: sum(one.what == what for one in record.told)
        for what in ("update", "link", "spent", "token")
    }
    assert [] == anyio.run(missing, database, record.told, record)


def test_the_disk_forgets_what_was_not_synced(record: Record, tmp_path: Path) -> None:
    """The tool that these tests stand on: where no sync counts, every login is gone."""
    chance = random.Random(SEED)  # noqa: S311 - not needed here
    told = [one for one in record.told if one.what == "token"]
    unsynced = [
        one
        for one in record.changes
        if one.at < told[-1].at
        and not (one.what is What.SYNCED and one.path.endswith((".db", ".db-wal")))
    ]
    database = cut_after(unsynced, tmp_path / "forgetful", Loss.ALL, chance)
    assert len(told) == len(anyio.run(missing, database, told, record))


def test_a_sync_covers_what_was_written_before_it_began(tmp_path: Path) -> None:
    """By another thread meanwhile is not: then the disk of these tests would be too good."""
    file = str(tmp_path / "file")

    def change(what: What, by: int = 1, offset: int = 0, content: bytes = b"") -> Change:
        return Change(at=0.0, by=by, what=what, path=file, offset=offset, content=content)

    disk = Disk()
    for one in (
        change(What.OPENED),
        replace(change(What.SYNCING), path=str(tmp_path)),
        replace(change(What.SYNCED), path=str(tmp_path)),
        change(What.WRITTEN, content=b"first"),
        change(What.SYNCING, by=2),
        change(What.WRITTEN, offset=5, content=b"second"),
        change(What.SYNCING, by=3),
        change(What.SYNCED, by=2),
        change(What.WRITTEN, offset=11, content=b"third"),
    ):
        disk.take(one)
    (tmp_path / "left").mkdir()
    disk.cut(tmp_path / "left", Loss.ALL, random.Random(SEED))  # noqa: S311 - not needed here
    assert b"first" == (tmp_path / "left" / "file").read_bytes()
    disk.take(change(What.SYNCED, by=3))
    disk.cut(tmp_path / "left", Loss.ALL, random.Random(SEED))  # noqa: S311 - the same
    assert b"firstsecond" == (tmp_path / "left" / "file").read_bytes()
