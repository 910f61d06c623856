"""A whole storm: people, kills, the calm after it, and what is left in the store."""

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.faults.history import Lifetimes
from tests.faults.storm.chats import Chats
from tests.faults.storm.journal import Journal, read
from tests.faults.storm.killing import Killer
from tests.faults.storm.people import Person, Scene
from tests.faults.storm.stories import STORIES
from tests.faults.storm.verdict import judge
from tests.harness import NEVER_PRINTED, Telegram, Tgauth, answers, telegram, tgauth

FIRST_PERSON: Final = 10_000
HISTORY: Final = "history.jsonl"
#: What changes a message when its link expires is owed much later.
_OWED: Final = """
    SELECT
        (SELECT count(*) FROM inbox WHERE state <> 'done') AS inbox,
        (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL
            AND notice <> 'login_closed') AS outbox
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What kind of storm.

    Attributes:
        logins: How many people log in.
        rate: How many begin in a second.
        every: Seconds between kills, on average.
        seed: What all chance comes from.
        workers: API processes.
        code_lifetime: Seconds that a link lives.
        patience: Seconds after the last kill in which every story has to end.
    """

    logins: int
    seed: int
    rate: float = 12.0
    every: float = 1.0
    workers: int = 2
    code_lifetime: int = 90
    patience: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a storm showed.

    Attributes:
        findings: What was promised and is not so.
        numbers: What happened, counted.
        history: The clients' journal.
    """

    findings: tuple[str, ...]
    numbers: dict[str, Any]
    history: Path


@dataclass(slots=True)
class _Storm:
    order: Order
    installation: Tgauth
    journal: Journal
    scene: Scene
    chance: random.Random
    _stories: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self, killer: Killer) -> None:
        """Let people come while processes are killed, then wait until all of them are done."""
        killer.start_again()
        await _until_ready(self.installation)
        reading = asyncio.create_task(self.scene.chats.follow())
        killing = asyncio.create_task(killer.storm(every=self.order.every))
        await self._come()
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
        killer.start_again()
        self.journal.note("calm")
        self.scene.calm.set()
        done, hanging = await asyncio.wait(self._stories, timeout=self.order.patience)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*done, *hanging, return_exceptions=True)
        reading.cancel()
        if not hanging:
            await _until_settled(self.installation, self.order.patience)

    async def _come(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        names = list(STORIES)
        weights = [STORIES[name].weight for name in names]
        for number in range(self.order.logins):
            # On a schedule, whether or not those before are done.
            await asyncio.sleep(began + number / self.order.rate - loop.time())
            [name] = self.chance.choices(names, weights)
            dice = random.Random(self.chance.random())  # noqa: S311 - one person's own
            person = Person(self.scene, FIRST_PERSON + number, dice)
            self._stories.add(asyncio.create_task(self._tell(name, person)))

    async def _tell(self, name: str, person: Person) -> None:
        story = STORIES[name]
        self.journal.note("story", who=person.number, name=name, insists=story.insists)
        try:
            await story.tell(person)
        except Exception as error:  # noqa: BLE001 - whatever it is, the journal has it
            self.journal.note("end of story", who=person.number, error=repr(error))
        else:
            self.journal.note("end of story", who=person.number)


def storm(order: Order, folder: Path) -> Outcome:
    """Run a storm in an empty folder, and judge it."""
    chance = random.Random(order.seed)  # noqa: S311 - a storm that can be ordered again
    settings = {
        "TGAUTH_API__WORKERS": str(order.workers),
        "TGAUTH_LOGIN__CODE_TTL": str(order.code_lifetime),
        "TGAUTH_LOGIN__CALLBACK_URL": "http://127.0.0.1:9/callback",
        "TGAUTH_LOGIN__REQUESTS_PER_MINUTE": "60",
        "TGAUTH_API__FAILURES_PER_MINUTE": "10000",
    }
    with (
        telegram(folder) as sandbox,
        tgauth(folder, sandbox.url, **settings) as installation,
        closing(Journal(folder / HISTORY)) as journal,
    ):
        journal.note("order", seed=order.seed, logins=order.logins, lifetime=order.code_lifetime)
        killer = Killer(installation, journal, chance)
        asyncio.run(_in_scene(order, sandbox, installation, journal, chance, killer))
        left = list(_left_in(installation, killer))
    notes = read(folder / HISTORY)
    verdict = judge(notes, Lifetimes(chat=order.code_lifetime))
    numbers = {"seed": order.seed, **verdict.numbers, "crash points": killer.crashed()}
    return Outcome(findings=(*verdict.findings, *left), numbers=numbers, history=folder / HISTORY)


async def _in_scene(  # noqa: PLR0913, PLR0917 - everything that takes part
    order: Order,
    sandbox: Telegram,
    installation: Tgauth,
    journal: Journal,
    chance: random.Random,
    killer: Killer,
) -> None:
    scene = Scene(
        telegram=int(sandbox.url.rpartition(":")[2]),
        tgauth=int(installation.url.rpartition(":")[2]),
        journal=journal,
        code_lifetime=order.code_lifetime,
        chats=Chats(int(sandbox.url.rpartition(":")[2])),
        calm=asyncio.Event(),
    )
    await _Storm(order, installation, journal, scene, chance).run(killer)


async def _until_ready(installation: Tgauth) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(answers, f"{installation.url}/readyz"):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.05)


async def _until_settled(installation: Tgauth, patience: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while _owed(installation.database) != (0, 0):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.2)


def _owed(database: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(database, timeout=10)) as store:
        [[inbox, outbox]] = store.execute(_OWED)
    return int(inbox), int(outbox)


def _left_in(installation: Tgauth, killer: Killer) -> list[str]:
    """Say what is wrong with what the storm left behind."""
    findings = []
    if (owed := _owed(installation.database)) != (0, 0):
        findings.append(f"left undone: {owed[0]} updates, {owed[1]} messages")
    pids = [pid for _, pid in killer.processes()]
    if (code := killer.stop()) != 0:
        findings.append(f"serve stopped with {code}")
    findings += [f"process {pid} outlived serve" for pid in pids if _lives(pid)]
    with closing(sqlite3.connect(installation.database)) as store:
        if (found := store.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            findings.append(f"integrity_check: {found}")
    checked = subprocess.run(
        (sys.executable, "-m", "tgauth", "db", "check", "--json"),
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if checked.returncode != 0 or not json.loads(checked.stdout)["is_good"]:
        findings.append(f"tgauth db check: {checked.stdout}{checked.stderr}")
    printed = installation.output
    return findings + [f"the log says {one!r}" for one in NEVER_PRINTED if one in printed]


def _lives(pid: int) -> bool:
    """Say whether a process has not ended; one that was not collected yet has (proc(5), "Z")."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
