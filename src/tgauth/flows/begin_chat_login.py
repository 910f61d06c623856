"""A person asks the bot for a login: by a command, or by a tap on "new link"."""

from dataclasses import dataclass

from tgauth.domain.audit import BY_PERSON, AuditEvent
from tgauth.domain.code import Code, CodeKind, derive_code, hash_of
from tgauth.domain.incoming import UpdateKey
from tgauth.domain.instants import MINUTE, Instant
from tgauth.domain.login import Door, LoginRequest, begin_in_chat
from tgauth.domain.outgoing import Notice, Outgoing, owe
from tgauth.domain.person import Person, TelegramProfile
from tgauth.flows.auditing import Trail
from tgauth.flows.deciding import decide
from tgauth.flows.deployment import Deployment
from tgauth.flows.remembering import remember
from tgauth.store import Connection, bans, codes, inbox, logins, outbox, persons


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asked of the bot in a chat.

    Attributes:
        key: The update that asks.
        chat_id: The chat to answer in.
        profile: Who asks.
        at: When they asked, by Telegram's clock.
    """

    key: UpdateKey
    chat_id: int
    profile: TelegramProfile
    at: Instant

    @property
    def language(self) -> str | None:
        """The language to answer in."""
        return self.profile.language

    def owe(
        self,
        notice: Notice,
        *,
        now: Instant,
        login_id: str | None = None,
        edits: int | None = None,
        not_before: Instant | None = None,
    ) -> Outgoing:
        """Promise a message to this chat, or a change of one; see `tgauth.domain.outgoing.owe`."""
        return owe(
            notice,
            chat_id=self.chat_id,
            language=self.language,
            login_id=login_id,
            edits=edits,
            now=now,
            not_before=not_before,
        )


async def begin_chat_login(deployment: Deployment, asked: Asked) -> LoginRequest | Notice | None:
    """Answer `/login`: one login, its code, and the message that carries it, or none of them.

    A link that the same person still has open is replaced: only the newest one is good.

    Returns:
        The login; or the notice that was promised instead; or nothing, where this update had its
        effects before.
    """
    with Trail(deployment) as trail:
        return await decide(deployment, _begin, trail, asked)


async def _begin(
    connection: Connection, deployment: Deployment, trail: Trail, asked: Asked
) -> LoginRequest | Notice | None:
    now = deployment.now()
    received_at = await inbox.finish(connection, asked.key)
    if received_at is None:
        return None
    known = await persons.find(connection, asked.profile.telegram_id)
    refusal = await _refusal(deployment, connection, asked, known, now=now)
    if refusal is not None:
        await trail.count(
            connection,
            AuditEvent.LOGIN_REFUSED,
            BY_PERSON,
            known,
            telegram_id=asked.profile.telegram_id,
            client_id=deployment.client.id,
            reason=refusal.value,
        )
        await promise(connection, asked, refusal, now=now)
        return refusal
    person = await remember(deployment, connection, trail, asked.profile, known, now=now)
    await _replace_earlier(deployment, connection, trail, person, now)
    login = await _new_login(connection, deployment, trail, person, now=now)
    await _promise_link(connection, asked, login, received_at)
    return login


async def _new_login(
    connection: Connection, deployment: Deployment, trail: Trail, person: Person, *, now: Instant
) -> LoginRequest:
    login = begin_in_chat(
        login_id=deployment.new_id(),
        client_id=deployment.client.id,
        subject=person.subject,
        lifetime=deployment.client.code_lifetime,
        now=now,
    )
    await logins.save(connection, login)
    await codes.save(connection, _chat_code(deployment, login))
    await trail.note(
        connection,
        AuditEvent.LOGIN_BEGUN,
        BY_PERSON,
        person,
        client_id=login.client_id,
        login_id=login.id,
    )
    return login


async def answer_with(deployment: Deployment, asked: Asked, notice: Notice) -> None:
    """Settle an update by promising one message, unless the chat is owed the same already."""
    async with deployment.store.writing() as connection:
        if await inbox.finish(connection, asked.key):
            await promise(connection, asked, notice, now=deployment.now())


async def promise(connection: Connection, asked: Asked, notice: Notice, *, now: Instant) -> None:
    """Promise a message, unless the chat is owed the same already: a flood gets few answers."""
    if not await outbox.is_owed(connection, chat_id=asked.chat_id, notice=notice):
        await outbox.add(connection, asked.owe(notice, now=now))


async def _refusal(
    deployment: Deployment,
    connection: Connection,
    asked: Asked,
    known: Person | None,
    *,
    now: Instant,
) -> Notice | None:
    telegram_id = asked.profile.telegram_id
    banned_at = known.banned_at if known else await bans.get(connection, telegram_id)
    if banned_at is not None or not deployment.allow.permits(telegram_id):
        return Notice.NOT_ALLOWED
    if now - asked.at > deployment.client.code_lifetime:
        # Whoever asked so long ago is not waiting for a link any more, and a link that nobody
        # waits for is only a risk.
        return Notice.TOO_LATE
    if known is not None:
        begun = await logins.count_since(connection, known.subject, since=now - MINUTE, now=now)
        if begun >= deployment.logins_per_minute:
            return Notice.TOO_MANY
    return None


async def _replace_earlier(
    deployment: Deployment, connection: Connection, trail: Trail, person: Person, now: Instant
) -> None:
    earlier = await logins.still_open(
        connection, subject=person.subject, client_id=deployment.client.id, now=now
    )
    for login in earlier:
        if login.door is not Door.CHAT:
            continue  # another browser waits for it, and no link of ours
        await logins.save(connection, login.give_way(now=now))
        await outbox.hasten(connection, login.id, now=now)
        await trail.note(
            connection,
            AuditEvent.LOGIN_REPLACED,
            BY_PERSON,
            person,
            client_id=login.client_id,
            login_id=login.id,
        )


async def _promise_link(
    connection: Connection, asked: Asked, login: LoginRequest, received_at: Instant
) -> None:
    for notice, not_before in (
        (Notice.LOGIN_LINK, login.created_at),
        # Due when the link expires, and sooner when it is used or replaced before.
        (Notice.LOGIN_CLOSED, login.expires_at),
    ):
        await outbox.add(
            connection,
            asked.owe(notice, login_id=login.id, now=received_at, not_before=not_before),
        )


def _chat_code(deployment: Deployment, login: LoginRequest) -> Code:
    return Code(
        hash=hash_of(derive_code(deployment.master_key, CodeKind.CHAT, login.id)),
        kind=CodeKind.CHAT,
        client_id=login.client_id,
        login_id=login.id,
        expires_at=login.expires_at,
    )
