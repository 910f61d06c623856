"""The promise of the files: whoever steals the database logs in nobody."""

from pathlib import Path

import pytest
from tests.builders import MASTER_KEY, a_begun_login, chat_code_of
from tgauth.flows.open_keyring import open_keyring

from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deliver_messages import due_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code

pytestmark = pytest.mark.anyio


async def test_no_secret_is_in_the_files_in_plain(deployment: Deployment, database: Path) -> None:
    """Codes, cookie secrets, tokens and private keys: none of them can be read from the files."""
    keyring = await open_keyring(deployment)
    waiting = chat_code_of(deployment, await a_begun_login(deployment, update_id=1))
    await due_messages(deployment, most=9)
    used = chat_code_of(deployment, await a_begun_login(deployment, update_id=2))
    outcome = await continue_in_browser(deployment, used, browser="b", secret=None, switch=False)
    grant = await exchange_code(deployment, keyring, outcome.callback_code or "")
    private = keyring.newest.key.as_dict(private=True)
    secrets = [
        waiting,
        used,
        outcome.secret,
        str(outcome.callback_code),
        grant.access_token,
        str(private["d"]),
        MASTER_KEY.decode("latin-1"),
        MASTER_KEY.hex(),
    ]
    content = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert b"subject" in content
    assert keyring.newest.kid.encode() in content
    assert [] == [secret for secret in secrets if secret.encode("latin-1") in content]
