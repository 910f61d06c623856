"""What every flow is given: the store, the keys, this installation's rules, time and chance."""

from collections.abc import Callable
from dataclasses import dataclass

from tgauth.domain.client import Client
from tgauth.domain.clock import Reading
from tgauth.domain.instants import Instant
from tgauth.domain.links import Issuer
from tgauth.domain.person import AllowList
from tgauth.domain.session import SessionRules
from tgauth.measures import NO_MEASURES, Measures
from tgauth.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One installation, as one process sees it.

    Attributes:
        store: The store.
        master_key: What codes and secrets derive from.
        issuer: Our own address.
        client: The built-in client.
        allow: Who may log in.
        sessions: How long sessions live.
        logins_per_minute: How many logins one person may begin within a minute.
        approval_lifetime: How long a login waits for approval, in milliseconds.
        browser_logins_per_minute: How many logins one network may begin in browsers within a
            minute.
        failures_per_minute: How many attempts of one network address may fail within a minute.
        audit_kept_for: How long an entry of the audit log is kept, in milliseconds.
        now: The clock.
        reading: Reads it together with the one that nobody can set.
        new_id: Returns a fresh random identifier of 128 bits.
        measures: Where it is counted what happens.
    """

    store: Store
    master_key: bytes
    issuer: Issuer
    client: Client
    allow: AllowList
    sessions: SessionRules
    logins_per_minute: int
    failures_per_minute: int
    approval_lifetime: int
    browser_logins_per_minute: int
    audit_kept_for: int
    now: Callable[[], Instant]
    reading: Callable[[], Reading]
    new_id: Callable[[], str]
    measures: Measures = NO_MEASURES

    def __repr__(self) -> str:
        """Print no key."""
        return f"Deployment({self.issuer.url})"
