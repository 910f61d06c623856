"""Whether a login could be stored right now."""

from tgauth.flows.deployment import Deployment


async def check_store(deployment: Deployment) -> None:
    """Write something durably.

    Raises:
        StoreUnavailable: A login could not be stored right now.
    """
    await deployment.store.probe()
