"""The promise of the files: whoever steals the database logs in nobody."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests import browser_logins as steps
from tests.builders import MASTER_KEY, a_begun_login, a_browser, a_client, chat_code_of

from tgauth.domain.approval import derive_stream
from tgauth.domain.code import CodeKind, derive_code, hash_of
from tgauth.domain.session import Visitor
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deliver_messages import LoginLink, due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.identify import identify_by_cookie
from tgauth.flows.keyring import Keys, rotate_keys
from tgauth.flows.limit_failures import note_failure
from tgauth.oidc.keys import SigningKey
from tgauth.store import signing_keys

pytestmark = pytest.mark.anyio

VISITOR = Visitor(device="Firefox, Linux", address="192.0.2.1")


async def secrets_of_a_busy_day(deployment: Deployment) -> list[str]:
    """Let everything happen that writes a row; return every secret that was in play."""
    keys = Keys(deployment)
    keyring = await keys.current()
    replaced = chat_code_of(deployment, await a_begun_login(deployment, update_id=1))
    [[due], _] = await due_messages(deployment, most=9)
    assert isinstance(due.content, LoginLink)
    await settle_messages(deployment, [due.outgoing.sent(message_id=5, now=deployment.now())])
    waiting = chat_code_of(deployment, await a_begun_login(deployment, update_id=2))
    login = await a_begun_login(deployment, update_id=3)
    used = chat_code_of(deployment, login)
    browser = a_browser(hash_of("browser secret"), visitor=VISITOR)
    outcome = await continue_in_browser(deployment, used, browser=browser, switch=False)
    grant = await exchange_code(deployment, keyring, outcome.callback_code or "", visitor=VISITOR)
    by_api = chat_code_of(deployment, await a_begun_login(deployment, update_id=4))
    other = await exchange_code(deployment, keyring, by_api, visitor=VISITOR)
    pending = await steps.begun(deployment, browser="secret of a browser that waits")
    await steps.opened(deployment, pending, update_id=5)
    done = await steps.finished(deployment, await steps.approved(deployment, update_id=6))
    await rotate_keys(deployment, at_once=False)
    await note_failure(deployment, "192.0.2.9")
    await identify_by_cookie(deployment, outcome.secret)
    return [
        replaced,
        waiting,
        used,
        by_api,
        derive_code(MASTER_KEY, CodeKind.OIDC, login.id),
        outcome.secret,
        str(outcome.callback_code),
        due.content.url,
        "browser secret",
        "secret of a browser that waits",
        "secret-1",
        steps.handle_of(deployment, pending),
        derive_stream(MASTER_KEY, pending.id),
        done.secret,
        str(done.callback_code),
        grant.access_token,
        other.access_token,
        "client secret",
        MASTER_KEY.decode("latin-1"),
        MASTER_KEY.hex(),
        *await private_parts(deployment),
    ]


async def private_parts(deployment: Deployment) -> list[str]:
    """Return the private part of every signing key."""
    async with deployment.store.reading() as connection:
        sealed = await signing_keys.all_of(connection)
    opened = [SigningKey.unseal(MASTER_KEY, key.kid, key.private_jwe) for key in sealed]
    assert len(opened) == 2
    return [str(key.key.as_dict(private=True)["d"]) for key in opened]


async def test_no_secret_is_in_the_files_in_plain(deployment: Deployment, database: Path) -> None:
    """Codes, cookie secrets, tokens and private keys: none of them can be read from the files."""
    client = a_client(secret_hash=hash_of("client secret"))
    deployment = replace(deployment, client=client)
    secrets = await secrets_of_a_busy_day(deployment)
    content = b"".join(path.read_bytes() for path in database.parent.iterdir())
    # What is no secret is there, so the files that were looked at are the right ones.
    for public in ("Firefox, Linux", "192.0.2.9", "login_closed", "replaced", "redeemed"):
        assert public.encode() in content
    assert [] == [secret for secret in secrets if secret.encode("latin-1") in content]
    # A client's secret is a setting: not even its hash is anybody's business here.
    assert hash_of("client secret").encode() not in content
