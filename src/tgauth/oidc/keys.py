"""Signing keys: made, published, and sealed under the master key while they rest."""

import json
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey

from tgauth.domain.code import derive
from tgauth.domain.errors import TgauthError

#: What access tokens are signed with: small, fast, and known to every JWT library.
ALGORITHM: Final = "ES256"

_SEALING: Final = ["dir", "A256GCM"]


class SigningKeyUnreadable(TgauthError):
    """A stored signing key does not open with this master key."""

    code = "signing_key_unreadable"

    def __init__(self, kid: str) -> None:
        super().__init__(f"signing key {kid} does not open with this master key")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key pair that signs access tokens.

    Attributes:
        kid: Its RFC 7638 thumbprint.
        key: The pair itself; never printed, as its class prints no key material.
    """

    kid: str
    key: ECKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a new key pair on P-256, as ES256 asks (RFC 7518 §3.4)."""
        return cls._of(ECKey.generate_key("P-256"))

    @classmethod
    def unseal(cls, master_key: bytes, kid: str, sealed: str) -> "SigningKey":
        """Open what `seal` closed.

        Raises:
            SigningKeyUnreadable: It was sealed under another master key, or damaged.
        """
        try:
            opened = jwe.decrypt_compact(sealed, _sealing_key(master_key), algorithms=_SEALING)
            if opened.plaintext is None:
                raise SigningKeyUnreadable(kid)
            return cls._of(ECKey.import_key(json.loads(opened.plaintext)))
        except (JoseError, ValueError) as error:
            raise SigningKeyUnreadable(kid) from error

    def seal(self, master_key: bytes) -> str:
        """Encrypt the private part, as a JWE that only the master key opens."""
        private = json.dumps(self.key.as_dict(private=True)).encode()
        header = {"alg": "dir", "enc": "A256GCM"}
        return jwe.encrypt_compact(header, private, _sealing_key(master_key), algorithms=_SEALING)

    def public_jwk(self) -> dict[str, Any]:
        """Return the public part as the JWKS publishes it (RFC 7517 §4)."""
        return {
            **self.key.as_dict(private=False),
            "kid": self.kid,
            "use": "sig",
            "alg": ALGORITHM,
        }

    @classmethod
    def _of(cls, key: ECKey) -> "SigningKey":
        return cls(kid=key.thumbprint(), key=key)


def jwks(keys: tuple[SigningKey, ...]) -> dict[str, Any]:
    """Return the JWK set (RFC 7517 §5): public parts only."""
    return {"keys": [key.public_jwk() for key in keys]}


def _sealing_key(master_key: bytes) -> OctKey:
    return OctKey.import_key(derive(master_key, "seal/signing-key"))
