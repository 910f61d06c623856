"""What migrating would do: `Store.migrate` does it."""

from dataclasses import dataclass
from pathlib import Path

from tgauth.store.migrations import SchemaTooNew, copy_of, shipped
from tgauth.store.plain import identity_of, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan:
    """What migrating a store means.

    Attributes:
        current: The version of its schema.
        newest: The version that this tgauth works with.
        copy: Where the store is kept as it was; none where nothing is to be done.
    """

    current: int
    newest: int
    copy: Path | None


async def plan_migration(path: Path) -> MigrationPlan:
    """Say what migrating the store at `path` would do.

    Raises:
        StoreMissing: There is none.
        StoreUnavailable: It cannot be read at the moment.
        NoStore: What is there is none of tgauth's.
        SchemaTooNew: It was written by a newer version.
    """
    async with opened(path) as connection:
        current = (await identity_of(connection, path)).schema
    newest = shipped()[-1].number
    if current > newest:
        raise SchemaTooNew(found=current, known=newest)
    copy = copy_of(path, current) if current < newest else None
    return MigrationPlan(current=current, newest=newest, copy=copy)
