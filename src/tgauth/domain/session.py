"""Sessions: what a redeemed login begins, and what every token hangs on."""

from dataclasses import dataclass, replace
from typing import Final

from tgauth.domain.instants import DAY, MINUTE, Instant

#: A use is noted only when the last one was longer ago, so that few requests have to write.
NOTED_EVERY: Final = 5 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """How long sessions live.

    Attributes:
        lifetime: Milliseconds after which one ends however it is used.
        idle_lifetime: Milliseconds after which one ends that nobody used.
    """

    lifetime: int = 30 * DAY
    idle_lifetime: int = 7 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """From where a login is redeemed, for its owner to recognise.

    Attributes:
        device: The browser and system, in words; none where no browser was involved.
        address: The network address.
    """

    device: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login that lives on.

    Attributes:
        id: The `sid` claim: public, permits nothing.
        subject: Whose it is.
        client_id: The client for which it began.
        secret_hash: Hash of the cookie's secret; none where no browser was involved.
        visitor: From where it began.
        created_at: When it began; the `auth_time` of OpenID Connect.
        expires_at: The first instant at which it no longer lives, however it is used.
        seen_at: When it was last used, to within `NOTED_EVERY`.
        idle_expires_at: The first instant at which it no longer lives unless it is used before.
        ended_at: When somebody ended it.
    """

    id: str
    subject: str
    client_id: str
    secret_hash: str | None
    visitor: Visitor = Visitor()
    created_at: Instant
    expires_at: Instant
    seen_at: Instant
    idle_expires_at: Instant
    ended_at: Instant | None = None

    def lives_at(self, now: Instant) -> bool:
        """Say whether its tokens are still worth anything."""
        return self.ended_at is None and now < min(self.expires_at, self.idle_expires_at)

    def end(self, *, now: Instant) -> "Session":
        """Return this session as ended; one that ended before keeps its moment."""
        return self if self.ended_at is not None else replace(self, ended_at=now)

    def seen(self, rules: SessionRules, *, now: Instant) -> "Session":
        """Return this session as used now; unchanged where that was noted a moment ago."""
        noted_every = min(NOTED_EVERY, rules.idle_lifetime // 4)
        if not self.lives_at(now) or now - self.seen_at < noted_every:
            return self
        return replace(self, seen_at=now, idle_expires_at=now + rules.idle_lifetime)


def begin_session(  # noqa: PLR0913 - each is one column of a session
    *,
    session_id: str,
    subject: str,
    client_id: str,
    secret_hash: str | None,
    visitor: Visitor,
    rules: SessionRules,
    now: Instant,
) -> Session:
    """Begin the session of a login that is being redeemed at `now`."""
    return Session(
        id=session_id,
        subject=subject,
        client_id=client_id,
        secret_hash=secret_hash,
        visitor=visitor,
        created_at=now,
        expires_at=now + rules.lifetime,
        seen_at=now,
        idle_expires_at=now + rules.idle_lifetime,
    )
