"""The store that a test begins with: made once, by the migrations, and copied for each."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from tgauth.store import Store


@cache
def an_empty_store() -> bytes:
    """Return the file of a store of this version in which nothing is."""

    async def make(path: Path) -> None:
        async with Store.open(path):
            pass

    with TemporaryDirectory() as folder:
        path = Path(folder) / "tgauth.db"
        with ThreadPoolExecutor(1) as elsewhere:  # a test with a browser has a loop running here
            elsewhere.submit(anyio.run, make, path).result()
        with closing(sqlite3.connect(path)) as connection:
            # Whatever were still in the log beside it would not be copied.
            assert (0, 0, 0) == connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return path.read_bytes()


def begin_store(path: Path) -> None:
    """Put an empty store where there is none: opening it makes nothing, and takes a tenth."""
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(an_empty_store())
