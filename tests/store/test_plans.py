"""Promises of the indexes: what is asked often never reads a whole table, however large it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tgauth.store import (
    Store,
    approvals,
    audit,
    bans,
    blocked_networks,
    codes,
    failures,
    inbox,
    logins,
    outbox,
    persons,
    sessions,
)

pytestmark = pytest.mark.anyio

#: Every statement that runs while somebody waits, and the sweeps.
HOT = {
    "approvals.get": approvals.SELECT,
    "approvals.save": approvals.UPSERT,
    "approvals.by_handle": approvals.SELECT_BY_HANDLE,
    "approvals.followed": approvals.SELECT_FOLLOWED,
    "approvals.count_begun": approvals.COUNT_BEGUN,
    "approvals.count_failed": approvals.COUNT_FAILED,
    "approvals.open_of": approvals.SELECT_OPEN,
    "approvals.opened_by": approvals.SELECT_BY_PERSON,
    "approvals.forget_asked": approvals.FORGET_ASKED,
    "approvals.forget_opened": approvals.FORGET_OPENED,
    "approvals.block": approvals.BLOCK,
    "approvals.unblock": approvals.UNBLOCK,
    "approvals.blocked_until": approvals.SELECT_BLOCK,
    "approvals.sweep_blocks": approvals.SWEEP_BLOCKS,
    "blocked_networks.blocked_until": blocked_networks.SELECT,
    "blocked_networks.block": blocked_networks.UPSERT,
    "blocked_networks.sweep": blocked_networks.SWEEP,
    "audit.add": audit.INSERT,
    "audit.add_once": audit.INSERT_ONCE,
    "audit.count": audit.COUNT_AGAIN,
    "audit.has_refused_code": audit.SELECT_REFUSED_CODE,
    "audit.of_person": audit.SELECT_BY_PERSON,
    "audit.forget": audit.FORGET,
    "audit.sweep": audit.SWEEP,
    "bans.add": bans.INSERT,
    "bans.get": bans.SELECT,
    "codes.get": codes.SELECT,
    "codes.save": codes.UPSERT,
    "failures.get": failures.SELECT,
    "failures.save": failures.UPSERT,
    "failures.sweep": failures.SWEEP,
    "inbox.add": inbox.INSERT,
    "inbox.get": inbox.SELECT,
    "inbox.due": inbox.SELECT_DUE,
    "inbox.next_time": inbox.SELECT_NEXT_TIME,
    "inbox.finish": inbox.FINISH,
    "inbox.save": inbox.UPDATE,
    "inbox.sweep": inbox.SWEEP,
    "inbox.forget": inbox.FORGET,
    "inbox.parked_by": inbox.SELECT_PARKED_BY,
    "logins.get": logins.SELECT,
    "logins.save": logins.UPSERT,
    "logins.still_open": logins.SELECT_OPEN,
    "logins.count_since": logins.COUNT_SINCE,
    "logins.of_person": logins.SELECT_BY_SUBJECT,
    "logins.of_session": logins.SELECT_BY_SESSION,
    "logins.sweep": logins.SWEEP,
    "logins.sweep_unasked": logins.SWEEP_UNASKED,
    "outbox.get": outbox.SELECT,
    "outbox.due": outbox.SELECT_DUE,
    "outbox.is_owed": outbox.SELECT_OWED,
    "outbox.next_time": outbox.SELECT_NEXT_TIME,
    "outbox.lists_in": outbox.SELECT_LISTS,
    "outbox.link_message": outbox.SELECT_LINK_MESSAGE,
    "outbox.hasten": outbox.HASTEN,
    "outbox.save": outbox.UPDATE,
    "outbox.sweep": outbox.SWEEP,
    "persons.get": persons.SELECT,
    "persons.find": persons.SELECT_BY_TELEGRAM_ID,
    "persons.page": persons.SELECT_PAGE,
    "persons.save": persons.UPSERT,
    "persons.remove": persons.DELETE,
    "sessions.get": sessions.SELECT,
    "sessions.find": sessions.SELECT_BY_SECRET,
    "sessions.living": sessions.SELECT_LIVING,
    "sessions.of_person": sessions.SELECT_BY_SUBJECT,
    "sessions.end_all": sessions.END_ALL,
    "sessions.sweep": sessions.SWEEP,
}

#: These hold only what waits, so reading one of them from end to end reads little.
SMALL_INDEXES = {
    "inbox_waiting",
    "inbox_parked",
    "outbox_due",
    "outbox_promised",
    "outbox_owed_by_chat",
}
#: Indexes whose order a sweep follows from its old end, which it seldom leaves.
SWEPT_FROM = {
    "approvals.sweep_blocks": "approval_blocks_by_age",
    "blocked_networks.sweep": "blocked_networks_by_age",
    "audit.sweep": "audit_by_age",
    "failures.sweep": "failures_by_age",
    "inbox.sweep": "inbox_by_age",
    "logins.sweep": "logins_by_expiry",
    "logins.sweep_unasked": "logins_of_nobody",
    "outbox.sweep": "outbox_by_age",
    "sessions.sweep": "sessions_by_expiry",
}


class Anything(dict[str, int]):
    """A value for every parameter that a statement may have."""

    def __missing__(self, _: str) -> int:
        """Return the same for each."""
        return 0


def plan_of(database: Path, sql: str) -> list[str]:
    """Return the steps by which SQLite runs a statement, without statistics of the rows."""
    with closing(sqlite3.connect(database)) as raw:
        tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master")}
        assert "sqlite_stat1" not in tables
        return [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", Anything())]


def scans(plan: list[str]) -> list[str]:
    """Return the steps that read a whole table, or a whole index that grows with it."""
    return [
        step
        for step in plan
        if step.startswith("SCAN ")
        and not SMALL_INDEXES & set(step.split())
        and "CONSTANT ROW" not in step
        and "VIRTUAL TABLE" not in step  # a list that came as a parameter
    ]


@pytest.mark.parametrize("name", HOT)
async def test_no_hot_statement_reads_a_whole_table(
    store: Store, database: Path, name: str
) -> None:
    """Each finds its rows through an index, and SQLite makes none on the way."""
    await store.probe()
    plan = plan_of(database, HOT[name])
    assert [] == scans(plan)
    assert [] == [step for step in plan if "AUTOMATIC" in step]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("approvals.count_begun", "approvals_by_network"),
        ("approvals.count_failed", "approvals_by_person"),
        ("approvals.open_of", "approvals_by_person"),
        ("audit.count", "audit_by_person"),
        ("audit.forget", "audit_by_person"),
        ("audit.has_refused_code", "audit_refused_codes"),
        ("outbox.due", "outbox_due"),
        ("outbox.due", "outbox_promised"),
        ("outbox.due", "outbox_owed_by_chat"),
        ("outbox.is_owed", "outbox_owed_by_chat"),
        ("outbox.next_time", "outbox_due"),
        ("logins.still_open", "logins_by_subject"),
        ("logins.count_since", "logins_by_subject"),
        ("sessions.living", "sessions_by_subject"),
    ],
)
async def test_what_is_asked_most_has_an_index_of_its_own(
    store: Store, database: Path, name: str, index: str
) -> None:
    """It is searched there, and not read from end to end."""
    await store.probe()
    plan = plan_of(database, HOT[name])
    assert [] != [step for step in plan if step.startswith("SEARCH") and index in step.split()]


@pytest.mark.parametrize(("name", "index"), SWEPT_FROM.items())
async def test_a_sweep_begins_at_the_old_end(
    store: Store, database: Path, name: str, index: str
) -> None:
    """It finds what is old through the index of its age, and sorts nothing."""
    await store.probe()
    plan = plan_of(database, HOT[name])
    assert [] != [step for step in plan if step.startswith("SEARCH") and index in step.split()]
    assert [] == [step for step in plan if "TEMP B-TREE" in step]


async def test_a_statement_without_an_index_would_be_noticed(store: Store, database: Path) -> None:
    """The test itself can fail."""
    await store.probe()
    for sql in (
        "SELECT * FROM logins WHERE client_id = :client_id",
        "SELECT * FROM logins ORDER BY expires_at",
        "DELETE FROM outbox WHERE notice = :notice",
    ):
        assert 1 == len(scans(plan_of(database, sql)))
