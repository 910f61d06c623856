"""Where a network address is, roughly, from a database that the operator has on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyio import to_thread

if TYPE_CHECKING:
    from maxminddb import Reader

#: Characters of a name; no place on earth has more.
_LONGEST: Final = 90


class PlacesUnusable(ValueError):
    """The database cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class Places:
    """Says where addresses are; one without a database knows of none.

    The file is opened for each look and read where it lies: so a newer one counts at once, one that
    somebody overwrites cannot end the process, as it could were it mapped into memory (SIGBUS), and
    none of it takes memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    async def of(self, address: str) -> str | None:
        """Return the city and country of an address, in English, as far as they are known."""
        if self._path is None:
            return None
        return await to_thread.run_sync(_look_up, self._path, address)


def open_places(path: Path | None) -> Places:
    """Look whether a file is a database in MaxMind's format.

    Args:
        path: The file; none: nobody looks.

    Raises:
        PlacesUnusable: It is not there, or no such database.
    """
    if path is None:
        return Places()
    import maxminddb  # noqa: PLC0415 - few have such a file

    try:
        _open(path).close()
    except OSError as error:
        raise PlacesUnusable(path, error.strerror or "it cannot be read") from None
    except (maxminddb.InvalidDatabaseError, ValueError):
        raise PlacesUnusable(path, "it is no database in MaxMind's format") from None
    return Places(path)


def _open(path: Path) -> "Reader":
    import maxminddb  # noqa: PLC0415 - see above

    return maxminddb.open_database(path, maxminddb.MODE_FILE)


def _look_up(path: Path, address: str) -> str | None:
    import maxminddb  # noqa: PLC0415 - see above

    try:
        with _open(path) as reader:
            found = reader.get(address)
    except (maxminddb.InvalidDatabaseError, ValueError, OSError):
        # No address, one of IPv6 in a database of IPv4, or a file that is being replaced.
        return None
    parts = [_name(found, part) for part in ("city", "country")]
    return ", ".join(part for part in parts if part) or None


def _name(found: object, part: str) -> str | None:
    for key in (part, "names", "en"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    is_name = isinstance(found, str) and found.isprintable() and len(found) <= _LONGEST
    return str(found) if is_name else None
