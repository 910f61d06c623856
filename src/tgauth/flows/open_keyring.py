"""Open the signing keys, and make the first one."""

import json

from tgauth.flows.deployment import Deployment, Keyring
from tgauth.oidc.keys import ALGORITHM, SigningKey
from tgauth.store import signing_keys
from tgauth.store.signing_keys import SealedKey


async def open_keyring(deployment: Deployment) -> Keyring:
    """Return the signing keys; several processes that start at once agree on one first key.

    Raises:
        SigningKeyUnreadable: A key does not open with this master key.
        StoreUnavailable: The store cannot be written.
    """
    async with deployment.store.writing() as connection:
        sealed = await signing_keys.all_of(connection)
        if not sealed:
            first = SigningKey.generate()
            await signing_keys.add(
                connection,
                SealedKey(
                    kid=first.kid,
                    algorithm=ALGORITHM,
                    public_jwk=json.dumps(first.public_jwk()),
                    private_jwe=first.seal(deployment.master_key),
                    created_at=deployment.now(),
                ),
            )
            return Keyring(keys=(first,))
    return Keyring(
        keys=tuple(
            SigningKey.unseal(deployment.master_key, key.kid, key.private_jwe) for key in sealed
        )
    )
