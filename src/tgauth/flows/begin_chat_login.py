"""A person sends a command to the bot."""

from tgauth.domain.code import Code, CodeKind, derive_code, hash_of
from tgauth.domain.incoming import UpdateKey
from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest, begin_in_chat
from tgauth.domain.outgoing import Notice, owe
from tgauth.domain.person import Person, TelegramProfile
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, codes, inbox, logins, outbox, persons


async def begin_chat_login(
    deployment: Deployment,
    key: UpdateKey,
    *,
    chat_id: int,
    profile: TelegramProfile,
    asked_at: Instant,
) -> LoginRequest | Notice | None:
    """Answer `/login`: one login, its code, and the message that carries it, or none of them.

    Args:
        deployment: The installation.
        key: The update that asked.
        chat_id: The private chat to answer in.
        profile: Who asked.
        asked_at: When they asked, by Telegram's clock.

    Returns:
        The login; or the notice that was promised instead; or nothing, where this update had its
        effects before.
    """
    now = deployment.now()
    async with deployment.store.writing() as connection:
        if not await inbox.finish(connection, key):
            return None
        refusal = _refusal(deployment, profile, asked_at=asked_at, now=now)
        if refusal is not None:
            await outbox.add(connection, owe(refusal, chat_id=chat_id, now=now))
            return refusal
        person = await _remember(deployment, connection, profile, now)
        login = begin_in_chat(
            login_id=deployment.new_id(),
            client_id=deployment.client.id,
            subject=person.subject,
            lifetime=deployment.client.code_lifetime,
            now=now,
        )
        await logins.save(connection, login)
        await codes.save(connection, _chat_code(deployment, login))
        await outbox.add(
            connection, owe(Notice.LOGIN_LINK, chat_id=chat_id, login_id=login.id, now=now)
        )
        return login


async def answer_with(
    deployment: Deployment, key: UpdateKey, notice: Notice, *, chat_id: int
) -> None:
    """Settle an update by promising one message, unless the chat is owed the same already."""
    async with deployment.store.writing() as connection:
        if await inbox.finish(connection, key) and not await outbox.is_owed(
            connection, chat_id=chat_id, notice=notice
        ):
            await outbox.add(connection, owe(notice, chat_id=chat_id, now=deployment.now()))


def _refusal(
    deployment: Deployment, profile: TelegramProfile, *, asked_at: Instant, now: Instant
) -> Notice | None:
    if not deployment.allow.permits(profile.telegram_id):
        return Notice.NOT_ALLOWED
    if now - asked_at > deployment.client.code_lifetime:
        # Whoever asked so long ago is not waiting for a link any more, and a link that nobody
        # waits for is only a risk.
        return Notice.TOO_LATE
    return None


async def _remember(
    deployment: Deployment, connection: Connection, profile: TelegramProfile, now: Instant
) -> Person:
    known = await persons.find(connection, profile.telegram_id)
    person = (
        known.seen_as(profile, now=now)
        if known
        else Person(subject=deployment.new_id(), profile=profile, created_at=now, updated_at=now)
    )
    if person != known:
        await persons.save(connection, person)
    return person


def _chat_code(deployment: Deployment, login: LoginRequest) -> Code:
    return Code(
        hash=hash_of(derive_code(deployment.master_key, CodeKind.CHAT, login.id)),
        kind=CodeKind.CHAT,
        client_id=login.client_id,
        login_id=login.id,
        expires_at=login.expires_at,
    )
