"""What every flow is given: the store, the keys, this installation's rules, time and chance."""

from collections.abc import Callable
from dataclasses import dataclass

from tgauth.domain.client import Client
from tgauth.domain.instants import Instant
from tgauth.domain.links import Issuer
from tgauth.domain.person import AllowList
from tgauth.oidc.keys import SigningKey
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
        now: The clock.
        new_id: Returns a fresh random identifier of 128 bits.
    """

    store: Store
    master_key: bytes
    issuer: Issuer
    client: Client
    allow: AllowList
    now: Callable[[], Instant]
    new_id: Callable[[], str]

    def __repr__(self) -> str:
        """Print no key."""
        return f"Deployment({self.issuer.url})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The signing keys, opened; the newest signs.

    Attributes:
        keys: Oldest first.
    """

    keys: tuple[SigningKey, ...]

    @property
    def newest(self) -> SigningKey:
        """The key that signs."""
        return self.keys[-1]
