"""Makes the frozen store of this version: `python -m tests.data.freeze` before a release, once.

A store that was frozen is never made again: later versions must open it as it is, and
`test_frozen_stores.py` compares what they find with what was written down beside it.
"""

import asyncio
import json
import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests import browser_logins
from tests.builders import (
    ALICE,
    BOB,
    NOW,
    Clock,
    a_begun_login,
    a_client,
    a_code,
    a_deployment,
    a_key,
    a_login,
    a_person,
    a_profile,
    a_session,
    an_issuer,
    chat_code_of,
)

from tgauth.domain.audit import Actor, AuditEntry, AuditEvent
from tgauth.domain.instants import MINUTE
from tgauth.domain.login import LoginState
from tgauth.domain.outgoing import Notice, owe
from tgauth.domain.session import Visitor
from tgauth.flows.ban_person import ban_person
from tgauth.flows.block_approvals import block_approvals
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.chat_sessions import end_from_chat, log_out_everywhere
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.keyring import Keys, rotate_keys
from tgauth.flows.limit_failures import note_failure
from tgauth.flows.receive_update import fail_update, receive_update
from tgauth.store import Store, audit, bot_account, codes, logins, outbox, persons, sessions
from tgauth.store.master_key import load_master_key
from tgauth.store.migrations import shipped

HERE = Path(__file__).parent


async def fill(deployment: Deployment, clock: Clock) -> None:
    """Bring everything that is kept into every state that it can have."""
    keys = Keys(deployment)
    keyring = await keys.current()
    visitor = Visitor(device="Firefox, Linux", address="203.0.113.7")
    for number, person in enumerate((ALICE, BOB), start=1):
        login = await a_begun_login(deployment, update_id=number, profile=a_profile(person))
        browser = Browser(name=f"browser {number}", visitor=visitor)
        outcome = await continue_in_browser(
            deployment, chat_code_of(deployment, login), browser=browser, switch=False
        )
        if person == ALICE:
            await exchange_code(deployment, keyring, outcome.callback_code or "", visitor=visitor)
    direct = await a_begun_login(deployment, update_id=3)
    await exchange_code(deployment, keyring, chat_code_of(deployment, direct), visitor=visitor)
    await _every_state_by_hand(deployment)
    await a_begun_login(deployment, update_id=4)
    await a_begun_login(deployment, update_id=5)  # which replaces the one before
    await _messages_and_updates(deployment, clock)
    await _browser_logins(deployment)
    await ban_person(deployment, 4004)
    for address in ("198.51.100.1", "2001:db8::1", "2001:db8::2"):
        await note_failure(deployment, address)
    await rotate_keys(deployment, at_once=False)
    await _every_entry(deployment)


async def _every_entry(deployment: Deployment) -> None:
    async with deployment.store.writing() as connection:
        for event in AuditEvent:
            actor = list(Actor)[list(AuditEvent).index(event) % len(Actor)]
            entry = AuditEntry(at=NOW, event=event, actor=actor, reason="by hand", number=1)
            await audit.add(connection, entry)


async def _browser_logins(deployment: Deployment) -> None:
    dave, one = 5005, browser_logins
    async with deployment.store.writing() as connection:
        account = bot_account.BotAccount(telegram_id=123456, username="example_bot")
        await bot_account.save(connection, account)
    await one.begun(deployment, state="what the application sent")
    for number, answer in enumerate(("none", "decline", "wrong", "right"), start=30):
        login = await one.begun(deployment, browser=f"browser {number}")
        await one.opened(deployment, login, update_id=number, telegram_id=dave)
        picked = {
            "decline": None,
            "wrong": one.wrong_number(deployment, login),
        }.get(answer, one.right_number(deployment, login))
        if answer != "none":
            await one.answered(deployment, login, picked, update_id=number + 10, telegram_id=dave)
    left = await one.begun(deployment, browser="browser 34")
    await one.opened(deployment, left, update_id=60, telegram_id=6006)
    right = one.right_number(deployment, left)
    await one.answered(deployment, left, right, update_id=61, telegram_id=6006)
    await log_out_everywhere(deployment, await one.received(deployment, 62, telegram_id=6006))
    used = await one.begun(deployment)
    await one.opened(deployment, used, update_id=45, telegram_id=dave)
    right = one.right_number(deployment, used)
    await one.answered(deployment, used, right, update_id=46, telegram_id=dave)
    done = await one.finished(deployment, used)
    asking = await one.received(deployment, 50, telegram_id=dave)
    session = done.session.id
    await end_from_chat(deployment, asking, session, message_id=one.MESSAGE, in_list=False)
    asking = await one.received(deployment, 51, telegram_id=dave)
    await block_approvals(deployment, asking, blocked=True, message_id=one.MESSAGE)


async def _every_state_by_hand(deployment: Deployment) -> None:
    carol = a_person("subject-of-carol", profile=a_profile(3003, username=None, last_name=None))
    async with deployment.store.writing() as connection:
        await persons.save(connection, carol)
        for state in LoginState:
            session = a_session(
                f"session of {state}", subject=carol.subject, secret_hash=f"hash of {state}"
            )
            if state is LoginState.REDEEMED:
                await sessions.save(connection, session.end(now=NOW + MINUTE))
            login = a_login(state, id=f"login {state}", subject=carol.subject)
            session_id = session.id if state is LoginState.REDEEMED else None
            await logins.save(connection, replace(login, session_id=session_id))
            await codes.save(connection, a_code(hash=f"code of {state}", login_id=login.id))
        idle = a_session("idle", subject=carol.subject, secret_hash=None, idle_expires_at=NOW + 1)
        await sessions.save(connection, idle)


async def _messages_and_updates(deployment: Deployment, clock: Clock) -> None:
    async with deployment.store.writing() as connection:
        for notice in Notice:
            if notice not in {Notice.LOGIN_LINK, Notice.LOGIN_CLOSED, Notice.APPROVAL}:
                message = owe(notice, chat_id=BOB, language="ru", now=clock())
                await outbox.add(connection, message)
        for number in (1, 3, 5):
            found = await outbox.get(connection, number)
            assert found is not None
            settled = {
                1: found.sent(message_id=77, now=clock()),
                3: found.postponed(now=clock()),
                5: found.given_up(reason="blocked", now=clock()),
            }
            await outbox.save(connection, settled[number])
    waiting, poison = a_key(91), a_key(92)
    await receive_update(deployment, waiting, '{"update_id": 91}')
    await receive_update(deployment, poison, '{"update_id": 92}')
    for _ in range(3):
        await fail_update(deployment, poison, chat_id=BOB, language="en")


def rows_of(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, by column name."""
    raw = sqlite3.connect(database)
    raw.row_factory = sqlite3.Row
    tables = [
        name
        for (name,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    found = {
        table: [dict(row) for row in raw.execute(f"SELECT * FROM {table} ORDER BY rowid")]
        for table in sorted(tables)
    }
    raw.close()
    return found


async def freeze(folder: Path) -> Path:
    """Make a store in `folder`, and return where it is."""
    database = folder / "tgauth.db"
    clock = Clock()
    async with Store.open(database) as store:
        master_key = await load_master_key(store, folder / "tgauth.db.key", may_create=True)
        deployment = a_deployment(
            store, now=clock, master_key=master_key, issuer=an_issuer(), client=a_client()
        )
        await fill(deployment, clock)
    return database


def main() -> None:
    """Freeze this version's store; refuses to touch one that is frozen already."""
    version = shipped()[-1].number
    target = HERE / f"store-v{version}"
    if target.exists():
        raise SystemExit(f"{target} exists: a frozen store stays as it is")
    with tempfile.TemporaryDirectory() as temporary:
        database = asyncio.run(freeze(Path(temporary)))
        raw = sqlite3.connect(database)
        raw.execute("PRAGMA journal_mode = DELETE")  # one file, without a WAL beside it
        raw.close()
        target.mkdir()
        shutil.copy(database, target / "tgauth.db")
        shutil.copy(database.with_name("tgauth.db.key"), target / "tgauth.db.key")
    rows = json.dumps(rows_of(target / "tgauth.db"), indent=1, ensure_ascii=False)
    (target / "rows.json").write_text(rows + "\n", "utf-8")


if __name__ == "__main__":
    main()
