"""Whether a file has the very schema that tgauth made: what else is in it runs with each statement.

A trigger, a view, or a CHECK that another program put there is code. So it is looked for before
SQLite is asked for anything that would run it: reading `sqlite_schema` does not.
"""

import re
from typing import Final

import aiosqlite

from tgauth.store.connection import Connection
from tgauth.store.migrations import apply, shipped

SELECT_SCHEMA: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
#: What ANALYZE makes, exactly so; an operator may have run it.
_STATISTICS: Final = {
    ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    (
        "table",
        "sqlite_stat4",
        "sqlite_stat4",
        "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ),
}
#: SQLite's white space alone is between words; strings, names and comments stay as they are.
_TOKEN: Final = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \w+ | [ \t\n\f\r]+ | .""",
    re.VERBOSE | re.DOTALL,
)

Thing = tuple[str, str, str, tuple[str, ...]]


async def difference_of(connection: Connection, version: int) -> str | None:
    """Return what is not in a file as the migrations up to a version make it, if anything is.

    Args:
        connection: To the file.
        version: Its version, one of those that this tgauth knows.
    """
    async with aiosqlite.connect(":memory:", isolation_level=None) as raw:
        for migration in shipped():
            if migration.number <= version:
                await apply(raw, migration)
        expected = _things([tuple(row) for row in await raw.execute_fetchall(SELECT_SCHEMA)])
    found = _things([tuple(row) for row in await connection.run(SELECT_SCHEMA)])
    for kind, name in sorted(expected.keys() | found.keys()):
        if (kind, name) not in expected:
            return f"the {kind} {name!r} in its schema is not tgauth's"
        if (kind, name) not in found:
            return f"the {kind} {name!r} of its schema is missing"
        if expected[kind, name] != found[kind, name]:
            return f"the {kind} {name!r} in its schema is not as tgauth made it"
    return None


def _things(rows: list[tuple[object, ...]]) -> dict[tuple[str, str], list[Thing]]:
    """Return what a schema has in it, by kind and name: a forged one may have a name twice."""
    things: dict[tuple[str, str], list[Thing]] = {}
    for row in rows:
        # Of an index that SQLite makes by itself, for UNIQUE, nobody can write the text.
        if (row[0] == "index" and row[3] is None) or row in _STATISTICS:
            continue
        kind, name, table, sql = map(str, row)
        things.setdefault((kind, name), []).append((kind, name, table, _words(sql)))
    return things


def _words(sql: str) -> tuple[str, ...]:
    """Return a statement's words: their layout is not part of what it says."""
    return tuple(word for word in _TOKEN.findall(sql) if word.strip(" \t\n\f\r"))
