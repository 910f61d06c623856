"""SQLite's troubles, in the domain's words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from tgauth.domain.errors import StoreUnavailable


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's troubles into the domain's word for them; our own mistakes stay themselves."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            raise
        raise StoreUnavailable(str(error)) from error
