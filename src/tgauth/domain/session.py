"""Sessions: what a redeemed login begins, and what every token hangs on."""

from dataclasses import dataclass, replace
from typing import Final

from tgauth.domain.instants import DAY, Instant

#: However it is used, a session ends after this.
SESSION_LIFETIME: Final = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login that lives on.

    Attributes:
        id: The `sid` claim: public, permits nothing.
        subject: Whose it is.
        client_id: The client for which it began.
        secret_hash: Hash of the cookie's secret; none where no browser was involved.
        created_at: When it began; the `auth_time` of OpenID Connect.
        expires_at: The first instant at which it no longer lives.
        ended_at: When somebody ended it.
    """

    id: str
    subject: str
    client_id: str
    secret_hash: str | None
    created_at: Instant
    expires_at: Instant
    ended_at: Instant | None = None

    def lives_at(self, now: Instant) -> bool:
        """Say whether its tokens are still worth anything."""
        return self.ended_at is None and now < self.expires_at

    def end(self, *, now: Instant) -> "Session":
        """Return this session as ended; one that ended before keeps its moment."""
        return self if self.ended_at is not None else replace(self, ended_at=now)


def begin_session(
    *, session_id: str, subject: str, client_id: str, secret_hash: str | None, now: Instant
) -> Session:
    """Begin the session of a login that is being redeemed at `now`."""
    return Session(
        id=session_id,
        subject=subject,
        client_id=client_id,
        secret_hash=secret_hash,
        created_at=now,
        expires_at=now + SESSION_LIFETIME,
    )
