"""Promises of upgrades: a store of every released version opens, and nothing in it is lost."""

import json
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.browser_logins import MESSAGE, received
from tests.builders import NOW, Clock, a_browser, a_deployment
from tests.data.freeze import fill, rows_of

from tgauth.domain.approval import Denial, derive_numbers
from tgauth.domain.audit import AuditEvent
from tgauth.domain.code import CodeKind, derive_code
from tgauth.domain.errors import LoginReplaced, TgauthError
from tgauth.domain.login import Door, LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.approve_in_chat import Answer, answer_approval
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.finish_browser_login import finish_browser_login
from tgauth.flows.keyring import Keys
from tgauth.store import Store
from tgauth.store.master_key import load_master_key

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
FROZEN = sorted(HERE.glob("store-v*"))


@asynccontextmanager
async def opened(frozen: Path, folder: Path) -> AsyncIterator[Deployment]:
    """Open a copy of a frozen store with this version, at the moment at which it was frozen."""
    for name in ("tgauth.db", "tgauth.db.key"):
        shutil.copy(frozen / name, folder / name)
        (folder / name).chmod(stat.S_IRUSR | stat.S_IWUSR)
    async with Store.open(folder / "tgauth.db") as store:
        key = await load_master_key(store, folder / "tgauth.db.key", may_create=False)
        yield a_deployment(store, now=Clock(NOW), master_key=key)


def written_down(frozen: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that the store had when it was frozen."""
    found: dict[str, list[dict[str, Any]]] = json.loads((frozen / "rows.json").read_text("utf-8"))
    return found


#: Those of versions that knew logins that begin in a browser.
WITH_BROWSERS = [one for one in FROZEN if "approvals" in written_down(one)]


def test_a_store_is_frozen() -> None:
    """Without one the other promises here would be empty."""
    assert FROZEN
    assert WITH_BROWSERS


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
async def test_every_row_is_still_there(frozen: Path, tmp_path: Path) -> None:
    """Every table, row and column of then has the same content now."""
    async with opened(frozen, tmp_path):
        pass
    now = rows_of(tmp_path / "tgauth.db")
    for table, rows in written_down(frozen).items():
        kept = [{name: row[name] for name in rows[0]} for row in now[table]] if rows else []
        assert rows == kept


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
async def test_logins_go_on_where_they_were(frozen: Path, tmp_path: Path) -> None:
    """Each link does what it would have done then: one logs in, and the others say why not."""
    outcomes: dict[str, set[str]] = {}
    async with opened(frozen, tmp_path) as deployment:
        keyring = await Keys(deployment).current()
        for row in written_down(frozen)["logins"]:
            code = derive_code(deployment.master_key, CodeKind.CHAT, row["id"])
            try:
                await exchange_code(deployment, keyring, code, visitor=Visitor())
                outcome = "logged in"
            except TgauthError as error:
                outcome = error.code
            outcomes.setdefault(row["state"], set()).add(outcome)
    assert {"logged in"} <= outcomes[LoginState.APPROVED]
    assert LoginReplaced.code in outcomes[LoginState.REPLACED]
    assert "logged in" not in set().union(
        *(found for state, found in outcomes.items() if state != LoginState.APPROVED)
    )


@pytest.mark.parametrize("frozen", WITH_BROWSERS, ids=lambda path: path.name)
async def test_browsers_go_on_where_they_were(frozen: Path, tmp_path: Path) -> None:
    """What was approved is finished by its browser, and what waits can be approved still."""
    elsewhere = Visitor(device="Firefox, Linux", address="192.0.2.1")
    finished = dict.fromkeys(LoginState, 0)
    async with opened(frozen, tmp_path) as deployment:
        rows = [row for row in written_down(frozen)["logins"] if row["door"] == Door.BROWSER]
        approvals = {row["login_id"]: row for row in written_down(frozen)["approvals"]}
        for number, row in enumerate(rows):
            opener = approvals[row["id"]]["opened_by"]
            if row["state"] == LoginState.PENDING and opener is not None:
                right = derive_numbers(deployment.master_key, row["id"]).right
                asking = await received(deployment, 1000 + number, telegram_id=opener)
                answer = Answer(login_id=row["id"], number=right, message_id=MESSAGE)
                await answer_approval(deployment, asking, answer)
            try:
                await finish_browser_login(
                    deployment,
                    row["id"],
                    browser=a_browser(row["browser"], visitor=elsewhere),
                    switch=False,
                )
                finished[row["state"]] += 1
            except TgauthError:
                pass
    assert finished[LoginState.APPROVED] == 1
    assert finished[LoginState.PENDING] == 1
    assert finished[LoginState.DENIED] == 0


async def test_what_is_frozen_has_every_state(tmp_path: Path) -> None:
    """The next one to be frozen covers what this version can keep."""
    async with Store.open(tmp_path / "tgauth.db") as store:
        clock = Clock()
        await fill(a_deployment(store, now=clock), clock)
    rows = rows_of(tmp_path / "tgauth.db")
    assert set(LoginState) == {row["state"] for row in rows["logins"]}
    assert {None, *Denial} == {row["denial"] for row in rows["approvals"]}
    assert set(AuditEvent) == {row["event"] for row in rows["audit"]}
    assert set(Notice) == {row["notice"] for row in rows["outbox"]}
    assert {"waiting", "done", "parked"} == {row["state"] for row in rows["inbox"]}
    settled = {
        (row["sent_at"] is not None, row["given_up_at"] is not None) for row in rows["outbox"]
    }
    assert {(False, False), (True, False), (False, True)} == settled
    assert [] == [
        table for table in rows if not rows[table] and table not in {"probes", "master_key"}
    ]
