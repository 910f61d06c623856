"""Small whole things with good defaults: `a_login(state=…)`, `a_deployment(store, now=…)`."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from telegram import Update

from tgauth.domain.client import Client
from tgauth.domain.clock import Reading
from tgauth.domain.code import Code, CodeKind, derive_code, hash_of
from tgauth.domain.incoming import StoredUpdate, UpdateKey, UpdateState
from tgauth.domain.instants import DAY, SECOND, Instant
from tgauth.domain.links import Issuer, parse_issuer
from tgauth.domain.login import Door, LoginRequest, LoginState
from tgauth.domain.outgoing import Notice, Outgoing
from tgauth.domain.person import AllowList, Person, TelegramProfile
from tgauth.domain.session import Session, SessionRules
from tgauth.flows.begin_chat_login import Asked, begin_chat_login
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.store import Store

NOW: Instant = 1_800_000_000_000
LIFETIME = 120 * SECOND
APPROVAL_TTL = 300 * SECOND
RULES = SessionRules()
ISSUER = "https://login.example.org"
CALLBACK_URL = "https://app.example.org/callback"
MASTER_KEY = bytes(range(32))
ALICE = 1001
BOB = 1002
TOKEN = "123456:AAbbccddeeffgghhiijjkkllmmnnooppqqr"


class Clock:
    """A clock that is moved and set by hand."""

    def __init__(self, now: Instant = NOW) -> None:
        self.now = now
        self.since_boot = 5 * SECOND
        self.boot_id = "boot-1"

    def __call__(self) -> Instant:
        """Return the current instant."""
        return self.now

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.now += milliseconds
        self.since_boot += milliseconds

    def step(self, milliseconds: int) -> None:
        """Set the wall clock, while no time passes."""
        self.now += milliseconds

    def boot(self, number: int) -> None:
        """Start the machine again, at once."""
        self.boot_id = f"boot-{number}"
        self.since_boot = 0

    def reading(self) -> Reading:
        """Read both clocks."""
        return Reading(boot_id=self.boot_id, wall=self.now, since_boot=self.since_boot)


class Ids:
    """Identifiers that count: entropy without surprise."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        """Return the next identifier."""
        return f"{next(self._numbers):032x}"


def an_issuer(url: str = ISSUER) -> Issuer:
    """Build an issuer."""
    return parse_issuer(url)


def a_client(**fields: Any) -> Client:
    """Build the built-in client."""
    chosen: dict[str, Any] = {
        "id": "shop",
        "name": "The Shop",
        "callback_url": CALLBACK_URL,
        "code_lifetime": LIFETIME,
        "token_lifetime": 900,
    }
    return Client(**chosen | fields)


def a_profile(telegram_id: int = ALICE, **fields: Any) -> TelegramProfile:
    """Build what Telegram says of somebody."""
    chosen: dict[str, Any] = {
        "first_name": "Alice",
        "last_name": "Archer",
        "username": "alice",
        "language": "en",
    }
    return TelegramProfile(telegram_id=telegram_id, **chosen | fields)


def a_person(subject: str = "subject-of-alice", **fields: Any) -> Person:
    """Build an account."""
    chosen: dict[str, Any] = {"profile": a_profile(), "created_at": NOW, "updated_at": NOW}
    return Person(subject=subject, **chosen | fields)


def a_session(session_id: str = "session-1", **fields: Any) -> Session:
    """Build a living session of Alice."""
    chosen: dict[str, Any] = {
        "subject": "subject-of-alice",
        "client_id": "shop",
        "secret_hash": hash_of("cookie secret"),
        "created_at": NOW,
        "expires_at": NOW + RULES.lifetime,
        "seen_at": NOW,
        "idle_expires_at": NOW + RULES.idle_lifetime,
    }
    return Session(id=session_id, **chosen | fields)


def a_browser(name: str = "browser-1", **fields: Any) -> Browser:
    """Build a browser that opened a link."""
    return Browser(name=name, **fields)


def a_login(state: LoginState = LoginState.APPROVED, **fields: Any) -> LoginRequest:
    """Build a login of Alice in this state."""
    chosen: dict[str, Any] = {
        "id": "login-1",
        "door": Door.CHAT,
        "client_id": "shop",
        "subject": "subject-of-alice",
        "created_at": NOW,
        "expires_at": NOW + LIFETIME,
        "decided_at": None if state is LoginState.PENDING else NOW,
    }
    if state is LoginState.REDEEMED:
        chosen |= {"redeemed_at": NOW, "session_id": "session-1", "browser": "browser-1"}
    return LoginRequest(state=state, **chosen | fields)


def a_code(**fields: Any) -> Code:
    """Build the chat code of `a_login()`."""
    chosen: dict[str, Any] = {
        "hash": hash_of(derive_code(MASTER_KEY, CodeKind.CHAT, "login-1")),
        "kind": CodeKind.CHAT,
        "client_id": "shop",
        "login_id": "login-1",
        "expires_at": NOW + LIFETIME,
    }
    return Code(**chosen | fields)


def an_outgoing(**fields: Any) -> Outgoing:
    """Build a message that is owed."""
    chosen: dict[str, Any] = {
        "chat_id": ALICE,
        "notice": Notice.GREETING,
        "created_at": NOW,
        "not_before": NOW,
    }
    return Outgoing(**chosen | fields)


def a_key(update_id: int = 1, identity: str = "") -> UpdateKey:
    """Build the key of an update."""
    return UpdateKey(update_id=update_id, identity=identity or f"message:{ALICE}:{update_id}:0")


def a_stored_update(**fields: Any) -> StoredUpdate:
    """Build an update in the inbox."""
    chosen: dict[str, Any] = {
        "key": a_key(),
        "payload": "{}",
        "state": UpdateState.WAITING,
        "received_at": NOW,
        "attempts": 0,
        "not_before": NOW,
    }
    return StoredUpdate(**chosen | fields)


def a_deployment(
    store: Store,
    *,
    now: Callable[[], Instant] | None = None,
    new_id: Callable[[], str] | None = None,
    **fields: Any,
) -> Deployment:
    """Build an installation over a store."""
    chosen: dict[str, Any] = {
        "master_key": MASTER_KEY,
        "issuer": an_issuer(),
        "client": a_client(),
        "allow": AllowList(everyone=True),
        "sessions": RULES,
        "logins_per_minute": 5,
        "failures_per_minute": 30,
        "approval_lifetime": APPROVAL_TTL,
        "browser_logins_per_minute": 20,
        "audit_kept_for": 90 * DAY,
    }
    now = now or Clock()
    chosen["reading"] = now.reading if isinstance(now, Clock) else partial(_reading, now)
    return Deployment(store=store, now=now, new_id=new_id or Ids(), **chosen | fields)


def _reading(now: Callable[[], Instant]) -> Reading:
    """Read a clock that nobody sets."""
    wall = now()
    return Reading(boot_id="boot-1", wall=wall, since_boot=wall)


def an_update(text: str | None = "/login", *, update_id: int = 1, **fields: Any) -> Update:
    """Build the update of a message in Alice's private chat, as Telegram sends it."""
    message: dict[str, Any] = {
        "message_id": 10 + update_id,
        "date": NOW // SECOND,
        "chat": {"id": ALICE, "type": "private", "first_name": "Alice"},
        "from": {
            "id": ALICE,
            "is_bot": False,
            "first_name": "Alice",
            "last_name": "Archer",
            "username": "alice",
            "language_code": "en",
        },
    }
    if text is not None:
        message["text"] = text
    return Update.de_json({"update_id": update_id, "message": message | fields}, None)


def asked(
    update_id: int = 1, *, profile: TelegramProfile | None = None, at: Instant = NOW
) -> Asked:
    """Build what somebody asks in their private chat."""
    profile = profile or a_profile()
    return Asked(
        key=a_key(update_id, f"message:{profile.telegram_id}:{update_id}:0"),
        chat_id=profile.telegram_id,
        profile=profile,
        at=at,
    )


def a_tap(data: str, *, update_id: int = 1, message_id: int = 77, **fields: Any) -> Update:
    """Build the update of Alice's tap on a button, as Telegram sends it."""
    message: dict[str, Any] = {
        "message_id": message_id,
        "date": NOW // SECOND,
        "chat": {"id": ALICE, "type": "private", "first_name": "Alice"},
    }
    query: dict[str, Any] = {
        "id": f"query-{update_id}",
        "from": an_update().to_dict()["message"]["from"],
        "message": message | fields,
        "chat_instance": "1",
        "data": data,
    }
    return Update.de_json({"update_id": update_id, "callback_query": query}, None)


async def a_begun_login(
    deployment: Deployment, *, update_id: int = 1, profile: TelegramProfile | None = None
) -> LoginRequest:
    """Let somebody send `/login`, through the inbox as in production."""
    asking = asked(update_id, profile=profile, at=deployment.now())
    await receive_update(deployment, asking.key, "{}")
    login = await begin_chat_login(deployment, asking)
    assert isinstance(login, LoginRequest)
    return login


def chat_code_of(deployment: Deployment, login: LoginRequest) -> str:
    """Return the code in the link that the bot sent for this login."""
    return derive_code(deployment.master_key, CodeKind.CHAT, login.id)
