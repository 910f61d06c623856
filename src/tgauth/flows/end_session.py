"""Log out."""

from tgauth.domain.code import hash_of
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave
from tgauth.store import sessions


async def end_session(deployment: Deployment, secret: str) -> None:
    """End the session of the browser that holds this secret, and with it all of its tokens."""
    async with deployment.store.writing() as connection:
        session = await sessions.find(connection, hash_of(secret))
        if session is not None:
            await leave(connection, session, now=deployment.now())
