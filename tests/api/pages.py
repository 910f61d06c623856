"""What a person does on a page."""

import html
import re
from typing import Any

import httpx

from tgauth.domain.links import CALLBACK_PATH


def words_of(page: httpx.Response) -> str:
    """Return what a person reads on a page."""
    body = page.text.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", body)).split())


def fields_of(page: httpx.Response, form: str = "none") -> dict[str, str]:
    """Return the hidden fields of a page's form: the last one to an address, or the first one."""
    text = (
        page.text.rpartition(f'action="{form}"')[2].partition("</form>")[0] if form else page.text
    )
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text))


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
    return await browser.post(path, data=fields_of(page, path) | changed, headers=headers)


async def log_in(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    """Open the link and press the button."""
    return await press(browser, await open_link(browser, code))
