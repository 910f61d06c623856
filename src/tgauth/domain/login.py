"""One login, from pending to spent."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from tgauth.domain.errors import (
    LoginAlreadyDecided,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
)
from tgauth.domain.instants import CLOCK_TOLERANCE, SECOND, Instant

#: An approval in the last moment is still good for the browser that waits for it: it may have to be
#: opened again first.
APPROVAL_LIFETIME: Final = 60 * SECOND


class Door(StrEnum):
    """Where a login began."""

    CHAT = "chat"
    BROWSER = "browser"


class LoginState(StrEnum):
    """What was decided, and stored. Expiry is no decision: see `LoginRequest.standing_at`."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REPLACED = "replaced"
    REDEEMED = "redeemed"


class Standing(StrEnum):
    """What a login counts as at a moment: its stored state, or expired."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REPLACED = "replaced"
    REDEEMED = "redeemed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """A person's wish to be logged in to one client.

    Attributes:
        id: Random and public: it is logged, and permits nothing.
        door: Where it began.
        client_id: The one client that it can log in to.
        subject: The person, once known.
        state: The stored decision.
        created_at: When it began.
        expires_at: The first instant at which it can no longer be decided on or redeemed.
        decided_at: When it was last decided on: approved, denied or replaced.
        redeemed_at: When it was redeemed.
        session_id: The session that redeeming it began.
        browser: Hash of the secret that names the browser which redeemed it, if one did; of one
            that began in a browser from the start, and no other can redeem it.
    """

    id: str
    door: Door
    client_id: str
    subject: str | None
    state: LoginState
    created_at: Instant
    expires_at: Instant
    decided_at: Instant | None = None
    redeemed_at: Instant | None = None
    session_id: str | None = None
    browser: str | None = None

    def standing_at(self, now: Instant) -> Standing:
        """Say what this login counts as at `now`: the one place that knows about expiry."""
        match self.state:
            case LoginState.DENIED:
                return Standing.DENIED
            case LoginState.REPLACED:
                return Standing.REPLACED
            case LoginState.REDEEMED:
                return Standing.REDEEMED
            case LoginState.PENDING | LoginState.APPROVED:
                if now >= self.expires_at or now < self.created_at - CLOCK_TOLERANCE:
                    # A login from the future: the clock was set back, and how long this one has
                    # really lived cannot be told any more. Fail closed.
                    return Standing.EXPIRED
                return Standing(self.state.value)
            case _:
                assert_never(self.state)

    def approve(self, *, subject: str, now: Instant) -> "LoginRequest":
        """Return this login as approved by `subject`.

        Raises:
            LoginExpired: Its lifetime has passed.
            LoginAlreadyDecided: It is not pending.
        """
        self.require_pending(now)
        expires_at = self.expires_at
        if self.door is Door.BROWSER:
            expires_at = max(expires_at, now + APPROVAL_LIFETIME)
        return replace(
            self,
            state=LoginState.APPROVED,
            subject=subject,
            decided_at=now,
            expires_at=expires_at,
        )

    def deny(self, *, now: Instant) -> "LoginRequest":
        """Return this login as denied.

        Raises:
            LoginExpired: Its lifetime has passed.
            LoginAlreadyDecided: It is not pending.
        """
        self.require_pending(now)
        return replace(self, state=LoginState.DENIED, decided_at=now)

    def give_way(self, *, now: Instant) -> "LoginRequest":
        """Return this login as given up for a newer one; one that is over stays as it is."""
        if self.standing_at(now) not in {Standing.PENDING, Standing.APPROVED}:
            return self
        return replace(self, state=LoginState.REPLACED, decided_at=now)

    def withdraw(self, *, now: Instant) -> "LoginRequest":
        """Return this login as denied by whoever logs out everywhere; one that is over stays."""
        if self.standing_at(now) not in {Standing.PENDING, Standing.APPROVED}:
            return self
        return replace(self, state=LoginState.DENIED, decided_at=now)

    def redeem(
        self, *, session_id: str, now: Instant, browser: str | None = None
    ) -> "LoginRequest":
        """Return this login as spent on the session `session_id`.

        Raises:
            LoginExpired: Its lifetime has passed.
            LoginNotApproved: Nobody approved it yet.
            LoginDenied: It was denied.
            LoginReplaced: A newer one took its place.
            LoginAlreadyRedeemed: It was spent before.
        """
        self.require_redeemable(now)
        return replace(
            self,
            state=LoginState.REDEEMED,
            redeemed_at=now,
            session_id=session_id,
            browser=browser,
        )

    def require_redeemable(self, now: Instant) -> None:
        """Raise what `redeem` would, changing nothing."""
        standing = self.standing_at(now)
        match standing:
            case Standing.APPROVED:
                return
            case Standing.PENDING:
                raise LoginNotApproved
            case Standing.DENIED:
                raise LoginDenied
            case Standing.REPLACED:
                raise LoginReplaced
            case Standing.REDEEMED:
                raise LoginAlreadyRedeemed(self.id)
            case Standing.EXPIRED:
                raise LoginExpired(self.expires_at)
            case _:
                assert_never(standing)

    def require_pending(self, now: Instant) -> None:
        """Raise what `approve` and `deny` would, changing nothing."""
        standing = self.standing_at(now)
        if standing is Standing.EXPIRED:
            raise LoginExpired(self.expires_at)
        if standing is not Standing.PENDING:
            raise LoginAlreadyDecided(standing)


def begin_in_chat(
    *, login_id: str, client_id: str, subject: str, lifetime: int, now: Instant
) -> LoginRequest:
    """Begin a login that a person asked for in their own chat: asking is the approval.

    Args:
        login_id: A fresh random identifier.
        client_id: The client to log in to.
        subject: The person who asked.
        lifetime: Milliseconds until it expires.
        now: The current instant.
    """
    pending = LoginRequest(
        id=login_id,
        door=Door.CHAT,
        client_id=client_id,
        subject=subject,
        state=LoginState.PENDING,
        created_at=now,
        expires_at=now + lifetime,
    )
    return pending.approve(subject=subject, now=now)


def begin_in_browser(
    *, login_id: str, client_id: str, browser: str, lifetime: int, now: Instant
) -> LoginRequest:
    """Begin a login that waits for somebody's approval in a chat.

    Args:
        login_id: A fresh random identifier.
        client_id: The client to log in to.
        browser: Hash of the secret that names the browser: only it can finish.
        lifetime: Milliseconds until it expires.
        now: The current instant.
    """
    return LoginRequest(
        id=login_id,
        door=Door.BROWSER,
        client_id=client_id,
        subject=None,
        state=LoginState.PENDING,
        created_at=now,
        expires_at=now + lifetime,
        browser=browser,
    )
