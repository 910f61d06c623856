"""Promises of the outbox's rows: in order for each chat, and a change holds up nobody."""

from dataclasses import replace

import pytest
from tests.builders import ALICE, BOB, LIFETIME, NOW, a_login, a_person, an_outgoing

from tgauth.domain.instants import CLOCK_TOLERANCE, HOUR, SECOND
from tgauth.domain.outgoing import EDIT_PATIENCE, Notice, Outgoing
from tgauth.store import Connection, Store, logins, outbox, persons

pytestmark = pytest.mark.anyio

LINK = an_outgoing(notice=Notice.LOGIN_LINK, login_id="login-1")
CLOSED = an_outgoing(notice=Notice.LOGIN_CLOSED, login_id="login-1", not_before=NOW + LIFETIME)


@pytest.fixture
async def _login(store: Store) -> None:
    """Keep two logins of Alice, which messages refer to."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        for login_id in ("login-1", "login-2"):
            await logins.save(connection, a_login(id=login_id))


async def owe_all(connection: Connection, *messages: Outgoing) -> None:
    """Promise messages, which are numbered from 1."""
    for message in messages:
        await outbox.add(connection, message)


async def due(connection: Connection, now: int = NOW, *, most: int = 99) -> list[int | None]:
    """Return the ids of what is due."""
    return [message.id for message in await outbox.due(connection, now=now, most=most)]


async def the_message(connection: Connection, number: int) -> Outgoing:
    """Return a message that is there."""
    message = await outbox.get(connection, number)
    assert message is not None
    return message


@pytest.mark.parametrize("notice", Notice)
async def test_a_message_of_each_notice_comes_back(store: Store, notice: Notice) -> None:
    """Every kind of message survives being stored, and so does what became of it."""
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing(notice=notice))
        kept = await outbox.get(connection, 1)
        assert an_outgoing(id=1, notice=notice) == kept
        assert kept is not None
        for outcome in (
            kept.postponed(now=NOW),
            kept.sent(message_id=9, now=NOW + 1),
            kept.given_up(reason="blocked", now=NOW + 2),
        ):
            await outbox.save(connection, outcome)
            assert outcome == await outbox.get(connection, 1)
        assert await outbox.get(connection, 2) is None


async def test_messages_of_one_chat_stay_in_order(store: Store) -> None:
    """Of each chat only the oldest owed message is due, and a postponed one holds the rest."""
    async with store.writing() as connection:
        for chat_id in (ALICE, ALICE, BOB):
            await outbox.add(connection, an_outgoing(chat_id=chat_id))
        due = await outbox.due(connection, now=NOW, most=10)
        assert [1, 3] == [message.id for message in due]
        await outbox.save(connection, due[0].postponed(now=NOW))
        assert [3] == [one.id for one in await outbox.due(connection, now=NOW, most=10)]
        later = await outbox.due(connection, now=NOW + SECOND, most=10)
        assert [1, 3] == [one.id for one in later]
        await outbox.save(connection, later[0].sent(message_id=1, now=NOW))
        assert [2, 3] == [one.id for one in await outbox.due(connection, now=NOW, most=10)]
        assert [2] == [one.id for one in await outbox.due(connection, now=NOW, most=1)]


@pytest.mark.parametrize(
    ("now", "due", "next_time"),
    [(NOW - 1, [], NOW), (NOW, [1], None), (NOW + 1, [1], None)],
)
async def test_a_message_is_due_from_its_very_instant(
    store: Store, now: int, due: list[int], next_time: int | None
) -> None:
    """Up to the millisecond before it waits, and somebody can ask for how long."""
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing())
        assert due == [one.id for one in await outbox.due(connection, now=now, most=9)]
        assert next_time == await outbox.next_time(connection, now=now)


@pytest.mark.usefixtures("_login")
async def test_every_part_of_a_promise_comes_back(store: Store) -> None:
    """Language, login, the message that it changes, and from when on it is due."""
    message = an_outgoing(
        notice=Notice.LOGIN_CLOSED,
        language="ru",
        login_id="login-1",
        edits=77,
        created_at=NOW + 1,
        attempts=2,
        not_before=NOW + 3,
    )
    async with store.writing() as connection:
        await outbox.add(connection, message)
        assert replace(message, id=1) == await outbox.get(connection, 1)


async def test_saving_keeps_what_was_said_instead(store: Store) -> None:
    """A link that expired while it waited is kept as the apology that was sent."""
    async with store.writing() as connection:
        await owe_all(connection, an_outgoing(notice=Notice.LOGIN_LINK))
        said = replace(await the_message(connection, 1), notice=Notice.TOO_LATE)
        await outbox.save(connection, said.sent(message_id=9, now=NOW))
        assert said.sent(message_id=9, now=NOW) == await outbox.get(connection, 1)


@pytest.mark.usefixtures("_login")
async def test_a_change_that_is_due_later_holds_up_nobody(store: Store) -> None:
    """Between a link and its expiry the same chat gets its other answers."""
    async with store.writing() as connection:
        await owe_all(connection, LINK, CLOSED, an_outgoing(), an_outgoing())
        assert [1] == await due(connection)
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=9, now=NOW)
        )
        assert [3] == await due(connection)
        await outbox.save(
            connection, (await the_message(connection, 3)).sent(message_id=10, now=NOW)
        )
        assert [4] == await due(connection)
        assert [4, 2] == await due(connection, NOW + LIFETIME)


@pytest.mark.usefixtures("_login")
async def test_a_change_that_is_due_and_delayed_holds_up_nobody(store: Store) -> None:
    """Not even while it is tried again."""
    async with store.writing() as connection:
        await owe_all(connection, replace(CLOSED, not_before=NOW), an_outgoing())
        assert [2, 1] == await due(connection)
        await outbox.save(connection, (await the_message(connection, 1)).postponed(now=NOW))
        assert [2] == await due(connection)


@pytest.mark.parametrize(
    ("waited", "first"), [(0, 2), (EDIT_PATIENCE - 1, 2), (EDIT_PATIENCE + 1, 1)]
)
@pytest.mark.usefixtures("_login")
async def test_who_asks_comes_before_a_change_that_can_wait(
    store: Store, waited: int, first: int
) -> None:
    """Until the change has waited for longer than its patience: then it has its turn."""
    asked_at = NOW + waited
    async with store.writing() as connection:
        await owe_all(
            connection,
            replace(CLOSED, not_before=NOW),
            an_outgoing(chat_id=BOB, created_at=asked_at, not_before=asked_at),
        )
        assert [first] == await due(connection, asked_at, most=1)
        assert {1, 2} == set(await due(connection, asked_at))


@pytest.mark.usefixtures("_login")
async def test_changes_in_one_chat_come_one_after_the_other(store: Store) -> None:
    """However many are due, they take one place each time, and none that is due later counts."""
    async with store.writing() as connection:
        await owe_all(
            connection,
            replace(CLOSED, not_before=NOW + 1),
            replace(CLOSED, not_before=NOW),
            an_outgoing(notice=Notice.SESSIONS, edits=7),
            an_outgoing(chat_id=BOB, notice=Notice.SESSIONS, edits=7),
        )
        assert [2, 4] == await due(connection)


async def test_a_change_of_a_list_holds_up_no_answer(store: Store) -> None:
    """But waits itself for the answers that were promised before it."""
    async with store.writing() as connection:
        await owe_all(
            connection, an_outgoing(), an_outgoing(notice=Notice.SESSIONS, edits=7), an_outgoing()
        )
        assert [1] == await due(connection)
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=9, now=NOW)
        )
        assert [3, 2] == await due(connection)


@pytest.mark.usefixtures("_login")
async def test_an_unsent_link_holds_up_what_changes_it(store: Store) -> None:
    """There is nothing to change before the message is there; then the change is due."""
    async with store.writing() as connection:
        await owe_all(connection, LINK, CLOSED)
        await outbox.save(
            connection,
            (await the_message(connection, 1)).postponed(now=NOW, wait=LIFETIME + SECOND),
        )
        assert [] == await due(connection, NOW + LIFETIME)
        assert [1] == await due(connection, NOW + LIFETIME + SECOND)
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=9, now=NOW)
        )
        assert [2] == await due(connection, NOW + LIFETIME)


@pytest.mark.usefixtures("_login")
async def test_one_chats_trouble_is_not_anothers(store: Store) -> None:
    """A message that waits holds up its own chat alone."""
    async with store.writing() as connection:
        await owe_all(connection, LINK, CLOSED, an_outgoing(chat_id=BOB), an_outgoing())
        await outbox.save(connection, (await the_message(connection, 1)).postponed(now=NOW))
        assert [3] == await due(connection)


@pytest.mark.parametrize(
    ("back", "expected"),
    [(0, []), (CLOCK_TOLERANCE, []), (CLOCK_TOLERANCE + 1, [1]), (HOUR, [1])],
)
@pytest.mark.usefixtures("_login")
async def test_what_was_promised_in_the_future_is_due(
    store: Store, back: int, expected: list[int]
) -> None:
    """After the clock was set back nobody waits until it has caught up."""
    async with store.writing() as connection:
        await owe_all(connection, CLOSED)
        assert expected == await due(connection, NOW - back)


@pytest.mark.usefixtures("_login")
async def test_the_next_time_is_that_of_what_is_still_owed(store: Store) -> None:
    """Of the settled ones nobody has to wake up, nor of those that are due already."""
    async with store.writing() as connection:
        await owe_all(
            connection,
            *(an_outgoing(not_before=NOW + number * SECOND) for number in range(4)),
        )
        assert NOW + SECOND == await outbox.next_time(connection, now=NOW)
        await outbox.save(
            connection, (await the_message(connection, 2)).sent(message_id=1, now=NOW)
        )
        assert NOW + 2 * SECOND == await outbox.next_time(connection, now=NOW)
        await outbox.save(
            connection, (await the_message(connection, 3)).given_up(reason="x", now=NOW)
        )
        assert NOW + 3 * SECOND == await outbox.next_time(connection, now=NOW)
        assert await outbox.next_time(connection, now=NOW + 3 * SECOND) is None


@pytest.mark.usefixtures("_login")
async def test_a_link_that_is_worth_nothing_is_changed_at_once(store: Store) -> None:
    """The change of its own login's message alone, and only while it waits."""
    async with store.writing() as connection:
        await owe_all(
            connection,
            CLOSED,
            replace(CLOSED, login_id="login-2"),
            an_outgoing(login_id="login-1", not_before=NOW + LIFETIME),
            replace(CLOSED, not_before=NOW - 1),
        )
        await outbox.hasten(connection, "login-1", now=NOW + SECOND)
        kept = [(await the_message(connection, number)).not_before for number in (1, 2, 3, 4)]
    assert [NOW + SECOND, NOW + LIFETIME, NOW + LIFETIME, NOW - 1] == kept


@pytest.mark.parametrize("settled", ["sent", "given up"])
@pytest.mark.usefixtures("_login")
async def test_what_was_settled_is_not_hastened(store: Store, settled: str) -> None:
    """What was said is not said again."""
    async with store.writing() as connection:
        await owe_all(connection, CLOSED)
        message = await the_message(connection, 1)
        outcome = (
            message.sent(message_id=9, now=NOW)
            if settled == "sent"
            else message.given_up(reason="x", now=NOW)
        )
        await outbox.save(connection, outcome)
        await outbox.hasten(connection, "login-1", now=NOW + SECOND)
        assert outcome == await outbox.get(connection, 1)
        assert [] == await due(connection, NOW + LIFETIME)


@pytest.mark.usefixtures("_login")
async def test_the_message_of_a_link_is_found_once_it_was_sent(store: Store) -> None:
    """By its login; an unsent one has no number yet, and another login's is not meant."""
    async with store.writing() as connection:
        await owe_all(connection, LINK, CLOSED)
        assert await outbox.link_message(connection, "login-1") is None
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=9, now=NOW)
        )
        assert 9 == await outbox.link_message(connection, "login-1")
        assert await outbox.link_message(connection, "login-2") is None


@pytest.mark.usefixtures("_login")
async def test_an_apology_is_no_message_of_a_link(store: Store) -> None:
    """Where the link came too late to be sent there is nothing to change."""
    async with store.writing() as connection:
        await owe_all(connection, LINK, CLOSED)
        said = replace(await the_message(connection, 1), notice=Notice.TOO_LATE)
        await outbox.save(connection, said.sent(message_id=9, now=NOW))
        assert await outbox.link_message(connection, "login-1") is None


@pytest.mark.usefixtures("_login")
async def test_a_change_is_no_message_of_a_link(store: Store) -> None:
    """Telegram's number of a changed message is not looked for among the changes."""
    async with store.writing() as connection:
        await owe_all(connection, CLOSED)
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=9, now=NOW)
        )
        assert await outbox.link_message(connection, "login-1") is None


async def test_a_chat_is_owed_what_was_promised_and_not_settled(store: Store) -> None:
    """The same notice to the same chat, as a message of its own."""
    async with store.writing() as connection:
        await owe_all(connection, an_outgoing(), an_outgoing(notice=Notice.SESSIONS, edits=7))
        for chat_id, notice, expected in (
            (ALICE, Notice.GREETING, True),
            (ALICE, Notice.HELP, False),
            (BOB, Notice.GREETING, False),
            (ALICE, Notice.SESSIONS, False),
        ):
            owed = await outbox.is_owed(connection, chat_id=chat_id, notice=notice)
            assert (chat_id, notice, expected) == (chat_id, notice, owed)
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=9, now=NOW)
        )
        assert not await outbox.is_owed(connection, chat_id=ALICE, notice=Notice.GREETING)


@pytest.mark.usefixtures("_login")
async def test_a_chat_is_owed_a_message_about_one_login(store: Store) -> None:
    """Another login's is another message."""
    question = an_outgoing(notice=Notice.APPROVAL, login_id="login-1")
    async with store.writing() as connection:
        await owe_all(connection, question)
        for login_id, expected in (("login-1", True), ("login-2", False), (None, True)):
            owed = await outbox.is_owed(
                connection, chat_id=ALICE, notice=Notice.APPROVAL, login_id=login_id
            )
            assert (login_id, expected) == (login_id, owed)


async def test_sweeping_spares_what_is_owed_and_what_is_new(store: Store) -> None:
    """Only what was settled and promised before the given instant goes, a batch at a time."""
    async with store.writing() as connection:
        await owe_all(connection, *(an_outgoing(created_at=NOW + n) for n in range(1, 7)))
        for number in (1, 3, 5, 6):
            message = await the_message(connection, number)
            await outbox.save(
                connection,
                message.sent(message_id=1, now=NOW)
                if number != 3
                else message.given_up(reason="x", now=NOW),
            )
        assert 2 == await outbox.sweep(connection, before=NOW + 6, most=2)
        assert await outbox.get(connection, 5) is not None
        swept = [await outbox.sweep(connection, before=NOW + 6, most=2) for _ in range(2)]
        rows = await connection.run("SELECT id FROM outbox ORDER BY id")
    assert [1, 0] == swept
    assert [2, 4, 6] == [row["id"] for row in rows]


async def test_forgetting_a_chat_deletes_all_that_it_was_ever_told(store: Store) -> None:
    """Sent, given up on and still owed; another chat's messages stay."""
    async with store.writing() as connection:
        await owe_all(
            connection, an_outgoing(), an_outgoing(), an_outgoing(), an_outgoing(chat_id=BOB)
        )
        await outbox.save(
            connection, (await the_message(connection, 1)).sent(message_id=1, now=NOW)
        )
        await outbox.save(
            connection, (await the_message(connection, 2)).given_up(reason="x", now=NOW)
        )
        hers = await outbox.of_chat(connection, ALICE)
        await outbox.forget(connection, ALICE)
        rows = await connection.run("SELECT id FROM outbox")
    assert [1, 2, 3] == [message.id for message in hers]
    assert [4] == [row["id"] for row in rows]
