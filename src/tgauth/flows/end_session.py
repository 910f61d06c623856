"""Log out."""

from tgauth.domain.audit import BY_PERSON, Doer
from tgauth.domain.code import hash_of
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave
from tgauth.store import persons, sessions


async def end_session(deployment: Deployment, secret: str, *, by: Doer = BY_PERSON) -> None:
    """End the session of the browser that holds this secret, and with it all of its tokens."""
    now = deployment.now()
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            session = await sessions.find(connection, hash_of(secret))
            if session is None or not session.lives_at(now):
                return
            person = await persons.get(connection, session.subject)
            await leave(connection, trail, session, person, by=by, now=now)
