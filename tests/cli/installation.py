"""An installation that has run before, and does not run now, for the operating commands."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from click.testing import Result
from tests.builders import a_deployment, a_person, a_profile
from tests.store.whole import make

from tgauth.flows.deployment import Deployment
from tgauth.store import Store, persons
from tgauth.store.master_key import load_master_key

T = TypeVar("T")

SETTINGS = {
    "TGAUTH_ISSUER": "https://login.example.org",
    "TGAUTH_TELEGRAM__TOKEN": "4242:a-token-for-tests",
    "TGAUTH_LOGIN__ALLOW": "everyone",
    "TGAUTH_DATABASE__PATH": "tgauth.db",
}


class Installation:
    """A store in the current folder, and the commands on it."""

    def __init__(self, folder: Path, run: Callable[..., Result]) -> None:
        self.folder = folder
        self.database = folder / "tgauth.db"
        self.key = folder / "tgauth.db.key"
        self._run = run
        anyio.run(partial(make, self.database))

    def __call__(self, *command: str, given: str | None = None, code: int = 0) -> Result:
        """Run a command; it ends with this code, and never with a traceback or the token."""
        done = self._run(*command, given=given, **SETTINGS)
        assert code == done.exit_code, done.output
        assert "Traceback" not in done.output
        assert SETTINGS["TGAUTH_TELEGRAM__TOKEN"] not in done.output
        assert self.key.read_text().strip() not in done.output if self.key.exists() else True
        return done

    def do(
        self, operation: Callable[[Deployment], Awaitable[T]], *, is_real_time: bool = False
    ) -> T:
        """Do something to the store as a running tgauth does.

        Args:
            operation: What to do.
            is_real_time: Whether the clock is that of the commands, instead of standing still.
        """
        clock = (lambda: time.time_ns() // 1_000_000) if is_real_time else None

        async def run() -> T:
            async with Store.open(self.database) as store:
                master_key = await load_master_key(store, self.key, may_create=False)
                return await operation(a_deployment(store, now=clock, master_key=master_key))

        return anyio.run(run)

    def add(self, subject: str, telegram_id: int, **profile: str | None) -> None:
        """Add an account."""

        async def save(deployment: Deployment) -> None:
            person = a_person(subject, profile=a_profile(telegram_id, **profile))
            async with deployment.store.writing() as connection:
                await persons.save(connection, person)

        self.do(save)
