"""What a person does on a page."""

import re
from typing import Any

import httpx

from tgauth.domain.links import CALLBACK_PATH


def fields_of(page: httpx.Response) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


async def open_link(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    """Open the bot's link, and follow it to its page."""
    redirect = await browser.get(CALLBACK_PATH, params={"code": code})
    assert (303, CALLBACK_PATH) == (redirect.status_code, redirect.headers["location"])
    return await browser.get(CALLBACK_PATH)


async def press(
    browser: httpx.AsyncClient,
    page: httpx.Response,
    *,
    path: str = CALLBACK_PATH,
    origin: str | None = "",
    **changed: Any,
) -> httpx.Response:
    """Press the button of a page; an origin of None sends none."""
    headers = {} if origin is None else {"Origin": origin or str(browser.base_url).rstrip("/")}
    return await browser.post(path, data=fields_of(page) | changed, headers=headers)


async def log_in(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    """Open the link and press the button."""
    return await press(browser, await open_link(browser, code))
