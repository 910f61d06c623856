"""What people make of a login: one story for each kind of client."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.faults.storm.people import Browser, Person

#: Seconds that a callback code lives, and a bit.
_DAWDLING: Final = 61.0


async def whole(person: Person) -> None:
    """Log in as everybody does: link, page, button, application."""
    while True:
        code = await person.ask_for_link()
        if await go_on(person, code, person.browser()):
            return


async def go_on(person: Person, code: str, browser: Browser, *, presses: int = 1) -> bool:
    """Go from the link to the application; say whether that ended in a login."""
    await person.open(code, browser)
    token = await person.look(code, browser)
    if token is None:
        return False
    pressed = await asyncio.gather(*(person.press(code, browser, token) for _ in range(presses)))
    callback = pressed[0]
    return callback is not None and await enter(person, callback)


async def enter(person: Person, code: str) -> bool:
    """Let the application exchange a code, and ask who that is."""
    token = await person.exchange(code)
    if token is not None:
        await person.is_known(token)
    return token is not None


async def double_click(person: Person) -> None:
    """Press the button twice at once; then somebody else opens the same link."""
    while True:
        code = await person.ask_for_link()
        is_in = await go_on(person, code, person.browser(), presses=2)
        other = person.browser()
        await person.open(code, other)
        await person.look(code, other)
        if is_in:
            return


async def direct(person: Person) -> None:
    """Give the code of the link to the application itself, and once more later."""
    while True:
        code = await person.ask_for_link()
        is_in = await enter(person, code)
        if person.chance.random() < 0.5:
            await person.exchange(code)
        if is_in:
            return


async def race(person: Person) -> None:
    """Exchange one code three times at once, while a browser looks at its page."""
    while True:
        code = await person.ask_for_link()
        browser = person.browser()
        await person.open(code, browser)
        outcomes = await asyncio.gather(
            *(enter(person, code) for _ in range(3)), person.look(code, browser)
        )
        if True in outcomes:
            return


async def impatience(person: Person) -> None:
    """Send /login twice before there is an answer, and use the newest link."""
    await person.send_login()
    await person.send_login()
    code = await person.next_code()
    while code is None or not await enter(person, code):
        # Replaced: the answer to the second one is on its way. Otherwise nothing is.
        is_coming = code is not None and person.refused_as == "replaced"
        code = await (person.next_code() if is_coming else person.ask_for_link())


async def second_thoughts(person: Person) -> None:
    """Send /login again after the answer, try the old link, and use the new one."""
    old = await person.ask_for_link()
    while True:
        new = await person.ask_for_link()
        await person.exchange(old)
        if await go_on(person, new, person.browser()):
            return
        old = new


async def leaving(person: Person) -> None:
    """Give up at any stage."""
    stage = person.chance.randrange(4)
    await person.send_login()
    if stage == 0:
        return
    code = await person.next_code()
    if stage == 1 or code is None:
        return
    browser = person.browser()
    await person.open(code, browser)
    token = await person.look(code, browser)
    if stage == 2 or token is None:
        return
    await person.press(code, browser, token)


async def returning(person: Person) -> None:
    """Leave the page open until it is calm, or for half of the link's life, and go on."""
    while True:
        code = await person.ask_for_link()
        browser = person.browser()
        await person.open(code, browser)
        await person.look(code, browser)
        await calm_or(person, person.scene.code_lifetime / 2)
        if await go_on(person, code, browser):
            return


async def too_late(person: Person) -> None:
    """Come back when the link is over, and then be as quick as the others."""
    code = await person.ask_for_link()
    if not await calm_or(person, person.scene.code_lifetime + 2):
        await person.exchange(code)
    await whole(person)


async def dawdling(person: Person) -> None:
    """Press in time, while the application exchanges its code too late."""
    code = await person.ask_for_link()
    browser = person.browser()
    await person.open(code, browser)
    token = await person.look(code, browser)
    callback = await person.press(code, browser, token) if token else None
    if not await calm_or(person, _DAWDLING) and callback is not None:
        await person.exchange(callback)
    await whole(person)


async def calm_or(person: Person, seconds: float) -> bool:
    """Wait so long, or until it is calm; say whether it is."""
    try:
        await asyncio.wait_for(person.scene.calm.wait(), seconds)
    except TimeoutError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A kind of client.

    Attributes:
        tell: What it does.
        weight: How many of a hundred do that.
        insists: Whether it goes on until it is logged in.
    """

    tell: Callable[[Person], Awaitable[None]]
    weight: int
    insists: bool = True


STORIES: Final = {
    "whole": Story(tell=whole, weight=35),
    "direct": Story(tell=direct, weight=18),
    "double click": Story(tell=double_click, weight=10),
    "race": Story(tell=race, weight=8),
    "impatience": Story(tell=impatience, weight=8),
    "second thoughts": Story(tell=second_thoughts, weight=5),
    "leaving": Story(tell=leaving, weight=6, insists=False),
    "returning": Story(tell=returning, weight=5),
    "too late": Story(tell=too_late, weight=3),
    "dawdling": Story(tell=dawdling, weight=2),
}
