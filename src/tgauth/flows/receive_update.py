"""The inbox: keep what Telegram hands over, hand it out in order, and settle it."""

from tgauth.domain.incoming import StoredUpdate, UpdateKey, UpdateState
from tgauth.domain.instants import Instant
from tgauth.domain.outgoing import Notice, owe
from tgauth.flows.deployment import Deployment
from tgauth.measures.catalogue import UPDATES
from tgauth.store import Connection, inbox, outbox


async def receive_update(deployment: Deployment, key: UpdateKey, payload: str) -> bool:
    """Commit an update before it is confirmed to Telegram; say whether it is a new one.

    Args:
        deployment: The installation.
        key: What makes two deliveries one update.
        payload: The JSON that Telegram sent.

    Raises:
        StoreUnavailable: It was not kept: Telegram must hand it over again.
    """
    is_new = await deployment.store.write(inbox.add, key, payload, now=deployment.now())
    if is_new:
        deployment.measures.count(UPDATES, "received")
    return is_new


async def next_update(deployment: Deployment) -> tuple[StoredUpdate | None, Instant | None]:
    """Return the oldest update to be handled now, or else when the next one is due.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    return await deployment.store.read(_next, now=deployment.now())


async def _next(
    connection: Connection, *, now: Instant
) -> tuple[StoredUpdate | None, Instant | None]:
    update = await inbox.due(connection, now=now)
    return update, None if update else await inbox.next_time(connection)


async def dismiss_update(deployment: Deployment, key: UpdateKey) -> None:
    """Settle an update that asks for nothing."""
    await deployment.store.write(inbox.finish, key)


async def fail_update(
    deployment: Deployment, key: UpdateKey, *, chat_id: int | None, language: str | None = None
) -> bool:
    """Note that handling an update failed; say whether it is parked now.

    Args:
        deployment: The installation.
        key: The update.
        chat_id: The private chat to apologise to when it is parked, where there is one.
        language: The language to apologise in.
    """
    now = deployment.now()
    async with deployment.store.writing() as connection:
        update = await inbox.get(connection, key)
        if update is None or update.state is not UpdateState.WAITING:
            return False
        failed = update.failed(now=now)
        await inbox.save(connection, failed)
    parked = failed.state is UpdateState.PARKED
    deployment.measures.count(UPDATES, "parked" if parked else "failed")
    if parked and chat_id is not None:
        # In a transaction of its own: whatever is wrong with the update may be wrong with its chat,
        # and must not undo the parking.
        async with deployment.store.writing() as connection:
            await outbox.add(
                connection, owe(Notice.FAILED, chat_id=chat_id, language=language, now=now)
            )
    return parked
