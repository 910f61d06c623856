"""Promises of a renewed master key: accounts and bans stay, and nothing of the old key is good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio import to_thread
from tests import browser_logins as steps
from tests.builders import (
    ALICE,
    BOB,
    NOW,
    Clock,
    Ids,
    a_begun_login,
    a_browser,
    a_deployment,
    a_profile,
    chat_code_of,
)

from tgauth.domain.approval import Denial
from tgauth.domain.code import CodeKind, derive_code
from tgauth.domain.errors import CodeUnknown, LoginDenied, SessionEnded, TokenRefused
from tgauth.domain.login import LoginRequest, Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.approve_in_chat import Answered, open_approval
from tgauth.flows.ban_person import ban_person
from tgauth.flows.begin_browser_login import show_browser_login
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deliver_messages import LoginOutcome, due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import Grant, exchange_code
from tgauth.flows.identify import identify_by_cookie, identify_by_token
from tgauth.flows.keyring import Keys
from tgauth.flows.renew_master_key import Renewed, master_key_renewal
from tgauth.store import Store, audit, bans, persons
from tgauth.store.key_renewal import MasterKeyInPlace, Misfortune
from tgauth.store.master_key import MasterKeyUnusable, fingerprint_of, load_master_key
from tgauth.store.plain import identity_of, opened
from tgauth.store.presence import StoreInUse

pytestmark = pytest.mark.anyio

A_KEY = "a key that the operator made by hand, long enough"
NOBODY = Visitor()


class House:
    """An installation that is opened and left again, as by a tgauth that starts and stops."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.key = database.with_name("tgauth.db.key")
        self.clock, self.ids = Clock(), Ids()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Deployment]:
        """Open it, with the key that is there."""
        async with Store.open(self.database) as store:
            master_key = await load_master_key(store, self.key, may_create=True)
            yield a_deployment(store, now=self.clock, new_id=self.ids, master_key=master_key)

    async def renew(self, misfortune: Misfortune, *, may_make: bool = True) -> Renewed:
        """Renew its master key."""
        begun = master_key_renewal(self.database, self.key, misfortune, may_make=may_make)
        async with begun as renewal:
            return await renewal.carry_out(now=self.clock())

    async def fingerprint(self) -> str | None:
        """Return what the store remembers its key by."""
        async with opened(self.database) as connection:
            return (await identity_of(connection, self.database)).fingerprint

    def beside(self) -> set[str]:
        """Return the names of all key files."""
        return {file.name for file in self.database.parent.glob("tgauth.db.key*")}


@pytest.fixture
async def house(database: Path) -> House:
    """Return an installation that has run once."""
    house = House(database)
    async with house.opened() as deployment:
        await Keys(deployment).current()
    return house


async def log_in(deployment: Deployment, *, update_id: int = 1) -> tuple[Grant, str]:
    """Log Alice in; return what the application and what the browser got."""
    code = chat_code_of(deployment, await a_begun_login(deployment, update_id=update_id))
    done = await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    assert done.callback_code is not None
    ring = await Keys(deployment).current()
    grant = await exchange_code(deployment, ring, done.callback_code, visitor=NOBODY)
    return grant, done.secret


async def ask(deployment: Deployment) -> LoginRequest:
    """Let Bob ask for a link."""
    return await a_begun_login(deployment, update_id=2, profile=a_profile(BOB))


async def test_nothing_of_the_old_key_is_good(house: House) -> None:
    """Tokens, cookies, links, and what derives from the new key; how much it was is counted."""
    async with house.opened() as before:
        grant, cookie = await log_in(before)
        login = await ask(before)
        link = chat_code_of(before, login)
    house.key.unlink()
    renewed = await house.renew(Misfortune.LOST)
    assert (1, 1) == (renewed.sessions, renewed.logins)
    async with house.opened() as after:
        ring = await Keys(after).current()
        assert (renewed.key.kid, [renewed.key.kid]) == (
            ring.signer.kid,
            [key.kid for key in ring.keys],
        )
        with pytest.raises(TokenRefused):
            await identify_by_token(after, ring, grant.access_token)
        with pytest.raises(SessionEnded):
            await identify_by_cookie(after, cookie)
        with pytest.raises(LoginDenied):
            await exchange_code(after, ring, link, visitor=NOBODY)
        derived = derive_code(after.master_key, CodeKind.CHAT, login.id)
        with pytest.raises(CodeUnknown):
            await exchange_code(after, ring, derived, visitor=NOBODY)


async def test_the_audit_log_tells_of_it(house: House) -> None:
    """Why, and how many logins and sessions ended by it; what nobody had is not told."""
    async with house.opened() as before:
        await log_in(before)
        await ask(before)
    await house.renew(Misfortune.STOLEN)
    await house.renew(Misfortune.STOLEN)
    async with house.opened() as after, after.store.reading() as connection:
        entries = await audit.newest(connection, audit.Wanted(), most=4)
    assert [
        ("master_key.renewed", "operator", "stolen", 1),
        ("login.withdrawn", "operator", "master_key_renewed", 1),
        ("session.ended", "operator", "master_key_renewed", 1),
        ("master_key.renewed", "operator", "stolen", 1),
    ] == [(one.event.value, one.actor.value, one.reason, one.number) for one in entries]


async def test_accounts_and_bans_stay(house: House) -> None:
    """With the subjects by which applications know people."""
    async with house.opened() as before:
        grant, _ = await log_in(before)
        await ban_person(before, 77)
    house.key.unlink()
    await house.renew(Misfortune.LOST)
    async with house.opened() as after:
        async with after.store.reading() as connection:
            assert grant.person == await persons.find(connection, ALICE)
            assert NOW == await bans.get(connection, 77)
        again, _ = await log_in(after, update_id=9)
        assert grant.person.subject == again.person.subject


async def test_a_link_that_was_sent_is_closed_in_the_chat(house: House) -> None:
    """At the next start, without anybody doing anything."""
    async with house.opened() as before:
        await ask(before)
        [[due], _] = await due_messages(before, most=9)
        await settle_messages(before, [due.outgoing.sent(message_id=500, now=before.now())])
    house.key.unlink()
    await house.renew(Misfortune.LOST)
    async with house.opened() as after:
        [[due], _] = await due_messages(after, most=9)
        assert (Notice.LOGIN_CLOSED, 500) == (due.notice, due.target)
        assert LoginOutcome(standing=Standing.DENIED, session=None) == due.content


async def test_a_link_that_was_not_sent_becomes_an_apology(house: House) -> None:
    """A link of the new key would open nothing."""
    async with house.opened() as before:
        await ask(before)
    house.key.unlink()
    await house.renew(Misfortune.LOST)
    async with house.opened() as after:
        due, _ = await due_messages(after, most=9)
        said = [(one.notice, one.content) for one in due if not one.is_pointless]
        assert [(Notice.TOO_LATE, None)] == said


async def test_a_key_that_fits_is_not_lost(house: House) -> None:
    """Nothing is changed; it is said what to do when others have it."""
    before = house.key.read_text(), await house.fingerprint()
    with pytest.raises(MasterKeyInPlace, match=r"nothing is lost .*--master-key-stolen"):
        await house.renew(Misfortune.LOST)
    assert before == (house.key.read_text(), await house.fingerprint())


async def test_a_stolen_key_is_kept_beside_the_new_one(house: House) -> None:
    """Backups from before need it; a second theft overwrites nothing."""
    first = house.key.read_text()
    await house.renew(Misfortune.STOLEN)
    second = house.key.read_text()
    await house.renew(Misfortune.STOLEN)
    assert {"tgauth.db.key", "tgauth.db.key.old", "tgauth.db.key.old-2"} == house.beside()
    texts = [house.key.with_name(f"tgauth.db.key.{name}").read_text() for name in ("old", "old-2")]
    assert [first, second] == texts
    assert house.key.read_text() not in texts
    assert 0o600 == house.key.stat().st_mode & 0o777


async def test_another_stores_key_is_set_aside(house: House) -> None:
    """It is somebody's: never overwritten, and never shared."""
    house.key.write_text(A_KEY)
    await house.renew(Misfortune.LOST)
    assert A_KEY == house.key.with_name("tgauth.db.key.old").read_text()
    assert A_KEY != house.key.read_text()


async def test_a_file_of_the_operators_is_taken_as_it_is(house: House) -> None:
    """Where TGAUTH_SECRET_FILE names it, it is theirs to make, and asked for until it is there."""
    with pytest.raises(MasterKeyInPlace, match="so move it away"):
        await house.renew(Misfortune.STOLEN, may_make=False)
    house.key.unlink()
    with pytest.raises(MasterKeyUnusable, match=r"does not exist.*/dev/urandom"):
        await house.renew(Misfortune.LOST, may_make=False)
    house.key.write_text("short")
    with pytest.raises(MasterKeyUnusable, match="holds less than 32 bytes"):
        await house.renew(Misfortune.LOST, may_make=False)
    house.key.write_text(A_KEY)
    await house.renew(Misfortune.LOST, may_make=False)
    assert (A_KEY, {"tgauth.db.key"}) == (house.key.read_text(), house.beside())
    async with house.opened() as deployment:
        assert await house.fingerprint() == fingerprint_of(deployment.master_key)


async def test_a_renewal_that_was_killed_is_begun_again(house: House) -> None:
    """Between file and store: the store refuses the new file, and the command goes on."""
    house.key.unlink()
    begun = master_key_renewal(house.database, house.key, Misfortune.LOST, may_make=True)
    async with begun as renewal:
        await to_thread.run_sync(renewal.change.carry_out)
    with pytest.raises(MasterKeyUnusable, match="belongs to another store"):
        async with house.opened():
            pass
    await house.renew(Misfortune.LOST)
    async with house.opened() as deployment:
        await log_in(deployment)


async def test_a_store_in_use_is_left_alone(house: House) -> None:
    """Whoever serves would go on with the old key; and nobody opens it meanwhile."""
    async with house.opened():
        with pytest.raises(StoreInUse):
            await house.renew(Misfortune.STOLEN)
    assert {"tgauth.db.key"} == house.beside()


async def test_what_browsers_wait_for_is_withdrawn(house: House) -> None:
    """Their links and numbers derive from the old key: pages and chats say that it is over."""
    async with house.opened() as before:
        waiting = await steps.begun(before)
        asked_for = await steps.begun(before)
        await steps.opened(before, asked_for, update_id=1)
        good = await steps.approved(before, update_id=10)
        old_handle = steps.handle_of(before, waiting)
    house.key.unlink()
    assert 3 == (await house.renew(Misfortune.LOST)).logins
    async with house.opened() as after:
        for login in (waiting, asked_for, good):
            page = await show_browser_login(after, login.id, browser=steps.the_browser())
            assert (Standing.DENIED, Denial.WITHDRAWN) == (page.standing, page.denial)
        with pytest.raises(LoginDenied):
            await steps.finished(after, good)
        number = steps.right_number(after, asked_for)
        became = await steps.answered(after, asked_for, number)
        assert became is Answered.TOO_LATE
        asking = await steps.received(after, 20)
        assert Notice.APPROVAL_OVER == await open_approval(after, asking, old_handle)
        asking = await steps.received(after, 21)
        derived = steps.handle_of(after, waiting)
        assert Notice.APPROVAL_UNKNOWN == await open_approval(after, asking, derived)
        outcomes = [one.content for one in (await due_messages(after, most=20))[0]]
        assert Denial.WITHDRAWN in {one.denial for one in outcomes if isinstance(one, LoginOutcome)}
        await steps.finished(after, await steps.approved(after, update_id=30))
