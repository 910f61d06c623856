"""How much waits, and for how long already."""

from tgauth.flows.deployment import Deployment
from tgauth.store.depths import Depths, depths_of
from tgauth.store.inspection import sqlite_version

__all__ = ["look_at_depths", "sqlite_version"]


async def look_at_depths(deployment: Deployment) -> Depths:
    """Return what waits at this moment.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    return await deployment.store.read(depths_of, now=deployment.now())
