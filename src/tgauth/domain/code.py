"""One-time codes: derived from the master key, stored only as hashes, spent at most once."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tgauth.domain.errors import CodeAlreadySpent, CodeExpired, CodeMisused
from tgauth.domain.instants import SECOND, Instant

#: A callback code only has to survive one redirect.
CALLBACK_CODE_LIFETIME: Final = 60 * SECOND

#: The length of a code: 256 bits in base64url without padding.
CODE_LENGTH: Final = 43
_CODE: Final = re.compile(rf"[A-Za-z0-9_-]{{{CODE_LENGTH}}}")


class CodeKind(StrEnum):
    """What a code was made for. It is never accepted for anything else."""

    CHAT = "chat"
    CALLBACK = "callback"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A one-time code as the store knows it: by its hash.

    Attributes:
        hash: `hash_of` the code itself.
        kind: What it was made for.
        client_id: The client that it was made for.
        login_id: The login that it belongs to.
        expires_at: The first instant at which it is worth nothing.
        spent_at: When it was spent.
    """

    hash: str
    kind: CodeKind
    client_id: str
    login_id: str
    expires_at: Instant
    spent_at: Instant | None = None

    def spend(self, *, kinds: Collection[CodeKind], client_id: str, now: Instant) -> "Code":
        """Return this code as spent.

        Args:
            kinds: The kinds that are welcome where it was presented.
            client_id: The client for which it was presented.
            now: The current instant.

        Raises:
            CodeMisused: It is of another kind, or for another client.
            CodeAlreadySpent: It was spent before.
            CodeExpired: Its lifetime has passed.
        """
        if self.kind not in kinds or self.client_id != client_id:
            raise CodeMisused(self.kind, self.client_id)
        if self.spent_at is not None:
            raise CodeAlreadySpent(self.login_id)
        if now >= self.expires_at:
            raise CodeExpired(self.expires_at)
        return replace(self, spent_at=now)


def derive(master_key: bytes, purpose: str, name: str = "") -> bytes:
    """Derive 32 bytes from the master key for one purpose and one name.

    HMAC-SHA256 is a pseudo-random function: who knows some outputs learns no other, and a code can
    be made again after a crash without having been stored anywhere.
    """
    return hmac.new(master_key, f"{purpose}\0{name}".encode(), hashlib.sha256).digest()


def derive_code(master_key: bytes, kind: CodeKind, login_id: str) -> str:
    """Return the code of this kind for this login: always the same one."""
    return _base64url(derive(master_key, f"code/{kind}", login_id))


def derive_session_secret(master_key: bytes, session_id: str) -> str:
    """Return the secret that a browser's cookie holds for this session."""
    return _base64url(derive(master_key, "session", session_id))


def derive_form_token(master_key: bytes, cookie: str) -> str:
    """Return the token that a form must send along to prove that it was ours."""
    return _base64url(derive(master_key, "form", cookie))


def derive_webhook_secret(master_key: bytes) -> str:
    """Return what Telegram proves itself with when it posts updates.

    Both processes know it, and nobody has to set it: one who asks Telegram to post, and one who is
    posted to. It has only characters that setWebhook takes.
    """
    return _base64url(derive(master_key, "webhook"))


def hash_of(secret: str) -> str:
    """Return the hash under which a secret is stored and looked up.

    A plain SHA-256 is enough: the secret has 256 bits, so there is nothing to guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def looks_like_a_code(text: str) -> bool:
    """Say whether `text` has the shape of a code, before anything is done with it."""
    return _CODE.fullmatch(text) is not None


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
